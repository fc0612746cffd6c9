//! OPENJSON over `SQLite`'s `json_each`, and the scalar JSON functions.

use super::scope::{Source, SourceColumn};
use super::source::{add, push};
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Expr, JsonColumn};
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType, Value};

impl Translator<'_> {
    pub(super) fn open_json(
        &mut self,
        json: &Expr,
        path: Option<&Expr>,
        columns: &[JsonColumn],
        alias: Option<&str>,
        scope: &mut Scope<'_>,
        joined: bool,
    ) -> Result<String> {
        let json = self.expression(json, scope)?;
        let json = self.as_text(json)?.sql;
        let path = match path {
            Some(path) => format!(", {}", self.json_path(path, scope)?),
            None => String::new(),
        };
        let sql_alias = self.alias();
        let name = alias.unwrap_or("OPENJSON");
        if columns.is_empty() {
            default_columns(name, &sql_alias, scope, joined)?;
            return Ok(format!("json_each({json}{path}) AS {sql_alias}"));
        }
        let mut found = Vec::with_capacity(columns.len());
        for column in columns {
            let value = json_column(column, &sql_alias)?;
            found.push(SourceColumn { name: column.name.clone(), value, hidden: false });
        }
        let source = Source {
            name: name.to_owned(),
            alias: sql_alias.clone(),
            columns: found,
            joined,
            ..Source::default()
        };
        add(scope, source)?;
        // With a schema an object is one row, not one row per member (documented).
        if path.is_empty() {
            let whole = format!(
                "CASE json_type({json}) WHEN 'object' THEN json_array(json({json})) ELSE {json} END"
            );
            return Ok(format!("json_each({whole}) AS {sql_alias}"));
        }
        Ok(format!("json_each({json}{path}) AS {sql_alias}"))
    }

    /// A path as `SQLite` takes it: `lax` is the default, `strict` is refused.
    fn json_path(&mut self, path: &Expr, scope: &Scope<'_>) -> Result<String> {
        if let Expr::Text { value, .. } = path {
            let path = lax(&String::from_utf8_lossy(value))?;
            return Ok(super::literal::literal_sql(&Value::Text(path.into_bytes())));
        }
        let typed = self.expression(path, scope)?;
        Ok(self.as_text(typed)?.sql)
    }

    /// `JSON_VALUE`, `JSON_QUERY`, ISJSON.
    pub(super) fn json_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let Some((json, rest)) = arguments.split_first() else {
            return Err(super::aggregate::wrong_arguments(name, 1));
        };
        let json = self.expression(json, scope)?;
        let json = self.as_text(json)?.sql;
        if name == "ISJSON" {
            // Documented: 1 for an object or array, 0 for anything else.
            let sql = format!(
                "CASE WHEN {json} IS NULL THEN NULL WHEN json_valid({json}) THEN json_type({json}) IN ('object', 'array') \
                 ELSE 0 END"
            );
            return Ok(Typed::expression(format!("({sql})"), SqlType::Int));
        }
        let path = match rest {
            [] if name == "JSON_QUERY" => "'$'".to_owned(),
            [path] => self.json_path(path, scope)?,
            _ => return Err(super::aggregate::wrong_arguments(name, 2)),
        };
        let (kind, value) =
            (format!("json_type({json}, {path})"), format!("json_extract({json}, {path})"));
        if name == "JSON_QUERY" {
            let sql = format!("(CASE WHEN {kind} IN ('object', 'array') THEN {value} END)");
            return Ok(Typed::expression(sql, SqlType::NTEXT_MAX));
        }
        let sql_type = SqlType::NVarChar(Length::Limited(4000));
        Ok(Typed::expression(format!("({})", scalar_text(&kind, &value)), sql_type))
    }
}

fn json_column(column: &JsonColumn, alias: &str) -> Result<Typed> {
    let path = match &column.path {
        Some(path) => lax(path)?,
        None => format!("$.\"{}\"", column.name),
    };
    let (kind, value) = if path == "$" {
        (format!("{alias}.type"), format!("{alias}.value"))
    } else {
        let path = super::literal::literal_sql(&Value::Text(path.into_bytes()));
        // Only an object or array has members; json_extract of a plain text would fail.
        let inner = format!("CASE WHEN {alias}.type IN ('object', 'array') THEN {alias}.value END");
        (format!("json_type({inner}, {path})"), format!("json_extract({inner}, {path})"))
    };
    if column.as_json {
        let sql = format!("CASE WHEN {kind} IN ('object', 'array') THEN {value} END");
        return Ok(Typed::expression(sql, SqlType::NTEXT_MAX));
    }
    let text = scalar_text(&kind, &value);
    let (from, to) = (SqlType::NTEXT_MAX.code(), column.sql_type.code());
    let sql = match column.sql_type.family() {
        Family::Integer if column.sql_type != SqlType::Bit => {
            format!(
                "CASE WHEN {kind} = 'integer' THEN fit({value}, {to}) ELSE conv({text}, {from}, {to}, 0) END"
            )
        }
        _ if column.sql_type == SqlType::NTEXT_MAX => text,
        _ => format!("conv({text}, {from}, {to}, 0)"),
    };
    Ok(Typed::expression(sql, column.sql_type))
}

/// The text of a JSON scalar; NULL for objects and arrays.
fn scalar_text(kind: &str, value: &str) -> String {
    format!(
        "CASE {kind} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'object' THEN NULL WHEN 'array' THEN NULL \
         ELSE CAST({value} AS TEXT) END"
    )
}

fn lax(path: &str) -> Result<String> {
    let path = path.trim();
    if path.to_ascii_lowercase().starts_with("strict") {
        return Err(SqlError::unsupported("strict"));
    }
    let path = path.strip_prefix("lax").map_or(path, str::trim_start);
    match misplaced(path) {
        None => Ok(path.to_owned()),
        Some(at) => {
            // Documented: 13607.
            let message = format!(
                "JSON path is not properly formatted. Unexpected character '{}' is found at position {at}.",
                path.chars().nth(at).unwrap_or('.')
            );
            Err(SqlError::new(13607, message).state(4))
        }
    }
}

/// Where a path stops being `$`, `.name`, `."name"`, `[index]`.
fn misplaced(path: &str) -> Option<usize> {
    let letters: Vec<char> = path.chars().collect();
    if letters.first() != Some(&'$') {
        return Some(0);
    }
    let mut at = 1;
    while at < letters.len() {
        let rest = &letters[at + 1..];
        let length =
            |belongs: fn(&char) -> bool| rest.iter().take_while(|own| belongs(own)).count();
        at += match (letters[at], rest.first()) {
            ('.', Some('"')) => 3 + rest[1..].iter().position(|own| *own == '"')?,
            ('.', _) => 1 + length(|own| own.is_alphanumeric() || matches!(own, '_' | '$')),
            ('[', _) => {
                let digits = length(char::is_ascii_digit);
                if digits == 0 || rest.get(digits) != Some(&']') {
                    return Some(at + 1 + digits);
                }
                digits + 2
            }
            _ => return Some(at),
        };
        if letters[at - 1] == '.' {
            return Some(at);
        }
    }
    None
}

/// Without a schema: key, value, type (documented).
fn default_columns(name: &str, alias: &str, scope: &mut Scope<'_>, joined: bool) -> Result<()> {
    let columns: [(&str, String, SqlType); 3] = [
        ("key", format!("CAST({alias}.key AS TEXT)"), SqlType::NVarChar(Length::Limited(4000))),
        (
            "value",
            format!(
                "CASE {alias}.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST({alias}.value AS TEXT) END"
            ),
            SqlType::NTEXT_MAX,
        ),
        (
            "type",
            format!(
                "CASE {alias}.type WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'integer' THEN 2 WHEN 'real' THEN 2 \
                 WHEN 'true' THEN 3 WHEN 'false' THEN 3 WHEN 'array' THEN 4 ELSE 5 END"
            ),
            SqlType::TinyInt,
        ),
    ];
    push(scope, name, alias, "", &[], joined)?;
    if let Some(source) = scope.sources.last_mut() {
        source.columns = columns
            .into_iter()
            .map(|(name, sql, sql_type)| SourceColumn {
                name: name.to_owned(),
                value: Typed::expression(sql, sql_type),
                hidden: false,
            })
            .collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_path_is_names_and_indexes_or_13607() {
        for path in ["$", "$.a", "$.a.b[0][12].c", "$.\"a b\".c", "lax $.a"] {
            assert!(lax(path).is_ok(), "{path}");
        }
        for (path, at) in
            [("a", 0), ("$a", 1), ("$.a..b", 4), ("$.a.", 4), ("$[x]", 2), ("$[1", 3), ("$.a b", 3)]
        {
            let refused = lax(path).unwrap_err();
            assert_eq!(refused.number, 13607);
            assert!(refused.message.ends_with(&format!("at position {at}.")), "{path}: {refused}");
        }
    }
}
