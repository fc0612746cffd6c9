//! GROUP BY: outside of aggregates only what is grouped by may be named (8120).

use super::{Scope, Translator, Typed};
use crate::sql::ast::{Expr, Select, SelectItem};
use crate::sql::error::{Result, SqlError};

/// What a query groups by.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    terms: Vec<Expr>,
    /// The query groups at all: GROUP BY, HAVING or an aggregate.
    active: bool,
    /// Inside of an aggregate or of a term everything may be named.
    lifted: u32,
}

impl Grouping {
    /// What a SELECT groups by.
    pub(super) fn of(select: &Select) -> Self {
        let aggregates = select.items.iter().any(|item| match item {
            SelectItem::Expr { value, .. } | SelectItem::Assign { value, .. } => {
                has_aggregate(value)
            }
            SelectItem::Star(_) => false,
        });
        let active = aggregates || !select.group_by.is_empty() || select.having.is_some();
        Self { terms: select.group_by.clone(), active, lifted: 0 }
    }

    /// Whether rows are grouped at all.
    pub(super) fn is_active(&self) -> bool {
        self.active
    }
}

impl Translator<'_> {
    /// A term of GROUP BY, translated as a whole.
    pub(super) fn grouping_term(
        &mut self,
        expression: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>> {
        let is_term = self.grouping.last().is_some_and(|grouping| {
            grouping.active && grouping.lifted == 0 && grouping.terms.contains(expression)
        });
        if !is_term {
            return Ok(None);
        }
        self.lifted(|translator| translator.expression(expression, scope)).map(Some)
    }

    /// Translates something in which every column may be named.
    pub(super) fn lifted<T>(
        &mut self,
        translate: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if let Some(grouping) = self.grouping.last_mut() {
            grouping.lifted += 1;
        }
        let result = translate(self);
        if let Some(grouping) = self.grouping.last_mut() {
            grouping.lifted -= 1;
        }
        result
    }

    /// 8120 for a column of the grouping query outside of aggregates and terms.
    pub(super) fn check_grouped(&self, parts: &[String], depth: u32) -> Result<()> {
        let Some(grouping) = self.grouping.last() else {
            return Ok(());
        };
        if depth > 0 || !grouping.active || grouping.lifted > 0 {
            return Ok(());
        }
        // The same column may be written with or without its source.
        let last = parts.last();
        let grouped = grouping.terms.iter().any(|term| match term {
            Expr::Column(own) => {
                own.last().zip(last).is_some_and(|(own, name)| own.eq_ignore_ascii_case(name))
            }
            Expr::Pseudo { name: own, .. } => {
                last.is_some_and(|name| own.eq_ignore_ascii_case(name))
            }
            _ => false,
        });
        if grouped {
            return Ok(());
        }
        let message = format!(
            "Column '{}' is invalid in the select list because it is not contained in either an aggregate function or the \
             GROUP BY clause.",
            parts.join(".")
        );
        Err(SqlError::new(8120, message))
    }
}

/// Names of aggregates.
pub(super) fn is_aggregate(name: &str) -> bool {
    matches!(name, "COUNT" | "COUNT_BIG" | "SUM" | "MIN" | "MAX" | "AVG" | "STRING_AGG")
}

fn has_aggregate(expression: &Expr) -> bool {
    let own = match expression {
        Expr::Call(call) => is_aggregate(&call.name) && call.over.is_none(),
        _ => false,
    };
    own || expression.children().into_iter().any(has_aggregate)
}
