//! `provsync verify`: whatever is wrong on either side is found and named, nothing else is, and a
//! repair brings it back.
//!
//! 100 mutations; `PROVSYNC_TEST_LONG_MUTATIONS=1000` for more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "verify/asked.rs"]
mod asked;
#[path = "verify/keys.rs"]
mod keys;
#[path = "verify/mutation.rs"]
mod mutation;
#[path = "verify/reasons.rs"]
mod reasons_of_quarantine;
#[path = "verify/rows.rs"]
mod rows;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use mutation::{At, Mutation, Mutator, Touched};
use provsync::compare::difference::{State, Verdict};
use provsync::compare::verify;
use provsync::config::Config;
use provsync::reconcile::full::Options;
use rows::Rows;
use support::graph::TestGraph;
use support::run::full;
use support::scenario::{Edge, RELATIONS, Scenario};
use support::source::{self, TestSource};
use support::truth::{assert_equal, reasons};
use support::verify::{lines, repaired, say_all_is_carried, verify_config, verify_with};
use support::{Random, seed};

/// Mutations of one round.
const ROUND: usize = 20;
/// Mutations of one round where a round takes long.
const LARGE_ROUND: usize = 100;

async fn apply(source: &TestSource, graph: &TestGraph, mutation: &Mutation) {
    for statement in &mutation.statements {
        match mutation.at {
            At::Source => source.execute(statement).await,
            At::Graph => graph.run(statement).await,
        }
    }
}

/// Rounds of mutations: each is found and named exactly, the repair brings it back.
async fn mutate(
    source: &TestSource,
    graph: &TestGraph,
    config: &Config,
    source_too: bool,
    (count, round): (usize, usize),
) {
    let mut random = Random::new(seed());
    let verified = async || verify_with(config, verify::Options::default()).await.unwrap();
    assert_eq!(verified().await.verdict, Verdict::Equal, "before anything is wrong");
    // Beyond every key and atom that there is; what is inserted at the source has room for seven digits.
    let (mut done, mut fresh) = (0, if source_too { 1_000_000 } else { 1_000_000_000 });
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    while done < count {
        let rows = Rows::read(source).await;
        let touched = Touched::default();
        let mut mutator = Mutator { random: &mut random, rows: &rows, touched, fresh, source_too };
        let mutations: Vec<Mutation> =
            (0..round.min(count - done)).map(|_| mutator.next()).collect();
        fresh = mutator.fresh;
        for mutation in &mutations {
            apply(source, graph, mutation).await;
            *by_kind.entry(mutation.what).or_default() += 1;
        }
        if mutations.iter().any(|m| m.at == At::Source) {
            say_all_is_carried(source, graph).await;
        }
        let mut report = verified().await;
        let expected: BTreeSet<String> =
            mutations.iter().flat_map(|m| m.expected.clone()).collect();
        let found = lines(&report);
        let missed: Vec<_> = expected.difference(&found).collect();
        let invented: Vec<_> = found.difference(&expected).collect();
        assert!(
            missed.is_empty() && invented.is_empty(),
            "missed: {missed:#?}\ninvented: {invented:#?}\n{mutations:#?}"
        );
        assert_eq!(report.verdict, Verdict::Different);
        assert!(report.differences.iter().all(|d| d.state == State::Real), "{report:#?}");
        assert_eq!(report.differences.len(), found.len(), "each once");
        repaired(config, &mut report).await;
        let left = &report.repair.as_ref().unwrap().left;
        assert_eq!(report.verdict, Verdict::Repaired, "{left:#?}\n{mutations:#?}");
        let second = verified().await;
        assert_eq!(second.verdict, Verdict::Equal, "{:#?}\n{mutations:#?}", lines(&second));
        done += mutations.len();
    }
    assert_equal(source, graph).await;
    assert_eq!(reasons(graph).await, Vec::<String>::new());
    println!("{done} mutations found, named and repaired: {by_kind:#?}");
}

fn given() -> Option<String> {
    std::env::var("PROVSYNC_TEST_LONG_MUTATIONS").ok()
}

fn is_long() -> bool {
    given().is_some()
}

fn count(normal: usize) -> usize {
    given().map_or(normal, |count| count.parse().unwrap())
}

/// A random graph with a node of high degree; self loops, parallel edges, cycles and placeholders are
/// in every one.
fn with_hub(random: &mut Random, n: u64, degree: i64) -> Scenario {
    let mut scenario = Scenario::random(random, n);
    let first = i64::try_from(scenario.edges.len()).unwrap() + 1;
    for key in first..first + degree {
        let other = 1 + i64::try_from(random.below(n)).unwrap();
        let (from, to) = if key % 2 == 0 { (1, other) } else { (other, 1) };
        let kind = RELATIONS[usize::try_from(random.below(4)).unwrap()];
        scenario.edges.push(Edge { key, from, to, kind });
    }
    scenario
}

async fn loaded(scenario: &Scenario) -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&scenario.sql()).await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_of_a_random_graph_is_found_named_and_repaired() {
    let scenario = with_hub(&mut Random::new(seed()), 200, 150);
    let (graph, source) = loaded(&scenario).await;
    let config = verify_config(&source, &graph);
    mutate(&source, &graph, &config, true, (count(84), ROUND)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_of_the_sample_is_found_named_and_repaired() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    let config = verify_config(&source, &graph);
    mutate(&source, &graph, &config, false, (count(24), ROUND)).await;
}

/// Nodes of degree 20,000 and more, and placeholders.
#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_of_the_debian_data_is_found_named_and_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let rows =
        is_long().then(|| support::debian::sql(folder.path(), support::debian::ALL)).flatten();
    let Some(sql) = rows else {
        println!("SKIPPED: only with PROVSYNC_TEST_LONG_MUTATIONS, and where package lists are");
        return;
    };
    let graph = support::graph::empty().await;
    let source = support::debian::source(sql).await;
    let config = support::debian::config(&source, &graph);
    support::run::apply_schema(&graph, &support::verify::mapping()).await;
    support::run::run_full(&config, support::verify::mapping(), Options::default()).await.unwrap();
    mutate(&source, &graph, &config, false, (count(0), LARGE_ROUND)).await;
}
