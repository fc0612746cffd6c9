//! The worker when rows do what they seldom do: very many at once, a column of another type, an edge
//! that comes to a node which is newer than its window, names that only a deleted checkpoint knew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::config::FullConfig;
use support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use support::stand::following;
use support::truth::assert_equal;
use support::worker::{caught_up, caught_up_within, until};

/// Rows of the large transaction; `PROVSYNC_TEST_ROWS=1000000` for the largest that is looked at.
fn rows() -> u64 {
    let given = std::env::var("PROVSYNC_TEST_ROWS").ok();
    given.map_or(50_000, |rows| rows.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_very_large_transaction_goes_by_pages_and_none_of_its_rows_is_lost() {
    let (mut stand, worker) = following().await;
    worker.end().await.unwrap();
    let full = stand.config.full.clone();
    stand.config.full = FullConfig { batch_rows: 5_000, page_rows: 10_000, lanes: 2, ..full };
    let worker = stand.start();
    let rows = rows();
    let blocks = rows.div_ceil(100_000);
    let insert = format!(
        "SET IDENTITY_INSERT provenance.GenerationStreams ON;
         WITH d AS (SELECT v.n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v(n)),
              k AS (SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS n FROM d AS a, d AS b, d AS c, d, d AS e)
         INSERT INTO provenance.GenerationStreams (StreamId, SourceAtomId, TargetAtomId, GenerationType)
         SELECT 1000 + k.n + 100000 * m.n, 100 + k.n % 20, 100 + k.n % 7, N'text'
         FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS m(n) JOIN k ON m.n < {blocks} WHERE k.n < {rows}"
    );
    let before = stand.source.version().await;
    stand.source.execute(&insert).await;
    let all = "UPDATE provenance.GenerationStreams SET ModelUsed = N'all' WHERE StreamId >= 1000";
    stand.source.execute(all).await;
    assert_eq!(stand.source.version().await, before + 2, "two transactions");
    caught_up_within(&stand.source, &stand.graph, 60 + rows / 1_000).await;
    let shown = "MATCH ()-[r:GENERATED {modelUsed: 'all'}]->() RETURN count(r) AS row";
    assert_eq!(stand.graph.number(shown).await, i64::try_from(rows).unwrap());
    assert_equal(&stand.source, &stand.graph).await;
    worker.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_another_type_under_the_worker_is_carried_as_what_it_is_now() {
    let (stand, worker) = following().await;
    stand.source.execute("ALTER TABLE graph.AtomGraphEdges ALTER COLUMN Weight FLOAT NULL").await;
    stand.source.execute("UPDATE graph.AtomGraphEdges SET Weight = 0.1 WHERE EdgeId <= 3").await;
    caught_up(&stand.source, &stand.graph).await;
    let exact = "MATCH ()-[r]->() WHERE r.edgeId <= 3 AND r.weight = 0.1 RETURN count(r) AS row";
    assert_eq!(stand.graph.number(exact).await, 3, "as FLOAT, not rounded to REAL");
    worker.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_of_a_window_brings_an_end_that_came_after_it() {
    let (mut stand, worker) = following().await;
    worker.end().await.unwrap();
    let proxy = BoltProxy::start(&stand.graph.config.uri).await;
    stand.config.graph.uri = proxy.uri();
    // Too small for the window, which goes by pages: nodes first, then edges.
    stand.config.full.batch_rows = 4;
    proxy.arm(Fault::next(On::RunContaining("SET n += row.p"), Effect::Hold));
    stand
        .source
        .execute(
            "UPDATE graph.AtomGraphNodes SET Metadata = N'x' WHERE NodeId <= 6;
             UPDATE graph.AtomGraphEdges SET Metadata = N'x' WHERE EdgeId <= 6",
        )
        .await;
    let _worker = stand.start();
    proxy.until_struck(1).await;
    // The window's keys are read; its edges are not.
    stand
        .source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (777, 777, N'atom');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF;
             DELETE FROM graph.AtomGraphEdges WHERE EdgeId = 5;
             SET IDENTITY_INSERT graph.AtomGraphEdges ON;
             INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType)
             SELECT a.$node_id, b.$node_id, 5, N'DerivedFrom' FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b
             WHERE a.NodeId = 1 AND b.NodeId = 777;
             SET IDENTITY_INSERT graph.AtomGraphEdges OFF",
        )
        .await;
    // Its next window begins with a read of the entries that are due.
    proxy.arm(Fault::next(On::RunContaining("SET c += $state"), Effect::Hold).after(3));
    proxy.release();
    let joined = "MATCH (:AtomGraphNode {nodeId: 1})-[r:DERIVED_FROM {edgeId: 5}]->(:AtomGraphNode {nodeId: 777}) RETURN count(r) AS row";
    until(&stand.graph, joined, 1).await;
    assert_eq!(support::truth::reasons(&stand.graph).await, Vec::<String>::new());
    proxy.release();
    stand.assert_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_only_a_deleted_checkpoint_knew_are_found_again() {
    let (stand, worker) = following().await;
    let retype = |relation: &str, kind: &str| {
        format!(
            "UPDATE graph.AtomGraphEdges SET RelationshipType = N'{relation}' WHERE EdgeId = 2;
                 UPDATE graph.AtomGraphNodes SET NodeType = N'{kind}', AtomId = 900 WHERE NodeId = 2"
        )
    };
    stand.source.execute(&retype("cutting", "cutting")).await;
    stand.assert_right().await;
    assert_eq!(stand.graph.number("MATCH ()-[r:CUTTING]->() RETURN count(r) AS row").await, 1);
    worker.end().await.unwrap();
    stand.source.execute(&retype("DerivedFrom", "layer")).await;
    stand.graph.run("MATCH (c:ProvsyncCheckpoint) DETACH DELETE c").await;
    let _worker = stand.start();
    stand.assert_right().await;
    let old = "MATCH (n) WHERE n:Cutting OR (n)-[:CUTTING]->() RETURN count(n) AS row";
    assert_eq!(stand.graph.number(old).await, 0);
}
