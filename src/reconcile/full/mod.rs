//! `provsync full`: all keys of all tables, by ranges in key order.
//!
//! Phases, each begun when the one before is committed (R8): what is gone (relationships, then
//! nodes, which leave), nodes, edges, links, placeholders. V0, the source's version when it began,
//! is what the checkpoint says in the end: what changed meanwhile comes again with the first window
//! after it. The phase and the next key stand on the checkpoint, so that a run that was killed goes
//! on there.

mod ahead;
mod carry;
mod gone;
mod start;
mod sweep;

use std::sync::Arc;
use std::time::Instant;

use super::engine::Engine;
use super::progress::Phase;
use super::summary::{Summary, Written};
use crate::config::{Config, FullConfig};
use crate::error::{Error, Result};
use crate::finding::Level;
use crate::mapping::{Mapping, Registry, Slot};
use crate::neo4j::checkpoint::{Progress, State};
use crate::neo4j::{self, Graph};
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::epoch::{Epoch, Versions};
use crate::sqlserver::pages::{Depth, PageLimit};
use crate::sqlserver::{self, Source};
use start::Start;

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

/// Makes the graph equal to the source.
///
/// # Errors
/// The graph keeps what was committed, and the checkpoint says how far the run came.
pub async fn run(config: &Config, mapping: Mapping, options: Options) -> Result<Summary> {
    let begun = Instant::now();
    let mut source = Source::new(config.source.clone());
    source.connect().await?;
    let graph = Graph::connect(&config.graph).await?;
    preflight(config, &mut source, &graph, &mapping).await?;
    let mut summary = Box::pin(carry(source, graph, &config.full, mapping, options)).await?;
    summary.seconds = begun.elapsed().as_secs_f64();
    Ok(summary)
}

/// [`run`] between two stores that are connected and in order.
pub async fn carry<S: SourceStore, G: GraphStore>(
    source: S,
    graph: G,
    limits: &FullConfig,
    mapping: Mapping,
    options: Options,
) -> Result<Summary> {
    let full = Full::begin(source, graph, limits, mapping, options).await?;
    full.carry_all().await
}

/// A run that has the right to write.
struct Full<S, G> {
    source: S,
    engine: Engine<G>,
    options: Options,
    start: Start,
}

impl<S: SourceStore, G: GraphStore> Full<S, G> {
    /// Decides how to begin, takes the right to write, and says on the checkpoint what is done.
    async fn begin(
        mut source: S,
        graph: G,
        limits: &FullConfig,
        mapping: Mapping,
        options: Options,
    ) -> Result<Self> {
        let epoch = source.epoch(&mapping).await?;
        let versions = source.versions(&mapping).await?;
        let found = graph.checkpoint().await?;
        // Before anything is written: is the graph this source's at all?
        let decide = |found: Option<&_>| start::decide(found, &epoch, versions, &mapping, options);
        let mut start = decide(found.as_ref())?;
        start::check_tables(&mapping, &start.owned)?;
        let mut fence = None;
        if !options.dry_run {
            let (taken, found) = graph.raise(&epoch.source_id(), options.adopt).await?;
            // What stood there when the lock was taken: an older writer may have written since.
            start = decide(Some(&found))?;
            fence = Some(taken);
        }
        let registry = Registry::new(&mapping, &start.owned);
        let state = first_state(&start, &epoch, versions, &mapping, &registry);
        if let Some(fence) = &fence {
            graph.advance(fence, None, &state, None).await?;
        }
        let allow_deletes = options.allow_deletes.or(limits.allow_deletes);
        let limits = FullConfig { allow_deletes, ..limits.clone() };
        let mut engine = Engine::new(graph, mapping, registry, fence, state, limits);
        engine.summary = Summary {
            source: epoch.source_id(),
            version: engine.state.progress.as_ref().map(|p| p.v0),
            dry_run: options.dry_run,
            resumed: start.progress.is_some(),
            reason: start.reason.clone(),
            ..Summary::default()
        };
        Ok(Self { source, engine, options, start })
    }

    async fn carry_all(mut self) -> Result<Summary> {
        self.remove_gone().await?;
        for slot in self.engine.mapping.slots() {
            self.carry_table(slot).await?;
        }
        self.sweep().await?;
        self.finish().await
    }

    async fn finish(mut self) -> Result<Summary> {
        let mut patience = self.engine.patience();
        let current = loop {
            match self.count_what_is_left().await {
                Ok(current) => break current,
                Err(error) => self.engine.wait(&mut patience, error).await?,
            }
        };
        let v0 = self.v0();
        self.engine.summary.consistent = !self.options.dry_run && current == v0;
        let state = State { version: Some(v0), progress: None, ..self.engine.state.clone() };
        self.engine.advance(state, Some(current == v0)).await?;
        let mut summary = self.engine.summary;
        summary.close();
        Ok(summary)
    }

    /// Quarantine as it stands, and the source's version now.
    async fn count_what_is_left(&mut self) -> Result<i64> {
        for tally in self.engine.summary.kinds.values_mut() {
            if !self.options.dry_run {
                tally.quarantined = 0;
            }
        }
        for slot in self.engine.mapping.slots() {
            if !self.options.dry_run {
                let table = self.engine.mapping.table(slot).name.to_string();
                let count = self.engine.graph.entry_count(&table).await?;
                self.engine.summary.tally(slot).quarantined += count;
            }
        }
        self.source.current().await
    }

    fn v0(&self) -> i64 {
        self.engine.state.progress.as_ref().map_or(0, |p| p.v0)
    }

    fn reader(&self, slot: Slot, depth: Depth) -> ahead::Reader<S> {
        let limits = &self.engine.limits;
        let rows = match depth {
            Depth::Rows => limits.page_rows,
            Depth::Light => LIGHT_ROWS,
        };
        ahead::Reader {
            source: self.source.another(),
            mapping: Arc::clone(&self.engine.mapping),
            slot,
            depth,
            limit: PageLimit { rows, bytes: limits.batch_bytes_max },
            retry_max: limits.retry_max,
        }
    }

    fn phase(&self, what: &str, slot: Slot, total: u64) -> Phase {
        let name = format!("{what} {}", self.engine.mapping.table(slot).name);
        Phase::begin(name, total, self.options.on_terminal)
    }
}

fn first_state(
    start: &Start,
    epoch: &Epoch,
    versions: Versions,
    mapping: &Mapping,
    registry: &Registry,
) -> State {
    let progress = start.progress.clone().unwrap_or_else(|| Progress {
        v0: versions.current.unwrap_or(0),
        phase: "gone".to_owned(),
        table: String::new(),
        next: i64::MIN,
    });
    State {
        source: epoch.source_id(),
        version: start.version,
        epoch: epoch.text(),
        mapping: mapping.digest.clone(),
        owned: registry.owned().clone(),
        progress: Some(progress),
    }
}

/// What `doctor` checks, at every start: a run over a wrong set-up would stop halfway or scan.
async fn preflight(
    config: &Config,
    source: &mut Source,
    graph: &Graph,
    mapping: &Mapping,
) -> Result<()> {
    let described = sqlserver::preflight::describe(source, &config.source.user, mapping).await?;
    let of_source = sqlserver::preflight::check(mapping, &described);
    let described = neo4j::preflight::describe(graph, &config.graph.database, mapping).await?;
    // Whose the graph is, `start` decides: it may be adopted.
    let of_graph = neo4j::preflight::check(&described, None);
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
