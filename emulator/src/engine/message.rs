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
                let (format, format_type) = self.evaluate(message)?;
                if !format_type.is_text() {
                    return Err(no_message(format.as_int().unwrap_or(0)));
                }
                let text = format_message(&format.to_text().unwrap_or_default(), &values)?;
                let class = u8::try_from(self.evaluate_int(severity)?.clamp(0, 25)).unwrap_or(16);
                let state = u8::try_from(self.evaluate_int(state)?.clamp(0, 255)).unwrap_or(1);
                if class > 18 {
                    // Documented: 2754; WITH LOG is refused before.
                    let message = "Error severity levels greater than 18 can only be specified by members of the sysadmin role, \
                                   using the WITH LOG option.";
                    return Err(SqlError::new(2754, message));
                }
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
                let number = self.evaluate_int(number)?;
                let number = i32::try_from(number).ok().filter(|number| *number >= 50_000).ok_or_else(|| {
                    // Documented: 35100.
                    let message = format!(
                        "Error number {number} in the THROW statement is outside the valid range. Specify an error number in \
                         the valid range of 50000 to 2147483647."
                    );
                    SqlError::new(35100, message).state(10)
                })?;
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

/// Documented: 18054 for a number that sys.messages does not have, and here it has none of the user's.
fn no_message(number: i64) -> SqlError {
    let message = format!(
        "Error {number}, severity 16, state 1 was raised, but no message with that error number was found in sys.messages. If \
         error is larger than 50000, make sure the user-defined message is added using sp_addmessage."
    );
    SqlError::new(18054, message)
}

/// `%s`, `%d`, `%i`, `%u`, `%x`, `%X`, `%o` take the arguments in order, with a width if one is written; `%%` is a percent sign.
/// Anything else is 2787 (documented).
fn format_message(format: &str, arguments: &[String]) -> Result<String> {
    let mut out = String::with_capacity(format.len());
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let end =
            rest.find(|letter: char| !matches!(letter, '-' | '0'..='9')).unwrap_or(rest.len());
        let (flags, kind) = (&rest[..end], rest[end..].chars().next());
        let argument = arguments.next().map_or("(null)", String::as_str);
        let number = || argument.parse::<i32>().ok();
        let value = match kind {
            Some('s' | 'd' | 'i' | 'u') => argument.to_owned(),
            Some('x') => number().map_or_else(|| argument.to_owned(), |value| format!("{value:x}")),
            Some('X') => number().map_or_else(|| argument.to_owned(), |value| format!("{value:X}")),
            Some('o') => number().map_or_else(|| argument.to_owned(), |value| format!("{value:o}")),
            _ => {
                let message = format!("Invalid format specification: '%{rest}'.");
                return Err(SqlError::new(2787, message));
            }
        };
        let width: usize = flags.trim_start_matches('-').parse().unwrap_or(0);
        let padded = match (flags.starts_with('-'), flags.starts_with('0')) {
            (true, _) => format!("{value:<width$}"),
            (_, true) => format!("{value:0>width$}"),
            _ => format!("{value:>width$}"),
        };
        out.push_str(&padded);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}
