//! Faults on demand: what a client sees of each, and that it can go on afterwards.

use std::time::{Duration, Instant};

use crate::support::{
    Connection, PASSWORD, TestServer, config, connect, connect_with, emulator, error, is_cut,
    number, rows, run, try_run,
};
use sqlgraph_emulator::faults::{Effect, Fault, Kind, On, Refusal};
use tiberius::IsolationLevel;

const COUNT: &str = "SELECT COUNT(*) FROM dbo.T";

async fn table(client: &mut Connection) {
    run(client, "CREATE TABLE dbo.T (Id int PRIMARY KEY, A int); INSERT INTO T VALUES (1, 1)")
        .await;
}

fn arm(server: &TestServer, fault: Fault) {
    server.faults().arm(fault).unwrap();
}

async fn spid(client: &mut Connection) -> i64 {
    number(client, "@@SPID").await
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_took_place() {
    let Some(server) = emulator("faults on demand").await else { return };
    let (mut client, mut other) = (connect(&server).await, connect(&server).await);
    table(&mut client).await;
    arm(&server, Fault::new(Effect::LoseAnswer).on(Kind::Commit));
    client.begin_transaction().await.unwrap();
    run(&mut client, "INSERT INTO T VALUES (2, 2)").await;
    assert!(is_cut(&client.commit_transaction().await));
    assert_eq!(number(&mut other, COUNT).await, 2);
    assert_eq!(server.faults().armed(), []);
    let mut client = connect(&server).await;
    run(&mut client, "BEGIN TRAN; INSERT INTO T VALUES (3, 3); COMMIT").await;
    assert_eq!(number(&mut other, COUNT).await, 3);
}

#[tokio::test]
async fn a_lost_answer_of_a_statement_outside_of_a_transaction_is_a_lost_commit_too() {
    let Some(server) = emulator("faults on demand").await else { return };
    let (mut client, mut other) = (connect(&server).await, connect(&server).await);
    table(&mut client).await;
    arm(&server, Fault::new(Effect::LoseAnswer).on(On::Writes));
    let lost = client.execute("INSERT INTO T VALUES (2, 2)", &[]).await;
    assert!(is_cut(&lost));
    assert_eq!(number(&mut other, COUNT).await, 2);
    arm(&server, Fault::new(Effect::LoseAnswer).on(Kind::Update));
    let mut client = connect(&server).await;
    assert!(is_cut(&try_run(&mut client, "BEGIN TRAN; UPDATE T SET A = 7").await));
    run(&mut other, "SET LOCK_TIMEOUT 5000; UPDATE T SET A = A + 1").await;
    assert_eq!(number(&mut other, "SELECT MAX(A) FROM T").await, 3, "not committed: rolled back");
}

#[tokio::test]
async fn an_answer_is_cut_after_the_given_number_of_bytes() {
    let Some(server) = emulator("faults on demand").await else { return };
    for bytes in [0, 1, 8, 9, 100, 70_000] {
        let mut client = connect(&server).await;
        arm(&server, Fault::new(Effect::Cut { after_bytes: bytes }).on(Kind::Select));
        let many = "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT REPLICATE(N'x', 4000) FROM n";
        let found = client.simple_query(many).await;
        let outcome = match found {
            Ok(stream) => stream.into_results().await.map(drop),
            Err(error) => Err(error),
        };
        assert!(is_cut(&outcome), "{bytes}: {outcome:?}");
    }
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "2").await, 2);
}

#[tokio::test]
async fn a_cut_connection_rolls_back_what_it_had_open() {
    let Some(server) = emulator("faults on demand").await else { return };
    let (mut client, mut other) = (connect(&server).await, connect(&server).await);
    table(&mut other).await;
    let session = spid(&mut client).await;
    run(&mut client, "BEGIN TRAN; UPDATE T SET A = 9").await;
    let select = Fault::new(Effect::Cut { after_bytes: 20 }).on(Kind::Select);
    arm(&server, select.in_session(session).after(1));
    assert_eq!(number(&mut other, "1").await, 1, "another session's statement");
    assert_eq!(number(&mut client, "1").await, 1, "the one that passes before");
    assert!(is_cut(&try_run(&mut client, COUNT).await));
    run(&mut other, "SET LOCK_TIMEOUT 5000; UPDATE T SET A = A + 1").await;
    assert_eq!(number(&mut other, "SELECT A FROM T").await, 2);
}

#[tokio::test]
async fn a_held_answer_comes_when_it_is_released() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    arm(&server, Fault::new(Effect::Hold).on(Kind::Select));
    let waiting = tokio::spawn(async move { (number(&mut client, "7").await, client) });
    let mut other = connect(&server).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(number(&mut other, "1").await, 1, "others go on");
    assert!(!waiting.is_finished());
    server.faults().release();
    let (seven, mut client) =
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    assert_eq!(seven, 7);
    assert_eq!(number(&mut client, "8").await, 8);
}

#[tokio::test]
async fn a_slow_answer_takes_its_time_and_the_next_does_not() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    arm(&server, Fault::new(Effect::Slow { bytes_per_second: 20_000 }).on(Kind::Select));
    let started = Instant::now();
    let found = rows(&mut client, "SELECT REPLICATE(N'x', 4000)").await;
    assert_eq!(found[0].try_get::<&str, _>(0).unwrap().unwrap().len(), 4000);
    assert!(
        started.elapsed() >= Duration::from_millis(300),
        "8,000 bytes: {:?}",
        started.elapsed()
    );
    let started = Instant::now();
    rows(&mut client, "SELECT REPLICATE(N'x', 4000)").await;
    assert!(started.elapsed() < Duration::from_millis(300));
}

#[tokio::test]
async fn a_deadlock_victim_is_rolled_back_and_may_run_again() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    table(&mut client).await;
    let session = spid(&mut client).await;
    arm(&server, Fault::new(Effect::Error(Refusal::Deadlock)).on(Kind::Update));
    let twice = "BEGIN TRAN; INSERT INTO T VALUES (2, 2); UPDATE T SET A = 5; COMMIT";
    let (code, message) = error(&mut client, twice).await;
    assert_eq!(code, 1205);
    assert!(message.starts_with(&format!("Transaction (Process ID {session}) was deadlocked")));
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 0);
    assert_eq!(number(&mut client, COUNT).await, 1);
    run(&mut client, twice).await;
    assert_eq!(number(&mut client, COUNT).await, 2);
}

#[tokio::test]
async fn a_deadlock_inside_try_dooms_the_transaction() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    table(&mut client).await;
    arm(&server, Fault::new(Effect::Error(Refusal::Deadlock)).on(Kind::Update));
    let caught = "BEGIN TRY BEGIN TRAN; UPDATE T SET A = 5; COMMIT END TRY
        BEGIN CATCH SELECT CAST(ERROR_NUMBER() * 10 + XACT_STATE() AS bigint); ROLLBACK END CATCH";
    let stream = client.simple_query(caught).await.unwrap().into_results().await.unwrap();
    assert_eq!(stream[0][0].try_get::<i64, _>(0).unwrap(), Some(12_049));
    assert_eq!(number(&mut client, "SELECT A FROM T").await, 1);
}

#[tokio::test]
async fn a_definition_changed_under_a_snapshot_is_3961_and_a_new_one_reads() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    table(&mut client).await;
    run(&mut client, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    client.begin_transaction_with_isolation(IsolationLevel::Snapshot).await.unwrap();
    arm(&server, Fault::new(Effect::Error(Refusal::DefinitionChanged)).on(Kind::Select));
    assert_eq!(error(&mut client, COUNT).await.0, 3961);
    client.begin_transaction_with_isolation(IsolationLevel::Snapshot).await.unwrap();
    assert_eq!(number(&mut client, COUNT).await, 1);
    client.commit_transaction().await.unwrap();
}

#[tokio::test]
async fn a_login_finds_the_database_unavailable_as_often_as_armed() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut before = connect(&server).await;
    arm(&server, Fault::new(Effect::Error(Refusal::Unavailable)).on(Kind::Login).times(2));
    for _ in 0..2 {
        let refused = connect_with(&server, config(&server, "sa", PASSWORD)).await;
        assert_eq!(refused.err().and_then(|error| error.code()), Some(40613));
    }
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "1").await + number(&mut before, "1").await, 2);
}

#[tokio::test]
async fn too_many_sessions_refuse_a_login_and_end_a_connection() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    table(&mut client).await;
    arm(&server, Fault::new(Effect::Error(Refusal::ResourceLimit)).on(Kind::Login));
    let refused = connect_with(&server, config(&server, "sa", PASSWORD)).await;
    assert_eq!(refused.err().and_then(|error| error.code()), Some(10928));
    arm(&server, Fault::new(Effect::Error(Refusal::ResourceLimit)).on(Kind::Insert));
    let caught =
        "BEGIN TRY BEGIN TRAN; INSERT INTO T VALUES (2, 2) END TRY BEGIN CATCH COMMIT END CATCH";
    assert_eq!(error(&mut client, caught).await.0, 10928);
    assert!(is_cut(&try_run(&mut client, "SELECT 1").await));
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, COUNT).await, 1);
}

#[tokio::test]
async fn a_full_log_refuses_writes_until_there_is_room() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    table(&mut client).await;
    arm(&server, Fault::new(Effect::Error(Refusal::LogFull)).on(On::Writes).always());
    for sql in ["INSERT INTO T VALUES (2, 2)", "BEGIN TRAN; DELETE FROM T"] {
        let (code, message) = error(&mut client, sql).await;
        assert_eq!(code, 9002);
        assert!(message.contains("'Provenance' is full due to 'LOG_BACKUP'"), "{message}");
    }
    assert_eq!(number(&mut client, COUNT).await, 1, "reading goes on");
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 0);
    server.faults().disarm();
    run(&mut client, "INSERT INTO T VALUES (2, 2)").await;
    assert_eq!(number(&mut client, COUNT).await, 2);
}

#[tokio::test]
async fn a_fault_that_could_never_happen_is_refused() {
    let Some(server) = emulator("faults on demand").await else { return };
    for fault in [
        Fault::new(Effect::Error(Refusal::Unavailable)),
        Fault::new(Effect::Error(Refusal::Deadlock)).on(Kind::Login),
        Fault::new(Effect::Slow { bytes_per_second: 0 }),
        Fault::new(Effect::Hold).times(0),
        Fault::new(Effect::Error(Refusal::Deadlock)).times(0),
    ] {
        assert!(server.faults().arm(fault.clone()).is_err(), "{fault:?}");
    }
    assert_eq!(server.faults().armed(), []);
}

#[tokio::test]
async fn a_restart_keeps_what_was_committed_and_the_port() {
    let Some(server) = emulator("faults on demand").await else { return };
    let (mut client, mut idle) = (connect(&server).await, connect(&server).await);
    table(&mut client).await;
    run(&mut client, "BEGIN TRAN; INSERT INTO T VALUES (2, 2)").await;
    server.control().restart(Duration::ZERO).await.unwrap();
    assert!(is_cut(&try_run(&mut client, "COMMIT").await));
    assert!(is_cut(&try_run(&mut idle, "SELECT 1").await));
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, COUNT).await, 1);
    run(&mut client, "INSERT INTO T VALUES (3, 3)").await;
}

#[tokio::test]
async fn a_server_that_is_down_refuses_until_it_is_back() {
    let Some(server) = emulator("faults on demand").await else { return };
    let control = server.control().clone();
    let down = tokio::spawn(async move { control.restart(Duration::from_millis(300)).await });
    let mut refused = 0;
    let mut client = loop {
        match connect_with(&server, config(&server, "sa", PASSWORD)).await {
            Ok(client) if refused > 0 => break client,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.code(), None, "{error}");
                refused += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    down.await.unwrap().unwrap();
    assert_eq!(number(&mut client, "1").await, 1);
}
