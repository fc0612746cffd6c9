//! What is in the database: schemas, tables, constraints, principals, permissions.
//!
//! The catalog is one document in the table `__sys_catalog`, so it takes part in `SQLite`'s transactions and snapshots:
//! a session reads it again when its version differs from the one that it holds.

pub mod permissions;
pub mod rows;
pub mod store;
pub mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sql::ast::{ObjectName, RetentionUnit};
use crate::sql::error::{Result, SqlError};
use permissions::Security;
pub use table::{Column, ColumnRole, EdgeConstraint, ForeignKey, Index, Table};

/// Everything but the rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Catalog {
    /// Changes with every DDL statement; random, so that a rolled back change is never taken for another.
    #[serde(skip)]
    pub version: i64,
    /// The database itself.
    pub database: Database,
    /// Schemas by id.
    pub schemas: BTreeMap<i32, String>,
    /// Tables by object id.
    pub tables: BTreeMap<i32, Arc<Table>>,
    /// Principals, logins, permissions.
    pub security: Security,
    /// Object ids given out so far.
    pub objects_made: i32,
    /// Temporary tables and table variables of the session that holds this catalog.
    #[serde(skip)]
    pub local: BTreeMap<i32, Arc<Table>>,
    /// How often it has changed.
    #[serde(default)]
    pub changes: i64,
}

/// Properties of the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Database {
    /// Name.
    pub name: String,
    /// Ticks, UTC.
    pub created: i64,
    /// `sys.database_recovery_status`.
    pub guid: String,
    /// Changes when a restore forks history.
    pub fork_guid: String,
    /// Stays the same over restores.
    pub family_guid: String,
    /// In an availability group: the same on every replica.
    #[serde(default)]
    pub group_database_id: Option<String>,
    /// `ALLOW_SNAPSHOT_ISOLATION`.
    pub snapshot_allowed: bool,
    /// `READ_COMMITTED_SNAPSHOT`.
    pub read_committed_snapshot: bool,
    /// 150 and the like.
    pub compatibility_level: i64,
    /// Change tracking, when on.
    pub tracking: Option<DatabaseTracking>,
}

impl Database {
    /// History goes on from here in another way than before.
    pub fn begin_fork(&mut self) {
        self.fork_guid = new_guid();
    }

    /// It is restored where it was not: a database of its own, made now.
    ///
    /// Documented: `database_guid` is unique to each database on each instance, the family is that of the backups;
    /// `create_date` is of the instance's own copy.
    pub fn become_another(&mut self, created: i64) {
        self.guid = new_guid();
        self.created = created;
    }

    /// It joins an availability group, if it is in none.
    pub fn join_group(&mut self) {
        self.group_database_id.get_or_insert_with(new_guid);
    }
}

fn new_guid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Change tracking of the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseTracking {
    /// How long changes are kept.
    pub retention: i64,
    /// In which unit.
    pub unit: RetentionUnit,
    /// Whether old changes go by themselves.
    pub auto_cleanup: bool,
    /// Up to which version they have gone.
    #[serde(default)]
    pub cleanup_version: Option<i64>,
}

/// Schema ids of SQL Server.
pub const SCHEMA_DBO: i32 = 1;
/// The catalog's own schema.
pub const SCHEMA_SYS: i32 = 4;
/// Id of the one user database; 1 to 4 are the system's.
pub const DATABASE_ID: i32 = 5;

impl Catalog {
    /// An empty database.
    pub fn new(name: &str, created: i64) -> Self {
        let schemas =
            [(SCHEMA_DBO, "dbo"), (2, "guest"), (3, "INFORMATION_SCHEMA"), (SCHEMA_SYS, "sys")];
        Self {
            version: 0,
            database: Database {
                name: name.to_owned(),
                created,
                guid: new_guid(),
                fork_guid: new_guid(),
                family_guid: new_guid(),
                group_database_id: None,
                snapshot_allowed: false,
                read_committed_snapshot: false,
                compatibility_level: 160,
                tracking: None,
            },
            schemas: schemas.map(|(id, name)| (id, name.to_owned())).into(),
            tables: BTreeMap::new(),
            security: Security::default(),
            objects_made: 0,
            local: BTreeMap::new(),
            changes: 0,
        }
    }

    /// A new object id: positive and scattered, as SQL Server's are.
    pub fn new_object_id(&mut self) -> i32 {
        self.objects_made += 1;
        let scattered = (i64::from(self.objects_made) * 16_000_057 + 885_578_153) % 2_147_000_000;
        i32::try_from(scattered).unwrap_or(self.objects_made)
    }

    /// A schema's id.
    pub fn schema_id(&self, name: &str) -> Option<i32> {
        self.schemas.iter().find(|(_, own)| same_name(own, name)).map(|(id, _)| *id)
    }

    /// A schema's name.
    pub fn schema_name(&self, id: i32) -> &str {
        self.schemas.get(&id).map_or("", String::as_str)
    }

    /// The table of that name; without a schema it is `dbo`'s. `#name` and `@name` are the session's own.
    pub fn find_table(&self, name: &ObjectName) -> Option<&Arc<Table>> {
        if name.object().starts_with(['#', '@']) {
            let tempdb = name.database().is_none_or(|database| same_name(database, "tempdb"));
            let mut local = self.local.values().filter(|_| tempdb);
            return local.find(|table| same_name(&table.name, name.object()));
        }
        if name.database().is_some_and(|database| !same_name(database, &self.database.name)) {
            return None;
        }
        let schema = self.schema_id(name.schema().unwrap_or("dbo"))?;
        self.tables
            .values()
            .find(|table| table.schema_id == schema && same_name(&table.name, name.object()))
    }

    /// The table of that id.
    pub fn table_by_id(&self, id: i32) -> Option<&Arc<Table>> {
        self.tables.get(&id).or_else(|| self.local.get(&id))
    }

    /// The table of that name; 208, or 1087 for a table variable.
    pub fn table(&self, name: &ObjectName) -> Result<&Arc<Table>> {
        self.find_table(name).ok_or_else(|| invalid_object(name))
    }

    /// `schema.table`.
    pub fn qualified(&self, table: &Table) -> String {
        if table.is_local() {
            // Observed: messages give a table variable its bare name.
            return table.name.clone();
        }
        format!("{}.{}", self.schema_name(table.schema_id), table.name)
    }

    /// `database.schema.table`.
    pub fn full_name(&self, table: &Table) -> String {
        if table.is_variable() {
            return table.name.clone();
        }
        if table.is_local() {
            return format!("tempdb.dbo.{}", table.name);
        }
        format!("{}.{}", self.database.name, self.qualified(table))
    }
}

/// 208.
pub fn invalid_object(name: &ObjectName) -> SqlError {
    if name.object().starts_with('@') {
        return SqlError::new(1087, format!("Must declare the table variable \"{name}\"."))
            .class(15)
            .state(2);
    }
    SqlError::new(208, format!("Invalid object name '{name}'."))
}

/// Names are compared without case (the default collation).
pub fn same_name(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
        || (!(left.is_ascii() && right.is_ascii()) && left.to_lowercase() == right.to_lowercase())
}
