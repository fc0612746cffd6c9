//! sys.objects and the constraints.

use serde_json::{Value as Json, json};

use super::Scope;
use super::tables::{bit, datetime};
use crate::catalog::Table;

/// Constraints of a table: object id, name, type as in sys.objects.
pub fn constraints(table: &Table) -> Vec<(i32, &str, &'static str)> {
    let keys = table.indexes.iter().filter_map(|index| {
        let kind = if index.primary { "PK" } else { "UQ" };
        index.constraint_id.map(|id| (id, index.name.as_str(), kind))
    });
    let checks = table.checks.iter().map(|check| (check.id, check.name.as_str(), "C"));
    let foreign = table.foreign_keys.iter().map(|key| (key.id, key.name.as_str(), "F"));
    let edges = table.edge_constraints.iter().map(|edge| (edge.id, edge.name.as_str(), "EC"));
    let defaults = table.columns.iter().filter_map(|column| column.default.as_ref());
    let defaults = defaults.map(|default| (default.id, default.name.as_str(), "D"));
    keys.chain(checks).chain(foreign).chain(edges).chain(defaults).collect()
}

fn type_name(kind: &str) -> &'static str {
    match kind {
        "PK" => "PRIMARY_KEY_CONSTRAINT",
        "UQ" => "UNIQUE_CONSTRAINT",
        "C" => "CHECK_CONSTRAINT",
        "F" => "FOREIGN_KEY_CONSTRAINT",
        "EC" => "EDGE_CONSTRAINT",
        _ => "DEFAULT_CONSTRAINT",
    }
}

impl Scope<'_> {
    pub(super) fn objects(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            let (created, modified) = (datetime(table.created), datetime(table.modified));
            rows.push(json!([
                table.name,
                table.id,
                null,
                table.schema_id,
                0,
                "U ",
                "USER_TABLE",
                created,
                modified,
                0
            ]));
            for (id, name, kind) in constraints(table) {
                let description = type_name(kind);
                let kind = format!("{kind:<2}");
                rows.push(json!([
                    name,
                    id,
                    null,
                    table.schema_id,
                    table.id,
                    kind,
                    description,
                    created,
                    modified,
                    0
                ]));
            }
        }
        rows
    }

    pub(super) fn key_constraints(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            for index in &table.indexes {
                if let Some(id) = index.constraint_id {
                    let kind = if index.primary { "PK" } else { "UQ" };
                    rows.push(json!([
                        index.name,
                        id,
                        table.schema_id,
                        table.id,
                        kind,
                        type_name(kind),
                        index.id,
                        0
                    ]));
                }
            }
        }
        rows
    }

    pub(super) fn check_constraints(&self) -> Vec<Json> {
        self.of_tables(
            |table| table.checks.iter().collect(),
            |table, check| {
                let text = format!("({})", check.text);
                json!([
                    check.name,
                    check.id,
                    table.schema_id,
                    table.id,
                    "C ",
                    text,
                    bit(check.disabled),
                    bit(check.untrusted)
                ])
            },
        )
    }

    pub(super) fn default_constraints(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            for column in &table.columns {
                if let Some(default) = &column.default {
                    let text = format!("({})", default.text);
                    rows.push(json!([
                        default.name,
                        default.id,
                        table.schema_id,
                        table.id,
                        column.id,
                        "D ",
                        text
                    ]));
                }
            }
        }
        rows
    }

    pub(super) fn foreign_keys(&self) -> Vec<Json> {
        self.of_tables(
            |table| table.foreign_keys.iter().collect(),
            |table, key| {
                let (action, name) = action(key.cascade);
                json!([
                    key.name,
                    key.id,
                    table.schema_id,
                    table.id,
                    key.references,
                    bit(key.disabled),
                    bit(key.untrusted),
                    action,
                    name
                ])
            },
        )
    }

    pub(super) fn foreign_key_columns(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            for key in &table.foreign_keys {
                let pairs = key.columns.iter().zip(&key.referenced_columns);
                for (at, (own, other)) in (1..).zip(pairs) {
                    rows.push(json!([key.id, at, table.id, own, key.references, other]));
                }
            }
        }
        rows
    }

    pub(super) fn edge_constraints(&self) -> Vec<Json> {
        self.of_tables(
            |table| table.edge_constraints.iter().collect(),
            |table, edge| {
                let (action, name) = action(edge.cascade);
                json!([
                    edge.name,
                    edge.id,
                    table.schema_id,
                    table.id,
                    "EC",
                    type_name("EC"),
                    datetime(table.created),
                    bit(edge.disabled),
                    bit(edge.untrusted),
                    0,
                    action,
                    name
                ])
            },
        )
    }

    pub(super) fn edge_constraint_clauses(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            for edge in &table.edge_constraints {
                for (at, (from, to)) in (1..).zip(&edge.clauses) {
                    rows.push(json!([edge.id, at, from, to]));
                }
            }
        }
        rows
    }
}

fn action(cascade: bool) -> (i32, &'static str) {
    if cascade { (1, "CASCADE") } else { (0, "NO_ACTION") }
}
