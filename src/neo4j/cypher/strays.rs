//! Statements about strays: nodes and relationships of a table whose key property is no key that a row
//! can have. They read the whole index of the keys, since no value is sought.
//!
//! Floats of a row's number are among what they find, and are none: [`crate::neo4j::actual::row_key`].

use super::{By, end_value, q, union};
use crate::mapping::Shape;
use crate::mapping::shape::RelationshipShape;

/// What a thing is shown by: the server's id of it, key, names among `$names`; of a node its identity, of
/// a relationship both ends as [`super::read_relationships`] gives them.
pub fn all(shape: &Shape) -> String {
    let key = q(&shape.key);
    match (shape.node(), shape.relationship()) {
        (Some(node), _) => format!(
            "{}\nRETURN [elementId(n), n.{key}, [l IN labels(n) WHERE l IN $names], n.{}] AS row",
            find(shape, &node.label),
            q(&node.identity)
        ),
        (None, Some(ends)) => relationships(shape, |name| of_type(shape, ends, name)),
        (None, None) => String::new(),
    }
}

fn of_type(shape: &Shape, ends: &RelationshipShape, name: &str) -> String {
    format!(
        "{}\nRETURN [elementId(r), r.{}, [type(r)], {}, {}] AS row",
        find(shape, name),
        q(&shape.key),
        end_value("a", &ends.from),
        end_value("b", &ends.to)
    )
}

/// The same, as people look at them in the Browser.
pub fn look(shape: &Shape) -> String {
    match shape.node() {
        Some(node) => format!("{}\nRETURN n", find(shape, &node.label)),
        None => relationships(shape, |name| format!("{}\nRETURN a, r, b", find(shape, name))),
    }
}

/// Deletes relationships of `$ids`.
pub fn delete(shape: &Shape) -> String {
    let branches = union(shape, By::Id, |_| "DELETE r\nRETURN 1 AS one".to_owned());
    format!("CALL () {{\n{branches}\n}}\nRETURN count(*) AS written")
}

fn relationships(shape: &Shape, branch: impl Fn(&str) -> String) -> String {
    let branches: Vec<String> = shape.names.iter().map(|name| branch(name)).collect();
    branches.join("\nUNION ALL\n")
}

fn find(shape: &Shape, name: &str) -> String {
    let (name, key) = (q(name), q(&shape.key));
    let (thing, pattern) = match shape.node() {
        Some(_) => ("n", format!("(n:{name})")),
        None => ("r", format!("(a)-[r:{name}]->(b)")),
    };
    format!(
        "MATCH {pattern} USING INDEX {thing}:{name}({key})\nWHERE {thing}.{key} IS NOT NULL AND NOT {thing}.{key} IS :: INTEGER"
    )
}
