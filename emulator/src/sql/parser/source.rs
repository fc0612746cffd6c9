//! FROM: tables, joins, derived tables, OPENJSON, CHANGETABLE.

use super::Parser;
use crate::sql::ast::{JoinKind, JsonColumn, Query, QueryBody, TableSource};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

/// Locking hints.
const HINTS: [&str; 13] = [
    "NOLOCK",
    "READUNCOMMITTED",
    "READCOMMITTED",
    "READCOMMITTEDLOCK",
    "REPEATABLEREAD",
    "SERIALIZABLE",
    "HOLDLOCK",
    "UPDLOCK",
    "XLOCK",
    "TABLOCK",
    "TABLOCKX",
    "ROWLOCK",
    "PAGLOCK",
];

impl Parser<'_> {
    /// A source with its joins.
    pub(super) fn table_source(&mut self) -> Result<TableSource> {
        self.nested(|parser| {
            let mut left = parser.single_source()?;
            while let Some(kind) = parser.join_kind()? {
                let right = match kind {
                    JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                        parser.join_right()?
                    }
                    _ => parser.single_source()?,
                };
                let conditional =
                    !matches!(kind, JoinKind::Cross | JoinKind::CrossApply | JoinKind::OuterApply);
                let on = if conditional {
                    parser.expect_word("ON")?;
                    Some(parser.predicate()?)
                } else {
                    None
                };
                left = TableSource::Join { left: Box::new(left), right: Box::new(right), kind, on };
            }
            Ok(left)
        })
    }

    /// The right side may itself be a join whose ON comes first: `a JOIN b JOIN c ON … ON …`.
    fn join_right(&mut self) -> Result<TableSource> {
        let right = self.single_source()?;
        if self.at_word("ON") {
            return Ok(right);
        }
        let saved = self.save();
        if let Some(kind) = self.join_kind()? {
            let inner = self.join_right()?;
            self.expect_word("ON")?;
            let on = Some(self.predicate()?);
            Ok(TableSource::Join { left: Box::new(right), right: Box::new(inner), kind, on })
        } else {
            self.restore(saved);
            Ok(right)
        }
    }

    fn join_kind(&mut self) -> Result<Option<JoinKind>> {
        if self.accept_words(&["CROSS", "JOIN"])? {
            return Ok(Some(JoinKind::Cross));
        }
        if self.accept_words(&["CROSS", "APPLY"])? {
            return Ok(Some(JoinKind::CrossApply));
        }
        if self.accept_words(&["OUTER", "APPLY"])? {
            return Ok(Some(JoinKind::OuterApply));
        }
        let kind = if self.accept_word("INNER")? {
            JoinKind::Inner
        } else if self.accept_word("LEFT")? {
            JoinKind::Left
        } else if self.accept_word("RIGHT")? {
            JoinKind::Right
        } else if self.accept_word("FULL")? {
            JoinKind::Full
        } else if self.at_word("JOIN") {
            JoinKind::Inner
        } else {
            return Ok(None);
        };
        if kind != JoinKind::Inner {
            self.accept_word("OUTER")?;
        }
        for hint in ["LOOP", "HASH", "MERGE"] {
            if self.at_word(hint) && self.peek_is_word("JOIN") {
                self.advance()?;
            }
        }
        self.expect_word("JOIN")?;
        Ok(Some(kind))
    }

    fn single_source(&mut self) -> Result<TableSource> {
        if self.at("(") {
            return self.source_in_parentheses();
        }
        if self.at_word("OPENJSON") {
            return self.open_json();
        }
        if self.at_word("STRING_SPLIT") && self.peek() == Token::Symbol("(") {
            self.advance()?;
            let arguments = self.parenthesized(Self::expression)?;
            return Ok(TableSource::Split { arguments, alias: self.source_alias()? });
        }
        if self.at_word("CHANGETABLE") {
            return self.change_table();
        }
        let name = self.target()?;
        if self.at("(") {
            return Err(SqlError::unsupported(name.object()).at_line(self.line));
        }
        if self.accept_words(&["FOR", "PATH"])? || self.at_word("FOR") {
            return Err(self.unsupported());
        }
        let alias = self.source_alias()?;
        let locks = self.table_hints()?;
        for word in ["TABLESAMPLE", "PIVOT", "UNPIVOT"] {
            if self.at_word(word) {
                return Err(self.unsupported());
            }
        }
        Ok(TableSource::Table { name, alias, locks })
    }

    pub(super) fn source_alias(&mut self) -> Result<Option<String>> {
        if self.accept_word("AS")? {
            return self.name().map(Some);
        }
        if self.at_name() && !self.at_clause_word() {
            return self.name().map(Some);
        }
        Ok(None)
    }

    /// `WITH (NOLOCK, …)`: locking hints. Those that hold locks to the end of a transaction make it the one writer; readers
    /// never block here, so the others change no result.
    pub(super) fn table_hints(&mut self) -> Result<Vec<String>> {
        if !(self.at_word("WITH") && self.peek() == Token::Symbol("(")) {
            return Ok(Vec::new());
        }
        self.advance()?;
        self.parenthesized(|parser| match parser.token {
            Token::Word(word) if HINTS.iter().any(|hint| word.eq_ignore_ascii_case(hint)) => {
                parser.advance()?;
                Ok(word.to_ascii_uppercase())
            }
            _ => Err(parser.unsupported()),
        })
    }

    fn source_in_parentheses(&mut self) -> Result<TableSource> {
        if self.at_query() || self.peek_is_word("VALUES") || self.peek_is_word("SELECT") {
            self.expect("(")?;
            let query = Box::new(self.query()?);
            self.expect(")")?;
            let alias = self.source_alias()?.ok_or_else(|| self.unexpected())?;
            let columns =
                if self.at("(") { self.parenthesized(Self::column_name)? } else { Vec::new() };
            let values = matches!(*query, Query { body: QueryBody::Values(_), .. });
            if values && columns.is_empty() {
                // Documented: 8155, a column of a derived table without a name.
                let message = format!("No column name was specified for column 1 of '{alias}'.");
                return Err(SqlError::new(8155, message).state(2).at_line(self.line));
            }
            return Ok(TableSource::Derived { query, alias, columns });
        }
        self.expect("(")?;
        let source = self.table_source()?;
        self.expect(")")?;
        Ok(source)
    }

    fn open_json(&mut self) -> Result<TableSource> {
        self.advance()?;
        self.expect("(")?;
        let json = self.expression()?;
        let path = if self.accept(",")? { Some(self.expression()?) } else { None };
        self.expect(")")?;
        let mut columns = Vec::new();
        if self.at_word("WITH") {
            self.advance()?;
            columns = self.parenthesized(Self::json_column)?;
        }
        let alias = self.source_alias()?;
        Ok(TableSource::OpenJson { json, path, columns, alias })
    }

    fn json_column(&mut self) -> Result<JsonColumn> {
        let name = self.name()?;
        let sql_type = self.data_type()?;
        let path = match self.token {
            Token::Text(..) => Some(self.text_literal()?),
            _ => None,
        };
        let as_json = self.accept_words(&["AS", "JSON"])?;
        Ok(JsonColumn { name, sql_type, path, as_json })
    }
}
