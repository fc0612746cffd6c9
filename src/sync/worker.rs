//! The loop: what is to be done is done, and what can't be done now is tried again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::failures::{ended, is_passing, pause_unless};
use super::life::Life;
use super::metrics;
use super::pace::Pace;
pub use super::standby::follow;
use super::verify::Trickle;
use super::window::Carried;
use crate::config::{FullConfig, SyncConfig};
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Tracking};
use crate::neo4j::checkpoint::{Found, State};
use crate::neo4j::leader::RequestKind;
use crate::reconcile::carrier::Carrier;
use crate::reconcile::engine::{self, Engine};
use crate::reconcile::plan::{self, Asked, Plan};
use crate::reconcile::retry;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::reconcile::summary::Summary;
use crate::sqlserver::epoch::{Epoch, Versions};

/// How often it is looked whether the constraints are still there.
const CONSTRAINTS_INTERVAL: Duration = Duration::from_secs(60);

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Limits of pages and transactions; `retry_max` is how long one piece of work is tried again
    /// before the worker looks at the checkpoint anew.
    pub limits: FullConfig,
    /// The worker's own.
    pub sync: SyncConfig,
    /// What becomes what.
    pub mapping: Mapping,
    /// Who it is, to people: host and process.
    pub holder: String,
    /// Make a graph of another source equal to this one.
    pub adopt: bool,
    /// How long the source keeps its changes, if that is known.
    pub retention: Option<Duration>,
}

/// What a worker that writes keeps in mind; all of it can be read again.
pub struct Following<S> {
    pub(super) settings: Settings,
    /// Whether the checkpoint says that the graph stands exactly at its version.
    pub(super) is_consistent: bool,
    /// Whether the checkpoint was found as provsync left it.
    pub(super) is_sealed: bool,
    lease: Lease<S>,
    stop: watch::Receiver<bool>,
    pace: Pace,
    pub(super) life: Life,
    trickle: Trickle,
    seen: Option<Seen>,
    /// Whether what stands in the graph has to be read again.
    must_reload: bool,
    pub(super) polled_at: Option<Instant>,
    looked_at_constraints: Option<Instant>,
    looked_at_due: Option<Instant>,
    pub(super) carried_untracked: Option<Instant>,
    /// When tables that are frozen were last tried again.
    pub(super) thawed_at: Option<Instant>,
    /// The request whose full has begun.
    pub(super) begun: Option<String>,
    pub(super) distrust: Option<String>,
    pub(super) anew: Option<String>,
}

/// The connection that has the lease, and the lease's name.
pub(super) struct Lease<S> {
    pub connection: S,
    pub name: String,
}

/// The source's life, and the versions that were read before it.
struct Seen {
    versions: Versions,
    epoch: Epoch,
    at: Instant,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Busy,
    Idle,
}

/// What moves when a turn makes progress. A turn that moves nothing of it would do the same again at once:
/// however it came about, the next one waits as if there were nothing to do.
#[derive(PartialEq)]
struct Mark {
    state: State,
    is_consistent: bool,
    request: Option<String>,
}

/// Follows the source with the right to write, until that is lost, a rule stops it, or the end was
/// asked for.
pub(super) async fn write<S: SourceStore, G: GraphStore>(
    mut carrier: Carrier<S, G>,
    mut following: Following<S>,
) -> Result<()> {
    let mut pauses = retry::schedule();
    loop {
        let before = following.mark(&carrier.engine);
        let pause = match following.turn_or_freeze(&mut carrier).await {
            Ok(turn) => {
                pauses = retry::schedule();
                let trouble = carrier.engine.state.trouble();
                metrics::health(true, trouble.is_none());
                metrics::frozen(carrier.engine.state.frozen.len());
                following.life.trouble(trouble);
                let is_progress = following.mark(&carrier.engine) != before;
                following.pause_after(if is_progress { turn } else { Turn::Idle })
            }
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "can't go on now; trying again");
                metrics::retry(&error);
                metrics::health(true, false);
                following.forget(&mut carrier.engine, &error);
                pauses.next().unwrap_or(following.settings.sync.heartbeat)
            }
            Err(error) => {
                following.end(&carrier.engine, &error).await;
                return Err(error);
            }
        };
        // The end is seen at the next turn.
        let _ = pause_unless(&following.stop, pause).await;
    }
}

impl<S: SourceStore> Following<S> {
    /// Nothing was asked yet.
    pub(super) fn new(
        settings: &Settings,
        lease: Lease<S>,
        is_sealed: bool,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let sync = &settings.sync;
        Self {
            is_consistent: false,
            is_sealed,
            lease,
            stop,
            pace: Pace::new(sync.poll_min, sync.poll_max),
            life: Life::new(settings.holder.clone(), sync.heartbeat, settings.retention),
            trickle: Trickle::new(sync.verify_interval),
            seen: None,
            must_reload: true,
            polled_at: None,
            looked_at_constraints: None,
            looked_at_due: None,
            carried_untracked: None,
            thawed_at: None,
            begun: None,
            distrust: None,
            anew: None,
            settings: settings.clone(),
        }
    }

    /// A turn; what the circuit breaker refused is frozen, and the next turn goes on with the rest.
    async fn turn_or_freeze<G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) -> Result<Turn> {
        match self.turn(carrier).await {
            Err(error) if error.kind == Kind::Stop => {
                self.freeze(&mut carrier.engine, error).await.map(|()| Turn::Busy)
            }
            outcome => outcome,
        }
    }

    async fn turn<G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) -> Result<Turn> {
        ended(&self.stop)?;
        self.reload(&mut carrier.engine).await?;
        self.sign(&mut carrier.engine).await?;
        self.look_at_constraints(&mut carrier.engine).await?;
        let (at, versions) = self.poll(carrier).await?;
        let (plan, epoch) = self.plan(&carrier.engine, &versions, &self.asked(&carrier.engine))?;
        self.learn(&mut carrier.engine, &epoch).await?;
        match plan {
            Plan::Idle | Plan::Window if self.asked_for_rows().is_some() => {
                Box::pin(self.mend(carrier)).await?;
                Ok(Turn::Busy)
            }
            Plan::Idle => self.idle(carrier, at).await,
            Plan::Window => {
                let carried = self.window(carrier).await?;
                self.after_window(carried, at);
                Ok(Turn::Busy)
            }
            Plan::Full(start) => {
                let is_required = self.is_required(&carrier.engine, &versions)?;
                Box::pin(self.full(carrier, start, is_required, &epoch, &versions)).await?;
                Ok(Turn::Busy)
            }
        }
    }

    fn mark<G: GraphStore>(&self, engine: &Engine<G>) -> Mark {
        Mark {
            state: engine.state.clone(),
            is_consistent: self.is_consistent,
            request: self.life.request.as_ref().map(|request| request.id.clone()),
        }
    }

    fn pause_after(&mut self, turn: Turn) -> Duration {
        match turn {
            Turn::Busy => {
                self.pace.busy();
                self.settings.sync.poll_min
            }
            Turn::Idle => self.pace.idle(),
        }
    }

    /// Asks for the versions; and for the epoch, where they show that it may be another.
    pub(super) async fn poll<G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<(Instant, Versions)> {
        let at = Instant::now();
        let versions = carrier.source.versions(&self.settings.mapping).await?;
        self.polled_at = Some(at);
        // The versions come first: whatever happens after they were read shows in the next ones.
        // A restore may leave them as they were, and the failure that it caused may be long forgotten.
        let is_old = |seen: &Seen| {
            let of_another_life = seen.versions.tables != versions.tables;
            of_another_life || seen.at.elapsed() >= self.settings.sync.heartbeat
        };
        if self.seen.as_ref().is_none_or(is_old) {
            let epoch = carrier.source.epoch(&self.settings.mapping).await?;
            self.seen = Some(Seen { versions: versions.clone(), epoch, at });
        }
        self.life.behind(carrier.engine.state.followed(), versions.current.unwrap_or(0));
        Ok((at, versions))
    }

    /// Reads that are tried again in place pass over what a restore does to their connections.
    pub(super) fn doubt_epoch(&mut self) {
        self.seen = None;
    }

    pub(super) fn plan<G: GraphStore>(
        &self,
        engine: &Engine<G>,
        versions: &Versions,
        asked: &Asked,
    ) -> Result<(Plan, Epoch)> {
        let found = Found { state: engine.state.clone(), sealed: self.is_sealed };
        let epoch = self.seen.as_ref().map(|seen| seen.epoch.clone());
        let epoch = epoch.ok_or_else(|| Error::new(Kind::Transient, "the source was not asked"))?;
        let plan = plan::plan(Some(&found), &epoch, versions, &self.settings.mapping, asked)?;
        Ok((plan, epoch))
    }

    /// Notes on the checkpoint what the source is known by now: a database that has joined an availability
    /// group must be recognised after its next failover.
    async fn learn<G: GraphStore>(&self, engine: &mut Engine<G>, epoch: &Epoch) -> Result<()> {
        let state = engine.state.with(&epoch.database);
        if !self.is_sealed || state == engine.state {
            return Ok(());
        }
        tracing::info!(
            source = state.source,
            id = state.identity.id,
            "the source is known by this id now"
        );
        engine.advance(state, None).await
    }

    pub(super) fn asked<G: GraphStore>(&self, engine: &Engine<G>) -> Asked {
        let request = self.life.request.as_ref().filter(|r| r.kind == RequestKind::Full);
        let is_due = self
            .carried_untracked
            .is_none_or(|at| at.elapsed() >= self.settings.sync.untracked_interval);
        let untracked = engine.mapping.tables().filter(|(_, t)| t.tracking == Tracking::None);
        let names = untracked.map(|(_, t)| t.name.to_string()).filter(|_| is_due);
        Asked {
            full: request.is_some(),
            restart: request.is_some_and(|r| self.begun.as_ref() != Some(&r.id)),
            adopt: self.settings.adopt,
            tables: names.collect(),
            distrust: self.distrust.clone(),
            anew: self.anew.clone(),
            thaw: self.thaw(&engine.state),
        }
    }

    pub(super) fn after_window(&mut self, carried: Carried, at: Instant) {
        match carried {
            // What was committed before the poll is in the graph.
            Carried::UpTo(version) => self.life.caught_up(version, at),
            Carried::Replan => self.seen = None,
            Carried::Distrust(reason) => self.distrust = Some(reason),
            Carried::Anew(reason) => self.anew = Some(reason),
        }
    }

    /// The graph has all that the source has: time for what waits, and for a look at all rows.
    async fn idle<G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        at: Instant,
    ) -> Result<Turn> {
        let engine = &carrier.engine;
        self.life.caught_up(engine.state.version.unwrap_or(0), at);
        let is_time = |at: Instant| at.elapsed() >= self.settings.sync.heartbeat;
        // Before it is called consistent nothing may be left that is due.
        if !self.is_consistent || self.looked_at_due.is_none_or(is_time) {
            self.looked_at_due = Some(at);
            if self.carry_due(carrier).await? {
                return Ok(Turn::Busy);
            }
        }
        if !self.is_consistent && carrier.engine.state.frozen.is_empty() {
            if !carrier.is_same_life().await? {
                self.doubt_epoch();
                return Ok(Turn::Busy);
            }
            // Nothing has changed since the rows in the graph were read.
            let state = carrier.engine.state.clone();
            carrier.engine.advance(state, Some(true)).await?;
            self.is_consistent = true;
        }
        self.is_consistent &= !self.trickle.step(carrier).await?;
        Ok(Turn::Idle)
    }

    async fn carry_due<G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) -> Result<bool> {
        carrier.engine.refresh_waiting().await?;
        let previous = carrier.engine.begin_background();
        let outcome = carrier.carry_due().await;
        let run = carrier.engine.end(previous, outcome.is_ok());
        self.note(&run.summary);
        self.is_consistent &= !run.has_written;
        self.doubt_epoch();
        Ok(outcome? > 0)
    }

    /// A sign of life, if it is due; the end, if it was asked for.
    pub(super) async fn sign<G: GraphStore>(&mut self, engine: &mut Engine<G>) -> Result<()> {
        ended(&self.stop)?;
        if !self.life.is_due() {
            return Ok(());
        }
        engine.settle().await?;
        self.life.beat(engine, &mut self.trickle).await?;
        self.hold_lease().await;
        Ok(())
    }

    /// The lease is a courtesy to a standby, which waits for it; the fence alone decides who writes.
    async fn hold_lease(&mut self) {
        let Lease { connection, name } = &mut self.lease;
        let held = connection.holds_lease(name).await.unwrap_or(false);
        let taken = if held { Ok(true) } else { connection.take_lease(name).await };
        self.life.answered(taken.is_ok());
        match taken {
            Ok(true) if held => {}
            Ok(true) => tracing::info!("the lease is ours"),
            Ok(false) => tracing::warn!("another has the lease"),
            Err(error) => tracing::warn!(%error, "the lease can't be held now"),
        }
    }

    /// Without a constraint its statements would scan, and could make doubles.
    async fn look_at_constraints<G: GraphStore>(&mut self, engine: &mut Engine<G>) -> Result<()> {
        if self.looked_at_constraints.is_some_and(|at| at.elapsed() < CONSTRAINTS_INTERVAL) {
            return Ok(());
        }
        let made = engine.ensure_schema().await?;
        if made > 0 {
            tracing::warn!(constraints = made, "constraints were missing and are made again");
        }
        self.looked_at_constraints = Some(Instant::now());
        Ok(())
    }

    /// After a failure nothing that is kept in mind is relied on.
    fn forget<G: GraphStore>(&mut self, engine: &mut Engine<G>, error: &Error) {
        engine.is_unsettled |= error.kind == Kind::UnknownOutcome;
        engine.begin();
        self.life.trouble(Some(error.to_string()));
        self.seen = None;
        self.must_reload = true;
        self.looked_at_constraints = None;
    }

    /// Reads what stands on the checkpoint, where a write may have moved it.
    async fn reload<G: GraphStore>(&mut self, engine: &mut Engine<G>) -> Result<()> {
        if !self.must_reload {
            return Ok(());
        }
        engine.settle().await?;
        let Some(found) = engine.graph.checkpoint().await? else {
            return Err(Error::new(Kind::FencedOff, "the checkpoint was deleted"));
        };
        engine.registry =
            engine::registry(&engine.graph, &engine.mapping, &found.state.owned).await?;
        engine.state = found.state;
        engine.refresh_waiting().await?;
        self.is_sealed = found.sealed;
        (self.must_reload, self.is_consistent) = (false, false);
        Ok(())
    }

    /// The worker ends: a standby need not wait for signs of it.
    async fn end<G: GraphStore>(&mut self, engine: &Engine<G>, error: &Error) {
        let Some(fence) = engine.fence.as_ref().filter(|_| error.kind != Kind::FencedOff) else {
            return;
        };
        if error.kind != Kind::Ended {
            self.life.trouble(Some(error.to_string()));
            let _ = self.life.beat(engine, &mut self.trickle).await;
        }
        if let Err(error) = engine.graph.leave(fence).await {
            tracing::warn!(%error, "the checkpoint still names this worker");
        }
    }

    pub(super) fn note(&mut self, summary: &Summary) {
        metrics::rows(summary);
        self.life.carried(summary.kinds.values().map(|t| t.created + t.updated + t.deleted).sum());
    }
}
