//! Change tracking: context and columns of the present statement, the mask of columns.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context as Call, FunctionFlags};

use super::{impure, pure};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::context::{Context, ContextHandle};
use crate::translate::UPDATED;
use crate::values::Value;

/// A mask begins with these, then come column ids (observed, probed.md 3).
const MASK_HEAD: [u8; 4] = [0; 4];

pub(super) fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    let own = context.clone();
    impure(connection, "ct_context", 0, move |_| {
        Ok(own.lock().change_context.clone().map_or(Value::Null, Value::Bytes))
    })?;
    let own = context.clone();
    // ct_columns(object id)
    impure(connection, "ct_columns", 1, move |call| Ok(set_columns(&own.lock(), call.int(0))))?;
    // ct_in_mask(column id, mask)
    pure(connection, "ct_in_mask", 2, |call| in_mask(call.int(0), call.bytes(1)))?;
    connection.create_aggregate_function(
        "ct_mask",
        3,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        Mask,
    )
}

/// Columns that the statement sets; NULL stands for all: when it sets every column outside of the key (observed).
fn set_columns(context: &Context, table: Option<i64>) -> Value {
    let table =
        table.and_then(|id| i32::try_from(id).ok()).and_then(|id| context.catalog.tables.get(&id));
    let Some(table) = table else {
        return Value::Null;
    };
    let keys: Vec<i32> = table.key_columns().iter().map(|column| column.id).collect();
    // Assumption: the graph's own columns, which nobody can set, do not count.
    let all = table
        .columns
        .iter()
        .filter(|column| column.role.graph_type().is_none() && !keys.contains(&column.id))
        .all(|column| context.set_columns.contains(&column.id));
    if all || context.set_columns.is_empty() {
        return Value::Null;
    }
    Value::Bytes(mask(&context.set_columns))
}

fn mask(columns: &[i32]) -> Vec<u8> {
    MASK_HEAD.into_iter().chain(columns.iter().flat_map(|id| id.to_le_bytes())).collect()
}

fn columns_of(mask: &[u8]) -> impl Iterator<Item = i32> + '_ {
    mask.get(MASK_HEAD.len()..)
        .unwrap_or_default()
        .chunks_exact(4)
        .filter_map(|id| id.try_into().ok().map(i32::from_le_bytes))
}

/// Observed: 1 for a mask that is NULL; 22101 for one that is shorter than the shortest.
fn in_mask(column: Option<i64>, mask: Option<&[u8]>) -> Result<Value> {
    let Some(mask) = mask else {
        return Ok(Value::Int(1));
    };
    if mask.len() < MASK_HEAD.len() + 4 {
        return Err(SqlError::new(
            22101,
            "The value supplied for the change_columns argument of CHANGE_TRACKING_IS_COLUMN_IN_MASK function is not valid. The \
             value must be a bitmask returned by the CHANGETABLE(CHANGES ...) function.",
        ));
    }
    let found = columns_of(mask).any(|id| Some(i64::from(id)) == column);
    Ok(Value::Int(i64::from(found)))
}

/// `ct_mask(seq, operation, columns)` over the changes of a key: NULL if one of them is no update or sets all columns, else
/// the columns in the order of their first update (observed, probed.md 3).
struct Mask;

impl Aggregate<Vec<(i64, Option<Vec<u8>>)>, Option<Vec<u8>>> for Mask {
    fn init(&self, _: &mut Call<'_>) -> rusqlite::Result<Vec<(i64, Option<Vec<u8>>)>> {
        Ok(Vec::new())
    }

    fn step(
        &self,
        call: &mut Call<'_>,
        changes: &mut Vec<(i64, Option<Vec<u8>>)>,
    ) -> rusqlite::Result<()> {
        let (seq, operation): (i64, i32) = (call.get(0)?, call.get(1)?);
        let columns: Option<Vec<u8>> = call.get(2)?;
        changes.push((seq, columns.filter(|_| operation == UPDATED)));
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Call<'_>,
        changes: Option<Vec<(i64, Option<Vec<u8>>)>>,
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut changes = changes.unwrap_or_default();
        changes.sort_unstable_by_key(|(seq, _)| *seq);
        let mut found: Vec<i32> = Vec::new();
        for (_, columns) in &changes {
            let Some(columns) = columns else {
                return Ok(None);
            };
            for id in columns_of(columns) {
                if !found.contains(&id) {
                    found.push(id);
                }
            }
        }
        Ok(Some(mask(&found)))
    }
}
