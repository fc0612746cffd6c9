//! One error for the whole crate: what failed, on which object, what to do about it.
//!
//! The text of an error never holds a row's content nor a secret: it names tables, keys, codes.

use std::fmt;

/// What kind of failure this is; it decides the retry and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Configuration, mapping or arguments are wrong.
    Usage,
    /// SQL Server refused or can't be reached.
    Source,
    /// Neo4j refused or can't be reached.
    Graph,
    /// provsync stopped itself: a rule forbids going on (breaker, other source, quarantine's limit).
    Stop,
    /// Another writer has the right to write now, or the checkpoint is not what was left there.
    FencedOff,
    /// Rows were read before a version that the graph has passed: the source was put back, or another
    /// has carried later ones.
    Overtaken,
    /// The run was asked to end.
    Ended,
    /// The outcome of a write is not known (R5): take a new fence, read again, diff again.
    UnknownOutcome,
    /// The other side is away or busy for now; the same work may succeed later.
    Transient,
    /// The transaction was too large for the server: half the batch may pass.
    TooLarge,
    /// The server refuses this very content; a smaller batch shows which row it is.
    Refused,
}

/// A failure with what an operator needs to act on it.
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of failure this is.
    pub kind: Kind,
    what: String,
    hint: Option<String>,
    code: Option<String>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `what` names the operation and the object.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hint: None, code: None }
    }

    /// [`Kind::Usage`].
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// [`Kind::Stop`].
    pub fn stop(what: impl Into<String>) -> Self {
        Self::new(Kind::Stop, what)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the server's own code, e.g. `Msg 208` or `Neo.ClientError.…`.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Says what was being done when the error came.
    #[must_use]
    pub fn during(mut self, what: &str) -> Self {
        self.what = format!("{what}: {}", self.what);
        self
    }

    /// The same error of another kind: its meaning depends on where it happens.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// What failed, without code and remedy.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The server's own code, where it gave one.
    pub fn server_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same work, read and diffed again, may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, Kind::Transient | Kind::UnknownOutcome)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(code) = &self.code {
            write!(f, " [{code}]")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A fault in something that a person wrote: where, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// File and line, environment variable or flag.
    pub place: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Error {
    /// All faults of one input at once.
    pub fn faults(input: &str, faults: &[Fault]) -> Self {
        let lines: Vec<String> = faults.iter().map(|f| format!("  {f}")).collect();
        Self::usage(format!("{input}: {} fault(s)\n{}", faults.len(), lines.join("\n")))
    }
}
