//! `provsync full`: all keys of all tables, by ranges in key order.
//!
//! Phases, each begun when the one before is committed (R8): what is gone (relationships, then
//! nodes, which leave), nodes, edges, links, placeholders. V0, the source's version when it began,
//! is what the checkpoint says in the end: what changed meanwhile comes again with the first window
//! after it. The phase and the next key stand on the checkpoint, so that a run that was killed goes
//! on there.

mod carry;
mod gone;
mod start;

use std::sync::Arc;
use std::time::Instant;

use super::page::Engine;
use super::progress::Phase;
use super::summary::{Summary, Written};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::finding::Level;
use crate::mapping::{Mapping, Registry, Shape, Slot};
use crate::neo4j::checkpoint::{self, Progress, State};
use crate::neo4j::{
    self, Graph, Statement, cypher, list, quarantine, run as run_statement, values,
};
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
    let mut summary = full.carry_all(&mut source).await?;
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
        let start = start::decide(found.as_ref(), &epoch, versions, &mapping, options)?;
        start::check_tables(&mapping, &start.owned)?;
        let registry = Registry::new(&mapping, &start.owned);
        let state = first_state(&start, &epoch, versions, &mapping, &registry);
        let mut fence = None;
        if !options.dry_run {
            let taken = checkpoint::raise(&graph, &state.source, options.adopt).await?.0;
            graph
                .write(async |txn| checkpoint::advance(txn, &taken, None, &state, None).await)
                .await?;
            fence = Some(taken);
        }
        let summary = Summary {
            source: state.source.clone(),
            version: state.progress.as_ref().map(|p| p.v0),
            dry_run: options.dry_run,
            resumed: start.progress.is_some(),
            reason: start.reason.clone(),
            ..Summary::default()
        };
        let engine = Engine {
            graph,
            mapping: Arc::new(mapping),
            registry,
            fence,
            state,
            limits: config.full.clone(),
            summary,
            quarantined_anew: 0,
        };
        Ok(Self { engine, options, config: config.clone(), start })
    }

    async fn carry_all(mut self, source: &mut Source) -> Result<Summary> {
        self.remove_gone(source).await?;
        for slot in self.engine.mapping.slots() {
            self.carry_table(source, slot).await?;
        }
        self.sweep().await?;
        self.finish(source).await
    }

    /// Placeholders that no link needs any more.
    async fn sweep(&mut self) -> Result<()> {
        let mapping = Arc::clone(&self.engine.mapping);
        for i in 0..mapping.nodes.len() {
            let shape = Shape::new(&mapping, &self.engine.registry, Slot::Node(i));
            let Some(node) = shape.node() else { continue };
            while self.orphans(cypher::count_orphans(node, &shape.key)).await? > 0 {
                let Some(fence) = self.engine.fence.clone() else { break };
                let text = cypher::sweep(node, &shape.key);
                let limit = i64::try_from(self.config.full.batch_rows).unwrap_or(i64::MAX);
                let read_at = self.v0();
                let (removed, counters) = self
                    .engine
                    .graph
                    .write(async |txn| {
                        let (rows, counters) =
                            run_statement(txn, Statement::new(text).with("limit", limit)).await?;
                        checkpoint::guard(txn, &fence, read_at).await?;
                        let removed = rows.first().and_then(|row| row.get::<i64>("written").ok());
                        Ok((removed.unwrap_or(0), counters))
                    })
                    .await?;
                self.engine.summary.placeholders_removed += u64::try_from(removed).unwrap_or(0);
                self.engine.summary.written.add(&counters);
            }
        }
        Ok(())
    }

    async fn orphans(&self, text: String) -> Result<i64> {
        let mut count = 0;
        self.engine
            .graph
            .read(Statement::new(text), |row| {
                count = list(&row)?.first().and_then(values::integer).unwrap_or(0);
                Ok(())
            })
            .await?;
        Ok(count)
    }

    async fn finish(mut self, source: &mut Source) -> Result<Summary> {
        for slot in self.engine.mapping.slots() {
            if !self.options.dry_run {
                let table = self.engine.mapping.table(slot).name.to_string();
                let count = quarantine::count(&self.engine.graph, &table).await?;
                self.engine.summary.tally(slot).quarantined += count;
            }
        }
        let v0 = self.v0();
        let current = epoch::read_current(source).await?;
        self.engine.summary.consistent = !self.options.dry_run && current == v0;
        let state = State { version: Some(v0), progress: None, ..self.engine.state.clone() };
        self.engine.advance(state, Some(current == v0)).await?;
        let mut summary = self.engine.summary;
        summary.close();
        Ok(summary)
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
