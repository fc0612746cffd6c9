//! A repair that a worker was asked for, and how long is waited for it.

use std::time::{Duration, Instant};

use super::*;
use provsync::compare::repair;
use provsync::neo4j::{Graph, leader};
use provsync::reconcile::stores::SourceStore;
use provsync::sqlserver::Source;
use provsync::sync::asked;
use provsync::sync::right::lease_name;
use support::verify::{mapping, repair_options};

async fn loaded() -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), 10).sql()).await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

/// One edge is lost, and somebody has the lease who carries nothing out; what a repair says of it.
async fn asked_of_nobody(wait_max: Option<Duration>, gives_signs: bool) -> (TestGraph, String) {
    let (graph, source) = loaded().await;
    graph.run("MATCH ()-[r {edgeId: 5}]->() DELETE r").await;
    let mut config = verify_config(&source, &graph);
    config.sync.takeover = Duration::from_secs(2);
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let mut holder = Source::new(config.source.clone());
    assert!(holder.take_lease(&lease_name(&neo4j).await.unwrap()).await.unwrap());
    graph.run("MATCH (c:ProvsyncCheckpoint) SET c.holder = 'who is silent'").await;
    let mut report = verify_with(&config, verify::Options::default()).await.unwrap();
    let options = repair::Options { wait_max, ..repair_options() };
    let mapping = mapping();
    let repair = Box::pin(repair::run(&config, &mapping, options, &mut report));
    let signs = async {
        let mut every = tokio::time::interval(Duration::from_millis(200));
        loop {
            every.tick().await;
            if gives_signs {
                let sign = "MATCH (c:ProvsyncCheckpoint) SET c.beat = coalesce(c.beat, 0) + 1";
                graph.run(sign).await;
            }
        }
    };
    let error = tokio::select! {
        outcome = repair => outcome.unwrap_err(),
        () = signs => unreachable!(),
    };
    (graph, error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_waits_for_a_worker_as_long_as_it_gives_signs_or_as_long_as_it_may() {
    let begun = Instant::now();
    let (graph, said) = asked_of_nobody(None, false).await;
    assert!(said.contains("no worker has given a sign for 2 s"), "{said}");
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    let stands = "MATCH (c:ProvsyncCheckpoint) RETURN toInteger(c.request IS NOT NULL) AS row";
    assert_eq!(graph.number(stands).await, 1, "what was asked stands");
    drop(graph);
    // Longer than a worker may be silent: this one is not.
    let begun = Instant::now();
    let (_graph, said) = asked_of_nobody(Some(Duration::from_secs(4)), true).await;
    assert!(said.contains("has not done within 4 s"), "{said}");
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_request_that_another_replaced_is_told() {
    let (graph, _source) = loaded().await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let limits = asked::Limits { takeover: Duration::from_secs(60), wait_max: None };
    let ours = leader::Request::new(leader::RequestKind::Full, None);
    let others = leader::Request::new(leader::RequestKind::Full, None);
    leader::ask(&neo4j, &ours).await.unwrap();
    let waiting = asked::answer(&neo4j, &ours.id, limits);
    let replaced = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        leader::ask(&neo4j, &others).await.unwrap();
        // Replaced alone says nothing: the worker may be about ours.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = "MATCH (c:ProvsyncCheckpoint) SET c.answer = '{id} \"done\"' REMOVE c.request";
        graph.run(&answer.replace("{id}", &others.id)).await;
    };
    let begun = Instant::now();
    let (outcome, ()) = tokio::join!(waiting, replaced);
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("another request took the place"), "{error}");
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    let theirs = asked::answer(&neo4j, &others.id, limits).await.unwrap();
    assert_eq!(theirs, "\"done\"");
}
