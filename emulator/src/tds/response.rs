//! Answers: tokens, packed into packets and handed to the socket as they fill (MS-TDS 2.2.7).

use std::io;

use tokio::sync::mpsc;

use super::packet::{HEADER_BYTES, frame_packet, kind};
use super::{SERVER_PRODUCT, encode, type_info};
use crate::sql::error::SqlError;
use crate::values::{SqlType, Value};

/// Bytes that are gathered before they go to the socket in one piece.
const CHUNK_BYTES: usize = 64 << 10;

const TDS_7_4: u32 = 0x7400_0004;
const TDS_8_0: u32 = 0x0800_0000;

mod token {
    pub const RETURN_STATUS: u8 = 0x79;
    pub const COLUMNS: u8 = 0x81;
    pub const ERROR: u8 = 0xAA;
    pub const INFO: u8 = 0xAB;
    pub const RETURN_VALUE: u8 = 0xAC;
    pub const LOGIN_ACK: u8 = 0xAD;
    pub const ROW: u8 = 0xD1;
    pub const ENV_CHANGE: u8 = 0xE3;
    pub const DONE: u8 = 0xFD;
    pub const DONE_PROC: u8 = 0xFE;
    pub const DONE_IN_PROC: u8 = 0xFF;
}

mod done_status {
    pub const MORE: u16 = 0x01;
    pub const ERROR: u16 = 0x02;
    pub const COUNT: u16 = 0x10;
    pub const ATTENTION: u16 = 0x20;
    /// A call of a request with several, but not the last (MS-TDS 2.2.7.7).
    pub const IN_BATCH: u16 = 0x80;
}

/// A column of a result.
#[derive(Clone, Debug)]
pub struct OutColumn {
    /// Name, may be empty.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Whether NULL may come.
    pub nullable: bool,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a column comes from: COLMETADATA flags (observed, probed.md 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A column of a table.
    Column,
    /// An identity column.
    Identity,
    /// A computed column or a scalar expression.
    Expression,
    /// Aggregate, window function, set operation.
    Derived,
}

impl Origin {
    fn flag(self) -> u16 {
        match self {
            Self::Column => 0x08,
            Self::Identity => 0x10,
            Self::Expression => 0x20,
            Self::Derived => 0x00,
        }
    }
}

/// A change of the client's environment.
#[derive(Clone, Debug)]
pub enum EnvChange {
    /// Database: new, old.
    Database(String, String),
    /// Language.
    Language(String),
    /// Packet size: new, old.
    PacketBytes(u16, u16),
    /// Collation.
    Collation,
    /// A transaction begins.
    Begin(u64),
    /// It commits.
    Commit(u64),
    /// It rolls back.
    Rollback(u64),
    /// The connection was reset.
    Reset,
}

/// End of a statement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// What kind of statement (observed, probed.md 8).
    pub command: u16,
    /// Rows, where the statement counts them.
    pub rows: Option<u64>,
    /// Whether it failed.
    pub failed: bool,
}

#[derive(Clone, Copy)]
struct PendingDone {
    token: u8,
    done: Done,
    /// Whether the count is marked as one: it is always sent, but does not count under NOCOUNT (observed: captures).
    counted: bool,
    /// One of several calls, not the last.
    in_batch: bool,
    attention: bool,
}

impl PendingDone {
    fn new(token: u8, done: Done) -> Self {
        Self { token, done, counted: false, in_batch: false, attention: false }
    }
}

/// Writes one answer after another to a connection.
#[derive(Debug)]
pub struct Response {
    sender: mpsc::Sender<Vec<u8>>,
    packet_bytes: usize,
    packet_id: u8,
    payload: Vec<u8>,
    framed: Vec<u8>,
    pending: Option<PendingDone>,
    procedure_depth: u32,
    no_count: bool,
    /// Columns have been sent and their statement has not ended.
    has_columns: bool,
    closed: bool,
}

impl std::fmt::Debug for PendingDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PendingDone(0x{:02X})", self.token)
    }
}

impl Response {
    /// Answers go to `sender`.
    pub fn new(sender: mpsc::Sender<Vec<u8>>, packet_bytes: u16) -> Self {
        Self {
            sender,
            packet_bytes: usize::from(packet_bytes),
            packet_id: 1,
            payload: Vec::new(),
            framed: Vec::new(),
            pending: None,
            procedure_depth: 0,
            no_count: false,
            has_columns: false,
            closed: false,
        }
    }

    /// Whether the client is gone.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// From the next message on, packets have this size.
    pub fn set_packet_bytes(&mut self, packet_bytes: u16) {
        self.packet_bytes = usize::from(packet_bytes);
    }

    /// What is full goes out between two tokens, so that an answer of any length takes little room.
    fn token(&mut self, token: u8) {
        self.flush_done(true);
        self.send_if_full();
        self.payload.push(token);
    }

    fn send_if_full(&mut self) {
        if self.payload.len() >= CHUNK_BYTES {
            self.frame_full();
        }
    }

    fn u16(&mut self, value: usize) {
        self.payload.extend(u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
    }

    fn short_text(&mut self, text: &str) {
        let units: Vec<u16> = text.encode_utf16().take(255).collect();
        self.payload.push(u8::try_from(units.len()).unwrap_or(u8::MAX));
        self.payload.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }

    /// Fills in the two-byte length of a token that began at `start`.
    fn close_token(&mut self, start: usize) {
        let length = u16::try_from(self.payload.len() - start - 2).unwrap_or(u16::MAX);
        self.payload[start..start + 2].copy_from_slice(&length.to_le_bytes());
    }

    fn open_token(&mut self, token: u8) -> usize {
        self.token(token);
        let start = self.payload.len();
        self.payload.extend([0, 0]);
        start
    }

    /// NOCOUNT of the session.
    pub fn set_no_count(&mut self, on: bool) {
        self.no_count = on;
    }

    /// COLMETADATA.
    pub fn columns(&mut self, columns: &[OutColumn]) {
        self.token(token::COLUMNS);
        self.has_columns = true;
        self.u16(columns.len());
        for column in columns {
            self.payload.extend([0; 4]);
            let flags = column.origin.flag() | u16::from(column.nullable);
            self.payload.extend(flags.to_le_bytes());
            type_info::write(column.sql_type, column.nullable, &mut self.payload);
            self.short_text(&column.name);
        }
    }

    /// A row, value by value from `SQLite`.
    pub fn row(&mut self, row: &rusqlite::Row<'_>, columns: &[OutColumn]) -> io::Result<()> {
        self.token(token::ROW);
        for (at, column) in columns.iter().enumerate() {
            let cell = row.get_ref(at).map_err(io::Error::other)?;
            encode::write(cell, column.sql_type, column.nullable, &mut self.payload)?;
        }
        Ok(())
    }

    /// An error.
    pub fn error(&mut self, error: &SqlError, server: &str) {
        self.message(token::ERROR, error, server);
    }

    /// A message that is no error.
    pub fn info(&mut self, info: &SqlError, server: &str) {
        self.message(token::INFO, info, server);
    }

    fn message(&mut self, token: u8, message: &SqlError, server: &str) {
        let start = self.open_token(token);
        self.payload.extend(message.number.to_le_bytes());
        self.payload.extend([message.state, message.class]);
        let units: Vec<u16> = message.message.encode_utf16().take(4000).collect();
        self.u16(units.len());
        self.payload.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        self.short_text(server);
        self.short_text("");
        self.payload.extend(message.line.max(1).to_le_bytes());
        self.close_token(start);
    }

    /// An ENVCHANGE.
    pub fn environment(&mut self, change: &EnvChange) {
        let start = self.open_token(token::ENV_CHANGE);
        match change {
            EnvChange::Database(new, old) => self.text_change(1, new, old),
            EnvChange::Language(new) => self.text_change(2, new, ""),
            EnvChange::PacketBytes(new, old) => {
                self.text_change(4, &new.to_string(), &old.to_string());
            }
            EnvChange::Collation => self.bytes_change(7, &type_info::COLLATION, &[]),
            EnvChange::Begin(id) => self.bytes_change(8, &id.to_le_bytes(), &[]),
            EnvChange::Commit(id) => self.bytes_change(9, &[], &id.to_le_bytes()),
            EnvChange::Rollback(id) => self.bytes_change(10, &[], &id.to_le_bytes()),
            EnvChange::Reset => self.bytes_change(18, &[], &[]),
        }
        self.close_token(start);
    }

    fn text_change(&mut self, kind: u8, new: &str, old: &str) {
        self.payload.push(kind);
        self.short_text(new);
        self.short_text(old);
    }

    fn bytes_change(&mut self, kind: u8, new: &[u8], old: &[u8]) {
        self.payload.push(kind);
        for bytes in [new, old] {
            self.payload.push(u8::try_from(bytes.len()).unwrap_or(0));
            self.payload.extend_from_slice(bytes);
        }
    }

    /// LOGINACK: T-SQL interface; TDS 8.0 to a client that asks for it, else 7.4.
    pub fn login_ack(&mut self, asked: u32) {
        let start = self.open_token(token::LOGIN_ACK);
        self.payload.push(1);
        let version = if asked == TDS_8_0 { TDS_8_0 } else { TDS_7_4 };
        self.payload.extend(version.to_be_bytes());
        self.short_text(SERVER_PRODUCT);
        self.payload.extend(super::VERSION_BYTES);
        self.close_token(start);
    }

    /// The value of an output parameter, which stood at `place` among the parameters of the call, counted from 0.
    pub fn return_value(
        &mut self,
        place: usize,
        name: &str,
        sql_type: SqlType,
        value: &Value,
    ) -> io::Result<()> {
        self.token(token::RETURN_VALUE);
        self.u16(place);
        self.short_text(name);
        self.payload.push(1);
        self.payload.extend([0; 4]);
        self.payload.extend([0; 2]);
        type_info::write(sql_type, true, &mut self.payload);
        encode::write(value.as_ref(), sql_type, true, &mut self.payload)
    }

    /// A procedure begins: statements end with DONEINPROC until [`end_procedure`](Self::end_procedure).
    pub fn begin_procedure(&mut self) {
        self.procedure_depth += 1;
    }

    /// Return status of a procedure. That of a procedure inside another does not reach the client (observed, captures).
    pub fn return_status(&mut self, status: i32) {
        if self.procedure_depth == 1 {
            self.token(token::RETURN_STATUS);
            self.payload.extend(status.to_le_bytes());
        }
    }

    /// The procedure ends.
    pub fn end_procedure(&mut self, failed: bool) {
        self.procedure_depth = self.procedure_depth.saturating_sub(1);
        let done = Done { command: super::connection::command::EXECUTE, rows: None, failed };
        if self.procedure_depth > 0 {
            return self.done(done);
        }
        self.flush_done(true);
        self.has_columns = false;
        self.pending = Some(PendingDone::new(token::DONE_PROC, done));
    }

    /// The call that has just ended is followed by another one in the same request.
    pub fn next_call(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.in_batch = true;
        }
    }

    /// A statement ends. Under NOCOUNT those in a procedure are left out, unless rows or an error went before (observed,
    /// captures).
    pub fn done(&mut self, done: Done) {
        let has_columns = std::mem::take(&mut self.has_columns);
        let in_procedure = self.procedure_depth > 0;
        if in_procedure && self.no_count && !has_columns && !done.failed {
            return;
        }
        self.flush_done(true);
        self.send_if_full();
        let token = if in_procedure { token::DONE_IN_PROC } else { token::DONE };
        let counted = done.rows.is_some() && !self.no_count;
        self.pending = Some(PendingDone { counted, ..PendingDone::new(token, done) });
    }

    fn flush_done(&mut self, more: bool) {
        let Some(PendingDone { token, done, counted, in_batch, attention }) = self.pending.take()
        else {
            return;
        };
        let mut status = if more { done_status::MORE } else { 0 };
        if done.failed {
            status |= done_status::ERROR;
        }
        if counted {
            status |= done_status::COUNT;
        }
        if in_batch {
            status |= done_status::IN_BATCH;
        }
        if attention {
            status |= done_status::ATTENTION;
        }
        self.payload.push(token);
        self.payload.extend(status.to_le_bytes());
        self.payload.extend(done.command.to_le_bytes());
        self.payload.extend(done.rows.unwrap_or(0).to_le_bytes());
    }

    /// Ends the message, after an attention with its acknowledgement.
    pub fn finish(&mut self, attention: bool) {
        if attention {
            self.flush_done(true);
            let done = PendingDone::new(token::DONE, Done::default());
            self.pending = Some(PendingDone { attention: true, ..done });
        } else if self.pending.is_none() {
            self.procedure_depth = 0;
            self.done(Done { command: super::connection::command::BATCH, ..Done::default() });
        }
        self.flush_done(false);
        self.procedure_depth = 0;
        self.has_columns = false;
        self.frame_full();
        frame_packet(kind::RESPONSE, true, self.packet_id, &self.payload, &mut self.framed);
        self.payload.clear();
        self.packet_id = 1;
        self.send();
    }

    /// Puts whole packets aside; the last one waits, since it may be the message's end.
    fn frame_full(&mut self) {
        let room = self.packet_bytes - HEADER_BYTES;
        let mut at = 0;
        while self.payload.len() - at > room {
            let packet = &self.payload[at..at + room];
            frame_packet(kind::RESPONSE, false, self.packet_id, packet, &mut self.framed);
            self.packet_id = self.packet_id.wrapping_add(1);
            at += room;
        }
        self.payload.drain(..at);
        if self.framed.len() >= CHUNK_BYTES / 2 {
            self.send();
        }
    }

    fn send(&mut self) {
        let bytes = std::mem::take(&mut self.framed);
        if !bytes.is_empty() && self.sender.blocking_send(bytes).is_err() {
            self.closed = true;
        }
    }
}
