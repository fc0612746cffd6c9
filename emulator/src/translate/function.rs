//! Functions by name.

use super::aggregate::{exactly, wrong_arguments};
use super::grouping::is_aggregate;
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Call, Comparison, Expr};
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType};

impl Translator<'_> {
    pub(super) fn call(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let name = call.name.as_str();
        if is_aggregate(name) {
            return self.aggregate(call, scope);
        }
        if matches!(
            name,
            "ROW_NUMBER" | "RANK" | "DENSE_RANK" | "NTILE" | "PERCENT_RANK" | "CUME_DIST"
        ) {
            return self.ranking(call, scope);
        }
        if matches!(name, "LAG" | "LEAD" | "FIRST_VALUE" | "LAST_VALUE") {
            return self.offset_function(call, scope);
        }
        if call.over.is_some() || !call.within_group.is_empty() || call.star || call.distinct {
            return Err(SqlError::unsupported(name));
        }
        let arguments = &call.arguments[..];
        match name {
            "ISNULL" => self.is_null(arguments, scope),
            "COALESCE" => self.coalesce(arguments, scope),
            "NULLIF" => self.null_if(arguments, scope),
            "CONCAT" => self.concat(arguments, scope),
            "CONCAT_WS" => self.concat_with_separator(arguments, scope),
            "CHOOSE" => self.choose(arguments, scope),
            "GREATEST" | "LEAST" => self.extreme(name, arguments, scope),
            "EXP" | "LOG" | "LOG10" | "SQUARE" | "PI" => {
                self.float_function(name, arguments, scope)
            }
            "JSON_VALUE" | "JSON_QUERY" | "ISJSON" => self.json_function(name, arguments, scope),
            "ABS" | "CEILING" | "FLOOR" | "ROUND" | "SIGN" | "SQRT" | "POWER" => {
                self.mathematics(name, arguments, scope)
            }
            "HASHBYTES" => self.hash_bytes(arguments, scope),
            "DATEADD" | "DATEDIFF" | "DATEDIFF_BIG" | "DATEPART" | "DATENAME" | "YEAR"
            | "MONTH" | "DAY" | "EOMONTH" | "DATEFROMPARTS" => {
                self.date_function(name, arguments, scope)
            }
            _ => match self.session_function(name, arguments, scope)? {
                Some(typed) => Ok(typed),
                None => self.text_or_metadata(name, arguments, scope),
            },
        }
    }

    fn text_or_metadata(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        if let Some(typed) = self.text_function(name, arguments, scope)? {
            return Ok(typed);
        }
        if let Some(typed) = self.metadata_function(name, arguments, scope)? {
            return Ok(typed);
        }
        // Documented text of 195, which is also what SQL Server says to a function that it has not.
        Err(SqlError::new(195, format!("'{name}' is not a recognized built-in function name."))
            .class(15)
            .state(10))
    }

    /// The type of the first argument; never NULL when the second never is (observed, probed.md 8).
    fn is_null(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let [value, instead] = exactly::<2>("ISNULL", arguments)?;
        let (value, instead) = (self.expression(value, scope)?, self.expression(instead, scope)?);
        if value.is_null {
            return Ok(instead.derived());
        }
        let sql_type = value.sql_type;
        let instead = self.implicit(instead, sql_type)?;
        let nullable = value.nullable && instead.nullable;
        let sql = format!("ifnull({}, {})", value.sql, instead.sql);
        Ok(Typed { sql, nullable, ..value.derived() })
    }

    fn coalesce(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        if arguments.len() < 2 {
            return Err(wrong_arguments("COALESCE", 2));
        }
        let values = arguments
            .iter()
            .map(|value| self.expression(value, scope))
            .collect::<Result<Vec<_>>>()?;
        let nullable = values.iter().all(|value| value.nullable || value.is_null);
        let (values, sql_type, _) = self.alternatives(values)?;
        let sql: Vec<String> = values.into_iter().map(|value| value.sql).collect();
        Ok(Typed {
            nullable,
            ..Typed::expression(format!("coalesce({})", sql.join(", ")), sql_type)
        })
    }

    fn null_if(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let [value, other] = exactly::<2>("NULLIF", arguments)?;
        let equal = self.compare(Comparison::Equal, value, other, scope)?;
        let value = self.expression(value, scope)?;
        let sql = format!("(CASE WHEN {equal} THEN NULL ELSE {} END)", value.sql);
        Ok(Typed { sql, nullable: true, ..value.derived() })
    }

    fn concat(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        if arguments.len() < 2 {
            return Err(too_few("concat", 2));
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let typed = self.expression(argument, scope)?;
            values.push(self.as_text(typed)?);
        }
        let national = values.iter().any(|value| value.sql_type.is_national() && !value.is_null);
        let limit = if national { 4000 } else { 8000 };
        let length = values.iter().fold(Length::Limited(0), |length, value| {
            length.joined(value.sql_type.length().unwrap_or(Length::Limited(1)), limit)
        });
        let sql: Vec<String> =
            values.iter().map(|value| format!("ifnull({}, '')", value.sql)).collect();
        let sql_type = if national { SqlType::NVarChar(length) } else { SqlType::VarChar(length) };
        Ok(Typed::expression(format!("({})", sql.join(" || ")), sql_type).not_null())
    }

    /// NULLs and their separators are left out; a separator that is NULL is empty (documented).
    fn concat_with_separator(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let [separator, rest @ ..] = arguments else {
            return Err(too_few("concat_ws", 3));
        };
        if rest.len() < 2 {
            return Err(too_few("concat_ws", 3));
        }
        let whole = self.concat(rest, scope)?;
        let separator = self.expression(separator, scope)?;
        let separator = self.as_text(separator)?;
        let national = whole.sql_type.is_national() || separator.sql_type.is_national();
        let mut parts = vec![format!("ifnull({}, '')", separator.sql)];
        for argument in rest {
            let typed = self.expression(argument, scope)?;
            parts.push(self.as_text(typed)?.sql);
        }
        let sql_type = match (whole.sql_type.length(), national) {
            (Some(Length::Max), true) => SqlType::NVarChar(Length::Max),
            (Some(Length::Max), false) => SqlType::VarChar(Length::Max),
            (_, true) => SqlType::NVarChar(Length::Limited(4000)),
            (_, false) => SqlType::VarChar(Length::Limited(8000)),
        };
        Ok(Typed::expression(format!("concat_ws({})", parts.join(", ")), sql_type).not_null())
    }

    fn choose(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let [index, rest @ ..] = arguments else {
            return Err(wrong_arguments("CHOOSE", 2));
        };
        if rest.is_empty() {
            return Err(wrong_arguments("CHOOSE", 2));
        }
        let index = self.expression(index, scope)?;
        let index = self.implicit(index, SqlType::Int)?.sql;
        let values =
            rest.iter().map(|value| self.expression(value, scope)).collect::<Result<Vec<_>>>()?;
        let (values, sql_type, _) = self.alternatives(values)?;
        let whens: Vec<String> = (1..)
            .zip(&values)
            .map(|(at, value): (usize, &Typed)| format!("WHEN {at} THEN {}", value.sql))
            .collect();
        Ok(Typed::expression(format!("(CASE {index} {} END)", whens.join(" ")), sql_type))
    }

    /// GREATEST and LEAST pass over NULLs (documented).
    fn extreme(&mut self, name: &str, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        if arguments.is_empty() {
            return Err(wrong_arguments(name, 1));
        }
        let values = arguments
            .iter()
            .map(|value| self.expression(value, scope))
            .collect::<Result<Vec<_>>>()?;
        let (values, sql_type, _) = self.alternatives(values)?;
        if matches!(sql_type.family(), Family::Exact) {
            return Err(SqlError::unsupported(format!("{name} of {}", sql_type.name())));
        }
        let rows: Vec<String> =
            values.iter().map(|value| format!("SELECT {} AS column1", value.sql)).collect();
        let function = if name == "GREATEST" { "max" } else { "min" };
        let column = Typed::expression("column1", sql_type).collated();
        let sql = format!("(SELECT {function}({column}) FROM ({}))", rows.join(" UNION ALL "));
        Ok(Typed::expression(sql, sql_type))
    }

    fn float_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        if name == "PI" {
            let [] = exactly::<0>(name, arguments)?;
            return Ok(Typed::expression("pi()", SqlType::Float).not_null());
        }
        let [value] = exactly::<1>(name, arguments)?;
        let value = self.expression(value, scope)?;
        let value = self.implicit(value, SqlType::Float)?.sql;
        let sql = match name {
            "SQUARE" => format!("({value} * {value})"),
            "EXP" => format!("exp({value})"),
            "LOG" => format!("ln({value})"),
            _ => format!("log10({value})"),
        };
        Ok(Typed::expression(sql, SqlType::Float))
    }

    fn mathematics(&mut self, name: &str, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let Some((value, rest)) = arguments.split_first() else {
            return Err(wrong_arguments(name, 1));
        };
        let mut value = self.expression(value, scope)?;
        if value.sql_type.is_text() {
            value = self.implicit(value, SqlType::Float)?;
        }
        let (sql, sql_type) = (value.sql.clone(), value.sql_type);
        let digits = match (name, rest) {
            ("ROUND" | "POWER", [digits]) => {
                let typed = self.expression(digits, scope)?;
                Some(if name == "ROUND" {
                    self.as_bigint(typed)?.sql
                } else {
                    self.implicit(typed, SqlType::Float)?.sql
                })
            }
            (_, []) if !matches!(name, "ROUND" | "POWER") => None,
            _ => return Err(wrong_arguments(name, 1)),
        };
        let digits = digits.unwrap_or_default();
        let result = match (name, sql_type.family()) {
            ("SQRT", _) => Typed::expression(
                format!("sqrt({})", self.implicit(value, SqlType::Float)?.sql),
                SqlType::Float,
            ),
            ("POWER", Family::Approximate) => {
                Typed::expression(format!("pow({sql}, {digits})"), SqlType::Float)
            }
            ("POWER", Family::Integer) => {
                let float = format!("CAST(pow({sql}, {digits}) AS INTEGER)");
                Typed::expression(format!("fit({float}, {})", sql_type.code()), sql_type)
            }
            ("ABS", Family::Integer) => {
                Typed::expression(format!("fit(abs({sql}), {})", sql_type.code()), sql_type)
            }
            ("ABS", Family::Approximate) => Typed::expression(format!("abs({sql})"), sql_type),
            ("FLOOR", Family::Approximate) => Typed::expression(format!("floor({sql})"), sql_type),
            ("CEILING", Family::Approximate) => Typed::expression(format!("ceil({sql})"), sql_type),
            ("ROUND", Family::Approximate) => {
                Typed::expression(format!("fround({sql}, {digits})"), sql_type)
            }
            ("FLOOR" | "CEILING", Family::Integer) => value.derived(),
            ("SIGN", Family::Integer | Family::Approximate) => {
                Typed::expression(format!("sign({sql})"), sql_type)
            }
            ("ABS" | "FLOOR" | "CEILING" | "ROUND", Family::Exact) => {
                let kind = name.to_ascii_lowercase();
                let digits = if digits.is_empty() { "0".to_owned() } else { digits };
                let sql = format!("decround('{kind}', {sql}, {}, {digits})", sql_type.scale());
                Typed::expression(sql, sql_type)
            }
            _ => {
                return Err(SqlError::unsupported(format!("{name} of {}", sql_type.name())));
            }
        };
        Ok(result)
    }

    fn hash_bytes(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let [algorithm, value] = exactly::<2>("HASHBYTES", arguments)?;
        let (algorithm, value) =
            (self.expression(algorithm, scope)?, self.expression(value, scope)?);
        let sql = format!("h_bytes({}, {}, {})", algorithm.sql, value.sql, value.sql_type.code());
        Ok(Typed::expression(sql, SqlType::VarBinary(Length::Limited(8000))))
    }
}

/// 189.
fn too_few(function: &str, least: usize) -> SqlError {
    let message = format!("The {function} function requires {least} to 254 arguments.");
    SqlError::new(189, message).class(15)
}
