//! Where a report of `verify` or `compare` goes: stdout, and files beside it.

use std::fs::File;
use std::path::PathBuf;

use crate::compare::difference::Report;
use crate::compare::report::{self, Format};
use crate::error::{Error, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Written {
    /// How the report is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    /// Write it to FILE as well: .txt, .json, .xml (JUnit), .sarif or .html; as often as you like
    #[arg(long = "report", value_name = "FILE", value_parser = report_file)]
    files: Vec<(PathBuf, Format)>,
}

fn report_file(path: &str) -> Result<(PathBuf, Format), String> {
    let path = PathBuf::from(path);
    let format = Format::of_path(&path).ok_or("ends in .txt, .json, .xml, .sarif or .html")?;
    Ok((path, format))
}

impl Written {
    /// Writes the files, then prints.
    ///
    /// # Errors
    /// A file can't be written: what was found can't be told, then.
    pub(super) fn write(&self, found: &Report) -> Result<()> {
        for (path, format) in &self.files {
            let what = |e: &dyn std::fmt::Display| {
                Error::usage(format!("{} can't be written: {e}", path.display()))
            };
            let mut file = File::create(path).map_err(|e| what(&e))?;
            report::write(found, *format, &mut file).map_err(|e| what(&e))?;
        }
        report::write(found, self.output, &mut std::io::stdout().lock())
    }
}
