//! Transactions and isolation.

use std::time::{Duration, Instant};

use crate::support::{Connection, connect, error, number, run, start};
use tiberius::IsolationLevel;

async fn table(client: &mut Connection) {
    run(client, "CREATE TABLE dbo.T (Id int PRIMARY KEY, A int); INSERT INTO T VALUES (1, 1)")
        .await;
}

const COUNT: &str = "SELECT COUNT(*) FROM dbo.T";

#[tokio::test]
async fn what_is_rolled_back_is_gone_and_what_is_committed_stays() {
    let server = start().await;
    let mut client = connect(&server).await;
    table(&mut client).await;
    run(&mut client, "BEGIN TRAN; INSERT INTO T VALUES (2, 2); ROLLBACK").await;
    assert_eq!(number(&mut client, COUNT).await, 1);
    run(&mut client, "BEGIN TRAN").await;
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 1);
    run(&mut client, "BEGIN TRAN; INSERT INTO T VALUES (3, 3); COMMIT").await;
    run(&mut client, "COMMIT").await;
    assert_eq!(number(&mut client, COUNT).await, 2);
    assert_eq!(error(&mut client, "COMMIT").await.0, 3902);
    assert_eq!(error(&mut client, "ROLLBACK").await.0, 3903);
}

#[tokio::test]
async fn transaction_requests_of_the_driver_work() {
    let server = start().await;
    let mut client = connect(&server).await;
    table(&mut client).await;
    client.begin_transaction().await.unwrap();
    client.execute("INSERT INTO T VALUES (@P1, 0)", &[&5_i32]).await.unwrap();
    // tiberius counts the name in characters where the server counts bytes (MS-TDS 2.2.6.9): half of it arrives.
    client.save_transaction("here").await.unwrap();
    run(&mut client, "INSERT INTO T VALUES (6, 0); ROLLBACK TRAN he").await;
    client.commit_transaction().await.unwrap();
    assert_eq!(number(&mut client, "SELECT SUM(Id) FROM T").await, 6);
    client.begin_transaction().await.unwrap();
    run(&mut client, "DELETE FROM T").await;
    client.rollback_transaction().await.unwrap();
    assert_eq!(number(&mut client, COUNT).await, 2);
}

#[tokio::test]
async fn a_failed_statement_leaves_the_rest_of_its_transaction() {
    let server = start().await;
    let mut client = connect(&server).await;
    table(&mut client).await;
    assert_eq!(
        error(
            &mut client,
            "BEGIN TRAN; INSERT INTO T VALUES (2, 2); INSERT INTO T VALUES (3, 3), (1, 1); COMMIT"
        )
        .await
        .0,
        2627
    );
    assert_eq!(number(&mut client, COUNT).await, 2);
    let aborted = error(&mut client, "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO T VALUES (4, 4); INSERT INTO T VALUES (1, 1); COMMIT").await;
    assert_eq!(aborted.0, 2627);
    assert_eq!(number(&mut client, COUNT).await, 2);
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 0);
}

#[tokio::test]
async fn snapshot_sees_one_state_of_all_tables_from_its_first_read_on() {
    let server = start().await;
    let (mut reader, mut writer) = (connect(&server).await, connect(&server).await);
    table(&mut writer).await;
    run(
        &mut writer,
        "CREATE TABLE dbo.U (Id int); ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON",
    )
    .await;
    reader.begin_transaction_with_isolation(IsolationLevel::Snapshot).await.unwrap();
    run(&mut writer, "INSERT INTO T VALUES (2, 2)").await;
    assert_eq!(number(&mut reader, COUNT).await, 2, "BEGIN fixes nothing");
    run(&mut writer, "INSERT INTO T VALUES (3, 3); INSERT INTO U VALUES (1)").await;
    assert_eq!(number(&mut reader, COUNT).await, 2);
    assert_eq!(number(&mut reader, "SELECT COUNT(*) FROM dbo.U").await, 0);
    reader.commit_transaction().await.unwrap();
    assert_eq!(number(&mut reader, COUNT).await, 3);
}

#[tokio::test]
async fn snapshot_is_3952_where_it_is_not_allowed_and_a_stale_write_is_3960() {
    let server = start().await;
    let (mut stale, mut writer) = (connect(&server).await, connect(&server).await);
    table(&mut writer).await;
    stale.begin_transaction_with_isolation(IsolationLevel::Snapshot).await.unwrap();
    assert_eq!(number(&mut stale, "SELECT COUNT(*) FROM sys.tables").await, 1);
    assert_eq!(error(&mut stale, COUNT).await.0, 3952);
    let mut stale = connect(&server).await;
    run(&mut writer, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    stale.begin_transaction_with_isolation(IsolationLevel::Snapshot).await.unwrap();
    assert_eq!(number(&mut stale, COUNT).await, 1);
    run(&mut writer, "UPDATE T SET A = 2").await;
    assert_eq!(error(&mut stale, "UPDATE T SET A = 3").await.0, 3960);
    assert_eq!(number(&mut stale, "@@TRANCOUNT").await, 0);
}

#[tokio::test]
async fn read_committed_sees_what_is_committed_at_each_statement() {
    let server = start().await;
    let (mut reader, mut writer) = (connect(&server).await, connect(&server).await);
    table(&mut writer).await;
    run(&mut reader, "BEGIN TRAN").await;
    assert_eq!(number(&mut reader, COUNT).await, 1);
    run(&mut writer, "INSERT INTO T VALUES (2, 2)").await;
    assert_eq!(number(&mut reader, COUNT).await, 2);
    run(&mut reader, "COMMIT").await;
}

#[tokio::test]
async fn a_second_writer_waits_as_long_as_lock_timeout_says() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    table(&mut first).await;
    run(&mut first, "BEGIN TRAN; UPDATE T SET A = 5").await;
    let started = Instant::now();
    assert_eq!(error(&mut second, "SET LOCK_TIMEOUT 200; UPDATE T SET A = 6").await.0, 1222);
    assert!(started.elapsed() >= Duration::from_millis(200));
    let waiting = tokio::spawn(async move {
        run(&mut second, "SET LOCK_TIMEOUT -1; UPDATE T SET A = A + 1").await;
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    run(&mut first, "COMMIT").await;
    waiting.await.unwrap();
    assert_eq!(number(&mut first, "SELECT A FROM T").await, 6);
}

#[tokio::test]
async fn lock_timeout_can_be_read_back() {
    let server = start().await;
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "@@LOCK_TIMEOUT").await, -1);
    run(&mut client, "SET LOCK_TIMEOUT 250").await;
    assert_eq!(number(&mut client, "@@LOCK_TIMEOUT").await, 250);
}

#[tokio::test]
async fn a_dropped_connection_rolls_back_and_frees_its_lock() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    table(&mut first).await;
    run(&mut first, "BEGIN TRAN; INSERT INTO T VALUES (2, 2)").await;
    drop(first);
    run(&mut second, "SET LOCK_TIMEOUT 5000; INSERT INTO T VALUES (3, 3)").await;
    assert_eq!(number(&mut second, COUNT).await, 2);
}

#[tokio::test]
async fn settings_of_sp_executesql_end_with_it_and_an_open_transaction_is_266() {
    let server = start().await;
    let mut client = connect(&server).await;
    table(&mut client).await;
    client.execute("SET XACT_ABORT ON", &[]).await.unwrap();
    assert_eq!(error(&mut client, "BEGIN TRAN; INSERT INTO T VALUES (1, 1); COMMIT").await.0, 2627);
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 0);
    let refused = client.execute("BEGIN TRAN", &[]).await;
    assert_eq!(refused.err().and_then(|error| error.code()), Some(266));
}

#[tokio::test]
async fn a_question_about_the_session_fixes_no_snapshot() {
    let server = start().await;
    let (mut reader, mut writer) = (connect(&server).await, connect(&server).await);
    table(&mut writer).await;
    run(&mut writer, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    run(&mut reader, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN").await;
    run(&mut reader, "DECLARE @a int = 1; IF @@TRANCOUNT = 1 SELECT name FROM sys.tables").await;
    run(&mut writer, "INSERT INTO T VALUES (2, 2)").await;
    assert_eq!(number(&mut reader, COUNT).await, 2);
    run(&mut writer, "INSERT INTO T VALUES (3, 3)").await;
    assert_eq!(number(&mut reader, COUNT).await, 2);
}

#[tokio::test]
async fn a_table_whose_definition_has_changed_since_the_snapshot_is_3961() {
    let server = start().await;
    let (mut reader, mut writer) = (connect(&server).await, connect(&server).await);
    table(&mut writer).await;
    for sql in [
        "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON",
        "CREATE TABLE dbo.U (Id int PRIMARY KEY); INSERT INTO U VALUES (7)",
    ] {
        run(&mut writer, sql).await;
    }
    for ddl in ["TRUNCATE TABLE T", "ALTER TABLE T ADD B int"] {
        run(&mut reader, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN").await;
        assert_eq!(number(&mut reader, "SELECT COUNT(*) FROM U").await, 1);
        run(&mut writer, ddl).await;
        assert_eq!(number(&mut reader, "SELECT COUNT(*) FROM U").await, 1, "another table");
        let (code, message) = error(&mut reader, "SELECT COUNT(*) FROM T").await;
        assert_eq!(code, 3961, "{ddl}");
        assert!(message.contains("has been modified by a DDL statement"), "{message}");
        assert_eq!(number(&mut reader, "@@TRANCOUNT").await, 0);
        run(&mut reader, "BEGIN TRAN; SELECT COUNT(*) FROM T; COMMIT").await;
    }
    run(&mut reader, "BEGIN TRAN").await;
    assert_eq!(error(&mut reader, "ALTER TABLE T ADD C int").await.0, 3964);
}

#[tokio::test]
async fn a_transaction_that_has_read_does_not_become_a_snapshot() {
    let server = start().await;
    let mut client = connect(&server).await;
    table(&mut client).await;
    run(&mut client, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    run(&mut client, "BEGIN TRAN; SET TRANSACTION ISOLATION LEVEL SNAPSHOT").await;
    assert_eq!(number(&mut client, COUNT).await, 1, "nothing was read before");
    run(&mut client, "COMMIT; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRAN").await;
    assert_eq!(number(&mut client, COUNT).await, 1);
    run(&mut client, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT").await;
    assert_eq!(error(&mut client, COUNT).await.0, 3951);
}

#[tokio::test]
async fn a_save_point_before_the_first_write_keeps_the_snapshot_and_the_lock() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    table(&mut first).await;
    run(&mut first, "BEGIN TRAN; SAVE TRAN here; UPDATE T SET A = 5; ROLLBACK TRAN here").await;
    assert_eq!(number(&mut first, "SELECT A FROM T").await, 1);
    assert_eq!(error(&mut second, "SET LOCK_TIMEOUT 50; UPDATE T SET A = 6").await.0, 1222);
    run(&mut first, "UPDATE T SET A = 7; COMMIT").await;
    assert_eq!(number(&mut second, "SELECT A FROM T").await, 7);
}

#[tokio::test]
async fn identity_values_are_committed_out_of_order() {
    let server = start().await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    run(&mut first, "CREATE TABLE dbo.I (Id int IDENTITY PRIMARY KEY, A int)").await;
    run(&mut first, "BEGIN TRAN; INSERT INTO I (A) VALUES (1)").await;
    let waiting = tokio::spawn(async move {
        run(&mut second, "INSERT INTO I (A) VALUES (2), (3)").await;
        second
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    run(&mut first, "INSERT INTO I (A) VALUES (4); COMMIT").await;
    let mut second = waiting.await.unwrap();
    assert_eq!(
        number(&mut second, "SELECT SUM(Id * CASE A WHEN 1 THEN 10 WHEN 2 THEN 100 WHEN 3 THEN 1000 ELSE 10000 END) FROM I").await,
        10 + 2 * 100 + 3 * 1000 + 4 * 10_000,
        "the value drawn last belongs to the transaction that was committed first"
    );
}

#[tokio::test]
async fn an_implicit_transaction_begins_with_data_or_a_definition_and_stays_open() {
    const OPEN: &str = "@@TRANCOUNT";
    let server = start().await;
    let mut client = connect(&server).await;
    table(&mut client).await;
    run(&mut client, "SET IMPLICIT_TRANSACTIONS ON").await;
    assert_eq!(number(&mut client, OPEN).await, 0, "a SELECT without a table begins none");
    run(&mut client, "UPDATE T SET A = 5; UPDATE T SET A = 6").await;
    assert_eq!(number(&mut client, OPEN).await, 1, "the second statement is in the same one");
    run(&mut client, "ROLLBACK").await;
    assert_eq!(number(&mut client, "SELECT A FROM T").await, 1);
    run(&mut client, "COMMIT; CREATE TABLE dbo.U (A int)").await;
    assert_eq!(number(&mut client, OPEN).await, 1);
    run(&mut client, "ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF").await;
    assert_eq!(number(&mut client, "COALESCE(OBJECT_ID(N'dbo.U'), 0)").await, 0);
}
