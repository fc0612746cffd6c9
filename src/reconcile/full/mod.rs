//! `provsync full`: all keys of all tables, by ranges in key order.
//!
//! Phases, each begun when the one before is committed (R8): what is gone (relationships, then
//! nodes, which leave), nodes, edges, links, placeholders. V0, the source's version when it began,
//! is what the checkpoint says in the end: what changed meanwhile comes again with the first window
//! after it. The phase and the next key stand on the checkpoint, so that a run that was killed goes
//! on there.

mod carry;
mod gone;

use std::time::{Duration, Instant};

use super::ahead::Reader;
use super::carrier::Carrier;
use super::claim;
use super::engine::{self, Engine};
use super::plan::{self, Asked, Plan, Start};
use super::progress::Phase;
use super::summary::{Summary, Written};
use crate::config::{Config, FullConfig};
use crate::error::{Error, Result};
use crate::finding::Level;
use crate::mapping::{Mapping, Slot};
use crate::model::value::VALUES;
use crate::neo4j::checkpoint::{Found, Progress, State};
use crate::neo4j::leader::{self, Request, RequestKind};
use crate::neo4j::preflight::GraphDescription;
use crate::neo4j::schema::{self, SchemaItem};
use crate::neo4j::{self, Graph};
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::epoch::{Epoch, Versions};
use crate::sqlserver::pages::Depth;
use crate::sqlserver::preflight::SourceDescription;
use crate::sqlserver::{self, Source};
use crate::sync::heartbeat::Heartbeat;
use crate::sync::life::{Life, holder};
use crate::sync::right::lease_name;

/// How long preflight waits for indexes that are being filled.
const POPULATING_MAX: Duration = Duration::from_secs(60);
/// Keys a light page.
const LIGHT_ROWS: usize = 50_000;

/// What was asked for on the command line.
#[derive(Clone, Copy, Debug, Default)]
// Each is a flag of the command line, and they are independent.
#[allow(clippy::struct_excessive_bools)]
pub struct Options {
    /// Say what would be done; write nothing.
    pub dry_run: bool,
    /// Deletes of a table that may pass the circuit breaker.
    pub allow_deletes: Option<u64>,
    /// Make a graph of another source equal to this one.
    pub adopt: bool,
    /// Begin anew even where an earlier run can be gone on with.
    pub restart: bool,
    /// Draw bars on the terminal.
    pub on_terminal: bool,
}

/// What became of a full that was asked for on the command line.
#[derive(Debug)]
pub enum Ran {
    /// It was done.
    Done(Box<Summary>),
    /// A worker writes, and was asked to do it: its holder's name, and the request.
    Asked(String, Request),
}

/// Makes the graph equal to the source; where a worker writes, it is asked to do it.
///
/// # Errors
/// The graph keeps what was committed, and the checkpoint says how far the run came.
pub async fn run(config: &Config, mapping: Mapping, options: Options) -> Result<Ran> {
    let begun = Instant::now();
    let mut source = Source::new(config.source.clone());
    source.connect().await?;
    let graph = Graph::connect(&config.graph).await?;
    preflight(config, &mut source, &graph, &mapping).await?;
    let mut lease = source.another();
    let lease_name = lease_name(&graph).await?;
    if !options.dry_run && !lease.take_lease(&lease_name).await? {
        return ask(&graph, options).await;
    }
    let life = (!options.dry_run).then(|| Life::new(holder("full"), config.sync.heartbeat, None));
    let alone = Alone(life);
    let carried = carry(source, graph, &config.full, mapping, options, alone);
    let mut summary = Box::pin(carried).await?;
    summary.seconds = begun.elapsed().as_secs_f64();
    Ok(Ran::Done(Box::new(summary)))
}

/// Leaves a request for the worker that has the lease.
async fn ask(graph: &Graph, options: Options) -> Result<Ran> {
    let holder = leader::holder(graph).await?;
    let request = Request::new(RequestKind::Full, options.allow_deletes);
    leader::ask(graph, &request).await?;
    Ok(Ran::Asked(holder, request))
}

/// What goes on between the pages of a full: a worker keeps following the source.
pub trait Between<S, G>: Send {
    /// Work of its own that may write: it may move the version up to which changes are carried.
    fn turn(&mut self, carrier: &mut Carrier<S, G>) -> impl Future<Output = Result<()>> + Send;

    /// A moment in which nothing may be written: the fence is lost, an end was asked for.
    fn tick(&mut self, engine: &mut Engine<G>) -> impl Future<Output = Result<()>> + Send;
}

/// A full resync that is alone; it gives heartbeats, if it is to.
#[derive(Default)]
pub struct Alone(pub Option<Life>);

impl Alone {
    /// Begins the heartbeats of whoever writes with this engine, if they are to be given.
    pub fn start_heartbeat<G: GraphStore>(&self, engine: &Engine<G>) -> Option<Heartbeat> {
        let life = self.0.clone()?;
        Some(Heartbeat::start(&engine.graph, life, engine.fence_in_force()))
    }
}

impl<S: SourceStore, G: GraphStore> Between<S, G> for Alone {
    async fn turn(&mut self, carrier: &mut Carrier<S, G>) -> Result<()> {
        Between::<S, G>::tick(self, &mut carrier.engine).await
    }

    async fn tick(&mut self, engine: &mut Engine<G>) -> Result<()> {
        match &self.0 {
            Some(life) => life.check_fence(engine).await,
            None => Ok(()),
        }
    }
}

/// Makes the graph equal to the source, and nothing else.
///
/// # Errors
/// As [`run`].
pub async fn carry<S: SourceStore, G: GraphStore>(
    mut source: S,
    graph: G,
    limits: &FullConfig,
    mapping: Mapping,
    options: Options,
    mut alone: Alone,
) -> Result<Summary> {
    let epoch = source.epoch(&mapping).await?;
    let versions = source.versions(&mapping).await?;
    let asked =
        Asked { full: true, restart: options.restart, adopt: options.adopt, ..Asked::default() };
    let start =
        |found: Option<&Found>| match plan::plan(found, &epoch, &versions, &mapping, &asked)? {
            Plan::Full(start) => Ok(start),
            Plan::Idle | Plan::Window => Err(Error::stop("a full was asked for and not planned")),
        };
    // Before anything is written: is the graph this source's at all?
    let found = graph.checkpoint().await?;
    let mut begin_with = start(found.as_ref())?;
    let mut state = found.map(|found| found.state).unwrap_or_default();
    let mut fence = None;
    if !options.dry_run {
        let (taken, found) = graph.raise(&epoch.database, options.adopt).await?;
        // What stood there when the lock was taken: an older writer may have written since.
        begin_with = start(Some(&found))?;
        (fence, state) = (Some(taken), found.state);
    }
    let registry = engine::registry(&graph, &mapping, &begin_with.owned).await?;
    let allow_deletes = options.allow_deletes.or(limits.allow_deletes);
    let limits = FullConfig { allow_deletes, ..limits.clone() };
    let mut engine = Engine::new(graph, mapping, registry, fence, state, limits);
    engine.refresh_waiting().await?;
    let heartbeat = alone.start_heartbeat(&engine);
    let mut carrier = Carrier { source, engine };
    let full =
        Full::begin(&mut carrier, &mut alone, options, begin_with, &epoch, &versions, None).await?;
    full.carry_all().await?;
    if let Some(heartbeat) = heartbeat {
        heartbeat.stop().await;
    }
    let engine = carrier.engine;
    if let Some(fence) = engine.fence.as_ref().filter(|_| alone.0.is_some()) {
        engine.graph.leave(fence).await?;
    }
    let mut summary = engine.run.summary;
    summary.close();
    Ok(summary)
}

/// A run that has the right to write.
pub struct Full<'a, S, G, B> {
    carrier: &'a mut Carrier<S, G>,
    between: &'a mut B,
    options: Options,
    start: Start,
}

impl<'a, S: SourceStore, G: GraphStore, B: Between<S, G>> Full<'a, S, G, B> {
    /// Says on the checkpoint what is done, and for which request, if somebody asked for it. The run of the
    /// engine is that of the resync.
    pub async fn begin(
        carrier: &'a mut Carrier<S, G>,
        between: &'a mut B,
        options: Options,
        start: Start,
        epoch: &Epoch,
        versions: &Versions,
        request: Option<String>,
    ) -> Result<Self> {
        let engine = &mut carrier.engine;
        let state = first_state(&start, engine, epoch, versions, request);
        if let Some(fence) = engine.fence.clone() {
            // What it said before may be true no more, also where nothing is written at first.
            let (graph, consistent) = (engine.graph.clone(), claim::consistent(&state, None));
            engine.send(graph.advance(&fence, None, &state, consistent)).await?;
        }
        engine.state = state;
        engine.run.has_written = start.progress.is_some();
        engine.run.summary = Summary {
            source: engine.state.source.clone(),
            version: engine.state.followed(),
            dry_run: options.dry_run,
            resumed: start.progress.is_some(),
            reason: start.reason.clone(),
            ..Summary::default()
        };
        Ok(Self { carrier, between, options, start })
    }

    /// Carries everything, from where an earlier run stopped.
    pub async fn carry_all(mut self) -> Result<()> {
        // Boxed: each is large, and only one runs at a time.
        Box::pin(self.between.turn(self.carrier)).await?;
        Box::pin(self.remove_gone()).await?;
        for slot in self.slots() {
            Box::pin(self.carry_table(slot)).await?;
        }
        Box::pin(self.carrier.carry_due()).await?;
        self.carrier.sweep().await?;
        self.finish().await
    }

    /// The tables that are read anew, in the order in which they are carried.
    fn slots(&self) -> Vec<Slot> {
        let mapping = &self.carrier.engine.mapping;
        let is_in =
            |slot: &Slot| self.start.tables.contains(&mapping.table(*slot).name.to_string());
        mapping.slots().into_iter().filter(is_in).collect()
    }

    async fn finish(mut self) -> Result<()> {
        let mut patience = self.carrier.engine.patience();
        let (current, is_all) = loop {
            match self.count_what_is_left().await {
                Ok(left) => break left,
                Err(error) => self.carrier.engine.wait(&mut patience, error).await?,
            }
        };
        let engine = &mut self.carrier.engine;
        let followed = engine.state.followed();
        let is_now = is_all && followed == Some(current) && engine.state.frozen.is_empty();
        engine.run.summary.version = followed;
        engine.run.summary.consistent = !self.options.dry_run && is_now;
        let state = State { version: followed, progress: None, ..engine.state.clone() };
        engine.advance(state, Some(is_now)).await
    }

    /// Quarantine as it stands; the source's version now, and whether nothing is due any more
    /// and the source is the one that was read.
    async fn count_what_is_left(&mut self) -> Result<(i64, bool)> {
        let engine = &mut self.carrier.engine;
        for tally in engine.run.summary.kinds.values_mut() {
            if !self.options.dry_run {
                tally.quarantined = 0;
            }
        }
        for slot in engine.mapping.slots() {
            if !self.options.dry_run {
                let table = engine.mapping.table(slot).name.to_string();
                let count = engine.graph.entry_count(&table).await?;
                engine.run.summary.tally(slot).quarantined += count;
            }
        }
        let is_all = self.carrier.due().await?.is_nothing();
        let current = self.carrier.source.current().await?;
        Ok((current, is_all && self.carrier.is_same_life().await?))
    }

    fn reader(&self, slot: Slot, depth: Depth) -> Reader<S> {
        let rows = match depth {
            Depth::Rows => self.carrier.engine.limits.page_rows,
            Depth::Light => LIGHT_ROWS,
        };
        self.carrier.reader(slot, depth, rows)
    }

    /// For a phase's bar alone: a source that can't count now may still be read.
    async fn rows_at_the_source(&mut self, slot: Slot) -> u64 {
        let mapping = self.carrier.engine.mapping.clone();
        self.carrier.source.count(&mapping, slot).await.unwrap_or(0)
    }

    fn phase(&self, what: &str, slot: Slot, total: u64) -> Phase {
        let name = format!("{what} {}", self.carrier.engine.mapping.table(slot).name);
        Phase::begin(name, total, self.options.on_terminal)
    }
}

fn first_state<G: GraphStore>(
    start: &Start,
    engine: &Engine<G>,
    epoch: &Epoch,
    versions: &Versions,
    request: Option<String>,
) -> State {
    let since = versions.current.unwrap_or(0);
    let is_all = start.tables.len() == engine.mapping.slots().len();
    // Tables that are not read anew go on from where they are.
    let v0 = if is_all { None } else { engine.state.followed() };
    let progress = start.progress.clone().unwrap_or_else(|| Progress {
        v0: v0.unwrap_or(since),
        tables: start.tables.iter().cloned().collect(),
        since,
        phase: "gone".to_owned(),
        table: String::new(),
        next: i64::MIN,
        request,
    });
    State {
        source: engine.state.source_with(&epoch.database),
        identity: engine.state.identity.follow(&epoch.database),
        version: start.version,
        epoch: Some(epoch.known(&engine.mapping)),
        mapping: engine.mapping.digest.clone(),
        owned: engine.registry.owned().clone(),
        values: VALUES,
        progress: Some(progress),
        cursor: None,
        witness: None,
        // A table that is reloaded is followed from here.
        frozen: engine.state.without_frozen(&start.tables),
        ..engine.state.clone()
    }
}

/// What `doctor` checks, at every start of who writes: a run over a wrong set-up would stop halfway or
/// scan. Constraints that went missing are made.
pub async fn preflight(
    config: &Config,
    source: &mut Source,
    graph: &Graph,
    mapping: &Mapping,
) -> Result<SourceDescription> {
    let source = sqlserver::preflight::describe(source, &config.source.user, mapping).await?;
    let mut described = neo4j::preflight::describe(graph, &config.graph.database, mapping).await?;
    if described.checkpoint.is_some() && !described.schema.is_empty() {
        // The schema was applied once; the mapping has grown since, or somebody dropped a constraint.
        let lacking = std::mem::take(&mut described.schema);
        let lacking: Vec<SchemaItem> = lacking.into_iter().map(|(item, _)| item).collect();
        let made = schema::ensure(graph, &lacking, POPULATING_MAX).await?.made();
        tracing::warn!(constraints = made, "constraints were missing and are made");
    }
    put_right_first(mapping, &source, &described)?;
    Ok(source)
}

/// The same for who only reads: nothing is made.
pub async fn preflight_of_reader(
    config: &Config,
    source: &mut Source,
    graph: &Graph,
    mapping: &Mapping,
) -> Result<()> {
    let source = sqlserver::preflight::describe(source, &config.source.user, mapping).await?;
    let described = neo4j::preflight::describe(graph, &config.graph.database, mapping).await?;
    put_right_first(mapping, &source, &described)
}

fn put_right_first(
    mapping: &Mapping,
    source: &SourceDescription,
    graph: &GraphDescription,
) -> Result<()> {
    let of_source = sqlserver::preflight::check(mapping, source);
    // Whose the graph is, `start` decides: it may be adopted.
    let of_graph = neo4j::preflight::check(graph, None);
    let errors: Vec<String> = of_source
        .iter()
        .chain(&of_graph)
        .filter(|finding| finding.level == Level::Error)
        .map(|f| {
            format!(
                "{} {}: expected {}, found {}\n      fix: {}",
                f.check, f.object, f.expected, f.found, f.fix
            )
        })
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    let what =
        format!("{} thing(s) must be put right first\n    {}", errors.len(), errors.join("\n    "));
    Err(Error::usage(what).hint("`provsync doctor` shows both sides"))
}

/// Adds up counters of data that no transaction of [`Engine`] wrote.
impl Written {
    /// Whether nothing at all was written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
