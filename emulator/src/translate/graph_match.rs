//! MATCH: every hop is two equalities over the hidden ids of node and edge rows, so a dangling edge gives no row (probed.md 5).

use std::sync::Arc;

use super::Scope;
use super::scope::Source;
use crate::catalog::{ColumnRole, Table, same_name};
use crate::sql::ast::MatchStep;
use crate::sql::error::{Result, SqlError};

/// MATCH as a condition.
pub(super) fn graph_match(steps: &[MatchStep], scope: &Scope<'_>) -> Result<String> {
    let mut conditions = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if steps[..at].iter().any(|earlier| same_name(&earlier.edge, &step.edge)) {
            // Observed: 13903.
            let message =
                format!("Edge table '{}' used in more than one MATCH pattern.", step.edge);
            return Err(SqlError::new(13903, message));
        }
        conditions.push(hop(step, scope)?);
    }
    Ok(format!("({})", conditions.join(" AND ")))
}

fn hop(step: &MatchStep, scope: &Scope<'_>) -> Result<String> {
    let (from, from_table) = node(&step.from, scope)?;
    let (to, to_table) = node(&step.to, scope)?;
    let edge = bound(&step.edge, scope)?;
    let edge_table = edge.table.as_ref().filter(|table| table.is_edge()).ok_or_else(|| {
        let message = format!(
            "Identifier '{}' in a MATCH clause is not an edge table or an alias for an edge table.",
            step.edge
        );
        SqlError::new(13902, message)
    })?;
    let column = |role| format!("{}.{}", edge.alias, edge_table.role_storage(role));
    let id = |source: &Source, table: &Table| {
        format!("{}.{}", source.alias, table.role_storage(ColumnRole::GraphId))
    };
    // The unary plus keeps SQLite from seeking by the object id alone, which nearly all rows share.
    Ok(format!(
        "{} = {} AND +{} = {} AND {} = {} AND +{} = {}",
        column(ColumnRole::FromId),
        id(from, &from_table),
        column(ColumnRole::FromObject),
        from_table.id,
        column(ColumnRole::ToId),
        id(to, &to_table),
        column(ColumnRole::ToObject),
        to_table.id,
    ))
}

fn node<'s>(name: &str, scope: &'s Scope<'_>) -> Result<(&'s Source, Arc<Table>)> {
    let source = bound(name, scope)?;
    match &source.table {
        Some(table) if table.is_node() => Ok((source, Arc::clone(table))),
        _ => {
            let message = format!(
                "Identifier '{name}' in a MATCH clause is not a node table or an alias for a node table."
            );
            Err(SqlError::new(13901, message))
        }
    }
}

/// The source of that name, here or in a query around (a correlated EXISTS).
fn bound<'s>(name: &str, scope: &'s Scope<'_>) -> Result<&'s Source> {
    let mut here = Some(scope);
    while let Some(current) = here {
        if let Some(source) = current.source(name) {
            if source.joined {
                // Observed: 13920.
                let message = format!(
                    "Identifier '{name}' in a MATCH clause is used with a JOIN clause or APPLY operator. JOIN and APPLY are \
                     not supported with MATCH clauses."
                );
                return Err(SqlError::new(13920, message));
            }
            return Ok(source);
        }
        here = current.parent;
    }
    Err(SqlError::new(13900, format!("Identifier '{name}' in a MATCH clause could not be bound.")))
}
