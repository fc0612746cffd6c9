//! `SQL_Latin1_General_CP1_CI_AS` as far as comparison goes: without case, trailing blanks ignored (documented).

use std::cmp::Ordering;

use rusqlite::Connection;

/// Without case.
pub const CASE_INSENSITIVE: &str = "CI";
/// By code point, trailing blanks ignored: `_CS_` and `_BIN2` collations.
pub const CASE_SENSITIVE: &str = "CS";

/// Makes the collations known to a connection.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation(CASE_INSENSITIVE, compare)?;
    connection.create_collation(CASE_SENSITIVE, |left, right| {
        left.trim_end_matches(' ').cmp(right.trim_end_matches(' '))
    })
}

/// The collation here for a name of SQL Server.
pub fn by_name(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    if upper == "DATABASE_DEFAULT" || upper == "CATALOG_DEFAULT" {
        return Some(CASE_INSENSITIVE);
    }
    let parts: Vec<&str> = upper.split('_').collect();
    if parts.len() < 3 || parts.contains(&"AI") {
        return None;
    }
    if parts.contains(&"CI") {
        Some(CASE_INSENSITIVE)
    } else if parts.iter().any(|part| matches!(*part, "CS" | "BIN" | "BIN2")) {
        Some(CASE_SENSITIVE)
    } else {
        None
    }
}

/// Compares two texts without case.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    let mut pairs = left.bytes().zip(right.bytes());
    let differing = pairs.position(|(left, right)| {
        !left.is_ascii() || !right.is_ascii() || !left.eq_ignore_ascii_case(&right)
    });
    let Some(at) = differing else {
        return left.len().cmp(&right.len());
    };
    let (left_byte, right_byte) = (left.as_bytes()[at], right.as_bytes()[at]);
    if left_byte.is_ascii() && right_byte.is_ascii() {
        return left_byte.to_ascii_lowercase().cmp(&right_byte.to_ascii_lowercase());
    }
    // The texts are equal ASCII up to here, so this is a character boundary in both.
    let fold = |text: &str| text[at..].chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    fold(left).cmp(&fold(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_trailing_blanks_do_not_count() {
        assert_eq!(compare("Atom  ", "aTOM"), Ordering::Equal);
        assert_eq!(compare("Ärger", "äRGER"), Ordering::Equal);
        assert_eq!(compare("a", "b"), Ordering::Less);
        assert_eq!(compare(" a", "a"), Ordering::Less);
        assert!(by_name("Latin1_General_100_BIN2").is_some());
        assert!(by_name("nonsense").is_none());
    }
}
