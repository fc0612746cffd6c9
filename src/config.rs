//! Configuration: `provsync.toml` < environment `PROVSYNC_…` < flags.
//!
//! What was typed ([`Overrides`], variables, the file) and what was checked ([`Config`]) are two
//! kinds of types. Every fault is reported at once, with the file and line, variable or flag.

mod certificates;
mod check;
mod flags;
mod layers;
mod secret;
mod uri;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use flags::Overrides;
pub use secret::Secret;

use crate::error::{Error, Result};
use crate::mapping::{Mapping, parse};

/// Everything that a run over both sides needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The source database.
    pub source: SourceConfig,
    /// The graph database.
    pub graph: GraphConfig,
    /// Limits of a full, and of every page and transaction.
    pub full: FullConfig,
    /// The continuous worker.
    pub sync: SyncConfig,
    /// Where the mapping is; the embedded one if nowhere.
    pub mapping: Option<PathBuf>,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// The continuous worker.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// Pause between two polls after a change.
    pub poll_min: Duration,
    /// Pause between two polls when nothing has changed for a while.
    pub poll_max: Duration,
    /// How often the worker says that it lives.
    pub heartbeat: Duration,
    /// How long a worker that has the lease may give no sign before a standby takes over.
    pub takeover: Duration,
    /// How long an end that was asked for waits for the open transaction.
    pub shutdown: Duration,
    /// How long the background verify takes for all rows; `None` for none.
    pub verify_interval: Option<Duration>,
    /// How often tables without change tracking are carried.
    pub untracked_interval: Duration,
    /// Changed keys beyond which a full is cheaper than a window.
    pub window_keys_max: usize,
    /// Where metrics are served; `None` for nowhere.
    pub metrics: Option<std::net::SocketAddr>,
}

/// SQL Server.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database; SQL Graph tables are read in their own database only.
    pub database: String,
    /// SQL login.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// How the connection is encrypted.
    pub tls: TlsConfig,
    /// Limit of connecting, handshake and login.
    pub connect_timeout: Duration,
    /// Limit of one statement, from its start to the end of its answer.
    pub statement_timeout: Duration,
    /// Bytes of a TDS packet to ask for.
    pub packet_size: u32,
}

/// Encryption to the source.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// What is encrypted.
    pub mode: TlsMode,
    /// Take any certificate. Never together with `ca_file`.
    pub trust_certificate: bool,
    /// Authorities to trust beside the platform's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Name that the certificate must have, where it is not the host's.
    pub host_name_in_certificate: Option<String>,
}

/// What is encrypted on the way to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Everything.
    Required,
    /// Only the login.
    LoginOnly,
    /// Nothing, not even the password.
    Off,
    /// Everything, TLS before TDS (TDS 8.0, SQL Server 2022).
    Strict,
}

/// Neo4j.
#[derive(Clone, Debug)]
pub struct GraphConfig {
    /// `bolt`, `bolt+s`, `bolt+ssc`, `neo4j`, `neo4j+s` or `neo4j+ssc`, host and port.
    pub uri: String,
    /// User.
    pub user: String,
    /// Their password.
    pub password: Secret,
    /// Database.
    pub database: String,
    /// Authorities to trust in place of the platform's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Limit of connecting and of the first answer.
    pub connect_timeout: Duration,
    /// Limit of every answer; a slower one leaves a write's outcome unknown.
    pub answer_timeout: Duration,
    /// Connections at most.
    pub connections: usize,
}

/// Limits of a full.
#[derive(Clone, Debug)]
pub struct FullConfig {
    /// Rows in one transaction at most.
    pub batch_rows: usize,
    /// Bytes of properties in one transaction at most.
    pub batch_bytes_max: usize,
    /// Transactions of relationships side by side.
    pub lanes: usize,
    /// Keys in one range, read and compared at a time.
    pub page_rows: usize,
    /// New rows in quarantine at which a run stops.
    pub quarantine_max: u64,
    /// How long one piece of work is retried before the run gives up.
    pub retry_max: Duration,
    /// How many deletes of a kind may pass the circuit breaker; a flag only.
    pub allow_deletes: Option<u64>,
}

/// Logging, on stderr.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least level that is shown.
    pub level: tracing::Level,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which sides a command talks to, and so whose settings it can't do without.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The source's.
    pub source: bool,
    /// The graph's.
    pub graph: bool,
}

impl Need {
    /// Both sides.
    pub const BOTH: Self = Self { source: true, graph: true };
    /// The source alone.
    pub const SOURCE: Self = Self { source: true, graph: false };
    /// The graph alone.
    pub const GRAPH: Self = Self { source: false, graph: true };
    /// Neither.
    pub const NONE: Self = Self { source: false, graph: false };
}

/// What a command that needs less than everything gets; a side that it needs is there.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The source, if it is configured.
    pub source: Option<SourceConfig>,
    /// The graph, if it is configured.
    pub graph: Option<GraphConfig>,
    /// Limits of a full.
    pub full: FullConfig,
    /// The continuous worker.
    pub sync: SyncConfig,
    /// Where the mapping is; the embedded one if nowhere.
    pub mapping: Option<PathBuf>,
    /// What is logged, and how.
    pub log: LogConfig,
}

impl Config {
    /// Reads and checks everything. `dir` is the working directory: `provsync.toml` is looked
    /// for there, and paths from variables and flags are relative to it; paths in the file are
    /// relative to the file.
    ///
    /// # Errors
    /// All faults at once.
    pub fn load(
        flags: &Overrides,
        environment: impl Iterator<Item = (OsString, OsString)>,
        dir: &Path,
    ) -> Result<Self> {
        Parts::load(Need::BOTH, flags, environment, dir)?.into_config()
    }
}

impl Parts {
    /// As [`Config::load`]; what a side that isn't needed lacks is no fault, what is wrong is.
    ///
    /// # Errors
    /// All faults at once.
    pub fn load(
        need: Need,
        flags: &Overrides,
        environment: impl Iterator<Item = (OsString, OsString)>,
        dir: &Path,
    ) -> Result<Self> {
        let mut settings = layers::read(flags, environment, dir);
        let parts = check::parts(&mut settings, need, flags.allow_deletes);
        let faults = settings.finish();
        if faults.is_empty() { Ok(parts) } else { Err(Error::faults("configuration", &faults)) }
    }

    /// Both sides, for a command that asked for [`Need::BOTH`].
    ///
    /// # Errors
    /// A side is missing that was not asked for.
    pub fn into_config(self) -> Result<Config> {
        let missing = |side: &str| Error::usage(format!("the {side} is not configured"));
        Ok(Config {
            source: self.source.ok_or_else(|| missing("source"))?,
            graph: self.graph.ok_or_else(|| missing("graph"))?,
            full: self.full,
            sync: self.sync,
            mapping: self.mapping,
            log: self.log,
        })
    }
}

/// The mapping at `path`, or the embedded one.
///
/// # Errors
/// The file can't be read, or all its faults at once.
pub fn read_mapping(path: Option<&Path>) -> Result<Mapping> {
    let Some(path) = path else { return Mapping::default_mapping() };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::usage(format!("mapping {file} can't be read: {e}")))?;
    parse::parse(&text, &file)
}

#[cfg(test)]
mod tests;
