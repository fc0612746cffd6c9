//! `provsync verify`: whether the graph holds what the source says, every row of it.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::Outcome;
use super::written::Written;
use crate::compare::difference::{KEPT_MAX, Report, Verdict};
use crate::compare::settle::LOOKS_MAX;
use crate::compare::{around, repair, verify};
use crate::config::{Config, LogFormat, Parts, read_mapping};
use crate::error::Result;
use crate::sqlserver::pages::KeyRange;

#[derive(Debug, clap::Args)]
// Each is a flag, and they are independent.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Args {
    /// These tables alone, `schema.table`
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    tables: Vec<String>,
    /// Row keys from this one on
    #[arg(long, value_name = "KEY", allow_negative_numbers = true)]
    from: Option<i64>,
    /// Row keys up to this one
    #[arg(long, value_name = "KEY", allow_negative_numbers = true)]
    to: Option<i64>,
    /// Keep in FILE how far it came, and go on from there if FILE is there
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Rows a second that are read of either store at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate_limit: Option<u32>,
    /// How often a difference that may be a change on its way is looked at
    #[arg(long, value_name = "N", default_value_t = LOOKS_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    looks: u32,
    /// What is done about things in the graph that are not provsync's
    #[arg(long, value_enum, default_value_t)]
    foreign: Foreign,
    /// Differences that are explained by quarantine are no reason to fail
    #[arg(long)]
    allow_quarantined: bool,
    /// Make right what differs; a running worker is asked to do it
    #[arg(long)]
    repair: bool,
    /// With --repair: say what would be done, write nothing
    #[arg(long, requires = "repair")]
    dry_run: bool,
    /// With --repair: do nothing if more rows differ
    #[arg(long, value_name = "N", default_value_t = repair::CHANGES_MAX, requires = "repair")]
    max_changes: u64,
    /// With --repair: let up to N deletes of a table pass the circuit breaker
    #[arg(long, value_name = "N", requires = "repair")]
    pub(super) allow_deletes: Option<u64>,
    /// With --repair: how long a worker has for what it is asked [default: as long as it gives signs]
    #[arg(long, value_name = "SECONDS", requires = "repair")]
    timeout: Option<u64>,
    #[command(flatten)]
    written: Written,
}

/// What is done about things of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Foreign {
    /// Nothing: they are no difference
    #[default]
    Ignore,
    /// They are counted, and are no difference
    Report,
}

/// Whatever keeps it from an answer is "could not tell", a rule that stops other commands as well.
pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let config = parts.into_config()?;
    let mapping = read_mapping(config.mapping.as_deref())?;
    let mut failure = None;
    match Box::pin(verify::run(&config, mapping.clone(), options(args, &config))).await {
        Ok(mut report) => {
            if args.repair {
                let repair = repair::run(&config, &mapping, repair_options(args), &mut report);
                failure = Box::pin(repair).await.err().map(|error| error.during("repair"));
            }
            around::complete(&config, &mapping, &mut report).await;
            args.written.write(&report)?;
            if failure.is_none() {
                return Ok(outcome(&report, args.allow_quarantined));
            }
        }
        Err(error) => failure = Some(error),
    }
    if let Some(error) = failure {
        eprintln!("provsync: {error}");
    }
    Ok(Outcome::Failed)
}

fn options(args: &Args, config: &Config) -> verify::Options {
    let (first, last) = (args.from.unwrap_or(i64::MIN), args.to.unwrap_or(i64::MAX));
    let kept_max = usize::try_from(args.max_changes).unwrap_or(usize::MAX);
    verify::Options {
        tables: args.tables.clone(),
        range: KeyRange { first, last },
        resume: args.resume.clone(),
        rows_per_second_max: args.rate_limit,
        looks_max: args.looks,
        kept_max: kept_max.max(KEPT_MAX),
        foreign: args.foreign == Foreign::Report,
        on_terminal: config.log.format == LogFormat::Text && std::io::stderr().is_terminal(),
    }
}

fn repair_options(args: &Args) -> repair::Options {
    repair::Options {
        dry_run: args.dry_run,
        changes_max: args.max_changes,
        wait_max: args.timeout.map(Duration::from_secs),
        looks_max: args.looks,
    }
}

/// The exit code that a report calls for.
pub(super) fn outcome(report: &Report, allow_quarantined: bool) -> Outcome {
    match report.verdict {
        Verdict::Equal | Verdict::Repaired => Outcome::Done,
        Verdict::Explained if allow_quarantined => Outcome::Done,
        Verdict::Different | Verdict::Explained => Outcome::Findings,
        Verdict::Unknown => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::difference::Command;

    #[test]
    fn only_what_is_told_to_be_equal_exits_with_0() {
        let mut report = Report::new(Command::Verify, "digest", "source");
        let mut exit = |verdict, allow| {
            report.verdict = verdict;
            outcome(&report, allow)
        };
        assert_eq!(exit(Verdict::Equal, false), Outcome::Done);
        assert_eq!(exit(Verdict::Repaired, false), Outcome::Done);
        assert_eq!(exit(Verdict::Different, true), Outcome::Findings);
        assert_eq!(exit(Verdict::Explained, false), Outcome::Findings);
        assert_eq!(exit(Verdict::Explained, true), Outcome::Done);
        assert_eq!(exit(Verdict::Unknown, true), Outcome::Failed);
    }
}
