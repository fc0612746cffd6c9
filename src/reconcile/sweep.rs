//! What is provsync's in the graph and neither a row's nor needed: things whose key is none that a row can
//! have, and placeholders that no link needs.

use super::breaker::{Approved, AtMost, Deleting, Target};
use super::carrier::Carrier;
use super::stores::{GraphStore, SourceStore};
use crate::error::{Error, Kind, Result};
use crate::mapping::Slot;
use crate::neo4j::actual::Which;

/// How many are held at a time.
const HELD_MAX: usize = 50_000;
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
        let is_followed = |slot: &Slot| {
            let name = self.engine.mapping.entry(*slot);
            !self.engine.state.frozen.contains_key(&name)
        };
        let slots = self.engine.mapping.slots().into_iter().filter(is_followed);
        let (nodes, relationships): (Vec<Slot>, Vec<Slot>) =
            slots.partition(|s| matches!(s, Slot::Node(_)));
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
        let target = Target::Placeholders(slot);
        let engine = &mut self.engine;
        engine.settle().await?;
        if engine.fence.is_none() {
            return Ok(false);
        }
        let shape = engine.shape(slot);
        let orphans = engine.graph.orphan_count(&shape).await?;
        if orphans == 0 {
            return Ok(false);
        }
        // All of them or none.
        engine.check_deletes(&[(target, orphans)]).await?;
        let most = AtMost(orphans.min(engine.limits.batch_rows.max(1) as u64));
        let most = engine.approve(target, most).await?;
        let fence = engine.context(slot, LOOKS_AT_THE_GRAPH_ALONE, false).await?.fence;
        let graph = engine.graph.clone();
        let swept = graph.sweep(&shape, &most, &fence, LOOKS_AT_THE_GRAPH_ALONE);
        let swept = engine.send(swept).await;
        self.spend(target, most.deletes(), swept.as_ref().map(|(removed, _)| *removed));
        let (removed, counters) = swept?;
        self.engine.run.has_written = true;
        self.engine.run.summary.placeholders_removed += removed;
        self.engine.run.summary.written.add(&counters);
        Ok(removed > 0)
    }

    /// Counts what was deleted, or may have been.
    fn spend(&mut self, target: Target, sent: u64, removed: Result<u64, &Error>) {
        let deletes = match removed {
            Ok(removed) => removed,
            Err(error) if error.kind == Kind::UnknownOutcome => sent,
            Err(_) => 0,
        };
        self.engine.run.budget.spend(target, deletes);
    }

    /// Returns whether there may be more.
    async fn remove_some_strays(&mut self, slot: Slot) -> Result<bool> {
        let target = Target::Rows(slot);
        let shape = self.engine.shape(slot);
        let strays = self.engine.graph.strays(&shape, HELD_MAX).await?;
        if strays.is_empty() {
            return Ok(false);
        }
        self.engine.check_deletes(&[(target, strays.len() as u64)]).await?;
        if self.engine.fence.is_none() {
            self.engine.run.summary.tally(slot).deleted += strays.len() as u64;
            return Ok(false);
        }
        let mut removed = 0;
        for some in strays.chunks(self.engine.limits.batch_rows.max(1)) {
            let ids = some.iter().map(|stray| stray.id.clone()).collect();
            let ids = self.engine.approve(target, ids).await?;
            removed += self.remove_strays(slot, &ids).await?;
        }
        tracing::warn!(table = shape.table, removed, "things with a key of no row were removed");
        self.engine.run.summary.tally(slot).deleted += removed;
        Ok(removed > 0)
    }

    /// R1: edges on nodes that leave are carried before, to where their rows say.
    async fn remove_strays(&mut self, slot: Slot, ids: &Approved<Vec<String>>) -> Result<u64> {
        for edges in self.engine.edges_of(slot) {
            let (nodes, shape) = (self.engine.shape(slot), self.engine.shape(edges));
            let found = self.engine.graph.edges_on(&nodes, &shape, Which::Ids(ids)).await?;
            self.carry_keys(edges, found.into_iter().map(|(key, _)| key).collect()).await?;
        }
        self.engine.settle().await?;
        self.engine.run.has_written = true;
        let context = self.engine.context(slot, LOOKS_AT_THE_GRAPH_ALONE, false).await?;
        let graph = self.engine.graph.clone();
        let removed = self.engine.send(graph.remove_strays(&context, ids)).await;
        self.spend(Target::Rows(slot), ids.deletes(), removed.as_ref().copied());
        removed
    }
}
