//! Requests after the login: batches, procedure calls, transaction requests (MS-TDS 2.2.6).

use std::io;

use super::packet::{Message, invalid, kind};
use super::reader::Reader;
use super::rpc::{self, Call};
use crate::sql::error::SqlError;
use crate::values::wtf8;

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
    /// Procedures, one after the other.
    Calls(Vec<Call>),
    /// A transaction request.
    Transaction(TransactionRequest),
    /// A call whose parameters are wrong in a way that the server says.
    Refused(SqlError),
    /// The client has given the request up.
    Ignored,
}

/// A transaction-manager request.
#[derive(Debug, PartialEq, Eq)]
pub enum TransactionRequest {
    /// Begin, at an isolation level (0 keeps the session's, 5 is snapshot), with a name.
    Begin(Isolation, String),
    /// Commit, and perhaps begin again.
    Commit(Option<(Isolation, String)>),
    /// Roll back, whole or to a name, and perhaps begin again.
    Rollback(String, Option<(Isolation, String)>),
    /// Save point.
    Save(String),
    /// Something that needs the Distributed Transaction Coordinator.
    Distributed,
}

/// The isolation byte.
pub type Isolation = u8;
/// The highest of them.
const SNAPSHOT: Isolation = 5;

/// Reads a request.
pub fn read(message: &Message) -> io::Result<Request> {
    if message.ignored {
        return Ok(Request { body: Body::Ignored, transaction: 0, status: 0 });
    }
    let mut reader = Reader::new(&message.payload);
    let transaction = all_headers(&mut reader)?;
    let body = match message.kind {
        kind::SQL_BATCH => batch(reader.rest())?,
        kind::RPC => rpc::read(&mut reader)?,
        kind::TRANSACTION => Body::Transaction(transaction_request(&mut reader)?),
        _ => return Err(invalid("packet type")),
    };
    Ok(Request { body, transaction, status: message.status })
}

fn batch(text: &[u8]) -> io::Result<Body> {
    if !text.len().is_multiple_of(2) {
        return Err(invalid("half a character"));
    }
    Ok(Body::Batch(wtf8::from_utf16le(text)))
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

fn transaction_request(reader: &mut Reader<'_>) -> io::Result<TransactionRequest> {
    Ok(match reader.u16()? {
        0 | 1 | 6 => TransactionRequest::Distributed,
        5 => {
            let (isolation, name) = beginning(reader)?;
            TransactionRequest::Begin(isolation, name)
        }
        7 => {
            let _name = name(reader)?;
            TransactionRequest::Commit(begin_again(reader)?)
        }
        8 => TransactionRequest::Rollback(name(reader)?, begin_again(reader)?),
        9 => TransactionRequest::Save(name(reader)?),
        _ => return Err(invalid("transaction request")),
    })
}

/// Names are `B_VARBYTE` here: their length is in bytes, unlike that of all other names (MS-TDS 2.2.6.9).
fn name(reader: &mut Reader<'_>) -> io::Result<String> {
    let bytes = usize::from(reader.u8()?);
    if !bytes.is_multiple_of(2) {
        return Err(invalid("name of a transaction"));
    }
    reader.text(bytes / 2)
}

fn beginning(reader: &mut Reader<'_>) -> io::Result<(Isolation, String)> {
    let isolation = reader.u8()?;
    if isolation > SNAPSHOT {
        return Err(invalid("isolation level"));
    }
    let name = if reader.is_empty() { String::new() } else { name(reader)? };
    Ok((isolation, name))
}

fn begin_again(reader: &mut Reader<'_>) -> io::Result<Option<(Isolation, String)>> {
    if reader.is_empty() || reader.u8()? & 1 == 0 {
        return Ok(None);
    }
    beginning(reader).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(payload: &[u8]) -> io::Result<TransactionRequest> {
        transaction_request(&mut Reader::new(payload))
    }

    #[test]
    fn names_of_transaction_requests_are_counted_in_bytes() {
        let save = [9, 0, 4, b'a', 0, b'b', 0];
        assert_eq!(request(&save).unwrap(), TransactionRequest::Save("ab".to_owned()));
        assert!(request(&[9, 0, 3, b'a', 0, b'b']).is_err());
    }

    #[test]
    fn a_commit_may_begin_again_at_another_level() {
        let plain = [7, 0, 0, 0];
        assert_eq!(request(&plain).unwrap(), TransactionRequest::Commit(None));
        let again = [7, 0, 0, 1, 5, 2, b'n', 0];
        let begin = Some((5, "n".to_owned()));
        assert_eq!(request(&again).unwrap(), TransactionRequest::Commit(begin));
        assert!(request(&[5, 0, 6, 0]).is_err());
    }

    #[test]
    fn headers_longer_than_the_request_are_refused() {
        let message = Message {
            kind: kind::SQL_BATCH,
            payload: vec![0xFF, 0xFF, 0xFF, 0x3F, 18, 0, 0, 0],
            ..Message::default()
        };
        assert!(read(&message).is_err());
    }
}
