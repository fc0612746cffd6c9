//! UPDATE and DELETE.

use super::output::returns;
use super::scope::{Source, table_columns};
use super::stage::{self, Once, Shape, Staged};
use super::{Plan, Scope, Translator};
use crate::catalog::{Column, Table, same_name};
use crate::sql::ast::{Assignment, Delete, Expr, ObjectName, TableSource, Update};
use crate::sql::error::{Result, SqlError};
use std::sync::Arc;

/// A statement that is done in one go, or by the stage.
#[derive(Debug)]
pub enum Changing {
    /// In one go.
    Direct(Plan),
    /// By the stage.
    Staged(Box<Staged>),
}

/// The rows that a statement changes.
struct Target {
    table: Arc<Table>,
    /// Names of the columns, where it is changed through a common table expression.
    names: Option<Vec<(String, Option<i32>)>>,
    alias: String,
    /// What the statement sees.
    scope: Scope<'static>,
    /// ` FROM …`.
    from: String,
    /// ` WHERE …`.
    filter: String,
}

/// A column and its new value.
type Setting = (i32, String);
/// A variable and its new value.
type Variable = (String, String);

impl Target {
    /// SET by the names of the table's own columns.
    fn assignments(&self, assignments: &[Assignment]) -> Result<Vec<Assignment>> {
        let Some(names) = &self.names else {
            return Ok(assignments.to_vec());
        };
        let own_name = |name: &String| {
            let found = names.iter().find(|(own, _)| same_name(own, name));
            let (_, id) = found
                .ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))?;
            id.and_then(|id| self.table.column_by_id(id)).map(|column| column.name.clone()).ok_or_else(
                || {
                    // Documented: 4406.
                    let message = format!(
                        "Update or insert of view or function '{}' failed because it contains a derived or constant field.",
                        self.table.name
                    );
                    SqlError::new(4406, message)
                },
            )
        };
        assignments
            .iter()
            .map(|assignment| {
                let column = assignment.column.as_ref().map(own_name).transpose()?;
                Ok(Assignment { column, ..assignment.clone() })
            })
            .collect()
    }
}

impl Translator<'_> {
    /// UPDATE.
    pub fn update(self, update: &Update) -> Result<Changing> {
        let direct = returns(&update.output, "inserted")
            && update.assignments.iter().all(|assignment| assignment.variable.is_none());
        if direct {
            self.direct_update(update).map(Changing::Direct)
        } else {
            self.staged_update(update).map(|staged| Changing::Staged(Box::new(staged)))
        }
    }

    fn direct_update(mut self, update: &Update) -> Result<Plan> {
        self.define_ctes(&update.ctes)?;
        let target =
            self.changed_rows(&update.target, &update.from, update.filter.as_ref(), "UPDATE")?;
        let assignments = target.assignments(&update.assignments)?;
        let (settings, _) = self.settings(&assignments, &target.table, &target.scope)?;
        let limit = self.change_limit(update.top.as_ref())?;
        let storage = target.table.storage();
        let alias = &target.alias;
        let alone = update.from.is_empty() && target.names.is_none();
        let sql = if alone && limit.is_empty() {
            let list: Vec<String> =
                settings.iter().map(|(id, sql)| format!("c{id} = {sql}")).collect();
            format!("UPDATE {storage} AS {alias} SET {}{}", list.join(", "), target.filter)
        } else {
            let values: Vec<String> =
                settings.iter().map(|(id, sql)| format!("{sql} AS v{id}")).collect();
            let list: Vec<String> =
                settings.iter().map(|(id, _)| format!("c{id} = u.v{id}")).collect();
            format!(
                "UPDATE {storage} SET {} FROM (SELECT {alias}.rowid AS r, {}{}{}{limit}) AS u WHERE {storage}.rowid = u.r",
                list.join(", "),
                values.join(", "),
                target.from,
                target.filter
            )
        };
        self.finish(&sql, &update.output.rows, &target.table, "inserted")
    }

    /// UPDATE by the stage.
    pub fn staged_update(mut self, update: &Update) -> Result<Staged> {
        self.define_ctes(&update.ctes)?;
        let target =
            self.changed_rows(&update.target, &update.from, update.filter.as_ref(), "UPDATE")?;
        let assignments = target.assignments(&update.assignments)?;
        let (settings, variables) = self.settings(&assignments, &target.table, &target.scope)?;
        let columns: Vec<i32> = settings.iter().map(|(id, _)| *id).collect();
        let mut values = stage::kept_values(&target.table, &target.alias, "n_");
        for (id, sql) in settings {
            let name = format!("n_c{id}");
            values.retain(|(own, _)| *own != name);
            values.push((name, sql));
        }
        let names = (0..).zip(variables).map(|(at, (name, sql))| {
            values.push((format!("w_{at}"), sql));
            name
        });
        let assigned: Vec<String> = names.collect();
        let fresh = self.fresh();
        let mut staged = self.stage_rows(
            target,
            values,
            update.top.as_ref(),
            &["inserted", "deleted"],
            &update.output,
        )?;
        if !columns.is_empty() {
            let step = stage::update_step(&staged.table, &staged.shape, 0, columns);
            staged.steps.push(step);
        }
        staged.assigned = fresh.staged_variables(assigned, &staged.shape);
        Ok(staged)
    }

    fn staged_variables(self, assigned: Vec<String>, shape: &Shape) -> Option<Plan> {
        if assigned.is_empty() {
            return None;
        }
        let list: Vec<String> = (0..assigned.len()).map(|at| format!("s.w_{at}")).collect();
        let sql = format!("SELECT {} FROM {} ORDER BY s.k", list.join(", "), shape.view());
        Some(self.plan(&sql, Vec::new(), assigned))
    }

    /// DELETE.
    pub fn delete(self, delete: &Delete) -> Result<Changing> {
        if returns(&delete.output, "deleted") {
            self.direct_delete(delete).map(Changing::Direct)
        } else {
            self.staged_delete(delete).map(|staged| Changing::Staged(Box::new(staged)))
        }
    }

    fn direct_delete(mut self, delete: &Delete) -> Result<Plan> {
        self.define_ctes(&delete.ctes)?;
        let target =
            self.changed_rows(&delete.target, &delete.from, delete.filter.as_ref(), "DELETE")?;
        let limit = self.change_limit(delete.top.as_ref())?;
        let (storage, alias) = (target.table.storage(), &target.alias);
        let alone = delete.from.is_empty() && target.names.is_none();
        let sql = if alone && limit.is_empty() {
            format!("DELETE FROM {storage} AS {alias}{}", target.filter)
        } else {
            format!(
                "DELETE FROM {storage} WHERE rowid IN (SELECT {alias}.rowid{}{}{limit})",
                target.from, target.filter
            )
        };
        self.finish(&sql, &delete.output.rows, &target.table, "deleted")
    }

    fn staged_delete(mut self, delete: &Delete) -> Result<Staged> {
        self.define_ctes(&delete.ctes)?;
        let target =
            self.changed_rows(&delete.target, &delete.from, delete.filter.as_ref(), "DELETE")?;
        let mut staged =
            self.stage_rows(target, Vec::new(), delete.top.as_ref(), &["deleted"], &delete.output)?;
        staged.steps.push(stage::delete_step(&staged.table, &staged.shape, 0));
        Ok(staged)
    }

    /// Rows of an UPDATE or DELETE on the stage, without their steps.
    fn stage_rows(
        mut self,
        target: Target,
        mut values: Vec<(String, String)>,
        top: Option<&Expr>,
        rows: &[&str],
        output: &crate::sql::ast::Output,
    ) -> Result<Staged> {
        let Target { table, alias, scope, from, filter, .. } = target;
        let others: Vec<Source> =
            scope.sources.into_iter().filter(|source| source.alias != alias).collect();
        values.extend(stage::kept_values(&table, &alias, "o_"));
        if !output.is_empty() {
            values.extend(stage::source_values(&others));
        }
        let mut shape = Shape::of(&table);
        for (name, _) in &values {
            if name.starts_with(['x', 'w']) {
                shape.add(name.clone());
            }
        }
        values.push(("clause".to_owned(), "0".to_owned()));
        values.push(("row".to_owned(), format!("{alias}.rowid")));
        let limit = self.change_limit(top)?;
        let (into, list) = shape.filled(values);
        let sql = format!("INSERT INTO {into} SELECT {list}{from}{filter}{limit}");
        let fresh = self.fresh();
        let fill = vec![self.plan(&sql, Vec::new(), Vec::new())];
        let scope = stage::output_scope(&table, rows, &others, &[]);
        Ok(Staged {
            into: fresh.fresh().staged_into(output.into.as_ref(), &scope, &shape, &table)?,
            output: fresh.staged_output(&output.rows, &scope, &shape)?,
            steps: Vec::new(),
            once: if others.is_empty() { Once::Surely } else { Once::First },
            assigned: None,
            fill,
            shape,
            table,
        })
    }

    /// SET: columns with their values as they are kept, variables with theirs.
    pub(super) fn settings(
        &mut self,
        assignments: &[Assignment],
        table: &Table,
        scope: &Scope<'_>,
    ) -> Result<(Vec<Setting>, Vec<Variable>)> {
        let (mut settings, mut variables): (Vec<Setting>, Vec<Variable>) = Default::default();
        for assignment in assignments {
            let mut kept = None;
            if let Some(name) = &assignment.column {
                let column = assignable(table, name)?;
                if settings.iter().any(|(id, _)| *id == column.id) {
                    let message = format!(
                        "The column name '{name}' is specified more than once in the SET clause or column list of an INSERT. \
                         A column cannot be assigned more than one value in the same clause. Modify the clause to make sure \
                         that a column is updated only once. If this statement updates or inserts columns into a view, column \
                         aliasing can conceal the duplication in your code."
                    );
                    return Err(SqlError::new(264, message));
                }
                let sql = self.setting(&assignment.value, table, column, scope)?;
                kept = Some((sql.clone(), column.sql_type));
                self.set_columns.push(column.id);
                settings.push((column.id, sql));
            }
            if let Some(name) = &assignment.variable {
                let declared = self.variable_type(name)?;
                let value = match kept {
                    Some((sql, sql_type)) => super::Typed::expression(sql, sql_type),
                    None => self.expression(&assignment.value, scope)?,
                };
                variables.push((name.to_lowercase(), self.implicit(value, declared)?.sql));
            }
        }
        Ok((settings, variables))
    }

    fn setting(
        &mut self,
        value: &Expr,
        table: &Table,
        column: &Column,
        scope: &Scope<'_>,
    ) -> Result<String> {
        if *value == Expr::Default {
            return self.default_value(table, column);
        }
        let value = self.expression(value, scope)?;
        self.stored(value, table, column)
    }

    fn change_limit(&mut self, top: Option<&Expr>) -> Result<String> {
        let Some(top) = top else {
            return Ok(String::new());
        };
        let count = self.expression(top, &Scope::empty())?;
        Ok(format!(" LIMIT max({}, 0)", self.as_bigint(count)?.sql))
    }

    /// The table that changes and the rows of it.
    fn changed_rows(
        &mut self,
        target: &ObjectName,
        from: &[TableSource],
        filter: Option<&Expr>,
        permission: &str,
    ) -> Result<Target> {
        let mut scope = Scope::empty();
        let mut sources = self.from(from, &mut scope)?;
        let cte = matches!(&target.0[..], [name] if self.ctes.iter().any(|cte| same_name(&cte.name, name)));
        if from.is_empty() && cte {
            let own = TableSource::Table { name: target.clone(), alias: None, locks: Vec::new() };
            sources = self.from(&[own], &mut scope)?;
        }
        let found = scope.source_by_name(target).or_else(|| {
            scope.sources.iter().find(|source| {
                source.table.as_ref().is_some_and(|table| {
                    self.catalog().find_table(target).is_some_and(|wanted| wanted.id == table.id)
                })
            })
        });
        let source = if let Some(source) = found.cloned() {
            source
        } else {
            // Observed: a target that FROM does not name is joined to it by no condition at all.
            let word = if from.is_empty() { " FROM " } else { ", " };
            let source = self.target_alone(target, filter.is_some(), permission)?;
            sources =
                format!("{sources}{word}{} AS {}", table_of(&source)?.storage(), source.alias);
            scope.sources.push(source.clone());
            source
        };
        let mut conditions = Vec::new();
        let (mut alias, mut names) = (source.alias.clone(), None);
        if let Some(base) = &source.base {
            // The rows behind a common table expression join it by their row id.
            alias = self.alias();
            sources = format!("{sources}, {} AS {alias}", base.table.storage());
            conditions.push(format!("{alias}.rowid = {}", base.row));
            let shown = source.columns.iter().map(|column| column.name.clone());
            names = Some(shown.zip(base.columns.iter().copied()).collect());
        }
        let table = table_of(&source)?;
        self.demand(permission, &table)?;
        if let Some(filter) = filter {
            conditions.push(self.predicate(filter, &scope)?);
        }
        let filter = match conditions.len() {
            0 => String::new(),
            _ => format!(" WHERE {}", conditions.join(" AND ")),
        };
        Ok(Target { table, names, alias, scope, from: sources, filter })
    }

    fn target_alone(
        &mut self,
        target: &ObjectName,
        reads: bool,
        permission: &str,
    ) -> Result<Source> {
        let table = Arc::clone(self.catalog().table(target)?);
        self.demand(permission, &table)?;
        if reads {
            // Documented: SELECT is needed too when the statement reads columns.
            self.demand("SELECT", &table)?;
        }
        let alias = self.alias();
        Ok(Source {
            name: table.name.clone(),
            schema: Some(self.catalog().schema_name(table.schema_id).to_owned()),
            columns: table_columns(&table, &format!("{alias}.")),
            alias,
            table: Some(table),
            ..Source::default()
        })
    }
}

fn table_of(source: &Source) -> Result<Arc<Table>> {
    let base = source.base.as_ref().map(|base| &base.table);
    let table = source.table.as_ref().or(base);
    table.cloned().ok_or_else(|| SqlError::unsupported(format!("{} as a target", source.name)))
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
