//! The tree of a batch.

use crate::values::SqlType;

/// A statement and the line on which it begins.
#[derive(Clone, Debug)]
pub struct Statement {
    /// 1-based.
    pub line: u32,
    /// What it does.
    pub kind: StatementKind,
}

/// A name of up to four parts, last part last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName(pub Vec<String>);

impl ObjectName {
    /// The last part.
    pub fn object(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The part before it.
    pub fn schema(&self) -> Option<&str> {
        self.part_from_end(1)
    }

    /// The part before the schema.
    pub fn database(&self) -> Option<&str> {
        self.part_from_end(2)
    }

    fn part_from_end(&self, at: usize) -> Option<&str> {
        let index = self.0.len().checked_sub(at + 1)?;
        Some(self.0[index].as_str()).filter(|part| !part.is_empty())
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Statements.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the statement of that name")]
pub enum StatementKind {
    Select(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Create(Box<Create>),
    AlterTable { name: ObjectName, action: Box<AlterTable> },
    AlterDatabase { name: Option<String>, option: DatabaseOption },
    Drop { kind: DropKind, if_exists: bool, names: Vec<ObjectName>, on: Option<ObjectName> },
    Truncate(ObjectName),
    AlterRole { role: String, member: String, add: bool },
    Permission(Box<PermissionChange>),
    Declare(Vec<Declaration>),
    SetVariable { name: String, operator: Option<BinaryOperator>, value: Expr },
    SetOption { options: Vec<String>, on: bool },
    SetLockTimeout(i64),
    SetIsolation(Isolation),
    SetIdentityInsert { table: ObjectName, on: bool },
    SetIgnored(&'static str),
    If { condition: Expr, then: Box<Statement>, otherwise: Option<Box<Statement>> },
    While { condition: Expr, body: Box<Statement> },
    Block(Vec<Statement>),
    TryCatch { body: Vec<Statement>, handler: Vec<Statement> },
    Break,
    Continue,
    Return(Option<Expr>),
    Print(Expr),
    Raiserror { message: Expr, severity: Expr, state: Expr, arguments: Vec<Expr> },
    Throw(Option<(Expr, Expr, Expr)>),
    Begin(Option<String>),
    Commit,
    Rollback(Option<String>),
    Save(String),
    ExecuteText(Expr),
    ExecuteProcedure(Box<ProcedureCall>),
    Use(String),
    WaitFor(Expr),
}

/// `EXEC name …`.
#[derive(Clone, Debug)]
pub struct ProcedureCall {
    /// `EXEC @status = …`.
    pub status: Option<String>,
    /// The procedure.
    pub name: ObjectName,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// An argument of a procedure.
#[derive(Clone, Debug)]
pub struct Argument {
    /// `@name =`.
    pub name: Option<String>,
    /// The value.
    pub value: Expr,
    /// OUTPUT.
    pub output: bool,
}

/// `DECLARE @name type [= value]`.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// With its `@`.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Initial value.
    pub value: Option<Expr>,
}

/// Isolation levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "names of SQL Server")]
pub enum Isolation {
    ReadUncommitted,
    #[default]
    ReadCommitted,
    RepeatableRead,
    Serializable,
    Snapshot,
}

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
    Table { name: ObjectName, alias: Option<String>, locks: Vec<String> },
    Derived { query: Box<Query>, alias: String, columns: Vec<String> },
    Join { left: Box<TableSource>, right: Box<TableSource>, kind: JoinKind, on: Option<Expr> },
    OpenJson { json: Expr, path: Option<Expr>, columns: Vec<JsonColumn>, alias: Option<String> },
    Changes { table: ObjectName, since: Expr, alias: String },
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

/// Expressions and predicates.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Expr {
    Null,
    Integer(String),
    Decimal(String),
    Float(String),
    Text { value: Vec<u8>, national: bool },
    Binary(Vec<u8>),
    Variable(String),
    Column(Vec<String>),
    Pseudo { qualifier: Vec<String>, name: String },
    Default,
    Negate(Box<Expr>),
    BitNot(Box<Expr>),
    Arithmetic { operator: BinaryOperator, left: Box<Expr>, right: Box<Expr> },
    Collate { value: Box<Expr>, collation: String },
    Case { operand: Option<Box<Expr>>, branches: Vec<(Expr, Expr)>, otherwise: Option<Box<Expr>> },
    Cast { value: Box<Expr>, sql_type: SqlType, style: Option<Box<Expr>>, try_: bool },
    Call(Box<Call>),
    Scalar(Box<Query>),
    Compare { operator: Comparison, left: Box<Expr>, right: Box<Expr> },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    IsNull { value: Box<Expr>, negated: bool },
    Like { value: Box<Expr>, pattern: Box<Expr>, escape: Option<Box<Expr>>, negated: bool },
    Between { value: Box<Expr>, low: Box<Expr>, high: Box<Expr>, negated: bool },
    InList { value: Box<Expr>, list: Vec<Expr>, negated: bool },
    InQuery { value: Box<Expr>, query: Box<Query>, negated: bool },
    Exists(Box<Query>),
    Match(Vec<MatchStep>),
}

impl Expr {
    /// Whether this is a predicate rather than a value.
    pub fn is_predicate(&self) -> bool {
        matches!(
            self,
            Self::Compare { .. }
                | Self::And(..)
                | Self::Or(..)
                | Self::Not(_)
                | Self::IsNull { .. }
                | Self::Like { .. }
                | Self::Between { .. }
                | Self::InList { .. }
                | Self::InQuery { .. }
                | Self::Exists(_)
                | Self::Match(_)
        )
    }
}

// Queries are compared never; expressions only to find GROUP BY terms again, and a subquery is no such term.
impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// One hop of a MATCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchStep {
    /// Where it starts.
    pub from: String,
    /// Over which edge.
    pub edge: String,
    /// Where it ends.
    pub to: String,
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Name, upper case.
    pub name: String,
    /// Arguments.
    pub arguments: Vec<Expr>,
    /// `COUNT(*)`.
    pub star: bool,
    /// `COUNT(DISTINCT …)`.
    pub distinct: bool,
    /// WITHIN GROUP (ORDER BY …).
    pub within_group: Vec<OrderTerm>,
    /// OVER (…).
    pub over: Option<Window>,
}

/// An ORDER BY term inside an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTerm {
    /// By what.
    pub value: Expr,
    /// DESC.
    pub descending: bool,
}

/// `OVER (PARTITION BY … ORDER BY …)`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Window {
    /// PARTITION BY.
    pub partition_by: Vec<Expr>,
    /// ORDER BY.
    pub order_by: Vec<OrderTerm>,
}

/// Operators that give a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
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
    Add { columns: Vec<ColumnDefinition>, constraints: Vec<ConstraintDefinition> },
    AlterColumn { name: String, sql_type: SqlType, nullable: Option<bool> },
    DropColumns { if_exists: bool, names: Vec<String> },
    DropConstraints { if_exists: bool, names: Vec<String> },
    SetConstraints { names: Option<Vec<String>>, enabled: bool, trust: bool },
    Tracking { enabled: bool, columns_updated: bool },
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
