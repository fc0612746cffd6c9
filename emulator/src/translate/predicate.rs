//! Predicates.

use super::expression::one_column_only;
use super::typed::common_type;
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Comparison, Expr, Query};
use crate::sql::error::{Result, SqlError};

impl Translator<'_> {
    /// A condition.
    pub(super) fn predicate(&mut self, predicate: &Expr, scope: &Scope<'_>) -> Result<String> {
        match predicate {
            Expr::And(left, right) => Ok(format!(
                "({} AND {})",
                self.predicate(left, scope)?,
                self.predicate(right, scope)?
            )),
            Expr::Or(left, right) => {
                if contains_match(left) || contains_match(right) {
                    return Err(match_combined());
                }
                Ok(format!(
                    "({} OR {})",
                    self.predicate(left, scope)?,
                    self.predicate(right, scope)?
                ))
            }
            Expr::Not(inner) => {
                if contains_match(inner) {
                    return Err(match_combined());
                }
                Ok(format!("(NOT {})", self.predicate(inner, scope)?))
            }
            Expr::Compare { operator, left, right } => self.compare(*operator, left, right, scope),
            Expr::Quantified { operator, all, left, query } => {
                self.quantified(*operator, *all, left, query, scope)
            }
            Expr::IsNull { value, negated } => {
                let typed = self.expression(value, scope)?;
                let sql = typed.graph.map_or(typed.sql, |(_, id)| id);
                Ok(format!("({sql} IS {}NULL)", not(*negated)))
            }
            Expr::Like { value, pattern, escape, negated } => {
                self.like(value, pattern, escape.as_deref(), *negated, scope)
            }
            Expr::Between { value, low, high, negated } => {
                let low = self.compare(Comparison::GreaterOrEqual, value, low, scope)?;
                let high = self.compare(Comparison::LessOrEqual, value, high, scope)?;
                Ok(format!("({}({low} AND {high}))", not(*negated)))
            }
            Expr::InList { value, list, negated } => self.in_list(value, list, *negated, scope),
            Expr::InQuery { value, query, negated } => self.in_query(value, query, *negated, scope),
            Expr::Exists(query) => {
                let inner = self.exists_query(query, scope)?;
                Ok(format!("EXISTS ({inner})"))
            }
            Expr::Match(steps) => super::graph_match::graph_match(steps, scope),
            _ => {
                // Documented text of 4145; the word near it is left out.
                let message = "An expression of non-boolean type specified in a context where a condition is expected.";
                Err(SqlError::new(4145, message).class(15))
            }
        }
    }

    /// A comparison of two values.
    pub(super) fn compare(
        &mut self,
        operator: Comparison,
        left: &Expr,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let (left, right) = (self.expression(left, scope)?, self.expression(right, scope)?);
        self.compare_typed(operator, left, right)
    }

    /// `= ANY (query)` and its like: unknown where a NULL leaves it open.
    fn quantified(
        &mut self,
        operator: Comparison,
        all: bool,
        left: &Expr,
        query: &Query,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let left = self.expression(left, scope)?;
        let inner = self.subquery(query, scope)?;
        let [column] = &inner.columns[..] else {
            return Err(one_column_only());
        };
        let alias = self.alias();
        let right = Typed {
            collation: column.collation,
            is_null: column.is_null,
            ..Typed::expression(format!("{alias}.{}1", inner.prefix), column.sql_type)
        };
        let holds = self.compare_typed(operator, left, right)?;
        let (decides, otherwise) = if all { ("min(v) = 0", 1) } else { ("max(v) = 1", 0) };
        Ok(format!(
            "(SELECT CASE WHEN {decides} THEN {} WHEN count(*) > count(v) THEN NULL ELSE {otherwise} END \
             FROM (SELECT {holds} AS v FROM ({}) AS {alias}))",
            1 - otherwise,
            inner.sql
        ))
    }

    pub(super) fn compare_typed(
        &mut self,
        operator: Comparison,
        left: Typed,
        right: Typed,
    ) -> Result<String> {
        if let Some(sql) = compare_ids(operator, &left, &right) {
            return Ok(sql);
        }
        let (left, right) = self.unified(left, right)?;
        let collation = Self::comparison_collation(&left, &right);
        let symbol = symbol(operator);
        Ok(format!("({}{collation} {symbol} {})", left.comparable(), right.comparable()))
    }

    fn like(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let value = self.expression(value, scope)?;
        if value.collation != crate::sqlite::collation::CASE_INSENSITIVE {
            return Err(SqlError::unsupported("LIKE with a case-sensitive collation"));
        }
        let value = self.as_text(value)?;
        let pattern = self.expression(pattern, scope)?;
        let pattern = self.as_text(pattern)?;
        let escape = match escape {
            Some(escape) => self.expression(escape, scope)?.sql,
            None => "NULL".to_owned(),
        };
        Ok(format!("({}t_like({}, {}, {escape}))", not(negated), value.sql, pattern.sql))
    }

    fn in_list(
        &mut self,
        value: &Expr,
        list: &[Expr],
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let value = self.expression(value, scope)?;
        if value.graph.is_some() {
            let equal = |translator: &mut Self, item: &Expr| {
                let item = translator.expression(item, scope)?;
                translator.compare_typed(Comparison::Equal, value.clone(), item)
            };
            let items = list.iter().map(|item| equal(self, item)).collect::<Result<Vec<_>>>()?;
            return Ok(format!("({}({}))", not(negated), items.join(" OR ")));
        }
        let mut items =
            list.iter().map(|item| self.expression(item, scope)).collect::<Result<Vec<_>>>()?;
        let mut sql_type = value.sql_type;
        for item in &items {
            sql_type = common_type(&Typed::expression("", sql_type), item)?;
        }
        let collation =
            items.first().map_or_else(String::new, |item| Self::comparison_collation(&value, item));
        let value = self.implicit(value, sql_type)?;
        let mut sql = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            sql.push(self.implicit(item, sql_type)?.comparable());
        }
        Ok(format!("({}{collation} {}IN ({}))", value.comparable(), not(negated), sql.join(", ")))
    }

    fn in_query(
        &mut self,
        value: &Expr,
        query: &Query,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let value = self.expression(value, scope)?;
        let inner = self.subquery(query, scope)?;
        let [column] = &inner.columns[..] else {
            return Err(one_column_only());
        };
        let other = Typed { collation: column.collation, ..Typed::expression("", column.sql_type) };
        let sql_type = common_type(&value, &other)?;
        let collation = Self::comparison_collation(&value, &other);
        let value = self.implicit(value, sql_type)?;
        let alias = self.alias();
        let inner_value = Typed::expression(format!("{alias}.{}1", inner.prefix), column.sql_type);
        let converted = self.implicit(inner_value, sql_type)?;
        let rows = if converted.sql.starts_with(&alias) && converted.comparable() == converted.sql {
            inner.sql
        } else {
            format!("SELECT {} FROM ({}) AS {alias}", converted.comparable(), inner.sql)
        };
        Ok(format!("({}{collation} {}IN ({rows}))", value.comparable(), not(negated)))
    }
}

/// Ids of nodes and edges are compared as numbers, so that indexes serve.
fn compare_ids(operator: Comparison, left: &Typed, right: &Typed) -> Option<String> {
    if !matches!(operator, Comparison::Equal | Comparison::NotEqual) {
        return None;
    }
    let parts = |typed: &Typed| match &typed.graph {
        Some(graph) => graph.clone(),
        None => (format!("g_any_object({})", typed.sql), format!("g_any_graph({})", typed.sql)),
    };
    if left.graph.is_none() && right.graph.is_none() {
        return None;
    }
    if !(left.sql_type.is_text() && right.sql_type.is_text()) {
        return None;
    }
    let ((left_object, left_id), (right_object, right_id)) = (parts(left), parts(right));
    let equal = format!("({left_id} = {right_id} AND +{left_object} = {right_object})");
    Some(if operator == Comparison::Equal { equal } else { format!("(NOT {equal})") })
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn symbol(operator: Comparison) -> &'static str {
    match operator {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// 13905.
fn match_combined() -> SqlError {
    SqlError::new(
        13905,
        "A MATCH clause may not be directly combined with other expressions using OR or NOT.",
    )
}

/// Whether a MATCH stands in a predicate, not inside of a subquery or a CASE.
fn contains_match(predicate: &Expr) -> bool {
    match predicate {
        Expr::Match(_) => true,
        Expr::And(left, right) | Expr::Or(left, right) => {
            contains_match(left) || contains_match(right)
        }
        Expr::Not(inner) => contains_match(inner),
        _ => false,
    }
}
