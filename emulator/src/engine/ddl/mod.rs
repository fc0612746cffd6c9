//! Statements that change the catalog. Each changes it, writes it, and brings `SQLite`'s tables into line, in one transaction.

mod alter;
mod alter_constraint;
mod alter_tracking;
mod constraint;
mod create_index;
mod create_table;
mod database;
mod drop;
mod truncate;

use std::sync::Arc;

pub(super) use database::tracking_disabled;

use super::permission;
use super::session::Session;
use super::storage;
use crate::catalog::permissions::Scope;
use crate::catalog::{Catalog, store};
use crate::sql::ast::{Create, DropKind, ObjectName, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::context::Counter;

/// A catalog that is being changed, and the SQL that goes with it.
pub(super) struct Change {
    pub catalog: Catalog,
    pub sql: Vec<String>,
    pub now: i64,
    /// Counters to set afterwards.
    pub counters: Vec<(i32, Counter)>,
}

impl Change {
    /// Work on a copy of a catalog.
    pub(super) fn new(catalog: Catalog, now: i64) -> Self {
        Self { catalog, sql: Vec::new(), now, counters: Vec::new() }
    }

    /// Adds an index to a table's definition; gives the SQL for it.
    pub(super) fn index_of(
        &self,
        table: &mut crate::catalog::Table,
        index: &crate::sql::ast::CreateIndex,
    ) -> Result<Vec<String>> {
        create_index::add_index(table, index)?;
        match table.indexes.last() {
            Some(index) => storage::create_index(&self.catalog, table, index),
            None => Ok(Vec::new()),
        }
    }

    /// Every table that is not as it was gets the number of this change.
    fn note_altered(&mut self, before: &Catalog) {
        self.catalog.changes += 1;
        let number = self.catalog.changes;
        for (id, table) in &mut self.catalog.tables {
            if !before.tables.get(id).is_some_and(|old| Arc::ptr_eq(old, table)) {
                Arc::make_mut(table).altered = number;
            }
        }
    }
}

impl Session {
    /// CREATE, ALTER, DROP, TRUNCATE, GRANT and their like.
    pub(super) fn define(&mut self, kind: &StatementKind) -> Result<()> {
        if let StatementKind::AlterDatabase { name, options } = kind {
            return self.alter_database(name.as_deref(), options);
        }
        self.refuse_in_snapshot(kind)?;
        self.writing(|session| {
            session.refresh_catalog()?;
            session.check_may_define(kind)?;
            session.change_catalog(|change, session| apply(change, kind, session))
        })
    }

    /// 3964: definitions have no versions, so these stay out of SNAPSHOT transactions (documented list).
    fn refuse_in_snapshot(&self, kind: &StatementKind) -> Result<()> {
        let refused = match kind {
            StatementKind::AlterTable { .. } => true,
            StatementKind::Create(create) => matches!(**create, Create::Index(_)),
            StatementKind::Drop { kind, .. } => *kind == DropKind::Index,
            _ => false,
        };
        if !refused || self.transaction.count == 0 || !self.under_snapshot() {
            return Ok(());
        }
        let message = "Transaction failed because this DDL statement is not allowed inside a snapshot isolation transaction. Since \
                       metadata is not versioned, a metadata change can lead to inconsistency if mixed within snapshot isolation.";
        Err(SqlError::new(3964, message))
    }

    /// dbo and `db_owner` may define everything; others need ALTER or CONTROL, which here is asked for on the database or the object.
    fn check_may_define(&self, kind: &StatementKind) -> Result<()> {
        let catalog = self.catalog();
        let of_table = |name: &ObjectName| -> Result<()> {
            let table = catalog.table(name)?;
            if catalog.permits_on(self.user, "ALTER", table) {
                return Ok(());
            }
            let object = name.object();
            let message = format!(
                "Cannot find the object \"{object}\" because it does not exist or you do not have permissions."
            );
            Err(SqlError::new(1088, message).state(13))
        };
        match kind {
            StatementKind::AlterTable { name, .. } | StatementKind::Truncate(name) => {
                of_table(name)
            }
            _ if catalog.permits(self.user, "CONTROL", &[Scope::Database]) => Ok(()),
            StatementKind::Create(create) if matches!(**create, Create::Table(_)) => {
                // Documented: 262.
                let database = &catalog.database.name;
                let message = format!("CREATE TABLE permission denied in database '{database}'.");
                Err(SqlError::new(262, message).class(14))
            }
            _ => {
                let message = "User does not have permission to perform this action.";
                Err(SqlError::new(15247, message).class(16))
            }
        }
    }

    /// Changes the catalog inside of an open write transaction.
    pub(super) fn change_catalog(
        &mut self,
        change: impl FnOnce(&mut Change, &Self) -> Result<()>,
    ) -> Result<()> {
        let mut work = Change::new((*self.catalog()).clone(), self.context.lock().now);
        change(&mut work, self)?;
        work.note_altered(&self.catalog());
        self.transaction.defines = true;
        self.drop_triggers()?;
        for sql in work.sql.iter().chain(&storage::triggers(&work.catalog)) {
            tracing::trace!(%sql, "definition");
            self.connection.execute_batch(sql).map_err(|error| {
                crate::sqlite::errors::translate(&error, &work.catalog, "ALTER TABLE")
            })?;
        }
        store::save(&self.connection, &mut work.catalog)?;
        for (table, counter) in work.counters {
            self.shared.counters.set(table, counter);
        }
        self.context.lock().catalog = Arc::new(work.catalog);
        Ok(())
    }

    fn drop_triggers(&self) -> Result<()> {
        let failed = |error: rusqlite::Error| self.sqlite_error(&error, "");
        let mut statement = self
            .connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .map_err(failed)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
        let names = names.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
        for name in names {
            self.connection.execute_batch(&format!("DROP TRIGGER {name}")).map_err(failed)?;
        }
        Ok(())
    }

    /// SET `IDENTITY_INSERT`.
    pub(super) fn set_identity_insert(&mut self, name: &ObjectName, on: bool) -> Result<()> {
        let catalog = self.reading(super::session::Session::refresh_catalog)?;
        let table = catalog.find_table(name).ok_or_else(|| {
            let message =
                format!("Cannot find the object \"{name}\" because it does not exist or you do not have permissions.");
            SqlError::new(1088, message)
        })?;
        if table.identity().is_none() {
            let message = format!(
                "Table '{}' does not have the identity property. Cannot perform SET operation.",
                table.name
            );
            return Err(SqlError::new(8106, message));
        }
        match self.settings.identity_insert {
            Some(other) if on && other != table.id && catalog.tables.contains_key(&other) => {
                let already = catalog
                    .tables
                    .get(&other)
                    .map_or_else(String::new, |other| catalog.full_name(other));
                let message = format!(
                    "IDENTITY_INSERT is already ON for table '{already}'. Cannot perform SET operation for table '{}'.",
                    catalog.qualified(table)
                );
                return Err(SqlError::new(8107, message));
            }
            _ if on => self.settings.identity_insert = Some(table.id),
            Some(own) if own == table.id => self.settings.identity_insert = None,
            _ => {}
        }
        Ok(())
    }
}

fn apply(change: &mut Change, kind: &StatementKind, session: &Session) -> Result<()> {
    match kind {
        StatementKind::Create(create) => match &**create {
            Create::Schema { name } => create_schema(&mut change.catalog, name),
            Create::Table(table) => change.create_table(table),
            Create::Index(index) => change.create_index(index),
            Create::Login { name, password } => {
                permission::create_login(&mut change.catalog, name, password)
            }
            Create::User { name, login } => {
                permission::create_principal(&mut change.catalog, name, false, login.as_deref())
            }
            Create::Role { name } => {
                permission::create_principal(&mut change.catalog, name, true, None)
            }
        },
        StatementKind::AlterTable { name, action } => change.alter_table(name, action, session),
        StatementKind::Drop { kind, if_exists, names, on } => names
            .iter()
            .try_for_each(|name| change.drop_object(*kind, *if_exists, name, on.as_ref())),
        StatementKind::Truncate(name) => change.truncate(name, session),
        StatementKind::AlterRole { role, member, add } => {
            permission::alter_role(&mut change.catalog, role, member, *add)
        }
        StatementKind::Permission(entry) => permission::change(&mut change.catalog, entry),
        _ => Err(SqlError::internal("definition")),
    }
}

fn create_schema(catalog: &mut Catalog, name: &str) -> Result<()> {
    if catalog.schema_id(name).is_some() {
        // Documented: 2714, then 2759.
        return Err(SqlError::new(
            2714,
            format!("There is already an object named '{name}' in the database."),
        )
        .state(6));
    }
    let last = catalog.schemas.keys().next_back().copied().unwrap_or(4);
    catalog.schemas.insert(last.max(4) + 1, name.to_owned());
    Ok(())
}
