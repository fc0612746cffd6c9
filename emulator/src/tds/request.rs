//! Requests after the login: batches, procedure calls, transaction requests (MS-TDS 2.2.6).

use std::io;

use super::packet::{Message, invalid, kind};
use super::reader::Reader;
use super::{type_info, value};
use crate::values::{SqlType, Value, wtf8};

/// A request, and the transaction that the client believes to be in.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub body: Body,
    /// Transaction descriptor, 0 for none.
    pub transaction: u64,
    /// Status of the first packet: reset bits.
    pub status: u8,
}

/// What is asked.
#[derive(Debug)]
pub enum Body {
    /// Text, WTF-8.
    Batch(Vec<u8>),
    /// A procedure.
    Call(Call),
    /// A transaction request.
    Transaction(TransactionRequest),
}

/// A remote procedure call.
#[derive(Debug)]
pub struct Call {
    /// Which procedure.
    pub procedure: Procedure,
    /// Its parameters in order.
    pub parameters: Vec<Parameter>,
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

/// A transaction-manager request.
#[derive(Debug)]
pub enum TransactionRequest {
    /// Begin, at an isolation level (0 keeps the session's, 5 is snapshot).
    Begin(Isolation),
    /// Commit, and perhaps begin again.
    Commit(Option<Isolation>),
    /// Roll back, whole or to a name, and perhaps begin again.
    Rollback(String, Option<Isolation>),
    /// Save point.
    Save(String),
}

/// The isolation byte.
pub type Isolation = u8;

/// Reads a request.
pub fn read(message: &Message) -> io::Result<Request> {
    let mut reader = Reader::new(&message.payload);
    let transaction = all_headers(&mut reader)?;
    let body = match message.kind {
        kind::SQL_BATCH => Body::Batch(wtf8::from_utf16le(reader.rest())),
        kind::RPC => Body::Call(call(&mut reader)?),
        kind::TRANSACTION => Body::Transaction(transaction_request(&mut reader)?),
        _ => return Err(invalid("packet type")),
    };
    Ok(Request { body, transaction, status: message.status })
}

const HEADER_TRANSACTION: u16 = 2;

fn all_headers(reader: &mut Reader<'_>) -> io::Result<u64> {
    let total = reader.u32()?;
    let length = usize::try_from(total).unwrap_or(0).checked_sub(4);
    let mut headers = Reader::new(reader.bytes(length.ok_or_else(|| invalid("ALL_HEADERS"))?)?);
    let mut transaction = 0;
    while !headers.is_empty() {
        let length = usize::try_from(headers.u32()?).unwrap_or(0);
        let body = length.checked_sub(4).ok_or_else(|| invalid("header length"))?;
        let mut header = Reader::new(headers.bytes(body)?);
        if header.u16()? == HEADER_TRANSACTION {
            transaction = header.u64()?;
        }
    }
    Ok(transaction)
}

const NUMBERED: u16 = 0xFFFF;
const STATUS_OUTPUT: u8 = 0x01;

fn call(reader: &mut Reader<'_>) -> io::Result<Call> {
    let length = reader.u16()?;
    let procedure = if length == NUMBERED {
        Procedure::Numbered(reader.u16()?)
    } else {
        Procedure::Named(reader.text(usize::from(length))?)
    };
    let _options = reader.u16()?;
    let mut parameters = Vec::new();
    while !reader.is_empty() {
        if matches!(reader.rest()[0], 0x80 | 0xFE | 0xFF) {
            return Err(invalid("several calls in one request"));
        }
        parameters.push(parameter(reader)?);
    }
    Ok(Call { procedure, parameters })
}

fn parameter(reader: &mut Reader<'_>) -> io::Result<Parameter> {
    let name = reader.short_text()?;
    let status = reader.u8()?;
    let info = type_info::read(reader)?;
    let value = value::read(reader, &info)?;
    let output = status & STATUS_OUTPUT != 0;
    Ok(Parameter { name, output, sql_type: info.sql_type, value })
}

fn transaction_request(reader: &mut Reader<'_>) -> io::Result<TransactionRequest> {
    match reader.u16()? {
        5 => Ok(TransactionRequest::Begin(isolation_and_name(reader)?)),
        7 => {
            let _name = reader.short_text()?;
            Ok(TransactionRequest::Commit(begin_again(reader)?))
        }
        8 => {
            let name = reader.short_text()?;
            Ok(TransactionRequest::Rollback(name, begin_again(reader)?))
        }
        9 => Ok(TransactionRequest::Save(reader.short_text()?)),
        _ => Err(invalid("transaction request")),
    }
}

fn isolation_and_name(reader: &mut Reader<'_>) -> io::Result<Isolation> {
    let isolation = reader.u8()?;
    if !reader.is_empty() {
        let _name = reader.short_text()?;
    }
    Ok(isolation)
}

fn begin_again(reader: &mut Reader<'_>) -> io::Result<Option<Isolation>> {
    if reader.is_empty() || reader.u8()? & 1 == 0 {
        return Ok(None);
    }
    isolation_and_name(reader).map(Some)
}
