//! `provsync full`: makes the graph equal to the source.

use std::fmt::Write;
use std::io::IsTerminal;

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::{Outcome, Output, report};
use crate::config::{Config, LogFormat, Parts, read_mapping};
use crate::error::{Error, Result};
use crate::neo4j::Graph;
use crate::neo4j::leader::{Mended, Request};
use crate::reconcile::full::{self, Options, Ran};
use crate::reconcile::summary::Summary;
use crate::sync::asked;

#[derive(Debug, clap::Args)]
// Each is a flag, and they are independent.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Args {
    /// Count what would be done and show a sample; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Let up to N deletes of a table pass the circuit breaker
    #[arg(long, value_name = "N")]
    pub(super) allow_deletes: Option<u64>,
    /// Make a graph of another source equal to this one
    #[arg(long)]
    adopt: bool,
    /// Begin anew where an earlier run could be gone on with
    #[arg(long)]
    restart: bool,
    /// Where a worker writes and does it in our place: wait until it has
    #[arg(long)]
    wait: bool,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let config = parts.into_config()?;
    let mapping = read_mapping(config.mapping.as_deref())?;
    let options = Options {
        dry_run: args.dry_run,
        allow_deletes: args.allow_deletes,
        adopt: args.adopt,
        restart: args.restart,
        on_terminal: config.log.format == LogFormat::Text && std::io::stderr().is_terminal(),
    };
    match Box::pin(full::run(&config, mapping, options)).await? {
        Ran::Done(summary) => report::print(args.output, &*summary, text)?,
        Ran::Asked(holder, request) => asked(args, &config, &holder, &request).await?,
    }
    Ok(Outcome::Done)
}

/// A worker does it.
async fn asked(args: &Args, config: &Config, holder: &str, request: &Request) -> Result<()> {
    tracing::info!(
        worker = holder,
        request = request.id,
        "a worker writes: it was asked to read all rows"
    );
    let mut asked = Asked { worker: holder, request: &request.id, done: false, counts: None };
    let graph = Graph::connect(&config.graph).await?;
    if args.wait {
        let limits = asked::Limits { takeover: config.sync.takeover, wait_max: None };
        let counts = asked::answer(&graph, &request.id, limits).await?;
        if let Ok(Mended::Refused(why)) = serde_json::from_str(&counts) {
            return Err(Error::stop(format!("the worker {holder} refused: {why}")));
        }
        (asked.done, asked.counts) = (true, serde_json::from_str(&counts).ok());
    }
    report::print(args.output, &asked, |asked| {
        let what = if asked.done {
            "the worker has read all rows"
        } else {
            "the worker was asked to read all rows"
        };
        format!("{what}: {} (request {})", asked.worker, asked.request)
    })
}

/// What a worker was asked; its JSON form is a contract.
#[derive(Debug, Serialize)]
struct Asked<'a> {
    worker: &'a str,
    request: &'a str,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<serde_json::Value>,
}

fn text(summary: &Summary) -> String {
    let mut out = format!("{}\n{}\n", headline(summary), table(summary));
    let loud = [
        (
            summary.quarantined(),
            "row(s) can't be represented and are in quarantine, each with its reason: MATCH (q:ProvsyncQuarantine) RETURN q.table, q.key, q.reason, q.detail",
        ),
        (summary.foreign_deleted, "relationship(s) of others went with a node that had to go"),
        (summary.placeholders_removed, "placeholder(s) removed that no link needed any more"),
        (summary.retries, "piece(s) of work done again after a fault that passed"),
    ];
    // A String takes whatever is written to it.
    for (count, what) in loud.iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(out, "{count} {what}");
    }
    if !summary.sample.is_empty() {
        let _ = writeln!(out, "for example:\n  {}", summary.sample.join("\n  "));
    }
    out
}

fn headline(summary: &Summary) -> String {
    let version = summary.version.map_or("none".to_owned(), |version| version.to_string());
    let what = if summary.dry_run { "dry run, nothing written" } else { "done" };
    let resumed = if summary.resumed { ", gone on where an earlier run stopped" } else { "" };
    let reason = match summary.reason.as_str() {
        "" => String::new(),
        reason => format!("\nall was read anew: {reason}"),
    };
    let (source, seconds) = (&summary.source, summary.seconds);
    format!("{what} in {seconds:.1} s{resumed}: {source} at version {version}{reason}")
}

fn table(summary: &Summary) -> Table {
    let head = ["", "read", "created", "updated", "deleted", "unchanged", "quarantined"];
    let mut table = report::table(head);
    for (kind, t) in &summary.kinds {
        let numbers = [t.read, t.created, t.updated, t.deleted, t.unchanged, t.quarantined];
        let cells = numbers.iter().map(ToString::to_string);
        table.add_row(std::iter::once((*kind).to_owned()).chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::mapping::Slot;

    #[test]
    fn quarantine_is_said_aloud() {
        let mut summary = Summary { version: Some(7), ..Summary::default() };
        summary.tally(Slot::Node(0)).quarantined = 3;
        let text = text(&summary);
        assert!(text.contains("at version 7"), "{text}");
        assert!(text.contains("3 row(s) can't be represented"), "{text}");
        assert!(!text.contains("of others"), "{text}");
    }
}
