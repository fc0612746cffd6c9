//! T-SQL that people write by hand.

use crate::support;
use crate::support::{connect, error, number, rows, run, start, text, try_run};

/// The first column of a result as text, one line per row.
async fn column(client: &mut support::Connection, sql: &str) -> Vec<String> {
    let found = rows(client, sql).await;
    found
        .iter()
        .map(|row| {
            let cell = row.cells().next().map(|(_, data)| format!("{data:?}")).unwrap();
            let inner =
                cell.split_once("Some(").map_or("NULL", |(_, rest)| rest.trim_end_matches(')'));
            inner.trim_matches('"').to_owned()
        })
        .collect()
}

async fn people(client: &mut support::Connection) {
    run(
        client,
        "CREATE TABLE dbo.P (Id int IDENTITY(1,1) PRIMARY KEY, Name nvarchar(20) NOT NULL UNIQUE, City nvarchar(20) NULL, \
         Age int NULL DEFAULT 18);
         INSERT INTO dbo.P (Name, City, Age) VALUES (N'Ann', N'Bonn', 30), (N'Bob', N'Köln', 40), (N'Cid', NULL, DEFAULT);",
    )
    .await;
}

#[tokio::test]
async fn queries_join_group_order_and_limit() {
    let server = start().await;
    let mut client = connect(&server).await;
    people(&mut client).await;
    for (sql, expected) in [
        ("SELECT Name FROM dbo.P WHERE City IS NULL", vec!["Cid"]),
        ("SELECT TOP (2) Name FROM P ORDER BY Age DESC", vec!["Bob", "Ann"]),
        ("SELECT Name FROM P ORDER BY Name OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", vec!["Bob"]),
        (
            "SELECT COUNT(*) FROM P GROUP BY CASE WHEN Age > 18 THEN 1 ELSE 0 END ORDER BY 1",
            vec!["1", "2"],
        ),
        (
            "SELECT a.Name + N'-' + b.Name FROM P AS a JOIN P AS b ON b.Id = a.Id + 1 ORDER BY a.Id",
            vec!["Ann-Bob", "Bob-Cid"],
        ),
        ("SELECT a.Name FROM P a LEFT JOIN P b ON b.Id = a.Id + 1 WHERE b.Id IS NULL", vec!["Cid"]),
        (
            "SELECT Name FROM P WHERE Id IN (SELECT Id FROM P WHERE Age >= 30) ORDER BY 1",
            vec!["Ann", "Bob"],
        ),
        (
            "SELECT Name FROM P p WHERE EXISTS (SELECT 1 FROM P q WHERE q.Age > p.Age) ORDER BY Name",
            vec!["Ann", "Cid"],
        ),
        ("SELECT (SELECT MAX(Age) FROM P)", vec!["40"]),
        (
            "SELECT DISTINCT UPPER(LEFT(City, 1)) FROM P WHERE City IS NOT NULL ORDER BY 1",
            vec!["B", "K"],
        ),
        ("SELECT Name FROM P WHERE Name = 'ANN  '", vec!["Ann"]),
        ("SELECT Name FROM P WHERE Name LIKE '_o%'", vec!["Bob"]),
        ("SELECT Name FROM P WHERE Age BETWEEN 18 AND 30 AND NOT Name = 'Ann'", vec!["Cid"]),
        ("SELECT ISNULL(City, 'none') FROM P WHERE Id = 3", vec!["none"]),
        ("SELECT COALESCE(City, Name) FROM P WHERE Id = 3", vec!["Cid"]),
        (
            "SELECT STRING_AGG(Name, ',') WITHIN GROUP (ORDER BY Name DESC) FROM P",
            vec!["Cid,Bob,Ann"],
        ),
        ("SELECT v.a FROM (VALUES (1, 'x'), (2, 'y')) AS v (a, b) WHERE v.b = 'Y'", vec!["2"]),
        (
            "WITH a (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 4) SELECT SUM(n) FROM a",
            vec!["10"],
        ),
        (
            "WITH a AS (SELECT Name AS n FROM P), b AS (SELECT n FROM a WHERE n > 'B') SELECT n FROM b ORDER BY n",
            vec!["Bob", "Cid"],
        ),
        ("SELECT 1 UNION SELECT 1 UNION ALL SELECT 2 ORDER BY 1", vec!["1", "2"]),
        ("SELECT Name FROM P EXCEPT SELECT 'bob' ORDER BY 1", vec!["Ann", "Cid"]),
        ("SELECT IIF(1 < 2, 'yes', 'no')", vec!["yes"]),
        ("SELECT CASE 'a' WHEN 'A' THEN 1 ELSE 2 END", vec!["1"]),
        (
            "SELECT k.id FROM OPENJSON(N'[3,1,2]') WITH (id bigint '$') AS k ORDER BY k.id",
            vec!["1", "2", "3"],
        ),
        (
            "SELECT j.n FROM OPENJSON(N'[{\"n\":\"x\"},{\"n\":null},{}]') WITH (n nvarchar(9)) AS j",
            vec!["x", "NULL", "NULL"],
        ),
        (
            "SELECT [key] + '=' + value FROM OPENJSON(N'{\"a\":1,\"b\":true}')",
            vec!["a=1", "b=true"],
        ),
        ("SELECT JSON_VALUE(N'{\"a\":{\"b\":[1,\"z\"]}}', '$.a.b[1]')", vec!["z"]),
        ("SELECT ISJSON('{}') + ISJSON('x') * 10", vec!["1"]),
        (
            "SELECT N'Aa' COLLATE Latin1_General_BIN2 FROM sys.schemas WHERE N'Aa' COLLATE Latin1_General_BIN2 = N'AA'",
            vec![],
        ),
        (
            "SELECT x.n FROM P CROSS APPLY OPENJSON(N'[1,2]') WITH (n int '$') AS x WHERE Id = 1",
            vec!["1", "2"],
        ),
        (
            "SELECT CONVERT(varchar(30), CAST('2024-02-29T10:20:30.1234567' AS datetime2), 126)",
            vec!["2024-02-29T10:20:30.1234567"],
        ),
        ("SELECT CONVERT(varchar(10), 0x0AFF, 2)", vec!["0AFF"]),
        (
            "SELECT CAST(DATEADD(month, 1, CAST('2024-01-31' AS date)) AS varchar(10))",
            vec!["2024-02-29"],
        ),
        (
            "SELECT CONVERT(varchar(70), HASHBYTES('SHA2_256', 'abc'), 2)",
            vec!["BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"],
        ),
        ("SELECT QUOTENAME('a]b')", vec!["[a]]b]"]),
        ("SELECT CONCAT('a', NULL, 1, N'é')", vec!["a1é"]),
        ("SELECT REPLACE(REPLICATE('ab', 2), 'B', '-')", vec!["a-a-"]),
        ("SELECT SUBSTRING('hello', 2, 3) + RIGHT('hello', 1)", vec!["ello"]),
        ("SELECT 7 / 2 + 7 % 2", vec!["4"]),
    ] {
        assert_eq!(column(&mut client, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn control_flow_variables_and_dynamic_text_work() {
    let server = start().await;
    let mut client = connect(&server).await;
    let total = column(
        &mut client,
        "DECLARE @i int = 0, @sum bigint; SET @sum = 0;
         WHILE 1 = 1 BEGIN SET @i += 1; IF @i > 10 BREAK; IF @i % 2 = 0 CONTINUE; SET @sum = @sum + @i; END
         SELECT @sum",
    )
    .await;
    assert_eq!(total, ["25"]);
    people(&mut client).await;
    let found = column(&mut client, "DECLARE @n nvarchar(20), @c int; SELECT @n = Name, @c = Age FROM P WHERE Id = 2; SELECT @n").await;
    assert_eq!(found, ["Bob"]);
    let caught = column(
        &mut client,
        "BEGIN TRY INSERT INTO P (Name) VALUES ('ann') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH",
    )
    .await;
    assert_eq!(caught, ["2627"]);
    let out = column(
        &mut client,
        "DECLARE @r int; EXEC sp_executesql N'SELECT @x = COUNT(*) FROM P WHERE Id > @a', N'@a int, @x int OUTPUT', @a = 1, \
         @x = @r OUTPUT; SELECT @r",
    )
    .await;
    assert_eq!(out, ["2"]);
    run(&mut client, "EXEC (N'UPDATE P SET Age = 1 WHERE Id = 1')").await;
    assert_eq!(number(&mut client, "SELECT Age FROM P WHERE Id = 1").await, 1);
    assert_eq!(
        error(&mut client, "RAISERROR('bad %s %d', 16, 2, 'luck', 7)").await,
        (50000, "bad luck 7".to_owned())
    );
    assert_eq!(error(&mut client, "THROW 50123, N'thrown', 1").await.0, 50123);
    assert_eq!(error(&mut client, "SELECT @nothing").await.0, 137);
}

#[tokio::test]
async fn rows_are_changed_through_from_and_output() {
    let server = start().await;
    let mut client = connect(&server).await;
    people(&mut client).await;
    assert_eq!(
        column(&mut client, "INSERT INTO P (Name) OUTPUT inserted.Id VALUES ('Dee'), ('Eve')")
            .await,
        ["4", "5"]
    );
    assert_eq!(number(&mut client, "SCOPE_IDENTITY()").await, 5);
    assert_eq!(
        column(&mut client, "UPDATE p SET Age = v.n OUTPUT inserted.Name FROM P AS p JOIN (VALUES (1, 50), (2, 60)) AS v (i, n) ON v.i = p.Id").await.len(),
        2
    );
    assert_eq!(number(&mut client, "SELECT SUM(Age) FROM P WHERE Id < 3").await, 110);
    assert_eq!(
        column(&mut client, "DELETE FROM P OUTPUT deleted.Name WHERE Name > 'C' AND Id = 3").await,
        ["Cid"]
    );
    run(
        &mut client,
        "DELETE p FROM P AS p WHERE EXISTS (SELECT 1 FROM P q WHERE q.Id < p.Id AND q.Id >= 4)",
    )
    .await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM P").await, 3);
    run(&mut client, "UPDATE TOP (1) P SET City = N'x'").await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM P WHERE City = 'X'").await, 1);
    let changed = client.execute("UPDATE P SET Age = Age WHERE Id > @P1", &[&1_i32]).await.unwrap();
    assert_eq!(changed.total(), 2);
    assert_eq!(error(&mut client, "INSERT INTO P DEFAULT VALUES").await.0, 515);
}

#[tokio::test]
async fn constraints_answer_with_their_numbers() {
    let server = start().await;
    let mut client = connect(&server).await;
    people(&mut client).await;
    run(
        &mut client,
        "CREATE TABLE dbo.C (Id int PRIMARY KEY, P int NULL CONSTRAINT FK_C_P REFERENCES dbo.P (Id), Kind varchar(5) \
         CONSTRAINT CK_C CHECK (Kind <> ''), U int NULL, CONSTRAINT UQ_C UNIQUE (U));
         CREATE UNIQUE INDEX UX_C ON dbo.C (Kind) WHERE P IS NOT NULL;
         INSERT INTO dbo.C VALUES (1, 1, 'a', NULL)",
    )
    .await;
    for (sql, number) in [
        ("INSERT INTO C VALUES (1, 1, 'b', 2)", 2627),
        ("INSERT INTO C VALUES (2, 1, 'A ', 2)", 2601),
        ("INSERT INTO C VALUES (2, 9, 'b', 2)", 547),
        ("INSERT INTO C VALUES (2, 1, '', 2)", 547),
        ("INSERT INTO C VALUES (2, NULL, 'b', NULL)", 2627),
        ("INSERT INTO C VALUES (NULL, 1, 'b', 2)", 515),
        ("DELETE FROM P WHERE Id = 1", 547),
        ("UPDATE C SET P = 77", 547),
        ("INSERT INTO C VALUES (2, 1, 'toolong', 2)", 2628),
        ("INSERT INTO C VALUES (2, 1)", 213),
        ("INSERT INTO C (Id, Nope) VALUES (2, 1)", 207),
        ("INSERT INTO P (Id, Name) VALUES (9, 'x')", 544),
        ("UPDATE P SET Id = 3", 8102),
        ("SELECT * FROM dbo.Nope", 208),
        ("SELECT Nope FROM P", 207),
        ("SELECT x.Name FROM P", 4104),
        ("SELECT Id FROM P a, P b", 209),
        ("SELECT Name, COUNT(*) FROM P", 8120),
        ("SELECT (SELECT Id FROM P)", 512),
        (
            "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT MAX(i) FROM n",
            530,
        ),
        ("WITH n (i) AS (SELECT 'a' UNION ALL SELECT i + 'a' FROM n) SELECT i FROM n", 240),
        ("SELEC 1", 2812),
        ("SELECT 1 +", 102),
        ("SELECT FROM P", 156),
        ("DROP TABLE dbo.P", 3726),
        ("CREATE TABLE dbo.P (a int)", 2714),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
    let (_, message) = error(&mut client, "INSERT INTO C VALUES (2, 9, 'b', 2)").await;
    assert!(
        message.contains("\"FK_C_P\"") && message.contains("table \"dbo.P\", column 'Id'."),
        "{message}"
    );
    let (_, message) = error(&mut client, "INSERT INTO C VALUES (2, 1, 'toolong', 2)").await;
    assert!(message.contains("table 'Provenance.dbo.C', column 'Kind'"), "{message}");
}

#[tokio::test]
async fn identity_insert_is_on_for_one_table_at_a_time() {
    let server = start().await;
    let mut client = connect(&server).await;
    people(&mut client).await;
    run(&mut client, "CREATE TABLE dbo.Q (Id int IDENTITY(1,1), A int)").await;
    run(&mut client, "SET IDENTITY_INSERT dbo.P ON; INSERT INTO P (Id, Name) VALUES (100, 'x')")
        .await;
    assert_eq!(error(&mut client, "SET IDENTITY_INSERT dbo.Q ON").await.0, 8107);
    assert_eq!(error(&mut client, "INSERT INTO P (Name) VALUES ('y')").await.0, 545);
    run(&mut client, "SET IDENTITY_INSERT dbo.P OFF; INSERT INTO P (Name) VALUES ('y')").await;
    assert_eq!(number(&mut client, "SELECT MAX(Id) FROM P").await, 101);
}

#[tokio::test]
async fn identity_values_of_an_ordered_insert_follow_its_order() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.Q (Id int IDENTITY(1,1) PRIMARY KEY, A int); INSERT INTO Q (A) SELECT v.a FROM (VALUES (3), (1), (2)) AS v (a) ORDER BY v.a DESC").await;
    assert_eq!(column(&mut client, "SELECT A FROM Q ORDER BY Id").await, ["3", "2", "1"]);
}

#[tokio::test]
async fn tables_are_altered_and_dropped() {
    let server = start().await;
    let mut client = connect(&server).await;
    people(&mut client).await;
    run(
        &mut client,
        "ALTER TABLE P ADD Note nvarchar(10) NOT NULL CONSTRAINT DF_Note DEFAULT N'none', Extra int NULL;
         ALTER TABLE P ADD CONSTRAINT CK_Age CHECK (Age < 200);
         CREATE INDEX IX_City ON P (City) INCLUDE (Age);",
    )
    .await;
    assert_eq!(column(&mut client, "SELECT DISTINCT Note FROM P").await, ["none"]);
    assert_eq!(error(&mut client, "UPDATE P SET Age = 300").await.0, 547);
    run(
        &mut client,
        "ALTER TABLE P NOCHECK CONSTRAINT CK_Age; UPDATE P SET Age = 300 WHERE Id = 1",
    )
    .await;
    run(&mut client, "ALTER TABLE P DROP CONSTRAINT CK_Age, DF_Note; ALTER TABLE P DROP COLUMN Note, Extra; DROP INDEX IX_City ON P").await;
    assert_eq!(
        number(
            &mut client,
            "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.P')"
        )
        .await,
        4
    );
    run(&mut client, "ALTER TABLE P ALTER COLUMN City nvarchar(5) NULL").await;
    assert_eq!(error(&mut client, "UPDATE P SET City = 'toolong'").await.0, 2628);
    run(&mut client, "TRUNCATE TABLE P; INSERT INTO P (Name) VALUES ('z')").await;
    assert_eq!(number(&mut client, "SELECT MIN(Id) FROM P").await, 1);
    run(&mut client, "DROP TABLE IF EXISTS P; DROP TABLE IF EXISTS P").await;
    assert!(try_run(&mut client, "SELECT * FROM P").await.is_err());
}

/// Documented: without COLLATE an altered column gets the database's collation.
#[tokio::test]
async fn a_column_is_given_another_collation() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.C (Code varchar(10) NOT NULL); INSERT INTO dbo.C VALUES ('ABC'), ('abc')",
    )
    .await;
    let is = "SELECT collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.C')";
    for (collate, name, codes) in [
        ("", "SQL_Latin1_General_CP1_CI_AS", 1),
        ("COLLATE Latin1_General_100_BIN2", "Latin1_General_100_BIN2", 2),
        ("", "SQL_Latin1_General_CP1_CI_AS", 1),
    ] {
        let alter = format!("ALTER TABLE dbo.C ALTER COLUMN Code varchar(10) {collate} NOT NULL");
        run(&mut client, &alter).await;
        assert_eq!(text(&mut client, is).await.as_deref(), Some(name));
        assert_eq!(number(&mut client, "SELECT COUNT(DISTINCT Code) FROM dbo.C").await, codes);
    }
    let unknown = "ALTER TABLE dbo.C ALTER COLUMN Code varchar(10) COLLATE nonsense NOT NULL";
    assert_eq!(error(&mut client, unknown).await.0, 448);
}

#[tokio::test]
async fn where_a_literal_or_a_variable_is_asked_for_an_expression_is_refused() {
    let server = start().await;
    let mut client = connect(&server).await;
    for sql in [
        "OBJECT_ID(N'x')",
        "sp_executesql (N'SELECT 1')",
        "EXEC sp_executesql N'SELECT' + N' 1'",
        "EXEC (UPPER('select 1'))",
        "RAISERROR(UPPER('x'), 16, 1)",
        "RAISERROR('x', 15 + 1, 1)",
        "THROW 5012350123, N'x', 1",
        "THROW 50123, 50, 1",
        "DECLARE @n int = 1; WAITFOR DELAY @n + 1",
    ] {
        assert_eq!(error(&mut client, sql).await.0, 102, "{sql}");
    }
    run(&mut client, "DECLARE @t nvarchar(9) = N'1'; EXEC (N'SELECT ' + @t + N' + 1')").await;
    assert_eq!(error(&mut client, "RAISERROR('%d', 16, -1, -7)").await, (50000, "-7".to_owned()));
}

#[tokio::test]
async fn what_is_outside_of_the_subset_is_refused_by_its_word() {
    let server = start().await;
    let mut client = connect(&server).await;
    people(&mut client).await;
    for (sql, word) in [
        ("CREATE PROCEDURE x AS SELECT 1", "PROCEDURE"),
        ("CREATE VIEW x AS SELECT 1", "VIEW"),
        ("BACKUP DATABASE x TO DISK = 'y'", "BACKUP"),
        ("SELECT * FROM P FOR XML AUTO", "FOR"),
        ("SELECT TOP (5) PERCENT * FROM P", "PERCENT"),
        ("SELECT * INTO Q FROM P", "INTO"),
        ("SELECT FROBNICATE(1)", "FROBNICATE"),
        ("SELECT * FROM P PIVOT (MAX(Age) FOR City IN ([a])) AS x", "PIVOT"),
        ("ALTER TABLE P REBUILD", "REBUILD"),
        ("SELECT * FROM P OPTION (HASH GROUP)", "HASH"),
        ("EXEC sp_who", "sp_who"),
        ("CREATE TABLE dbo.X (a xml)", "XML"),
        ("CREATE TABLE dbo.X (a int) ON [Archive]", "Archive"),
        ("CREATE INDEX x ON P (Name) ON [Archive]", "Archive"),
        ("CREATE ROLE x AUTHORIZATION somebody", "somebody"),
        ("CREATE LOGIN x WITH PASSWORD = 'y', CHECK_POLICY = ON", "ON"),
        ("SET LANGUAGE German", "German"),
        ("SET DEADLOCK_PRIORITY LOW", "DEADLOCK_PRIORITY"),
    ] {
        let (_, message) = error(&mut client, sql).await;
        assert!(message.contains(&format!("'{word}'")), "{sql}: {message}");
    }
    assert_eq!(text(&mut client, "SELECT Name FROM P WHERE Id = 1").await.as_deref(), Some("Ann"));
}

#[tokio::test]
async fn a_statement_too_deep_for_the_server_is_refused_and_the_server_lives() {
    let server = start().await;
    let mut client = connect(&server).await;
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(error(&mut client, &deep).await.0, 191);
    let long = format!("SELECT 1{}", " + 1".repeat(100_000));
    assert_eq!(error(&mut client, &long).await.0, 8631);
    let wide = format!(
        "SELECT COUNT(*) FROM sys.tables WHERE object_id = 1{}",
        " OR object_id = 2".repeat(900)
    );
    assert_eq!(column(&mut client, &wide).await, ["0"]);
}
