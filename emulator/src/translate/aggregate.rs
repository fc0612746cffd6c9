//! Aggregates and window functions.

use super::{Scope, Translator, Typed};
use crate::sql::ast::{Call, Expr, OrderTerm, Window};
use crate::sql::error::{Result, SqlError};
use crate::tds::response::Origin;
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType};

impl Translator<'_> {
    pub(super) fn aggregate(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let windowed = call.over.is_some();
        let typed = if windowed {
            self.aggregate_inner(call, scope)?
        } else {
            self.lifted(|translator| translator.aggregate_inner(call, scope))?
        };
        Ok(Typed { origin: Origin::Derived, ..typed })
    }

    fn aggregate_inner(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let over = match &call.over {
            Some(window) => self.window(window, scope)?,
            None => String::new(),
        };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let counting = matches!(call.name.as_str(), "COUNT" | "COUNT_BIG");
        if counting {
            let argument = match (&call.arguments[..], call.star) {
                (_, true) => "*".to_owned(),
                ([argument], _) => self.expression(argument, scope)?.collated(),
                _ => return Err(wrong_arguments(&call.name, 1)),
            };
            let sql_type = if call.name == "COUNT" { SqlType::Int } else { SqlType::BigInt };
            return Ok(Typed::expression(format!("count({distinct}{argument}){over}"), sql_type));
        }
        if call.name == "STRING_AGG" {
            return self.string_aggregate(call, &over, scope);
        }
        let [argument] = &call.arguments[..] else {
            return Err(wrong_arguments(&call.name, 1));
        };
        let typed = self.expression(argument, scope)?;
        match call.name.as_str() {
            "MIN" | "MAX" => {
                let function = call.name.to_ascii_lowercase();
                if typed.sql_type == SqlType::Bit {
                    return Err(invalid_operand(&typed, &function));
                }
                let sql = format!("{function}({}){over}", typed.collated());
                Ok(Typed { sql, nullable: true, ..typed.derived() })
            }
            "SUM" => sum(&typed, distinct, &over),
            _ => average(&typed, distinct, &over),
        }
    }

    fn string_aggregate(&mut self, call: &Call, over: &str, scope: &Scope<'_>) -> Result<Typed> {
        let [value, separator] = &call.arguments[..] else {
            return Err(wrong_arguments("STRING_AGG", 2));
        };
        if !over.is_empty() {
            return Err(SqlError::unsupported("STRING_AGG OVER"));
        }
        let value = self.expression(value, scope)?;
        let value = self.as_text(value)?;
        let separator = self.expression(separator, scope)?;
        let separator = self.as_text(separator)?;
        let order = self.order_terms(&call.within_group, scope)?;
        let sql = format!("group_concat({}, {}{order})", value.sql, separator.sql);
        // Documented: (max) stays (max), shorter texts give the longest plain length.
        let sql_type = match (value.sql_type.length(), value.sql_type.is_national()) {
            (Some(Length::Max), true) => SqlType::NVarChar(Length::Max),
            (Some(Length::Max), false) => SqlType::VarChar(Length::Max),
            (_, true) => SqlType::NVarChar(Length::Limited(4000)),
            (_, false) => SqlType::VarChar(Length::Limited(8000)),
        };
        Ok(Typed::expression(sql, sql_type))
    }

    fn order_terms(&mut self, terms: &[OrderTerm], scope: &Scope<'_>) -> Result<String> {
        if terms.is_empty() {
            return Ok(String::new());
        }
        let mut sql = Vec::with_capacity(terms.len());
        for term in terms {
            let direction = if term.descending { " DESC" } else { "" };
            sql.push(format!("{}{direction}", self.expression(&term.value, scope)?.collated()));
        }
        Ok(format!(" ORDER BY {}", sql.join(", ")))
    }

    fn window(&mut self, window: &Window, scope: &Scope<'_>) -> Result<String> {
        let mut parts = Vec::with_capacity(window.partition_by.len());
        for term in &window.partition_by {
            parts.push(self.expression(term, scope)?.collated());
        }
        let partition = if parts.is_empty() {
            String::new()
        } else {
            format!("PARTITION BY {}", parts.join(", "))
        };
        let order = self.order_terms(&window.order_by, scope)?;
        let frame = window.frame.as_deref().unwrap_or_default();
        Ok(format!(" OVER ({partition}{order}{frame})"))
    }

    /// `ROW_NUMBER` and its like.
    pub(super) fn ranking(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let Some(window) = call.over.as_ref().filter(|window| !window.order_by.is_empty()) else {
            let message =
                format!("The function '{}' must have an OVER clause with ORDER BY.", call.name);
            return Err(SqlError::new(4112, message));
        };
        let over = self.window(window, scope)?;
        let name = call.name.to_ascii_lowercase();
        let arguments = match (&call.arguments[..], name.as_str()) {
            ([], "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist") => {
                String::new()
            }
            ([count], "ntile") => self.expression(count, scope)?.sql,
            _ => return Err(wrong_arguments(&call.name, 0)),
        };
        let share = matches!(name.as_str(), "percent_rank" | "cume_dist");
        let sql_type = if share { SqlType::Float } else { SqlType::BigInt };
        let typed = Typed::expression(format!("{name}({arguments}){over}"), sql_type);
        Ok(Typed { origin: Origin::Derived, ..typed })
    }
}

impl Translator<'_> {
    /// LAG and LEAD, `FIRST_VALUE` and `LAST_VALUE`.
    pub(super) fn offset_function(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let name = call.name.to_ascii_lowercase();
        let Some(window) = call.over.as_ref().filter(|window| !window.order_by.is_empty()) else {
            let message =
                format!("The function '{}' must have an OVER clause with ORDER BY.", call.name);
            return Err(SqlError::new(4112, message));
        };
        let moves = matches!(name.as_str(), "lag" | "lead");
        if moves && window.frame.is_some() {
            // Documented: 10752.
            let message = format!("The function '{}' may not have a window frame.", call.name);
            return Err(SqlError::new(10752, message).state(3));
        }
        let over = self.window(window, scope)?;
        let (value, rest) = match &call.arguments[..] {
            [value] => (value, &[][..]),
            [value, rest @ ..] if moves && rest.len() <= 2 => (value, rest),
            _ => return Err(wrong_arguments(&call.name, 1)),
        };
        let value = self.expression(value, scope)?;
        let mut arguments = vec![value.sql.clone()];
        if let [offset, rest @ ..] = rest {
            let offset = self.expression(offset, scope)?;
            arguments.push(self.as_bigint(offset)?.sql);
            if let [default] = rest {
                let default = self.expression(default, scope)?;
                arguments.push(self.implicit(default, value.sql_type)?.sql);
            }
        }
        let sql = format!("{name}({}){over}", arguments.join(", "));
        Ok(Typed { sql, nullable: true, origin: Origin::Derived, ..value.derived() })
    }
}

fn sum(typed: &Typed, distinct: &str, over: &str) -> Result<Typed> {
    let sql = &typed.sql;
    let result = match typed.sql_type {
        SqlType::BigInt => {
            Typed::expression(format!("sum({distinct}{sql}){over}"), SqlType::BigInt)
        }
        SqlType::Int | SqlType::SmallInt | SqlType::TinyInt => Typed::expression(
            format!("fit(sum({distinct}{sql}){over}, {})", SqlType::Int.code()),
            SqlType::Int,
        ),
        SqlType::Real | SqlType::Float => {
            Typed::expression(format!("sum({distinct}{sql}){over}"), SqlType::Float)
        }
        SqlType::Decimal { scale, .. } if over.is_empty() => Typed::expression(
            format!("decsum({distinct}{sql})"),
            SqlType::Decimal { precision: 38, scale },
        ),
        SqlType::Money | SqlType::SmallMoney if over.is_empty() => {
            Typed::expression(format!("decsum({distinct}{sql})"), SqlType::Money)
        }
        SqlType::Decimal { .. } | SqlType::Money | SqlType::SmallMoney => {
            return Err(SqlError::unsupported("SUM of decimals OVER"));
        }
        _ => return Err(invalid_operand(typed, "sum")),
    };
    Ok(result)
}

fn average(typed: &Typed, distinct: &str, over: &str) -> Result<Typed> {
    let sql = &typed.sql;
    let count = format!("count({distinct}{sql}){over}");
    match typed.sql_type.family() {
        // Documented: the average of integers is an integer.
        Family::Integer if typed.sql_type != SqlType::Bit => {
            let sql_type =
                if typed.sql_type == SqlType::BigInt { SqlType::BigInt } else { SqlType::Int };
            Ok(Typed::expression(
                format!("(sum({distinct}{sql}){over} / nullif({count}, 0))"),
                sql_type,
            ))
        }
        Family::Approximate => {
            Ok(Typed::expression(format!("avg({distinct}{sql}){over}"), SqlType::Float))
        }
        Family::Exact if over.is_empty() => {
            // Documented: decimal(38, max(s, 6)).
            let own = typed.sql_type.scale();
            let money = matches!(typed.sql_type, SqlType::Money | SqlType::SmallMoney);
            let scale = if money { 4 } else { own.max(6) };
            let whole = SqlType::Decimal { precision: 19, scale: 0 };
            let count = format!(
                "conv(nullif({count}, 0), {}, {}, 0)",
                SqlType::BigInt.code(),
                whole.code()
            );
            let sql =
                format!("decop('/', decsum({distinct}{sql}), {own}, {count}, 0, 38, {scale})");
            let sql_type =
                if money { SqlType::Money } else { SqlType::Decimal { precision: 38, scale } };
            Ok(Typed::expression(sql, sql_type))
        }
        Family::Exact => Err(SqlError::unsupported("AVG of decimals OVER")),
        _ => Err(invalid_operand(typed, "avg")),
    }
}

fn invalid_operand(typed: &Typed, function: &str) -> SqlError {
    let message =
        format!("Operand data type {} is invalid for {function} operator.", typed.sql_type.name());
    SqlError::new(8117, message)
}

/// 174.
pub(super) fn wrong_arguments(function: &str, count: usize) -> SqlError {
    let message =
        format!("The {} function requires {count} argument(s).", function.to_ascii_lowercase());
    SqlError::new(174, message).class(15)
}

/// Whether an argument list may be left to the function itself.
pub(super) fn exactly<'e, const N: usize>(
    name: &str,
    arguments: &'e [Expr],
) -> Result<&'e [Expr; N]> {
    arguments.try_into().map_err(|_| wrong_arguments(name, N))
}
