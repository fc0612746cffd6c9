//! APPLY: rows of a query that names the sources to its left. `SQLite` lets only table-valued functions do so; the rows of the
//! query therefore come as one JSON array, each value packed so that it keeps its type.

use super::cte::named;
use super::scope::{Source, SourceColumn};
use super::source::add;
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Expr, Query};
use crate::sql::error::{Result, SqlError};
use crate::values::SqlType;

impl Translator<'_> {
    /// `APPLY (query) AS alias (columns)`.
    pub(super) fn apply(
        &mut self,
        query: &Query,
        alias: &str,
        columns: &[String],
        scope: &mut Scope<'_>,
    ) -> Result<String> {
        let left = scope.clone();
        let inner = self.subquery(query, &left)?;
        let (rows, each) = (self.alias(), self.alias());
        let packed: Vec<String> = (1..=inner.columns.len())
            .map(|at| format!("j_pack({rows}.{}{at})", inner.prefix))
            .collect();
        let found = named(inner.columns, columns, alias)?
            .into_iter()
            .enumerate()
            .map(|(at, column)| SourceColumn {
                value: Typed {
                    nullable: true,
                    origin: column.origin,
                    collation: column.collation,
                    ..Typed::expression(format!("j_unpack({each}.value ->> {at})"), column.sql_type)
                },
                name: column.name,
                hidden: false,
            })
            .collect();
        add(scope, unnamed(alias, &each, found))?;
        Ok(format!(
            "json_each((SELECT json_group_array(json_array({})) FROM ({}) AS {rows})) AS {each}",
            packed.join(", "),
            inner.sql
        ))
    }

    /// `STRING_SPLIT(text, separator[, 1])`.
    pub(super) fn string_split(
        &mut self,
        arguments: &[Expr],
        alias: Option<&str>,
        scope: &mut Scope<'_>,
    ) -> Result<String> {
        let (text, separator, ordinal) = match arguments {
            [text, separator] => (text, separator, false),
            [text, separator, Expr::Integer(one)] => (text, separator, one == "1"),
            [_, _, _] => return Err(SqlError::unsupported("enable_ordinal")),
            _ => return Err(super::aggregate::wrong_arguments("STRING_SPLIT", 2)),
        };
        let left = scope.clone();
        let text = self.expression(text, &left)?;
        let text = self.as_text(text)?;
        let separator = self.expression(separator, &left)?;
        let separator = self.as_text(separator)?;
        let each = self.alias();
        let column = |name: &str, sql: String, sql_type| SourceColumn {
            name: name.to_owned(),
            value: Typed::expression(sql, sql_type),
            hidden: false,
        };
        let mut columns = vec![column("value", format!("{each}.value"), text.sql_type)];
        if ordinal {
            columns.push(column("ordinal", format!("({each}.key + 1)"), SqlType::BigInt));
        }
        add(scope, unnamed(alias.unwrap_or("STRING_SPLIT"), &each, columns))?;
        Ok(format!("json_each(j_split({}, {})) AS {each}", text.sql, separator.sql))
    }
}

fn unnamed(name: &str, alias: &str, columns: Vec<SourceColumn>) -> Source {
    Source {
        name: name.to_owned(),
        alias: alias.to_owned(),
        columns,
        joined: true,
        ..Source::default()
    }
}
