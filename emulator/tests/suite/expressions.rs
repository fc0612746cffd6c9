//! Expressions and functions that people use, and what each of them gives.

use crate::support;
use crate::support::{connect, error, lines, run, start};

#[tokio::test]
async fn functions_give_what_is_documented() {
    let server = start().await;
    let mut client = connect(&server).await;
    for (sql, expected) in [
        ("SELECT CONCAT_WS(',', 'a', NULL, 1, N'b')", "a,1,b"),
        ("SELECT CONCAT_WS(NULL, 'a', 'b')", "ab"),
        ("SELECT CHOOSE(2, 'x', 'y', 'z')", "y"),
        ("SELECT CHOOSE(4, 'x', 'y', 'z')", "NULL"),
        ("SELECT COALESCE(NULL, NULL, 3)", "3"),
        ("SELECT NULLIF('a', 'A')", "NULL"),
        ("SELECT IIF(NULL = 1, 1, 2)", "2"),
        ("SELECT GREATEST(1, NULL, 3, 2)", "3"),
        ("SELECT LEAST('b', 'A', NULL)", "A"),
        ("SELECT CONVERT(varchar(10), EOMONTH('2024-02-10'), 23)", "2024-02-29"),
        ("SELECT CONVERT(varchar(10), EOMONTH('2024-01-31', -1), 23)", "2023-12-31"),
        ("SELECT CONVERT(varchar(10), DATEFROMPARTS(2023, 2, 28), 23)", "2023-02-28"),
        (
            "SELECT CONVERT(varchar(30), CAST('2024-03-01T06:00:00' AS datetime) - 1.5, 126)",
            "2024-02-28T18:00:00",
        ),
        ("SELECT DATEDIFF(day, CAST('2024-02-28' AS date), CAST('2024-03-01' AS date))", "2"),
        ("SELECT DATEPART(year, CAST('2024-02-28' AS date))", "2024"),
        ("SELECT SQUARE(3)", "9.0"),
        ("SELECT SQRT(16)", "4.0"),
        ("SELECT POWER(2, 10)", "1024"),
        ("SELECT POWER(2.0E0, -1)", "0.5"),
        ("SELECT POWER(NULL, 2)", "NULL"),
        ("SELECT ROUND(PI(), 4)", "3.1416"),
        ("SELECT EXP(0)", "1.0"),
        ("SELECT LOG(1)", "0.0"),
        ("SELECT LOG10(1000)", "3.0"),
        ("SELECT FLOOR(-1.5E0)", "-2.0"),
        ("SELECT CEILING(-1.5E0)", "-1.0"),
        ("SELECT SIGN(-7)", "-1"),
        ("SELECT SIGN(0.5E0)", "1.0"),
        ("SELECT TRY_CAST('x' AS int)", "NULL"),
        ("SELECT TRY_CONVERT(int, '12')", "12"),
        ("SELECT CONVERT(varchar(10), CAST('2024-02-29' AS date), 104)", "29.02.2024"),
        ("SELECT JSON_VALUE('{\"a\":{\"b\":[1,\"x\"]}}', '$.a.b[1]')", "x"),
        ("SELECT ISJSON('{\"a\":1}')", "1"),
        ("SELECT ISJSON('nope')", "0"),
    ] {
        assert_eq!(lines(&mut client, sql).await, [expected], "{sql}");
    }
    for (sql, expected) in [
        ("SELECT DATEFROMPARTS(2023, 2, 30)", 289),
        ("SELECT CAST('9999-12-31' AS datetime) + 1", 517),
        ("SELECT CAST('abc' AS int)", 245),
        ("SELECT CAST(300 AS tinyint)", 220),
        ("SELECT 2147483647 + 1", 8115),
        ("SELECT 1 / 0", 8134),
        ("SELECT CONCAT('a')", 189),
        ("SELECT SQRT(-1)", 3623),
        ("SELECT LOG(0)", 3623),
        ("SELECT EXP(1000)", 8115),
        ("SELECT POWER(2, 31)", 8115),
    ] {
        assert_eq!(error(&mut client, sql).await.0, expected, "{sql}");
    }
}

async fn sales(client: &mut support::Connection) {
    run(
        client,
        "CREATE TABLE dbo.S (Id int PRIMARY KEY, Who nvarchar(9) NULL, Amount int NULL);
         INSERT INTO S VALUES (1, N'ann', 5), (2, N'Bob', 7), (3, N'ANN ', 9), (4, NULL, NULL), (5, N'bob', 1)",
    )
    .await;
}

#[tokio::test]
async fn windows_partition_order_and_frame() {
    let server = start().await;
    let mut client = connect(&server).await;
    sales(&mut client).await;
    for (sql, expected) in [
        (
            "SELECT Id, ROW_NUMBER() OVER (PARTITION BY Who ORDER BY Id DESC) FROM S WHERE Who IS NOT NULL ORDER BY Id",
            vec!["1|2", "2|2", "3|1", "5|1"],
        ),
        (
            "SELECT Id, SUM(Amount) OVER (ORDER BY Id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM S WHERE Id < 4 ORDER BY Id",
            vec!["1|5", "2|12", "3|16"],
        ),
        (
            "SELECT Id, LAG(Amount, 1, 0) OVER (ORDER BY Id), LEAD(Amount) OVER (ORDER BY Id) FROM S WHERE Id < 4 ORDER BY Id",
            vec!["1|0|7", "2|5|9", "3|7|NULL"],
        ),
        (
            "SELECT DISTINCT FIRST_VALUE(Id) OVER (PARTITION BY Who ORDER BY Amount DESC) FROM S WHERE Who = N'bob'",
            vec!["2"],
        ),
        (
            "SELECT Id, RANK() OVER (ORDER BY Who), COUNT(*) OVER () FROM S ORDER BY Id",
            vec!["1|2|5", "2|4|5", "3|2|5", "4|1|5", "5|4|5"],
        ),
    ] {
        assert_eq!(lines(&mut client, sql).await, expected, "{sql}");
    }
    assert_eq!(
        error(&mut client, "SELECT ROW_NUMBER() OVER (PARTITION BY Id) FROM S").await.0,
        4112
    );
    assert_eq!(
        error(&mut client, "SELECT SUM(Id) OVER (ORDER BY Id RANGE 1 PRECEDING) FROM S").await.0,
        4194
    );
}

#[tokio::test]
async fn apply_sees_the_sources_to_its_left() {
    let server = start().await;
    let mut client = connect(&server).await;
    sales(&mut client).await;
    for (sql, expected) in [
        (
            "SELECT a.Id, x.Id FROM S AS a CROSS APPLY (SELECT TOP (1) b.Id FROM S AS b WHERE b.Who = a.Who AND b.Id > a.Id ORDER BY \
             b.Id) AS x ORDER BY a.Id",
            vec!["1|3", "2|5"],
        ),
        (
            "SELECT a.Id, x.n FROM S AS a OUTER APPLY (SELECT b.Who AS n FROM S AS b WHERE b.Id = a.Id + 1 AND b.Amount > 6) AS x \
             ORDER BY a.Id",
            vec!["1|Bob", "2|ANN ", "3|NULL", "4|NULL", "5|NULL"],
        ),
        (
            "SELECT a.Id, MAX(v.n) FROM S AS a CROSS APPLY (VALUES (a.Amount), (a.Id)) AS v (n) GROUP BY a.Id ORDER BY a.Id",
            vec!["1|5", "2|7", "3|9", "4|4", "5|5"],
        ),
        (
            "SELECT a.Id, p.value FROM S AS a CROSS APPLY STRING_SPLIT(a.Who, 'n') AS p WHERE a.Id = 1",
            vec!["1|a", "1|", "1|"],
        ),
        (
            "SELECT value, ordinal FROM STRING_SPLIT('x,y', ',', 1) ORDER BY ordinal DESC",
            vec!["y|2", "x|1"],
        ),
        (
            "SELECT x.d, x.b FROM (VALUES (1)) AS a (i) CROSS APPLY (SELECT CAST(a.i AS decimal(9, 2)) AS d, CAST(0x0AFF AS \
             varbinary(4)) AS b) AS x WHERE x.d = 1 AND x.b = 0x0AFF",
            vec!["1.00|[10, 255]"],
        ),
    ] {
        assert_eq!(lines(&mut client, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn quantifiers_know_null() {
    let server = start().await;
    let mut client = connect(&server).await;
    sales(&mut client).await;
    for (sql, expected) in [
        (
            "SELECT Id FROM S WHERE Amount >= ALL (SELECT b.Amount FROM S AS b WHERE b.Amount IS NOT NULL)",
            vec!["3"],
        ),
        (
            "SELECT Id FROM S WHERE Amount > ALL (SELECT Amount FROM S AS b WHERE b.Id <> S.Id)",
            vec![],
        ),
        (
            "SELECT Id FROM S WHERE Amount > ALL (SELECT Amount FROM S AS b WHERE b.Id > 9) ORDER BY Id",
            vec!["1", "2", "3", "4", "5"],
        ),
        ("SELECT Id FROM S WHERE Who = ANY (SELECT N'BOB') ORDER BY Id", vec!["2", "5"]),
        (
            "SELECT Id FROM S WHERE Amount < SOME (SELECT Amount FROM S) ORDER BY Id",
            vec!["1", "2", "5"],
        ),
    ] {
        assert_eq!(lines(&mut client, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn texts_are_equal_without_case_and_trailing_blanks_everywhere() {
    let server = start().await;
    let mut client = connect(&server).await;
    sales(&mut client).await;
    for (sql, expected) in [
        ("SELECT COUNT(DISTINCT Who) FROM S", vec!["2"]),
        ("SELECT COUNT(*) FROM S GROUP BY Who ORDER BY 1", vec!["1", "2", "2"]),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT Who FROM S WHERE Who IS NOT NULL) AS d", vec!["2"]),
        ("SELECT Id FROM S WHERE Who IN ('BOB', 'x') ORDER BY Id", vec!["2", "5"]),
        ("SELECT Id FROM S WHERE Who LIKE 'A%' ORDER BY Id", vec!["1", "3"]),
        (
            "SELECT a.Id, b.Id FROM S a JOIN S b ON a.Who = b.Who AND a.Id < b.Id ORDER BY a.Id",
            vec!["1|3", "2|5"],
        ),
        ("SELECT Id FROM S WHERE Who IS NOT NULL ORDER BY Who DESC, Id", vec!["2", "5", "1", "3"]),
        ("SELECT 'a' INTERSECT SELECT 'A '", vec!["a"]),
        ("SELECT CASE Who WHEN 'ANN' THEN 1 ELSE 0 END FROM S WHERE Id = 3", vec!["1"]),
        ("SELECT LEN(Who), DATALENGTH(Who) FROM S WHERE Id = 3", vec!["3|8"]),
        ("SELECT MAX(Who) FROM S WHERE Who < N'b'", vec!["ann"]),
    ] {
        assert_eq!(lines(&mut client, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn the_catalog_speaks_the_standard_too() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.C (Id int IDENTITY PRIMARY KEY, A nvarchar(20) NOT NULL DEFAULT N'x', B decimal(9, 2) NULL, D datetime2(3) NULL, \
         X varbinary(max) NULL)",
    )
    .await;
    assert_eq!(
        lines(
            &mut client,
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES"
        )
        .await,
        ["dbo|C|BASE TABLE"]
    );
    assert_eq!(
        lines(
            &mut client,
            "SELECT COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, \
             DATETIME_PRECISION FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'C' ORDER BY ORDINAL_POSITION"
        )
        .await,
        [
            "Id|1|NO|int|NULL|10|0|NULL",
            "A|2|NO|nvarchar|20|NULL|NULL|NULL",
            "B|3|YES|decimal|NULL|9|2|NULL",
            "D|4|YES|datetime2|NULL|NULL|NULL|3",
            "X|5|YES|varbinary|-1|NULL|NULL|NULL"
        ]
    );
    assert_eq!(
        lines(
            &mut client,
            "SELECT COLUMNPROPERTY(OBJECT_ID('dbo.C'), 'Id', 'IsIdentity'), COLUMNPROPERTY(OBJECT_ID('dbo.C'), 'A', 'AllowsNull'), \
             COLUMNPROPERTY(OBJECT_ID('dbo.C'), 'Nope', 'AllowsNull')"
        )
        .await,
        ["1|0|NULL"]
    );
}
