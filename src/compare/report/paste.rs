//! Statements to paste: what a report names, looked at by hand in either store.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::compare::difference::{Kind, Report};
use crate::compare::shown::escape;

/// Keys of a table in the statements to paste.
const PASTED_KEYS_MAX: usize = 100;

/// Statements that show rows and things of one table.
#[derive(Debug, Serialize)]
pub(super) struct Paste {
    pub(super) table: String,
    pub(super) sql: String,
    pub(super) cypher: String,
}

/// Those of the tables that differences are in.
pub(super) fn pastes(report: &Report) -> Vec<Paste> {
    let mut keys: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let (mut placeholders, mut wrong_keys) = (BTreeSet::new(), BTreeSet::new());
    for difference in &report.differences {
        let table = difference.table.as_str();
        match (difference.key, &difference.kind) {
            (Some(key), _) => keys.entry(table).or_default().push(key),
            (None, Kind::WrongKey { .. }) => {
                wrong_keys.insert(table);
            }
            (None, _) => {
                placeholders.insert(table);
            }
        }
    }
    let mut pastes = Vec::new();
    for (table, lookup) in &report.lookups {
        if let Some(keys) = keys.get_mut(table.as_str()) {
            keys.dedup();
            keys.truncate(PASTED_KEYS_MAX);
            let (sql, cypher) = (lookup.sql_of(keys), lookup.cypher_of(keys));
            pastes.push(Paste { table: escape(table), sql, cypher });
        }
        for (what, cypher, tables) in [
            ("placeholders", &lookup.placeholders, &placeholders),
            ("wrong keys", &lookup.wrong_keys, &wrong_keys),
        ] {
            if let Some(cypher) = cypher.as_ref().filter(|_| tables.contains(table.as_str())) {
                let table = format!("{}, {what}", escape(table));
                pastes.push(Paste { table, sql: String::new(), cypher: format!("{cypher};") });
            }
        }
    }
    pastes
}
