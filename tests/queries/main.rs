//! The analysts' queries of `cypher/queries`: planned from an index, and answered as `NetworkX` answers them
//! over the source's rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod file;
mod rows;
mod shapes;
#[path = "../support/mod.rs"]
mod support;
mod ways;

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
/// Each node is visited once.
const BOUNDED: [&str; 2] = ["VarLengthExpand(Pruning,BFS", "\"ShortestPath@"];

/// A walk with an upper bound on its steps would leave out what lies behind; a query that lists no more
/// than so many rows has a column that says whether there are more.
#[test]
fn no_query_is_cut_in_silence() {
    for Query { name, cypher, .. } in Query::all() {
        let is_bounded = cypher.split("..").skip(1).any(|rest| rest.starts_with(char::is_numeric));
        let cuts = is_bounded || cypher.contains("LIMIT");
        assert_eq!(cuts, cypher.contains("AS complete") || cypher.contains(", complete"), "{name}");
        let walks = cypher.split('*').skip(1).filter_map(|walk| walk.split(']').next());
        for steps in walks.filter(|steps| steps.contains("..")) {
            assert!(["0..", "1.."].contains(&steps), "{name}: a walk of *{steps}");
        }
    }
}

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
        if [":GENERATED*", ":DERIVED_FROM*", "->+"].iter().any(|walk| query.cypher.contains(walk)) {
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

#[tokio::test]
async fn answers_are_complete_and_soon_there_on_chains_diamonds_cycles_and_dense_graphs() {
    use shapes::{CHAIN, CHAIN_AT, CYCLE, CYCLE_AT, DENSE, DENSE_AT, DIAMONDS, DIAMONDS_AT};
    let (graph, rows) = shapes::stand().await;
    let ends = [
        (CHAIN_AT, CHAIN_AT + CHAIN),
        (DIAMONDS_AT, DIAMONDS_AT + 3 * DIAMONDS),
        (CYCLE_AT, CYCLE_AT + CYCLE - 1),
        (DENSE_AT, DENSE_AT + DENSE - 1),
    ];
    let atoms: Vec<i64> = ends.iter().flat_map(|(first, last)| [*first, *last]).collect();
    let mut asked = answers::walks(&graph, &rows, &atoms).await;
    asked.extend(ways::check(&graph, &rows, &ends).await);
    let loops = [(CYCLE_AT, CYCLE_AT), (DENSE_AT, DENSE_AT), (CHAIN_AT + 2_500, CHAIN_AT + 2_500)];
    asked.extend(ways::check(&graph, &rows, &loops).await);
    let pairs: [&[i64]; 4] = [
        &[CHAIN_AT, CHAIN_AT + 2_500],
        &[DIAMONDS_AT + 1, DIAMONDS_AT + 2],
        &[CYCLE_AT, CYCLE_AT + CYCLE / 2],
        &[DENSE_AT, CHAIN_AT],
    ];
    asked.insert(answers::shared(&graph, &rows, &pairs).await);
    asked.insert(answers::recipe(&graph, &rows, &atoms).await);
    asked.insert(answers::generated_from(&graph, &rows, &atoms).await);
    asked.insert(answers::ends_of_the_graph(&graph, &rows).await);
    asked.insert(answers::by_model(&graph, &rows).await);
    asked.insert(answers::of_model(&graph, &rows, &[("m", None), ("m", Some("text"))]).await);
    let ranges =
        [(CHAIN_AT + 2_000, 200), (DIAMONDS_AT, 1_000), (CYCLE_AT, 200), (DENSE_AT, 1_000)];
    for (first, count) in ranges {
        asked.insert(answers::cycles(&graph, &rows, first, first + count - 1).await);
    }
    // What these two ask is no lineage: they read the entries of their own label.
    let others = ["as-of", "quarantine"];
    let all = Query::all().into_iter().map(|query| query.name);
    let walked: std::collections::BTreeSet<String> =
        all.filter(|name| !others.contains(&name.as_str())).collect();
    assert_eq!(
        asked.into_iter().map(String::from).collect::<std::collections::BTreeSet<_>>(),
        walked
    );
    printed(&graph, &atoms).await;
}

/// The statements that README, docs and demo print, asked about each of these atoms in place of theirs.
async fn printed(graph: &TestGraph, atoms: &[i64]) {
    let mut statements = Vec::new();
    for page in ["README.md", "docs/analysts.md", "docs/operations.md"] {
        let text = std::fs::read_to_string(source::file(page)).unwrap();
        let blocks = text.split("```cypher\n").skip(1);
        statements.extend(blocks.map(|block| block.split("```").next().unwrap().to_owned()));
    }
    let demo = std::fs::read_to_string(source::file("scripts/demo")).unwrap();
    let pasted = demo.split_once("  paste      ").unwrap().1.split_once("\nTEXT").unwrap().0;
    statements.push(pasted.to_owned());
    let of_28 = "{atomId: 28}";
    assert!(statements.iter().filter(|text| text.contains(of_28)).count() >= 2, "{statements:?}");
    for text in statements {
        let atoms = if text.contains(of_28) { atoms } else { &atoms[..1] };
        for atom in atoms {
            let text = text.replace(of_28, &format!("{{atomId: {atom}}}"));
            let read = async {
                let mut rows = graph.driver.execute(neo4rs::query(&text)).await?;
                while rows.next().await?.is_some() {}
                Ok::<_, neo4rs::Error>(())
            };
            let ended = tokio::time::timeout(answers::SECONDS_MAX, read).await;
            ended.unwrap_or_else(|_| panic!("does not end: {text}")).unwrap();
        }
    }
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
    let rows = rows::Rows::read(&source).await;
    answers::walks(&graph, &rows, &atoms).await;
    answers::cycles(&graph, &rows, 1, 1_000).await;
    let pairs: Vec<(i64, i64)> = atoms.iter().copied().zip(atoms.iter().rev().copied()).collect();
    ways::check(&graph, &rows, &pairs).await;
}
