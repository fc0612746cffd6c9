//! What the graph holds.

use super::{By, end_value, find_node, or, properties, q, union};
use crate::mapping::Shape;
use crate::mapping::shape::{NodeShape, RelationshipShape};

/// Nodes of a table: key, names among `$names`, identity, whether the placeholder label is on it,
/// then the properties of the shape.
pub fn read_nodes(shape: &Shape, node: &NodeShape, by: By) -> String {
    let properties = properties("n", shape);
    format!(
        "{}\nRETURN [{key}, [l IN labels(n) WHERE l IN $names], n.{}, n:{}{properties}] AS row",
        find_node(shape, node, by),
        q(&node.identity),
        q(&node.placeholder),
        key = stored("n", &shape.key),
    )
}

/// A key as it is stored. What is sought by its key has the value that was sought, and not its own: the
/// planner takes it from the index, in which 5.0 is 5 (seen on 5.26).
fn stored(variable: &str, key: &str) -> String {
    format!("head([{variable}]).{}", q(key))
}

/// The first `$most` nodes of a range of keys, in their order: key, names among `$names` and identity.
pub fn read_node_identities(shape: &Shape, node: &NodeShape) -> String {
    format!(
        "{}\nWITH n ORDER BY n.{key} LIMIT $most\nRETURN [n.{key}, [l IN labels(n) WHERE l IN $names], n.{}] AS row",
        find_node(shape, node, By::Range),
        q(&node.identity),
        key = q(&shape.key),
    )
}

/// Relationships of a table, over all types that it has or had: key, type, both ends (by row key or
/// identity; NULL where the end is not what the table's relationships stand on), then the
/// properties. One key may come more than once: the constraint is per type.
pub fn read_relationships(shape: &Shape, ends: &RelationshipShape, by: By) -> String {
    let properties = properties("r", shape);
    let key = stored("r", &shape.key);
    union(shape, by, |_| {
        format!(
            "RETURN [{key}, type(r), {}, {}{properties}] AS row",
            end_value("a", &ends.from),
            end_value("b", &ends.to)
        )
    })
}

/// Keys and types of the first `$most` relationships of each type in a range of keys, in their order.
pub fn read_relationship_keys(shape: &Shape) -> String {
    union(shape, By::Range, |key| {
        format!("WITH r ORDER BY r.{key} LIMIT $most\nRETURN [r.{key}, type(r)] AS row")
    })
}

/// Nodes or relationships by key (`$keys`), as people look at them in the Browser. For pasting;
/// provsync does not send it.
pub fn look(shape: &Shape) -> String {
    match shape.node() {
        Some(node) => format!("{}\nRETURN n", find_node(shape, node, By::List)),
        None => union(shape, By::List, |_| "RETURN a, r, b".to_owned()),
    }
}

/// Counts of what carries the table's key, each up to `$most`. They read the index of the keys as far as
/// they count; foreign data of the same label or type has no such key.
pub fn counts(shape: &Shape) -> Vec<String> {
    let key = q(&shape.key);
    let count = |thing: &str, name: &str, pattern: &str| {
        format!(
            "MATCH {pattern} USING INDEX {thing}:{}({key})\nWHERE {thing}.{key} IS NOT NULL\nWITH {thing} LIMIT $most\nRETURN [count({thing})] AS row",
            q(name)
        )
    };
    if let Some(node) = shape.node() {
        return vec![count("n", &node.label, &format!("(n:{})", q(&node.label)))];
    }
    let of_type = |name: &String| count("r", name, &format!("()-[r:{}]->()", q(name)));
    shape.names.iter().map(of_type).collect()
}

/// Keys and types of an edge table's relationships on some nodes (R1).
pub fn edges_on(nodes: &Shape, node: &NodeShape, edges: &Shape, by: By) -> String {
    format!(
        "{}
MATCH (n)-[r:{}]-() WHERE coalesce(r.{key}) IS NOT NULL
RETURN DISTINCT [r.{key}, type(r)] AS row",
        find_node(nodes, node, by),
        or(&edges.names),
        key = q(&edges.key),
    )
}
