//! SET.

use super::Parser;
use crate::sql::ast::{Isolation, StatementKind};
use crate::sql::error::Result;
use crate::sql::lexer::Token;

/// Options that are ON or OFF.
const SWITCHES: [&str; 16] = [
    "NOCOUNT",
    "XACT_ABORT",
    "QUOTED_IDENTIFIER",
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ANSI_NULL_DFLT_ON",
    "ANSI_DEFAULTS",
    "ARITHABORT",
    "ARITHIGNORE",
    "CONCAT_NULL_YIELDS_NULL",
    "NUMERIC_ROUNDABORT",
    "CURSOR_CLOSE_ON_COMMIT",
    "IMPLICIT_TRANSACTIONS",
    "FMTONLY",
    "NOEXEC",
];

/// Options that here may only have the one value that the server works by.
const ONLY_ON: [&str; 6] = [
    "QUOTED_IDENTIFIER",
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "CONCAT_NULL_YIELDS_NULL",
    "ANSI_DEFAULTS",
];
const ONLY_OFF: [&str; 3] = ["FMTONLY", "NOEXEC", "NUMERIC_ROUNDABORT"];

impl Parser<'_> {
    pub(super) fn set(&mut self) -> Result<StatementKind> {
        self.advance()?;
        if let Token::Variable(_) = self.token {
            let name = self.declared_variable()?;
            let operator = self.compound_assignment()?;
            if operator.is_none() {
                self.expect("=")?;
            }
            return Ok(StatementKind::SetVariable { name, operator, value: self.expression()? });
        }
        if self.accept_words(&["TRANSACTION", "ISOLATION", "LEVEL"])? {
            return self.isolation();
        }
        if self.accept_word("LOCK_TIMEOUT")? {
            return Ok(StatementKind::SetLockTimeout(self.integer()?));
        }
        if self.accept_word("IDENTITY_INSERT")? {
            let table = self.object_name()?;
            return Ok(StatementKind::SetIdentityInsert { table, on: self.on_or_off()? });
        }
        if let Some(ignored) = self.client_option()? {
            return Ok(StatementKind::SetIgnored(ignored));
        }
        self.switches()
    }

    fn isolation(&mut self) -> Result<StatementKind> {
        let level = if self.accept_words(&["READ", "UNCOMMITTED"])? {
            Isolation::ReadUncommitted
        } else if self.accept_words(&["READ", "COMMITTED"])? {
            Isolation::ReadCommitted
        } else if self.accept_words(&["REPEATABLE", "READ"])? {
            Isolation::RepeatableRead
        } else if self.accept_word("SERIALIZABLE")? {
            Isolation::Serializable
        } else if self.accept_word("SNAPSHOT")? {
            Isolation::Snapshot
        } else {
            return Err(self.unexpected());
        };
        Ok(StatementKind::SetIsolation(level))
    }

    /// Options that change what a client shows, never what the subset answers.
    fn client_option(&mut self) -> Result<Option<&'static str>> {
        for option in
            ["TEXTSIZE", "ROWCOUNT", "DATEFIRST", "DEADLOCK_PRIORITY", "QUERY_GOVERNOR_COST_LIMIT"]
        {
            if self.at_word(option) {
                let line = self.line;
                self.advance()?;
                let plain = match option {
                    "TEXTSIZE" => self.integer()? >= 2_147_483_647 || self.previous_is_minus_one(),
                    "ROWCOUNT" | "QUERY_GOVERNOR_COST_LIMIT" => self.integer()? == 0,
                    "DATEFIRST" => self.integer()? == 7,
                    // Nobody is chosen here: there is one writer at a time.
                    _ => self.accept_word("NORMAL")?,
                };
                let refused = || crate::sql::error::SqlError::unsupported(option).at_line(line);
                return if plain { Ok(Some(option)) } else { Err(refused()) };
            }
        }
        if self.accept_word("LANGUAGE")? {
            if self.accept_word("us_english")? {
                return Ok(Some("LANGUAGE"));
            }
            return Err(self.unsupported());
        }
        if self.accept_word("DATEFORMAT")? {
            if self.at_word("mdy") {
                self.advance()?;
                return Ok(Some("DATEFORMAT"));
            }
            return Err(self.unsupported());
        }
        Ok(None)
    }

    fn previous_is_minus_one(&self) -> bool {
        self.text[..self.previous_end].ends_with(b"-1")
    }

    fn switches(&mut self) -> Result<StatementKind> {
        let options = self.list(|parser| match parser.token {
            Token::Word(word)
                if SWITCHES.iter().any(|option| word.eq_ignore_ascii_case(option)) =>
            {
                parser.advance()?;
                Ok(word.to_ascii_uppercase())
            }
            _ => Err(parser.unsupported()),
        })?;
        let line = self.line;
        let on = self.on_or_off()?;
        let fixed = if on { &ONLY_OFF[..] } else { &ONLY_ON[..] };
        match options.iter().find(|option| fixed.contains(&option.as_str())) {
            Some(option) => {
                let what = format!("{option} {}", if on { "ON" } else { "OFF" });
                Err(crate::sql::error::SqlError::unsupported(what).at_line(line))
            }
            None => Ok(StatementKind::SetOption { options, on }),
        }
    }
}
