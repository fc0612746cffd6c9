//! `TYPE_INFO`: how a type is described on the wire (MS-TDS 2.2.5.4 to 2.2.5.6).

use std::io;

use super::packet::invalid;
use super::reader::Reader;
use crate::values::{Length, SqlType};

/// `SQL_Latin1_General_CP1_CI_AS`.
pub const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

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
    /// How its values are written.
    pub layout: Layout,
    /// varchar in UTF-8 instead of the code page.
    pub utf8: bool,
}

/// Type tokens.
pub mod token {
    pub const NULL: u8 = 0x1F;
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
}

/// Reads a parameter's type.
pub fn read(reader: &mut Reader<'_>) -> io::Result<TypeInfo> {
    let kind = reader.u8()?;
    if let Some((sql_type, bytes)) = fixed(kind) {
        let layout = if kind == token::NULL { Layout::Nothing } else { Layout::Fixed(bytes) };
        return Ok(TypeInfo { sql_type, layout, utf8: false });
    }
    if let Some(info) = sized(kind, reader)? {
        return Ok(TypeInfo { sql_type: info, layout: Layout::ByteLength, utf8: false });
    }
    variable(kind, reader)
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

fn sized(kind: u8, reader: &mut Reader<'_>) -> io::Result<Option<SqlType>> {
    let sql_type = match kind {
        token::DATE => SqlType::Date,
        token::TIME => SqlType::Time(scale(reader)?),
        token::DATETIME2 => SqlType::DateTime2(scale(reader)?),
        token::DATETIMEOFFSET => SqlType::DateTimeOffset(scale(reader)?),
        token::INTN
        | token::BITN
        | token::FLTN
        | token::MONEYN
        | token::DATETIMEN
        | token::GUID => by_size(kind, reader.u8()?)?,
        token::DECIMALN | token::NUMERICN => {
            let [_, precision, scale] = reader.array()?;
            if precision == 0 || precision > 38 || scale > precision {
                return Err(invalid("decimal precision"));
            }
            SqlType::Decimal { precision, scale }
        }
        _ => return Ok(None),
    };
    Ok(Some(sql_type))
}

fn scale(reader: &mut Reader<'_>) -> io::Result<u8> {
    let scale = reader.u8()?;
    if scale > 7 { Err(invalid("time scale")) } else { Ok(scale) }
}

fn by_size(kind: u8, bytes: u8) -> io::Result<SqlType> {
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
        (token::GUID, 16) => SqlType::UniqueIdentifier,
        _ => return Err(invalid("length of a type")),
    })
}

fn variable(kind: u8, reader: &mut Reader<'_>) -> io::Result<TypeInfo> {
    let bytes = reader.u16()?;
    let text = matches!(kind, token::NVARCHAR | token::NCHAR | token::VARCHAR | token::CHAR);
    let utf8 = text && {
        let [a, b, c, d, _] = reader.array()?;
        u32::from_le_bytes([a, b, c, d]) & COLLATION_UTF8 != 0
    };
    let max = bytes == 0xFFFF;
    let length = |unit: u16| if max { Length::Max } else { Length::Limited((bytes / unit).max(1)) };
    let sql_type = match kind {
        token::NVARCHAR => SqlType::NVarChar(length(2)),
        token::VARCHAR => SqlType::VarChar(length(1)),
        token::VARBINARY => SqlType::VarBinary(length(1)),
        token::NCHAR if !max => SqlType::NChar((bytes / 2).max(1)),
        token::CHAR if !max => SqlType::Char(bytes.max(1)),
        token::BINARY if !max => SqlType::Binary(bytes.max(1)),
        other => return Err(invalid(&format!("type 0x{other:02X} of a parameter"))),
    };
    Ok(TypeInfo { sql_type, layout: if max { Layout::Chunks } else { Layout::ShortLength }, utf8 })
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
        _ => 0xFFFF,
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
