//! Control flow, variables, errors and transactions in the text of a batch.

use crate::support;
use crate::support::{connect, error, lines, number, run, start, try_run};

async fn numbers(client: &mut support::Connection) {
    run(
        client,
        "CREATE TABLE dbo.T (Id int PRIMARY KEY, V int NULL); INSERT INTO T VALUES (1, 10), (2, 20), (3, 30)",
    )
    .await;
}

#[tokio::test]
async fn variables_are_known_to_the_whole_batch_before_it_runs() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    for (sql, expected) in [
        ("DELETE FROM T; SELECT @a", 137),
        ("DELETE FROM T; SET @a = 1", 137),
        ("DECLARE @a int = 1, @b int = @a", 137),
        ("DECLARE @a int; DECLARE @A bigint", 134),
        ("IF 1 = 0 BREAK", 135),
        ("IF 1 = 0 CONTINUE", 136),
        ("IF 1 = 0 RETURN 5", 178),
    ] {
        assert_eq!(error(&mut client, sql).await.0, expected, "{sql}");
    }
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T").await, 3);
    let skipped =
        lines(&mut client, "IF 1 = 0 DECLARE @a int = 5; SET @a = ISNULL(@a, 7); SELECT @a").await;
    assert_eq!(skipped, ["7"]);
    let looped = lines(
        &mut client,
        "DECLARE @i int = 0, @s varchar(20) = ''; WHILE @i < 3 BEGIN DECLARE @x int; SET @x = ISNULL(@x, 0) + 1; SET @i += 1; \
         SET @s += CAST(@x AS varchar(3)); END; SELECT @s",
    )
    .await;
    assert_eq!(looped, ["123"]);
}

#[tokio::test]
async fn rowcount_follows_the_statement_before() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    for (sql, expected) in [
        ("UPDATE T SET V = V; SELECT @@ROWCOUNT", "3"),
        ("SELECT * FROM T; DECLARE @a int; SELECT @@ROWCOUNT", "3"),
        ("SELECT * FROM T; DECLARE @a int = 1; SELECT @@ROWCOUNT", "1"),
        ("SELECT * FROM T; BEGIN TRANSACTION; COMMIT; SELECT @@ROWCOUNT", "0"),
        ("SELECT * FROM T; PRINT 'x'; SELECT @@ROWCOUNT", "0"),
        ("SELECT * FROM T; IF 1 = 0 PRINT 'x'; SELECT @@ROWCOUNT", "0"),
        (
            "DECLARE @i int = 0; WHILE @i < 2 BEGIN SET @i += 1; SELECT * FROM T; END; SELECT @@ROWCOUNT",
            "0",
        ),
        ("SELECT * FROM T; SET NOCOUNT ON; SELECT @@ROWCOUNT", "0"),
    ] {
        assert_eq!(lines(&mut client, sql).await, [expected], "{sql}");
    }
}

#[tokio::test]
async fn a_catch_block_knows_the_error() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    let told = lines(
        &mut client,
        "BEGIN TRY\n  SELECT 1;\n  INSERT INTO T VALUES (1, 1);\nEND TRY\nBEGIN CATCH\n  SELECT ERROR_NUMBER(), ERROR_SEVERITY(), \
         ERROR_STATE(), ERROR_LINE(), ERROR_PROCEDURE(), @@ERROR;\nEND CATCH",
    )
    .await;
    assert_eq!(told, ["2627|14|1|3|NULL|2627"]);
    let nested = lines(
        &mut client,
        "BEGIN TRY BEGIN TRY THROW 50001, N'inner', 3; END TRY BEGIN CATCH THROW; END CATCH END TRY BEGIN CATCH SELECT \
         ERROR_NUMBER(), ERROR_MESSAGE(), ERROR_STATE(); END CATCH",
    )
    .await;
    assert_eq!(nested, ["50001|inner|3"]);
    assert_eq!(lines(&mut client, "SELECT ERROR_NUMBER()").await, ["NULL"]);
    assert_eq!(error(&mut client, "THROW 49999, N'x', 1").await.0, 35100);
    assert_eq!(error(&mut client, "RAISERROR(50001, 16, 1)").await.0, 18054);
    assert_eq!(error(&mut client, "RAISERROR('x', 19, 1)").await.0, 2754);
    assert_eq!(error(&mut client, "RAISERROR('%q', 16, 1)").await.0, 2787);
    assert_eq!(
        error(&mut client, "RAISERROR('[%-5s|%5d|%05d|%x|%%]', 16, 1, 'ab', 42, 7, 255)").await.1,
        "[ab   |   42|00007|ff|%]"
    );
}

#[tokio::test]
async fn names_that_do_not_resolve_are_not_caught_where_they_stand() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    let plain = "BEGIN TRY SELECT * FROM dbo.Nope; END TRY BEGIN CATCH SELECT 1; END CATCH";
    assert_eq!(error(&mut client, plain).await.0, 208);
    let deeper = "BEGIN TRY EXEC (N'SELECT * FROM dbo.Nope'); END TRY BEGIN CATCH SELECT ERROR_NUMBER(); END CATCH";
    assert_eq!(lines(&mut client, deeper).await, ["208"]);
    let syntax =
        "BEGIN TRY EXEC (N'SELECT 1 +'); END TRY BEGIN CATCH SELECT ERROR_NUMBER(); END CATCH";
    assert_eq!(lines(&mut client, syntax).await, ["102"]);
}

#[tokio::test]
async fn a_doomed_transaction_can_only_be_rolled_back() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    let told = lines(
        &mut client,
        "SET XACT_ABORT ON; DECLARE @log TABLE (N int); BEGIN TRANSACTION; UPDATE T SET V = 0;
         BEGIN TRY INSERT INTO T VALUES (1, 1); END TRY
         BEGIN CATCH
           INSERT INTO @log VALUES (XACT_STATE());
           BEGIN TRY INSERT INTO T VALUES (9, 9); END TRY BEGIN CATCH INSERT INTO @log VALUES (ERROR_NUMBER()); END CATCH
           IF @@TRANCOUNT > 0 ROLLBACK;
         END CATCH;
         SELECT STRING_AGG(CAST(N AS varchar(9)), ',') , @@TRANCOUNT, (SELECT SUM(V) FROM T) FROM @log",
    )
    .await;
    assert_eq!(told, ["-1,3930|0|60"]);
    let left_open = "SET XACT_ABORT ON; BEGIN TRANSACTION; BEGIN TRY INSERT INTO T VALUES (1, 1); END TRY BEGIN CATCH PRINT 'caught'; \
                     END CATCH";
    assert_eq!(error(&mut client, left_open).await.0, 3998);
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 0);
}

#[tokio::test]
async fn errors_end_statement_batch_or_transaction() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    // The batch goes on after these.
    for (sql, number) in [
        ("INSERT INTO T VALUES (1, 1)", 2627),
        ("SELECT 1 / 0", 8134),
        ("DECLARE @t tinyint = 255; SET @t += 1", 220),
        ("COMMIT", 3902),
        ("ROLLBACK", 3903),
        ("EXEC dbo.nothing", 2812),
    ] {
        let batch = format!("{sql}; UPDATE T SET V = {number} WHERE Id = 1");
        assert!(try_run(&mut client, &batch).await.is_err(), "{sql}");
        assert_eq!(
            support::number(&mut client, "SELECT V FROM T WHERE Id = 1").await,
            number,
            "{sql}"
        );
    }
    // It ends with these, and so does the transaction.
    let converted =
        "BEGIN TRANSACTION; UPDATE T SET V = 1; SELECT CAST('x' AS int); UPDATE T SET V = 2";
    assert_eq!(error(&mut client, converted).await.0, 245);
    assert_eq!(number(&mut client, "@@TRANCOUNT").await, 0);
    assert_eq!(number(&mut client, "SELECT V FROM T WHERE Id = 2").await, 20);
    // Everything does under XACT_ABORT, but for RAISERROR.
    let aborted = "SET XACT_ABORT ON; BEGIN TRANSACTION; RAISERROR('x', 16, 1); UPDATE T SET V = 77 WHERE Id = 2; COMMIT";
    assert_eq!(error(&mut client, aborted).await.0, 50000);
    assert_eq!(number(&mut client, "SELECT V FROM T WHERE Id = 2").await, 77);
}

#[tokio::test]
async fn savepoints_and_names_of_transactions() {
    let server = start().await;
    let mut client = connect(&server).await;
    numbers(&mut client).await;
    run(
        &mut client,
        "BEGIN TRANSACTION outermost; DELETE FROM T WHERE Id = 1; SAVE TRANSACTION a; DELETE FROM T WHERE Id = 2; ROLLBACK \
         TRANSACTION a; COMMIT",
    )
    .await;
    assert_eq!(lines(&mut client, "SELECT Id FROM T ORDER BY Id").await, ["2", "3"]);
    assert_eq!(error(&mut client, "BEGIN TRANSACTION; ROLLBACK TRANSACTION nothing").await.0, 6401);
    run(&mut client, "IF @@TRANCOUNT > 0 ROLLBACK").await;
    run(&mut client, "BEGIN TRANSACTION o; DELETE FROM T; ROLLBACK TRANSACTION o").await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T").await, 2);
}

#[tokio::test]
async fn rows_change_through_a_common_table_expression() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.D (Id int PRIMARY KEY, K nvarchar(9), N int); INSERT INTO D VALUES (1, N'a', 1), (2, N'A ', 2), (3, N'b', \
         3), (4, N'a', 4)",
    )
    .await;
    assert_eq!(
        lines(
            &mut client,
            "WITH c AS (SELECT Id, N, ROW_NUMBER() OVER (PARTITION BY K ORDER BY Id) AS r FROM D) UPDATE c SET N = r * \
             100 OUTPUT inserted.Id, deleted.N, inserted.N WHERE r > 1"
        )
        .await,
        ["2|2|200", "4|4|300"]
    );
    run(
        &mut client,
        "WITH c AS (SELECT ROW_NUMBER() OVER (PARTITION BY K ORDER BY Id) AS r FROM D) DELETE FROM c WHERE r > 1",
    )
    .await;
    assert_eq!(lines(&mut client, "SELECT Id FROM D ORDER BY Id").await, ["1", "3"]);
    run(&mut client, "WITH c AS (SELECT TOP (1) * FROM D ORDER BY Id DESC) DELETE FROM c").await;
    assert_eq!(lines(&mut client, "SELECT Id FROM D").await, ["1"]);
    let derived = "WITH c AS (SELECT Id, N + 1 AS m FROM D) UPDATE c SET m = 1";
    assert_eq!(error(&mut client, derived).await.0, 4406);
}
