//! The proxy that the tests of faults stand on: what each fault does to a write, and to the graph.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use neo4rs::Txn;
use provsync::error::{Kind, Result};
use provsync::neo4j::{Graph, Statement, list, run};
use support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use support::graph::{TestGraph, text};
use tokio::task::JoinHandle;

const CREATE: &str = "CREATE (:Item)";

/// An empty graph, read directly, and written through the proxy.
struct Setup {
    direct: TestGraph,
    proxy: BoltProxy,
    neo4j: Graph,
}

async fn setup() -> Setup {
    let direct = support::graph::empty().await;
    let proxy = BoltProxy::start(&direct.config.uri).await;
    let mut config = direct.config.clone();
    config.uri = proxy.uri();
    let neo4j = Graph::connect(&config).await.unwrap();
    Setup { direct, proxy, neo4j }
}

async fn create(txn: &mut Txn) -> Result<()> {
    run(txn, Statement::new(CREATE)).await.map(drop)
}

impl Setup {
    fn arm(&self, on: On, effect: Effect) {
        self.proxy.arm(Fault::next(on, effect));
    }

    /// A transaction that creates an item.
    async fn write(&self) -> Result<()> {
        self.neo4j.write(create).await
    }

    async fn write_kind(&self) -> Kind {
        self.write().await.unwrap_err().kind
    }

    fn write_meanwhile(&self) -> JoinHandle<Result<()>> {
        let neo4j = self.neo4j.clone();
        tokio::spawn(async move { neo4j.write(create).await })
    }

    async fn items(&self) -> i64 {
        self.direct.number("MATCH (i:Item) RETURN count(i) AS row").await
    }
}

#[tokio::test]
async fn a_request_that_is_cut_off_does_nothing() {
    let setup = setup().await;
    for (on, kind) in [
        (On::Any, Kind::Transient),
        (On::Begin, Kind::Transient),
        (On::Run, Kind::Transient),
        (On::Pull, Kind::Transient),
        (On::RunContaining("(:Item"), Kind::Transient),
        (On::Commit, Kind::UnknownOutcome),
    ] {
        setup.arm(on, Effect::Cut);
        assert_eq!(setup.write_kind().await, kind, "{on:?}");
        assert_eq!(setup.items().await, 0, "{on:?}");
    }
    setup.proxy.until_struck(6).await;
    setup.write().await.unwrap();
    assert_eq!(setup.items().await, 1);
}

#[tokio::test]
async fn a_commit_whose_answer_is_swallowed_is_done_and_unknown() {
    let setup = setup().await;
    setup.arm(On::Commit, Effect::CutAfter);
    assert_eq!(setup.write_kind().await, Kind::UnknownOutcome);
    assert_eq!(setup.items().await, 1);
}

#[tokio::test]
async fn a_statement_whose_answer_is_swallowed_is_rolled_back() {
    let setup = setup().await;
    for on in [On::Begin, On::Run, On::Pull] {
        setup.arm(on, Effect::CutAfter);
        assert_eq!(setup.write_kind().await, Kind::Transient, "{on:?}");
    }
    assert_eq!(setup.items().await, 0);
}

#[tokio::test]
async fn a_late_commit_keeps_its_locks_and_lands_at_the_release() {
    let setup = setup().await;
    setup.direct.run("CREATE (:Lock {n: 0})").await;
    let bump = async |txn: &mut Txn| {
        run(txn, Statement::new("MATCH (l:Lock) SET l.n = l.n + 1")).await.map(drop)
    };
    setup.arm(On::Commit, Effect::LateCommit);
    let lost = setup.neo4j.write(bump).await.unwrap_err();
    assert_eq!(lost.kind, Kind::UnknownOutcome);
    setup.proxy.until_struck(1).await;
    // The driver's connections may go; the commit is on its way.
    setup.proxy.cut_all();
    assert_eq!(setup.direct.number("MATCH (l:Lock) RETURN l.n AS row").await, 0);

    let neo4j = setup.neo4j.clone();
    let second = tokio::spawn(async move { neo4j.write(bump).await });
    while setup.direct.number("SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*) AS row").await == 0 {
        assert!(!second.is_finished(), "the late commit has let its lock go");
    }
    setup.proxy.release();
    setup.proxy.until_none_held().await;
    second.await.unwrap().unwrap();
    assert_eq!(setup.direct.number("MATCH (l:Lock) RETURN l.n AS row").await, 2);
}

#[tokio::test]
async fn a_held_request_waits_for_its_release() {
    let setup = setup().await;
    setup.arm(On::Commit, Effect::Hold);
    let write = setup.write_meanwhile();
    setup.proxy.until_struck(1).await;
    assert_eq!(setup.items().await, 0);
    assert!(!write.is_finished());
    setup.proxy.release();
    write.await.unwrap().unwrap();
    assert_eq!(setup.items().await, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_held_request_along() {
    let Setup { direct, proxy, neo4j } = setup().await;
    proxy.arm(Fault::next(On::Commit, Effect::Hold));
    let write = tokio::spawn(async move { neo4j.write(create).await });
    proxy.until_struck(1).await;
    write.abort();
    proxy.until_none_held().await;
    proxy.release();
    assert_eq!(direct.number("MATCH (i:Item) RETURN count(i) AS row").await, 0);
}

#[tokio::test]
async fn a_held_answer_is_to_something_that_is_done() {
    let setup = setup().await;
    setup.arm(On::Commit, Effect::HoldAnswer);
    let write = setup.write_meanwhile();
    setup.proxy.until_struck(1).await;
    assert_eq!(setup.items().await, 1);
    assert!(!write.is_finished());
    setup.proxy.release();
    write.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slow_answer_comes_that_much_later() {
    let setup = setup().await;
    let delay = Duration::from_millis(300);
    setup.proxy.arm(Fault::next(On::Any, Effect::Slow(delay)).times(4));
    let began = Instant::now();
    setup.write().await.unwrap();
    assert!(began.elapsed() >= 4 * delay, "BEGIN, RUN, PULL, COMMIT in {:?}", began.elapsed());
    assert_eq!((setup.proxy.struck(), setup.items().await), (4, 1));
}

#[tokio::test]
async fn a_failure_is_the_servers_as_far_as_the_driver_can_tell() {
    let setup = setup().await;
    let long: &'static str = "a long message ".repeat(1_000).leak();
    for (code, kind) in [
        ("Neo.TransientError.Transaction.DeadlockDetected", Kind::Transient),
        ("Neo.TransientError.General.MemoryPoolOutOfMemoryError", Kind::TooLarge),
        ("Neo.ClientError.Statement.SyntaxError", Kind::Graph),
        ("Neo.ClientError.Schema.ConstraintValidationFailed", Kind::Refused),
    ] {
        for on in [On::Begin, On::Run, On::Pull, On::Commit] {
            setup.arm(on, Effect::Fail { code, message: long });
            let error = setup.write().await.unwrap_err();
            assert_eq!(error.kind, kind, "{on:?} {code}");
            assert!(error.to_string().contains(code), "{error}");
            assert!(kind == Kind::Refused || error.to_string().contains(long), "{error}");
        }
    }
    assert_eq!((setup.proxy.struck(), setup.items().await), (16, 0));
    setup.write().await.unwrap();
    assert_eq!(setup.items().await, 1);
}

const DEADLOCK: Effect =
    Effect::Fail { code: "Neo.TransientError.Transaction.DeadlockDetected", message: "a deadlock" };

#[tokio::test]
async fn a_failed_transaction_ignores_what_follows_and_holds_no_lock() {
    let setup = setup().await;
    setup.direct.run("CREATE (:Lock)").await;
    setup.arm(On::RunContaining("Item"), DEADLOCK);
    let lock = "MATCH (l:Lock) SET l.n = 1";
    let outcome = setup.neo4j.write(async |txn| {
        run(txn, Statement::new(lock)).await?;
        create(txn).await.unwrap_err();
        // Else this would wait for the lock.
        setup.direct.run(lock).await;
        create(txn).await
    });
    outcome.await.unwrap_err();
    assert_eq!((setup.proxy.struck(), setup.items().await), (1, 0));
}

/// The driver sends RUN and DISCARD in one go here, and gets two answers.
#[tokio::test]
async fn each_of_two_requests_sent_together_gets_its_answer() {
    let setup = setup().await;
    let syntax = Effect::Fail { code: "Neo.ClientError.Statement.SyntaxError", message: "no" };
    setup.arm(On::Run, syntax);
    let run_alone = async || setup.neo4j.run_alone(Statement::new(CREATE)).await;
    assert_eq!(run_alone().await.unwrap_err().kind, Kind::Graph);
    assert_eq!(setup.items().await, 0);
    assert_eq!(run_alone().await.unwrap().nodes_created, 1);
}

#[tokio::test]
async fn faults_strike_in_their_order_and_as_often_as_they_say() {
    let setup = setup().await;
    setup.proxy.arm(Fault::next(On::Commit, Effect::Cut).after(1).times(2));
    setup.proxy.arm(Fault::next(On::Begin, DEADLOCK));
    let mut kinds = Vec::new();
    for _ in 0..5 {
        kinds.push(setup.write().await.err().map(|e| e.kind));
    }
    let unknown = Some(Kind::UnknownOutcome);
    assert_eq!(kinds, [None, unknown, unknown, Some(Kind::Transient), None]);
    assert_eq!(setup.items().await, 2);
}

#[tokio::test]
async fn disarmed_it_lets_everything_pass() {
    let setup = setup().await;
    setup.arm(On::Run, Effect::Hold);
    setup.proxy.arm(Fault::next(On::Any, Effect::Cut).times(usize::MAX));
    let write = setup.write_meanwhile();
    setup.proxy.until_struck(1).await;
    setup.proxy.disarm();
    write.await.unwrap().unwrap();
    setup.write().await.unwrap();
    assert_eq!((setup.proxy.struck(), setup.items().await), (1, 2));
}

#[tokio::test]
async fn an_outage_ends_open_connections_and_refuses_new_ones() {
    let setup = setup().await;
    setup.arm(On::Commit, Effect::Hold);
    let write = setup.write_meanwhile();
    setup.proxy.until_struck(1).await;
    setup.proxy.refuse(true);
    assert_eq!(write.await.unwrap().unwrap_err().kind, Kind::UnknownOutcome);
    assert_eq!(setup.write_kind().await, Kind::Transient);
    setup.proxy.refuse(false);
    setup.write().await.unwrap();
    setup.proxy.cut_all();
    setup.write().await.unwrap();
    assert_eq!(setup.items().await, 2);
}

#[tokio::test]
async fn megabytes_pass_unchanged_both_ways() {
    let setup = setup().await;
    let one = "0123456789abcdef".repeat(256 * 1024);
    let many: Vec<String> = (0..20_000).map(|n| format!("{n:0200}")).collect();
    let rows = setup.neo4j.write(async |txn| {
        let echo = "UNWIND $many + [$one] AS value RETURN [value] AS row";
        let echo = Statement::new(echo).with("many", many.clone()).with("one", one.as_str());
        Ok(run(txn, echo).await?.0)
    });
    let rows = rows.await.unwrap();
    let values: Vec<String> = rows.iter().map(|row| text(&list(row).unwrap()[0])).collect();
    assert!(values == [many, vec![one]].concat());
}
