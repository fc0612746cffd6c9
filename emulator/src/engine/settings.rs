//! SET options of a session.

use std::time::Duration;

use crate::sql::ast::Isolation;

/// SET options.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// NOCOUNT.
    pub no_count: bool,
    /// `XACT_ABORT`.
    pub abort_transaction: bool,
    /// `IMPLICIT_TRANSACTIONS`.
    pub implicit_transactions: bool,
    /// `LOCK_TIMEOUT`; `None` waits for ever.
    pub lock_timeout: Option<Duration>,
    /// TRANSACTION ISOLATION LEVEL.
    pub isolation: Isolation,
    /// Table for which `IDENTITY_INSERT` is on.
    pub identity_insert: Option<i32>,
}

impl Settings {
    /// `@@LOCK_TIMEOUT`: -1 without a limit (documented).
    pub fn lock_timeout_ms(&self) -> i64 {
        self.lock_timeout
            .map_or(-1, |timeout| i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX))
    }
}
