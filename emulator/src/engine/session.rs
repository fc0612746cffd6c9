//! A session: its connection, its user, its settings; requests come in here.

use std::sync::Arc;

use rusqlite::Connection;

use super::control::Control;
use super::reply::Reply;
use super::settings::Settings;
use super::shared::Shared;
use super::transaction::Transaction;
use super::variables::Variables;
use crate::catalog::permissions::{DBO, Principal, PrincipalId};
use crate::catalog::{Catalog, store};
use crate::sql::ast::Isolation;
use crate::sql::error::{Result, SqlError};
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
    pub(super) settings: Settings,
    pub(super) transaction: Transaction,
    pub(super) holds_lock: bool,
    pub(super) variables: Variables,
    /// How many TRY blocks are around the present statement.
    pub(super) tries: u32,
    /// How many EXEC and `sp_executesql` are around it.
    pub(super) nesting: u32,
}

impl Session {
    /// A session of `dbo`.
    pub fn open(shared: &Arc<Shared>, control: &Arc<Control>) -> Result<Self> {
        let empty = Arc::new(Catalog::new(&shared.database, 0));
        let (connection, context) = shared.connect(empty)?;
        control.set_interrupt(connection.get_interrupt_handle());
        context.lock().spid = shared.new_spid();
        Ok(Self {
            shared: Arc::clone(shared),
            control: Arc::clone(control),
            connection,
            context,
            user: DBO,
            settings: Settings::default(),
            transaction: Transaction::default(),
            holds_lock: false,
            variables: Variables::default(),
            tries: 0,
            nesting: 0,
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
        let catalog = Arc::new(store::load(&self.connection)?);
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
        if request.status & (STATUS_RESET | STATUS_RESET_KEEP_TRANSACTION) != 0 {
            self.reset(request.status & STATUS_RESET_KEEP_TRANSACTION != 0, response);
        }
        if request.transaction != self.transaction.id {
            // Documented: 3971.
            let message = format!(
                "The server failed to resume the transaction. Desc:{:x}.",
                request.transaction
            );
            self.report(&SqlError::new(3971, message), response);
            return;
        }
        match request.body {
            Body::Batch(text) => self.batch(&text, response),
            Body::Call(call) => self.remote_call(&call, response),
            Body::Transaction(request) => self.transaction_request(request, response),
        }
        if self.control.has_attention() && self.settings.abort_transaction {
            // Observed: a cancel rolls back when XACT_ABORT is on (probed.md 6).
            self.rollback(response);
        }
    }

    /// Reports an error that ends the request.
    pub(super) fn report(&mut self, error: &SqlError, reply: &mut dyn Reply) {
        self.context.lock().last_error = error.number;
        reply.error(error);
        reply.done(Done { failed: true, ..Done::default() });
    }

    fn reset(&mut self, keep_transaction: bool, response: &mut Response) {
        if !keep_transaction {
            self.rollback(response);
        }
        let isolation = self.settings.isolation;
        // Documented: the isolation level outlives a reset.
        self.settings = Settings { isolation, ..Settings::default() };
        response.environment(&EnvChange::Reset);
    }

    fn transaction_request(&mut self, request: TransactionRequest, reply: &mut dyn Reply) {
        let result = match request {
            TransactionRequest::Begin(isolation) => {
                self.begin_at(isolation, reply);
                Ok(command::BEGIN)
            }
            TransactionRequest::Commit(again) => self.commit(reply).map(|()| {
                self.begin_again(again, reply);
                command::COMMIT
            }),
            TransactionRequest::Rollback(name, again) => {
                let name = Some(name).filter(|name| !name.is_empty());
                self.rollback_to(name.as_deref(), reply).map(|()| {
                    self.begin_again(again, reply);
                    command::ROLLBACK
                })
            }
            TransactionRequest::Save(name) => self.save(&name).map(|()| command::SAVE),
        };
        match result {
            Ok(command) => reply.done(Done { command, ..Done::default() }),
            Err(error) => self.report(&error, reply),
        }
    }

    fn begin_again(&mut self, isolation: Option<u8>, reply: &mut dyn Reply) {
        if let Some(isolation) = isolation {
            self.begin_at(isolation, reply);
        }
    }

    /// The level of a begin request stays with the session (documented).
    fn begin_at(&mut self, isolation: u8, reply: &mut dyn Reply) {
        self.settings.isolation = match isolation {
            1 => Isolation::ReadUncommitted,
            2 => Isolation::ReadCommitted,
            3 => Isolation::RepeatableRead,
            4 => Isolation::Serializable,
            5 => Isolation::Snapshot,
            _ => self.settings.isolation,
        };
        self.begin(reply);
    }

    /// The client is gone: what is open is rolled back.
    pub fn close(&mut self) {
        let mut nobody = super::reply::ScriptReply::default();
        self.rollback(&mut nobody);
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
