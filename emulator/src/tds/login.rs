//! LOGIN7 (MS-TDS 2.2.6.4).

use std::io;

use super::packet::{PACKET_BYTES, PACKET_BYTES_DEFAULT, invalid};
use super::reader::Reader;
use crate::values::wtf8;

/// What the server needs of a login.
#[derive(Debug)]
pub struct Login {
    /// The highest version that the client speaks.
    pub version: u32,
    /// Packet size: what the client asks for, as far as the protocol allows it.
    pub packet_bytes: u16,
    /// Login name.
    pub user: String,
    /// Password in clear text.
    pub password: String,
    /// Database asked for, or empty.
    pub database: String,
    /// Name of the application.
    pub application: String,
    /// Name of the client's machine.
    pub host: String,
    /// The client wants to log in with Windows.
    pub integrated: bool,
}

/// Places of the offset table.
mod place {
    pub const VERSION: usize = 4;
    pub const OPTION_FLAGS_2: usize = 25;
    pub const HOST: usize = 36;
    pub const USER: usize = 40;
    pub const PASSWORD: usize = 44;
    pub const APPLICATION: usize = 48;
    pub const DATABASE: usize = 68;
}

const INTEGRATED_SECURITY: u8 = 0x80;

/// Reads a login.
pub fn read(payload: &[u8]) -> io::Result<Login> {
    let flags = *payload.get(place::OPTION_FLAGS_2).ok_or_else(|| invalid("short login"))?;
    let mut sizes = Reader::new(payload.get(place::VERSION..).unwrap_or_default());
    Ok(Login {
        version: sizes.u32()?,
        packet_bytes: agreed_size(sizes.u32()?),
        user: text_at(payload, place::USER)?,
        password: password_at(payload)?,
        database: text_at(payload, place::DATABASE)?,
        application: text_at(payload, place::APPLICATION)?,
        host: text_at(payload, place::HOST)?,
        integrated: flags & INTEGRATED_SECURITY != 0,
    })
}

/// 0 stands for the default; what is out of range becomes the nearest size that is not (MS-TDS 2.2.6.4).
fn agreed_size(asked: u32) -> u16 {
    if asked == 0 {
        return PACKET_BYTES_DEFAULT;
    }
    let asked = u16::try_from(asked).unwrap_or(u16::MAX);
    asked.clamp(*PACKET_BYTES.start(), *PACKET_BYTES.end())
}

fn field(payload: &[u8], place: usize) -> io::Result<&[u8]> {
    let mut entry = Reader::new(payload.get(place..).unwrap_or_default());
    let offset = usize::from(entry.u16()?);
    let bytes = usize::from(entry.u16()?) * 2;
    payload.get(offset..offset + bytes).ok_or_else(|| invalid("login field"))
}

fn text_at(payload: &[u8], place: usize) -> io::Result<String> {
    let text = wtf8::from_utf16le(field(payload, place)?);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The password is obfuscated: each byte with its nibbles swapped, then XOR 0xA5.
fn password_at(payload: &[u8]) -> io::Result<String> {
    let clear: Vec<u8> =
        field(payload, place::PASSWORD)?.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
    Ok(String::from_utf8_lossy(&wtf8::from_utf16le(&clear)).into_owned())
}
