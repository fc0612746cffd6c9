//! sys.databases and what describes the database as a whole.

use serde_json::{Value as Json, json};

use super::Scope;
use super::tables::{bit, datetime};
use crate::catalog::DATABASE_ID;
use crate::catalog::permissions::Scope as On;
use crate::sql::ast::RetentionUnit;

impl Scope<'_> {
    pub(super) fn databases(&self) -> Vec<Json> {
        let own = &self.catalog.database;
        let (state, name) = if own.snapshot_allowed { (1, "ON") } else { (0, "OFF") };
        let collation = "SQL_Latin1_General_CP1_CI_AS";
        let created = datetime(own.created);
        vec![
            json!([
                "master", 1, created, 160, collation, 0, "ONLINE", 0, 1, "ON", 0, 3, "SIMPLE", null
            ]),
            json!([
                "tempdb", 2, created, 160, collation, 0, "ONLINE", 0, 0, "OFF", 0, 3, "SIMPLE",
                null
            ]),
            json!([
                own.name,
                DATABASE_ID,
                created,
                own.compatibility_level,
                collation,
                0,
                "ONLINE",
                0,
                state,
                name,
                bit(own.read_committed_snapshot),
                3,
                "SIMPLE",
                own.group_database_id
            ]),
        ]
    }

    pub(super) fn change_tracking_databases(&self) -> Vec<Json> {
        let tracking = self.catalog.database.tracking.as_ref();
        let row = tracking.map(|tracking| {
            // Observed units (probed.md 1).
            let (unit, name) = match tracking.unit {
                RetentionUnit::Minutes => (1, "MINUTES"),
                RetentionUnit::Hours => (2, "HOURS"),
                RetentionUnit::Days => (3, "DAYS"),
            };
            json!([
                DATABASE_ID,
                bit(tracking.auto_cleanup),
                tracking.retention,
                unit,
                name,
                tracking.cleanup_version
            ])
        });
        row.into_iter().collect()
    }

    /// Needs VIEW ANY DATABASE or ownership, else no row (facts, sql-server.md 5.9).
    pub(super) fn database_recovery_status(&self) -> Vec<Json> {
        if !self.catalog.permits(self.user, "VIEW ANY DATABASE", &[On::Server, On::Database]) {
            return Vec::new();
        }
        let own = &self.catalog.database;
        vec![json!([DATABASE_ID, own.guid, own.family_guid, own.fork_guid])]
    }
}
