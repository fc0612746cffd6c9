//! An error as SQL Server reports it: number, state, class and text.

/// What ends with an error of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement alone; the batch goes on unless `XACT_ABORT` is on.
    Statement,
    /// The batch.
    Batch,
    /// The batch and the transaction.
    Transaction,
}

/// An error with SQL Server's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Msg {number}, Level {class}, State {state}, Line {line}: {message}")]
pub struct SqlError {
    /// Number.
    pub number: i32,
    /// State.
    pub state: u8,
    /// Class, also called level or severity.
    pub class: u8,
    /// Text.
    pub message: String,
    /// Line of the batch, 1-based; 0 until it is known.
    pub line: u32,
    /// What it ends.
    pub severity: Severity,
    /// A second error that is reported behind it, and the only one that a CATCH block sees.
    pub followed_by: Option<Box<SqlError>>,
}

/// What goes wrong with a statement.
pub type Result<T> = std::result::Result<T, SqlError>;

/// Marks an error that travels through `SQLite` as text.
const MARK: char = '\u{1}';

impl SqlError {
    /// An error of class 16 and state 1 that ends its batch.
    pub fn new(number: i32, message: impl Into<String>) -> Self {
        Self {
            number,
            state: 1,
            class: 16,
            message: message.into(),
            line: 0,
            severity: severity_of(number),
            followed_by: None,
        }
    }

    /// The same with another error behind it.
    #[must_use]
    pub fn followed_by(self, number: i32, message: impl Into<String>, state: u8) -> Self {
        self.before(Self::new(number, message).state(state))
    }

    /// The same with this error behind it.
    #[must_use]
    pub fn before(mut self, next: Self) -> Self {
        self.followed_by = Some(Box::new(next));
        self
    }

    /// The error and the one behind it.
    pub fn each(&self) -> impl Iterator<Item = Self> + '_ {
        let line = self.line;
        std::iter::successors(Some(self), |error| error.followed_by.as_deref())
            .map(move |error| error.clone().at_line(line))
    }

    /// What a CATCH block sees: the last of several errors (documented).
    #[must_use]
    pub fn last(self) -> Self {
        let line = self.line;
        match self.followed_by {
            Some(next) => next.at_line(line).last(),
            None => self,
        }
    }

    /// The same with another class.
    #[must_use]
    pub fn class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// The same with another state.
    #[must_use]
    pub fn state(mut self, state: u8) -> Self {
        self.state = state;
        self
    }

    /// The same at a line, if it has none yet.
    #[must_use]
    pub fn at_line(mut self, line: u32) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self
    }

    /// Something that SQL Server may know and this server does not.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new(
            40517,
            format!("Keyword or statement option '{what}' is not supported by this server."),
        )
        .class(15)
    }

    /// 102.
    pub fn syntax(near: impl std::fmt::Display) -> Self {
        Self::new(102, format!("Incorrect syntax near '{near}'.")).class(15)
    }

    /// Something that this server should have handled.
    pub fn internal(what: impl std::fmt::Display) -> Self {
        Self::new(50099, format!("Internal error: {what}")).class(17)
    }

    /// Whether it says that the text cannot be read: class 15 (documented), and MATCH where it may not stand.
    pub fn is_about_syntax(&self) -> bool {
        self.class == 15 || self.number == 13905
    }

    /// The form in which `SQLite` carries the error out of a function or a trigger.
    pub fn encode(&self) -> String {
        format!(
            "{MARK}{}{MARK}{}{MARK}{}{MARK}{}",
            self.number, self.state, self.class, self.message
        )
    }

    /// Reads [`encode`](Self::encode)'s form.
    pub fn decode(text: &str) -> Option<Self> {
        let mut parts = text[text.find(MARK)?..].splitn(5, MARK).skip(1);
        let number = parts.next()?.parse().ok()?;
        let state = parts.next()?.parse().ok()?;
        let class = parts.next()?.parse().ok()?;
        Some(Self::new(number, parts.next()?).state(state).class(class))
    }
}

impl SqlError {
    /// Found when names are bound to objects: a CATCH block of the same text does not see it (documented for deferred name
    /// resolution), one around an EXEC does.
    pub fn is_binding(&self) -> bool {
        matches!(
            self.number,
            102 | 107
                | 109
                | 110
                | 116
                | 120
                | 121
                | 137
                | 141
                | 145
                | 156
                | 174
                | 195
                | 205
                | 207
                | 208
                | 209
                | 213
                | 264
                | 1013
                | 1087
                | 4104
                | 4145
                | 8120
                | 8155
                | 8156
        )
    }
}

/// What an error ends when `XACT_ABORT` is off (documented behaviour of each number).
fn severity_of(number: i32) -> Severity {
    match number {
        // Constraint violations, NULL in a NOT NULL column, truncation, division by zero, permissions, conversion of a subquery;
        // what a system procedure says.
        2812 | 3902 | 3903 | 628 | 6401 | 515 | 547 | 2601 | 2627 | 2628 | 8152 | 8134 | 512
        | 229 | 230 | 1222 | 530 | 544 | 545 | 50000 | 201 | 1202 | 1223 | 1224 | 1227 | 220
        | 8115 | 8672 | 266 => Severity::Statement,
        // Conversions fail the batch and the transaction; so do deadlock and snapshot conflicts.
        241 | 242 | 245 | 248 | 8114 | 8169 | 1205 | 3951 | 3952 | 3960 | 3961 | 3964 | 3930 => {
            Severity::Transaction
        }
        _ => Severity::Batch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_its_way_through_sqlite() {
        let error = SqlError::new(547, "The INSERT statement conflicted").state(0);
        let back = SqlError::decode(&format!("constraint failed: {}", error.encode()));
        assert_eq!(back, Some(error));
    }
}
