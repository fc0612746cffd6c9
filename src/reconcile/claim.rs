//! What may be said of the graph: `consistent`, `asOf` and the lag all follow from here. Pure.

use tokio::time::Instant;

use crate::neo4j::checkpoint::State;

/// The graph has all that the source had at a moment, except rows whose reason in quarantine holds.
/// Only [`CaughtUp::check`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaughtUp {
    at: Instant,
    version: i64,
}

impl CaughtUp {
    /// Whether that may be said of a graph with this checkpoint. The source was in this life and at the
    /// version `current` at the moment `at`; `nothing_is_due` is what quarantine says since the graph
    /// was written last: no row of it is to be carried again, as edges of a removed node are.
    pub fn check(state: &State, current: i64, nothing_is_due: bool, at: Instant) -> Option<Self> {
        let version = state.version.filter(|version| *version >= current)?;
        (nothing_is_due && is_whole(state)).then_some(Self { at, version })
    }

    /// The moment.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The version that the graph has.
    pub fn version(&self) -> i64 {
        self.version
    }
}

/// Whether the checkpoint speaks of nothing that has begun and not ended, and of no entry that is not followed.
fn is_whole(state: &State) -> bool {
    state.progress.is_none() && state.cursor.is_none() && state.frozen.is_empty()
}

/// What a checkpoint may say of exactness when it moves to `to`: `claimed`, or that it does not stand
/// exactly there, whatever was claimed.
pub fn consistent(to: &State, claimed: Option<bool>) -> Option<bool> {
    if is_whole(to) { claimed } else { Some(false) }
}

/// How many versions a graph that is not caught up is behind: at least one, since work on its last one is
/// not done. Without a version it lacks all of them, and version 0 too.
pub fn versions_behind(version: Option<i64>, current: i64) -> i64 {
    (current - version.unwrap_or(-1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neo4j::checkpoint::{Cursor, Frozen, Progress};

    fn at(version: Option<i64>) -> State {
        State { version, ..State::default() }
    }

    fn in_progress() -> State {
        let progress = Progress {
            v0: 7,
            tables: vec!["t".into()],
            since: 7,
            phase: "carry".into(),
            table: "t".into(),
            next: 0,
            request: None,
        };
        State { progress: Some(progress), ..at(Some(7)) }
    }

    fn with_a_frozen_entry() -> State {
        let frozen = Frozen { position: Some(3), reason: "it is empty".into() };
        State { frozen: [("t".to_owned(), frozen)].into(), ..at(Some(7)) }
    }

    fn in_window() -> State {
        State { cursor: Some(Cursor { to: 7, part: 0, next: 0 }), ..at(Some(7)) }
    }

    #[test]
    fn a_graph_is_caught_up_when_nothing_is_under_way_and_nothing_is_due() {
        let now = Instant::now();
        let check = |state: &State, due| CaughtUp::check(state, 7, due, now).is_some();
        assert!(check(&at(Some(7)), true) && check(&at(Some(8)), true));
        assert!(!check(&at(Some(6)), true), "changes are missing");
        assert!(!check(&at(None), true), "it was never loaded");
        assert!(!check(&at(Some(7)), false), "rows are due");
        assert!(!check(&in_progress(), true) && !check(&in_window(), true));
        assert!(!check(&with_a_frozen_entry(), true));
    }

    #[test]
    fn a_graph_is_not_consistent_while_something_is_under_way() {
        assert_eq!(consistent(&at(Some(7)), Some(true)), Some(true));
        assert_eq!(consistent(&at(Some(7)), None), None);
        for state in [in_progress(), in_window(), with_a_frozen_entry()] {
            assert_eq!(consistent(&state, Some(true)), Some(false));
            assert_eq!(consistent(&state, None), Some(false));
        }
    }

    #[test]
    fn a_graph_that_is_not_caught_up_is_behind() {
        assert_eq!(versions_behind(Some(3), 7), 4);
        assert_eq!(versions_behind(Some(7), 7), 1, "its last version is not done");
        assert_eq!(versions_behind(None, 0), 1, "it was never loaded");
        assert_eq!(versions_behind(None, 7), 8);
        assert_eq!(versions_behind(Some(9), 7), 1, "the source was put back");
    }
}
