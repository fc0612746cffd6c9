//! Every Cypher statement that depends on the mapping, built here and nowhere else.
//!
//! Names are quoted with backticks, values are parameters. Each reading statement returns one list
//! a row, named `row`. Where something is found by its key, [`seek`] says so to the planner.
//! `coalesce(r.key) IS NOT NULL` is `r.key IS NOT NULL` that no index answers: with
//! the plain form the planner may leave the node that it has and scan the key's index. Costs of each form in db hits: `docs/decisions/cypher-forms.md`.

pub mod foreign;
pub mod lineage;
pub mod strays;

use crate::mapping::Shape;
use crate::mapping::names::quote_cypher as q;
use crate::mapping::shape::{End, LinksOn, NodeShape, RelationshipShape};

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

/// Nodes of a table: key, names among `$names`, identity, whether the placeholder label is on it,
/// then the properties of the shape.
pub fn read_nodes(shape: &Shape, node: &NodeShape, by: By) -> String {
    let properties: String = shape.properties.iter().map(|p| format!(", n.{}", q(p))).collect();
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

/// Nodes of a table: key, names among `$names` and identity of a range of keys.
pub fn read_node_identities(shape: &Shape, node: &NodeShape) -> String {
    format!(
        "{}\nRETURN [n.{}, [l IN labels(n) WHERE l IN $names], n.{}] AS row",
        find_node(shape, node, By::Range),
        q(&shape.key),
        q(&node.identity),
    )
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

/// Relationships of a table, over all types that it has or had: key, type, both ends (by row key or
/// identity; NULL where the end is not what the table's relationships stand on), then the
/// properties. One key may come more than once: the constraint is per type.
pub fn read_relationships(shape: &Shape, ends: &RelationshipShape, by: By) -> String {
    let properties: String = shape.properties.iter().map(|p| format!(", r.{}", q(p))).collect();
    let key = stored("r", &shape.key);
    union(shape, by, |_| {
        format!(
            "RETURN [{key}, type(r), {}, {}{properties}] AS row",
            end_value("a", &ends.from),
            end_value("b", &ends.to)
        )
    })
}

/// Keys and types of the relationships of a table in a range of keys.
pub fn read_relationship_keys(shape: &Shape) -> String {
    union(shape, By::Range, |key| format!("RETURN [r.{key}, type(r)] AS row"))
}

/// Nodes or relationships by key (`$keys`), as people look at them in the Browser. For pasting;
/// provsync does not send it.
pub fn look(shape: &Shape) -> String {
    match shape.node() {
        Some(node) => format!("{}\nRETURN n", find_node(shape, node, By::List)),
        None => union(shape, By::List, |_| "RETURN a, r, b".to_owned()),
    }
}

/// Placeholders that no link needs, as people look at them.
pub fn look_orphans(node: &NodeShape, key: &str) -> String {
    format!("{}\nRETURN p", orphans(node, key))
}

/// Counts that the count store answers.
pub fn counts(shape: &Shape) -> Vec<String> {
    if let Some(node) = shape.node() {
        return vec![format!("MATCH (n:{}) RETURN [count(n)] AS row", q(&node.label))];
    }
    let count = |name: &String| format!("MATCH ()-[r:{}]->() RETURN [count(r)] AS row", q(name));
    shape.names.iter().map(count).collect()
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
/// lost the table's label, and nodes of the table with a key that is no row's.
pub fn adopt(shape: &Shape, node: &NodeShape, name: &str) -> String {
    format!(
        "UNWIND $rows AS row
MATCH {node}
WHERE (n:{placeholder} AND n.{key} IS NULL) OR (n.{key} = row.k AND NOT n:{label}) OR (n:{label} AND NOT n.{key} IS :: INTEGER)
SET n.{key} = row.k, n:{label}, n += row.p
REMOVE n:{placeholder}
RETURN count(*) AS written",
        node = node_of("n", name, &node.identity, "row.i"),
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

/// See [`rekey_nodes`]; of relationships of one type.
pub fn rekey_relationships(shape: &Shape, name: &str) -> String {
    format!(
        "UNWIND $keys AS k\nMATCH {}\nSET r.{} = k\nRETURN count(*) AS written",
        relationship_of(["", ""], name, &shape.key, "k"),
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
/// identities that are free now, spelled as [`super::quarantine::token`] does; `$names` are the
/// table's type labels.
pub fn leave(shape: &Shape, node: &NodeShape, by: By) -> String {
    let keep = node
        .links
        .iter()
        .map(|links| {
            format!(
                "(n:{} AND EXISTS {{ (n)-[g:{}]-() WHERE coalesce(g.{}) IS NOT NULL }})",
                q(&links.label),
                q(&links.relationship),
                q(&links.key)
            )
        })
        .collect::<Vec<_>>()
        .join(" OR ");
    format!(
        "{find}
CALL (n) {{ {edges} }}
WITH n, edges, {keep} AS keep
WITH n, edges, keep, CASE WHEN keep THEN 0 ELSE COUNT {{ (n)--() }} END AS others,
  [l IN labels(n) WHERE l IN $names | l + '=' + toStringOrNull(n.{identity})] AS freed
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
        keep = if keep.is_empty() { "false" } else { &keep },
    )
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

fn or(names: &[String]) -> String {
    names.iter().map(|n| q(n)).collect::<Vec<_>>().join("|")
}

/// Deletes relationships of one type by key.
pub fn delete_relationships(shape: &Shape, name: &str) -> String {
    format!(
        "UNWIND $keys AS k\nMATCH {}\nDELETE r\nRETURN count(*) AS written",
        relationship_of(["", ""], name, &shape.key, "k"),
    )
}

/// Deletes links by key; also returns the identities at their ends that are placeholders, which may
/// be needed no more.
pub fn delete_links(shape: &Shape, ends: &RelationshipShape, name: &str) -> String {
    let placeholder = ends.placeholder.as_deref().unwrap_or_default();
    format!(
        "UNWIND $keys AS k
MATCH {}
DELETE r
WITH a, b
UNWIND [[a, a.{}], [b, b.{}]] AS end
WITH end[0] AS p, end[1] AS identity
RETURN count(*) / 2 AS written, collect(DISTINCT CASE WHEN p:{} THEN identity END) AS identities",
        relationship_of(["a", "b"], name, &shape.key, "k"),
        q(&ends.from.property),
        q(&ends.to.property),
        q(placeholder),
    )
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

/// Sets the properties that differ on relationships of one type.
pub fn update_relationships(shape: &Shape, name: &str) -> String {
    format!(
        "UNWIND $rows AS row\nMATCH {}\nSET r += row.p\nRETURN count(*) AS written",
        relationship_of(["", ""], name, &shape.key, "row.k"),
    )
}

/// Types of a table whose relationships are created by one statement, with or without rows: planning
/// takes some 50 ms a type, and the types that happen to be in a batch would be another text each time.
pub fn created_together(shape: &Shape) -> impl Iterator<Item = &[String]> {
    const TYPES: usize = 8;
    shape.names.chunks(TYPES)
}

/// Creates relationships of several types in one statement: the driver stalls for some 40 ms at every
/// large request within a transaction. `$rows` holds a list for each type that has rows.
///
/// Of an edge table: returns the rows an end of which is missing, and which. Of a link table: makes
/// placeholders for identities that are missing.
pub fn create_relationships(shape: &Shape, ends: &RelationshipShape, names: &[String]) -> String {
    let blocks = names.iter().enumerate().map(|(i, name)| match &ends.placeholder {
        Some(placeholder) => create_links(shape, ends, placeholder, name),
        None => format!("CALL () {{\n{}\n}}", create_edges(shape, ends, name, i)),
    });
    let blocks = blocks.collect::<Vec<_>>().join("\n");
    if ends.placeholder.is_some() {
        return blocks;
    }
    let missing: Vec<String> = (0..names.len()).map(|i| format!("m{i}")).collect();
    format!("{blocks}\nUNWIND {} AS row\nRETURN row", missing.join(" + "))
}

fn create_links(shape: &Shape, ends: &RelationshipShape, placeholder: &str, name: &str) -> String {
    format!(
        "UNWIND $rows.{name} AS row
MERGE (a:{from} {{{from_key}: row.a}}) ON CREATE SET a:{placeholder}
MERGE (b:{to} {{{to_key}: row.b}}) ON CREATE SET b:{placeholder}
MERGE (a)-[r:{name} {{{key}: row.k}}]->(b)
SET r += row.p",
        name = q(name),
        from = q(&ends.from.label),
        from_key = q(&ends.from.property),
        to = q(&ends.to.label),
        to_key = q(&ends.to.property),
        placeholder = q(placeholder),
        key = q(&shape.key),
    )
}

fn create_edges(shape: &Shape, ends: &RelationshipShape, name: &str, block: usize) -> String {
    format!(
        "  UNWIND $rows.{name} AS row
  OPTIONAL MATCH {from}
  OPTIONAL MATCH {to}
  CALL (row, a, b) {{
    WITH row, a, b WHERE a IS NOT NULL AND b IS NOT NULL
    MERGE (a)-[r:{name} {{{key}: row.k}}]->(b)
    SET r += row.p
  }}
  WITH row, a, b WHERE a IS NULL OR b IS NULL
  RETURN collect([row.k, a IS NULL, b IS NULL]) AS m{block}",
        from = node_of("a", &ends.from.label, &ends.from.property, "row.a"),
        to = node_of("b", &ends.to.label, &ends.to.property, "row.b"),
        name = q(name),
        key = q(&shape.key),
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
    if let Some(node) = shape.node() {
        add("read-range", read_nodes(shape, node, By::Range));
        add("read-keys", read_nodes(shape, node, By::List));
        add("read-identities", read_node_identities(shape, node));
        add("leave", leave(shape, node, By::List));
        add("leave-strays", leave(shape, node, By::Id));
        add("enter", enter(shape, node, &first));
        add("owners", owners(shape, node, &first));
        add("adopt", adopt(shape, node, &first));
        add("update", update_nodes(shape, node));
        add("rekey", rekey_nodes(shape, node));
        add("unlabel", unlabel(shape, node, &first));
        add("sweep", sweep(node, &shape.key));
        add("look-orphans", look_orphans(node, &shape.key));
        add("orphans", list_orphans(node, &shape.key));
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
