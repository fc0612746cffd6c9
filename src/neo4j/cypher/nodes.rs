//! Nodes that come, change and leave.

use super::{By, find_node, node_of, or, q};
use crate::mapping::Shape;
use crate::mapping::shape::NodeShape;

/// Creates nodes that the graph lacks; returns the rows whose identity is there already, with the
/// owner's key, whether it is a placeholder, and whether it carries the table's label.
///
/// `ON CREATE` alone: a rejected row writes nothing.
pub fn enter(shape: &Shape, node: &NodeShape, name: &str) -> String {
    format!(
        "UNWIND $rows AS row
MERGE (n:{name} {{{identity}: row.i}})
  ON CREATE SET n:{label}, n.{key} = row.k, n += row.p
WITH row, n WHERE NOT (n:{label} AND coalesce(n.{key} = row.k, false))
RETURN [row.k, n.{key}, n:{placeholder}, n:{label}] AS row",
        name = q(name),
        identity = q(&node.identity),
        label = q(&node.label),
        key = q(&shape.key),
        placeholder = q(&node.placeholder),
    )
}

/// Who has the identities of some rows: the row's key, then as [`enter`] says it of rejected rows.
pub fn owners(shape: &Shape, node: &NodeShape, name: &str) -> String {
    format!(
        "UNWIND $rows AS row\nMATCH {}\nRETURN [row.k, n.{}, n:{}, n:{}] AS row",
        node_of("n", name, &node.identity, "row.i"),
        q(&shape.key),
        q(&node.placeholder),
        q(&node.label),
    )
}

/// Gives rows the nodes that stand for their identities: placeholders, nodes with the row's own key that
/// lost the table's label, and nodes of the table with a key that is no row's. The identity is written
/// too: a seek also finds the float of the same number.
pub fn adopt(shape: &Shape, node: &NodeShape, name: &str) -> String {
    format!(
        "UNWIND $rows AS row
MATCH {node}
WHERE (n:{placeholder} AND n.{key} IS NULL) OR (n.{key} = row.k AND NOT n:{label}) OR (n:{label} AND NOT n.{key} IS :: INTEGER)
SET n.{identity} = row.i, n.{key} = row.k, n:{label}, n += row.p
REMOVE n:{placeholder}
RETURN count(*) AS written",
        node = node_of("n", name, &node.identity, "row.i"),
        identity = q(&node.identity),
        label = q(&node.label),
        key = q(&shape.key),
        placeholder = q(&node.placeholder),
    )
}

/// Sets the properties that differ; NULL removes one.
pub fn update_nodes(shape: &Shape, node: &NodeShape) -> String {
    format!(
        "UNWIND $rows AS row\nMATCH {}\nSET n += row.p\nRETURN count(*) AS written",
        node_of("n", &node.label, &shape.key, "row.k"),
    )
}

/// Makes keys integers that are floats of the same number, which a seek finds as well.
pub fn rekey_nodes(shape: &Shape, node: &NodeShape) -> String {
    format!(
        "{}\nSET n.{} = k\nRETURN count(*) AS written",
        find_node(shape, node, By::List),
        q(&shape.key)
    )
}

/// Takes a label of provsync's that the node should not have off it.
pub fn unlabel(shape: &Shape, node: &NodeShape, label: &str) -> String {
    format!(
        "{}\nREMOVE n:{}\nRETURN count(*) AS written",
        find_node(shape, node, By::List),
        q(label)
    )
}

/// Nodes leave their identity: relationships of edge tables go, then the node becomes a placeholder
/// while links need its identity, else it goes too.
///
/// Returns how many left, how many relationships of ours and of others went with them, and the
/// identities that are free now, spelled as [`crate::neo4j::quarantine::token`] does; `$names` are the
/// table's type labels.
pub fn leave(shape: &Shape, node: &NodeShape, by: By) -> String {
    format!(
        "{find}
CALL (n) {{ {edges} }}
WITH n, edges, {keep} AS keep
WITH n, edges, keep, CASE WHEN keep THEN 0 ELSE COUNT {{ (n)--() }} END AS others,
  [l IN labels(n) WHERE l IN $names | l + '=' + CASE WHEN n.{identity} IS :: FLOAT NOT NULL THEN toString(toInteger(n.{identity})) ELSE toStringOrNull(n.{identity}) END] AS freed
FOREACH (_ IN CASE WHEN keep THEN [1] ELSE [] END |
  SET n:{placeholder}, n += $none
  REMOVE n:{label}, n.{key})
FOREACH (_ IN CASE WHEN keep THEN [] ELSE [1] END | DETACH DELETE n)
RETURN [count(*), sum(edges), sum(others), collect(freed)] AS row",
        find = find_node(shape, node, by),
        label = q(&node.label),
        identity = q(&node.identity),
        key = q(&shape.key),
        placeholder = q(&node.placeholder),
        edges = delete_edges_of_node(node),
        keep = keep(node),
    )
}

/// Takes up to `$most` of the relationships that [`leave`] would take along off the nodes.
///
/// Returns how many of ours and of others went.
pub fn strip(shape: &Shape, node: &NodeShape) -> String {
    format!(
        "{find}
WITH n, {keep} AS keep
MATCH (n)-[r]-()
WITH r, keep, {ours} AS ours
WHERE ours OR NOT keep
WITH DISTINCT r, ours LIMIT $most
DELETE r
RETURN [count(CASE WHEN ours THEN 1 END), count(CASE WHEN ours THEN null ELSE 1 END)] AS row",
        find = find_node(shape, node, By::List),
        keep = keep(node),
        ours = any(node.edges.iter().filter(|edges| !edges.types.is_empty()).map(|edges| {
            format!("(r:{} AND coalesce(r.{}) IS NOT NULL)", or(&edges.types), q(&edges.key))
        })),
    )
}

/// Whether a node that leaves stays as a placeholder, since links need its identity.
fn keep(node: &NodeShape) -> String {
    any(node.links.iter().map(|links| {
        format!(
            "(n:{} AND EXISTS {{ (n)-[g:{}]-() WHERE coalesce(g.{}) IS NOT NULL }})",
            q(&links.label),
            q(&links.relationship),
            q(&links.key)
        )
    }))
}

fn any(conditions: impl Iterator<Item = String>) -> String {
    let all = conditions.collect::<Vec<_>>().join(" OR ");
    if all.is_empty() { "false".to_owned() } else { all }
}

fn delete_edges_of_node(node: &NodeShape) -> String {
    let branches: Vec<String> = node
        .edges
        .iter()
        .filter(|edges| !edges.types.is_empty())
        .map(|edges| {
            format!(
                "MATCH (n)-[r:{}]-() WHERE coalesce(r.{}) IS NOT NULL RETURN r",
                or(&edges.types),
                q(&edges.key)
            )
        })
        .collect();
    if branches.is_empty() {
        return "RETURN 0 AS edges".to_owned();
    }
    format!(
        "CALL (n) {{ {} }} WITH collect(DISTINCT r) AS rs FOREACH (r IN rs | DELETE r) RETURN size(rs) AS edges",
        branches.join(" UNION ")
    )
}
