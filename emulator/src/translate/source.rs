//! FROM.

use std::sync::Arc;

use super::changes::Place;
use super::cte::named;
use super::projection::Projected;
use super::scope::{Base, Source, SourceColumn, table_columns};
use super::{Scope, Translator, Typed};
use crate::catalog::{invalid_object, rows, same_name};
use crate::sql::ast::{JoinKind, ObjectName, TableSource};
use crate::sql::error::{Result, SqlError};

impl Translator<'_> {
    /// ` FROM …`, and its sources into the scope.
    pub(super) fn from(
        &mut self,
        sources: &[TableSource],
        scope: &mut Scope<'_>,
    ) -> Result<String> {
        if sources.is_empty() {
            return Ok(String::new());
        }
        let mut sql = Vec::with_capacity(sources.len());
        for source in sources {
            let one = self.source(source, scope, false)?;
            let nested = matches!(source, TableSource::Join { .. }) && sources.len() > 1;
            sql.push(if nested { format!("({one})") } else { one });
        }
        if scope.sources.len() > 1 {
            scope.make_nullable();
        }
        Ok(format!(" FROM {}", sql.join(", ")))
    }

    fn source(
        &mut self,
        source: &TableSource,
        scope: &mut Scope<'_>,
        joined: bool,
    ) -> Result<String> {
        match source {
            TableSource::Table { name, alias, .. } => {
                self.table(name, alias.as_deref(), scope, joined)
            }
            TableSource::Derived { query, alias, columns } => {
                let outer = Scope { sources: Vec::new(), parent: scope.parent };
                let inner = self.subquery(query, &outer)?;
                let projected = named(inner.columns, columns, alias)?;
                let sql_alias = self.alias();
                let sql = format!("({}) AS {sql_alias}", inner.sql);
                push(scope, alias, &sql_alias, inner.prefix, &projected, joined)?;
                Ok(sql)
            }
            TableSource::Join { left, right, kind, on } => {
                let left = self.source(left, scope, true)?;
                if let (
                    JoinKind::CrossApply | JoinKind::OuterApply,
                    TableSource::ChangeVersion { .. },
                ) = (kind, &**right)
                {
                    return self.applied_version(&left, right, *kind, scope);
                }
                let nested = matches!(**right, TableSource::Join { .. });
                let applied = matches!(kind, JoinKind::CrossApply | JoinKind::OuterApply);
                let right = match &**right {
                    TableSource::Derived { query, alias, columns } if applied => {
                        self.apply(query, alias, columns, scope)?
                    }
                    right => self.source(right, scope, true)?,
                };
                let right = if nested { format!("({right})") } else { right };
                let on = match on {
                    Some(on) => {
                        refuse_match(on)?;
                        format!(" ON {}", self.predicate(on, scope)?)
                    }
                    None if *kind == JoinKind::OuterApply => " ON 1".to_owned(),
                    None => String::new(),
                };
                Ok(format!("{left} {} {right}{on}", join_word(*kind)))
            }
            TableSource::OpenJson { json, path, columns, alias } => {
                self.open_json(json, path.as_ref(), columns, alias.as_deref(), scope, joined)
            }
            TableSource::Split { arguments, alias } => {
                self.string_split(arguments, alias.as_deref(), scope)
            }
            TableSource::Changes { table, since, alias, columns } => {
                let place = Place { alias, columns, joined, applied: false };
                self.changes(table, since, &place, scope)
            }
            TableSource::ChangeVersion { table, keys, values, alias, columns } => {
                let place = Place { alias, columns, joined, applied: false };
                let (sql, found) = self.change_version(table, keys, values, &place, scope)?;
                Ok(format!("(SELECT * FROM {sql} WHERE {found}) AS {}", last_alias(scope)))
            }
        }
    }

    /// `… CROSS APPLY CHANGETABLE(VERSION …)`: a join by the key.
    fn applied_version(
        &mut self,
        left: &str,
        right: &TableSource,
        kind: JoinKind,
        scope: &mut Scope<'_>,
    ) -> Result<String> {
        let TableSource::ChangeVersion { table, keys, values, alias, columns } = right else {
            return Err(SqlError::unsupported("APPLY"));
        };
        let place = Place { alias, columns, joined: true, applied: true };
        let (sql, found) = self.change_version(table, keys, values, &place, scope)?;
        let word = if kind == JoinKind::OuterApply { "LEFT JOIN" } else { "JOIN" };
        Ok(format!("{left} {word} {sql} ON {found}"))
    }

    fn table(
        &mut self,
        name: &ObjectName,
        alias: Option<&str>,
        scope: &mut Scope<'_>,
        joined: bool,
    ) -> Result<String> {
        let shown = alias.unwrap_or(name.object());
        let sql_alias = self.alias();
        if name.0.len() == 1
            && let Some(cte) =
                self.ctes.iter().rev().find(|cte| same_name(&cte.name, name.object())).cloned()
        {
            push(scope, shown, &sql_alias, "c", &cte.columns, joined)?;
            if let (Some(source), Some(base)) = (scope.sources.last_mut(), cte.base) {
                source.base = Some(Base { row: format!("{sql_alias}.r"), ..base });
            }
            self.recursion_alias = Some(sql_alias.clone());
            return Ok(format!("{} AS {sql_alias}", cte.sql_name));
        }
        let in_schema = |own: &str| name.schema().is_some_and(|schema| same_name(schema, own));
        if in_schema("sys") || in_schema("INFORMATION_SCHEMA") {
            return self.catalog_view(name, in_schema("sys"), shown, &sql_alias, scope, joined);
        }
        let table = Arc::clone(self.catalog().table(name)?);
        self.demand("SELECT", &table)?;
        let sql = format!("{} AS {sql_alias}", table.storage());
        let source = Source {
            name: shown.to_owned(),
            schema: alias.is_none().then(|| self.catalog().schema_name(table.schema_id).to_owned()),
            columns: table_columns(&table, &format!("{sql_alias}.")),
            alias: sql_alias,
            table: Some(table),
            joined,
            base: None,
        };
        add(scope, source)?;
        Ok(sql)
    }

    fn catalog_view(
        &mut self,
        name: &ObjectName,
        of_sys: bool,
        shown: &str,
        alias: &str,
        scope: &mut Scope<'_>,
        joined: bool,
    ) -> Result<String> {
        let view = if of_sys { rows::view } else { rows::information_schema };
        let view = view(name.object()).ok_or_else(|| invalid_object(name))?;
        self.views.insert(view.name);
        let columns: Vec<Projected> = view
            .columns
            .iter()
            .map(|(name, sql_type, nullable)| {
                let typed = Typed { nullable: *nullable, ..Typed::expression("", *sql_type) };
                Projected::of(&typed, (*name).to_owned())
            })
            .collect();
        push(scope, shown, alias, "c", &columns, joined)?;
        Ok(format!("v_{} AS {alias}", view.name))
    }
}

/// Puts a source with plain columns into the scope.
pub(super) fn push(
    scope: &mut Scope<'_>,
    name: &str,
    alias: &str,
    prefix: &str,
    columns: &[Projected],
    joined: bool,
) -> Result<()> {
    let columns = columns
        .iter()
        .enumerate()
        .map(|(at, column)| SourceColumn {
            name: column.name.clone(),
            value: Typed {
                nullable: column.nullable,
                origin: column.origin,
                collation: column.collation,
                role: column.role,
                ..Typed::expression(format!("{alias}.{prefix}{}", at + 1), column.sql_type)
            },
            hidden: false,
        })
        .collect();
    let source = Source {
        name: name.to_owned(),
        schema: None,
        alias: alias.to_owned(),
        columns,
        table: None,
        joined,
        base: None,
    };
    add(scope, source)
}

/// 1013 for two sources of one name.
pub(super) fn add(scope: &mut Scope<'_>, source: Source) -> Result<()> {
    let clash = scope
        .sources
        .iter()
        .any(|own| same_name(&own.name, &source.name) && own.schema == source.schema);
    if clash {
        return Err(same_names(&source.name));
    }
    scope.sources.push(source);
    Ok(())
}

/// 1013.
pub(super) fn same_names(name: &str) -> SqlError {
    let message = format!(
        "The objects \"{name}\" and \"{name}\" in the FROM clause have the same exposed names. Use correlation names to \
         distinguish them."
    );
    SqlError::new(1013, message)
}

fn join_word(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "JOIN",
        JoinKind::Left | JoinKind::OuterApply => "LEFT JOIN",
        JoinKind::Right => "RIGHT JOIN",
        JoinKind::Full => "FULL JOIN",
        JoinKind::Cross | JoinKind::CrossApply => "CROSS JOIN",
    }
}

/// Observed: MATCH in ON is 13920 as well (probed.md 5).
fn refuse_match(on: &crate::sql::ast::Expr) -> Result<()> {
    use crate::sql::ast::Expr;
    match on {
        Expr::Match(steps) => {
            let name = steps.first().map_or("", |step| &step.from);
            let message = format!(
                "Identifier '{name}' in a MATCH clause is used with a JOIN clause or APPLY operator. JOIN and APPLY are not \
                 supported with MATCH clauses."
            );
            Err(SqlError::new(13920, message))
        }
        Expr::And(left, right) | Expr::Or(left, right) => {
            refuse_match(left)?;
            refuse_match(right)
        }
        Expr::Not(inner) => refuse_match(inner),
        _ => Ok(()),
    }
}

fn last_alias<'s>(scope: &'s Scope<'_>) -> &'s str {
    scope.sources.last().map_or("", |source| &source.alias)
}
