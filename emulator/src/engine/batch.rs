//! Batches: statements in order, control flow, and what an error ends.

use std::time::{Duration, Instant};

use super::reply::Reply;
use super::session::Session;
use crate::sql::ast::{BinaryOperator, Declaration, Expr, Statement, StatementKind};
use crate::sql::error::{Result, Severity, SqlError};
use crate::sql::parse_batch;
use crate::tds::connection::command;
use crate::tds::response::{Done, EnvChange};
use crate::values::{SqlType, Value, calendar};

/// Where a statement leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// On to the next.
    Next,
    /// Out of the loop.
    Break,
    /// To the loop's condition.
    Continue,
    /// Out of the batch, with a status.
    Return(i32),
}

/// Why a batch does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// An error on its way to a CATCH block.
    Raised(SqlError),
    /// An error that has been reported.
    Ended,
}

pub(super) type Step = std::result::Result<Flow, Halt>;

/// EXEC and `sp_executesql` nest no deeper (documented, 217).
const NESTING_MAX: u32 = 32;

impl Session {
    /// A batch of the client.
    pub(super) fn batch(&mut self, text: &[u8], reply: &mut dyn Reply) {
        self.variables = super::variables::Variables::default();
        self.tries = 0;
        self.nesting = 0;
        // A CATCH block has none around it, so whatever comes back has been reported.
        let _ = self.text(text, reply);
    }

    /// Runs text: a batch, or the inside of EXEC and `sp_executesql`.
    pub(super) fn text(&mut self, text: &[u8], reply: &mut dyn Reply) -> Step {
        match parse_batch(text) {
            Ok(statements) => self.statements(&statements, reply),
            Err(error) if self.tries > 0 => Err(Halt::Raised(error)),
            Err(error) => {
                self.report(&error, reply);
                Err(Halt::Ended)
            }
        }
    }

    /// Runs text one level deeper.
    pub(super) fn nested_text(&mut self, text: &[u8], reply: &mut dyn Reply) -> Step {
        if self.nesting >= NESTING_MAX {
            let message = "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).";
            return Err(Halt::Raised(SqlError::new(217, message)));
        }
        self.nesting += 1;
        let step = self.text(text, reply);
        self.nesting -= 1;
        step
    }

    fn statements(&mut self, statements: &[Statement], reply: &mut dyn Reply) -> Step {
        for statement in statements {
            match self.statement(statement, reply)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &Statement, reply: &mut dyn Reply) -> Step {
        if self.control.must_stop() {
            return Err(Halt::Ended);
        }
        {
            let mut context = self.context.lock();
            context.now = calendar::now_utc_ticks();
            context.transactions = i64::from(self.transaction.count);
            context.doomed = self.transaction.doomed;
        }
        let error = match self.execute(statement, reply) {
            Ok(flow) => {
                if !steers(&statement.kind) {
                    self.context.lock().last_error = 0;
                }
                return Ok(flow);
            }
            Err(Halt::Ended) => return Err(Halt::Ended),
            Err(Halt::Raised(error)) => error.at_line(statement.line),
        };
        if self.control.must_stop() {
            return Err(Halt::Ended);
        }
        if self.tries > 0 {
            return Err(Halt::Raised(error));
        }
        self.uncaught(&error, &statement.kind, reply)
    }

    /// Reports an error; whether the batch goes on depends on the error and on `XACT_ABORT`.
    fn uncaught(&mut self, error: &SqlError, kind: &StatementKind, reply: &mut dyn Reply) -> Step {
        reply.error(error);
        {
            let mut context = self.context.lock();
            context.last_error = error.number;
            context.rows = 0;
        }
        // Documented: RAISERROR does not honour XACT_ABORT.
        let raised = matches!(kind, StatementKind::Raiserror { .. });
        let aborts = self.settings.abort_transaction && !raised;
        let ends = aborts || error.severity != Severity::Statement;
        if aborts || error.severity == Severity::Transaction {
            self.rollback(reply);
        }
        let changes = matches!(
            kind,
            StatementKind::Insert(_) | StatementKind::Update(_) | StatementKind::Delete(_)
        );
        if changes && !ends {
            // Observed: INFO 3621 after the error (probed.md 8).
            reply.info(
                &SqlError::new(3621, "The statement has been terminated.")
                    .class(0)
                    .at_line(error.line),
            );
        }
        let command = if ends { 0 } else { command_of(kind) };
        reply.done(Done { command, rows: None, failed: true });
        if ends { Err(Halt::Ended) } else { Ok(Flow::Next) }
    }

    fn execute(&mut self, statement: &Statement, reply: &mut dyn Reply) -> Step {
        match &statement.kind {
            StatementKind::If { condition, then, otherwise } => {
                if self.condition(condition, reply)? {
                    return self.statement(then, reply);
                }
                match otherwise {
                    Some(otherwise) => self.statement(otherwise, reply),
                    None => Ok(Flow::Next),
                }
            }
            StatementKind::While { condition, body } => self.while_loop(condition, body, reply),
            StatementKind::Block(statements) => self.statements(statements, reply),
            StatementKind::TryCatch { body, handler } => self.try_catch(body, handler, reply),
            StatementKind::Break => Ok(Flow::Break),
            StatementKind::Continue => Ok(Flow::Continue),
            StatementKind::Return(status) => {
                let status = match status {
                    Some(status) => self.evaluate_int(status).map_err(Halt::Raised)?,
                    None => 0,
                };
                Ok(Flow::Return(i32::try_from(status).unwrap_or(0)))
            }
            StatementKind::ExecuteText(text) => {
                let text = self.evaluate_as(text, SqlType::NTEXT_MAX).map_err(Halt::Raised)?;
                let Value::Text(text) = text else {
                    return Ok(Flow::Next);
                };
                self.execute_text(&text, reply)
            }
            StatementKind::ExecuteProcedure(call) => self.execute_procedure(call, reply),
            kind => {
                self.plain(kind, statement.line, reply).map_err(Halt::Raised)?;
                Ok(Flow::Next)
            }
        }
    }

    fn condition(
        &mut self,
        condition: &Expr,
        reply: &mut dyn Reply,
    ) -> std::result::Result<bool, Halt> {
        let holds = self.holds(condition).map_err(Halt::Raised)?;
        reply.done(Done { command: command::CONDITION, ..Done::default() });
        Ok(holds)
    }

    fn while_loop(&mut self, condition: &Expr, body: &Statement, reply: &mut dyn Reply) -> Step {
        while self.condition(condition, reply)? {
            match self.statement(body, reply)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                Flow::Return(status) => return Ok(Flow::Return(status)),
            }
            if self.control.must_stop() {
                return Err(Halt::Ended);
            }
        }
        Ok(Flow::Next)
    }

    fn try_catch(
        &mut self,
        body: &[Statement],
        handler: &[Statement],
        reply: &mut dyn Reply,
    ) -> Step {
        self.tries += 1;
        let step = self.statements(body, reply);
        self.tries -= 1;
        let error = match step {
            Err(Halt::Raised(error)) => error,
            other => return other,
        };
        // Documented: what would have ended the transaction leaves it doomed instead.
        if self.transaction.count > 0
            && (self.settings.abort_transaction || error.severity == Severity::Transaction)
        {
            self.transaction.doomed = true;
        }
        let outer = {
            let mut context = self.context.lock();
            context.last_error = error.number;
            context.caught.replace(error)
        };
        let step = self.statements(handler, reply);
        self.context.lock().caught = outer;
        step
    }

    /// Statements that neither steer nor nest.
    fn plain(&mut self, kind: &StatementKind, line: u32, reply: &mut dyn Reply) -> Result<()> {
        match kind {
            StatementKind::Select(query) => {
                self.implicit_begin(reply);
                let rows = self.select(query, reply)?;
                self.counted(command::SELECT, rows, reply);
            }
            StatementKind::Insert(insert) => {
                self.implicit_begin(reply);
                let rows = self.insert(insert, reply)?;
                self.counted(command::INSERT, rows, reply);
            }
            StatementKind::Update(update) => {
                self.implicit_begin(reply);
                let rows = self.update(update, reply)?;
                self.counted(command::UPDATE, rows, reply);
            }
            StatementKind::Delete(delete) => {
                self.implicit_begin(reply);
                let rows = self.delete(delete, reply)?;
                self.counted(command::DELETE, rows, reply);
            }
            StatementKind::Declare(declarations) => self.declare(declarations, reply)?,
            StatementKind::SetVariable { name, operator, value } => {
                self.set_variable(name, *operator, value)?;
                self.counted(command::SELECT, 1, reply);
            }
            StatementKind::Begin(_) => {
                self.begin(reply);
                finished(command::BEGIN, reply);
            }
            StatementKind::Commit => {
                self.commit(reply)?;
                finished(command::COMMIT, reply);
            }
            StatementKind::Rollback(name) => {
                self.rollback_to(name.as_deref(), reply)?;
                finished(command::ROLLBACK, reply);
            }
            StatementKind::Save(name) => {
                self.save(name)?;
                finished(command::SAVE, reply);
            }
            StatementKind::Print(_) | StatementKind::Raiserror { .. } | StatementKind::Throw(_) => {
                self.message(kind, line, reply)?;
            }
            StatementKind::Use(name) => self.use_database(name, reply)?,
            StatementKind::WaitFor(delay) => {
                self.wait(delay)?;
                finished(command::WAITFOR, reply);
            }
            _ => self.setting_or_definition(kind, reply)?,
        }
        Ok(())
    }

    fn setting_or_definition(&mut self, kind: &StatementKind, reply: &mut dyn Reply) -> Result<()> {
        match kind {
            StatementKind::SetOption { options, on } => {
                for option in options {
                    self.set_option(option, *on);
                }
                finished(if *on { command::SET_ON } else { command::SET_OFF }, reply);
            }
            StatementKind::SetLockTimeout(milliseconds) => {
                self.settings.lock_timeout =
                    u64::try_from(*milliseconds).ok().map(Duration::from_millis);
                finished(command::SET_VALUE, reply);
            }
            StatementKind::SetIsolation(isolation) => {
                self.settings.isolation = *isolation;
                finished(command::SET_VALUE, reply);
            }
            StatementKind::SetIdentityInsert { table, on } => {
                self.set_identity_insert(table, *on)?;
                finished(if *on { command::SET_ON } else { command::SET_OFF }, reply);
            }
            StatementKind::SetIgnored(_) => finished(command::SET_VALUE, reply),
            kind => {
                self.define(kind)?;
                if let Some(command) = definition_command(kind) {
                    finished(command, reply);
                }
            }
        }
        Ok(())
    }

    /// `IMPLICIT_TRANSACTIONS`: a statement that touches data begins a transaction.
    fn implicit_begin(&mut self, reply: &mut dyn Reply) {
        if self.settings.implicit_transactions && self.transaction.count == 0 {
            self.begin(reply);
        }
    }

    fn counted(&mut self, command: u16, rows: u64, reply: &mut dyn Reply) {
        self.context.lock().rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let shown = (!self.settings.no_count).then_some(rows);
        reply.done(Done { command, rows: shown, failed: false });
    }

    fn declare(&mut self, declarations: &[Declaration], reply: &mut dyn Reply) -> Result<()> {
        for declaration in declarations {
            let value = match &declaration.value {
                Some(value) => self.evaluate_as(value, declaration.sql_type)?,
                None => Value::Null,
            };
            if !self.variables.declare(&declaration.name, declaration.sql_type, value) {
                let message = format!(
                    "The variable name '{}' has already been declared. Variable names must be unique within a query batch or \
                     stored procedure.",
                    declaration.name
                );
                return Err(SqlError::new(134, message).class(15));
            }
            if declaration.value.is_some() {
                self.counted(command::SELECT, 1, reply);
            }
        }
        Ok(())
    }

    fn set_variable(
        &mut self,
        name: &str,
        operator: Option<BinaryOperator>,
        value: &Expr,
    ) -> Result<()> {
        let Some(sql_type) = self.variables.sql_type(name) else {
            let message = format!("Must declare the scalar variable \"{name}\".");
            return Err(SqlError::new(137, message).class(15));
        };
        let value = match operator {
            None => self.evaluate_as(value, sql_type)?,
            Some(operator) => {
                let left = Box::new(Expr::Variable(name.to_owned()));
                let whole = Expr::Arithmetic { operator, left, right: Box::new(value.clone()) };
                self.evaluate_as(&whole, sql_type)?
            }
        };
        self.variables.set(name, value);
        Ok(())
    }

    fn set_option(&mut self, option: &str, on: bool) {
        match option {
            "NOCOUNT" => self.settings.no_count = on,
            "XACT_ABORT" => self.settings.abort_transaction = on,
            "IMPLICIT_TRANSACTIONS" => self.settings.implicit_transactions = on,
            // The rest may only be set to what the server does anyway; the parser has seen to that.
            _ => {}
        }
    }

    fn use_database(&mut self, name: &str, reply: &mut dyn Reply) -> Result<()> {
        let own = self.shared.database.clone();
        if !crate::catalog::same_name(name, &own) {
            let message = format!(
                "Database '{name}' does not exist. Make sure that the name is entered correctly."
            );
            return Err(SqlError::new(911, message));
        }
        reply.environment(&EnvChange::Database(own.clone(), own.clone()));
        let message = format!("Changed database context to '{own}'.");
        reply.info(&SqlError::new(5701, message).class(0).state(2));
        reply.environment(&EnvChange::Collation);
        finished(command::USE, reply);
        Ok(())
    }

    fn wait(&mut self, delay: &Expr) -> Result<()> {
        let text = self.evaluate_text(delay)?;
        let Some(instant) = calendar::parse(&text).filter(|_| text.contains(':')) else {
            return Err(SqlError::new(
                148,
                format!("Incorrect time syntax in time string '{text}' used with WAITFOR."),
            )
            .class(15));
        };
        let ticks = u64::try_from(instant.ticks).unwrap_or(0);
        let end = Instant::now() + Duration::from_nanos(ticks.saturating_mul(100));
        while Instant::now() < end {
            if self.control.must_stop() {
                return Err(crate::sqlite::errors::cancelled());
            }
            let left = end.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
        Ok(())
    }

    /// PRINT, RAISERROR, THROW.
    fn message(&mut self, kind: &StatementKind, line: u32, reply: &mut dyn Reply) -> Result<()> {
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

pub(super) fn finished(command: u16, reply: &mut dyn Reply) {
    reply.done(Done { command, ..Done::default() });
}

/// Statements that only steer leave `@@ERROR` as it is.
fn steers(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::If { .. }
            | StatementKind::While { .. }
            | StatementKind::Block(_)
            | StatementKind::TryCatch { .. }
            | StatementKind::ExecuteText(_)
            | StatementKind::ExecuteProcedure(_)
    )
}

fn command_of(kind: &StatementKind) -> u16 {
    match kind {
        StatementKind::Select(_) => command::SELECT,
        StatementKind::Insert(_) => command::INSERT,
        StatementKind::Update(_) => command::UPDATE,
        StatementKind::Delete(_) => command::DELETE,
        StatementKind::Raiserror { .. } => command::RAISERROR,
        kind => definition_command(kind).unwrap_or(0),
    }
}

/// Observed: GRANT, CREATE SCHEMA, CREATE ROLE and their like have no DONE of their own (probed.md 8).
fn definition_command(kind: &StatementKind) -> Option<u16> {
    use crate::sql::ast::{Create, DropKind};
    match kind {
        StatementKind::Create(create) => match **create {
            Create::Table(_) => Some(command::CREATE_TABLE),
            Create::Index(_) => Some(command::CREATE_INDEX),
            _ => None,
        },
        StatementKind::AlterTable { .. } => Some(command::ALTER_TABLE),
        StatementKind::AlterDatabase { .. } => Some(command::ALTER_DATABASE),
        StatementKind::Drop { kind: DropKind::Table, .. } => Some(command::DROP_TABLE),
        StatementKind::Truncate(_) => Some(command::TRUNCATE),
        _ => None,
    }
}
