//! What may go wrong at a call of a store: it waits, it fails before it does anything, its answer is
//! lost, the process is killed. One generator decides, so that a seed replays a run.

use std::sync::{Arc, Mutex};

use provsync::error::{Error, Kind, Result};
use tokio::sync::watch;

use crate::random::Random;

/// Of 1,000 calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Odds {
    pub outage: u64,
    pub lost_answer: u64,
}

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

#[derive(Clone)]
pub struct Chaos {
    inner: Arc<Mutex<Inner>>,
    killed: Arc<watch::Sender<bool>>,
}

struct Inner {
    random: Random,
    odds: Odds,
    calls_left: Option<u64>,
    calls: u64,
}

impl Chaos {
    pub fn new(seed: u64, odds: Odds) -> Self {
        let random = Random::new(seed);
        let inner = Inner { random, odds, calls_left: None, calls: 0 };
        Self { inner: Arc::new(Mutex::new(inner)), killed: Arc::new(watch::channel(false).0) }
    }

    /// The process is killed at its `calls`-th moment from here on.
    pub fn kill_after(&self, calls: u64) {
        self.inner.lock().unwrap().calls_left = Some(calls);
    }

    pub fn calls(&self) -> u64 {
        self.inner.lock().unwrap().calls
    }

    /// Runs a worker until it ends, or until it is killed.
    pub async fn run<T>(&self, worker: impl Future<Output = T>) -> Option<T> {
        let mut killed = self.killed.subscribe();
        tokio::select! {
            biased;
            _ = killed.wait_for(|killed| *killed) => None,
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
            self.killed.send_replace(true);
            std::future::pending::<()>().await;
        }
        let turns = self.below(3);
        for _ in 0..=turns {
            tokio::task::yield_now().await;
        }
    }

    /// Before a call does anything.
    pub async fn before(&self, what: &str) -> Result<()> {
        self.moment().await;
        let odds = self.inner.lock().unwrap().odds.outage;
        if self.below(1000) < odds {
            return Err(Error::new(Kind::Transient, format!("{what}: the connection was cut")));
        }
        Ok(())
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

    pub fn below(&self, n: u64) -> u64 {
        self.inner.lock().unwrap().random.below(n)
    }
}

pub fn unknown_outcome() -> Error {
    Error::new(Kind::UnknownOutcome, "the answer to the commit was lost")
}
