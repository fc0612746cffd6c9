//! The circuit breaker: an empty or filtered source must not empty the graph. Pure.

use crate::error::{Error, Result};

/// Deletes of a kind that always pass.
const ALWAYS: u64 = 1_000;

/// What a run would delete of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletes {
    /// The table.
    pub table: String,
    /// What the graph holds of it.
    pub present: u64,
    /// What would go because its row is gone or can't be represented.
    pub deletes: u64,
}

/// Stops a run that would delete more than max(1,000, 10 %) of a table, unless more is allowed.
///
/// # Errors
/// [`crate::error::Kind::Stop`] that names every table over its limit.
pub fn check(deletes: &[Deletes], allowed: Option<u64>) -> Result<()> {
    let over: Vec<String> = deletes
        .iter()
        .filter(|d| d.deletes > allowed.unwrap_or(0).max(ALWAYS).max(limit(d.present, allowed)))
        .map(|d| format!("{} of {} of {}", d.deletes, d.present, d.table))
        .collect();
    if over.is_empty() {
        return Ok(());
    }
    let most = deletes.iter().map(|d| d.deletes).max().unwrap_or(0);
    Err(Error::stop(format!("this run would delete {}; nothing was written", over.join(", "))).hint(format!(
        "is the source empty, filtered or the wrong one? If the rows are really gone: --allow-deletes {most}"
    )))
}

/// Ten per cent, when nobody said a number.
fn limit(present: u64, allowed: Option<u64>) -> u64 {
    if allowed.is_some() { 0 } else { present / 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(present: u64, deletes: u64) -> Vec<Deletes> {
        vec![Deletes { table: "t".into(), present, deletes }]
    }

    proptest! {
        #[test]
        fn passes_up_to_the_larger_of_a_thousand_and_ten_per_cent(present in 0..10_000_000_u64, deletes in 0..10_000_000_u64) {
            prop_assert_eq!(check(&one(present, deletes), None).is_ok(), deletes <= 1_000 || deletes * 10 <= present);
        }

        #[test]
        fn an_allowed_number_is_the_limit(deletes in 0..100_000_u64, allowed in 0..100_000_u64) {
            prop_assert_eq!(check(&one(10_000_000, deletes), Some(allowed)).is_ok(), deletes <= allowed.max(1_000));
        }
    }

    #[test]
    fn the_error_names_the_table_and_the_flag() {
        let error = check(&one(60_000, 60_000), None).expect_err("over");
        assert!(error.to_string().contains("60000 of 60000 of t"));
        assert!(error.to_string().contains("--allow-deletes 60000"));
    }
}
