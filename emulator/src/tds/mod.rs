//! The wire: TDS 7.4 as MS-TDS describes it and as real clients check it.

pub mod connection;
mod handshake;
pub mod login;
pub(crate) mod packet;
mod prelogin;
mod reader;
pub mod request;
pub mod response;
mod type_info;
mod value;

/// Version that the server gives itself: SQL Server 2022, 16.0.1000.
pub const VERSION_BYTES: [u8; 4] = [16, 0, 0x03, 0xE8];
/// Name in LOGINACK.
pub const SERVER_PRODUCT: &str = "Microsoft SQL Server";
