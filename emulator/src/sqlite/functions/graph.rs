//! Ids of nodes and edges, identity values.

use rusqlite::Connection;

use super::{Arguments, impure, text_value};
use crate::catalog::{Table, same_name};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::context::{Context, ContextHandle};
use crate::values::Value;

pub(super) fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    let own = context.clone();
    // g_text(object id, graph id): the JSON text of an id; NULL when the table is gone (observed, probed.md 4).
    impure(connection, "g_text", 2, move |call| Ok(id_text(&own.lock(), call)))?;
    let own = context.clone();
    // g_object(text, node), g_id(text, node): NULL unless the text names an existing node (or edge) table.
    impure(connection, "g_object", 1, move |call| {
        Ok(end(&own.lock(), call).map_or(Value::Null, |(table, _)| Value::Int(table)))
    })?;
    let own = context.clone();
    impure(connection, "g_id", 1, move |call| {
        Ok(end(&own.lock(), call).map_or(Value::Null, |(_, id)| Value::Int(id)))
    })?;
    let own = context.clone();
    // g_own(object id, text, column): the graph id that an INSERT gives; 13921 unless it is one of the table's own.
    impure(connection, "g_own", 3, move |call| {
        let context = own.lock();
        let table = object(call, 0)?;
        let found = call.string(1).and_then(|text| written(&context, &text));
        let Some((_, id)) = found.filter(|(own, id)| *own == i64::from(table) && *id >= 0) else {
            let message = format!(
                "JSON data for INSERT/UPDATE of graph pseudocolumn '{}' is malformed.",
                call.string(2).unwrap_or_default()
            );
            return Err(SqlError::new(13921, message));
        };
        context.counters.note_graph_id(table, id);
        Ok(Value::Int(id))
    })?;
    for (name, edge) in [("g_node_parts", false), ("g_edge_parts", true)] {
        let own = context.clone();
        // g_node_parts(object id, graph id): NULL for a table of the other kind.
        impure(connection, name, 2, move |call| {
            let context = own.lock();
            let table = call.int(0).and_then(|id| i32::try_from(id).ok());
            let table = table.and_then(|id| context.catalog.tables.get(&id));
            let fits =
                table.is_some_and(|table| if edge { table.is_edge() } else { table.is_node() });
            Ok(if fits { id_text(&context, call) } else { Value::Null })
        })?;
    }
    for (name, edge, id) in [
        ("g_node_object", Some(false), false),
        ("g_node_graph", Some(false), true),
        ("g_edge_object", Some(true), false),
        ("g_edge_graph", Some(true), true),
        // For comparisons, which on SQL Server are comparisons of texts.
        ("g_any_object", None, false),
        ("g_any_graph", None, true),
    ] {
        let own = context.clone();
        impure(connection, name, 1, move |call| {
            let found = call.string(0).and_then(|text| rendered(&own.lock(), edge, &text));
            Ok(found.map_or(Value::Null, |found| Value::Int(if id { found.1 } else { found.0 })))
        })?;
    }
    let own = context.clone();
    impure(connection, "g_next", 1, move |call| {
        let counters = own.lock().counters.clone();
        Ok(Value::Int(counters.take_graph_id(object(call, 0)?)))
    })?;
    let own = context.clone();
    // g_identity(object id, seed, increment)
    impure(connection, "g_identity", 3, move |call| {
        let mut context = own.lock();
        let (seed, increment) = (call.int(1).unwrap_or(1), call.int(2).unwrap_or(1));
        let table = object(call, 0)?;
        let drawn = context.drawn.pop_front().filter(|(own, _)| *own == table);
        let value = match drawn {
            Some((_, value)) => value,
            None => context.counters.take_identity(table, seed, increment),
        };
        context.identity = Some(value);
        Ok(Value::Int(value))
    })?;
    let own = context.clone();
    // g_explicit(object id, value, increment): an identity value that the statement gives itself.
    impure(connection, "g_explicit", 3, move |call| {
        let mut context = own.lock();
        if let Some(value) = call.int(1) {
            context.counters.note_identity(object(call, 0)?, value, call.int(2).unwrap_or(1));
            context.identity = Some(value);
        }
        Ok(call.value(1))
    })
}

fn object(call: &Arguments<'_>, at: usize) -> Result<i32> {
    call.int(at)
        .and_then(|id| i32::try_from(id).ok())
        .ok_or_else(|| SqlError::internal("object id"))
}

fn id_text(context: &Context, call: &Arguments<'_>) -> Value {
    let (Some(object), Some(id)) = (call.int(0), call.int(1)) else {
        return Value::Null;
    };
    let table = i32::try_from(object).ok().and_then(|id| context.catalog.tables.get(&id));
    table.map_or(Value::Null, |table| {
        text_value(format_id(context.catalog.schema_name(table.schema_id), table, id))
    })
}

/// Observed form, without blanks (probed.md 4).
fn format_id(schema: &str, table: &Table, id: i64) -> String {
    let kind = if table.is_edge() { "edge" } else { "node" };
    let quoted = |name: &str| serde_json::Value::from(name).to_string();
    format!(
        r#"{{"type":"{kind}","schema":{},"table":{},"id":{id}}}"#,
        quoted(schema),
        quoted(&table.name)
    )
}

/// The object id and graph id of the end of an edge: the text of a node of a table that is there.
fn end(context: &Context, call: &Arguments<'_>) -> Option<(i64, i64)> {
    let found = written(context, &call.string(0)?)?;
    let table = context.catalog.tables.get(&i32::try_from(found.0).ok()?)?;
    table.is_node().then_some(found)
}

/// The object id and graph id of a text that an INSERT gives. The four keys may come in any order and case, blanks do not
/// matter, the id is an integer literal (observed, probed.md 4).
fn written(context: &Context, text: &str) -> Option<(i64, i64)> {
    let serde_json::Value::Object(fields) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let field =
        |name: &str| fields.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value);
    let table_name = field("table")?.as_str()?;
    let schema = context.catalog.schema_id(field("schema")?.as_str()?)?;
    if fields.len() != 4 {
        return None;
    }
    let table = context
        .catalog
        .tables
        .values()
        .find(|table| table.schema_id == schema && same_name(&table.name, table_name))?;
    let kind = field("type")?.as_str()?;
    let fits = (table.is_node() && same_name(kind, "node"))
        || (table.is_edge() && same_name(kind, "edge"));
    fits.then_some((i64::from(table.id), field("id")?.as_i64()?))
}

/// The same for the functions, which accept the rendered shape only: keys in order, no blanks (observed, probed.md 4).
fn rendered(context: &Context, edge: Option<bool>, text: &str) -> Option<(i64, i64)> {
    let (object, id) = written(context, text)?;
    let table = context.catalog.tables.get(&i32::try_from(object).ok()?)?;
    let shape = format_id(context.catalog.schema_name(table.schema_id), table, id);
    (edge.is_none_or(|edge| edge == table.is_edge()) && same_name(&shape, text))
        .then_some((object, id))
}
