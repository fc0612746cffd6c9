//! Faults on demand: what can go wrong between a client and a server, made to happen at a chosen place.
//!
//! The wire does not see how they are armed: that is done through [`Faults`], in the process or over the admin port.
//! [`plan`] decides which fault a statement meets, [`transmission`] does to answers what was decided, and the session asks
//! before each statement, in one place.

pub mod plan;
mod refusal;
pub mod transmission;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use plan::Plan;
pub use plan::{Kind, Occasion, On};
pub use refusal::Refusal;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The connection is cut once this many more bytes of answers have left; 0 leaves nothing of the answer. What is running
    /// then is rolled back. An answer that is shorter goes out whole, and those after it count on.
    Cut {
        /// Bytes before encryption, packet headers included.
        after_bytes: u64,
    },
    /// The answer stays at the server until [`Faults::release`].
    Hold,
    /// The rest of the answer goes out at this speed.
    Slow {
        /// More than 0.
        bytes_per_second: u32,
    },
    /// The statement runs, and commits if it commits; then the connection is cut, and nothing of the answer leaves.
    LoseAnswer,
    /// The statement, or the login, is answered with an error in place of being run.
    Error(Refusal),
}

/// A fault, and where it strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub effect: Effect,
    /// To which statements.
    #[serde(default)]
    pub on: On,
    /// In which session, as `@@SPID` says; `None`: in any.
    #[serde(default)]
    pub session: Option<i64>,
    /// How many of these statements pass before.
    #[serde(default)]
    pub after: u32,
    /// How often it happens; `None`: until it is disarmed.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of that field")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Strikes the next statement of any session, once.
    pub fn new(effect: Effect) -> Self {
        Self { effect, on: On::default(), session: None, after: 0, times: once() }
    }

    /// Strikes these statements only.
    #[must_use]
    pub fn on(self, on: impl Into<On>) -> Self {
        Self { on: on.into(), ..self }
    }

    /// Strikes in the session of this `@@SPID` only.
    #[must_use]
    pub fn in_session(self, session: i64) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Lets as many pass before.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// Strikes that often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Strikes until it is disarmed.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// What is wrong with it, where it could never happen.
    fn check(&self) -> Result<(), String> {
        if self.times == Some(0) {
            return Err("a fault that happens 0 times".to_owned());
        }
        match self.effect {
            Effect::Slow { bytes_per_second: 0 } => Err("a speed of 0 is a held answer".to_owned()),
            Effect::Error(refusal) => refusal.check(self.on),
            _ => Ok(()),
        }
    }
}

/// The faults of a server. They outlive its restarts.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
    /// Whether the plan holds anything: without faults a statement takes no lock for them.
    armed: AtomicBool,
    releases: tokio::sync::watch::Sender<u64>,
}

impl Faults {
    /// Makes a fault happen. The error says why it never could.
    pub fn arm(&self, fault: Fault) -> Result<(), String> {
        fault.check()?;
        self.plan().add(fault);
        self.armed.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Takes back what has not happened yet; held answers go out.
    pub fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
        *self.plan() = Plan::default();
        self.release();
    }

    /// Lets the answers go that are held now.
    pub fn release(&self) {
        self.releases.send_modify(|count| *count += 1);
    }

    /// What is still to happen, in the order of arming.
    pub fn armed(&self) -> Vec<Fault> {
        self.plan().remaining()
    }

    /// The effect that meets a statement or a login; it counts as happened.
    pub(crate) fn due(&self, occasion: Occasion) -> Option<Effect> {
        if !self.armed.load(Ordering::SeqCst) {
            return None;
        }
        let mut plan = self.plan();
        let due = plan.due(occasion);
        self.armed.store(!plan.is_empty(), Ordering::SeqCst);
        due
    }

    /// How often answers were let go; changes when they are.
    pub(crate) fn releases(&self) -> tokio::sync::watch::Receiver<u64> {
        self.releases.subscribe()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
