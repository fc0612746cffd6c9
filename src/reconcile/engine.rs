//! What carries pages into the graph: the right to write, the names in force, the checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::batch::Failures;
use super::breaker::{Budget, Target};
use super::claim;
use super::desired::{Outcome, Wanted};
use super::diff::Item;
use super::retry::Patience;
use super::run::Run;
use super::stores::GraphStore;
use crate::config::FullConfig;
use crate::error::{Error, Kind, Result};
use crate::mapping::registry::Owned;
use crate::mapping::{EdgeTable, Mapping, Registry, Shape, Slot};
use crate::neo4j::actual::BytesMax;
use crate::neo4j::apply::{Applied, Context};
use crate::neo4j::checkpoint::{Fence, State};
use crate::neo4j::schema::{self, Checked};
use crate::sqlserver::pages::{Keys, Page};

/// The names in force: the mapping's, those on the checkpoint, and those that a constraint tells of
/// although somebody deleted the checkpoint.
pub async fn registry<G: GraphStore>(
    graph: &G,
    mapping: &Mapping,
    owned: &BTreeMap<String, Owned>,
) -> Result<Registry> {
    let mut registry = Registry::new(mapping, owned);
    let existing = graph.schema().await?;
    let made = existing.iter().filter(|e| e.is_unique() && e.is_named_by_provsync());
    let single = made.filter_map(|e| match (e.of.as_slice(), e.properties.as_slice()) {
        ([of], [property]) => Some((e.on_relationships, of.as_str(), property.as_str())),
        _ => None,
    });
    registry.recall(single);
    Ok(registry)
}

/// Carries pages into the graph under one fence.
pub struct Engine<G> {
    /// The graph.
    pub graph: G,
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// Names in force.
    pub registry: Registry,
    /// The right to write; `None` in a dry run, which then writes nothing.
    pub fence: Option<Fence>,
    /// Whether the outcome of a write is not known, and so must be settled before the next (R5).
    is_unsettled: bool,
    next_fence: Option<Fence>,
    in_force: watch::Sender<Option<Fence>>,
    /// What the checkpoint says now.
    pub state: State,
    /// Limits.
    pub limits: FullConfig,
    /// The run that this work is part of.
    pub run: Run,
    /// Whether quarantine may hold entries that wait for something.
    pub somebody_waits: bool,
    /// Tables of which the circuit breaker refused deletes since somebody looked here.
    pub refused: BTreeSet<Slot>,
    /// What runs deleted that did not come to their end: the run that does their work again counts it.
    pub(super) unfinished: BTreeMap<Target, u64>,
    /// The constraints and indexes that the graph was seen to have.
    schema: Checked,
}

/// How long a write waits for indexes that are being filled before it is tried again later.
const POPULATING_MAX: Duration = Duration::from_secs(10);

/// Desired things of the keys of a page.
pub struct Wish {
    /// The keys in question.
    pub keys: Keys,
    /// What each row should be; a key without a row is absent.
    pub desired: BTreeMap<i64, Outcome>,
    /// The version that the rows were read at.
    pub read_at: i64,
    /// Keys whose rows were inserted since they were last carried: where the graph has such a key,
    /// another row had it, and its relationships may not be the new one's (R6).
    pub inserted: BTreeSet<i64>,
    /// Whether the graph is taken to hold each key under one name at most, as it does where nobody
    /// but provsync wrote: keys are then looked for under the name that they should have first.
    pub is_tidy: bool,
}

impl<G: GraphStore> Engine<G> {
    /// An engine that has done nothing yet.
    pub fn new(
        graph: G,
        mapping: Mapping,
        registry: Registry,
        fence: Option<Fence>,
        state: State,
        limits: FullConfig,
    ) -> Self {
        let run = Run::new(Budget::new(limits.allow_deletes), limits.quarantine_max);
        Self {
            graph,
            mapping: Arc::new(mapping),
            registry,
            in_force: watch::Sender::new(fence.clone()),
            fence,
            is_unsettled: false,
            next_fence: None,
            state,
            limits,
            run,
            // Until it is known that nobody does.
            somebody_waits: true,
            schema: Checked::default(),
            refused: BTreeSet::new(),
            unfinished: BTreeMap::new(),
        }
    }

    /// What items of a table are written under. Nothing is written without one, so none of its names
    /// is written before its constraint was seen to be there.
    ///
    /// # Errors
    /// There is no right to write; the schema can't be made ([`schema::ensure`]).
    pub async fn context(&mut self, slot: Slot, read_at: i64, last_look: bool) -> Result<Context> {
        let fence = self.fence.clone();
        let fence = fence.ok_or_else(|| Error::new(Kind::Usage, "a dry run writes nothing"))?;
        let shape = self.shape(slot);
        if self.schema.covers(&shape).is_none() {
            self.ensure_schema().await?;
        }
        let constrained = self.schema.covers(&shape);
        Ok(Context {
            constrained: constrained.ok_or_else(|| {
                Error::stop(format!("{} has a name without a constraint", shape.table))
            })?,
            shape,
            fence,
            read_at,
            quarantine_missing_ends: last_look,
            somebody_waits: self.somebody_waits,
            room: self.run.room.clone(),
        })
    }

    /// How a table looks in the graph.
    pub fn shape(&self, slot: Slot) -> Arc<Shape> {
        Arc::new(Shape::new(&self.mapping, &self.registry, slot))
    }

    /// The edge tables that stand on a node table.
    pub fn edges_of(&self, nodes: Slot) -> Vec<Slot> {
        let Slot::Node(index) = nodes else { return Vec::new() };
        let stand_on = |(_, e): &(usize, &EdgeTable)| e.from == index || e.to == index;
        let edges = self.mapping.edges.iter().enumerate().filter(stand_on);
        edges.map(|(i, _)| Slot::Edge(i)).collect()
    }

    /// The node tables that an edge table's relationships begin and end on.
    pub fn ends_of(&self, edges: Slot) -> Option<[Slot; 2]> {
        let Slot::Edge(index) = edges else { return None };
        let table = self.mapping.edges.get(index)?;
        Some([Slot::Node(table.from), Slot::Node(table.to)])
    }

    /// Adds what a transaction did.
    pub fn note(&mut self, slot: Slot, applied: &Applied) {
        self.run.summary.add(slot, applied);
        self.somebody_waits |= applied.quarantined > 0;
    }

    /// Looks whether anybody waits at all.
    pub async fn refresh_waiting(&mut self) -> Result<()> {
        self.somebody_waits = self.graph.has_entries().await?;
        Ok(())
    }

    /// Patience for one piece of work.
    pub fn patience(&self) -> Patience {
        Patience::new(self.limits.retry_max)
    }

    /// After a failure: notes what it leaves open and waits before the next try.
    ///
    /// # Errors
    /// The failure, if it does not pass or has lasted too long.
    pub async fn wait(&mut self, patience: &mut Patience, error: Error) -> Result<()> {
        self.run.summary.retries += 1;
        patience.wait(error).await
    }

    /// Sends a write under the fence. Until its outcome is known, it is noted as unknown: a future that is
    /// dropped meanwhile leaves that behind, and no caller has to think of it.
    ///
    /// # Errors
    /// The write's.
    pub async fn send<T>(&mut self, write: impl Future<Output = Result<T>>) -> Result<T> {
        let write = async {
            let outcome = write.await;
            let mut failures = Failures::default();
            let (done, failure) = match outcome {
                Ok(done) => (Some(done), None),
                Err(error) => (None, Some(error)),
            };
            failures.add(failure);
            (done, failures)
        };
        match self.send_all(write).await {
            (Some(done), _) => Ok(done),
            (None, failure) => {
                Err(failure.unwrap_or_else(|| Error::new(Kind::Graph, "a write ended early")))
            }
        }
    }

    /// [`Engine::send`] for writes side by side: what they did, and the failure to report.
    pub(super) async fn send_all<T>(
        &mut self,
        writes: impl Future<Output = (T, Failures)>,
    ) -> (T, Option<Error>) {
        let was_unsettled = std::mem::replace(&mut self.is_unsettled, true);
        let (done, failures) = writes.await;
        let (is_unknown, failure) = failures.into_parts();
        self.is_unsettled = was_unsettled || is_unknown;
        // What was written may have put rows into quarantine.
        self.somebody_waits |= is_unknown;
        (done, failure)
    }

    /// The outcome of what was written is in doubt for a reason that no write of this engine has shown.
    pub fn doubt_outcome(&mut self) {
        self.is_unsettled = true;
    }

    /// The fence in force, for who writes beside the engine; it changes when an outcome is settled.
    pub fn fence_in_force(&self) -> watch::Receiver<Option<Fence>> {
        self.in_force.subscribe()
    }

    /// R5: a new fence waits for the old transaction's lock, so its outcome is settled then. Only
    /// the holder of the old fence gets a new one.
    pub async fn settle(&mut self) -> Result<()> {
        let Some(old) = self.fence.as_ref().filter(|_| self.is_unsettled) else { return Ok(()) };
        // Kept over tries: the answer to a renewal can be lost too.
        let new = self.next_fence.get_or_insert_with(|| old.successor());
        self.graph.renew(old, new).await?;
        self.fence = self.next_fence.take();
        self.in_force.send_replace(self.fence.clone());
        self.is_unsettled = false;
        Ok(())
    }

    /// Makes desired things of rows. Types that are new get their constraint and their place on the
    /// checkpoint first.
    pub async fn wish(&mut self, slot: Slot, page: Page) -> Result<Wish> {
        self.run.read_at_max = self.run.read_at_max.max(page.read_at);
        let mut wanted = Wanted::new(&self.mapping, &mut self.registry);
        let rows = page.rows.into_iter();
        let desired = rows.map(|row| (row.key, wanted.of(slot, row))).collect();
        self.register_types().await?;
        let inserted = BTreeSet::new();
        Ok(Wish { keys: page.keys, desired, read_at: page.read_at, inserted, is_tidy: false })
    }

    /// The schema step, if a type has got a name since the checkpoint was written: its constraint,
    /// then its name on the checkpoint, before any row is written under it.
    pub async fn register_types(&mut self) -> Result<()> {
        if self.fence.is_none() || *self.registry.owned() == self.state.owned {
            return Ok(());
        }
        let mut patience = self.patience();
        while let Err(error) = self.ensure_schema().await {
            self.wait(&mut patience, error).await?;
        }
        let state = State { owned: self.registry.owned().clone(), ..self.state.clone() };
        self.advance(state, None).await
    }

    /// Makes the constraints and indexes that the graph lacks, and checks all of them; returns how many
    /// were made.
    ///
    /// # Errors
    /// As [`schema::ensure`].
    pub async fn ensure_schema(&mut self) -> Result<usize> {
        let required = schema::required(&self.mapping, &self.registry);
        self.schema = schema::ensure(&self.graph, &required, POPULATING_MAX).await?;
        Ok(self.schema.made())
    }

    /// Moves the checkpoint, again and again until it is known to have moved.
    pub async fn advance(&mut self, to: State, consistent: Option<bool>) -> Result<()> {
        let mut patience = self.patience();
        while let Err(error) = self.try_advance(&to, consistent).await {
            self.wait(&mut patience, error).await?;
        }
        self.state = to;
        Ok(())
    }

    async fn try_advance(&mut self, to: &State, consistent: Option<bool>) -> Result<()> {
        self.settle().await?;
        let Some(fence) = self.fence.clone() else { return Ok(()) };
        let (graph, from) = (self.graph.clone(), self.state.seal());
        let consistent = claim::consistent(to, consistent);
        self.send(graph.advance(&fence, Some(&from), to, consistent)).await
    }

    /// How many of some keys the graph has.
    pub async fn present(&self, shape: &Shape, keys: impl Iterator<Item = i64>) -> Result<u64> {
        let keys: Vec<i64> = keys.collect();
        let mut present = 0;
        for some in keys.chunks(self.limits.batch_rows.max(1)) {
            let (keys, limit) = (Keys::list(some.to_vec()), BytesMax(usize::MAX));
            present += match shape.node() {
                Some(_) => self.graph.nodes(shape, &keys, limit).await?.len(),
                None => self.graph.relationships(shape, &keys, limit).await?.len(),
            };
        }
        Ok(present as u64)
    }
}

/// Keys of the nodes that leave.
pub(super) fn leaving(items: &[Item]) -> impl Iterator<Item = i64> {
    items.iter().filter(|item| matches!(item, Item::Leave { .. })).map(Item::key)
}

/// Keys of the nodes that leave because their row is gone or can't be represented.
pub(super) fn gone(items: &[Item]) -> BTreeSet<i64> {
    let gone = items.iter().filter(|item| matches!(item, Item::Leave { gone: true, .. }));
    gone.map(Item::key).collect()
}
