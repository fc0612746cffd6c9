//! Opening `SQLite`.

use std::path::Path;

use rusqlite::Connection;

use super::context::ContextHandle;
use super::{collation, functions};

/// WAL gives readers their snapshots; durability across a crash of the machine is not asked of an emulator.
const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
PRAGMA mmap_size = 268435456;
PRAGMA recursive_triggers = ON;
PRAGMA busy_timeout = 60000;
";

/// Prepared statements that a session keeps.
const STATEMENTS_KEPT: usize = 128;

/// Opens the database for one session.
pub fn open(path: &Path, context: &ContextHandle) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(PRAGMAS)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    collation::register(&connection)?;
    functions::register(&connection, context)?;
    Ok(connection)
}
