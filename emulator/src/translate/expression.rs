//! Expressions.

use super::literal::{binary_type, decimal_literal, integer, text_type};
use super::typed::{common_collation, common_type};
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Comparison, Expr, Query};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::collation;
use crate::values::{SqlType, Value, decimal};

impl Translator<'_> {
    /// A value.
    pub(super) fn expression(&mut self, expression: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        if let Some(grouped) = self.grouping_term(expression, scope)? {
            return Ok(grouped);
        }
        match expression {
            Expr::Null => Ok(Typed {
                is_null: true,
                literal: Some(Value::Null),
                ..Typed::expression("NULL", SqlType::Int)
            }),
            Expr::Integer(digits) => {
                let (value, sql_type) = integer(digits)?;
                Ok(self.literal(value, sql_type).not_null())
            }
            Expr::Decimal(digits) => {
                let (value, sql_type) = decimal_literal(digits)?;
                Ok(self.literal(value, sql_type).not_null())
            }
            Expr::Float(digits) => self.float_literal(digits),
            Expr::Text { value, national } => {
                let sql_type = text_type(value, *national);
                Ok(self.literal(Value::Text(value.clone()), sql_type).not_null())
            }
            Expr::Binary(bytes) => {
                Ok(self.literal(Value::Bytes(bytes.clone()), binary_type(bytes)).not_null())
            }
            Expr::Variable(name) if name.starts_with("@@") => system_variable(name),
            Expr::Variable(name) => self.variable(name),
            Expr::Column(parts) => self.column(parts, scope),
            Expr::Pseudo { qualifier, name } => {
                let mut parts = qualifier.clone();
                parts.push(name.clone());
                self.column(&parts, scope)
            }
            Expr::Default => Err(SqlError::syntax("DEFAULT")),
            Expr::Negate(inner) => self.negate(inner, scope),
            Expr::BitNot(inner) => {
                let typed = self.expression(inner, scope)?;
                let sql = format!("(~{})", typed.sql);
                Ok(Typed { sql, ..typed.derived() })
            }
            Expr::Arithmetic { operator, left, right } => {
                self.arithmetic(*operator, left, right, scope)
            }
            Expr::Collate { value, collation } => self.collate(value, collation, scope),
            Expr::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), scope)
            }
            Expr::Cast { value, sql_type, style, try_ } => {
                let style = style.as_ref().map_or(Ok(0), |style| constant_integer(style))?;
                let typed = self.expression(value, scope)?;
                Ok(Typed { nullable: true, ..self.explicit(typed, *sql_type, style, *try_)? })
            }
            Expr::Call(call) => self.call(call, scope),
            Expr::Scalar(query) => self.scalar_query(query, scope),
            _ => Err(SqlError::syntax(expression_word(expression))),
        }
    }

    fn column(&mut self, parts: &[String], scope: &Scope<'_>) -> Result<Typed> {
        let (typed, depth) = scope.find(parts)?;
        self.check_grouped(parts, depth)?;
        Ok(typed)
    }

    fn negate(&mut self, inner: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        // A literal keeps its type with its sign, down to the least int and bigint.
        if let Expr::Integer(digits) = inner {
            let (value, sql_type) = integer(digits)?;
            if let Value::Int(value) = value {
                return Ok(self.literal(Value::Int(-value), SqlType::Int).not_null());
            }
            if let Value::Bytes(bytes) = value {
                let scaled = decimal::from_bytes(&bytes).unwrap_or(0);
                return Ok(self
                    .literal(Value::Bytes(decimal::to_bytes(-scaled)), sql_type)
                    .not_null());
            }
        }
        if let Expr::Decimal(digits) = inner {
            let (value, sql_type) = decimal_literal(&format!("-{digits}"))?;
            return Ok(self.literal(value, sql_type).not_null());
        }
        if let Expr::Float(digits) = inner {
            return self.float_literal(&format!("-{digits}"));
        }
        let typed = self.expression(inner, scope)?;
        let sql = match typed.sql_type {
            SqlType::Decimal { .. } | SqlType::Money | SqlType::SmallMoney => {
                format!("decround('neg', {}, {}, 0)", typed.sql, typed.sql_type.scale())
            }
            sql_type if sql_type.is_numeric() => format!("(-{})", typed.sql),
            other => {
                let message =
                    format!("Operand data type {} is invalid for minus operator.", other.name());
                return Err(SqlError::new(8117, message));
            }
        };
        Ok(Typed { sql, ..typed.derived() })
    }

    fn collate(&mut self, value: &Expr, name: &str, scope: &Scope<'_>) -> Result<Typed> {
        let Some(known) = collation::by_name(name) else {
            return Err(SqlError::new(448, format!("Invalid collation '{name}'.")));
        };
        let typed = self.expression(value, scope)?;
        if !typed.sql_type.is_text() {
            let message =
                format!("Expression type {} is invalid for COLLATE clause.", typed.sql_type.name());
            return Err(SqlError::new(447, message));
        }
        Ok(Typed { collation: known, explicit_collation: true, literal: None, ..typed })
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let mut conditions = Vec::with_capacity(branches.len());
        let mut values = Vec::with_capacity(branches.len() + 1);
        for (when, then) in branches {
            let condition = match operand {
                Some(operand) => self.compare(Comparison::Equal, operand, when, scope)?,
                None => self.predicate(when, scope)?,
            };
            conditions.push(condition);
            values.push(self.expression(then, scope)?);
        }
        if let Some(otherwise) = otherwise {
            values.push(self.expression(otherwise, scope)?);
        }
        let (values, sql_type, nullable) = self.alternatives(values)?;
        let mut words = vec!["(CASE".to_owned()];
        let whens = conditions.iter().zip(&values);
        words.extend(whens.map(|(when, value)| format!("WHEN {when} THEN {}", value.sql)));
        words.extend(values.get(conditions.len()).map(|value| format!("ELSE {}", value.sql)));
        words.push("END)".to_owned());
        let nullable = nullable || otherwise.is_none();
        Ok(Typed { nullable, ..Typed::expression(words.join(" "), sql_type) })
    }

    /// Values of which one will be taken, all in their common type.
    pub(super) fn alternatives(
        &mut self,
        values: Vec<Typed>,
    ) -> Result<(Vec<Typed>, SqlType, bool)> {
        let mut sql_type: Option<SqlType> = None;
        for value in values.iter().filter(|value| !value.is_null) {
            sql_type = Some(match sql_type {
                None => value.sql_type,
                Some(own) => common_type(&Typed::expression("", own), value)?,
            });
        }
        let Some(sql_type) = sql_type else {
            let message = "At least one of the result expressions in a CASE specification must be an expression other \
                           than the NULL constant.";
            return Err(SqlError::new(8133, message));
        };
        let nullable = values.iter().any(|value| value.nullable || value.is_null);
        let converted = values
            .into_iter()
            .map(|value| self.implicit(value, sql_type))
            .collect::<Result<_>>()?;
        Ok((converted, sql_type, nullable))
    }

    /// A subquery that gives one value; more than one row is 512.
    fn scalar_query(&mut self, query: &Query, scope: &Scope<'_>) -> Result<Typed> {
        let inner = self.subquery(query, scope)?;
        let [column] = &inner.columns[..] else {
            return Err(one_column_only());
        };
        let (role, is_null) = (column.role, column.is_null);
        let typed = Typed { collation: column.collation, ..Typed::expression("", column.sql_type) };
        // An id stays two numbers, so that nothing has to be read back from JSON.
        let graph = inner.parts.as_ref().and_then(|parts| {
            let (object, id) = parts.items.first()?.graph.as_ref()?;
            Some((
                format!("(SELECT one({object}){})", parts.tail),
                format!("(SELECT one({id}){})", parts.tail),
            ))
        });
        let sql = match &inner.parts {
            _ if inner.single_row => format!("({})", inner.sql),
            Some(parts) => {
                let value = parts.items.first().map_or("NULL", |item| &item.sql);
                format!("(SELECT one({value}){})", parts.tail)
            }
            None => {
                let alias = self.alias();
                format!("(SELECT one({alias}.{}1) FROM ({}) AS {alias})", inner.prefix, inner.sql)
            }
        };
        Ok(Typed { sql, is_null, graph, role, ..typed })
    }

    /// The collation of a comparison, written behind its left side.
    pub(super) fn comparison_collation(left: &Typed, right: &Typed) -> String {
        if left.sql_type.is_text() {
            format!(" COLLATE {}", common_collation(left, right))
        } else {
            String::new()
        }
    }
}

/// A style and its like: an integer in the text.
fn constant_integer(expression: &Expr) -> Result<i64> {
    match expression {
        Expr::Integer(digits) => digits.parse().map_err(|_| SqlError::syntax(digits)),
        _ => Err(SqlError::unsupported("an expression in place of a constant")),
    }
}

/// 116.
pub(super) fn one_column_only() -> SqlError {
    SqlError::new(
        116,
        "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
    )
}

fn expression_word(expression: &Expr) -> &'static str {
    match expression {
        Expr::And(..) => "AND",
        Expr::Or(..) => "OR",
        Expr::Not(_) => "NOT",
        Expr::IsNull { .. } => "IS",
        Expr::Like { .. } => "LIKE",
        Expr::Between { .. } => "BETWEEN",
        Expr::InList { .. } | Expr::InQuery { .. } => "IN",
        Expr::Exists(_) => "EXISTS",
        Expr::Match(_) => "MATCH",
        _ => "=",
    }
}

fn system_variable(name: &str) -> Result<Typed> {
    let (key, sql_type) = match name.to_ascii_lowercase().as_str() {
        "@@trancount" => ("trancount", SqlType::Int),
        "@@rowcount" => ("rowcount", SqlType::Int),
        "@@lock_timeout" => ("lock_timeout", SqlType::Int),
        "@@error" => ("error", SqlType::Int),
        "@@spid" => ("spid", SqlType::SmallInt),
        "@@identity" => {
            let sql_type = SqlType::Decimal { precision: 38, scale: 0 };
            let sql = format!(
                "conv(s_get('identity'), {}, {}, 0)",
                SqlType::BigInt.code(),
                sql_type.code()
            );
            return Ok(Typed::expression(sql, sql_type));
        }
        "@@version" => ("version", SqlType::NVarChar(crate::values::Length::Limited(300))),
        "@@servername" => ("servername", SqlType::SYSNAME),
        "@@options" | "@@nestlevel" | "@@procid" | "@@fetch_status" | "@@max_precision"
        | "@@microsoftversion" | "@@datefirst" | "@@textsize" | "@@langid" | "@@language"
        | "@@servicename" => {
            return Err(SqlError::unsupported(name));
        }
        _ => {
            let message = format!("Must declare the scalar variable \"{name}\".");
            return Err(SqlError::new(137, message).class(15).state(2));
        }
    };
    Ok(Typed::expression(format!("s_get('{key}')"), sql_type))
}
