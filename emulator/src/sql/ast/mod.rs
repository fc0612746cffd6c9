//! The tree of a batch.

mod change;
mod definition;
mod expression;
mod query;

pub use change::*;
pub use definition::*;
pub use expression::*;
pub use query::*;

use crate::values::SqlType;

/// A batch.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In order.
    pub statements: Vec<Statement>,
    /// Variables that it declares anywhere, which are there from the beginning on.
    pub variables: Vec<(String, SqlType)>,
}

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

/// Statements.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the statement of that name")]
pub enum StatementKind {
    Select(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    WithContext { context: Expr, statement: Box<StatementKind> },
    Create(Box<Create>),
    AlterTable { name: ObjectName, action: Box<AlterTable> },
    AlterDatabase { name: Option<String>, options: Vec<DatabaseOption> },
    Drop { kind: DropKind, if_exists: bool, names: Vec<ObjectName>, on: Option<ObjectName> },
    Truncate(ObjectName),
    AlterRole { role: String, member: String, add: bool },
    Permission(Box<PermissionChange>),
    Declare(Vec<Declaration>),
    DeclareTable { name: String, table: Box<CreateTable> },
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
    Return,
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
