//! A second Neo4j with settings of its own: a small memory limit of a transaction, and read-only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::graph::TestGraph;
use support::scenario::{Node, nodes_sql};
use support::server::Server;
use support::truth::{assert_equal, reasons};

#[tokio::test]
async fn a_memory_limit_halves_batches_and_a_read_only_server_is_named() {
    support::init();
    let second = Server::named("second");
    let config = second.start("db.memory.transaction.max=8m");
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
    second.stop();
    drop(graph);
    second.start("server.databases.default_to_read_only=true");
    let graph = TestGraph::at(config);
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = NULL").await;
    let error =
        support::run::run_full(&run, mapping(), Options::default()).await.unwrap_err().to_string();
    assert!(error.contains("read-only") && error.contains("server.databases"), "{error}");
    assert_eq!(graph.dump().await, before);
}
