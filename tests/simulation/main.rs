//! `full` over models of both stores, with everything going wrong that may: no database, thousands
//! of runs. Each run ends in a graph that is right for the rows, or the seed that it printed replays it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chaos;
mod graph;
#[path = "../support/random.rs"]
mod random;
mod source;
mod transaction;
mod truth;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use provsync::config::FullConfig;
use provsync::error::{Kind, Result};
use provsync::mapping::Mapping;
use provsync::reconcile::full::{self, Options};
use provsync::reconcile::summary::Summary;

use chaos::{Chaos, Odds};
use graph::{ModelGraph, Weakness};
use random::{Random, seed};
use source::{ModelSource, Rows};

const CALM: Odds = Odds { outage: 0, lost_answer: 0 };
const STORMY: Odds = Odds { outage: 20, lost_answer: 60 };

fn limits(random: &mut Random) -> FullConfig {
    let mut upto = |most: u64| usize::try_from(1 + random.below(most)).unwrap();
    FullConfig {
        batch_rows: upto(6),
        batch_bytes_max: 1 << 20,
        lanes: upto(3),
        page_rows: upto(8),
        quarantine_max: 1_000_000,
        retry_max: Duration::from_secs(3600),
        allow_deletes: None,
    }
}

async fn full(source: ModelSource, graph: ModelGraph, limits: &FullConfig) -> Result<Summary> {
    full_with(source, graph, limits, Options::default()).await
}

async fn full_with(
    source: ModelSource,
    graph: ModelGraph,
    limits: &FullConfig,
    options: Options,
) -> Result<Summary> {
    let mapping = Mapping::default_mapping().unwrap();
    full::carry(source, graph, limits, mapping, options).await
}

/// Rows after some transactions, and a graph that an earlier run left for an earlier state of them.
async fn world(random: &mut Random, weakness: Weakness) -> (ModelSource, ModelGraph) {
    let mut rows = Rows::default();
    for _ in 0..random.below(20) {
        rows.transaction(random);
    }
    let calm = Chaos::new(random.next(), CALM);
    let source = ModelSource::new(rows, calm.clone(), 0);
    let graph = ModelGraph::new(calm, weakness);
    if random.below(3) > 0 {
        full(source.clone(), graph.clone(), &limits(random)).await.unwrap();
        for _ in 0..random.below(10) {
            source.rows().transaction(random);
        }
    }
    (source, graph)
}

fn differences(source: &ModelSource, graph: &ModelGraph) -> Vec<String> {
    truth::differences(&source.rows(), &graph.data())
}

/// A run that calls the graph consistent leaves it right for the rows as they are; so does one
/// during which nobody else wrote.
fn says_what_is_so(
    summary: &Summary,
    source: &ModelSource,
    graph: &ModelGraph,
    alone: bool,
) -> Vec<String> {
    let is_now = summary.version == Some(source.rows().version);
    if alone || (summary.consistent && is_now) { differences(source, graph) } else { Vec::new() }
}

/// Runs in calm weather: one that begins anew leaves the graph right, and the next writes nothing.
async fn ends_right(source: &ModelSource, graph: &ModelGraph, limits: &FullConfig) -> Vec<String> {
    let calm = Chaos::new(1, CALM);
    let (source, graph) = (source.for_process(calm.clone(), 0), graph.for_process(calm));
    let mut wrong = Vec::new();
    let mut is_right = false;
    for _ in 0..3 {
        match full(source.clone(), graph.clone(), limits).await {
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
        let chaos = Chaos::new(random.next(), STORMY);
        if kills > 0 {
            chaos.kill_after(random.below(120));
            kills -= 1;
        }
        let (from, to) =
            (source.for_process(chaos.clone(), busy), graph.for_process(chaos.clone()));
        match chaos.run(full(from, to, &limits)).await {
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
    let first = full(source.for_process(old.clone(), 0), graph.for_process(old.clone()), &limits);
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
        source.rows().transaction(&mut Random::new(changes));
        let (from, to) = (source.for_process(new.clone(), 0), graph.for_process(new.clone()));
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
            Err(error) if error.kind == Kind::Stop => stopped += 1,
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

/// Runs from a seed on; returns the first that goes wrong, with what was wrong.
async fn first_wrong<F: Future<Output = Vec<String>>>(
    runs: u64,
    mut run: impl FnMut(u64) -> F,
) -> Option<(u64, Vec<String>)> {
    let first = seed();
    for seed in first..first + runs {
        let wrong = run(seed).await;
        if !wrong.is_empty() {
            return Some((seed, wrong));
        }
    }
    None
}

fn assert_right(wrong: Option<(u64, Vec<String>)>) {
    if let Some((seed, wrong)) = wrong {
        panic!("PROVSYNC_TEST_SEED={seed} replays it:\n{}", wrong.join("\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_anywhere_and_started_again_makes_the_graph_right() {
    assert_right(first_wrong(1_000, |s| killed_and_started_again(s, Weakness::None)).await);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_takes_over_from_spoils_nothing() {
    assert_right(first_wrong(1_000, |s| taken_over(s, Weakness::None)).await);
}

#[tokio::test(start_paused = true)]
async fn without_the_fence_a_run_that_was_taken_over_from_is_found_out() {
    assert!(first_wrong(1_000, |s| taken_over(s, Weakness::NoFence)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_does_not_wait_for_an_open_commit_is_found_out() {
    let run = |s| killed_and_started_again(s, Weakness::NoWaitForLocks);
    assert!(first_wrong(1_000, run).await.is_some());
}
