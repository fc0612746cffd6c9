//! Rows change, the graph is tampered with, runs are killed: `full` makes the graph right and
//! leaves the things of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use provsync::mapping::Mapping;
use provsync::neo4j::Graph;
use provsync::neo4j::checkpoint::{self, Progress, State};
use provsync::reconcile::full::Options;
use support::graph::TestGraph;
use support::program::provsync;
use support::run::{full, full_with};
use support::scenario::{RELATIONS, Scenario, TYPES, nodes_sql};
use support::source::{self, TestSource};
use support::truth::{assert_equal, reasons};
use support::{Random, seed};

async fn carried(n: u64) -> (TestGraph, TestSource, Scenario, Random) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    let scenario = Scenario::random(&mut random, n);
    source.execute(&scenario.sql()).await;
    let first = full(&source, &graph).await.unwrap();
    assert_eq!(first.kinds["nodes"].created, n);
    assert_eq!(first.kinds["edges"].created, 3 * n);
    assert_eq!(first.kinds["links"].created, n);
    assert_equal(&source, &graph).await;
    (graph, source, scenario, random)
}

#[tokio::test]
async fn the_sample_arrives_and_a_second_run_writes_nothing() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    let first = full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    assert!(first.consistent && first.version.is_some());
    assert_eq!(first.reason, "", "nothing was set aside");
    let (before, committed) = (graph.dump().await, graph.committed().await);
    let second = full(&source, &graph).await.unwrap();
    for (kind, tally) in &second.kinds {
        assert_eq!((tally.created, tally.updated, tally.deleted), (0, 0, 0), "{kind}");
        assert_eq!(tally.unchanged, tally.read, "{kind}");
        assert_eq!(tally.read, first.kinds[kind].created, "{kind}");
    }
    assert!(second.written.is_empty(), "{:?}", second.written);
    assert_eq!(graph.dump().await, before);
    // The server's own count of transactions that wrote: the fence, the state it begins in, signs of
    // life (the first at once, the last when it ends), the state it ends in; no more.
    let heartbeat = support::run::sync().heartbeat.as_secs_f64();
    #[allow(clippy::cast_possible_truncation)]
    let signs = 2 + (second.seconds / heartbeat) as i64;
    assert!(graph.committed().await - committed <= 3 + signs);
}

#[tokio::test]
async fn rows_are_changed_deleted_retyped_and_pointed_elsewhere() {
    let (graph, source, scenario, mut random) = carried(60).await;
    for _ in 0..5 {
        source.execute(&random_changes(&mut random, &scenario)).await;
        full(&source, &graph).await.unwrap();
        assert_equal(&source, &graph).await;
        assert!(full(&source, &graph).await.unwrap().written.is_empty());
    }
}

/// Edges are moved as SQL Server moves them: deleted and inserted again under the same key.
fn random_changes(random: &mut Random, scenario: &Scenario) -> String {
    let n = scenario.nodes.len() as u64;
    let mut sql = Vec::new();
    for _ in 0..12 {
        let (key, other) = (1 + random.below(n), 1 + random.below(n));
        let edge = 1 + random.below(3 * n);
        let kind = RELATIONS[usize::try_from(random.below(4)).unwrap()];
        let node_kind = TYPES[usize::try_from(random.below(4)).unwrap()];
        sql.push(match random.below(9) {
            0 => format!("UPDATE graph.AtomGraphNodes SET Metadata = N'changed {edge}' WHERE NodeId = {key}"),
            1 => format!("UPDATE graph.AtomGraphNodes SET Metadata = NULL, CreatedAt = '2025-01-01T00:00:00.1234567' WHERE NodeId = {key}"),
            // To an atom of its own: two rows with one identity have a test of their own.
            2 => format!("UPDATE graph.AtomGraphNodes SET NodeType = N'{node_kind}', AtomId = 5000 + {key} WHERE NodeId = {key}"),
            3 => format!("UPDATE graph.AtomGraphEdges SET Weight = {other}.25, RelationshipType = N'{kind}' WHERE EdgeId = {edge}"),
            4 => format!("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {edge}"),
            5 => format!("UPDATE provenance.GenerationStreams SET SourceAtomId = {} WHERE StreamId = {key}", 90 + other),
            6 => format!("UPDATE provenance.GenerationStreams SET ModelUsed = NULL, Parameters = N'{{\"p\":1}}' WHERE StreamId = {key}"),
            7 => format!("DELETE FROM provenance.GenerationStreams WHERE StreamId = {key}"),
            _ => format!(
                "DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {edge}; SET IDENTITY_INSERT graph.AtomGraphEdges ON;
                 INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType, Weight)
                 SELECT f.$node_id, t.$node_id, {edge}, N'{kind}', NULL FROM graph.AtomGraphNodes AS f, graph.AtomGraphNodes AS t
                 WHERE f.NodeId = {key} AND t.NodeId = {other};
                 SET IDENTITY_INSERT graph.AtomGraphEdges OFF"
            ),
        });
    }
    sql.join(";\n")
}

#[tokio::test]
async fn what_others_add_stays_and_what_they_break_is_mended() {
    let (graph, source, _, _) = carried(60).await;
    let before = graph.dump().await;
    // Foreign things.
    graph
        .run("MATCH (n:AtomGraphNode) WHERE n.nodeId % 5 = 0 SET n:XReviewed, n.xScore = n.nodeId")
        .await;
    graph.run("MATCH (a:AtomGraphNode {nodeId: 1}), (b:AtomGraphNode {nodeId: 2}) CREATE (a)-[:DERIVED_FROM {name: 'analyst'}]->(b), (a)-[:X_LIKES]->(b), (:XPerson {name: 'Ada'})-[:X_OWNS]->(a)").await;
    graph.run("MATCH ()-[r:SIMILAR_TO]->() SET r.xNote = 'seen'").await;
    graph.run("CREATE (:Atom {name: 'no atomId'}), (:Model {name: 'a model of mine'})").await;
    let with_foreign = graph.dump().await;
    assert!(
        full(&source, &graph).await.unwrap().written.is_empty(),
        "foreign things are no difference"
    );
    assert_eq!(graph.dump().await, with_foreign);

    // Damage.
    graph.run("MATCH (n:AtomGraphNode) WHERE n.nodeId % 7 = 0 SET n.metadata = 'tampered', n.createdAt = null").await;
    graph.run("MATCH (n:AtomGraphNode) WHERE n.nodeId % 7 = 1 SET n:AtomPlaceholder").await;
    graph.run("MATCH (n:AtomGraphNode) WHERE n.nodeId = 20 DETACH DELETE n").await;
    graph.run("MATCH ()-[r]->() WHERE r.edgeId % 6 = 0 DELETE r").await;
    graph.run("MATCH ()-[r]->() WHERE r.edgeId % 6 = 1 SET r.weight = r.edgeId").await;
    graph.run("MATCH (a:AtomGraphNode {nodeId: 1}), (b:AtomGraphNode {nodeId: 3}) CREATE (a)-[:DERIVED_FROM {edgeId: 999999}]->(b)").await;
    // Ours by its label, nobody's by its key; and a row that lost its label.
    graph.run("MATCH (n:AtomGraphNode {nodeId: 21}) REMOVE n.nodeId").await;
    graph
        .run("MATCH (n:AtomGraphNode {nodeId: 22}) REMOVE n:AtomGraphNode SET n.metadata = 'old'")
        .await;
    // The same key under a second type, which no constraint forbids.
    graph.run("MATCH (a)-[r:DERIVED_FROM]->(b) WHERE r.edgeId < 100 CREATE (b)-[:SIMILAR_TO {edgeId: r.edgeId}]->(a)").await;
    graph.run("CREATE (:Atom:AtomPlaceholder {atomId: 424242})").await;
    graph.run("CREATE (:Layer:AtomGraphNode {atomId: 31, nodeId: 31313})").await;
    full(&source, &graph).await.unwrap();
    let waiting = reasons(&graph).await;
    assert!(
        waiting.contains(&"graph.AtomGraphNodes 21 identity-foreign".to_owned()),
        "{waiting:?}"
    );
    graph.run("MATCH (n:AtomGraphNode) WHERE n.nodeId IS NULL DETACH DELETE n").await;
    full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
    assert!(full(&source, &graph).await.unwrap().written.is_empty());
    let foreign = "MATCH (:XPerson)-[o:X_OWNS]->(:AtomGraphNode {nodeId: 1})-[l:X_LIKES]->({nodeId: 2}) MATCH ({nodeId: 1})-[d:DERIVED_FROM {name: 'analyst'}]->({nodeId: 2}) RETURN count(*) AS row";
    assert_eq!(graph.number(foreign).await, 1);
    assert_eq!(
        graph.number("MATCH (n:XReviewed) RETURN count(n) AS row").await,
        60 / 5 - 1,
        "but for the node that was deleted"
    );
    assert_eq!(graph.number("MATCH (n) WHERE n.name IS NOT NULL RETURN count(n) AS row").await, 3);

    // Purge takes provsync's things, and those alone.
    let purged =
        provsync::reconcile::purge::run_purge(&graph.config, &Mapping::default_mapping().unwrap())
            .await
            .unwrap();
    assert!(purged.constraints > 0);
    let left = graph.column("MATCH (n) RETURN [labels(n), properties(n)] AS row").await;
    assert_eq!(left.len(), 3, "{left:?}");
    assert_eq!(graph.number("MATCH ()-[r]->() RETURN count(r) AS row").await, 0);
    assert_eq!(
        graph.column("SHOW CONSTRAINTS YIELD name RETURN name AS row").await,
        Vec::<String>::new()
    );
    full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    let _ = before;
}

#[tokio::test]
async fn a_dry_run_says_what_the_run_then_does_and_writes_nothing() {
    let (graph, source, scenario, mut random) = carried(60).await;
    source.execute(&random_changes(&mut random, &scenario)).await;
    source
        .execute(&nodes_sql(&[support::scenario::Node { key: 700, atom: 700, kind: "atom" }]))
        .await;
    let (before, committed) = (graph.dump().await, graph.committed().await);
    let options = Options { dry_run: true, ..Options::default() };
    let dry =
        full_with(&source, &graph, Mapping::default_mapping().unwrap(), options).await.unwrap();
    assert_eq!(graph.dump().await, before);
    assert_eq!(graph.committed().await, committed, "not even the checkpoint");
    assert!(
        dry.sample.iter().any(|line| line == "graph.AtomGraphNodes 700: create Atom"),
        "{:?}",
        dry.sample
    );
    let real = full(&source, &graph).await.unwrap();
    let (dry_nodes, real_nodes) = (dry.kinds["nodes"], real.kinds["nodes"]);
    assert_eq!(
        (dry_nodes.read, dry_nodes.created, dry_nodes.updated, dry_nodes.deleted),
        (real_nodes.read, real_nodes.created, real_nodes.updated, real_nodes.deleted)
    );
    assert_eq!(dry.kinds["links"].updated, real.kinds["links"].updated);
    assert_equal(&source, &graph).await;
}

/// A run goes on in the edges, nodes leave in its light pass, and it ends before it has saved a
/// cursor: the next one must not go on where the checkpoint stood before.
#[tokio::test]
async fn a_run_that_ends_after_nodes_have_left_is_followed_by_one_that_begins_anew() {
    let mapping = || Mapping::default_mapping().unwrap();
    let (graph, source, _, _) = carried(40).await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let found = checkpoint::read(&neo4j).await.unwrap().unwrap().state;
    let (fence, _) = checkpoint::raise_for_any(&neo4j).await.unwrap();
    let progress = Progress {
        v0: found.version.unwrap(),
        tables: mapping().tables().map(|(_, t)| t.name.to_string()).collect(),
        since: found.version.unwrap(),
        phase: "carry".into(),
        table: "graph.AtomGraphEdges".into(),
        next: 100,
        request: None,
    };
    let late = State { progress: Some(progress), ..found };
    neo4j
        .write(async |txn| checkpoint::advance(txn, &fence, None, &late, None).await)
        .await
        .unwrap();
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 4711 WHERE NodeId = 5").await;
    source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (-1, NULL, N'atom');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF",
        )
        .await;
    let mut config = support::run::config(&source.config(), &graph);
    config.full.quarantine_max = 0;
    support::run::run_full(&config, mapping(), Options::default()).await.unwrap_err();
    let left = graph.number("MATCH (n:AtomGraphNode {nodeId: 5}) RETURN count(n) AS row").await;
    assert_eq!(left, 0, "the node has left, and has not come again yet");
    full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, ["graph.AtomGraphNodes -1 identity-null"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_killed_it_ends_with_the_same_graph() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    source.execute(&Scenario::random(&mut random, 1_500).sql()).await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut resumed = 0;
    for _ in 0..10 {
        let mut child = provsync_full(&source);
        let until = Instant::now() + Duration::from_millis(100 + random.below(900));
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // SIGKILL; a run that has ended by itself is begun again all the same.
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.code().is_none_or(|code| code == 0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        resumed += u64::from(
            graph.number("MATCH (c:ProvsyncCheckpoint) RETURN count(c.progress) AS row").await > 0,
        );
    }
    assert!(resumed >= 3, "only {resumed} of ten runs were killed on their way");
    let output = provsync_full(&source).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
    assert!(full(&source, &graph).await.unwrap().written.is_empty());
}

/// The binary, as an operator starts it.
fn provsync_full(source: &TestSource) -> Child {
    provsync(&["full", "--output", "json"], source)
        .env("PROVSYNC_FULL__PAGE_ROWS", "250")
        .env("PROVSYNC_FULL__BATCH_ROWS", "100")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
