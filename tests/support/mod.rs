//! What tests share: a real Neo4j, an emulated SQL Server with the shipped schema, and both sides
//! read another way than provsync reads them.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs
)]

pub mod bolt_proxy;
pub mod debian;
pub mod graph;
pub mod networkx;
pub mod permission;
pub mod program;
pub mod python;
mod random;
pub mod raw;
pub mod run;
pub mod scenario;
pub mod server;
pub mod source;
pub mod stand;
pub mod tcp_proxy;
pub mod truth;
pub mod verify;
pub mod worker;
pub mod writer;

use std::sync::Once;

pub use random::{Random, seed};

/// TLS needs one provider for the whole process; both drivers bring one.
pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
