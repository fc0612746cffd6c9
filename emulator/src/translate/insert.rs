//! INSERT.

use super::projection::Projected;
use super::{Plan, Scope, Translator, Typed};
use crate::catalog::{ColumnRole, Table};
use crate::sql::ast::{Expr, Insert, Query};
use crate::sql::error::{Result, SqlError};
use std::collections::HashMap;
use std::sync::Arc;

/// Where an INSERT puts its rows.
#[derive(Clone, Debug)]
pub struct InsertTarget {
    /// The table.
    pub table: Arc<Table>,
    /// Ids of the columns that values are given for, in order.
    pub columns: Vec<i32>,
    /// The columns were written out.
    listed: bool,
}

impl Translator<'_> {
    /// Checks the target of an INSERT and its columns.
    pub fn insert_target(&self, insert: &Insert) -> Result<InsertTarget> {
        let table = Arc::clone(self.catalog().table(&insert.table)?);
        self.demand("INSERT", &table)?;
        let listed = !insert.columns.is_empty();
        let columns =
            if listed { listed_columns(&table, &insert.columns)? } else { implied_columns(&table) };
        self.check_identity(&table, &columns, listed)?;
        Ok(InsertTarget { table, columns, listed })
    }

    fn check_identity(&self, table: &Table, columns: &[i32], listed: bool) -> Result<()> {
        let Some(identity) = table.identity() else {
            return Ok(());
        };
        let on = self.environment.identity_insert == Some(table.id);
        let given = columns.contains(&identity.id);
        match (on, given) {
            // Documented: 544, 545 and 8101.
            (false, true) => {
                let message = format!(
                    "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
                    table.name
                );
                Err(SqlError::new(544, message))
            }
            (true, false) if !listed => {
                let message = format!(
                    "An explicit value for the identity column in table '{}' can only be specified when a column list is used \
                     and IDENTITY_INSERT is ON.",
                    self.catalog().qualified(table)
                );
                Err(SqlError::new(8101, message))
            }
            (true, false) => {
                let message = format!(
                    "Explicit value must be specified for identity column in table '{}' either when IDENTITY_INSERT is set to \
                     ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.",
                    table.name
                );
                Err(SqlError::new(545, message))
            }
            _ => Ok(()),
        }
    }

    /// One row of VALUES. Literals are bound, so that rows of one shape share one prepared statement.
    pub fn insert_row(
        mut self,
        insert: &Insert,
        target: &InsertTarget,
        row: &[Expr],
    ) -> Result<Plan> {
        self.bind_literals = true;
        let scope = Scope::empty();
        let mut values = HashMap::with_capacity(row.len());
        for (expression, column) in row.iter().zip(&target.columns) {
            if *expression != Expr::Default {
                values.insert(*column, self.expression(expression, &scope)?);
            }
        }
        if row.len() != target.columns.len() {
            return Err(wrong_width(target, row.len(), false));
        }
        let (names, expressions) = self.physical(&target.table, values)?;
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            target.table.storage(),
            names.join(", "),
            expressions.join(", ")
        );
        self.finish(&sql, &insert.output, &target.table, "inserted")
    }

    /// INSERT … SELECT.
    pub fn insert_query(
        mut self,
        insert: &Insert,
        target: &InsertTarget,
        query: &Query,
    ) -> Result<Plan> {
        self.define_ctes(&insert.ctes)?;
        self.define_ctes(&query.ctes)?;
        let mut rows = self.top_query(query)?;
        if rows.columns.len() != target.columns.len() {
            return Err(wrong_width(target, rows.columns.len(), true));
        }
        let (items, tail) = match rows.parts.take() {
            Some(parts) => (parts.items, parts.tail),
            None => self.wrapped(&rows, query.offset.is_none() && query.order_by.is_empty()),
        };
        let values = target.columns.iter().copied().zip(items).collect();
        let (names, expressions) = self.physical(&target.table, values)?;
        let list = expressions.join(", ");
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {list}{tail}",
            target.table.storage(),
            names.join(", ")
        );
        self.finish(&sql, &insert.output, &target.table, "inserted")
    }

    /// Columns of a query that is grouped, ordered or limited: the query stays whole, so that ids are given in its order.
    fn wrapped(
        &mut self,
        rows: &super::query::Translated,
        unordered: bool,
    ) -> (Vec<Typed>, String) {
        let alias = self.alias();
        let item = |(at, column): (usize, &Projected)| Typed {
            collation: column.collation,
            is_null: column.is_null,
            ..Typed::expression(format!("{alias}.{}{}", rows.prefix, at + 1), column.sql_type)
        };
        let items = rows.columns.iter().enumerate().map(item).collect();
        let keep_order = if unordered || rows.sql.contains(" LIMIT ") { "" } else { " LIMIT -1" };
        (items, format!(" FROM ({}{keep_order}) AS {alias} WHERE 1", rows.sql))
    }

    /// What `SQLite`'s columns get, given what the statement's columns get.
    fn physical(
        &mut self,
        table: &Table,
        mut values: HashMap<i32, Typed>,
    ) -> Result<(Vec<String>, Vec<String>)> {
        let (mut names, mut expressions) = (Vec::new(), Vec::new());
        let end = |role| match table.role(role) {
            Some(column) => end_of_edge(values.get(&column.id)),
            None => (String::new(), String::new()),
        };
        let from = end(ColumnRole::FromText);
        let to = end(ColumnRole::ToText);
        for column in table.columns.iter().filter(|column| !column.role.is_computed()) {
            names.push(column.storage());
            expressions.push(match column.role {
                ColumnRole::GraphId => format!("g_next({})", table.id),
                ColumnRole::FromObject => from.0.clone(),
                ColumnRole::FromId => from.1.clone(),
                ColumnRole::ToObject => to.0.clone(),
                ColumnRole::ToId => to.1.clone(),
                _ => self.column_value(table, column, values.remove(&column.id))?,
            });
        }
        Ok((names, expressions))
    }
}

fn end_of_edge(value: Option<&Typed>) -> (String, String) {
    match value {
        None => ("NULL".to_owned(), "NULL".to_owned()),
        Some(Typed { graph: Some(graph), .. }) => graph.clone(),
        Some(typed) => (format!("g_object({})", typed.sql), format!("g_id({})", typed.sql)),
    }
}

fn listed_columns(table: &Table, names: &[String]) -> Result<Vec<i32>> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let column = table
            .column(name)
            .ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))?;
        if column.role.is_hidden() {
            return Err(SqlError::new(
                13908,
                format!("Cannot access internal graph column '{}'.", column.name),
            ));
        }
        if matches!(column.role, ColumnRole::NodeId | ColumnRole::EdgeId) {
            return Err(SqlError::unsupported(name));
        }
        if columns.contains(&column.id) {
            let message = format!(
                "The column name '{name}' is specified more than once in the SET clause or column list of an INSERT."
            );
            return Err(SqlError::new(264, message));
        }
        columns.push(column.id);
    }
    Ok(columns)
}

/// Observed: for an edge table `$from_id, $to_id`, then the declared columns (probed.md 4).
fn implied_columns(table: &Table) -> Vec<i32> {
    let ends =
        [ColumnRole::FromText, ColumnRole::ToText].into_iter().filter_map(|role| table.role(role));
    let own = table
        .columns
        .iter()
        .filter(|column| column.role == ColumnRole::User && column.identity.is_none());
    ends.chain(own).map(|column| column.id).collect()
}

fn wrong_width(target: &InsertTarget, given: usize, select: bool) -> SqlError {
    let message = match (target.listed, given < target.columns.len(), select) {
        (false, ..) => {
            return SqlError::new(
                213,
                "Column name or number of supplied values does not match table definition.",
            );
        }
        (_, true, false) => {
            "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values \
             in the VALUES clause must match the number of columns specified in the INSERT statement."
        }
        (_, false, false) => {
            "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values \
             in the VALUES clause must match the number of columns specified in the INSERT statement."
        }
        (_, true, true) => {
            "The select list for the INSERT statement contains fewer items than the insert list. The number of SELECT values \
             must match the number of INSERT columns."
        }
        (_, false, true) => {
            "The select list for the INSERT statement contains more items than the insert list. The number of SELECT values \
             must match the number of INSERT columns."
        }
    };
    let number = match (given < target.columns.len(), select) {
        (true, false) => 109,
        (false, false) => 110,
        (true, true) => 120,
        (false, true) => 121,
    };
    SqlError::new(number, message).class(15)
}
