//! Columns that a query gives.

use super::Typed;
use crate::catalog::ColumnRole;
use crate::tds::response::{Origin, OutColumn};
use crate::values::SqlType;

/// A column of a query.
#[derive(Clone, Debug)]
pub struct Projected {
    /// Name; may be empty.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Whether NULL may come.
    pub nullable: bool,
    /// Where it comes from.
    pub origin: Origin,
    /// Collation of a text.
    pub collation: &'static str,
    /// Literal NULL in every row so far: of no type yet.
    pub is_null: bool,
    /// What it is to the graph.
    pub role: ColumnRole,
}

impl Projected {
    /// The column that a value becomes.
    pub fn of(typed: &Typed, name: String) -> Self {
        Self {
            name,
            sql_type: typed.sql_type,
            nullable: typed.nullable,
            origin: typed.origin,
            collation: typed.collation,
            is_null: typed.is_null,
            role: typed.role,
        }
    }

    /// The column as the wire describes it.
    pub fn out_column(&self) -> OutColumn {
        OutColumn {
            name: self.name.clone(),
            sql_type: self.sql_type,
            nullable: self.nullable,
            origin: self.origin,
        }
    }
}
