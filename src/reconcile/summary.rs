//! What a run did, as people and programs read it. The JSON form is a contract: `docs/output.md`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::mapping::Slot;
use crate::neo4j::Counters;
use crate::neo4j::apply::Applied;

/// Counts of one kind: `nodes`, `edges` or `links`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Rows read at the source.
    pub read: u64,
    /// Made in the graph; a row whose identity changed counts here and in `deleted`.
    pub created: u64,
    /// Changed in place.
    pub updated: u64,
    /// Taken away: row gone, unrepresentable, moved or of another identity.
    pub deleted: u64,
    /// Rows that the graph already held.
    pub unchanged: u64,
    /// Rows in quarantine when the run ended.
    pub quarantined: u64,
}

/// Neo4j's own counters over all data that a run wrote, without checkpoint and schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Nodes, quarantine entries included.
    pub nodes_created: u64,
    /// Nodes, quarantine entries included.
    pub nodes_deleted: u64,
    /// Relationships.
    pub relationships_created: u64,
    /// Relationships.
    pub relationships_deleted: u64,
    /// Properties.
    pub properties_set: u64,
    /// Labels.
    pub labels_added: u64,
    /// Labels.
    pub labels_removed: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The source: name and guid.
    pub source: String,
    /// The version that the checkpoint stands at now; V0 of a dry run.
    pub version: Option<i64>,
    /// Whether the graph stands exactly at `version`.
    pub consistent: bool,
    /// Whether nothing was written because it was not asked for.
    pub dry_run: bool,
    /// Whether it went on where an earlier run had stopped.
    pub resumed: bool,
    /// Why all was read anew, where an earlier state was set aside.
    pub reason: String,
    /// Counts by kind.
    pub kinds: BTreeMap<&'static str, Tally>,
    /// Placeholders that no link needed any more.
    pub placeholders_removed: u64,
    /// Relationships of edge tables that went with a node that left its identity.
    pub detached: u64,
    /// Relationships of others that went with a node that had to go.
    pub foreign_deleted: u64,
    /// Work that was done again after a fault that passes.
    pub retries: u64,
    /// Neo4j's own counters.
    pub written: Written,
    /// A sample of what a dry run would do: table, key, what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<String>,
    /// Wall clock.
    pub seconds: f64,
}

impl Summary {
    /// The tally of a slot's kind.
    pub fn tally(&mut self, slot: Slot) -> &mut Tally {
        self.kinds.entry(kind(slot)).or_default()
    }

    /// Adds what a transaction did.
    pub fn add(&mut self, slot: Slot, applied: &Applied) {
        let tally = self.tally(slot);
        tally.created += applied.created;
        tally.updated += applied.updated;
        tally.deleted += applied.deleted;
        self.detached += applied.detached;
        self.foreign_deleted += applied.foreign_deleted;
        self.placeholders_removed += applied.placeholders_removed;
        self.written.add(&applied.counters);
    }

    /// Works out what was unchanged, once all is done.
    pub fn close(&mut self) {
        for tally in self.kinds.values_mut() {
            let touched = tally.created + tally.updated + tally.quarantined;
            tally.unchanged = tally.read.saturating_sub(touched);
        }
    }

    /// All rows in quarantine.
    pub fn quarantined(&self) -> u64 {
        self.kinds.values().map(|t| t.quarantined).sum()
    }
}

impl Written {
    /// Adds one statement's or one transaction's.
    pub fn add(&mut self, counters: &Counters) {
        self.nodes_created += counters.nodes_created;
        self.nodes_deleted += counters.nodes_deleted;
        self.relationships_created += counters.relationships_created;
        self.relationships_deleted += counters.relationships_deleted;
        self.properties_set += counters.properties_set;
        self.labels_added += counters.labels_added;
        self.labels_removed += counters.labels_removed;
    }
}

/// The name of a kind.
pub fn kind(slot: Slot) -> &'static str {
    match slot {
        Slot::Node(_) => "nodes",
        Slot::Edge(_) => "edges",
        Slot::Link(_) => "links",
    }
}
