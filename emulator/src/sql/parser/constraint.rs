//! Constraints of tables and columns.

use super::Parser;
use crate::sql::ast::{ConstraintDefinition, ConstraintKind, IndexColumn};
use crate::sql::error::Result;
use crate::sql::lexer::Token;

impl Parser<'_> {
    /// Whether a constraint of a table begins here.
    pub(super) fn at_constraint(&self) -> bool {
        ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "DEFAULT"]
            .iter()
            .any(|word| self.at_word(word))
            || (self.at_word("CONNECTION") && self.peek() == Token::Symbol("("))
    }

    /// A constraint; `column` where it is written at a column.
    pub(super) fn constraint(&mut self, column: Option<&str>) -> Result<ConstraintDefinition> {
        let name = if self.accept_word("CONSTRAINT")? { Some(self.name()?) } else { None };
        let kind = if self.accept_words(&["PRIMARY", "KEY"])? {
            self.key(true, column)?
        } else if self.accept_word("UNIQUE")? {
            self.key(false, column)?
        } else if self.accept_word("CHECK")? {
            self.check()?
        } else if self.accept_word("DEFAULT")? {
            self.default(column)?
        } else if self.accept_words(&["FOREIGN", "KEY"])? {
            let columns = match column {
                Some(column) if !self.at("(") => vec![column.to_owned()],
                _ => self.parenthesized(Self::name)?,
            };
            self.foreign(columns)?
        } else if let Some(column) = column.filter(|_| self.at_word("REFERENCES")) {
            self.foreign(vec![column.to_owned()])?
        } else if self.accept_word("CONNECTION")? {
            self.connection()?
        } else {
            return Err(self.unexpected());
        };
        Ok(ConstraintDefinition { name, kind, unchecked: false })
    }

    fn key(&mut self, primary: bool, column: Option<&str>) -> Result<ConstraintKind> {
        let clustered = self.clustering()?;
        let columns = match column {
            Some(column) if !self.at("(") => {
                vec![IndexColumn { name: column.to_owned(), descending: false }]
            }
            _ => self.parenthesized(Self::index_column)?,
        };
        self.index_options()?;
        Ok(ConstraintKind::Key { primary, clustered, columns })
    }

    fn check(&mut self) -> Result<ConstraintKind> {
        if self.at_word("NOT") {
            return Err(self.unsupported());
        }
        self.expect("(")?;
        let start = self.start;
        let predicate = self.predicate()?;
        let text = self.text_since(start);
        self.expect(")")?;
        Ok(ConstraintKind::Check { text, predicate })
    }

    pub(super) fn default(&mut self, column: Option<&str>) -> Result<ConstraintKind> {
        let start = self.start;
        let value = self.expression()?;
        let text = self.text_since(start);
        let column = if let Some(column) = column {
            Some(column.to_owned())
        } else {
            self.expect_word("FOR")?;
            Some(self.name()?)
        };
        self.accept_words(&["WITH", "VALUES"])?;
        Ok(ConstraintKind::Default { text, value, column })
    }

    fn foreign(&mut self, columns: Vec<String>) -> Result<ConstraintKind> {
        self.expect_word("REFERENCES")?;
        let table = self.object_name()?;
        let references = if self.at("(") { self.parenthesized(Self::name)? } else { Vec::new() };
        let on_delete_cascade = self.on_delete()?;
        Ok(ConstraintKind::Foreign { columns, table, references, on_delete_cascade })
    }

    fn connection(&mut self) -> Result<ConstraintKind> {
        let clauses = self.parenthesized(|parser| {
            let from = parser.object_name()?;
            parser.expect_word("TO")?;
            Ok((from, parser.object_name()?))
        })?;
        Ok(ConstraintKind::Connection { clauses, on_delete_cascade: self.on_delete()? })
    }

    fn on_delete(&mut self) -> Result<bool> {
        let mut cascade = false;
        while self.accept_word("ON")? {
            if self.at_word("UPDATE") && !cascade {
                self.advance()?;
                if self.accept_words(&["NO", "ACTION"])? {
                    continue;
                }
                return Err(self.unsupported());
            }
            self.expect_word("DELETE")?;
            if self.accept_word("CASCADE")? {
                cascade = true;
            } else if !self.accept_words(&["NO", "ACTION"])? {
                return Err(self.unsupported());
            }
        }
        Ok(cascade)
    }
}
