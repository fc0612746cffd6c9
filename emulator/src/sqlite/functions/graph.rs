//! Ids of nodes and edges, identity values.

use rusqlite::Connection;

use super::{Arguments, impure, text_value};
use crate::catalog::{ColumnRole, Table, same_name};
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
        Ok(parsed(&own.lock(), call).map_or(Value::Null, |(table, _)| Value::Int(table)))
    })?;
    let own = context.clone();
    impure(connection, "g_id", 1, move |call| {
        Ok(parsed(&own.lock(), call).map_or(Value::Null, |(_, id)| Value::Int(id)))
    })?;
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
        let value = context.counters.take_identity(object(call, 0)?, seed, increment);
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

/// The object id and graph id of a node's text. The four keys may come in any order and case (observed, probed.md 4).
fn parsed(context: &Context, call: &Arguments<'_>) -> Option<(i64, i64)> {
    let text = call.string(0)?;
    let serde_json::Value::Object(fields) = serde_json::from_str(&text).ok()? else {
        return None;
    };
    let field =
        |name: &str| fields.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value);
    let table_name = field("table")?.as_str()?;
    let schema = context.catalog.schema_id(field("schema")?.as_str()?)?;
    if fields.len() != 4 || !same_name(field("type")?.as_str()?, "node") {
        return None;
    }
    let table = context
        .catalog
        .tables
        .values()
        .find(|table| table.schema_id == schema && same_name(&table.name, table_name))?;
    table.role(ColumnRole::NodeId)?;
    Some((i64::from(table.id), field("id")?.as_i64()?))
}
