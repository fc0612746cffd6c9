//! Statements that count what is not provsync's. They read the whole graph, and run only when somebody
//! asks for it.

use crate::mapping::names::quote_cypher as q;
use crate::mapping::{RESERVED_NAMES, Shape};

/// Nodes by their labels.
pub fn nodes(shapes: &[Shape]) -> String {
    let ours = shapes.iter().filter_map(|shape| {
        let node = shape.node()?;
        let (label, key) = (q(&node.label), q(&shape.key));
        Some(format!("(n:{label} AND n.{key} IS NOT NULL) OR n:{}", q(&node.placeholder)))
    });
    let reserved = RESERVED_NAMES.iter().map(|name| format!("n:{}", q(name)));
    let ours: Vec<String> = ours.chain(reserved).collect();
    format!(
        "MATCH (n) WHERE NOT ({})\nWITH labels(n) AS name, count(*) AS things\nRETURN [name, things] AS row",
        ours.join("\n  OR ")
    )
}

/// Relationships by their type.
pub fn relationships(shapes: &[Shape]) -> String {
    let ours: Vec<String> = shapes
        .iter()
        .filter(|shape| shape.relationship().is_some() && !shape.names.is_empty())
        .map(|shape| format!("(r:{} AND r.{} IS NOT NULL)", names(shape), q(&shape.key)))
        .collect();
    let ours = if ours.is_empty() { "false".to_owned() } else { ours.join("\n  OR ") };
    format!(
        "MATCH ()-[r]->() WHERE NOT ({ours})\nWITH type(r) AS name, count(*) AS things\nRETURN [name, things] AS row"
    )
}

/// Labels on nodes of a table that are not among `$own`; nothing of a table whose rows are
/// relationships.
pub fn labels(shape: &Shape) -> Option<String> {
    let node = shape.node()?;
    Some(format!(
        "MATCH (n:{}) WHERE n.{} IS NOT NULL
UNWIND labels(n) AS name
WITH name, count(*) AS things WHERE NOT name IN $own
RETURN [name, things] AS row",
        q(&node.label),
        q(&shape.key)
    ))
}

/// Properties of things of a table that are not among `$own`.
pub fn properties(shape: &Shape) -> Option<String> {
    let things = match shape.node() {
        Some(node) => format!("(x:{})", q(&node.label)),
        None if shape.names.is_empty() => return None,
        None => format!("()-[x:{}]->()", names(shape)),
    };
    Some(format!(
        "MATCH {things} WHERE x.{} IS NOT NULL
UNWIND keys(x) AS name
WITH name, count(*) AS things WHERE NOT name IN $own
RETURN [name, things] AS row",
        q(&shape.key)
    ))
}

fn names(shape: &Shape) -> String {
    shape.names.iter().map(|name| q(name)).collect::<Vec<_>>().join("|")
}
