//! The epoch that a checkpoint knows: within it, and only within it, versions count one history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::identity::Database;

/// What a checkpoint knows of the source's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownEpoch {
    /// Changes when a restore or a forced failover loses data; `None` where it can't be seen.
    pub recovery_fork_guid: Option<String>,
    /// Every tracked table by the name of the mapping's entry.
    pub tables: BTreeMap<String, TrackedObject>,
}

/// A table as the source knows it, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedObject {
    /// Another table has the name now if this changes.
    pub object_id: i64,
    /// Moves at TRUNCATE and when tracking is switched off and on, which versions may not show.
    pub begin_version: i64,
}

impl KnownEpoch {
    /// What is known of the table that an entry is read from now. Checkpoints of format 1 named tables as
    /// the catalogue spells them, and not the mapping: the object is the same under either name.
    pub fn table(&self, entry: &str, now: &TrackedObject) -> Option<&TrackedObject> {
        let by_object = || self.tables.values().find(|known| known.object_id == now.object_id);
        self.tables.get(entry).or_else(by_object)
    }

    /// Whether the database has lost changes since: its recovery took another fork. A fork that either
    /// side can't see is no evidence.
    pub fn is_restored(&self, database: &Database) -> bool {
        match (&self.recovery_fork_guid, &database.recovery_fork_guid) {
            (Some(known), Some(now)) => !known.eq_ignore_ascii_case(now),
            _ => false,
        }
    }

    /// Whether all tables are those that are known, with their changes.
    pub fn has_tables(&self, now: &BTreeMap<String, TrackedObject>) -> bool {
        now.iter().all(|(entry, object)| self.table(entry, object) == Some(object))
    }
}
