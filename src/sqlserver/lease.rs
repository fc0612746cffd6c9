//! The lease: an application lock that a session owns, so that it ends with its connection.
//!
//! It keeps a second writer waiting. That a writer which lost it writes nothing more is the fence's
//! work, not the lease's.

use super::{Source, decode, statements};
use crate::error::Result;

/// Takes the lease on this connection, if nobody has it. Does not wait.
pub async fn take(source: &mut Source, name: &str) -> Result<bool> {
    // 0: granted; -1: somebody else has it.
    Ok(number(source, statements::TAKE_LEASE, name).await? >= 0)
}

/// Whether this connection still has it. A new connection never has.
pub async fn is_held(source: &mut Source, name: &str) -> Result<bool> {
    Ok(number(source, statements::HOLDS_LEASE, name).await? == 1)
}

/// Whether any connection has it.
pub async fn is_taken(source: &mut Source, name: &str) -> Result<bool> {
    Ok(number(source, statements::IS_LEASED, name).await? == 1)
}

async fn number(source: &mut Source, sql: &str, name: &str) -> Result<i64> {
    let rows = source.rows(sql, &[&name]).await?;
    let cell = rows.first().and_then(|row| row.get_column_data(0).ok());
    Ok(cell.and_then(decode::integer).unwrap_or(-1))
}
