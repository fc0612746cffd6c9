//! What `SQLite` holds for a table: the table itself, its indexes, the triggers that keep its constraints.

use crate::catalog::{Catalog, Column, ColumnRole, EdgeConstraint, ForeignKey, Index, Table};
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_expression;
use crate::sqlite::collation;
use crate::translate::{DELETED, Environment, INSERTED, Translator, UPDATED};
use crate::values::SqlType;
use crate::values::sql_type::Family;

/// CREATE TABLE under a name.
pub fn create_table(catalog: &Catalog, table: &Table, name: &str) -> Result<String> {
    let row_id = table.row_id_column().map(|column| column.id);
    let mut parts: Vec<String> = table
        .columns
        .iter()
        .filter(|column| !column.role.is_computed())
        .map(|column| column_definition(column, row_id == Some(column.id)))
        .collect();
    for check in table.checks.iter().filter(|check| !check.disabled) {
        let predicate = row_predicate(catalog, table, &check.text)?;
        parts.push(format!("CONSTRAINT k{} CHECK ({predicate})", check.id));
    }
    Ok(format!("CREATE TABLE {name} ({})", parts.join(", ")))
}

/// A predicate of the catalog over the table's own columns.
fn row_predicate(catalog: &Catalog, table: &Table, text: &str) -> Result<String> {
    let variables = std::collections::HashMap::new();
    let environment = Environment {
        catalog,
        user: crate::catalog::permissions::DBO,
        variables: &variables,
        snapshot: false,
        identity_insert: None,
    };
    Translator::new(environment).row_predicate(&parse_expression(text)?, table)
}

fn column_definition(column: &Column, is_row_id: bool) -> String {
    let null = if column.nullable { "" } else { " NOT NULL" };
    if is_row_id {
        return format!("{} INTEGER PRIMARY KEY", column.storage());
    }
    format!("{} {}{null}", column.storage(), storage_type(column))
}

fn storage_type(column: &Column) -> String {
    match column.sql_type.family() {
        Family::Integer => "INTEGER".to_owned(),
        Family::Temporal if !matches!(column.sql_type, SqlType::DateTimeOffset(_)) => {
            "INTEGER".to_owned()
        }
        Family::Approximate => "REAL".to_owned(),
        Family::Text => {
            let named = column.collation.as_deref().and_then(collation::by_name);
            format!("TEXT COLLATE {}", named.unwrap_or(collation::CASE_INSENSITIVE))
        }
        _ => "BLOB".to_owned(),
    }
}

/// Columns that `SQLite` holds, in order.
pub fn stored_columns(table: &Table) -> Vec<String> {
    table.columns.iter().filter(|column| !column.role.is_computed()).map(Column::storage).collect()
}

/// CREATE INDEX for an index of the catalog; nothing for the key that is `SQLite`'s row id.
pub fn create_index(catalog: &Catalog, table: &Table, index: &Index) -> Result<Vec<String>> {
    if index.primary && table.row_id_column().is_some() {
        return Ok(Vec::new());
    }
    let name = format!("i{}_{}", table.id, index.id);
    let filter = match &index.filter {
        Some(text) => format!(" WHERE {}", row_predicate(catalog, table, text)?),
        None => String::new(),
    };
    let unique = if index.unique { "UNIQUE " } else { "" };
    let keys = ordered_keys(table, index);
    let list: Vec<String> = keys
        .iter()
        .map(|(column, descending)| {
            format!("{}{}", column.storage(), if *descending { " DESC" } else { "" })
        })
        .collect();
    let mut sql = vec![format!(
        "CREATE {unique}INDEX {name} ON {} ({}){filter}",
        table.storage(),
        list.join(", ")
    )];
    let nullable: Vec<&Column> =
        keys.iter().map(|(column, _)| *column).filter(|column| column.nullable).collect();
    if index.unique && !nullable.is_empty() {
        sql.push(null_index(table, &name, &keys, &nullable, &filter));
    }
    Ok(sql)
}

/// To SQL Server NULLs are equal in a unique index (documented); to `SQLite` they are not, so rows with NULLs get an index of their own.
fn null_index(
    table: &Table,
    name: &str,
    keys: &[(&Column, bool)],
    nullable: &[&Column],
    filter: &str,
) -> String {
    let list: Vec<String> = keys
        .iter()
        .flat_map(|(column, _)| {
            let storage = column.storage();
            if column.nullable {
                vec![format!("({storage} IS NULL)"), format!("ifnull({storage}, 0)")]
            } else {
                vec![storage]
            }
        })
        .collect();
    let any: Vec<String> =
        nullable.iter().map(|column| format!("{} IS NULL", column.storage())).collect();
    let condition = any.join(" OR ");
    let filter = match filter.strip_prefix(" WHERE ") {
        Some(own) => format!(" WHERE ({condition}) AND ({own})"),
        None => format!(" WHERE {condition}"),
    };
    format!("CREATE UNIQUE INDEX {name}n ON {} ({}){filter}", table.storage(), list.join(", "))
}

/// Keys in `SQLite`'s order: an id goes before its object id, which nearly all rows share.
fn ordered_keys<'t>(table: &'t Table, index: &Index) -> Vec<(&'t Column, bool)> {
    let mut keys: Vec<(&Column, bool)> = index
        .keys
        .iter()
        .filter_map(|(id, descending)| table.column_by_id(*id).map(|column| (column, *descending)))
        .collect();
    for at in 1..keys.len() {
        let swapped = matches!(
            (keys[at - 1].0.role, keys[at].0.role),
            (ColumnRole::FromObject, ColumnRole::FromId) | (ColumnRole::ToObject, ColumnRole::ToId)
        );
        if swapped {
            keys.swap(at - 1, at);
        }
    }
    keys
}

/// Indexes by which MATCH and the checks on node deletes find edges, where no declared index does.
pub fn edge_indexes(table: &Table) -> Vec<String> {
    let mut sql = Vec::new();
    let ends = [
        ("f", ColumnRole::FromId, ColumnRole::FromObject),
        ("o", ColumnRole::ToId, ColumnRole::ToObject),
    ];
    for (suffix, id, object) in ends {
        let (Some(id), Some(object)) = (table.role(id), table.role(object)) else {
            continue;
        };
        let declared = table.indexes.iter().any(|index| {
            index.filter.is_none()
                && ordered_keys(table, index).first().is_some_and(|(column, _)| column.id == id.id)
        });
        let name = format!("x{}{suffix}", table.id);
        sql.push(if declared {
            format!("DROP INDEX IF EXISTS {name}")
        } else {
            format!(
                "CREATE INDEX IF NOT EXISTS {name} ON {} ({}, {})",
                table.storage(),
                id.storage(),
                object.storage()
            )
        });
    }
    sql
}

/// The table of a tracked table's changes.
pub fn create_history(table: &Table) -> Vec<String> {
    let keys: Vec<String> = table
        .key_columns()
        .iter()
        .map(|column| format!("{} {}", column.storage(), storage_type(column)))
        .collect();
    vec![
        format!(
            "CREATE TABLE h{} (seq INTEGER PRIMARY KEY, version INTEGER NOT NULL, operation INTEGER NOT NULL, {})",
            table.id,
            keys.join(", ")
        ),
        format!("CREATE INDEX h{0}_version ON h{0} (version)", table.id),
    ]
}

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

/// Every change of a tracked row goes into the history under the next version. A key that is set counts as delete and
/// insert, even to the same value (observed, probed.md 3).
fn tracking(table: &Table) -> Vec<String> {
    let keys: Vec<String> = table.key_columns().iter().map(|column| column.storage()).collect();
    let others: Vec<String> =
        stored_columns(table).into_iter().filter(|column| !keys.contains(column)).collect();
    let id = table.id;
    let record = |operation: i32, row: &str| {
        let values: Vec<String> = keys.iter().map(|key| format!("{row}.{key}")).collect();
        format!(
            "INSERT INTO h{id} (version, operation, {}) SELECT version + 1, {operation}, {} FROM __sys_tracking",
            keys.join(", "),
            values.join(", ")
        )
    };
    let same: Vec<String> = keys.iter().map(|key| format!("OLD.{key} IS NEW.{key}")).collect();
    let storage = table.storage();
    let mut sql = vec![
        format!(
            "CREATE TRIGGER h{id}i AFTER INSERT ON {storage} BEGIN {}; END",
            record(INSERTED, "NEW")
        ),
        format!(
            "CREATE TRIGGER h{id}d AFTER DELETE ON {storage} BEGIN {}; END",
            record(DELETED, "OLD")
        ),
        format!(
            "CREATE TRIGGER h{id}k AFTER UPDATE OF {} ON {storage} BEGIN {}; {}; END",
            keys.join(", "),
            record(DELETED, "OLD"),
            record(INSERTED, "NEW")
        ),
    ];
    if !others.is_empty() {
        sql.push(format!(
            "CREATE TRIGGER h{id}u AFTER UPDATE OF {} ON {storage} WHEN {} BEGIN {}; END",
            others.join(", "),
            same.join(" AND "),
            record(UPDATED, "NEW")
        ));
    }
    sql
}
