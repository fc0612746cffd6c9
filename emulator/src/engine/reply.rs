//! Where a session's answers go: to a client, or nowhere while a script runs.

use crate::sql::error::{Result, SqlError};
use crate::tds::response::{Done, EnvChange, OutColumn, Response};
use crate::values::{SqlType, Value};

/// Takes what statements answer.
pub trait Reply {
    /// A result begins.
    fn columns(&mut self, columns: &[OutColumn]);
    /// A row of it.
    fn row(&mut self, row: &rusqlite::Row<'_>, columns: &[OutColumn]) -> Result<()>;
    /// A statement ends.
    fn done(&mut self, done: Done);
    /// An error.
    fn error(&mut self, error: &SqlError);
    /// A message.
    fn info(&mut self, info: &SqlError);
    /// The client's environment changes.
    fn environment(&mut self, change: &EnvChange);
    /// A procedure begins.
    fn begin_procedure(&mut self);
    /// It gives its status.
    fn return_status(&mut self, status: i32);
    /// It gives an output parameter, with its place among all parameters.
    fn return_value(
        &mut self,
        place: usize,
        name: &str,
        sql_type: SqlType,
        value: &Value,
    ) -> Result<()>;
    /// It ends.
    fn end_procedure(&mut self, failed: bool);
    /// Another call of the same request follows.
    fn next_call(&mut self);
    /// NOCOUNT is on, or off again.
    fn set_no_count(&mut self, on: bool);
    /// Nobody listens any more.
    fn is_closed(&self) -> bool;
}

impl Reply for Response {
    fn columns(&mut self, columns: &[OutColumn]) {
        self.columns(columns);
    }

    fn row(&mut self, row: &rusqlite::Row<'_>, columns: &[OutColumn]) -> Result<()> {
        self.row(row, columns).map_err(SqlError::internal)
    }

    fn done(&mut self, done: Done) {
        self.done(done);
    }

    fn error(&mut self, error: &SqlError) {
        self.error(error, super::SERVER_NAME);
    }

    fn info(&mut self, info: &SqlError) {
        self.info(info, super::SERVER_NAME);
    }

    fn environment(&mut self, change: &EnvChange) {
        self.environment(change);
    }

    fn begin_procedure(&mut self) {
        self.begin_procedure();
    }

    fn return_status(&mut self, status: i32) {
        self.return_status(status);
    }

    fn return_value(
        &mut self,
        place: usize,
        name: &str,
        sql_type: SqlType,
        value: &Value,
    ) -> Result<()> {
        self.return_value(place, name, sql_type, value).map_err(SqlError::internal)
    }

    fn end_procedure(&mut self, failed: bool) {
        self.end_procedure(failed);
    }

    fn next_call(&mut self) {
        self.next_call();
    }

    fn set_no_count(&mut self, on: bool) {
        self.set_no_count(on);
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }
}

/// Keeps the first error, drops everything else.
#[derive(Debug, Default)]
pub struct ScriptReply {
    /// The first error, if there was one.
    pub first_error: Option<SqlError>,
}

impl Reply for ScriptReply {
    fn columns(&mut self, _: &[OutColumn]) {}

    fn row(&mut self, _: &rusqlite::Row<'_>, _: &[OutColumn]) -> Result<()> {
        Ok(())
    }

    fn done(&mut self, _: Done) {}

    fn error(&mut self, error: &SqlError) {
        self.first_error.get_or_insert_with(|| error.clone());
    }

    fn info(&mut self, info: &SqlError) {
        tracing::debug!(number = info.number, "{}", info.message);
    }

    fn environment(&mut self, _: &EnvChange) {}

    fn begin_procedure(&mut self) {}

    fn return_status(&mut self, _: i32) {}

    fn return_value(&mut self, _: usize, _: &str, _: SqlType, _: &Value) -> Result<()> {
        Ok(())
    }

    fn end_procedure(&mut self, _: bool) {}

    fn next_call(&mut self) {}

    fn set_no_count(&mut self, _: bool) {}

    fn is_closed(&self) -> bool {
        false
    }
}
