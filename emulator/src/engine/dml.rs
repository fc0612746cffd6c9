//! INSERT, UPDATE, DELETE.

use super::reply::Reply;
use super::session::Session;
use super::transaction::Access;
use crate::sql::ast::{Delete, Insert, InsertSource, Update};
use crate::sql::error::Result;
use crate::translate::Plan;

impl Session {
    /// Opens for writing, runs inside of a save point, so that a statement happens whole or not at all, and closes.
    pub(super) fn writing<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.open_for(Access::Write)?;
        let result = self.saved_point(run);
        let closed = self.close_after(result.is_ok());
        let value = result?;
        closed?;
        Ok(value)
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

    pub(super) fn insert(&mut self, insert: &Insert, reply: &mut dyn Reply) -> Result<u64> {
        self.writing(|session| {
            let catalog = session.refresh_catalog()?;
            let target = session.translator(&catalog).insert_target(insert)?;
            match &insert.source {
                InsertSource::Query(query) => {
                    let plan = session.translator(&catalog).insert_query(insert, &target, query)?;
                    session.run_change(&plan, "INSERT", reply)
                }
                InsertSource::Values(rows) => {
                    for (at, row) in rows.iter().enumerate() {
                        let plan = session.translator(&catalog).insert_row(insert, &target, row)?;
                        session.insert_one(&plan, at == 0, reply)?;
                    }
                    Ok(u64::try_from(rows.len()).unwrap_or(0))
                }
                InsertSource::Defaults => {
                    let mut nothing = target.clone();
                    nothing.columns.clear();
                    let plan = session.translator(&catalog).insert_row(insert, &nothing, &[])?;
                    session.run_change(&plan, "INSERT", reply)
                }
            }
        })
    }

    /// One row of several: with OUTPUT they are one result, announced with the first.
    fn insert_one(&self, plan: &Plan, first: bool, reply: &mut dyn Reply) -> Result<()> {
        if plan.columns.is_empty() {
            return self.change(plan, "INSERT").map(drop);
        }
        if first {
            reply.columns(&plan.columns);
        }
        self.stream_rows(plan, "INSERT", reply).map(drop)
    }

    fn run_change(&self, plan: &Plan, verb: &str, reply: &mut dyn Reply) -> Result<u64> {
        if plan.columns.is_empty() {
            self.change(plan, verb)
        } else {
            self.stream(plan, verb, reply)
        }
    }

    pub(super) fn update(&mut self, update: &Update, reply: &mut dyn Reply) -> Result<u64> {
        self.writing(|session| {
            let catalog = session.refresh_catalog()?;
            let plan = session.translator(&catalog).update(update)?;
            session.run_change(&plan, "UPDATE", reply)
        })
    }

    pub(super) fn delete(&mut self, delete: &Delete, reply: &mut dyn Reply) -> Result<u64> {
        self.writing(|session| {
            let catalog = session.refresh_catalog()?;
            let plan = session.translator(&catalog).delete(delete)?;
            session.run_change(&plan, "DELETE", reply)
        })
    }
}
