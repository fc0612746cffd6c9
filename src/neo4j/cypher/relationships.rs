//! Relationships that come, change and go.

use super::{node_of, q, relationship_of};
use crate::mapping::Shape;
use crate::mapping::shape::RelationshipShape;

/// See [`super::rekey_nodes`]; of relationships of one type.
pub fn rekey_relationships(shape: &Shape, name: &str) -> String {
    format!(
        "UNWIND $keys AS k\nMATCH {}\nSET r.{} = k\nRETURN count(*) AS written",
        relationship_of(["", ""], name, &shape.key, "k"),
        q(&shape.key)
    )
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

/// A MERGE also finds the float of the same number, which no reader takes for the identity: it becomes the
/// integer. `head` reads the node and not the index, which gives back what was sought.
fn create_links(shape: &Shape, ends: &RelationshipShape, placeholder: &str, name: &str) -> String {
    format!(
        "UNWIND $rows.{name} AS row
MERGE (a:{from} {{{from_key}: row.a}}) ON CREATE SET a:{placeholder}
MERGE (b:{to} {{{to_key}: row.b}}) ON CREATE SET b:{placeholder}
FOREACH (_ IN CASE WHEN head([a]).{from_key} IS :: FLOAT NOT NULL THEN [1] END | SET a.{from_key} = row.a)
FOREACH (_ IN CASE WHEN head([b]).{to_key} IS :: FLOAT NOT NULL THEN [1] END | SET b.{to_key} = row.b)
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
