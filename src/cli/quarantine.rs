//! `provsync quarantine`: rows that are not in the graph, and why.

use clap::Subcommand;
use serde::Serialize;

use super::{Outcome, Output, report};
use crate::config::Parts;
use crate::error::{Error, Result};
use crate::neo4j::Graph;
use crate::neo4j::quarantine::{self, Filter, Listed};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Rows by table and key, each with its reason
    List {
        #[command(flatten)]
        which: Which,
        /// Rows at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// All that is known of one row
    Show {
        /// `schema.table`
        table: String,
        /// Row key
        #[arg(allow_negative_numbers = true)]
        key: i64,
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Have rows tried again; the worker does it at its next sign of life, a full in any case
    Retry {
        #[command(flatten)]
        which: Which,
        /// All rows in quarantine
        #[arg(long, conflicts_with_all = ["table", "key", "reason"])]
        all: bool,
    },
}

/// Which rows.
#[derive(Debug, clap::Args)]
struct Which {
    /// Of this table, `schema.table`
    #[arg(long)]
    table: Option<String>,
    /// Of this row key; may be given more than once
    #[arg(long, requires = "table", allow_negative_numbers = true)]
    key: Vec<i64>,
    /// For this reason
    #[arg(long)]
    reason: Option<String>,
}

impl Which {
    fn filter(&self) -> Filter {
        let (table, reason) = (self.table.clone(), self.reason.clone());
        Filter { table, keys: self.key.clone(), reason }
    }
}

/// Its JSON form is a contract: `docs/output.md`.
#[derive(Debug, Serialize)]
struct Listing {
    entries: Vec<Listed>,
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let config = parts.graph.ok_or_else(|| Error::usage("the graph is not configured"))?;
    let graph = Graph::connect(&config).await?;
    match &args.action {
        Action::List { which, limit, output } => {
            let entries = quarantine::list_entries(&graph, &which.filter(), *limit).await?;
            report::print(*output, &Listing { entries }, table)?;
        }
        Action::Show { table, key, output } => {
            let filter = Filter { table: Some(table.clone()), keys: vec![*key], reason: None };
            let entry = quarantine::list_entries(&graph, &filter, 1).await?.pop();
            let entry = entry.ok_or_else(|| {
                Error::stop(format!("the row {key} of {table} is not in quarantine"))
            })?;
            report::print(*output, &entry, one)?;
        }
        Action::Retry { which, all } => {
            let filter = which.filter();
            if !all && filter.table.is_none() && filter.reason.is_none() {
                return Err(Error::usage("which rows are to be tried again?")
                    .hint("--table, --key, --reason, or --all"));
            }
            let count = quarantine::ask_for(&graph, &filter).await?;
            report::print_text(&format!("{count} row(s) will be tried again"))?;
        }
    }
    Ok(Outcome::Done)
}

fn table(listing: &Listing) -> String {
    if listing.entries.is_empty() {
        return "no row is in quarantine".to_owned();
    }
    let mut table = report::table(["table", "key", "reason", "detail", "since", "tries"]);
    for e in &listing.entries {
        let (key, attempts) = (e.key.to_string(), e.attempts.to_string());
        table.add_row([&e.table, &key, &e.reason, &e.detail, &e.since, &attempts]);
    }
    table.to_string()
}

fn one(e: &Listed) -> String {
    let version = e.version.map_or("unknown".to_owned(), |v| v.to_string());
    let retry = e.retry_at.as_deref().unwrap_or("at the next look");
    let waits = if e.waits_for.is_empty() { "nothing".to_owned() } else { e.waits_for.join(", ") };
    format!(
        "{} {}\nreason      {}: {}\nsince       {}\nread at     version {version}\ntried       {} time(s), again {retry}\nwaits for   {waits}",
        e.table, e.key, e.reason, e.detail, e.since, e.attempts
    )
}
