//! The statements that the default mapping gives: as plain files for reviewers, and planned by a
//! real Neo4j with index seeks only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use provsync::mapping::{Mapping, Registry, Shape};
use provsync::neo4j::{cypher, schema};
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
    name.ends_with("-sweep") || name.ends_with("-orphans")
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
        plan.contains(operator) && !(of_placeholders(name) && operator == "NodeByLabelScan")
    };
    bad.iter().filter(|operator| of(operator)).map(|operator| (*operator).to_owned()).collect()
}

#[tokio::test]
async fn every_statement_is_planned_by_seeks() {
    let graph = support::graph::empty().await;
    let (mapping, registry) = mapping();
    let neo4j = provsync::neo4j::Graph::connect(&graph.config).await.unwrap();
    schema::apply(&neo4j, &schema::constraints(&mapping, &registry)).await.unwrap();
    assert!(
        schema::missing(&neo4j, &schema::constraints(&mapping, &registry))
            .await
            .unwrap()
            .is_empty()
    );
    graph.run("CALL db.awaitIndexes()").await;
    for (name, text) in all_cypher(&mapping, &registry) {
        let plan = graph.explain(&text).await;
        assert_eq!(scans(&name, &plan), Vec::<String>::new(), "{name}\n{text}\n{plan}");
    }
    // The control: without the constraint the same statement is planned by a scan, and this test sees it.
    graph.run("DROP CONSTRAINT provsync_relationship_DERIVED_FROM_edgeId").await;
    let shape = Shape::new(&mapping, &registry, provsync::mapping::Slot::Edge(0));
    let plan = graph.explain(&cypher::delete_relationships(&shape, "DERIVED_FROM")).await;
    assert_eq!(scans("delete", &plan), ["RelationshipTypeScan"]);
}
