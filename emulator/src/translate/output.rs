//! OUTPUT, as RETURNING.

use super::projection::Projected;
use super::{Plan, Scope, Translator};
use crate::catalog::{Table, same_name};
use crate::sql::ast::{Expr, SelectItem};
use crate::sql::error::{Result, SqlError};
use crate::tds::response::OutColumn;

impl Translator<'_> {
    /// Adds OUTPUT as RETURNING.
    pub(super) fn finish(
        mut self,
        sql: &str,
        output: &[SelectItem],
        table: &Table,
        row: &str,
    ) -> Result<Plan> {
        if output.is_empty() {
            return Ok(self.plan(sql, Vec::new(), Vec::new()));
        }
        let mut scope = Scope::of_row(table, "");
        row.clone_into(&mut scope.sources[0].name);
        let (mut list, mut columns): (Vec<String>, Vec<OutColumn>) = (Vec::new(), Vec::new());
        for item in output {
            match item {
                SelectItem::Expr { value, alias } => {
                    let typed =
                        self.expression(value, &scope).map_err(|error| other_row(error, row))?;
                    let name = alias.clone().unwrap_or_else(|| match value {
                        Expr::Column(parts) => parts.last().cloned().unwrap_or_default(),
                        Expr::Pseudo { name, .. } => name.clone(),
                        _ => String::new(),
                    });
                    columns.push(Projected::of(&typed, name).out_column());
                    list.push(typed.sql);
                }
                SelectItem::Star(Some(name)) if same_name(name.object(), row) => {
                    for column in scope.sources[0].columns.iter().filter(|column| !column.hidden) {
                        columns
                            .push(Projected::of(&column.value, column.name.clone()).out_column());
                        list.push(column.value.sql.clone());
                    }
                }
                SelectItem::Star(_) | SelectItem::Assign { .. } => {
                    return Err(SqlError::unsupported("OUTPUT"));
                }
            }
        }
        let sql = format!("{sql} RETURNING {}", list.join(", "));
        Ok(self.plan(&sql, columns, Vec::new()))
    }
}

/// `deleted` in an UPDATE is valid SQL that `SQLite` cannot answer.
fn other_row(error: SqlError, row: &str) -> SqlError {
    let other = if row == "inserted" { "deleted" } else { "inserted" };
    if error.number == 4104 && error.message.to_ascii_lowercase().contains(&format!("\"{other}.")) {
        return SqlError::unsupported(format!("OUTPUT {other}"));
    }
    error
}
