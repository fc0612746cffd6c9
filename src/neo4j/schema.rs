//! The graph's schema: what `cypher/CoreSchema.cypher` says, made from the mapping, applied and checked.
//!
//! Each uniqueness constraint brings the index that every statement of [`super::cypher`] seeks by.
//! Without it they would still run, as scans that grow with the graph, and could create doubles.
//! `CREATE … IF NOT EXISTS` reports success where another constraint or index has the name, so what
//! counts is only what the database lists afterwards ([`ensure()`]).

mod ensure;
mod existing;

use std::collections::BTreeSet;

pub use ensure::{Checked, Constrained, SchemaStore, ensure};
pub use existing::{Existing, IndexState, Standing, read, standing};

use super::{Graph, Statement, quarantine};
use crate::error::Result;
use crate::mapping::names::quote_cypher as q;
use crate::mapping::{Mapping, Registry, Shape};

/// What names of provsync's constraints and indexes begin with.
const PREFIX: &str = "provsync_";

/// What a schema item guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// The properties are unique, and there is an index on them.
    Unique,
    /// There is a range index on the properties.
    Index,
}

/// A constraint or an index that provsync needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaItem {
    /// What it guarantees.
    pub kind: ItemKind,
    /// Its name in the database, `provsync_…`: what `purge` removes.
    pub name: String,
    /// Whether it is on relationships.
    pub on_relationships: bool,
    /// Label or relationship type.
    pub of: String,
    /// Properties, in the order of the index.
    pub properties: Vec<String>,
}

impl SchemaItem {
    fn new(kind: ItemKind, on_relationships: bool, of: &str, properties: &[&str]) -> Self {
        let entity = if on_relationships { "relationship" } else { "node" };
        let infix = if kind == ItemKind::Index { "index_" } else { "" };
        let name = format!("{PREFIX}{infix}{entity}_{of}_{}", properties.join("_"));
        let properties = properties.iter().map(|p| (*p).to_owned()).collect();
        Self { kind, name, on_relationships, of: of.to_owned(), properties }
    }

    /// A uniqueness constraint on nodes.
    pub fn unique_node(label: &str, properties: &[&str]) -> Self {
        Self::new(ItemKind::Unique, false, label, properties)
    }

    /// A uniqueness constraint on relationships.
    pub fn unique_relationship(name: &str, properties: &[&str]) -> Self {
        Self::new(ItemKind::Unique, true, name, properties)
    }

    /// A range index on nodes.
    pub fn node_index(label: &str, properties: &[&str]) -> Self {
        Self::new(ItemKind::Index, false, label, properties)
    }

    /// The statement that makes it, if it is not there.
    pub fn create(&self) -> String {
        let (variable, pattern) = if self.on_relationships {
            ("r", format!("()-[r:{}]-()", q(&self.of)))
        } else {
            ("n", format!("(n:{})", q(&self.of)))
        };
        let properties: Vec<String> =
            self.properties.iter().map(|p| format!("{variable}.{}", q(p))).collect();
        let (name, properties) = (q(&self.name), properties.join(", "));
        match self.kind {
            ItemKind::Unique => format!(
                "CREATE CONSTRAINT {name} IF NOT EXISTS FOR {pattern} REQUIRE ({properties}) IS UNIQUE"
            ),
            ItemKind::Index => {
                format!("CREATE RANGE INDEX {name} IF NOT EXISTS FOR {pattern} ON ({properties})")
            }
        }
    }

    /// The query that lists what keeps a constraint from being made: values that several nodes or
    /// relationships have, with their ids.
    pub fn doubles(&self) -> String {
        let (variable, pattern) = if self.on_relationships {
            ("r", format!("()-[r:{}]->()", q(&self.of)))
        } else {
            ("n", format!("(n:{})", q(&self.of)))
        };
        let each = |render: &dyn Fn(&str) -> String, between: &str| {
            self.properties.iter().map(|p| render(&q(p))).collect::<Vec<_>>().join(between)
        };
        let present = each(&|p| format!("{variable}.{p} IS NOT NULL"), " AND ");
        let values = each(&|p| format!("{variable}.{p} AS {p}"), ", ");
        let names = each(&|p| p.to_owned(), ", ");
        format!(
            "MATCH {pattern} WHERE {present} WITH {values}, collect(elementId({variable})) AS ids WHERE size(ids) > 1 RETURN {names}, ids"
        )
    }

    /// For people: `unique atomId of Atom nodes`.
    pub fn describe(&self) -> String {
        let what = match self.kind {
            ItemKind::Unique => "unique",
            ItemKind::Index => "index on",
        };
        let entity = if self.on_relationships { "relationships" } else { "nodes" };
        format!("{what} {} of {} {entity}", self.properties.join(", "), self.of)
    }
}

/// Everything that the mapping and the types in force need.
pub fn required(mapping: &Mapping, registry: &Registry) -> Vec<SchemaItem> {
    let mut all = vec![
        SchemaItem::unique_node("ProvsyncCheckpoint", &["source"]),
        SchemaItem::unique_node("ProvsyncCheckpoint", &["only"]),
        SchemaItem::unique_node("ProvsyncQuarantine", &["table", "key"]),
    ];
    let index = |property| SchemaItem::node_index("ProvsyncQuarantine", &[property]);
    all.extend(quarantine::INDEXED.map(index));
    all.extend(
        mapping.slots().into_iter().flat_map(|slot| of_table(&Shape::new(mapping, registry, slot))),
    );
    with_distinct_names(all)
}

/// What the things of one table need.
pub fn of_table(shape: &Shape) -> Vec<SchemaItem> {
    if let Some(node) = shape.node() {
        let key = SchemaItem::unique_node(&node.label, &[&shape.key]);
        let identity = |n: &String| SchemaItem::unique_node(n, &[&node.identity]);
        std::iter::once(key).chain(shape.names.iter().map(identity)).collect()
    } else {
        let key = |n: &String| SchemaItem::unique_relationship(n, &[&shape.key]);
        shape.names.iter().map(key).collect()
    }
}

/// Label and properties are joined to a name, which two items could share: `A_b` with `c`, and `A`
/// with `b_c`. The second would never be made.
fn with_distinct_names(mut all: Vec<SchemaItem>) -> Vec<SchemaItem> {
    let mut taken = BTreeSet::new();
    for item in &mut all {
        while !taken.insert(item.name.clone()) {
            item.name.push('_');
        }
    }
    all
}

/// The schema as a script, re-runnable.
pub fn script(mapping: &Mapping, registry: &Registry) -> String {
    let lines: Vec<String> =
        required(mapping, registry).iter().map(|item| format!("{};\n", item.create())).collect();
    format!("{SCRIPT_HEAD}{}", lines.concat())
}

const SCRIPT_HEAD: &str = "\
// The graph's schema for the default mapping; re-runnable. `provsync schema apply` runs it,
// `provsync schema check` compares, `provsync schema print` prints it for the mapping in use.
// Needs Neo4j 5.23 or later. Each constraint brings the index that provsync seeks by.
//
// (:Atom|Embedding|Model|Layer:AtomGraphNode {atomId, nodeId, nodeType, metadata, createdAt})
// (:Atom:AtomPlaceholder {atomId})                 an atom that only a generation stream names
// -[:DERIVED_FROM|COMPONENT_OF|SIMILAR_TO|GENERATED_BY {edgeId, relationshipType, weight, metadata, createdAt}]->
// -[:GENERATED {streamId, generationType, modelUsed, parameters, metadata, createdAt}]->
// (:ProvsyncCheckpoint {source, version, consistent, updatedAt, …})   what the graph stands at
// (:ProvsyncQuarantine {table, key, reason, …})    a row that can't be represented, and why

";

/// Drops every constraint and index that provsync made: those with its names.
pub async fn drop_all(graph: &Graph) -> Result<usize> {
    let existing = read(graph).await?;
    let made: Vec<&Existing> = existing.iter().filter(|e| e.is_named_by_provsync()).collect();
    for item in &made {
        graph.run_alone(Statement::new(item.drop())).await?;
    }
    Ok(made.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_would_share_a_name_get_names_of_their_own() {
        let (one, two) =
            (SchemaItem::unique_node("A_b", &["c"]), SchemaItem::unique_node("A", &["b_c"]));
        assert_eq!(one.name, two.name);
        let all = with_distinct_names(vec![one.clone(), two]);
        assert_eq!(all[0], one);
        assert_ne!(all[0].name, all[1].name);
    }
}
