//! Rows that somebody names, carried once more with what they turn out to need.

use std::collections::BTreeMap;

use super::carrier::Carrier;
use super::full::Between;
use super::stores::{GraphStore, SourceStore};
use crate::error::Result;
use crate::mapping::Slot;
use crate::sqlserver::pages::Depth;

/// What is to be made right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Row keys by table, in order; rows that are gone are named as well.
    pub keys: BTreeMap<Slot, Vec<i64>>,
    /// Whether what no row and no link needs is to go: placeholders, and things with a wrong key.
    pub leftovers: bool,
}

impl<S: SourceStore, G: GraphStore> Carrier<S, G> {
    /// Makes the graph right for these rows as they are now, nodes first (R8), within the circuit
    /// breaker.
    pub async fn mend<B: Between<S, G>>(&mut self, named: &Named, between: &mut B) -> Result<()> {
        for slot in self.engine.mapping.slots() {
            let Some(keys) = named.keys.get(&slot).filter(|keys| !keys.is_empty()) else {
                continue;
            };
            let rows = self.engine.limits.batch_rows;
            let mut pages = self.reader(slot, Depth::Rows, rows).start_keys(keys.clone().into());
            while let Some(page) = pages.recv().await {
                between.tick(&mut self.engine).await?;
                let read = self.carry_page(slot, page?).await?;
                self.engine.run.summary.tally(slot).read += read;
            }
        }
        self.engine.refresh_waiting().await?;
        self.carry_due().await?;
        if named.leftovers {
            self.sweep().await?;
        }
        Ok(())
    }
}
