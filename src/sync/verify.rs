//! The background verify: when there is nothing else to do, all rows of all tables are compared, a
//! few at a time, so that they are through once in an interval. It finds what change tracking does
//! not show: a TRUNCATE that no version betrays, a graph that somebody changed by hand.

use std::time::Duration;

use tokio::time::Instant;

use super::metrics;
use crate::error::Result;
use crate::neo4j::leader::Verify;
use crate::reconcile::carrier::Carrier;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::pages::{Depth, Keys, PageLimit};

/// Rows at a time: some ten milliseconds of work.
const ROWS: usize = 1_000;

/// Where it stands.
#[derive(Debug)]
pub struct Trickle {
    interval: Option<Duration>,
    table: usize,
    next: i64,
    next_at: Option<Instant>,
    pause: Duration,
    mended: u64,
    is_complete: bool,
    table_name: String,
}

impl Trickle {
    /// Through all rows once in `interval`; never, if there is none.
    pub fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            table: 0,
            next: i64::MIN,
            next_at: None,
            pause: Duration::ZERO,
            mended: 0,
            is_complete: false,
            table_name: String::new(),
        }
    }

    /// What is said of it.
    pub fn says(&self) -> Option<Verify> {
        self.next_at?;
        Some(Verify {
            table: self.table_name.clone(),
            next: self.next,
            is_complete: self.is_complete,
            mended: self.mended,
        })
    }

    /// It was said.
    pub fn was_said(&mut self) {
        self.is_complete = false;
    }

    /// Compares and mends the next few rows, if it is time; returns whether anything was written.
    pub async fn step<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<bool> {
        let Some(interval) = self.interval else { return Ok(false) };
        if self.next_at.is_some_and(|at| Instant::now() < at) {
            return Ok(false);
        }
        if self.table == 0 && self.next == i64::MIN {
            self.pause = pause(carrier, interval).await?;
            self.mended = 0;
        }
        let previous = carrier.engine.begin_background();
        let outcome = self.compare(carrier).await;
        let run = carrier.engine.end(previous, outcome.is_ok());
        outcome?;
        self.next_at = Some(Instant::now() + self.pause);
        let summary = run.summary;
        if summary.written.is_empty() {
            return Ok(run.has_written);
        }
        let differences: u64 =
            summary.kinds.values().map(|t| t.created + t.updated + t.deleted).sum();
        self.mended += differences;
        metrics::mended(differences);
        metrics::rows(&summary);
        tracing::warn!(
            table = self.table_name,
            differences,
            "the background verify found the graph different and mended it"
        );
        Ok(true)
    }

    async fn compare<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<()> {
        let slots = carrier.engine.mapping.slots();
        let Some(slot) = slots.get(self.table).copied() else {
            (self.table, self.next) = (0, i64::MIN);
            return Ok(());
        };
        self.table_name = carrier.engine.mapping.table(slot).name.to_string();
        if carrier.engine.state.frozen.contains_key(&self.table_name) {
            return self.next_table(carrier, slots.len()).await;
        }
        let mapping = carrier.engine.mapping.clone();
        let limit = PageLimit { rows: ROWS, bytes: carrier.engine.limits.batch_bytes_max };
        let page = carrier.source.page(&mapping, slot, Depth::Rows, self.next, limit).await?;
        let Keys::Range(range) = page.keys else { return Ok(()) };
        carrier.carry_page(slot, page).await?;
        match range.rest() {
            Some(rest) => self.next = rest.first,
            None => self.next_table(carrier, slots.len()).await?,
        }
        Ok(())
    }

    async fn next_table<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        tables: usize,
    ) -> Result<()> {
        (self.table, self.next) = (self.table + 1, i64::MIN);
        if self.table < tables {
            return Ok(());
        }
        (self.table, self.is_complete) = (0, true);
        carrier.sweep().await?;
        tracing::info!(mended = self.mended, "the background verify has compared all rows");
        Ok(())
    }
}

/// The pause between two pages that makes them all fit the interval.
async fn pause<S: SourceStore, G: GraphStore>(
    carrier: &mut Carrier<S, G>,
    interval: Duration,
) -> Result<Duration> {
    let mapping = carrier.engine.mapping.clone();
    let mut pages = 0;
    for slot in mapping.slots() {
        pages += carrier.source.count(&mapping, slot).await? / ROWS as u64 + 1;
    }
    Ok(interval / u32::try_from(pages).unwrap_or(u32::MAX).max(1))
}
