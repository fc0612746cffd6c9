//! The file that a stopped verify goes on from: what was asked, how far it came, what it found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::difference::{Command, Report, TableCounts};
use super::verify::Options;
use crate::error::{Error, Result};

/// How often the file is written while a table is read.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);
/// The form of the file.
const FORM: u32 = 1;

/// A verify's state, and the file that it is kept in, if there is to be one.
pub struct Resume {
    /// The state.
    pub saved: Saved,
    path: Option<PathBuf>,
    written_at: Instant,
}

/// What the file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    form: u32,
    asked: Asked,
    done: BTreeSet<String>,
    at: Option<Position>,
    /// What was found up to here.
    pub report: Report,
}

/// What was asked; a run of another question does not go on from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    tables: Vec<String>,
    first: i64,
    last: i64,
    mapping: String,
    source: String,
}

/// How far a table has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Position {
    table: String,
    /// First key that was not compared yet.
    pub next: i64,
    /// What was counted.
    pub counts: TableCounts,
    /// Keys that may have been on their way.
    pub waiting: BTreeSet<i64>,
}

impl Resume {
    /// The state that the file holds, or a new one where there is no file.
    ///
    /// # Errors
    /// The file can't be read, or is of another question.
    pub fn open(options: &Options, mapping_digest: &str, source: &str) -> Result<Self> {
        let asked = Asked {
            tables: options.tables.clone(),
            first: options.range.first,
            last: options.range.last,
            mapping: mapping_digest.to_owned(),
            source: source.to_owned(),
        };
        let path = options.resume.clone();
        let found = path.as_deref().map(read).transpose()?.flatten();
        if found.as_ref().is_some_and(|saved| saved.asked != asked || saved.form != FORM) {
            return Err(Error::usage(
                "the file to go on from is of a verify of other tables, keys, mapping or source",
            )
            .hint("delete it to begin anew"));
        }
        let saved = found.unwrap_or_else(|| Saved {
            form: FORM,
            asked,
            done: BTreeSet::new(),
            at: None,
            report: Report::new(Command::Verify, mapping_digest, source),
        });
        Ok(Self { saved, path, written_at: Instant::now() })
    }

    /// Where to begin a table; `None` if an earlier run has done it.
    pub fn begin(&mut self, table: &str, first: i64) -> Option<Position> {
        if self.saved.done.contains(table) {
            return None;
        }
        let here = self.saved.at.take().filter(|position| position.table == table);
        Some(here.unwrap_or_else(|| Position {
            table: table.to_owned(),
            next: first,
            counts: TableCounts { table: table.to_owned(), ..TableCounts::default() },
            waiting: BTreeSet::new(),
        }))
    }

    /// A table has come this far; `seconds` is how long the whole has taken.
    pub fn is_at(&mut self, position: &Position, seconds: f64) -> Result<()> {
        if self.path.is_none() || self.written_at.elapsed() < SAVE_INTERVAL {
            return Ok(());
        }
        self.saved.at = Some(position.clone());
        self.write(seconds)
    }

    /// A table is done.
    pub fn table_is_done(&mut self, position: Position, seconds: f64) -> Result<()> {
        self.saved.done.insert(position.table);
        self.saved.report.tables.push(position.counts);
        self.saved.at = None;
        self.write(seconds)
    }

    /// All is done: the file goes.
    pub fn is_done(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(file_error(path, "deleted", &error))
            }
            _ => Ok(()),
        }
    }

    /// In place of the former file at once, so that one is always whole.
    fn write(&mut self, seconds: f64) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        self.saved.report.seconds = seconds;
        let text = serde_json::to_vec(&self.saved).unwrap_or_default();
        let mut beside = path.clone().into_os_string();
        beside.push(".new");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|error| file_error(path, "written", &error))?;
        self.written_at = Instant::now();
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<Saved>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(path, "read", &error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Error::usage(format!("{} is no file of a stopped verify: {error}", path.display()))
            .hint("delete it to begin anew")
    })
}

fn file_error(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::usage(format!("{} can't be {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn options(path: &Path) -> Options {
        Options { resume: Some(path.to_owned()), ..Options::default() }
    }

    #[test]
    fn a_stopped_run_goes_on_where_it_was_and_leaves_no_file_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verify.json");
        let mut first = Resume::open(&options(&path), "digest", "source").unwrap();
        let nodes = first.begin("nodes", i64::MIN).unwrap();
        assert_eq!(nodes.next, i64::MIN);
        first.table_is_done(nodes, 1.0).unwrap();
        let mut edges = first.begin("edges", i64::MIN).unwrap();
        (edges.next, edges.counts.source_rows) = (500, 499);
        edges.waiting.insert(7);
        first.saved.at = Some(edges);
        first.write(2.0).unwrap();

        let mut second = Resume::open(&options(&path), "digest", "source").unwrap();
        assert!(second.begin("nodes", i64::MIN).is_none());
        let edges = second.begin("edges", i64::MIN).unwrap();
        assert_eq!((edges.next, edges.counts.source_rows, edges.waiting.len()), (500, 499, 1));
        assert_eq!(second.begin("links", -3).unwrap().next, -3);
        assert!((second.saved.report.seconds - 2.0).abs() < 1e-9);
        second.is_done().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_of_another_question_or_none_of_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verify.json");
        let mut resume = Resume::open(&options(&path), "digest", "source").unwrap();
        resume.write(0.0).unwrap();
        assert!(Resume::open(&options(&path), "other", "source").is_err());
        assert!(Resume::open(&options(&path), "digest", "other").is_err());
        let tables = vec!["t".to_owned()];
        let other = Options { tables, ..options(&path) };
        assert!(Resume::open(&other, "digest", "source").is_err());
        std::fs::write(&path, "{}").unwrap();
        assert!(Resume::open(&options(&path), "digest", "source").is_err());
    }
}
