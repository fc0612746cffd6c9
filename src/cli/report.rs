//! Printing: a broken pipe is no fault of ours, and what is on stdout is the result alone.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, TableComponent, presets};
use serde::Serialize;

use super::Output;
use crate::error::{Error, Result};

/// Prints a result to stdout: `text` for people, the value itself as JSON.
pub(super) fn print<T: Serialize>(
    output: Output,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<()> {
    let rendered = match output {
        Output::Text => text(value),
        Output::Json => serde_json::to_string_pretty(value)
            .map_err(|e| Error::usage(format!("the result has no JSON form: {e}")))?,
    };
    print_text(&rendered)
}

/// A table with a line under its head and no other lines, as wide as the terminal at most.
pub(super) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head);
    table
}

/// Prints text with one line's end after it.
pub(super) fn print_text(text: &str) -> Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n')) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::usage(format!("stdout can't be written: {e}")))
        }
        _ => Ok(()),
    }
}
