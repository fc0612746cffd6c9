//! The wire: TDS 7.4 as MS-TDS describes it and as real clients check it.

pub mod connection;
mod decode;
mod encode;
mod handshake;
pub mod login;
pub(crate) mod packet;
mod prelogin;
mod reader;
pub mod request;
pub mod response;
pub mod rpc;
mod type_info;

use std::io;

use request::Body;

/// Reads the payload of a client's message of a packet type, and the statements in it, as a connection would. The error is what
/// would end that connection; what the server answers with an ERROR is none.
pub fn read_payload(kind: u8, payload: &[u8]) -> io::Result<()> {
    match kind {
        packet::kind::PRELOGIN => prelogin::read(payload).map(drop),
        packet::kind::LOGIN7 => login::read(payload).map(drop),
        _ => {
            let message = packet::Message { kind, payload: payload.to_vec(), ..Default::default() };
            if let Body::Batch(text) = request::read(&message)?.body {
                let _ = crate::sql::parse_batch(&text, &|_| true);
            }
            Ok(())
        }
    }
}

/// Version that the server gives itself: SQL Server 2022, 16.0.1000.
pub const VERSION_BYTES: [u8; 4] = [16, 0, 0x03, 0xE8];
/// Name in LOGINACK.
pub const SERVER_PRODUCT: &str = "Microsoft SQL Server";
