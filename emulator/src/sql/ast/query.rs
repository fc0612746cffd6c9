//! Queries.

use super::{Expr, ObjectName};
use crate::values::SqlType;

/// A query with its CTEs and order.
#[derive(Clone, Debug)]
pub struct Query {
    /// `WITH …`.
    pub ctes: Vec<Cte>,
    /// The rows.
    pub body: QueryBody,
    /// ORDER BY.
    pub order_by: Vec<OrderItem>,
    /// OFFSET … ROWS.
    pub offset: Option<Expr>,
    /// FETCH NEXT … ROWS ONLY.
    pub fetch: Option<Expr>,
}

/// A common table expression.
#[derive(Clone, Debug)]
pub struct Cte {
    /// Name.
    pub name: String,
    /// Column names, may be empty.
    pub columns: Vec<String>,
    /// Rows.
    pub query: Query,
    /// MAXRECURSION; -1 for no limit.
    pub recursion_max: i64,
}

/// What a query's rows are.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum QueryBody {
    Select(Box<Select>),
    Set { operator: SetOperator, left: Box<QueryBody>, right: Box<QueryBody> },
    Values(Vec<Vec<Expr>>),
    Nested(Box<Query>),
}

/// Set operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SetOperator {
    UnionAll,
    Union,
    Except,
    Intersect,
}

/// A SELECT.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// DISTINCT.
    pub distinct: bool,
    /// TOP (…).
    pub top: Option<Expr>,
    /// What is selected.
    pub items: Vec<SelectItem>,
    /// Sources, comma-separated.
    pub from: Vec<TableSource>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// GROUP BY.
    pub group_by: Vec<Expr>,
    /// HAVING.
    pub having: Option<Expr>,
}

/// An item of a select list.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SelectItem {
    Star(Option<ObjectName>),
    Expr { value: Expr, alias: Option<String> },
    Assign { variable: String, value: Expr },
}

/// An ORDER BY item.
#[derive(Clone, Debug)]
pub struct OrderItem {
    /// By what.
    pub value: Expr,
    /// DESC.
    pub descending: bool,
}

/// A source of rows.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TableSource {
    Table {
        name: ObjectName,
        alias: Option<String>,
        locks: Vec<String>,
    },
    Derived {
        query: Box<Query>,
        alias: String,
        columns: Vec<String>,
    },
    Join {
        left: Box<TableSource>,
        right: Box<TableSource>,
        kind: JoinKind,
        on: Option<Expr>,
    },
    OpenJson {
        json: Expr,
        path: Option<Expr>,
        columns: Vec<JsonColumn>,
        alias: Option<String>,
    },
    Changes {
        table: ObjectName,
        since: Expr,
        alias: String,
        columns: Vec<String>,
    },
    ChangeVersion {
        table: ObjectName,
        keys: Vec<String>,
        values: Vec<Expr>,
        alias: String,
        columns: Vec<String>,
    },
    Split {
        arguments: Vec<Expr>,
        alias: Option<String>,
    },
}

/// A column of OPENJSON … WITH.
#[derive(Clone, Debug)]
pub struct JsonColumn {
    /// Name.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Path; `$.name` where none is written.
    pub path: Option<String>,
    /// AS JSON.
    pub as_json: bool,
}

/// Joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
    CrossApply,
    OuterApply,
}

impl Query {
    /// Whether a hint asks for locks that last to the end of the transaction.
    pub fn holds_locks(&self) -> bool {
        self.body.holds_locks() || self.ctes.iter().any(|cte| cte.query.holds_locks())
    }
}

impl QueryBody {
    fn holds_locks(&self) -> bool {
        match self {
            Self::Select(select) => select.from.iter().any(TableSource::holds_locks),
            Self::Set { left, right, .. } => left.holds_locks() || right.holds_locks(),
            Self::Nested(query) => query.holds_locks(),
            Self::Values(_) => false,
        }
    }
}

impl TableSource {
    fn holds_locks(&self) -> bool {
        const LASTING: [&str; 6] =
            ["UPDLOCK", "XLOCK", "HOLDLOCK", "SERIALIZABLE", "REPEATABLEREAD", "TABLOCKX"];
        match self {
            Self::Table { locks, .. } => locks.iter().any(|lock| LASTING.contains(&lock.as_str())),
            Self::Derived { query, .. } => query.holds_locks(),
            Self::Join { left, right, .. } => left.holds_locks() || right.holds_locks(),
            Self::OpenJson { .. }
            | Self::Split { .. }
            | Self::Changes { .. }
            | Self::ChangeVersion { .. } => false,
        }
    }
}

// Queries are compared never; expressions only to find GROUP BY terms again, and a subquery is no such term.
impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}
