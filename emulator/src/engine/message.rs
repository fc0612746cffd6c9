//! PRINT, RAISERROR, THROW.

use super::reply::Reply;
use super::session::Session;
use super::statement::finished;
use crate::sql::ast::StatementKind;
use crate::sql::error::{Result, Severity, SqlError};
use crate::tds::connection::command;

impl Session {
    /// PRINT, RAISERROR, THROW.
    pub(super) fn message(
        &mut self,
        kind: &StatementKind,
        line: u32,
        reply: &mut dyn Reply,
    ) -> Result<()> {
        match kind {
            StatementKind::Print(value) => {
                let text = self.evaluate_text(value)?;
                reply.info(&SqlError::new(0, text).class(0).at_line(line));
                finished(command::PRINT, reply);
                Ok(())
            }
            StatementKind::Raiserror { message, severity, state, arguments } => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.evaluate_text(argument)?);
                }
                let text = format_message(&self.evaluate_text(message)?, &values);
                let class = u8::try_from(self.evaluate_int(severity)?.clamp(0, 25)).unwrap_or(16);
                let state = u8::try_from(self.evaluate_int(state)?.clamp(0, 255)).unwrap_or(1);
                let error = SqlError::new(50000, text).class(class).state(state).at_line(line);
                if class > 10 {
                    return Err(error);
                }
                reply.info(&error);
                finished(command::RAISERROR, reply);
                Ok(())
            }
            StatementKind::Throw(None) => {
                let caught = self.context.lock().caught.clone();
                Err(caught.map_or_else(
                    || SqlError::new(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block."),
                    |error| SqlError { severity: Severity::Batch, ..error },
                ))
            }
            StatementKind::Throw(Some((number, message, state))) => {
                let number = i32::try_from(self.evaluate_int(number)?).unwrap_or(50_000);
                let text = self.evaluate_text(message)?;
                let state = u8::try_from(self.evaluate_int(state)?.clamp(0, 255)).unwrap_or(1);
                Err(SqlError {
                    severity: Severity::Batch,
                    ..SqlError::new(number, text).state(state)
                })
            }
            _ => Ok(()),
        }
    }
}

/// `%s`, `%d`, `%i`, `%u` take the arguments in order; `%%` is a percent sign.
fn format_message(format: &str, arguments: &[String]) -> String {
    let mut out = String::with_capacity(format.len());
    let mut arguments = arguments.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters.peek() {
            Some('s' | 'd' | 'i' | 'u') => {
                letters.next();
                out.push_str(arguments.next().map_or("(null)", String::as_str));
            }
            Some('%') => {
                letters.next();
                out.push('%');
            }
            _ => out.push('%'),
        }
    }
    out
}
