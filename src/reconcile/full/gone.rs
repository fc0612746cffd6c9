//! The light pass: keys and identities of both sides, for what leaves. It comes before all else, so
//! that the circuit breaker knows the whole plan before anything is written, and so that every
//! identity that is free at the source is free in the graph when nodes enter (R6).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Between, Full};
use crate::error::Result;
use crate::mapping::{Shape, Slot};
use crate::model::value::IdentityValue;
use crate::neo4j::checkpoint::{Progress, State};
use crate::reconcile::breaker::{self, Deletes};
use crate::reconcile::desired::Wanted;
use crate::reconcile::diff::Item;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::pages::{Depth, KeyRange, Keys, Page};

/// Items that a pass holds at most; a pass that found more is followed by another.
const ITEMS_MAX: usize = 500_000;

/// What one table's pass found.
struct Found {
    slot: Slot,
    deletes: Deletes,
    items: Vec<Item>,
    read_at: i64,
}

impl<S: SourceStore, G: GraphStore, B: Between<S, G>> Full<'_, S, G, B> {
    /// Takes away what the source no longer has.
    pub(super) async fn remove_gone(&mut self) -> Result<()> {
        let mut patience = self.carrier.engine.patience();
        loop {
            match self.pass_and_remove().await {
                Ok(true) => return Ok(()),
                Ok(false) => patience.reset(),
                Err(error) => self.carrier.engine.wait(&mut patience, error).await?,
            }
        }
    }

    /// Returns whether all that was found could be held, and so is done.
    async fn pass_and_remove(&mut self) -> Result<bool> {
        self.carrier.engine.settle().await?;
        let mut all = Vec::new();
        for slot in removal_order(self.slots()) {
            all.push(self.pass(slot).await?);
        }
        let deletes: Vec<Deletes> = all.iter().map(|f| f.deletes.clone()).collect();
        breaker::check(&deletes, self.carrier.engine.limits.allow_deletes)?;
        self.carrier.engine.register_types().await?;
        let complete = all.iter().all(|f| f.items.len() < ITEMS_MAX);
        for found in all {
            self.remove(found).await?;
        }
        Ok(complete || self.carrier.engine.fence.is_none())
    }

    async fn remove(&mut self, found: Found) -> Result<()> {
        let (slot, items) = (found.slot, found.items);
        let so_far = self.carrier.engine.run.deletes.get(&slot).map_or(0, |d| d.deletes);
        self.carrier.engine.run.deletes.insert(slot, Deletes { deletes: so_far, ..found.deletes });
        if items.is_empty() || self.carrier.engine.fence.is_none() {
            return Ok(());
        }
        if matches!(slot, Slot::Node(_)) {
            self.begin_anew().await?;
        }
        // Only now: what was said on the checkpoint may have taken a new fence.
        let context = self.carrier.engine.context(slot, found.read_at, false).await?;
        self.carrier.engine.write(slot, &context, items).await.map(|_| ())
    }

    /// R1: relationships go with nodes that leave, so that tables which an earlier run has carried
    /// are carried again; said on the checkpoint before the first node leaves.
    async fn begin_anew(&mut self) -> Result<()> {
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

    async fn pass(&mut self, slot: Slot) -> Result<Found> {
        let shape = Shape::new(&self.carrier.engine.mapping, &self.carrier.engine.registry, slot);
        let deletes = self.carrier.engine.untouched(&shape).await?;
        let present = deletes.present;
        let mut found = Found { slot, deletes, items: Vec::new(), read_at: i64::MAX };
        if present == 0 {
            return Ok(found);
        }
        let mut phase = self.phase("comparing keys of", slot, present);
        let mut reader = self.reader(slot, Depth::Light).start(i64::MIN);
        while let Some(page) = reader.recv().await {
            let page = page?;
            let Keys::Range(range) = page.keys else { break };
            found.read_at = found.read_at.min(page.read_at);
            phase.add(page.rows.len() as u64);
            self.between.tick(&mut self.carrier.engine).await?;
            match slot {
                Slot::Node(_) => self.compare_nodes(&shape, range, page, &mut found).await?,
                _ => self.compare_relationships(&shape, range, &page, &mut found).await?,
            }
        }
        phase.end();
        Ok(found)
    }

    async fn compare_nodes(
        &mut self,
        shape: &Shape,
        range: KeyRange,
        page: Page,
        found: &mut Found,
    ) -> Result<()> {
        let mut wanted =
            Wanted::new(&self.carrier.engine.mapping, &mut self.carrier.engine.registry);
        let slot = found.slot;
        let expected: HashMap<i64, (Arc<str>, IdentityValue)> = page
            .rows
            .iter()
            .filter_map(|row| {
                wanted.identity_of(slot, row).ok().map(|identity| (row.key, identity))
            })
            .collect();
        for (key, names, identity) in self.carrier.engine.graph.identities(shape, range).await? {
            let row = expected.get(&key);
            let same = row.is_some_and(|(name, wanted)| {
                identity.as_ref() == Some(wanted) && names.iter().any(|n| **n == **name)
            });
            if !same {
                found.add(Item::Leave { key, gone: row.is_none() });
            }
        }
        Ok(())
    }

    async fn compare_relationships(
        &self,
        shape: &Shape,
        range: KeyRange,
        page: &Page,
        found: &mut Found,
    ) -> Result<()> {
        let expected: HashSet<i64> = page.rows.iter().map(|row| row.key).collect();
        for (key, name) in self.carrier.engine.graph.relationship_keys(shape, range).await? {
            if !expected.contains(&key) {
                found.add(Item::Delete { key, name, gone: true });
            }
        }
        Ok(())
    }
}

impl Found {
    /// A node that only changes its identity counts as well: a mapping or a source that gives all
    /// rows one identity would empty the graph too.
    fn add(&mut self, item: Item) {
        self.deletes.deletes += 1;
        if self.items.len() < ITEMS_MAX {
            self.items.push(item);
        }
    }
}

/// Relationships before the nodes that they stand on (R8).
fn removal_order(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_by_key(|slot| matches!(slot, Slot::Node(_)));
    slots
}
