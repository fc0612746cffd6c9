//! The key-only pass: keys and identities of both sides, for what has to leave. It comes before all
//! else, so that the circuit breaker knows the whole plan before anything is written, and so that every
//! identity that is free at the source is free in the graph when nodes enter (R6).
//!
//! What it holds is bounded whatever the graph holds: the graph's keys are read in stretches, and where
//! more has to go than is held, the pass only counts and a second one removes as it reads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Between, Full};
use crate::error::Result;
use crate::mapping::{Shape, Slot};
use crate::model::value::IdentityValue;
use crate::neo4j::checkpoint::{Progress, State};
use crate::reconcile::breaker::Target;
use crate::reconcile::desired::Wanted;
use crate::reconcile::diff::Item;
use crate::reconcile::engine;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::pages::{Depth, KeyRange, Keys, Page};

/// Pages of items that are held for all tables together.
const PAGES_HELD: usize = 5;
/// Pages of keys that one read of the graph brings: with the shipped limits more than a light page has rows, so that
/// a page whose keys are all there is read in one go.
const PAGES_READ: usize = 2;

/// What one table's pass found.
struct Found {
    slot: Slot,
    deletes: u64,
    /// All of them, if they could be held.
    items: Option<Vec<Item>>,
    read_at: i64,
}

/// What the source has of some keys.
enum Expected {
    /// Name and identity of each row that can be a node.
    Nodes(HashMap<i64, (Arc<str>, IdentityValue)>),
    /// Row keys.
    Relationships(HashSet<i64>),
}

impl<S: SourceStore, G: GraphStore, B: Between<S, G>> Full<'_, S, G, B> {
    /// Takes away what the source no longer has.
    pub(super) async fn remove_gone(&mut self) -> Result<()> {
        let mut patience = self.carrier.engine.patience();
        while let Err(error) = self.pass_and_remove().await {
            self.carrier.engine.wait(&mut patience, error).await?;
        }
        Ok(())
    }

    async fn pass_and_remove(&mut self) -> Result<()> {
        self.carrier.engine.settle().await?;
        let mut all = Vec::new();
        let mut room = PAGES_HELD * self.carrier.engine.limits.page_rows;
        for slot in removal_order(self.slots()) {
            let found = self.pass(slot, room).await?;
            room -= found.items.as_ref().map_or(0, Vec::len);
            all.push(found);
        }
        let deletes: Vec<_> = all.iter().map(|f| (Target::Rows(f.slot), f.deletes)).collect();
        self.carrier.engine.check_deletes(&deletes).await?;
        self.carrier.engine.register_types().await?;
        if self.carrier.engine.fence.is_none() {
            return Ok(());
        }
        for found in all.into_iter().filter(|found| found.deletes > 0) {
            if matches!(found.slot, Slot::Node(_)) {
                self.start_over().await?;
            }
            match found.items {
                Some(items) => self.remove(found.slot, items, found.read_at).await?,
                None => self.remove_while_reading(found.slot).await?,
            }
        }
        Ok(())
    }

    /// Counts what has to go of a table, and holds it if it is not more than `room`.
    async fn pass(&mut self, slot: Slot, room: usize) -> Result<Found> {
        let mut found = Found { slot, deletes: 0, items: Some(Vec::new()), read_at: i64::MAX };
        let shape = self.carrier.engine.shape(slot);
        let graph = self.carrier.engine.graph.clone();
        if graph.count(&shape, Target::Rows(slot), 1).await? == 0 {
            return Ok(found);
        }
        let most = self.keys_max();
        let total = self.rows_at_the_source(slot).await;
        let mut phase = self.phase("comparing keys of", slot, total);
        let mut reader = self.reader(slot, Depth::Light).start(i64::MIN);
        while let Some(page) = reader.recv().await {
            let page = page?;
            let Keys::Range(range) = page.keys else { break };
            found.read_at = found.read_at.min(page.read_at);
            phase.add(page.rows.len() as u64);
            let expected = self.expected(slot, &page);
            let mut left = Some(range);
            while let Some(range) = left {
                self.between.tick(&mut self.carrier.engine).await?;
                let (items, rest) = stretch(&graph, &shape, range, &expected, most).await?;
                found.add(items, room);
                left = rest;
            }
        }
        phase.end();
        Ok(found)
    }

    /// Removes what has to go of a table, stretch by stretch.
    async fn remove_while_reading(&mut self, slot: Slot) -> Result<()> {
        let shape = self.carrier.engine.shape(slot);
        let graph = self.carrier.engine.graph.clone();
        let most = self.keys_max();
        let mut reader = self.reader(slot, Depth::Light).start(i64::MIN);
        while let Some(page) = reader.recv().await {
            let page = page?;
            let Keys::Range(range) = page.keys else { break };
            let expected = self.expected(slot, &page);
            let mut left = Some(range);
            while let Some(range) = left {
                self.between.tick(&mut self.carrier.engine).await?;
                let (items, rest) = stretch(&graph, &shape, range, &expected, most).await?;
                self.remove(slot, items, page.read_at).await?;
                left = rest;
            }
        }
        Ok(())
    }

    /// Keys of the graph that are read at a time.
    fn keys_max(&self) -> usize {
        PAGES_READ * self.carrier.engine.limits.page_rows.max(1)
    }

    async fn remove(&mut self, slot: Slot, items: Vec<Item>, read_at: i64) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        let engine = &mut self.carrier.engine;
        let items = engine.approve(Target::Rows(slot), items).await?;
        let gone = engine::gone(&items);
        engine.shed_edges(slot, &gone, &gone, read_at).await?;
        // Only now: what was said on the checkpoint may have taken a new fence.
        let context = engine.context(slot, read_at, false).await?;
        engine.write(slot, &context, items).await.map(|_| ())
    }

    /// R1: relationships go with nodes that leave, so that tables which an earlier run has carried
    /// are carried again; said on the checkpoint before the first node leaves.
    async fn start_over(&mut self) -> Result<()> {
        if self.start.progress.take().is_none() {
            return Ok(());
        }
        let state = self.carrier.engine.state.clone();
        let progress = state.progress.as_ref().map(|p| Progress {
            phase: "gone".to_owned(),
            table: String::new(),
            next: i64::MIN,
            ..p.clone()
        });
        self.carrier.engine.advance(State { progress, ..state }, None).await
    }

    fn expected(&mut self, slot: Slot, page: &Page) -> Expected {
        if !matches!(slot, Slot::Node(_)) {
            return Expected::Relationships(page.rows.iter().map(|row| row.key).collect());
        }
        let engine = &mut self.carrier.engine;
        let mut wanted = Wanted::new(&engine.mapping, &mut engine.registry);
        let rows = page.rows.iter();
        let nodes = rows.filter_map(|row| Some((row.key, wanted.identity_of(slot, row).ok()?)));
        Expected::Nodes(nodes.collect())
    }
}

/// What has to go of the first keys of a range, and the keys after them.
async fn stretch<G: GraphStore>(
    graph: &G,
    shape: &Shape,
    range: KeyRange,
    expected: &Expected,
    most: usize,
) -> Result<(Vec<Item>, Option<KeyRange>)> {
    match expected {
        Expected::Nodes(rows) => {
            let read = graph.identities(shape, range, most).await?;
            let leave = |(key, names, identity): (i64, Vec<String>, Option<IdentityValue>)| {
                let row = rows.get(&key);
                let same = row.is_some_and(|(name, wanted)| {
                    identity.as_ref() == Some(wanted) && names.iter().any(|n| **n == **name)
                });
                (!same).then(|| Item::Leave { key, gone: row.is_none() })
            };
            Ok((read.found.into_iter().filter_map(leave).collect(), read.rest))
        }
        Expected::Relationships(rows) => {
            let read = graph.relationship_keys(shape, range, most).await?;
            let gone = read.found.into_iter().filter(|(key, _)| !rows.contains(key));
            let delete = |(key, name)| Item::Delete { key, name, gone: true };
            Ok((gone.map(delete).collect(), read.rest))
        }
    }
}

impl Found {
    /// A node that only changes its identity counts as well: a mapping or a source that gives all
    /// rows one identity would empty the graph too.
    fn add(&mut self, items: Vec<Item>, room: usize) {
        self.deletes += items.len() as u64;
        match &mut self.items {
            Some(held) if held.len() + items.len() <= room => held.extend(items),
            _ => self.items = None,
        }
    }
}

/// Relationships before the nodes that they stand on (R8).
fn removal_order(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_by_key(|slot| matches!(slot, Slot::Node(_)));
    slots
}
