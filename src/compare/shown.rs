//! A value as reports show it: short, on one line, and with nothing in it that a terminal or a page
//! would act on.

use serde::{Deserialize, Serialize};

use crate::model::Value;
use crate::model::value::IdentityValue;

/// Characters of a text that are shown.
const CHARACTERS_MAX: usize = 120;
/// Characters before the first difference of two long texts that are shown.
const BEFORE: usize = 30;

/// A value's type and its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shown {
    /// The type.
    pub r#type: Type,
    /// The value; a text is escaped as in JSON and Rust, without quotes around it.
    pub text: String,
    /// Characters of a long text that are left out before [`Shown::text`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_before: usize,
    /// Characters that are left out after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_after: usize,
}

/// Types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// [`Value::Integer`].
    Integer,
    /// [`Value::Float`].
    Float,
    /// [`Value::Boolean`].
    Boolean,
    /// [`Value::Text`].
    Text,
    /// [`Value::Instant`]: UTC, ISO 8601, nine digits of a second.
    Instant,
    /// [`Value::Local`].
    Local,
    /// [`Value::Date`].
    Date,
    /// [`Value::Foreign`]: a type that provsync never writes; its value is not shown.
    Foreign,
}

// serde's form of the condition.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Shown {
    /// A value, its beginning if it is long.
    pub fn of(value: &Value) -> Self {
        Self::from(value, 0)
    }

    /// An identity.
    pub fn identity(identity: &IdentityValue) -> Self {
        Self::of(&identity.value())
    }

    /// Two values that differ; of long texts the part where they begin to.
    pub fn pair(a: Option<&Value>, b: Option<&Value>) -> (Option<Self>, Option<Self>) {
        let first = match (a, b) {
            (Some(Value::Text(a)), Some(Value::Text(b))) => {
                let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
                let is_long = [a, b].iter().any(|t| t.chars().nth(CHARACTERS_MAX).is_some());
                if is_long { same.saturating_sub(BEFORE) } else { 0 }
            }
            _ => 0,
        };
        let show = |value: &Value| Self::from(value, first);
        (a.map(show), b.map(show))
    }

    fn from(value: &Value, first: usize) -> Self {
        let (r#type, text) = match value {
            Value::Integer(v) => (Type::Integer, v.to_string()),
            Value::Float(v) => (Type::Float, float(*v)),
            Value::Boolean(v) => (Type::Boolean, v.to_string()),
            Value::Text(v) => return Self::from_text(v, first),
            Value::Instant(v) => (Type::Instant, v.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()),
            Value::Local(v) => (Type::Local, v.format("%Y-%m-%dT%H:%M:%S%.9f").to_string()),
            Value::Date(v) => (Type::Date, v.to_string()),
            Value::Foreign => (Type::Foreign, String::new()),
        };
        Self { r#type, text, left_out_before: 0, left_out_after: 0 }
    }

    fn from_text(text: &str, first: usize) -> Self {
        let characters = text.chars().count();
        let left_out_before = first.min(characters);
        let shown: String = text.chars().skip(first).take(CHARACTERS_MAX).collect();
        let left_out_after = characters - left_out_before - shown.chars().count();
        Self { r#type: Type::Text, text: escape(&shown), left_out_before, left_out_after }
    }
}

/// A float with a point, so that it is told from an integer.
fn float(value: f64) -> String {
    format!("{value:?}")
}

/// Without control characters, bidirectional controls and line separators: names and notes go
/// through it as well before a person sees them.
pub fn escape(text: &str) -> String {
    let is_plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\\')
    };
    let escape = |c: char| {
        if is_plain(c) { c.to_string() } else { c.escape_default().to_string() }
    };
    text.chars().map(escape).collect()
}

impl std::fmt::Display for Shown {
    /// `7`, `0.7`, `"text"`, `…"the middle of a long text"…`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dots = |count: usize| if count > 0 { "…" } else { "" };
        match self.r#type {
            Type::Text => {
                let (before, after) = (dots(self.left_out_before), dots(self.left_out_after));
                write!(f, "{before}\"{}\"{after}", self.text)
            }
            Type::Foreign => f.write_str("(a value of a type that provsync never writes)"),
            _ => f.write_str(&self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn the_place_where_long_texts_differ_is_shown() {
        let long = "x".repeat(5_000);
        let (a, b) = (text(&format!("{long}1 end")), text(&format!("{long}2 end")));
        let (a, b) = Shown::pair(Some(&a), Some(&b));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.text.ends_with("x1 end") && b.text.ends_with("x2 end"), "{a} {b}");
        assert_eq!((a.left_out_before, a.left_out_after), (5_000 - BEFORE, 0));
        assert!(a.to_string().starts_with("…\""));
    }

    #[test]
    fn a_text_can_not_act_on_a_terminal() {
        let shown = Shown::of(&text("a\u{1b}[2J\nb\u{202e}c\\ ü"));
        assert_eq!(shown.text, "a\\u{1b}[2J\\nb\\u{202e}c\\\\ ü");
    }

    #[test]
    fn long_texts_are_cut_and_types_are_told_apart() {
        let shown = Shown::of(&text(&"é".repeat(500)));
        assert_eq!((shown.text.chars().count(), shown.left_out_after), (120, 380));
        let (integer, float) = (Shown::of(&Value::Integer(1)), Shown::of(&Value::Float(1.0)));
        assert_eq!((integer.to_string(), float.to_string()), ("1".into(), "1.0".into()));
        let instant = chrono::DateTime::from_timestamp(0, 100).unwrap();
        assert_eq!(Shown::of(&Value::Instant(instant)).text, "1970-01-01T00:00:00.000000100Z");
    }
}
