//! The report as tests of a CI: a suite for each table, a failed test for each difference.

use std::io::Write;
use std::time::Duration;

use chrono::DateTime;
use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::unwritable;
use super::view::{Entry, View};
use crate::compare::difference::{Report, State, Verdict};
use crate::error::Result;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    junit(report).serialize(&mut *out).map_err(unwritable)
}

fn junit(report: &Report) -> Junit {
    let view = View::of(report);
    let mut junit = Junit::new(view.title);
    let seconds = Duration::try_from_secs_f64(report.seconds).unwrap_or_default();
    junit.set_time(seconds);
    if let Ok(began) = DateTime::parse_from_rfc3339(&report.started_at) {
        junit.set_timestamp(began);
    }
    let mut whole = whole(report, &view);
    whole.add_properties(view.facts.iter().map(|(name, value)| Property::new(*name, value)));
    junit.add_test_suite(whole);
    for name in tables(&view) {
        let entries: Vec<&Entry> = view.entries().filter(|entry| entry.table == name).collect();
        junit.add_test_suite(suite(report, &view, name, &entries));
    }
    junit
}

/// The answer as a test of its own: it fails where there is no difference to fail for, too.
fn whole(report: &Report, view: &View) -> TestSuite {
    let status = match report.verdict {
        Verdict::Equal | Verdict::Repaired => TestCaseStatus::success(),
        Verdict::Different => failed(NonSuccessKind::Failure, "different", &view.answer),
        Verdict::Unknown => failed(NonSuccessKind::Error, "unknown", &view.answer),
        Verdict::Explained => skipped("explained", &view.answer),
    };
    let mut case = TestCase::new("both stores say the same", status);
    case.set_classname(view.title);
    if !view.notes.is_empty() {
        case.set_system_out(view.notes.join("\n"));
    }
    let mut suite = TestSuite::new("all");
    suite.add_test_case(case);
    suite
}

/// All that were compared, and all that a difference is in.
fn tables(view: &View) -> Vec<&str> {
    let compared = view.tables.iter().map(|table| table.name.as_str());
    let mut names: Vec<&str> = compared.collect();
    for entry in view.entries() {
        if !names.contains(&entry.table.as_str()) {
            names.push(&entry.table);
        }
    }
    names
}

fn suite(report: &Report, view: &View, table: &str, entries: &[&Entry]) -> TestSuite {
    let mut suite = TestSuite::new(table);
    let mut add = |name: String, status: TestCaseStatus| {
        let mut case = TestCase::new(name, status);
        case.set_classname(table);
        suite.add_test_case(case);
    };
    for entry in entries {
        let name = format!("{} {}: {}", entry.id, entry.key, entry.code);
        add(name, status(report, entry));
    }
    let equal = view.tables.iter().find(|line| line.name == table && entries.is_empty());
    if let Some(line) = equal {
        let counts = format!("{} rows, {} in the graph", line.source_rows, line.graph_things);
        add(counts, TestCaseStatus::success());
    }
    suite
}

fn status(report: &Report, entry: &Entry) -> TestCaseStatus {
    let mut status = match report.differences[entry.place].state {
        State::Real if report.verdict == Verdict::Repaired => TestCaseStatus::success(),
        State::Real => failed(NonSuccessKind::Failure, entry.code, &entry.what),
        State::Unsettled { .. } => failed(NonSuccessKind::Error, entry.code, &entry.doubt),
        State::Explained { .. } => skipped(entry.code, &entry.doubt),
    };
    status.set_description(entry.lines().join("\n"));
    status
}

fn failed(kind: NonSuccessKind, code: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(code).set_message(message);
    status
}

fn skipped(code: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_type(code).set_message(message);
    status
}
