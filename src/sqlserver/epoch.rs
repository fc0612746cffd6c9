//! Which source this is, and in which epoch; and its versions.

use std::collections::{BTreeMap, BTreeSet};

use tiberius::{FromSql, Row};

use super::{Source, decode, errors, statements};
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Slot};
use crate::model::{Database, Identity, KnownEpoch, Recognition, TrackedObject};

/// Identity and epoch of the source. A checkpoint of another epoch says nothing about this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Which database it is.
    pub database: Database,
    /// Every tracked table.
    pub tables: BTreeMap<Slot, TrackedObject>,
    /// The SQL types of every table's mapped columns.
    pub types: BTreeMap<Slot, BTreeSet<String>>,
}

impl Epoch {
    /// As it stands on the checkpoint.
    pub fn known(&self, mapping: &Mapping) -> KnownEpoch {
        KnownEpoch {
            recovery_fork_guid: self.database.recovery_fork_guid.clone(),
            tables: self.entries(mapping),
        }
    }

    fn entries(&self, mapping: &Mapping) -> BTreeMap<String, TrackedObject> {
        self.tables.iter().map(|(slot, object)| (mapping.entry(*slot), *object)).collect()
    }

    /// Whether a checkpoint is of this database, and of no earlier state of it.
    pub fn is_that_of(&self, identity: &Identity, known: &KnownEpoch, mapping: &Mapping) -> bool {
        identity.recognise(&self.database) == Recognition::Same
            && identity.may_share_family(&self.database)
            && !known.is_restored(&self.database)
            && known.has_tables(&self.entries(mapping))
    }
}

/// Current version, and where every tracked table stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Last committed tracked transaction; 0 is a version. `None` if no table is tracked and the
    /// database does not track.
    pub current: Option<i64>,
    /// Every tracked table.
    pub tables: BTreeMap<Slot, TableVersions>,
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

    /// Where the table of a slot stands.
    ///
    /// # Errors
    /// The source did not say: there is no safe answer.
    pub fn table(&self, slot: Slot) -> Result<TableVersions> {
        self.tables.get(&slot).copied().ok_or_else(|| unanswered("versions", slot))
    }
}

impl Epoch {
    /// The object that the table of a slot is.
    ///
    /// # Errors
    /// The source did not say: there is no safe answer.
    pub fn table(&self, slot: Slot) -> Result<TrackedObject> {
        self.tables.get(&slot).copied().ok_or_else(|| unanswered("the epoch", slot))
    }
}

fn unanswered(what: &str, slot: Slot) -> Error {
    Error::new(Kind::Source, format!("SQL Server gave {what} without the table of {slot:?}"))
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
    Ok(Epoch {
        database: Database {
            name: text(row, 0).unwrap_or_default(),
            create_date: text(row, 1).unwrap_or_default(),
            database_guid: text(row, 2),
            recovery_fork_guid: text(row, 3),
            family_guid: text(row, 4),
            group_database_id: text(row, 6),
            server: text(row, 7),
        },
        tables: read_objects(source, mapping).await?,
        types: read_types(source, mapping).await?,
    })
}

async fn read_types(
    source: &mut Source,
    mapping: &Mapping,
) -> Result<BTreeMap<Slot, BTreeSet<String>>> {
    let slots = mapping.slots();
    let mut types = BTreeMap::<Slot, BTreeSet<String>>::new();
    for row in source.rows(&statements::epoch_types(mapping), &[]).await? {
        let part = integer(&row, 0).and_then(|part| usize::try_from(part).ok());
        let slot = part.and_then(|part| slots.get(part)).copied();
        let (Some(slot), Some(name)) = (slot, text(&row, 1)) else {
            return Err(Error::new(Kind::Source, "sys.columns gave a column without its type"));
        };
        types.entry(slot).or_default().insert(name);
    }
    Ok(types)
}

/// Every tracked table, asked for by its place in the mapping: how the catalogue spells its name does not
/// matter.
///
/// # Errors
/// A table that is not listed is not tracked, or was dropped a moment ago.
async fn read_objects(
    source: &mut Source,
    mapping: &Mapping,
) -> Result<BTreeMap<Slot, TrackedObject>> {
    let slots: Vec<(Slot, String)> =
        statements::tracked(mapping).map(|(slot, t)| (slot, t.name.to_string())).collect();
    let mut objects = BTreeMap::new();
    if slots.is_empty() {
        return Ok(objects);
    }
    for row in source.rows(&statements::epoch_tables(mapping), &[]).await? {
        let part = integer(&row, 0).and_then(|part| usize::try_from(part).ok());
        let slot = part.and_then(|part| slots.get(part));
        let object = integer(&row, 1).zip(integer(&row, 2));
        let (Some((slot, name)), Some((object_id, begin_version))) = (slot, object) else {
            return Err(Error::new(
                Kind::Source,
                "sys.change_tracking_tables gave no begin_version",
            ));
        };
        if objects.insert(*slot, TrackedObject { object_id, begin_version }).is_some() {
            return Err(Error::new(Kind::Source, format!("{name} is listed twice as tracked")));
        }
    }
    match slots.iter().find(|(slot, _)| !objects.contains_key(slot)) {
        Some((_, name)) => Err(no_minimum(name)),
        None => Ok(objects),
    }
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
    for (i, (slot, table)) in statements::tracked(mapping).enumerate() {
        if current.is_none() {
            return Err(Error::new(Kind::Source, "change tracking is off for the database")
                .hint("ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON)"));
        }
        let answer = integer(row, 2 * i + 1).zip(integer(row, 2 * i + 2));
        let (object_id, min_valid) = answer.ok_or_else(|| no_minimum(&table.name.to_string()))?;
        tables.insert(slot, TableVersions { object_id, min_valid });
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
