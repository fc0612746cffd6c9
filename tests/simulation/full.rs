//! `full`: killed and started again, taken over from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use provsync::config::FullConfig;
use provsync::error::{Kind, Result};
use provsync::reconcile::full::{self, Alone, Options};
use provsync::reconcile::stores::SourceStore;
use provsync::reconcile::summary::Summary;

use crate::chaos::{Chaos, Odds};
use crate::graph::{ModelGraph, Weakness};
use crate::random::Random;
use crate::source::{ModelSource, Rows};
use crate::{CALM, STORMY, assert_right, first_wrong, limits, mapping, truth};

async fn full(source: ModelSource, graph: ModelGraph, limits: &FullConfig) -> Result<Summary> {
    full_with(source, graph, limits, Options::default()).await
}

async fn full_with(
    source: ModelSource,
    graph: ModelGraph,
    limits: &FullConfig,
    options: Options,
) -> Result<Summary> {
    full::carry(source, graph, limits, mapping(), options, Alone::default()).await
}

/// Rows after some transactions, and a graph that an earlier run left for an earlier state of them.
async fn world(random: &mut Random, weakness: Weakness) -> (ModelSource, ModelGraph) {
    let calm = Chaos::new(random.next(), CALM);
    let source = ModelSource::new(Rows::default(), calm.clone());
    let graph = ModelGraph::new(calm, weakness);
    let witness = source.another();
    graph.judged_by(Box::new(move |data| truth::contradictions(&witness.database(), data)));
    change(&source, random, 20);
    if random.below(3) > 0 {
        full(source.another(), graph.clone(), &limits(random)).await.unwrap();
        change(&source, random, 10);
    }
    (source, graph)
}

fn change(source: &ModelSource, random: &mut Random, transactions_max: u64) {
    for _ in 0..random.below(transactions_max) {
        source.database().transaction(random, 5);
    }
}

fn differences(source: &ModelSource, graph: &ModelGraph) -> Vec<String> {
    truth::differences(&source.rows(), &graph.settled())
}

/// A run that calls the graph consistent leaves it right for the rows as they are; so does one
/// during which nobody else wrote.
fn says_what_is_so(
    summary: &Summary,
    source: &ModelSource,
    graph: &ModelGraph,
    alone: bool,
) -> Vec<String> {
    let is_now = summary.version == Some(source.database().version);
    if alone || (summary.consistent && is_now) { differences(source, graph) } else { Vec::new() }
}

/// Runs in calm weather: one that begins anew leaves the graph right, and the next writes nothing.
async fn ends_right(source: &ModelSource, graph: &ModelGraph, limits: &FullConfig) -> Vec<String> {
    let calm = Chaos::new(1, CALM);
    let (source, graph) = (source.for_process(calm.clone()), graph.for_process(calm));
    graph.settled();
    let mut wrong = graph.wrong();
    let mut is_right = false;
    for _ in 0..3 {
        match full(source.another(), graph.clone(), limits).await {
            Ok(summary) if is_right && !summary.written.is_empty() => {
                wrong.push(format!("a run over a graph that is right wrote {:?}", summary.written));
            }
            // What changed since it first began is for the changes since then to bring.
            Ok(summary) if summary.resumed => continue,
            Ok(_) => {}
            Err(error) => wrong.push(format!("a calm run: {error}")),
        }
        is_right = true;
        wrong.extend(differences(&source, &graph));
    }
    wrong
}

/// Killed at random moments, with outages and lost answers, while others write at the source.
async fn killed_and_started_again(seed: u64, weakness: Weakness) -> Vec<String> {
    let mut random = Random::new(seed);
    let (source, graph) = world(&mut random, weakness).await;
    let limits = limits(&mut random);
    let busy = [0, 30][usize::try_from(random.below(2)).unwrap()];
    let mut wrong = Vec::new();
    let mut kills = random.below(5);
    loop {
        let chaos = Chaos::new(random.next(), Odds { others: busy, ..STORMY });
        if kills > 0 {
            chaos.kill_after(random.below(120));
            kills -= 1;
        }
        let (from, to) = (source.for_process(chaos.clone()), graph.for_process(chaos.clone()));
        match chaos.run(Box::pin(full(from, to, &limits))).await {
            None => {}
            Some(Ok(summary)) => {
                wrong.extend(says_what_is_so(&summary, &source, &graph, busy == 0));
                break;
            }
            // A run that can't begin says so and ends; somebody starts it again.
            Some(Err(error)) if error.is_retryable() => {}
            Some(Err(error)) => {
                wrong.push(format!("after {} moments: {error}", chaos.calls()));
                break;
            }
        }
    }
    wrong.extend(ends_right(&source, &graph, &limits).await);
    wrong
}

/// A second process begins while the first still runs; the rows have changed in between.
async fn taken_over(seed: u64, weakness: Weakness) -> Vec<String> {
    let mut random = Random::new(seed);
    let (source, graph) = world(&mut random, weakness).await;
    let limits = limits(&mut random);
    let old = Chaos::new(random.next(), STORMY);
    let new = Chaos::new(random.next(), STORMY);
    let first = full(source.for_process(old.clone()), graph.for_process(old.clone()), &limits);
    let begins_at = random.below(100);
    let (changes, restart) = (random.next(), random.below(2) == 0);
    let has_ended = AtomicBool::new(false);
    let first = async {
        let outcome = first.await;
        has_ended.store(true, Ordering::Relaxed);
        outcome
    };
    let second = async {
        while old.calls() < begins_at && !has_ended.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        source.database().transaction(&mut Random::new(changes), 5);
        let (from, to) = (source.for_process(new.clone()), graph.for_process(new.clone()));
        full_with(from, to, &limits, Options { restart, ..Options::default() }).await
    };
    let (first, second) = tokio::join!(first, second);
    let mut wrong = Vec::new();
    // Whoever raises its fence last goes on; the two may have begun in either order.
    let mut stopped = 0;
    // Nobody wrote at the source from when the second began.
    for (outcome, alone) in [(first, false), (second, true)] {
        match outcome {
            Ok(summary) => {
                let alone = alone && !summary.resumed;
                wrong.extend(says_what_is_so(&summary, &source, &graph, alone));
            }
            Err(error) if error.kind == Kind::FencedOff => stopped += 1,
            Err(error) if error.is_retryable() => {}
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if stopped == 2 {
        wrong.push("each says that another has taken over".to_owned());
    }
    wrong.extend(ends_right(&source, &graph, &limits).await);
    wrong
}

/// A graph with nodes of so many keys, none of which the source has.
async fn strangers(count: i64, limits: &FullConfig) -> (Result<Summary>, ModelGraph) {
    let calm = Chaos::new(1, CALM);
    let source = ModelSource::new(Rows::default(), calm.clone());
    let graph = ModelGraph::new(calm, Weakness::None);
    graph.by_hand(|data| (1..=count).for_each(|key| data.put_node(key)));
    let outcome = full(source, graph.clone(), limits).await;
    (outcome, graph)
}

#[tokio::test]
async fn the_key_only_pass_reads_the_graph_in_pages_whatever_the_source_has() {
    let limits = FullConfig {
        page_rows: 1_000,
        batch_rows: 1_000,
        allow_deletes: None,
        ..limits(&mut Random::new(1))
    };
    let (outcome, graph) = strangers(30_000, &limits).await;
    let stopped = outcome.unwrap_err();
    assert_eq!(stopped.kind, Kind::Stop);
    assert!(stopped.to_string().contains("would delete 30000 of 30000"), "{stopped}");
    assert!(stopped.to_string().contains("nothing was written"), "{stopped}");
    assert_eq!(graph.data().nodes.len(), 30_000);
    assert_eq!(graph.largest_answer(), 2_000, "two pages");
}

#[tokio::test]
async fn what_is_gone_and_can_not_be_held_is_removed_while_it_is_read() {
    let limits = FullConfig {
        page_rows: 100,
        batch_rows: 200,
        allow_deletes: Some(1_500),
        ..limits(&mut Random::new(1))
    };
    let (outcome, graph) = strangers(1_500, &limits).await;
    outcome.unwrap();
    assert_eq!(graph.data().nodes.len(), 0);
    assert_eq!(graph.largest_answer(), 200, "two pages");
}

#[test]
fn a_run_that_is_killed_anywhere_and_started_again_makes_the_graph_right() {
    assert_right(first_wrong(1_000, |s| killed_and_started_again(s, Weakness::None)));
}

#[test]
fn a_run_that_another_takes_over_from_spoils_nothing() {
    assert_right(first_wrong(1_000, |s| taken_over(s, Weakness::None)));
}

#[test]
fn without_the_fence_a_run_that_was_taken_over_from_is_found_out() {
    assert!(first_wrong(1_000, |s| taken_over(s, Weakness::NoFence)).is_some());
}

#[test]
fn a_fence_that_does_not_wait_for_an_open_commit_is_found_out() {
    let run = |s| killed_and_started_again(s, Weakness::NoWaitForLocks);
    assert!(first_wrong(1_000, run).is_some());
}
