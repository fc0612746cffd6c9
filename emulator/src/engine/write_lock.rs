//! One writer at a time; the others wait, as long as `LOCK_TIMEOUT` says.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::control::Control;

/// Waiting looks this often whether it should go on.
const LOOK: Duration = Duration::from_millis(20);

/// Who writes.
#[derive(Debug, Default)]
pub struct WriteLock {
    state: Mutex<State>,
    freed: Condvar,
}

/// Sessions by their ids.
#[derive(Debug, Default)]
struct State {
    holder: Option<i64>,
    waiting: HashSet<i64>,
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The lock is ours.
    Taken,
    /// The time is over.
    TimedOut,
    /// An attention came or the client went away.
    Stopped,
}

impl WriteLock {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the lock; `None` waits for ever.
    pub fn take(&self, session: i64, limit: Option<Duration>, control: &Control) -> Wait {
        let end = limit.map(|limit| Instant::now() + limit);
        let mut state = self.lock();
        let mut ended = None;
        while state.holder.is_some() && ended.is_none() {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if control.must_stop() {
                ended = Some(Wait::Stopped);
            } else if left.is_some_and(|left| left.is_zero()) {
                ended = Some(Wait::TimedOut);
            } else {
                state.waiting.insert(session);
                let pause = left.map_or(LOOK, |left| left.min(LOOK));
                state =
                    self.freed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        state.waiting.remove(&session);
        if ended.is_none() {
            state.holder = Some(session);
        }
        ended.unwrap_or(Wait::Taken)
    }

    /// Gives the lock back.
    pub fn release(&self) {
        self.lock().holder = None;
        self.freed.notify_one();
    }

    /// Whether somebody else would have to wait.
    pub fn is_taken(&self) -> bool {
        self.lock().holder.is_some()
    }

    /// The session that this one waits for.
    pub fn awaited_by(&self, session: i64) -> Option<i64> {
        let state = self.lock();
        state.holder.filter(|_| state.waiting.contains(&session))
    }
}
