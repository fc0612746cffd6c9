//! Nodes and relationships of provsync's whose key is no key that a row can have: somebody made it a text
//! or half a number. No key finds them, so that they are listed as a whole.

use neo4rs::{BoltType, Txn};

use super::actual::Which;
use super::apply::Context;
use super::apply::leave::{Left, leave};
use super::{Graph, Statement, actual, checkpoint, cypher, list, quarantine, run, values};
use crate::error::Result;
use crate::mapping::Shape;
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::reconcile::breaker::Approved;

/// A thing with such a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Stray {
    /// The server's id of it.
    pub id: String,
    /// What its key is.
    pub key: Value,
    /// Its type labels or its type.
    pub names: Vec<String>,
    /// Of a node: its identity.
    pub identity: Option<IdentityValue>,
    /// Of a relationship: where it begins and ends.
    pub ends: [Option<IdentityValue>; 2],
}

/// Up to `most` of a table's.
pub async fn all(graph: &Graph, shape: &Shape, most: usize) -> Result<Vec<Stray>> {
    let mut found = Vec::new();
    if shape.node().is_none() && shape.names.is_empty() {
        return Ok(found);
    }
    let statement = Statement::new(cypher::strays::all(shape)).with_names(shape);
    graph
        .read(statement, |row| {
            if found.len() < most {
                found.extend(stray(shape, list(&row)?));
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

fn stray(shape: &Shape, cells: Vec<BoltType>) -> Option<Stray> {
    let mut cells = cells.into_iter();
    let id = values::text(&cells.next()?)?.to_owned();
    let key = cells.next()?;
    if actual::row_key(Some(&key)).is_some() {
        return None;
    }
    let names = actual::names(cells.next());
    let (first, second) = (actual::identity(cells.next()), actual::identity(cells.next()));
    let (identity, ends) = match shape.node() {
        Some(_) => (first, [None, None]),
        None => (None, [first, second]),
    };
    Some(Stray { id, key: value(key), names, identity, ends })
}

/// As it is: elsewhere -0.0 is 0.0, and here it is what is wrong.
fn value(key: BoltType) -> Value {
    match key {
        BoltType::Float(float) => Value::Float(float.value),
        other => values::from_bolt(other).unwrap_or(Value::Foreign),
    }
}

/// Takes them away, guard last: relationships go, nodes leave as those of rows that are gone. Returns how
/// many.
pub async fn remove(graph: &Graph, context: &Context, ids: &Approved<Vec<String>>) -> Result<u64> {
    let shape = &context.shape;
    let which = Which::Ids(ids);
    let remove = async |txn: &mut Txn| {
        let removed = if let Some(node) = shape.node() {
            let (rows, _) = run(txn, leave(shape, node, which)).await?;
            let left = Left::of(&rows)?;
            // Rows that wait for an identity of theirs are due then.
            quarantine::wake(txn, &left.freed).await?;
            left.nodes
        } else {
            let statement = Statement::new(cypher::strays::delete(shape));
            let (rows, _) = run(txn, which.given_to(statement)).await?;
            let removed = rows.first().and_then(|row| row.get::<i64>("written").ok());
            removed.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
        };
        checkpoint::guard(txn, &context.fence, context.read_at).await?;
        Ok(removed)
    };
    graph.write(remove).await
}
