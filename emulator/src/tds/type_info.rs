//! `TYPE_INFO`: how a type is described on the wire (MS-TDS 2.2.5.4 to 2.2.5.6).

use super::reader::Reader;
use super::rpc::Flaw;
use crate::values::{Length, SqlType, calendar, decimal};

/// `SQL_Latin1_General_CP1_CI_AS`.
pub const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// Declared length that stands for (max).
const MAX: u16 = 0xFFFF;
/// Bytes of every other variable type.
const LIMITED_BYTES_MAX: u16 = 8000;
/// Sign and sixteen bytes.
const DECIMAL_BYTES_MAX: u8 = 17;

/// Set in a collation whose varchar is UTF-8.
const COLLATION_UTF8: u32 = 0x0400_0000;

/// How a value's length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Always this many bytes.
    Fixed(u8),
    /// One byte of length, 0 for NULL.
    ByteLength,
    /// Two bytes of length, 0xFFFF for NULL.
    ShortLength,
    /// Four bytes of length, all ones for NULL: the types that came before (max).
    LongLength,
    /// Partially length-prefixed: chunks.
    Chunks,
    /// Untyped NULL, no bytes at all.
    Nothing,
}

/// A type as a request describes it.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// Its meaning.
    pub sql_type: SqlType,
    /// How many bytes a value has at most.
    pub bytes: u32,
    /// How its values are written.
    pub layout: Layout,
    /// varchar in UTF-8 instead of the code page.
    pub utf8: bool,
}

/// Type tokens.
pub mod token {
    pub const NULL: u8 = 0x1F;
    pub const IMAGE: u8 = 0x22;
    pub const TEXT: u8 = 0x23;
    pub const INT1: u8 = 0x30;
    pub const BIT: u8 = 0x32;
    pub const INT2: u8 = 0x34;
    pub const INT4: u8 = 0x38;
    pub const SMALL_DATETIME: u8 = 0x3A;
    pub const REAL: u8 = 0x3B;
    pub const MONEY: u8 = 0x3C;
    pub const DATETIME: u8 = 0x3D;
    pub const FLOAT: u8 = 0x3E;
    pub const SMALL_MONEY: u8 = 0x7A;
    pub const INT8: u8 = 0x7F;
    pub const GUID: u8 = 0x24;
    pub const INTN: u8 = 0x26;
    pub const DATE: u8 = 0x28;
    pub const TIME: u8 = 0x29;
    pub const DATETIME2: u8 = 0x2A;
    pub const DATETIMEOFFSET: u8 = 0x2B;
    pub const VARIANT: u8 = 0x62;
    pub const NTEXT: u8 = 0x63;
    pub const BITN: u8 = 0x68;
    pub const DECIMALN: u8 = 0x6A;
    pub const NUMERICN: u8 = 0x6C;
    pub const FLTN: u8 = 0x6D;
    pub const MONEYN: u8 = 0x6E;
    pub const DATETIMEN: u8 = 0x6F;
    pub const VARBINARY: u8 = 0xA5;
    pub const VARCHAR: u8 = 0xA7;
    pub const BINARY: u8 = 0xAD;
    pub const CHAR: u8 = 0xAF;
    pub const NVARCHAR: u8 = 0xE7;
    pub const NCHAR: u8 = 0xEF;
    pub const UDT: u8 = 0xF0;
    pub const XML: u8 = 0xF1;
    pub const TABLE: u8 = 0xF3;
}

/// Reads what follows the type token of a parameter.
pub fn read(kind: u8, reader: &mut Reader<'_>) -> Result<TypeInfo, Flaw> {
    if let Some((sql_type, bytes)) = fixed(kind) {
        let layout = if kind == token::NULL { Layout::Nothing } else { Layout::Fixed(bytes) };
        return Ok(TypeInfo { sql_type, bytes: u32::from(bytes), layout, utf8: false });
    }
    if let Some((sql_type, bytes)) = sized(kind, reader)? {
        let (bytes, layout) = (u32::from(bytes), Layout::ByteLength);
        return Ok(TypeInfo { sql_type, bytes, layout, utf8: false });
    }
    match kind {
        token::TEXT | token::NTEXT | token::IMAGE => long(kind, reader),
        token::VARIANT => Err(Flaw::Unsupported("sql_variant")),
        token::UDT => Err(Flaw::Unsupported("a CLR type")),
        token::XML => Err(Flaw::Unsupported("xml")),
        token::TABLE => Err(Flaw::Unsupported("a table type")),
        _ => variable(kind, reader),
    }
}

fn fixed(kind: u8) -> Option<(SqlType, u8)> {
    Some(match kind {
        token::NULL => (SqlType::Int, 0),
        token::BIT => (SqlType::Bit, 1),
        token::INT1 => (SqlType::TinyInt, 1),
        token::INT2 => (SqlType::SmallInt, 2),
        token::INT4 => (SqlType::Int, 4),
        token::INT8 => (SqlType::BigInt, 8),
        token::REAL => (SqlType::Real, 4),
        token::FLOAT => (SqlType::Float, 8),
        token::MONEY => (SqlType::Money, 8),
        token::SMALL_MONEY => (SqlType::SmallMoney, 4),
        token::DATETIME => (SqlType::DateTime, 8),
        token::SMALL_DATETIME => (SqlType::SmallDateTime, 4),
        _ => return None,
    })
}

/// Types with a length byte, and how many bytes a value that is not NULL has.
fn sized(kind: u8, reader: &mut Reader<'_>) -> Result<Option<(SqlType, u8)>, Flaw> {
    Ok(Some(match kind {
        token::DATE => (SqlType::Date, 3),
        token::TIME => {
            let scale = scale(reader)?;
            (SqlType::Time(scale), calendar::time_bytes(scale))
        }
        token::DATETIME2 => {
            let scale = scale(reader)?;
            (SqlType::DateTime2(scale), calendar::time_bytes(scale) + 3)
        }
        token::DATETIMEOFFSET => {
            let scale = scale(reader)?;
            (SqlType::DateTimeOffset(scale), calendar::time_bytes(scale) + 5)
        }
        token::INTN
        | token::BITN
        | token::FLTN
        | token::MONEYN
        | token::DATETIMEN
        | token::GUID => {
            let bytes = reader.u8()?;
            (by_size(kind, bytes)?, bytes)
        }
        token::DECIMALN | token::NUMERICN => {
            let [_, precision, scale] = reader.array()?;
            if precision == 0 || precision > decimal::DIGITS_MAX || scale > precision {
                return Err(Flaw::Precision);
            }
            (SqlType::Decimal { precision, scale }, DECIMAL_BYTES_MAX)
        }
        _ => return Ok(None),
    }))
}

fn scale(reader: &mut Reader<'_>) -> Result<u8, Flaw> {
    let scale = reader.u8()?;
    if scale > 7 { Err(Flaw::Precision) } else { Ok(scale) }
}

fn by_size(kind: u8, bytes: u8) -> Result<SqlType, Flaw> {
    Ok(match (kind, bytes) {
        (token::INTN, 1) => SqlType::TinyInt,
        (token::INTN, 2) => SqlType::SmallInt,
        (token::INTN, 4) => SqlType::Int,
        (token::INTN, 8) => SqlType::BigInt,
        (token::BITN, 1) => SqlType::Bit,
        (token::FLTN, 4) => SqlType::Real,
        (token::FLTN, 8) => SqlType::Float,
        (token::MONEYN, 4) => SqlType::SmallMoney,
        (token::MONEYN, 8) => SqlType::Money,
        (token::DATETIMEN, 4) => SqlType::SmallDateTime,
        (token::DATETIMEN, 8) => SqlType::DateTime,
        // 0 stands for NULL (documented, MS-TDS 2.2.5.4.2); mssql-jdbc sends it.
        (token::GUID, 0 | 16) => SqlType::UniqueIdentifier,
        _ => return Err(Flaw::Length),
    })
}

/// text, ntext and image, which clients still use for long statements.
fn long(kind: u8, reader: &mut Reader<'_>) -> Result<TypeInfo, Flaw> {
    let bytes = reader.u32()?;
    let utf8 = kind != token::IMAGE && is_utf8(reader)?;
    let sql_type = match kind {
        token::TEXT => SqlType::VarChar(Length::Max),
        token::NTEXT => SqlType::NVarChar(Length::Max),
        _ => SqlType::VarBinary(Length::Max),
    };
    Ok(TypeInfo { sql_type, bytes, layout: Layout::LongLength, utf8 })
}

/// Reads a collation.
fn is_utf8(reader: &mut Reader<'_>) -> Result<bool, Flaw> {
    let [a, b, c, d, _] = reader.array()?;
    Ok(u32::from_le_bytes([a, b, c, d]) & COLLATION_UTF8 != 0)
}

fn variable(kind: u8, reader: &mut Reader<'_>) -> Result<TypeInfo, Flaw> {
    let text = matches!(kind, token::NVARCHAR | token::NCHAR | token::VARCHAR | token::CHAR);
    if !text && !matches!(kind, token::VARBINARY | token::BINARY) {
        return Err(Flaw::UnknownType);
    }
    let bytes = reader.u16()?;
    let utf8 = text && is_utf8(reader)?;
    let max = bytes == MAX;
    if !max && bytes > LIMITED_BYTES_MAX {
        return Err(Flaw::Length);
    }
    // Clients declare 0 for an empty value; no type is that short.
    let length = |unit: u16| if max { Length::Max } else { Length::Limited((bytes / unit).max(1)) };
    let sql_type = match kind {
        token::NVARCHAR => SqlType::NVarChar(length(2)),
        token::VARCHAR => SqlType::VarChar(length(1)),
        token::VARBINARY => SqlType::VarBinary(length(1)),
        _ if max => return Err(Flaw::Length),
        token::NCHAR => SqlType::NChar((bytes / 2).max(1)),
        token::CHAR => SqlType::Char(bytes.max(1)),
        _ => SqlType::Binary(bytes.max(1)),
    };
    let layout = if max { Layout::Chunks } else { Layout::ShortLength };
    Ok(TypeInfo { sql_type, bytes: u32::from(bytes), layout, utf8 })
}

/// Writes a result column's type. Fixed-width columns that are NOT NULL use the fixed tokens (observed, probed.md 8).
pub fn write(sql_type: SqlType, nullable: bool, out: &mut Vec<u8>) {
    match fixed_token(sql_type) {
        Some((token, ..)) if !nullable => out.push(token),
        Some((_, token, bytes)) => out.extend([token, bytes]),
        None => write_variable(sql_type, out),
    }
}

/// The NOT NULL token, the nullable one and the width.
pub fn fixed_token(sql_type: SqlType) -> Option<(u8, u8, u8)> {
    Some(match sql_type {
        SqlType::Bit => (token::BIT, token::BITN, 1),
        SqlType::TinyInt => (token::INT1, token::INTN, 1),
        SqlType::SmallInt => (token::INT2, token::INTN, 2),
        SqlType::Int => (token::INT4, token::INTN, 4),
        SqlType::BigInt => (token::INT8, token::INTN, 8),
        SqlType::Real => (token::REAL, token::FLTN, 4),
        SqlType::Float => (token::FLOAT, token::FLTN, 8),
        SqlType::Money => (token::MONEY, token::MONEYN, 8),
        SqlType::SmallMoney => (token::SMALL_MONEY, token::MONEYN, 4),
        SqlType::DateTime => (token::DATETIME, token::DATETIMEN, 8),
        SqlType::SmallDateTime => (token::SMALL_DATETIME, token::DATETIMEN, 4),
        _ => return None,
    })
}

fn write_variable(sql_type: SqlType, out: &mut Vec<u8>) {
    match sql_type {
        SqlType::UniqueIdentifier => out.extend([token::GUID, 16]),
        SqlType::Date => out.push(token::DATE),
        SqlType::Time(scale) => out.extend([token::TIME, scale]),
        SqlType::DateTime2(scale) => out.extend([token::DATETIME2, scale]),
        SqlType::DateTimeOffset(scale) => out.extend([token::DATETIMEOFFSET, scale]),
        SqlType::Decimal { precision, scale } => {
            out.extend([token::NUMERICN, decimal_bytes(precision), precision, scale]);
        }
        _ => write_sized(sql_type, out),
    }
}

fn write_sized(sql_type: SqlType, out: &mut Vec<u8>) {
    let (token, unit) = match sql_type {
        SqlType::NVarChar(_) => (token::NVARCHAR, 2),
        SqlType::NChar(_) => (token::NCHAR, 2),
        SqlType::VarChar(_) => (token::VARCHAR, 1),
        SqlType::Char(_) => (token::CHAR, 1),
        SqlType::Binary(_) => (token::BINARY, 1),
        _ => (token::VARBINARY, 1),
    };
    out.push(token);
    let bytes = match sql_type.length() {
        Some(Length::Limited(length)) => length.max(1).saturating_mul(unit),
        _ => MAX,
    };
    out.extend(bytes.to_le_bytes());
    if sql_type.is_text() {
        out.extend(COLLATION);
    }
}

/// Bytes of a decimal on the wire, sign included.
pub fn decimal_bytes(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}
