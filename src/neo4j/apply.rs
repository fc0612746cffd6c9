//! Writes items in one transaction: in the order of R8, guard last, and every count compared with
//! what was sent.

pub mod ends;
pub mod leave;
pub mod owner;
mod parameters;
mod pieces;
mod sorted;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use neo4rs::{BoltType, Txn};
use sorted::Sorted;
use writer::Writer;

use super::checkpoint::{self, Fence, State};
use super::quarantine::{Causes, Room, Taken};
use super::schema::Constrained;
use super::{Counters, Graph, Statement, cypher, list, run, values};
use crate::error::{Error, Kind, Result};
use crate::mapping::Shape;
use crate::reconcile::breaker::Approved;
use crate::reconcile::diff::{Item, causes};

/// What the items of one transaction are written under.
#[derive(Clone)]
pub struct Context {
    /// The table in the graph.
    pub shape: Arc<Shape>,
    /// The right to write.
    pub fence: Fence,
    /// That the names of the table have their constraints.
    pub constrained: Constrained,
    /// The version that the rows were read at (R4).
    pub read_at: i64,
    /// Whether relationships whose ends are missing go into quarantine, or are handed back.
    pub quarantine_missing_ends: bool,
    /// Whether quarantine may hold entries that wait for something that a transaction gives.
    pub somebody_waits: bool,
    /// How many root causes may go into quarantine.
    pub room: Room,
}

/// What one transaction writes of one table.
pub struct Part<'a> {
    /// What it is written under.
    pub context: Context,
    /// What is written.
    pub items: &'a Approved<Vec<Item>>,
}

/// Where a transaction moves the checkpoint.
#[derive(Clone, Debug)]
pub struct Move {
    /// The right to write.
    pub fence: Fence,
    /// The version that all rows were read at (R4).
    pub read_at: i64,
    /// Seal of the state that it must stand at.
    pub from_seal: String,
    /// The state after it.
    pub to: State,
    /// Whether the graph stands exactly at that version then.
    pub consistent: bool,
}

/// What became of a transaction over several tables.
#[derive(Clone, Debug)]
pub enum Committed {
    /// All of it was written, and the checkpoint moved; what each part did.
    Moved(Vec<Applied>),
    /// All of it was written, but something in quarantine became due by it: the checkpoint stays
    /// until that was looked at.
    Due(Vec<Applied>),
    /// Nothing was written: these relationships of these parts wait for an end.
    Waiting(Vec<(usize, Waiting)>),
}

/// Quarantine's word for a row whose identity another row has.
pub const IDENTITY_TAKEN: &str = "identity-taken";
/// Quarantine's word for a row whose identity a node has that provsync did not make.
pub const IDENTITY_FOREIGN: &str = "identity-foreign";

/// A relationship that waits for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its row key.
    pub key: i64,
    /// The graph lacks where it begins.
    pub lacks_from: bool,
    /// The graph lacks where it ends.
    pub lacks_to: bool,
}

/// What a transaction did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Nodes or relationships made, adopted placeholders included.
    pub created: u64,
    /// Nodes or relationships changed.
    pub updated: u64,
    /// Nodes or relationships taken away, of this table.
    pub deleted: u64,
    /// Rows that went into quarantine anew.
    pub quarantined: u64,
    /// Those of them that wait for no other row.
    pub causes: Causes,
    /// Relationships of edge tables that went with a node that left its identity.
    pub detached: u64,
    /// Relationships that others made and that went with their nodes.
    pub foreign_deleted: u64,
    /// Placeholders that went with their last link.
    pub placeholders_removed: u64,
    /// Entries of quarantine that became due.
    pub due: u64,
    /// Relationships whose ends are missing.
    pub waiting: Vec<Waiting>,
    /// Within a transaction: identities of placeholders that lost a link.
    ends: Vec<BoltType>,
    /// Neo4j's own counters.
    pub counters: Counters,
}

impl Applied {
    /// Adds another transaction's.
    pub fn add(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.quarantined += other.quarantined;
        for (code, count) in other.causes {
            *self.causes.entry(code).or_default() += count;
        }
        self.detached += other.detached;
        self.foreign_deleted += other.foreign_deleted;
        self.placeholders_removed += other.placeholders_removed;
        self.due += other.due;
        self.waiting.extend(other.waiting);
        self.counters += &other.counters;
    }
}

/// Writes the items in one transaction.
///
/// # Errors
/// Nothing is written then, except with [`Kind::UnknownOutcome`]. [`Kind::Transient`] if the graph
/// is no longer what the items were computed from.
pub async fn apply(
    graph: &Graph,
    context: &Context,
    items: &Approved<Vec<Item>>,
) -> Result<Applied> {
    let part = Part { context: context.clone(), items };
    let (applied, taken) = graph
        .write(async |txn| {
            let applied = write(txn, std::slice::from_ref(&part)).await?;
            let applied = applied.into_iter().next().unwrap_or_default();
            let taken = context.room.take(&applied.causes)?;
            checkpoint::guard(txn, &context.fence, context.read_at).await?;
            Ok((applied, taken))
        })
        .await?;
    taken.keep();
    Ok(applied)
}

/// Takes relationships off the node that `leave` removes from its identity, `most` at most, in one transaction: those that would
/// go with it in [`apply`]. Nothing is left to take where neither ours nor others' went.
///
/// The caller sees to it that edges of ours come again (R1), as where the node leaves.
///
/// # Errors
/// As [`apply`]'s.
pub async fn strip(
    graph: &Graph,
    context: &Context,
    leave: &Approved<Vec<Item>>,
    most: usize,
) -> Result<Applied> {
    let shape = &context.shape;
    let Some(node) = shape.node() else { return Ok(Applied::default()) };
    let statement = Statement::new(cypher::strip(shape, node))
        .with("keys", values::keys(&leave.iter().map(Item::key).collect::<Vec<_>>()))
        .with("most", i64::try_from(most).unwrap_or(i64::MAX));
    graph
        .write(async |txn| {
            let (rows, counters) = run(txn, statement).await?;
            let cells = rows.first().map(list).transpose()?.unwrap_or_default();
            let number = |i: usize| cells.get(i).and_then(values::integer).unwrap_or(0);
            checkpoint::guard(txn, &context.fence, context.read_at).await?;
            Ok(Applied {
                detached: u64::try_from(number(0)).unwrap_or(0),
                foreign_deleted: u64::try_from(number(1)).unwrap_or(0),
                counters,
                ..Applied::default()
            })
        })
        .await
}

/// Writes parts of several tables and moves the checkpoint in one transaction, all of it or nothing.
///
/// # Errors
/// As [`apply`]'s.
pub async fn commit(graph: &Graph, parts: &[Part<'_>], to: &Move) -> Result<Committed> {
    let mut waiting = Vec::new();
    let written = graph
        .write(async |txn| {
            let applied = write(txn, parts).await?;
            for (i, part) in applied.iter().enumerate() {
                waiting.extend(part.waiting.iter().map(|w| (i, *w)));
            }
            if !waiting.is_empty() {
                return Err(Error::new(Kind::Transient, "relationships wait for their ends"));
            }
            let pairs = parts.iter().zip(&applied);
            let taken = pairs.map(|(part, applied)| part.context.room.take(&applied.causes));
            let taken = taken.collect::<Result<Vec<_>>>()?;
            if applied.iter().any(|part| part.due > 0) {
                checkpoint::guard(txn, &to.fence, to.read_at).await?;
                return Ok((Committed::Due(applied), taken));
            }
            let from = Some(to.from_seal.as_str());
            checkpoint::advance(txn, &to.fence, from, &to.to, Some(to.consistent)).await?;
            Ok((Committed::Moved(applied), taken))
        })
        .await;
    if !waiting.is_empty() {
        return Ok(Committed::Waiting(waiting));
    }
    let (committed, taken) = written?;
    taken.into_iter().for_each(Taken::keep);
    Ok(committed)
}

/// The statements of all parts, phase by phase over all of them (R8).
async fn write(txn: &mut Txn, parts: &[Part<'_>]) -> Result<Vec<Applied>> {
    let sorted: Vec<Sorted<'_>> = parts.iter().map(|part| Sorted::new(part.items)).collect();
    let mut applied: Vec<Applied> = parts.iter().map(|_| Applied::default()).collect();
    for phase in [Phase::Clear, Phase::Nodes, Phase::Relationships, Phase::Close] {
        for (part, (sorted, applied)) in parts.iter().zip(sorted.iter().zip(&mut applied)) {
            let mut writer = Writer { txn, context: &part.context, applied };
            match phase {
                Phase::Clear => writer.clear(sorted).await?,
                Phase::Nodes => writer.nodes(sorted).await?,
                Phase::Relationships => writer.relationships(sorted).await?,
                Phase::Close => writer.close(sorted).await?,
            }
        }
    }
    for (part, applied) in parts.iter().zip(&mut applied) {
        applied.updated = updated_keys(part.items);
        for (code, count) in causes(part.items) {
            *applied.causes.entry(code).or_default() += count;
        }
    }
    Ok(applied)
}

#[derive(Clone, Copy)]
enum Phase {
    Clear,
    Nodes,
    Relationships,
    Close,
}

/// Number of rows that are changed in place; one may need several items.
pub fn updated_keys(items: &[Item]) -> u64 {
    let changes = |item: &&Item| {
        matches!(
            item,
            Item::Unlabel { .. }
                | Item::Rekey { .. }
                | Item::UpdateNode { .. }
                | Item::UpdateRelationship { .. }
        )
    };
    items.iter().filter(changes).map(Item::key).collect::<BTreeSet<_>>().len() as u64
}
