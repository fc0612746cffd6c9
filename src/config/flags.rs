//! Flags that stand above file and environment; passwords are never among them, since a command
//! line is there for every user of the machine to read.

use std::path::PathBuf;

use clap::Args;

/// Settings as flags, still as they were typed.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings, above provsync.toml and PROVSYNC_… variables")]
pub struct Overrides {
    /// Configuration file [default: provsync.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Mapping file [default: the embedded mapping]
    #[arg(long, global = true, value_name = "FILE")]
    pub mapping: Option<String>,
    /// Log as text or json, on stderr
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// SQL Server's host
    #[arg(long, global = true, value_name = "HOST")]
    pub source_host: Option<String>,
    /// SQL Server's port
    #[arg(long, global = true, value_name = "PORT")]
    pub source_port: Option<String>,
    /// Database with the graph tables
    #[arg(long, global = true, value_name = "NAME")]
    pub source_database: Option<String>,
    /// SQL login
    #[arg(long, global = true, value_name = "USER")]
    pub source_user: Option<String>,
    /// Neo4j's address: scheme, host and port
    #[arg(long, global = true, value_name = "URI")]
    pub graph_uri: Option<String>,
    /// Neo4j's user
    #[arg(long, global = true, value_name = "USER")]
    pub graph_user: Option<String>,
    /// Neo4j's database
    #[arg(long, global = true, value_name = "NAME")]
    pub graph_database: Option<String>,
    /// `full --allow-deletes`.
    #[arg(skip)]
    pub allow_deletes: Option<u64>,
}

impl Overrides {
    /// Path of the setting, flag, and what was typed; those that were given.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        [
            ("mapping", "--mapping", &self.mapping),
            ("log.format", "--log-format", &self.log_format),
            ("log.level", "--log-level", &self.log_level),
            ("source.host", "--source-host", &self.source_host),
            ("source.port", "--source-port", &self.source_port),
            ("source.database", "--source-database", &self.source_database),
            ("source.user", "--source-user", &self.source_user),
            ("graph.uri", "--graph-uri", &self.graph_uri),
            ("graph.user", "--graph-user", &self.graph_user),
            ("graph.database", "--graph-database", &self.graph_database),
        ]
        .into_iter()
        .filter_map(|(path, flag, value)| Some((path, flag, value.as_deref()?)))
    }
}
