//! Transactions: what T-SQL counts, and what `SQLite` has open for it.
//!
//! Under READ COMMITTED nothing is open in `SQLite` until the first write, so that every statement sees what is committed;
//! from then on the session is the only writer, and what it sees is the latest anyway. Under SNAPSHOT a read transaction
//! is opened at the first access to data and stays (observed: the snapshot is fixed there, probed.md 6). REPEATABLE READ and
//! SERIALIZABLE take the write lock at their first access: nothing can change what they have read.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use super::application_lock::Owner;
use super::reply::Reply;
use super::session::Session;
use super::tracking;
use super::write_lock::Wait;
use crate::catalog::Catalog;
use crate::catalog::table::LOCAL_FIRST;
use crate::sql::ast::Isolation;
use crate::sql::error::{Result, SqlError};
use crate::sqlite::errors::cancelled;
use crate::tds::response::EnvChange;
use crate::translate::Plan;

/// What `SQLite` has open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Open {
    /// Nothing.
    #[default]
    Nothing,
    /// A read transaction for the present statement.
    Statement,
    /// A read transaction that lasts: SNAPSHOT.
    Snapshot,
    /// A write transaction.
    Write,
}

/// What a statement is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Write.
    Write,
}

/// The session's transaction.
#[derive(Debug, Default)]
pub struct Transaction {
    /// `@@TRANCOUNT`.
    pub count: u32,
    /// Descriptor, 0 for none.
    pub id: u64,
    /// What `SQLite` has open.
    pub open: Open,
    /// Only a rollback is left.
    pub doomed: bool,
    /// The name that the outermost BEGIN gave it.
    name: Option<String>,
    /// Isolation at the first access to data, with which the transaction began (documented).
    began_at: Cell<Option<Isolation>>,
    /// The catalog of that access, under SNAPSHOT.
    snapshot: OnceCell<Arc<Catalog>>,
    /// The catalog has been changed.
    pub defines: bool,
    /// Names of save points, and whether `SQLite` had a write transaction open at each.
    saved: Vec<(String, bool)>,
}

impl Session {
    /// Whether statements run under SNAPSHOT.
    pub(super) fn under_snapshot(&self) -> bool {
        self.isolation() == Isolation::Snapshot
    }

    pub(super) fn isolation(&self) -> Isolation {
        // A transaction keeps SNAPSHOT, or its absence; other levels may change inside (documented).
        match self.transaction.began_at.get() {
            Some(Isolation::Snapshot) => Isolation::Snapshot,
            Some(began) if self.settings.isolation == Isolation::Snapshot => began,
            _ => self.settings.isolation,
        }
    }

    /// A plan is about to touch data: this is where a transaction begins and SNAPSHOT is fixed.
    pub(super) fn access(&self, plan: &Plan) -> Result<()> {
        if !plan.reads_data || self.transaction.count == 0 {
            return Ok(());
        }
        let transaction = &self.transaction;
        match transaction.began_at.get() {
            None => transaction.began_at.set(Some(self.settings.isolation)),
            Some(Isolation::Snapshot) => {}
            Some(_) if self.settings.isolation == Isolation::Snapshot => {
                return Err(began_otherwise(&self.shared.database));
            }
            Some(_) => {}
        }
        if !self.under_snapshot() {
            return Ok(());
        }
        if transaction.snapshot.get().is_none() {
            let version = tracking::current_version(&self.connection)?;
            self.shared.hold_snapshot(self.spid, Some(version));
        }
        let snapshot = transaction.snapshot.get_or_init(|| self.catalog());
        for table in plan.tables.iter().filter_map(|id| snapshot.tables.get(id)) {
            if !self.shared.is_defined_as(table.id, table.altered) {
                return Err(definition_changed(&self.shared.database));
            }
        }
        Ok(())
    }

    /// The catalog as it is now, without an access to data: no snapshot is fixed, no lock is taken.
    pub(super) fn peek_catalog(&mut self) -> Result<Arc<Catalog>> {
        if self.transaction.open != Open::Nothing {
            return self.refresh_catalog();
        }
        self.run("BEGIN DEFERRED")?;
        let catalog = self.refresh_catalog();
        self.run("COMMIT")?;
        catalog
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(|error| self.sqlite_error(&error, ""))
    }

    /// BEGIN TRANSACTION.
    pub(super) fn begin(&mut self, name: Option<&str>, reply: &mut dyn Reply) {
        self.transaction.count += 1;
        if self.transaction.count > 1 {
            return;
        }
        self.transaction.name = name.map(str::to_owned);
        self.transaction.id = self.shared.new_transaction();
        reply.environment(&EnvChange::Begin(self.transaction.id));
    }

    /// COMMIT.
    pub(super) fn commit(&mut self, reply: &mut dyn Reply) -> Result<()> {
        match self.transaction.count {
            0 => {
                // Documented: 3902.
                let message =
                    "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(SqlError::new(3902, message));
            }
            1 => {}
            _ => {
                self.transaction.count -= 1;
                return Ok(());
            }
        }
        if self.transaction.doomed {
            return Err(doomed());
        }
        self.commit_storage()?;
        self.forget_dropped();
        let id = self.end();
        reply.environment(&EnvChange::Commit(id));
        Ok(())
    }

    fn commit_storage(&mut self) -> Result<()> {
        if self.transaction.open == Open::Write {
            let catalog = self.refresh_catalog()?;
            let now = self.context.lock().now;
            tracking::advance(&self.connection, &catalog, now)?;
            self.save_counters()?;
        }
        if self.transaction.open != Open::Nothing {
            self.run("COMMIT")?;
        }
        if self.transaction.defines {
            self.shared.define(&self.catalog());
        }
        self.forget_storage();
        Ok(())
    }

    /// ROLLBACK of everything.
    pub(super) fn rollback(&mut self, reply: &mut dyn Reply) {
        if self.transaction.count == 0 {
            return;
        }
        self.rollback_storage();
        let id = self.end();
        reply.environment(&EnvChange::Rollback(id));
    }

    fn rollback_storage(&mut self) {
        let kept = self.variable_rows();
        if self.transaction.open != Open::Nothing && !self.connection.is_autocommit() {
            // Nothing can be done about a failure here, and SQLite has none to offer.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.forget_storage();
        self.restore_local(kept);
    }

    fn forget_storage(&mut self) {
        if self.holds_lock {
            self.holds_lock = false;
            self.shared.write_lock.release();
        }
        if self.transaction.snapshot.get().is_some() {
            self.shared.hold_snapshot(self.spid, None);
        }
        self.transaction.open = Open::Nothing;
        self.transaction.defines = false;
    }

    fn end(&mut self) -> u64 {
        let id = self.transaction.id;
        self.shared.application_locks.release_all(self.spid, Owner::Transaction);
        self.transaction = Transaction::default();
        id
    }

    /// ROLLBACK TRANSACTION, to a save point or of everything.
    pub(super) fn rollback_to(&mut self, name: Option<&str>, reply: &mut dyn Reply) -> Result<()> {
        if self.transaction.count == 0 {
            // Documented: 3903.
            let message =
                "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
            return Err(SqlError::new(3903, message));
        }
        let saved = name.and_then(|name| {
            self.transaction.saved.iter().rposition(|(own, _)| own.eq_ignore_ascii_case(name))
        });
        let Some(at) = saved else {
            if let Some(name) = name {
                self.is_own_name(name)?;
            }
            self.rollback(reply);
            return Ok(());
        };
        if self.transaction.doomed {
            return Err(doomed());
        }
        let (_, had_storage) = self.transaction.saved[at];
        self.transaction.saved.truncate(at + 1);
        let back_to = if had_storage { format!("p{at}") } else { "base".to_owned() };
        if had_storage || self.transaction.open == Open::Write {
            let kept = self.variable_rows();
            self.run(&format!("ROLLBACK TO {back_to}"))?;
            self.restore_local(kept);
        }
        Ok(())
    }

    /// Only the name of the outermost transaction stands for all of it (documented).
    fn is_own_name(&self, name: &str) -> Result<()> {
        if self.transaction.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let message =
            format!("Cannot roll back {name}. No transaction or savepoint of that name was found.");
        Err(SqlError::new(6401, message))
    }

    /// SAVE TRANSACTION.
    pub(super) fn save(&mut self, name: &str) -> Result<()> {
        if self.transaction.count == 0 {
            // Documented: 628.
            return Err(SqlError::new(
                628,
                "Cannot issue SAVE TRANSACTION when there is no active transaction.",
            ));
        }
        if self.transaction.doomed {
            return Err(doomed());
        }
        let has_storage = matches!(self.transaction.open, Open::Write | Open::Snapshot);
        if has_storage {
            self.run(&format!("SAVEPOINT p{}", self.transaction.saved.len()))?;
        }
        self.transaction.saved.push((name.to_owned(), has_storage));
        Ok(())
    }

    /// Makes `SQLite` ready for a statement.
    pub(super) fn open_for(&mut self, access: Access) -> Result<()> {
        if access == Access::Write && self.transaction.doomed {
            return Err(doomed());
        }
        if access == Access::Write && self.shared.is_secondary() {
            return Err(read_only(&self.shared.database));
        }
        let explicit = self.transaction.count > 0;
        let isolation = self.isolation();
        match (self.transaction.open, access) {
            (Open::Write, _) | (Open::Snapshot | Open::Statement, Access::Read) => Ok(()),
            (Open::Snapshot, Access::Write) => {
                self.take_lock()?;
                self.run("SAVEPOINT base")?;
                self.transaction.open = Open::Write;
                Ok(())
            }
            (Open::Nothing | Open::Statement, Access::Write) => self.begin_write(),
            (Open::Nothing, Access::Read) => {
                // Nobody writes to a secondary.
                if explicit
                    && !self.shared.is_secondary()
                    && matches!(isolation, Isolation::RepeatableRead | Isolation::Serializable)
                {
                    return self.begin_write();
                }
                self.run("BEGIN DEFERRED")?;
                self.transaction.open = Open::Statement;
                Ok(())
            }
        }
    }

    fn begin_write(&mut self) -> Result<()> {
        if self.transaction.open == Open::Statement {
            self.run("COMMIT")?;
            self.transaction.open = Open::Nothing;
        }
        self.take_lock()?;
        // A save point that is older than the first write leads back to here; locks stay (documented).
        let begin = "BEGIN IMMEDIATE; SAVEPOINT base";
        if let Err(error) = self.run(begin) {
            self.forget_storage();
            return Err(error);
        }
        self.transaction.open = Open::Write;
        Ok(())
    }

    fn take_lock(&mut self) -> Result<()> {
        match self.shared.write_lock.take(self.spid, self.settings.lock_timeout, &self.control) {
            Wait::Taken => {
                self.holds_lock = true;
                Ok(())
            }
            // Observed text and state of a key lock (probed.md 6).
            Wait::TimedOut => {
                Err(SqlError::new(1222, "Lock request time out period exceeded.").state(51))
            }
            Wait::Stopped => Err(cancelled()),
        }
    }

    /// Ends what a statement opened. In autocommit a write is committed here.
    pub(super) fn close_after(&mut self, succeeded: bool) -> Result<()> {
        if self.transaction.open == Open::Statement {
            if self.transaction.snapshot.get().is_some() {
                self.transaction.open = Open::Snapshot;
                return Ok(());
            }
            self.run("COMMIT")?;
            self.transaction.open = Open::Nothing;
            return Ok(());
        }
        if self.transaction.count > 0 || self.transaction.open == Open::Nothing {
            return Ok(());
        }
        if !succeeded {
            self.rollback_storage();
            return Ok(());
        }
        let committed = self.commit_storage();
        if committed.is_err() {
            self.rollback_storage();
        }
        committed
    }

    /// Graph ids and identities of this moment go into the file with the transaction.
    fn save_counters(&self) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached(
                "INSERT INTO __sys_counters (object_id, next_graph_id, last_identity) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (object_id) DO UPDATE SET next_graph_id = excluded.next_graph_id, \
                 last_identity = excluded.last_identity",
            )
            .map_err(|error| self.sqlite_error(&error, ""))?;
        let counters = self.shared.counters.all();
        for (table, counter) in counters.into_iter().filter(|(id, _)| *id < LOCAL_FIRST) {
            statement
                .execute(rusqlite::params![table, counter.next_graph_id, counter.last_identity])
                .map_err(|error| self.sqlite_error(&error, ""))?;
        }
        Ok(())
    }
}

/// 3951: a transaction that has begun cannot become a SNAPSHOT one (documented).
fn began_otherwise(database: &str) -> SqlError {
    let message = format!(
        "Transaction failed in database '{database}' because the statement was run under snapshot isolation but the transaction \
         did not start in snapshot isolation. You cannot change the isolation level of the transaction to snapshot after the \
         transaction has started unless the transaction was originally started under snapshot isolation level."
    );
    SqlError::new(3951, message)
}

/// 3961 (observed text, probed.md 6).
fn definition_changed(database: &str) -> SqlError {
    let message = format!(
        "Snapshot isolation transaction failed in database '{database}' because the object accessed by the statement has been \
         modified by a DDL statement in another concurrent transaction since the start of this transaction.  It is disallowed \
         because the metadata is not versioned. A concurrent update to metadata can lead to inconsistency if mixed with \
         snapshot isolation."
    );
    SqlError::new(3961, message)
}

/// 3906.
fn read_only(database: &str) -> SqlError {
    let message =
        format!("Failed to update database \"{database}\" because the database is read-only.");
    SqlError::new(3906, message).state(2)
}

/// 3930.
fn doomed() -> SqlError {
    let message = "The current transaction cannot be committed and cannot support operations that write to the log file. Roll \
                   back the transaction.";
    SqlError::new(3930, message)
}
