//! Bolt messages: chunks of a 16-bit length each, ended by an empty chunk.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

pub const GOODBYE: u8 = 0x02;
pub const RESET: u8 = 0x0F;
pub const RUN: u8 = 0x10;
pub const BEGIN: u8 = 0x11;
pub const COMMIT: u8 = 0x12;
pub const ROLLBACK: u8 = 0x13;
pub const DISCARD: u8 = 0x2F;
pub const PULL: u8 = 0x3F;
const RECORD: u8 = 0x71;
const IGNORED: u8 = 0x7E;
const FAILURE: u8 = 0x7F;

const READ_BYTES: usize = 256 * 1024;

/// A whole message, as it is on the wire.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub raw: &'a [u8],
}

impl Message<'_> {
    /// What it is: the byte after the structure's marker.
    pub fn tag(&self) -> u8 {
        self.payload().nth(1).unwrap()
    }

    /// Whether it ends the answer to a request; only records do not.
    pub fn is_summary(&self) -> bool {
        self.tag() != RECORD
    }

    /// The text of a RUN.
    pub fn statement(&self) -> Option<String> {
        let mut bytes = self.payload().skip(1);
        if bytes.next()? != RUN {
            return None;
        }
        let marker = bytes.next()?;
        let length_bytes = match marker {
            0x80..=0x8F => 0,
            0xD0 => 1,
            0xD1 => 2,
            0xD2 => 4,
            other => panic!("a statement is no string: {other:x}"),
        };
        let tiny = usize::from(if length_bytes == 0 { marker & 0x0F } else { 0 });
        let length = (0..length_bytes)
            .fold(tiny, |length, _| length << 8 | usize::from(bytes.next().unwrap()));
        Some(String::from_utf8(bytes.take(length).collect()).unwrap())
    }

    fn payload(&self) -> impl Iterator<Item = u8> {
        let mut rest = self.raw;
        std::iter::from_fn(move || {
            let (chunk, after) = rest[2..].split_at(length(rest)?);
            rest = after;
            Some(chunk.iter().copied())
        })
        .take_while(|chunk| chunk.len() > 0)
        .flatten()
    }
}

fn length(chunk: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes([*chunk.first()?, *chunk.get(1)?])))
}

/// Cuts what one side sends into messages.
pub struct Framer<R> {
    from: R,
    buffer: Vec<u8>,
    /// Where the next message begins, and how far its chunks are known to be whole.
    start: usize,
    scanned: usize,
}

impl<R: AsyncRead + Unpin> Framer<R> {
    pub fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), start: 0, scanned: 0 }
    }

    /// The next message, if all of it was read already.
    pub fn buffered(&mut self) -> Option<Message<'_>> {
        loop {
            let size = length(self.buffer.get(self.scanned..)?)?;
            if self.scanned + 2 + size > self.buffer.len() {
                return None;
            }
            self.scanned += 2 + size;
            if size == 0 {
                let message = self.start..self.scanned;
                self.start = self.scanned;
                // An empty chunk between messages only keeps a connection alive.
                if message.len() > 2 {
                    return Some(Message { raw: &self.buffer[message] });
                }
            }
        }
    }

    /// Reads more; nothing is lost if it is dropped.
    ///
    /// # Errors
    /// Also the end of the stream.
    pub async fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.reserve(READ_BYTES);
        match self.from.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// All messages of one answer: records and their summary, at most a few MB.
    pub async fn answer(&mut self) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        loop {
            match self.buffered() {
                Some(message) => {
                    answer.extend_from_slice(message.raw);
                    if message.is_summary() {
                        return Ok(answer);
                    }
                }
                None => self.fill().await?,
            }
        }
    }
}

/// The request RESET.
pub fn reset() -> Vec<u8> {
    chunked(&[0xB0, RESET])
}

/// The answer to what follows a failure.
pub fn ignored() -> Vec<u8> {
    chunked(&[0xB0, IGNORED])
}

/// The answer FAILURE; together less than 64 KiB.
pub fn failure(code: &str, message: &str) -> Vec<u8> {
    let mut payload = vec![0xB1, FAILURE, 0xA2];
    for text in ["code", code, "message", message] {
        payload.push(0xD1);
        payload.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        payload.extend_from_slice(text.as_bytes());
    }
    chunked(&payload)
}

fn chunked(payload: &[u8]) -> Vec<u8> {
    let mut raw = u16::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    raw.extend_from_slice(payload);
    raw.extend_from_slice(&[0, 0]);
    raw
}
