//! INSERT, UPDATE, DELETE.

use super::Parser;
use crate::sql::ast::{
    Assignment, BinaryOperator, Cte, Delete, Expr, Insert, InsertSource, ObjectName, Output,
    OutputInto, StatementKind, TableSource, Update,
};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

/// The most rows that one VALUES of an INSERT may have (documented, error 10738).
const INSERT_ROWS_MAX: usize = 1000;

impl Parser<'_> {
    pub(super) fn insert(&mut self, mut ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance()?;
        if self.at_word("TOP") {
            return Err(self.unsupported());
        }
        self.accept_word("INTO")?;
        let table = self.target()?;
        self.table_hints()?;
        let listed = self.at("(") && !self.at_query();
        let columns = if listed { self.parenthesized(Self::column_name)? } else { Vec::new() };
        let output = self.output()?;
        let source = self.insert_source()?;
        self.query_options(&mut ctes)?;
        Ok(StatementKind::Insert(Box::new(Insert { ctes, table, columns, output, source })))
    }

    /// A table or a table variable.
    pub(super) fn target(&mut self) -> Result<ObjectName> {
        match self.token {
            Token::Variable(_) => Ok(ObjectName(vec![self.variable()?])),
            _ => self.object_name(),
        }
    }

    fn insert_source(&mut self) -> Result<InsertSource> {
        if self.accept_words(&["DEFAULT", "VALUES"])? {
            return Ok(InsertSource::Defaults);
        }
        if self.accept_word("VALUES")? {
            let rows = self.list(|parser| parser.parenthesized(Self::expression))?;
            if rows.len() > INSERT_ROWS_MAX {
                let message = "The number of row value expressions in the INSERT statement exceeds the maximum \
                               allowed number of 1000 row values.";
                return Err(SqlError::new(10738, message).class(15).at_line(self.line));
            }
            return Ok(InsertSource::Values(rows));
        }
        if self.at_word("EXEC") || self.at_word("EXECUTE") {
            return Err(self.unsupported());
        }
        let query = if self.at_word("WITH") {
            let ctes = self.ctes()?;
            self.query_with(ctes)?
        } else {
            self.query()?
        };
        Ok(InsertSource::Query(Box::new(query)))
    }

    /// `OUTPUT … INTO …`, `OUTPUT …`, or the one after the other.
    pub(super) fn output(&mut self) -> Result<Output> {
        let mut output = Output::default();
        while output.rows.is_empty() && self.accept_word("OUTPUT")? {
            let rows = self.list(Self::select_item)?;
            if output.into.is_none() && self.accept_word("INTO")? {
                let table = self.target()?;
                let columns = if self.at("(") && !self.at_query() {
                    self.parenthesized(Self::column_name)?
                } else {
                    Vec::new()
                };
                output.into = Some(OutputInto { rows, table, columns });
            } else {
                output.rows = rows;
            }
        }
        Ok(output)
    }

    pub(super) fn update(&mut self, mut ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance()?;
        if self.at_word("STATISTICS") {
            return Err(self.unsupported());
        }
        let top = self.top()?;
        let target = self.target()?;
        self.table_hints()?;
        self.expect_word("SET")?;
        let assignments = self.list(Self::assignment)?;
        let output = self.output()?;
        let (from, filter) = self.sources_and_filter()?;
        self.query_options(&mut ctes)?;
        let update = Update { ctes, top, target, assignments, output, from, filter };
        Ok(StatementKind::Update(Box::new(update)))
    }

    /// `column = value`, `@variable = value`, `@variable = column = value`, each with `+=` and its like.
    pub(super) fn assignment(&mut self) -> Result<Assignment> {
        if !matches!(self.token, Token::Variable(_)) {
            return self.column_assignment(None);
        }
        let variable = self.declared_variable()?;
        if let Some(operator) = self.compound_assignment()? {
            let left = Box::new(Expr::Variable(variable.clone()));
            let right = Box::new(self.expression()?);
            let value = Expr::Arithmetic { operator, left, right };
            return Ok(Assignment { variable: Some(variable), column: None, value });
        }
        self.expect("=")?;
        let sets_column = self.at_name()
            && matches!(self.peek(), Token::Symbol(symbol) if symbol == "=" || is_compound(symbol));
        if sets_column {
            return self.column_assignment(Some(variable));
        }
        Ok(Assignment { variable: Some(variable), column: None, value: self.expression()? })
    }

    fn column_assignment(&mut self, variable: Option<String>) -> Result<Assignment> {
        let mut name = self.column_name()?;
        while self.accept(".")? {
            name = self.column_name()?;
        }
        let value = if let Some(operator) = self.compound_assignment()? {
            let left = Box::new(Expr::Column(vec![name.clone()]));
            let right = Box::new(self.expression()?);
            Expr::Arithmetic { operator, left, right }
        } else {
            self.expect("=")?;
            self.expression()?
        };
        Ok(Assignment { variable, column: Some(name), value })
    }

    /// `+=` and its like.
    pub(super) fn compound_assignment(&mut self) -> Result<Option<BinaryOperator>> {
        let operator = match self.token {
            Token::Symbol("+=") => BinaryOperator::Add,
            Token::Symbol("-=") => BinaryOperator::Subtract,
            Token::Symbol("*=") => BinaryOperator::Multiply,
            Token::Symbol("/=") => BinaryOperator::Divide,
            Token::Symbol("%=") => BinaryOperator::Modulo,
            Token::Symbol("&=") => BinaryOperator::BitAnd,
            Token::Symbol("|=") => BinaryOperator::BitOr,
            Token::Symbol("^=") => BinaryOperator::BitXor,
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some(operator))
    }

    pub(super) fn delete(&mut self, mut ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance()?;
        let top = self.top()?;
        self.accept_word("FROM")?;
        let target = self.target()?;
        self.table_hints()?;
        let output = self.output()?;
        let (from, filter) = self.sources_and_filter()?;
        self.query_options(&mut ctes)?;
        Ok(StatementKind::Delete(Box::new(Delete { ctes, top, target, output, from, filter })))
    }

    fn sources_and_filter(&mut self) -> Result<(Vec<TableSource>, Option<Expr>)> {
        let from =
            if self.accept_word("FROM")? { self.list(Self::table_source)? } else { Vec::new() };
        let filter = if self.accept_word("WHERE")? {
            if self.at_word("CURRENT") {
                return Err(self.unsupported());
            }
            Some(self.predicate()?)
        } else {
            None
        };
        Ok((from, filter))
    }
}

fn is_compound(symbol: &str) -> bool {
    matches!(symbol, "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=")
}
