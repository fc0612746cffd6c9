//! Quarantine in the model: entries, what wakes them, and their pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use provsync::neo4j::quarantine::{DETACHED, Reason};
use tokio::time::Instant;

use super::Data;

#[derive(Clone, Debug)]
pub struct Entry {
    pub reason: String,
    pub detail: String,
    pub waits_for: Vec<String>,
    pub due: bool,
    /// Since when its reason may be gone, whoever says so.
    pub due_since: Option<Instant>,
    attempts: u32,
    retry_at: Instant,
}

impl Entry {
    fn is_due(&self) -> bool {
        self.due || self.retry_at <= Instant::now()
    }

    fn pause(&mut self) {
        self.attempts += 1;
        let doublings = (self.attempts - 1).min(6);
        self.retry_at = Instant::now() + Duration::from_secs(60 << doublings);
    }
}

impl Data {
    pub fn put_entry(&mut self, table: &str, key: i64, reason: &Reason) {
        let place = (table.to_owned(), key);
        let attempts = self.entries.get(&place).map_or(0, |entry| entry.attempts);
        let mut entry = Entry {
            reason: reason.code.to_owned(),
            detail: reason.detail.clone(),
            waits_for: reason.waits_for.clone(),
            due: reason.code == DETACHED,
            due_since: (reason.code == DETACHED).then(Instant::now),
            attempts,
            retry_at: Instant::now(),
        };
        entry.pause();
        self.entries.insert(place, entry);
    }

    /// Returns whether there was one.
    pub fn remove_entry(&mut self, table: &str, key: i64) -> bool {
        self.entries.remove(&(table.to_owned(), key)).is_some()
    }

    /// Returns how many wait for one of these.
    pub fn wake(&mut self, tokens: &[String]) -> u64 {
        let waits = |entry: &&mut Entry| entry.waits_for.iter().any(|token| tokens.contains(token));
        let woken = |entry: &mut Entry| {
            entry.due = true;
            entry.due_since.get_or_insert_with(Instant::now);
        };
        self.entries.values_mut().filter(waits).map(woken).count() as u64
    }

    pub fn due(&self, rows_max: usize) -> Vec<(String, i64)> {
        let due = self.entries.iter().filter(|(_, entry)| entry.is_due());
        due.map(|(place, _)| place.clone()).take(rows_max).collect()
    }

    pub fn tried(&mut self, entries: &BTreeMap<String, Vec<i64>>) {
        for (table, keys) in entries {
            for key in keys {
                let entry = self.entries.get_mut(&(table.clone(), *key));
                if let Some(entry) = entry.filter(|entry| entry.is_due()) {
                    (entry.due, entry.due_since) = (false, None);
                    entry.pause();
                }
            }
        }
    }
}
