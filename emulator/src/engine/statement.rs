//! Statements that neither steer nor nest.

use super::compile::check_context;
use super::reply::Reply;
use super::session::Session;
use crate::sql::ast::{BinaryOperator, Declaration, Expr, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::tds::connection::command;
use crate::tds::response::{Done, EnvChange};
use crate::values::{Value, calendar};
use std::time::{Duration, Instant};

impl Session {
    /// Statements that neither steer nor nest.
    pub(super) fn plain(
        &mut self,
        kind: &StatementKind,
        line: u32,
        reply: &mut dyn Reply,
    ) -> Result<()> {
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
            StatementKind::Merge(merge) => {
                self.implicit_begin(reply);
                let rows = self.merge(merge, reply)?;
                self.counted(command::MERGE, rows, reply);
            }
            StatementKind::WithContext { context, statement } => {
                self.with_tracking_context(context, statement, line, reply)?;
            }
            StatementKind::Declare(declarations) => self.declare(declarations, reply)?,
            StatementKind::DeclareTable { name, table } => self.declare_table(name, table)?,
            StatementKind::SetVariable { name, operator, value } => {
                self.set_variable(name, *operator, value)?;
                self.counted(command::SELECT, 1, reply);
            }
            StatementKind::Begin(name) => {
                self.begin(name.as_deref(), reply);
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
        if !counts(kind) {
            self.context.lock().rows = 0;
        }
        Ok(())
    }

    /// What `WITH CHANGE_TRACKING_CONTEXT` says goes with every change of this statement.
    fn with_tracking_context(
        &mut self,
        context: &Expr,
        statement: &StatementKind,
        line: u32,
        reply: &mut dyn Reply,
    ) -> Result<()> {
        check_context(context, self.variables.types())?;
        let (value, _) = self.evaluate(context)?;
        if let Value::Bytes(bytes) = value {
            self.context.lock().change_context = Some(bytes);
        }
        let done = self.plain(statement, line, reply);
        self.context.lock().change_context = None;
        done
    }

    fn setting_or_definition(&mut self, kind: &StatementKind, reply: &mut dyn Reply) -> Result<()> {
        match kind {
            StatementKind::SetOption { options, on } => {
                for option in options {
                    self.set_option(option, *on);
                }
                reply.set_no_count(self.settings.no_count);
                // Observed: SET QUOTED_IDENTIFIER has no DONE (probed.md 8).
                if options.iter().any(|option| option != "QUOTED_IDENTIFIER") {
                    finished(if *on { command::SET_ON } else { command::SET_OFF }, reply);
                }
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
                // Documented: CREATE, ALTER TABLE, DROP, TRUNCATE, GRANT and REVOKE begin one too.
                if !matches!(kind, StatementKind::AlterDatabase { .. }) {
                    self.implicit_begin(reply);
                }
                if !self.define_local(kind)? {
                    self.define(kind)?;
                }
                if let Some(command) = definition_command(kind) {
                    finished(command, reply);
                }
            }
        }
        Ok(())
    }

    /// `IMPLICIT_TRANSACTIONS`: a statement that touches data or defines something begins a transaction.
    fn implicit_begin(&mut self, reply: &mut dyn Reply) {
        if self.settings.implicit_transactions && self.transaction.count == 0 {
            self.begin(None, reply);
        }
    }

    fn counted(&mut self, command: u16, rows: u64, reply: &mut dyn Reply) {
        self.context.lock().rows = i64::try_from(rows).unwrap_or(i64::MAX);
        reply.done(Done { command, rows: Some(rows), failed: false });
    }

    /// The batch has declared the variables before it began; what is left to do is to give them their values.
    fn declare(&mut self, declarations: &[Declaration], reply: &mut dyn Reply) -> Result<()> {
        for declaration in declarations {
            if let Some(value) = &declaration.value {
                let value = self.evaluate_as(value, declaration.sql_type)?;
                self.variables.set(&declaration.name, value);
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
}

/// Statements that leave a number of rows, or the one that is there; the rest set it to 0 (documented at @@ROWCOUNT).
fn counts(kind: &StatementKind) -> bool {
    let kind = without_context(kind);
    matches!(
        kind,
        StatementKind::Select(_)
            | StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete(_)
            | StatementKind::Merge(_)
            | StatementKind::Declare(_)
            | StatementKind::DeclareTable { .. }
            | StatementKind::SetVariable { .. }
    )
}

/// The statement behind `WITH CHANGE_TRACKING_CONTEXT`.
pub(super) fn without_context(kind: &StatementKind) -> &StatementKind {
    match kind {
        StatementKind::WithContext { statement, .. } => statement,
        kind => kind,
    }
}

pub(super) fn finished(command: u16, reply: &mut dyn Reply) {
    reply.done(Done { command, ..Done::default() });
}

pub(super) fn command_of(kind: &StatementKind) -> u16 {
    match kind {
        StatementKind::Select(_) => command::SELECT,
        StatementKind::Insert(_) => command::INSERT,
        StatementKind::Update(_) => command::UPDATE,
        StatementKind::Delete(_) => command::DELETE,
        StatementKind::Merge(_) => command::MERGE,
        StatementKind::WithContext { statement, .. } => command_of(statement),
        StatementKind::Raiserror { .. } => command::RAISERROR,
        StatementKind::Commit => command::COMMIT,
        StatementKind::Rollback(_) => command::ROLLBACK,
        StatementKind::Save(_) => command::SAVE,
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
