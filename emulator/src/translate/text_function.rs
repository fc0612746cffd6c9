//! Functions on texts.

use super::aggregate::wrong_arguments;
use super::{Scope, Translator, Typed};
use crate::sql::ast::Expr;
use crate::sql::error::Result;
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType};

/// What an argument is taken as.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
}

impl Translator<'_> {
    /// `None`: no function on texts.
    pub(super) fn text_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>> {
        use Kind::{Number, Text};
        let (function, kinds): (&str, &[Kind]) = match name {
            "LEN" => ("t_len", &[Text]),
            "UPPER" => ("t_upper", &[Text]),
            "LOWER" => ("t_lower", &[Text]),
            "LTRIM" => ("t_ltrim", &[Text]),
            "RTRIM" => ("t_rtrim", &[Text]),
            "TRIM" => ("t_trim", &[Text]),
            "REVERSE" => ("t_reverse", &[Text]),
            "LEFT" => ("t_left", &[Text, Number]),
            "RIGHT" => ("t_right", &[Text, Number]),
            "SUBSTRING" => ("t_substring", &[Text, Number, Number]),
            "REPLACE" => ("t_replace", &[Text, Text, Text]),
            "REPLICATE" => ("t_replicate", &[Text, Number]),
            "STUFF" => ("t_stuff", &[Text, Number, Number, Text]),
            "CHARINDEX" => ("t_charindex", &[Text, Text, Number]),
            "NCHAR" => ("t_nchar", &[Number]),
            "CHAR" => ("t_char", &[Number]),
            "UNICODE" => ("t_unicode", &[Text]),
            "ASCII" => ("t_ascii", &[Text]),
            "QUOTENAME" => ("t_quotename", &[Text, Text]),
            "STRING_ESCAPE" => ("t_escape", &[Text]),
            "SPACE" => ("t_replicate", &[Number]),
            "DATALENGTH" => return self.data_length(arguments, scope).map(Some),
            _ => return Ok(None),
        };
        let mut values = Vec::with_capacity(kinds.len());
        if arguments.len() > kinds.len() && name != "STRING_ESCAPE" {
            return Err(wrong_arguments(name, kinds.len()));
        }
        for (argument, kind) in arguments.iter().zip(kinds) {
            let typed = self.expression(argument, scope)?;
            if name == "SUBSTRING" && values.is_empty() && typed.sql_type.family() == Family::Binary
            {
                return self.binary_substring(&typed, &arguments[1..], scope).map(Some);
            }
            values.push(match kind {
                Text => self.as_text(typed)?,
                Number => self.as_bigint(typed)?,
            });
        }
        let mut sql: Vec<String> = values.iter().map(|value| value.sql.clone()).collect();
        match (name, arguments.len()) {
            ("QUOTENAME", 1) => sql.push("'['".to_owned()),
            ("CHARINDEX", 2) => sql.push("1".to_owned()),
            ("SPACE", 1) => sql.insert(0, "' '".to_owned()),
            ("STRING_ESCAPE", 2) => {}
            (_, given) if given != kinds.len() || name == "STRING_ESCAPE" => {
                return Err(wrong_arguments(name, kinds.len()));
            }
            _ => {}
        }
        let sql_type = result_type(name, &values);
        let call = format!("{function}({})", sql.join(", "));
        let sql = match sql_type.length() {
            // Documented: without a (max) type the result ends at 8000 bytes.
            Some(Length::Limited(limit)) if name == "REPLICATE" => {
                format!("t_left({call}, {limit})")
            }
            _ => call,
        };
        Ok(Some(Typed::expression(sql, sql_type)))
    }

    fn data_length(&mut self, arguments: &[Expr], scope: &Scope<'_>) -> Result<Typed> {
        let [value] = super::aggregate::exactly::<1>("DATALENGTH", arguments)?;
        let value = self.expression(value, scope)?;
        // Documented: bigint for (max) types, int otherwise.
        let sql_type = if value.sql_type.length() == Some(Length::Max) {
            SqlType::BigInt
        } else {
            SqlType::Int
        };
        Ok(Typed::expression(
            format!("t_datalength({}, {})", value.sql, value.sql_type.code()),
            sql_type,
        ))
    }

    fn binary_substring(
        &mut self,
        value: &Typed,
        rest: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let [start, length] = super::aggregate::exactly::<2>("SUBSTRING", rest)?;
        let start = self.expression(start, scope)?;
        let start = self.as_bigint(start)?.sql;
        let length = self.expression(length, scope)?;
        let length = self.as_bigint(length)?.sql;
        let sql_type = SqlType::VarBinary(value.sql_type.length().unwrap_or(Length::Max));
        Ok(Typed::expression(format!("t_binsub({}, {start}, {length})", value.sql), sql_type))
    }
}

fn result_type(name: &str, values: &[Typed]) -> SqlType {
    let first = values.first().map_or(SqlType::NTEXT_MAX, |value| value.sql_type);
    let own = first.length().unwrap_or(Length::Max);
    let varying = |length: Length| {
        if first.is_national() { SqlType::NVarChar(length) } else { SqlType::VarChar(length) }
    };
    let widest = if first.is_national() { Length::Limited(4000) } else { Length::Limited(8000) };
    let grown = if own == Length::Max { Length::Max } else { widest };
    match name {
        // Documented: bigint for (max) types, int otherwise.
        "LEN" | "CHARINDEX" => {
            let long = values.iter().any(|value| value.sql_type.length() == Some(Length::Max));
            if long { SqlType::BigInt } else { SqlType::Int }
        }
        "UNICODE" | "ASCII" => SqlType::Int,
        "NCHAR" => SqlType::NChar(1),
        "CHAR" => SqlType::Char(1),
        "QUOTENAME" => SqlType::NVarChar(Length::Limited(258)),
        "STRING_ESCAPE" => SqlType::NTEXT_MAX,
        "SPACE" => SqlType::VarChar(Length::Limited(8000)),
        "REPLACE" | "REPLICATE" | "STUFF" => varying(grown),
        _ => varying(own),
    }
}
