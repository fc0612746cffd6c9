//! What the graph holds now for some keys.

use neo4rs::BoltType;

use super::{Graph, Statement, cypher, list, values};
use crate::error::{Error, Kind, Result};
use crate::mapping::Shape;
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::reconcile::diff::{ActualNode, ActualNodes, ActualRelationship, ActualRelationships};
use crate::reconcile::stores::NodeIdentity;
use crate::sqlserver::pages::{KeyRange, Keys};

/// How many bytes of properties a read may bring.
#[derive(Clone, Copy, Debug)]
pub struct BytesMax(pub usize);

impl BytesMax {
    /// Counts what a row brought.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] when the limit is passed: fewer keys may pass.
    fn spend(&mut self, properties: &[Option<Value>]) -> Result<()> {
        let bytes = 64 + properties.iter().flatten().map(Value::size).sum::<usize>();
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(Error::new(
                Kind::TooLarge,
                "the graph holds more for these keys than is read at a time",
            )),
        }
    }
}

/// Nodes of a table, of some keys; none of a table whose rows are relationships.
pub async fn nodes(
    graph: &Graph,
    shape: &Shape,
    keys: &Keys,
    mut limit: BytesMax,
) -> Result<ActualNodes> {
    let mut found = ActualNodes::new();
    let Some(node) = shape.node() else { return Ok(found) };
    let statement = Statement::new(cypher::read_nodes(shape, node, by(keys)));
    graph
        .read(with_names(with_keys(statement, keys), shape), |row| {
            let mut cells = list(&row)?.into_iter();
            let key = key(cells.next().as_ref())?;
            let names = names(cells.next());
            let identity = identity(cells.next());
            let is_placeholder = cells.next().as_ref().is_some_and(values::boolean);
            let properties: Vec<_> = cells.map(values::from_bolt).collect();
            limit.spend(&properties)?;
            found.insert(key, ActualNode { names, identity, is_placeholder, properties });
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Row key, names and identity of every node in a range of keys.
pub async fn identities(
    graph: &Graph,
    shape: &Shape,
    range: KeyRange,
) -> Result<Vec<NodeIdentity>> {
    let mut found = Vec::new();
    let Some(node) = shape.node() else { return Ok(found) };
    let statement = Statement::new(cypher::read_node_identities(shape, node));
    let statement = with_names(with_keys(statement, &Keys::Range(range)), shape);
    graph
        .read(statement, |row| {
            let mut cells = list(&row)?.into_iter();
            let key = key(cells.next().as_ref())?;
            found.push((key, names(cells.next()), identity(cells.next())));
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Relationships of a table, of some keys, over all types that it has or had; none of a node table.
pub async fn relationships(
    graph: &Graph,
    shape: &Shape,
    keys: &Keys,
    mut limit: BytesMax,
) -> Result<ActualRelationships> {
    let mut found = ActualRelationships::new();
    let Some(ends) = shape.relationship().filter(|_| !shape.names.is_empty()) else {
        return Ok(found);
    };
    let statement = Statement::new(cypher::read_relationships(shape, ends, by(keys)));
    graph
        .read(with_keys(statement, keys), |row| {
            let mut cells = list(&row)?.into_iter();
            let key = key(cells.next().as_ref())?;
            let name = cells.next().as_ref().and_then(values::text).unwrap_or_default().to_owned();
            let (from, to) = (identity(cells.next()), identity(cells.next()));
            let properties: Vec<_> = cells.map(values::from_bolt).collect();
            limit.spend(&properties)?;
            found.entry(key).or_default().push(ActualRelationship { name, from, to, properties });
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Row key and type of every relationship in a range of keys; a key may come under more than one
/// type.
pub async fn relationship_keys(
    graph: &Graph,
    shape: &Shape,
    range: KeyRange,
) -> Result<Vec<(i64, String)>> {
    if shape.names.is_empty() {
        return Ok(Vec::new());
    }
    let statement = Statement::new(cypher::read_relationship_keys(shape));
    keys_and_types(graph, with_keys(statement, &Keys::Range(range))).await
}

async fn keys_and_types(graph: &Graph, statement: Statement) -> Result<Vec<(i64, String)>> {
    let mut found = Vec::new();
    graph
        .read(statement, |row| {
            let mut cells = list(&row)?.into_iter();
            let key = key(cells.next().as_ref())?;
            let name = cells.next().as_ref().and_then(values::text).unwrap_or_default().to_owned();
            found.push((key, name));
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Keys and types of an edge table's relationships on nodes of some keys.
pub async fn edges_on(
    graph: &Graph,
    nodes: &Shape,
    edges: &Shape,
    keys: &[i64],
) -> Result<Vec<(i64, String)>> {
    let Some(node) = nodes.node().filter(|_| !edges.names.is_empty()) else {
        return Ok(Vec::new());
    };
    let statement = Statement::new(cypher::edges_on(nodes, node, edges));
    keys_and_types(graph, statement.with("keys", values::keys(keys))).await
}

/// How many things of a table the graph holds, by its count store; relationships of others that
/// have the same type are counted too.
pub async fn count(graph: &Graph, shape: &Shape) -> Result<u64> {
    let mut total = 0;
    for text in cypher::counts(shape) {
        graph
            .read(Statement::new(text), |row| {
                let count = list(&row)?.first().and_then(values::integer);
                total += count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                Ok(())
            })
            .await?;
    }
    Ok(total)
}

fn by(keys: &Keys) -> cypher::By {
    match keys {
        Keys::Range(_) => cypher::By::Range,
        Keys::List(_) => cypher::By::List,
    }
}

fn with_keys(statement: Statement, keys: &Keys) -> Statement {
    match keys {
        Keys::Range(range) => statement.with("first", range.first).with("last", range.last),
        Keys::List(keys) => statement.with("keys", values::keys(keys)),
    }
}

fn with_names(statement: Statement, shape: &Shape) -> Statement {
    statement.with("names", values::list(shape.names.iter().map(|n| n.as_str().into())))
}

fn key(cell: Option<&BoltType>) -> Result<i64> {
    cell.and_then(values::integer).ok_or_else(|| {
        Error::new(Kind::Graph, "a key property in the graph is not an integer")
            .hint("somebody changed it by hand; `provsync purge` and `provsync full` build the graph anew")
    })
}

fn names(cell: Option<BoltType>) -> Vec<String> {
    match cell {
        Some(BoltType::List(names)) => {
            names.value.iter().filter_map(values::text).map(String::from).collect()
        }
        _ => Vec::new(),
    }
}

fn identity(cell: Option<BoltType>) -> Option<IdentityValue> {
    cell.and_then(values::from_bolt).as_ref().and_then(IdentityValue::of)
}
