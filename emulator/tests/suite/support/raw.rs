//! A client that writes its own bytes: what tiberius cannot be made to send, and answers token by token.

use sqlgraph_emulator::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PASSWORD;
use super::tokens::{self, Token};

pub const BATCH: u8 = 0x01;
pub const RPC: u8 = 0x03;
pub const ATTENTION: u8 = 0x06;
pub const TRANSACTION: u8 = 0x0E;
pub const LOGIN: u8 = 0x10;
pub const PRELOGIN: u8 = 0x12;

pub const END: u8 = 0x01;
pub const IGNORE: u8 = 0x02;
pub const RESET: u8 = 0x08;
pub const RESET_KEEP_TRANSACTION: u8 = 0x10;

/// Encryption of the pre-login.
pub const NOT_SUPPORTED: u8 = 2;

pub struct Raw {
    pub socket: TcpStream,
    /// Descriptor that goes into the headers of every request.
    pub transaction: u64,
    /// Size of the packets that are sent.
    pub packet_bytes: usize,
    /// Lengths of the packets of the last answer.
    pub packets: Vec<usize>,
}

impl Raw {
    /// A connection on which nothing has been said.
    pub async fn open(server: &Server) -> Self {
        let socket = TcpStream::connect(server.addr()).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, transaction: 0, packet_bytes: 4096, packets: Vec::new() }
    }

    /// Logged in as `sa` without encryption, with a packet size.
    pub async fn log_in(server: &Server, packet_bytes: u16) -> Self {
        let mut raw = Self::open(server).await;
        raw.send(PRELOGIN, END, &prelogin(NOT_SUPPORTED)).await;
        raw.message().await;
        raw.send(LOGIN, END, &login("sa", PASSWORD, "Provenance", u32::from(packet_bytes))).await;
        let answer = raw.answer().await;
        assert!(answer.iter().any(|token| matches!(token, Token::LoginAck { .. })), "{answer:?}");
        raw.packet_bytes = usize::from(packet_bytes);
        raw
    }

    /// Sends a message in packets; `status` goes into the first, the end bit into the last.
    pub async fn send(&mut self, kind: u8, status: u8, payload: &[u8]) {
        let bytes = packets(kind, status, payload, self.packet_bytes);
        self.socket.write_all(&bytes).await.unwrap();
    }

    /// The payload of one message.
    pub async fn message(&mut self) -> Vec<u8> {
        let (mut payload, mut header) = (Vec::new(), [0; 8]);
        self.packets.clear();
        loop {
            self.socket.read_exact(&mut header).await.unwrap();
            assert_eq!(header[0], 0x04);
            assert!(header[1] <= 1, "status of an answer");
            let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
            self.packets.push(length);
            let start = payload.len();
            payload.resize(start + length - 8, 0);
            self.socket.read_exact(&mut payload[start..]).await.unwrap();
            if header[1] == 1 {
                return payload;
            }
        }
    }

    /// The tokens of one message. Descriptors of transactions are followed as clients do.
    pub async fn answer(&mut self) -> Vec<Token> {
        let tokens = tokens::read(&self.message().await);
        for token in &tokens {
            if let Token::Environment { kind: 8..=10, new, .. } = token {
                let new: Option<[u8; 8]> = new.as_slice().try_into().ok();
                self.transaction = new.map_or(0, u64::from_le_bytes);
            }
        }
        tokens
    }

    /// Sends a request with its headers and reads the answer.
    pub async fn request(&mut self, kind: u8, status: u8, body: &[u8]) -> Vec<Token> {
        let payload = [&headers(self.transaction)[..], body].concat();
        self.send(kind, status, &payload).await;
        self.answer().await
    }

    pub async fn batch(&mut self, sql: &str) -> Vec<Token> {
        self.request(BATCH, END, &utf16(sql)).await
    }

    pub async fn call(&mut self, call: &[u8]) -> Vec<Token> {
        self.request(RPC, END, call).await
    }

    /// Whether the server has closed the connection, which it does within seconds or never.
    pub async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let limit = std::time::Duration::from_secs(5);
        tokio::time::timeout(limit, self.socket.read_to_end(&mut rest)).await.is_ok()
    }
}

pub fn packets(kind: u8, status: u8, payload: &[u8], packet_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = payload.len().div_ceil(packet_bytes - 8).max(1);
    for at in 0..count {
        let start = at * (packet_bytes - 8);
        let part = &payload[start..payload.len().min(start + packet_bytes - 8)];
        let first = if at == 0 { status & !END } else { 0 };
        let last = if at + 1 == count { status & (END | IGNORE) } else { 0 };
        let length = u16::try_from(part.len() + 8).unwrap().to_be_bytes();
        bytes.extend([kind, first | last, length[0], length[1], 0, 0, 1, 0]);
        bytes.extend_from_slice(part);
    }
    bytes
}

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// VERSION, ENCRYPTION and THREADID.
pub fn prelogin(encryption: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 3, 0, 23, 0, 4, 0xFF];
    bytes.extend([16, 0, 0, 0, 0, 0, encryption, 1, 2, 3, 4]);
    bytes
}

pub fn login(user: &str, password: &str, database: &str, packet_bytes: u32) -> Vec<u8> {
    let mut bytes = vec![0; 94];
    bytes[4..8].copy_from_slice(&0x7400_0004_u32.to_le_bytes());
    bytes[8..12].copy_from_slice(&packet_bytes.to_le_bytes());
    let hidden: Vec<u8> = utf16(password).iter().map(|byte| byte.rotate_left(4) ^ 0xA5).collect();
    let fields = [
        (36, utf16("host")),
        (40, utf16(user)),
        (44, hidden),
        (48, utf16("raw")),
        (52, Vec::new()),
        (56, Vec::new()),
        (60, Vec::new()),
        (64, Vec::new()),
        (68, utf16(database)),
        (78, Vec::new()),
        (82, Vec::new()),
        (86, Vec::new()),
    ];
    for (place, value) in fields {
        let offset = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        let units = u16::try_from(value.len() / 2).unwrap().to_le_bytes();
        bytes[place..place + 4].copy_from_slice(&[offset[0], offset[1], units[0], units[1]]);
        bytes.extend(value);
    }
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    bytes[..4].copy_from_slice(&length);
    bytes
}

/// `ALL_HEADERS` with a transaction descriptor.
pub fn headers(transaction: u64) -> Vec<u8> {
    let mut bytes = vec![22, 0, 0, 0, 18, 0, 0, 0, 2, 0];
    bytes.extend(transaction.to_le_bytes());
    bytes.extend([1, 0, 0, 0]);
    bytes
}

/// A call by number; parameters follow.
pub fn numbered(procedure: u8) -> Vec<u8> {
    vec![0xFF, 0xFF, procedure, 0, 0, 0]
}

/// A call by name; parameters follow.
pub fn named(procedure: &str) -> Vec<u8> {
    let units = u16::try_from(procedure.len()).unwrap().to_le_bytes();
    [&units[..], &utf16(procedure), &[0, 0]].concat()
}

/// A parameter: name, whether it is for output, `TYPE_INFO` and value.
pub fn parameter(name: &str, output: bool, info: &[u8], value: &[u8]) -> Vec<u8> {
    let units = u8::try_from(name.encode_utf16().count()).unwrap();
    [&[units][..], &utf16(name), &[u8::from(output)], info, value].concat()
}

pub const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// An `nvarchar(4000)` without a name.
pub fn text(value: &str) -> Vec<u8> {
    let info = [&[0xE7, 0x40, 0x1F][..], &COLLATION].concat();
    let bytes = utf16(value);
    let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
    parameter("", false, &info, &[&length[..], &bytes].concat())
}

/// An `int`.
pub fn int(name: &str, output: bool, value: Option<i32>) -> Vec<u8> {
    let bytes = value.map_or_else(|| vec![0], |value| [&[4][..], &value.to_le_bytes()].concat());
    parameter(name, output, &[0x26, 4], &bytes)
}
