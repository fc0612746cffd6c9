//! UPDATE and DELETE.

use super::scope::{Source, table_columns};
use super::{Plan, Scope, Translator};
use crate::catalog::{Column, Table, invalid_object};
use crate::sql::ast::{Delete, Expr, ObjectName, TableSource, Update};
use crate::sql::error::{Result, SqlError};
use std::sync::Arc;

impl Translator<'_> {
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
}

fn where_only(tail: &str) -> &str {
    tail.find(" WHERE ").map_or("", |at| &tail[at..])
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
