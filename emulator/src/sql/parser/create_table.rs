//! CREATE TABLE.

use super::Parser;
use crate::sql::ast::{
    ColumnDefinition, ConstraintDefinition, CreateIndex, CreateTable, ObjectName, TableKind,
};
use crate::sql::error::Result;
use crate::sql::lexer::Token;

/// What a table's parentheses hold.
#[derive(Default)]
struct Elements {
    columns: Vec<ColumnDefinition>,
    constraints: Vec<ConstraintDefinition>,
    indexes: Vec<CreateIndex>,
}

impl Parser<'_> {
    pub(super) fn create_table(&mut self) -> Result<CreateTable> {
        let name = self.object_name()?;
        let listed = self.at("(");
        let mut table = if listed {
            self.table_body(name)?
        } else {
            CreateTable {
                name,
                columns: Vec::new(),
                constraints: Vec::new(),
                indexes: Vec::new(),
                kind: TableKind::Plain,
            }
        };
        table.kind = self.graph_kind()?;
        if !listed && table.kind != TableKind::Edge {
            // Observed: a node table needs a column list, an edge table may omit it (probed.md 4).
            return Err(self.unexpected());
        }
        self.filegroup()?;
        if self.at_word("WITH") || self.at_word("TEXTIMAGE_ON") || self.at_word("FILESTREAM_ON") {
            return Err(self.unsupported());
        }
        Ok(table)
    }

    /// `ON [PRIMARY]`: there is one filegroup.
    pub(super) fn filegroup(&mut self) -> Result<()> {
        if !self.accept_word("ON")? {
            return Ok(());
        }
        let refused = self.unsupported();
        if self.name()?.eq_ignore_ascii_case("PRIMARY") { Ok(()) } else { Err(refused) }
    }

    /// `(column, …, constraint, …)`.
    pub(super) fn table_body(&mut self, name: ObjectName) -> Result<CreateTable> {
        self.expect("(")?;
        let mut elements = Elements::default();
        loop {
            self.table_element(&mut elements)?;
            if !self.accept(",")? || self.at(")") {
                break;
            }
        }
        self.expect(")")?;
        let Elements { columns, constraints, indexes } = elements;
        Ok(CreateTable { name, columns, constraints, indexes, kind: TableKind::Plain })
    }

    fn graph_kind(&mut self) -> Result<TableKind> {
        if !self.accept_word("AS")? {
            return Ok(TableKind::Plain);
        }
        Ok(match self.one_of(&["NODE", "EDGE"])? {
            "NODE" => TableKind::Node,
            _ => TableKind::Edge,
        })
    }

    fn table_element(&mut self, elements: &mut Elements) -> Result<()> {
        if self.at_word("INDEX") {
            self.advance()?;
            let index = self.index_inside()?;
            elements.indexes.push(index);
        } else if self.at_word("PERIOD") && self.peek_is_word("FOR") {
            return Err(self.unsupported());
        } else if self.at_constraint() {
            let constraint = self.constraint(None)?;
            elements.constraints.push(constraint);
        } else {
            let column = self.column_definition()?;
            elements.columns.push(column);
        }
        Ok(())
    }

    /// `name type …`
    pub(super) fn column_definition(&mut self) -> Result<ColumnDefinition> {
        if let Token::Pseudo(_) = self.token {
            // $node_id and its like are generated; no table declares them (13908 and syntax alike).
            return Err(self.unexpected());
        }
        let name = self.name()?;
        if self.at_word("AS") {
            return Err(self.unsupported());
        }
        let sql_type = self.data_type()?;
        let mut column = ColumnDefinition {
            name,
            sql_type,
            collation: None,
            nullable: None,
            identity: None,
            constraints: Vec::new(),
        };
        while self.column_option(&mut column)? {}
        Ok(column)
    }

    fn column_option(&mut self, column: &mut ColumnDefinition) -> Result<bool> {
        if self.accept_words(&["NOT", "NULL"])? {
            column.nullable = Some(false);
        } else if self.accept_word("NULL")? {
            column.nullable = Some(true);
        } else if self.accept_word("COLLATE")? {
            column.collation = Some(self.collation()?);
        } else if self.accept_word("IDENTITY")? {
            column.identity = Some(self.identity()?);
        } else if self.at_constraint() || self.at_word("REFERENCES") {
            let constraint = self.constraint(Some(&column.name.clone()))?;
            column.constraints.push(constraint);
        } else {
            for word in [
                "ROWGUIDCOL",
                "SPARSE",
                "GENERATED",
                "MASKED",
                "ENCRYPTED",
                "FILESTREAM",
                "HIDDEN",
                "INDEX",
            ] {
                if self.at_word(word) {
                    return Err(self.unsupported());
                }
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn identity(&mut self) -> Result<(i64, i64)> {
        let mut identity = (1, 1);
        if self.accept("(")? {
            identity.0 = self.integer()?;
            self.expect(",")?;
            identity.1 = self.integer()?;
            self.expect(")")?;
        }
        self.accept_words(&["NOT", "FOR", "REPLICATION"])?;
        Ok(identity)
    }
}
