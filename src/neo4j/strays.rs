//! Nodes and relationships of provsync's whose key is no key that a row can have: somebody made it a text
//! or half a number. No key finds them, so that they are listed as a whole.

use neo4rs::{BoltType, Txn};

use super::apply::Context;
use super::cypher::{self, By};
use super::{Graph, Statement, actual, checkpoint, list, quarantine, run, values};
use crate::error::Result;
use crate::mapping::Shape;
use crate::mapping::shape::NodeShape;
use crate::model::Value;
use crate::model::value::IdentityValue;

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
    let names = values::list(shape.names.iter().map(|n| n.as_str().into()));
    let statement = Statement::new(cypher::strays::all(shape)).with("names", names);
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

/// Keys and types of an edge table's relationships on some nodes.
pub async fn edges_on(
    graph: &Graph,
    nodes: &Shape,
    edges: &Shape,
    ids: &[String],
) -> Result<Vec<(i64, String)>> {
    let Some(node) = nodes.node().filter(|_| !edges.names.is_empty()) else {
        return Ok(Vec::new());
    };
    let statement = Statement::new(cypher::edges_on(nodes, node, edges, By::Id));
    actual::keys_and_types(graph, statement.with("ids", id_list(ids))).await
}

/// Takes them away, guard last: relationships go, nodes leave as those of rows that are gone. Returns how
/// many.
pub async fn remove(graph: &Graph, context: &Context, ids: &[String]) -> Result<u64> {
    let shape = &context.shape;
    let remove = async |txn: &mut Txn| {
        let removed = if let Some(node) = shape.node() {
            leave(txn, shape, node, ids).await?
        } else {
            let statement = Statement::new(cypher::strays::delete(shape));
            let (rows, _) = run(txn, statement.with("ids", id_list(ids))).await?;
            rows.first().and_then(|row| row.get::<i64>("written").ok())
        };
        checkpoint::guard(txn, &context.fence, context.read_at).await?;
        Ok(removed.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    };
    graph.write(remove).await
}

/// Rows that wait for an identity of theirs are due then.
async fn leave(
    txn: &mut Txn,
    shape: &Shape,
    node: &NodeShape,
    ids: &[String],
) -> Result<Option<i64>> {
    let none = shape.properties.iter().map(|p| (p.as_str(), None));
    let statement = Statement::new(cypher::leave(shape, node, By::Id))
        .with("ids", id_list(ids))
        .with("names", values::list(shape.names.iter().map(|n| n.as_str().into())))
        .with("none", values::properties(none));
    let (rows, _) = run(txn, statement).await?;
    let cells = rows.first().map(list).transpose()?.unwrap_or_default();
    let freed = cells.get(3).map(values::texts_of_lists).unwrap_or_default();
    quarantine::wake(txn, &freed).await?;
    Ok(cells.first().and_then(values::integer))
}

fn id_list(ids: &[String]) -> BoltType {
    values::list(ids.iter().map(|id| id.as_str().into()))
}
