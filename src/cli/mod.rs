//! The command line: one file per command. Results go to stdout, everything else to stderr.

mod compare;
mod doctor;
mod explain;
mod full;
mod lineage;
mod logging;
mod purge;
mod quarantine;
mod report;
mod schema;
mod status;
mod sync;
mod verify;
mod walk;
mod written;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::{Need, Overrides, Parts};
use crate::error::{Error, Kind, Result};

const AFTER_HELP: &str = "\
Settings come from provsync.toml, then variables PROVSYNC_… (`__` between levels, e.g.
PROVSYNC_SOURCE__TLS__MODE), then flags. Passwords are PROVSYNC_SOURCE__PASSWORD and
PROVSYNC_GRAPH__PASSWORD, or …__PASSWORD_FILE, never flags.

Exit codes:
  0  done; nothing wrong was found; a worker ended as it was told to (SIGTERM, Ctrl-C)
  1  findings, or a rule stopped the run: doctor or schema check found an error, the circuit
     breaker, another source's graph, another writer; status found no worker that is well, or
     --wait-for was not reached in time; verify or compare found the stores
     different
  2  could not do it: usage, configuration, a side that can't be reached or refuses; a worker
     did not end within sync.shutdown_seconds; verify or compare could not tell whether the
     stores are equal
A full that left rows in quarantine is done (0) and says so.";

/// Keeps a Neo4j graph equal to the provenance graph in SQL Server's graph tables
#[derive(Debug, Parser)]
#[command(name = "provsync", version, about, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check both sides and say what is missing, with the statement that fixes it
    Doctor(doctor::Args),
    /// Make the graph equal to the source, all rows of all tables
    Full(full::Args),
    /// Follow the source: load the graph, then carry every change, until told to end
    Sync(sync::Args),
    /// Say whether the graph holds what the source says, row by row; with --repair, make it so
    Verify(verify::Args),
    /// Say whether both stores tell the same lineage, hop by hop from some roots
    Compare(Box<compare::Args>),
    /// Show an atom's lineage as one store tells it
    Lineage(lineage::Args),
    /// Say where the graph stands, who writes it and how far it is behind
    Status(status::Args),
    /// Rows that are not in the graph, and why
    Quarantine(quarantine::Args),
    /// Remove all that provsync made in the graph, and nothing else
    Purge(purge::Args),
    /// The constraints that provsync needs in the graph
    Schema(schema::Args),
    /// Print the mapping's every SQL and Cypher statement
    Explain,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// What a command that ran to its end says by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// 0
    Done,
    /// 1
    Findings,
    /// 2; the reason has been printed.
    Failed,
}

/// Runs a command to its exit code.
pub fn main(cli: &Cli) -> ExitCode {
    match run(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Failed) => ExitCode::from(2),
        Err(error) => {
            eprintln!("provsync: {error}");
            let is_rule = matches!(error.kind, Kind::Stop | Kind::FencedOff | Kind::Overtaken);
            ExitCode::from(if is_rule { 1 } else { 2 })
        }
    }
}

fn run(cli: &Cli) -> Result<Outcome> {
    let parts = load(cli)?;
    logging::start(parts.log);
    // Heartbeats go on while a thread compares rows, on one processor as well.
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|e| Error::new(Kind::Usage, format!("no runtime: {e}")))?;
    runtime.block_on(async {
        match &cli.command {
            Command::Doctor(args) => doctor::run(args, parts).await,
            Command::Full(args) => full::run(args, parts).await,
            Command::Sync(args) => sync::run(args, parts).await,
            Command::Verify(args) => verify::run(args, parts).await,
            Command::Compare(args) => compare::run(args, parts).await,
            Command::Lineage(args) => lineage::run(args, parts).await,
            Command::Status(args) => status::run(args, parts).await,
            Command::Quarantine(args) => quarantine::run(args, parts).await,
            Command::Purge(args) => purge::run(args, parts).await,
            Command::Schema(args) => schema::run(args, parts).await,
            Command::Explain => explain::run(&parts),
        }
    })
}

fn load(cli: &Cli) -> Result<Parts> {
    let need = match &cli.command {
        Command::Doctor(_)
        | Command::Full(_)
        | Command::Sync(_)
        | Command::Verify(_)
        | Command::Status(_) => Need::BOTH,
        Command::Purge(_) | Command::Quarantine(_) => Need::GRAPH,
        Command::Schema(args) => args.need(),
        Command::Compare(args) => args.need(),
        Command::Lineage(args) => args.need(),
        Command::Explain => Need::NONE,
    };
    let dir = std::env::current_dir()
        .map_err(|e| Error::usage(format!("the working directory can't be read: {e}")))?;
    let mut overrides = cli.overrides.clone();
    match &cli.command {
        Command::Full(args) => overrides.allow_deletes = args.allow_deletes,
        Command::Sync(args) => overrides.allow_deletes = args.allow_deletes,
        Command::Verify(args) => overrides.allow_deletes = args.allow_deletes,
        _ => {}
    }
    Parts::load(need, &overrides, std::env::vars_os(), &dir)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_command() {
        for line in [
            ["provsync", "--graph-uri", "bolt://g", "doctor"],
            ["provsync", "doctor", "--graph-uri", "bolt://g"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.overrides.graph_uri.as_deref(), Some("bolt://g"));
        }
    }

    #[test]
    fn there_is_no_flag_for_a_password() {
        use clap::CommandFactory;
        let help = Cli::command().render_long_help().to_string();
        assert!(!help.contains("--source-password") && !help.contains("--graph-password"));
    }
}
