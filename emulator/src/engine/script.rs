//! Scripts that run before the server listens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::control::Control;
use super::reply::ScriptReply;
use super::session::Session;
use super::shared::Shared;
use crate::Error;
use crate::sql::split_batches;

/// Runs every script; a directory stands for all `.sql` files below it, in the order of their paths.
pub fn run_scripts(shared: &Arc<Shared>, paths: &[PathBuf]) -> Result<(), Error> {
    let control = Arc::new(Control::default());
    let mut session =
        Session::open(shared, &control).map_err(|error| Error::Database(error.to_string()))?;
    for path in paths {
        for file in files(path)? {
            run_file(&mut session, &file)?;
        }
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable =
        |error| Error::Script { path: path.to_owned(), line: 0, message: format!("{error}") };
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            found.extend(files(&entry)?);
        } else if entry.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
            found.push(entry);
        }
    }
    Ok(found)
}

fn run_file(session: &mut Session, path: &Path) -> Result<(), Error> {
    let failed = |line, message| Error::Script { path: path.to_owned(), line, message };
    let text = std::fs::read_to_string(path).map_err(|error| failed(0, error.to_string()))?;
    for batch in split_batches(&text) {
        let mut reply = ScriptReply::default();
        session.batch(batch.text.as_bytes(), &mut reply);
        if let Some(error) = reply.first_error {
            let line = batch.line + error.line.saturating_sub(1);
            return Err(failed(line, format!("Msg {}: {}", error.number, error.message)));
        }
    }
    Ok(())
}
