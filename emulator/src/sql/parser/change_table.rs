//! CHANGETABLE, and `WITH CHANGE_TRACKING_CONTEXT`.

use super::Parser;
use crate::sql::ast::{Expr, StatementKind, TableSource};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

impl Parser<'_> {
    /// `CHANGETABLE(CHANGES table, version) AS alias`, `CHANGETABLE(VERSION table, (columns), (values)) AS alias`.
    pub(super) fn change_table(&mut self) -> Result<TableSource> {
        self.advance()?;
        self.expect("(")?;
        if self.accept_word("VERSION")? {
            return self.change_version();
        }
        self.expect_word("CHANGES")?;
        let table = self.object_name()?;
        self.expect(",")?;
        // Observed: NULL, an integer literal with optional minus, or a variable (probed.md 3).
        let since = match self.token {
            Token::Variable(_) => Expr::Variable(self.declared_variable()?),
            Token::Word(_) => {
                self.expect_word("NULL")?;
                Expr::Null
            }
            _ => Expr::Integer(self.integer()?.to_string()),
        };
        self.expect(")")?;
        let (alias, columns) = self.change_alias()?;
        Ok(TableSource::Changes { table, since, alias, columns })
    }

    fn change_version(&mut self) -> Result<TableSource> {
        let table = self.object_name()?;
        self.expect(",")?;
        let keys = self.parenthesized(Self::name)?;
        self.expect(",")?;
        let values = self.parenthesized(Self::expression)?;
        self.expect(")")?;
        let (alias, columns) = self.change_alias()?;
        Ok(TableSource::ChangeVersion { table, keys, values, alias, columns })
    }

    fn change_alias(&mut self) -> Result<(String, Vec<String>)> {
        let alias = self.source_alias()?.ok_or_else(|| {
            // Observed: 22104.
            SqlError::new(22104, "A table returned by the CHANGETABLE function must be aliased.")
                .at_line(self.line)
        })?;
        let columns = if self.at("(") { self.parenthesized(Self::name)? } else { Vec::new() };
        Ok((alias, columns))
    }

    pub(super) fn at_tracking_context(&self) -> bool {
        self.at_word("WITH") && self.peek_is_word("CHANGE_TRACKING_CONTEXT")
    }

    /// `WITH CHANGE_TRACKING_CONTEXT (value) [, name AS (query) …] statement`; the value is a variable or a binary literal (observed).
    pub(super) fn tracking_context(&mut self) -> Result<StatementKind> {
        self.advance()?;
        self.advance()?;
        self.expect("(")?;
        let context = match &self.token {
            Token::Variable(_) => Expr::Variable(self.declared_variable()?),
            Token::Binary(_) => self.expression()?,
            _ => return Err(self.unexpected()),
        };
        self.expect(")")?;
        let ctes = if self.accept(",")? { self.cte_list()? } else { Vec::new() };
        let statement = Box::new(self.statement_after_ctes(ctes)?);
        Ok(StatementKind::WithContext { context, statement })
    }
}
