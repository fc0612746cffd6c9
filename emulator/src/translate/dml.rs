//! INSERT, UPDATE, DELETE.

use std::collections::HashMap;
use std::sync::Arc;

use super::projection::Projected;
use super::scope::{Source, table_columns};
use super::{Plan, Scope, Translator, Typed};
use crate::catalog::{Column, ColumnRole, Table, invalid_object, same_name};
use crate::sql::ast::{Delete, Expr, Insert, ObjectName, Query, SelectItem, TableSource, Update};
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_expression;
use crate::tds::response::OutColumn;
use crate::values::Value;
use crate::values::convert::{self, Purpose};

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
        rows: &super::select::Translated,
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

    fn column_value(
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

    fn default_value(&mut self, table: &Table, column: &Column) -> Result<String> {
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
    fn stored(&mut self, value: Typed, table: &Table, column: &Column) -> Result<String> {
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

    /// UPDATE.
    pub fn update(mut self, update: &Update) -> Result<Plan> {
        self.define_ctes(&update.ctes)?;
        let (table, alias, scope, tail) =
            self.changed_rows(&update.target, &update.from, update.filter.as_ref(), "UPDATE")?;
        let mut assignments = Vec::with_capacity(update.assignments.len());
        for (name, value) in &update.assignments {
            let column = assignable(&table, name)?;
            let sql = match value {
                Expr::Default => self.default_value(&table, column)?,
                value => {
                    let value = self.expression(value, &scope)?;
                    self.stored(value, &table, column)?
                }
            };
            assignments.push((column.storage(), sql));
        }
        let limit = self.change_limit(update.top.as_ref())?;
        let sql = if update.from.is_empty() && limit.is_empty() {
            let list: Vec<String> =
                assignments.iter().map(|(name, sql)| format!("{name} = {sql}")).collect();
            format!(
                "UPDATE {} AS {alias} SET {}{}",
                table.storage(),
                list.join(", "),
                where_only(&tail)
            )
        } else {
            let values: Vec<String> = assignments
                .iter()
                .enumerate()
                .map(|(at, (_, sql))| format!("{sql} AS v{at}"))
                .collect();
            let list: Vec<String> = assignments
                .iter()
                .enumerate()
                .map(|(at, (name, _))| format!("{name} = u.v{at}"))
                .collect();
            format!(
                "UPDATE {0} SET {1} FROM (SELECT {alias}.rowid AS r, {2}{tail}{limit}) AS u WHERE {0}.rowid = u.r",
                table.storage(),
                list.join(", "),
                values.join(", ")
            )
        };
        self.finish(&sql, &update.output, &table, "inserted")
    }

    /// DELETE.
    pub fn delete(mut self, delete: &Delete) -> Result<Plan> {
        self.define_ctes(&delete.ctes)?;
        let (table, alias, _, tail) =
            self.changed_rows(&delete.target, &delete.from, delete.filter.as_ref(), "DELETE")?;
        let limit = self.change_limit(delete.top.as_ref())?;
        let sql = if delete.from.is_empty() && limit.is_empty() {
            format!("DELETE FROM {} AS {alias}{}", table.storage(), where_only(&tail))
        } else {
            let storage = table.storage();
            format!("DELETE FROM {storage} WHERE rowid IN (SELECT {alias}.rowid{tail}{limit})")
        };
        self.finish(&sql, &delete.output, &table, "deleted")
    }

    fn change_limit(&mut self, top: Option<&Expr>) -> Result<String> {
        let Some(top) = top else {
            return Ok(String::new());
        };
        let count = self.expression(top, &Scope::empty())?;
        Ok(format!(" LIMIT max({}, 0)", self.as_bigint(count)?.sql))
    }

    /// The table that changes, its alias, what the statement sees, and ` FROM … WHERE …`.
    fn changed_rows(
        &mut self,
        target: &ObjectName,
        from: &[TableSource],
        filter: Option<&Expr>,
        permission: &str,
    ) -> Result<(Arc<Table>, String, Scope<'static>, String)> {
        let mut scope = Scope::empty();
        let sources = if from.is_empty() {
            self.target_alone(target, filter.is_some(), permission, &mut scope)?
        } else {
            self.from(from, &mut scope)?
        };
        let source = scope.source_by_name(target).or_else(|| {
            scope.sources.iter().find(|source| {
                source.table.as_ref().is_some_and(|table| {
                    self.catalog().find_table(target).is_some_and(|wanted| wanted.id == table.id)
                })
            })
        });
        let Some(Source { table: Some(table), alias, .. }) = source.cloned() else {
            return Err(invalid_object(target));
        };
        self.demand(permission, &table)?;
        let filter = match filter {
            Some(filter) => format!(" WHERE {}", self.predicate(filter, &scope)?),
            None => String::new(),
        };
        Ok((table, alias, scope, format!("{sources}{filter}")))
    }

    fn target_alone(
        &mut self,
        target: &ObjectName,
        reads: bool,
        permission: &str,
        scope: &mut Scope<'static>,
    ) -> Result<String> {
        let table = Arc::clone(self.catalog().table(target)?);
        self.demand(permission, &table)?;
        if reads {
            // Documented: SELECT is needed too when the statement reads columns.
            self.demand("SELECT", &table)?;
        }
        let alias = self.alias();
        let sql = format!(" FROM {} AS {alias}", table.storage());
        scope.sources.push(Source {
            name: table.name.clone(),
            schema: Some(self.catalog().schema_name(table.schema_id).to_owned()),
            columns: table_columns(&table, &format!("{alias}.")),
            alias,
            table: Some(table),
            joined: false,
        });
        Ok(sql)
    }

    /// Adds OUTPUT as RETURNING.
    fn finish(
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

fn end_of_edge(value: Option<&Typed>) -> (String, String) {
    match value {
        None => ("NULL".to_owned(), "NULL".to_owned()),
        Some(Typed { graph: Some(graph), .. }) => graph.clone(),
        Some(typed) => (format!("g_object({})", typed.sql), format!("g_id({})", typed.sql)),
    }
}

fn need(sql: &str, table: &str, column: &str) -> String {
    let quoted = |text: &str| super::literal::literal_sql(&Value::Text(text.as_bytes().to_vec()));
    format!("need({sql}, {}, {})", quoted(table), quoted(column))
}

fn where_only(tail: &str) -> &str {
    tail.find(" WHERE ").map_or("", |at| &tail[at..])
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

/// A column that UPDATE may set: 271 for pseudo-columns, 13908 state 3 for hidden ones (observed, probed.md 4), 8102 for identity.
fn assignable<'t>(table: &'t Table, name: &str) -> Result<&'t Column> {
    let column = table
        .column(name)
        .ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))?;
    if column.role.is_computed() {
        let message = format!(
            "The column \"{}\" cannot be modified because it is either a computed column or is the result of a UNION operator.",
            column.name
        );
        return Err(SqlError::new(271, message));
    }
    if column.role.is_hidden() {
        let message = format!("Cannot access internal graph column '{}'.", column.name);
        return Err(SqlError::new(13908, message).state(3));
    }
    if column.identity.is_some() {
        return Err(SqlError::new(
            8102,
            format!("Cannot update identity column '{}'.", column.name),
        ));
    }
    Ok(column)
}
