//! What is provsync's in the graph and no row's, since its key is none that a row can have.

use super::breaker::{self, Deletes};
use super::carrier::Carrier;
use super::stores::{GraphStore, SourceStore};
use crate::error::Result;
use crate::mapping::Slot;
use crate::neo4j::actual::Which;
use crate::neo4j::strays::Stray;

/// How many are held at a time.
const HELD_MAX: usize = 500_000;

impl<S: SourceStore, G: GraphStore> Carrier<S, G> {
    /// Takes away what no row and no link needs, once all rows that were to be carried are: a node that
    /// has a row's identity was given to it then, and is none of these any more.
    pub async fn sweep(&mut self) -> Result<()> {
        let (nodes, relationships): (Vec<Slot>, Vec<Slot>) =
            self.engine.mapping.slots().into_iter().partition(|s| matches!(s, Slot::Node(_)));
        // Relationships before the nodes that they stand on (R8).
        for slot in relationships.into_iter().chain(nodes) {
            self.remove_strays(slot).await?;
        }
        self.engine.sweep().await
    }

    async fn remove_strays(&mut self, slot: Slot) -> Result<()> {
        let mut patience = self.engine.patience();
        loop {
            match self.remove_some(slot).await {
                Ok(true) => patience.reset(),
                Ok(false) => return Ok(()),
                Err(error) => self.engine.wait(&mut patience, error).await?,
            }
        }
    }

    /// Returns whether there may be more.
    async fn remove_some(&mut self, slot: Slot) -> Result<bool> {
        let shape = self.engine.shape(slot);
        let strays = self.engine.graph.strays(&shape, HELD_MAX).await?;
        if strays.is_empty() {
            return Ok(false);
        }
        let so_far = match self.engine.run.deletes.get(&slot) {
            Some(deletes) => deletes.clone(),
            None => self.engine.untouched(&shape).await?,
        };
        let deletes = so_far.deletes + strays.len() as u64;
        let more = Deletes { deletes, ..so_far };
        breaker::check(std::slice::from_ref(&more), self.engine.limits.allow_deletes)?;
        if self.engine.fence.is_none() {
            self.engine.run.summary.tally(slot).deleted += strays.len() as u64;
            return Ok(false);
        }
        let mut removed = 0;
        for some in strays.chunks(self.engine.limits.batch_rows.max(1)) {
            removed += self.remove(slot, some).await?;
        }
        tracing::warn!(table = shape.table, removed, "things with a key of no row were removed");
        self.engine.run.summary.tally(slot).deleted += removed;
        self.engine.run.deletes.insert(slot, more);
        Ok(removed > 0)
    }

    /// R1: edges on nodes that leave are carried before, to where their rows say.
    async fn remove(&mut self, slot: Slot, strays: &[Stray]) -> Result<u64> {
        let ids: Vec<String> = strays.iter().map(|stray| stray.id.clone()).collect();
        for edges in self.engine.edges_of(slot) {
            let (nodes, shape) = (self.engine.shape(slot), self.engine.shape(edges));
            let found = self.engine.graph.edges_on(&nodes, &shape, Which::Ids(&ids)).await?;
            self.carry_keys(edges, found.into_iter().map(|(key, _)| key).collect()).await?;
        }
        self.engine.settle().await?;
        self.engine.run.has_written = true;
        // It looks at the graph alone, whatever the source's version.
        let context = self.engine.context(slot, i64::MAX, false)?;
        self.engine.graph.remove_strays(&context, &ids).await
    }
}
