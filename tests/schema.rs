//! `provsync schema apply`, `full` and the worker where others' constraints, indexes or data are in the way. Statements that
//! a message prints are run as they are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use provsync::mapping::{Mapping, Registry};
use provsync::neo4j::{Graph, schema};
use support::graph::TestGraph;
use support::program;
use support::run::{apply_schema, full};
use support::source::{self, TestSource};

/// Runs provsync against the graph alone; what it prints, with exit code.
async fn provsync(arguments: &'static [&'static str]) -> (Option<i32>, String) {
    let mut command = program::bare(arguments);
    command.envs(program::of_graph());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// The statements of a message: its lines that end as statements do.
fn statements(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| line.ends_with(';'));
    lines.map(String::from).collect()
}

async fn run_printed(graph: &TestGraph, text: &str) -> usize {
    let statements = statements(text);
    for statement in &statements {
        graph.run(statement).await;
    }
    statements.len()
}

/// Constraints by name: kind, label or type, properties.
async fn constraints(graph: &TestGraph) -> Vec<String> {
    graph.column("SHOW CONSTRAINTS YIELD * RETURN name + ' ' + type + ' ' + labelsOrTypes[0] + ' ' + properties[0] AS row ORDER BY name").await
}

async fn put_in_the_way(graph: &TestGraph) {
    for statement in [
        "CREATE CONSTRAINT provsync_node_Atom_atomId FOR (n:Person) REQUIRE n.email IS UNIQUE",
        "CREATE INDEX provsync_relationship_GENERATED_streamId FOR (n:Person) ON (n.name)",
        "CREATE INDEX `of an ``analyst``` FOR (n:Model) ON (n.atomId)",
    ] {
        graph.run(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_names_all_that_is_in_the_way_and_its_statements_remove_it() {
    let graph = support::graph::bare().await;
    put_in_the_way(&graph).await;
    let (code, said) = provsync(&["schema", "apply"]).await;
    assert_ne!(code, Some(0), "{said}");
    for part in [
        "provsync_node_Atom_atomId (unique atomId of Atom nodes): the constraint provsync_node_Atom_atomId (UNIQUENESS on Person nodes, email) already has the name",
        "the index provsync_relationship_GENERATED_streamId (RANGE on Person nodes, name) already has the name",
        "the index of an `analyst` (RANGE on Model nodes, atomId) is in the way",
        "`provsync schema apply`",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(constraints(&graph).await, ["provsync_node_Atom_atomId UNIQUENESS Person email"]);

    assert_eq!(run_printed(&graph, &said).await, 3, "{said}");
    let (code, said) = provsync(&["schema", "apply"]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "constraints and indexes: 17 created, 0 already present\n")
    );
    let made = constraints(&graph).await;
    assert_eq!(made.len(), 13);
    for right in [
        "provsync_node_Atom_atomId UNIQUENESS Atom atomId",
        "provsync_node_Model_atomId UNIQUENESS Model atomId",
        "provsync_relationship_GENERATED_streamId RELATIONSHIP_UNIQUENESS GENERATED streamId",
    ] {
        assert!(made.iter().any(|m| m == right), "{right}: {made:?}");
    }
    let (code, said) = provsync(&["schema", "apply"]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "constraints and indexes: 0 created, 17 already present\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_check_and_doctor_print_makes_the_schema() {
    let graph = support::graph::bare().await;
    put_in_the_way(&graph).await;
    let source = source::shipped().await;
    let (code, said) = provsync(&["schema", "check"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(
        run_printed(&graph, &said).await,
        20,
        "three to drop; thirteen constraints and four indexes to make\n{said}"
    );
    assert_eq!(
        provsync(&["schema", "check"]).await,
        (Some(0), "constraints and indexes: all 17 are present\n".into())
    );

    graph.run("DROP CONSTRAINT provsync_node_Atom_atomId").await;
    graph.run("CREATE INDEX in_the_way FOR (n:Atom) ON (n.atomId)").await;
    let mut doctor = program::provsync(&["doctor", "--output", "json"], &source);
    let output = tokio::task::spawn_blocking(move || doctor.output().unwrap()).await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["graph"]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == "constraint").unwrap();
    assert_eq!(
        finding["found"],
        "the index in_the_way (RANGE on Atom nodes, atomId) is in the way of the constraint"
    );
    let fix = finding["fix"].as_str().unwrap();
    let statement = fix.strip_prefix("in Neo4j run ").unwrap().split_inclusive(';').next().unwrap();
    assert!(fix.ends_with("and then provsync schema apply"), "{fix}");
    graph.run(statement).await;
    assert_eq!(provsync(&["schema", "apply"]).await.0, Some(0));
}

/// A source with a row of a type that the mapping does not list.
async fn new_type() -> TestSource {
    let source = source::loose().await;
    source.execute("INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (1, N'atom'), (2, N'tensor')").await;
    source
}

const TENSORS: &str = "MATCH (n:Tensor) WHERE n.nodeId IS NOT NULL RETURN count(n) AS row";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_under_a_new_type_whose_constraint_is_not_there() {
    let (graph, source) = (support::graph::empty().await, new_type().await);
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    graph.run("CREATE CONSTRAINT provsync_node_Tensor_atomId FOR (n:Person) REQUIRE n.email IS UNIQUE").await;
    let error = full(&source, &graph).await.unwrap_err().to_string();
    assert!(
        error.contains(
            "the constraint provsync_node_Tensor_atomId (UNIQUENESS on Person nodes, email)"
        ),
        "{error}"
    );
    assert_eq!(graph.number(TENSORS).await, 0);
    assert_eq!(run_printed(&graph, &error).await, 1, "{error}");
    full(&source, &graph).await.unwrap();
    assert_eq!(graph.number(TENSORS).await, 1);
    let made = constraints(&graph).await;
    assert!(
        made.contains(&"provsync_node_Tensor_atomId UNIQUENESS Tensor atomId".into()),
        "{made:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_break_a_constraint_are_listed_by_the_query_that_the_error_prints() {
    let (graph, source) = (support::graph::empty().await, new_type().await);
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    graph.run("UNWIND [7, 7, 8] AS id CREATE (:Tensor {atomId: id, secret: 'hidden'})").await;
    let error = full(&source, &graph).await.unwrap_err().to_string();
    assert!(error.contains("several nodes of Tensor have the same atomId"), "{error}");
    assert!(!error.contains('7') && !error.contains("hidden"), "no row's content: {error}");
    let query = statements(&error).pop().unwrap();
    let listed =
        format!("{} RETURN [atomId, size(ids)] AS row", query.split(" RETURN ").next().unwrap());
    assert_eq!(graph.column(&listed).await, ["[7, 2]"]);
    graph.run(&query).await;
    assert_eq!(graph.number(TENSORS).await, 0);
    graph.run("MATCH (n:Tensor {atomId: 7}) WITH n LIMIT 1 DELETE n").await;
    full(&source, &graph).await.unwrap();
    assert_eq!(graph.number(TENSORS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_make_the_schema_at_once_and_one_who_drops_end_with_all_of_it() {
    let graph = support::graph::bare().await;
    let mapping = Mapping::default_mapping().unwrap();
    let required = schema::required(&mapping, &Registry::new(&mapping, &BTreeMap::new()));
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let patience = Duration::from_secs(30);
    let ensure = || schema::ensure(&neo4j, &required, patience);
    let drops = async {
        for _ in 0..20 {
            graph.run("DROP CONSTRAINT provsync_node_Atom_atomId IF EXISTS").await;
        }
    };
    let (one, two, ()) = tokio::join!(ensure(), ensure(), drops);
    let checked = ensure().await.unwrap();
    for outcome in [one, two] {
        match outcome {
            Ok(made) => assert!(made.made() <= 17),
            Err(error) => assert!(
                error.to_string().contains("gone each time") || error.is_retryable(),
                "{error}"
            ),
        }
    }
    assert!(checked.made() <= 1);
    assert_eq!(constraints(&graph).await.len(), 13);
    let index = schema::SchemaItem::node_index("ProvsyncQuarantine", &["waitsFor"]);
    assert_eq!(
        schema::ensure(&neo4j, std::slice::from_ref(&index), patience).await.unwrap().made(),
        1
    );
    assert_eq!(schema::ensure(&neo4j, &[index], patience).await.unwrap().made(), 0);
    schema::drop_all(&neo4j).await.unwrap();
    assert_eq!(
        graph.number("SHOW INDEXES YIELD type WHERE type <> 'LOOKUP' RETURN count(*) AS row").await,
        0
    );
}
