//! The loop: what is to be done is done, and what can't be done now is tried again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::life::Life;
use super::metrics;
use super::pace::Pace;
use super::right::{self, Patience, Watch};
use super::verify::Trickle;
use super::window::Carried;
use crate::config::{FullConfig, SyncConfig};
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Registry, Tracking};
use crate::neo4j::checkpoint::{Fence, Found};
use crate::neo4j::schema;
use crate::reconcile::carrier::Carrier;
use crate::reconcile::engine::{Engine, Run};
use crate::reconcile::full::{Between, Full, Options};
use crate::reconcile::plan::{self, Asked, Plan, Start};
use crate::reconcile::retry;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::reconcile::summary::Summary;
use crate::sqlserver::epoch::{Epoch, Versions};

/// How often it is looked whether the constraints are still there.
const CONSTRAINTS_INTERVAL: Duration = Duration::from_secs(60);

/// A slow full.
const FULL_ROWS_PER_SECOND: u64 = 5_000;

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

/// Follows the source until it is asked to end (`Ok`), or until a rule stops it.
///
/// # Errors
/// Never a failure that may pass: those are waited for.
pub async fn follow<S: SourceStore, G: GraphStore>(
    source: S,
    graph: G,
    settings: Settings,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let mut was_fenced_off = false;
    loop {
        let standby = Standby {
            source: source.another(),
            lease: source.another(),
            watch: Watch::default(),
            was_fenced_off,
        };
        let outcome = match standby.wait(&graph, &settings, &stop).await {
            Ok((carrier, following)) => Box::pin(write(carrier, following)).await,
            Err(error) => Err(error),
        };
        metrics::health(false, true);
        match outcome {
            Err(error) if error.kind == Kind::Ended => return Ok(()),
            Err(error) if error.kind == Kind::FencedOff => {
                tracing::warn!(%error, "standing by");
                metrics::retry(&error);
                was_fenced_off = true;
                // Whoever did it has not given a sign yet.
                pause_unless(&stop, settings.sync.heartbeat).await.ok();
            }
            other => return other,
        }
    }
}

/// A worker that may not write.
struct Standby<S> {
    source: S,
    lease: S,
    watch: Watch,
    was_fenced_off: bool,
}

impl<S: SourceStore> Standby<S> {
    /// Waits for the right to write.
    async fn wait<G: GraphStore>(
        mut self,
        graph: &G,
        settings: &Settings,
        stop: &watch::Receiver<bool>,
    ) -> Result<(Carrier<S, G>, Following<S>)> {
        let mut pauses = retry::schedule();
        let mut has_said = false;
        loop {
            ended(stop)?;
            let pause = match self.look(graph, settings).await {
                Ok(Some(right)) => return Ok(self.write_with(graph, settings, right, stop)),
                Ok(None) => {
                    pauses = retry::schedule();
                    if !std::mem::replace(&mut has_said, true) {
                        tracing::info!("another worker writes; standing by");
                    }
                    right::interval(patience(settings))
                }
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "can't take the right to write now");
                    metrics::retry(&error);
                    pauses.next().unwrap_or(settings.sync.heartbeat)
                }
                Err(error) => return Err(error),
            };
            pause_unless(stop, pause).await?;
        }
    }

    async fn look<G: GraphStore>(
        &mut self,
        graph: &G,
        settings: &Settings,
    ) -> Result<Option<Right>> {
        let lease_name = right::lease_name(graph).await?;
        let patience = patience(settings);
        let (lease, watch) = (&mut self.lease, &mut self.watch);
        if !right::look(lease, &lease_name, graph, watch, self.was_fenced_off, patience).await? {
            return Ok(None);
        }
        let source_id = self.source.epoch(&settings.mapping).await?.source_id();
        let (fence, found) = right::raise(graph, &source_id, settings.adopt, patience).await?;
        Ok(Some(Right { lease_name, fence, found }))
    }

    fn write_with<G: GraphStore>(
        self,
        graph: &G,
        settings: &Settings,
        right: Right,
        stop: &watch::Receiver<bool>,
    ) -> (Carrier<S, G>, Following<S>) {
        tracing::info!(version = right.found.state.version, "writing");
        let state = right.found.state;
        let registry = Registry::new(&settings.mapping, &state.owned);
        let (mapping, limits) = (settings.mapping.clone(), settings.limits.clone());
        let engine =
            Engine::new(graph.clone(), mapping, registry, Some(right.fence), state, limits);
        let sync = &settings.sync;
        let following = Following {
            is_consistent: false,
            is_sealed: right.found.sealed,
            lease: self.lease,
            lease_name: right.lease_name,
            stop: stop.clone(),
            pace: Pace::new(sync.poll_min, sync.poll_max),
            life: Life::new(settings.holder.clone(), sync.heartbeat, settings.retention),
            trickle: Trickle::new(sync.verify_interval),
            seen: None,
            must_reload: false,
            polled_at: None,
            looked_at_constraints: None,
            looked_at_due: None,
            carried_untracked: None,
            begun: None,
            distrust: None,
            anew: None,
            settings: settings.clone(),
        };
        (Carrier { source: self.source, engine }, following)
    }
}

/// The right to write, and what stood on the checkpoint when it was taken.
struct Right {
    lease_name: String,
    fence: Fence,
    found: Found,
}

fn patience(settings: &Settings) -> Patience {
    Patience { heartbeat: settings.sync.heartbeat, takeover: settings.sync.takeover }
}

/// What a worker that writes keeps in mind; all of it can be read again.
pub struct Following<S> {
    pub(super) settings: Settings,
    /// Whether the checkpoint says that the graph stands exactly at its version.
    pub(super) is_consistent: bool,
    /// Whether the checkpoint was found as provsync left it.
    is_sealed: bool,
    lease: S,
    lease_name: String,
    stop: watch::Receiver<bool>,
    pace: Pace,
    life: Life,
    trickle: Trickle,
    seen: Option<Seen>,
    /// Whether what stands on the checkpoint has to be read again.
    must_reload: bool,
    polled_at: Option<Instant>,
    looked_at_constraints: Option<Instant>,
    looked_at_due: Option<Instant>,
    carried_untracked: Option<Instant>,
    /// The request whose full has begun.
    begun: Option<String>,
    distrust: Option<String>,
    anew: Option<String>,
}

/// The source's life, and the versions that were read before it.
struct Seen {
    versions: Versions,
    epoch: Epoch,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Busy,
    Idle,
}

/// Follows the source with the right to write, until that is lost, a rule stops it, or the end was
/// asked for.
async fn write<S: SourceStore, G: GraphStore>(
    mut carrier: Carrier<S, G>,
    mut following: Following<S>,
) -> Result<()> {
    let mut pauses = retry::schedule();
    loop {
        let pause = match following.turn(&mut carrier).await {
            Ok(turn) => {
                pauses = retry::schedule();
                following.life.trouble(None);
                metrics::health(true, true);
                following.pause_after(turn)
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
    async fn turn<G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) -> Result<Turn> {
        ended(&self.stop)?;
        self.reload(&mut carrier.engine).await?;
        self.sign(&mut carrier.engine).await?;
        self.look_at_constraints(&carrier.engine).await?;
        let (at, versions) = self.poll(carrier).await?;
        let (plan, epoch) = self.plan(&carrier.engine, &versions, &self.asked(&carrier.engine))?;
        match plan {
            Plan::Idle => self.idle(carrier, at).await,
            Plan::Window => {
                let carried = self.window(carrier).await?;
                self.after_window(carried, at);
                Ok(Turn::Busy)
            }
            Plan::Full(start) => {
                Box::pin(self.full(carrier, start, &epoch, &versions)).await?;
                Ok(Turn::Busy)
            }
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
    async fn poll<G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<(Instant, Versions)> {
        let at = Instant::now();
        let versions = carrier.source.versions(&self.settings.mapping).await?;
        self.polled_at = Some(at);
        // The versions come first: whatever happens after they were read shows in the next ones.
        if self.seen.as_ref().is_none_or(|seen| seen.versions.tables != versions.tables) {
            let epoch = carrier.source.epoch(&self.settings.mapping).await?;
            self.seen = Some(Seen { versions: versions.clone(), epoch });
        }
        self.life.behind(carrier.engine.state.followed(), versions.current.unwrap_or(0));
        Ok((at, versions))
    }

    fn plan<G: GraphStore>(
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

    fn asked<G: GraphStore>(&self, engine: &Engine<G>) -> Asked {
        let request = self.life.request.as_ref();
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
        }
    }

    fn after_window(&mut self, carried: Carried, at: Instant) {
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
        if self.looked_at_due.is_none_or(|at| at.elapsed() >= self.settings.sync.heartbeat) {
            self.looked_at_due = Some(at);
            if self.carry_due(carrier).await? {
                return Ok(Turn::Busy);
            }
        }
        if !self.is_consistent {
            // Nothing has changed since the rows in the graph were read.
            let state = carrier.engine.state.clone();
            carrier.engine.advance(state, Some(true)).await?;
            self.is_consistent = true;
        }
        if self.trickle.step(carrier).await? {
            self.is_consistent = false;
        }
        Ok(Turn::Idle)
    }

    async fn carry_due<G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) -> Result<bool> {
        carrier.engine.refresh_waiting().await?;
        let previous = carrier.engine.begin(Run::default());
        let outcome = carrier.carry_due().await;
        let run = carrier.engine.begin(previous);
        self.note(&run.summary);
        self.is_consistent &= run.summary.written.is_empty();
        Ok(outcome? > 0)
    }

    async fn full<G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        start: Start,
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
        self.begun = self.life.request.as_ref().map(|r| r.id.clone());
        let asked = self
            .life
            .request
            .clone()
            .filter(|_| start.tables.len() == carrier.engine.mapping.slots().len());
        if let Some(deletes) = asked.as_ref().and_then(|r| r.allow_deletes) {
            carrier.engine.limits.allow_deletes = Some(deletes);
        }
        let untracked = self.asked(&carrier.engine).tables;
        let covers_untracked = untracked.is_subset(&start.tables);
        let options = Options::default();
        let outcome = match Full::begin(carrier, self, options, start, epoch, versions).await {
            Ok(full) => full.carry_all().await,
            Err(error) => Err(error),
        };
        carrier.engine.limits.allow_deletes = self.settings.limits.allow_deletes;
        let mut summary = carrier.engine.begin(Run::default()).summary;
        self.note(&summary);
        outcome?;
        (self.distrust, self.anew) = (None, None);
        if covers_untracked {
            self.carried_untracked = Some(Instant::now());
        }
        summary.close();
        metrics::quarantine(summary.quarantined());
        let written = serde_json::to_string(&summary.kinds).unwrap_or_default();
        tracing::info!(version = summary.version, counts = written, "all rows are read");
        match asked {
            Some(request) => self.answer(&carrier.engine, &request.id, &written).await,
            None => Ok(()),
        }
    }

    /// Windows in between keep the full's version from growing old; it is worth a word all the same.
    async fn warn_of_duration<G: GraphStore>(&mut self, carrier: &mut Carrier<S, G>) {
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

    async fn answer<G: GraphStore>(
        &mut self,
        engine: &Engine<G>,
        id: &str,
        outcome: &str,
    ) -> Result<()> {
        if let Some(fence) = &engine.fence {
            engine.graph.answer(fence, id, outcome).await?;
        }
        self.life.request = None;
        Ok(())
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
        if self.lease.holds_lease(&self.lease_name).await.unwrap_or(false) {
            return;
        }
        match self.lease.take_lease(&self.lease_name).await {
            Ok(true) => tracing::info!("the lease is ours"),
            Ok(false) => tracing::warn!("another has the lease"),
            Err(error) => tracing::warn!(%error, "the lease can't be held now"),
        }
    }

    /// Without a constraint its statements would scan, and could make doubles.
    async fn look_at_constraints<G: GraphStore>(&mut self, engine: &Engine<G>) -> Result<()> {
        if self.looked_at_constraints.is_some_and(|at| at.elapsed() < CONSTRAINTS_INTERVAL) {
            return Ok(());
        }
        let wanted = schema::constraints(&engine.mapping, &engine.registry);
        let made = engine.graph.constrain(&wanted).await?;
        if made > 0 {
            tracing::warn!(constraints = made, "constraints were missing and are made again");
        }
        self.looked_at_constraints = Some(Instant::now());
        Ok(())
    }

    /// After a failure nothing that is kept in mind is relied on.
    fn forget<G: GraphStore>(&mut self, engine: &mut Engine<G>, error: &Error) {
        engine.is_unsettled |= error.kind == Kind::UnknownOutcome;
        engine.begin(Run::default());
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
        engine.registry = Registry::new(&engine.mapping, &found.state.owned);
        engine.state = found.state;
        engine.somebody_waits = true;
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

impl<S: SourceStore, G: GraphStore> Between<S, G> for Following<S> {
    async fn turn(&mut self, carrier: &mut Carrier<S, G>) -> Result<()> {
        self.sign(&mut carrier.engine).await?;
        if self.polled_at.is_some_and(|at| at.elapsed() < self.settings.sync.poll_max) {
            return Ok(());
        }
        let (at, versions) = self.poll(carrier).await?;
        let again = |what: &str| {
            Err(Error::new(Kind::Transient, format!("while all rows are read: {what}")))
        };
        match self.plan(&carrier.engine, &versions, &Asked::default())?.0 {
            Plan::Full(start) if start.progress.is_some() => {}
            _ => return again("the source is another than when it began"),
        }
        if carrier.engine.state.followed() == versions.current {
            self.life.caught_up(versions.current.unwrap_or(0), at);
            return Ok(());
        }
        let carried = self.window(carrier).await?;
        let is_done = matches!(carried, Carried::UpTo(_));
        self.after_window(carried, at);
        if is_done { Ok(()) } else { again("changes are no longer there") }
    }

    async fn tick(&mut self, engine: &mut Engine<G>) -> Result<()> {
        self.sign(engine).await
    }
}

fn ended(stop: &watch::Receiver<bool>) -> Result<()> {
    if *stop.borrow() { Err(Error::new(Kind::Ended, "asked to end")) } else { Ok(()) }
}

/// Waits, but not when the end was asked for.
pub(super) async fn pause_unless(stop: &watch::Receiver<bool>, pause: Duration) -> Result<()> {
    let mut changes = stop.clone();
    let asked = async {
        if changes.wait_for(|stop| *stop).await.is_err() {
            // Nobody can ask for the end any more.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = sleep(pause) => {}
        () = asked => {}
    }
    ended(stop)
}

/// Whether a failure of a worker is waited for. Pure.
///
/// A server that starts again refuses logins and databases for a while with errors that are an
/// operator's fault at any other time. What is too large there is no batch, which would have been
/// halved: others use up the memory that the server has for transactions.
fn is_passing(error: &Error) -> bool {
    /// While the server starts, or a database recovers, is restored, changes over or has no room.
    /// Source: the engine's messages.
    const OF_SOURCE: [&str; 17] = [
        "Msg 4060",
        "Msg 18456",
        "Msg 18401",
        "Msg 17142",
        "Msg 904",
        "Msg 921",
        "Msg 922",
        "Msg 923",
        "Msg 924",
        "Msg 927",
        "Msg 942",
        "Msg 945",
        "Msg 952",
        "Msg 976",
        "Msg 983",
        "Msg 988",
        "Msg 9002",
    ];
    const OF_GRAPH: [&str; 4] = [
        "Neo.ClientError.Database.DatabaseNotFound",
        "Neo.ClientError.Security.Unauthorized",
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
        "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
    ];
    let code = error.server_code().unwrap_or_default();
    error.is_retryable()
        || error.kind == Kind::TooLarge
        || OF_SOURCE.contains(&code)
        || OF_GRAPH.contains(&code)
}
