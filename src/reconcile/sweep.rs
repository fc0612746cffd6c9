//! What is provsync's in the graph and neither a row's nor needed: things whose key is none that a row can
//! have, and placeholders that no link needs.

use super::breaker::{self, Deletes};
use super::carrier::Carrier;
use super::stores::{GraphStore, SourceStore};
use crate::error::Result;
use crate::mapping::Slot;
use crate::neo4j::actual::Which;
use crate::neo4j::strays::Stray;

/// How many are held at a time.
const HELD_MAX: usize = 500_000;
/// Read at whatever version of the source (R4).
const LOOKS_AT_THE_GRAPH_ALONE: i64 = i64::MAX;

/// What is left over.
#[derive(Clone, Copy)]
enum Leftover {
    /// A thing whose key is no row's.
    Stray,
    /// A placeholder that no link needs.
    Placeholder,
}

impl<S: SourceStore, G: GraphStore> Carrier<S, G> {
    /// Takes away what no row and no link needs, once all rows that were to be carried are: a node that
    /// has a row's identity was given to it then, and is none of these any more.
    pub async fn sweep(&mut self) -> Result<()> {
        let (nodes, relationships): (Vec<Slot>, Vec<Slot>) =
            self.engine.mapping.slots().into_iter().partition(|s| matches!(s, Slot::Node(_)));
        // Relationships before the nodes that they stand on (R8).
        for slot in relationships.into_iter().chain(nodes.iter().copied()) {
            self.remove(Leftover::Stray, slot).await?;
        }
        for slot in nodes {
            self.remove(Leftover::Placeholder, slot).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, what: Leftover, slot: Slot) -> Result<()> {
        let mut patience = self.engine.patience();
        loop {
            let more = match what {
                Leftover::Stray => self.remove_some_strays(slot).await,
                Leftover::Placeholder => self.remove_some_placeholders(slot).await,
            };
            match more {
                Ok(true) => patience.reset(),
                Ok(false) => return Ok(()),
                Err(error) => self.engine.wait(&mut patience, error).await?,
            }
        }
    }

    /// Returns whether there may be more; a dry run leaves them.
    async fn remove_some_placeholders(&mut self, slot: Slot) -> Result<bool> {
        let engine = &mut self.engine;
        engine.settle().await?;
        let Some(fence) = engine.fence.clone() else { return Ok(false) };
        let (shape, limit) = (engine.shape(slot), engine.limits.batch_rows);
        let swept = engine.graph.sweep(&shape, limit, &fence, LOOKS_AT_THE_GRAPH_ALONE).await?;
        let Some((removed, counters)) = swept else { return Ok(false) };
        engine.run.has_written = true;
        engine.run.summary.placeholders_removed += removed;
        engine.run.summary.written.add(&counters);
        Ok(true)
    }

    /// Returns whether there may be more.
    async fn remove_some_strays(&mut self, slot: Slot) -> Result<bool> {
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
            removed += self.remove_strays(slot, some).await?;
        }
        tracing::warn!(table = shape.table, removed, "things with a key of no row were removed");
        self.engine.run.summary.tally(slot).deleted += removed;
        self.engine.run.deletes.insert(slot, more);
        Ok(removed > 0)
    }

    /// R1: edges on nodes that leave are carried before, to where their rows say.
    async fn remove_strays(&mut self, slot: Slot, strays: &[Stray]) -> Result<u64> {
        let ids: Vec<String> = strays.iter().map(|stray| stray.id.clone()).collect();
        for edges in self.engine.edges_of(slot) {
            let (nodes, shape) = (self.engine.shape(slot), self.engine.shape(edges));
            let found = self.engine.graph.edges_on(&nodes, &shape, Which::Ids(&ids)).await?;
            self.carry_keys(edges, found.into_iter().map(|(key, _)| key).collect()).await?;
        }
        self.engine.settle().await?;
        self.engine.run.has_written = true;
        let context = self.engine.context(slot, LOOKS_AT_THE_GRAPH_ALONE, false).await?;
        self.engine.graph.remove_strays(&context, &ids).await
    }
}
