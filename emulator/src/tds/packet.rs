//! Framing: eight bytes of header, messages that span packets in both directions (MS-TDS 2.2.3).

use std::io;
use std::ops::RangeInclusive;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Header of a packet.
pub const HEADER_BYTES: usize = 8;
/// Packet size until ENVCHANGE 4 says otherwise.
pub const PACKET_BYTES_DEFAULT: u16 = 4096;
/// Packet sizes that can be agreed on (MS-TDS 2.2.6.4).
pub const PACKET_BYTES: RangeInclusive<u16> = 512..=32_767;
/// A request larger than this ends the connection. SQL Server's own limit is 65,536 packets (documented); this server keeps a
/// request in memory, some of it twice.
pub const REQUEST_BYTES_MAX: usize = 64 << 20;
/// The same for what comes before the login is through: a login has at most some twenty fields of 128 characters.
pub const LOGIN_BYTES_MAX: usize = 128 << 10;

/// Last packet of a message.
pub const STATUS_END: u8 = 0x01;
/// The client gives the message up (MS-TDS 2.2.1.7); goes with [`STATUS_END`].
pub const STATUS_IGNORE: u8 = 0x02;
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
#[derive(Debug, Default)]
pub struct Message {
    /// Packet type.
    pub kind: u8,
    /// Status of its first packet.
    pub status: u8,
    /// The client has given it up: it is not to be looked at.
    pub ignored: bool,
    /// Payloads of its packets.
    pub payload: Vec<u8>,
}

/// How large what a client sends may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A packet, its header included.
    pub packet_bytes: usize,
    /// The payload of a message.
    pub message_bytes: usize,
}

impl Limits {
    /// Until the login is through. Some clients send it in packets of the size that they ask for.
    pub const LOGIN: Self =
        Self { packet_bytes: *PACKET_BYTES.end() as usize, message_bytes: LOGIN_BYTES_MAX };

    /// Afterwards, with the agreed packet size.
    pub fn session(packet_bytes: u16) -> Self {
        Self { packet_bytes: usize::from(packet_bytes), message_bytes: REQUEST_BYTES_MAX }
    }
}

/// Reads packets until the end of a message. `None`: the peer closed between two messages.
pub async fn read_message<R: AsyncRead + Unpin>(
    reader: &mut R,
    limits: Limits,
) -> io::Result<Option<Message>> {
    let mut message: Option<Message> = None;
    loop {
        let mut header = [0; HEADER_BYTES];
        if message.is_none() && reader.read(&mut header[..1]).await? == 0 {
            return Ok(None);
        }
        reader.read_exact(&mut header[usize::from(message.is_none())..]).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let body = length
            .checked_sub(HEADER_BYTES)
            .filter(|_| length <= limits.packet_bytes)
            .ok_or_else(|| invalid("packet length"))?;
        let message = message.get_or_insert_with(|| Message {
            kind: header[0],
            status: header[1],
            ..Message::default()
        });
        if message.kind != header[0] {
            return Err(invalid("packet inside a message"));
        }
        if message.payload.len() + body > limits.message_bytes {
            return Err(invalid("message over the limit"));
        }
        let start = message.payload.len();
        message.payload.resize(start + body, 0);
        reader.read_exact(&mut message.payload[start..]).await?;
        if header[1] & STATUS_END != 0 {
            message.ignored = header[1] & STATUS_IGNORE != 0;
            return Ok(Some(std::mem::take(message)));
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

    const LIMITS: Limits = Limits { packet_bytes: 512, message_bytes: 10_000 };

    async fn read(mut bytes: &[u8]) -> io::Result<Option<Message>> {
        read_message(&mut bytes, LIMITS).await
    }

    #[tokio::test]
    async fn a_message_in_several_packets_is_put_together() {
        let payload: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let mut bytes = Vec::new();
        frame_message(kind::SQL_BATCH, &payload, 512, &mut bytes);
        let message = read(&bytes).await.unwrap().unwrap();
        assert_eq!((message.kind, message.payload), (kind::SQL_BATCH, payload));
    }

    #[tokio::test]
    async fn a_length_below_the_header_or_over_the_agreed_size_is_refused() {
        assert!(read(&[1, 1, 0, 3, 0, 0, 1, 0]).await.is_err());
        let mut long = vec![1, 1, 2, 1, 0, 0, 1, 0];
        long.resize(513, 0);
        assert!(read(&long).await.is_err());
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_refused_before_its_end() {
        let mut bytes = Vec::new();
        for _ in 0..20 {
            frame_packet(kind::SQL_BATCH, false, 1, &[0; 504], &mut bytes);
        }
        let error = read(&bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_message_that_its_client_gave_up_says_so() {
        let mut bytes = Vec::new();
        frame_packet(kind::SQL_BATCH, false, 1, b"ab", &mut bytes);
        bytes.extend([kind::SQL_BATCH, STATUS_END | STATUS_IGNORE, 0, 8, 0, 0, 2, 0]);
        assert!(read(&bytes).await.unwrap().unwrap().ignored);
    }

    #[tokio::test]
    async fn a_close_inside_a_message_is_an_error_and_between_two_it_is_the_end() {
        assert!(read(&[]).await.unwrap().is_none());
        assert!(read(&[1, 1, 0]).await.is_err());
        assert!(read(&[1, 1, 0, 12, 0, 0, 1, 0, 5]).await.is_err());
    }
}
