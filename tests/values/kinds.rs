//! What values of each SQL Server type become in the graph, written down by Microsoft's documentation of the
//! types and of CAST and CONVERT: no code computes an expected value.

use serde_json::{Value, json};

/// A type that a mapping can carry.
pub struct Kind {
    /// Column and property.
    pub name: &'static str,
    /// As `CREATE TABLE` declares it.
    pub declared: &'static str,
    /// `type` in the mapping.
    pub property: &'static str,
    /// T-SQL literals, and what the graph holds for them. Dates and times with nine digits of a second.
    pub cases: &'static [(&'static str, &'static str)],
}

const fn kind(
    name: &'static str,
    declared: &'static str,
    property: &'static str,
    cases: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind { name, declared, property, cases }
}

impl Kind {
    /// The value of a row; NULL, which is no property, where there are fewer cases.
    pub fn literal(&self, row: usize) -> &'static str {
        self.cases.get(row).map_or("NULL", |(literal, _)| literal)
    }

    /// See [`Kind::literal`].
    pub fn expected(&self, row: usize) -> Value {
        let Some((_, expected)) = self.cases.get(row) else { return Value::Null };
        match self.property {
            "integer" | "float" | "boolean" => serde_json::from_str(expected).unwrap(),
            _ => json!(expected),
        }
    }

    /// What a reader of the source is told of the column.
    pub fn description(&self) -> Value {
        let scale =
            self.declared.split([',', ')']).nth(1).and_then(|s| s.trim().parse::<u8>().ok());
        json!({ "type": self.declared, "property": self.property, "scale": scale.unwrap_or(4) })
    }
}

/// Every type that a mapping can carry and the emulator has.
pub const KINDS: &[Kind] = &[
    kind("tiny", "tinyint", "integer", &[("0", "0"), ("255", "255")]),
    kind("small", "smallint", "integer", &[("-32768", "-32768"), ("32767", "32767")]),
    kind(
        "whole",
        "int",
        "integer",
        &[("-2147483648", "-2147483648"), ("2147483647", "2147483647")],
    ),
    kind(
        "big",
        "bigint",
        "integer",
        &[
            ("-9223372036854775808", "-9223372036854775808"),
            ("9223372036854775807", "9223372036854775807"),
            // A double can't hold it.
            ("9007199254740993", "9007199254740993"),
        ],
    ),
    kind("flag", "bit", "boolean", &[("0", "false"), ("1", "true")]),
    kind(
        "shortFloat",
        "real",
        "float",
        &[
            ("0.7", "0.7"),
            ("-3.4028234663852886E38", "-3.4028235e38"),
            ("1.17549435E-38", "1.1754944e-38"),
            ("16777216", "16777216.0"),
            ("0", "0.0"),
        ],
    ),
    kind(
        "longFloat",
        "float",
        "float",
        &[
            ("0.1E0", "0.1"),
            ("-1.7976931348623157E308", "-1.7976931348623157e308"),
            ("2.2250738585072014E-308", "2.2250738585072014e-308"),
            ("9007199254740993", "9007199254740992.0"),
            ("0", "0.0"),
        ],
    ),
    kind(
        "wideDecimal",
        "decimal(38, 0)",
        "decimal",
        &[
            ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
            ("-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"),
            ("0", "0"),
        ],
    ),
    kind(
        "fineDecimal",
        "decimal(38, 38)",
        "decimal",
        &[
            (
                "0.99999999999999999999999999999999999999",
                "0.99999999999999999999999999999999999999",
            ),
            (
                "-0.00000000000000000000000000000000000001",
                "-0.00000000000000000000000000000000000001",
            ),
        ],
    ),
    kind(
        "plainDecimal",
        "numeric(9, 2)",
        "decimal",
        &[("-1234567.89", "-1234567.89"), ("1", "1.00"), ("-0.05", "-0.05")],
    ),
    kind(
        "cash",
        "money",
        "decimal",
        &[
            ("922337203685477.5807", "922337203685477.5807"),
            ("-922337203685477.5808", "-922337203685477.5808"),
            ("0.5", "0.5000"),
        ],
    ),
    kind(
        "smallCash",
        "smallmoney",
        "decimal",
        &[("214748.3647", "214748.3647"), ("-214748.3648", "-214748.3648")],
    ),
    kind(
        "fixedText",
        "char(5)",
        "text",
        &[("'é'", "é    "), ("''", "     "), ("'12345'", "12345")],
    ),
    // Bytes 0x80 to 0x9F of code page 1252 are characters far from U+0080.
    kind("shortText", "varchar(20)", "text", &[("'€ Š ÿ'", "€ Š ÿ"), ("''", ""), ("' a '", " a ")]),
    kind("longText", "varchar(max)", "text", &[("'é'", "é"), ("''", "")]),
    kind("fixedWide", "nchar(5)", "text", &[("N'日本'", "日本   "), ("N'😀'", "😀   ")]),
    kind(
        "shortWide",
        "nvarchar(20)",
        "text",
        &[("N'e' + NCHAR(769)", "e\u{301}"), ("N''", ""), ("N'''\"\\`$'", "'\"\\`$")],
    ),
    kind("longWide", "nvarchar(max)", "text", &[("N'👩‍🔬 ß İ'", "👩‍🔬 ß İ"), ("N' '", " ")]),
    kind("fixedBytes", "binary(4)", "hex", &[("0x01", "01000000"), ("0xFFFFFFFF", "ffffffff")]),
    kind("bytes", "varbinary(8)", "hex", &[("0x", ""), ("0x00FF", "00ff")]),
    kind("longBytes", "varbinary(max)", "hex", &[("0x0A0B0C", "0a0b0c"), ("0x", "")]),
    kind(
        "guid",
        "uniqueidentifier",
        "guid",
        &[
            ("'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
            ("'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"),
        ],
    ),
    kind(
        "day",
        "date",
        "date",
        &[
            ("'0001-01-01'", "0001-01-01"),
            ("'9999-12-31'", "9999-12-31"),
            ("'2024-02-29'", "2024-02-29"),
            // Days that the change of calendars left out exist here.
            ("'1582-10-10'", "1582-10-10"),
        ],
    ),
    kind(
        "minute",
        "smalldatetime",
        "utc",
        &[
            ("'1900-01-01T00:00:00'", "1900-01-01T00:00:00.000000000Z"),
            ("'2079-06-06T23:59:00'", "2079-06-06T23:59:00.000000000Z"),
            ("'2024-05-08T12:35:30'", "2024-05-08T12:36:00.000000000Z"),
        ],
    ),
    kind(
        "localMinute",
        "smalldatetime",
        "local",
        &[("'2024-02-29T12:35:00'", "2024-02-29T12:35:00.000000000")],
    ),
    // CAST and CONVERT: at compatibility level 130 and above, a datetime becomes a datetime2 with its exact thirds.
    kind(
        "moment",
        "datetime",
        "utc",
        &[
            ("'2024-06-01T12:00:00.003'", "2024-06-01T12:00:00.003333300Z"),
            ("'2024-06-01T12:00:00.007'", "2024-06-01T12:00:00.006666700Z"),
            ("'2024-06-01T12:00:00.010'", "2024-06-01T12:00:00.010000000Z"),
            ("'1753-01-01T00:00:00'", "1753-01-01T00:00:00.000000000Z"),
            ("'9999-12-31T23:59:59.997'", "9999-12-31T23:59:59.996666700Z"),
            ("'1899-12-31T23:59:59.997'", "1899-12-31T23:59:59.996666700Z"),
        ],
    ),
    kind(
        "localMoment",
        "datetime",
        "local",
        &[
            ("'2024-06-01T12:00:00.003'", "2024-06-01T12:00:00.003333300"),
            ("'2024-06-01T12:00:00.997'", "2024-06-01T12:00:00.996666700"),
        ],
    ),
    kind(
        "at0",
        "datetime2(0)",
        "utc",
        &[("'2024-06-01T12:34:56.5'", "2024-06-01T12:34:57.000000000Z")],
    ),
    kind(
        "at1",
        "datetime2(1)",
        "utc",
        &[("'2024-06-01T12:34:56.7'", "2024-06-01T12:34:56.700000000Z")],
    ),
    kind(
        "at2",
        "datetime2(2)",
        "utc",
        &[("'0001-01-01T00:00:00.01'", "0001-01-01T00:00:00.010000000Z")],
    ),
    kind(
        "at3",
        "datetime2(3)",
        "utc",
        &[("'9999-12-31T23:59:59.999'", "9999-12-31T23:59:59.999000000Z")],
    ),
    kind(
        "at4",
        "datetime2(4)",
        "utc",
        &[("'1969-12-31T23:59:59.9999'", "1969-12-31T23:59:59.999900000Z")],
    ),
    kind(
        "at5",
        "datetime2(5)",
        "utc",
        &[("'1970-01-01T00:00:00.00001'", "1970-01-01T00:00:00.000010000Z")],
    ),
    kind(
        "at6",
        "datetime2(6)",
        "utc",
        &[("'1582-10-10T00:00:00.000001'", "1582-10-10T00:00:00.000001000Z")],
    ),
    kind(
        "at7",
        "datetime2(7)",
        "utc",
        &[
            ("'2024-06-01T12:34:56.1234567'", "2024-06-01T12:34:56.123456700Z"),
            ("'0001-01-01T00:00:00'", "0001-01-01T00:00:00.000000000Z"),
            ("'9999-12-31T23:59:59.9999999'", "9999-12-31T23:59:59.999999900Z"),
        ],
    ),
    kind(
        "localAt",
        "datetime2(7)",
        "local",
        &[
            ("'2024-03-31T02:30:00.0000001'", "2024-03-31T02:30:00.000000100"),
            ("'0001-01-01T00:00:00'", "0001-01-01T00:00:00.000000000"),
            ("'9999-12-31T23:59:59.9999999'", "9999-12-31T23:59:59.999999900"),
        ],
    ),
    // Literals name a local time and how far it is ahead of UTC; the range of the type is one of UTC.
    kind(
        "zoned0",
        "datetimeoffset(0)",
        "utc",
        &[("'2024-06-01T12:00:00+02:00'", "2024-06-01T10:00:00.000000000Z")],
    ),
    kind(
        "zoned3",
        "datetimeoffset(3)",
        "utc",
        &[("'2024-06-01T00:15:00.125-05:30'", "2024-06-01T05:45:00.125000000Z")],
    ),
    kind(
        "zoned7",
        "datetimeoffset(7)",
        "utc",
        &[
            ("'2024-06-01T12:00:00+02:00'", "2024-06-01T10:00:00.000000000Z"),
            ("'2024-01-01T00:00:00.1234567+14:00'", "2023-12-31T10:00:00.123456700Z"),
            ("'2023-12-31T23:59:59.9999999-14:00'", "2024-01-01T13:59:59.999999900Z"),
            ("'2024-02-29T00:20:00-00:45'", "2024-02-29T01:05:00.000000000Z"),
            ("'0001-01-01T14:00:00+14:00'", "0001-01-01T00:00:00.000000000Z"),
            ("'9999-12-31T09:59:59.9999999-14:00'", "9999-12-31T23:59:59.999999900Z"),
            ("'1970-01-01T05:45:00+05:45'", "1970-01-01T00:00:00.000000000Z"),
        ],
    ),
];

/// Rows that hold every case, and one of NULLs.
pub fn rows() -> usize {
    KINDS.iter().map(|kind| kind.cases.len()).max().unwrap_or(0) + 1
}
