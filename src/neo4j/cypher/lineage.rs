//! One hop of a walk, and how its nodes are found.

use super::{end_value, node_of, or, properties, q, seek};
use crate::mapping::Shape;
use crate::mapping::shape::{NodeShape, RelationshipShape};

/// In which direction relationships are crossed, and what nodes are given by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// From where they begin; else from where they end.
    pub is_along: bool,
    /// `$keys` are row keys; else `$keys` are identities of nodes without a row, at links alone.
    pub by_row: bool,
}

/// Relationships of some types that leave or enter nodes: row key, type, both ends as
/// [`super::read_relationships`] gives them, the node's own key or identity as it was given, the row
/// key of the far node, the properties. `near` and `far` are the node tables that it leads between.
pub fn cross(
    shape: &Shape,
    ends: &RelationshipShape,
    names: &[String],
    [near, far]: [(&Shape, &NodeShape); 2],
    crossing: Crossing,
) -> String {
    let properties = properties("r", shape);
    let (start, other) = if crossing.is_along { ("a", "b") } else { ("b", "a") };
    let from = if crossing.is_along { &ends.from } else { &ends.to };
    let (label, property) =
        if crossing.by_row { (&near.1.label, &near.0.key) } else { (&from.label, &from.property) };
    let (left, right) = if crossing.is_along { ("-", "->") } else { ("<-", "-") };
    let has_no_row = if crossing.by_row {
        String::new()
    } else {
        format!(" AND NOT {start}:{}", q(&near.1.label))
    };
    format!(
        "UNWIND $keys AS k
MATCH ({start}:{} {{{}: k}}){left}[r:{}]{right}({other}) {}
WHERE coalesce(r.{key}) IS NOT NULL{has_no_row}
RETURN [r.{key}, type(r), {}, {}, k, CASE WHEN {other}:{far_label} THEN {other}.{far_key} END{properties}] AS row",
        q(label),
        q(property),
        or(names),
        seek(start, label, property),
        end_value("a", &ends.from),
        end_value("b", &ends.to),
        key = q(&shape.key),
        far_label = q(&far.1.label),
        far_key = q(&far.0.key),
    )
}

/// Nodes of some identities (`$identities`) under one type label: identity, and row key of those
/// that have a row.
pub fn find(shape: &Shape, node: &NodeShape, name: &str) -> String {
    format!(
        "UNWIND $identities AS i\nMATCH {}\nRETURN [n.{}, CASE WHEN n:{} THEN n.{} END] AS row",
        node_of("n", name, &node.identity, "i"),
        q(&node.identity),
        q(&node.label),
        q(&shape.key),
    )
}

/// Up to `$limit` relationships of some types, from row key `$first` on, in order: row key, and of either
/// end the row's key (NULL without a row) and the value that the table's relationships stand on. One
/// key may come once for each type.
pub fn ends_from(
    shape: &Shape,
    ends: &RelationshipShape,
    names: &[String],
    [from, to]: [(&Shape, &NodeShape); 2],
) -> String {
    let key = q(&shape.key);
    let row = |variable: &str, (shape, node): (&Shape, &NodeShape)| {
        let (label, key) = (q(&node.label), q(&shape.key));
        format!("CASE WHEN {variable}:{label} THEN coalesce({variable}.{key}, false) END")
    };
    let branch = |name: &String| {
        format!(
            "MATCH (a)-[r:{}]->(b) {} WHERE r.{key} >= $first
WITH a, r, b ORDER BY r.{key} LIMIT $limit
RETURN r.{key} AS key, [r.{key}, {}, {}, {}, {}] AS row",
            q(name),
            seek("r", name, &shape.key),
            row("a", from),
            end_value("a", &ends.from),
            row("b", to),
            end_value("b", &ends.to),
        )
    };
    let branches = names.iter().map(branch).collect::<Vec<_>>().join("\nUNION ALL\n");
    format!("CALL () {{\n{branches}\n}}\nRETURN row ORDER BY key LIMIT $limit")
}

/// Up to `$limit` row keys of a node table and their names among `$names`, from `$first` on, in order.
pub fn rows_from(shape: &Shape, node: &NodeShape) -> String {
    format!(
        "MATCH (n:{}) {} WHERE n.{key} >= $first\nWITH n ORDER BY n.{key} LIMIT $limit\nRETURN [n.{key}, [l IN labels(n) WHERE l IN $names]] AS row",
        q(&node.label),
        seek("n", &node.label, &shape.key),
        key = q(&shape.key),
    )
}

/// Every statement of walks by name, for `provsync explain`, the golden files and EXPLAIN.
pub fn all(shapes: &[Shape]) -> Vec<(String, String)> {
    let nodes: Vec<_> = shapes.iter().filter_map(|s| Some((s, s.node()?))).collect();
    let mut out = Vec::new();
    for (shape, node) in &nodes {
        let name = shape.names.first().map(String::as_str).unwrap_or_default();
        out.push((format!("{}-find", shape.table), find(shape, node, name)));
        out.push((format!("{}-rows-from", shape.table), rows_from(shape, node)));
    }
    let Some(first) = nodes.first() else { return out };
    for shape in shapes {
        let Some(ends) = shape.relationship().filter(|_| !shape.names.is_empty()) else { continue };
        // The names are for readers; what is sent has the node tables of either end.
        let tables = [*first, *first];
        let of = |is_along, by_row| {
            cross(shape, ends, &shape.names, tables, Crossing { is_along, by_row })
        };
        let mut add = |what: &str, text| out.push((format!("{}-{what}", shape.table), text));
        add("ends-from", ends_from(shape, ends, &shape.names, [*first, *first]));
        add("cross-along", of(true, true));
        add("cross-against", of(false, true));
        if ends.placeholder.is_some() {
            add("cross-bare-along", of(true, false));
            add("cross-bare-against", of(false, false));
        }
    }
    out
}
