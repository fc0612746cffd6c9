//! Change tracking beyond net changes: cleanup, context, column masks, versions of rows, what is refused when.

use std::time::{Duration, SystemTime};

use crate::support;
use crate::support::{
    Connection, connect, emulator, error, number, rows, run, start, text, try_run,
};
use sqlgraph_emulator::Cleanup;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const VERSION: &str = "CHANGE_TRACKING_CURRENT_VERSION()";
const MIN: &str = "CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.T'))";

async fn tracked(client: &mut Connection) {
    for sql in [
        "CREATE TABLE dbo.T (Id int PRIMARY KEY, A int, B int)",
        "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 3 DAYS)",
        "ALTER TABLE dbo.T ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = ON)",
    ] {
        run(client, sql).await;
    }
}

async fn letters(client: &mut Connection, since: i64) -> String {
    let sql = format!(
        "SELECT CONCAT(Id, SYS_CHANGE_OPERATION, IIF(SYS_CHANGE_CREATION_VERSION IS NULL, '', '+')) \
         FROM CHANGETABLE(CHANGES dbo.T, {since}) AS c ORDER BY Id"
    );
    let sql = sql.replace(
        "IIF(SYS_CHANGE_CREATION_VERSION IS NULL, '', '+')",
        "CASE WHEN SYS_CHANGE_CREATION_VERSION IS NULL THEN '' ELSE '+' END",
    );
    let found = rows(client, &sql).await;
    let found: Vec<&str> =
        found.iter().map(|row| row.try_get::<&str, _>(0).unwrap().unwrap()).collect();
    found.join(" ")
}

async fn binary(client: &mut Connection, sql: &str) -> Option<Vec<u8>> {
    let rows = rows(client, sql).await;
    rows.first().and_then(|row| row.try_get::<&[u8], _>(0).unwrap().map(<[u8]>::to_vec))
}

#[tokio::test]
async fn cleanup_removes_what_is_older_than_the_retention_and_moves_the_minimum() {
    let Some(server) = emulator("cleanup at a given time").await else { return };
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(
        &mut client,
        "CREATE TABLE dbo.Idle (Id int PRIMARY KEY); ALTER TABLE Idle ENABLE CHANGE_TRACKING",
    )
    .await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    run(&mut client, "INSERT INTO T VALUES (2, 2, 2)").await;
    let now = SystemTime::now();
    server.control().clean_up(Cleanup::Automatic { now: now + 2 * DAY }).await.unwrap();
    assert_eq!(number(&mut client, MIN).await, 0, "younger than three days");
    assert_eq!(letters(&mut client, 0).await, "1I+ 2I+");
    let cleaned =
        server.control().clean_up(Cleanup::Automatic { now: now + 4 * DAY }).await.unwrap();
    assert_eq!((cleaned.version, cleaned.rows), (Some(2), 2));
    assert_eq!(number(&mut client, MIN).await, 2);
    assert_eq!(letters(&mut client, 0).await, "", "a version below the minimum is not refused");
    assert_eq!(number(&mut client, VERSION).await, 2);
    let states = "SELECT CAST(COUNT(*) AS bigint) FROM sys.change_tracking_tables
                  WHERE begin_version = 0 AND min_valid_version = 2 AND cleanup_version = 2";
    assert_eq!(number(&mut client, states).await, 2, "the table without changes moves as well");
    let cleaned = "SELECT max_cleanup_version FROM sys.change_tracking_databases";
    assert_eq!(number(&mut client, cleaned).await, 2);
    run(&mut client, "UPDATE T SET A = 5 WHERE Id = 1").await;
    assert_eq!(letters(&mut client, 2).await, "1U");
}

#[tokio::test]
async fn automatic_cleanup_rests_while_it_is_off_and_a_forced_one_does_not() {
    let Some(server) = emulator("cleanup at a given time").await else { return };
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "ALTER DATABASE CURRENT SET CHANGE_TRACKING (AUTO_CLEANUP = OFF)").await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    let later = SystemTime::now() + 40 * DAY;
    server.control().clean_up(Cleanup::Automatic { now: later }).await.unwrap();
    assert_eq!(number(&mut client, MIN).await, 0);
    server.control().clean_up(Cleanup::Everything).await.unwrap();
    assert_eq!(number(&mut client, MIN).await, 1);
    assert_eq!(letters(&mut client, 0).await, "");
}

#[tokio::test]
async fn a_snapshot_transaction_holds_cleanup_back() {
    let Some(server) = emulator("cleanup at a given time").await else { return };
    let (mut client, mut reader) = (connect(&server).await, connect(&server).await);
    tracked(&mut client).await;
    run(&mut client, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    run(&mut reader, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN").await;
    assert_eq!(number(&mut reader, "SELECT COUNT(*) FROM T").await, 1);
    run(&mut client, "INSERT INTO T VALUES (2, 2, 2)").await;
    let later = SystemTime::now() + 40 * DAY;
    server.control().clean_up(Cleanup::Automatic { now: later }).await.unwrap();
    assert_eq!(number(&mut client, MIN).await, 1);
    assert_eq!(number(&mut reader, MIN).await, 0, "its own snapshot");
    run(&mut reader, "COMMIT").await;
    server.control().clean_up(Cleanup::Automatic { now: later }).await.unwrap();
    assert_eq!(number(&mut client, MIN).await, 2);
}

#[tokio::test]
async fn manual_cleanup_says_what_it_has_done() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    let call = "DECLARE @n bigint, @r int;
         EXEC @r = sys.sp_flush_CT_internal_table_on_demand N'dbo.T', @DeletedRowCount = @n OUTPUT;
         SELECT @n * 10 + @r";
    let found = rows(&mut client, call).await;
    assert_eq!(found[0].try_get::<i64, _>(0).unwrap(), Some(0), "nothing is old enough");
    for (sql, number) in [
        ("EXEC sp_flush_CT_internal_table_on_demand N'dbo.Nope'", 208),
        ("CREATE TABLE dbo.N (a int); EXEC sp_flush_CT_internal_table_on_demand N'dbo.N'", 22105),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
}

#[tokio::test]
async fn the_last_statement_to_touch_a_row_gives_its_context() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    let context = "SELECT SYS_CHANGE_CONTEXT FROM CHANGETABLE(CHANGES dbo.T, 0) AS c WHERE Id = 1";
    run(&mut client, "WITH CHANGE_TRACKING_CONTEXT (0x01AB) INSERT INTO T VALUES (1, 1, 1)").await;
    assert_eq!(binary(&mut client, context).await, Some(vec![1, 0xAB]));
    run(
        &mut client,
        "DECLARE @c varbinary(128) = 0x77;
         WITH CHANGE_TRACKING_CONTEXT (@c), s AS (SELECT 1 AS k) UPDATE T SET A = 2 FROM T JOIN s ON s.k = T.Id",
    )
    .await;
    assert_eq!(binary(&mut client, context).await, Some(vec![0x77]));
    run(&mut client, "UPDATE T SET A = 3").await;
    assert_eq!(binary(&mut client, context).await, None, "a later statement without one clears it");
    for (sql, number) in [
        ("DECLARE @c varbinary(129); WITH CHANGE_TRACKING_CONTEXT (@c) DELETE FROM T", 22109),
        ("DECLARE @c int; WITH CHANGE_TRACKING_CONTEXT (@c) DELETE FROM T", 22109),
        ("WITH CHANGE_TRACKING_CONTEXT (NULL) DELETE FROM T", 156),
        ("WITH CHANGE_TRACKING_CONTEXT ('a') DELETE FROM T", 102),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T").await, 1);
}

#[tokio::test]
async fn the_mask_names_the_columns_that_were_set() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    let mask = |since: i64| {
        format!("SELECT SYS_CHANGE_COLUMNS FROM CHANGETABLE(CHANGES dbo.T, {since}) AS c")
    };
    assert_eq!(binary(&mut client, &mask(0)).await, None, "an insert");
    run(&mut client, "UPDATE T SET B = B").await;
    assert_eq!(binary(&mut client, &mask(0)).await, None, "a range with an insert");
    assert_eq!(binary(&mut client, &mask(1)).await, Some(vec![0, 0, 0, 0, 3, 0, 0, 0]));
    run(&mut client, "UPDATE T SET A = 9").await;
    assert_eq!(
        binary(&mut client, &mask(1)).await,
        Some(vec![0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]),
        "in the order of the updates"
    );
    let sql = "SELECT CAST(SUM(CHANGE_TRACKING_IS_COLUMN_IN_MASK(COLUMNPROPERTY(OBJECT_ID(N'dbo.T'), N'A', 'ColumnId'), \
               SYS_CHANGE_COLUMNS) * 10 + CHANGE_TRACKING_IS_COLUMN_IN_MASK(3, SYS_CHANGE_COLUMNS)) AS bigint) \
               FROM CHANGETABLE(CHANGES dbo.T, 2) AS c";
    assert_eq!(number(&mut client, sql).await, 10);
    run(&mut client, "UPDATE T SET B = 1, A = 1").await;
    assert_eq!(binary(&mut client, &mask(3)).await, None, "every column outside of the key");
    run(&mut client, "UPDATE T SET Id = Id, B = 1").await;
    assert_eq!(binary(&mut client, &mask(4)).await, None, "the key");
    assert_eq!(number(&mut client, "CHANGE_TRACKING_IS_COLUMN_IN_MASK(2, NULL)").await, 1);
    let short = "SELECT CHANGE_TRACKING_IS_COLUMN_IN_MASK(2, 0x00000000)";
    assert_eq!(error(&mut client, short).await.0, 22101);
}

#[tokio::test]
async fn the_version_of_a_row_is_that_of_its_latest_change() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.T (Id int PRIMARY KEY, A int); INSERT INTO T VALUES (9, 9)")
        .await;
    run(&mut client, "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON").await;
    run(&mut client, "ALTER TABLE T ENABLE CHANGE_TRACKING").await;
    run(&mut client, "WITH CHANGE_TRACKING_CONTEXT (0x05) INSERT INTO T VALUES (1, 1)").await;
    run(&mut client, "INSERT INTO T VALUES (2, 2)").await;
    let of = |id: i32| {
        format!(
            "SELECT ISNULL(SUM(ISNULL(SYS_CHANGE_VERSION, -1)), -2) FROM CHANGETABLE(VERSION dbo.T, (Id), ({id})) AS c"
        )
    };
    assert_eq!(number(&mut client, &of(1)).await, 1);
    assert_eq!(number(&mut client, &of(2)).await, 2);
    assert_eq!(number(&mut client, &of(9)).await, -1, "unchanged since tracking began");
    assert_eq!(number(&mut client, &of(5)).await, -2, "no such row");
    run(&mut client, "BEGIN TRAN; UPDATE T SET A = 7 WHERE Id = 1").await;
    assert_eq!(number(&mut client, &of(1)).await, -1, "changed and not committed");
    run(&mut client, "COMMIT; DELETE FROM T WHERE Id = 2").await;
    assert_eq!(number(&mut client, &of(1)).await, 3);
    assert_eq!(number(&mut client, &of(2)).await, -2);
    let joined = "SELECT SUM(c.SYS_CHANGE_VERSION * 10 + t.Id) FROM T AS t \
                  CROSS APPLY CHANGETABLE(VERSION dbo.T, (Id), (t.Id)) AS c WHERE t.Id = 1";
    assert_eq!(number(&mut client, joined).await, 31);
    for (columns, values, number) in
        [("A", "1", 22111), ("Id, Id", "1, 1", 22112), ("Id", "1, 2", 22103)]
    {
        let sql = format!("SELECT 1 FROM CHANGETABLE(VERSION dbo.T, ({columns}), ({values})) AS c");
        assert_eq!(error(&mut client, &sql).await.0, number, "{sql}");
    }
    run(&mut client, "CREATE TABLE dbo.W (x int, y int, PRIMARY KEY (x, y))").await;
    run(&mut client, "ALTER TABLE W ENABLE CHANGE_TRACKING").await;
    let sql = "SELECT 1 FROM CHANGETABLE(VERSION dbo.W, (x), (1)) AS c";
    assert_eq!(error(&mut client, sql).await.0, 22110);
}

#[tokio::test]
async fn a_table_that_is_not_tracked_refuses_the_whole_batch() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "CREATE TABLE dbo.N (a int)").await;
    for (sql, number) in [
        ("INSERT INTO T VALUES (1, 1, 1); SELECT 1 FROM CHANGETABLE(CHANGES dbo.N, 0) AS c", 22105),
        (
            "INSERT INTO T VALUES (1, 1, 1); IF 1 = 0 SELECT 1 FROM CHANGETABLE(CHANGES N, 0) AS c",
            22105,
        ),
        (
            "INSERT INTO T VALUES (1, 1, 1); SELECT 1 FROM CHANGETABLE(CHANGES sys.tables, 0) AS c",
            22107,
        ),
        ("INSERT INTO T VALUES (1, 1, 1); SELECT Nope FROM T", 207),
        ("INSERT INTO T VALUES (1, 1, 1); IF 1 = 0 UPDATE T SET A = Nope FROM T AS t", 207),
        ("INSERT INTO T VALUES (1, 1, 1); SELECT CHANGE_TRACKING_MIN_VALID_VERSION(NULL)", 8116),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
        assert_eq!(support::number(&mut client, "SELECT COUNT(*) FROM T").await, 0, "{sql}");
    }
    let missing =
        "INSERT INTO T VALUES (1, 1, 1); SELECT 1 FROM CHANGETABLE(CHANGES dbo.Nope, 0) AS c";
    assert_eq!(error(&mut client, missing).await.0, 208);
    assert_eq!(
        support::number(&mut client, "SELECT COUNT(*) FROM T").await,
        1,
        "a table that is missing is looked for when its turn comes"
    );
    run(
        &mut client,
        "CREATE TABLE dbo.New (Id int PRIMARY KEY); ALTER TABLE New ENABLE CHANGE_TRACKING; \
         SELECT 1 FROM CHANGETABLE(CHANGES dbo.New, 0) AS c",
    )
    .await;
}

#[tokio::test]
async fn the_baseline_may_be_a_variable_of_a_type_that_converts() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    let with = |declared: &str| {
        format!(
            "DECLARE {declared}; SELECT COUNT(*) FROM CHANGETABLE(CHANGES dbo.T, @v) AS c (a, b, o, m, x, k) WHERE k = 1"
        )
    };
    let count = |rows: Vec<tiberius::Row>| rows[0].try_get::<i32, _>(0).unwrap().unwrap();
    for (declared, expected) in [
        ("@v nvarchar(9) = N'0'", 1),
        ("@v bigint = 1", 0),
        ("@v bigint = NULL", 1),
        ("@v bigint = -1", 0),
    ] {
        assert_eq!(count(rows(&mut client, &with(declared)).await), expected, "{declared}");
    }
    assert_eq!(error(&mut client, &with("@v nvarchar(9) = N'x'")).await.0, 8114);
    assert_eq!(error(&mut client, &with("@v datetime = '2020-01-01'")).await.0, 257);
    for bad in ["1 + 1", "1.5", "(1)"] {
        let sql = format!("SELECT 1 FROM CHANGETABLE(CHANGES dbo.T, {bad}) AS c");
        assert_eq!(error(&mut client, &sql).await.0, 102, "{bad}");
    }
}

#[tokio::test]
async fn a_statement_that_moves_keys_leaves_before_it_enters() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)").await;
    run(&mut client, "UPDATE T SET Id = Id + 1").await;
    assert_eq!(letters(&mut client, 1).await, "1D 2U+ 3U+ 4I+");
    assert_eq!(number(&mut client, "SELECT SUM(Id * 10 + A) FROM T").await, 96);
}

#[tokio::test]
async fn switches_on_a_table_roll_back_with_their_transaction() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "INSERT INTO T VALUES (1, 1, 1)").await;
    run(&mut client, "BEGIN TRAN; ALTER TABLE T DISABLE CHANGE_TRACKING; ROLLBACK").await;
    assert_eq!(letters(&mut client, 0).await, "1I+");
    run(&mut client, "BEGIN TRAN; TRUNCATE TABLE T; ROLLBACK").await;
    assert_eq!(letters(&mut client, 0).await, "1I+");
    assert_eq!(number(&mut client, MIN).await, 0);
}

#[tokio::test]
async fn options_are_refused_with_their_numbers() {
    let server = start().await;
    let mut client = connect(&server).await;
    let set = "ALTER DATABASE CURRENT SET CHANGE_TRACKING";
    for (sql, number) in [
        (format!("{set} = ON (CHANGE_RETENTION = 0 DAYS)"), 5092),
        (format!("{set} = ON (CHANGE_RETENTION = 2147483647 HOURS)"), 5092),
        (format!("{set} = ON (CHANGE_RETENTION = 1 DAY)"), 155),
        (format!("{set} = ON (AUTO_CLEANUP = ON, AUTO_CLEANUP = OFF)"), 5091),
        (format!("{set} = ON, ALLOW_SNAPSHOT_ISOLATION ON"), 22114),
        (format!("{set} (AUTO_CLEANUP = ON)"), 5089),
        ("ALTER DATABASE master SET CHANGE_TRACKING = ON".to_owned(), 5090),
    ] {
        assert_eq!(error(&mut client, &sql).await.0, number, "{sql}");
    }
    run(&mut client, &format!("{set} = ON")).await;
    let options = "SELECT CONCAT(retention_period, ' ', retention_period_units_desc, ' ', is_auto_cleanup_on) \
                   FROM sys.change_tracking_databases";
    assert_eq!(text(&mut client, options).await.unwrap(), "2 DAYS 1");
    run(&mut client, &format!("{set} (CHANGE_RETENTION = 90 MINUTES)")).await;
    assert_eq!(text(&mut client, options).await.unwrap(), "90 MINUTES 1");
    let caught = "BEGIN TRY ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON; END TRY BEGIN CATCH SELECT CAST(ERROR_NUMBER() AS nvarchar(9)); END CATCH";
    assert_eq!(text(&mut client, caught).await.unwrap(), "5069", "a CATCH sees the last error");
    try_run(
        &mut client,
        "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON, READ_COMMITTED_SNAPSHOT ON",
    )
    .await
    .unwrap();
}
