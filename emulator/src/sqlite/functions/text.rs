//! Functions on texts. Lengths and positions count UTF-16 units, as SQL Server does.

#![expect(clippy::unnecessary_wraps, reason = "all are registered as functions that may fail")]

use rusqlite::Connection;

use super::{Arguments, pure, text_value};
use crate::sql::error::{Result, SqlError};
use crate::values::{SqlType, Value, wtf8};

type Function = fn(&Arguments<'_>) -> Result<Value>;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let simple: [(&str, i32, Function); 22] = [
        ("t_len", 1, |call| {
            Ok(number(call.text(0).map(|text| wtf8::utf16_len(wtf8::trim_end(text)))))
        }),
        ("t_datalength", 2, data_length),
        ("t_upper", 1, |call| Ok(mapped(call, str::to_uppercase))),
        ("t_lower", 1, |call| Ok(mapped(call, str::to_lowercase))),
        ("t_substring", 3, substring),
        ("t_left", 2, |call| slice(call, 0)),
        ("t_right", 2, right),
        ("t_replace", 3, replace),
        ("t_replicate", 2, replicate),
        ("t_charindex", 3, char_index),
        ("t_ltrim", 1, |call| Ok(bytes(call.text(0).map(trim_start)))),
        ("t_rtrim", 1, |call| Ok(bytes(call.text(0).map(wtf8::trim_end)))),
        ("t_trim", 1, |call| Ok(bytes(call.text(0).map(|text| trim_start(wtf8::trim_end(text)))))),
        ("t_reverse", 1, reverse),
        ("t_stuff", 4, stuff),
        ("t_nchar", 1, |call| Ok(character(call, 0x1_0000))),
        ("t_char", 1, |call| Ok(character(call, 0x100))),
        ("t_unicode", 1, |call| Ok(unicode(call))),
        ("t_ascii", 1, |call| {
            Ok(call
                .text(0)
                .and_then(|text| wtf8::to_cp1252(text).first().copied())
                .map_or(Value::Null, |byte| Value::Int(i64::from(byte))))
        }),
        ("t_quotename", 2, quote_name),
        ("t_like", 3, like),
        ("t_escape", 1, |call| {
            Ok(call.string(0).map_or(Value::Null, |text| text_value(json_escape(&text))))
        }),
    ];
    for (name, arity, function) in simple {
        pure(connection, name, arity, function)?;
    }
    pure(connection, "t_binsub", 3, binary_substring)?;
    // Text that generated SQL cannot hold as a literal: NUL or lone surrogates.
    pure(connection, "t_raw", 1, |call| {
        Ok(call.bytes(0).map_or(Value::Null, |text| Value::Text(text.to_vec())))
    })
}

fn number(length: Option<usize>) -> Value {
    length.and_then(|length| i64::try_from(length).ok()).map_or(Value::Null, Value::Int)
}

fn bytes(text: Option<&[u8]>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_vec()))
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte != b' ').unwrap_or(text.len());
    &text[start..]
}

fn mapped(call: &Arguments<'_>, map: impl Fn(&str) -> String) -> Value {
    match call.text(0).map(std::str::from_utf8) {
        None => Value::Null,
        Some(Ok(text)) => text_value(map(text)),
        // A lone surrogate has no case; the rest is ASCII enough.
        Some(Err(_)) => call.value(0),
    }
}

fn data_length(call: &Arguments<'_>) -> Result<Value> {
    let sql_type = call.sql_type(1)?;
    Ok(match call.value(0) {
        Value::Null => Value::Null,
        Value::Text(text) => {
            let units = wtf8::utf16_len(&text);
            number(Some(if sql_type.is_national() { units * 2 } else { units }))
        }
        Value::Bytes(bytes) if matches!(sql_type, SqlType::Binary(_) | SqlType::VarBinary(_)) => {
            number(Some(bytes.len()))
        }
        _ => Value::Int(match sql_type {
            SqlType::Bit | SqlType::TinyInt => 1,
            SqlType::SmallInt => 2,
            SqlType::Date => 3,
            SqlType::Int | SqlType::Real | SqlType::SmallMoney | SqlType::SmallDateTime => 4,
            SqlType::UniqueIdentifier => 16,
            SqlType::Decimal { precision, .. } => match precision {
                0..=9 => 5,
                10..=19 => 9,
                20..=28 => 13,
                _ => 17,
            },
            SqlType::Time(scale) => i64::from(crate::values::calendar::time_bytes(scale)),
            SqlType::DateTime2(scale) => i64::from(crate::values::calendar::time_bytes(scale)) + 3,
            SqlType::DateTimeOffset(scale) => {
                i64::from(crate::values::calendar::time_bytes(scale)) + 5
            }
            _ => 8,
        }),
    })
}

/// A length argument; negative ones are refused (documented, 537).
fn length_argument(call: &Arguments<'_>, at: usize, function: &str) -> Result<usize> {
    let value = call.int(at).unwrap_or(0);
    usize::try_from(value).map_err(|_| {
        let message = format!("Invalid length parameter passed to the {function} function.");
        SqlError::new(537, message).state(3)
    })
}

fn substring(call: &Arguments<'_>) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let length = length_argument(call, 2, "LEFT or SUBSTRING")?;
    let (start, count) = window(call.int(1).unwrap_or(1), length);
    Ok(call.text(0).map_or(Value::Null, |text| Value::Text(wtf8::utf16_slice(text, start, count))))
}

/// From a 1-based start that may lie before the text (documented) to a 0-based one.
fn window(start: i64, length: usize) -> (usize, usize) {
    let before = usize::try_from((1 - start).max(0)).unwrap_or(usize::MAX);
    let from = usize::try_from((start - 1).max(0)).unwrap_or(usize::MAX);
    (from, length.saturating_sub(before))
}

fn binary_substring(call: &Arguments<'_>) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let length = length_argument(call, 2, "LEFT or SUBSTRING")?;
    let (start, count) = window(call.int(1).unwrap_or(1), length);
    let bytes = call.bytes(0).unwrap_or_default();
    let from = start.min(bytes.len());
    Ok(Value::Bytes(bytes[from..from.saturating_add(count).min(bytes.len())].to_vec()))
}

fn slice(call: &Arguments<'_>, start: usize) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let length = length_argument(call, 1, "LEFT or SUBSTRING")?;
    Ok(call.text(0).map_or(Value::Null, |text| Value::Text(wtf8::utf16_slice(text, start, length))))
}

fn right(call: &Arguments<'_>) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let length = length_argument(call, 1, "RIGHT")?;
    let text = call.text(0).unwrap_or_default();
    let start = wtf8::utf16_len(text).saturating_sub(length);
    Ok(Value::Text(wtf8::utf16_slice(text, start, length)))
}

/// Positions at which `wanted` occurs in `text` without case.
fn find(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    if wanted.is_empty() || wanted.len() > text.len() {
        return None;
    }
    (from..=text.len() - wanted.len())
        .find(|at| text[*at..*at + wanted.len()].eq_ignore_ascii_case(wanted))
}

fn replace(call: &Arguments<'_>) -> Result<Value> {
    let (Some(text), Some(wanted), Some(with)) = (call.text(0), call.text(1), call.text(2)) else {
        return Ok(Value::Null);
    };
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(found) = find(text, wanted, at) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(with);
        at = found + wanted.len();
    }
    out.extend_from_slice(&text[at..]);
    Ok(Value::Text(out))
}

/// The longest text that REPLICATE makes.
const BYTES_MAX: usize = 1 << 30;

fn replicate(call: &Arguments<'_>) -> Result<Value> {
    let (Some(text), Some(count)) = (call.text(0), call.int(1)) else {
        return Ok(Value::Null);
    };
    let Ok(count) = usize::try_from(count) else {
        return Ok(Value::Null);
    };
    if text.len().saturating_mul(count) > BYTES_MAX {
        return Err(SqlError::new(8152, "String or binary data would be truncated."));
    }
    Ok(Value::Text(text.repeat(count)))
}

fn char_index(call: &Arguments<'_>) -> Result<Value> {
    let (Some(wanted), Some(text)) = (call.text(0), call.text(1)) else {
        return Ok(Value::Null);
    };
    let start = usize::try_from((call.int(2).unwrap_or(1) - 1).max(0)).unwrap_or(0);
    let head = wtf8::utf16_slice(text, 0, start).len();
    Ok(number(Some(match find(text, wanted, head) {
        Some(at) => wtf8::utf16_len(&text[..at]) + 1,
        None => 0,
    })))
}

fn reverse(call: &Arguments<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else {
        return Ok(Value::Null);
    };
    let points: Vec<u32> = wtf8::points(text).collect();
    let mut out = Vec::with_capacity(text.len());
    for point in points.into_iter().rev() {
        wtf8::push_point(&mut out, point);
    }
    Ok(Value::Text(out))
}

fn stuff(call: &Arguments<'_>) -> Result<Value> {
    let (Some(text), Some(start), Some(length)) = (call.text(0), call.int(1), call.int(2)) else {
        return Ok(Value::Null);
    };
    let units = wtf8::utf16_len(text);
    let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
        return Ok(Value::Null);
    };
    if start == 0 || start > units {
        return Ok(Value::Null);
    }
    let mut out = wtf8::utf16_slice(text, 0, start - 1);
    out.extend_from_slice(call.text(3).unwrap_or_default());
    out.extend(wtf8::utf16_slice(text, (start - 1).saturating_add(length), usize::MAX));
    Ok(Value::Text(out))
}

fn character(call: &Arguments<'_>, limit: i64) -> Value {
    match call.int(0) {
        Some(point) if (0..limit).contains(&point) => {
            let mut out = Vec::new();
            if limit == 0x100 {
                out = wtf8::from_cp1252(&[u8::try_from(point).unwrap_or(0)]);
            } else {
                wtf8::push_point(&mut out, u32::try_from(point).unwrap_or(0));
            }
            Value::Text(out)
        }
        _ => Value::Null,
    }
}

fn unicode(call: &Arguments<'_>) -> Value {
    let Some(text) = call.text(0) else {
        return Value::Null;
    };
    let mut units = Vec::new();
    wtf8::write_utf16le(&wtf8::utf16_slice(text, 0, 1), &mut units);
    match units[..] {
        [low, high, ..] => Value::Int(i64::from(u16::from_le_bytes([low, high]))),
        _ => Value::Null,
    }
}

fn quote_name(call: &Arguments<'_>) -> Result<Value> {
    let Some(text) = call.string(0) else {
        return Ok(Value::Null);
    };
    let (open, close) = match call.text(1) {
        Some(b"'") => ('\'', '\''),
        Some(b"\"") => ('"', '"'),
        Some(b"(" | b")") => ('(', ')'),
        Some(b"[" | b"]") => ('[', ']'),
        _ => return Ok(Value::Null),
    };
    // Documented: NULL for more than 128 characters.
    if text.encode_utf16().count() > 128 {
        return Ok(Value::Null);
    }
    let doubled = text.replace(close, &format!("{close}{close}"));
    Ok(text_value(format!("{open}{doubled}{close}")))
}

fn json_escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].replace('/', "\\/")
}

/// LIKE without case; `escape` may be NULL.
fn like(call: &Arguments<'_>) -> Result<Value> {
    let (Some(text), Some(pattern)) = (call.string(0), call.string(1)) else {
        return Ok(Value::Null);
    };
    let fold = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let escape = call.string(2).and_then(|escape| escape.to_lowercase().chars().next());
    let (text, pattern) = (fold(&text), fold(&pattern));
    // Documented: trailing blanks of the text do not matter, those of the pattern do.
    let trimmed = text.iter().rposition(|letter| *letter != ' ').map_or(0, |last| last + 1);
    let matched = matches(&text, &pattern, escape) || matches(&text[..trimmed], &pattern, escape);
    Ok(Value::Int(i64::from(matched)))
}

fn matches(text: &[char], pattern: &[char], escape: Option<char>) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    if Some(*first) == escape && !rest.is_empty() {
        return text.first() == rest.first() && matches(&text[1..], &rest[1..], escape);
    }
    match first {
        '%' => (0..=text.len()).any(|skip| matches(&text[skip..], rest, escape)),
        '_' => !text.is_empty() && matches(&text[1..], rest, escape),
        '[' => match (text.first(), rest.iter().position(|letter| *letter == ']')) {
            (Some(letter), Some(end)) => {
                in_class(*letter, &rest[..end]) && matches(&text[1..], &rest[end + 1..], escape)
            }
            _ => false,
        },
        other => text.first() == Some(other) && matches(&text[1..], rest, escape),
    }
}

fn in_class(letter: char, class: &[char]) -> bool {
    let (negated, mut class) = match class.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    while let Some((low, rest)) = class.split_first() {
        if let ['-', high, tail @ ..] = rest {
            found |= (*low..=*high).contains(&letter);
            class = tail;
        } else {
            found |= letter == *low;
            class = rest;
        }
    }
    found != negated
}
