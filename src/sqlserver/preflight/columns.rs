//! The mapped columns against the catalogue's.

use super::{Column, Table};
use crate::finding::Finding;
use crate::mapping::names::fold;
use crate::mapping::{ColumnKind, Mapping, Slot, Table as Mapped};

/// SQL types by the kind of column that they fit.
const FITS: [(ColumnKind, &[&str]); 10] = [
    (ColumnKind::Integer, &["tinyint", "smallint", "int", "bigint"]),
    (ColumnKind::Boolean, &["bit"]),
    (ColumnKind::Float, &["real", "float"]),
    (ColumnKind::Decimal, &["decimal", "numeric", "money", "smallmoney"]),
    (
        ColumnKind::Text,
        &[
            "nvarchar", "varchar", "nchar", "char", "ntext", "text", "sysname", "xml", "json",
            "vector",
        ],
    ),
    (ColumnKind::Utc, &["datetime2", "datetimeoffset", "datetime", "smalldatetime"]),
    (ColumnKind::Local, &["datetime2", "datetime", "smalldatetime"]),
    (ColumnKind::Date, &["date"]),
    (ColumnKind::Hex, &["binary", "varbinary", "timestamp", "image"]),
    (ColumnKind::Guid, &["uniqueidentifier"]),
];

pub(super) fn is_known_type(name: &str) -> bool {
    FITS.iter().any(|(_, types)| types.contains(&name))
}

fn fitting(kind: ColumnKind) -> &'static [&'static str] {
    FITS.iter().find(|(k, _)| *k == kind).map_or(&[], |(_, types)| types)
}

/// Every mapped column that is missing or of a type that doesn't fit.
pub(super) fn check_columns(mapping: &Mapping, slot: Slot, table: &Table) -> Vec<Finding> {
    let mapped = mapping.table(slot);
    wanted(mapping, slot).filter_map(|want| check_column(mapped, table, &want)).collect()
}

/// Every column that is read, with what it must be.
fn wanted(mapping: &Mapping, slot: Slot) -> impl Iterator<Item = (String, ColumnKind)> {
    let mapped = mapping.table(slot);
    let own = match slot {
        Slot::Node(i) => {
            let node = &mapping.nodes[i];
            vec![
                (&node.types.column, ColumnKind::Text),
                (&node.identity.column, node.identity.kind),
            ]
        }
        Slot::Edge(i) => vec![(&mapping.edges[i].types.column, ColumnKind::Text)],
        Slot::Link(i) => {
            let link = &mapping.links[i];
            let kind = mapping.nodes[link.nodes].identity.kind;
            vec![(&link.from_column, kind), (&link.to_column, kind)]
        }
    };
    let key = [(&mapped.key, ColumnKind::Integer)];
    let columns = mapped.columns.iter().map(|c| (&c.column, c.kind));
    let all: Vec<_> = key.into_iter().chain(own).chain(columns).collect();
    all.into_iter().map(|(column, kind)| (column.clone(), kind))
}

impl Table {
    /// The column of this name, if there is one.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| fold(&column.name) == fold(name))
    }
}

fn check_column(mapped: &Mapped, table: &Table, want: &(String, ColumnKind)) -> Option<Finding> {
    let (column, kind) = want;
    let object = format!("{}.{column}", mapped.name);
    let fitting = fitting(*kind);
    let expected = format!("one of {}", fitting.join(", "));
    match table.column(column).map(|column| column.sql_type.as_str()) {
        None => {
            let finding = Finding::new("column", object).expected(expected).found("no such column");
            Some(finding.fix("correct the mapping, or add the column"))
        }
        Some(found) if fitting.contains(&found) => None,
        Some(found) => {
            let finding = Finding::new("column-type", object).expected(expected).found(found);
            Some(finding.fix(fix_type(found)))
        }
    }
}

fn fix_type(found: &str) -> String {
    let kinds = FITS.iter().filter(|(_, types)| types.contains(&found));
    let kinds: Vec<String> = kinds.map(|(kind, _)| format!("{kind:?}").to_lowercase()).collect();
    if kinds.is_empty() {
        return "no column type of the mapping fits: leave the column out, or read a computed column of another type".to_owned();
    }
    format!("give it type = \"{}\" in the mapping", kinds.join("\" or \""))
}
