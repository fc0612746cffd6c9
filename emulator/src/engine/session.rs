//! A session: its connection, its user, its settings; requests come in here.

use std::sync::Arc;

use rusqlite::Connection;

use super::application_lock::Owner;
use super::control::Control;
use super::local::LocalTables;
use super::procedure::PreparedStatements;
use super::reply::Reply;
use super::settings::Settings;
use super::shared::Shared;
use super::transaction::Transaction;
use super::variables::Variables;
use crate::catalog::permissions::{DBO, Principal, PrincipalId};
use crate::catalog::{Catalog, store};
use crate::faults::Kind;
use crate::sql::ast::Isolation;
use crate::sql::error::{Result, Severity, SqlError};
use crate::sqlite::context::ContextHandle;
use crate::sqlite::errors;
use crate::tds::connection::command;
use crate::tds::login::Login;
use crate::tds::packet::{STATUS_RESET, STATUS_RESET_KEEP_TRANSACTION};
use crate::tds::request::{Body, Request, TransactionRequest};
use crate::tds::response::{Done, EnvChange, Response};
use crate::translate::{Environment, Translator};

/// A logged-in client, or a script.
pub struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) control: Arc<Control>,
    pub(super) connection: Connection,
    pub(super) context: ContextHandle,
    pub(super) user: PrincipalId,
    pub(super) spid: i64,
    pub(super) settings: Settings,
    pub(super) transaction: Transaction,
    pub(super) holds_lock: bool,
    pub(super) variables: Variables,
    pub(super) local: LocalTables,
    /// How many TRY blocks are around the present statement.
    pub(super) tries: u32,
    pub(super) prepared: PreparedStatements,
    /// How many EXEC and `sp_executesql` are around it.
    pub(super) nesting: u32,
    /// Whether an error said that the present text cannot be read.
    pub(super) misread: bool,
    /// Whether the connection ends with the present request.
    pub(super) ended: bool,
    /// How many were around the statement that raised the last error.
    pub(super) raised_nesting: u32,
}

impl Session {
    /// A session of `dbo`.
    pub fn open(shared: &Arc<Shared>, control: &Arc<Control>) -> Result<Self> {
        let empty = Arc::new(Catalog::new(&shared.database, 0));
        let (connection, context) = shared.connect(empty)?;
        control.set_interrupt(connection.get_interrupt_handle());
        let spid = shared.new_spid();
        context.lock().spid = spid;
        Ok(Self {
            shared: Arc::clone(shared),
            control: Arc::clone(control),
            connection,
            context,
            user: DBO,
            spid,
            settings: Settings::default(),
            transaction: Transaction::default(),
            holds_lock: false,
            variables: Variables::default(),
            prepared: PreparedStatements::default(),
            local: LocalTables::default(),
            tries: 0,
            nesting: 0,
            misread: false,
            ended: false,
            raised_nesting: 0,
        })
    }

    /// Takes over the identity of a login.
    pub(super) fn become_user(&mut self, user: Principal, login: &Login) {
        self.user = user.id;
        let mut context = self.context.lock();
        context.user = user.id;
        context.user_name = user.name;
        context.login.clone_from(&login.user);
        context.host.clone_from(&login.host);
        context.application.clone_from(&login.application);
    }

    /// The catalog as last read.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.context.lock().catalog)
    }

    /// The catalog that the open transaction sees.
    pub(super) fn refresh_catalog(&mut self) -> Result<Arc<Catalog>> {
        let version = store::version(&self.connection)?;
        let held = self.catalog();
        if held.version == version {
            return Ok(held);
        }
        let mut catalog = store::load(&self.connection)?;
        catalog.local = self.local.visible();
        let catalog = Arc::new(catalog);
        self.context.lock().catalog = Arc::clone(&catalog);
        Ok(catalog)
    }

    /// What a statement sees around it.
    pub(super) fn environment<'a>(&'a self, catalog: &'a Catalog) -> Environment<'a> {
        Environment {
            catalog,
            user: self.user,
            variables: self.variables.types(),
            snapshot: self.under_snapshot(),
            secondary: self.shared.is_secondary(),
            identity_insert: self.settings.identity_insert,
        }
    }

    /// A translator for one statement.
    pub(super) fn translator<'a>(&'a self, catalog: &'a Catalog) -> Translator<'a> {
        Translator::new(self.environment(catalog))
    }

    /// An error of `SQLite` as SQL Server's.
    pub(super) fn sqlite_error(&self, error: &rusqlite::Error, verb: &str) -> SqlError {
        if self.control.must_stop() {
            return errors::cancelled();
        }
        errors::translate(error, &self.catalog(), verb)
    }

    /// Answers a request.
    pub fn serve(&mut self, request: Request, response: &mut Response) {
        if matches!(request.body, Body::Ignored) {
            // Documented: a single DONE with the error bit (MS-TDS 2.2.1.7).
            response.done(Done { failed: true, ..Done::default() });
            return;
        }
        let keeps_transaction = request.status & STATUS_RESET_KEEP_TRANSACTION != 0;
        let resets = keeps_transaction || request.status & STATUS_RESET != 0;
        if resets {
            self.reset(keeps_transaction, response);
        }
        // A client that has its transaction rolled back with this request may still name it (assumption).
        let rolled_back = resets && !keeps_transaction;
        if request.transaction != self.transaction.id && !rolled_back {
            // Documented: 3971.
            let message = format!(
                "The server failed to resume the transaction. Desc:{:x}.",
                request.transaction
            );
            self.report(&SqlError::new(3971, message), response);
            return;
        }
        match request.body {
            // By name it is an ordinary procedure (assumption): python-tds calls it so.
            Body::Calls(calls) if matches!(calls.as_slice(), [call] if call.is_reset()) => {
                response.begin_procedure();
                self.reset(false, response);
                response.return_status(0);
                response.end_procedure(false);
            }
            Body::Batch(text) => self.batch(&text, response),
            Body::Calls(calls) => self.remote_calls(&calls, response),
            Body::Transaction(request) => self.transaction_request(request, response),
            Body::Refused(error) => self.refuse_call(&error, response),
            Body::Ignored => {}
        }
        if self.control.has_attention() && self.settings.abort_transaction {
            // Observed: a cancel rolls back when XACT_ABORT is on (probed.md 6).
            self.rollback(response);
        }
    }

    /// Reports an error that ends the request.
    pub(super) fn report(&mut self, error: &SqlError, reply: &mut dyn Reply) {
        self.context.lock().last_error = error.number;
        self.note_class(error);
        error.each().for_each(|error| reply.error(&error));
        reply.done(Done { command: command::BATCH, failed: true, ..Done::default() });
    }

    /// As if the client had logged out and in again (MS-TDS 2.2.3.1.2).
    fn reset(&mut self, keep_transaction: bool, response: &mut Response) {
        if !keep_transaction {
            self.rollback(response);
        }
        self.drop_local();
        // Assumption: as locks of a session that ends, so those of one that is reset.
        self.shared.application_locks.release_all(self.spid, Owner::Session);
        let isolation = self.settings.isolation;
        // Documented: the isolation level outlives a reset.
        self.settings = Settings { isolation, ..Settings::default() };
        response.set_no_count(false);
        self.prepared = PreparedStatements::default();
        {
            let mut context = self.context.lock();
            context.rows = 0;
            context.identity = None;
            context.last_error = 0;
        }
        response.environment(&EnvChange::Reset);
    }

    fn transaction_request(&mut self, request: TransactionRequest, reply: &mut dyn Reply) {
        let result = match request {
            TransactionRequest::Begin(isolation, name) => {
                self.under_faults(Kind::Begin, |session| {
                    session.begin_at(isolation, &name, reply);
                    Ok(command::BEGIN)
                })
            }
            TransactionRequest::Commit(again) => self.under_faults(self.commit_kind(), |session| {
                session.commit(reply)?;
                session.begin_again(again, reply);
                Ok(command::COMMIT)
            }),
            TransactionRequest::Rollback(name, again) => {
                self.under_faults(Kind::Rollback, |session| {
                    let name = Some(name).filter(|name| !name.is_empty());
                    session.rollback_to(name.as_deref(), reply)?;
                    session.begin_again(again, reply);
                    Ok(command::ROLLBACK)
                })
            }
            TransactionRequest::Save(name) => self.under_faults(Kind::Other, |session| {
                session.save(&name)?;
                Ok(command::SAVE)
            }),
            TransactionRequest::Distributed => {
                // Documented: 8501.
                let message = format!("MSDTC on server '{}' is unavailable.", super::SERVER_NAME);
                Err(SqlError::new(8501, message).state(3))
            }
        };
        match result {
            Ok(command) => reply.done(Done { command, ..Done::default() }),
            Err(error) => {
                if error.severity == Severity::Transaction {
                    self.rollback(reply);
                }
                self.report(&error, reply);
            }
        }
    }

    fn begin_again(&mut self, again: Option<(u8, String)>, reply: &mut dyn Reply) {
        if let Some((isolation, name)) = again {
            self.begin_at(isolation, &name, reply);
        }
    }

    /// The level of a begin request stays with the session (documented).
    fn begin_at(&mut self, isolation: u8, name: &str, reply: &mut dyn Reply) {
        self.settings.isolation = match isolation {
            1 => Isolation::ReadUncommitted,
            2 => Isolation::ReadCommitted,
            3 => Isolation::RepeatableRead,
            4 => Isolation::Serializable,
            5 => Isolation::Snapshot,
            _ => self.settings.isolation,
        };
        self.begin(Some(name).filter(|name| !name.is_empty()), reply);
    }

    /// The client is gone: what is open is rolled back.
    pub fn close(&mut self) {
        let mut nobody = super::reply::ScriptReply::default();
        self.rollback(&mut nobody);
        self.shared.application_locks.release_all(self.spid, Owner::Session);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
        if self.holds_lock {
            self.holds_lock = false;
            self.shared.write_lock.release();
        }
    }
}
