//! `provsync status`: where the graph stands, who writes it, and how far it is behind.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{Outcome, Output, report};
use crate::config::{Config, Parts};
use crate::error::{Error, Result};
use crate::neo4j::Graph;
use crate::neo4j::status::{self, FullStatus, GraphStatus};
use crate::reconcile::claim;
use crate::sqlserver::{Source, epoch, lease};
use crate::sync::right::lease_name;

/// How often a wait looks.
const WAIT_INTERVAL: Duration = Duration::from_millis(50);
/// Silence of a worker after which it is called unwell; above the default takeover.
const SILENT_SECONDS_MAX: i64 = 90;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the status is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Wait until the graph has the source's changes up to VERSION, or all there are now
    #[arg(long, value_name = "VERSION|now", value_parser = wait_for)]
    wait_for: Option<WaitFor>,
    /// How long to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "wait_for")]
    timeout: u64,
}

/// Up to which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitFor {
    Now,
    Version(i64),
}

fn wait_for(text: &str) -> Result<WaitFor, String> {
    match text {
        "now" => Ok(WaitFor::Now),
        number => number
            .parse()
            .ok()
            .filter(|version| *version >= 0)
            .map(WaitFor::Version)
            .ok_or_else(|| "is `now` or a version, an integer from 0".to_owned()),
    }
}

/// Its JSON form is a contract: `docs/output.md`.
#[derive(Debug, Serialize)]
struct Status {
    /// A worker writes, gives signs, and has no trouble.
    healthy: bool,
    source: SourceStatus,
    /// How far the graph is behind, where both sides can be asked.
    lag: Option<Lag>,
    /// Absent where the graph has no checkpoint yet.
    graph: Option<GraphStatus>,
}

#[derive(Debug, Serialize)]
struct SourceStatus {
    /// Change-tracking version now.
    version: Option<i64>,
    /// Whether a session has the writer's lease.
    leased: Option<bool>,
    /// Why it can't be asked.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Lag {
    versions: i64,
    /// Since the graph last had all that the source had; absent if it never had.
    seconds: Option<i64>,
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let config = parts.into_config()?;
    let graph = Graph::connect(&config.graph).await?;
    let caught_up = match args.wait_for {
        Some(until) => wait(&config, &graph, until, Duration::from_secs(args.timeout)).await?,
        None => true,
    };
    let status = read(&config, &graph).await?;
    report::print(args.output, &status, text)?;
    let is_good = if args.wait_for.is_some() { caught_up } else { status.healthy };
    Ok(if is_good { Outcome::Done } else { Outcome::Findings })
}

/// Whether the graph had the version within the time.
async fn wait(config: &Config, graph: &Graph, until: WaitFor, limit: Duration) -> Result<bool> {
    let begun = Instant::now();
    let version = match until {
        WaitFor::Version(version) => version,
        WaitFor::Now => epoch::read_current(&mut Source::new(config.source.clone())).await?,
    };
    loop {
        let found = crate::neo4j::checkpoint::read(graph).await?;
        if found.and_then(|found| found.state.version).is_some_and(|v| v >= version) {
            return Ok(true);
        }
        if begun.elapsed() >= limit {
            return Ok(false);
        }
        sleep(WAIT_INTERVAL).await;
    }
}

async fn read(config: &Config, graph: &Graph) -> Result<Status> {
    let lease = lease_name(graph).await?;
    let source = read_source(config, &lease).await;
    let graph = status::read(graph).await?;
    let lag = graph.as_ref().zip(source.version).and_then(|(graph, current)| lag(graph, current));
    let worker = graph.as_ref().map(|g| &g.worker);
    let healthy = worker.is_some_and(|w| {
        let speaks = w.silent_seconds.is_some_and(|seconds| seconds <= SILENT_SECONDS_MAX);
        w.holder.is_some() && speaks && w.trouble.is_none()
    });
    Ok(Status { healthy, source, lag, graph })
}

/// How far the graph is behind; `None` before its first load is done. It is not behind only where it says
/// that it stands exactly at the source's version: otherwise some work on that version is not done.
fn lag(graph: &GraphStatus, current: i64) -> Option<Lag> {
    let version = graph.version?;
    if graph.consistent && version == current {
        return Some(Lag { versions: 0, seconds: Some(0) });
    }
    let versions = claim::versions_behind(Some(version), current);
    Some(Lag { versions, seconds: graph.caught_up_seconds })
}

async fn read_source(config: &Config, lease: &str) -> SourceStatus {
    let mut source = Source::new(config.source.clone());
    let asked = async {
        let version = epoch::read_current(&mut source).await?;
        Ok::<_, Error>((version, lease::is_taken(&mut source, lease).await?))
    };
    match asked.await {
        Ok((version, leased)) => {
            SourceStatus { version: Some(version), leased: Some(leased), error: None }
        }
        Err(error) => SourceStatus { version: None, leased: None, error: Some(error.to_string()) },
    }
}

fn text(status: &Status) -> String {
    let mut out = String::new();
    // A String takes whatever is written to it.
    let mut line = |name: &str, what: String| {
        let _ = writeln!(out, "{name:<12}{what}");
    };
    let number = |n: Option<i64>| n.map_or("unknown".to_owned(), |n| n.to_string());
    match &status.source.error {
        None => line("source", format!("at version {}", number(status.source.version))),
        Some(error) => line("source", format!("can't be asked: {error}")),
    }
    let Some(graph) = &status.graph else {
        line("graph", "has no checkpoint: no full has begun".to_owned());
        return out;
    };
    let exactly = if graph.consistent { "exactly " } else { "" };
    let seal = if graph.sealed { "" } else { "; the checkpoint was changed by hand" };
    let at = graph.updated_at.as_deref().unwrap_or("never");
    let version = graph.version.map_or("no version yet".to_owned(), |v| format!("version {v}"));
    line("graph", format!("{exactly}at {version}, written at {at}, of {}{seal}", graph.source));
    if let Some(lag) = &status.lag {
        line("behind", format!("{} version(s), {} second(s)", lag.versions, number(lag.seconds)));
    }
    if let Some(full) = &graph.full {
        line("full", format!("resync of {}; {}", full.tables.join(", "), how_far(full)));
    }
    line("worker", worker(graph, status.source.leased));
    if let Some(trouble) = &graph.worker.trouble {
        line("trouble", trouble.clone());
    }
    let rows: i64 = graph.quarantine.values().flat_map(|reasons| reasons.values()).sum();
    line("quarantine", format!("{rows} row(s)"));
    for (table, reasons) in &graph.quarantine {
        for (reason, rows) in reasons {
            line("", format!("{table}: {rows} {reason}"));
        }
    }
    line(
        "verified",
        match (&graph.verify.completed_at, graph.verify.age_seconds) {
            (Some(at), Some(age)) => format!("all rows, {age} second(s) ago, at {at}"),
            _ => "not all rows yet by the background verify".to_owned(),
        },
    );
    out
}

/// How far a full resync has come.
fn how_far(full: &FullStatus) -> String {
    match (&full.table, full.next) {
        (None, _) => "removing what the source no longer has".to_owned(),
        (Some(table), None) => format!("at the first key of {table}"),
        (Some(table), Some(next)) => format!("at key {next} of {table}"),
    }
}

fn worker(graph: &GraphStatus, leased: Option<bool>) -> String {
    let lease = match leased {
        Some(true) => "the lease is held",
        Some(false) => "nobody has the lease",
        None => "whether the lease is held is unknown",
    };
    let Some(holder) = &graph.worker.holder else { return format!("none; {lease}") };
    let silent = graph.worker.silent_seconds.unwrap_or_default();
    let rate = graph.worker.rows_per_second.unwrap_or_default();
    format!("{holder}; last sign {silent} second(s) ago; {rate:.0} rows/s; {lease}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::neo4j::checkpoint::Progress;

    #[test]
    fn a_wait_is_for_a_version_or_for_now() {
        assert_eq!(wait_for("now"), Ok(WaitFor::Now));
        assert_eq!(wait_for("0"), Ok(WaitFor::Version(0)));
        assert!(wait_for("-1").is_err() && wait_for("soon").is_err());
    }

    #[test]
    fn a_full_resync_says_how_far_it_has_come_in_words() {
        let full = |table: &str, next| {
            let progress = Progress {
                v0: 7,
                tables: vec!["graph.Nodes".into(), "graph.Edges".into()],
                since: 7,
                phase: if table.is_empty() { "gone" } else { "carry" }.into(),
                table: table.into(),
                next,
                ..Progress::default()
            };
            status::full(progress)
        };
        let begun = full("", i64::MIN);
        assert_eq!(how_far(&begun), "removing what the source no longer has");
        assert_eq!(how_far(&full("graph.Edges", i64::MIN)), "at the first key of graph.Edges");
        assert_eq!(how_far(&full("graph.Edges", -3)), "at key -3 of graph.Edges");
        let json = serde_json::to_value(&begun).unwrap();
        assert!(json["table"].is_null() && json["next"].is_null(), "{json}");
        let json = serde_json::to_value(full("graph.Edges", -3)).unwrap();
        assert_eq!(
            (json["table"].as_str(), json["next"].as_i64()),
            (Some("graph.Edges"), Some(-3))
        );
    }

    #[test]
    fn a_graph_without_a_checkpoint_says_so() {
        let source = SourceStatus { version: Some(7), leased: Some(false), error: None };
        let status = Status { healthy: false, source, lag: None, graph: None };
        let text = text(&status);
        assert!(text.contains("at version 7") && text.contains("no checkpoint"), "{text}");
    }
}
