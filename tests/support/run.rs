//! Runs of provsync's library as the command line makes them.

use std::collections::BTreeMap;
use std::time::Duration;

use provsync::config::{Config, FullConfig, LogConfig, LogFormat, SourceConfig, SyncConfig};
use provsync::error::Result;
use provsync::mapping::{Mapping, Registry, parse};
use provsync::neo4j::{Graph, schema};
use provsync::reconcile::full::{self, Options, Ran};
use provsync::reconcile::summary::Summary;

use super::graph::TestGraph;
use super::source::TestSource;

/// Limits small enough that tests cross every page and batch boundary.
pub fn limits() -> FullConfig {
    FullConfig {
        batch_rows: 7,
        batch_bytes_max: 4 * 1024 * 1024,
        lanes: 3,
        page_rows: 10,
        quarantine_max: 1_000,
        retry_max: Duration::from_secs(10),
        // Tables are small, and lose most of their rows now and then.
        allow_deletes: Some(1_000),
    }
}

pub fn config(source: &SourceConfig, graph: &TestGraph) -> Config {
    Config {
        source: source.clone(),
        graph: graph.config.clone(),
        full: limits(),
        sync: sync(),
        mapping: None,
        log: LogConfig { format: LogFormat::Text, level: tracing::Level::WARN },
    }
}

/// The default mapping's constraints, as `provsync schema apply` makes them.
pub async fn apply_schema(graph: &TestGraph, mapping: &Mapping) {
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let registry = Registry::new(mapping, &BTreeMap::default());
    let required = schema::required(mapping, &registry);
    schema::ensure(&neo4j, &required, Duration::from_secs(60)).await.unwrap();
}

/// `provsync schema apply` and `provsync full`.
pub async fn full(source: &TestSource, graph: &TestGraph) -> Result<Summary> {
    full_with(source, graph, Mapping::default_mapping().unwrap(), Options::default()).await
}

pub async fn full_with(
    source: &TestSource,
    graph: &TestGraph,
    mapping: Mapping,
    options: Options,
) -> Result<Summary> {
    apply_schema(graph, &mapping).await;
    run_full(&config(&source.config(), graph), mapping, options).await
}

/// `provsync full` where no worker runs.
pub async fn run_full(config: &Config, mapping: Mapping, options: Options) -> Result<Summary> {
    match Box::pin(full::run(config, mapping, options)).await? {
        Ran::Done(summary) => Ok(*summary),
        Ran::Asked(holder, _) => panic!("{holder} was asked to do it"),
    }
}

/// Short pauses, so that tests need not wait; no background verify.
pub fn sync() -> SyncConfig {
    SyncConfig {
        poll_min: Duration::from_millis(10),
        poll_max: Duration::from_millis(100),
        heartbeat: Duration::from_millis(500),
        takeover: Duration::from_secs(3),
        shutdown: Duration::from_secs(10),
        verify_interval: None,
        untracked_interval: Duration::from_secs(3600),
        window_keys_max: 1_000_000,
        metrics: None,
    }
}

/// A mapping of TOML text.
pub fn mapping(toml: &str) -> Mapping {
    parse::parse(toml, "test.toml").unwrap_or_else(|e| panic!("{e}"))
}
