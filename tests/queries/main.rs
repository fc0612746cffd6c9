//! The analysts' queries of `cypher/queries`: planned from an index, and answered on the sample as a
//! search over the source's rows answers them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod file;
mod rows;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use file::Query;
use support::graph::TestGraph;
use support::run::full;
use support::source;
use support::{Random, seed};

#[test]
fn each_file_says_its_question_and_its_parameters() {
    for query in Query::all() {
        let name = &query.name;
        assert!(query.question.ends_with('?'), "{name}: {}", query.question);
        let used = Query::parameters(&query.cypher);
        let (params, notes): (Vec<_>, Vec<_>) =
            query.notes.lines().partition(|line| line.starts_with(":param "));
        assert_eq!(Query::parameters(&notes.join("\n")), used, "{name}: the parameters it says");
        let given = params.first().copied().unwrap_or_default();
        for parameter in &used {
            assert!(
                given.contains(&format!("{parameter}: ")),
                "{name}: {parameter} has no example"
            );
        }
        assert!(params.len() == usize::from(!used.is_empty()), "{name}: one line sets them all");
    }
}

#[test]
fn the_docs_list_each_query_with_its_question() {
    let docs = std::fs::read_to_string(source::file("docs/analysts.md")).unwrap();
    let listed = docs.lines().filter(|line| line.contains(".cypher) |")).count();
    let queries = Query::all();
    assert_eq!(listed, queries.len());
    for query in queries {
        let Query { name, question, .. } = query;
        let row = format!("| {question} | [{name}](../cypher/queries/{name}.cypher) |");
        assert!(docs.contains(&row), "docs/analysts.md lacks: {row}");
    }
}

/// Operators whose work grows with the graph.
const SCANS: [&str; 7] = [
    "AllNodesScan",
    "NodeByLabelScan",
    "NodeIndexScan",
    "RelationshipTypeScan",
    "RelationshipIndexScan",
    "AllRelationshipsScan",
    "UnionNodeByLabelsScan",
];
const SEEKS: [&str; 2] = ["NodeUniqueIndexSeek", "NodeIndexSeek"];
/// Each node is visited once, or the search ends with the shortest paths found.
const BOUNDED: [&str; 2] = ["VarLengthExpand(Pruning,BFS", "StatefulShortestPath"];

#[tokio::test]
async fn each_query_starts_from_an_index_and_visits_each_node_once() {
    let graph = sample().await.0;
    graph.run("CALL db.awaitIndexes()").await;
    // What was planned for an earlier graph, an empty one perhaps, says nothing of this one.
    graph.run("CALL db.prepareForReplanning()").await;
    graph.run("CALL db.clearQueryCaches()").await;
    let mut walks = 0;
    for query in Query::all() {
        let plan = graph.explain(&query.cypher).await;
        let has = |operators: &[&str]| operators.iter().any(|operator| plan.contains(operator));
        let (name, whole) = (&query.name, query.looks_at_the_whole_graph());
        assert_eq!(has(&SCANS), whole, "{name}: a scan, if it is of the whole graph\n{plan}");
        assert_eq!(has(&SEEKS), !whole, "{name}: an index seek, if it is not\n{plan}");
        if [":GENERATED*", ":DERIVED_FROM*", "{1,32}"]
            .iter()
            .any(|walk| query.cypher.contains(walk))
        {
            let of_all_paths = plan.contains("VarLengthExpand(All)") || plan.contains("(Into)\"");
            assert!(has(&BOUNDED) && !of_all_paths, "{name}: paths would explode\n{plan}");
            walks += 1;
        }
    }
    assert!(walks >= 9, "only {walks} walks were seen");
    // The control: a walk that wants all paths is seen.
    let all = "MATCH p = (:Atom {atomId: $a})-[:DERIVED_FROM*1..32]->(b) RETURN p";
    let plan = graph.explain(all).await;
    assert!(plan.contains("VarLengthExpand(All)"), "{plan}");
}

/// The sample, with what it lacks: a cycle of three and one of one, an atom that only a stream names,
/// and a second row of one identity with an edge.
async fn sample() -> (TestGraph, source::TestSource) {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    source
        .execute(
            "SET QUOTED_IDENTIFIER ON; SET IDENTITY_INSERT dbo.Atoms ON;
INSERT INTO dbo.Atoms (AtomId, Modality, ContentHash)
SELECT v.AtomId, N'text', HASHBYTES('SHA2_256', v.Name)
FROM (VALUES (61, N'a'), (62, N'b'), (63, N'c'), (64, N'd'), (65, N'e')) AS v (AtomId, Name);
SET IDENTITY_INSERT dbo.Atoms OFF;
SET IDENTITY_INSERT graph.AtomGraphNodes ON;
INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType)
VALUES (161, 61, N'atom'), (162, 62, N'atom'), (163, 63, N'atom'), (164, 64, N'atom'), (170, 1, N'atom');
SET IDENTITY_INSERT graph.AtomGraphNodes OFF;
SET IDENTITY_INSERT graph.AtomGraphEdges ON;
INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType)
SELECT f.$node_id, t.$node_id, v.EdgeId, N'DerivedFrom'
FROM (VALUES (1201, 161, 162), (1202, 162, 163), (1203, 163, 161), (1204, 164, 164), (1205, 170, 102)) AS v (EdgeId, FromKey, ToKey)
JOIN graph.AtomGraphNodes AS f ON f.NodeId = v.FromKey JOIN graph.AtomGraphNodes AS t ON t.NodeId = v.ToKey;
SET IDENTITY_INSERT graph.AtomGraphEdges OFF;
SET IDENTITY_INSERT provenance.GenerationStreams ON;
INSERT INTO provenance.GenerationStreams (StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed)
VALUES (2101, 65, 1, N'text', NULL);
SET IDENTITY_INSERT provenance.GenerationStreams OFF;",
        )
        .await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

#[tokio::test]
async fn answers_on_the_sample_are_those_of_a_search_over_the_rows() {
    let (graph, source) = sample().await;
    answers::check(&graph, &source).await;
}

/// A ladder of diamonds: two to the 30th paths from its top to its foot, over 60 nodes.
#[tokio::test]
async fn walks_end_where_paths_explode() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&ladder(30).sql()).await;
    full(&source, &graph).await.unwrap();
    let walks = async {
        answers::walks(&graph, &rows::Rows::read(&source).await, &[1, 31, 60]).await;
    };
    tokio::time::timeout(Duration::from_secs(60), walks).await.expect("each visits a node once");
}

fn ladder(rungs: i64) -> support::scenario::Scenario {
    use support::scenario::{Edge, Node, Scenario};
    let mut scenario = Scenario::default();
    for key in 1..=2 * rungs {
        scenario.nodes.push(Node { key, atom: key, kind: "atom" });
    }
    for rung in 0..rungs - 1 {
        for (from, to) in [(1, 3), (1, 4), (2, 3), (2, 4)] {
            let key = i64::try_from(scenario.edges.len()).unwrap() + 1;
            let (from, to) = (2 * rung + from, 2 * rung + to);
            scenario.edges.push(Edge { key, from, to, kind: "DerivedFrom" });
        }
    }
    scenario
}

/// Cycles, self loops, parallel edges, atoms without rows.
#[tokio::test]
async fn answers_on_random_graphs_are_those_of_a_search_over_the_rows() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    let scenario = support::scenario::Scenario::random(&mut random, 120);
    source.execute(&scenario.sql()).await;
    full(&source, &graph).await.unwrap();
    let atoms: Vec<i64> =
        scenario.nodes.iter().filter(|n| n.kind == "atom").map(|n| n.atom).take(12).collect();
    answers::walks(&graph, &rows::Rows::read(&source).await, &atoms).await;
}
