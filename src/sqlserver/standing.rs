//! How some rows stand, and whether they changed since a version: one snapshot, so that a difference
//! can be told from a change that is on its way.

use std::collections::{BTreeMap, BTreeSet};

use tiberius::ToSql;

use super::epoch::{self, Versions};
use super::pages::{self, Keys, Page};
use super::window::WindowRead;
use super::{Source, decode, statements};
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Slot};
use crate::model::keys::KeyList;
use crate::model::{Cell, SourceRow, Value};

/// What is asked of some rows of a table.
#[derive(Clone, Debug)]
pub struct StandingRequest {
    /// The table.
    pub slot: Slot,
    /// Row keys.
    pub keys: KeyList,
    /// The version after which changes of each tracked table count.
    pub since: BTreeMap<Slot, i64>,
    /// Rows of node tables whose changes count as well, beside those that the rows join.
    pub ends: BTreeMap<Slot, BTreeSet<i64>>,
    /// Bytes of rows at most.
    pub bytes_max: usize,
}

/// How the rows stand.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The versions of the snapshot.
    pub versions: Versions,
    /// Whether all changes since the versions asked for are there to be read.
    pub is_valid: bool,
    /// The rows.
    pub page: Page,
    /// The keys among those asked for, and among their ends, that changed.
    pub changed: BTreeMap<Slot, BTreeSet<i64>>,
}

/// Reads how some rows stand.
///
/// # Errors
/// [`Kind::TooLarge`] if the rows are more than `bytes_max`, and fewer keys may fit.
pub async fn read(
    source: &mut Source,
    mapping: &Mapping,
    request: &StandingRequest,
) -> Result<Standing> {
    pages::in_snapshot(source, async |source| {
        // The versions come first: they are those of the snapshot, and hold for what follows.
        let versions = epoch::read_versions(source, mapping).await?;
        let is_valid = WindowRead::check(&versions, &request.since)?;
        let page = rows(source, mapping, request, versions.current.unwrap_or(0)).await?;
        let mut changed = BTreeMap::new();
        if is_valid {
            let mut ends = request.ends.clone();
            add_ends(mapping, request.slot, &page.rows, &mut ends);
            ends.entry(request.slot).or_default().extend(request.keys.iter());
            for (slot, keys) in ends {
                let some = changed_keys(source, mapping, slot, &request.since, &keys).await?;
                changed.insert(slot, some);
            }
        }
        Ok(Standing { versions, is_valid, page, changed })
    })
    .await
}

async fn rows(
    source: &mut Source,
    mapping: &Mapping,
    request: &StandingRequest,
    read_at: i64,
) -> Result<Page> {
    let statements = statements::table(mapping, request.slot);
    let bytes_max = if request.keys.len() > 1 { request.bytes_max } else { usize::MAX };
    let (rows, is_complete) =
        pages::rows_of_lists(source, &statements, &request.keys, bytes_max).await?;
    if !is_complete {
        return Err(Error::new(Kind::TooLarge, "the rows are more than is read at a time"));
    }
    Ok(Page { keys: Keys::List(request.keys.clone()), rows, read_at, is_cut: false })
}

/// The rows that edges join.
fn add_ends(
    mapping: &Mapping,
    slot: Slot,
    rows: &[SourceRow],
    ends: &mut BTreeMap<Slot, BTreeSet<i64>>,
) {
    let Slot::Edge(i) = slot else { return };
    let (from, to) = (Slot::Node(mapping.edges[i].from), Slot::Node(mapping.edges[i].to));
    for row in rows {
        for (slot, cell) in [(from, row.cells.get(1)), (to, row.cells.get(2))] {
            if let Some(Value::Integer(key)) = cell.and_then(Cell::value) {
                ends.entry(slot).or_default().insert(*key);
            }
        }
    }
}

async fn changed_keys(
    source: &mut Source,
    mapping: &Mapping,
    slot: Slot,
    since: &BTreeMap<Slot, i64>,
    keys: &BTreeSet<i64>,
) -> Result<BTreeSet<i64>> {
    let Some(since) = since.get(&slot).filter(|_| !keys.is_empty()) else {
        return Ok(BTreeSet::new());
    };
    let sql = statements::changed_keys(mapping.table(slot));
    let keys: Vec<i64> = keys.iter().copied().collect();
    let mut changed = BTreeSet::new();
    for list in keys.chunks(pages::LIST_MAX) {
        let list = serde_json::to_string(list).unwrap_or_default();
        let parameters: [&dyn ToSql; 2] = [since, &list.as_str()];
        let rows = source.rows(&sql, &parameters).await?;
        let key = |row: &tiberius::Row| row.get_column_data(0).ok().and_then(decode::integer);
        changed.extend(rows.iter().filter_map(key));
    }
    Ok(changed)
}
