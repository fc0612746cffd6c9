//! What the worker says of itself, and what others ask of it. The work, which knows it, and the heartbeat,
//! which says it ([`super::heartbeat`]), share it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::metrics;
use crate::error::Result;
use crate::neo4j::checkpoint::Fence;
use crate::neo4j::leader::{Beat, Heard, Request, Verify};
use crate::reconcile::claim::{self, CaughtUp};
use crate::reconcile::engine::Engine;
use crate::reconcile::stores::GraphStore;

/// How long back the rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// Part of the retention that may pass, as a divisor of what must be left, before it is a warning.
const RETENTION_LEFT: u32 = 4;

/// Who this process is, to people: what it does, host and process.
pub fn holder(what: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "unknown host" } else { host.trim() };
    let since = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ");
    format!("{what} on {host}, process {}, since {since}", std::process::id())
}

/// A handle; its clones share what they say.
#[derive(Clone)]
pub struct Life {
    inner: Arc<Mutex<Inner>>,
    news: Arc<Notify>,
}

struct Inner {
    holder: String,
    interval: Duration,
    retention: Option<Duration>,
    /// For how long the work may make no progress before heartbeats no longer count.
    stall_max: Option<Duration>,
    begun: Instant,
    advanced_at: Instant,
    caught_up: LastCaughtUp,
    lag_versions: Option<i64>,
    source_version: Option<i64>,
    trouble: Option<String>,
    is_answered: bool,
    rows: VecDeque<(Instant, u64)>,
    verify: Option<Verify>,
    request: Option<Request>,
    /// The request that was answered last: a heartbeat may have read it before.
    answered: Option<String>,
    /// A fence that a heartbeat was refused under.
    doubted: Option<String>,
}

/// When the graph had all that the source had.
#[derive(Default)]
struct LastCaughtUp {
    /// As this process has found.
    claimed: Option<CaughtUp>,
    /// The claim that stands on the checkpoint.
    said: Option<Instant>,
    /// What stood on the checkpoint before this process said anything.
    before: Option<Instant>,
}

impl LastCaughtUp {
    fn at(&self) -> Option<Instant> {
        self.claimed.map(|claim| claim.at()).or(self.before)
    }
}

impl Life {
    /// No heartbeat was given yet; the work may take as long as it likes.
    pub fn new(holder: String, interval: Duration, retention: Option<Duration>) -> Self {
        let now = Instant::now();
        let inner = Inner {
            holder,
            interval,
            retention,
            stall_max: None,
            begun: now,
            advanced_at: now,
            caught_up: LastCaughtUp::default(),
            lag_versions: None,
            source_version: None,
            trouble: None,
            is_answered: true,
            rows: VecDeque::new(),
            verify: None,
            request: None,
            answered: None,
            doubted: None,
        };
        Self { inner: Arc::new(Mutex::new(inner)), news: Arc::new(Notify::new()) }
    }

    /// Heartbeats count only while the work makes progress within this time.
    #[must_use]
    pub fn stalled_after(self, stall_max: Duration) -> Self {
        self.lock().stall_max = Some(stall_max);
        self
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a heartbeat is due.
    pub fn interval(&self) -> Duration {
        self.lock().interval
    }

    /// The work makes progress.
    pub fn advanced(&self) {
        self.lock().advanced_at = Instant::now();
    }

    /// Runs the work. Whenever it is woken, an answer has come or a pause is over: that is progress.
    pub async fn while_working<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let step = |context: &mut std::task::Context<'_>| {
            self.advanced();
            work.as_mut().poll(context)
        };
        std::future::poll_fn(step).await
    }

    /// The graph has all that the source had at a moment.
    pub fn caught_up(&self, claim: CaughtUp) {
        let mut inner = self.lock();
        inner.source_version = inner.source_version.max(Some(claim.version()));
        inner.lag_versions = Some(0);
        inner.caught_up.claimed = inner.caught_up.claimed.max(Some(claim));
        inner.measure_lag();
    }

    /// The source is at `current`, the graph has its changes up to `version`.
    pub fn polled(&self, version: Option<i64>, current: i64) {
        let mut inner = self.lock();
        inner.source_version = Some(current);
        let is_caught_up = inner.lag_versions == Some(0) && version == Some(current);
        if !is_caught_up {
            inner.lag_versions = Some(claim::versions_behind(version, current));
        }
        inner.measure_lag();
    }

    /// Something is under way: until it is done the graph is behind, at whatever version it is.
    pub fn behind(&self, version: Option<i64>) {
        let mut inner = self.lock();
        let current = inner.source_version.unwrap_or(0);
        inner.lag_versions = Some(claim::versions_behind(version, current));
        inner.measure_lag();
    }

    /// Publishes the lag as it is now.
    pub fn measure_lag(&self) {
        self.lock().measure_lag();
    }

    /// Something can't be done now; `None` when it can again. Said at once.
    pub fn trouble(&self, trouble: Option<String>) {
        let mut inner = self.lock();
        if inner.trouble != trouble {
            inner.trouble = trouble;
            self.news.notify_one();
        }
    }

    /// Waits until there is something that should be said at once.
    pub(super) async fn has_news(&self) {
        self.news.notified().await;
    }

    /// Whether the source answered when it was last asked for the lease.
    pub fn answered(&self, is_answered: bool) {
        self.lock().is_answered = is_answered;
    }

    /// Rows were carried.
    pub fn carried(&self, rows: u64) {
        self.lock().rows.push_back((Instant::now(), rows));
    }

    /// How far the background verify is.
    pub fn verifying(&self, verify: Option<Verify>) {
        let mut inner = self.lock();
        let was_complete = inner.verify.as_ref().is_some_and(|verify| verify.is_complete);
        let is_complete = |verify: &Verify| verify.is_complete || was_complete;
        inner.verify = verify.map(|verify| Verify { is_complete: is_complete(&verify), ..verify });
    }

    /// What others ask, until it is answered.
    pub fn request(&self) -> Option<Request> {
        self.lock().request.clone()
    }

    /// A request was answered.
    pub fn mark_answered(&self, id: &str) {
        let mut inner = self.lock();
        inner.answered = Some(id.to_owned());
        inner.request.take_if(|request| request.id == id);
    }

    /// A heartbeat was refused under this fence.
    pub fn doubt(&self, fence: &Fence) {
        self.lock().doubted = Some(fence.token().to_owned());
    }

    /// Makes sure of the fence, where a heartbeat was refused under it.
    ///
    /// # Errors
    /// [`crate::error::Kind::FencedOff`] if somebody else may write now.
    pub async fn check_fence<G: GraphStore>(&self, engine: &mut Engine<G>) -> Result<()> {
        let doubted = self.lock().doubted.clone();
        let token = engine.fence.as_ref().map(Fence::token);
        if doubted.is_some() && doubted.as_deref() == token {
            engine.doubt_outcome();
            engine.settle().await?;
        }
        Ok(())
    }

    /// Gives a heartbeat, and hears what others ask.
    pub async fn beat<G: GraphStore>(&self, graph: &G, fence: &Fence) -> Result<()> {
        let beat = self.lock().says();
        let heard = graph.beat(fence, &beat).await?;
        self.lock().hears(&beat, heard);
        Ok(())
    }
}

impl Inner {
    fn says(&mut self) -> Beat {
        let claimed = self.caught_up.claimed.map(|claim| claim.at());
        let stalled = self.stall_max.filter(|max| self.advanced_at.elapsed() >= *max);
        let stalled_says =
            |max: Duration| format!("the work has made no progress for {} s", max.as_secs());
        Beat {
            holder: self.holder.clone(),
            source_version: self.source_version,
            caught_up_at: claimed.filter(|_| claimed != self.caught_up.said),
            rows_per_second: self.rate(),
            trouble: self.trouble.clone().or(stalled.map(stalled_says)),
            counts: self.is_answered && stalled.is_none(),
            verify: self.verify.clone(),
        }
    }

    fn hears(&mut self, said: &Beat, heard: Heard) {
        if said.caught_up_at.is_some() {
            self.caught_up.said = said.caught_up_at;
        }
        self.caught_up.before = heard.caught_up_ago.and_then(|ago| Instant::now().checked_sub(ago));
        if said.verify.as_ref().is_some_and(|verify| verify.is_complete)
            && let Some(verify) = &mut self.verify
        {
            verify.is_complete = false;
        }
        if let Some(request) = heard.request.filter(|r| self.answered.as_ref() != Some(&r.id)) {
            self.request = Some(request);
        }
        self.measure_lag();
        self.warn_of_retention();
    }

    /// Before the first load is done there is nothing to measure from but the worker's start.
    fn measure_lag(&self) {
        let since = self.caught_up.at().unwrap_or(self.begun);
        if let Some(versions) = self.lag_versions {
            metrics::lag(versions, since.elapsed());
        }
    }

    fn warn_of_retention(&self) {
        let (Some(retention), Some(at)) = (self.retention, self.caught_up.at()) else { return };
        let left = retention.saturating_sub(at.elapsed());
        if left < retention / RETENTION_LEFT {
            tracing::warn!(
                minutes_left = left.as_secs() / 60,
                "the graph is so far behind that the source will soon forget its changes; then all rows are read anew"
            );
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn rate(&mut self) -> f64 {
        while self.rows.front().is_some_and(|(at, _)| at.elapsed() > RATE_WINDOW) {
            self.rows.pop_front();
        }
        let rows: u64 = self.rows.iter().map(|(_, rows)| rows).sum();
        rows as f64 / RATE_WINDOW.as_secs_f64()
    }
}
