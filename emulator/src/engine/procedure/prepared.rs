//! Prepared statements: `sp_prepare`, `sp_execute`, `sp_prepexec`, `sp_unprepare`. They live as long as the session, or until
//! its connection is reset.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::batch::{Flow, Halt};
use super::super::reply::Reply;
use super::super::session::Session;
use super::super::variables::Variables;
use super::execute_sql::{bind, declarations, statement_text};
use super::{Given, Outcome, Output};
use crate::sql::ast::{Batch, Statement, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_batch;
use crate::tds::connection::command;
use crate::tds::response::{Done, OutColumn};
use crate::values::{SqlType, Value};

/// Statements that a session may keep prepared.
const PREPARED_MAX: usize = 20_000;
/// Option of `sp_prepare`: describe the result (documented: `RETURN_METADATA`).
const DESCRIBE: i64 = 1;

/// A statement and the parameters that it declares.
#[derive(Debug)]
struct PreparedStatement {
    declared: Vec<(String, SqlType)>,
    text: Vec<u8>,
    batch: Batch,
}

/// The prepared statements of a session.
#[derive(Debug, Default)]
pub(in super::super) struct PreparedStatements {
    last_handle: i32,
    by_handle: HashMap<i32, Arc<PreparedStatement>>,
}

impl PreparedStatements {
    fn add(&mut self, prepared: Arc<PreparedStatement>) -> Result<i32> {
        if self.by_handle.len() >= PREPARED_MAX {
            let message =
                "There is insufficient system memory in resource pool 'default' to run this query.";
            return Err(SqlError::new(701, message).class(17));
        }
        self.last_handle += 1;
        self.by_handle.insert(self.last_handle, prepared);
        Ok(self.last_handle)
    }
}

impl Session {
    /// `sp_prepare @handle OUTPUT, @params, @stmt, @options`.
    pub(super) fn prepare_statement(
        &mut self,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        let options = match given.get(3) {
            Some(options) => options.converted(SqlType::BigInt)?.as_int().unwrap_or(0),
            None => DESCRIBE,
        };
        let prepared = match parse(given)? {
            Ok(prepared) => prepared,
            Err(error) => return self.not_prepared(error, reply),
        };
        let columns = if options & DESCRIBE == 0 { Ok(None) } else { self.columns_of(&prepared) };
        let columns = match columns {
            Ok(columns) => columns,
            Err(error) => return self.not_prepared(error, reply),
        };
        let handle = self.prepared.add(prepared)?;
        reply.begin_procedure();
        if let Some(columns) = columns {
            reply.columns(&columns);
            reply.done(Done { command: command::SELECT, ..Done::default() });
        }
        let outputs = handle_output(given, handle).into_iter().collect();
        Ok(Outcome { step: Ok(Flow::Next), status: 0, outputs })
    }

    /// `sp_prepexec @handle OUTPUT, @params, @stmt, values…`.
    pub(super) fn prepare_and_execute(
        &mut self,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        let prepared = match parse(given)? {
            Ok(prepared) => prepared,
            Err(error) => return self.not_prepared(error, reply),
        };
        let bound = bind(&prepared.declared, given, 3)?;
        let handle = self.prepared.add(Arc::clone(&prepared))?;
        reply.begin_procedure();
        let mut outcome = self.run_bound(bound, reply, |session, reply| {
            session.parsed(&prepared.text, &prepared.batch, reply)
        });
        outcome.outputs.splice(..0, handle_output(given, handle));
        Ok(outcome)
    }

    /// 8180 behind the error that says why (documented).
    fn not_prepared(&mut self, error: SqlError, reply: &mut dyn Reply) -> Result<Outcome> {
        if self.tries > 0 {
            return Err(error);
        }
        reply.begin_procedure();
        reply.error(&error);
        reply.error(&SqlError::new(8180, "Statement(s) could not be prepared."));
        self.context.lock().last_error = 8180;
        Ok(Outcome { step: Err(Halt::Ended), status: 8180, outputs: Vec::new() })
    }

    /// `sp_execute @handle, values…`.
    pub(super) fn execute_prepared(
        &mut self,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        let handle = handle_of(given)?;
        let prepared =
            self.prepared.by_handle.get(&handle).cloned().ok_or_else(|| unknown_handle(handle))?;
        let bound = bind(&prepared.declared, given, 1)?;
        reply.begin_procedure();
        Ok(self.run_bound(bound, reply, |session, reply| {
            session.parsed(&prepared.text, &prepared.batch, reply)
        }))
    }

    /// `sp_unprepare @handle`.
    pub(super) fn unprepare(&mut self, given: &[Given], reply: &mut dyn Reply) -> Result<Outcome> {
        let handle = handle_of(given)?;
        self.prepared.by_handle.remove(&handle).ok_or_else(|| unknown_handle(handle))?;
        reply.begin_procedure();
        Ok(Outcome { step: Ok(Flow::Next), status: 0, outputs: Vec::new() })
    }

    /// The columns of a statement that is a query.
    fn columns_of(&mut self, prepared: &PreparedStatement) -> Result<Option<Vec<OutColumn>>> {
        let [Statement { kind: StatementKind::Select(query), .. }] =
            prepared.batch.statements.as_slice()
        else {
            return Ok(None);
        };
        let mut variables = Variables::default();
        for (name, sql_type) in &prepared.declared {
            variables.declare(name, *sql_type, Value::Null);
        }
        let outer = std::mem::replace(&mut self.variables, variables);
        let plan = self.reading(|session| {
            let catalog = session.refresh_catalog()?;
            session.translator(&catalog).query(query)
        });
        self.variables = outer;
        let plan = plan?;
        Ok(Some(plan.columns).filter(|_| plan.assigned.is_empty()))
    }
}

/// Declarations and text stand at the same places in both ways to prepare. The inner error is the statement's own.
fn parse(given: &[Given]) -> Result<Result<Arc<PreparedStatement>>> {
    let text = statement_text(given.get(2))?;
    let declared = declarations(given.get(1))?;
    let known = |name: &str| declared.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let parsed = parse_batch(&text, &known);
    Ok(parsed.map(|batch| Arc::new(PreparedStatement { declared, text, batch })))
}

/// The handle goes back where the call has an output parameter for it.
fn handle_output(given: &[Given], handle: i32) -> Option<Output> {
    given.first().filter(|first| first.output).map(|_| Output {
        place: 0,
        sql_type: SqlType::Int,
        value: Value::Int(i64::from(handle)),
    })
}

fn handle_of(given: &[Given]) -> Result<i32> {
    let Some(first) = given.first() else {
        let message = "Procedure expects parameter '@handle' of type 'int'.";
        return Err(SqlError::new(214, message).state(2));
    };
    let handle = first.converted(SqlType::Int)?.as_int().unwrap_or(0);
    Ok(i32::try_from(handle).unwrap_or(0))
}

/// 8179 (documented; its state is an assumption).
fn unknown_handle(handle: i32) -> SqlError {
    let message = format!("Could not find prepared statement with handle {handle}.");
    SqlError::new(8179, message).state(4)
}
