//! The worker over the emulator and a real Neo4j: what changes at the source is in the graph soon.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::mapping::Mapping;
use support::graph::TestGraph;
use support::run::{apply_schema, config};
use support::scenario::Scenario;
use support::source::{self, TestSource};
use support::truth::{assert_equal, reasons};
use support::worker::{Worker, caught_up, until};
use support::{Random, seed};

/// A source with a small random graph, an empty Neo4j with its schema, and a worker that has done its
/// first load.
async fn following(n: u64) -> (TestGraph, TestSource, Worker) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), n).sql()).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let worker = Worker::start(&config(&source.config(), &graph));
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    (graph, source, worker)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_loads_and_every_kind_of_change_follows() {
    let (graph, source, worker) = following(40).await;
    let changes = [
        "UPDATE graph.AtomGraphNodes SET Metadata = N'{\"new\":1}' WHERE NodeId <= 5",
        "UPDATE graph.AtomGraphNodes SET NodeType = N'model', AtomId = 4711 WHERE NodeId = 7",
        "DELETE FROM graph.AtomGraphEdges WHERE EdgeId IN (3, 4, 5)",
        "UPDATE graph.AtomGraphEdges SET RelationshipType = N'SimilarTo' WHERE EdgeId BETWEEN 10 AND 20",
        "DELETE FROM provenance.GenerationStreams WHERE StreamId <= 10",
        "UPDATE provenance.GenerationStreams SET TargetAtomId = 999999 WHERE StreamId = 11",
        "INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (5001, N'atom'), (5002, N'atom')",
        "INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType, Weight)
         SELECT a.$node_id, b.$node_id, N'DerivedFrom', 0.7 FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.AtomId = 5001 AND b.AtomId = 5002",
        "DELETE FROM provenance.GenerationStreams WHERE StreamId = 11",
    ];
    for sql in changes {
        source.execute(sql).await;
        caught_up(&source, &graph).await;
        assert_equal(&source, &graph).await;
    }
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
    worker.end().await.unwrap();
    until(&graph, "MATCH (c:ProvsyncCheckpoint) WHERE c.holder IS NULL RETURN count(c) AS row", 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_swap_identities_in_one_transaction_and_their_edges_go_with_the_rows() {
    let (graph, source, _worker) = following(30).await;
    source
        .execute(
            "UPDATE graph.AtomGraphNodes SET AtomId = 7000 + NodeId, NodeType = N'atom' WHERE NodeId IN (1, 2)",
        )
        .await;
    caught_up(&source, &graph).await;
    source
        .execute(
            "UPDATE graph.AtomGraphNodes SET AtomId = CASE NodeId WHEN 1 THEN 7002 ELSE 7001 END WHERE NodeId IN (1, 2)",
        )
        .await;
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_waits_for_an_identity_and_enters_with_its_edges_when_the_owner_goes() {
    let (graph, source, _worker) = following(20).await;
    source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (501, 8000, N'atom'), (502, 8000, N'atom');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF",
        )
        .await;
    caught_up(&source, &graph).await;
    assert_eq!(reasons(&graph).await, ["graph.AtomGraphNodes 502 identity-taken"]);
    source
        .execute(
            "INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType)
             SELECT a.$node_id, b.$node_id, N'DerivedFrom' FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.NodeId = 502 AND b.NodeId = 1",
        )
        .await;
    caught_up(&source, &graph).await;
    assert_eq!(reasons(&graph).await.len(), 2, "its edge waits with it");
    assert_equal(&source, &graph).await;
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 501").await;
    caught_up(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
    assert_equal(&source, &graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_larger_than_a_batch_goes_by_pages() {
    let (graph, source, _worker) = following(60).await;
    source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = N'x', AtomId = AtomId + 10000")
        .await;
    source.execute("UPDATE graph.AtomGraphEdges SET Weight = 3").await;
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncate_while_caught_up_is_noticed() {
    let (graph, source, _worker) = following(20).await;
    source.execute("TRUNCATE TABLE graph.AtomGraphEdges").await;
    until(&graph, "MATCH ()-[r]->() WHERE r.edgeId IS NOT NULL RETURN count(r) AS row", 0).await;
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
}
