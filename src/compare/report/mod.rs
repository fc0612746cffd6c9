//! A report as people and programs read it.

use std::io::Write;

use super::difference::{Difference, Kind, Report, State, Verdict};
use crate::error::{Error, Result};

/// How a report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// Writes a report.
///
/// # Errors
/// `out` does not take it.
pub fn write(report: &Report, format: Format, out: &mut dyn Write) -> Result<()> {
    let text = match format {
        Format::Text => text(report),
        Format::Json => serde_json::to_string_pretty(report)
            .map_err(|e| Error::usage(format!("the report has no JSON form: {e}")))?,
    };
    match writeln!(out, "{}", text.trim_end_matches('\n')) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::usage(format!("the report can't be written: {e}")))
        }
        _ => Ok(()),
    }
}

fn text(report: &Report) -> String {
    let answer = match report.verdict {
        Verdict::Equal => "equal",
        Verdict::Different => "different",
        Verdict::Repaired => "was different, is repaired",
        Verdict::Explained => "different, explained by quarantine",
        Verdict::Unknown => "could not tell",
    };
    let tables = report
        .tables
        .iter()
        .map(|t| format!("{}: {} row(s), {} in the graph", t.table, t.source_rows, t.graph_things));
    let differences = report.differences.iter().map(line);
    let notes = report.notes.iter().cloned();
    let foreign = report.foreign.iter().flatten();
    let foreign = foreign.map(|f| format!("of others: {:?} {} ({})", f.what, f.name, f.count));
    let head = std::iter::once(answer.to_owned());
    head.chain(tables).chain(differences).chain(notes).chain(foreign).collect::<Vec<_>>().join("\n")
}

fn line(difference: &Difference) -> String {
    let key = difference.key.map_or_else(String::new, |key| format!(" {key}"));
    let what = match &difference.kind {
        Kind::Property { property, source_value, graph_value } => {
            let shown = |value: &Option<super::shown::Shown>| {
                value.as_ref().map_or("absent".to_owned(), ToString::to_string)
            };
            let (source, graph) = (shown(source_value), shown(graph_value));
            format!("property {property}: source {source}, graph {graph}")
        }
        kind => kind.code().to_owned(),
    };
    let state = match &difference.state {
        State::Real => String::new(),
        State::Explained { reason } => format!(" (in quarantine: {reason})"),
        State::Unsettled { looks, why } => format!(" (unsettled after {looks} look(s): {why})"),
    };
    format!("{}{key}: {what}{state}", difference.table)
}
