//! One page of keys through the one operation: desired, actual, diff, write; again after a fault
//! that passes.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::batch::{self, Batch, Ended, Failures};
use super::breaker::{Approved, Target};
use super::diff::{self, ActualNodes, Item};
use super::engine::{self, Engine, Wish};
use super::lanes::{self, Limits};
use super::stores::GraphStore;
use crate::error::{Error, Kind, Result};
use crate::mapping::{Shape, Slot};
use crate::neo4j::actual::Which;
use crate::neo4j::apply::{self, Context, Waiting};
use crate::neo4j::quarantine::{self, Entries};
use crate::sqlserver::pages::Keys;

/// How many things a dry run shows.
const SAMPLE_MAX: usize = 20;
/// Rows below which a transaction of its own is not worth a lane; measured by `scripts/bench full`.
const LANE_ROWS_MIN: usize = 2_500;

/// Row keys of nodes that leave, by node table.
pub(super) type Leaving = BTreeMap<Slot, BTreeSet<i64>>;

/// What has to be written for some keys of a table.
pub(super) struct Planned {
    pub items: Vec<Item>,
    /// Nodes whose edges have to be looked at again: they leave, or are another row's now.
    pub uprooted: BTreeSet<i64>,
}

impl Wish {
    /// Two halves by key, where there is more than one key.
    fn split(mut self) -> Result<(Self, Self), Self> {
        let Some(middle) = self.middle() else { return Err(self) };
        let [low, high] = self.keys.split_at(middle);
        let desired = self.desired.split_off(&middle);
        let inserted = self.inserted.split_off(&middle);
        let high = Self { keys: high, desired, inserted, ..self };
        Ok((Self { keys: low, ..self }, high))
    }

    /// The first key of the upper half, where there is more than one key.
    fn middle(&self) -> Option<i64> {
        match &self.keys {
            Keys::List(keys) => (keys.len() > 1).then(|| keys[keys.len() / 2]),
            Keys::Range(range) => (range.first < range.last).then(|| {
                let by_rows = self.desired.keys().nth(self.desired.len() / 2).copied();
                let inside = by_rows.filter(|key| *key > range.first);
                inside.unwrap_or_else(|| range.first.midpoint(range.last) + 1)
            }),
        }
    }
}

impl<G: GraphStore> Engine<G> {
    /// Makes the graph hold what is wished for, and nothing else of these keys. Returns the
    /// relationships that wait for an end; on the last look they go into quarantine instead.
    pub async fn carry(&mut self, slot: Slot, wish: Wish, last_look: bool) -> Result<Vec<Waiting>> {
        let mut patience = self.patience();
        let mut waiting = Vec::new();
        let mut stack = vec![wish];
        while let Some(wish) = stack.pop() {
            match Box::pin(self.attempt(slot, &wish, last_look)).await {
                Ok(more) => {
                    waiting.extend(more);
                    patience.reset();
                }
                Err(error) if error.kind == Kind::TooLarge => match wish.split() {
                    Ok((low, high)) => stack.extend([high, low]),
                    Err(_) => return Err(error),
                },
                Err(error) => {
                    self.wait(&mut patience, error).await?;
                    stack.push(wish);
                }
            }
        }
        Ok(waiting)
    }

    async fn attempt(&mut self, slot: Slot, wish: &Wish, last_look: bool) -> Result<Vec<Waiting>> {
        self.settle().await?;
        let shape = self.shape(slot);
        let planned = self.plan(slot, &shape, wish, &Leaving::new()).await?;
        self.check_quarantine(&planned.items)?;
        let items = self.approve(Target::Rows(slot), planned.items).await?;
        if self.fence.is_none() {
            self.pretend(slot, &shape, &items, wish);
            return Ok(Vec::new());
        }
        let gone = engine::gone(&items);
        self.shed_edges(slot, &planned.uprooted, &gone, wish.read_at).await?;
        let context = self.context(slot, wish.read_at, last_look).await?;
        self.write(slot, &context, items).await
    }

    /// What has to be written. Relationships on nodes that are `leaving` are looked at as if they were
    /// gone: they go before those nodes leave.
    pub(super) async fn plan(
        &self,
        slot: Slot,
        shape: &Shape,
        wish: &Wish,
        leaving: &Leaving,
    ) -> Result<Planned> {
        let limit = self.actual_limit(wish);
        let entries = self.entries(shape, wish);
        if let Some(node) = shape.node() {
            let actual = self.graph.nodes(shape, &wish.keys, limit);
            let (entries, actual) = tokio::try_join!(entries, actual)?;
            let mut items = diff::nodes(&wish.desired, &actual, &entries, &node.placeholder);
            items.extend(self.woken(wish, &actual, &entries));
            let mut uprooted: BTreeSet<i64> = engine::leaving(&items).collect();
            uprooted.extend(wish.inserted.iter().filter(|key| actual.contains_key(key)));
            Ok(Planned { items, uprooted })
        } else {
            let actual = self.actual_relationships(shape, wish, limit);
            let (entries, mut actual) = tokio::try_join!(entries, actual)?;
            if let Some(ends) = self.ends_of(slot) {
                diff::detach(&mut actual, ends.map(|nodes| leaving.get(&nodes)));
            }
            let items = diff::relationships(&wish.desired, &actual, &entries);
            Ok(Planned { items, uprooted: BTreeSet::new() })
        }
    }

    /// A row that came and went between two looks was never seen, and one that took another's key
    /// may look as that one did: what waits for such a key waits in vain, and is looked at again.
    fn woken<'w>(
        &self,
        wish: &'w Wish,
        actual: &'w ActualNodes,
        entries: &'w Entries,
    ) -> impl Iterator<Item = Item> + use<'w, G> {
        let keys = match &wish.keys {
            Keys::List(keys) if self.somebody_waits => &keys[..],
            _ => &[],
        };
        let is_known = |key: &i64| {
            wish.desired.contains_key(key) || actual.contains_key(key) || entries.contains_key(key)
        };
        let is_new = move |key: &i64| wish.inserted.contains(key) || !is_known(key);
        keys.iter().copied().filter(is_new).map(|key| Item::Wake { key })
    }

    /// R1: re-key what you detach. Edges on nodes that leave go first, and stand in quarantine until
    /// they are carried again: a crash in between forgets none. Edges on nodes that are `gone` count as
    /// deleted: no row brings them back.
    pub(super) async fn shed_edges(
        &mut self,
        slot: Slot,
        uprooted: &BTreeSet<i64>,
        gone: &BTreeSet<i64>,
        read_at: i64,
    ) -> Result<()> {
        let (gone, moved): (Vec<i64>, Vec<i64>) =
            uprooted.iter().partition(|key| gone.contains(key));
        for edges in self.edges_of(slot) {
            // Those that are gone come first: an edge may stand on both.
            for (keys, gone) in [(&gone, true), (&moved, false)] {
                for some in keys.chunks(self.limits.batch_rows.max(1)) {
                    self.shed_some_edges(slot, edges, some, gone, read_at).await?;
                }
            }
        }
        Ok(())
    }

    async fn shed_some_edges(
        &mut self,
        slot: Slot,
        edges: Slot,
        nodes: &[i64],
        gone: bool,
        read_at: i64,
    ) -> Result<()> {
        let (of_nodes, shape) = (self.shape(slot), self.shape(edges));
        let found = self.graph.edges_on(&of_nodes, &shape, Which::Keys(nodes)).await?;
        if found.is_empty() {
            return Ok(());
        }
        let count = found.len() as u64;
        let items = found.into_iter().flat_map(|(key, name)| {
            // In this order: should the two fall into two transactions, the entry is first.
            let reason = quarantine::detached();
            let entry = Item::Quarantine { key, reason, is_new: true };
            [entry, Item::Delete { key, name, gone }]
        });
        let items = self.approve(Target::Rows(edges), items.collect()).await?;
        self.run.summary.detached += count;
        self.somebody_waits = true;
        let context = self.context(edges, read_at, true).await?;
        self.write_whole(edges, &context, items).await.map(|_| ())
    }

    /// Too many root causes are a mapping's fault, not the rows'.
    pub(super) fn check_quarantine(&self, items: &[Item]) -> Result<()> {
        self.run.room.take(&diff::causes(items)).map(drop)
    }

    fn pretend(&mut self, slot: Slot, shape: &Shape, items: &[Item], wish: &Wish) {
        let refused = wish.desired.values().filter(|outcome| outcome.is_err()).count() as u64;
        let tally = self.run.summary.tally(slot);
        tally.quarantined += refused;
        tally.updated += apply::updated_keys(items);
        for item in items {
            match item {
                Item::Enter { .. } | Item::Create { .. } => tally.created += 1,
                Item::Leave { .. } | Item::Delete { .. } => tally.deleted += 1,
                _ => {}
            }
        }
        let room = SAMPLE_MAX.saturating_sub(self.run.summary.sample.len());
        self.run.summary.sample.extend(items.iter().take(room).map(|item| describe(shape, item)));
    }

    /// Writes items. Rows that the server does not take are absent in the end, with the server's reason.
    pub(super) async fn write(
        &mut self,
        slot: Slot,
        context: &Context,
        items: Approved<Vec<Item>>,
    ) -> Result<Vec<Waiting>> {
        let (mut waiting, instead) = self.write_rounds(slot, context, items).await?;
        if !instead.is_empty() {
            waiting.extend(self.write_instead(slot, context, instead).await?);
        }
        Ok(waiting)
    }

    /// Takes rows that are refused out, within the same limits as what was planned.
    async fn write_instead(
        &mut self,
        slot: Slot,
        context: &Context,
        items: Vec<Item>,
    ) -> Result<Vec<Waiting>> {
        self.check_quarantine(&items)?;
        let items = self.approve(Target::Rows(slot), items).await?;
        let leaving = engine::leaving(&items).collect();
        self.shed_edges(slot, &leaving, &engine::gone(&items), context.read_at).await?;
        // By what was written so far, something may wait for what leaves.
        let context = self.context(slot, context.read_at, context.quarantine_missing_ends).await?;
        self.write_whole(slot, &context, items).await
    }

    /// Writes items that only take away or note why: the server refuses none of them.
    async fn write_whole(
        &mut self,
        slot: Slot,
        context: &Context,
        items: Approved<Vec<Item>>,
    ) -> Result<Vec<Waiting>> {
        let (waiting, instead) = self.write_rounds(slot, context, items).await?;
        if instead.is_empty() {
            return Ok(waiting);
        }
        Err(Error::new(Kind::Graph, "Neo4j refused to take rows away or to note why"))
    }

    /// Writes items round by round, the batches of a round side by side. Also returns what is to be written
    /// instead of rows that the server does not take.
    async fn write_rounds(
        &mut self,
        slot: Slot,
        context: &Context,
        items: Approved<Vec<Item>>,
    ) -> Result<(Vec<Waiting>, Vec<Item>)> {
        let (lanes, batch_rows) = (self.limits.lanes, self.limits.batch_rows);
        let limits = Limits { lanes, batch_rows, lane_rows_min: batch_rows.min(LANE_ROWS_MIN) };
        let (mut waiting, mut instead) = (Vec::new(), Vec::new());
        self.run.has_written |= !items.is_empty();
        for round in items.in_rounds(|items| lanes::rounds(items, limits)) {
            let graph = self.graph.clone();
            let (ended, failure) = self.send_all(side_by_side(&graph, context, round)).await;
            for ended in ended {
                self.note(slot, &ended.applied);
                self.run.budget.spend(Target::Rows(slot), ended.deletes);
                self.run.summary.retries += ended.sent_again;
                waiting.extend(ended.applied.waiting);
                instead.extend(ended.instead);
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        Ok((waiting, instead))
    }
}

/// Runs the batches of a round, each in a lane of its own, until all of them have ended.
async fn side_by_side<G: GraphStore>(
    graph: &G,
    context: &Context,
    round: Vec<Batch>,
) -> (Vec<Ended>, Failures) {
    let mut running = JoinSet::new();
    for items in round {
        running.spawn(batch::write(graph.clone(), context.clone(), items));
    }
    let (mut all, mut failures) = (Vec::new(), Failures::default());
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(mut ended) => {
                failures.add(ended.failure.take());
                all.push(ended);
            }
            Err(error) => {
                let what = format!("a lane ended early: {error}");
                failures.add_lost(Error::new(Kind::Graph, what));
            }
        }
    }
    (all, failures)
}

fn describe(shape: &Shape, item: &Item) -> String {
    let what = match item {
        Item::Delete { name, .. } => format!("delete {name}"),
        Item::Leave { gone: true, .. } => "delete".to_owned(),
        Item::Leave { .. } => "leave its identity".to_owned(),
        Item::Unlabel { label, .. } => format!("take off label {label}"),
        Item::Rekey { .. } => format!("make {} an integer", shape.key),
        Item::Enter { node, .. } => format!("create {}", node.name),
        Item::Create { relationship, .. } => format!("create {}", relationship.name),
        Item::UpdateNode { changes, .. } | Item::UpdateRelationship { changes, .. } => {
            let names: Vec<&str> =
                changes.iter().map(|(i, _)| shape.properties[*i].as_str()).collect();
            format!("change {}", names.join(", "))
        }
        Item::Quarantine { reason, .. } => format!("quarantine: {}", reason.code),
        Item::Release { .. } => "release from quarantine".to_owned(),
        Item::Wake { .. } => "look again at what waits for it".to_owned(),
    };
    format!("{} {}: {what}", shape.table, item.key())
}
