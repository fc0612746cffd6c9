//! INSERT, UPDATE, DELETE.

use super::{Cte, Expr, ObjectName, Query, SelectItem, TableSource};

/// INSERT.
#[derive(Clone, Debug)]
pub struct Insert {
    /// `WITH …` before it.
    pub ctes: Vec<Cte>,
    /// Target.
    pub table: ObjectName,
    /// Column names; pseudo-columns begin with `$`.
    pub columns: Vec<String>,
    /// OUTPUT.
    pub output: Vec<SelectItem>,
    /// Rows.
    pub source: InsertSource,
}

/// Rows of an INSERT.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum InsertSource {
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
    Defaults,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct Update {
    /// `WITH …` before it.
    pub ctes: Vec<Cte>,
    /// TOP (…).
    pub top: Option<Expr>,
    /// Table, or alias of a source.
    pub target: ObjectName,
    /// Column and new value.
    pub assignments: Vec<(String, Expr)>,
    /// OUTPUT.
    pub output: Vec<SelectItem>,
    /// FROM.
    pub from: Vec<TableSource>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct Delete {
    /// `WITH …` before it.
    pub ctes: Vec<Cte>,
    /// TOP (…).
    pub top: Option<Expr>,
    /// Table, or alias of a source.
    pub target: ObjectName,
    /// OUTPUT.
    pub output: Vec<SelectItem>,
    /// FROM.
    pub from: Vec<TableSource>,
    /// WHERE.
    pub filter: Option<Expr>,
}
