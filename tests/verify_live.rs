//! `provsync verify` beside a worker that runs, one that is stopped, and a source that has moved on: no
//! false alarm, and nothing is called equal that can't be told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use provsync::compare::difference::{Report, State, Verdict};
use provsync::compare::{repair, verify};
use provsync::config::Config;
use provsync::neo4j::{Graph, leader};
use sqlgraph_emulator::engine::Cleanup;
use support::graph::TestGraph;
use support::run::{apply_schema, full};
use support::scenario::Scenario;
use support::source::{self, TestSource, emulator_only};
use support::truth::{assert_equal, reasons};
use support::verify::{
    give_keys_other_types, lines, mapping, repair_options, repaired, say_all_is_carried, verified,
    verify_config, verify_with,
};
use support::worker::{Worker, caught_up};
use support::writer::write_meanwhile;
use support::{Random, seed};

async fn with_rows(n: u64) -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), n).sql()).await;
    (graph, source)
}

/// Loaded, and nobody writes.
async fn loaded(n: u64) -> (TestGraph, TestSource) {
    let (graph, source) = with_rows(n).await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

/// A worker that has loaded the graph.
async fn following(n: u64) -> (TestGraph, Arc<TestSource>, Worker) {
    let (graph, source) = with_rows(n).await;
    apply_schema(&graph, &mapping()).await;
    // A window goes at once, as with the shipped limits.
    let mut config = verify_config(&source, &graph);
    config.full.batch_rows = 1_000;
    let worker = Worker::start(&config);
    caught_up(&source, &graph).await;
    (graph, Arc::new(source), worker)
}

fn whys(report: &Report) -> String {
    let why = |state: &State| match state {
        State::Unsettled { why, .. } => why.clone(),
        _ => String::new(),
    };
    report.differences.iter().map(|d| why(&d.state)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beside_a_worker_under_writes_the_stores_are_equal_but_for_what_was_broken_by_hand() {
    let (graph, source, worker) = following(80).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_meanwhile(Arc::clone(&source), Arc::clone(&stop));
    for n in 0..20 {
        let report = verified(&source, &graph).await;
        assert_eq!(report.verdict, Verdict::Equal, "{n}: {report:#?}");
    }
    // No writer touches edges beyond 241, nor nodes beyond 80, which an edge of its own joins.
    source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (900, 900, N'layer'), (901, 901, N'layer');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF;
             SET IDENTITY_INSERT graph.AtomGraphEdges ON;
             INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType)
             SELECT a.$node_id, b.$node_id, 900, N'DerivedFrom' FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.NodeId = 900 AND b.NodeId = 901;
             SET IDENTITY_INSERT graph.AtomGraphEdges OFF",
        )
        .await;
    let there = "MATCH ()-[r:DERIVED_FROM {edgeId: 900}]->() RETURN count(r) AS row";
    support::worker::until(&graph, there, 1).await;
    graph.run("MATCH ()-[r:DERIVED_FROM {edgeId: 900}]->() DELETE r").await;
    let config = verify_config(&source, &graph);
    let mut report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Different, "{report:#?}");
    let found: Vec<String> = lines(&report).into_iter().collect();
    assert_eq!(found, ["graph.AtomGraphEdges 900 missing_in_graph"]);
    // The worker has the lease: it is asked, and does it.
    repaired(&config, &mut report).await;
    let done = report.repair.as_ref().unwrap();
    assert!(done.worker.as_ref().unwrap().starts_with("sync on "), "{done:?}");
    assert_eq!(report.verdict, Verdict::Repaired, "{report:#?}");
    assert_eq!(graph.number(there).await, 1);
    stop.store(true, Ordering::Relaxed);
    println!("{} transactions meanwhile", writer.await.unwrap());
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    assert!(worker.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_nobody_carries_are_unsettled_and_what_is_wrong_beside_them_is_named() {
    let (graph, source) = loaded(30).await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'new' WHERE NodeId = 3").await;
    source.execute("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = 5").await;
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Unknown, "{report:#?}");
    let expected =
        ["graph.AtomGraphEdges 5 extra_in_graph", "graph.AtomGraphNodes 3 property metadata"];
    assert_eq!(lines(&report).into_iter().collect::<Vec<_>>(), expected);
    assert!(whys(&report).contains("the checkpoint did not move"), "{report:#?}");
    assert_eq!((report.counts.unsettled, report.counts.real), (2, 0));
    // The edge 5 and its node's change are on their way; the stream 7 is not.
    graph.run("MATCH ()-[r:GENERATED {streamId: 7}]->() SET r.modelUsed = 'edited'").await;
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Different);
    assert_eq!((report.counts.unsettled, report.counts.real), (2, 1));
    full(&source, &graph).await.unwrap();
    assert_eq!(verified(&source, &graph).await.verdict, Verdict::Equal);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_whose_node_changes_may_be_on_its_way_too() {
    let (graph, source) = loaded(30).await;
    let rows = source
        .query("SELECT TOP 1 e.EdgeId, a.NodeId FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b) ORDER BY e.EdgeId")
        .await;
    let (edge, node): (i64, i64) = (rows[0].get(0).unwrap(), rows[0].get(1).unwrap());
    // As a window that goes by pages leaves it in between (R1).
    graph.run(&format!("MATCH ()-[r {{edgeId: {edge}}}]->() DELETE r")).await;
    assert_eq!(verified(&source, &graph).await.counts.real, 1);
    source
        .execute(&format!("UPDATE graph.AtomGraphNodes SET AtomId = 9999 WHERE NodeId = {node}"))
        .await;
    let report = verified(&source, &graph).await;
    assert_eq!((report.counts.real, report.counts.unsettled), (0, 2), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_has_forgotten_or_undone_can_not_be_told() {
    if emulator_only("the cleanup is the emulator's") {
        return;
    }
    let (graph, source) = loaded(20).await;
    source.execute("TRUNCATE TABLE provenance.GenerationStreams").await;
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Unknown, "a TRUNCATE draws no version");
    assert!(whys(&report).contains("truncated"), "{report:#?}");
    full(&source, &graph).await.unwrap();
    assert_eq!(verified(&source, &graph).await.verdict, Verdict::Equal);

    source.execute("UPDATE graph.AtomGraphEdges SET Weight = 3 WHERE EdgeId = 2").await;
    source.emulator().control().clean_up(Cleanup::Everything).await.unwrap();
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(whys(&report).contains("retention is over"), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_quarantine_are_explained_and_quarantine_itself_is_verified() {
    let (graph, source) = loaded(20).await;
    source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (501, 8000, N'atom'), (502, 8000, N'atom'), (503, 8001, NULL);
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF",
        )
        .await;
    full(&source, &graph).await.unwrap();
    assert_eq!(reasons(&graph).await.len(), 2);
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Explained, "{report:#?}");
    let explained: Vec<State> = report.differences.iter().map(|d| d.state.clone()).collect();
    let reason = |reason: &str| State::Explained { reason: reason.into() };
    assert_eq!(explained, [reason("identity-taken"), reason("type-null")]);
    assert_eq!(report.tables[0].quarantined, 2);

    graph.run("MATCH (q:ProvsyncQuarantine {key: 503}) DELETE q").await;
    graph.run("CREATE (:ProvsyncQuarantine {table: 'graph.AtomGraphEdges', key: 4, reason: 'row-refused', detail: ''}), (:ProvsyncQuarantine {table: 'graph.AtomGraphEdges', key: 4444, reason: 'row-refused', detail: ''})").await;
    let mut report = verified(&source, &graph).await;
    let expected = [
        "graph.AtomGraphEdges 4 still_in_quarantine row-refused",
        "graph.AtomGraphEdges 4444 still_in_quarantine row-refused",
        "graph.AtomGraphNodes 502 missing_in_graph",
        "graph.AtomGraphNodes 503 not_in_quarantine type-null",
    ];
    assert_eq!(lines(&report).into_iter().collect::<Vec<_>>(), expected);
    repaired(&verify_config(&source, &graph), &mut report).await;
    assert_eq!(verified(&source, &graph).await.verdict, Verdict::Explained);
    assert_eq!(reasons(&graph).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_that_was_killed_leaves_nothing_that_could_be_told() {
    let (graph, source) = loaded(20).await;
    graph.run("MATCH ()-[r {edgeId: 3}]->() DELETE r").await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let found = provsync::neo4j::checkpoint::read(&neo4j).await.unwrap().unwrap();
    let progress = provsync::neo4j::checkpoint::Progress {
        v0: found.state.version.unwrap(),
        tables: mapping().tables().map(|(_, t)| t.name.to_string()).collect(),
        since: found.state.version.unwrap(),
        phase: "gone".into(),
        table: String::new(),
        next: i64::MIN,
        request: None,
    };
    let (fence, found) = provsync::neo4j::checkpoint::raise_for_any(&neo4j).await.unwrap();
    let state = provsync::neo4j::checkpoint::State { progress: Some(progress), ..found.state };
    neo4j
        .write(async |txn| {
            provsync::neo4j::checkpoint::advance(txn, &fence, None, &state, None).await
        })
        .await
        .unwrap();
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Unknown, "{report:#?}");
    assert!(whys(&report).contains("a full has begun"), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_is_refused_above_its_limit_and_a_dry_run_writes_nothing() {
    let (graph, source) = loaded(30).await;
    let config = verify_config(&source, &graph);
    graph.run("MATCH ()-[r:GENERATED]->() SET r.modelUsed = 'edited'").await;
    let (before, committed) = (graph.dump().await, graph.committed().await);
    let try_with = async |options: repair::Options| {
        let mut report = verified(&source, &graph).await;
        Box::pin(repair::run(&config, &mapping(), options, &mut report)).await.unwrap();
        report
    };
    let report = try_with(repair::Options { changes_max: 29, ..repair_options() }).await;
    let refused = report.repair.unwrap().refused.unwrap();
    assert!(refused.contains("30 row(s) differ, more than --max-changes 29"), "{refused}");
    assert_eq!(report.verdict, Verdict::Different);
    let report = try_with(repair::Options { dry_run: true, ..repair_options() }).await;
    let repair = report.repair.unwrap();
    assert_eq!(repair.keys["provenance.GenerationStreams"], 30);
    assert_eq!((report.verdict, repair.refused), (Verdict::Different, None));
    assert_eq!((graph.dump().await, graph.committed().await), (before, committed));
    let report = try_with(repair::Options { changes_max: 30, ..repair_options() }).await;
    assert_eq!(report.verdict, Verdict::Repaired);
    assert_equal(&source, &graph).await;
    let held = "MATCH (c:ProvsyncCheckpoint) WHERE c.holder IS NULL RETURN count(c) AS row";
    assert_eq!(graph.number(held).await, 1, "nobody writes any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_breaker_holds_for_a_repair_too() {
    let (graph, source) = loaded(20).await;
    graph.run("UNWIND range(1, 1100) AS i CREATE (:Layer:AtomGraphNode {atomId: 5000000 + i, nodeId: 5000000 + i})").await;
    let mut config = verify_config(&source, &graph);
    config.full.batch_rows = 2_000;
    let many = repair::Options { changes_max: 5_000, ..repair_options() };
    let mut report = verified(&source, &graph).await;
    Box::pin(repair::run(&config, &mapping(), many, &mut report)).await.unwrap();
    let refused = report.repair.as_ref().unwrap().refused.clone().unwrap();
    assert!(refused.contains("would delete 1100 of 1120"), "{refused}");
    assert_eq!(report.verdict, Verdict::Different);
    let extra = "MATCH (n:AtomGraphNode) WHERE n.nodeId > 5000000 RETURN count(n) AS row";
    assert_eq!(graph.number(extra).await, 1_100);
    config.full.allow_deletes = Some(1_100);
    Box::pin(repair::run(&config, &mapping(), many, &mut report)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Repaired, "{:#?}", report.repair);
    assert_equal(&source, &graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_beside_a_worker_goes_through_it_alone() {
    let (graph, source, worker) = following(40).await;
    graph.run("MATCH (n:AtomGraphNode) WHERE n.nodeId % 9 = 0 DETACH DELETE n").await;
    graph.run("MATCH ()-[r]->() WHERE r.edgeId % 7 = 0 SET r.weight = 0.1").await;
    graph.run("CREATE (:Atom:AtomPlaceholder {atomId: 424242})").await;
    // With the nodes went streams, and some placeholders may have lost their last one.
    let unlinked = "MATCH (p:AtomPlaceholder) WHERE NOT (p)-[:GENERATED]-() RETURN count(p) AS row";
    let leftover = graph.number(unlinked).await;
    assert!(leftover >= 1);
    let mut report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Different);
    repaired(&verify_config(&source, &graph), &mut report).await;
    assert_eq!(report.verdict, Verdict::Repaired, "{:#?}", report.repair);
    assert_eq!(i64::try_from(report.repair.as_ref().unwrap().placeholders).unwrap(), leftover);
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    assert_eq!(verified(&source, &graph).await.verdict, Verdict::Equal);
    assert!(worker.is_running());
    // The request is gone with its answer; the worker goes on as before.
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    assert!(leader::sign(&neo4j).await.unwrap().unwrap().holder.is_some());
    assert_eq!(
        graph
            .number("MATCH (c:ProvsyncCheckpoint) WHERE c.request IS NULL RETURN count(c) AS row")
            .await,
        1
    );
    worker.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_says_that_the_graph_may_not_stand_at_its_version_any_more() {
    let (graph, source) = loaded(20).await;
    graph.run("MATCH ()-[r {edgeId: 3}]->() DELETE r").await;
    say_all_is_carried(&source, &graph).await;
    let mut report = verified(&source, &graph).await;
    repaired(&verify_config(&source, &graph), &mut report).await;
    let consistent = "MATCH (c:ProvsyncCheckpoint) WHERE c.consistent RETURN count(c) AS row";
    assert_eq!(graph.number(consistent).await, 0);
    let worker = Worker::start(&verify_config(&source, &graph));
    caught_up(&source, &graph).await;
    worker.end().await.unwrap();
}

/// With verify's own options.
async fn verified_with(config: &Config, options: verify::Options) -> Report {
    verify_with(config, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_key_ranges_bound_what_is_read_and_a_pace_what_is_read_a_second() {
    let (graph, source) = loaded(100).await;
    let config = verify_config(&source, &graph);
    for key in [9, 10, 20, 21] {
        graph.run(&format!("MATCH ()-[r {{edgeId: {key}}}]->() DELETE r")).await;
        graph.run(&format!("MATCH (n:AtomGraphNode {{nodeId: {key}}}) SET n.metadata = 'x'")).await;
    }
    let options = verify::Options {
        tables: vec!["graph.AtomGraphEdges".into()],
        range: provsync::sqlserver::pages::KeyRange { first: 10, last: 20 },
        ..verify::Options::default()
    };
    let report = verified_with(&config, options.clone()).await;
    let expected =
        ["graph.AtomGraphEdges 10 missing_in_graph", "graph.AtomGraphEdges 20 missing_in_graph"];
    assert_eq!(lines(&report).into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(report.tables.len(), 1);
    assert_eq!((report.tables[0].source_rows, report.tables[0].graph_things), (11, 9));
    let slow = verify::Options {
        range: provsync::sqlserver::pages::KeyRange::ALL,
        rows_per_second_max: Some(150),
        ..options
    };
    let begun = std::time::Instant::now();
    let report = verified_with(&config, slow).await;
    assert_eq!(report.tables[0].source_rows, 300);
    // 300 rows in pages of 64: all but the last page are waited for.
    assert!(begun.elapsed().as_secs_f64() > 256.0 / 150.0, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn things_of_others_are_no_difference_and_are_counted_when_asked_for() {
    let (graph, source) = loaded(20).await;
    graph.run("MATCH (n:AtomGraphNode) WHERE n.nodeId <= 3 SET n:XReviewed, n.xScore = 1").await;
    graph.run("MATCH (a:AtomGraphNode {nodeId: 1}), (b:AtomGraphNode {nodeId: 2}) CREATE (a)-[:DERIVED_FROM {name: 'mine'}]->(b), (:XPerson:XAuthor)-[:X_OWNS]->(a)").await;
    graph.run("MATCH ()-[r]->() WHERE r.edgeId <= 4 SET r.xNote = 'seen'").await;
    let options = verify::Options { foreign: true, ..verify::Options::default() };
    let report = verified_with(&verify_config(&source, &graph), options).await;
    assert_eq!(report.verdict, Verdict::Equal, "{report:#?}");
    let found: Vec<String> = report
        .foreign
        .unwrap()
        .iter()
        .map(|f| format!("{:?} {} {}", f.what, f.name, f.count))
        .collect();
    let expected = [
        "Nodes XAuthor:XPerson 1",
        "Relationships DERIVED_FROM 1",
        "Relationships X_OWNS 1",
        "Label XReviewed 3",
        "Property xNote 4",
        "Property xScore 3",
    ];
    assert_eq!(found, expected);
}

/// Keys that are of another type than provsync writes, of rows that the worker meets and of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_makes_keys_of_other_types_right() {
    let (graph, source) = loaded(30).await;
    give_keys_other_types(&graph).await;
    // A float, a text and a float that windows meet, while the others wait for the background verify.
    source
        .execute(
            "UPDATE graph.AtomGraphNodes SET Metadata = N'new' WHERE NodeId IN (3, 4);
             UPDATE graph.AtomGraphNodes SET AtomId = 77777 WHERE NodeId = 6;
             DELETE FROM graph.AtomGraphEdges WHERE EdgeId IN (2, 6)",
        )
        .await;
    let mut config = verify_config(&source, &graph);
    config.sync.verify_interval = Some(Duration::from_millis(300));
    let worker = Worker::start(&config);
    caught_up(&source, &graph).await;
    let wrong = "OPTIONAL MATCH (n:AtomGraphNode) WHERE NOT n.nodeId IS :: INTEGER WITH count(n) AS nodes
                 OPTIONAL MATCH ()-[r]->() WHERE NOT coalesce(r.edgeId, r.streamId, 0) IS :: INTEGER WITH nodes, count(r) AS relationships RETURN nodes + relationships AS row";
    support::worker::until(&graph, wrong, 0).await;
    worker.end().await.unwrap();
    let report = verified(&source, &graph).await;
    assert_eq!(report.verdict, Verdict::Equal, "{:#?}", lines(&report));
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}
