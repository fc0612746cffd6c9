//! Which source this is, and which life of it: the epoch token and the versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tiberius::{FromSql, Row};

use super::{Source, decode, errors, statements};
use crate::error::{Error, Kind, Result};
use crate::mapping::Mapping;

/// Identity and life of the source. A checkpoint of another epoch says nothing about this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Database name.
    pub database: String,
    /// `sys.databases.create_date`, ISO 8601.
    pub create_date: String,
    /// `database_guid`; absent where the login may not see it, and on Azure SQL Database.
    pub database_guid: Option<String>,
    /// Changes when a restore loses data.
    pub recovery_fork_guid: Option<String>,
    /// Family of backups.
    pub family_guid: Option<String>,
    /// Tracked tables: name, object id, `begin_version`. The last moves at TRUNCATE and when
    /// tracking is switched off and on, which the version test alone misses.
    pub tables: Vec<(String, i64, i64)>,
}

impl Epoch {
    /// What the graph is of: guid and name, or creation date and name where there is no guid.
    pub fn source_id(&self) -> String {
        let life = self.database_guid.as_deref().unwrap_or(&self.create_date);
        format!("{}@{}", self.database, life.to_lowercase())
    }

    /// Canonical text, as it stands on the checkpoint.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Current version, and where every tracked table stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Last committed tracked transaction; 0 is a version. `None` if no table is tracked and the
    /// database does not track.
    pub current: Option<i64>,
    /// By `schema.table`.
    pub tables: BTreeMap<String, TableVersions>,
}

/// Where a tracked table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableVersions {
    /// Another table has the name now if this changes.
    pub object_id: i64,
    /// The oldest version from which its changes can be read: `MIN_VALID_VERSION`.
    pub min_valid: i64,
}

impl Versions {
    /// The oldest version from which every tracked table can be followed.
    pub fn min_valid(&self) -> i64 {
        self.tables.values().map(|t| t.min_valid).max().unwrap_or(0)
    }
}

impl Epoch {
    /// The part that is of the whole database.
    #[must_use]
    pub fn of_database(&self) -> Self {
        Self { tables: Vec::new(), ..self.clone() }
    }

    /// What [`Epoch::text`] gave.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Reads the epoch.
///
/// # Errors
/// That of a read-only copy, by the code that change tracking has for it too.
pub async fn read_epoch(source: &mut Source, mapping: &Mapping) -> Result<Epoch> {
    let rows = source.rows(statements::EPOCH_DATABASE, &[]).await?;
    let row = rows
        .first()
        .ok_or_else(|| Error::new(Kind::Source, "sys.databases does not list this database"))?;
    if text(row, 5).as_deref() == Some("READ_ONLY") {
        // A copy may be behind; to take it for the source would put the graph back.
        return Err(errors::read_only_copy());
    }
    let tables = source.rows(&statements::epoch_tables(mapping), &[]).await?;
    Ok(Epoch {
        database: text(row, 0).unwrap_or_default(),
        create_date: text(row, 1).unwrap_or_default(),
        database_guid: text(row, 2),
        recovery_fork_guid: text(row, 3),
        family_guid: text(row, 4),
        tables: tables.iter().map(epoch_table).collect(),
    })
}

fn epoch_table(row: &Row) -> (String, i64, i64) {
    let name = format!("{}.{}", text(row, 0).unwrap_or_default(), text(row, 1).unwrap_or_default());
    (name, integer(row, 2).unwrap_or(-1), integer(row, 3).unwrap_or(-1))
}

/// Reads the versions.
///
/// # Errors
/// A NULL version is a fault of set-up or permission, never "nothing yet".
pub async fn read_versions(source: &mut Source, mapping: &Mapping) -> Result<Versions> {
    let rows = source.rows(&statements::versions(mapping), &[]).await?;
    let row = rows.first().ok_or_else(|| Error::new(Kind::Source, "SQL Server gave no version"))?;
    let current = integer(row, 0);
    let mut tables = BTreeMap::new();
    for (i, (_, table)) in statements::tracked(mapping).enumerate() {
        if current.is_none() {
            return Err(Error::new(Kind::Source, "change tracking is off for the database")
                .hint("ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON)"));
        }
        let name = table.name.to_string();
        let object_id = integer(row, 2 * i + 1).unwrap_or(-1);
        let min_valid = integer(row, 2 * i + 2).ok_or_else(|| no_minimum(&name))?;
        tables.insert(name, TableVersions { object_id, min_valid });
    }
    Ok(Versions { current, tables })
}

fn no_minimum(table: &str) -> Error {
    Error::new(Kind::Source, format!("change tracking gives no valid version for {table}")).hint(
        "one of: tracking is off for the table; the table was dropped or renamed; the login lacks VIEW CHANGE TRACKING on it. `provsync doctor` says which",
    )
}

/// The current version inside a snapshot; 0 where nothing is tracked.
pub async fn read_current(source: &mut Source) -> Result<i64> {
    let rows = source.rows(statements::CURRENT_VERSION, &[]).await?;
    Ok(rows.first().and_then(|row| integer(row, 0)).unwrap_or(0))
}

fn text(row: &Row, column: usize) -> Option<String> {
    let data = row.get_column_data(column).ok()?;
    <&str>::from_sql(data).ok().flatten().map(String::from)
}

fn integer(row: &Row, column: usize) -> Option<i64> {
    row.get_column_data(column).ok().and_then(decode::integer)
}
