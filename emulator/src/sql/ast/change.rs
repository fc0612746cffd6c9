//! INSERT, UPDATE, DELETE, MERGE.

use super::{Cte, Expr, ObjectName, Query, SelectItem, TableSource};

/// OUTPUT: rows for the client, rows for a table, or both.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// `OUTPUT …`.
    pub rows: Vec<SelectItem>,
    /// `OUTPUT … INTO …`.
    pub into: Option<OutputInto>,
}

/// `OUTPUT … INTO table (columns)`.
#[derive(Clone, Debug)]
pub struct OutputInto {
    /// What goes there.
    pub rows: Vec<SelectItem>,
    /// Where it goes.
    pub table: ObjectName,
    /// Its columns, where written.
    pub columns: Vec<String>,
}

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
    pub output: Output,
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

/// `column = value`, `@variable = value` or `@variable = column = value`.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Takes the new value as well.
    pub variable: Option<String>,
    /// Column that is set.
    pub column: Option<String>,
    /// New value.
    pub value: Expr,
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
    /// SET.
    pub assignments: Vec<Assignment>,
    /// OUTPUT.
    pub output: Output,
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
    pub output: Output,
    /// FROM.
    pub from: Vec<TableSource>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// MERGE.
#[derive(Clone, Debug)]
pub struct Merge {
    /// `WITH …` before it.
    pub ctes: Vec<Cte>,
    /// Target.
    pub target: ObjectName,
    /// Its alias.
    pub alias: Option<String>,
    /// USING.
    pub source: TableSource,
    /// ON.
    pub on: Expr,
    /// WHEN …, in order.
    pub clauses: Vec<MergeClause>,
    /// OUTPUT.
    pub output: Output,
}

/// `WHEN … [AND …] THEN …`.
#[derive(Clone, Debug)]
pub struct MergeClause {
    /// Which rows.
    pub when: MergeWhen,
    /// AND.
    pub condition: Option<Expr>,
    /// What happens to them.
    pub action: MergeAction,
}

/// Rows of a WHEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MergeWhen {
    Matched,
    NotMatchedByTarget,
    NotMatchedBySource,
}

/// What a WHEN does. An INSERT without values is DEFAULT VALUES.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MergeAction {
    Update(Vec<Assignment>),
    Delete,
    Insert { columns: Vec<String>, values: Option<Vec<Expr>> },
}

impl Output {
    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.into.is_none()
    }
}
