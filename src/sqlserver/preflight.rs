//! Preflight of the source: one description is read, then every check is pure.

mod check;
mod collation;
mod columns;
mod statements;

use tiberius::{ColumnData, FromSql, Row};

pub use check::check;
pub use statements::all as all_statements;

use super::{Source, decode};
use crate::error::{Error, Kind, Result};
use crate::mapping::names::fold;
use crate::mapping::{Mapping, TableName};

/// The source as the login sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceDescription {
    /// Login, for statements that grant it something.
    pub user: String,
    /// Database and server.
    pub database: Database,
    /// `CHANGE_TRACKING_CURRENT_VERSION()`; `None` if the database does not track.
    pub current_version: Option<i64>,
    /// The mapped tables that are there and visible.
    pub tables: Vec<Table>,
    /// Node tables with identities of more than one row, and how many.
    pub duplicates: Vec<(TableName, i64)>,
}

/// Database and server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// Name.
    pub name: String,
    /// 1 is on; 2 and 3 are on the way.
    pub snapshot_isolation_state: i64,
    /// 130 is SQL Server 2016's.
    pub compatibility_level: i64,
    /// Minutes that changes are kept; `None` if the database does not track.
    pub retention_minutes: Option<i64>,
    /// Whether it is a read-only copy.
    pub is_read_only: bool,
    /// 15 is SQL Server 2019; `None` where the server has no such number.
    pub major_version: Option<i64>,
}

/// A table that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Schema and name as the catalogue writes them.
    pub schema: String,
    /// See [`Table::schema`].
    pub name: String,
    /// What `CREATE TABLE` made it.
    pub kind: TableKind,
    /// Change tracking is on.
    pub is_tracked: bool,
    /// The login may read it.
    pub can_select: bool,
    /// The login may read its changes.
    pub can_view_changes: bool,
    /// `CHANGE_TRACKING_MIN_VALID_VERSION`; `None` also where it isn't asked for.
    pub min_valid_version: Option<i64>,
    /// Columns of the primary key in order.
    pub primary_key: Vec<String>,
    /// Every column.
    pub columns: Vec<Column>,
    /// Edge constraints, one entry a clause.
    pub edge_constraints: Vec<EdgeConstraint>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Name as the catalogue writes it.
    pub name: String,
    /// Type, or what an alias type stands for.
    pub sql_type: String,
    /// Of a text: how it is compared and, unless it is Unicode, its code page.
    pub collation: Option<String>,
    /// Bytes; -1 is `(max)`.
    pub max_length: i64,
    /// It may be NULL.
    pub is_nullable: bool,
    /// Indexes and keys that contain it.
    pub index_count: i64,
}

/// What `CREATE TABLE` made a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableKind {
    /// Neither of the others.
    #[default]
    Ordinary,
    /// AS NODE.
    Node,
    /// AS EDGE.
    Edge,
}

/// A clause of an edge constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeConstraint {
    /// Name of the constraint.
    pub name: String,
    /// It is switched on.
    pub is_enabled: bool,
    /// Rows from before it was switched on have been checked.
    pub is_trusted: bool,
    /// Where edges may begin.
    pub from: TableName,
    /// Where edges may end.
    pub to: TableName,
}

impl SourceDescription {
    /// The table, if it is there. Names compare without case, as under most collations; that the
    /// server's collation agrees is sure, since it found the table by the mapping's spelling.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|t| t.is(&name.schema, &name.table))
    }

    fn table_mut(&mut self, schema: &str, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|t| t.is(schema, name))
    }
}

impl Table {
    fn is(&self, schema: &str, name: &str) -> bool {
        fold(&self.schema) == fold(schema) && fold(&self.name) == fold(name)
    }
}

/// Reads the description.
///
/// # Errors
/// The source can't be reached, or refuses a catalogue read.
pub async fn describe(
    source: &mut Source,
    user: &str,
    mapping: &Mapping,
) -> Result<SourceDescription> {
    let mut description = SourceDescription {
        user: user.to_owned(),
        database: database(source).await?,
        ..SourceDescription::default()
    };
    for row in source.rows(&statements::tables(mapping), &[]).await? {
        description.tables.push(table(&row));
    }
    read_versions(source, mapping, &mut description).await?;
    for row in source.rows(&statements::primary_keys(mapping), &[]).await? {
        if let Some(table) = description.table_mut(&text(&row, 0), &text(&row, 1)) {
            table.primary_key.push(text(&row, 2));
        }
    }
    for row in source.rows(&statements::columns(mapping), &[]).await? {
        if let Some(table) = description.table_mut(&text(&row, 0), &text(&row, 1)) {
            table.columns.push(column(&row));
        }
    }
    for row in source.rows(&statements::edge_constraints(mapping), &[]).await? {
        if let Some(table) = description.table_mut(&text(&row, 0), &text(&row, 1)) {
            table.edge_constraints.push(edge_constraint(&row));
        }
    }
    Ok(description)
}

async fn database(source: &mut Source) -> Result<Database> {
    let rows = source.rows(statements::DATABASE, &[]).await?;
    let row = rows.first().ok_or_else(|| {
        Error::new(Kind::Source, "sys.databases does not list the database of this connection")
    })?;
    let units = match text(row, 4).as_str() {
        "DAYS" => 24 * 60,
        "HOURS" => 60,
        _ => 1,
    };
    // Azure SQL Database (5) and Managed Instance (8) say 12 whatever they are.
    let is_azure = matches!(integer(row, 7), Some(5 | 8));
    Ok(Database {
        name: text(row, 0),
        snapshot_isolation_state: integer(row, 1).unwrap_or_default(),
        compatibility_level: integer(row, 2).unwrap_or_default(),
        retention_minutes: integer(row, 3).map(|n| n.saturating_mul(units)),
        is_read_only: text(row, 5) == "READ_ONLY",
        major_version: integer(row, 6).filter(|_| !is_azure),
    })
}

fn table(row: &Row) -> Table {
    Table {
        schema: text(row, 0),
        name: text(row, 1),
        kind: match (flag(row, 2), flag(row, 3)) {
            (true, _) => TableKind::Node,
            (_, true) => TableKind::Edge,
            _ => TableKind::Ordinary,
        },
        is_tracked: flag(row, 4),
        can_select: flag(row, 5),
        can_view_changes: flag(row, 6),
        ..Table::default()
    }
}

async fn read_versions(
    source: &mut Source,
    mapping: &Mapping,
    description: &mut SourceDescription,
) -> Result<()> {
    let rows = source.rows(&super::statements::versions(mapping), &[]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    description.current_version = integer(row, 0);
    for (i, (_, tracked)) in super::statements::tracked(mapping).enumerate() {
        let minimum = integer(row, 2 * i + 2);
        if let Some(table) = description.table_mut(&tracked.name.schema, &tracked.name.table) {
            table.min_valid_version = minimum;
        }
    }
    Ok(())
}

/// Adds the identities of more than one row, which takes a pass over each node table; only where
/// that can't fail for a reason that is a finding of its own.
///
/// # Errors
/// The source can't be reached.
pub async fn read_duplicates(
    source: &mut Source,
    mapping: &Mapping,
    description: &mut SourceDescription,
) -> Result<()> {
    for node in &mapping.nodes {
        let needed = [&node.types.column, &node.identity.column, &node.table.key];
        let Some(table) = description.table(&node.table.name) else { continue };
        if !table.can_select || needed.iter().any(|column| table.column(column).is_none()) {
            continue;
        }
        let statement = statements::duplicates(node);
        let rows = source.rows(&statement, &[&statements::DUPLICATE_ROWS_MAX]).await?;
        let count = rows.first().and_then(|row| integer(row, 0)).unwrap_or_default();
        if count > 0 {
            description.duplicates.push((node.table.name.clone(), count));
        }
    }
    Ok(())
}

fn column(row: &Row) -> Column {
    Column {
        name: text(row, 2),
        sql_type: base_type(&text(row, 3), text(row, 4)),
        collation: Some(text(row, 5)).filter(|name| !name.is_empty()),
        max_length: integer(row, 6).unwrap_or_default(),
        is_nullable: flag(row, 7),
        index_count: integer(row, 8).unwrap_or_default(),
    }
}

fn edge_constraint(row: &Row) -> EdgeConstraint {
    let name = |i| TableName { schema: text(row, i), table: text(row, i + 1) };
    EdgeConstraint {
        name: text(row, 2),
        is_enabled: !flag(row, 3),
        is_trusted: !flag(row, 4),
        from: name(5),
        to: name(7),
    }
}

/// The type itself, or what an alias type stands for. CLR types have no base; `vector` has one
/// that says nothing of it.
fn base_type(name: &str, base: String) -> String {
    let keeps_its_name = base.is_empty() || columns::is_known_type(name);
    if keeps_its_name { name.to_owned() } else { base }
}

fn cell(row: &Row, column: usize) -> Option<&ColumnData<'static>> {
    row.cells().nth(column).map(|(_, data)| data)
}

fn text(row: &Row, column: usize) -> String {
    let text = cell(row, column).and_then(|data| <&str>::from_sql(data).ok().flatten());
    text.unwrap_or_default().to_owned()
}

fn integer(row: &Row, column: usize) -> Option<i64> {
    cell(row, column).and_then(decode::integer)
}

/// A bit, or an integer that is not 0; NULL is false.
fn flag(row: &Row, column: usize) -> bool {
    let bit = cell(row, column).and_then(|data| bool::from_sql(data).ok().flatten());
    bit.unwrap_or_else(|| integer(row, column).is_some_and(|n| n != 0))
}

#[cfg(test)]
mod tests;
