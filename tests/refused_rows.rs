//! The worker where Neo4j refuses rows that were in the graph, since others made a constraint of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::error::Kind;
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::run::{config, full, run_full};
use support::scenario::{Edge, Node, Stream, edges_sql, nodes_sql, streams_sql};
use support::source;
use support::stand::{Stand, following};
use support::truth::{assert_equal, reasons};
use support::worker::{Worker, caught_up};

const NODES_DIFFER: &str =
    "CREATE CONSTRAINT of_others FOR (n:AtomGraphNode) REQUIRE n.metadata IS UNIQUE";
const EDGES_DIFFER: &str =
    "CREATE CONSTRAINT of_others FOR ()-[r:DERIVED_FROM]-() REQUIRE r.metadata IS UNIQUE";

fn node(key: i64) -> Node {
    Node { key, atom: 9_000 + key, kind: "atom" }
}

/// Every row has metadata of its own; three nodes in a circle, and a stream.
async fn in_a_circle() -> (Stand, Worker) {
    let (stand, worker) = following().await;
    let edge = |key, from, to| Edge { key, from, to, kind: "DerivedFrom" };
    stand.source.execute(&nodes_sql(&[node(901), node(902), node(903)])).await;
    let edges = [edge(901, 901, 902), edge(902, 902, 903), edge(903, 903, 901)];
    stand.source.execute(&edges_sql(&edges)).await;
    stand.source.execute(&streams_sql(&[Stream { key: 901, from: 9_901, to: 9_903 }])).await;
    differ(&stand).await;
    stand.assert_right().await;
    (stand, worker)
}

async fn differ(stand: &Stand) {
    for (table, key) in [("graph.AtomGraphNodes", "NodeId"), ("graph.AtomGraphEdges", "EdgeId")] {
        let sql = format!("UPDATE {table} SET Metadata = CONVERT(nvarchar(20), {key})");
        stand.source.execute(&sql).await;
    }
}

/// What is in quarantine while node 901 is.
fn without_901(reason: &str) -> [String; 3] {
    [
        "graph.AtomGraphEdges 901 edge-end-missing".to_owned(),
        "graph.AtomGraphEdges 903 edge-end-missing".to_owned(),
        format!("graph.AtomGraphNodes 901 {reason}"),
    ]
}

/// The graph is right but for these.
async fn assert_quarantined(stand: &Stand, expected: &[String]) {
    caught_up(&stand.source, &stand.graph).await;
    assert_eq!(reasons(&stand.graph).await, expected);
    assert_equal(&stand.source, &stand.graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_change_is_refused_leaves_and_its_edges_wait_for_it() {
    let (stand, worker) = in_a_circle().await;
    stand.graph.run(NODES_DIFFER).await;
    stand
        .source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = N'902' WHERE NodeId = 901")
        .await;
    assert_quarantined(&stand, &without_901("row-refused")).await;
    differ(&stand).await;
    stand.assert_right().await;
    assert!(worker.is_running());
}

/// Quarantine was empty: the row that waits for the identity came in the same page.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_takes_the_identity_of_one_that_is_refused_enters_at_once() {
    let (stand, _worker) = in_a_circle().await;
    stand.graph.run(NODES_DIFFER).await;
    stand
        .source
        .execute(&format!(
            "BEGIN TRANSACTION;
             UPDATE graph.AtomGraphNodes SET Metadata = N'902' WHERE NodeId = 901;
             {}
             COMMIT",
            nodes_sql(&[Node { key: 904, ..node(901) }])
        ))
        .await;
    assert_quarantined(&stand, &without_901("row-refused")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_whose_change_is_refused_waits_and_its_reason_follows_its_nodes() {
    let edge = ["graph.AtomGraphEdges 901 row-refused".to_owned()];
    let (stand, _worker) = in_a_circle().await;
    stand.graph.run(EDGES_DIFFER).await;
    stand
        .source
        .execute("UPDATE graph.AtomGraphEdges SET Metadata = N'902' WHERE EdgeId = 901")
        .await;
    assert_quarantined(&stand, &edge).await;
    stand.source.execute("UPDATE graph.AtomGraphNodes SET AtomId = NULL WHERE NodeId = 901").await;
    assert_quarantined(&stand, &without_901("identity-null")).await;
    stand.source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 9901 WHERE NodeId = 901").await;
    assert_quarantined(&stand, &edge).await;
    stand.graph.run("DROP CONSTRAINT of_others").await;
    stand.source.execute("UPDATE graph.AtomGraphEdges SET Weight = 0.5 WHERE EdgeId = 901").await;
    stand.assert_right().await;
}

#[tokio::test]
async fn more_refused_changes_than_quarantine_max_stop_the_run_before_a_node_leaves() {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    source.execute(&nodes_sql(&(1..=6).map(node).collect::<Vec<_>>())).await;
    source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = CONVERT(nvarchar(20), NodeId)")
        .await;
    full(&source, &graph).await.unwrap();
    graph.run(NODES_DIFFER).await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'6' WHERE NodeId <= 3").await;
    let before = graph.dump().await;
    let mut config = config(&source.config(), &graph);
    config.full.quarantine_max = 2;
    let stopped = run_full(&config, Mapping::default_mapping().unwrap(), Options::default()).await;
    let stopped = stopped.unwrap_err();
    assert_eq!(stopped.kind, Kind::Stop);
    assert!(stopped.to_string().contains("row-refused"), "{stopped}");
    assert_eq!(graph.dump().await, before);
}
