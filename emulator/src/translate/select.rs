//! Queries: SELECT, VALUES, set operations, order and limits.

use super::grouping::Grouping;
use super::projection::Projected;
use super::typed::common_type;
use super::{CteSource, Scope, Translator, Typed};
use crate::catalog::same_name;
use crate::sql::ast::{Cte, Expr, OrderItem, Query, QueryBody, Select, SelectItem, SetOperator};
use crate::sql::error::{Result, SqlError};
use crate::tds::response::Origin;

/// A query as SQL. Its columns are named by `prefix` and a number from 1 on.
#[derive(Debug)]
pub(super) struct Translated {
    pub sql: String,
    pub columns: Vec<Projected>,
    pub prefix: &'static str,
    /// Variables that take the values of the last row.
    pub assigned: Vec<String>,
    /// At most one row comes.
    pub single_row: bool,
    /// TOP, OFFSET or an order: it cannot stand in a set operation as it is.
    pub limited: bool,
    /// A plain SELECT: its values and what follows them.
    pub parts: Option<Parts>,
}

/// A SELECT without grouping, order or limit.
#[derive(Debug)]
pub(super) struct Parts {
    pub items: Vec<Typed>,
    pub tail: String,
}

struct Items {
    values: Vec<Typed>,
    columns: Vec<Projected>,
    sources: Vec<Option<Expr>>,
    assigned: Vec<String>,
}

impl Translator<'_> {
    /// The query of a statement.
    pub(super) fn top_query(&mut self, query: &Query) -> Result<Translated> {
        self.query_in(query, &Scope::empty())
    }

    /// A query inside of another.
    pub(super) fn subquery(&mut self, query: &Query, scope: &Scope<'_>) -> Result<Translated> {
        let limited = match &query.body {
            QueryBody::Select(select) => select.top.is_some(),
            _ => false,
        };
        if !query.order_by.is_empty() && !limited && query.offset.is_none() {
            let message = "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common \
                           table expressions, unless TOP, OFFSET or FOR XML is also specified.";
            return Err(SqlError::new(1033, message).class(15));
        }
        let translated = self.query_in(query, scope)?;
        if !translated.assigned.is_empty() {
            return Err(SqlError::syntax("="));
        }
        Ok(translated)
    }

    pub(super) fn exists_query(&mut self, query: &Query, scope: &Scope<'_>) -> Result<String> {
        self.subquery(query, scope).map(|translated| translated.sql)
    }

    fn query_in(&mut self, query: &Query, parent: &Scope<'_>) -> Result<Translated> {
        match &query.body {
            QueryBody::Select(select) => self.select(select, query, parent),
            QueryBody::Nested(inner) if query.order_by.is_empty() => self.query_in(inner, parent),
            body => {
                let mut translated = self.body(body, parent)?;
                if query.order_by.is_empty() {
                    return Ok(translated);
                }
                let order = order_by_columns(&query.order_by, &translated.columns)?;
                let limit = self.limit(None, query, parent)?;
                translated.sql = format!("{}{order}{limit}", translated.sql);
                translated.limited = true;
                Ok(translated)
            }
        }
    }

    fn body(&mut self, body: &QueryBody, parent: &Scope<'_>) -> Result<Translated> {
        match body {
            QueryBody::Select(select) => {
                let plain = Query {
                    ctes: Vec::new(),
                    body: QueryBody::Values(Vec::new()),
                    order_by: Vec::new(),
                    offset: None,
                    fetch: None,
                };
                self.select(select, &plain, parent)
            }
            QueryBody::Values(rows) => self.values(rows, parent),
            QueryBody::Nested(query) => self.query_in(query, parent),
            QueryBody::Set { operator, left, right } => {
                self.set_operation(*operator, left, right, parent)
            }
        }
    }

    fn select(&mut self, select: &Select, query: &Query, parent: &Scope<'_>) -> Result<Translated> {
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
        Ok(Translated {
            sql,
            prefix: "c",
            single_row: aggregated
                || select.from.is_empty()
                || matches!(&select.top, Some(Expr::Integer(one)) if one == "1"),
            limited: !order.is_empty() || !limit.is_empty(),
            assigned: items.assigned,
            columns: items.columns,
            parts: (plain && !aggregated)
                .then(|| Parts { items: items.values, tail: tail.to_owned() }),
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

    fn limit(&mut self, top: Option<&Expr>, query: &Query, scope: &Scope<'_>) -> Result<String> {
        let count = |translator: &mut Self, expression: &Expr| -> Result<String> {
            let typed = translator.expression(expression, scope)?;
            let typed = translator.as_bigint(typed)?;
            Ok(if typed.literal.is_some() { typed.sql } else { format!("max({}, 0)", typed.sql) })
        };
        if let Some(top) = top {
            if query.offset.is_some() {
                let message = "A TOP can not be used in the same query or sub-query as a OFFSET.";
                return Err(SqlError::new(10741, message).class(15));
            }
            return Ok(format!(" LIMIT {}", count(self, top)?));
        }
        let Some(offset) = &query.offset else {
            return Ok(String::new());
        };
        let fetch = match &query.fetch {
            Some(fetch) => count(self, fetch)?,
            None => "-1".to_owned(),
        };
        Ok(format!(" LIMIT {fetch} OFFSET {}", count(self, offset)?))
    }

    fn values(&mut self, rows: &[Vec<Expr>], scope: &Scope<'_>) -> Result<Translated> {
        let width = rows.first().map_or(0, Vec::len);
        let mut cells: Vec<Vec<Typed>> = Vec::with_capacity(rows.len());
        let mut types: Vec<Typed> = Vec::new();
        for row in rows {
            if row.len() != width {
                let message = "All the rows in a table value constructor must have the same number of columns.";
                return Err(SqlError::new(10709, message).class(15));
            }
            let row =
                row.iter().map(|cell| self.expression(cell, scope)).collect::<Result<Vec<_>>>()?;
            if types.is_empty() {
                types.clone_from(&row);
            } else {
                for (own, cell) in types.iter_mut().zip(&row) {
                    merge(own, cell)?;
                }
            }
            cells.push(row);
        }
        let mut sql = "VALUES ".to_owned();
        for (at, row) in cells.into_iter().enumerate() {
            sql += if at == 0 { "(" } else { ", (" };
            for (place, (cell, own)) in row.into_iter().zip(&types).enumerate() {
                if place > 0 {
                    sql += ", ";
                }
                sql += &self.implicit(cell, own.sql_type)?.sql;
            }
            sql.push(')');
        }
        let columns =
            types.iter().map(|own| Projected::of(&own.clone().derived(), String::new())).collect();
        Ok(Translated {
            sql,
            columns,
            prefix: "column",
            assigned: Vec::new(),
            single_row: rows.len() == 1,
            limited: false,
            parts: None,
        })
    }

    fn set_operation(
        &mut self,
        operator: SetOperator,
        left: &QueryBody,
        right: &QueryBody,
        parent: &Scope<'_>,
    ) -> Result<Translated> {
        let nested_right = matches!(right, QueryBody::Set { .. });
        let (left, right) = (self.body(left, parent)?, self.body(right, parent)?);
        if left.columns.len() != right.columns.len() {
            let message = "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of \
                           expressions in their target lists.";
            return Err(SqlError::new(205, message));
        }
        let mut columns = Vec::with_capacity(left.columns.len());
        for (own, other) in left.columns.iter().zip(&right.columns) {
            let (own_value, other_value) = (placeholder(own), placeholder(other));
            columns.push(Projected {
                sql_type: common_type(&own_value, &other_value)?,
                nullable: own.nullable || other.nullable,
                origin: Origin::Derived,
                is_null: own.is_null && other.is_null,
                role: crate::catalog::ColumnRole::User,
                ..own.clone()
            });
        }
        let word = match operator {
            SetOperator::UnionAll => "UNION ALL",
            SetOperator::Union => "UNION",
            SetOperator::Except => "EXCEPT",
            SetOperator::Intersect => "INTERSECT",
        };
        let collate = operator != SetOperator::UnionAll;
        let left = self.side(left, &columns, collate, false)?;
        let right = self.side(right, &columns, collate, nested_right)?;
        Ok(Translated {
            sql: format!("{left} {word} {right}"),
            columns,
            prefix: "c",
            assigned: Vec::new(),
            single_row: false,
            limited: false,
            parts: None,
        })
    }

    /// A side of a set operation, its columns converted to the common types.
    fn side(
        &mut self,
        side: Translated,
        columns: &[Projected],
        collate: bool,
        nested: bool,
    ) -> Result<String> {
        let same = side
            .columns
            .iter()
            .zip(columns)
            .all(|(own, common)| own.sql_type == common.sql_type || own.is_null);
        let texts = collate && columns.iter().any(|column| column.sql_type.is_text());
        if same && !texts && !side.limited && !nested && side.prefix == "c" {
            return Ok(side.sql);
        }
        let alias = self.alias();
        let mut list = Vec::with_capacity(columns.len());
        for (at, (own, common)) in side.columns.iter().zip(columns).enumerate() {
            let sql = format!("{alias}.{}{}", side.prefix, at + 1);
            let value = Typed { sql, ..placeholder(own) };
            let value = if own.is_null { value } else { self.implicit(value, common.sql_type)? };
            let sql = if collate { value.collated() } else { value.sql };
            list.push(format!("{sql} AS c{}", at + 1));
        }
        Ok(format!("SELECT {} FROM ({}) AS {alias}", list.join(", "), side.sql))
    }

    /// A CTE; one that names itself after UNION ALL is recursive.
    pub(super) fn define_cte(&mut self, cte: &Cte) -> Result<()> {
        let sql_name = format!("w{}", self.ctes.len() + 1);
        if let QueryBody::Set { operator: SetOperator::UnionAll, left, right } = &cte.query.body
            && body_names(right, &cte.name)
        {
            let aliases = self.aliases;
            let anchor = self.body(left, &Scope::empty())?;
            self.aliases = aliases;
            let columns = named(anchor.columns, &cte.columns, &cte.name)?;
            let columns =
                columns.into_iter().map(|column| Projected { nullable: true, ..column }).collect();
            self.ctes.push(CteSource {
                name: cte.name.clone(),
                sql_name: sql_name.clone(),
                columns,
            });
            let whole = self.subquery(&cte.query, &Scope::empty())?;
            self.cte_sql.push(cte_sql(&sql_name, whole.columns.len(), &whole.sql));
            return Ok(());
        }
        let translated = self.subquery(&cte.query, &Scope::empty())?;
        self.cte_sql.push(cte_sql(&sql_name, translated.columns.len(), &translated.sql));
        let columns = named(translated.columns, &cte.columns, &cte.name)?;
        self.ctes.push(CteSource { name: cte.name.clone(), sql_name, columns });
        Ok(())
    }
}

/// Whether a select list without GROUP BY makes one row of all.
fn aggregates(items: &[SelectItem]) -> bool {
    Grouping::of(&Select { items: items.to_vec(), ..Select::default() }).is_active()
}

fn cte_sql(name: &str, width: usize, sql: &str) -> String {
    let columns: Vec<String> = (1..=width).map(|at| format!("c{at}")).collect();
    format!("{name}({}) AS ({sql})", columns.join(", "))
}

/// Columns of a derived table or CTE under the names that it gives them; each needs one, all different.
pub(super) fn named(
    mut columns: Vec<Projected>,
    names: &[String],
    table: &str,
) -> Result<Vec<Projected>> {
    if !names.is_empty() && names.len() != columns.len() {
        let (number, what) =
            if names.len() > columns.len() { (8158, "more") } else { (8159, "fewer") };
        let other = if what == "more" {
            "were specified in the column list"
        } else {
            "than were specified in the column list"
        };
        let message = format!("'{table}' has {what} columns {other}.");
        return Err(SqlError::new(number, message));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
    }
    for (at, column) in columns.iter().enumerate() {
        if column.name.is_empty() {
            let message =
                format!("No column name was specified for column {} of '{table}'.", at + 1);
            return Err(SqlError::new(8155, message).state(2));
        }
        if columns[..at].iter().any(|earlier| same_name(&earlier.name, &column.name)) {
            let message =
                format!("The column '{}' was specified multiple times for '{table}'.", column.name);
            return Err(SqlError::new(8156, message));
        }
    }
    Ok(columns)
}

fn placeholder(column: &Projected) -> Typed {
    Typed {
        collation: column.collation,
        is_null: column.is_null,
        ..Typed::expression(String::new(), column.sql_type)
    }
}

fn merge(own: &mut Typed, cell: &Typed) -> Result<()> {
    let sql_type = common_type(own, cell)?;
    let is_null = own.is_null && cell.is_null;
    own.nullable |= cell.nullable;
    if own.is_null && !cell.is_null {
        own.collation = cell.collation;
    }
    own.sql_type = sql_type;
    own.is_null = is_null;
    Ok(())
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
fn order_by_columns(order: &[OrderItem], columns: &[Projected]) -> Result<String> {
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

/// Whether a query reads from a name: a recursive CTE does so from its own.
fn body_names(body: &QueryBody, name: &str) -> bool {
    use crate::sql::ast::TableSource;
    fn source_names(source: &TableSource, name: &str) -> bool {
        match source {
            TableSource::Table { name: own, .. } => {
                own.schema().is_none() && same_name(own.object(), name)
            }
            TableSource::Join { left, right, .. } => {
                source_names(left, name) || source_names(right, name)
            }
            TableSource::Derived { query, .. } => body_names(&query.body, name),
            TableSource::OpenJson { .. } | TableSource::Changes { .. } => false,
        }
    }
    match body {
        QueryBody::Select(select) => select.from.iter().any(|source| source_names(source, name)),
        QueryBody::Set { left, right, .. } => body_names(left, name) || body_names(right, name),
        QueryBody::Nested(query) => body_names(&query.body, name),
        QueryBody::Values(_) => false,
    }
}
