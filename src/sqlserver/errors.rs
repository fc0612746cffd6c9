//! What a failure of the source means: retry later, or stop with a hint.

use std::time::Duration;

use crate::config::SourceConfig;
use crate::error::{Error, Kind};

/// Server errors after which the same read may succeed: deadlock victim, lock timeout, DDL under a
/// snapshot, and the throttling and failover codes of Azure SQL.
/// Source: Microsoft's list of transient errors; `1205`, `1222`, `3961` of the engine's messages.
const TRANSIENT: [u32; 12] =
    [1205, 1222, 3961, 40197, 40501, 40613, 49918, 49919, 49920, 10928, 10929, 4221];

/// The error of a statement.
///
/// The server's message is kept only for errors that can't quote a row: those of conversions and
/// constraints do, so they are told by their number.
pub fn classify(error: tiberius::error::Error) -> Error {
    match error {
        tiberius::error::Error::Server(token) => server(&token),
        tiberius::error::Error::Io { kind, .. } => {
            Error::new(Kind::Transient, format!("the connection to SQL Server broke ({kind})"))
        }
        tiberius::error::Error::Tls(message) => {
            Error::new(Kind::Source, format!("TLS with SQL Server failed: {message}"))
        }
        other => {
            Error::new(Kind::Source, format!("SQL Server's answer could not be read: {other}"))
        }
    }
}

fn server(token: &tiberius::error::TokenError) -> Error {
    let code = token.code();
    let kind = if TRANSIENT.contains(&code) { Kind::Transient } else { Kind::Source };
    let error = Error::new(kind, message(code, token.message())).code(format!("Msg {code}"));
    match hint(code) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Messages that name objects only (syntax, names, permissions, settings, login).
fn message(code: u32, text: &str) -> String {
    const NAMES_OBJECTS_ONLY: [u32; 18] = [
        102, 156, 207, 208, 229, 230, 911, 916, 1205, 1222, 3952, 3961, 4060, 18456, 22105, 22117,
        13920, 40613,
    ];
    if NAMES_OBJECTS_ONLY.contains(&code) {
        format!("SQL Server: {text}")
    } else {
        "SQL Server refused a statement".to_owned()
    }
}

/// Of a readable secondary, and of any other database that can't be written to.
const READ_ONLY_COPY: &str = "changes are tracked on the primary only: connect to it, or to the availability group's listener, without read intent";

/// What the server says where change tracking is asked for (22117), said before it is.
pub fn read_only_copy() -> Error {
    Error::new(Kind::Source, "the source is a read-only copy")
        .code("Msg 22117")
        .hint(READ_ONLY_COPY)
}

fn hint(code: u32) -> Option<&'static str> {
    Some(match code {
        207 => {
            "a mapped column is missing at the source: correct the mapping or add the column; `provsync doctor` lists all of them"
        }
        208 => "the table does not exist or the login may not see it; `provsync doctor` says which",
        229 | 230 => {
            "GRANT SELECT, VIEW CHANGE TRACKING on the table TO provsync_reader; `provsync doctor` prints the statement"
        }
        3952 => "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON",
        4060 | 911 => "check source.database and that the login has a user in it",
        18456 => "check source.user and source.password",
        22105 => "ALTER TABLE … ENABLE CHANGE_TRACKING; `provsync doctor` prints the statement",
        22117 => READ_ONLY_COPY,
        _ => return None,
    })
}

/// Login or handshake failed.
pub fn login(address: &str, config: &SourceConfig, error: tiberius::error::Error) -> Error {
    match error {
        tiberius::error::Error::Tls(message) => {
            Error::new(Kind::Source, format!("TLS with SQL Server at {address} failed: {message}")).hint(
                "a certificate of your own authority: source.tls.ca_file; a self-signed X.509 v1 certificate: only source.tls.trust_certificate = true; a server without TLS: source.tls.mode = \"off\"",
            )
        }
        tiberius::error::Error::Routing { host, port } => Error::new(
            Kind::Source,
            format!("SQL Server at {address} redirects to {host}:{port}"),
        )
        .hint("set source.host and source.port to that address"),
        tiberius::error::Error::Io { kind, .. } => {
            Error::new(Kind::Transient, format!("SQL Server at {address} broke off the login ({kind})"))
                .hint("a server that refuses or lacks TLS does so: see source.tls.mode")
        }
        tiberius::error::Error::Server(token) => server(&token)
            .during(&format!("login of {} at {address}, database {}", config.user, config.database)),
        other => Error::new(Kind::Source, format!("SQL Server at {address} broke off the handshake: {other}"))
            .hint("a server without TLS, or with TDS 8.0 alone: see source.tls.mode"),
    }
}

/// No connection at all.
pub fn unreachable(address: &str, error: &std::io::Error) -> Error {
    Error::new(
        Kind::Transient,
        format!("SQL Server at {address} can't be reached: {}", error.kind()),
    )
    .hint("check source.host and source.port and that the server listens on TCP")
}

/// No answer in time.
pub fn timed_out(limit: Duration) -> Error {
    Error::new(Kind::Transient, format!("SQL Server did not answer within {limit:?}"))
        .hint("raise source.statement_timeout_seconds or lower full.page_rows")
}

/// A read was asked for in a snapshot whose connection is gone.
pub fn lost_snapshot() -> Error {
    Error::new(Kind::Transient, "the snapshot's connection is gone")
}
