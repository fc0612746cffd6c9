//! Backups, and what becomes of one: the data anew, or those of a secondary.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB};

use super::shared::Shared;
use crate::Error;
use crate::catalog::{Database, store};
use crate::values::calendar;

fn failed(file: &Path, what: impl std::fmt::Display) -> Error {
    Error::Backup(format!("{}: {what}", file.display()))
}

/// Copies what is committed to a new file.
pub fn write(shared: &Shared, file: &Path) -> Result<(), Error> {
    write_copy(shared.path(), file)
}

fn write_copy(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::File::create_new(to).map_err(|error| failed(to, error))?;
    copy(from, to)
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
    let primary = joined(shared.data()).map_err(|what| failed(file, what))?;
    ready(shared, file, |shared, copy| {
        same_life(shared, copy)?;
        change(copy, |database| as_replica(database, &primary))
    })
}

/// Another replica, which has all data, is the primary now: the same history goes on (documented).
pub fn fail_over(shared: &Shared) -> Result<(), Error> {
    let file = shared.data();
    let replica = |former| change(file, |database| as_replica(database, &former));
    joined(file).and_then(replica).map_err(|what| failed(file, what))
}

/// Copies a backup of this database for a replica that is made the primary although it lacks data: documented, another
/// recovery fork begins.
pub fn for_forced_failover(shared: &Shared, file: &Path) -> Result<Ready, Error> {
    let former = joined(shared.data()).map_err(|what| failed(file, what))?;
    ready_beside(shared.data(), file, |copy| {
        same_life_of(shared.data(), copy)?;
        change(copy, |database| {
            as_replica(database, &former);
            database.begin_fork();
        })
    })
}

fn as_replica(database: &mut Database, former: &Database) {
    database.group_database_id.clone_from(&former.group_database_id);
    database.become_another(calendar::now_utc_ticks());
}

/// The database joins a group.
pub fn join_group(shared: &Shared) -> Result<(), Error> {
    let file = shared.data();
    joined(file).map(|_| ()).map_err(|what| failed(file, what))
}

fn joined(data: &Path) -> Result<Database, String> {
    change(data, Database::join_group)?;
    read(data)
}

/// Makes a database of its own of a backup, in a file that must not be there yet: RESTORE under this name on another
/// instance. Assumption: it begins a recovery fork, as a restore over the database does.
pub fn restore_as_another(backup: &Path, data: &Path) -> Result<(), Error> {
    write_copy(backup, data)?;
    change(data, |database| {
        database.become_another(calendar::now_utc_ticks());
        database.begin_fork();
        database.group_database_id = None;
    })
    .map_err(|what| failed(data, what))
}

fn ready(
    shared: &Shared,
    file: &Path,
    prepare: impl FnOnce(&Shared, &Path) -> Result<(), String>,
) -> Result<Ready, Error> {
    ready_beside(shared.path(), file, |copy| prepare(shared, copy))
}

fn ready_beside(
    beside: &Path,
    file: &Path,
    prepare: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<Ready, Error> {
    if !file.is_file() {
        return Err(failed(file, "no such backup"));
    }
    let ready = Ready(beside.with_extension("restoring"));
    copy(file, &ready.0)?;
    prepare(&ready.0).map_err(|what| {
        ready.discard();
        failed(file, what)
    })?;
    Ok(ready)
}

/// Assumption: each restore over the database begins a recovery fork, and keeps the database's guid and family
/// (documented: the guid changes where a database is restored that was not there).
fn fork(shared: &Shared, copy: &Path) -> Result<(), String> {
    let name = read(copy)?.name;
    if name != shared.database {
        return Err(format!("this is a backup of '{name}'"));
    }
    change(copy, Database::begin_fork)
}

fn same_life(shared: &Shared, copy: &Path) -> Result<(), String> {
    same_life_of(shared.path(), copy)
}

fn same_life_of(data: &Path, copy: &Path) -> Result<(), String> {
    let life = |database: Database| (database.name, database.guid, database.fork_guid);
    if life(read(data)?) == life(read(copy)?) {
        return Ok(());
    }
    Err("this is a backup of another database, or from before a restore".to_owned())
}

fn read(file: &Path) -> Result<Database, String> {
    let connection = Connection::open(file).map_err(|error| error.to_string())?;
    Ok(store::load(&connection).map_err(|error| error.message)?.database)
}

fn change(file: &Path, change: impl FnOnce(&mut Database)) -> Result<(), String> {
    let connection = Connection::open(file).map_err(|error| error.to_string())?;
    let mut catalog = store::load(&connection).map_err(|error| error.message)?;
    change(&mut catalog.database);
    store::save(&connection, &mut catalog).map_err(|error| error.message)
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
