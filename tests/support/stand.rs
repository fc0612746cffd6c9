//! A worker over an emulator and Neo4j, and what a test does around it.

use provsync::config::Config;
use provsync::mapping::Mapping;
use provsync::sync::start::Options;

use super::graph::TestGraph;
use super::run::{apply_schema, config, mapping};
use super::scenario::Scenario;
use super::source::{self, TestSource, file};
use super::truth::{assert_equal, reasons};
use super::worker::{Worker, caught_up, until};
use super::{Random, seed};

pub const EDIT_NODES: &str = "MATCH (n:AtomGraphNode) SET n.metadata = 'edited'";
pub const EDITED_NODES: &str =
    "MATCH (n:AtomGraphNode {metadata: 'edited'}) RETURN count(n) AS row";

pub struct Stand {
    pub graph: TestGraph,
    pub source: TestSource,
    pub config: Config,
}

/// A worker that has done its first load.
pub async fn following() -> (Stand, Worker) {
    let graph = super::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), 20).sql()).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let config = config(&source.config(), &graph);
    let stand = Stand { graph, source, config };
    let worker = stand.start();
    stand.assert_right().await;
    (stand, worker)
}

pub fn default_text() -> String {
    std::fs::read_dir(file("mappings"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .find(|text| text.contains("graph.AtomGraphNodes"))
        .unwrap()
}

impl Stand {
    pub fn start(&self) -> Worker {
        Worker::start(&self.config)
    }

    pub fn start_with(&self, toml: &str) -> Worker {
        Worker::start_with(&self.config, mapping(toml), Options::default())
    }

    pub async fn change(&self, what: &str) {
        let sql = format!("UPDATE graph.AtomGraphEdges SET Metadata = N'{what}' WHERE EdgeId <= 3");
        self.source.execute(&sql).await;
    }

    pub async fn assert_right(&self) {
        caught_up(&self.source, &self.graph).await;
        assert_equal(&self.source, &self.graph).await;
        assert_eq!(reasons(&self.graph).await, Vec::<String>::new());
    }

    /// All rows are looked at: nothing less mends what was edited and has not changed.
    pub async fn assert_full(&self) {
        until(&self.graph, EDITED_NODES, 0).await;
        self.assert_right().await;
    }
}
