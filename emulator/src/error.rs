//! Why a server does not start, or does not do what it is told.

use std::path::PathBuf;

/// Why a server does not start, or does not do what it is told.
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
    /// A backup or its restore.
    #[error("backup: {0}")]
    Backup(String),
    /// There is no server any more.
    #[error("the server has ended")]
    Ended,
}
