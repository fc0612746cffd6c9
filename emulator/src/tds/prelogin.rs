//! PRELOGIN: version and encryption (MS-TDS 2.2.6.5).

use std::io;

use super::packet::invalid;

/// What a side says about encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// For the login only.
    Off,
    /// For everything.
    On,
    /// Not at all.
    NotSupported,
}

impl Encryption {
    fn byte(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::NotSupported => 2,
        }
    }

    /// What both sides do, given what the client says and whether the server has a certificate.
    pub fn agreed(client: Self, server_has_tls: bool) -> Self {
        if server_has_tls { client } else { Self::NotSupported }
    }
}

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const MARS: u8 = 4;
const END: u8 = 0xFF;

/// What the client says about encryption.
pub fn read(payload: &[u8]) -> io::Result<Encryption> {
    let mut at = 0;
    while let Some(&option) = payload.get(at) {
        if option == END {
            break;
        }
        let field = payload.get(at + 1..at + 5).ok_or_else(|| invalid("prelogin option"))?;
        let offset = usize::from(u16::from_be_bytes([field[0], field[1]]));
        if option == ENCRYPTION {
            return match payload.get(offset) {
                Some(0) => Ok(Encryption::Off),
                Some(1 | 3) => Ok(Encryption::On),
                Some(2) => Ok(Encryption::NotSupported),
                _ => Err(invalid("prelogin encryption")),
            };
        }
        at += 5;
    }
    Ok(Encryption::NotSupported)
}

/// The answer. No THREADID, which clients check, and MARS refused.
pub fn answer(encryption: Encryption) -> Vec<u8> {
    let [major, minor, build_high, build_low] = super::VERSION_BYTES;
    let options: [(u8, &[u8]); 4] = [
        (VERSION, &[major, minor, build_high, build_low, 0, 0]),
        (ENCRYPTION, &[encryption.byte()]),
        (INSTANCE, &[0]),
        (MARS, &[0]),
    ];
    let mut head = Vec::new();
    let mut body = Vec::new();
    let start = options.len() * 5 + 1;
    for (option, value) in options {
        let offset = u16::try_from(start + body.len()).unwrap_or(0).to_be_bytes();
        let length = u16::try_from(value.len()).unwrap_or(0).to_be_bytes();
        head.extend([option, offset[0], offset[1], length[0], length[1]]);
        body.extend_from_slice(value);
    }
    head.push(END);
    head.extend(body);
    head
}
