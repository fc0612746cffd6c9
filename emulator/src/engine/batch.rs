//! Batches: statements in order, control flow, and what an error ends.

use super::faults::FATAL_CLASS;
use super::reply::Reply;
use super::session::Session;
use super::statement::{command_of, finished, without_context};
use crate::sql::ast::{Batch, Expr, Statement, StatementKind};
use crate::sql::error::{Severity, SqlError};
use crate::sql::parse_batch;
use crate::tds::connection::command;
use crate::tds::response::Done;
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
    /// Out of the batch.
    Return,
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
        self.drop_variables();
        self.tries = 0;
        self.nesting = 0;
        // A CATCH block has none around it, so whatever comes back has been reported.
        let _ = self.text(text, reply);
        self.end_doomed(reply);
    }

    /// Observed: a doomed transaction does not outlive its batch (3998).
    pub(super) fn end_doomed(&mut self, reply: &mut dyn Reply) {
        if !self.transaction.doomed {
            return;
        }
        self.rollback(reply);
        let message = "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.";
        self.report(&SqlError::new(3998, message), reply);
    }

    /// Runs text: a batch, or the inside of EXEC and `sp_executesql`.
    pub(super) fn text(&mut self, text: &[u8], reply: &mut dyn Reply) -> Step {
        let parsed = parse_batch(text, &|name| self.variables.sql_type(name).is_some());
        match parsed {
            Ok(batch) => self.parsed(text, &batch, reply),
            Err(error) if self.tries > 0 => {
                self.raised_nesting = self.nesting;
                Err(Halt::Raised(error))
            }
            Err(error) => {
                self.report(&error, reply);
                Err(Halt::Ended)
            }
        }
    }

    /// Runs what has been parsed; its variables are there before its first statement. The text is kept unless its translation
    /// finds that it cannot be read.
    pub(super) fn parsed(&mut self, text: &[u8], batch: &Batch, reply: &mut dyn Reply) -> Step {
        let parameters = self.shared.recorder.is_on().then(|| self.variables.declaration());
        for (name, sql_type) in &batch.variables {
            self.variables.declare(name, *sql_type, Value::Null);
        }
        let outer = std::mem::take(&mut self.misread);
        let step = match self.compile(&batch.statements) {
            Ok(()) => self.statements(&batch.statements, reply),
            Err(error) if self.tries > 0 => Err(Halt::Raised(error)),
            Err(error) => {
                self.report(&error, reply);
                Err(Halt::Ended)
            }
        };
        if !std::mem::replace(&mut self.misread, outer)
            && let Some(parameters) = parameters
        {
            self.shared.recorder.keep(&parameters, text);
        }
        step
    }

    /// Runs something one level deeper.
    pub(super) fn nested(&mut self, run: impl FnOnce(&mut Self) -> Step) -> Step {
        if self.nesting >= NESTING_MAX {
            let message = "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).";
            return Err(Halt::Raised(SqlError::new(217, message)));
        }
        self.nesting += 1;
        let step = run(self);
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

    pub(super) fn statement(&mut self, statement: &Statement, reply: &mut dyn Reply) -> Step {
        if self.control.must_stop() {
            return Err(Halt::Ended);
        }
        {
            let mut context = self.context.lock();
            context.now = calendar::now_utc_ticks();
            context.lock_timeout_ms = self.settings.lock_timeout_ms();
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
            Err(Halt::Raised(error)) => {
                if error.line == 0 {
                    self.raised_nesting = self.nesting;
                }
                error.at_line(statement.line)
            }
        };
        if self.control.must_stop() {
            return Err(Halt::Ended);
        }
        self.misread |= error.is_about_syntax();
        if self.tries > 0 && error.class < FATAL_CLASS {
            // Observed: what fails inside TRY still has its DONE, with a count of 0 (captures).
            if counts(&statement.kind) {
                let command = command_of(&statement.kind);
                reply.done(Done { command, rows: Some(0), failed: false });
            }
            return Err(Halt::Raised(error));
        }
        self.uncaught(&error, &statement.kind, reply)
    }

    /// Reports an error; whether the batch goes on depends on the error and on `XACT_ABORT`.
    fn uncaught(&mut self, error: &SqlError, kind: &StatementKind, reply: &mut dyn Reply) -> Step {
        self.note_class(error);
        error.each().for_each(|error| reply.error(&error));
        {
            let mut context = self.context.lock();
            context.last_error = error.clone().last().number;
            context.rows = 0;
        }
        // Documented: RAISERROR does not honour XACT_ABORT.
        let raised = matches!(kind, StatementKind::Raiserror { .. });
        let aborts = self.settings.abort_transaction && !raised;
        let ends = aborts || error.severity != Severity::Statement;
        if aborts || error.severity == Severity::Transaction {
            self.rollback(reply);
        }
        let changes = counts(kind) && !matches!(kind, StatementKind::Select(_));
        if changes && !ends {
            // Observed: INFO 3621 after the error (probed.md 8).
            reply.info(
                &SqlError::new(3621, "The statement has been terminated.")
                    .class(0)
                    .at_line(error.line),
            );
        }
        if !ends && matches!(kind, StatementKind::ExecuteProcedure(_)) {
            // Observed: a procedure that is not there closes its call's scope (captures).
            reply.begin_procedure();
            reply.end_procedure(true);
            return Ok(Flow::Next);
        }
        let command = if ends { command::BATCH } else { command_of(kind) };
        reply.done(Done { command, rows: None, failed: true });
        if ends { Err(Halt::Ended) } else { Ok(Flow::Next) }
    }

    fn execute(&mut self, statement: &Statement, reply: &mut dyn Reply) -> Step {
        match &statement.kind {
            StatementKind::If { condition, then, otherwise } => {
                if self.condition(condition, reply)? {
                    return self.statement(then, reply);
                }
                if let Some(otherwise) = otherwise {
                    return self.statement(otherwise, reply);
                }
                // Observed: neither branch, no rows.
                self.context.lock().rows = 0;
                Ok(Flow::Next)
            }
            StatementKind::While { condition, body } => self.while_loop(condition, body, reply),
            StatementKind::Block(statements) => self.statements(statements, reply),
            StatementKind::TryCatch { body, handler } => self.try_catch(body, handler, reply),
            StatementKind::Break => Ok(Flow::Break),
            StatementKind::Continue => Ok(Flow::Continue),
            StatementKind::Return => Ok(Flow::Return),
            StatementKind::ExecuteText(text) => {
                let text = self.evaluate_as(text, SqlType::NTEXT_MAX).map_err(Halt::Raised)?;
                let Value::Text(text) = text else {
                    return Ok(Flow::Next);
                };
                self.execute_text(&text, reply)
            }
            StatementKind::ExecuteProcedure(call) => self.execute_procedure(call, reply),
            kind => {
                let (line, met) = (statement.line, self.fault_kind(kind));
                self.under_faults(met, |session| session.plain(kind, line, reply))
                    .map_err(Halt::Raised)?;
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
                Flow::Return => return Ok(Flow::Return),
            }
            if self.control.must_stop() {
                return Err(Halt::Ended);
            }
        }
        // Observed: however a loop ends.
        self.context.lock().rows = 0;
        Ok(Flow::Next)
    }

    fn try_catch(
        &mut self,
        body: &[Statement],
        handler: &[Statement],
        reply: &mut dyn Reply,
    ) -> Step {
        finished(command::TRY, reply);
        self.tries += 1;
        let step = self.statements(body, reply);
        self.tries -= 1;
        let error = match step {
            Err(Halt::Raised(error)) => error.last(),
            Ok(Flow::Next) => {
                // Observed under NOEXEC: END TRY closes as END CATCH does (captures).
                finished(command::END_CATCH, reply);
                return Ok(Flow::Next);
            }
            other => return other,
        };
        if error.is_binding() && self.raised_nesting == self.nesting {
            if self.tries > 0 {
                return Err(Halt::Raised(error));
            }
            return self.uncaught(&error, &StatementKind::Block(Vec::new()), reply);
        }
        finished(command::CATCH, reply);
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
        if matches!(step, Ok(Flow::Next)) {
            finished(command::END_CATCH, reply);
        }
        step
    }
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
    ) || is_bare_declaration(kind)
}

/// Observed: a DECLARE without a value leaves `@@ERROR` as it is (captures).
fn is_bare_declaration(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::Declare(declared) => declared.iter().all(|own| own.value.is_none()),
        _ => false,
    }
}

/// Statements that count rows.
fn counts(kind: &StatementKind) -> bool {
    let kind = without_context(kind);
    matches!(
        kind,
        StatementKind::Select(_)
            | StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete(_)
            | StatementKind::Merge(_)
    )
}
