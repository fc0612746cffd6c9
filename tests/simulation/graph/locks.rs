//! Connections to the model; commits one at a time, some of which answer late or never.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use provsync::error::{Error, Kind, Result};
use provsync::neo4j::checkpoint::Fence;
use provsync::neo4j::schema::Existing;
use tokio::time::Instant;

use super::{Checkpoint, Data};
use crate::chaos::{Chaos, Lost, unknown_outcome};

/// How long a statement waits for a lock before its client gives up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Guards that a test may take out, to show that the simulation would find them missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weakness {
    #[default]
    None,
    /// Whoever writes, the fence passes.
    NoFence,
    /// A new fence does not wait for the transaction whose answer was lost.
    NoWaitForLocks,
    /// The checkpoint moves in a transaction of its own, before that of the data.
    CheckpointFirst,
    /// What background work deleted is forgotten when a worker starts.
    ForgetsDeletes,
    /// Every heartbeat says that the graph is as of now.
    AsOfNow,
    /// Nothing that waits in quarantine is ever called due.
    NothingDue,
    /// A checkpoint is called consistent whatever is under way.
    AlwaysConsistent,
}

/// Of how many transactions one is looked at that says nothing new of the graph.
const JUDGED_OF: u64 = 5;

/// How long whoever writes gave no heartbeat that counts.
#[derive(Default)]
pub struct Silence {
    last: Option<(u64, Instant)>,
    /// The longest between two heartbeats of one writer.
    pub longest: Duration,
    /// How often a process took the right to write.
    pub raises: u64,
}

impl Silence {
    pub fn heard(&mut self, process: u64) {
        let now = Instant::now();
        if let Some((_, before)) = self.last.filter(|(last, _)| *last == process) {
            self.longest = self.longest.max(now - before);
        }
        self.last = Some((process, now));
    }

    pub fn raised(&mut self, process: u64) {
        self.raises += 1;
        self.last = Some((process, Instant::now()));
    }
}

/// A commit that holds its locks and has not answered.
struct Late {
    data: Data,
    fence: Option<String>,
    until: Instant,
}

/// Looks at what a graph says of itself; returns what is wrong.
pub type Judge = Box<dyn Fn(&Data) -> Vec<String> + Send>;

#[derive(Default)]
pub(super) struct Inner {
    pub data: Data,
    late: Option<Late>,
    pub weakness: Weakness,
    pub schema: Vec<Existing>,
    /// Transactions that raise the fence and wait for its lock.
    blocked: usize,
    is_down: bool,
    judge: Option<Judge>,
    landed: u64,
    wrong: Vec<String>,
    /// Things in the largest answer about keys of a range.
    largest_answer: usize,
    pub silence: Silence,
}

/// A connection to the model.
#[derive(Clone)]
pub struct ModelGraph {
    inner: Arc<Mutex<Inner>>,
    pub(super) chaos: Chaos,
}

impl Inner {
    /// What waits for a lock goes on now: the transaction that holds it commits or rolls back.
    fn settle(&mut self, commits: bool) {
        if let Some(late) = self.late.take().filter(|_| commits) {
            self.land(late.data, late.fence.as_deref());
        }
    }

    /// A commit becomes durable, if the fence that it was written under is in force.
    fn land(&mut self, data: Data, fence: Option<&str>) {
        let before = std::mem::replace(&mut self.data, data).checkpoint;
        let in_force = before.as_ref().map(|c| c.fence.as_str());
        if fence.is_some() && fence != in_force {
            self.wrong.push("one who was fenced off has written".to_owned());
        }
        let after = self.data.checkpoint.as_ref();
        let says = |c: &Checkpoint| (c.consistent, c.state.version, c.as_of);
        let says_more = after.map(says) != before.as_ref().map(says);
        self.landed += 1;
        if let Some(judge) = &self.judge
            && (says_more || self.landed.is_multiple_of(JUDGED_OF))
        {
            self.wrong.extend(judge(&self.data));
        }
    }
}

/// Counts a transaction that waits to raise the fence, while it waits.
struct Blocked(Arc<Mutex<Inner>>);

impl Blocked {
    fn new(inner: &Arc<Mutex<Inner>>) -> Self {
        inner.lock().unwrap().blocked += 1;
        Self(Arc::clone(inner))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Ok(mut inner) = self.0.lock() {
            inner.blocked -= 1;
        }
    }
}

impl ModelGraph {
    pub fn new(chaos: Chaos, weakness: Weakness) -> Self {
        let inner = Inner { weakness, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), chaos }
    }

    /// The same graph for another process.
    pub fn for_process(&self, chaos: Chaos) -> Self {
        Self { inner: Arc::clone(&self.inner), chaos }
    }

    /// What the checkpoint says is looked at from now on.
    pub fn judged_by(&self, judge: Judge) {
        self.lock().judge = Some(judge);
    }

    /// What was found wrong so far.
    pub fn wrong(&self) -> Vec<String> {
        self.lock().wrong.clone()
    }

    /// Notes how much an answer holds.
    pub(super) fn answered(&self, things: usize) {
        let mut inner = self.lock();
        inner.largest_answer = inner.largest_answer.max(things);
    }

    /// How many things the largest answer about keys of a range held.
    pub fn largest_answer(&self) -> usize {
        self.lock().largest_answer
    }

    /// The longest that whoever wrote gave no heartbeat that counts, and how often somebody took the right
    /// to write.
    pub fn silence(&self) -> (Duration, u64) {
        let inner = self.lock();
        (inner.silence.longest, inner.silence.raises)
    }

    /// What is in it.
    pub fn data(&self) -> Data {
        self.lock().data.clone()
    }

    /// What is in it, once every commit is settled.
    pub fn settled(&self) -> Data {
        let commits = self.chaos.below(2) == 0;
        self.lock().settle(commits);
        self.data()
    }

    /// Somebody changes it by hand.
    pub fn by_hand<T>(&self, change: impl FnOnce(&mut Data) -> T) -> T {
        // Who changes it waits for its lock.
        let commits = self.chaos.below(2) == 0;
        let mut inner = self.lock();
        inner.settle(commits);
        change(&mut inner.data)
    }

    /// It can't be reached; what was about to be committed is rolled back.
    pub fn set_down(&self, is_down: bool) {
        let mut inner = self.lock();
        inner.late = None;
        inner.is_down = is_down;
    }

    /// Somebody drops a constraint.
    pub fn drop_constraint(&self, which: u64) {
        let mut inner = self.lock();
        let count = u64::try_from(inner.schema.len()).unwrap();
        if count > 0 {
            inner.schema.swap_remove(usize::try_from(which % count).unwrap());
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Before a call does anything.
    pub(super) async fn before(&self, what: &str) -> Result<()> {
        self.chaos.before(what).await?;
        if self.lock().is_down {
            return Err(Error::new(Kind::Transient, format!("{what}: nobody answers")));
        }
        Ok(())
    }

    pub(super) async fn read<T>(&self, what: &str, read: impl FnOnce(&Data) -> T) -> Result<T> {
        self.before(what).await?;
        let mut inner = self.lock();
        // Who only reads does not wait; the commit may land at any time.
        if self.chaos.below(4) == 0 {
            self.settle(&mut inner);
        }
        Ok(read(&inner.data))
    }

    fn settle(&self, inner: &mut Inner) {
        if inner.late.as_ref().is_some_and(|late| late.until <= Instant::now()) {
            inner.settle(self.chaos.below(2) == 0);
        }
    }

    /// Whoever takes the lock waits until the one who has it is done.
    async fn wait_for_lock(&self, what: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            {
                let mut inner = self.lock();
                if inner.weakness == Weakness::NoWaitForLocks {
                    return Ok(());
                }
                self.settle(&mut inner);
                if inner.late.is_none() {
                    return Ok(());
                }
            }
            if begun.elapsed() >= ANSWER_TIMEOUT {
                return Err(Error::new(Kind::Transient, format!("{what}: no answer in time")));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// A transaction that ends with the checkpoint's lock.
    pub(super) async fn write<T>(
        &self,
        what: &str,
        fence: Option<&Fence>,
        work: impl FnOnce(&mut Data, Weakness) -> Result<T>,
    ) -> Result<T> {
        self.before(what).await?;
        self.wait_for_lock(what).await?;
        self.chaos.refuses_writes(what)?;
        let outcome = self.commit_once(fence, work);
        self.chaos.moment().await;
        outcome
    }

    /// [`Self::write`] for whoever takes the right to write.
    pub(super) async fn write_first<T>(
        &self,
        what: &str,
        work: impl FnOnce(&mut Data, Weakness) -> Result<T>,
    ) -> Result<T> {
        self.before(what).await?;
        let blocked = Blocked::new(&self.inner);
        self.wait_for_lock(what).await?;
        drop(blocked);
        let outcome = self.commit_once(None, work);
        self.chaos.moment().await;
        outcome
    }

    fn commit_once<T>(
        &self,
        fence: Option<&Fence>,
        work: impl FnOnce(&mut Data, Weakness) -> Result<T>,
    ) -> Result<T> {
        let mut inner = self.lock();
        let mut data = inner.data.clone();
        let value = work(&mut data, inner.weakness)?;
        let fence = fence.map(|fence| fence.token().to_owned());
        let lost = self.chaos.loses_answer();
        match lost {
            None | Some(Lost::Done) => inner.land(data, fence.as_deref()),
            Some(Lost::Never) => {}
            Some(Lost::Late) => {
                let seconds = if self.chaos.below(3) == 0 { self.chaos.below(90) } else { 0 };
                let until = Instant::now() + Duration::from_secs(seconds);
                inner.late = Some(Late { data, fence, until });
            }
        }
        if lost.is_some() { Err(unknown_outcome()) } else { Ok(value) }
    }

    /// Rolls the transaction back that somebody waits for to raise the fence.
    pub(super) fn terminate(&self) -> Vec<String> {
        let mut inner = self.lock();
        if inner.blocked == 0 {
            return Vec::new();
        }
        inner.late.take().map(|_| "neo4j-transaction-1".to_owned()).into_iter().collect()
    }
}
