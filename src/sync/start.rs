//! From a configuration to a worker that runs, and to its end.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::watch;
use tokio::time::timeout;

use super::failures::pause_unless;
use super::life::holder;
use super::metrics;
use super::standby::follow;
use super::worker::Settings;
use crate::config::{Config, FullConfig};
use crate::error::{Error, Kind, Result};
use crate::mapping::Mapping;
use crate::neo4j::quarantine::WAKE_UNINDEXED;
use crate::neo4j::{Graph, Statement};
use crate::reconcile::full::preflight;
use crate::reconcile::retry;
use crate::sqlserver::Source;

/// How long one piece of work is tried again before the worker looks at everything anew.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What was asked for on the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Make a graph of another source equal to this one.
    pub adopt: bool,
    /// Deletes of a table that may pass the circuit breaker, in a window or a full.
    pub allow_deletes: Option<u64>,
}

/// Runs the worker until `stop` is done; then it has `sync.shutdown_seconds` to come to its end.
///
/// # Errors
/// What is wrong at the start, and what a rule stopped it for.
pub async fn run(
    config: &Config,
    mapping: Mapping,
    options: Options,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    if let Some(address) = config.sync.metrics {
        serve_metrics(address)?;
    }
    let (sender, receiver) = watch::channel(false);
    let mut work = Box::pin(work(config, mapping, options, receiver));
    tokio::select! {
        ended = &mut work => return ended,
        () = stop => {}
    }
    tracing::info!("asked to end");
    sender.send_replace(true);
    if let Ok(outcome) = timeout(config.sync.shutdown, &mut work).await {
        tracing::info!("ended; no transaction is open");
        return outcome;
    }
    let seconds = config.sync.shutdown.as_secs();
    let what = format!(
        "the worker was asked to end and did not within {seconds} s: its connections are dropped, and Neo4j rolls an open transaction back"
    );
    Err(Error::new(Kind::Graph, what).hint(
        "nothing is lost: the next start resumes from the checkpoint; raise sync.shutdown_seconds if its last transaction needs longer",
    ))
}

async fn work(
    config: &Config,
    mapping: Mapping,
    options: Options,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let mut pauses = retry::schedule();
    let (source, graph, retention) = loop {
        match Box::pin(connect(config, &mapping)).await {
            Ok(connected) => break connected,
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "can't begin now; trying again");
                metrics::retry(&error);
                if pause_unless(&stop, pauses.next().unwrap_or(RETRY_MAX)).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    };
    let allow_deletes = options.allow_deletes.or(config.full.allow_deletes);
    let retry_max = config.full.retry_max.min(RETRY_MAX);
    let settings = Settings {
        limits: FullConfig { retry_max, allow_deletes, ..config.full.clone() },
        sync: config.sync.clone(),
        mapping,
        holder: holder("sync"),
        adopt: options.adopt,
        retention,
        stall_max: stall_max(config),
    };
    Box::pin(follow(source, graph, settings, stop)).await
}

/// Longer than the work waits for an answer of either side: a call may consist of two statements.
fn stall_max(config: &Config) -> Duration {
    let longest = config.graph.answer_timeout.max(config.source.statement_timeout);
    config.sync.takeover + 2 * longest
}

/// Both sides, in order, and how long the source keeps its changes.
async fn connect(config: &Config, mapping: &Mapping) -> Result<(Source, Graph, Option<Duration>)> {
    let mut source = Source::new(config.source.clone());
    source.connect().await?;
    let graph = Graph::connect(&config.graph).await?;
    let described = preflight(config, &mut source, &graph, mapping).await?;
    graph.run_alone(Statement::new(WAKE_UNINDEXED)).await?;
    let minutes = described.database.retention_minutes.and_then(|m| u64::try_from(m).ok());
    Ok((source, graph, minutes.map(|minutes| Duration::from_secs(60 * minutes))))
}

fn serve_metrics(address: std::net::SocketAddr) -> Result<()> {
    let builder = PrometheusBuilder::new().with_http_listener(address);
    let builder = builder.set_buckets(&metrics::SECONDS).map_err(|e| unserved(address, &e))?;
    builder.install().map_err(|e| unserved(address, &e))?;
    tracing::info!(%address, "metrics at /metrics");
    Ok(())
}

fn unserved(address: std::net::SocketAddr, error: &impl std::fmt::Display) -> Error {
    Error::new(Kind::Usage, format!("metrics can't be served at {address}: {error}"))
        .hint("set metrics.listen to another address, or leave it out")
}
