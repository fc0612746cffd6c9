//! A source, a graph behind a proxy, and the worker between them.

use std::time::Duration;

use provsync::config::Config;
use provsync::mapping::Mapping;

use super::support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use super::support::graph::{self, TestGraph};
use super::support::run::{apply_schema, config};
use super::support::scenario::Scenario;
use super::support::source::{self, TestSource};
use super::support::truth::{assert_equal, reasons};
use super::support::worker::{Worker, caught_up, untroubled};
use super::support::{Random, seed};

/// How long either store may take to answer.
pub const ANSWER_MAX: Duration = Duration::from_secs(1);
/// As good as never: no sign of life comes between a fault and what it is meant for.
pub const NEVER: Duration = Duration::from_secs(600);
const NODES: u64 = 30;

pub struct Stand {
    pub graph: TestGraph,
    pub proxy: BoltProxy,
    pub source: TestSource,
    pub config: Config,
    pub worker: Option<Worker>,
    step: u64,
}

/// The request that a fault is meant for.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Text of a statement that is special to the phase.
    pub text: &'static str,
    /// How many of them pass before.
    pub after: usize,
    /// The COMMIT that follows the statement, and not the statement.
    pub commit: bool,
}

pub const fn statement(text: &'static str) -> Place {
    Place { text, after: 0, commit: false }
}

pub const fn commit(text: &'static str) -> Place {
    Place { text, after: 0, commit: true }
}

impl Place {
    pub const fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }
}

impl Stand {
    /// Nothing is loaded yet and no worker runs.
    pub async fn new() -> Self {
        let graph = graph::empty().await;
        let proxy = BoltProxy::start(&graph.config.uri).await;
        let source = source::loose().await;
        source.execute(&Scenario::random(&mut Random::new(seed()), NODES).sql()).await;
        apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
        let mut config = config(&source.config(), &graph);
        config.graph.uri = proxy.uri();
        config.graph.answer_timeout = ANSWER_MAX;
        config.source.statement_timeout = ANSWER_MAX;
        config.source.connect_timeout = ANSWER_MAX;
        config.sync.heartbeat = NEVER;
        Self { graph, proxy, source, config, worker: None, step: 0 }
    }

    /// A worker runs and has done its first load.
    pub async fn following() -> Self {
        let mut stand = Self::new().await;
        stand.start();
        stand.quiet().await;
        stand
    }

    pub fn start(&mut self) {
        self.worker = Some(Worker::start(&self.config));
    }

    /// As when its process is killed.
    pub fn kill(&mut self) {
        self.worker = None;
    }

    /// Waits until the graph has all, and the worker has nothing more to say.
    pub async fn quiet(&self) {
        caught_up(&self.source, &self.graph).await;
        untroubled(&self.graph).await;
    }

    /// A number that no change had before.
    pub fn next(&mut self) -> u64 {
        self.step += 1;
        self.step
    }

    /// A change of every kind, few enough for one transaction.
    pub async fn change_few(&mut self) {
        let n = self.next();
        let (a, b) = (10_000 + 2 * n, 10_001 + 2 * n);
        self.source
            .execute(&format!(
                "BEGIN TRANSACTION;
                 UPDATE graph.AtomGraphNodes SET Metadata = N'few {n}' WHERE NodeId = 1;
                 INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES ({a}, N'atom'), ({b}, N'atom');
                 INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType, Weight)
                 SELECT a.$node_id, b.$node_id, N'DerivedFrom', 0.7 FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.AtomId = {a} AND b.AtomId = {b};
                 UPDATE provenance.GenerationStreams SET ModelUsed = N'few {n}' WHERE StreamId = 1;
                 COMMIT"
            ))
            .await;
    }

    /// A change of some pages of nodes and of edges.
    pub async fn change_many(&mut self) {
        let n = self.next();
        self.source
            .execute(&format!(
                "BEGIN TRANSACTION;
                 UPDATE graph.AtomGraphNodes SET Metadata = N'many {n}' WHERE NodeId <= 20;
                 UPDATE graph.AtomGraphEdges SET Metadata = N'many {n}' WHERE EdgeId <= 20;
                 COMMIT"
            ))
            .await;
    }

    /// A fault at a place; returns how many strikes there will have been when it has struck.
    pub fn arm(&self, place: Place, effect: Effect) -> usize {
        let Place { text, after, commit } = place;
        let before = self.proxy.struck();
        if commit {
            // One strike that does nothing, to find the transaction.
            self.proxy.arm(
                Fault::next(On::RunContaining(text), Effect::Slow(Duration::ZERO)).after(after),
            );
            self.proxy.arm(Fault::next(On::Commit, effect));
            return before + 2;
        }
        self.proxy.arm(Fault::next(On::RunContaining(text), effect).after(after));
        before + 1
    }

    /// The fault has struck: what is left open by it is let go, and the worker goes on.
    pub async fn struck(&self, strikes: usize, effect: Effect) {
        self.proxy.until_struck(strikes).await;
        if matches!(effect, Effect::LateCommit) {
            // Whoever settles the outcome waits for the lock by now.
            let blocked = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*) > 0 AS row";
            let begun = std::time::Instant::now();
            while self.graph.column(blocked).await != ["true"] && begun.elapsed() < ANSWER_MAX {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.proxy.release();
        }
    }

    /// The end of a cell: all is there, once, and nothing is in quarantine but what is named.
    pub async fn assert_right(&self, quarantined: &[&str]) {
        self.quiet().await;
        self.proxy.disarm();
        self.source.emulator().faults().disarm();
        assert_equal(&self.source, &self.graph).await;
        assert_eq!(reasons(&self.graph).await, quarantined);
        let checkpoints = "MATCH (c:ProvsyncCheckpoint) RETURN count(c) AS row";
        assert_eq!(self.graph.number(checkpoints).await, 1);
        if let Some(worker) = &self.worker {
            assert!(worker.is_running());
        }
    }

    /// One cell of a worker that runs: fault, change, end.
    pub async fn cell(&mut self, place: Place, effect: Effect, many: bool) {
        println!("{place:?}: {effect:?}");
        let strikes = self.arm(place, effect);
        if many {
            self.change_many().await;
        } else {
            self.change_few().await;
        }
        self.struck(strikes, effect).await;
        self.assert_right(&[]).await;
    }
}
