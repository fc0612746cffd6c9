//! The next page of a table is read while this one is compared and written.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::error::Result;
use crate::mapping::{Mapping, Slot};
use crate::reconcile::retry::Patience;
use crate::reconcile::stores::SourceStore;
use crate::sqlserver::pages::{Depth, KeyList, KeyRange, Keys, Page, PageLimit};

/// Pages that wait between reader and comparison.
const PAGES_AHEAD: usize = 1;

/// Reads a table on a connection of its own.
pub struct Reader<S> {
    /// The connection.
    pub source: S,
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// The table.
    pub slot: Slot,
    /// How much of each row; pages by key are whole rows.
    pub depth: Depth,
    /// How large a page may get.
    pub limit: PageLimit,
    /// How long a page is tried again.
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

    /// Pages of these keys. After an error no page follows.
    pub fn start_keys(self, keys: KeyList) -> mpsc::Receiver<Result<Page>> {
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(self.read_keys(keys, sender));
        receiver
    }

    async fn read_keys(mut self, keys: KeyList, sender: mpsc::Sender<Result<Page>>) {
        let mut first = 0;
        while first < keys.len() {
            let some = &keys[first..keys.len().min(first + self.limit.rows)];
            let page = self.read_some(some).await;
            first = match &page {
                // A page says how far it came; it holds one key at least.
                Ok(Page { keys: Keys::List(done), .. }) => first + done.len().max(1),
                _ => keys.len(),
            };
            if sender.send(page).await.is_err() {
                return;
            }
        }
    }

    async fn read_some(&mut self, keys: &[i64]) -> Result<Page> {
        let mut patience = Patience::new(self.retry_max);
        loop {
            let rows =
                self.source.rows_of(&self.mapping, self.slot, keys.to_vec(), self.limit.bytes);
            match rows.await {
                Ok(page) => return Ok(page),
                Err(error) => patience.wait(error).await?,
            }
        }
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
