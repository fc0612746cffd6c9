//! CREATE INDEX, and indexes inside of CREATE TABLE.

use super::Parser;
use crate::sql::ast::{CreateIndex, IndexColumn, ObjectName};
use crate::sql::error::Result;
use crate::sql::lexer::Token;

impl Parser<'_> {
    pub(super) fn index_inside(&mut self) -> Result<CreateIndex> {
        let name = self.name()?;
        let unique = self.accept_word("UNIQUE")?;
        let clustered = self.clustering()?.unwrap_or(false);
        let columns = self.parenthesized(Self::index_column)?;
        self.index_rest(CreateIndex {
            name,
            table: ObjectName(Vec::new()),
            unique,
            clustered,
            columns,
            include: Vec::new(),
            filter: None,
        })
    }

    pub(super) fn clustering(&mut self) -> Result<Option<bool>> {
        if self.accept_word("CLUSTERED")? {
            Ok(Some(true))
        } else if self.accept_word("NONCLUSTERED")? {
            Ok(Some(false))
        } else {
            Ok(None)
        }
    }

    /// `WITH (…)` of an index: how it is stored, which says nothing about results.
    pub(super) fn index_options(&mut self) -> Result<()> {
        if self.at_word("WITH") && self.peek() == Token::Symbol("(") {
            self.advance()?;
            self.parenthesized(|parser| {
                let option = parser.one_of(&[
                    "PAD_INDEX",
                    "FILLFACTOR",
                    "SORT_IN_TEMPDB",
                    "STATISTICS_NORECOMPUTE",
                    "DROP_EXISTING",
                    "ONLINE",
                    "ALLOW_ROW_LOCKS",
                    "ALLOW_PAGE_LOCKS",
                    "MAXDOP",
                    "DATA_COMPRESSION",
                    "OPTIMIZE_FOR_SEQUENTIAL_KEY",
                ])?;
                parser.expect("=")?;
                if option == "DROP_EXISTING" && parser.at_word("ON") {
                    return Err(parser.unsupported());
                }
                parser.advance().map(drop)
            })?;
        }
        self.filegroup()
    }

    pub(super) fn index_column(&mut self) -> Result<IndexColumn> {
        let name = self.column_name()?;
        let descending = self.direction()?;
        Ok(IndexColumn { name, descending })
    }

    pub(super) fn create_index(&mut self) -> Result<CreateIndex> {
        let unique = self.accept_word("UNIQUE")?;
        let clustered = self.clustering()?.unwrap_or(false);
        if !self.at_word("INDEX") {
            return Err(self.unsupported());
        }
        self.advance()?;
        let name = self.name()?;
        self.expect_word("ON")?;
        let table = self.object_name()?;
        let columns = self.parenthesized(Self::index_column)?;
        self.index_rest(CreateIndex {
            name,
            table,
            unique,
            clustered,
            columns,
            include: Vec::new(),
            filter: None,
        })
    }

    fn index_rest(&mut self, mut index: CreateIndex) -> Result<CreateIndex> {
        if self.accept_word("INCLUDE")? {
            index.include = self.parenthesized(Self::column_name)?;
        }
        if self.accept_word("WHERE")? {
            let start = self.start;
            let predicate = self.predicate()?;
            index.filter = Some((self.text_since(start), predicate));
        }
        self.index_options()?;
        Ok(index)
    }
}
