//! Which fault meets which statement: counting, nothing else.

use serde::{Deserialize, Serialize};

use super::{Effect, Fault};

/// What a session is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A login whose password is right.
    Login,
    /// SELECT.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE.
    Merge,
    /// TRUNCATE TABLE.
    Truncate,
    /// The beginning of a transaction, by statement or request.
    Begin,
    /// The commit that ends a transaction, by statement or request; not that of an inner level.
    Commit,
    /// ROLLBACK, by statement or request.
    Rollback,
    /// Any other statement that does not only steer.
    Other,
}

impl Kind {
    /// Whether rows change.
    pub fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Delete | Self::Merge | Self::Truncate)
    }
}

/// Which statements a fault is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Every statement; no login.
    #[default]
    Any,
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
    Writes,
    /// One kind, a login among them.
    #[serde(untagged)]
    Only(Kind),
}

impl From<Kind> for On {
    fn from(kind: Kind) -> Self {
        Self::Only(kind)
    }
}

impl On {
    fn includes(self, kind: Kind) -> bool {
        match self {
            Self::Any => kind != Kind::Login,
            Self::Writes => kind.writes(),
            Self::Only(own) => own == kind,
        }
    }
}

/// A statement that is about to run, or a login about to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// What.
    pub kind: Kind,
    /// Whose.
    pub session: i64,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    passed: u32,
}

/// Faults that are still to happen.
#[derive(Debug, Default)]
pub struct Plan(Vec<Armed>);

impl Plan {
    /// One more, after those that are there.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(Armed { fault, passed: 0 });
    }

    /// Whether nothing is to happen any more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is still to happen, and how often.
    pub fn remaining(&self) -> Vec<Fault> {
        self.0.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// The effect of the first fault whose turn it is. Those whose turn it is not yet have let one more pass.
    pub fn due(&mut self, occasion: Occasion) -> Option<Effect> {
        let mut due = None;
        for (at, armed) in self.0.iter_mut().enumerate() {
            let fault = &armed.fault;
            let other = fault.session.is_some_and(|session| session != occasion.session);
            if other || !fault.on.includes(occasion.kind) {
                continue;
            }
            if armed.passed < fault.after {
                armed.passed += 1;
            } else if due.is_none() {
                due = Some(at);
            }
        }
        let at = due?;
        let effect = self.0[at].fault.effect;
        let times = &mut self.0[at].fault.times;
        *times = times.map(|times| times.saturating_sub(1));
        if *times == Some(0) {
            self.0.remove(at);
        }
        Some(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refusal;
    use super::*;

    fn deadlock() -> Fault {
        Fault::new(Effect::Error(Refusal::Deadlock))
    }

    fn struck(plan: &mut Plan, kinds: &[(Kind, i64)]) -> Vec<bool> {
        let meets = |(kind, session): &(Kind, i64)| {
            plan.due(Occasion { kind: *kind, session: *session }).is_some()
        };
        kinds.iter().map(meets).collect()
    }

    #[test]
    fn a_fault_waits_for_its_statement_its_session_and_its_turn() {
        let mut plan = Plan::default();
        plan.add(deadlock().on(Kind::Update).in_session(52).after(1).times(2));
        let found = struck(
            &mut plan,
            &[
                (Kind::Update, 52),
                (Kind::Select, 52),
                (Kind::Update, 51),
                (Kind::Update, 52),
                (Kind::Update, 52),
                (Kind::Update, 52),
            ],
        );
        assert_eq!(found, [false, false, false, true, true, false]);
        assert!(plan.is_empty());
    }

    #[test]
    fn any_is_no_login_and_writes_are_no_reads() {
        let mut plan = Plan::default();
        plan.add(deadlock().always());
        assert_eq!(struck(&mut plan, &[(Kind::Login, 1), (Kind::Other, 1)]), [false, true]);
        let mut plan = Plan::default();
        plan.add(deadlock().on(On::Writes).always());
        let found = struck(&mut plan, &[(Kind::Select, 1), (Kind::Truncate, 1), (Kind::Commit, 1)]);
        assert_eq!(found, [false, true, false]);
        assert_eq!(plan.remaining().len(), 1);
    }

    #[test]
    fn of_two_faults_whose_turn_it_is_the_first_strikes_and_the_second_waits() {
        let mut plan = Plan::default();
        plan.add(Fault::new(Effect::Hold));
        plan.add(deadlock());
        let any = Occasion { kind: Kind::Select, session: 1 };
        assert_eq!(plan.due(any), Some(Effect::Hold));
        assert_eq!(plan.due(any), Some(Effect::Error(Refusal::Deadlock)));
        assert_eq!(plan.due(any), None);
    }

    #[test]
    fn a_fault_is_written_as_json_with_what_differs_from_the_next_statement_once() {
        let read = |text: &str| serde_json::from_str::<Fault>(text).map_err(|e| e.to_string());
        assert_eq!(read(r#"{"effect": "hold"}"#), Ok(Fault::new(Effect::Hold)));
        assert_eq!(
            read(
                r#"{"effect": {"cut": {"after_bytes": 9}}, "on": "commit", "session": 53, "after": 2, "times": null}"#
            ),
            Ok(Fault::new(Effect::Cut { after_bytes: 9 })
                .on(Kind::Commit)
                .in_session(53)
                .after(2)
                .always())
        );
        assert_eq!(
            read(r#"{"effect": {"error": 1205}, "on": "writes"}"#),
            Ok(deadlock().on(On::Writes))
        );
        for wrong in [
            r#"{"effect": {"error": 1206}}"#,
            r#"{"effect": "hold", "on": "selects"}"#,
            r#"{"effect": "hold", "often": 2}"#,
            r#"{"effect": {"cut": {}}}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
