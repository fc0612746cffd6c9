//! A window in one snapshot: versions and validity, the witness, keys, and rows where they are few.

use std::collections::BTreeMap;

use provsync::mapping::{Mapping, Slot};
use provsync::model::SourceRow;
use provsync::sqlserver::pages::{Depth, Keys, Page};
use provsync::sqlserver::window::{Changed, ChangedKeys, WindowRead, WindowRequest};

use super::{Database, Flaw, Table, versions};
use crate::random::Random;

pub fn read(
    database: &mut Database,
    mapping: &Mapping,
    request: &WindowRequest,
    flaw: Flaw,
    random: &mut Random,
) -> WindowRead {
    let mut window = WindowRead { versions: versions(database, flaw), ..WindowRead::default() };
    window.is_valid = WindowRead::check(&window.versions, &request.from).unwrap();
    window.is_valid &= flaw != Flaw::NoWindows;
    if !window.is_valid {
        return window;
    }
    window.witness_holds = request.witness.as_ref().is_none_or(|w| database.has_witness(w));
    if !window.witness_holds {
        return window;
    }
    read_keys(database, mapping, request, &mut window);
    if flaw == Flaw::VersionsLater && random.below(3) == 0 {
        database.transaction(random, 5);
        window.versions = versions(database, flaw);
    }
    if flaw == Flaw::RowsLater && random.below(3) == 0 {
        database.transaction(random, 5);
    }
    window.rows = read_rows(database, request, &window);
    window
}

fn read_keys(
    database: &Database,
    mapping: &Mapping,
    request: &WindowRequest,
    window: &mut WindowRead,
) {
    let to = window.versions.current.unwrap_or(0);
    let mut count = 0;
    window.is_complete = true;
    for slot in mapping.slots() {
        let table = Table::of(slot);
        let from = request.from.get(&slot).copied().unwrap_or(to);
        for (key, change) in database.tables[&table].changes(from) {
            count += 1;
            if count > request.keys_max {
                window.is_complete = false;
                return;
            }
            let changed = Changed { key, version: change.version };
            let is_present = database.rows.has(table, key);
            let keys: &mut ChangedKeys = window.keys.entry(slot).or_default();
            keys.add(changed, is_present, change.is_inserted);
        }
    }
    window.keys.values_mut().for_each(ChangedKeys::sort);
}

fn read_rows(
    database: &Database,
    request: &WindowRequest,
    window: &WindowRead,
) -> Option<BTreeMap<Slot, Page>> {
    let mut wanted = request.extra.clone();
    for (slot, keys) in &window.keys {
        wanted.entry(*slot).or_default().extend(keys.all());
    }
    let total: usize = wanted.values().map(std::collections::BTreeSet::len).sum();
    if !window.is_complete || total > request.rows_max {
        return None;
    }
    let read_at = window.versions.current.unwrap_or(0);
    let page = |(slot, keys): (Slot, std::collections::BTreeSet<i64>)| {
        let mut rows: Vec<SourceRow> = database.rows.read(Table::of(slot), Depth::Rows);
        rows.retain(|row| keys.contains(&row.key));
        let keys = Keys::List(keys.into_iter().collect());
        (slot, Page { keys, rows, read_at, is_cut: false })
    };
    Some(wanted.into_iter().map(page).collect())
}
