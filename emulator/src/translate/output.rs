//! OUTPUT: as RETURNING where that is enough, else from the stage.

use super::projection::Projected;
use super::stage::Shape;
use super::{Plan, Scope, Translator, Typed};
use crate::catalog::Table;
use crate::sql::ast::{Expr, Output, OutputInto, SelectItem};
use crate::sql::error::{Result, SqlError};
use std::sync::Arc;

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
        let (items, columns) = self.output_items(output, &scope)?;
        let list: Vec<String> = items.into_iter().map(|item| item.sql).collect();
        let columns = columns.iter().map(Projected::out_column).collect();
        let returning = format!("{sql} RETURNING {}", list.join(", "));
        let mut plan = self.plan(&returning, columns, Vec::new());
        plan.returning = Some(plan.sql.len() - (returning.len() - sql.len()));
        Ok(plan)
    }

    /// OUTPUT of rows on the stage.
    pub(super) fn staged_output(
        mut self,
        output: &[SelectItem],
        scope: &Scope<'_>,
        shape: &Shape,
    ) -> Result<Option<Plan>> {
        if output.is_empty() {
            return Ok(None);
        }
        let (items, columns) = self.output_items(output, scope)?;
        let list: Vec<String> = items.into_iter().map(|item| item.sql).collect();
        let sql = format!("SELECT {} FROM {} ORDER BY s.k", list.join(", "), shape.view());
        let columns = columns.iter().map(Projected::out_column).collect();
        Ok(Some(self.plan(&sql, columns, Vec::new())))
    }

    /// OUTPUT … INTO of rows on the stage; `changed` is the table that the statement changes.
    pub(super) fn staged_into(
        mut self,
        into: Option<&OutputInto>,
        scope: &Scope<'_>,
        shape: &Shape,
        changed: &Table,
    ) -> Result<Option<Plan>> {
        let Some(into) = into else {
            return Ok(None);
        };
        let table = Arc::clone(self.catalog().table(&into.table)?);
        self.demand("INSERT", &table)?;
        self.check_into(&table)?;
        let (items, _) = self.output_items(&into.rows, scope)?;
        let columns =
            into_columns(&table, into, items.len(), changed, &self.catalog().qualified(&table))?;
        let values = columns.into_iter().zip(items).collect();
        let (names, expressions) = self.physical(&table, values)?;
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {} FROM {} WHERE 1 ORDER BY s.k",
            table.storage(),
            names.join(", "),
            expressions.join(", "),
            shape.view()
        );
        Ok(Some(self.plan(&sql, Vec::new(), Vec::new())))
    }

    /// Documented: no foreign key on either side, no enabled check constraint.
    fn check_into(&self, table: &Table) -> Result<()> {
        let name = self.catalog().qualified(table);
        let of_others = self
            .catalog()
            .tables
            .values()
            .flat_map(|other| &other.foreign_keys)
            .find(|key| key.references == table.id);
        if let Some(key) = table.foreign_keys.first().or(of_others) {
            let message = format!(
                "The target table '{name}' of the OUTPUT INTO clause cannot be on either side of a (primary key, foreign key) \
                 relationship. Found reference constraint '{}'.",
                key.name
            );
            return Err(SqlError::new(332, message));
        }
        if let Some(check) = table.checks.iter().find(|check| !check.disabled) {
            let message = format!(
                "The target table '{name}' of the OUTPUT INTO clause cannot have any enabled check constraints or any enabled \
                 rules. Found check constraint or rule '{}'.",
                check.name
            );
            return Err(SqlError::new(333, message));
        }
        Ok(())
    }

    /// The values of OUTPUT and what the wire calls them.
    fn output_items(
        &mut self,
        output: &[SelectItem],
        scope: &Scope<'_>,
    ) -> Result<(Vec<Typed>, Vec<Projected>)> {
        let (mut items, mut columns) = (Vec::new(), Vec::new());
        for item in output {
            match item {
                SelectItem::Expr { value, alias } => {
                    check_output(value)?;
                    let typed = self.expression(value, scope)?;
                    let name = alias.clone().unwrap_or_else(|| own_name(value));
                    columns.push(Projected::of(&typed, name));
                    items.push(typed);
                }
                SelectItem::Star(Some(name)) => {
                    let source = scope.source_by_name(name).ok_or_else(|| {
                        let message =
                            format!("The multi-part identifier \"{name}.*\" could not be bound.");
                        SqlError::new(4104, message)
                    })?;
                    for column in source.columns.iter().filter(|column| !column.hidden) {
                        columns.push(Projected::of(&column.value, column.name.clone()));
                        items.push(column.value.clone());
                    }
                }
                SelectItem::Star(None) => return Err(SqlError::syntax("*")),
                SelectItem::Assign { .. } => return Err(SqlError::syntax("=")),
            }
        }
        Ok((items, columns))
    }
}

fn own_name(value: &Expr) -> String {
    match value {
        Expr::Column(parts) => parts.last().cloned().unwrap_or_default(),
        Expr::Pseudo { name, .. } => name.clone(),
        _ => String::new(),
    }
}

/// Every column needs its row's name; subqueries and aggregates have no place (documented).
fn check_output(value: &Expr) -> Result<()> {
    match value {
        Expr::Column(parts) if parts.len() == 1 => {
            Err(SqlError::new(207, format!("Invalid column name '{}'.", parts[0])))
        }
        Expr::Scalar(_) | Expr::InQuery { .. } | Expr::Exists(_) => {
            let message = "Subqueries are not allowed in the OUTPUT clause.";
            Err(SqlError::new(10705, message).class(15))
        }
        Expr::Call(call) if super::grouping::is_aggregate(&call.name) => {
            let message = "An aggregate may not appear in the OUTPUT clause.";
            Err(SqlError::new(158, message).class(15))
        }
        value => value.children().into_iter().try_for_each(check_output),
    }
}

/// Whether RETURNING is enough: nothing but the one row is named, and nothing goes into a table.
pub(super) fn returns(output: &Output, row: &str) -> bool {
    let named = |name: &str| crate::catalog::same_name(name, row);
    output.into.is_none()
        && output.rows.iter().all(|item| match item {
            SelectItem::Expr { value, .. } => names_only(value, &named),
            SelectItem::Star(name) => name.as_ref().is_none_or(|name| named(name.object())),
            SelectItem::Assign { .. } => true,
        })
}

fn names_only(value: &Expr, named: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Expr::Column(parts) => parts.len() < 2 || named(&parts[0]),
        Expr::Pseudo { qualifier, .. } => qualifier.iter().all(|name| named(name)),
        value => value.children().into_iter().all(|child| names_only(child, named)),
    }
}

/// Ids of the columns that OUTPUT … INTO fills. An identity column is left out, and cannot be named (observed).
fn into_columns(
    table: &Table,
    into: &OutputInto,
    given: usize,
    changed: &Table,
    shown: &str,
) -> Result<Vec<i32>> {
    let columns = if into.columns.is_empty() {
        super::insert::implied_columns(table)
    } else {
        super::insert::listed_columns(table, &into.columns)?
    };
    let identity = table.identity().map(|column| column.id);
    if identity.is_some_and(|id| columns.contains(&id)) {
        let message = format!(
            "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
            changed.name
        );
        return Err(SqlError::new(544, message));
    }
    if given > columns.len() && identity.is_some() && into.columns.is_empty() {
        let message = format!(
            "An explicit value for the identity column in table '{shown}' can only be specified when a column list is used and \
             IDENTITY_INSERT is ON."
        );
        return Err(SqlError::new(8101, message));
    }
    if given != columns.len() {
        let message = "Column name or number of supplied values does not match table definition.";
        return Err(SqlError::new(213, message));
    }
    Ok(columns)
}
