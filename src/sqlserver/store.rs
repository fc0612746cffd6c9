//! [`Source`] as the store that reconciling reads from.

use super::epoch::{self, Epoch, Versions};
use super::pages::{self, Depth, Page, PageLimit};
use super::window::{self, WindowRead, WindowRequest};
use super::{Source, lease, statements};
use crate::error::Result;
use crate::mapping::{Mapping, Slot};
use crate::reconcile::stores::SourceStore;

/// Every call is boxed, as those of the graph are.
impl SourceStore for Source {
    fn another(&self) -> Self {
        Self::new(self.config.clone())
    }

    async fn epoch(&mut self, mapping: &Mapping) -> Result<Epoch> {
        Box::pin(epoch::read_epoch(self, mapping)).await
    }

    async fn versions(&mut self, mapping: &Mapping) -> Result<Versions> {
        Box::pin(epoch::read_versions(self, mapping)).await
    }

    async fn current(&mut self) -> Result<i64> {
        Box::pin(epoch::read_current(self)).await
    }

    async fn page(
        &mut self,
        mapping: &Mapping,
        slot: Slot,
        depth: Depth,
        first: i64,
        limit: PageLimit,
    ) -> Result<Page> {
        let statements = statements::table(mapping, slot);
        Box::pin(pages::read_page(self, &statements, depth, first, limit)).await
    }

    async fn rows_of(
        &mut self,
        mapping: &Mapping,
        slot: Slot,
        keys: Vec<i64>,
        bytes_max: usize,
    ) -> Result<Page> {
        let statements = statements::table(mapping, slot);
        Box::pin(pages::read_keys(self, &statements, keys, bytes_max)).await
    }

    async fn window(&mut self, mapping: &Mapping, request: &WindowRequest) -> Result<WindowRead> {
        Box::pin(window::read(self, mapping, request)).await
    }

    async fn take_lease(&mut self, name: &str) -> Result<bool> {
        Box::pin(lease::take(self, name)).await
    }

    async fn holds_lease(&mut self, name: &str) -> Result<bool> {
        Ok(self.is_connected() && Box::pin(lease::is_held(self, name)).await?)
    }

    fn release_lease(&mut self) {
        self.discard();
    }

    async fn count(&mut self, mapping: &Mapping, slot: Slot) -> Result<u64> {
        Box::pin(pages::count(self, &statements::table(mapping, slot))).await
    }
}
