//! Expressions and predicates.

use super::Query;
use crate::values::SqlType;

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
    Quantified { operator: Comparison, all: bool, left: Box<Expr>, query: Box<Query> },
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
    /// ROWS or RANGE, as written, in upper case.
    pub frame: Option<String>,
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

impl Expr {
    /// Whether this is a predicate rather than a value.
    pub fn is_predicate(&self) -> bool {
        matches!(
            self,
            Self::Compare { .. }
                | Self::Quantified { .. }
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

    /// Expressions right inside of this one; subqueries are none.
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Negate(inner) | Self::BitNot(inner) | Self::Not(inner) => vec![inner],
            Self::Arithmetic { left, right, .. }
            | Self::Compare { left, right, .. }
            | Self::And(left, right)
            | Self::Or(left, right) => vec![left, right],
            Self::Collate { value, .. }
            | Self::IsNull { value, .. }
            | Self::InQuery { value, .. }
            | Self::Quantified { left: value, .. } => vec![value],
            Self::Cast { value, style, .. } => {
                std::iter::once(&**value).chain(style.as_deref()).collect()
            }
            Self::Case { operand, branches, otherwise } => {
                let pairs = branches.iter().flat_map(|(when, then)| [when, then]);
                operand.as_deref().into_iter().chain(pairs).chain(otherwise.as_deref()).collect()
            }
            Self::Call(call) => call.children(),
            Self::Like { value, pattern, escape, .. } => {
                [&**value, pattern].into_iter().chain(escape.as_deref()).collect()
            }
            Self::Between { value, low, high, .. } => vec![value, low, high],
            Self::InList { value, list, .. } => std::iter::once(&**value).chain(list).collect(),
            _ => Vec::new(),
        }
    }
}

impl Call {
    fn children(&self) -> Vec<&Expr> {
        let window = self.over.iter().flat_map(|over| {
            over.partition_by.iter().chain(over.order_by.iter().map(|term| &term.value))
        });
        self.arguments
            .iter()
            .chain(self.within_group.iter().map(|term| &term.value))
            .chain(window)
            .collect()
    }
}
