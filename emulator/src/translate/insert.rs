//! INSERT.

use super::projection::Projected;
use super::stage::{self, Once, Shape, Staged};
use super::typed::common_type;
use super::{Plan, Scope, Translator, Typed};
use crate::catalog::{Column, ColumnRole, Table};
use crate::sql::ast::{Expr, Insert, InsertSource, Query};
use crate::sql::error::{Result, SqlError};
use crate::values::{SqlType, Value};
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
    /// Common types of several rows' values, where they differ.
    types: Vec<Option<SqlType>>,
}

impl Translator<'_> {
    /// Checks the target of an INSERT and its columns.
    pub fn insert_target(&self, insert: &Insert) -> Result<InsertTarget> {
        let table = Arc::clone(self.catalog().table(&insert.table)?);
        self.demand("INSERT", &table)?;
        let listed = !insert.columns.is_empty();
        let columns =
            if listed { listed_columns(&table, &insert.columns)? } else { implied_columns(&table) };
        let columns = match insert.source {
            InsertSource::Defaults => Vec::new(),
            _ => columns,
        };
        self.check_identity(&table, &columns, listed)?;
        let types = match &insert.source {
            InsertSource::Values(rows) if rows.len() > 1 => self.fresh().common_types(rows)?,
            _ => Vec::new(),
        };
        Ok(InsertTarget { table, columns, listed, types })
    }

    /// Rows of one VALUES are one table: their values meet in a common type first (documented, as with UNION ALL).
    fn common_types(mut self, rows: &[Vec<Expr>]) -> Result<Vec<Option<SqlType>>> {
        let width = rows.first().map_or(0, Vec::len);
        let mut common: Vec<Option<Typed>> = vec![None; width];
        let mut differ = vec![false; width];
        for row in rows {
            if row.len() != width {
                // Documented: 10709.
                let message = "The number of columns for each row in a table value constructor must be the same.";
                return Err(SqlError::new(10709, message).class(15));
            }
            for (at, cell) in row.iter().enumerate().filter(|(_, cell)| **cell != Expr::Default) {
                let typed = self.expression(cell, &Scope::empty())?;
                if typed.is_null {
                    continue;
                }
                let sql_type = match &common[at] {
                    Some(own) if own.sql_type != typed.sql_type => {
                        differ[at] |= own.sql_type.family() != typed.sql_type.family();
                        common_type(own, &typed)?
                    }
                    _ => typed.sql_type,
                };
                common[at] = Some(Typed::expression("", sql_type));
            }
        }
        let of =
            |(own, differ): (Option<Typed>, bool)| own.filter(|_| differ).map(|own| own.sql_type);
        Ok(common.into_iter().zip(differ).map(of).collect())
    }

    pub(super) fn check_identity(
        &self,
        table: &Table,
        columns: &[i32],
        listed: bool,
    ) -> Result<()> {
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
        let (names, expressions) = self.row_values(target, row)?;
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            target.table.storage(),
            names.join(", "),
            expressions.join(", ")
        );
        self.finish(&sql, &insert.output.rows, &target.table, "inserted")
    }

    fn row_values(
        &mut self,
        target: &InsertTarget,
        row: &[Expr],
    ) -> Result<(Vec<String>, Vec<String>)> {
        self.bind_literals = true;
        let scope = Scope::empty();
        let mut values = HashMap::with_capacity(row.len());
        for (at, (expression, column)) in row.iter().zip(&target.columns).enumerate() {
            if *expression == Expr::Default {
                continue;
            }
            let mut typed = self.expression(expression, &scope)?;
            if let Some(Some(common)) = target.types.get(at) {
                typed = self.implicit(typed, *common)?;
            }
            values.insert(*column, typed);
        }
        if row.len() != target.columns.len() {
            return Err(wrong_width(target, row.len(), false));
        }
        self.physical(&target.table, values)
    }

    /// INSERT … SELECT.
    pub fn insert_query(
        mut self,
        insert: &Insert,
        target: &InsertTarget,
        query: &Query,
    ) -> Result<Plan> {
        let (names, rows) = self.query_values(insert, target, query)?;
        let sql = format!("INSERT INTO {} ({}) {rows}", target.table.storage(), names.join(", "));
        self.finish(&sql, &insert.output.rows, &target.table, "inserted")
    }

    /// The columns of an INSERT … SELECT and the rows for them, which end in a WHERE.
    fn query_values(
        &mut self,
        insert: &Insert,
        target: &InsertTarget,
        query: &Query,
    ) -> Result<(Vec<String>, String)> {
        self.define_ctes(&insert.ctes)?;
        self.define_ctes(&query.ctes)?;
        let mut rows = self.top_query(query)?;
        if !rows.assigned.is_empty() {
            return Err(SqlError::syntax("="));
        }
        if rows.columns.len() != target.columns.len() {
            return Err(wrong_width(target, rows.columns.len(), true));
        }
        let (items, tail) = match rows.parts.take() {
            Some(parts) if parts.filtered => (parts.items, parts.tail),
            Some(parts) => (parts.items, parts.tail + " WHERE 1"),
            None => self.wrapped(&rows, query.offset.is_none() && query.order_by.is_empty()),
        };
        let values = target.columns.iter().copied().zip(items).collect();
        let (names, expressions) = self.physical(&target.table, values)?;
        Ok((names, format!("SELECT {}{tail}", expressions.join(", "))))
    }

    /// INSERT by the stage: what OUTPUT … INTO needs.
    pub fn staged_insert(self, insert: &Insert, target: &InsertTarget) -> Result<Staged> {
        let table = Arc::clone(&target.table);
        let shape = Shape::of(&table);
        let no_rows = [Vec::new()];
        let rows: &[Vec<Expr>] = match &insert.source {
            InsertSource::Values(rows) => rows,
            InsertSource::Defaults => &no_rows,
            InsertSource::Query(_) => &[],
        };
        let mut fill = Vec::with_capacity(rows.len());
        for row in rows {
            let mut translator = self.fresh();
            let (names, values) = translator.row_values(target, row)?;
            let (into, values) = shape.filled(staged_row(names, values));
            let sql = format!("INSERT INTO {into} VALUES ({values})");
            fill.push(translator.plan(&sql, Vec::new(), Vec::new()));
        }
        if let InsertSource::Query(query) = &insert.source {
            let mut translator = self.fresh();
            let (names, rows) = translator.query_values(insert, target, query)?;
            let clause = std::iter::once("clause".to_owned());
            let names = clause.chain(names.iter().map(|name| format!("n_{name}")));
            let (into, _) = shape.filled(names.map(|name| (name, String::new())).collect());
            let sql = format!("INSERT INTO {into} {}", rows.replacen("SELECT ", "SELECT 0, ", 1));
            fill.push(translator.plan(&sql, Vec::new(), Vec::new()));
        }
        let scope = stage::output_scope(&table, &["inserted"], &[], &[]);
        let into = insert.output.into.as_ref();
        Ok(Staged {
            into: self.fresh().staged_into(into, &scope, &shape, &table)?,
            output: self.fresh().staged_output(&insert.output.rows, &scope, &shape)?,
            steps: vec![stage::insert_step(&table, &shape, 0)],
            once: Once::Surely,
            assigned: None,
            fill,
            shape,
            table,
        })
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
    pub(super) fn physical(
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
                ColumnRole::GraphId => {
                    let own = table.role(ColumnRole::NodeId).or(table.role(ColumnRole::EdgeId));
                    let given = own.and_then(|own| Some((own, values.get(&own.id)?)));
                    match given {
                        Some((own, value)) => own_id(table, own, value),
                        None => format!("g_next({})", table.id),
                    }
                }
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

/// Names and values of a row as the stage takes them.
pub(super) fn staged_row(names: Vec<String>, values: Vec<String>) -> Vec<(String, String)> {
    let clause = std::iter::once(("clause".to_owned(), "0".to_owned()));
    let named = names.into_iter().map(|name| format!("n_{name}"));
    clause.chain(named.zip(values)).collect()
}

/// An id that the statement gives itself has to be one of this table (observed: 13921, probed.md 4).
fn own_id(table: &Table, column: &Column, value: &Typed) -> String {
    let name = super::literal::literal_sql(&Value::Text(column.name.as_bytes().to_vec()));
    format!("g_own({}, {}, {name})", table.id, value.sql)
}

fn end_of_edge(value: Option<&Typed>) -> (String, String) {
    match value {
        None => ("NULL".to_owned(), "NULL".to_owned()),
        Some(Typed { graph: Some(graph), .. }) => graph.clone(),
        Some(typed) => (format!("g_object({})", typed.sql), format!("g_id({})", typed.sql)),
    }
}

pub(super) fn listed_columns(table: &Table, names: &[String]) -> Result<Vec<i32>> {
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
pub(super) fn implied_columns(table: &Table) -> Vec<i32> {
    let ends =
        [ColumnRole::FromText, ColumnRole::ToText].into_iter().filter_map(|role| table.role(role));
    let own = table
        .columns
        .iter()
        .filter(|column| column.role == ColumnRole::User && column.identity.is_none());
    ends.chain(own).map(|column| column.id).collect()
}

fn wrong_width(target: &InsertTarget, given: usize, select: bool) -> SqlError {
    if !select {
        return wrong_values(target.listed, given, target.columns.len());
    }
    if !target.listed {
        return not_the_definition();
    }
    let (number, more) = if given < target.columns.len() { (120, "fewer") } else { (121, "more") };
    let message = format!(
        "The select list for the INSERT statement contains {more} items than the insert list. The number of SELECT values must \
         match the number of INSERT columns."
    );
    SqlError::new(number, message).class(15)
}

fn not_the_definition() -> SqlError {
    SqlError::new(213, "Column name or number of supplied values does not match table definition.")
}

/// 109, 110 and 213: as many values as columns.
pub(super) fn wrong_values(listed: bool, given: usize, wanted: usize) -> SqlError {
    if !listed {
        return not_the_definition();
    }
    let (number, more) = if given < wanted { (109, "more") } else { (110, "fewer") };
    let message = format!(
        "There are {more} columns in the INSERT statement than values specified in the VALUES clause. The number of values in \
         the VALUES clause must match the number of columns specified in the INSERT statement."
    );
    SqlError::new(number, message).class(15)
}
