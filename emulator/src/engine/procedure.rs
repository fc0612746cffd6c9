//! Procedures: `sp_executesql`, by RPC and by EXEC.

use super::batch::{Flow, Halt, Step};
use super::reply::Reply;
use super::session::Session;
use super::variables::Variables;
use crate::sql::ast::{Argument, ProcedureCall};
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_declarations;
use crate::tds::request::{Call, Parameter, Procedure};
use crate::values::{SqlType, Value};

/// Number of `sp_executesql` (MS-TDS 2.2.6.6).
const EXECUTE_SQL: u16 = 10;

impl Session {
    /// A remote procedure call.
    pub(super) fn remote_call(&mut self, call: &Call, reply: &mut dyn Reply) {
        self.tries = 0;
        self.nesting = 0;
        let known = match &call.procedure {
            Procedure::Numbered(number) => *number == EXECUTE_SQL,
            Procedure::Named(name) => is_execute_sql(name),
        };
        if !known {
            let name = match &call.procedure {
                Procedure::Numbered(number) => format!("procedure number {number}"),
                Procedure::Named(name) => name.clone(),
            };
            reply.begin_procedure();
            reply.error(&missing(&name));
            reply.end_procedure(true);
            return;
        }
        self.variables = Variables::default();
        if let Err(error) = self.remote_execute_sql(&call.parameters, reply) {
            reply.begin_procedure();
            reply.error(&error);
            reply.end_procedure(true);
        }
    }

    /// Statement and declarations come first, by position; values follow by name, or by position where they have none.
    fn remote_execute_sql(
        &mut self,
        parameters: &[Parameter],
        reply: &mut dyn Reply,
    ) -> Result<()> {
        let (text, rest) = parameters.split_first().ok_or_else(expects_statement)?;
        let Value::Text(text) = text.value.clone() else {
            return Err(expects_statement());
        };
        let (declarations, values) = match rest.split_first() {
            Some((declarations, values)) => {
                (declarations.value.to_text().unwrap_or_default(), values)
            }
            None => (String::new(), rest),
        };
        let given: Vec<Given> = values
            .iter()
            .map(|parameter| Given {
                name: parameter.name.clone(),
                sql_type: parameter.sql_type,
                value: parameter.value.clone(),
                output: parameter.output,
            })
            .collect();
        let declared = parse_declarations(&declarations)?;
        let bound = bind(&declared, given)?;
        let mut variables = Variables::default();
        for (name, sql_type, given) in &bound {
            let value = crate::values::convert::convert(
                given.value.clone(),
                given.sql_type,
                *sql_type,
                0,
                crate::values::convert::Purpose::Cast,
            )?;
            variables.declare(name, *sql_type, value);
        }
        reply.begin_procedure();
        let (step, inner) = self.in_own_scope(variables, &text, reply);
        let failed = step.is_err();
        reply.return_status(i32::from(failed));
        for (name, sql_type, given) in bound.iter().filter(|(_, _, given)| given.output) {
            let _ = given;
            reply.return_value(name, *sql_type, &inner.get(name))?;
        }
        reply.end_procedure(failed);
        Ok(())
    }

    /// Runs text with variables of its own; SET options revert afterwards, and an open transaction is 266.
    fn in_own_scope(
        &mut self,
        variables: Variables,
        text: &[u8],
        reply: &mut dyn Reply,
    ) -> (Step, Variables) {
        let outer = std::mem::replace(&mut self.variables, variables);
        let settings = self.settings.clone();
        let before = self.transaction.count;
        let step = self.nested_text(text, reply);
        // Observed: SET inside sp_executesql reverts on return (probed.md 6).
        self.settings = settings;
        let inner = std::mem::replace(&mut self.variables, outer);
        let after = self.transaction.count;
        if step.is_ok() && before != after {
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

    /// `EXEC (text)`.
    pub(super) fn execute_text(&mut self, text: &[u8], reply: &mut dyn Reply) -> Step {
        reply.begin_procedure();
        let (step, _) = self.in_own_scope(Variables::default(), text, reply);
        reply.return_status(i32::from(step.is_err()));
        reply.end_procedure(step.is_err());
        step.map(|_| Flow::Next)
    }

    /// `EXEC name …`.
    pub(super) fn execute_procedure(
        &mut self,
        call: &ProcedureCall,
        reply: &mut dyn Reply,
    ) -> Step {
        if !is_execute_sql(call.name.object()) {
            return Err(Halt::Raised(missing(&call.name.to_string())));
        }
        self.local_execute_sql(call, reply)
    }

    fn local_execute_sql(&mut self, call: &ProcedureCall, reply: &mut dyn Reply) -> Step {
        let (text, rest) =
            call.arguments.split_first().ok_or_else(|| Halt::Raised(expects_statement()))?;
        let Value::Text(text) =
            self.evaluate_as(&text.value, SqlType::NTEXT_MAX).map_err(Halt::Raised)?
        else {
            return Err(Halt::Raised(expects_statement()));
        };
        let (declarations, values) = match rest.split_first() {
            Some((declarations, values)) => {
                (self.evaluate_text(&declarations.value).map_err(Halt::Raised)?, values)
            }
            None => (String::new(), rest),
        };
        let declared = parse_declarations(&declarations).map_err(Halt::Raised)?;
        let given = self.arguments(values).map_err(Halt::Raised)?;
        let bound = bind(&declared, given).map_err(Halt::Raised)?;
        let mut variables = Variables::default();
        for (name, sql_type, given) in &bound {
            let purpose = crate::values::convert::Purpose::Cast;
            let value = crate::values::convert::convert(
                given.value.clone(),
                given.sql_type,
                *sql_type,
                0,
                purpose,
            )
            .map_err(Halt::Raised)?;
            variables.declare(name, *sql_type, value);
        }
        reply.begin_procedure();
        let (step, inner) = self.in_own_scope(variables, &text, reply);
        for ((name, _, given), argument) in bound.iter().zip(values) {
            if let (true, crate::sql::ast::Expr::Variable(target)) = (given.output, &argument.value)
            {
                self.variables.set(target, inner.get(name));
            }
        }
        if let Some(status) = &call.status {
            self.variables.set(status, Value::Int(i64::from(step.is_err())));
        }
        reply.return_status(i32::from(step.is_err()));
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
}

/// A value that a call brings.
#[derive(Debug)]
struct Given {
    name: String,
    sql_type: SqlType,
    value: Value,
    output: bool,
}

/// Each declared parameter with its value.
fn bind(
    declared: &[(String, SqlType)],
    given: Vec<Given>,
) -> Result<Vec<(String, SqlType, Given)>> {
    let mut bound = Vec::with_capacity(declared.len());
    if given.len() > declared.len() {
        let message = "Procedure or function has too many arguments specified.";
        return Err(SqlError::new(8144, message).state(2));
    }
    let mut given: Vec<Option<Given>> = given.into_iter().map(Some).collect();
    for (at, (name, sql_type)) in declared.iter().enumerate() {
        let by_name = given
            .iter()
            .position(|own| own.as_ref().is_some_and(|own| own.name.eq_ignore_ascii_case(name)));
        let by_place = (at < given.len())
            .then_some(at)
            .filter(|at| given[*at].as_ref().is_some_and(|own| own.name.is_empty()));
        let value = by_name.or(by_place).and_then(|at| given[at].take());
        let Some(value) = value else {
            // Documented: 8178.
            let message = format!(
                "The parameterized query expects the parameter '{name}', which was not supplied."
            );
            return Err(SqlError::new(8178, message));
        };
        bound.push((name.clone(), *sql_type, value));
    }
    Ok(bound)
}

fn is_execute_sql(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.trim_matches(['[', ']']).eq_ignore_ascii_case("sp_executesql")
}

/// 2812.
fn missing(name: &str) -> SqlError {
    SqlError::new(2812, format!("Could not find stored procedure '{name}'.")).state(62)
}

fn expects_statement() -> SqlError {
    let message = "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.";
    SqlError::new(214, message).state(2)
}
