//! A window's keys, and its rows where they are few, in one snapshot.

use std::collections::{BTreeMap, BTreeSet};

use tiberius::{FromSql, Row, ToSql};

use super::epoch::{self, Versions};
use super::pages::{self, Keys, Page};
use super::{Flow, Source, decode, statements};
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Slot};
use crate::model::SourceRow;
use crate::model::keys::KeyList;
use crate::neo4j::checkpoint::Witness;

/// What is asked of a window.
#[derive(Clone, Debug, Default)]
pub struct WindowRequest {
    /// The version after which each tracked table's changes are wanted.
    pub from: BTreeMap<Slot, i64>,
    /// Changes that must still be there.
    pub witness: Option<Witness>,
    /// Keys that are wanted beside those that changed.
    pub extra: BTreeMap<Slot, BTreeSet<i64>>,
    /// Keys up to which the rows are read too.
    pub rows_max: usize,
    /// Bytes of rows up to which they are.
    pub bytes_max: usize,
    /// Keys beyond which there is no window.
    pub keys_max: usize,
}

/// What a window brings.
#[derive(Clone, Debug, Default)]
pub struct WindowRead {
    /// The versions of its snapshot.
    pub versions: Versions,
    /// The changes after a given version are not all there, or there are none: nothing else was read.
    pub is_valid: bool,
    /// The witness was reported, or could not be asked.
    pub witness_holds: bool,
    /// There are not more keys than were asked for at most.
    pub is_complete: bool,
    /// The changed keys of each table.
    pub keys: BTreeMap<Slot, ChangedKeys>,
    /// The rows of all keys, changed and extra, if they are few.
    pub rows: Option<BTreeMap<Slot, Page>>,
}

/// The keys of a table that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedKeys {
    /// Their rows are there; in order.
    pub present: Vec<Changed>,
    /// Their rows are not; in order.
    pub gone: Vec<Changed>,
    /// Those of [`ChangedKeys::present`] whose rows were inserted in the window: of a key that was
    /// there before it is another row now, to which no edge of the former one belongs (R6).
    pub inserted: BTreeSet<i64>,
}

/// A key and the version at which it last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// Row key.
    pub key: i64,
    /// Version.
    pub version: i64,
}

impl ChangedKeys {
    /// Adds a key.
    pub fn add(&mut self, changed: Changed, is_present: bool, is_inserted: bool) {
        if is_present {
            self.present.push(changed);
            if is_inserted {
                self.inserted.insert(changed.key);
            }
        } else {
            self.gone.push(changed);
        }
    }

    /// Puts them in order.
    pub fn sort(&mut self) {
        self.present.sort_unstable();
        self.gone.sort_unstable();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.present.len() + self.gone.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys.
    pub fn all(&self) -> impl Iterator<Item = i64> {
        self.present.iter().chain(&self.gone).map(|changed| changed.key)
    }
}

impl WindowRead {
    /// Whether every table's changes after the versions asked for are there to be read.
    ///
    /// # Errors
    /// The versions lack one of the tables.
    pub fn check(versions: &Versions, from: &BTreeMap<Slot, i64>) -> Result<bool> {
        let current = versions.current.unwrap_or(0);
        for (slot, from) in from {
            if *from > current || versions.table(*slot)?.min_valid > *from {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Reads a window. The versions come first: they are those of the snapshot, and what is checked
/// against them holds for what is read after them.
pub async fn read(
    source: &mut Source,
    mapping: &Mapping,
    request: &WindowRequest,
) -> Result<WindowRead> {
    pages::in_snapshot(source, async |source| {
        let versions = epoch::read_versions(source, mapping).await?;
        let mut window = WindowRead { versions, ..WindowRead::default() };
        window.is_valid = WindowRead::check(&window.versions, &request.from)?;
        if !window.is_valid {
            return Ok(window);
        }
        window.witness_holds = match &request.witness {
            Some(witness) => holds(source, mapping, &window.versions, witness).await?,
            None => true,
        };
        if window.witness_holds {
            read_keys(source, mapping, request, &mut window).await?;
            read_rows(source, mapping, request, &mut window).await?;
        }
        Ok(window)
    })
    .await
}

async fn holds(
    source: &mut Source,
    mapping: &Mapping,
    versions: &Versions,
    witness: &Witness,
) -> Result<bool> {
    let before = witness.version - 1;
    // A table that is no longer mapped, and changes that were cleaned up, say nothing.
    let Some(slot) = mapping.slot(&witness.table) else { return Ok(true) };
    if versions.table(slot)?.min_valid > before {
        return Ok(true);
    }
    let table = mapping.table(slot);
    let keys = serde_json::to_string(&witness.keys).unwrap_or_default();
    let parameters: [&dyn ToSql; 3] = [&before, &keys.as_str(), &witness.version];
    let rows = source.rows(&statements::witness(table), &parameters).await?;
    let count = rows.first().and_then(|row| row.get_column_data(0).ok().and_then(decode::integer));
    Ok(count == i64::try_from(witness.keys.len()).ok())
}

async fn read_keys(
    source: &mut Source,
    mapping: &Mapping,
    request: &WindowRequest,
    window: &mut WindowRead,
) -> Result<()> {
    let to = window.versions.current.unwrap_or(0);
    let tracked: Vec<Slot> = statements::tracked(mapping).map(|(slot, _)| slot).collect();
    window.is_complete = true;
    if tracked.is_empty() {
        return Ok(());
    }
    let from: Vec<i64> =
        tracked.iter().map(|slot| request.from.get(slot).copied().unwrap_or(to)).collect();
    let mut parameters: Vec<&dyn ToSql> = from.iter().map(|v| v as &dyn ToSql).collect();
    parameters.push(&to);
    let mut count = 0;
    let keys = &mut window.keys;
    window.is_complete = source
        .stream(&statements::changes(mapping), &parameters, |row| {
            let (part, changed, is_inserted, is_present) = parse(&row)?;
            let slot = tracked.get(part).ok_or_else(unexpected)?;
            keys.entry(*slot).or_default().add(changed, is_present, is_inserted);
            count += 1;
            Ok(if count > request.keys_max { Flow::Stop } else { Flow::Continue })
        })
        .await?;
    keys.values_mut().for_each(ChangedKeys::sort);
    Ok(())
}

fn parse(row: &Row) -> Result<(usize, Changed, bool, bool)> {
    let integer = |i| row.get_column_data(i).ok().and_then(decode::integer);
    let flag = |i| row.get_column_data(i).ok().and_then(|d| bool::from_sql(d).ok().flatten());
    let fields = (integer(0), integer(1), integer(2), flag(3), flag(4));
    let (Some(part), Some(key), Some(version), Some(inserted), Some(present)) = fields else {
        return Err(unexpected());
    };
    let part = usize::try_from(part).map_err(|_| unexpected())?;
    Ok((part, Changed { key, version }, inserted, present))
}

fn unexpected() -> Error {
    Error::new(Kind::Source, "CHANGETABLE answered in another form than expected").hint(
        "a row key that is no integer? `provsync doctor` compares the tables with the mapping",
    )
}

async fn read_rows(
    source: &mut Source,
    mapping: &Mapping,
    request: &WindowRequest,
    window: &mut WindowRead,
) -> Result<()> {
    let mut wanted = request.extra.clone();
    for (slot, keys) in &window.keys {
        wanted.entry(*slot).or_default().extend(keys.all());
    }
    let total: usize = wanted.values().map(BTreeSet::len).sum();
    if !window.is_complete || total > request.rows_max {
        return Ok(());
    }
    let read_at = window.versions.current.unwrap_or(0);
    let mut bytes_left = request.bytes_max;
    let mut pages = BTreeMap::new();
    for (slot, keys) in wanted {
        let keys: KeyList = keys.into_iter().collect();
        let statements = statements::table(mapping, slot);
        let (rows, complete) = pages::rows_of_lists(source, &statements, &keys, bytes_left).await?;
        if !complete {
            // Too much for one transaction; that the snapshot is gone does not matter, since the rows
            // will be read by pages.
            return Ok(());
        }
        bytes_left = bytes_left.saturating_sub(rows.iter().map(SourceRow::size).sum());
        pages.insert(slot, Page { keys: Keys::List(keys), rows, read_at, is_cut: false });
    }
    window.rows = Some(pages);
    Ok(())
}
