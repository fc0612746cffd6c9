//! Queries as a whole: what stands in which place, and how much of it comes.

use super::projection::Projected;
use super::scope::Base;
use super::select::order_by_columns;
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Expr, Query, QueryBody};
use crate::sql::error::{Result, SqlError};

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
    /// The table whose rows come one by one.
    pub base: Option<Base>,
}

/// A SELECT without grouping, order or limit.
#[derive(Debug)]
pub(super) struct Parts {
    pub items: Vec<Typed>,
    pub tail: String,
    /// The tail ends in a WHERE.
    pub filtered: bool,
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

    pub(super) fn body(&mut self, body: &QueryBody, parent: &Scope<'_>) -> Result<Translated> {
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

    pub(super) fn limit(
        &mut self,
        top: Option<&Expr>,
        query: &Query,
        scope: &Scope<'_>,
    ) -> Result<String> {
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
}
