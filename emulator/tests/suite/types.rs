//! Every type arrives as the type that SQL Server would send, NULL included.

use crate::support;
use crate::support::{connect, error, rows, run, start, text};
use tiberius::ColumnData;

#[tokio::test]
async fn each_type_goes_through_a_table_and_back() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.T (a bit, b tinyint, c smallint, d int, e bigint, f real, g float, h decimal(20,5), i money, \
         j varchar(10), k nvarchar(10), l nchar(4), m varbinary(10), n binary(4), o uniqueidentifier, p date, q time(3), \
         r datetime, s datetime2(7), t datetimeoffset(7), u nvarchar(max), v varbinary(max), w smallmoney, x smalldatetime, \
         y char(3), z varchar(max));
         INSERT INTO dbo.T VALUES (1, 255, -32768, 2147483647, -9223372036854775808, 0.7, 1e308, -12345.67891, 1.2345, 'é', N'日本', \
         N'ab', 0x0102, 0x01, '6F9619FF-8B86-D011-B42D-00C04FC964FF', '2024-02-29', '23:59:59.123', '2024-02-29T10:20:30.997', \
         '0001-01-01T00:00:00.0000001', '2024-02-29T10:20:30.1234567+02:00', N'x', 0x, 3.5, '2024-02-29T10:20:31', 'a', 'é');
         INSERT INTO dbo.T (a) VALUES (NULL);",
    )
    .await;
    let found = rows(&mut client, "SELECT * FROM dbo.T").await;
    let cells: Vec<String> = found[0].cells().map(|(_, data)| format!("{data:?}")).collect();
    let expected = [
        "Bit(Some(true))",
        "U8(Some(255))",
        "I16(Some(-32768))",
        "I32(Some(2147483647))",
        "I64(Some(-9223372036854775808))",
        "F32(Some(0.7))",
        "F64(Some(1e308))",
    ];
    assert_eq!(cells[..7], expected);
    assert_eq!(cells[7], "Numeric(Some(-12345.67891))");
    assert_eq!(cells[8], "F64(Some(1.2345))");
    assert_eq!(cells[9], "String(Some(\"é\"))");
    assert_eq!(cells[10], "String(Some(\"日本\"))");
    assert_eq!(cells[11], "String(Some(\"ab  \"))");
    assert_eq!(cells[12], "Binary(Some([1, 2]))");
    assert_eq!(cells[13], "Binary(Some([1, 0, 0, 0]))");
    assert!(cells[14].to_lowercase().contains("6f9619ff-8b86-d011-b42d-00c04fc964ff"));
    assert!(cells[16].contains("86399123"), "{}", cells[16]);
    assert!(cells[18].contains("increments: 1,"), "{}", cells[18]);
    assert_eq!(cells[21], "Binary(Some([]))");
    assert_eq!(cells[24], "String(Some(\"a  \"))");
    assert!(found[1].cells().all(|(_, data)| is_null(data)));
}

fn is_null(data: &ColumnData<'_>) -> bool {
    format!("{data:?}").ends_with("(None)")
}

#[tokio::test]
async fn parameters_of_each_type_arrive_and_come_back() {
    let server = start().await;
    let mut client = connect(&server).await;
    let guid = tiberius::Uuid::from_u128(0x6f96_19ff_8b86_d011_b42d_00c0_4fc9_64ff);
    let moment = chrono::NaiveDate::from_ymd_opt(2024, 2, 29)
        .unwrap()
        .and_hms_nano_opt(1, 2, 3, 123_456_700)
        .unwrap();
    let found = client
        .query(
            "SELECT @P1 AS a, @P2 AS b, @P3 AS c, @P4 AS d, @P5 AS e, @P6 AS f, @P7 AS g, @P8 AS h",
            &[&true, &-5_i64, &0.7_f32, &1.5_f64, &"Grüße 😀", &guid, &moment, &&b"\x00\xFF"[..]],
        )
        .await
        .unwrap()
        .into_row()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.try_get::<bool, _>("a").unwrap(), Some(true));
    assert_eq!(found.try_get::<i64, _>("b").unwrap(), Some(-5));
    assert_eq!(found.try_get::<f32, _>("c").unwrap(), Some(0.7));
    assert_eq!(found.try_get::<f64, _>("d").unwrap(), Some(1.5));
    assert_eq!(found.try_get::<&str, _>("e").unwrap(), Some("Grüße 😀"));
    assert_eq!(found.try_get::<tiberius::Uuid, _>("f").unwrap(), Some(guid));
    assert_eq!(found.try_get::<chrono::NaiveDateTime, _>("g").unwrap(), Some(moment));
    assert_eq!(found.try_get::<&[u8], _>("h").unwrap(), Some(&b"\x00\xFF"[..]));
}

#[tokio::test]
async fn lone_surrogates_and_nul_survive_as_their_utf16_bytes() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.T (a nvarchar(10)); INSERT INTO dbo.T SELECT N'a' + NCHAR(0xD800) + NCHAR(0) + N'b'").await;
    let found =
        rows(&mut client, "SELECT CAST(a AS varbinary(max)), LEN(a), DATALENGTH(a) FROM dbo.T")
            .await;
    assert_eq!(
        found[0].try_get::<&[u8], _>(0).unwrap(),
        Some(&[b'a', 0, 0, 0xD8, 0, 0, b'b', 0][..])
    );
    assert_eq!(found[0].try_get::<i32, _>(1).unwrap(), Some(4));
    assert_eq!(found[0].try_get::<i32, _>(2).unwrap(), Some(8));
    let back =
        text(&mut client, "SELECT CAST(CAST(N'zurück' AS varbinary(max)) AS nvarchar(max))").await;
    assert_eq!(back.as_deref(), Some("zurück"));
}

#[tokio::test]
async fn a_text_of_five_megabytes_comes_back_whole() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.T (a nvarchar(max), b varbinary(max))").await;
    let big = "0123456789é".repeat(500_000);
    client
        .execute("INSERT INTO dbo.T VALUES (@P1, CAST(@P1 AS varbinary(max)))", &[&big.as_str()])
        .await
        .unwrap();
    let found = rows(&mut client, "SELECT a, b FROM dbo.T").await;
    assert!(found[0].try_get::<&str, _>(0).unwrap() == Some(big.as_str()));
    assert_eq!(
        found[0].try_get::<&[u8], _>(1).unwrap().map(<[u8]>::len),
        Some(big.encode_utf16().count() * 2)
    );
}

#[tokio::test]
async fn smalldatetime_rounds_up_from_29_999_seconds_on() {
    let server = start().await;
    let mut client = connect(&server).await;
    for (from, to) in [("12:35:29.998", "12:35"), ("12:35:29.999", "12:36")] {
        let sql = format!(
            "SELECT CONVERT(varchar(5), CAST(CAST('2024-05-08T{from}' AS smalldatetime) AS time), 108)"
        );
        assert_eq!(text(&mut client, &sql).await.as_deref(), Some(to));
    }
}

/// Documented for CAST: at compatibility level 130 and above a datetime keeps its thirds of a hundredth of a second.
#[tokio::test]
async fn every_tick_of_a_datetime_becomes_the_nearest_datetime2() {
    const ENDINGS: [&str; 3] = ["00000", "33333", "66667"];
    let server = start().await;
    let mut client = connect(&server).await;
    // A third of 10 ms is 3 ms to DATEADD, and two thirds are 6: datetime rounds both to the tick meant.
    let ticks = rows(
        &mut client,
        "WITH d AS (SELECT v.n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v(n))
         SELECT a.n + 10 * b.n + 100 * c.n AS tick, CONVERT(varchar(30), CAST(DATEADD(millisecond, (a.n + 10 * b.n + 100 * c.n) * 10 / 3, CAST('2024-06-01' AS datetime)) AS datetime2(7)), 126) AS moment
         FROM d AS a, d AS b, d AS c WHERE c.n < 3 ORDER BY tick",
    )
    .await;
    assert_eq!(ticks.len(), 300);
    for (tick, row) in ticks.iter().enumerate() {
        let expected = format!("2024-06-01T00:00:00.{:02}{}", tick / 3, ENDINGS[tick % 3]);
        assert_eq!(row.try_get::<&str, _>("moment").unwrap(), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn replicate_without_max_ends_at_8000_bytes() {
    let server = start().await;
    let mut client = connect(&server).await;
    for (sql, length) in [
        ("REPLICATE('ab', 5000)", 8000),
        ("REPLICATE(N'ab', 5000)", 4000),
        ("REPLICATE(CAST(N'ab' AS nvarchar(max)), 5000)", 10_000),
    ] {
        assert_eq!(support::number(&mut client, &format!("LEN({sql})")).await, length, "{sql}");
    }
}

#[tokio::test]
async fn conversions_fail_with_sql_servers_numbers() {
    let server = start().await;
    let mut client = connect(&server).await;
    for (sql, number) in [
        ("SELECT CAST('abc' AS int)", 245),
        ("SELECT CAST('abc' AS bigint)", 8114),
        ("SELECT CAST(300 AS tinyint)", 220),
        ("SELECT CAST('2024-02-30' AS datetime2)", 241),
        ("SELECT CAST('x' AS uniqueidentifier)", 8169),
        ("SELECT 2147483647 + 1", 8115),
        ("SELECT 1 / 0", 8134),
        ("SELECT CAST(NEWID() AS int)", 529),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
    let none =
        rows(&mut client, "SELECT TRY_CAST('abc' AS int), TRY_CONVERT(date, 'nonsense')").await;
    assert!(none[0].cells().all(|(_, data)| is_null(data)));
}

#[tokio::test]
async fn results_have_the_types_of_sql_server() {
    let server = start().await;
    let mut client = connect(&server).await;
    for (sql, expected) in [
        ("COUNT(*) FROM sys.schemas", "I32"),
        ("COUNT_BIG(*) FROM sys.schemas", "I64"),
        ("SUM(schema_id) FROM sys.schemas", "I32"),
        ("SUM(CAST(schema_id AS bigint)) FROM sys.schemas", "I64"),
        ("MAX(name) FROM sys.schemas", "String"),
        ("AVG(CAST(schema_id AS float)) FROM sys.schemas", "F64"),
        ("1.5", "Numeric"),
        ("3000000000", "Numeric"),
        ("CASE WHEN 1 = 1 THEN 1 ELSE CAST(2 AS bigint) END", "I64"),
        ("ROW_NUMBER() OVER (ORDER BY name) FROM sys.schemas", "I64"),
        ("LEN('abc')", "I32"),
        ("DATEDIFF(day, '2024-01-01', '2024-03-01')", "I32"),
        ("SYSUTCDATETIME()", "DateTime2"),
        ("GETDATE()", "DateTime("),
        ("CAST(1 AS bit)", "Bit"),
        ("OBJECT_ID(N'x')", "I32"),
        ("DB_ID()", "I16"),
        ("@@ROWCOUNT", "I32"),
        ("NULL", "I32"),
    ] {
        let found = rows(&mut client, &format!("SELECT {sql}")).await;
        let cell = found[0].cells().next().map(|(_, data)| format!("{data:?}")).unwrap();
        assert!(cell.starts_with(expected), "{sql}: {cell}");
    }
}
