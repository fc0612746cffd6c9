//! Statements by the stage: rows are collected, checked, applied, and told.

use super::dml::is_duplicate;
use super::reply::Reply;
use super::session::Session;
use crate::catalog::{Index, Table};
use crate::sql::error::{Result, SqlError};
use crate::translate::{Once, Plan, Staged, Step};

impl Session {
    /// Runs a statement by the stage; gives the number of its rows.
    pub(super) fn run_staged(
        &mut self,
        staged: &Staged,
        verb: &str,
        reply: &mut dyn Reply,
    ) -> Result<u64> {
        let stage = staged.shape.table();
        self.staged_sql(&staged.shape.definition(), verb)?;
        self.staged_sql(&format!("DELETE FROM {stage}"), verb)?;
        for plan in &staged.fill {
            self.change(plan, verb)?;
        }
        self.each_row_once(staged)?;
        let count = self.staged_numbers(&format!("SELECT count(*) FROM {stage}"))?;
        for step in &staged.steps {
            self.apply(staged, step).map_err(|error| in_statement(error, verb))?;
        }
        if let Some(into) = &staged.into {
            self.change(into, "INSERT")?;
        }
        if let Some(output) = &staged.output {
            self.stream(output, verb, reply)?;
        }
        if let Some(assigned) = &staged.assigned {
            self.assign_last_row(assigned)?;
        }
        self.staged_sql(&format!("DELETE FROM {stage}"), verb)?;
        let count = count.first().and_then(|row| row.first()).copied().unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn staged_sql(&self, sql: &str, verb: &str) -> Result<usize> {
        let failed = |error: rusqlite::Error| self.sqlite_error(&error, verb);
        tracing::trace!(%sql, "staged");
        self.connection.prepare_cached(sql).map_err(failed)?.execute([]).map_err(failed)
    }

    /// Rows of whole numbers.
    pub(super) fn staged_numbers(&self, sql: &str) -> Result<Vec<Vec<i64>>> {
        let failed = |error: rusqlite::Error| self.sqlite_error(&error, "UPDATE");
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let width = statement.column_count();
        let rows = statement
            .query_map([], |row| (0..width).map(|at| row.get::<_, i64>(at)).collect())
            .map_err(failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)
    }

    fn each_row_once(&self, staged: &Staged) -> Result<()> {
        let (stage, row) = (staged.shape.table(), staged.shape.column("row"));
        match staged.once {
            Once::Surely => Ok(()),
            Once::First => {
                let sql = format!(
                    "DELETE FROM {stage} WHERE k NOT IN (SELECT min(k) FROM {stage} GROUP BY {row})"
                );
                self.staged_sql(&sql, "UPDATE").map(drop)
            }
            Once::Refused => {
                let sql = format!(
                    "SELECT 1 FROM {stage} WHERE {row} IS NOT NULL GROUP BY {row} HAVING count(*) > 1 LIMIT 1"
                );
                if self.staged_numbers(&sql)?.is_empty() {
                    return Ok(());
                }
                // Documented: 8672.
                let message = "The MERGE statement attempted to UPDATE or DELETE the same row more than once. This happens when a \
                               target row matches more than one source row. A MERGE statement cannot UPDATE/DELETE the same row \
                               of the target table multiple times. Refine the ON clause to ensure a target row matches at most \
                               one source row, or use the GROUP BY clause to group the source rows.";
                Err(SqlError::new(8672, message))
            }
        }
    }

    fn apply(&self, staged: &Staged, step: &Step) -> Result<()> {
        self.context.lock().set_columns.clone_from(&step.columns);
        let result = self.staged_sql(&step.sql, step.verb).map(drop);
        match result {
            Err(error) if is_duplicate(&error) && step.verb == "UPDATE" => {
                self.update_as_a_set(staged, step)
            }
            Err(error) if is_duplicate(&error) => {
                let plan = Plan::plain(&step.sql);
                Err(self.with_duplicate_value(&plan, &staged.table, error))
            }
            other => other,
        }
    }

    /// 2627 and 2601 with the value: the INSERT is done again so that the first conflict gives it away.
    pub(super) fn with_duplicate_value(
        &self,
        plan: &Plan,
        table: &Table,
        error: SqlError,
    ) -> SqlError {
        let named =
            |index: &&Index| index.unique && error.message.contains(&format!("'{}'", index.name));
        let Some(index) = table.indexes.iter().find(named) else {
            return error;
        };
        let Some((first, _)) = index.keys.first() else {
            return error;
        };
        let insert = &plan.sql[..plan.returning.unwrap_or(plan.sql.len())];
        let sql = format!(
            "{insert} ON CONFLICT DO UPDATE SET c{first} = {}",
            duplicate_call(table, index, &error, "excluded.")
        );
        let again = Plan { sql, returning: None, columns: Vec::new(), ..plan.clone() };
        match self.change(&again, "INSERT") {
            Err(found) if found.number == error.number => found,
            _ => error,
        }
    }
}

/// The call that raises an error with the key of a row.
pub(super) fn duplicate_call(
    table: &Table,
    index: &Index,
    error: &SqlError,
    prefix: &str,
) -> String {
    let mut arguments =
        vec![error.number.to_string(), format!("'{}'", error.message.replace('\'', "''"))];
    for column in index.keys.iter().filter_map(|(id, _)| table.column_by_id(*id)) {
        arguments.push(column.sql_type.code().to_string());
        arguments.push(format!("{prefix}{}", column.storage()));
    }
    format!("k_duplicate({})", arguments.join(", "))
}

/// A constraint names the statement, not the step of it.
fn in_statement(mut error: SqlError, verb: &str) -> SqlError {
    if error.number == 547 {
        for step in ["INSERT", "UPDATE", "DELETE"] {
            if let Some(rest) = error.message.strip_prefix(&format!("The {step} statement ")) {
                error.message = format!("The {verb} statement {rest}");
                break;
            }
        }
    }
    error
}
