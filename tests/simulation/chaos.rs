//! What may go wrong at a call of a store: it waits, it fails before it does anything, its answer is
//! lost, the process is killed or hangs. One generator decides, so that a seed replays a run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use provsync::error::{Error, Kind, Result};
use tokio::sync::watch;

use crate::random::Random;

/// Of 1,000 calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Odds {
    pub outage: u64,
    pub lost_answer: u64,
    /// Before a call, others commit a transaction at the source.
    pub others: u64,
    /// The graph takes no writes for a moment, as while its leader changes.
    pub read_only: u64,
    /// A call of the work takes up to a minute.
    pub slow: u64,
    /// Heartbeats and questions about the lease are as slow.
    pub is_all_slow: bool,
}

/// Calls that whoever gives heartbeats makes, and nobody else.
const HEARTBEAT: [&str; 3] = ["beat", "take the lease", "look at the lease"];
/// How long a slow call takes at most.
const SLOW_SECONDS: u64 = 60;

/// What became of a write whose answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It was done.
    Done,
    /// It was not done, and never will be.
    Never,
    /// It holds its locks still, and is settled later.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Runs,
    Hangs,
    Killed,
}

/// The fate of one process.
#[derive(Clone)]
pub struct Chaos {
    inner: Arc<Mutex<Inner>>,
    life: Arc<watch::Sender<Life>>,
    /// The source's answers do not reach it, and it does not hear of it.
    is_cut_off: Arc<AtomicBool>,
    /// The work gets no answer of anybody, and waits for ever.
    is_stuck: Arc<AtomicBool>,
    /// Which process it is.
    pub process: u64,
}

struct Inner {
    random: Random,
    odds: Odds,
    calls_left: Option<u64>,
    calls: u64,
}

impl Chaos {
    pub fn new(seed: u64, odds: Odds) -> Self {
        static PROCESSES: AtomicU64 = AtomicU64::new(1);
        let random = Random::new(seed);
        let inner = Inner { random, odds, calls_left: None, calls: 0 };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            life: Arc::new(watch::channel(Life::Runs).0),
            is_cut_off: Arc::new(AtomicBool::new(false)),
            is_stuck: Arc::new(AtomicBool::new(false)),
            process: PROCESSES.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The process is killed at its `calls`-th moment from here on.
    pub fn kill_after(&self, calls: u64) {
        self.inner.lock().unwrap().calls_left = Some(calls);
    }

    /// It is not killed after all.
    pub fn spare(&self) {
        self.inner.lock().unwrap().calls_left = None;
    }

    pub fn set_odds(&self, odds: Odds) {
        self.inner.lock().unwrap().odds = odds;
    }

    pub fn kill(&self) {
        self.life.send_replace(Life::Killed);
    }

    /// The process makes no step from its next moment on, until it wakes.
    pub fn hang(&self) {
        self.change(Life::Runs, Life::Hangs);
    }

    /// The process goes on.
    pub fn wake(&self) {
        self.change(Life::Hangs, Life::Runs);
    }

    /// From here on nothing passes between the process and the source, or everything does again.
    pub fn cut_off(&self, yes: bool) {
        self.is_cut_off.store(yes, Ordering::Relaxed);
    }

    pub fn is_cut_off(&self) -> bool {
        self.is_cut_off.load(Ordering::Relaxed)
    }

    /// From here on the work of the process hangs, while its heartbeats go on.
    pub fn get_stuck(&self) {
        self.is_stuck.store(true, Ordering::Relaxed);
    }

    fn change(&self, from: Life, to: Life) {
        self.life.send_if_modified(|life| {
            let changes = *life == from;
            if changes {
                *life = to;
            }
            changes
        });
    }

    pub fn calls(&self) -> u64 {
        self.inner.lock().unwrap().calls
    }

    /// Runs a worker until it ends, or until it is killed.
    pub async fn run<T>(&self, worker: impl Future<Output = T>) -> Option<T> {
        let mut life = self.life.subscribe();
        let killed = async {
            let _ = life.wait_for(|life| *life == Life::Killed).await;
        };
        tokio::select! {
            biased;
            () = killed => None,
            ended = worker => Some(ended),
        }
    }

    /// A moment between two steps: others run; a process that is killed gets no further.
    pub async fn moment(&self) {
        let dead = {
            let mut inner = self.inner.lock().unwrap();
            inner.calls += 1;
            match &mut inner.calls_left {
                Some(0) => true,
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        };
        if dead {
            self.life.send_replace(Life::Killed);
        }
        if *self.life.borrow() != Life::Runs {
            // Who is killed waits for ever.
            let _ = self.life.subscribe().wait_for(|life| *life == Life::Runs).await;
        }
        let turns = self.below(3);
        for _ in 0..=turns {
            tokio::task::yield_now().await;
        }
    }

    /// Before a call does anything.
    pub async fn before(&self, what: &str) -> Result<()> {
        self.moment().await;
        let is_heartbeat = HEARTBEAT.contains(&what);
        let odds = self.inner.lock().unwrap().odds;
        if self.is_stuck.load(Ordering::Relaxed) && !is_heartbeat {
            std::future::pending::<()>().await;
        }
        if odds.slow > 0 && (odds.is_all_slow || !is_heartbeat) && self.below(1000) < odds.slow {
            tokio::time::sleep(Duration::from_secs(self.below(SLOW_SECONDS))).await;
        }
        if self.below(1000) < odds.outage {
            return Err(Error::new(Kind::Transient, format!("{what}: the connection was cut")));
        }
        Ok(())
    }

    /// Before a commit: whether the graph takes it.
    pub fn refuses_writes(&self, what: &str) -> Result<()> {
        let odds = self.inner.lock().unwrap().odds.read_only;
        if odds == 0 || self.below(1000) >= odds {
            return Ok(());
        }
        let error = Error::new(Kind::Graph, format!("{what}: no writes here"));
        Err(error.code("Neo.ClientError.General.WriteOnReadOnlyAccessDatabase"))
    }

    /// Whether the answer to a commit is lost, and what becomes of it.
    pub fn loses_answer(&self) -> Option<Lost> {
        let odds = self.inner.lock().unwrap().odds.lost_answer;
        if self.below(1000) >= odds {
            return None;
        }
        Some(match self.below(3) {
            0 => Lost::Done,
            1 => Lost::Never,
            _ => Lost::Late,
        })
    }

    /// Whether others commit a transaction at the source now.
    pub fn others_write(&self) -> bool {
        let odds = self.inner.lock().unwrap().odds.others;
        self.below(1000) < odds
    }

    pub fn below(&self, n: u64) -> u64 {
        self.inner.lock().unwrap().random.below(n)
    }
}

pub fn unknown_outcome() -> Error {
    Error::new(Kind::UnknownOutcome, "the answer to the commit was lost")
}
