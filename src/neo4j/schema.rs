//! Constraints: what `cypher/CoreSchema.cypher` says, made from the mapping, applied and checked.
//!
//! Each uniqueness constraint brings the index that every statement of [`super::cypher`] seeks by.
//! Without it they would still run, as scans that grow with the graph, and could create doubles.

use std::collections::BTreeSet;

use neo4rs::BoltType;

use super::{Graph, Statement, list, values};
use crate::error::{Kind, Result};
use crate::mapping::names::quote_cypher as q;
use crate::mapping::{Mapping, Registry, Shape};

/// A uniqueness constraint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constraint {
    /// Its name in the database, `provsync_…`: what `purge` removes.
    pub name: String,
    /// Whether it is on relationships.
    pub on_relationships: bool,
    /// Label or relationship type.
    pub of: String,
    /// Properties.
    pub properties: Vec<String>,
}

impl Constraint {
    fn new(on_relationships: bool, of: &str, properties: &[&str]) -> Self {
        let kind = if on_relationships { "relationship" } else { "node" };
        let name = format!("provsync_{kind}_{of}_{}", properties.join("_"));
        let properties = properties.iter().map(|p| (*p).to_owned()).collect();
        Self { name, on_relationships, of: of.to_owned(), properties }
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
        format!(
            "CREATE CONSTRAINT {} IF NOT EXISTS FOR {pattern} REQUIRE ({}) IS UNIQUE",
            q(&self.name),
            properties.join(", ")
        )
    }
}

/// Every constraint that the mapping and the types in force need.
pub fn constraints(mapping: &Mapping, registry: &Registry) -> Vec<Constraint> {
    let mut all = vec![
        Constraint::new(false, "ProvsyncCheckpoint", &["source"]),
        Constraint::new(false, "ProvsyncCheckpoint", &["only"]),
        Constraint::new(false, "ProvsyncQuarantine", &["table", "key"]),
    ];
    for slot in mapping.slots() {
        let shape = Shape::new(mapping, registry, slot);
        if let Some(node) = shape.node() {
            all.push(Constraint::new(false, &node.label, &[&shape.key]));
            all.extend(shape.names.iter().map(|n| Constraint::new(false, n, &[&node.identity])));
        } else {
            all.extend(shape.names.iter().map(|n| Constraint::new(true, n, &[&shape.key])));
        }
    }
    all
}

/// The schema as a script, re-runnable.
pub fn script(mapping: &Mapping, registry: &Registry) -> String {
    let lines: Vec<String> =
        constraints(mapping, registry).iter().map(|c| format!("{};\n", c.create())).collect();
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

/// The constraints that the graph lacks.
pub async fn missing(graph: &Graph, wanted: &[Constraint]) -> Result<Vec<Constraint>> {
    // A node or relationship key (Enterprise) is unique too. A uniqueness constraint on fewer
    // properties would be enough for ours as well, but the seeks are planned by exactly these.
    let present = read(graph, "type IN ['UNIQUENESS', 'RELATIONSHIP_UNIQUENESS', 'NODE_PROPERTY_UNIQUENESS', 'RELATIONSHIP_PROPERTY_UNIQUENESS', 'NODE_KEY', 'RELATIONSHIP_KEY']").await?;
    let what = |c: &Constraint| (c.on_relationships, c.of.clone(), c.properties.clone());
    let present: BTreeSet<_> = present.iter().map(what).collect();
    Ok(wanted.iter().filter(|c| !present.contains(&what(c))).cloned().collect())
}

/// Constraints for which a condition of SHOW CONSTRAINTS holds, whoever made them.
async fn read(graph: &Graph, condition: &str) -> Result<Vec<Constraint>> {
    let statement = Statement::new(format!(
        "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties WHERE {condition}
RETURN [name, entityType = 'RELATIONSHIP', labelsOrTypes[0], properties] AS row"
    ));
    let mut found = Vec::new();
    graph
        .read(statement, |row| {
            let cells = list(&row)?;
            if let [name, on_relationships, of, BoltType::List(properties)] = cells.as_slice() {
                let text = |bolt| values::text(bolt).unwrap_or_default().to_owned();
                found.push(Constraint {
                    name: text(name),
                    on_relationships: values::boolean(on_relationships),
                    of: text(of),
                    properties: properties.value.iter().map(text).collect(),
                });
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

const REFUSED_HINT: &str = "the data breaks it already, or an index of another kind stands on the same property: DROP that index or clean the data";

/// Makes the constraints that are missing; returns how many.
pub async fn apply(graph: &Graph, wanted: &[Constraint]) -> Result<usize> {
    let missing = missing(graph, wanted).await?;
    for constraint in &missing {
        graph.run_alone(Statement::new(constraint.create())).await.map_err(|e| {
            let refused = e.kind == Kind::Refused;
            let error = e.during(&format!("constraint {} on {}", constraint.name, constraint.of));
            if refused { error.hint(REFUSED_HINT) } else { error }
        })?;
    }
    Ok(missing.len())
}

/// The constraints that [`apply`] made, now or ever: those with its names.
pub async fn made(graph: &Graph) -> Result<Vec<Constraint>> {
    read(graph, "name STARTS WITH 'provsync_'").await
}

/// Drops every constraint that [`apply`] made.
pub async fn drop_all(graph: &Graph) -> Result<usize> {
    let made = made(graph).await?;
    for Constraint { name, .. } in &made {
        graph.run_alone(Statement::new(format!("DROP CONSTRAINT {} IF EXISTS", q(name)))).await?;
    }
    Ok(made.len())
}
