//! Rows that the graph can't hold: each is in quarantine with its reason, the others are carried,
//! and nothing is lost: when the row is mended it arrives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::error::Kind;
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::graph::TestGraph;
use support::run::{full, full_with, mapping};
use support::scenario::{Edge, Node, Stream, edges_sql, nodes_sql, streams_sql};
use support::source::{self, TestSource};
use support::truth::{assert_equal, reasons};

async fn both() -> (TestGraph, TestSource) {
    (support::graph::empty().await, source::loose().await)
}

fn node(key: i64, kind: &'static str) -> Node {
    Node { key, atom: 100 + key, kind }
}

/// Carries twice: all is right, and the second run writes nothing.
async fn carry(source: &TestSource, graph: &TestGraph) {
    full(source, graph).await.unwrap();
    assert_equal(source, graph).await;
    let again = full(source, graph).await.unwrap();
    assert!(again.written.is_empty(), "{:?}", again.written);
}

#[tokio::test]
async fn a_type_with_backticks_and_cypher_in_it_never_becomes_cypher() {
    let (graph, source) = both().await;
    let evil = "Atom`) DETACH DELETE (n) //";
    source.execute(&nodes_sql(&[node(1, "atom"), node(2, "atom"), node(3, "atom")])).await;
    source
        .execute(&format!("UPDATE graph.AtomGraphNodes SET NodeType = N'{evil}' WHERE NodeId = 2"))
        .await;
    source
        .execute(&edges_sql(&[
            Edge { key: 1, from: 1, to: 3, kind: "SimilarTo" },
            Edge { key: 2, from: 1, to: 3, kind: "SimilarTo" },
        ]))
        .await;
    source.execute("UPDATE graph.AtomGraphEdges SET RelationshipType = N'A`]->() DELETE r //' WHERE EdgeId = 2").await;
    carry(&source, &graph).await;
    assert_eq!(
        reasons(&graph).await,
        ["graph.AtomGraphEdges 2 type-refused", "graph.AtomGraphNodes 2 type-refused"]
    );
    let texts = graph.column("MATCH (q:ProvsyncQuarantine) RETURN q.detail AS row").await.join(" ");
    assert!(!texts.contains('`'), "no row's content in a reason: {texts}");
    source.execute("UPDATE graph.AtomGraphNodes SET NodeType = N'model' WHERE NodeId = 2").await;
    source
        .execute(
            "UPDATE graph.AtomGraphEdges SET RelationshipType = N'DerivedFrom' WHERE EdgeId = 2",
        )
        .await;
    carry(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn text_that_is_no_text_waits_and_nul_is_kept() {
    let (graph, source) = both().await;
    source
        .execute(&nodes_sql(&[node(1, "atom"), node(2, "atom"), node(3, "atom"), node(4, "atom")]))
        .await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'a' + NCHAR(55296) + N'b' WHERE NodeId = 1").await;
    source
        .execute(
            "UPDATE graph.AtomGraphNodes SET Metadata = N'a' + NCHAR(0) + N'b' WHERE NodeId = 2",
        )
        .await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = NCHAR(55357) + NCHAR(56832) + NCHAR(65533) WHERE NodeId = 3").await;
    source
        .execute(
            "UPDATE graph.AtomGraphNodes SET NodeType = N'atom' + NCHAR(56320) WHERE NodeId = 4",
        )
        .await;
    carry(&source, &graph).await;
    assert_eq!(
        reasons(&graph).await,
        ["graph.AtomGraphNodes 1 value-unreadable", "graph.AtomGraphNodes 4 type-unreadable"]
    );
    let texts =
        graph.column("MATCH (n:AtomGraphNode) RETURN n.metadata AS row ORDER BY n.nodeId").await;
    assert_eq!(texts, ["a\0b", "\u{1F600}\u{FFFD}"]);
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'mended', NodeType = N'atom' WHERE NodeId IN (1, 4)").await;
    carry(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_row_that_became_unrepresentable_is_absent_and_its_edges_wait() {
    let (graph, source) = both().await;
    source.execute(&nodes_sql(&[node(1, "atom"), node(2, "atom")])).await;
    source.execute(&edges_sql(&[Edge { key: 1, from: 1, to: 2, kind: "SimilarTo" }])).await;
    carry(&source, &graph).await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = NULL WHERE NodeId = 1").await;
    carry(&source, &graph).await;
    assert_eq!(
        reasons(&graph).await,
        ["graph.AtomGraphEdges 1 edge-end-missing", "graph.AtomGraphNodes 1 identity-null"]
    );
    assert_eq!(
        graph.number("MATCH (n:AtomGraphNode) RETURN count(n) AS row").await,
        1,
        "no old state is shown as true"
    );
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 101 WHERE NodeId = 1").await;
    carry(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn five_megabytes_of_metadata_and_json_that_is_not_json_arrive_as_they_are() {
    let (graph, source) = both().await;
    source.execute(&nodes_sql(&(1..=6).map(|key| node(key, "atom")).collect::<Vec<_>>())).await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 524288) WHERE NodeId IN (2, 3, 5)").await;
    source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = N'{\"not\": json' WHERE NodeId = 4")
        .await;
    carry(&source, &graph).await;
    let sizes = graph
        .column("MATCH (n:AtomGraphNode) RETURN size(n.metadata) AS row ORDER BY n.nodeId")
        .await;
    assert_eq!(sizes[1], "5242880");
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_edge_whose_node_is_gone_waits_and_a_stream_makes_placeholders() {
    let (graph, source) = both().await;
    source.execute(&nodes_sql(&[node(1, "atom"), node(2, "atom"), node(3, "atom")])).await;
    let edges = [(1, 1, 2), (2, 2, 3), (3, 3, 1)].map(|(key, from, to)| Edge {
        key,
        from,
        to,
        kind: "DerivedFrom",
    });
    source.execute(&edges_sql(&edges)).await;
    source
        .execute(&streams_sql(&[
            Stream { key: 1, from: 101, to: 888 },
            Stream { key: 2, from: 888, to: 889 },
        ]))
        .await;
    carry(&source, &graph).await;
    // No edge constraint here, so the node goes and its edges dangle.
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 3").await;
    carry(&source, &graph).await;
    assert_eq!(
        reasons(&graph).await,
        ["graph.AtomGraphEdges 2 edge-dangling", "graph.AtomGraphEdges 3 edge-dangling"]
    );
    assert_eq!(
        graph.column("MATCH (p:AtomPlaceholder) RETURN p.atomId AS row ORDER BY row").await,
        ["888", "889"]
    );
    source
        .execute("UPDATE provenance.GenerationStreams SET SourceAtomId = NULL WHERE StreamId = 2")
        .await;
    carry(&source, &graph).await;
    assert!(
        reasons(&graph).await.contains(&"provenance.GenerationStreams 2 identity-null".to_owned())
    );
    assert_eq!(graph.column("MATCH (p:AtomPlaceholder) RETURN p.atomId AS row").await, ["888"]);
}

#[tokio::test]
async fn sixty_five_unlisted_types_and_a_reserved_word() {
    let (graph, source) = both().await;
    source.execute(&nodes_sql(&(1..=70).map(|key| node(key, "atom")).collect::<Vec<_>>())).await;
    for key in 1..=65 {
        source
            .execute(&format!(
                "UPDATE graph.AtomGraphNodes SET NodeType = N'kind{key}' WHERE NodeId = {key}"
            ))
            .await;
    }
    source.execute("UPDATE graph.AtomGraphNodes SET NodeType = N'MATCH' WHERE NodeId = 66").await;
    source
        .execute("UPDATE graph.AtomGraphNodes SET NodeType = N'atom graph node' WHERE NodeId = 67")
        .await;
    source.execute("UPDATE graph.AtomGraphNodes SET NodeType = N'ATOM  ' WHERE NodeId = 68").await;
    full(&source, &graph).await.unwrap();
    assert_eq!(
        reasons(&graph).await,
        [
            "graph.AtomGraphNodes 65 type-limit",
            "graph.AtomGraphNodes 66 type-refused",
            "graph.AtomGraphNodes 67 type-refused"
        ]
    );
    assert!(full(&source, &graph).await.unwrap().written.is_empty());
    assert_eq!(graph.number("MATCH (n:AtomGraphNode) RETURN count(n) AS row").await, 67);
    assert_eq!(
        graph.column("MATCH (n {nodeId: 64}) RETURN labels(n) AS row").await,
        ["[AtomGraphNode, Kind64]"]
    );
    assert_eq!(
        graph.column("MATCH (n {nodeId: 68}) RETURN labels(n) AS row").await,
        ["[Atom, AtomGraphNode]"]
    );
    let constraint = "SHOW CONSTRAINTS YIELD labelsOrTypes WHERE labelsOrTypes = ['Kind64'] RETURN count(*) AS row";
    assert_eq!(graph.number(constraint).await, 1, "its constraint was made first");
}

const TEXT_KEYS: &str = r#"
[[nodes]]
table = "dbo.Documents"
label = "Document"
placeholder = "DocumentPlaceholder"
key = { column = "Id", property = "documentKey" }
identity = { column = "Name", property = "name", type = "text" }
type = { column = "Kind", property = "kind" }
columns = []
[nodes.types]
paper = "Paper"
"#;

#[tokio::test]
async fn a_text_key_of_nine_kilobytes_waits() {
    let (graph, source) = both().await;
    source.execute("CREATE TABLE dbo.Documents (Id BIGINT NOT NULL CONSTRAINT PK_Documents PRIMARY KEY, Name NVARCHAR(MAX) NULL, Kind NVARCHAR(20) NULL) AS NODE").await;
    source.execute("ALTER TABLE dbo.Documents ENABLE CHANGE_TRACKING").await;
    source.execute("INSERT INTO dbo.Documents (Id, Name, Kind) VALUES (1, N'short', N'paper'), (2, REPLICATE(CAST(N'k' AS nvarchar(max)), 9000), N'paper'), (3, REPLICATE(CAST(N'k' AS nvarchar(max)), 7900), N'paper')").await;
    let run =
        async || full_with(&source, &graph, mapping(TEXT_KEYS), Options::default()).await.unwrap();
    run().await;
    assert_eq!(reasons(&graph).await, ["dbo.Documents 2 identity-too-long"]);
    assert_eq!(
        graph
            .column("MATCH (n:Paper:Document) RETURN size(n.name) AS row ORDER BY n.documentKey")
            .await,
        ["5", "7900"]
    );
    assert!(run().await.written.is_empty());
}

#[tokio::test]
async fn more_new_entries_than_quarantine_max_stop_the_run_with_their_reasons() {
    let (graph, source) = both().await;
    source.execute(&nodes_sql(&(1..=30).map(|key| node(key, "atom")).collect::<Vec<_>>())).await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = NULL WHERE NodeId > 10").await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    config.full.quarantine_max = 5;
    let run =
        support::run::run_full(&config, Mapping::default_mapping().unwrap(), Options::default());
    let stopped = run.await.unwrap_err();
    assert_eq!(stopped.kind, Kind::Stop);
    assert!(
        stopped.to_string().contains("identity-null")
            && stopped.to_string().contains("quarantine_max"),
        "{stopped}"
    );
    assert!(reasons(&graph).await.len() <= 5);
}

/// A node with `edges` edges, and a few other nodes and edges that are sound.
async fn hub(source: &TestSource, edges: i64) {
    let nodes: Vec<Node> = (1..=20).map(|key| node(key, "atom")).collect();
    source.execute(&nodes_sql(&nodes)).await;
    let on_hub = |key| Edge { key, from: 1, to: 2 + key % 19, kind: "SimilarTo" };
    let sound = |key| Edge { key: edges + key, from: 2 + key, to: 3 + key, kind: "DerivedFrom" };
    for some in (1..=edges).map(on_hub).collect::<Vec<_>>().chunks(10_000) {
        source.execute(&edges_sql(some)).await;
    }
    source.execute(&edges_sql(&(1..=10).map(sound).collect::<Vec<_>>())).await;
}

/// Edges of a bad node; `PROVSYNC_TEST_HUB_EDGES=100000` for more.
fn hub_edges() -> i64 {
    std::env::var("PROVSYNC_TEST_HUB_EDGES").map_or(3_000, |edges| edges.parse().unwrap())
}

/// Entries by reason.
async fn by_reason(graph: &TestGraph) -> Vec<String> {
    graph
        .column("MATCH (q:ProvsyncQuarantine) WITH q.reason AS reason, count(*) AS n RETURN reason + ' ' + n AS row ORDER BY row")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_node_with_thousands_of_edges_is_one_cause_at_a_load_and_in_windows() {
    let (graph, source) = both().await;
    let edges = hub_edges();
    hub(&source, edges).await;
    // A lone surrogate, which no text of the graph can be.
    source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = NCHAR(55357) WHERE NodeId = 1")
        .await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    config.full.quarantine_max = 1;
    (config.full.batch_rows, config.full.page_rows) = (5_000, 5_000);
    let run =
        || support::run::run_full(&config, Mapping::default_mapping().unwrap(), Options::default());
    run().await.unwrap();
    let missing = format!("edge-end-missing {edges}");
    assert_eq!(by_reason(&graph).await, [missing.as_str(), "value-unreadable 1"]);
    assert_equal(&source, &graph).await;
    let worker = support::worker::Worker::start(&config);
    support::worker::caught_up(&source, &graph).await;
    // In one window the node becomes right, and in the next one wrong again, with all its edges.
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'm' WHERE NodeId = 1").await;
    support::worker::caught_up(&source, &graph).await;
    assert_eq!(by_reason(&graph).await, Vec::<String>::new());
    assert_equal(&source, &graph).await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = NULL WHERE NodeId = 1").await;
    support::worker::caught_up(&source, &graph).await;
    assert_eq!(by_reason(&graph).await, [missing.as_str(), "identity-null 1"]);
    assert_equal(&source, &graph).await;
    assert!(worker.is_running());
    worker.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn edges_whose_node_the_source_lost_do_not_stop_a_load() {
    let (graph, source) = both().await;
    hub(&source, 30).await;
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 1").await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    config.full.quarantine_max = 1;
    let run =
        support::run::run_full(&config, Mapping::default_mapping().unwrap(), Options::default());
    run.await.unwrap();
    assert_eq!(by_reason(&graph).await, ["edge-dangling 30"]);
    assert_equal(&source, &graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn causes_that_only_the_write_shows_are_counted_before_it_commits() {
    let (graph, source) = both().await;
    // All rows have one identity: only the graph refuses them.
    source.execute(&nodes_sql(&(1..=12).map(|key| node(key, "atom")).collect::<Vec<_>>())).await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 7").await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    config.full.quarantine_max = 5;
    (config.full.batch_rows, config.full.lanes) = (1_000, 1);
    let run =
        support::run::run_full(&config, Mapping::default_mapping().unwrap(), Options::default());
    let stopped = run.await.unwrap_err();
    assert_eq!(stopped.kind, Kind::Stop);
    assert!(stopped.to_string().contains("identity-taken"), "{stopped}");
    assert_eq!(reasons(&graph).await, Vec::<String>::new(), "nothing of it was committed");
}
