//! A report in the form that is asked for. All that people read comes from one [`view::View`] of it,
//! in which every name and value is harmless on a terminal; each format's library escapes the rest.

mod html;
mod json;
mod junit;
mod picture;
mod sarif;
mod text;
mod view;

use std::io::Write;

use clap::ValueEnum;

use super::difference::Report;
use crate::error::{Error, Result};

/// In which form a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document: docs/output.md
    Json,
    /// JUnit XML, for CI: each difference is a failed test
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// One self-contained page with a picture of the differences
    Html,
}

/// Writes a report, with one line's end at its end.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if it can't be written.
pub fn write(report: &Report, format: Format, out: &mut dyn Write) -> Result<()> {
    match format {
        Format::Text => text::write(report, out),
        Format::Json => json::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Html => html::write(report, out),
    }
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::usage(format!("the report can't be written: {error}"))
}
