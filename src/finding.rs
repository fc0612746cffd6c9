//! What preflight finds: what is expected, what is there, and what puts it right.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A run would stop or give a wrong graph.
    Error,
    /// A run works; something may go wrong later, or is slower than it need be.
    Warning,
}

/// One thing that is not as it should be. Its JSON form is `doctor`'s contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which check: a fixed word, e.g. `snapshot-isolation`.
    pub check: &'static str,
    /// Table, column, database or server.
    pub object: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// The statement or setting that puts it right.
    pub fix: String,
}

impl Finding {
    /// An error; [`Finding::warning`] makes it one.
    pub fn new(check: &'static str, object: impl Into<String>) -> Self {
        let (expected, found, fix) = Default::default();
        Self { level: Level::Error, check, object: object.into(), expected, found, fix }
    }

    /// What should be there.
    #[must_use]
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.expected = text.into();
        self
    }

    /// What is there.
    #[must_use]
    pub fn found(mut self, text: impl Into<String>) -> Self {
        self.found = text.into();
        self
    }

    /// The statement or setting that puts it right.
    #[must_use]
    pub fn fix(mut self, text: impl Into<String>) -> Self {
        self.fix = text.into();
        self
    }

    /// Not an error.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }
}
