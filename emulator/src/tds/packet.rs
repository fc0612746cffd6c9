//! Framing: eight bytes of header, messages that span packets in both directions (MS-TDS 2.2.3).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Header of a packet.
pub const HEADER_BYTES: usize = 8;
/// Packet size until ENVCHANGE 4 says otherwise.
pub const PACKET_BYTES_DEFAULT: u16 = 4096;
/// A request larger than this ends the connection.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Last packet of a message.
pub const STATUS_END: u8 = 0x01;
/// Reset the connection before the request.
pub const STATUS_RESET: u8 = 0x08;
/// The same, keeping the transaction.
pub const STATUS_RESET_KEEP_TRANSACTION: u8 = 0x10;

/// Packet types.
pub mod kind {
    /// Text.
    pub const SQL_BATCH: u8 = 0x01;
    /// Remote procedure call.
    pub const RPC: u8 = 0x03;
    /// Every answer.
    pub const RESPONSE: u8 = 0x04;
    /// Stop what is running.
    pub const ATTENTION: u8 = 0x06;
    /// Begin, commit, roll back, save.
    pub const TRANSACTION: u8 = 0x0E;
    /// Login.
    pub const LOGIN7: u8 = 0x10;
    /// Pre-login, and TLS records of the handshake.
    pub const PRELOGIN: u8 = 0x12;
}

/// A whole request.
#[derive(Debug)]
pub struct Message {
    /// Packet type.
    pub kind: u8,
    /// Status of its first packet.
    pub status: u8,
    /// Payloads of its packets.
    pub payload: Vec<u8>,
}

/// Reads packets until the end of a message. `None`: the peer closed between two messages.
pub async fn read_message<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Option<Message>> {
    let mut message: Option<Message> = None;
    loop {
        let mut header = [0; HEADER_BYTES];
        if let Err(error) = reader.read_exact(&mut header).await {
            let closed = error.kind() == io::ErrorKind::UnexpectedEof && message.is_none();
            return if closed { Ok(None) } else { Err(error) };
        }
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let body = length.checked_sub(HEADER_BYTES).ok_or_else(|| invalid("packet length"))?;
        let message = message.get_or_insert_with(|| Message {
            kind: header[0],
            status: header[1],
            payload: Vec::new(),
        });
        if message.kind != header[0] || message.payload.len() + body > MESSAGE_BYTES_MAX {
            return Err(invalid("packet inside a message"));
        }
        let start = message.payload.len();
        message.payload.resize(start + body, 0);
        reader.read_exact(&mut message.payload[start..]).await?;
        if header[1] & STATUS_END != 0 {
            let whole =
                std::mem::replace(message, Message { kind: 0, status: 0, payload: Vec::new() });
            return Ok(Some(whole));
        }
    }
}

/// Writes the payload as packets of one message to `out`.
pub fn frame_message(kind: u8, payload: &[u8], packet_bytes: usize, out: &mut Vec<u8>) {
    let room = packet_bytes - HEADER_BYTES;
    let mut chunks = payload.chunks(room).peekable();
    let mut id = 1;
    if chunks.peek().is_none() {
        frame_packet(kind, true, id, &[], out);
    }
    while let Some(chunk) = chunks.next() {
        frame_packet(kind, chunks.peek().is_none(), id, chunk, out);
        id = id.wrapping_add(1);
    }
}

/// Writes one packet to `out`.
pub fn frame_packet(kind: u8, last: bool, id: u8, payload: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(payload.len() + HEADER_BYTES).unwrap_or(u16::MAX).to_be_bytes();
    out.extend([kind, u8::from(last), length[0], length[1], 0, 0, id, 0]);
    out.extend_from_slice(payload);
}

/// An I/O error for bytes that break the protocol.
pub fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("protocol violation: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_in_several_packets_is_put_together() {
        let payload: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let mut bytes = Vec::new();
        frame_message(kind::SQL_BATCH, &payload, 512, &mut bytes);
        let message = read_message(&mut bytes.as_slice()).await.unwrap().unwrap();
        assert_eq!((message.kind, message.payload), (kind::SQL_BATCH, payload));
    }

    #[tokio::test]
    async fn a_length_below_the_header_is_refused() {
        let bytes = [1, 1, 0, 3, 0, 0, 1, 0];
        assert!(read_message(&mut bytes.as_slice()).await.is_err());
    }
}
