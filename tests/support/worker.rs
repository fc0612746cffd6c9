//! The worker as the command line runs it, within the test's process.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use provsync::config::Config;
use provsync::error::Result;
use provsync::mapping::Mapping;
use provsync::sync::start::{Options, run};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::graph::TestGraph;
use super::source::TestSource;

/// How long anything may take that should happen soon; `PROVSYNC_TEST_PATIENCE_SECONDS` on a busy machine.
static SOON: LazyLock<Duration> = LazyLock::new(|| {
    let seconds = std::env::var("PROVSYNC_TEST_PATIENCE_SECONDS");
    Duration::from_secs(seconds.map_or(60, |seconds| seconds.parse().unwrap()))
});

/// A worker that runs until it is ended or dropped.
pub struct Worker {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<()>>,
}

impl Worker {
    /// With the default mapping.
    pub fn start(config: &Config) -> Self {
        Self::start_with(config, Mapping::default_mapping().unwrap(), Options::default())
    }

    pub fn start_with(config: &Config, mapping: Mapping, options: Options) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let config = config.clone();
        let task = tokio::spawn(async move {
            let stopped = async {
                if stopped.await.is_err() {
                    // Dropped without a word: it is killed with its task.
                    std::future::pending::<()>().await;
                }
            };
            run(&config, mapping, options, stopped).await
        });
        Self { stop: Some(stop), task }
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) -> Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        tokio::time::timeout(*SOON, &mut self.task).await.expect("it ends soon").unwrap()
    }

    /// Waits until it ends by itself.
    pub async fn outcome(mut self) -> Result<()> {
        tokio::time::timeout(*SOON, &mut self.task).await.expect("it ends by itself").unwrap()
    }

    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for Worker {
    /// Its futures are dropped wherever they are, as when a process is killed.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until the graph says that it stands exactly at the source's version now.
pub async fn caught_up(source: &TestSource, graph: &TestGraph) {
    caught_up_within(source, graph, SOON.as_secs()).await;
}

/// The same, where there is much to do.
pub async fn caught_up_within(source: &TestSource, graph: &TestGraph, seconds: u64) {
    let version = source.version().await;
    let begun = Instant::now();
    let stands = "MATCH (c:ProvsyncCheckpoint) RETURN toString(c.version) + ' ' + toString(c.consistent) AS row";
    loop {
        let found = graph.column_between_commits(stands).await;
        if found.first().is_some_and(|row| *row == format!("{version} true")) {
            return;
        }
        let is_late = begun.elapsed() > Duration::from_secs(seconds);
        assert!(!is_late, "the source is at {version}, the graph says {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the worker has nothing to complain of.
pub async fn untroubled(graph: &TestGraph) {
    let none = "MATCH (c:ProvsyncCheckpoint) WHERE c.trouble IS NULL RETURN count(c) AS row";
    until(graph, none, 1).await;
}

/// Waits until a number of the graph is what it should be.
pub async fn until(graph: &TestGraph, cypher: &str, expected: i64) {
    let begun = Instant::now();
    loop {
        let found = graph.number(cypher).await;
        if found == expected {
            return;
        }
        assert!(begun.elapsed() < *SOON, "{found} and not {expected}: {cypher}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
