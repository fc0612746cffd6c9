//! Statements that define: CREATE, ALTER, DROP, GRANT.

use super::{Expr, ObjectName};
use crate::values::SqlType;

/// CREATE.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Create {
    Schema { name: String },
    Table(CreateTable),
    Index(CreateIndex),
    Login { name: String, password: String },
    User { name: String, login: Option<String> },
    Role { name: String },
}

/// What a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TableKind {
    Plain,
    Node,
    Edge,
}

/// CREATE TABLE.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// Name.
    pub name: ObjectName,
    /// Columns in order.
    pub columns: Vec<ColumnDefinition>,
    /// Constraints of the table.
    pub constraints: Vec<ConstraintDefinition>,
    /// Indexes declared inside.
    pub indexes: Vec<CreateIndex>,
    /// AS NODE, AS EDGE.
    pub kind: TableKind,
}

/// A column.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    /// Name.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Collation name.
    pub collation: Option<String>,
    /// NULL or NOT NULL, where written.
    pub nullable: Option<bool>,
    /// IDENTITY (seed, increment).
    pub identity: Option<(i64, i64)>,
    /// Constraints written at the column.
    pub constraints: Vec<ConstraintDefinition>,
}

/// A constraint.
#[derive(Clone, Debug)]
pub struct ConstraintDefinition {
    /// Name, where written.
    pub name: Option<String>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// WITH NOCHECK: rows that are there are not checked.
    pub unchecked: bool,
}

/// What a constraint demands.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ConstraintKind {
    Key {
        primary: bool,
        clustered: Option<bool>,
        columns: Vec<IndexColumn>,
    },
    Check {
        text: String,
        predicate: Expr,
    },
    Default {
        text: String,
        value: Expr,
        column: Option<String>,
    },
    Foreign {
        columns: Vec<String>,
        table: ObjectName,
        references: Vec<String>,
        on_delete_cascade: bool,
    },
    Connection {
        clauses: Vec<(ObjectName, ObjectName)>,
        on_delete_cascade: bool,
    },
}

/// A key column.
#[derive(Clone, Debug)]
pub struct IndexColumn {
    /// Name; pseudo-columns begin with `$`.
    pub name: String,
    /// DESC.
    pub descending: bool,
}

/// CREATE INDEX.
#[derive(Clone, Debug)]
pub struct CreateIndex {
    /// Name.
    pub name: String,
    /// Table; empty inside of CREATE TABLE.
    pub table: ObjectName,
    /// UNIQUE.
    pub unique: bool,
    /// CLUSTERED.
    pub clustered: bool,
    /// Key columns.
    pub columns: Vec<IndexColumn>,
    /// INCLUDE.
    pub include: Vec<String>,
    /// WHERE, as text and tree.
    pub filter: Option<(String, Expr)>,
}

/// ALTER TABLE.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AlterTable {
    Add {
        columns: Vec<ColumnDefinition>,
        constraints: Vec<ConstraintDefinition>,
    },
    AlterColumn {
        name: String,
        sql_type: SqlType,
        collation: Option<String>,
        nullable: Option<bool>,
    },
    DropColumns {
        if_exists: bool,
        names: Vec<String>,
    },
    DropConstraints {
        if_exists: bool,
        names: Vec<String>,
    },
    SetConstraints {
        names: Option<Vec<String>>,
        enabled: bool,
        trust: bool,
    },
    Tracking {
        enabled: bool,
        columns_updated: bool,
    },
}

/// ALTER DATABASE … SET.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DatabaseOption {
    Snapshot(bool),
    ReadCommittedSnapshot(bool),
    TrackingOff,
    Tracking { enable: bool, retention: Option<(i64, RetentionUnit)>, cleanup: Option<bool> },
    CompatibilityLevel(i64),
}

/// Units of retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RetentionUnit {
    Minutes,
    Hours,
    Days,
}

/// What DROP drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DropKind {
    Table,
    Index,
    Schema,
    Login,
    User,
    Role,
}

/// GRANT, DENY, REVOKE.
#[derive(Clone, Debug)]
pub struct PermissionChange {
    /// Which of the three.
    pub kind: PermissionChangeKind,
    /// Upper case.
    pub permissions: Vec<String>,
    /// On what.
    pub securable: Securable,
    /// To or from whom.
    pub principals: Vec<String>,
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PermissionChangeKind {
    Grant,
    Deny,
    Revoke,
}

/// What a permission is on.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Securable {
    Database,
    Schema(String),
    Object(ObjectName),
    Server,
}
