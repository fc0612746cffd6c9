//! INSERT, UPDATE, DELETE, MERGE.

use super::reply::Reply;
use super::session::Session;
use super::transaction::Access;
use crate::catalog::Table;
use crate::sql::ast::{Delete, Insert, InsertSource, Merge, ObjectName, Output, Update};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::errors::{self, UPDATE_CONFLICT};
use crate::translate::{Changing, Plan};

impl Session {
    /// Opens for writing, runs inside of a save point, so that a statement happens whole or not at all, and closes.
    pub(super) fn writing<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.changing(Access::Write, run)
    }

    /// The same for a statement that may touch tables of the session alone.
    pub(super) fn changing<T>(
        &mut self,
        access: Access,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.open_for(access)?;
        let result = self.saved_point(run);
        let closed = self.close_after(result.is_ok());
        let value = result?;
        closed?;
        Ok(value)
    }

    /// The same for a change of one table, which an update conflict names.
    fn changing_table<T>(
        &mut self,
        target: &ObjectName,
        output: &Output,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let changed = self.changing(self.access_to(target, output), run);
        changed.map_err(|error| match error.number {
            UPDATE_CONFLICT => errors::update_conflict(&self.catalog(), target),
            _ => error,
        })
    }

    fn saved_point<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let step = |session: &Self, sql: &str| {
            session.connection.execute_batch(sql).map_err(|error| session.sqlite_error(&error, ""))
        };
        step(self, "SAVEPOINT statement")?;
        let result = run(self);
        if result.is_ok() {
            step(self, "RELEASE statement")?;
        } else if !self.connection.is_autocommit() {
            step(self, "ROLLBACK TO statement; RELEASE statement")?;
        }
        result
    }

    /// What a change of these tables needs: those of the session alone take no lock.
    fn access_to(&self, target: &ObjectName, output: &Output) -> Access {
        let into = output.into.as_ref().map(|into| &into.table);
        let local = std::iter::once(target).chain(into).all(|name| self.is_free_to_write(name));
        if local { Access::Read } else { Access::Write }
    }

    /// Identity values are drawn when rows are made, not when they are committed: of two transactions the one that drew later
    /// may commit first (documented). Here, where only one session writes, a statement that has to wait draws before it waits.
    fn draw_identities(&mut self, insert: &Insert) -> Result<()> {
        let InsertSource::Values(rows) = &insert.source else {
            return Ok(());
        };
        if self.holds_lock || !self.shared.write_lock.is_taken() {
            return Ok(());
        }
        let catalog = self.peek_catalog()?;
        let Some(table) = catalog.find_table(&insert.table) else {
            return Ok(());
        };
        let identity = table.identity().and_then(|column| column.identity);
        if let Some((seed, increment)) = identity
            && self.settings.identity_insert != Some(table.id)
        {
            let drawn = rows
                .iter()
                .map(|_| (table.id, self.shared.counters.draw_identity(table.id, seed, increment)));
            self.context.lock().drawn = drawn.collect();
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, insert: &Insert, reply: &mut dyn Reply) -> Result<u64> {
        self.draw_identities(insert)?;
        let inserted = self.insert_drawn(insert, reply);
        self.context.lock().drawn.clear();
        inserted
    }

    fn insert_drawn(&mut self, insert: &Insert, reply: &mut dyn Reply) -> Result<u64> {
        self.changing_table(&insert.table, &insert.output, |session| {
            let catalog = session.refresh_catalog()?;
            let target = session.translator(&catalog).insert_target(insert)?;
            if insert.output.into.is_some() {
                let staged = session.translator(&catalog).staged_insert(insert, &target)?;
                return session.run_staged(&staged, "INSERT", reply);
            }
            let no_values = [Vec::new()];
            let rows = match &insert.source {
                InsertSource::Query(query) => {
                    let plan = session.translator(&catalog).insert_query(insert, &target, query)?;
                    return session.insert_rows(&plan, &target.table, true, reply);
                }
                InsertSource::Values(rows) => &rows[..],
                InsertSource::Defaults => &no_values[..],
            };
            for (at, row) in rows.iter().enumerate() {
                let plan = session.translator(&catalog).insert_row(insert, &target, row)?;
                session.insert_rows(&plan, &target.table, at == 0, reply)?;
            }
            Ok(u64::try_from(rows.len()).unwrap_or(0))
        })
    }

    /// Runs an INSERT. With OUTPUT several of them are one result, announced with the first.
    fn insert_rows(
        &self,
        plan: &Plan,
        table: &Table,
        first: bool,
        reply: &mut dyn Reply,
    ) -> Result<u64> {
        let counter = self.shared.counters.get(table.id);
        self.change_rows(plan, "INSERT", first, reply).map_err(|error| {
            if is_duplicate(&error) {
                self.shared.counters.rewind(table.id, counter);
                self.with_duplicate_value(plan, table, error)
            } else {
                error
            }
        })
    }

    pub(super) fn update(&mut self, update: &Update, reply: &mut dyn Reply) -> Result<u64> {
        self.changing_table(&update.target, &update.output, |session| {
            let catalog = session.refresh_catalog()?;
            let plan = match session.translator(&catalog).update(update)? {
                Changing::Direct(plan) => plan,
                Changing::Staged(staged) => return session.run_staged(&staged, "UPDATE", reply),
            };
            match session.change_rows(&plan, "UPDATE", true, reply) {
                // Rows may stand in each other's way until the last has moved.
                Err(error) if is_duplicate(&error) => {
                    let staged = session.translator(&catalog).staged_update(update)?;
                    session.run_staged(&staged, "UPDATE", reply)
                }
                other => other,
            }
        })
    }

    pub(super) fn delete(&mut self, delete: &Delete, reply: &mut dyn Reply) -> Result<u64> {
        self.changing_table(&delete.target, &delete.output, |session| {
            let catalog = session.refresh_catalog()?;
            match session.translator(&catalog).delete(delete)? {
                Changing::Direct(plan) => session.change_rows(&plan, "DELETE", true, reply),
                Changing::Staged(staged) => session.run_staged(&staged, "DELETE", reply),
            }
        })
    }

    pub(super) fn merge(&mut self, merge: &Merge, reply: &mut dyn Reply) -> Result<u64> {
        self.changing_table(&merge.target, &merge.output, |session| {
            let catalog = session.refresh_catalog()?;
            let staged = session.translator(&catalog).merge(merge)?;
            session.run_staged(&staged, "MERGE", reply)
        })
    }
}

/// A key that is there already.
pub(super) fn is_duplicate(error: &SqlError) -> bool {
    matches!(error.number, 2627 | 2601)
}
