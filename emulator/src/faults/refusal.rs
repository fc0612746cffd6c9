//! Errors that a server gives without any fault of the statement.

use serde::{Deserialize, Serialize};

use super::{Kind, On};
use crate::sql::error::{Severity, SqlError};

/// An error that comes from the server's state; in JSON its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Refusal {
    /// 1205: chosen as the victim; the transaction is rolled back.
    Deadlock,
    /// 3961: another transaction has altered the table since the snapshot; the transaction is rolled back.
    DefinitionChanged,
    /// 40613: a login finds its database not available.
    Unavailable,
    /// 10928: too many sessions; the connection ends.
    ResourceLimit,
    /// 9002: no room for writes.
    LogFull,
}

const ALL: [Refusal; 5] = [
    Refusal::Deadlock,
    Refusal::DefinitionChanged,
    Refusal::Unavailable,
    Refusal::ResourceLimit,
    Refusal::LogFull,
];

impl TryFrom<u32> for Refusal {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        let found = ALL.into_iter().find(|refusal| refusal.number() == number);
        found.ok_or_else(|| format!("no error {number} on demand"))
    }
}

impl From<Refusal> for u32 {
    fn from(refusal: Refusal) -> Self {
        refusal.number()
    }
}

impl Refusal {
    /// Its number.
    pub fn number(self) -> u32 {
        match self {
            Self::Deadlock => 1205,
            Self::DefinitionChanged => 3961,
            Self::Unavailable => 40613,
            Self::ResourceLimit => 10928,
            Self::LogFull => 9002,
        }
    }

    /// Whether it can come there: 40613 answers a login, the others but 10928 answer statements.
    pub(super) fn check(self, on: On) -> Result<(), String> {
        let login = on == On::Only(Kind::Login);
        let right = match self {
            Self::Unavailable => login,
            Self::ResourceLimit => true,
            _ => !login,
        };
        if right { Ok(()) } else { Err(format!("{} does not come on {on:?}", self.number())) }
    }

    /// As the session of this number gets it.
    pub(crate) fn error(self, session: i64, database: &str) -> SqlError {
        let number = i32::try_from(self.number()).unwrap_or_default();
        // That 9002 and 10928 end the transaction is an assumption; of 1205 and 3961 it is documented.
        let refused = |text: String| SqlError {
            severity: Severity::Transaction,
            ..SqlError::new(number, text)
        };
        match self {
            // Observed text and class (probed.md 6); documented state.
            Self::Deadlock => refused(format!(
                "Transaction (Process ID {session}) was deadlocked on lock resources with another process and has been chosen as \
                 the deadlock victim. Rerun the transaction."
            ))
            .class(13)
            .state(51),
            // Observed (probed.md 6).
            Self::DefinitionChanged => refused(format!(
                "Snapshot isolation transaction failed in database '{database}' because the object accessed by the statement has \
                 been modified by a DDL statement in another concurrent transaction since the start of this transaction.  It is \
                 disallowed because the metadata is not versioned. A concurrent update to metadata can lead to inconsistency if \
                 mixed with snapshot isolation."
            )),
            // Documented texts and classes.
            Self::Unavailable => refused(format!(
                "Database '{database}' on server '{}' is not currently available. Please retry the connection later. If the \
                 problem persists, contact customer support, and provide them the session tracing ID of '{{}}'.",
                crate::engine::SERVER_NAME
            ))
            .class(17),
            Self::ResourceLimit => refused(
                "Resource ID: 2. The session limit for the database is 30 and has been reached. See \
                 'http://go.microsoft.com/fwlink/?LinkId=267637' for assistance."
                    .to_owned(),
            )
            .class(20),
            Self::LogFull => refused(format!(
                "The transaction log for database '{database}' is full due to 'LOG_BACKUP'."
            ))
            .class(17)
            .state(2),
        }
    }
}
