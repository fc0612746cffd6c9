//! `+ - * / %` and the bit operators, with SQL Server's result types.

use super::typed::{clash, common_type};
use super::{Scope, Translator, Typed};
use crate::sql::ast::{BinaryOperator, Expr};
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType, decimal};

impl Translator<'_> {
    pub(super) fn arithmetic(
        &mut self,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let literals = (literal_digits(left), literal_digits(right));
        let (left, right) = (self.expression(left, scope)?, self.expression(right, scope)?);
        let sql_type = common_type(&left, &right)?;
        match sql_type.family() {
            Family::Text | Family::Binary if operator == BinaryOperator::Add => {
                self.concatenate(left, right)
            }
            Family::Integer => self.whole(operator, left, right, sql_type),
            Family::Approximate => self.floating(operator, left, right, sql_type),
            Family::Exact => self.exact(operator, (left, right), literals, sql_type),
            Family::Temporal if sql_type == SqlType::DateTime => {
                self.datetime_and_days(operator, left, right)
            }
            Family::Temporal if sql_type == SqlType::SmallDateTime => {
                Err(SqlError::unsupported("arithmetic on smalldatetime"))
            }
            _ if left.is_null && right.is_null => {
                Ok(Typed { is_null: true, ..Typed::expression("NULL", SqlType::Int) })
            }
            Family::Text | Family::Binary | Family::Guid => {
                let message = format!(
                    "The data types {} and {} are incompatible in the {} operator.",
                    left.sql_type.name(),
                    right.sql_type.name(),
                    word(operator)
                );
                Err(SqlError::new(402, message))
            }
            Family::Temporal => Err(clash(left.sql_type, right.sql_type)),
        }
    }

    /// Documented: a number added to a datetime counts days.
    fn datetime_and_days(
        &mut self,
        operator: BinaryOperator,
        left: Typed,
        right: Typed,
    ) -> Result<Typed> {
        let sign = match operator {
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            _ => return Err(invalid_operand(operator, SqlType::DateTime)),
        };
        let (date, days) = match (left.sql_type, right.sql_type) {
            (SqlType::DateTime, days) if days.is_numeric() => (left, right),
            (days, SqlType::DateTime) if days.is_numeric() && sign == "+" => (right, left),
            _ => return Err(SqlError::unsupported("arithmetic on datetime")),
        };
        let days = self.implicit(days, SqlType::Float)?.sql;
        let thirds = format!(
            "CAST(round(({days}) * {}.0) AS INTEGER)",
            crate::values::calendar::THIRDS_PER_DAY
        );
        let sql = format!("d_checked({} {sign} {thirds})", date.sql);
        Ok(Typed::expression(sql, SqlType::DateTime))
    }

    fn concatenate(&mut self, left: Typed, right: Typed) -> Result<Typed> {
        let sql_type = joined_type(&left, &right)?;
        let wide = |typed: &Typed| match (typed.sql_type.family(), typed.is_null) {
            (_, true) => sql_type,
            (Family::Text, _) if sql_type.is_national() => {
                SqlType::NVarChar(typed.sql_type.length().unwrap_or(Length::Max))
            }
            _ => typed.sql_type,
        };
        let (left_type, right_type) = (wide(&left), wide(&right));
        let explicit = left.explicit_collation || right.explicit_collation;
        let collation = super::typed::common_collation(&left, &right);
        let (left, right) = (self.implicit(left, left_type)?, self.implicit(right, right_type)?);
        let sql = if sql_type.is_text() {
            format!("({} || {})", left.sql, right.sql)
        } else {
            format!("CAST({} || {} AS BLOB)", left.sql, right.sql)
        };
        Ok(Typed { collation, explicit_collation: explicit, ..Typed::expression(sql, sql_type) })
    }

    fn whole(
        &mut self,
        operator: BinaryOperator,
        left: Typed,
        right: Typed,
        sql_type: SqlType,
    ) -> Result<Typed> {
        let (left, right) = (self.implicit(left, sql_type)?, self.implicit(right, sql_type)?);
        let (a, b) = (&left.sql, &right.sql);
        let code = sql_type.code();
        let sql = match operator {
            BinaryOperator::Add => format!("fit({a} + {b}, {code})"),
            BinaryOperator::Subtract => format!("fit({a} - {b}, {code})"),
            BinaryOperator::Multiply => format!("fit({a} * {b}, {code})"),
            BinaryOperator::Divide => format!("fit(divi({a}, {b}), {code})"),
            BinaryOperator::Modulo => format!("modi({a}, {b})"),
            BinaryOperator::BitAnd => format!("({a} & {b})"),
            BinaryOperator::BitOr => format!("({a} | {b})"),
            BinaryOperator::BitXor => format!("(({a} | {b}) - ({a} & {b}))"),
        };
        Ok(Typed::expression(sql, sql_type))
    }

    fn floating(
        &mut self,
        operator: BinaryOperator,
        left: Typed,
        right: Typed,
        sql_type: SqlType,
    ) -> Result<Typed> {
        let (left, right) = (self.implicit(left, sql_type)?, self.implicit(right, sql_type)?);
        let (a, b) = (&left.sql, &right.sql);
        let sql = match operator {
            BinaryOperator::Add => format!("({a} + {b})"),
            BinaryOperator::Subtract => format!("({a} - {b})"),
            BinaryOperator::Multiply => format!("({a} * {b})"),
            BinaryOperator::Divide => format!("divf({a}, {b})"),
            _ => return Err(invalid_operand(operator, sql_type)),
        };
        let sql = if sql_type == SqlType::Real { format!("toreal({sql})") } else { sql };
        Ok(Typed::expression(sql, sql_type))
    }

    fn exact(
        &mut self,
        operator: BinaryOperator,
        (left, right): (Typed, Typed),
        literals: (Option<u8>, Option<u8>),
        sql_type: SqlType,
    ) -> Result<Typed> {
        let as_decimal = |typed: &Typed, literal: Option<u8>| match literal {
            Some(digits) => (digits, 0),
            None => typed.sql_type.as_decimal().unwrap_or((decimal::DIGITS_MAX, sql_type.scale())),
        };
        let left_digits = as_decimal(&left, literals.0);
        let right_digits = as_decimal(&right, literals.1);
        let exact = |(precision, scale)| SqlType::Decimal { precision, scale };
        let (left, right) =
            (self.implicit(left, exact(left_digits))?, self.implicit(right, exact(right_digits))?);
        let (symbol, (precision, scale)) = result_digits(operator, left_digits, right_digits)
            .ok_or_else(|| invalid_operand(operator, sql_type))?;
        let (left_scale, right_scale) = (left_digits.1, right_digits.1);
        let money = matches!(sql_type, SqlType::Money | SqlType::SmallMoney);
        let (precision, scale) = if money { (19, 4) } else { (precision, scale) };
        let sql = format!(
            "decop('{symbol}', {}, {left_scale}, {}, {right_scale}, {precision}, {scale})",
            left.sql, right.sql
        );
        Ok(Typed::expression(sql, if money { sql_type } else { exact((precision, scale)) }))
    }
}

/// Beside a decimal a whole number that is written out has as many digits as it is written with, not the ten of an int
/// (general knowledge: 1.0 / 3 has six decimals).
fn literal_digits(expression: &Expr) -> Option<u8> {
    match expression {
        Expr::Integer(digits) => {
            let own = digits.trim_start_matches('0').len().max(1);
            u8::try_from(own).ok().filter(|own| *own <= decimal::DIGITS_MAX)
        }
        Expr::Negate(value) => literal_digits(value),
        _ => None,
    }
}

fn word(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Add => "add",
        BinaryOperator::Subtract => "subtract",
        BinaryOperator::Multiply => "multiply",
        BinaryOperator::Divide => "divide",
        BinaryOperator::Modulo => "modulo",
        BinaryOperator::BitAnd => "'&'",
        BinaryOperator::BitOr => "'|'",
        BinaryOperator::BitXor => "'^'",
    }
}

fn invalid_operand(operator: BinaryOperator, sql_type: SqlType) -> SqlError {
    let message = format!(
        "Operand data type {} is invalid for {} operator.",
        sql_type.name(),
        word(operator)
    );
    SqlError::new(8117, message)
}

/// Precision and scale of a result (documented table, with its cut at 38 digits).
fn result_digits(
    operator: BinaryOperator,
    left: (u8, u8),
    right: (u8, u8),
) -> Option<(&'static str, (u8, u8))> {
    let ((p1, s1), (p2, s2)) = (left, right);
    let (symbol, precision, scale) = match operator {
        BinaryOperator::Add | BinaryOperator::Subtract => {
            let scale = s1.max(s2);
            let symbol = if operator == BinaryOperator::Add { "+" } else { "-" };
            (symbol, (p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        BinaryOperator::Multiply => ("*", p1 + p2 + 1, s1 + s2),
        BinaryOperator::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            ("/", p1 - s1 + s2 + scale, scale)
        }
        BinaryOperator::Modulo => ("%", (p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2)),
        _ => return None,
    };
    if precision <= decimal::DIGITS_MAX {
        return Some((symbol, (precision.max(1), scale)));
    }
    // Documented: the whole part is kept, the scale shrinks to no less than min(scale, 6).
    let whole = precision - scale;
    let scale = if matches!(operator, BinaryOperator::Multiply | BinaryOperator::Divide) {
        scale.min(decimal::DIGITS_MAX.saturating_sub(whole)).max(scale.min(6))
    } else {
        scale.min(decimal::DIGITS_MAX.saturating_sub(whole))
    };
    Some((symbol, (decimal::DIGITS_MAX, scale)))
}

/// The type of two texts or binaries one after the other.
pub(super) fn joined_type(left: &Typed, right: &Typed) -> Result<SqlType> {
    let sql_type = common_type(left, right)?;
    let length = |typed: &Typed| {
        if typed.is_null {
            Length::Limited(1)
        } else {
            typed.sql_type.length().unwrap_or(Length::Limited(1))
        }
    };
    let (own, other) = (length(left), length(right));
    Ok(match sql_type {
        SqlType::NVarChar(_) | SqlType::NChar(_) => SqlType::NVarChar(own.joined(other, 4000)),
        SqlType::VarBinary(_) | SqlType::Binary(_) => SqlType::VarBinary(own.joined(other, 8000)),
        _ => SqlType::VarChar(own.joined(other, 8000)),
    })
}
