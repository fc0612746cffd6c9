//! Procedures of the system, called by RPC and by EXEC.

mod execute_sql;
mod formal;
mod locks;
mod prepared;

pub(crate) use locks::{cut, lock_principal};
pub(super) use prepared::PreparedStatements;

use super::batch::{Flow, Halt, Step};
use super::reply::Reply;
use super::session::Session;
use super::variables::Variables;
use crate::sql::ast::{Argument, Expr, ProcedureCall};
use crate::sql::error::{Result, SqlError};
use crate::tds::rpc::{Call, Procedure};
use crate::values::convert::{Purpose, convert};
use crate::values::{SqlType, Value};

/// A procedure that this server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SystemProcedure {
    ExecuteSql,
    Prepare,
    Execute,
    PrepareAndExecute,
    Unprepare,
    GetApplicationLock,
    ReleaseApplicationLock,
    FlushChangeTracking,
}

impl SystemProcedure {
    /// Well-known numbers (MS-TDS 2.2.6.6).
    fn of(procedure: &Procedure) -> Option<Self> {
        Some(match procedure {
            Procedure::Numbered(10) => Self::ExecuteSql,
            Procedure::Numbered(11) => Self::Prepare,
            Procedure::Numbered(12) => Self::Execute,
            Procedure::Numbered(13) => Self::PrepareAndExecute,
            Procedure::Numbered(15) => Self::Unprepare,
            Procedure::Numbered(_) => return None,
            Procedure::Named(name) => {
                let last = name.rsplit('.').next().unwrap_or(name);
                return Self::named(last.trim_matches(['[', ']']));
            }
        })
    }

    fn named(name: &str) -> Option<Self> {
        [
            Self::ExecuteSql,
            Self::Prepare,
            Self::Execute,
            Self::PrepareAndExecute,
            Self::Unprepare,
            Self::GetApplicationLock,
            Self::ReleaseApplicationLock,
            Self::FlushChangeTracking,
        ]
        .into_iter()
        .find(|own| own.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::ExecuteSql => "sp_executesql",
            Self::Prepare => "sp_prepare",
            Self::Execute => "sp_execute",
            Self::PrepareAndExecute => "sp_prepexec",
            Self::Unprepare => "sp_unprepare",
            Self::GetApplicationLock => "sp_getapplock",
            Self::ReleaseApplicationLock => "sp_releaseapplock",
            Self::FlushChangeTracking => "sp_flush_CT_internal_table_on_demand",
        }
    }
}

/// A value that a call brings.
#[derive(Clone, Debug)]
struct Given {
    name: String,
    sql_type: SqlType,
    value: Value,
    output: bool,
}

impl Given {
    fn converted(&self, to: SqlType) -> Result<Value> {
        convert(self.value.clone(), self.sql_type, to, 0, Purpose::Cast)
    }
}

/// The value that an output parameter has in the end.
#[derive(Debug)]
struct Output {
    /// Place among the values that the call brought.
    place: usize,
    sql_type: SqlType,
    value: Value,
}

/// What a procedure leaves behind.
#[derive(Debug)]
struct Outcome {
    step: Step,
    status: i32,
    outputs: Vec<Output>,
}

impl Session {
    /// Remote procedure calls, one after the other: one that fails does not keep the next from running.
    pub(super) fn remote_calls(&mut self, calls: &[Call], reply: &mut dyn Reply) {
        for (at, call) in calls.iter().enumerate() {
            if self.control.must_stop() {
                return;
            }
            if at > 0 {
                reply.next_call();
            }
            self.tries = 0;
            self.nesting = 0;
            self.variables = Variables::default();
            if let Err(error) = self.remote_call(call, reply) {
                self.refuse_call(&error, reply);
            }
        }
        self.end_doomed(reply);
    }

    /// Answers a call that cannot begin.
    pub(super) fn refuse_call(&mut self, error: &SqlError, reply: &mut dyn Reply) {
        self.context.lock().last_error = error.number;
        reply.begin_procedure();
        reply.error(error);
        reply.end_procedure(true);
    }

    /// An error comes back only from a call that has not begun.
    fn remote_call(&mut self, call: &Call, reply: &mut dyn Reply) -> Result<()> {
        let procedure =
            SystemProcedure::of(&call.procedure).ok_or_else(|| match &call.procedure {
                Procedure::Numbered(number) => missing(&format!("procedure number {number}")),
                Procedure::Named(name) => missing(name),
            })?;
        let given: Vec<Given> = call
            .parameters
            .iter()
            .map(|parameter| Given {
                name: parameter.name.clone(),
                sql_type: parameter.sql_type,
                value: parameter.value.clone(),
                output: parameter.output,
            })
            .collect();
        let outcome = self.run_procedure(procedure, &given, reply)?;
        let mut failed = outcome.step.is_err();
        reply.return_status(outcome.status);
        for Output { place, sql_type, value } in &outcome.outputs {
            if let Err(error) = reply.return_value(*place, &given[*place].name, *sql_type, value) {
                reply.error(&error);
                failed = true;
            }
        }
        reply.end_procedure(failed);
        Ok(())
    }

    /// `EXEC name …`.
    pub(super) fn execute_procedure(
        &mut self,
        call: &ProcedureCall,
        reply: &mut dyn Reply,
    ) -> Step {
        let procedure = SystemProcedure::named(call.name.object())
            .ok_or_else(|| Halt::Raised(missing(&call.name.to_string())))?;
        let given = self.arguments(&call.arguments).map_err(Halt::Raised)?;
        let Outcome { step, status, outputs } =
            self.run_procedure(procedure, &given, reply).map_err(Halt::Raised)?;
        for Output { place, sql_type, value } in outputs {
            if let Expr::Variable(target) = &call.arguments[place].value {
                self.assign(target, value, sql_type).map_err(Halt::Raised)?;
            }
        }
        if let Some(target) = &call.status {
            let status = Value::Int(i64::from(status));
            self.assign(target, status, SqlType::Int).map_err(Halt::Raised)?;
        }
        reply.return_status(status);
        reply.end_procedure(step.is_err());
        step.map(|_| Flow::Next)
    }

    fn arguments(&mut self, arguments: &[Argument]) -> Result<Vec<Given>> {
        arguments
            .iter()
            .map(|argument| {
                let (value, sql_type) = self.evaluate(&argument.value)?;
                let name = argument.name.clone().unwrap_or_default();
                Ok(Given { name, sql_type, value, output: argument.output })
            })
            .collect()
    }

    fn assign(&mut self, variable: &str, value: Value, from: SqlType) -> Result<()> {
        if let Some(to) = self.variables.sql_type(variable) {
            let value = convert(value, from, to, 0, Purpose::Cast)?;
            self.variables.set(variable, value);
        }
        Ok(())
    }

    /// Runs a procedure. With an error nothing has been announced to the client; else the procedure has begun and the caller
    /// ends it.
    fn run_procedure(
        &mut self,
        procedure: SystemProcedure,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        match procedure {
            SystemProcedure::ExecuteSql => self.execute_sql(given, reply),
            SystemProcedure::Prepare => self.prepare_statement(given, reply),
            SystemProcedure::Execute => self.execute_prepared(given, reply),
            SystemProcedure::PrepareAndExecute => self.prepare_and_execute(given, reply),
            SystemProcedure::Unprepare => self.unprepare(given, reply),
            SystemProcedure::GetApplicationLock => self.get_application_lock(given, reply),
            SystemProcedure::ReleaseApplicationLock => self.release_application_lock(given, reply),
            SystemProcedure::FlushChangeTracking => self.flush(given, reply),
        }
    }
}

impl Session {
    /// `sp_flush_CT_internal_table_on_demand @TableToClean, @DeletedRowCount OUTPUT`.
    fn flush(&mut self, given: &[Given], reply: &mut dyn Reply) -> Result<Outcome> {
        let [table, rows] =
            formal::bind(SystemProcedure::FlushChangeTracking, &formal::FLUSH, given)?;
        let (said, deleted) = self.flush_change_tracking(table.value.as_ref())?;
        reply.begin_procedure();
        for text in said {
            reply.info(&SqlError::new(0, text).class(0));
        }
        let outputs = rows.place.filter(|place| given[*place].output).map(|place| Output {
            place,
            sql_type: SqlType::BigInt,
            value: Value::Int(deleted),
        });
        Ok(Outcome { step: Ok(Flow::Next), status: 0, outputs: outputs.into_iter().collect() })
    }
}

/// 2812.
fn missing(name: &str) -> SqlError {
    SqlError::new(2812, format!("Could not find stored procedure '{name}'.")).state(62)
}
