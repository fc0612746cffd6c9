//! What a column keeps of a value, and what it gets without one.

use super::{Scope, Translator, Typed};
use crate::catalog::{Column, Table};
use crate::sql::ast::Expr;
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_expression;
use crate::values::Value;
use crate::values::convert::{self, Purpose};

impl Translator<'_> {
    pub(super) fn column_value(
        &mut self,
        table: &Table,
        column: &Column,
        value: Option<Typed>,
    ) -> Result<String> {
        if let Some((seed, increment)) = column.identity {
            return Ok(match value {
                None => format!("g_identity({}, {seed}, {increment})", table.id),
                Some(value) => {
                    let stored = self.stored(value, table, column)?;
                    format!("g_explicit({}, {stored}, {increment})", table.id)
                }
            });
        }
        match value {
            Some(value) => self.stored(value, table, column),
            None => self.default_value(table, column),
        }
    }

    pub(super) fn default_value(&mut self, table: &Table, column: &Column) -> Result<String> {
        let value = match &column.default {
            Some(default) => {
                let expression = parse_expression(&default.text)?;
                self.expression(&expression, &Scope::empty())?
            }
            None => self.expression(&Expr::Null, &Scope::empty())?,
        };
        self.stored(value, table, column)
    }

    /// A default for rows that are there already.
    pub fn default_for(mut self, value: &Expr, table: &Table, column: &Column) -> Result<String> {
        let value = self.expression(value, &Scope::empty())?;
        self.stored(value, table, column)
    }

    /// A value as a column keeps it.
    pub(super) fn stored(
        &mut self,
        value: Typed,
        table: &Table,
        column: &Column,
    ) -> Result<String> {
        let (from, to) = (value.sql_type, column.sql_type);
        let full_name = self.catalog().full_name(table);
        let is_row_id = table.row_id_column().is_some_and(|own| own.id == column.id);
        if value.is_null {
            let null = "NULL".to_owned();
            return Ok(if is_row_id { need(&null, &full_name, &column.name) } else { null });
        }
        if !convert::is_implicit(from, to) {
            self.implicit(value, to)?;
            return Err(SqlError::internal("conversion"));
        }
        if let Some(literal) = value.literal.clone() {
            let names = || (full_name.clone(), column.name.clone());
            let converted = convert::convert(literal.clone(), from, to, 0, Purpose::Store)
                .map_err(|error| crate::sqlite::name_column(error, names))?;
            return Ok(self.rebound(&value, &literal, converted, to));
        }
        let sql = if convert::is_free(from, to) {
            value.sql
        } else {
            let table = super::literal::literal_sql(&Value::Text(full_name.clone().into_bytes()));
            let name = super::literal::literal_sql(&Value::Text(column.name.clone().into_bytes()));
            format!("store({}, {}, {}, {table}, {name})", value.sql, from.code(), to.code())
        };
        Ok(if is_row_id { need(&sql, &full_name, &column.name) } else { sql })
    }

    /// A literal in its stored form takes the place of the one already bound.
    fn rebound(
        &mut self,
        value: &Typed,
        literal: &Value,
        converted: Value,
        to: crate::values::SqlType,
    ) -> String {
        let last = super::Binding::Literal(literal.clone());
        let place = self.bindings.len();
        if self.bind_literals
            && value.sql == format!("?{place}")
            && self.bindings.last() == Some(&last)
        {
            self.bindings[place - 1] = super::Binding::Literal(converted);
            return value.sql.clone();
        }
        self.literal(converted, to).sql
    }
}

fn need(sql: &str, table: &str, column: &str) -> String {
    let quoted = |text: &str| super::literal::literal_sql(&Value::Text(text.as_bytes().to_vec()));
    format!("need({sql}, {}, {})", quoted(table), quoted(column))
}
