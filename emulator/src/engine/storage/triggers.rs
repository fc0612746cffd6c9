//! Triggers that keep a table's constraints: foreign keys and edge constraints.

use super::history::tracking;
use crate::catalog::{Catalog, ColumnRole, EdgeConstraint, ForeignKey, Table};
use crate::sql::error::SqlError;

/// All triggers of the database.
pub fn triggers(catalog: &Catalog) -> Vec<String> {
    let mut sql = Vec::new();
    for table in catalog.tables.values() {
        for key in table.foreign_keys.iter().filter(|key| !key.disabled) {
            sql.extend(foreign_key(catalog, table, key));
        }
        for constraint in table.edge_constraints.iter().filter(|constraint| !constraint.disabled) {
            sql.extend(edge_constraint(catalog, table, constraint));
        }
        if table.tracking.is_some() {
            sql.extend(tracking(table));
        }
    }
    sql
}

fn raise(error: &SqlError) -> String {
    format!("SELECT RAISE(ABORT, '{}')", error.encode().replace('\'', "''"))
}

fn conflict(catalog: &Catalog, verb: &str, kind: &str, constraint: &str, at: &str) -> SqlError {
    let message = format!(
        "The {verb} statement conflicted with the {kind} constraint \"{constraint}\". The conflict occurred in database \
         \"{}\", table \"{at}\"",
        catalog.database.name
    );
    SqlError::new(547, message).state(0)
}

/// A foreign key names its column behind the table (documented text of 547).
fn column_conflict(
    catalog: &Catalog,
    verb: &str,
    kind: &str,
    key: &ForeignKey,
    table: &Table,
    columns: &[i32],
) -> SqlError {
    let mut error = conflict(catalog, verb, kind, &key.name, &catalog.qualified(table));
    if let [column] = columns
        && let Some(column) = table.column_by_id(*column)
    {
        error.message = format!("{}, column '{}'", error.message, column.name);
    }
    error.message.push('.');
    error
}

fn foreign_key(catalog: &Catalog, table: &Table, key: &ForeignKey) -> Vec<String> {
    let Some(parent) = catalog.tables.get(&key.references) else {
        return Vec::new();
    };
    let own: Vec<String> = key.columns.iter().map(|id| format!("c{id}")).collect();
    let other: Vec<String> = key.referenced_columns.iter().map(|id| format!("c{id}")).collect();
    let pairs = || own.iter().zip(&other);
    let all = |parts: Vec<String>| parts.join(" AND ");
    let present = all(own.iter().map(|column| format!("NEW.{column} IS NOT NULL")).collect());
    let found = all(pairs().map(|(own, other)| format!("{other} = NEW.{own}")).collect());
    let children = all(pairs().map(|(own, other)| format!("{own} = OLD.{other}")).collect());
    let changed = pairs()
        .map(|(_, other)| format!("OLD.{other} IS NOT NEW.{other}"))
        .collect::<Vec<_>>()
        .join(" OR ");
    let (child, parent_name) = (table.storage(), parent.storage());
    let missing = format!("{present} AND NOT EXISTS (SELECT 1 FROM {parent_name} WHERE {found})");
    let of_parent =
        |verb| column_conflict(catalog, verb, "FOREIGN KEY", key, parent, &key.referenced_columns);
    let of_child = |verb| column_conflict(catalog, verb, "REFERENCE", key, table, &key.columns);
    let used = format!("EXISTS (SELECT 1 FROM {child} WHERE {children})");
    let on_delete = if key.cascade {
        format!("DELETE FROM {child} WHERE {children}")
    } else {
        format!("{} WHERE {used}", raise(&of_child("DELETE")))
    };
    vec![
        format!(
            "CREATE TRIGGER r{0}a AFTER INSERT ON {child} WHEN {missing} BEGIN {1}; END",
            key.id,
            raise(&of_parent("INSERT"))
        ),
        format!(
            "CREATE TRIGGER r{0}b AFTER UPDATE OF {1} ON {child} WHEN {missing} BEGIN {2}; END",
            key.id,
            own.join(", "),
            raise(&of_parent("UPDATE"))
        ),
        format!("CREATE TRIGGER r{}c AFTER DELETE ON {parent_name} BEGIN {on_delete}; END", key.id),
        format!(
            "CREATE TRIGGER r{0}d AFTER UPDATE OF {1} ON {parent_name} WHEN ({changed}) AND {used} BEGIN {2}; END",
            key.id,
            other.join(", "),
            raise(&of_child("UPDATE"))
        ),
    ]
}

/// Observed: every enabled constraint must admit the pair, and both nodes must exist; a node with edges stays, or takes them along (probed.md 4).
fn edge_constraint(catalog: &Catalog, table: &Table, constraint: &EdgeConstraint) -> Vec<String> {
    let column = |role| table.role_storage(role);
    let (from_object, from_id) = (column(ColumnRole::FromObject), column(ColumnRole::FromId));
    let (to_object, to_id) = (column(ColumnRole::ToObject), column(ColumnRole::ToId));
    let exists = |node: i32, id: &str| {
        let graph_id = catalog
            .tables
            .get(&node)
            .map_or_else(String::new, |node| node.role_storage(ColumnRole::GraphId));
        format!("EXISTS (SELECT 1 FROM t{node} WHERE {graph_id} = NEW.{id})")
    };
    let admitted: Vec<String> = constraint
        .clauses
        .iter()
        .map(|(from, to)| {
            format!(
                "(NEW.{from_object} = {from} AND NEW.{to_object} = {to} AND {} AND {})",
                exists(*from, &from_id),
                exists(*to, &to_id)
            )
        })
        .collect();
    let edge_name = catalog.qualified(table);
    let finished = |mut error: SqlError| {
        error.message.push('.');
        error
    };
    let refused = finished(conflict(catalog, "INSERT", "EDGE", &constraint.name, &edge_name));
    let mut sql = vec![format!(
        "CREATE TRIGGER e{} BEFORE INSERT ON {} WHEN NEW.{from_object} IS NOT NULL AND NEW.{to_object} IS NOT NULL \
         AND NOT ({}) BEGIN {}; END",
        constraint.id,
        table.storage(),
        admitted.join(" OR "),
        raise(&refused)
    )];
    let mut nodes: Vec<i32> =
        constraint.clauses.iter().flat_map(|(from, to)| [*from, *to]).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let Some(node_table) = catalog.tables.get(&node) else {
            continue;
        };
        let graph_id = node_table.role_storage(ColumnRole::GraphId);
        let edge = table.storage();
        let leaves = format!("{from_id} = OLD.{graph_id} AND +{from_object} = {node}");
        let enters = format!("{to_id} = OLD.{graph_id} AND +{to_object} = {node}");
        let body = if constraint.cascade {
            format!("DELETE FROM {edge} WHERE {leaves}; DELETE FROM {edge} WHERE {enters}")
        } else {
            let refused = finished(conflict(
                catalog,
                "DELETE",
                "EDGE REFERENCE",
                &constraint.name,
                &edge_name,
            ));
            format!(
                "{} WHERE EXISTS (SELECT 1 FROM {edge} WHERE {leaves}) OR EXISTS (SELECT 1 FROM {edge} WHERE {enters})",
                raise(&refused)
            )
        };
        sql.push(format!(
            "CREATE TRIGGER e{}_{node} AFTER DELETE ON t{node} BEGIN {body}; END",
            constraint.id
        ));
    }
    sql
}
