//! Change tracking, as observed on SQL Server 2025 (facts, probed.md 1 to 3).

use crate::support::{Connection, connect, error, number, rows, run, start};

async fn tracked(client: &mut Connection) {
    run(
        client,
        "CREATE TABLE dbo.T (Id int PRIMARY KEY, A int); ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON;
         ALTER TABLE T ENABLE CHANGE_TRACKING",
    )
    .await;
}

const VERSION: &str = "CHANGE_TRACKING_CURRENT_VERSION()";

/// Key, letter, version, creation version of every change since.
async fn changes(client: &mut Connection, since: i64) -> Vec<(i32, String, i64, Option<i64>)> {
    let sql = format!(
        "SELECT Id, SYS_CHANGE_OPERATION, SYS_CHANGE_VERSION, SYS_CHANGE_CREATION_VERSION FROM CHANGETABLE(CHANGES T, {since}) AS c \
         ORDER BY Id"
    );
    let found = rows(client, &sql).await;
    let read = |row: &tiberius::Row| {
        (
            row.try_get::<i32, _>(0).unwrap().unwrap(),
            row.try_get::<&str, _>(1).unwrap().unwrap().to_owned(),
            row.try_get::<i64, _>(2).unwrap().unwrap(),
            row.try_get::<i64, _>(3).unwrap(),
        )
    };
    found.iter().map(read).collect()
}

fn change(
    id: i32,
    letter: &str,
    version: i64,
    created: Option<i64>,
) -> (i32, String, i64, Option<i64>) {
    (id, letter.to_owned(), version, created)
}

#[tokio::test]
async fn one_version_per_transaction_that_changed_tracked_rows() {
    let server = start().await;
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "ISNULL(CHANGE_TRACKING_CURRENT_VERSION(), -1)").await, -1);
    tracked(&mut client).await;
    assert_eq!(number(&mut client, VERSION).await, 0);
    run(&mut client, "BEGIN TRAN; INSERT INTO T VALUES (1, 1), (2, 2); UPDATE T SET A = 3").await;
    assert_eq!(number(&mut client, VERSION).await, 0);
    assert_eq!(changes(&mut client, 0).await, []);
    run(&mut client, "COMMIT").await;
    assert_eq!(number(&mut client, VERSION).await, 1);
    run(&mut client, "UPDATE T SET A = 9 WHERE Id = 77; BEGIN TRAN; DELETE FROM T; ROLLBACK").await;
    assert_eq!(number(&mut client, VERSION).await, 1);
    run(&mut client, "UPDATE T SET A = A WHERE Id = 1").await;
    assert_eq!(number(&mut client, VERSION).await, 2);
}

#[tokio::test]
async fn the_letter_is_the_net_change_since_the_baseline() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    for sql in [
        "INSERT INTO T VALUES (1, 1)",
        "UPDATE T SET A = 2 WHERE Id = 1",
        "INSERT INTO T VALUES (2, 2)",
        "DELETE FROM T WHERE Id = 2",
        "DELETE FROM T WHERE Id = 1",
        "INSERT INTO T VALUES (1, 5)",
    ] {
        run(&mut client, sql).await;
    }
    assert_eq!(
        changes(&mut client, 0).await,
        [change(1, "I", 6, Some(6)), change(2, "D", 4, Some(3))]
    );
    assert_eq!(
        changes(&mut client, 1).await,
        [change(1, "U", 6, Some(6)), change(2, "D", 4, Some(3))]
    );
    assert_eq!(
        changes(&mut client, 3).await,
        [change(1, "U", 6, Some(6)), change(2, "D", 4, None)]
    );
    assert_eq!(changes(&mut client, 4).await, [change(1, "U", 6, Some(6))]);
    assert_eq!(changes(&mut client, 5).await, [change(1, "I", 6, Some(6))]);
    assert_eq!(changes(&mut client, 6).await, []);
    assert_eq!(changes(&mut client, 99).await, []);
}

#[tokio::test]
async fn a_key_update_is_a_delete_and_an_insert() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1)").await;
    run(&mut client, "UPDATE T SET Id = 2").await;
    assert_eq!(
        changes(&mut client, 1).await,
        [change(1, "D", 2, None), change(2, "I", 2, Some(2))]
    );
    run(&mut client, "UPDATE T SET Id = Id").await;
    assert_eq!(changes(&mut client, 2).await, [change(2, "U", 3, Some(3))]);
}

#[tokio::test]
async fn truncate_empties_the_history_and_moves_the_minimum() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1)").await;
    run(&mut client, "TRUNCATE TABLE T").await;
    assert_eq!(number(&mut client, VERSION).await, 1);
    assert_eq!(
        number(&mut client, "CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('dbo.T'))").await,
        1
    );
    assert_eq!(changes(&mut client, 0).await, []);
    run(
        &mut client,
        "ALTER TABLE T DISABLE CHANGE_TRACKING; ALTER DATABASE CURRENT SET CHANGE_TRACKING = OFF",
    )
    .await;
    run(
        &mut client,
        "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON; ALTER TABLE T ENABLE CHANGE_TRACKING",
    )
    .await;
    assert_eq!(number(&mut client, VERSION).await, 1, "the counter survives");
    assert_eq!(
        number(&mut client, "SELECT begin_version FROM sys.change_tracking_tables").await,
        1
    );
}

#[tokio::test]
async fn switches_are_refused_with_their_numbers() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.N (a int); CREATE TABLE dbo.T (Id int CONSTRAINT PK_T PRIMARY KEY)",
    )
    .await;
    assert_eq!(error(&mut client, "ALTER TABLE T ENABLE CHANGE_TRACKING").await.0, 1718);
    assert_eq!(
        error(&mut client, "ALTER DATABASE CURRENT SET CHANGE_TRACKING = OFF").await.0,
        5089
    );
    run(
        &mut client,
        "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 5 HOURS)",
    )
    .await;
    for (sql, number) in [
        ("ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON", 5088),
        ("ALTER TABLE N ENABLE CHANGE_TRACKING", 4997),
        ("ALTER TABLE N DISABLE CHANGE_TRACKING", 4998),
        ("SELECT 1 FROM CHANGETABLE(CHANGES dbo.N, 0) AS c", 22105),
        ("SELECT 1 FROM CHANGETABLE(CHANGES dbo.N, 0)", 22104),
        ("SELECT 1 FROM CHANGETABLE(CHANGES dbo.Nope, 0) AS c", 208),
        ("SELECT CHANGE_TRACKING_MIN_VALID_VERSION(NULL)", 8116),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
    run(&mut client, "ALTER TABLE T ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF)")
        .await;
    for (sql, number) in [
        ("ALTER TABLE T ENABLE CHANGE_TRACKING", 4996),
        ("ALTER DATABASE CURRENT SET CHANGE_TRACKING = OFF", 22115),
        ("ALTER TABLE T DROP CONSTRAINT PK_T", 3735),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
    run(&mut client, "BEGIN TRAN").await;
    assert_eq!(
        error(&mut client, "ALTER DATABASE CURRENT SET CHANGE_TRACKING (AUTO_CLEANUP = OFF)")
            .await
            .0,
        226
    );
}
