//! A second Neo4j with settings of its own: a small memory limit of a transaction, and read-only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::process::Command;

use provsync::config::{GraphConfig, Secret};
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::graph::TestGraph;
use support::scenario::{Node, nodes_sql};
use support::truth::{assert_equal, reasons};

/// `scripts/neo4j` for an instance of its own; stopped and removed at the end, also of a test that
/// fails.
struct Second;

impl Second {
    fn script(arguments: &[&str], settings: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/neo4j");
        let output = Command::new(script)
            .args(arguments)
            .env("NEO4J_INSTANCE", "second")
            .env("NEO4J_HEAP", "512m")
            .env("NEO4J_PAGECACHE", "64m")
            .env("NEO4J_SETTINGS", settings)
            .env_remove("PROVSYNC_GRAPH__URI")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(settings: &str) -> GraphConfig {
        let lines = Self::script(&["start"], settings);
        let value = |name: &str| {
            let line =
                lines.lines().find_map(|l| l.strip_prefix(&format!("{name}=")).map(String::from));
            line.unwrap_or_else(|| panic!("{name} is not in {lines}"))
        };
        let password = std::fs::read_to_string(value("PROVSYNC_GRAPH__PASSWORD_FILE")).unwrap();
        GraphConfig {
            uri: value("PROVSYNC_GRAPH__URI"),
            user: value("PROVSYNC_GRAPH__USER"),
            password: Secret::new(password.trim_end()),
            ..support::graph::config()
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        Self::script(&["stop"], "");
        Self::script(&["remove"], "");
    }
}

#[tokio::test]
async fn a_memory_limit_halves_batches_and_a_read_only_server_is_named() {
    support::init();
    let _second = Second;
    let config = Second::start("db.memory.transaction.max=8m");
    let graph = TestGraph::at(config.clone());
    graph.clear().await;
    let source = support::source::loose().await;
    let nodes: Vec<Node> = (1..=400).map(|key| Node { key, atom: key, kind: "atom" }).collect();
    source.execute(&nodes_sql(&nodes)).await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 10000)").await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 2000000) WHERE NodeId = 7").await;
    let mapping = || Mapping::default_mapping().unwrap();
    support::run::apply_schema(&graph, &mapping()).await;
    let mut run = support::run::config(&source.config(), &graph);
    run.full.page_rows = 400;
    run.full.batch_rows = 400;
    run.full.batch_bytes_max = 256 * 1024 * 1024;
    run.full.lanes = 1;
    let summary = support::run::run_full(&run, mapping(), Options::default()).await.unwrap();
    assert_eq!(reasons(&graph).await, ["graph.AtomGraphNodes 7 row-too-large"]);
    assert_eq!(summary.kinds["nodes"].created, 399);
    assert_equal(&source, &graph).await;
    let before = graph.dump().await;

    // Nothing of a run may arrive on a server that only reads, and the error says which setting.
    Second::script(&["stop"], "");
    drop(graph);
    Second::start("server.databases.default_to_read_only=true");
    let graph = TestGraph::at(config);
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = NULL").await;
    let error =
        support::run::run_full(&run, mapping(), Options::default()).await.unwrap_err().to_string();
    assert!(error.contains("read-only") && error.contains("server.databases"), "{error}");
    assert_eq!(graph.dump().await, before);
}
