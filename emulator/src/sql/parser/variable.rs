//! Variables: DECLARE, and whether what is named has been declared.

use super::Parser;
use crate::sql::ast::{CreateTable, Declaration, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;
use crate::values::SqlType;

/// Variables of a batch, in the order of its text.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Declared so far.
    pub(super) variables: Vec<(String, SqlType)>,
    declared: Vec<(String, u32)>,
    undeclared: Vec<(String, u32)>,
}

impl Names {
    fn declares(&self, name: &str) -> bool {
        self.variables.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// 134 for a name that is declared twice, 137 for one that is not.
    pub(super) fn check(&self, known: &dyn Fn(&str) -> bool) -> Result<()> {
        for (at, (name, line)) in self.declared.iter().enumerate() {
            let twice = self.declared[..at].iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
            if twice || known(name) {
                let message = format!(
                    "The variable name '{name}' has already been declared. Variable names must be unique within a query batch \
                     or stored procedure."
                );
                return Err(SqlError::new(134, message).class(15).at_line(*line));
            }
        }
        match self.undeclared.iter().find(|(name, _)| !known(name)) {
            None => Ok(()),
            Some((name, line)) => {
                let message = format!("Must declare the scalar variable \"{name}\".");
                Err(SqlError::new(137, message).class(15).state(2).at_line(*line))
            }
        }
    }
}

impl Parser<'_> {
    pub(super) fn declare(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let line = self.line;
        let first = self.variable()?;
        self.accept_word("AS")?;
        if self.at_word("TABLE") {
            return self.declare_table(first, line);
        }
        let mut declarations = vec![self.declaration(first)?];
        while self.accept(",")? {
            let name = self.variable()?;
            self.accept_word("AS")?;
            declarations.push(self.declaration(name)?);
        }
        for declaration in &declarations {
            self.names.declared.push((declaration.name.clone(), line));
            self.names.variables.push((declaration.name.clone(), declaration.sql_type));
        }
        Ok(StatementKind::Declare(declarations))
    }

    fn declaration(&mut self, name: String) -> Result<Declaration> {
        if self.at_word("CURSOR") {
            return Err(self.unsupported());
        }
        let sql_type = self.data_type()?;
        let value = if self.accept("=")? { Some(self.expression()?) } else { None };
        Ok(Declaration { name, sql_type, value })
    }

    /// `TABLE (…)`, whose constraints have no names (observed: 102).
    fn declare_table(&mut self, name: String, line: u32) -> Result<StatementKind> {
        self.expect_word("TABLE")?;
        let table: CreateTable =
            self.table_body(crate::sql::ast::ObjectName(vec![name.clone()]))?;
        let at_columns = table.columns.iter().flat_map(|column| &column.constraints);
        if at_columns.chain(&table.constraints).any(|constraint| constraint.name.is_some()) {
            return Err(SqlError::syntax("CONSTRAINT").at_line(line));
        }
        self.names.declared.push((name.clone(), line));
        Ok(StatementKind::DeclareTable { name, table: Box::new(table) })
    }

    /// `@name`, to be declared or set.
    pub(super) fn variable(&mut self) -> Result<String> {
        match self.token {
            Token::Variable(name) if !name.starts_with("@@") => {
                self.advance()?;
                Ok(name.to_owned())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `@name` of a variable that is there.
    pub(super) fn declared_variable(&mut self) -> Result<String> {
        let line = self.line;
        let name = self.variable()?;
        self.note_use(&name, line);
        Ok(name)
    }

    /// A variable is named.
    pub(super) fn note_use(&mut self, name: &str, line: u32) {
        if !name.starts_with("@@") && !self.names.declares(name) {
            self.names.undeclared.push((name.to_owned(), line));
        }
    }
}
