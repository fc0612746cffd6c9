//! What functions inside `SQLite` know of the session that calls them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::Catalog;
use crate::catalog::permissions::{DBO, PrincipalId};
use crate::engine::application_lock::ApplicationLocks;
use crate::sql::error::SqlError;

/// Shared by a session and the functions of its connection.
#[derive(Clone, Debug)]
pub struct ContextHandle(Arc<Mutex<Context>>);

/// The session as functions see it.
#[derive(Debug)]
pub struct Context {
    /// The catalog of the present statement.
    pub catalog: Arc<Catalog>,
    /// Database principal.
    pub user: PrincipalId,
    /// Its name.
    pub user_name: String,
    /// Login.
    pub login: String,
    /// Current database.
    pub database: String,
    /// Client's machine.
    pub host: String,
    /// Client's application.
    pub application: String,
    /// The server serves as a readable secondary.
    pub is_secondary: bool,
    /// Session id.
    pub spid: i64,
    /// Time of the present statement, UTC ticks.
    pub now: i64,
    /// `@@LOCK_TIMEOUT`, -1 for ever.
    pub lock_timeout_ms: i64,
    /// `@@TRANCOUNT`.
    pub transactions: i64,
    /// The transaction can only be rolled back.
    pub doomed: bool,
    /// `@@ROWCOUNT`.
    pub rows: i64,
    /// `SCOPE_IDENTITY()`.
    pub identity: Option<i64>,
    /// `@@ERROR`.
    pub last_error: i32,
    /// The error that a CATCH block handles.
    pub caught: Option<SqlError>,
    /// What `WITH CHANGE_TRACKING_CONTEXT` gives the present statement.
    pub change_context: Option<Vec<u8>>,
    /// Columns that the present UPDATE sets, in the order of its SET.
    pub set_columns: Vec<i32>,
    /// Identity values that the present statement has drawn while it waited to write, with their table.
    pub drawn: VecDeque<(i32, i64)>,
    /// `sp_getapplock`.
    pub application_locks: Arc<ApplicationLocks>,
    /// Graph ids and identities.
    pub counters: Arc<Counters>,
}

impl ContextHandle {
    /// A session of `dbo` before its login.
    pub fn new(
        catalog: Arc<Catalog>,
        counters: Arc<Counters>,
        application_locks: Arc<ApplicationLocks>,
    ) -> Self {
        let database = catalog.database.name.clone();
        Self(Arc::new(Mutex::new(Context {
            catalog,
            user: DBO,
            user_name: "dbo".to_owned(),
            login: "sa".to_owned(),
            database,
            host: String::new(),
            application: String::new(),
            is_secondary: false,
            spid: 51,
            now: 0,
            lock_timeout_ms: -1,
            transactions: 0,
            doomed: false,
            rows: 0,
            identity: None,
            last_error: 0,
            caught: None,
            change_context: None,
            set_columns: Vec::new(),
            drawn: VecDeque::new(),
            application_locks,
            counters,
        })))
    }

    /// The context itself.
    pub fn lock(&self) -> MutexGuard<'_, Context> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Graph ids and identity values: given out once, never taken back, not by a rollback either
/// (observed for graph ids, probed.md 4; documented for IDENTITY).
#[derive(Debug, Default)]
pub struct Counters {
    tables: Mutex<HashMap<i32, Counter>>,
}

/// Counters of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// Graph id of the next row.
    pub next_graph_id: i64,
    /// Last identity value, if one was given out.
    pub last_identity: Option<i64>,
    /// How often a statement that waited has drawn an identity value.
    pub drawn_early: u64,
}

impl Counters {
    fn with<T>(&self, table: i32, change: impl FnOnce(&mut Counter) -> T) -> T {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        change(tables.entry(table).or_default())
    }

    /// Takes a graph id.
    pub fn take_graph_id(&self, table: i32) -> i64 {
        self.with(table, |counter| {
            counter.next_graph_id += 1;
            counter.next_graph_id - 1
        })
    }

    /// An explicit graph id beyond the counter moves it (observed, probed.md 4).
    pub fn note_graph_id(&self, table: i32, id: i64) {
        self.with(table, |counter| {
            counter.next_graph_id = counter.next_graph_id.max(id.saturating_add(1));
        });
    }

    /// Takes an identity value.
    pub fn take_identity(&self, table: i32, seed: i64, increment: i64) -> i64 {
        self.with(table, |counter| {
            let next = counter.last_identity.map_or(seed, |last| last.saturating_add(increment));
            counter.last_identity = Some(next);
            next
        })
    }

    /// Takes an identity value for a statement that has to wait before it writes.
    pub fn draw_identity(&self, table: i32, seed: i64, increment: i64) -> i64 {
        self.with(table, |counter| counter.drawn_early += 1);
        self.take_identity(table, seed, increment)
    }

    /// Goes back to an earlier counter, unless somebody who waits has drawn a value since.
    pub fn rewind(&self, table: i32, to: Counter) {
        self.with(table, |own| {
            if own.drawn_early == to.drawn_early {
                *own = to;
            }
        });
    }

    /// An explicit value beyond the counter moves it (documented for `IDENTITY_INSERT`).
    pub fn note_identity(&self, table: i32, value: i64, increment: i64) {
        self.with(table, |counter| {
            let beyond = |last: i64| if increment < 0 { value < last } else { value > last };
            if counter.last_identity.is_none_or(beyond) {
                counter.last_identity = Some(value);
            }
        });
    }

    /// What is kept of a table.
    pub fn get(&self, table: i32) -> Counter {
        self.with(table, |counter| *counter)
    }

    /// Sets what is kept: at the start from the file, and by TRUNCATE.
    pub fn set(&self, table: i32, counter: Counter) {
        self.with(table, |own| *own = counter);
    }

    /// Everything, to be written down.
    pub fn all(&self) -> Vec<(i32, Counter)> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.iter().map(|(table, counter)| (*table, *counter)).collect()
    }
}
