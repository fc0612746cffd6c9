//! All rows of some tables, or of all, while the source is followed.

use std::time::Duration;

use tokio::time::Instant;

use super::frozen::Begun;
use super::metrics;
use super::window::Carried;
use super::worker::{Following, Polled};
use crate::error::{Error, Kind, Result};
use crate::reconcile::carrier::Carrier;
use crate::reconcile::engine::Engine;
use crate::reconcile::full::{Between, Full, Options};
use crate::reconcile::plan::{Asked, Plan, Start};
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::epoch::{Epoch, Versions};

/// A slow full.
const FULL_ROWS_PER_SECOND: u64 = 5_000;

impl Following {
    pub(super) async fn full<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        start: Start,
        is_required: bool,
        epoch: &Epoch,
        versions: &Versions,
    ) -> Result<()> {
        let tables = start.tables.iter().cloned().collect::<Vec<_>>().join(", ");
        tracing::warn!(
            tables,
            reason = start.reason,
            resumed = start.progress.is_some(),
            "reading all rows"
        );
        metrics::full();
        self.warn_of_duration(carrier).await;
        (self.is_consistent, self.is_sealed) = (false, true);
        self.life.behind(start.version);
        let asked = self
            .life
            .request()
            .filter(|_| start.tables.len() == carrier.engine.mapping.slots().len());
        if let Some(deletes) = asked.as_ref().and_then(|r| r.allow_deletes) {
            carrier.engine.limits.allow_deletes = Some(deletes);
        }
        if start.tables.iter().any(|name| carrier.engine.state.frozen.contains_key(name)) {
            self.thawed_at = Some(Instant::now());
        }
        let untracked = self.asked(&carrier.engine).tables;
        let covers_untracked = untracked.is_subset(&start.tables);
        // A window comes first: what is not read anew must get to where the full began, else the
        // checkpoint would stand before the changes that the tables still know.
        self.polled_at = None;
        let begun =
            Begun { before: carrier.engine.state.clone(), version: start.version, is_required };
        let (options, request) = (Options::default(), asked.as_ref().map(|r| r.id.clone()));
        // What nobody asked for is done again and again: its deletes are counted over a day.
        let previous = match asked {
            Some(_) => carrier.engine.begin(),
            None => carrier.engine.begin_background(),
        };
        let full = Full::begin(carrier, self, options, start, epoch, versions, request).await;
        let outcome = match full {
            Ok(full) => full.carry_all().await,
            Err(error) => Err(error),
        };
        carrier.engine.limits.allow_deletes = self.settings.limits.allow_deletes;
        let run = carrier.engine.end(previous, outcome.is_ok());
        self.note(&run.summary);
        if let Err(error) = outcome {
            return self.refused(carrier, error, begun, run.has_written, asked).await;
        }
        let mut summary = run.summary;
        self.doubt_epoch();
        (self.distrust, self.anew) = (None, None);
        if covers_untracked {
            self.carried_untracked = Some(Instant::now());
        }
        summary.close();
        metrics::quarantine(summary.quarantined());
        let written = serde_json::to_string(&summary.kinds).unwrap_or_default();
        tracing::info!(version = summary.version, counts = written, "all rows are read");
        match asked {
            Some(request) => self.answer(&mut carrier.engine, &request.id, &written).await,
            None => Ok(()),
        }
    }

    /// Windows in between keep the full's version from growing old; it is worth a word all the same.
    async fn warn_of_duration<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) {
        let Some(retention) = self.settings.retention else { return };
        let mut rows = 0;
        for slot in self.settings.mapping.slots() {
            rows += carrier.source.count(&self.settings.mapping, slot).await.unwrap_or(0);
        }
        let hours = rows / FULL_ROWS_PER_SECOND / 3600;
        if Duration::from_secs(3600 * hours) > retention / 2 {
            tracing::warn!(
                rows,
                hours,
                "a full takes about as long as the source keeps its changes: raise CHANGE_RETENTION"
            );
        }
    }

    pub(super) async fn answer<G: GraphStore>(
        &mut self,
        engine: &mut Engine<G>,
        id: &str,
        outcome: &str,
    ) -> Result<()> {
        if let Some(fence) = engine.fence.clone() {
            let graph = engine.graph.clone();
            engine.send(graph.answer(&fence, id, outcome)).await?;
        }
        self.life.mark_answered(id);
        Ok(())
    }
}

impl<S: SourceStore, G: GraphStore> Between<S, G> for Following {
    async fn turn(&mut self, carrier: &mut Carrier<S, G>) -> Result<()> {
        self.may_go_on(&mut carrier.engine).await?;
        if self.polled_at.is_some_and(|at| at.elapsed() < self.settings.sync.poll_max) {
            return Ok(());
        }
        let Polled { versions, seen } = self.poll(carrier).await?;
        let again = |what: &str| {
            Err(Error::new(Kind::Transient, format!("while all rows are read: {what}")))
        };
        match self.plan(&carrier.engine, &versions, &Asked::default())?.0 {
            Plan::Full(start) if start.progress.is_some() => {}
            _ => return again("the source is another than when it began"),
        }
        if carrier.engine.state.followed() == versions.current {
            return Ok(());
        }
        let carried = self.window(carrier).await?;
        let is_done = matches!(carried, Carried::UpTo { .. });
        self.after_window(&carrier.engine, carried, seen);
        if is_done { Ok(()) } else { again("changes are no longer there") }
    }

    async fn tick(&mut self, engine: &mut Engine<G>) -> Result<()> {
        self.may_go_on(engine).await
    }
}
