//! What all sessions of a server have in common.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::application_lock::ApplicationLocks;
use super::recorder::Recorder;
use super::write_lock::WriteLock;
use crate::catalog::table::LOCAL_FIRST;
use crate::catalog::{Catalog, store};
use crate::faults::Faults;
use crate::sql::error::{Result, SqlError};
use crate::sqlite::connection;
use crate::sqlite::context::{ContextHandle, Counter, Counters};
use crate::values::calendar;
use crate::{Data, Options};

/// Session ids below belong to the server itself (documented).
const FIRST_SPID: i64 = 51;

/// The database and what is kept beside it.
#[derive(Debug)]
pub struct Shared {
    /// Of the primary.
    data: PathBuf,
    /// A copy of an earlier moment that is served in their place, as by a secondary.
    secondary: Option<PathBuf>,
    /// Held for the server's life when the data are not to outlive it.
    _directory: Option<tempfile::TempDir>,
    /// Password of `sa`.
    pub sa_password: String,
    /// Name of the user database.
    pub database: String,
    /// Taken by whoever writes.
    pub write_lock: WriteLock,
    /// Faults on demand.
    pub faults: Arc<Faults>,
    /// Texts that were accepted.
    pub recorder: Recorder,
    /// `sp_getapplock`.
    pub application_locks: Arc<ApplicationLocks>,
    /// Graph ids and identities.
    pub counters: Arc<Counters>,
    /// The present definition of every table, by object id, as of the last commit of a DDL statement.
    definitions: Mutex<HashMap<i32, i64>>,
    /// The version of change tracking that each open SNAPSHOT transaction sees, by session.
    snapshots: Mutex<HashMap<i64, i64>>,
    next_spid: AtomicI64,
    next_transaction: AtomicU64,
    next_local: AtomicI32,
}

impl Shared {
    /// Opens or makes the database. Data that are not to outlive the server live in a directory that goes with it.
    pub fn open(options: &Options) -> Result<Self> {
        let (directory, path) = match &options.data {
            Data::File(path) => (None, path.to_owned()),
            Data::Memory => {
                let directory = tempfile::tempdir().map_err(SqlError::internal)?;
                let path = directory.path().join("data.sqlite");
                (Some(directory), path)
            }
        };
        let recorder = Recorder::new(options.record.as_deref()).map_err(SqlError::internal)?;
        let shared = Self {
            data: path,
            secondary: None,
            _directory: directory,
            sa_password: options.sa_password.clone(),
            database: options.database.clone(),
            write_lock: WriteLock::default(),
            faults: Arc::default(),
            recorder,
            application_locks: Arc::default(),
            counters: Arc::default(),
            definitions: Mutex::default(),
            snapshots: Mutex::default(),
            next_spid: AtomicI64::new(FIRST_SPID),
            next_transaction: AtomicU64::new(1),
            next_local: AtomicI32::new(0),
        };
        shared.initialise()?;
        Ok(shared)
    }

    /// The same database after a restart: what was only in memory is gone, but for faults.
    pub fn reopen(self) -> Result<Self> {
        let shared = Self {
            write_lock: WriteLock::default(),
            application_locks: Arc::default(),
            counters: Arc::default(),
            snapshots: Mutex::default(),
            next_spid: AtomicI64::new(FIRST_SPID),
            next_transaction: AtomicU64::new(1),
            ..self
        };
        shared.initialise()?;
        Ok(shared)
    }

    /// Where the data are that are served.
    pub fn path(&self) -> &Path {
        self.secondary.as_ref().unwrap_or(&self.data)
    }

    /// Where the primary's data are.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Whether it serves as a readable secondary.
    pub fn is_secondary(&self) -> bool {
        self.secondary.is_some()
    }

    /// From the next start on it serves what is beside the primary's data, or those.
    pub fn serve_secondary(&mut self, yes: bool) {
        self.secondary = yes.then(|| self.data.with_extension("secondary"));
    }

    fn initialise(&self) -> Result<()> {
        let empty = Arc::new(Catalog::new(&self.database, 0));
        let (connection, _) = self.connect(empty)?;
        let catalog = store::initialise(&connection, &self.database, calendar::now_utc_ticks())?;
        if catalog.database.name != self.database {
            let message = format!(
                "the data file holds the database '{}', not '{}'",
                catalog.database.name, self.database
            );
            return Err(SqlError::internal(message));
        }
        self.define(&catalog);
        self.load_counters(&connection)
    }

    /// A catalog is committed.
    pub fn define(&self, catalog: &Catalog) {
        let tables = catalog.tables.values().map(|table| (table.id, table.altered));
        *held(&self.definitions) = tables.collect();
    }

    /// Whether a table is still defined as it was, whoever asks.
    pub fn is_defined_as(&self, table: i32, altered: i64) -> bool {
        held(&self.definitions).get(&table) == Some(&altered)
    }

    /// A SNAPSHOT transaction holds on to a version of change tracking, or lets it go.
    pub fn hold_snapshot(&self, session: i64, version: Option<i64>) {
        let mut snapshots = held(&self.snapshots);
        match version {
            Some(version) => snapshots.insert(session, version),
            None => snapshots.remove(&session),
        };
    }

    /// The oldest version of change tracking that a SNAPSHOT transaction sees.
    pub fn oldest_snapshot(&self) -> Option<i64> {
        held(&self.snapshots).values().min().copied()
    }

    fn load_counters(&self, connection: &Connection) -> Result<()> {
        let failed = |error: rusqlite::Error| SqlError::internal(error);
        let mut statement = connection
            .prepare("SELECT object_id, next_graph_id, last_identity FROM __sys_counters")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let counter = Counter {
                next_graph_id: row.get(1).map_err(failed)?,
                last_identity: row.get(2).map_err(failed)?,
                drawn_early: 0,
            };
            self.counters.set(row.get(0).map_err(failed)?, counter);
        }
        Ok(())
    }

    /// A connection of its own for a session.
    pub fn connect(&self, catalog: Arc<Catalog>) -> Result<(Connection, ContextHandle)> {
        let locks = Arc::clone(&self.application_locks);
        let context = ContextHandle::new(catalog, Arc::clone(&self.counters), locks);
        context.lock().is_secondary = self.is_secondary();
        let connection = connection::open(self.path(), &context).map_err(SqlError::internal)?;
        Ok((connection, context))
    }

    /// A session id.
    pub fn new_spid(&self) -> i64 {
        self.next_spid.fetch_add(1, Ordering::Relaxed)
    }

    /// An id for a table of one session. They come round again after some hundred thousand.
    pub fn new_local_id(&self) -> i32 {
        let made = self.next_local.fetch_add(1, Ordering::Relaxed);
        LOCAL_FIRST + made.rem_euclid(i32::MAX - LOCAL_FIRST)
    }

    /// A transaction descriptor, never zero.
    pub fn new_transaction(&self) -> u64 {
        self.next_transaction.fetch_add(1, Ordering::Relaxed)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
