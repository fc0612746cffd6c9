//! What is waited for, and how.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::error::{Error, Kind, Result};

/// The end was asked for.
pub(super) fn ended(stop: &watch::Receiver<bool>) -> Result<()> {
    if *stop.borrow() { Err(Error::new(Kind::Ended, "asked to end")) } else { Ok(()) }
}

/// Waits, but not when the end was asked for.
pub(super) async fn pause_unless(stop: &watch::Receiver<bool>, pause: Duration) -> Result<()> {
    let mut changes = stop.clone();
    let asked = async {
        if changes.wait_for(|stop| *stop).await.is_err() {
            // Nobody can ask for the end any more.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = sleep(pause) => {}
        () = asked => {}
    }
    ended(stop)
}

/// Whether a failure of a worker is waited for. Pure.
///
/// A server that starts again refuses logins and databases for a while with errors that are an
/// operator's fault at any other time; so does one that a failover has made a secondary. What is too
/// large there is no batch, which would have been halved: others use up the memory that the server has
/// for transactions.
pub(super) fn is_passing(error: &Error) -> bool {
    /// While the server starts, or a database recovers, is restored, changes over or has no room.
    /// Source: the engine's messages.
    const OF_SOURCE: [&str; 18] = [
        "Msg 4060",
        "Msg 18456",
        "Msg 18401",
        "Msg 17142",
        "Msg 904",
        "Msg 921",
        "Msg 922",
        "Msg 923",
        "Msg 924",
        "Msg 927",
        "Msg 942",
        "Msg 945",
        "Msg 952",
        "Msg 976",
        "Msg 983",
        "Msg 988",
        "Msg 9002",
        "Msg 22117",
    ];
    const OF_GRAPH: [&str; 4] = [
        "Neo.ClientError.Database.DatabaseNotFound",
        "Neo.ClientError.Security.Unauthorized",
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
        "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
    ];
    let code = error.server_code().unwrap_or_default();
    error.is_retryable()
        || matches!(error.kind, Kind::TooLarge | Kind::Overtaken)
        || OF_SOURCE.contains(&code)
        || OF_GRAPH.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_starts_is_waited_for_and_a_fault_of_the_set_up_is_not() {
        let of_source = |code: &str| is_passing(&Error::new(Kind::Source, "it").code(code));
        assert!(of_source("Msg 18456") && of_source("Msg 4060") && of_source("Msg 22117"));
        assert!(!of_source("Msg 207") && !of_source("Msg 208") && !of_source("Msg 229"));
        let of_graph = |code: &str| is_passing(&Error::new(Kind::Graph, "it").code(code));
        assert!(of_graph("Neo.ClientError.Database.DatabaseNotFound"));
        assert!(!of_graph("Neo.ClientError.Statement.SyntaxError"));
        for (kind, waits) in [
            (Kind::Transient, true),
            (Kind::UnknownOutcome, true),
            (Kind::TooLarge, true),
            (Kind::Overtaken, true),
            (Kind::Stop, false),
            (Kind::FencedOff, false),
            (Kind::Ended, false),
            (Kind::Refused, false),
        ] {
            assert_eq!(is_passing(&Error::new(kind, "it")), waits, "{kind:?}");
        }
    }
}
