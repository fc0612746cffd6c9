//! The loop: what is to be done is done, and what can't be done now is tried again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::failures::{ended, is_passing, pause_unless};
use super::heartbeat::Heartbeat;
use super::lease::Lease;
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
use crate::reconcile::claim::CaughtUp;
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
    /// How long the work may make no progress before its heartbeats no longer count: longer than any one
    /// call of a store may take.
    pub stall_max: Duration,
}

/// What a worker that writes keeps in mind; all of it can be read again.
pub struct Following {
    pub(super) settings: Settings,
    /// Whether the checkpoint says that the graph stands exactly at its version.
    pub(super) is_consistent: bool,
    /// Whether the checkpoint was found as provsync left it.
    pub(super) is_sealed: bool,
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
    pub(super) distrust: Option<String>,
    pub(super) anew: Option<String>,
}

/// The source's life, and the versions that were read before it.
struct Seen {
    versions: Versions,
    epoch: Epoch,
    at: Instant,
}

/// What the source said of its versions.
pub(super) struct Polled {
    pub versions: Versions,
    /// A moment at which the source is known to have been in the life that the plan is made for, and the
    /// version at that moment.
    pub seen: (Instant, i64),
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
    mut following: Following,
    lease: Lease<S>,
) -> Result<()> {
    let (engine, life) = (&carrier.engine, following.life.clone());
    let fence = engine.fence_in_force();
    let heartbeat = Heartbeat::start_with(&engine.graph, lease, life.clone(), fence);
    let error = life.while_working(following.work(&mut carrier)).await;
    // Before it says that it ends: a heartbeat after that would name a worker that is gone.
    heartbeat.stop().await;
    following.end(&carrier.engine, &error).await;
    Err(error)
}

impl Following {
    /// Turn by turn, until the end; returns why it came.
    async fn work<S: SourceStore, G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) -> Error {
        let mut pauses = retry::schedule();
        loop {
            let before = self.mark(&carrier.engine);
            let pause = match self.turn_or_freeze(carrier).await {
                Ok(turn) => {
                    pauses = retry::schedule();
                    let trouble = carrier.engine.state.trouble();
                    metrics::health(true, trouble.is_none());
                    metrics::frozen(carrier.engine.state.frozen.len());
                    self.life.trouble(trouble);
                    let is_progress = self.mark(&carrier.engine) != before;
                    self.pause_after(if is_progress { turn } else { Turn::Idle })
                }
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "can't go on now; trying again");
                    metrics::retry(&error);
                    metrics::health(true, false);
                    self.forget(&mut carrier.engine, &error);
                    pauses.next().unwrap_or(self.settings.sync.heartbeat)
                }
                Err(error) => return error,
            };
            // The end is seen at the next turn.
            let _ = pause_unless(&self.stop, pause).await;
        }
    }

    /// Nothing was asked yet.
    pub(super) fn new(settings: &Settings, is_sealed: bool, stop: watch::Receiver<bool>) -> Self {
        let sync = &settings.sync;
        let life = Life::new(settings.holder.clone(), sync.heartbeat, settings.retention);
        Self {
            is_consistent: false,
            is_sealed,
            stop,
            pace: Pace::new(sync.poll_min, sync.poll_max),
            life: life.stalled_after(settings.stall_max),
            trickle: Trickle::new(sync.verify_interval),
            seen: None,
            must_reload: true,
            polled_at: None,
            looked_at_constraints: None,
            looked_at_due: None,
            carried_untracked: None,
            thawed_at: None,
            distrust: None,
            anew: None,
            settings: settings.clone(),
        }
    }

    /// A turn; what the circuit breaker refused is frozen, and the next turn continues with the rest.
    async fn turn_or_freeze<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<Turn> {
        match self.turn(carrier).await {
            Err(error) if error.kind == Kind::Stop => {
                self.freeze(&mut carrier.engine, error).await.map(|()| Turn::Busy)
            }
            outcome => outcome,
        }
    }

    async fn turn<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<Turn> {
        ended(&self.stop)?;
        self.reload(&mut carrier.engine).await?;
        self.may_go_on(&mut carrier.engine).await?;
        self.look_at_constraints(&mut carrier.engine).await?;
        let Polled { versions, seen } = self.poll(carrier).await?;
        let (plan, epoch) = self.plan(&carrier.engine, &versions, &self.asked(&carrier.engine))?;
        self.learn(&mut carrier.engine, &epoch).await?;
        match plan {
            Plan::Idle | Plan::Window if self.asked_for_rows().is_some() => {
                Box::pin(self.mend(carrier)).await?;
                Ok(Turn::Busy)
            }
            Plan::Idle => self.idle(carrier, seen).await,
            Plan::Window => {
                let carried = self.window(carrier).await?;
                self.after_window(&carrier.engine, carried, seen);
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
            request: self.life.request().map(|request| request.id),
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

    /// Asks for the versions; and for the epoch, where they show that it may be another, or it was not
    /// asked for a while.
    pub(super) async fn poll<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<Polled> {
        let at = Instant::now();
        let versions = carrier.source.versions(&self.settings.mapping).await?;
        self.polled_at = Some(at);
        // The versions come first: whatever happens after they were read shows in the next ones.
        // A restore may leave them as they were, and the failure that it caused may be long forgotten; what
        // is said of the graph is said of the moment at which the epoch was known last.
        let sync = &self.settings.sync;
        let is_old = |seen: &Seen| {
            let of_another_life = seen.versions.tables != versions.tables;
            of_another_life || seen.at.elapsed() >= sync.heartbeat.min(sync.poll_max)
        };
        if self.seen.as_ref().is_none_or(is_old) {
            let epoch = carrier.source.epoch(&self.settings.mapping).await?;
            self.seen = Some(Seen { versions: versions.clone(), epoch, at });
        }
        let current = versions.current.unwrap_or(0);
        self.life.polled(carrier.engine.state.version, current);
        let seen = self.seen.as_ref().map(|s| (s.at, s.versions.current.unwrap_or(0)));
        Ok(Polled { versions, seen: seen.unwrap_or((at, current)) })
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
        let request = self.life.request().filter(|r| r.kind == RequestKind::Full);
        let is_due = self
            .carried_untracked
            .is_none_or(|at| at.elapsed() >= self.settings.sync.untracked_interval);
        let untracked = engine.mapping.tables().filter(|(_, t)| t.tracking == Tracking::None);
        let names = untracked.map(|(_, t)| t.name.to_string()).filter(|_| is_due);
        Asked {
            full: request.is_some(),
            restart: request.is_some_and(|r| carried_out(&engine.state) != Some(&r.id)),
            adopt: self.settings.adopt,
            tables: names.collect(),
            distrust: self.distrust.clone(),
            anew: self.anew.clone(),
            thaw: self.thaw(&engine.state),
        }
    }

    pub(super) fn after_window<G: GraphStore>(
        &mut self,
        engine: &Engine<G>,
        carried: Carried,
        seen: (Instant, i64),
    ) {
        match carried {
            // What was committed before the poll is in the graph.
            Carried::UpTo { is_nothing_due, .. } => self.claim(engine, is_nothing_due, seen),
            Carried::Replan => self.seen = None,
            Carried::Distrust(reason) => self.distrust = Some(reason),
            Carried::Anew(reason) => self.anew = Some(reason),
        }
    }

    /// Says that the graph has what the source had at a moment, if that may be said.
    fn claim<G: GraphStore>(
        &mut self,
        engine: &Engine<G>,
        is_nothing_due: bool,
        (at, version): (Instant, i64),
    ) {
        if let Some(claim) = CaughtUp::check(&engine.state, version, is_nothing_due, at) {
            self.life.caught_up(claim);
        }
    }

    /// The graph has all that the source has: time for what waits, and for a look at all rows.
    async fn idle<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        seen: (Instant, i64),
    ) -> Result<Turn> {
        let is_time = |at: Instant| at.elapsed() >= self.settings.sync.heartbeat;
        // Before anything is said of it, nothing may be left that is due.
        if !self.is_consistent || self.looked_at_due.is_none_or(is_time) {
            self.looked_at_due = Some(Instant::now());
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
        self.claim(&carrier.engine, true, seen);
        let has_written = self.trickle.step(carrier).await;
        self.life.verifying(self.trickle.says());
        self.trickle.was_said();
        self.is_consistent &= !has_written?;
        Ok(Turn::Idle)
    }

    async fn carry_due<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<bool> {
        carrier.engine.refresh_waiting().await?;
        let previous = carrier.engine.begin_background();
        let outcome = carrier.carry_due().await;
        let run = carrier.engine.end(previous, outcome.is_ok());
        self.note(&run.summary);
        self.is_consistent &= !run.has_written;
        self.doubt_epoch();
        Ok(outcome? > 0)
    }

    /// Whether the work may go on: nobody asked for the end, and nobody else may write.
    ///
    /// # Errors
    /// [`Kind::Ended`] and [`Kind::FencedOff`].
    pub(super) async fn may_go_on<G: GraphStore>(&self, engine: &mut Engine<G>) -> Result<()> {
        ended(&self.stop)?;
        self.life.check_fence(engine).await
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
        // What others ask decides what is done first.
        if let Some(fence) = &engine.fence {
            self.life.beat(&engine.graph, fence).await?;
        }
        (self.must_reload, self.is_consistent) = (false, false);
        Ok(())
    }

    /// The worker ends: a standby need not wait for heartbeats of it.
    async fn end<G: GraphStore>(&mut self, engine: &Engine<G>, error: &Error) {
        let Some(fence) = engine.fence.as_ref().filter(|_| error.kind != Kind::FencedOff) else {
            return;
        };
        if error.kind != Kind::Ended {
            self.life.trouble(Some(error.to_string()));
            if let Err(error) = self.life.beat(&engine.graph, fence).await {
                tracing::warn!(%error, "the checkpoint does not say why this worker ends");
            }
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

/// The request that the full resync under way carries out, whichever process began it.
fn carried_out(state: &State) -> Option<&String> {
    state.progress.as_ref()?.request.as_ref()
}
