//! SELECT: its list, its grouping, its order.

use super::grouping::Grouping;
use super::projection::Projected;
use super::query::{Parts, Translated};
use super::scope::{Base, Source};
use super::set_operation::placeholder;
use super::{Scope, Translator, Typed};
use crate::catalog::same_name;
use crate::sql::ast::{Expr, OrderItem, Query, Select, SelectItem};
use crate::sql::error::{Result, SqlError};
use std::sync::Arc;

struct Items {
    values: Vec<Typed>,
    columns: Vec<Projected>,
    sources: Vec<Option<Expr>>,
    assigned: Vec<String>,
}

impl Translator<'_> {
    pub(super) fn select(
        &mut self,
        select: &Select,
        query: &Query,
        parent: &Scope<'_>,
    ) -> Result<Translated> {
        let mut scope = Scope::inside(parent);
        self.grouping.push(Grouping::default());
        let from = self.from(&select.from, &mut scope)?;
        let filter = match &select.filter {
            Some(filter) => format!(" WHERE {}", self.predicate(filter, &scope)?),
            None => String::new(),
        };
        if let Some(grouping) = self.grouping.last_mut() {
            *grouping = Grouping::of(select);
        }
        let result = self.select_rows(select, query, &scope, &format!("{from}{filter}"));
        self.grouping.pop();
        result
    }

    fn select_rows(
        &mut self,
        select: &Select,
        query: &Query,
        scope: &Scope<'_>,
        tail: &str,
    ) -> Result<Translated> {
        let items = self.items(&select.items, scope)?;
        let group = self.group_by(select, scope)?;
        let order = self.order_by(&query.order_by, &items, select.distinct, scope)?;
        let limit = self.limit(select.top.as_ref(), query, scope)?;
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        let collated = select.distinct || !select.group_by.is_empty();
        let list: Vec<String> = items
            .values
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let sql = if collated { value.collated() } else { value.sql.clone() };
                format!("{sql} AS c{}", at + 1)
            })
            .collect();
        let sql = format!("SELECT {distinct}{}{tail}{group}{order}{limit}", list.join(", "));
        let plain = distinct.is_empty() && group.is_empty() && order.is_empty() && limit.is_empty();
        let aggregated = group.is_empty() && aggregates(&select.items);
        let base = (distinct.is_empty() && group.is_empty() && !aggregated)
            .then(|| base(scope, &items.values))
            .flatten();
        Ok(Translated {
            sql,
            base,
            prefix: "c",
            single_row: aggregated
                || select.from.is_empty()
                || matches!(&select.top, Some(Expr::Integer(one)) if one == "1"),
            limited: !order.is_empty() || !limit.is_empty(),
            assigned: items.assigned,
            columns: items.columns,
            parts: (plain && !aggregated).then(|| Parts {
                items: items.values,
                tail: tail.to_owned(),
                filtered: select.filter.is_some(),
            }),
        })
    }

    fn items(&mut self, list: &[SelectItem], scope: &Scope<'_>) -> Result<Items> {
        let mut items = Items {
            values: Vec::new(),
            columns: Vec::new(),
            sources: Vec::new(),
            assigned: Vec::new(),
        };
        for item in list {
            match item {
                SelectItem::Star(qualifier) => self.star(qualifier.as_ref(), scope, &mut items)?,
                SelectItem::Expr { value, alias } => {
                    let typed = self.expression(value, scope)?;
                    let name = alias.clone().unwrap_or_else(|| own_name(value, &typed, scope));
                    items.columns.push(Projected::of(&typed, name));
                    items.values.push(typed);
                    items.sources.push(Some(value.clone()));
                }
                SelectItem::Assign { variable, value } => {
                    let typed = self.expression(value, scope)?;
                    let declared = self.variable_type(variable)?;
                    let typed = self.implicit(typed, declared)?;
                    items.columns.push(Projected::of(&typed, String::new()));
                    items.values.push(typed);
                    items.sources.push(None);
                    items.assigned.push(variable.to_lowercase());
                }
            }
        }
        if !items.assigned.is_empty() && items.assigned.len() != items.values.len() {
            let message = "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval \
                           operations.";
            return Err(SqlError::new(141, message).class(15));
        }
        Ok(items)
    }

    fn star(
        &mut self,
        qualifier: Option<&crate::sql::ast::ObjectName>,
        scope: &Scope<'_>,
        items: &mut Items,
    ) -> Result<()> {
        let sources: Vec<_> = match qualifier {
            None => scope.sources.iter().collect(),
            Some(name) => {
                let source = scope.source_by_name(name).ok_or_else(|| {
                    let message =
                        format!("The column prefix '{name}' does not match with a table name or alias name used in the query.");
                    SqlError::new(107, message).class(15)
                })?;
                vec![source]
            }
        };
        if sources.is_empty() {
            return Err(SqlError::new(263, "Must specify table to select from."));
        }
        for column in
            sources.iter().flat_map(|source| &source.columns).filter(|column| !column.hidden)
        {
            self.check_grouped(std::slice::from_ref(&column.name), 0)?;
            items.columns.push(Projected::of(&column.value, column.name.clone()));
            items.values.push(column.value.clone());
            items.sources.push(None);
        }
        Ok(())
    }

    fn group_by(&mut self, select: &Select, scope: &Scope<'_>) -> Result<String> {
        let mut sql = String::new();
        if !select.group_by.is_empty() {
            let mut terms = Vec::with_capacity(select.group_by.len());
            for term in &select.group_by {
                terms.push(self.expression(term, scope)?.collated());
            }
            sql = format!(" GROUP BY {}", terms.join(", "));
        }
        if let Some(having) = &select.having {
            sql = format!("{sql} HAVING {}", self.predicate(having, scope)?);
        }
        Ok(sql)
    }

    fn order_by(
        &mut self,
        order: &[OrderItem],
        items: &Items,
        distinct: bool,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let mut terms = Vec::with_capacity(order.len());
        for item in order {
            let direction = if item.descending { " DESC" } else { "" };
            let place = place_of(&item.value, items)?;
            let sql = match place {
                Some(at) => collated_place(at, &items.columns[at]),
                None if distinct => {
                    let message = "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.";
                    return Err(SqlError::new(145, message).class(15));
                }
                None => self.expression(&item.value, scope)?.collated(),
            };
            terms.push(format!("{sql}{direction}"));
        }
        Ok(if terms.is_empty() { String::new() } else { format!(" ORDER BY {}", terms.join(", ")) })
    }
}

/// The one table that rows come from, and which of its columns they show.
fn base(scope: &Scope<'_>, values: &[Typed]) -> Option<Base> {
    let [Source { table: Some(table), alias, .. }] = &scope.sources[..] else {
        return None;
    };
    let column = |value: &Typed| {
        let id = value.sql.strip_prefix(alias.as_str())?.strip_prefix(".c")?.parse().ok()?;
        Some(id).filter(|id| table.column_by_id(*id).is_some())
    };
    Some(Base {
        table: Arc::clone(table),
        row: format!("{alias}.rowid"),
        columns: values.iter().map(column).collect(),
    })
}

/// Whether a select list without GROUP BY makes one row of all.
fn aggregates(items: &[SelectItem]) -> bool {
    Grouping::of(&Select { items: items.to_vec(), ..Select::default() }).is_active()
}

/// The name that a select item has by itself: a column's, as it is written; a pseudo-column's full one (probed.md 4).
fn own_name(value: &Expr, typed: &Typed, scope: &Scope<'_>) -> String {
    match value {
        Expr::Column(parts) => parts.last().cloned().unwrap_or_default(),
        Expr::Pseudo { name, .. } => {
            let columns = scope.sources.iter().flat_map(|source| &source.columns);
            let full = columns
                .filter(|column| column.value.role == typed.role)
                .map(|column| &column.name)
                .next();
            full.cloned().unwrap_or_else(|| name.clone())
        }
        _ => String::new(),
    }
}

/// The select item that an ORDER BY term means: by number, by alias, or the same expression.
fn place_of(term: &Expr, items: &Items) -> Result<Option<usize>> {
    if let Expr::Integer(digits) = term {
        let at: usize = digits.parse().unwrap_or(0);
        if at == 0 || at > items.values.len() {
            let message = format!(
                "The ORDER BY position number {digits} is out of range of the number of items in the select list."
            );
            return Err(SqlError::new(108, message).class(15));
        }
        return Ok(Some(at - 1));
    }
    if let Expr::Column(parts) = term
        && let [name] = &parts[..]
        && let Some(at) = items.columns.iter().position(|column| same_name(&column.name, name))
    {
        return Ok(Some(at));
    }
    Ok(items.sources.iter().position(|source| source.as_ref() == Some(term)))
}

fn collated_place(at: usize, column: &Projected) -> String {
    if column.sql_type.is_text() {
        format!("{} COLLATE {}", at + 1, column.collation)
    } else {
        (at + 1).to_string()
    }
}

/// After a set operation only its columns can be named.
pub(super) fn order_by_columns(order: &[OrderItem], columns: &[Projected]) -> Result<String> {
    let items = Items {
        values: columns.iter().map(placeholder).collect(),
        columns: columns.to_vec(),
        sources: Vec::new(),
        assigned: Vec::new(),
    };
    let mut terms = Vec::with_capacity(order.len());
    for item in order {
        let Some(at) = place_of(&item.value, &items)? else {
            let message = "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.";
            return Err(SqlError::new(104, message));
        };
        let direction = if item.descending { " DESC" } else { "" };
        terms.push(format!("{}{direction}", collated_place(at, &columns[at])));
    }
    Ok(format!(" ORDER BY {}", terms.join(", ")))
}
