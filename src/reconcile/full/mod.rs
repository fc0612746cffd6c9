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

use std::time::Instant;

use super::engine::Engine;
use super::progress::Phase;
use super::summary::{Summary, Written};
use crate::config::{Config, FullConfig};
use crate::error::{Error, Result};
use crate::finding::Level;
use crate::mapping::{Mapping, Registry, Slot};
use crate::neo4j::checkpoint::{self, Progress, State};
use crate::neo4j::{self, Graph, quarantine};
use crate::sqlserver::epoch::{self, Epoch, Versions};
use crate::sqlserver::{self, Source};
use start::Start;

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
    let full = Full::begin(config, mapping, options, graph, &mut source).await?;
    let mut summary = Box::pin(full.carry_all(&mut source)).await?;
    summary.seconds = begun.elapsed().as_secs_f64();
    Ok(summary)
}

/// A run that has the right to write.
struct Full {
    engine: Engine,
    options: Options,
    config: Config,
    start: Start,
}

impl Full {
    /// Decides how to begin, takes the right to write, and says on the checkpoint what is done.
    async fn begin(
        config: &Config,
        mapping: Mapping,
        options: Options,
        graph: Graph,
        source: &mut Source,
    ) -> Result<Self> {
        let epoch = epoch::read_epoch(source, &mapping).await?;
        let versions = epoch::read_versions(source, &mapping).await?;
        let found = checkpoint::read(&graph).await?;
        // Before anything is written: is the graph this source's at all?
        let decide = |found: Option<&_>| start::decide(found, &epoch, versions, &mapping, options);
        let mut start = decide(found.as_ref())?;
        start::check_tables(&mapping, &start.owned)?;
        let mut fence = None;
        if !options.dry_run {
            let (taken, found) =
                checkpoint::raise(&graph, &epoch.source_id(), options.adopt).await?;
            // What stood there when the lock was taken: an older writer may have written since.
            start = decide(Some(&found))?;
            fence = Some(taken);
        }
        let registry = Registry::new(&mapping, &start.owned);
        let state = first_state(&start, &epoch, versions, &mapping, &registry);
        if let Some(fence) = &fence {
            let advance = async |txn: &mut neo4rs::Txn| {
                checkpoint::advance(txn, fence, None, &state, None).await
            };
            graph.write(advance).await?;
        }
        let allow_deletes = options.allow_deletes.or(config.full.allow_deletes);
        let limits = FullConfig { allow_deletes, ..config.full.clone() };
        let mut engine = Engine::new(graph, mapping, registry, fence, state, limits);
        engine.summary = Summary {
            source: epoch.source_id(),
            version: engine.state.progress.as_ref().map(|p| p.v0),
            dry_run: options.dry_run,
            resumed: start.progress.is_some(),
            reason: start.reason.clone(),
            ..Summary::default()
        };
        Ok(Self { engine, options, config: config.clone(), start })
    }

    async fn carry_all(mut self, source: &mut Source) -> Result<Summary> {
        self.remove_gone().await?;
        for slot in self.engine.mapping.slots() {
            self.carry_table(source, slot).await?;
        }
        self.sweep().await?;
        self.finish(source).await
    }

    async fn finish(mut self, source: &mut Source) -> Result<Summary> {
        let mut patience = self.engine.patience();
        let current = loop {
            match self.count_what_is_left(source).await {
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
    async fn count_what_is_left(&mut self, source: &mut Source) -> Result<i64> {
        for tally in self.engine.summary.kinds.values_mut() {
            if !self.options.dry_run {
                tally.quarantined = 0;
            }
        }
        for slot in self.engine.mapping.slots() {
            if !self.options.dry_run {
                let table = self.engine.mapping.table(slot).name.to_string();
                let count = quarantine::count(&self.engine.graph, &table).await?;
                self.engine.summary.tally(slot).quarantined += count;
            }
        }
        epoch::read_current(source).await
    }

    fn v0(&self) -> i64 {
        self.engine.state.progress.as_ref().map_or(0, |p| p.v0)
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
