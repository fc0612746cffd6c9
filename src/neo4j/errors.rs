//! What a failure of the graph means, told by its code and not by its class: the class
//! `DatabaseError` holds a text key that is too long, which no retry cures, and a disk that is full,
//! which is no row's fault; `ClientError` holds a leader switch, which passes.

use neo4rs::Error as DriverError;

use crate::config::GraphConfig;
use crate::error::{Error, Kind};

/// Codes after which half the batch may pass.
const TOO_LARGE: [&str; 4] = [
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
    "Neo.TransientError.General.TransactionMemoryLimit",
    "Neo.TransientError.General.TransactionOutOfMemoryError",
    "Neo.TransientError.General.StackOverFlowError",
];

/// Codes outside the class `TransientError` after which the same work may succeed. `Ignored` is what
/// comes after a failure in the same transaction, which had a reason of its own.
const TRANSIENT: [&str; 6] = [
    "Neo.ServerError.Ignored",
    "Neo.ClientError.Cluster.NotALeader",
    "Neo.ClientError.Security.AuthorizationExpired",
    "Neo.ClientError.Transaction.LockClientStopped",
    "Neo.ClientError.Transaction.Terminated",
    "Neo.ClientError.Transaction.TransactionTimedOut",
];

/// Kinds of `DatabaseError` that tell of the server's state and not of what was sent: a full disk,
/// a database that is down or starts. A row is never the cause.
const OUTAGES: [&str; 3] =
    ["Neo.DatabaseError.Transaction.", "Neo.DatabaseError.General.", "Neo.DatabaseError.Database."];

/// Codes that no row is the cause of: nothing is bisected, provsync stops.
const FATAL: [&str; 9] = [
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
    "Neo.ClientError.Statement.AccessMode",
    "Neo.ClientError.Statement.SyntaxError",
    "Neo.ClientError.Statement.ParameterMissing",
    "Neo.ClientError.Database.DatabaseNotFound",
    "Neo.ClientError.Transaction.ForbiddenDueToTransactionType",
    "Neo.DatabaseError.General.StorageDamageDetected",
    "Neo.DatabaseError.Database.DatabaseLimitReached",
];

/// The error of a statement.
pub fn statement(error: DriverError) -> Error {
    match error {
        DriverError::Neo4j(neo4j) => server(neo4j.code(), neo4j.message()),
        DriverError::AuthenticationError(_) => Error::new(Kind::Graph, "Neo4j refused the login")
            .hint("check graph.user and graph.password"),
        other => transport(&other, Kind::Transient),
    }
}

/// The error of a commit: without the server's word the outcome is unknown.
pub fn commit(error: DriverError) -> Error {
    match error {
        DriverError::Neo4j(neo4j) => server(neo4j.code(), neo4j.message()),
        other => transport(&other, Kind::UnknownOutcome),
    }
}

fn server(code: &str, text: &str) -> Error {
    let kind = kind(code);
    // Messages about rows quote their values; those about access and settings do not.
    let what = match kind {
        Kind::Refused => "Neo4j refused a batch".to_owned(),
        _ => format!("Neo4j: {}", text.lines().next().unwrap_or_default()),
    };
    let error = Error::new(kind, what).code(code);
    match hint(code) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn kind(code: &str) -> Kind {
    if TOO_LARGE.contains(&code) {
        Kind::TooLarge
    } else if TRANSIENT.contains(&code) || code.starts_with("Neo.TransientError.") {
        Kind::Transient
    } else if FATAL.contains(&code) || code.starts_with("Neo.ClientError.Security.") {
        Kind::Graph
    } else if OUTAGES.iter().any(|outage| code.starts_with(outage)) {
        Kind::Transient
    } else {
        Kind::Refused
    }
}

/// Whether a transaction was the victim of a deadlock: it was rolled back, so that others go on.
pub fn is_deadlock(error: &Error) -> bool {
    error.server_code() == Some("Neo.TransientError.Transaction.DeadlockDetected")
}

/// Whether what is too large is too large for one transaction, whatever else runs. Neo4j gives one
/// code for that and for memory that all transactions share, and names the limit in its message.
pub fn is_of_one_transaction(error: &Error) -> bool {
    let is_pool =
        error.server_code() == Some("Neo.TransientError.General.MemoryPoolOutOfMemoryError");
    !is_pool || error.to_string().contains("db.memory.transaction.max")
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"
        | "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase"
        | "Neo.ClientError.Statement.AccessMode" => {
            "the database is read-only: ALTER DATABASE … SET ACCESS READ WRITE, or remove it from server.databases.read_only"
        }
        "Neo.ClientError.Security.Unauthorized" => "check graph.user and graph.password",
        "Neo.ClientError.Security.Forbidden" => {
            "the user lacks a right: it must read, write and create constraints"
        }
        "Neo.ClientError.Database.DatabaseNotFound" => "check graph.database",
        _ => return None,
    })
}

/// Neo4j could not be reached or refused the login.
pub fn connecting(config: &GraphConfig, error: DriverError) -> Error {
    match error {
        DriverError::Neo4j(neo4j) => server(neo4j.code(), neo4j.message()),
        DriverError::AuthenticationError(_) => Error::new(
            Kind::Graph,
            format!("Neo4j at {} refused the login of {}", config.uri, config.user),
        )
        .hint("check graph.user and graph.password"),
        DriverError::ProtocolMismatch(_) => {
            Error::new(Kind::Graph, format!("what listens at {} is not Bolt", config.uri))
                .hint("the HTTP port is not the Bolt port (7687)")
        }
        other => transport(&other, Kind::Transient)
            .during(&format!("Neo4j at {}", config.uri))
            .hint("check graph.uri, that the server runs, and bolt:// against bolt+s://"),
    }
}

fn transport(error: &DriverError, kind: Kind) -> Error {
    let what = match error {
        DriverError::IOError { detail } => format!("the connection broke ({})", detail.kind()),
        DriverError::ConnectionTimedOut => "no answer in time".to_owned(),
        DriverError::ConnectionClosed(_) => "the server closed the connection".to_owned(),
        DriverError::DeserializationError(_) => "an answer could not be read".to_owned(),
        other => format!("{other}"),
    };
    Error::new(kind, format!("Neo4j: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_not_classes() {
        assert_eq!(kind("Neo.TransientError.Transaction.DeadlockDetected"), Kind::Transient);
        assert_eq!(kind("Neo.TransientError.General.MemoryPoolOutOfMemoryError"), Kind::TooLarge);
        assert_eq!(kind("Neo.ClientError.Cluster.NotALeader"), Kind::Transient);
        assert_eq!(kind("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"), Kind::Graph);
        // A text key that is too long to index: a row's fault, though the class says the server's.
        assert_eq!(kind("Neo.DatabaseError.Statement.ExecutionFailed"), Kind::Refused);
        assert_eq!(kind("Neo.ClientError.Schema.ConstraintValidationFailed"), Kind::Refused);
    }

    #[test]
    fn a_full_disk_or_a_database_in_trouble_is_an_outage_and_no_rows_fault() {
        for code in [
            "Neo.DatabaseError.Transaction.TransactionStartFailed",
            "Neo.DatabaseError.Transaction.TransactionCommitFailed",
            "Neo.DatabaseError.Transaction.TransactionLogError",
            "Neo.DatabaseError.Transaction.TransactionTerminationFailed",
            "Neo.DatabaseError.General.UnknownError",
            "Neo.DatabaseError.General.IndexCorruptionDetected",
            "Neo.DatabaseError.Database.UnableToStartDatabase",
            "Neo.DatabaseError.Database.Unknown",
        ] {
            assert_eq!(kind(code), Kind::Transient, "{code}");
        }
        assert_eq!(kind("Neo.DatabaseError.General.StorageDamageDetected"), Kind::Graph);
        assert_eq!(kind("Neo.DatabaseError.Database.DatabaseLimitReached"), Kind::Graph);
    }

    #[test]
    fn memory_that_all_share_is_told_from_the_limit_of_a_transaction() {
        // Source: messages of a 5.26 server with either limit.
        let said = |limit: &str| {
            let text = format!(
                "The allocation of an extra 2.0 MiB would use more than the limit 8.0 MiB. Currently using 7.0 MiB. {limit} threshold reached"
            );
            server("Neo.TransientError.General.MemoryPoolOutOfMemoryError", &text)
        };
        assert!(is_of_one_transaction(&said("db.memory.transaction.max")));
        assert!(!is_of_one_transaction(&said("dbms.memory.transaction.total.max")));
        assert!(!is_of_one_transaction(&said("db.memory.transaction.total.max")));
        assert!(is_of_one_transaction(&Error::new(Kind::TooLarge, "more than is read at a time")));
    }

    #[test]
    fn a_refused_batch_does_not_quote_the_row() {
        let error = server(
            "Neo.ClientError.Schema.ConstraintValidationFailed",
            "Node(1) with `atomId` = 'secret'",
        );
        assert!(!error.to_string().contains("secret"));
        assert!(error.to_string().contains("ConstraintValidationFailed"));
    }
}
