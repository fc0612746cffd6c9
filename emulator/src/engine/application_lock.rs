//! Application locks: names that sessions lock by agreement (`sp_getapplock`).
//!
//! A lock is known by a database principal and a name. One session may hold it several times and for two owners, itself and
//! its transaction; each time needs a release of its own (observed, probed.md 7).

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::control::Control;
use super::write_lock::WriteLock;
use crate::catalog::permissions::PrincipalId;

/// Waiting looks this often whether it should go on.
const LOOK: Duration = Duration::from_millis(20);

/// What is locked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// A lock under one principal is another than that under the next (observed).
    pub principal: PrincipalId,
    /// Compared byte by byte: by case, and with its trailing blanks (observed).
    pub name: String,
}

/// For whom a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "names of SQL Server")]
pub enum Owner {
    Session,
    Transaction,
}

/// How a resource is locked, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names of SQL Server")]
pub enum Mode {
    IntentShared,
    Shared,
    Update,
    IntentExclusive,
    Exclusive,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Granted {
    AtOnce,
    AfterWait,
    TimedOut,
    Deadlocked,
    Stopped,
}

/// A session's wish.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who.
    pub session: i64,
    /// For which owner.
    pub owner: Owner,
    /// What.
    pub resource: Resource,
    /// How.
    pub mode: Mode,
}

/// All application locks of the database.
#[derive(Debug, Default)]
pub struct ApplicationLocks {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// One entry for every time that a lock was granted.
    held: HashMap<Resource, Vec<Hold>>,
    /// In the order of their coming.
    waiting: Vec<Request>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    session: i64,
    owner: Owner,
    mode: Mode,
}

impl Owner {
    /// By its name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [("Session", Self::Session), ("Transaction", Self::Transaction)]
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, owner)| owner)
    }
}

impl Mode {
    const ALL: [Self; 5] =
        [Self::IntentShared, Self::Shared, Self::Update, Self::IntentExclusive, Self::Exclusive];

    /// What `APPLOCK_MODE` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::IntentShared => "IntentShared",
            Self::Shared => "Shared",
            Self::Update => "Update",
            Self::IntentExclusive => "IntentExclusive",
            Self::Exclusive => "Exclusive",
        }
    }

    /// By its name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text))
    }

    /// Documented table of lock compatibility.
    fn is_compatible(self, other: Self) -> bool {
        match (self.min(other), self.max(other)) {
            (_, Self::Exclusive) | (Self::Shared | Self::Update, Self::IntentExclusive) => false,
            (low, high) => !(low == Self::Update && high == Self::Update),
        }
    }
}

impl State {
    fn conflicts(&self, request: &Request) -> impl Iterator<Item = i64> + '_ {
        let (session, mode) = (request.session, request.mode);
        // A session never waits for itself, under either owner (assumption).
        self.held
            .get(&request.resource)
            .into_iter()
            .flatten()
            .filter(move |hold| hold.session != session && !hold.mode.is_compatible(mode))
            .map(|hold| hold.session)
    }

    /// Those who came earlier and would be passed over; whoever holds the resource already passes them (as conversions do).
    fn queued_before(&self, request: &Request) -> Vec<i64> {
        let holders = self.held.get(&request.resource).map_or(&[][..], Vec::as_slice);
        if holders.iter().any(|hold| hold.session == request.session) {
            return Vec::new();
        }
        self.waiting
            .iter()
            .take_while(|earlier| earlier.session != request.session)
            .filter(|earlier| {
                earlier.resource == request.resource && !earlier.mode.is_compatible(request.mode)
            })
            .map(|earlier| earlier.session)
            .collect()
    }

    fn blockers(&self, request: &Request) -> Vec<i64> {
        self.conflicts(request).chain(self.queued_before(request)).collect()
    }

    /// Whether somebody whom the request waits for waits, over others or not, for its session.
    fn is_deadlocked(&self, request: &Request, writers: &WriteLock) -> bool {
        let mut seen = HashSet::new();
        let mut ahead = self.blockers(request);
        while let Some(session) = ahead.pop() {
            if session == request.session {
                return true;
            }
            if !seen.insert(session) {
                continue;
            }
            let waiting = self.waiting.iter().filter(|other| other.session == session);
            ahead.extend(waiting.flat_map(|other| self.blockers(other)));
            ahead.extend(writers.awaited_by(session));
        }
        false
    }

    fn grant(&mut self, request: &Request) {
        let Request { session, owner, mode, .. } = *request;
        let hold = Hold { session, owner, mode };
        self.held.entry(request.resource.clone()).or_default().push(hold);
    }

    fn stop_waiting(&mut self, session: i64) {
        self.waiting.retain(|other| other.session != session);
    }
}

impl ApplicationLocks {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a lock, waiting for it up to `limit`; `None` waits for ever.
    pub fn take(
        &self,
        request: &Request,
        limit: Option<Duration>,
        control: &Control,
        writers: &WriteLock,
    ) -> Granted {
        let end = limit.map(|limit| Instant::now() + limit);
        let mut state = self.lock();
        if state.blockers(request).is_empty() {
            state.grant(request);
            return Granted::AtOnce;
        }
        state.waiting.push(request.clone());
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let ended = if state.blockers(request).is_empty() {
                state.grant(request);
                Some(Granted::AfterWait)
            } else if control.must_stop() {
                Some(Granted::Stopped)
            } else if left.is_some_and(|left| left.is_zero()) {
                Some(Granted::TimedOut)
            } else if state.is_deadlocked(request, writers) {
                Some(Granted::Deadlocked)
            } else {
                None
            };
            if let Some(ended) = ended {
                state.stop_waiting(request.session);
                self.freed.notify_all();
                return ended;
            }
            let pause = left.map_or(LOOK, |left| left.min(LOOK));
            state = self.freed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the lock would be granted now.
    pub fn is_free(&self, request: &Request) -> bool {
        self.lock().blockers(request).is_empty()
    }

    /// Gives one grant back, the strongest first; `false` if there is none.
    pub fn release(&self, session: i64, owner: Owner, resource: &Resource) -> bool {
        let mut state = self.lock();
        let Some(holds) = state.held.get_mut(resource) else {
            return false;
        };
        let own = holds
            .iter()
            .enumerate()
            .filter(|(_, hold)| hold.session == session && hold.owner == owner)
            .max_by_key(|(_, hold)| hold.mode)
            .map(|(at, _)| at);
        let Some(at) = own else {
            return false;
        };
        holds.remove(at);
        if holds.is_empty() {
            state.held.remove(resource);
        }
        self.freed.notify_all();
        true
    }

    /// The strongest mode in which a session holds a resource for an owner.
    pub fn mode(&self, session: i64, owner: Owner, resource: &Resource) -> Option<Mode> {
        let state = self.lock();
        let holds = state.held.get(resource)?.iter();
        holds
            .filter(|hold| hold.session == session && hold.owner == owner)
            .map(|hold| hold.mode)
            .max()
    }

    /// A transaction or a session ends, and its locks with it.
    pub fn release_all(&self, session: i64, owner: Owner) {
        let mut state = self.lock();
        state.held.retain(|_, holds| {
            holds.retain(|hold| hold.session != session || hold.owner != owner);
            !holds.is_empty()
        });
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mode::{Exclusive, IntentExclusive, IntentShared, Shared, Update};

    #[test]
    fn modes_exclude_each_other_as_documented() {
        let compatible = |a: Mode, b: Mode| a.is_compatible(b) && b.is_compatible(a);
        for (a, b) in [
            (IntentShared, IntentShared),
            (IntentShared, Shared),
            (IntentShared, Update),
            (IntentShared, IntentExclusive),
            (Shared, Shared),
            (Shared, Update),
            (IntentExclusive, IntentExclusive),
        ] {
            assert!(compatible(a, b), "{a:?} {b:?}");
        }
        for (a, b) in [
            (IntentShared, Exclusive),
            (Shared, IntentExclusive),
            (Shared, Exclusive),
            (Update, Update),
            (Update, IntentExclusive),
            (Update, Exclusive),
            (IntentExclusive, Exclusive),
            (Exclusive, Exclusive),
        ] {
            assert!(!a.is_compatible(b) && !b.is_compatible(a), "{a:?} {b:?}");
        }
    }
}
