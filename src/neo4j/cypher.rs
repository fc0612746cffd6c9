//! Every Cypher statement that depends on the mapping, built here and nowhere else.
//!
//! Names are quoted with backticks, values are parameters. Each reading statement returns one list
//! a row, named `row`. Where something is found by its key, [`seek`] says so to the planner.
//! `coalesce(r.key) IS NOT NULL` is `r.key IS NOT NULL` that no index answers: with
//! the plain form the planner may leave the node that it has and scan the key's index. Costs of each form in db hits: `docs/decisions/cypher-forms.md`.

pub mod foreign;
pub mod lineage;
mod nodes;
mod placeholders;
mod read;
mod relationships;
pub mod strays;

pub use nodes::{adopt, enter, leave, owners, rekey_nodes, strip, unlabel, update_nodes};
pub use placeholders::{
    collect_placeholders, count_orphans, count_placeholders, list_orphans, look_orphans,
    orphans_among, sweep,
};
pub use read::{
    counts, edges_on, look, read_node_identities, read_nodes, read_relationship_keys,
    read_relationships,
};
pub use relationships::{
    create_relationships, created_together, delete_links, delete_relationships,
    rekey_relationships, update_relationships,
};

use crate::mapping::Shape;
use crate::mapping::names::quote_cypher as q;
use crate::mapping::shape::{End, NodeShape};

/// How a reading statement finds its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `$first` … `$last`, both included.
    Range,
    /// `$keys`.
    List,
    /// `$ids`, the server's own, of things whose key is no row's ([`strays`]).
    Id,
}

fn find_node(shape: &Shape, node: &NodeShape, by: By) -> String {
    let (label, key) = (&node.label, &shape.key);
    match by {
        By::Range => format!(
            "MATCH (n:{}) {} WHERE n.{key} >= $first AND n.{key} <= $last",
            q(label),
            seek("n", label, key),
            key = q(key)
        ),
        By::List => format!("UNWIND $keys AS k MATCH {}", node_of("n", label, key, "k")),
        By::Id => format!(
            "UNWIND $ids AS id MATCH (n:{}) WHERE elementId(n) = id AND NOT n.{} IS :: INTEGER",
            q(label),
            q(key)
        ),
    }
}

/// Has the planner look the key up. Left to itself it may go through the whole index for each key: it
/// prices by samples of the index, which it takes now and then, and so knows nothing of an index that
/// has just been made or filled.
fn seek(variable: &str, name: &str, key: &str) -> String {
    format!("USING INDEX SEEK {variable}:{}({})", q(name), q(key))
}

/// The node of a key or an identity, to be matched.
fn node_of(variable: &str, label: &str, key: &str, value: &str) -> String {
    let seek = seek(variable, label, key);
    format!("({variable}:{} {{{}: {value}}}) {seek}", q(label), q(key))
}

/// The relationship `r` of a key, to be matched; `ends` names the variables of its ends.
fn relationship_of([from, to]: [&str; 2], name: &str, key: &str, value: &str) -> String {
    let seek = seek("r", name, key);
    format!("({from})-[r:{} {{{}: {value}}}]->({to}) {seek}", q(name), q(key))
}

fn union(shape: &Shape, by: By, tail: impl Fn(&str) -> String) -> String {
    let key = q(&shape.key);
    let branch = |name: &String| {
        let find = match by {
            By::Range => format!(
                "MATCH (a)-[r:{}]->(b) {} WHERE r.{key} >= $first AND r.{key} <= $last",
                q(name),
                seek("r", name, &shape.key)
            ),
            By::List => format!(
                "UNWIND $keys AS k MATCH {}",
                relationship_of(["a", "b"], name, &shape.key, "k")
            ),
            By::Id => format!(
                "UNWIND $ids AS id MATCH (a)-[r:{}]->(b) WHERE elementId(r) = id AND NOT r.{key} IS :: INTEGER",
                q(name)
            ),
        };
        format!("{find}\n{}", tail(&key))
    };
    shape.names.iter().map(branch).collect::<Vec<_>>().join("\nUNION ALL\n")
}

fn end_value(variable: &str, end: &End) -> String {
    let (label, property) = (q(&end.label), q(&end.property));
    format!("CASE WHEN {variable}:{label} THEN {variable}.{property} END")
}

/// The properties of a shape, each after a comma, as [`crate::neo4j::values::from_bolt`] reads them.
///
/// An instant that is not in UTC, as provsync writes it, comes with its offset. Without it, a time with the name of
/// a zone is two instants in the night when clocks go back, and depends on the client's zones.
/// `datetime({datetime: …, timezone: 'Z'})` takes the first of the two, and `.epochSeconds` rounds up before 1970: the
/// server does not convert either (seen on 5.26). A list for each instant costs the client as much as all the rest.
fn properties(variable: &str, shape: &Shape) -> String {
    let read = |property: &String| {
        let value = format!("{variable}.{}", q(property));
        if shape.instants.contains(property) {
            format!(
                ", CASE WHEN {value} IS :: ZONED DATETIME NOT NULL THEN CASE {value}.timezone WHEN 'Z' THEN {value} ELSE [{value}, {value}.offsetSeconds] END ELSE {value} END"
            )
        } else {
            format!(", {value}")
        }
    };
    shape.properties.iter().map(read).collect()
}

fn or(names: &[String]) -> String {
    names.iter().map(|n| q(n)).collect::<Vec<_>>().join("|")
}

/// The statements that find an edge table's relationships on a node table's nodes, by name.
pub fn all_edges_on(shapes: &[Shape]) -> Vec<(String, String)> {
    let on = |nodes: &Shape, edges: &Shape| {
        let (node, ends) = (nodes.node()?, edges.relationship()?);
        let stands = ends.placeholder.is_none()
            && (ends.from.label == node.label || ends.to.label == node.label);
        let of = |by, what: &str| {
            let name = format!("{}-on-{}{what}", edges.table, nodes.table);
            (name, edges_on(nodes, node, edges, by))
        };
        stands.then(|| [of(By::List, ""), of(By::Id, "-strays")])
    };
    shapes
        .iter()
        .flat_map(|nodes| shapes.iter().filter_map(move |edges| on(nodes, edges)).flatten())
        .collect()
}

/// Every statement of a table by name, for `provsync explain`, the golden files and EXPLAIN.
pub fn all(shape: &Shape) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut add = |what: &str, text: String| out.push((format!("{}-{what}", shape.table), text));
    let first = shape.names.first().cloned().unwrap_or_default();
    add("look", look(shape));
    add("look-strays", strays::look(shape));
    add("all-strays", strays::all(shape));
    add("count", counts(shape).join("\nUNION ALL\n"));
    if let Some(node) = shape.node() {
        add("read-range", read_nodes(shape, node, By::Range));
        add("read-keys", read_nodes(shape, node, By::List));
        add("read-identities", read_node_identities(shape, node));
        add("leave", leave(shape, node, By::List));
        add("leave-strays", leave(shape, node, By::Id));
        add("strip", strip(shape, node));
        add("enter", enter(shape, node, &first));
        add("owners", owners(shape, node, &first));
        add("adopt", adopt(shape, node, &first));
        add("update", update_nodes(shape, node));
        add("rekey", rekey_nodes(shape, node));
        add("unlabel", unlabel(shape, node, &first));
        add("sweep", sweep(node, &shape.key));
        add("count-orphans", count_orphans(node, &shape.key));
        add("count-placeholders", count_placeholders(node, &shape.key));
        add("look-orphans", look_orphans(node, &shape.key));
        add("orphans", list_orphans(node, &shape.key));
        add("orphans-among", orphans_among(node, &shape.key, &first));
    }
    if let Some(ends) = shape.relationship() {
        add("read-range", read_relationships(shape, ends, By::Range));
        add("read-keys", read_relationships(shape, ends, By::List));
        add("read-range-keys", read_relationship_keys(shape));
        add("delete-strays", strays::delete(shape));
        if ends.placeholder.is_some() {
            add("delete", delete_links(shape, ends, &first));
            add("collect-placeholders", collect_placeholders(ends));
        } else {
            add("delete", delete_relationships(shape, &first));
        }
        for names in created_together(shape) {
            add("create", create_relationships(shape, ends, names));
        }
        add("rekey", rekey_relationships(shape, &first));
        add("update", update_relationships(shape, &first));
    }
    out
}
