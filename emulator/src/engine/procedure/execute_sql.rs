//! `sp_executesql` and `EXEC (text)`: a batch with parameters, in a scope of its own.

use super::super::batch::{Flow, Halt, Step};
use super::super::reply::Reply;
use super::super::session::Session;
use super::super::variables::Variables;
use super::{Given, Outcome, Output};
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_declarations;
use crate::values::{SqlType, Value};

/// A declared parameter and the value that a call brings for it.
#[derive(Debug)]
pub(super) struct Bound {
    name: String,
    sql_type: SqlType,
    /// Place among all values of the call.
    place: usize,
    output: bool,
    value: Value,
}

impl Session {
    /// Statement and declarations come first, by position; values follow by name, or by position where they have none.
    pub(super) fn execute_sql(
        &mut self,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        let text = statement_text(given.first())?;
        let declared = declarations(given.get(1))?;
        let bound = bind(&declared, given, 2)?;
        reply.begin_procedure();
        Ok(self.run_bound(bound, reply, |session, reply| session.text(&text, reply)))
    }

    /// `EXEC (text)`.
    pub(in super::super) fn execute_text(&mut self, text: &[u8], reply: &mut dyn Reply) -> Step {
        reply.begin_procedure();
        let outcome = self.run_bound(Vec::new(), reply, |session, reply| session.text(text, reply));
        reply.return_status(outcome.status);
        reply.end_procedure(outcome.step.is_err());
        outcome.step.map(|_| Flow::Next)
    }

    /// Runs statements with parameters as their variables. The status is the last statement's `@@ERROR` (observed, captures).
    pub(super) fn run_bound(
        &mut self,
        bound: Vec<Bound>,
        reply: &mut dyn Reply,
        run: impl FnOnce(&mut Self, &mut dyn Reply) -> Step,
    ) -> Outcome {
        let mut variables = Variables::default();
        for parameter in &bound {
            variables.declare(&parameter.name, parameter.sql_type, parameter.value.clone());
        }
        let (step, inner) = self.in_own_scope(variables, reply, run);
        let outputs = bound
            .into_iter()
            .filter(|parameter| parameter.output)
            .map(|Bound { name, sql_type, place, .. }| Output {
                place,
                sql_type,
                value: inner.get(&name),
            })
            .collect();
        let status = self.context.lock().last_error;
        Outcome { step, status, outputs }
    }

    /// SET options revert afterwards, and a transaction that was opened or closed inside is 266.
    fn in_own_scope(
        &mut self,
        variables: Variables,
        reply: &mut dyn Reply,
        run: impl FnOnce(&mut Self, &mut dyn Reply) -> Step,
    ) -> (Step, Variables) {
        let outer = std::mem::replace(&mut self.variables, variables);
        let local = self.begin_local_scope();
        let settings = self.settings.clone();
        let before = self.transaction.count;
        let step = self.nested(|session| run(session, reply));
        // Observed: SET inside sp_executesql reverts on return (probed.md 6).
        self.settings = settings;
        self.end_local_scope(local);
        reply.set_no_count(self.settings.no_count);
        let inner = std::mem::replace(&mut self.variables, outer);
        let after = self.transaction.count;
        // Under IMPLICIT_TRANSACTIONS it is no error: mssql-jdbc's first call of a transaction is one that opens it.
        if step.is_ok() && before != after && !self.settings.implicit_transactions {
            let message = format!(
                "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous \
                 count = {before}, current count = {after}."
            );
            let error = SqlError::new(266, message).state(2);
            if self.tries > 0 {
                return (Err(Halt::Raised(error)), inner);
            }
            reply.error(&error);
        }
        (step, inner)
    }
}

/// The text of a statement parameter: a Unicode one, nothing else.
pub(super) fn statement_text(given: Option<&Given>) -> Result<Vec<u8>> {
    match given {
        Some(Given { value: Value::Text(text), sql_type, .. }) if sql_type.is_national() => {
            Ok(text.clone())
        }
        _ => {
            let message =
                "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.";
            Err(SqlError::new(214, message).state(2))
        }
    }
}

/// Reads declared parameters; NULL, or none at all, declares nothing.
pub(super) fn declarations(given: Option<&Given>) -> Result<Vec<(String, SqlType)>> {
    match given.map(|given| &given.value) {
        Some(value @ Value::Text(_)) => parse_declarations(&value.to_text().unwrap_or_default()),
        _ => Ok(Vec::new()),
    }
}

/// Each declared parameter with its value; values begin at place `first`.
pub(super) fn bind(
    declared: &[(String, SqlType)],
    given: &[Given],
    first: usize,
) -> Result<Vec<Bound>> {
    let values = given.get(first..).unwrap_or_default();
    if values.len() > declared.len() {
        let message = "Procedure or function has too many arguments specified.";
        return Err(SqlError::new(8144, message).state(2));
    }
    declared
        .iter()
        .enumerate()
        .map(|(at, (name, sql_type))| {
            let by_name = values.iter().position(|own| own.name.eq_ignore_ascii_case(name));
            let by_place = values.get(at).is_some_and(|own| own.name.is_empty()).then_some(at);
            let at = by_name.or(by_place).ok_or_else(|| not_supplied(name))?;
            let value = values[at].converted(*sql_type)?;
            let (name, output) = (name.clone(), values[at].output);
            Ok(Bound { name, sql_type: *sql_type, place: first + at, output, value })
        })
        .collect()
}

/// 8178 (documented).
fn not_supplied(name: &str) -> SqlError {
    let message =
        format!("The parameterized query expects the parameter '{name}', which was not supplied.");
    SqlError::new(8178, message)
}
