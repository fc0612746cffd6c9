//! Application locks, as observed on SQL Server 2025 (facts, probed.md 7).

use std::time::{Duration, Instant};

use crate::support;
use crate::support::raw::{Raw, named, text as wire_text};
use crate::support::tokens::Token;
use crate::support::{Connection, connect, error, number, run, start, text};

/// The status of a call.
async fn status(client: &mut Connection, call: &str) -> i64 {
    let sql = format!("DECLARE @r int; EXEC @r = {call}; SELECT CAST(@r AS bigint)");
    let rows = support::rows(client, &sql).await;
    rows[0].try_get::<i64, _>(0).unwrap().unwrap()
}

fn take(name: &str, mode: &str, owner: &str, timeout: i64) -> String {
    format!(
        "sp_getapplock @Resource = N'{name}', @LockMode = '{mode}', @LockOwner = '{owner}', @LockTimeout = {timeout}"
    )
}

fn release(name: &str) -> String {
    format!("sp_releaseapplock @Resource = N'{name}', @LockOwner = 'Session'")
}

async fn mode(client: &mut Connection, name: &str, owner: &str) -> String {
    text(client, &format!("SELECT APPLOCK_MODE('public', N'{name}', '{owner}')")).await.unwrap()
}

#[tokio::test]
async fn an_exclusive_lock_keeps_others_out_until_it_is_released() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(status(&mut first, &take("a", "Exclusive", "Session", 0)).await, 0);
    assert_eq!(mode(&mut first, "a", "Session").await, "Exclusive");
    assert_eq!(mode(&mut second, "a", "Session").await, "NoLock");
    assert_eq!(number(&mut second, "APPLOCK_TEST('public', N'a', 'Shared', 'Session')").await, 0);
    assert_eq!(number(&mut first, "APPLOCK_TEST('public', N'a', 'Shared', 'Session')").await, 1);
    let started = Instant::now();
    assert_eq!(status(&mut second, &take("a", "Shared", "Session", 150)).await, -1);
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert_eq!(status(&mut second, &take("A", "Shared", "Session", 0)).await, 0, "names know case");
    let waiting = tokio::spawn(async move {
        let status = status(&mut second, &take("a", "Shared", "Session", 5000)).await;
        (status, second)
    });
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(status(&mut first, &release("a")).await, 0);
    let (waited, _second) = waiting.await.unwrap();
    assert_eq!(waited, 1);
}

#[tokio::test]
async fn as_many_releases_as_grants() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(status(&mut first, &take("a", "Shared", "Session", 0)).await, 0);
    assert_eq!(status(&mut first, &take("a", "exclusive", "session", 0)).await, 0);
    assert_eq!(mode(&mut first, "a", "Session").await, "Exclusive");
    assert_eq!(status(&mut first, &release("a")).await, 0);
    assert_eq!(status(&mut second, &take("a", "Exclusive", "Session", 0)).await, -1);
    assert_eq!(status(&mut first, &release("a")).await, 0);
    assert_eq!(status(&mut second, &take("a", "Exclusive", "Session", 0)).await, 0);
    let (code, message) = error(&mut first, &format!("EXEC {}", release("a"))).await;
    assert_eq!(code, 1223);
    assert_eq!(
        message,
        "Cannot release the application lock (Database Principal: 'public', Resource: 'a') because it is not currently held."
    );
}

#[tokio::test]
async fn a_transaction_lock_ends_with_its_transaction_and_outlives_a_save_point() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    let own = "sp_getapplock N'a', 'Exclusive'";
    assert_eq!(status(&mut first, own).await, -999, "no transaction");
    run(&mut first, "BEGIN TRAN; SAVE TRAN here").await;
    assert_eq!(status(&mut first, own).await, 0);
    run(&mut first, "ROLLBACK TRAN here").await;
    assert_eq!(mode(&mut first, "a", "Transaction").await, "Exclusive");
    assert_eq!(mode(&mut first, "a", "Session").await, "NoLock");
    assert_eq!(status(&mut second, &take("a", "IntentShared", "Session", 0)).await, -1);
    for end in ["COMMIT", "ROLLBACK"] {
        run(&mut first, end).await;
        assert_eq!(status(&mut second, &take("a", "Update", "Session", 0)).await, 0);
        assert_eq!(status(&mut second, &release("a")).await, 0);
        run(&mut first, "BEGIN TRAN").await;
        assert_eq!(status(&mut first, own).await, 0);
    }
}

#[tokio::test]
async fn locks_of_a_session_end_with_it_however_it_ends() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(status(&mut first, &take("a", "Exclusive", "Session", 0)).await, 0);
    drop(first);
    let got = status(&mut second, &take("a", "Exclusive", "Session", 5000)).await;
    assert!(got == 0 || got == 1, "{got}");
}

#[tokio::test]
async fn bad_arguments_are_statuses_or_errors_as_observed() {
    let server = start().await;
    let mut client = connect(&server).await;
    for call in [
        "sp_getapplock @LockMode = 'Shared', @LockOwner = 'Session'",
        "sp_getapplock N'a', 'Strong', 'Session'",
        "sp_getapplock N'a', 'Shared', 'Nobody'",
    ] {
        assert_eq!(status(&mut client, call).await, -999, "{call}");
    }
    for (sql, number) in [
        ("EXEC sp_getapplock NULL, 'Shared', 'Session'", 1224),
        ("EXEC sp_releaseapplock NULL, 'Session'", 1224),
        ("EXEC sp_getapplock N'a', 'Shared', 'Session', -2", 1227),
        ("EXEC sp_getapplock N'a'", 201),
        ("EXEC sp_getapplock N'a', 'Shared', 'Session', 0, 'nobody'", 1202),
        ("EXEC sp_getapplock @Nonsense = 1", 8145),
        ("SELECT APPLOCK_MODE('public', N'a', NULL)", 3918),
        ("SELECT APPLOCK_MODE(NULL, N'a', 'Session')", 8116),
        ("SELECT APPLOCK_MODE('public', N'a', 'Nobody')", 1226),
        ("SELECT APPLOCK_TEST('public', N'a', 'Strong', 'Session')", 1225),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
    let long = "x".repeat(300);
    assert_eq!(status(&mut client, &take(&long, "Exclusive", "Session", 0)).await, 0);
    assert_eq!(mode(&mut client, &long[..255], "Session").await, "Exclusive");
    assert_eq!(
        status(&mut client, "sp_getapplock N'a', 'Exclusive', 'Session', 0, 'dbo'").await,
        0,
        "another principal, another lock"
    );
    assert_eq!(mode(&mut client, "a", "Session").await, "NoLock");
}

#[tokio::test]
async fn the_time_out_is_that_of_the_session_where_none_is_given() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(status(&mut first, &take("a", "Exclusive", "Session", 0)).await, 0);
    run(&mut second, "SET LOCK_TIMEOUT 50").await;
    assert_eq!(status(&mut second, "sp_getapplock N'a', 'Shared', 'Session'").await, -1);
}

#[tokio::test]
async fn one_of_two_that_wait_for_each_other_is_told_so_and_keeps_its_locks() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(status(&mut first, &take("a", "Exclusive", "Session", 0)).await, 0);
    assert_eq!(status(&mut second, &take("b", "Exclusive", "Session", 0)).await, 0);
    let waiting = tokio::spawn(async move {
        (status(&mut first, &take("b", "Exclusive", "Session", 400)).await, first)
    });
    tokio::time::sleep(Duration::from_millis(80)).await;
    let second_got = status(&mut second, &take("a", "Exclusive", "Session", 400)).await;
    let (first_got, _first) = waiting.await.unwrap();
    let mut both = [first_got, second_got];
    both.sort_unstable();
    assert_eq!(both, [-3, -1]);
}

#[tokio::test]
async fn a_wait_for_a_writer_counts_towards_a_deadlock() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    run(&mut first, "CREATE TABLE dbo.T (Id int PRIMARY KEY)").await;
    run(&mut first, "BEGIN TRAN; INSERT INTO T VALUES (1)").await;
    assert_eq!(status(&mut second, &take("a", "Exclusive", "Session", 0)).await, 0);
    let waiting = tokio::spawn(async move {
        run(&mut second, "INSERT INTO T VALUES (2)").await;
        second
    });
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(status(&mut first, &take("a", "Exclusive", "Session", 5000)).await, -3);
    run(&mut first, "COMMIT").await;
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_remote_procedure_call_takes_and_releases_a_lock() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let mut other = connect(&server).await;
    let words = |words: &[&str]| words.iter().flat_map(|word| wire_text(word)).collect::<Vec<u8>>();
    let take = [named("sp_getapplock"), words(&["a", "Exclusive", "Session"])].concat();
    let release = [named("sys.sp_releaseapplock"), words(&["a", "Session"])].concat();
    for (call, status) in [(&take, 0), (&take, 0), (&release, 0)] {
        assert_eq!(raw.call(call).await[0], Token::ReturnStatus(status));
    }
    assert_eq!(number(&mut other, "APPLOCK_TEST('public', N'a', 'Shared', 'Session')").await, 0);
    assert_eq!(raw.call(&release).await[0], Token::ReturnStatus(0));
    assert_eq!(number(&mut other, "APPLOCK_TEST('public', N'a', 'Shared', 'Session')").await, 1);
    let refused = raw.call(&release).await;
    assert!(matches!(&refused[0], Token::Error(error) if error.number == 1223), "{refused:?}");
}
