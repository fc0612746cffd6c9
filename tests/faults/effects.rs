//! What goes wrong on the graph's side.

use std::time::Duration;

use super::support::bolt_proxy::Effect;

const fn fail(code: &'static str) -> Effect {
    Effect::Fail { code, message: "as a server says it" }
}

pub const DEADLOCK: Effect = fail("Neo.TransientError.Transaction.DeadlockDetected");
/// Memory that all transactions share.
pub const MEMORY: Effect = Effect::Fail {
    code: "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
    message: "dbms.memory.transaction.total.max threshold reached",
};
pub const SLOW: Effect = Effect::Slow(Duration::from_millis(300));
/// A row's own fault, if it lasts.
pub const REFUSED: Effect = fail("Neo.DatabaseError.Statement.ExecutionFailed");

/// At a statement.
pub const AT_STATEMENT: [Effect; 10] = [
    Effect::Cut,
    Effect::CutAfter,
    Effect::Hold,
    Effect::HoldAnswer,
    SLOW,
    DEADLOCK,
    fail("Neo.ClientError.Cluster.NotALeader"),
    MEMORY,
    fail("Neo.DatabaseError.Transaction.TransactionStartFailed"),
    fail("Neo.DatabaseError.General.UnknownError"),
];

/// At a COMMIT.
pub const AT_COMMIT: [Effect; 9] = [
    Effect::Cut,
    Effect::CutAfter,
    Effect::LateCommit,
    Effect::Hold,
    Effect::HoldAnswer,
    SLOW,
    DEADLOCK,
    fail("Neo.ClientError.Cluster.NotALeader"),
    fail("Neo.DatabaseError.Transaction.TransactionCommitFailed"),
];

/// Of each kind one, for the many places of one phase.
pub const FEW_AT_STATEMENT: [Effect; 3] = [Effect::CutAfter, DEADLOCK, MEMORY];
pub const FEW_AT_COMMIT: [Effect; 3] = [Effect::Cut, Effect::CutAfter, Effect::LateCommit];
