//! MATCH: every hop is two equalities. Over tables they compare the hidden ids of node and edge rows, over derived tables,
//! views and CTEs the texts of the ids that these give. Either way a dangling edge gives no row (probed.md 5).

use super::Scope;
use super::scope::Source;
use crate::catalog::{ColumnRole, same_name};
use crate::sql::ast::MatchStep;
use crate::sql::error::{Result, SqlError};

/// MATCH as a condition.
pub(super) fn graph_match(steps: &[MatchStep], scope: &Scope<'_>) -> Result<String> {
    let mut conditions = Vec::new();
    let mut errors = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if steps[..at].iter().any(|earlier| same_name(&earlier.edge, &step.edge)) {
            // Observed: 13903.
            let message =
                format!("Edge table '{}' used in more than one MATCH pattern.", step.edge);
            errors.push(SqlError::new(13903, message));
        }
        match (node(&step.from, scope), edge(&step.edge, scope), node(&step.to, scope)) {
            (Ok(from), Ok(edge), Ok(to)) => {
                let leaves = [ColumnRole::FromId, ColumnRole::FromObject, ColumnRole::FromText];
                let enters = [ColumnRole::ToId, ColumnRole::ToObject, ColumnRole::ToText];
                conditions.push(meets(edge, leaves, from));
                conditions.push(meets(edge, enters, to));
            }
            (from, edge, to) => {
                errors.extend([from.err(), edge.err(), to.err()].into_iter().flatten());
            }
        }
    }
    match all_of(errors) {
        None => Ok(format!("({})", conditions.join(" AND "))),
        Some(error) => Err(error),
    }
}

/// Observed: every name that is bound wrongly is reported, each once (probed.md 5).
fn all_of(errors: Vec<SqlError>) -> Option<SqlError> {
    let mut different: Vec<SqlError> = Vec::new();
    for error in errors {
        if !different.contains(&error) {
            different.push(error);
        }
    }
    different.into_iter().rev().reduce(|behind, mut error| {
        error.followed_by = Some(Box::new(behind));
        error
    })
}

/// The end of an edge is a node: roles are those of the end's id, its object id and its text.
fn meets(edge: &Source, [id, object, text]: [ColumnRole; 3], node: &Source) -> String {
    if let (Some(edges), Some(nodes)) = (&edge.table, &node.table) {
        // The unary plus keeps SQLite from seeking by the object id alone, which nearly all rows share.
        return format!(
            "{0}.{1} = {2}.{3} AND +{0}.{4} = {5}",
            edge.alias,
            edges.role_storage(id),
            node.alias,
            nodes.role_storage(ColumnRole::GraphId),
            edges.role_storage(object),
            nodes.id
        );
    }
    let end = value_of(edge, text).unwrap_or("NULL");
    let own = value_of(node, ColumnRole::NodeId).unwrap_or("NULL");
    format!("{end} = {own}")
}

fn value_of(source: &Source, role: ColumnRole) -> Option<&str> {
    let column = source.columns.iter().find(|column| column.value.role == role);
    column.map(|column| column.value.sql.as_str())
}

fn node<'s>(name: &str, scope: &'s Scope<'_>) -> Result<&'s Source> {
    let source = bound(name, scope)?;
    if value_of(source, ColumnRole::NodeId).is_some() {
        return Ok(source);
    }
    let message = format!(
        "Identifier '{name}' in a MATCH clause is not a node table or an alias for a node table."
    );
    Err(SqlError::new(13901, message))
}

fn edge<'s>(name: &str, scope: &'s Scope<'_>) -> Result<&'s Source> {
    let source = bound(name, scope)?;
    let ends = [ColumnRole::FromText, ColumnRole::ToText];
    if ends.into_iter().all(|end| value_of(source, end).is_some()) {
        return Ok(source);
    }
    let message = format!(
        "Identifier '{name}' in a MATCH clause is not an edge table or an alias for an edge table."
    );
    Err(SqlError::new(13902, message))
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
