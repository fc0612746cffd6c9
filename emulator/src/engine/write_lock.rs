//! One writer at a time; the others wait, as long as `LOCK_TIMEOUT` says.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::control::Control;

/// Waiting looks this often whether it should go on.
const LOOK: Duration = Duration::from_millis(20);

/// Who writes.
#[derive(Debug, Default)]
pub struct WriteLock {
    taken: Mutex<bool>,
    freed: Condvar,
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
    /// Waits for the lock; `None` waits for ever.
    pub fn take(&self, limit: Option<Duration>, control: &Control) -> Wait {
        let end = limit.map(|limit| Instant::now() + limit);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken {
            if control.must_stop() {
                return Wait::Stopped;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Wait::TimedOut;
            }
            let pause = left.map_or(LOOK, |left| left.min(LOOK));
            taken = self.freed.wait_timeout(taken, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken = true;
        Wait::Taken
    }

    /// Gives the lock back.
    pub fn release(&self) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.freed.notify_one();
    }
}
