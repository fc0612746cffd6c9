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
