//! Remote procedure calls and their parameters (MS-TDS 2.2.6.6).

use std::io;

use super::decode;
use super::packet::invalid;
use super::reader::Reader;
use super::request::Body;
use super::type_info::{self, TypeInfo};
use crate::sql::error::SqlError;
use crate::values::{SqlType, Value};

/// A remote procedure call.
#[derive(Debug)]
pub struct Call {
    /// Which procedure.
    pub procedure: Procedure,
    /// Its parameters in order.
    pub parameters: Vec<Parameter>,
}

impl Call {
    /// Whether it is `sp_reset_connection`, by name.
    pub fn is_reset(&self) -> bool {
        matches!(&self.procedure, Procedure::Named(name) if name.eq_ignore_ascii_case("sp_reset_connection"))
    }
}

/// A procedure, by name or by number.
#[derive(Debug)]
pub enum Procedure {
    /// A name as sent.
    Named(String),
    /// A well-known number; 10 is `sp_executesql`.
    Numbered(u16),
}

/// A typed parameter.
#[derive(Debug)]
pub struct Parameter {
    /// With its `@`; may be empty.
    pub name: String,
    /// By reference: its value after the call is sent back.
    pub output: bool,
    /// Declared type.
    pub sql_type: SqlType,
    /// Value.
    pub value: Value,
}

/// What is wrong with a parameter.
#[derive(Debug)]
pub enum Flaw {
    /// The bytes end or make no sense.
    Stream(io::Error),
    /// No such type.
    UnknownType,
    /// A type of SQL Server that this server does not have.
    Unsupported(&'static str),
    /// A length that the type, or what was declared, does not allow.
    Length,
    /// A precision or scale that the type does not allow.
    Precision,
    /// Chunks that are not as long as was said.
    Chunks,
    /// A value that the type does not have.
    Value(SqlType),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

/// Why a request cannot be run: the stream is broken, or an error that the server answers with.
enum Refusal {
    Stream(io::Error),
    Error(SqlError),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

const NUMBERED: u16 = 0xFFFF;
const STATUS_OUTPUT: u8 = 0x01;
/// Parameters of a call (documented).
const PARAMETERS_MAX: usize = 2100;
/// Calls in one request. SQL Server names no limit.
const CALLS_MAX: usize = 100_000;

/// Separates calls: the flag of TDS 7.1, that of 7.2, and the one for a call that is not to run.
mod separator {
    pub const OLD: u8 = 0x80;
    pub const NO_EXECUTION: u8 = 0xFE;
    pub const NEXT: u8 = 0xFF;
}

/// Reads all calls of a request.
pub fn read(reader: &mut Reader<'_>) -> io::Result<Body> {
    let mut calls = Vec::new();
    loop {
        match call(reader) {
            Ok(call) => calls.push(call),
            Err(Refusal::Stream(error)) => return Err(error),
            Err(Refusal::Error(error)) => return Ok(Body::Refused(error)),
        }
        if reader.is_empty() {
            return Ok(Body::Calls(calls));
        }
        if reader.u8()? == separator::NO_EXECUTION || calls.len() >= CALLS_MAX {
            return Err(invalid("calls in one request"));
        }
        if reader.is_empty() {
            return Ok(Body::Calls(calls));
        }
    }
}

/// Reads a call up to the separator behind it.
fn call(reader: &mut Reader<'_>) -> Result<Call, Refusal> {
    let length = reader.u16()?;
    let procedure = if length == NUMBERED {
        Procedure::Numbered(reader.u16()?)
    } else {
        Procedure::Named(reader.text(usize::from(length))?)
    };
    let _options = reader.u16()?;
    let mut parameters = Vec::new();
    while let Some(first) = reader.rest().first() {
        if matches!(*first, separator::OLD | separator::NO_EXECUTION | separator::NEXT) {
            break;
        }
        if parameters.len() == PARAMETERS_MAX {
            return Err(Refusal::Error(too_many()));
        }
        parameters.push(parameter(reader, parameters.len() + 1)?);
    }
    Ok(Call { procedure, parameters })
}

fn parameter(reader: &mut Reader<'_>, place: usize) -> Result<Parameter, Refusal> {
    let name = reader.short_text()?;
    let status = reader.u8()?;
    let kind = reader.u8()?;
    let read =
        type_info::read(kind, reader).and_then(|info| Ok((info, decode::read(reader, &info)?)));
    let (TypeInfo { sql_type, .. }, value) = match read {
        Ok(read) => read,
        Err(Flaw::Stream(error)) => return Err(Refusal::Stream(error)),
        Err(flaw) => return Err(Refusal::Error(refusal(&flaw, place, &name, kind))),
    };
    Ok(Parameter { name, output: status & STATUS_OUTPUT != 0, sql_type, value })
}

/// 8003.
fn too_many() -> SqlError {
    let message = format!(
        "The incoming request has too many parameters. The server supports a maximum of {PARAMETERS_MAX} parameters. Reduce \
         the number of parameters and resend the request."
    );
    SqlError::new(8003, message)
}

/// Documented texts. That the connection goes on afterwards is an assumption.
fn refusal(flaw: &Flaw, place: usize, name: &str, kind: u8) -> SqlError {
    let (number, reason) = match flaw {
        Flaw::Unsupported(type_name) => {
            return SqlError::unsupported(format!("parameter of type {type_name}"));
        }
        Flaw::Stream(_) | Flaw::UnknownType => {
            (8009, format!("Data type 0x{kind:02X} is unknown."))
        }
        Flaw::Length => {
            let reason = "has an invalid data length or metadata length.";
            (8016, format!("Data type 0x{kind:02X} {reason}"))
        }
        Flaw::Precision => {
            (8017, format!("Data type 0x{kind:02X} has an invalid precision or scale."))
        }
        Flaw::Chunks => {
            let reason = "The chunking format is incorrect for a large object parameter of type";
            (8007, format!("{reason} 0x{kind:02X}."))
        }
        Flaw::Value(sql_type) => {
            let reason = format!(
                "The supplied value is not a valid instance of data type {}. Check the source data for invalid values. An \
                 example of an invalid value is data of numeric type with scale greater than precision.",
                sql_type.name()
            );
            (8023, reason)
        }
    };
    let stream = "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is incorrect.";
    SqlError::new(number, format!("{stream} Parameter {place} (\"{name}\"): {reason}"))
}
