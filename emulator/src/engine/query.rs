//! Running translated statements: rows to the client, values to variables.

use rusqlite::{CachedStatement, Statement};

use super::reply::Reply;
use super::session::Session;
use super::transaction::Access;
use crate::sql::ast::{Expr, Query};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::errors::cancelled;
use crate::translate::{Binding, Plan};
use crate::values::{SqlType, Value};

/// Longer statements are not worth keeping.
const KEPT_SQL_BYTES: usize = 16 << 10;

enum Prepared<'c> {
    Kept(CachedStatement<'c>),
    Once(Statement<'c>),
}

impl<'c> Prepared<'c> {
    fn statement(&mut self) -> &mut Statement<'c> {
        match self {
            Self::Kept(statement) => statement,
            Self::Once(statement) => statement,
        }
    }
}

impl Session {
    fn prepare(&self, plan: &Plan, verb: &str) -> Result<Prepared<'_>> {
        tracing::trace!(sql = %plan.sql, "translated");
        self.access(plan)?;
        self.context.lock().set_columns.clone_from(&plan.set_columns);
        let failed = |error: rusqlite::Error| self.sqlite_error(&error, verb);
        let mut prepared = if plan.sql.len() <= KEPT_SQL_BYTES {
            Prepared::Kept(self.connection.prepare_cached(&plan.sql).map_err(failed)?)
        } else {
            Prepared::Once(self.connection.prepare(&plan.sql).map_err(failed)?)
        };
        for (at, binding) in (1..).zip(&plan.bindings) {
            let bound = match binding {
                Binding::Literal(value) => prepared.statement().raw_bind_parameter(at, value),
                Binding::Variable(name) => {
                    prepared.statement().raw_bind_parameter(at, self.variables.get(name))
                }
            };
            bound.map_err(failed)?;
        }
        Ok(prepared)
    }

    /// Runs a plan; its rows go to the client as they come. Gives their number.
    pub(super) fn stream(&self, plan: &Plan, verb: &str, reply: &mut dyn Reply) -> Result<u64> {
        reply.columns(&plan.columns);
        self.stream_rows(plan, verb, reply)
    }

    /// The rows alone, behind columns that are announced already.
    pub(super) fn stream_rows(
        &self,
        plan: &Plan,
        verb: &str,
        reply: &mut dyn Reply,
    ) -> Result<u64> {
        let mut prepared = self.prepare(plan, verb)?;
        let mut rows = prepared.statement().raw_query();
        let mut count = 0;
        while let Some(row) = rows.next().map_err(|error| self.sqlite_error(&error, verb))? {
            reply.row(row, &plan.columns)?;
            count += 1;
            if self.control.must_stop() || reply.is_closed() {
                return Err(cancelled());
            }
        }
        Ok(count)
    }

    /// Runs a change, with or without rows for the client, which are announced when it has taken place.
    pub(super) fn change_rows(
        &self,
        plan: &Plan,
        verb: &str,
        announce: bool,
        reply: &mut dyn Reply,
    ) -> Result<u64> {
        if plan.columns.is_empty() {
            return self.change(plan, verb);
        }
        let mut prepared = self.prepare(plan, verb)?;
        let mut rows = prepared.statement().raw_query();
        let mut next = rows.next().map_err(|error| self.sqlite_error(&error, verb))?;
        if announce {
            reply.columns(&plan.columns);
        }
        let mut count = 0;
        while let Some(row) = next {
            reply.row(row, &plan.columns)?;
            count += 1;
            next = rows.next().map_err(|error| self.sqlite_error(&error, verb))?;
        }
        Ok(count)
    }

    /// Sets variables from the last row of a plan; without rows they stay. Gives the number of rows.
    pub(super) fn assign_last_row(&mut self, plan: &Plan) -> Result<u64> {
        let (row, count) = self.last_row(plan)?;
        for (name, value) in plan.assigned.iter().zip(row.unwrap_or_default()) {
            self.variables.set(name, value);
        }
        Ok(count)
    }

    /// Runs a plan without rows; gives the number of rows changed.
    pub(super) fn change(&self, plan: &Plan, verb: &str) -> Result<u64> {
        let mut prepared = self.prepare(plan, verb)?;
        let changed =
            prepared.statement().raw_execute().map_err(|error| self.sqlite_error(&error, verb))?;
        Ok(u64::try_from(changed).unwrap_or(0))
    }

    /// Runs a plan; gives its last row and the number of rows.
    fn last_row(&self, plan: &Plan) -> Result<(Option<Vec<Value>>, u64)> {
        let mut prepared = self.prepare(plan, "")?;
        let width = prepared.statement().column_count();
        let mut rows = prepared.statement().raw_query();
        let (mut last, mut count) = (None, 0);
        while let Some(row) = rows.next().map_err(|error| self.sqlite_error(&error, ""))? {
            let cells = (0..width)
                .map(|at| row.get_ref(at).map(Value::from))
                .collect::<rusqlite::Result<_>>();
            last = Some(cells.map_err(|error| self.sqlite_error(&error, ""))?);
            count += 1;
        }
        Ok((last, count))
    }

    /// SELECT. The plan is made and run in one transaction of `SQLite`, so both see the same tables.
    pub(super) fn select(&mut self, query: &Query, reply: &mut dyn Reply) -> Result<u64> {
        // Locks that last make the session the one writer, until its transaction ends.
        // Documented: a secondary ignores them.
        let may_lock = !self.transaction.doomed && !self.shared.is_secondary();
        let locks = self.transaction.count > 0 && may_lock && query.holds_locks();
        let access = if locks { Access::Write } else { Access::Read };
        self.accessing(access, |session| {
            let catalog = session.refresh_catalog()?;
            let plan = session.translator(&catalog).query(query)?;
            if plan.assigned.is_empty() {
                return session.stream(&plan, "SELECT", reply);
            }
            session.assign_last_row(&plan)
        })
    }

    /// Opens for reading, runs, closes.
    pub(super) fn reading<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.accessing(Access::Read, run)
    }

    fn accessing<T>(
        &mut self,
        access: Access,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.open_for(access)?;
        let result = run(self);
        let closed = self.close_after(result.is_ok());
        let value = result?;
        closed?;
        Ok(value)
    }

    /// Whether a predicate is true.
    pub(super) fn holds(&mut self, predicate: &Expr) -> Result<bool> {
        self.reading(|session| {
            let catalog = session.refresh_catalog()?;
            let plan = session.translator(&catalog).condition(predicate)?;
            let (row, _) = session.last_row(&plan)?;
            Ok(row.is_some_and(|row| row.first() == Some(&Value::Int(1))))
        })
    }

    /// The value of an expression, converted as an assignment does.
    pub(super) fn evaluate_as(&mut self, expression: &Expr, to: SqlType) -> Result<Value> {
        self.reading(|session| {
            let catalog = session.refresh_catalog()?;
            let plan = session.translator(&catalog).converted(expression, to)?;
            let (row, _) = session.last_row(&plan)?;
            Ok(row.and_then(|row| row.into_iter().next()).unwrap_or_default())
        })
    }

    /// The value of an expression and its type.
    pub(super) fn evaluate(&mut self, expression: &Expr) -> Result<(Value, SqlType)> {
        self.reading(|session| {
            let catalog = session.refresh_catalog()?;
            let (plan, sql_type) = session.translator(&catalog).value(expression)?;
            let (row, _) = session.last_row(&plan)?;
            Ok((row.and_then(|row| row.into_iter().next()).unwrap_or_default(), sql_type))
        })
    }

    /// The value of an expression as text that this server reads.
    pub(super) fn evaluate_text(&mut self, expression: &Expr) -> Result<String> {
        let value = self.evaluate_as(expression, SqlType::NTEXT_MAX)?;
        Ok(value.to_text().unwrap_or_default())
    }

    /// The value of an expression as a whole number.
    pub(super) fn evaluate_int(&mut self, expression: &Expr) -> Result<i64> {
        let value = self.evaluate_as(expression, SqlType::BigInt)?;
        value
            .as_int()
            .ok_or_else(|| SqlError::new(8114, "Error converting data type NULL to bigint."))
    }
}
