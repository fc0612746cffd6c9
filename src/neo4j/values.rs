//! Canonical values to Bolt and back.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use neo4rs::{BoltMap, BoltNull, BoltType};

use crate::model::Value;

/// A value as a parameter; no value is NULL, which removes a property.
pub fn to_bolt(value: Option<&Value>) -> BoltType {
    match value {
        None | Some(Value::Foreign) => BoltType::Null(BoltNull),
        Some(Value::Integer(v)) => (*v).into(),
        Some(Value::Float(v)) => (*v).into(),
        Some(Value::Boolean(v)) => (*v).into(),
        Some(Value::Text(v)) => v.as_str().into(),
        Some(Value::Instant(v)) => v.fixed_offset().into(),
        Some(Value::Local(v)) => (*v).into(),
        Some(Value::Date(v)) => (*v).into(),
    }
}

/// A property as it was read; NULL is no value. Types that provsync never writes are
/// [`Value::Foreign`], and so is a time with the name of a zone that comes without its offset.
pub fn from_bolt(bolt: BoltType) -> Option<Value> {
    Some(match bolt {
        BoltType::Null(_) => return None,
        BoltType::Integer(v) => Value::Integer(v.value),
        BoltType::Float(v) => Value::float(v.value),
        BoltType::Boolean(v) => Value::Boolean(v.value),
        BoltType::String(v) => Value::Text(v.value),
        BoltType::DateTime(v) => instant(DateTime::<FixedOffset>::try_from(&v).ok()),
        BoltType::List(pair) => instant(with_offset(&pair.value)),
        BoltType::LocalDateTime(v) => {
            NaiveDateTime::try_from(&v).map_or(Value::Foreign, Value::Local)
        }
        BoltType::Date(v) => NaiveDate::try_from(&v).map_or(Value::Foreign, Value::Date),
        _ => Value::Foreign,
    })
}

fn instant(value: Option<DateTime<FixedOffset>>) -> Value {
    value.map_or(Value::Foreign, |v| Value::Instant(v.to_utc()))
}

/// A zoned time and its offset from UTC in seconds, as statements read instants. No property is such a list:
/// the elements of a property have one type.
fn with_offset(pair: &[BoltType]) -> Option<DateTime<FixedOffset>> {
    match pair {
        [BoltType::DateTime(zoned), _] => DateTime::<FixedOffset>::try_from(zoned).ok(),
        [BoltType::DateTimeZoneId(zoned), BoltType::Integer(seconds)] => {
            let offset = FixedOffset::east_opt(i32::try_from(seconds.value).ok()?)?;
            NaiveDateTime::try_from(zoned).ok()?.and_local_timezone(offset).single()
        }
        _ => None,
    }
}

/// A map parameter.
pub fn map(entries: impl IntoIterator<Item = (&'static str, BoltType)>) -> BoltType {
    let mut map = BoltMap::default();
    for (key, value) in entries {
        map.put(key.into(), value);
    }
    BoltType::Map(map)
}

/// A map of properties.
pub fn properties<'a>(entries: impl IntoIterator<Item = (&'a str, Option<&'a Value>)>) -> BoltType {
    let mut map = BoltMap::default();
    for (name, value) in entries {
        map.put(name.into(), to_bolt(value));
    }
    BoltType::Map(map)
}

/// A list parameter.
pub fn list(items: impl IntoIterator<Item = BoltType>) -> BoltType {
    BoltType::List(neo4rs::BoltList { value: items.into_iter().collect() })
}

/// A map by names that are no more than its keys.
pub fn lists<'a>(entries: impl IntoIterator<Item = (&'a str, BoltType)>) -> BoltType {
    let mut map = BoltMap::default();
    for (name, list) in entries {
        map.put(name.into(), list);
    }
    BoltType::Map(map)
}

/// A list of keys.
pub fn keys(keys: &[i64]) -> BoltType {
    list(keys.iter().map(|key| (*key).into()))
}

/// An integer that a statement of ours returned.
pub fn integer(bolt: &BoltType) -> Option<i64> {
    match bolt {
        BoltType::Integer(v) => Some(v.value),
        _ => None,
    }
}

/// A float that a statement of ours returned.
pub fn float(bolt: &BoltType) -> Option<f64> {
    match bolt {
        BoltType::Float(v) => Some(v.value),
        _ => None,
    }
}

/// A boolean that a statement of ours returned; NULL is false.
pub fn boolean(bolt: &BoltType) -> bool {
    matches!(bolt, BoltType::Boolean(v) if v.value)
}

/// A text that a statement of ours returned.
pub fn text(bolt: &BoltType) -> Option<&str> {
    match bolt {
        BoltType::String(v) => Some(&v.value),
        _ => None,
    }
}

/// The texts of a list of lists.
pub fn texts_of_lists(lists: &BoltType) -> Vec<String> {
    let items = |bolt: &BoltType| match bolt {
        BoltType::List(list) => list.value.clone(),
        _ => Vec::new(),
    };
    let inner = items(lists).iter().flat_map(items).collect::<Vec<_>>();
    inner.iter().filter_map(text).map(String::from).collect()
}
