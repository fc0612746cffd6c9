//! Names are bound when a batch is compiled: one that is wrong refuses all of it, also from a branch that is never taken
//! (observed for 22105, probed.md 3). A statement that names a table that is not there yet is bound when its turn comes
//! (documented: deferred name resolution).

use std::collections::HashMap;

use super::session::Session;
use crate::catalog::Catalog;
use crate::catalog::permissions::DBO;
use crate::sql::ast::{Expr, InsertSource, Statement, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::translate::{Environment, Translator};
use crate::values::{Length, SqlType};

/// Errors of binding: names of columns, tables of CHANGETABLE, sources of MATCH, arguments' types.
const BINDING: [i32; 24] = [
    207, 209, 1013, 4104, 4145, 8116, 8155, 13900, 13901, 13902, 13903, 13905, 13908, 13920, 22103,
    22105, 22106, 22107, 22109, 22110, 22111, 22112, 257, 206,
];

impl Session {
    /// Refuses a batch of several statements for a name that cannot be bound in any of them.
    pub(super) fn compile(&mut self, statements: &[Statement]) -> Result<()> {
        if let [statement] = statements
            && leaf(&statement.kind)
        {
            // It is bound before it runs, and nothing stands before it.
            return Ok(());
        }
        let catalog = self.peek_catalog()?;
        let binder = Binder { catalog: &catalog, variables: self.variables.types() };
        binder.statements(statements)
    }
}

fn leaf(kind: &StatementKind) -> bool {
    !matches!(
        kind,
        StatementKind::If { .. }
            | StatementKind::While { .. }
            | StatementKind::Block(_)
            | StatementKind::TryCatch { .. }
    )
}

/// The statements inside of one.
fn inner(kind: &StatementKind) -> Vec<&[Statement]> {
    use std::slice::from_ref;
    match kind {
        StatementKind::If { then, otherwise, .. } => {
            let otherwise = otherwise.as_deref().map_or(&[][..], from_ref);
            vec![from_ref(&**then), otherwise]
        }
        StatementKind::While { body, .. } => vec![from_ref(&**body)],
        StatementKind::Block(body) => vec![body],
        StatementKind::TryCatch { body, handler } => vec![body, handler],
        _ => Vec::new(),
    }
}

struct Binder<'a> {
    catalog: &'a Catalog,
    variables: &'a HashMap<String, SqlType>,
}

impl<'a> Binder<'a> {
    fn statements(&self, statements: &[Statement]) -> Result<()> {
        for statement in statements {
            self.statement(&statement.kind).map_err(|error| error.at_line(statement.line))?;
            inner(&statement.kind).into_iter().try_for_each(|inner| self.statements(inner))?;
        }
        Ok(())
    }

    /// Everything but names is left to the statement's turn.
    fn statement(&self, kind: &StatementKind) -> Result<()> {
        match self.bind(kind) {
            Err(error) if BINDING.contains(&error.number) => Err(error),
            _ => Ok(()),
        }
    }

    fn translator(&self) -> Translator<'a> {
        Translator::new(Environment {
            catalog: self.catalog,
            // Permissions are asked for when the statement runs.
            user: DBO,
            variables: self.variables,
            snapshot: false,
            secondary: false,
            identity_insert: None,
        })
    }

    fn bind(&self, kind: &StatementKind) -> Result<()> {
        let condition = |predicate: &Expr| self.translator().condition(predicate).map(drop);
        match kind {
            StatementKind::Select(query) => self.translator().query(query).map(drop),
            StatementKind::Update(update) => self.translator().update(update).map(drop),
            StatementKind::Delete(delete) => self.translator().delete(delete).map(drop),
            StatementKind::Insert(insert) => {
                let target = self.translator().insert_target(insert)?;
                match &insert.source {
                    InsertSource::Query(query) => {
                        self.translator().insert_query(insert, &target, query).map(drop)
                    }
                    _ => Ok(()),
                }
            }
            StatementKind::Merge(merge) => self.translator().merge(merge).map(drop),
            StatementKind::If { condition: predicate, .. }
            | StatementKind::While { condition: predicate, .. } => condition(predicate),
            StatementKind::SetVariable { value, .. } => self.translator().value(value).map(drop),
            StatementKind::WithContext { context, statement } => {
                check_context(context, self.variables)?;
                self.bind(statement)
            }
            _ => Ok(()),
        }
    }
}

/// 22109: a variable has to be (var)binary of up to 128 bytes (observed, probed.md 3).
pub(super) fn check_context(context: &Expr, variables: &HashMap<String, SqlType>) -> Result<()> {
    const BYTES_MAX: u16 = 128;
    let Expr::Variable(name) = context else {
        return Ok(());
    };
    match variables.get(&name.to_lowercase()) {
        None
        | Some(SqlType::VarBinary(Length::Limited(..=BYTES_MAX)) | SqlType::Binary(..=BYTES_MAX)) => {
            Ok(())
        }
        Some(_) => Err(SqlError::new(
            22109,
            "The \"context\" argument for the CHANGE_TRACKING_CONTEXT WITH clause must be of type varbinary data type with a \
             maximum length of 128.",
        )),
    }
}
