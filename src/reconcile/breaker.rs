//! The circuit breaker: an empty or filtered source must not empty the graph. Pure.
//!
//! A write that may delete takes what it deletes as [`Approved`], and only [`Budget::approve`] gives
//! that out: a path that forgets the breaker does not compile. The budget belongs to a run (a window, a
//! full resync, a repair) or, for background work, to a day.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::diff::Item;
use crate::error::Error;
use crate::mapping::Slot;

/// Deletes of a kind that pass where at least twice as many are there.
const FLOOR: u64 = 1_000;
/// A kind of fewer things than this is not protected: deleting the last of a few rows is ordinary work.
pub const PROTECTED_FROM: u64 = 10;

/// What deletes are counted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Nodes or relationships of a table.
    Rows(Slot),
    /// Placeholders that stand for identities of a node table.
    Placeholders(Slot),
}

impl Target {
    /// The table.
    pub fn slot(self) -> Slot {
        match self {
            Self::Rows(slot) | Self::Placeholders(slot) => slot,
        }
    }
}

/// Something to write that may delete.
pub trait Deleting {
    /// How many things it deletes that do not come again at once with their own row.
    fn deletes(&self) -> u64;
}

impl Deleting for Vec<Item> {
    fn deletes(&self) -> u64 {
        count_deletes(self)
    }
}

/// Server ids of things to remove.
impl Deleting for Vec<String> {
    fn deletes(&self) -> u64 {
        self.len() as u64
    }
}

/// A statement that deletes at most so many things of its own choice.
#[derive(Clone, Copy, Debug)]
pub struct AtMost(pub u64);

impl Deleting for AtMost {
    fn deletes(&self) -> u64 {
        self.0
    }
}

/// How many of these items take something away that does not come again at once with its own row.
pub fn count_deletes(items: &[Item]) -> u64 {
    let deletes =
        |item: &&Item| matches!(item, Item::Leave { .. } | Item::Delete { gone: true, .. });
    items.iter().filter(deletes).count() as u64
}

/// Something to write whose deletes a budget has room for. There is no other way to make one.
#[derive(Debug)]
pub struct Approved<T>(T);

impl<T> Deref for Approved<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Approved<Vec<Item>> {
    /// The same items as batches, in rounds.
    pub fn in_rounds(self, cut: impl FnOnce(Vec<Item>) -> Vec<Vec<Vec<Item>>>) -> Vec<Vec<Self>> {
        let rounds = cut(self.0).into_iter();
        rounds.map(|round| round.into_iter().map(Self).collect()).collect()
    }

    /// Two halves, the first of them first.
    #[must_use]
    pub fn halves(mut self) -> [Self; 2] {
        let second = self.0.split_off(self.0.len() / 2);
        [self, Self(second)]
    }

    /// Its last item, which is not written.
    pub fn into_last(mut self) -> Option<Item> {
        self.0.pop()
    }
}

/// How many things may be deleted of each kind.
#[derive(Clone, Debug)]
pub struct Budget {
    allowed: Option<u64>,
    ledgers: BTreeMap<Target, Ledger>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ledger {
    /// Deleted so far, or possibly deleted.
    spent: u64,
    /// What the graph held at least before anything was deleted, as far as it was counted.
    present: u64,
}

/// What a budget has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// All deletes of the kind, those that were made before included.
    pub deletes: u64,
    /// Those that were made before.
    pub spent: u64,
}

impl Budget {
    /// A whole budget; `allowed` is the number of deletes of a kind that pass in any case.
    pub fn new(allowed: Option<u64>) -> Self {
        Self { allowed, ledgers: BTreeMap::new() }
    }

    /// What is left of a budget of which so much was spent before.
    pub fn after(allowed: Option<u64>, spent: impl IntoIterator<Item = (Target, u64)>) -> Self {
        let ledger = |(target, spent)| (target, Ledger { spent, present: 0 });
        Self { allowed, ledgers: spent.into_iter().map(ledger).collect() }
    }

    /// What was spent so far, where anything was.
    pub fn spent(&self) -> impl Iterator<Item = (Target, u64)> {
        let spent = self.ledgers.iter().map(|(target, ledger)| (*target, ledger.spent));
        spent.filter(|(_, spent)| *spent > 0)
    }

    /// What was spent of a kind.
    pub fn spent_of(&self, target: Target) -> u64 {
        self.ledgers.get(&target).map_or(0, |ledger| ledger.spent)
    }

    /// Up to how many things have to be counted before `more` deletes can be judged; `None` where
    /// enough is known.
    pub fn to_count(&self, target: Target, more: u64) -> Option<u64> {
        let ledger = self.ledgers.get(&target).copied().unwrap_or_default();
        let deletes = ledger.spent + more;
        let is_known = more == 0 || deletes <= limit(ledger.present, self.allowed);
        (!is_known).then(|| needed(deletes))
    }

    /// Notes how many things are there now.
    pub fn counted(&mut self, target: Target, present: u64) {
        let ledger = self.ledgers.entry(target).or_default();
        ledger.present = present + ledger.spent;
    }

    /// Approves what has room.
    ///
    /// # Errors
    /// There is no room; nothing is deleted.
    pub fn approve<T: Deleting>(&self, target: Target, what: T) -> Result<Approved<T>, Refused> {
        self.check(target, what.deletes()).map(|()| Approved(what))
    }

    /// Whether so many more deletes have room.
    ///
    /// # Errors
    /// There is no room.
    pub fn check(&self, target: Target, more: u64) -> Result<(), Refused> {
        let ledger = self.ledgers.get(&target).copied().unwrap_or_default();
        let deletes = ledger.spent + more;
        if more == 0 || deletes <= limit(ledger.present, self.allowed) {
            return Ok(());
        }
        Err(Refused { deletes, spent: ledger.spent })
    }

    /// Counts deletes that were made, or may have been.
    pub fn spend(&mut self, target: Target, deletes: u64) {
        if deletes > 0 {
            self.ledgers.entry(target).or_default().spent += deletes;
        }
    }
}

/// How many deletes of a kind pass: the larger of 1,000 and 10 %, but never more than half of what is
/// there unless that is a tenth of it. So a protected kind is never emptied.
fn limit(present: u64, allowed: Option<u64>) -> u64 {
    let by_size =
        if present < PROTECTED_FROM { present } else { FLOOR.min(present / 2).max(present / 10) };
    by_size.max(allowed.unwrap_or(0))
}

/// How many things have to be there for so many deletes to pass.
fn needed(deletes: u64) -> u64 {
    let share = if deletes <= FLOOR { 2 } else { 10 };
    deletes.saturating_mul(share).max(PROTECTED_FROM)
}

/// Deletes of a table that were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The table, or what else they are of.
    pub what: String,
    /// What the graph holds of it.
    pub present: u64,
    /// How many would be deleted.
    pub refused: Refused,
}

/// The error of a run that would delete too much. `has_written` says whether the run wrote anything
/// before.
pub fn error(refusals: &[Refusal], has_written: bool) -> Error {
    let one = |r: &Refusal| {
        let Refused { deletes, spent } = r.refused;
        let before =
            if spent > 0 { format!(" ({spent} of them deleted before)") } else { String::new() };
        format!("{deletes} of {} of {}{before}", r.present + spent, r.what)
    };
    let all: Vec<String> = refusals.iter().map(one).collect();
    let written =
        if has_written { "what it wrote before stays written" } else { "nothing was written" };
    let most = refusals.iter().map(|r| r.refused.deletes).max().unwrap_or(0);
    Error::stop(format!("this run would delete {}; {written}", all.join(", "))).hint(format!(
        "is the source empty, filtered or the wrong one? If the rows are really gone: --allow-deletes {most}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T: Target = Target::Rows(Slot::Node(0));

    /// Whether a budget lets so many deletes pass, as [`crate::reconcile::engine::Engine`] asks it.
    fn passes(present: u64, deletes: u64, allowed: Option<u64>) -> bool {
        let mut budget = Budget::new(allowed);
        if let Some(most) = budget.to_count(T, deletes) {
            budget.counted(T, present.min(most));
        }
        budget.check(T, deletes).is_ok()
    }

    proptest! {
        #[test]
        fn passes_up_to_a_thousand_or_half_and_up_to_ten_per_cent(present in 10..10_000_000_u64, deletes in 0..10_000_000_u64) {
            let right = (deletes <= 1_000 && 2 * deletes <= present) || 10 * deletes <= present;
            prop_assert_eq!(passes(present, deletes, None), right);
        }

        #[test]
        fn no_kind_that_is_protected_is_emptied(present in 10..5_000_u64) {
            prop_assert!(!passes(present, present, None));
            prop_assert!(passes(present, present, Some(present)));
        }

        #[test]
        fn an_allowed_number_passes_whatever_is_there(present in 0..100_000_u64, deletes in 0..100_000_u64, more in 0..10_u64) {
            prop_assert!(passes(present, deletes, Some(deletes + more)));
        }

        #[test]
        fn many_small_deletes_are_one_large(parts in proptest::collection::vec(1..40_u64, 1..60), present in 10..1_500_u64) {
            let mut budget = Budget::new(None);
            let (mut deleted, mut left) = (0, present);
            for part in parts {
                if let Some(most) = budget.to_count(T, part) {
                    budget.counted(T, left.min(most));
                }
                if budget.check(T, part).is_ok() {
                    budget.spend(T, part);
                    (deleted, left) = (deleted + part, left - part);
                }
            }
            prop_assert!(deleted <= 1_000.min(present / 2).max(present / 10));
        }
    }

    #[test]
    fn a_kind_of_a_few_rows_may_go() {
        assert!(passes(1, 1, None) && passes(9, 9, None) && !passes(10, 10, None));
        assert!(!passes(50, 50, None) && !passes(50, 26, None) && passes(50, 25, None));
    }

    #[test]
    fn the_error_names_the_table_and_the_flag_and_says_what_was_written() {
        let of = |deletes, spent, present| Refusal {
            what: "t".into(),
            present,
            refused: Refused { deletes, spent },
        };
        let text = error(&[of(60_000, 0, 60_000)], false).to_string();
        assert!(text.contains("60000 of 60000 of t; nothing was written"), "{text}");
        assert!(text.contains("--allow-deletes 60000"), "{text}");
        let text = error(&[of(700, 300, 900)], true).to_string();
        assert!(text.contains("700 of 1200 of t (300 of them deleted before)"), "{text}");
        assert!(text.contains("what it wrote before stays") && !text.contains("nothing"), "{text}");
    }
}
