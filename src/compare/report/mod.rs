//! A report in the form that is asked for. All that people read comes from one [`view::View`] of it,
//! in which every name and value is harmless on a terminal; each format's library escapes the rest.

mod html;
mod json;
mod junit;
mod paste;
mod picture;
mod sarif;
mod text;
mod view;

use std::io::Write;
use std::path::Path;

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

impl Format {
    /// The form that a file's name asks for; `None` if it asks for none.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "txt" => Some(Self::Text),
            "json" => Some(Self::Json),
            "xml" => Some(Self::Junit),
            "sarif" => Some(Self::Sarif),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

/// Writes a report, with one line's end at its end. Somebody who has read enough is no fault.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if it can't be written.
pub fn write(report: &Report, format: Format, out: &mut dyn Write) -> Result<()> {
    let mut bytes = Vec::new();
    match format {
        Format::Text => text::write(report, &mut bytes),
        Format::Json => json::write(report, &mut bytes),
        Format::Junit => junit::write(report, &mut bytes),
        Format::Sarif => sarif::write(report, &mut bytes),
        Format::Html => html::write(report, &mut bytes),
    }?;
    match out.write_all(&bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(unwritable(e)),
        _ => Ok(()),
    }
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::usage(format!("the report can't be written: {error}"))
}
