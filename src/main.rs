//! `provsync`: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use provsync::cli::{self, Cli};

fn main() -> ExitCode {
    // Both drivers bring rustls, each with another provider: with none chosen, Neo4j's would panic
    // at the first address with TLS. An error only says that one is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::main(&Cli::parse())
}
