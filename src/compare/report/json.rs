//! The report itself; its form is a contract (`docs/output.md`, `docs/schema/report.schema.json`).

use std::io::Write;

use super::unwritable;
use crate::compare::difference::Report;
use crate::error::Result;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, report).map_err(unwritable)?;
    writeln!(out).map_err(unwritable)
}
