//! Why a server does not start.

use std::path::PathBuf;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network.
    #[error("cannot listen: {0}")]
    Listen(#[source] std::io::Error),
    /// The data file.
    #[error("cannot open the database: {0}")]
    Database(String),
    /// A script, with the line at which it failed (0: the file could not be read).
    #[error("{}:{line}: {message}", path.display())]
    Script {
        /// File.
        path: PathBuf,
        /// Line, 1-based.
        line: u32,
        /// What the server said.
        message: String,
    },
    /// The certificate or its key.
    #[error("TLS: {0}")]
    Tls(String),
}
