//! Each type in both directions, against bytes worked out by MS-TDS 2.2.5.4 and 2.2.5.5.

use crate::support::raw::{COLLATION, Raw, numbered, parameter, text};
use crate::support::start;
use crate::support::tokens::Token;

const EXECUTE_SQL: u8 = 10;

struct Case {
    name: &'static str,
    /// `TYPE_INFO` without the collation.
    info: &'static [u8],
    /// An expression for the value.
    literal: &'static str,
    /// The value without its length.
    bytes: &'static [u8],
}

const fn case(
    name: &'static str,
    info: &'static [u8],
    literal: &'static str,
    bytes: &'static [u8],
) -> Case {
    Case { name, info, literal, bytes }
}

const CASES: &[Case] = &[
    case("bit", &[0x68, 1], "1", &[1]),
    case("bit", &[0x68, 1], "0", &[0]),
    case("tinyint", &[0x26, 1], "255", &[0xFF]),
    case("smallint", &[0x26, 2], "-32768", &[0, 0x80]),
    case("int", &[0x26, 4], "2147483647", &[0xFF, 0xFF, 0xFF, 0x7F]),
    case("bigint", &[0x26, 8], "-9223372036854775808", &[0, 0, 0, 0, 0, 0, 0, 0x80]),
    case("real", &[0x6D, 4], "0.7", &[0x33, 0x33, 0x33, 0x3F]),
    case("float", &[0x6D, 8], "-1.5", &[0, 0, 0, 0, 0, 0, 0xF8, 0xBF]),
    case("decimal(9,2)", &[0x6C, 5, 9, 2], "-1234.56", &[0, 0x40, 0xE2, 1, 0]),
    case("decimal(19,4)", &[0x6C, 9, 19, 4], "1", &[1, 0x10, 0x27, 0, 0, 0, 0, 0, 0]),
    case("numeric(28,1)", &[0x6C, 13, 28, 1], "1.5", &[1, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    case(
        "decimal(38,0)",
        &[0x6C, 17, 38, 0],
        "99999999999999999999999999999999999999",
        &[
            1, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0x22, 0x8A, 0x09, 0x7A, 0xC4, 0x86, 0x5A, 0xA8, 0x4C,
            0x3B, 0x4B,
        ],
    ),
    case("money", &[0x6E, 8], "1.2345", &[0, 0, 0, 0, 0x39, 0x30, 0, 0]),
    case("money", &[0x6E, 8], "-1", &[0xFF, 0xFF, 0xFF, 0xFF, 0xF0, 0xD8, 0xFF, 0xFF]),
    case("smallmoney", &[0x6E, 4], "3.5", &[0xB8, 0x88, 0, 0]),
    case("nvarchar(10)", &[0xE7, 20, 0], "N'aé'", &[0x61, 0, 0xE9, 0]),
    case("nvarchar(10)", &[0xE7, 20, 0], "N''", &[]),
    case("nvarchar(10)", &[0xE7, 20, 0], "N'a' + NCHAR(55357)", &[0x61, 0, 0x3D, 0xD8]),
    case("nchar(3)", &[0xEF, 6, 0], "N'a'", &[0x61, 0, 0x20, 0, 0x20, 0]),
    case("varchar(10)", &[0xA7, 10, 0], "'é€'", &[0xE9, 0x80]),
    case("char(3)", &[0xAF, 3, 0], "'a'", &[0x61, 0x20, 0x20]),
    case("nvarchar(max)", &[0xE7, 0xFF, 0xFF], "N'x😀'", &[0x78, 0, 0x3D, 0xD8, 0, 0xDE]),
    case("nvarchar(max)", &[0xE7, 0xFF, 0xFF], "N''", &[]),
    case("nvarchar(max)", &[0xE7, 0xFF, 0xFF], "NCHAR(56832)", &[0, 0xDE]),
    case("varchar(max)", &[0xA7, 0xFF, 0xFF], "'é'", &[0xE9]),
    case("varbinary(10)", &[0xA5, 10, 0], "0x00FF", &[0, 0xFF]),
    case("binary(3)", &[0xAD, 3, 0], "0x01", &[1, 0, 0]),
    case("varbinary(max)", &[0xA5, 0xFF, 0xFF], "0x0102", &[1, 2]),
    case("varbinary(max)", &[0xA5, 0xFF, 0xFF], "0x", &[]),
    case(
        "uniqueidentifier",
        &[0x24, 16],
        "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
        &[
            0xFF, 0x19, 0x96, 0x6F, 0x86, 0x8B, 0x11, 0xD0, 0xB4, 0x2D, 0, 0xC0, 0x4F, 0xC9, 0x64,
            0xFF,
        ],
    ),
    case("date", &[0x28], "'2000-01-01'", &[0x07, 0x24, 0x0B]),
    case("date", &[0x28], "'0001-01-01'", &[0, 0, 0]),
    case("time(0)", &[0x29, 0], "'12:34:56'", &[0xF0, 0xB0, 0]),
    case("time(3)", &[0x29, 3], "'00:00:01.500'", &[0xDC, 5, 0, 0]),
    case("time(7)", &[0x29, 7], "'23:59:59.9999999'", &[0xFF, 0xBF, 0x69, 0x2A, 0xC9]),
    case("datetime", &[0x6F, 8], "'2000-01-01T00:00:01'", &[0xAC, 0x8E, 0, 0, 0x2C, 1, 0, 0]),
    case("datetime", &[0x6F, 8], "'1899-12-31T00:00:00'", &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]),
    case(
        "datetime",
        &[0x6F, 8],
        "'9999-12-31T23:59:59.997'",
        &[0x7F, 0x24, 0x2D, 0, 0xFF, 0x81, 0x8B, 1],
    ),
    case("smalldatetime", &[0x6F, 4], "'2000-01-01T01:01:00'", &[0xAC, 0x8E, 0x3D, 0]),
    case("datetime2(0)", &[0x2A, 0], "'2000-01-01T12:34:56'", &[0xF0, 0xB0, 0, 0x07, 0x24, 0x0B]),
    case("datetime2(7)", &[0x2A, 7], "'0001-01-01T00:00:00.0000001'", &[1, 0, 0, 0, 0, 0, 0, 0]),
    case(
        "datetimeoffset(0)",
        &[0x2B, 0],
        "'2000-01-01T12:34:56+02:00'",
        &[0xD0, 0x94, 0, 0x07, 0x24, 0x0B, 0x78, 0],
    ),
    case(
        "datetimeoffset(3)",
        &[0x2B, 3],
        "'2000-01-01T00:00:00.001-05:30'",
        &[0xC1, 0x1F, 0x2E, 1, 0x07, 0x24, 0x0B, 0xB6, 0xFE],
    ),
    // The time and the date are UTC's, the offset stands beside them (MS-TDS 2.2.5.5.1.9).
    case(
        "datetimeoffset(7)",
        &[0x2B, 7],
        "'2024-06-01T12:00:00+02:00'",
        &[0, 0x10, 0xAC, 0xD1, 0x53, 0xDD, 0x46, 0x0B, 0x78, 0],
    ),
    case(
        "datetimeoffset(7)",
        &[0x2B, 7],
        "'9999-12-31T09:59:59.9999999-14:00'",
        &[0xFF, 0xBF, 0x69, 0x2A, 0xC9, 0xDA, 0xB9, 0x37, 0xB8, 0xFC],
    ),
    case(
        "datetimeoffset(7)",
        &[0x2B, 7],
        "'0001-01-01T14:00:00+14:00'",
        &[0, 0, 0, 0, 0, 0, 0, 0, 0x48, 3],
    ),
];

impl Case {
    fn is_text(&self) -> bool {
        matches!(self.info[0], 0xA7 | 0xAF | 0xE7 | 0xEF)
    }

    fn full_info(&self) -> Vec<u8> {
        let collation: &[u8] = if self.is_text() { &COLLATION } else { &[] };
        [self.info, collation].concat()
    }

    fn is_max(&self) -> bool {
        self.info[0] >= 0x80 && self.info[1..3] == [0xFF, 0xFF]
    }

    /// The value with its length, as a parameter brings it.
    fn value(&self) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len()).unwrap();
        if self.is_max() {
            let chunk = [&u32::from(length).to_le_bytes()[..], self.bytes].concat();
            let chunks = if length == 0 { Vec::new() } else { chunk };
            return [&u64::from(length).to_le_bytes()[..], &chunks, &[0; 4]].concat();
        }
        if self.info[0] >= 0x80 {
            return [&length.to_le_bytes()[..], self.bytes].concat();
        }
        [&[u8::try_from(length).unwrap()][..], self.bytes].concat()
    }

    fn null(&self) -> &'static [u8] {
        if self.is_max() {
            &[0xFF; 8]
        } else if self.info[0] >= 0x80 {
            &[0xFF; 2]
        } else {
            &[0]
        }
    }

    fn parameter(&self, value: &[u8]) -> Vec<u8> {
        parameter("@p", false, &self.full_info(), value)
    }
}

/// `TYPE_INFO` of the first column and the first cell of each row.
fn read(answer: &[Token], what: &str) -> (Vec<u8>, Vec<Option<Vec<u8>>>) {
    let Some(Token::Columns(columns)) = answer.first() else { panic!("{what}: {answer:?}") };
    let first = |token: &Token| match token {
        Token::Row(cells) => Some(cells[0].clone()),
        _ => None,
    };
    (columns[0].info.clone(), answer.iter().filter_map(first).collect())
}

#[tokio::test]
async fn each_type_comes_out_of_a_table_as_its_bytes_and_as_null() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for own in CASES {
        let Case { name, literal, bytes, .. } = own;
        let what = format!("{name} {literal}");
        raw.batch(&format!("CREATE TABLE dbo.T (i int PRIMARY KEY, v {name} NULL)")).await;
        raw.batch(&format!("INSERT dbo.T (i, v) VALUES (1, {literal}), (2, NULL)")).await;
        let (info, cells) = read(&raw.batch("SELECT v FROM dbo.T ORDER BY i").await, &what);
        assert_eq!(info, own.full_info(), "{what}");
        assert_eq!(cells, [Some(bytes.to_vec()), None], "{what}");
        raw.batch("DROP TABLE dbo.T").await;
    }
}

#[tokio::test]
async fn each_type_goes_in_as_a_parameter_and_comes_back() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for own in CASES {
        let Case { name, literal, bytes, .. } = own;
        let what = format!("{name} {literal}");
        let statement = format!(
            "SELECT @p AS v; SELECT CASE WHEN @p = CAST({literal} AS {name}) THEN 1 ELSE 0 END AS same"
        );
        let head = [numbered(EXECUTE_SQL), text(&statement), text(&format!("@p {name}"))].concat();
        let answer = raw.call(&[&head[..], &own.parameter(&own.value())].concat()).await;
        let (info, cells) = read(&answer, &what);
        assert_eq!(info, own.full_info(), "{what}");
        assert_eq!(cells, [Some(bytes.to_vec()), Some(vec![1, 0, 0, 0])], "{what}");
        let answer = raw.call(&[&head[..], &own.parameter(own.null())].concat()).await;
        assert_eq!(read(&answer, &what).1[0], None, "{what}");
    }
}

#[tokio::test]
async fn columns_of_fixed_width_that_are_not_null_use_the_short_form() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for (name, token, bytes) in [
        ("bit", 0x32, vec![1]),
        ("tinyint", 0x30, vec![1]),
        ("smallint", 0x34, vec![1, 0]),
        ("int", 0x38, vec![1, 0, 0, 0]),
        ("bigint", 0x7F, vec![1, 0, 0, 0, 0, 0, 0, 0]),
        ("real", 0x3B, vec![0, 0, 0x80, 0x3F]),
        ("float", 0x3E, vec![0, 0, 0, 0, 0, 0, 0xF0, 0x3F]),
        ("money", 0x3C, vec![0, 0, 0, 0, 0x10, 0x27, 0, 0]),
        ("smallmoney", 0x7A, vec![0x10, 0x27, 0, 0]),
    ] {
        raw.batch(&format!("CREATE TABLE dbo.T (v {name} NOT NULL); INSERT dbo.T VALUES (1)"))
            .await;
        let (info, cells) = read(&raw.batch("SELECT v FROM dbo.T").await, name);
        assert_eq!((info, cells), (vec![token], vec![Some(bytes)]), "{name}");
        raw.batch("DROP TABLE dbo.T").await;
    }
    for (name, token, bytes) in [
        ("datetime", 0x3D, vec![0xAC, 0x8E, 0, 0, 0, 0, 0, 0]),
        ("smalldatetime", 0x3A, vec![0xAC, 0x8E, 0, 0]),
    ] {
        raw.batch(&format!("CREATE TABLE dbo.T (v {name} NOT NULL)")).await;
        raw.batch("INSERT dbo.T VALUES ('2000-01-01T00:00:00')").await;
        let (info, cells) = read(&raw.batch("SELECT v FROM dbo.T").await, name);
        assert_eq!((info, cells), (vec![token], vec![Some(bytes)]), "{name}");
        raw.batch("DROP TABLE dbo.T").await;
    }
}

/// Flags as observed on a live server (probed.md 8): 0x01 nullable, 0x08 column, 0x10 identity, 0x20 expression, else 0.
#[tokio::test]
async fn columns_say_where_they_come_from_and_whether_null_may_come() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (i int IDENTITY PRIMARY KEY, a int NOT NULL, b int NULL)").await;
    for (expression, flags) in [
        ("i", 0x10),
        ("a", 0x08),
        ("b", 0x09),
        ("1", 0x20),
        ("N'x'", 0x20),
        ("a + 1", 0x21),
        ("CAST(a AS bigint)", 0x21),
        ("ISNULL(b, 0)", 0x20),
        ("CONCAT(b, N'x')", 0x20),
        ("SUM(b) OVER ()", 0x01),
    ] {
        let answer = raw.batch(&format!("SELECT {expression} AS v FROM dbo.T")).await;
        let Token::Columns(columns) = &answer[0] else { panic!("{expression}: {answer:?}") };
        assert_eq!(columns[0].flags, flags, "{expression}");
    }
    let answer = raw.batch("SELECT SUM(b) AS v FROM dbo.T").await;
    let Token::Columns(columns) = &answer[0] else { panic!("{answer:?}") };
    assert_eq!(columns[0].flags, 0x01);
}

#[tokio::test]
async fn a_max_parameter_may_come_in_chunks_of_a_length_not_said_before() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let head = [numbered(EXECUTE_SQL), text("SELECT @p AS v"), text("@p varbinary(max)")].concat();
    let unknown = 0xFFFF_FFFF_FFFF_FFFE_u64.to_le_bytes();
    let chunks = [&unknown[..], &[2, 0, 0, 0, 1, 2], &[1, 0, 0, 0, 3], &[0; 4]].concat();
    let call = [&head[..], &parameter("@p", false, &[0xA5, 0xFF, 0xFF], &chunks)].concat();
    assert_eq!(read(&raw.call(&call).await, "chunks").1, [Some(vec![1, 2, 3])]);
}

#[tokio::test]
async fn values_that_a_type_does_not_have_are_refused_and_the_connection_goes_on() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let nan = f64::NAN.to_le_bytes();
    let infinite = f32::INFINITY.to_le_bytes();
    let wrong_total = [&3_u64.to_le_bytes()[..], &[2, 0, 0, 0, 1, 2], &[0; 4]].concat();
    let cases: &[(&str, &[u8], Vec<u8>, i32)] = &[
        ("date after 9999", &[0x28], vec![3, 0xDB, 0xB9, 0x37], 8023),
        ("time of 24 hours", &[0x29, 0], vec![3, 0x80, 0x51, 1], 8023),
        (
            "day in datetime",
            &[0x6F, 8],
            [&[8][..], &[0; 4], &25_920_000_u32.to_le_bytes()].concat(),
            8023,
        ),
        ("minute", &[0x6F, 4], vec![4, 0, 0, 0xA0, 5], 8023),
        ("offset", &[0x2B, 0], vec![8, 0, 0, 0, 0x07, 0x24, 0x0B, 0x49, 3], 8023),
        ("not a number", &[0x6D, 8], [&[8][..], &nan].concat(), 8023),
        ("infinity", &[0x6D, 4], [&[4][..], &infinite].concat(), 8023),
        ("digits", &[0x6C, 5, 2, 0], vec![5, 1, 100, 0, 0, 0], 8023),
        ("half a character", &[0xE7, 20, 0, 9, 4, 0xD0, 0, 0x34], vec![1, 0, 0x61], 8016),
        ("longer than declared", &[0xA5, 2, 0], vec![3, 0, 1, 2, 3], 8016),
        ("declared too long", &[0xA5, 0x41, 0x1F], vec![0, 0], 8016),
        ("integer of three bytes", &[0x26, 3], vec![0], 8016),
        ("short integer", &[0x26, 8], vec![4, 0, 0, 0, 0], 8016),
        ("scale of a time", &[0x29, 8], vec![0], 8017),
        ("precision", &[0x6C, 17, 39, 0], vec![0], 8017),
        ("total of chunks", &[0xA5, 0xFF, 0xFF], wrong_total, 8007),
        ("unknown type", &[0x99], vec![0], 8009),
        ("sql_variant", &[0x62, 0, 0, 0, 0], vec![0], 40517),
    ];
    for (what, info, value, number) in cases {
        let wrong = parameter("@p", false, info, value);
        let call = [numbered(EXECUTE_SQL), text("SELECT 1"), text("@p int"), wrong].concat();
        let answer = raw.call(&call).await;
        let Token::Error(error) = &answer[0] else { panic!("{what}: {answer:?}") };
        assert_eq!(error.number, *number, "{what}");
        assert!(*number == 40517 || error.text.contains("Parameter 3 (\"@p\")"), "{}", error.text);
        assert_eq!(read(&raw.batch("SELECT 1").await, what).1, [Some(vec![1, 0, 0, 0])]);
    }
}
