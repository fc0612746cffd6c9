//! Backups, and what becomes of one: the data anew, or those of a secondary.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB};

use super::shared::Shared;
use crate::Error;
use crate::catalog::store;

fn failed(file: &Path, what: impl std::fmt::Display) -> Error {
    Error::Backup(format!("{}: {what}", file.display()))
}

/// Copies what is committed to a new file.
pub fn write(shared: &Shared, file: &Path) -> Result<(), Error> {
    std::fs::File::create_new(file).map_err(|error| failed(file, error))?;
    copy(shared.path(), file)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let source = Connection::open(from).map_err(|error| failed(from, error))?;
    source.backup(MAIN_DB, to, None).map_err(|error| failed(to, error))
}

/// A copy of a backup, beside the data whose place it will take.
#[derive(Debug)]
pub struct Ready(PathBuf);

/// Copies a backup of this database and begins a new recovery fork in the copy. The data stay as they are.
pub fn for_restore(shared: &Shared, file: &Path) -> Result<Ready, Error> {
    if shared.is_secondary() {
        // Documented: a database of an availability group is not restored.
        return Err(failed(file, "a secondary is not restored"));
    }
    ready(shared, file, fork)
}

/// Copies a backup of this database, of the same recovery fork: what a secondary has that has come as far.
pub fn for_secondary(shared: &Shared, file: &Path) -> Result<Ready, Error> {
    ready(shared, file, same_life)
}

fn ready(
    shared: &Shared,
    file: &Path,
    prepare: impl FnOnce(&Shared, &Path) -> Result<(), String>,
) -> Result<Ready, Error> {
    if !file.is_file() {
        return Err(failed(file, "no such backup"));
    }
    let ready = Ready(shared.path().with_extension("restoring"));
    copy(file, &ready.0)?;
    prepare(shared, &ready.0).map_err(|what| {
        ready.discard();
        failed(file, what)
    })?;
    Ok(ready)
}

/// Assumption: each restore over the database begins a recovery fork, and keeps the database's guid and family
/// (documented: the guid changes where a database is restored that was not there).
fn fork(shared: &Shared, copy: &Path) -> Result<(), String> {
    let connection = Connection::open(copy).map_err(|error| error.to_string())?;
    let mut catalog = store::load(&connection).map_err(|error| error.message)?;
    if catalog.database.name != shared.database {
        return Err(format!("this is a backup of '{}'", catalog.database.name));
    }
    catalog.database.begin_fork();
    store::save(&connection, &mut catalog).map_err(|error| error.message)
}

fn same_life(shared: &Shared, copy: &Path) -> Result<(), String> {
    let life = |file: &Path| {
        let connection = Connection::open(file).map_err(|error| error.to_string())?;
        let database = store::load(&connection).map_err(|error| error.message)?.database;
        Ok::<_, String>((database.name, database.guid, database.fork_guid))
    };
    if life(shared.path())? == life(copy)? {
        return Ok(());
    }
    Err("this is a backup of another database, or from before a restore".to_owned())
}

impl Ready {
    /// Takes the place of the data that are served, which no session may have open.
    pub fn take_place(self, shared: &Shared) -> Result<(), Error> {
        for log in ["-wal", "-shm"] {
            let log = with_suffix(shared.path(), log);
            if log.exists() {
                std::fs::remove_file(&log).map_err(|error| failed(&log, error))?;
            }
        }
        std::fs::rename(&self.0, shared.path()).map_err(|error| failed(shared.path(), error))
    }

    fn discard(&self) {
        for suffix in ["", "-wal", "-shm"] {
            // What cannot be removed is overwritten by the next restore.
            let _ = std::fs::remove_file(with_suffix(&self.0, suffix));
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
