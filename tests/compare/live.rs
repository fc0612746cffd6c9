//! Beside a worker, while applications write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
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
