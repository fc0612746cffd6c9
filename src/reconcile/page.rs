//! One page of keys through the one operation: desired, actual, diff, write; again after a fault
//! that passes.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::batch;
use super::diff::{self, Item};
use super::engine::{Engine, Wish, count_deletes};
use super::lanes::{self, Limits};
use super::stores::GraphStore;
use crate::error::{Error, Kind, Result};
use crate::mapping::{Shape, Slot};
use crate::neo4j::actual::BytesMax;
use crate::neo4j::apply::{self, Context, Waiting};
use crate::neo4j::quarantine::Entries;
use crate::sqlserver::pages::Keys;

/// How many things a dry run shows.
const SAMPLE_MAX: usize = 20;
/// Rows below which a transaction of its own is not worth a lane; measured by `scripts/bench full`.
const LANE_ROWS_MIN: usize = 2_500;
/// How much more than a page of rows the graph may hold for its keys before the page is halved.
const ACTUAL_TO_PAGE_BYTES: usize = 4;

impl Wish {
    /// Two halves by key, where there is more than one key.
    fn split(mut self) -> Result<(Self, Self), Self> {
        let Some(middle) = self.middle() else { return Err(self) };
        let [low, high] = self.keys.split_at(middle);
        let desired = self.desired.split_off(&middle);
        let read_at = self.read_at;
        Ok((
            Self { keys: low, desired: self.desired, read_at },
            Self { keys: high, desired, read_at },
        ))
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
            match self.attempt(slot, &wish, last_look).await {
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
        let shape = Arc::new(Shape::new(&self.mapping, &self.registry, slot));
        let (items, entries) = self.plan(&shape, wish).await?;
        self.check_quarantine(&items, &entries)?;
        self.check_deletes(slot, &items)?;
        let Some(fence) = self.fence.clone() else {
            self.pretend(slot, &shape, &items, wish);
            return Ok(Vec::new());
        };
        let context =
            Context { shape, fence, read_at: wish.read_at, quarantine_missing_ends: last_look };
        self.write(slot, &context, items).await
    }

    async fn plan(&self, shape: &Shape, wish: &Wish) -> Result<(Vec<Item>, Entries)> {
        let limit = self.actual_limit(wish);
        let entries = self.graph.entries(&shape.table, &wish.keys);
        if let Some(node) = shape.node() {
            let actual = self.graph.nodes(shape, &wish.keys, limit);
            let (entries, actual) = tokio::try_join!(entries, actual)?;
            Ok((diff::nodes(&wish.desired, &actual, &entries, &node.placeholder), entries))
        } else {
            let actual = self.graph.relationships(shape, &wish.keys, limit);
            let (entries, actual) = tokio::try_join!(entries, actual)?;
            Ok((diff::relationships(&wish.desired, &actual, &entries), entries))
        }
    }

    /// A page is cut by the bytes of its rows; what the graph holds for its keys may be larger.
    fn actual_limit(&self, wish: &Wish) -> BytesMax {
        match &wish.keys {
            Keys::List(keys) if keys.len() < 2 => BytesMax(usize::MAX),
            Keys::Range(range) if range.first == range.last => BytesMax(usize::MAX),
            _ => BytesMax(self.limits.batch_bytes_max.saturating_mul(ACTUAL_TO_PAGE_BYTES)),
        }
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
    pub(super) async fn write(
        &mut self,
        slot: Slot,
        context: &Context,
        items: Vec<Item>,
    ) -> Result<Vec<Waiting>> {
        let (lanes, batch_rows) = (self.limits.lanes, self.limits.batch_rows);
        let limits = Limits { lanes, batch_rows, lane_rows_min: batch_rows.min(LANE_ROWS_MIN) };
        let mut waiting = Vec::new();
        for round in lanes::rounds(items, limits) {
            let deletes: u64 = round.iter().map(|batch| count_deletes(batch)).sum();
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
                waiting.extend(applied.waiting);
                failure = batch::worse(failure, error);
            }
            if let Some(error) = failure {
                return Err(error);
            }
            self.note_deletes(slot, deletes);
        }
        if self.quarantined_anew > self.limits.quarantine_max {
            return Err(over_quarantine_max(self.limits.quarantine_max, ""));
        }
        Ok(waiting)
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
