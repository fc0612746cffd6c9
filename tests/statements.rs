//! The statements that the default mapping gives: as plain files for reviewers, and planned by a
//! real Neo4j with index seeks only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use provsync::mapping::{Mapping, Registry, Shape};
use provsync::neo4j::{cypher, quarantine, schema};
use provsync::sqlserver::statements;

fn mapping() -> (Mapping, Registry) {
    let mapping = Mapping::default_mapping().unwrap();
    let registry = Registry::new(&mapping, &BTreeMap::new());
    (mapping, registry)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with the file, or writes it when `PROVSYNC_TEST_UPDATE_GOLDEN` is set.
fn compare(file: &Path, text: &str) {
    let path = root().join(file);
    if std::env::var_os("PROVSYNC_TEST_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept,
        text,
        "{} differs; PROVSYNC_TEST_UPDATE_GOLDEN=1 writes it anew",
        file.display()
    );
}

#[test]
fn sql_is_what_the_golden_files_say() {
    let (mapping, _) = mapping();
    let preflight = provsync::sqlserver::preflight::all_statements(&mapping);
    for statement in statements::all(&mapping).into_iter().chain(preflight) {
        let file = format!("tests/golden/sql/{}.sql", statement.name);
        compare(Path::new(&file), &format!("{}\n", statement.sql));
    }
}

#[test]
fn cypher_is_what_the_golden_files_say() {
    let (mapping, registry) = mapping();
    for (name, text) in all_cypher(&mapping, &registry) {
        compare(Path::new(&format!("tests/golden/cypher/{name}.cypher")), &format!("{text};\n"));
    }
}

fn all_cypher(mapping: &Mapping, registry: &Registry) -> Vec<(String, String)> {
    let shape = |slot| Shape::new(mapping, registry, slot);
    let shapes: Vec<Shape> = mapping.slots().into_iter().map(shape).collect();
    let edges_on = cypher::all_edges_on(&shapes);
    let walks = cypher::lineage::all(&shapes);
    shapes.iter().flat_map(cypher::all).chain(edges_on).chain(walks).collect()
}

#[test]
fn core_schema_is_the_default_mappings_schema() {
    let (mapping, registry) = mapping();
    compare(Path::new("cypher/CoreSchema.cypher"), &schema::script(&mapping, &registry));
}

/// Statements that look at placeholders alone, by their label.
fn of_placeholders(name: &str) -> bool {
    ["-sweep", "-orphans", "-placeholders"].iter().any(|end| name.ends_with(end))
}

/// Statements that seek no value: what they look for is no key that anything could be sought by, or they
/// count keys.
fn of_strays(name: &str) -> bool {
    ["-all-strays", "-look-strays", "-count"].iter().any(|end| name.ends_with(end))
}

/// Operators that grow with the graph.
fn scans(name: &str, plan: &str) -> Vec<String> {
    let bad = [
        "AllNodesScan",
        "NodeByLabelScan",
        "UnionNodeByLabelsScan",
        "RelationshipTypeScan",
        "AllRelationshipsScan",
        "NodeIndexScan",
        "RelationshipIndexScan",
    ];
    let of = |operator: &str| {
        let is_meant = (of_placeholders(name) && operator == "NodeByLabelScan")
            || (of_strays(name) && operator.ends_with("IndexScan"));
        plan.contains(operator) && !is_meant
    };
    bad.iter().filter(|operator| of(operator)).map(|operator| (*operator).to_owned()).collect()
}

/// Rows of every table, in a few statements.
async fn fill(graph: &support::graph::TestGraph, mapping: &Mapping, registry: &Registry) {
    graph.run("UNWIND range(1, 300) AS i CREATE (:ProvsyncQuarantine {table: 't', key: i})").await;
    let shapes: Vec<Shape> =
        mapping.slots().into_iter().map(|slot| Shape::new(mapping, registry, slot)).collect();
    for shape in &shapes {
        let Some(node) = shape.node() else { continue };
        let (label, key, identity) = (&node.label, &shape.key, &node.identity);
        for name in &shape.names {
            graph
                .run(&format!(
                    "UNWIND range(1, 300) AS i
CREATE (:`{name}` {{{identity}: -i}})
CREATE (n:`{label}`:`{name}` {{{key}: COUNT {{ (:`{label}`) }} + i, {identity}: i}})"
                ))
                .await;
        }
    }
    for shape in &shapes {
        let Some(ends) = shape.relationship() else { continue };
        for name in &shape.names {
            let (from, to) = (&ends.from, &ends.to);
            graph
                .run(&format!(
                    "UNWIND range(1, 300) AS i
MATCH (a:`{}` {{{}: i}}), (b:`{}` {{{}: i % 3 + 1}}) CREATE (a)-[:`{name}` {{`{}`: i}}]->(b)",
                    from.label, from.property, to.label, to.property, shape.key
                ))
                .await;
        }
    }
}

#[tokio::test]
async fn every_statement_is_planned_by_seeks() {
    let graph = support::graph::bare().await;
    let (mapping, registry) = mapping();
    support::run::apply_schema(&graph, &mapping).await;
    graph.run("CALL db.awaitIndexes()").await;
    let mut found = Vec::new();
    // Empty; then with rows that the server's samples of its indexes do not know yet, as in a first
    // load; then with samples.
    for moment in ["empty", "not sampled", "sampled"] {
        match moment {
            "not sampled" => fill(&graph, &mapping, &registry).await,
            "sampled" => {
                graph.run("CALL db.resampleOutdatedIndexes() CALL db.awaitIndexes()").await;
            }
            _ => {}
        }
        let of_quarantine = [quarantine::FIND, quarantine::FIND_RANGE]
            .map(|find| ("quarantine".to_owned(), format!("{find} RETURN q")));
        let lookups = [quarantine::WAKE, quarantine::DUE];
        let lookups = lookups.map(|text| ("quarantine".to_owned(), text.to_owned()));
        for (name, text) in
            all_cypher(&mapping, &registry).into_iter().chain(of_quarantine).chain(lookups)
        {
            let scans = scans(&name, &graph.explain(&text).await);
            if !scans.is_empty() {
                found.push(format!("{moment}: {name}: {scans:?}\n{text}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    // The control: without the constraint the same statement is planned by a scan, and this test sees it.
    graph.run("DROP CONSTRAINT provsync_relationship_DERIVED_FROM_edgeId").await;
    let shape = Shape::new(&mapping, &registry, provsync::mapping::Slot::Edge(0));
    let plan = graph.explain(&cypher::delete_relationships(&shape, "DERIVED_FROM")).await;
    assert_eq!(scans("delete", &plan), ["RelationshipTypeScan"]);
}
