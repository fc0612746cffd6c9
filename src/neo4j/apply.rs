//! Writes items in one transaction: in the order of R8, guard last, and every count compared with
//! what was sent.

mod sorted;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use sorted::Sorted;
use writer::Writer;

use super::checkpoint::{self, Fence};
use super::{Counters, Graph};
use crate::error::Result;
use crate::mapping::Shape;
use crate::reconcile::diff::Item;

/// What the items of one transaction are written under.
#[derive(Clone)]
pub struct Context {
    /// The table in the graph.
    pub shape: Arc<Shape>,
    /// The right to write.
    pub fence: Fence,
    /// The version that the rows were read at (R4).
    pub read_at: i64,
    /// Whether relationships whose ends are missing go into quarantine, or are handed back.
    pub quarantine_missing_ends: bool,
}

/// Quarantine's word for a row whose identity another row has.
pub const IDENTITY_TAKEN: &str = "identity-taken";

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
    /// Relationships of edge tables that went with a node that left; they come again with its row.
    pub detached: u64,
    /// Relationships that others made and that went with their nodes.
    pub foreign_deleted: u64,
    /// Relationships whose ends are missing.
    pub waiting: Vec<Waiting>,
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
        self.detached += other.detached;
        self.foreign_deleted += other.foreign_deleted;
        self.waiting.extend(other.waiting);
        self.counters += &other.counters;
    }
}

/// Writes the items in one transaction.
///
/// # Errors
/// Nothing is written then, except with [`Kind::UnknownOutcome`]. [`Kind::Transient`] if the graph
/// is no longer what the items were computed from.
pub async fn apply(graph: &Graph, context: &Context, items: &[Item]) -> Result<Applied> {
    let sorted = Sorted::new(items);
    graph
        .write(async |txn| {
            let mut writer = Writer { txn, context, applied: Applied::default() };
            writer.write(&sorted).await?;
            let mut applied = writer.applied;
            applied.updated = updated_keys(items);
            checkpoint::guard(txn, &context.fence, context.read_at).await?;
            Ok(applied)
        })
        .await
}

/// Number of rows that are changed in place; one may need several items.
pub fn updated_keys(items: &[Item]) -> u64 {
    let changes = |item: &&Item| {
        matches!(
            item,
            Item::Unlabel { .. } | Item::UpdateNode { .. } | Item::UpdateRelationship { .. }
        )
    };
    items.iter().filter(changes).map(Item::key).collect::<BTreeSet<_>>().len() as u64
}
