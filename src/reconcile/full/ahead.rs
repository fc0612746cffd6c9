//! The next page of a table is read while this one is compared and written.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::Config;
use crate::error::Result;
use crate::reconcile::retry::Patience;
use crate::sqlserver::Source;
use crate::sqlserver::pages::{self, Depth, KeyRange, Keys, Page, PageLimit};
use crate::sqlserver::statements::TableStatements;

/// Pages that wait between reader and comparison.
const PAGES_AHEAD: usize = 1;

/// Pages of up to `rows` rows in key order, from the key `first` to the last there can be, on a
/// connection of their own. After an error no page follows.
pub(super) fn read(
    config: &Config,
    statements: TableStatements,
    depth: Depth,
    first: i64,
    rows: usize,
) -> mpsc::Receiver<Result<Page>> {
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    let limit = PageLimit { rows, bytes: config.full.batch_bytes_max };
    let retry_max = config.full.retry_max;
    let source = Source::new(config.source.clone());
    let reader = Reader { source, statements, depth, limit, retry_max };
    tokio::spawn(reader.read_all(first, sender));
    receiver
}

struct Reader {
    source: Source,
    statements: TableStatements,
    depth: Depth,
    limit: PageLimit,
    retry_max: Duration,
}

impl Reader {
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
            let (source, statements) = (&mut self.source, &self.statements);
            match pages::read_page(source, statements, self.depth, first, self.limit).await {
                Ok(page) => return Ok(page),
                Err(error) => patience.wait(error).await?,
            }
        }
    }
}
