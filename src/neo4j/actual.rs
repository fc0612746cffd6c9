//! What the graph holds now for some keys.

use std::collections::BTreeMap;

use neo4rs::BoltType;

use super::apply::owner::Owner;
use super::quarantine::Reason;
use super::{Graph, Statement, cypher, list, values};
use crate::error::{Error, Kind, Result};
use crate::mapping::Shape;
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::reconcile::breaker::Target;
use crate::reconcile::diff::{ActualNode, ActualNodes, ActualRelationship, ActualRelationships};
use crate::reconcile::stores::{NodeIdentity, Stretch};
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
        .read(with_keys(statement, keys).with_names(shape), |row| {
            let mut cells = list(&row)?.into_iter();
            let Some((key, has_float_key)) = row_key(cells.next().as_ref()) else { return Ok(()) };
            let names = names(cells.next());
            let identity = identity(cells.next());
            let is_placeholder = cells.next().as_ref().is_some_and(values::boolean);
            let properties: Vec<_> = cells.map(values::from_bolt).collect();
            limit.spend(&properties)?;
            let node = ActualNode { names, identity, is_placeholder, has_float_key, properties };
            found.insert(key, node);
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Row key, names and identity of the first nodes in a range of keys, up to `most`.
pub async fn identities(
    graph: &Graph,
    shape: &Shape,
    range: KeyRange,
    most: usize,
) -> Result<Stretch<NodeIdentity>> {
    let mut found = Vec::new();
    let Some(node) = shape.node() else { return Ok(Stretch { found, rest: None }) };
    let statement = Statement::new(cypher::read_node_identities(shape, node));
    let statement = with_keys(statement, &Keys::Range(range)).with_names(shape);
    let mut reach = Reach::default();
    graph
        .read(statement.with("most", limit(most)), |row| {
            let mut cells = list(&row)?.into_iter();
            let cell = cells.next();
            reach.comes_to(cell.as_ref());
            let (names, identity) = (names(cells.next()), identity(cells.next()));
            found.extend(row_key(cell.as_ref()).map(|(key, _)| (key, names, identity)));
            Ok(())
        })
        .await?;
    let rest = reach.rest(range, most);
    Ok(Stretch { found, rest })
}

/// How far an answer in key order comes that may have been cut.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    rows: usize,
    last: Option<i64>,
}

impl Reach {
    /// A key that is no row's counts as the row's below it.
    #[allow(clippy::cast_possible_truncation)]
    fn comes_to(&mut self, key: Option<&BoltType>) {
        self.rows += 1;
        self.last = match key {
            Some(BoltType::Integer(key)) => Some(key.value),
            // Saturates, as it should.
            Some(BoltType::Float(key)) => Some(key.value.floor() as i64),
            _ => self.last,
        };
    }

    /// The last key of which all is there; `None` where the answer is whole.
    fn end(self, most: usize) -> Option<i64> {
        self.last.filter(|_| self.rows >= most)
    }

    fn rest(self, range: KeyRange, most: usize) -> Option<KeyRange> {
        let end = self.end(most).filter(|end| *end < range.last)?;
        Some(KeyRange { first: end + 1, last: range.last })
    }
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
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
    let end = if ends.placeholder.is_some() { identity } else { row_end };
    let statement = Statement::new(cypher::read_relationships(shape, ends, by(keys)));
    graph
        .read(with_keys(statement, keys), |row| {
            let mut cells = list(&row)?.into_iter();
            let Some((key, has_float_key)) = row_key(cells.next().as_ref()) else { return Ok(()) };
            let name = cells.next().as_ref().and_then(values::text).unwrap_or_default().to_owned();
            let (from, to) = (end(cells.next()), end(cells.next()));
            let properties: Vec<_> = cells.map(values::from_bolt).collect();
            limit.spend(&properties)?;
            let actual = ActualRelationship { name, from, to, has_float_key, properties };
            found.entry(key).or_default().push(actual);
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Row key and type of the first relationships in a range of keys, up to `most` a type; a key may come
/// under more than one type.
pub async fn relationship_keys(
    graph: &Graph,
    shape: &Shape,
    range: KeyRange,
    most: usize,
) -> Result<Stretch<(i64, String)>> {
    let mut found = Vec::new();
    if shape.names.is_empty() {
        return Ok(Stretch { found, rest: None });
    }
    let statement = Statement::new(cypher::read_relationship_keys(shape));
    let statement = with_keys(statement, &Keys::Range(range)).with("most", limit(most));
    let mut reaches: BTreeMap<String, Reach> = BTreeMap::new();
    graph
        .read(statement, |row| {
            let mut cells = list(&row)?.into_iter();
            let cell = cells.next();
            let name = cells.next().as_ref().and_then(values::text).unwrap_or_default().to_owned();
            reaches.entry(name.clone()).or_default().comes_to(cell.as_ref());
            found.extend(row_key(cell.as_ref()).map(|(key, _)| (key, name)));
            Ok(())
        })
        .await?;
    // What is beyond the end of one type comes again with the next stretch.
    let shortest = reaches.values().filter(|r| r.end(most).is_some()).min_by_key(|r| r.last);
    let rest = shortest.and_then(|reach| reach.rest(range, most));
    if let Some(rest) = rest {
        found.retain(|(key, _)| *key < rest.first);
    }
    Ok(Stretch { found, rest })
}

/// Row keys and types, as a statement gives them.
async fn keys_and_types(graph: &Graph, statement: Statement) -> Result<Vec<(i64, String)>> {
    let mut found = Vec::new();
    graph
        .read(statement, |row| {
            let mut cells = list(&row)?.into_iter();
            let key = row_key(cells.next().as_ref());
            let name = cells.next().as_ref().and_then(values::text).unwrap_or_default().to_owned();
            found.extend(key.map(|(key, _)| (key, name)));
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Why rows of some identities can't have their nodes: by row key, those that can't.
pub async fn refusals(
    graph: &Graph,
    shape: &Shape,
    name: &str,
    rows: &[(i64, &IdentityValue)],
) -> Result<BTreeMap<i64, Reason>> {
    let mut refused = BTreeMap::new();
    let Some(node) = shape.node() else { return Ok(refused) };
    let row = |(key, identity): &(i64, &IdentityValue)| {
        values::map([("k", (*key).into()), ("i", values::to_bolt(Some(&identity.value())))])
    };
    let statement = Statement::new(cypher::owners(shape, node, name))
        .with("rows", values::list(rows.iter().map(row)));
    graph
        .read(statement, |row| {
            let cells = list(&row)?;
            if let Some(key) = cells.first().and_then(values::integer) {
                refused.extend(Owner::of(&cells).refuses(key).map(|reason| (key, reason)));
            }
            Ok(())
        })
        .await?;
    Ok(refused)
}

/// Things of a table.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Of these row keys.
    Keys(&'a [i64]),
    /// Of these ids of the server's own, whose key is no row's ([`super::strays`]).
    Ids(&'a [String]),
}

impl Which<'_> {
    /// How a statement finds them.
    pub(super) fn by(self) -> cypher::By {
        match self {
            Self::Keys(_) => cypher::By::List,
            Self::Ids(_) => cypher::By::Id,
        }
    }

    /// A statement that finds them so.
    pub(super) fn given_to(self, statement: Statement) -> Statement {
        match self {
            Self::Keys(keys) => statement.with("keys", values::keys(keys)),
            Self::Ids(ids) => {
                statement.with("ids", values::list(ids.iter().map(|id| id.as_str().into())))
            }
        }
    }
}

/// Keys and types of an edge table's relationships on some nodes.
pub async fn edges_on(
    graph: &Graph,
    nodes: &Shape,
    edges: &Shape,
    which: Which<'_>,
) -> Result<Vec<(i64, String)>> {
    let Some(node) = nodes.node().filter(|_| !edges.names.is_empty()) else {
        return Ok(Vec::new());
    };
    let statement = Statement::new(cypher::edges_on(nodes, node, edges, which.by()));
    keys_and_types(graph, which.given_to(statement)).await
}

/// How many things of a kind the graph holds that provsync made, by their key property; counts up to
/// `most`.
pub async fn count(graph: &Graph, shape: &Shape, target: Target, most: u64) -> Result<u64> {
    let texts = match target {
        Target::Rows(_) => cypher::counts(shape),
        Target::Placeholders(_) => shape
            .node()
            .map(|node| cypher::count_placeholders(node, &shape.key))
            .into_iter()
            .collect(),
    };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut total = 0;
    for text in texts {
        graph
            .read(Statement::new(text).with("most", most), |row| {
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

/// A key property as a row's key, and whether it is a float: to Neo4j's seeks and constraints 5.0 is 5,
/// so that it stands in the way of the row 5 and is found as it is. `None` for what is no row's key
/// ([`super::strays`]).
pub fn row_key(cell: Option<&BoltType>) -> Option<(i64, bool)> {
    match cell? {
        BoltType::Integer(key) => Some((key.value, false)),
        BoltType::Float(key) => whole(key.value).map(|key| (key, true)),
        _ => None,
    }
}

/// The integer that a float is to an index: -0.0 is not found as 0.
// Up to 2^63 every float without a fraction is an i64, and the cast is exact.
#[allow(clippy::cast_possible_truncation, clippy::float_cmp)]
fn whole(float: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let is_whole = float.trunc() == float && (-LIMIT..LIMIT).contains(&float);
    (is_whole && !(float == 0.0 && float.is_sign_negative())).then_some(float as i64)
}

/// The row that an edge begins or ends at.
fn row_end(cell: Option<BoltType>) -> Option<IdentityValue> {
    match row_key(cell.as_ref()) {
        Some((key, _)) => Some(IdentityValue::Integer(key)),
        None => identity(cell),
    }
}

/// Names of a list of names.
pub(super) fn names(cell: Option<BoltType>) -> Vec<String> {
    match cell {
        Some(BoltType::List(names)) => {
            names.value.iter().filter_map(values::text).map(String::from).collect()
        }
        _ => Vec::new(),
    }
}

/// An identity, if it is one.
pub(super) fn identity(cell: Option<BoltType>) -> Option<IdentityValue> {
    cell.and_then(values::from_bolt).as_ref().and_then(IdentityValue::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: impl Into<BoltType>) -> Option<(i64, bool)> {
        row_key(Some(&value.into()))
    }

    /// As the server has it: seen with a unique constraint and `MATCH (n {k: 9007199254740993})`.
    #[test]
    fn a_float_is_a_rows_key_where_the_server_finds_it_by_that_number() {
        assert_eq!(of(5_i64), Some((5, false)));
        assert_eq!(of(5.0), Some((5, true)));
        assert_eq!(of(-3.0), Some((-3, true)));
        assert_eq!(of(9_007_199_254_740_992.0), Some((9_007_199_254_740_992, true)));
        assert_eq!(of(-9_223_372_036_854_775_808.0), Some((i64::MIN, true)));
        for no_key in [5.5, -0.0, f64::NAN, f64::INFINITY, 9_223_372_036_854_775_808.0, 1e300] {
            assert_eq!(of(no_key), None, "{no_key}");
        }
        assert_eq!(of("5"), None);
        assert_eq!(of(true), None);
        assert_eq!(row_key(None), None);
    }
}
