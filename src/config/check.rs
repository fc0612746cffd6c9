//! From what was written to what is checked: every setting, its default and its bounds.

use std::path::PathBuf;
use std::time::Duration;

use super::layers::Settings;
use super::{
    FullConfig, GraphConfig, LogConfig, LogFormat, Need, Parts, SourceConfig, SyncConfig,
    TlsConfig, TlsMode, uri,
};

/// Connections beside the lanes: one that reads, one for the guard's checks.
const CONNECTIONS_BESIDE_LANES: usize = 2;

const TLS_MODES: [(&str, TlsMode); 4] = [
    ("required", TlsMode::Required),
    ("login-only", TlsMode::LoginOnly),
    ("off", TlsMode::Off),
    ("strict", TlsMode::Strict),
];
const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
const LOG_LEVELS: [(&str, tracing::Level); 5] = [
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
    ("trace", tracing::Level::TRACE),
];

pub(super) fn parts(s: &mut Settings, need: Need, allow_deletes: Option<u64>) -> Parts {
    let source = source(s, need.source);
    let graph = graph(s, need.graph);
    let full = full(s, allow_deletes);
    if graph.as_ref().is_some_and(|g| g.connections < full.lanes + CONNECTIONS_BESIDE_LANES) {
        let what = format!("must be at least full.lanes + {CONNECTIONS_BESIDE_LANES}");
        s.fault(&s.place("graph.connections"), what);
    }
    let sync = sync(s);
    let mapping = s.path("mapping");
    let format = s.one_of("log.format", &LOG_FORMATS, LogFormat::Text);
    let level = s.one_of("log.level", &LOG_LEVELS, tracing::Level::INFO);
    Parts { source, graph, full, sync, mapping, log: LogConfig { format, level } }
}

fn source(s: &mut Settings, needed: bool) -> Option<SourceConfig> {
    let host = s.required("source.host", needed);
    let database = s.required("source.database", needed);
    let user = s.required("source.user", needed);
    let password = s.password("source.password", "source.password_file", needed);
    let port = s.integer("source.port", 1433, 1..=u64::from(u16::MAX));
    let packet_size = s.integer("source.packet_size", 32_767, 512..=32_767);
    let tls = tls(s);
    let connect_timeout = s.seconds("source.connect_timeout_seconds", 15);
    let statement_timeout = s.seconds("source.statement_timeout_seconds", 300);
    Some(SourceConfig {
        host: host?,
        port: u16::try_from(port).ok()?,
        database: database?,
        user: user?,
        password: password?,
        tls,
        connect_timeout,
        statement_timeout,
        packet_size: u32::try_from(packet_size).ok()?,
    })
}

fn tls(s: &mut Settings) -> TlsConfig {
    let mode = s.one_of("source.tls.mode", &TLS_MODES, TlsMode::Required);
    let trust_certificate = s.boolean("source.tls.trust_certificate");
    let ca_file = s.ca_file("source.tls.ca_file");
    // The driver would panic.
    if trust_certificate && ca_file.is_some() {
        s.fault(&s.place("source.tls.trust_certificate"), "not together with source.tls.ca_file");
    }
    // The driver tells PEM by the file's name.
    let named = |path: &PathBuf| path.extension().is_some_and(|e| e == "pem" || e == "crt");
    if !ca_file.as_ref().is_none_or(named) {
        s.fault(&s.place("source.tls.ca_file"), "is a PEM file whose name ends in .pem or .crt");
    }
    let host_name_in_certificate = s.optional("source.tls.host_name_in_certificate");
    TlsConfig { mode, trust_certificate, ca_file, host_name_in_certificate }
}

fn graph(s: &mut Settings, needed: bool) -> Option<GraphConfig> {
    let uri = address(s, needed);
    let user = s.optional("graph.user").unwrap_or_else(|| "neo4j".to_owned());
    let password = s.password("graph.password", "graph.password_file", needed);
    let database = s.optional("graph.database").unwrap_or_else(|| "neo4j".to_owned());
    let ca_file = s.ca_file("graph.ca_file");
    let verifies = |uri: &String| uri.starts_with("bolt+s://") || uri.starts_with("neo4j+s://");
    if ca_file.is_some() && !uri.as_ref().is_none_or(verifies) {
        s.fault(
            &s.place("graph.ca_file"),
            "only bolt+s:// and neo4j+s:// verify the server's certificate",
        );
    }
    let connections = s.integer("graph.connections", 8, 1..=64);
    let connect_timeout = s.seconds("graph.connect_timeout_seconds", 15);
    let answer_timeout = s.seconds("graph.answer_timeout_seconds", 300);
    Some(GraphConfig {
        uri: uri?,
        user,
        password: password?,
        database,
        ca_file,
        connect_timeout,
        answer_timeout,
        connections: usize::try_from(connections).ok()?,
    })
}

fn full(s: &mut Settings, allow_deletes: Option<u64>) -> FullConfig {
    FullConfig {
        batch_rows: s.count("full.batch_rows", 10_000, 1..=100_000),
        batch_bytes_max: s.count("full.batch_bytes_max", 16 << 20, (64 << 10)..=(256 << 20)),
        lanes: s.count("full.lanes", 4, 1..=16),
        page_rows: s.count("full.page_rows", 30_000, 1..=1_000_000),
        quarantine_max: s.integer("full.quarantine_max", 1_000, 0..=10_000_000),
        retry_max: s.seconds("full.retry_seconds_max", 300),
        allow_deletes,
    }
}

fn sync(s: &mut Settings) -> SyncConfig {
    let poll_min = s.integer("sync.poll_ms_min", 20, 1..=60_000);
    let poll_max = s.integer("sync.poll_ms_max", 1_000, 1..=600_000);
    if poll_max < poll_min {
        s.fault(&s.place("sync.poll_ms_max"), "must be at least sync.poll_ms_min");
    }
    let heartbeat = s.seconds("sync.heartbeat_seconds", 5);
    let takeover = s.seconds("sync.takeover_seconds", 60);
    if takeover < 3 * heartbeat {
        s.fault(
            &s.place("sync.takeover_seconds"),
            "must be at least three times sync.heartbeat_seconds",
        );
    }
    let verify_hours = s.integer("sync.verify_interval_hours", 24, 0..=24 * 365);
    let hours = |hours: u64| (hours > 0).then(|| Duration::from_secs(3600 * hours));
    SyncConfig {
        poll_min: Duration::from_millis(poll_min),
        poll_max: Duration::from_millis(poll_max),
        heartbeat,
        takeover,
        shutdown: s.seconds("sync.shutdown_seconds", 20),
        verify_interval: hours(verify_hours),
        untracked_interval: 60
            * s.seconds_of("sync.untracked_interval_minutes", 60, 1..=60 * 24 * 365),
        window_keys_max: s.count("sync.window_keys_max", 5_000_000, 1_000..=100_000_000),
        metrics: s.socket_address("metrics.listen"),
    }
}

fn address(s: &mut Settings, needed: bool) -> Option<String> {
    let address = s.required("graph.uri", needed)?;
    if let Err(fault) = uri::check(&address) {
        s.fault(&s.place("graph.uri"), fault);
    }
    Some(address)
}
