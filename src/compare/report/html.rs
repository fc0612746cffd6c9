//! The report as one page: no script, nothing loaded, readable by keyboard and in print.

use std::io::Write;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use super::picture::{Picture, picture};
use super::unwritable;
use super::view::View;
use crate::compare::difference::Report;
use crate::error::Result;

/// Ends in `.html`: all that is put in is escaped.
const NAME: &str = "page.html";

/// Differences of one group that a page shows; the JSON form has them all.
const SHOWN_MAX: usize = 1_000;

#[derive(Serialize)]
struct Page {
    view: View,
    picture: Option<Picture>,
    shown_max: usize,
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    let page = Page { view: View::of(report), picture: picture(report), shown_max: SHOWN_MAX };
    let mut environment = Environment::new();
    environment.set_syntax(syntax()?);
    environment.add_template(NAME, include_str!("page.html")).map_err(unwritable)?;
    let template = environment.get_template(NAME).map_err(unwritable)?;
    let page = template.render(Serde(&page)).map_err(unwritable)?;
    writeln!(out, "{page}").map_err(unwritable)
}

/// A line that holds a tag alone leaves no empty line behind.
fn syntax() -> Result<SyntaxConfig> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(unwritable)
}
