//! One page of keys through the one operation: desired, actual, diff, write; again after a fault
//! that passes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::task::JoinSet;

use super::batch;
use super::desired::{Outcome, Wanted};
use super::diff::{self, Item};
use super::lanes::{self, Limits};
use super::summary::Summary;
use crate::config::FullConfig;
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Registry, Shape, Slot};
use crate::neo4j::apply::{self, Context};
use crate::neo4j::checkpoint::{self, Fence, State};
use crate::neo4j::quarantine::{self, Entries};
use crate::neo4j::{Graph, actual, schema};
use crate::sqlserver::pages::{Keys, Page};

/// How many things a dry run shows.
const SAMPLE_MAX: usize = 20;
/// Rows below which a transaction of its own is not worth a lane; measured by `scripts/bench full`.
const LANE_ROWS_MIN: usize = 2_500;

/// Carries pages into the graph under one fence.
pub struct Engine {
    /// The graph.
    pub graph: Graph,
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// Names in force.
    pub registry: Registry,
    /// The right to write; `None` in a dry run, which then writes nothing.
    pub fence: Option<Fence>,
    /// What the checkpoint says now.
    pub state: State,
    /// Limits.
    pub limits: FullConfig,
    /// What was done so far.
    pub summary: Summary,
    /// New quarantine entries so far.
    pub quarantined_anew: u64,
}

/// What a page left to be looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Relationships that wait for an end.
    pub waiting: Vec<i64>,
    /// Nodes whose identity is taken.
    pub rejected: Vec<i64>,
    /// R1: relationships that went with nodes that left, by their table.
    pub detached: BTreeMap<Slot, Vec<i64>>,
}

impl Left {
    /// Adds another page's.
    pub fn add(&mut self, other: Self) {
        self.waiting.extend(other.waiting);
        self.rejected.extend(other.rejected);
        for (slot, keys) in other.detached {
            self.detached.entry(slot).or_default().extend(keys);
        }
    }
}

/// Desired things of the keys of a page.
pub struct Wish {
    /// The keys in question.
    pub keys: Keys,
    /// What each row should be; a key without a row is absent.
    pub desired: BTreeMap<i64, Outcome>,
    /// The version that the rows were read at.
    pub read_at: i64,
}

impl Engine {
    /// Makes desired things of rows. Types that are new get their constraint and their place on the
    /// checkpoint first.
    pub async fn wish(&mut self, slot: Slot, page: Page) -> Result<Wish> {
        let mut wanted = Wanted::new(&self.mapping, &mut self.registry);
        let rows = page.rows.into_iter();
        let desired = rows.map(|row| (row.key, wanted.of(slot, row))).collect();
        self.register_types_if_new().await?;
        Ok(Wish { keys: page.keys, desired, read_at: page.read_at })
    }

    /// [`Self::register_types`], if a type has got a name since the checkpoint was written.
    pub async fn register_types_if_new(&mut self) -> Result<()> {
        if *self.registry.owned() == self.state.owned {
            return Ok(());
        }
        self.register_types().await
    }

    /// The schema step: constraints of new types, then their names on the checkpoint, before any
    /// row is written under them.
    pub async fn register_types(&mut self) -> Result<()> {
        if self.fence.is_none() {
            return Ok(());
        }
        let wanted = schema::constraints(&self.mapping, &self.registry);
        schema::apply(&self.graph, &wanted).await?;
        let state = State { owned: self.registry.owned().clone(), ..self.state.clone() };
        self.advance(state, None).await
    }

    /// Moves the checkpoint.
    pub async fn advance(&mut self, to: State, consistent: Option<bool>) -> Result<()> {
        let Some(fence) = &self.fence else { return Ok(()) };
        let from = self.state.seal();
        self.graph
            .write(async |txn| checkpoint::advance(txn, fence, Some(&from), &to, consistent).await)
            .await?;
        self.state = to;
        Ok(())
    }

    /// Makes the graph hold what is wished for, and nothing else of these keys.
    pub async fn carry(&mut self, slot: Slot, wish: &Wish, last_look: bool) -> Result<Left> {
        let mut pauses = backoff(self.limits.retry_max);
        let mut left = Left::default();
        loop {
            match self.attempt(slot, wish, last_look, &mut left).await {
                Ok(()) => return Ok(left),
                Err(error) if error.is_retryable() => {
                    let Some(pause) = pauses.next() else { return Err(error.during("gave up")) };
                    self.summary.retries += 1;
                    tracing::warn!(%error, ?pause, "trying again");
                    tokio::time::sleep(pause).await;
                    if error.kind == Kind::UnknownOutcome {
                        self.settle_outcome().await?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// R5: a new fence waits for the old transaction's lock, so its outcome is settled then.
    pub async fn settle_outcome(&mut self) -> Result<()> {
        if self.fence.is_some() {
            let (fence, _) = checkpoint::raise(&self.graph, &self.state.source, false).await?;
            self.fence = Some(fence);
        }
        Ok(())
    }

    async fn attempt(
        &mut self,
        slot: Slot,
        wish: &Wish,
        last_look: bool,
        left: &mut Left,
    ) -> Result<()> {
        let shape = Arc::new(Shape::new(&self.mapping, &self.registry, slot));
        let (items, entries) = self.plan(&shape, wish).await?;
        self.check_quarantine(&items, &entries)?;
        let Some(fence) = self.fence.clone() else {
            self.pretend(slot, &shape, &items, wish);
            return Ok(());
        };
        if last_look {
            self.note_detached(&shape, &items, left).await?;
        }
        let context =
            Context { shape, fence, read_at: wish.read_at, quarantine_missing_ends: last_look };
        let written = self.write(slot, &context, items).await?;
        // Of an earlier attempt only what cannot be seen again counts.
        left.waiting = written.waiting;
        left.rejected = written.rejected;
        Ok(())
    }

    /// R1: before nodes leave, the keys of the relationships on them. When all nodes are carried
    /// before all relationships they come anyway, so only keys that are looked at again need this.
    async fn note_detached(&self, shape: &Shape, items: &[Item], left: &mut Left) -> Result<()> {
        let Some(node) = shape.node() else { return Ok(()) };
        let leaving: Vec<i64> =
            items.iter().filter(|i| matches!(i, Item::Leave { .. })).map(Item::key).collect();
        if leaving.is_empty() {
            return Ok(());
        }
        for edges in &node.edges {
            let keys = actual::keys_on_nodes(&self.graph, shape, node, edges, &leaving).await?;
            left.detached.entry(edges.slot).or_default().extend(keys);
        }
        Ok(())
    }

    async fn plan(&self, shape: &Shape, wish: &Wish) -> Result<(Vec<Item>, Entries)> {
        let entries = quarantine::read(&self.graph, &shape.table, &wish.keys).await?;
        let items = if let Some(node) = shape.node() {
            let actual = actual::nodes(&self.graph, shape, node, &wish.keys).await?;
            diff::nodes(&wish.desired, &actual, &entries, &node.placeholder)
        } else if let Some(ends) = shape.relationship() {
            let actual = actual::relationships(&self.graph, shape, ends, &wish.keys).await?;
            diff::relationships(&wish.desired, &actual, &entries)
        } else {
            Vec::new()
        };
        Ok((items, entries))
    }

    /// Too many new entries are a mapping's fault, not the rows'.
    fn check_quarantine(&self, items: &[Item], entries: &Entries) -> Result<()> {
        let new = |item: &&Item| matches!(item, Item::Quarantine { key, .. } if !entries.contains_key(key));
        let new = items.iter().filter(new).count() as u64;
        if self.quarantined_anew + new <= self.limits.quarantine_max {
            return Ok(());
        }
        Err(too_many(self.limits.quarantine_max, items))
    }

    fn pretend(&mut self, slot: Slot, shape: &Shape, items: &[Item], wish: &Wish) {
        let refused = wish.desired.values().filter(|outcome| outcome.is_err()).count() as u64;
        let tally = self.summary.tally(slot);
        tally.quarantined += refused;
        tally.updated += apply::updated_keys(items);
        for item in items {
            match item {
                Item::Enter { .. } | Item::Create { .. } => tally.created += 1,
                Item::Leave { .. } | Item::Delete { .. } => tally.deleted += 1,
                _ => {}
            }
        }
        let room = SAMPLE_MAX.saturating_sub(self.summary.sample.len());
        self.summary.sample.extend(items.iter().take(room).map(|item| describe(shape, item)));
    }

    /// Writes items, round by round, the batches of a round side by side.
    pub async fn write(&mut self, slot: Slot, context: &Context, items: Vec<Item>) -> Result<Left> {
        let (lanes, batch_rows) = (self.limits.lanes, self.limits.batch_rows);
        let limits = Limits { lanes, batch_rows, lane_rows_min: batch_rows.min(LANE_ROWS_MIN) };
        let mut left = Left::default();
        for round in lanes::rounds(items, limits) {
            let mut running = JoinSet::new();
            for items in round {
                running.spawn(batch::write(self.graph.clone(), context.clone(), items));
            }
            let mut failure: Option<Error> = None;
            while let Some(ended) = running.join_next().await {
                let (applied, error) = ended
                    .map_err(|e| Error::new(Kind::Graph, format!("a lane ended early: {e}")))?;
                self.summary.add(slot, &applied);
                self.quarantined_anew += applied.quarantined;
                left.waiting.extend(applied.waiting);
                left.rejected.extend(applied.rejected);
                failure = batch::worse(failure, error);
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        if self.quarantined_anew > self.limits.quarantine_max {
            return Err(over_quarantine_max(self.limits.quarantine_max, ""));
        }
        Ok(left)
    }
}

fn too_many(max: u64, items: &[Item]) -> Error {
    let codes: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| match item {
            Item::Quarantine { reason, .. } => Some(reason.code),
            _ => None,
        })
        .collect();
    over_quarantine_max(max, &codes.into_iter().collect::<Vec<_>>().join(", "))
}

fn over_quarantine_max(max: u64, codes: &str) -> Error {
    let codes = if codes.is_empty() { String::new() } else { format!(" ({codes})") };
    Error::stop(format!("more than {max} rows would go into quarantine{codes}"))
        .hint("that is a mapping's fault rather than the rows'; correct the mapping, or raise full.quarantine_max")
}

fn describe(shape: &Shape, item: &Item) -> String {
    let what = match item {
        Item::Delete { name, .. } => format!("delete {name}"),
        Item::Leave { gone: true, .. } => "delete".to_owned(),
        Item::Leave { .. } => "leave its identity".to_owned(),
        Item::Unlabel { label, .. } => format!("take off label {label}"),
        Item::Enter { node, .. } => format!("create {}", node.name),
        Item::Create { relationship, .. } => format!("create {}", relationship.name),
        Item::UpdateNode { changes, .. } | Item::UpdateRelationship { changes, .. } => {
            let names: Vec<&str> =
                changes.iter().map(|(i, _)| shape.properties[*i].as_str()).collect();
            format!("change {}", names.join(", "))
        }
        Item::Quarantine { reason, .. } => format!("quarantine: {}", reason.code),
        Item::Release { .. } => "release from quarantine".to_owned(),
    };
    format!("{} {}: {what}", shape.table, item.key())
}

/// Pauses between tries, until they add up to the limit.
pub fn backoff(limit: Duration) -> impl Iterator<Item = Duration> {
    let until = Instant::now() + limit;
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times()
        .build()
        .take_while(move |_| Instant::now() < until)
}
