//! Fulls: the first load and one that begins with a graph of earlier times; the raise of the fence.

use std::time::Duration;

use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;

use super::effects::{AT_COMMIT, AT_STATEMENT, DEADLOCK, FEW_AT_COMMIT, FEW_AT_STATEMENT};
use super::stand::{Place, Stand, commit, statement};
use super::support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use super::support::graph::TestGraph;
use super::support::run::{apply_schema, config, run_full};
use super::support::scenario::Scenario;
use super::support::truth::assert_equal;
use super::support::{self, Random, seed, source};

const BEGIN: Place = statement("SET c += $state");
const ENTER: Place = statement("MERGE (n:`").after(1);
const CURSOR: Place = statement("SET c += $state").after(3);
const LINKS: Place = statement("MERGE (a:`Atom`");
const ORPHANS: &str = "MATCH (p:`AtomPlaceholder`)";
const GONE: Place = statement("l IN labels(n) WHERE l IN $names], n.`atomId`] AS row");
const LEAVE: Place = statement("DETACH DELETE n)");

/// Things that no row stands for any more, of edited days.
async fn tamper(graph: &TestGraph) {
    graph
        .run(
            "MATCH (c:ProvsyncCheckpoint) SET c.seal = 'edited', c.consistent = false
             WITH c MATCH (a:AtomGraphNode {nodeId: 1})
             CREATE (n:Model:AtomGraphNode {nodeId: 7777, atomId: 7777})-[:DERIVED_FROM {edgeId: 7777}]->(a)
             SET a.metadata = 'edited'",
        )
        .await;
}

impl Stand {
    /// A load with a fault in it.
    async fn load(&mut self, place: Place, effect: Effect) {
        println!("{place:?}: {effect:?}");
        let strikes = self.arm(place, effect);
        self.start();
        self.struck(strikes, effect).await;
        self.assert_right(&[]).await;
        self.kill();
    }

    async fn first_load(&mut self, place: Place, effect: Effect) {
        self.graph.run("MATCH (n) DETACH DELETE n").await;
        self.load(place, effect).await;
    }

    async fn load_anew(&mut self, place: Place, effect: Effect) {
        tamper(&self.graph).await;
        self.load(place, effect).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_whose_statements_go_wrong() {
    let mut stand = Stand::new().await;
    for effect in AT_STATEMENT {
        stand.first_load(ENTER, effect).await;
    }
    for place in [BEGIN, CURSOR, LINKS, statement(ORPHANS)] {
        for effect in FEW_AT_STATEMENT {
            stand.first_load(place, effect).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_whose_commits_go_wrong() {
    let mut stand = Stand::new().await;
    for place in [BEGIN, ENTER, CURSOR, LINKS] {
        for effect in FEW_AT_COMMIT {
            stand.first_load(Place { commit: true, ..place }, effect).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removal_of_what_is_gone_goes_wrong() {
    let mut stand = Stand::following().await;
    stand.kill();
    for place in [GONE, LEAVE] {
        for effect in FEW_AT_STATEMENT {
            stand.load_anew(place, effect).await;
        }
    }
    for effect in FEW_AT_COMMIT {
        stand.load_anew(commit(LEAVE.text), effect).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_full_goes_wrong() {
    let mut stand = Stand::following().await;
    stand.kill();
    for effect in AT_COMMIT {
        tamper(&stand.graph).await;
        // What follows the look for orphans is the last move of the checkpoint.
        stand.proxy.arm(Fault::next(On::RunContaining(ORPHANS), super::effects::SLOW));
        let strikes = stand.arm(commit(BEGIN.text), effect) + 1;
        stand.start();
        stand.struck(strikes, effect).await;
        stand.assert_right(&[]).await;
        stand.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_raise_of_the_fence_goes_wrong() {
    let mut stand = Stand::following().await;
    stand.kill();
    let raise = statement("MERGE (c:ProvsyncCheckpoint");
    for effect in AT_STATEMENT {
        stand.load(raise, effect).await;
    }
    // The statement after it is the raise's own as well, and ends its transaction.
    for effect in AT_COMMIT {
        stand.load(commit(raise.text), effect).await;
    }
}

/// With no patience for anything else.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_the_victim_of_a_deadlock_is_sent_again_three_times() {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    source.execute(&Scenario::random(&mut Random::new(seed()), 20).sql()).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let proxy = BoltProxy::start(&graph.config.uri).await;
    let mut config = config(&source.config(), &graph);
    config.graph.uri = proxy.uri();
    (config.full.retry_max, config.full.lanes) = (Duration::ZERO, 1);
    for (deadlocks, is_done) in [(3, true), (4, false)] {
        graph.run("MATCH (n) DETACH DELETE n").await;
        proxy.arm(Fault::next(On::RunContaining("MERGE (n:`"), DEADLOCK).times(deadlocks));
        let mapping = Mapping::default_mapping().unwrap();
        let ran = run_full(&config, mapping, Options::default()).await;
        assert_eq!(ran.is_ok(), is_done, "{ran:?}");
        if let Ok(summary) = ran {
            assert_eq!(summary.retries, 3);
            assert_equal(&source, &graph).await;
        }
    }
}
