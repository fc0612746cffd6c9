//! Beside a worker, while applications write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use provsync::compare::evidence;
use support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use support::scenario::{Edge, Node, edges_sql, nodes_sql};
use support::worker::{Worker, caught_up, until};
use support::writer::write_meanwhile;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beside_a_worker_under_writes_no_compare_raises_an_alarm_and_one_lost_edge_is_found() {
    let count = std::env::var("PROVSYNC_TEST_COMPARES").ok().and_then(|n| n.parse().ok());
    let count: u64 = count.unwrap_or(200);
    let graph = support::graph::empty().await;
    let source = Arc::new(source::loose().await);
    let mut random = Random::new(seed());
    source.execute(&Scenario::random(&mut random, 80).sql()).await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    // A window goes at once, as with the shipped limits.
    config.full.batch_rows = 1_000;
    let worker = Worker::start(&config);
    caught_up(&source, &graph).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_meanwhile(Arc::clone(&source), Arc::clone(&stop));
    let looks_max = provsync::compare::settle::LOOKS_MAX;
    let three_hops =
        |key| Options { roots: nodes(&[key]), limits: hops(3), looks_max, ..options() };
    for n in 0..count {
        let key = i64::try_from(random.below(80)).unwrap() + 1;
        let report = compare(&source, &graph, &three_hops(key)).await.unwrap();
        assert_eq!(report.verdict, Verdict::Equal, "{n}: {report:#?}");
    }
    // No writer touches nodes beyond 80, nor edges beyond 241.
    source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (900, 900, N'layer'), (901, 901, N'layer');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF;
             SET IDENTITY_INSERT graph.AtomGraphEdges ON;
             INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType)
             SELECT a.$node_id, b.$node_id, v.EdgeId, N'DerivedFrom'
             FROM (VALUES (900, 900, 901), (901, 901, 1)) AS v (EdgeId, FromKey, ToKey)
             JOIN graph.AtomGraphNodes AS a ON a.NodeId = v.FromKey JOIN graph.AtomGraphNodes AS b ON b.NodeId = v.ToKey;
             SET IDENTITY_INSERT graph.AtomGraphEdges OFF",
        )
        .await;
    let there = "MATCH ()-[r:DERIVED_FROM]->() WHERE r.edgeId IN [900, 901] RETURN count(r) AS row";
    until(&graph, there, 2).await;
    graph.run("MATCH ()-[r:DERIVED_FROM {edgeId: 901}]->() DELETE r").await;
    let report = compare(&source, &graph, &three_hops(900)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Different, "{report:#?}");
    assert_eq!(named(&report), BTreeMap::from([(('e', 901), 2)]));
    stop.store(true, Ordering::Relaxed);
    println!("{count} compares, {} transactions meanwhile", writer.await.unwrap());
    assert!(worker.is_running());
}

/// A change comes between what the walk sees of one store and of the other: the stores agree, but the walk
/// is of no state that there was.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn evidence_is_of_one_state_or_there_is_none() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let rows = [1, 2].map(|key| Node { key, atom: 100 + key, kind: "atom" });
    source.execute(&nodes_sql(&rows)).await;
    source.execute(&edges_sql(&[Edge { key: 1, from: 1, to: 2, kind: "SimilarTo" }])).await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    let worker = Worker::start(&config);
    let proxy = BoltProxy::start(&graph.config.uri).await;
    config.graph.uri = proxy.uri();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.json");
    // Where the source answers late, both walks see the change, and the evidence is of that state.
    let mut is_refused = false;
    for (n, looks_max) in [1, 1, 1, 1, 1, 2].into_iter().enumerate() {
        if is_refused && looks_max == 1 {
            continue;
        }
        let options = Options {
            roots: nodes(&[1]),
            direction: Direction::Down,
            limits: hops(1),
            looks_max,
            evidence: Some(path.clone()),
            ..options()
        };
        caught_up(&source, &graph).await;
        let before = proxy.struck();
        // The look at the graph's edges waits until the worker has carried a change of one.
        proxy.arm(Fault::next(On::RunContaining("USING INDEX SEEK a:"), Effect::Hold));
        let change = async {
            proxy.until_struck(before + 1).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let sql = format!("UPDATE graph.AtomGraphEdges SET Metadata = N'{n}'");
            source.execute(&sql).await;
            caught_up(&source, &graph).await;
            proxy.release();
        };
        let (outcome, ()) = tokio::join!(compare_with(&config, &options), change);
        assert_eq!(path.exists(), outcome.is_ok(), "{outcome:?}");
        match outcome {
            Ok(report) => {
                assert_eq!(report.verdict, Verdict::Equal);
                let (body, _) = evidence::read(&path).unwrap();
                assert_eq!(body.source_hops, body.graph_hops);
                assert_eq!(body.source_hops[1].edges, 1);
                std::fs::remove_file(&path).unwrap();
            }
            Err(error) => {
                assert!(error.to_string().contains("no evidence of one state"), "{error}");
                assert_eq!(looks_max, 1, "the second walk is of one state");
                is_refused = true;
            }
        }
    }
    assert!(is_refused);
    assert!(worker.is_running());
}
