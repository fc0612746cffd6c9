//! What goes wrong, and at which request.

use std::time::Duration;

use super::message::{self, Message};

/// Strikes `times` requests that `on` describes, after the first `after` of them have passed.
#[derive(Clone, Debug)]
pub struct Fault {
    pub on: On,
    pub effect: Effect,
    pub after: usize,
    pub times: usize,
}

impl Fault {
    /// Strikes the next request that `on` describes.
    pub fn next(on: On, effect: Effect) -> Self {
        Self { on, effect, after: 0, times: 1 }
    }

    /// Lets `after` of them pass first.
    #[must_use]
    pub fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }

    /// Strikes `times` of them, one after the other.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum On {
    /// Every request of a transaction. HELLO, RESET and GOODBYE are not: how many the driver sends
    /// depends on which connection of its pool it takes.
    Any,
    Begin,
    Run,
    Pull,
    Commit,
    Rollback,
    /// A RUN whose statement contains this text.
    RunContaining(&'static str),
}

impl On {
    pub fn matches(self, request: Message<'_>) -> bool {
        let tag = request.tag();
        match self {
            Self::Any => matches!(
                tag,
                message::BEGIN
                    | message::RUN
                    | message::PULL
                    | message::DISCARD
                    | message::COMMIT
                    | message::ROLLBACK
            ),
            Self::Begin => tag == message::BEGIN,
            Self::Run => tag == message::RUN,
            Self::Pull => tag == message::PULL,
            Self::Commit => tag == message::COMMIT,
            Self::Rollback => tag == message::ROLLBACK,
            Self::RunContaining(text) => request.statement().is_some_and(|s| s.contains(text)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// The connection is cut before the server sees the request.
    Cut,
    /// The server does it; its answer is swallowed, then the connection is cut.
    CutAfter,
    /// The request is not forwarded before the release. A client that goes away takes it along.
    Hold,
    /// The request is forwarded, its answer kept back until the release.
    HoldAnswer,
    /// The answer comes that much later.
    Slow(Duration),
    /// The client's connection is cut at once; the server's stays open, with the transaction's
    /// locks, and sees the request only at the release.
    LateCommit,
    /// The client is told this failure and, up to its RESET, that its further requests are ignored.
    /// The server does not see the request and is reset at once, since it frees the locks of a
    /// transaction whose statement fails (a deadlock) at once, too. Texts of less than 64 KiB.
    Fail { code: &'static str, message: &'static str },
}
