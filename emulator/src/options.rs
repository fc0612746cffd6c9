//! How a server is started.

use std::path::PathBuf;

/// Where the data are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Data {
    /// Nowhere that outlives the server.
    #[default]
    Memory,
    /// In a file, made if it is not there.
    File(PathBuf),
}

/// Whether connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    Off,
    /// With a certificate made at the start, for `localhost` and `127.0.0.1`.
    #[default]
    SelfSigned,
    /// With a certificate of one's own.
    Files {
        /// PEM, the server's certificate first.
        cert: PathBuf,
        /// PEM.
        key: PathBuf,
    },
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the data are.
    pub data: Data,
    /// `.sql` files, or directories of them, that run before the server listens; split at GO.
    pub init: Vec<PathBuf>,
    /// Password of the login `sa`.
    pub sa_password: String,
    /// Encryption.
    pub tls: Tls,
    /// Name of the one user database.
    pub database: String,
    /// A directory in which every text that was accepted is kept once, so that another parser can be asked about it.
    pub record: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: Data::default(),
            init: Vec::new(),
            sa_password: String::new(),
            tls: Tls::default(),
            database: "Provenance".to_owned(),
            record: None,
        }
    }
}
