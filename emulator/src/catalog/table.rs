//! A table's definition.

use serde::{Deserialize, Serialize};

use super::same_name;
use crate::sql::ast::TableKind;
use crate::sql::error::{Result, SqlError};
use crate::values::SqlType;

/// A table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    /// Object id; the `SQLite` table is named `t` and this.
    pub id: i32,
    /// Schema.
    pub schema_id: i32,
    /// Name.
    pub name: String,
    /// Ordinary, node or edge.
    pub kind: TableKind,
    /// Columns in order, those of the graph first.
    pub columns: Vec<Column>,
    /// Indexes by id.
    pub indexes: Vec<Index>,
    /// Check constraints.
    pub checks: Vec<Check>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Edge constraints.
    pub edge_constraints: Vec<EdgeConstraint>,
    /// Change tracking, when on.
    pub tracking: Option<Tracking>,
    /// Ticks, UTC.
    pub created: i64,
    /// Ticks, UTC.
    pub modified: i64,
    /// Which change of the catalog made this definition.
    #[serde(default)]
    pub altered: i64,
    /// The highest column id so far: that of a dropped column does not come back.
    #[serde(default)]
    pub last_column_id: i32,
}

/// What a column is to the graph (documented in `sys.columns.graph_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names of SQL Server")]
pub enum ColumnRole {
    User,
    GraphId,
    NodeId,
    EdgeId,
    FromObject,
    FromId,
    FromText,
    ToObject,
    ToId,
    ToText,
}

impl ColumnRole {
    /// `sys.columns.graph_type` (observed, probed.md 4).
    pub fn graph_type(self) -> Option<i32> {
        match self {
            Self::User => None,
            Self::GraphId => Some(1),
            Self::NodeId | Self::EdgeId => Some(2),
            Self::FromId => Some(3),
            Self::FromObject => Some(4),
            Self::FromText => Some(5),
            Self::ToId => Some(6),
            Self::ToObject => Some(7),
            Self::ToText => Some(8),
        }
    }

    /// Hidden columns cannot be named in a query (observed, 13908).
    pub fn is_hidden(self) -> bool {
        matches!(self.graph_type(), Some(1 | 3 | 4 | 6 | 7))
    }

    /// Made from other columns; `SQLite` holds nothing for it.
    pub fn is_computed(self) -> bool {
        matches!(self.graph_type(), Some(2 | 5 | 8))
    }

    /// The pseudo-column by which a query names it.
    pub fn pseudo(self) -> Option<&'static str> {
        match self {
            Self::NodeId => Some("$node_id"),
            Self::EdgeId => Some("$edge_id"),
            Self::FromText => Some("$from_id"),
            Self::ToText => Some("$to_id"),
            _ => None,
        }
    }
}

/// A column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    /// Column id; the `SQLite` column is named `c` and this.
    pub id: i32,
    /// Name; those of the graph end in 32 hex digits.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Seed and increment.
    pub identity: Option<(i64, i64)>,
    /// DEFAULT.
    pub default: Option<Default>,
    /// Collation of a character column.
    pub collation: Option<String>,
    /// What it is to the graph.
    pub role: ColumnRole,
}

/// A default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Default {
    /// Object id.
    pub id: i32,
    /// Constraint name.
    pub name: String,
    /// Expression as written.
    pub text: String,
}

/// A check constraint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Object id.
    pub id: i32,
    /// Constraint name.
    pub name: String,
    /// Predicate as written.
    pub text: String,
    /// Column at which it was written.
    pub disabled: bool,
    /// Rows that were there have not been checked.
    pub untrusted: bool,
}

/// An index, a key or a unique constraint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    /// 1 for the clustered one, from 2 on for the others.
    pub id: i32,
    /// Name.
    pub name: String,
    /// Object id of the constraint, for a primary key or unique constraint.
    pub constraint_id: Option<i32>,
    /// PRIMARY KEY.
    pub primary: bool,
    /// UNIQUE.
    pub unique: bool,
    /// CLUSTERED.
    pub clustered: bool,
    /// Column id, descending.
    pub keys: Vec<(i32, bool)>,
    /// Column ids of INCLUDE.
    pub include: Vec<i32>,
    /// Filter as written.
    pub filter: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Object id.
    pub id: i32,
    /// Constraint name.
    pub name: String,
    /// Own columns.
    pub columns: Vec<i32>,
    /// Object id of the other table.
    pub references: i32,
    /// Its columns.
    pub referenced_columns: Vec<i32>,
    /// ON DELETE CASCADE.
    pub cascade: bool,
    /// NOCHECK.
    pub disabled: bool,
    /// Rows that were there have not been checked.
    pub untrusted: bool,
}

/// An edge constraint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EdgeConstraint {
    /// Object id.
    pub id: i32,
    /// Constraint name.
    pub name: String,
    /// Object ids of node tables: from, to.
    pub clauses: Vec<(i32, i32)>,
    /// ON DELETE CASCADE.
    pub cascade: bool,
    /// NOCHECK.
    pub disabled: bool,
    /// Rows that were there have not been checked.
    pub untrusted: bool,
}

/// Change tracking of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tracking {
    /// Version at which it began.
    pub begin_version: i64,
    /// Oldest version for which changes are whole.
    pub min_valid_version: i64,
    /// Version up to which old changes were removed.
    pub cleanup_version: Option<i64>,
    /// `TRACK_COLUMNS_UPDATED`.
    pub columns_updated: bool,
}

/// Ids from here on are tables of one session.
pub const LOCAL_FIRST: i32 = 2_147_000_001;

impl Table {
    /// A temporary table or a table variable.
    pub fn is_local(&self) -> bool {
        self.id >= LOCAL_FIRST
    }

    /// A table variable: its rows outlive a rollback (documented).
    pub fn is_variable(&self) -> bool {
        self.is_local() && self.name.starts_with('@')
    }

    /// Name of the `SQLite` table.
    pub fn storage(&self) -> String {
        format!("t{}", self.id)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        if name.starts_with('$')
            && let Some(column) = self.columns.iter().find(|column| {
                column.role.pseudo().is_some_and(|pseudo| pseudo.eq_ignore_ascii_case(name))
            })
        {
            return Some(column);
        }
        self.columns.iter().find(|column| same_name(&column.name, name))
    }

    /// The column of that name, or 1911.
    pub fn key_column(&self, name: &str) -> Result<&Column> {
        let missing = || {
            let message =
                format!("Column name '{name}' does not exist in the target table or view.");
            SqlError::new(1911, message)
        };
        self.column(name).ok_or_else(missing)
    }

    /// The column with that id.
    pub fn column_by_id(&self, id: i32) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// The column with that role.
    pub fn role(&self, role: ColumnRole) -> Option<&Column> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// Name of the `SQLite` column with that role; empty if there is none.
    pub fn role_storage(&self, role: ColumnRole) -> String {
        self.role(role).map_or_else(String::new, Column::storage)
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.primary)
    }

    /// Columns of the primary key.
    pub fn key_columns(&self) -> Vec<&Column> {
        let keys = self.primary_key().map_or(&[][..], |index| &index.keys);
        keys.iter().filter_map(|(id, _)| self.column_by_id(*id)).collect()
    }

    /// The column that is `SQLite`'s row id: a primary key of one ascending integer column.
    pub fn row_id_column(&self) -> Option<&Column> {
        let [(id, false)] = self.primary_key()?.keys[..] else {
            return None;
        };
        self.column_by_id(id).filter(|column| {
            matches!(
                column.sql_type,
                SqlType::BigInt | SqlType::Int | SqlType::SmallInt | SqlType::TinyInt
            )
        })
    }

    /// The column with IDENTITY.
    pub fn identity(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.identity.is_some())
    }

    /// Whether rows of the table are nodes.
    pub fn is_node(&self) -> bool {
        self.kind == TableKind::Node
    }

    /// Whether rows of the table are edges.
    pub fn is_edge(&self) -> bool {
        self.kind == TableKind::Edge
    }

    /// The index id that a new index gets.
    pub fn next_index_id(&self, clustered: bool) -> i32 {
        if clustered {
            return 1;
        }
        self.indexes.iter().map(|index| index.id).max().unwrap_or(1).max(1) + 1
    }
}

impl Column {
    /// Name of the `SQLite` column.
    pub fn storage(&self) -> String {
        format!("c{}", self.id)
    }
}
