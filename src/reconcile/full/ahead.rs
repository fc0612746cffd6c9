//! The next page of a table is read while this one is compared and written.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::error::Result;
use crate::mapping::{Mapping, Slot};
use crate::reconcile::retry::Patience;
use crate::reconcile::stores::SourceStore;
use crate::sqlserver::pages::{Depth, KeyRange, Keys, Page, PageLimit};

/// Pages that wait between reader and comparison.
const PAGES_AHEAD: usize = 1;

/// Reads a table on a connection of its own.
pub(super) struct Reader<S> {
    pub source: S,
    pub mapping: Arc<Mapping>,
    pub slot: Slot,
    pub depth: Depth,
    pub limit: PageLimit,
    pub retry_max: Duration,
}

impl<S: SourceStore> Reader<S> {
    /// Pages in key order, from the key `first` to the last there can be. After an error no page
    /// follows.
    pub fn start(self, first: i64) -> mpsc::Receiver<Result<Page>> {
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(self.read_all(first, sender));
        receiver
    }

    async fn read_all(mut self, first: i64, sender: mpsc::Sender<Result<Page>>) {
        let (mut rest, most) = (Some(KeyRange { first, last: i64::MAX }), self.limit.rows);
        while let Some(KeyRange { first, .. }) = rest {
            let page = self.read_patiently(first).await;
            rest = match &page {
                Ok(page @ Page { keys: Keys::Range(range), .. }) => {
                    self.limit = self.limit.after(page, most);
                    range.rest()
                }
                _ => None,
            };
            if sender.send(page).await.is_err() {
                return;
            }
        }
    }

    async fn read_patiently(&mut self, first: i64) -> Result<Page> {
        let mut patience = Patience::new(self.retry_max);
        loop {
            let page = self.source.page(&self.mapping, self.slot, self.depth, first, self.limit);
            match page.await {
                Ok(page) => return Ok(page),
                Err(error) => patience.wait(error).await?,
            }
        }
    }
}
