//! The report for code scanning: SARIF 2.1.0 (OASIS, errata 01), the part of it that is needed.

use std::io::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::unwritable;
use super::view::{Entry, View};
use crate::compare::difference::{Difference, Kind, Report, State, Verdict};
use crate::error::Result;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, &log(report)).map_err(unwritable)?;
    writeln!(out).map_err(unwritable)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    /// Which command: two of them in one repository are told apart by it.
    automation_details: AutomationDetails,
    results: Vec<Found>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    start_time_utc: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    end_time_utc: String,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rule_id: &'static str,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

/// Code scanning takes no result without one: a table's path, which need not be a file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "provsync/v1")]
    provsync: String,
}

fn log(report: &Report) -> Log {
    let view = View::of(report);
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "provsync",
                version: report.tool_version.clone(),
                rules: rules(report),
            },
        },
        invocations: [invocation(report, &view)],
        automation_details: AutomationDetails { id: format!("{}/", view.title) },
        results: view.entries().map(|entry| found(report, entry)).collect(),
    };
    Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [run],
    }
}

/// The kinds that were found, each once.
fn rules(report: &Report) -> Vec<Rule> {
    let mut codes: Vec<&'static str> =
        report.differences.iter().map(|difference| difference.kind.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    let rule = |id: &'static str| Rule {
        id,
        short_description: Message { text: format!("The stores differ: {}", id.replace('_', " ")) },
    };
    codes.into_iter().map(rule).collect()
}

fn invocation(report: &Report, view: &View) -> Invocation {
    let answer = Notification {
        level: if matches!(report.verdict, Verdict::Equal | Verdict::Repaired) {
            "note"
        } else {
            "error"
        },
        message: Message { text: view.answer.clone() },
    };
    let left_out = (report.left_out > 0)
        .then(|| format!("{} more differences are counted and not kept", report.left_out));
    let notes = view.notes.iter().cloned().chain(left_out);
    let notes = notes.map(|text| Notification { level: "warning", message: Message { text } });
    Invocation {
        execution_successful: report.verdict != Verdict::Unknown,
        start_time_utc: report.started_at.clone(),
        end_time_utc: report.ended_at.clone(),
        tool_execution_notifications: std::iter::once(answer).chain(notes).collect(),
    }
}

fn found(report: &Report, entry: &Entry) -> Found {
    let difference = &report.differences[entry.place];
    let head = format!("{} {}: {}", entry.table, entry.key, entry.what);
    Found {
        rule_id: entry.code,
        level: match difference.state {
            State::Real if report.verdict != Verdict::Repaired => "error",
            State::Unsettled { .. } => "warning",
            State::Real | State::Explained { .. } => "note",
        },
        message: Message {
            text: std::iter::once(head).chain(entry.lines()).collect::<Vec<_>>().join("\n"),
        },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(&difference.table) },
                region: Region { start_line: 1 },
            },
            logical_locations: [LogicalLocation {
                fully_qualified_name: format!("{}/{}", entry.table, entry.key),
            }],
        }],
        partial_fingerprints: Fingerprints { provsync: fingerprint(difference, entry) },
    }
}

/// A table's name as a relative path: what RFC 3986 calls unreserved stays, all else is a byte's `%XX`.
fn uri(table: &str) -> String {
    let byte = |b: u8| {
        let is_plain = b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
        if is_plain { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    table.bytes().map(byte).collect()
}

/// The same for one difference in run after run, whatever its values are: an alert stays the same
/// alert until the row is right.
fn fingerprint(difference: &Difference, entry: &Entry) -> String {
    let part = match &difference.kind {
        Kind::Property { property: name, .. }
        | Kind::ExtraName { name }
        | Kind::Doubled { name } => name.as_str(),
        _ => "",
    };
    let text = [difference.table.as_str(), &entry.key, entry.code, part].join("\n");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
