//! Placeholders that no link needs.

use super::{node_of, q};
use crate::mapping::shape::{LinksOn, NodeShape, RelationshipShape};

/// Placeholders that no link needs, as people look at them.
pub fn look_orphans(node: &NodeShape, key: &str) -> String {
    format!("{}\nRETURN p", orphans(node, key))
}

/// Deletes those of the placeholders `$identities` that no link needs any more.
pub fn collect_placeholders(ends: &RelationshipShape) -> String {
    format!(
        "UNWIND $identities AS i
MATCH {}
WHERE p:{}{}
DETACH DELETE p
RETURN count(*) AS written",
        node_of("p", &ends.from.label, &ends.from.property, "i"),
        q(ends.placeholder.as_deref().unwrap_or_default()),
        no_link(&ends.links),
    )
}

/// Deletes up to `$limit` placeholders that no link needs any more; the label keeps it off nodes
/// that analysts made (R7).
pub fn sweep(node: &NodeShape, key: &str) -> String {
    format!(
        "{}\nWITH p LIMIT $limit\nDETACH DELETE p\nRETURN count(*) AS written",
        orphans(node, key)
    )
}

/// Counts placeholders up to `$most`.
pub fn count_placeholders(node: &NodeShape, key: &str) -> String {
    format!(
        "MATCH (p:{}) WHERE p.{} IS NULL\nWITH p LIMIT $most\nRETURN [count(p)] AS row",
        q(&node.placeholder),
        q(key)
    )
}

/// Counts the placeholders that no link needs.
pub fn count_orphans(node: &NodeShape, key: &str) -> String {
    format!("{}\nRETURN [count(p)] AS row", orphans(node, key))
}

/// Identities of placeholders that no link needs, and their names among `$names`; up to `$limit`.
pub fn list_orphans(node: &NodeShape, key: &str) -> String {
    format!(
        "{}\nRETURN [p.{}, [l IN labels(p) WHERE l IN $names]] AS row LIMIT $limit",
        orphans(node, key),
        q(&node.identity)
    )
}

/// As [`list_orphans`], among `$identities` under one type label.
pub fn orphans_among(node: &NodeShape, key: &str, name: &str) -> String {
    format!(
        "UNWIND $identities AS i
MATCH {}
WHERE p:{} AND p.{} IS NULL{}
RETURN [p.{}, [l IN labels(p) WHERE l IN $names]] AS row",
        node_of("p", name, &node.identity, "i"),
        q(&node.placeholder),
        q(key),
        no_link(&node.links),
        q(&node.identity)
    )
}

fn orphans(node: &NodeShape, key: &str) -> String {
    let needed = no_link(&node.links);
    format!("MATCH (p:{}) WHERE p.{} IS NULL{needed}", q(&node.placeholder), q(key))
}

fn no_link(links: &[LinksOn]) -> String {
    let none = |links: &LinksOn| {
        format!(
            " AND NOT EXISTS {{ (p)-[g:{}]-() WHERE coalesce(g.{}) IS NOT NULL }}",
            q(&links.relationship),
            q(&links.key)
        )
    };
    links.iter().map(none).collect()
}
