//! Logs on stderr.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::config::{LogConfig, LogFormat};

/// Starts logging; a second call changes nothing.
pub(super) fn start(config: LogConfig) {
    let format = fmt::layer().with_writer(std::io::stderr);
    let format = match config.format {
        LogFormat::Json => format.json().boxed(),
        LogFormat::Text => format.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    // A drivers' event may hold a message's text or a row; what matters of them comes as an error
    // of ours.
    let targets = Targets::new()
        .with_target("provsync", config.level)
        .with_target("tiberius", LevelFilter::OFF)
        .with_target("neo4rs", LevelFilter::OFF)
        .with_default(LevelFilter::WARN);
    let _ = tracing_subscriber::registry().with(format.with_filter(targets)).try_init();
}
