//! The fence (R3): an old writer that wakes up after a new one has raised the fence writes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use neo4rs::query;
use provsync::error::{Error, Kind, Result};
use provsync::model::{Database, KnownEpoch};
use provsync::neo4j::{Graph, Statement, run};
use provsync::neo4j::{checkpoint, leader};
use support::graph::TestGraph;

const SOURCE: &str = "db@database:guid";
/// The guard as it must not be: fence matched before the lock is taken.
const MATCH_BEFORE_LOCK: &str = "MATCH (c:ProvsyncCheckpoint {source: $source, fence: $fence}) SET c.guard = $fence RETURN 1 AS passed";

fn database(guid: &str) -> Database {
    Database { name: "db".into(), database_guid: Some(guid.into()), ..Database::default() }
}

fn of_source() -> checkpoint::State {
    checkpoint::State::of(&database("guid"))
}

#[derive(Clone, Copy, PartialEq)]
enum Guard {
    Real,
    MatchBeforeLock,
}

/// The old writer has written and comes to its guard while a new writer has raised the fence but
/// not committed; then the new one commits. Returns the old writer's outcome.
async fn old_writer_wakes_up(graph: &TestGraph, guard: Guard) -> Result<()> {
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let (old, _) = checkpoint::raise(&neo4j, &database("guid"), false).await.unwrap();
    let old_token =
        graph.column("MATCH (c:ProvsyncCheckpoint) RETURN c.fence AS row").await.remove(0);

    let mut new = graph.driver.start_txn().await.unwrap();
    let raise = "MATCH (c:ProvsyncCheckpoint) SET c.fence = 'new'";
    new.run(query(raise)).await.unwrap();

    let old_writer = tokio::spawn(async move {
        neo4j
            .write(async |txn| {
                run(txn, Statement::new("CREATE (:Zombie)")).await?;
                match guard {
                    Guard::Real => checkpoint::guard(txn, &old, 0).await,
                    Guard::MatchBeforeLock => {
                        let weak = Statement::new(MATCH_BEFORE_LOCK);
                        let weak = weak.with("source", SOURCE).with("fence", old_token.as_str());
                        let (rows, _) = run(txn, weak).await?;
                        if rows.is_empty() { Err(Error::stop("fenced off")) } else { Ok(()) }
                    }
                }
            })
            .await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!old_writer.is_finished(), "the old writer waits for the lock");
    new.commit().await.unwrap();
    old_writer.await.unwrap()
}

#[tokio::test]
async fn an_old_writer_writes_nothing_after_the_fence_was_raised() {
    let graph = support::graph::empty().await;
    let outcome = old_writer_wakes_up(&graph, Guard::Real).await;
    assert_eq!(outcome.unwrap_err().kind, Kind::FencedOff);
    assert_eq!(graph.number("MATCH (z:Zombie) RETURN count(z) AS row").await, 0);
}

/// Shows that the test above can fail: with the fence matched before the lock, the zombie commits.
#[tokio::test]
async fn a_guard_that_matches_before_it_locks_lets_the_old_writer_through() {
    let graph = support::graph::empty().await;
    let outcome = old_writer_wakes_up(&graph, Guard::MatchBeforeLock).await;
    assert!(outcome.is_ok());
    assert_eq!(graph.number("MATCH (z:Zombie) RETURN count(z) AS row").await, 1);
}

#[tokio::test]
async fn rows_that_the_checkpoint_has_passed_are_refused() {
    let graph = support::graph::empty().await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let (fence, _) = checkpoint::raise(&neo4j, &database("guid"), false).await.unwrap();
    let state = checkpoint::State { version: Some(7), ..of_source() };
    neo4j
        .write(async |txn| checkpoint::advance(txn, &fence, None, &state, Some(true)).await)
        .await
        .unwrap();
    let write_read_at = async |version| {
        neo4j
            .write(async |txn| {
                run(txn, Statement::new("CREATE (:Data)")).await?;
                checkpoint::guard(txn, &fence, version).await
            })
            .await
    };
    assert_eq!(write_read_at(6).await.unwrap_err().kind, Kind::Overtaken);
    assert_eq!(graph.number("MATCH (d:Data) RETURN count(d) AS row").await, 0);
    write_read_at(7).await.unwrap();
    assert_eq!(graph.number("MATCH (d:Data) RETURN count(d) AS row").await, 1);
}

#[tokio::test]
async fn a_checkpoint_moves_only_from_the_state_that_it_was_left_in() {
    let graph = support::graph::empty().await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let (fence, found) = checkpoint::raise(&neo4j, &database("guid"), false).await.unwrap();
    assert!(!found.sealed);
    let at = |version| checkpoint::State { version: Some(version), ..of_source() };
    let advance = async |from: Option<String>, to: i64| {
        neo4j
            .write(async |txn| {
                checkpoint::advance(txn, &fence, from.as_deref(), &at(to), Some(true)).await
            })
            .await
    };
    advance(None, 1).await.unwrap();
    advance(Some(at(1).seal()), 2).await.unwrap();
    assert_eq!(advance(Some(at(1).seal()), 3).await.unwrap_err().kind, Kind::FencedOff, "a replay");
    let found = checkpoint::read(&neo4j).await.unwrap().unwrap();
    assert_eq!((found.state, found.sealed), (at(2), true));
    graph.run("MATCH (c:ProvsyncCheckpoint) SET c.version = 99").await;
    assert!(!checkpoint::read(&neo4j).await.unwrap().unwrap().sealed, "an edit by hand shows");
}

#[tokio::test]
async fn a_graph_has_one_source() {
    let graph = support::graph::empty().await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    checkpoint::raise(&neo4j, &database("guid"), false).await.unwrap();
    let other = checkpoint::raise(&neo4j, &database("other"), false).await.unwrap_err();
    assert_eq!(other.kind, Kind::Stop);
    assert!(other.to_string().contains("--adopt"), "{other}");
    checkpoint::raise(&neo4j, &database("other"), true).await.unwrap();
    let sources = graph.column("MATCH (c:ProvsyncCheckpoint) RETURN c.source AS row").await;
    assert_eq!(sources, ["db@database:other"]);
}

/// Neo4j reads a node's properties one by one, without its lock: a checkpoint that moves meanwhile
/// comes back half old, half new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_moves_while_it_is_read_is_no_edit_by_hand() {
    let graph = support::graph::empty().await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let (fence, _) = checkpoint::raise(&neo4j, &database("guid"), false).await.unwrap();
    let state = |version: i64| checkpoint::State {
        version: Some(version),
        epoch: Some(KnownEpoch {
            recovery_fork_guid: Some("e".repeat(100 + usize::try_from(version % 7).unwrap())),
            ..KnownEpoch::default()
        }),
        ..of_source()
    };
    let advance = async |version: i64| {
        let to = state(version);
        neo4j
            .write(async |txn| checkpoint::advance(txn, &fence, None, &to, Some(true)).await)
            .await
            .unwrap();
    };
    advance(0).await;
    let reader = Graph::connect(&graph.config).await.unwrap();
    let reads = tokio::spawn(async move {
        let mut versions = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let found = checkpoint::read(&reader).await.unwrap().unwrap();
            assert!(found.sealed, "{found:?}");
            assert_eq!(found.state, state(found.state.version.unwrap()));
            versions.insert(found.state.version);
        }
        versions.len()
    });
    let mut moved = 0;
    while !reads.is_finished() {
        moved += 1;
        advance(moved).await;
    }
    let seen = reads.await.unwrap();
    assert!(seen > 10, "{seen} of {moved} versions seen");
    println!("{seen} of {moved} versions seen");
}

/// SHOW TRANSACTIONS lists the whole server: what blocks a writer of another database is no concern of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_another_database_is_not_terminated() {
    let graph = support::graph::empty().await;
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    checkpoint::raise(&neo4j, &database("guid"), false).await.unwrap();
    let mut hung = graph.driver.start_txn().await.unwrap();
    hung.run(query("MATCH (c:ProvsyncCheckpoint) SET c.guard = 'hung'")).await.unwrap();
    let waits = neo4j.clone();
    let raise =
        tokio::spawn(async move { checkpoint::raise(&waits, &database("guid"), false).await });
    let blocked = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked by' RETURN count(*) AS row";
    support::worker::until(&graph, blocked, 1).await;

    let listed = async |database: &str| {
        let statement = query(leader::BLOCKED).param("database", database);
        let mut rows = graph.driver.execute(statement).await.unwrap();
        let mut count = 0;
        while rows.next().await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    assert_eq!((listed("system").await, listed("neo4j").await), (0, 1));
    assert_eq!(leader::terminate_blockers(&neo4j).await.unwrap().len(), 1);
    raise.await.unwrap().unwrap();
    let _ = hung.rollback().await;
}
