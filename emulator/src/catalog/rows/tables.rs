//! sys.tables, sys.columns, sys.indexes and what hangs on them.

use serde_json::{Value as Json, json};

use super::Scope;
use super::type_rows::{max_length, precision, system_type_id, user_type_id};
use crate::catalog::{Column, ColumnRole, Index, Table};
use crate::values::calendar;

/// Ticks as datetime is stored.
pub(super) fn datetime(ticks: i64) -> i64 {
    let days = ticks.div_euclid(calendar::TICKS_PER_DAY) - calendar::DAY_1900;
    days * calendar::THIRDS_PER_DAY + ticks.rem_euclid(calendar::TICKS_PER_DAY) * 3 / 100_000
}

/// Booleans are kept as integers.
pub(super) fn bit(value: bool) -> i64 {
    i64::from(value)
}

impl Scope<'_> {
    pub(super) fn schemas(&self) -> Vec<Json> {
        self.catalog.schemas.iter().map(|(id, name)| json!([name, id, 1])).collect()
    }

    pub(super) fn tables(&self) -> Vec<Json> {
        let row = |table: &Table| {
            json!([
                table.name,
                table.id,
                null,
                table.schema_id,
                0,
                "U ",
                "USER_TABLE",
                datetime(table.created),
                datetime(table.modified),
                0,
                0,
                0,
                "NON_TEMPORAL_TABLE",
                bit(table.is_node()),
                bit(table.is_edge())
            ])
        };
        self.visible_tables().map(row).collect()
    }

    pub(super) fn columns(&self) -> Vec<Json> {
        self.of_tables(
            |table| table.columns.iter().collect(),
            |table, column: &Column| {
                let sql_type = column.sql_type;
                let (digits, scale) = precision(sql_type);
                let collation = sql_type
                    .is_text()
                    .then(|| column.collation.as_deref().unwrap_or(DEFAULT_COLLATION));
                let default = column.default.as_ref().map_or(0, |default| default.id);
                json!([
                    table.id,
                    column.name,
                    column.id,
                    system_type_id(sql_type),
                    user_type_id(sql_type),
                    max_length(sql_type),
                    digits,
                    scale,
                    collation,
                    bit(column.nullable),
                    bit(column.identity.is_some()),
                    0,
                    default,
                    bit(column.role.is_hidden()),
                    column.role.graph_type(),
                    graph_type_name(column.role)
                ])
            },
        )
    }

    pub(super) fn indexes(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            if !table.indexes.iter().any(|index| index.clustered) {
                // A table without a clustered index shows as a heap.
                rows.push(json!([table.id, null, 0, 0, "HEAP", 0, 0, 0, 0, 0, null]));
            }
            rows.extend(table.indexes.iter().map(|index| index_row(table, index)));
        }
        rows
    }

    pub(super) fn index_columns(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            for index in &table.indexes {
                let keys =
                    index.keys.iter().map(|(column, descending)| (*column, *descending, false));
                let included = index.include.iter().map(|column| (*column, false, true));
                for (at, (column, descending, included)) in (1..).zip(keys.chain(included)) {
                    let ordinal = if included { 0 } else { at };
                    rows.push(json!([
                        table.id,
                        index.id,
                        at,
                        column,
                        ordinal,
                        bit(descending),
                        bit(included)
                    ]));
                }
            }
        }
        rows
    }

    pub(super) fn identity_columns(&self) -> Vec<Json> {
        self.of_tables(
            |table| table.identity().into_iter().collect(),
            |table, column: &Column| {
                let (seed, increment) = column.identity.unwrap_or((1, 1));
                json!([table.id, column.name, column.id, seed, increment])
            },
        )
    }

    pub(super) fn change_tracking_tables(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            if let Some(tracking) = &table.tracking {
                rows.push(json!([
                    table.id,
                    bit(tracking.columns_updated),
                    tracking.min_valid_version,
                    tracking.begin_version,
                    tracking.cleanup_version
                ]));
            }
        }
        rows
    }
}

pub(super) const DEFAULT_COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";

fn graph_type_name(role: ColumnRole) -> Option<&'static str> {
    // Documented names of sys.columns.graph_type_desc.
    Some(match role.graph_type()? {
        1 => "GRAPH_ID",
        2 => "GRAPH_ID_COMPUTED",
        3 => "GRAPH_FROM_ID",
        4 => "GRAPH_FROM_OBJ_ID",
        5 => "GRAPH_FROM_ID_COMPUTED",
        6 => "GRAPH_TO_ID",
        7 => "GRAPH_TO_OBJ_ID",
        _ => "GRAPH_TO_ID_COMPUTED",
    })
}

fn index_row(table: &Table, index: &Index) -> Json {
    let (kind, name) = if index.clustered { (1, "CLUSTERED") } else { (2, "NONCLUSTERED") };
    let unique_constraint = index.constraint_id.is_some() && !index.primary;
    json!([
        table.id,
        index.name,
        index.id,
        kind,
        name,
        bit(index.unique),
        bit(index.primary),
        bit(unique_constraint),
        0,
        bit(index.filter.is_some()),
        index.filter.as_ref().map(|filter| format!("({filter})"))
    ])
}
