//! The report for a terminal.

use std::fmt::Write as _;
use std::io::Write;

use super::paste::Paste;
use super::unwritable;
use super::view::{Entry, Group, HopLine, View, counted};
use crate::compare::difference::Report;
use crate::error::Result;

/// Differences of one group that are printed; the JSON form has them all.
const PRINTED_MAX: usize = 50;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    out.write_all(text(&View::of(report)).as_bytes()).map_err(unwritable)
}

// A String takes whatever is written to it.
fn text(view: &View) -> String {
    let mut out = format!("{}\n", view.answer);
    if let Some(hop) = &view.first_hop {
        let _ = writeln!(out, "{hop}");
    }
    for note in &view.notes {
        let _ = writeln!(out, "Note: {note}");
    }
    for group in &view.groups {
        out += &group_text(group);
    }
    if view.left_out > 0 {
        let _ = writeln!(out, "\n{} more differences are counted and not kept", view.left_out);
    }
    section(&mut out, "Repair", &view.repair);
    section(&mut out, "Of others in the graph", view.foreign.as_deref().unwrap_or_default());
    if !view.pastes.is_empty() {
        out += "\nTo look at them\n";
        out.extend(view.pastes.iter().map(paste));
    }
    out += "\nCompared\n";
    for table in &view.tables {
        let _ = writeln!(
            out,
            "  {}: {} rows, {} in the graph, {} in quarantine",
            table.name, table.source_rows, table.graph_things, table.quarantined
        );
    }
    if let Some(walk) = &view.walk {
        let _ = writeln!(out, "  {}", walk.how);
        out.extend(walk.hops.iter().map(hop));
    }
    for (name, value) in &view.facts {
        let _ = writeln!(out, "  {name} {value}");
    }
    out
}

fn hop(line: &HopLine) -> String {
    let met = |(edges, nodes): (u64, u64)| {
        [counted(edges, "relationship"), counted(nodes, "node")].join(", ")
    };
    let sides = if line.is_same {
        met(line.source)
    } else {
        format!("source {}; graph {}", met(line.source), met(line.graph))
    };
    format!("    hop {}: {sides}\n", line.hop)
}

fn section(out: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(out, "\n{heading}\n  {}", lines.join("\n  "));
    }
}

fn group_text(group: &Group) -> String {
    let mut out = format!("\n{} ({})\n", group.heading, group.entries.len());
    out.extend(group.entries.iter().take(PRINTED_MAX).map(entry));
    if let Some(more @ 1..) = group.entries.len().checked_sub(PRINTED_MAX) {
        let _ = writeln!(out, "  … and {more} more; --output json has them");
    }
    out
}

fn entry(entry: &Entry) -> String {
    let hop = entry.hop.map(|hop| format!("hop {hop}: ")).unwrap_or_default();
    let head = format!("  {hop}{} {}: {}\n", entry.table, entry.key, entry.what);
    let lines = entry.lines().into_iter().map(|line| format!("      {line}\n"));
    std::iter::once(head).chain(lines).collect()
}

fn paste(paste: &Paste) -> String {
    let mut out = format!("  {}\n", paste.table);
    for statement in [&paste.sql, &paste.cypher].iter().filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "    {}\n", statement.replace('\n', "\n    "));
    }
    out
}
