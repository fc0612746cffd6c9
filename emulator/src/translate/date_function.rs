//! Functions on dates and times.

use super::aggregate::{exactly, wrong_arguments};
use super::{Scope, Translator, Typed};
use crate::sql::ast::Expr;
use crate::sql::error::Result;
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType};

impl Translator<'_> {
    pub(super) fn date_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        if name == "EOMONTH" {
            return self.end_of_month(arguments, scope);
        }
        if name == "DATEFROMPARTS" {
            let parts = exactly::<3>(name, arguments)?;
            let mut sql = Vec::with_capacity(parts.len());
            for part in parts {
                let part = self.expression(part, scope)?;
                sql.push(self.as_bigint(part)?.sql);
            }
            return Ok(Typed::expression(format!("d_of({})", sql.join(", ")), SqlType::Date));
        }
        if matches!(name, "YEAR" | "MONTH" | "DAY") {
            let [value] = exactly::<1>(name, arguments)?;
            let value = self.as_date(value, scope)?;
            let part = name.to_ascii_lowercase();
            return Ok(Typed::expression(
                format!("d_part('{part}', {}, {})", value.sql, value.sql_type.code()),
                SqlType::Int,
            ));
        }
        let Some((part, rest)) = arguments.split_first() else {
            return Err(wrong_arguments(name, 2));
        };
        let part = self.expression(part, scope)?.sql;
        if let ("DATEPART" | "DATENAME", [value]) = (name, rest) {
            let value = self.as_date(value, scope)?;
            let (function, sql_type) = if name == "DATEPART" {
                ("d_part", SqlType::Int)
            } else {
                ("d_name", SqlType::NVarChar(Length::Limited(30)))
            };
            return Ok(Typed::expression(
                format!("{function}({part}, {}, {})", value.sql, value.sql_type.code()),
                sql_type,
            ));
        }
        let [first, second] = exactly::<2>(name, rest)?;
        if name == "DATEADD" {
            let count = self.expression(first, scope)?;
            let count = self.as_bigint(count)?.sql;
            let value = self.as_date(second, scope)?;
            let sql = format!("d_add({part}, {count}, {}, {})", value.sql, value.sql_type.code());
            return Ok(Typed::expression(sql, value.sql_type));
        }
        let (from, to) = (self.as_date(first, scope)?, self.as_date(second, scope)?);
        let sql = format!(
            "d_diff({part}, {}, {}, {}, {})",
            from.sql,
            from.sql_type.code(),
            to.sql,
            to.sql_type.code()
        );
        Ok(if name == "DATEDIFF" {
            Typed::expression(format!("fit({sql}, {})", SqlType::Int.code()), SqlType::Int)
        } else {
            Typed::expression(sql, SqlType::BigInt)
        })
    }

    /// A text is taken as datetime2 here, so that no digit is lost.
    fn as_date(&mut self, value: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        let value = self.expression(value, scope)?;
        match value.sql_type.family() {
            Family::Temporal => Ok(value),
            Family::Text => self.implicit(value, SqlType::DateTime2(7)),
            _ => self.implicit(value, SqlType::DateTime),
        }
    }

    /// The last day of the month of a date, some months on.
    fn end_of_month(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let (date, months) = match arguments {
            [date] => (date, "0".to_owned()),
            [date, months] => {
                let months = self.expression(months, scope)?;
                (date, self.as_bigint(months)?.sql)
            }
            _ => return Err(wrong_arguments("EOMONTH", 2)),
        };
        let date = self.as_date(date, scope)?;
        let date = self.implicit(date, SqlType::Date)?.sql;
        let code = SqlType::Date.code();
        // The first of the month, a month further, one day back.
        let first = format!("d_add('day', 1 - d_part('day', {date}, {code}), {date}, {code})");
        let next = format!("d_add('month', {months} + 1, {first}, {code})");
        Ok(Typed::expression(format!("d_add('day', -1, {next}, {code})"), SqlType::Date))
    }
}
