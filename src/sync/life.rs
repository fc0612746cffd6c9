//! What the worker says of itself, and what others ask of it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::metrics;
use super::verify::Trickle;
use crate::error::Result;
use crate::neo4j::leader::{Beat, Request};
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

/// Signs of life.
pub struct Life {
    holder: String,
    interval: Duration,
    retention: Option<Duration>,
    beat_at: Option<Instant>,
    caught_up_at: Option<Instant>,
    source_version: Option<i64>,
    trouble: Option<String>,
    is_answered: bool,
    rows: VecDeque<(Instant, u64)>,
    /// What others ask, until it is done.
    pub request: Option<Request>,
}

impl Life {
    /// No sign was given yet.
    pub fn new(holder: String, interval: Duration, retention: Option<Duration>) -> Self {
        Self {
            holder,
            interval,
            retention,
            beat_at: None,
            caught_up_at: None,
            source_version: None,
            trouble: None,
            is_answered: true,
            rows: VecDeque::new(),
            request: None,
        }
    }

    /// The source was at this version at this moment; the graph has it.
    pub fn caught_up(&mut self, version: i64, at: Instant) {
        self.caught_up_at = Some(at);
        self.source_version = Some(version);
        metrics::lag(0, Duration::ZERO);
    }

    /// The source is at this version; the graph is not.
    pub fn behind(&mut self, followed: Option<i64>, current: i64) {
        self.source_version = Some(current);
        let since = self.caught_up_at.map(|at| at.elapsed()).unwrap_or_default();
        metrics::lag(current - followed.unwrap_or(0), since);
    }

    /// Something can't be done now; `None` when it can again. Said at once.
    pub fn trouble(&mut self, trouble: Option<String>) {
        if self.trouble != trouble {
            self.beat_at = None;
        }
        self.trouble = trouble;
    }

    /// Whether the source answered when it was last asked for the lease.
    pub fn answered(&mut self, is_answered: bool) {
        self.is_answered = is_answered;
    }

    /// Rows were carried.
    pub fn carried(&mut self, rows: u64) {
        self.rows.push_back((Instant::now(), rows));
    }

    /// Whether a sign is due.
    pub fn is_due(&self) -> bool {
        self.beat_at.is_none_or(|at| at.elapsed() >= self.interval)
    }

    /// Gives a sign, and hears what others ask.
    pub async fn beat<G: GraphStore>(
        &mut self,
        engine: &Engine<G>,
        trickle: &mut Trickle,
    ) -> Result<()> {
        let Some(fence) = &engine.fence else { return Ok(()) };
        let beat = Beat {
            holder: self.holder.clone(),
            source_version: self.source_version,
            caught_up_ago: self.caught_up_at.map(|at| at.elapsed()),
            rows_per_second: self.rate(),
            trouble: self.trouble.clone(),
            is_answered: self.is_answered,
            verify: trickle.says(),
        };
        let asked = engine.graph.beat(fence, &beat).await?;
        trickle.was_said();
        if asked.is_some() {
            self.request = asked;
        }
        self.beat_at = Some(Instant::now());
        self.warn_of_retention();
        Ok(())
    }

    fn warn_of_retention(&self) {
        let (Some(retention), Some(at)) = (self.retention, self.caught_up_at) else { return };
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
