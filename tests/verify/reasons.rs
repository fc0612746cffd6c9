//! What quarantine says of a row explains a difference only while it holds.

use super::*;
use support::scenario::{Node, Stream, edges_sql, nodes_sql, streams_sql};

const NODES: &str = "graph.AtomGraphNodes";
const EDGES: &str = "graph.AtomGraphEdges";

/// Rows 1 and 2 have one identity, so that 2 waits; 3 has its own. The edge 7 joins 2 and 3, and waits
/// for 2; the edge 8 joins 1 and 3.
async fn two_of_one_identity() -> (TestGraph, TestSource, Config) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let node = |key, atom| Node { key, atom, kind: "layer" };
    source.execute(&nodes_sql(&[node(1, 100), node(3, 300)])).await;
    full(&source, &graph).await.unwrap();
    let edge = |key, from| Edge { key, from, to: 3, kind: "SimilarTo" };
    source.execute(&nodes_sql(&[node(2, 100)])).await;
    source.execute(&edges_sql(&[edge(7, 2), edge(8, 1)])).await;
    source.execute(&streams_sql(&[Stream { key: 1, from: 900, to: 901 }])).await;
    full(&source, &graph).await.unwrap();
    let config = verify_config(&source, &graph);
    let expected = [format!("{EDGES} 7 edge-end-missing"), format!("{NODES} 2 identity-taken")];
    assert_eq!(reasons(&graph).await, expected);
    (graph, source, config)
}

/// Row 1, which has the identity, goes at the source, and the graph is told that it has that change.
async fn owner_goes_at_the_source(source: &TestSource, graph: &TestGraph) {
    source.execute("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = 8").await;
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 1").await;
    say_all_is_carried(source, graph).await;
}

/// Each difference, and whether it is real, explained or can't be told.
async fn verdicts(config: &Config) -> (Verdict, BTreeMap<String, &'static str>) {
    let report = verify_with(config, verify::Options::default()).await.unwrap();
    let state = |state: &State| match state {
        State::Real => "real",
        State::Explained { .. } => "explained",
        State::Unsettled { .. } => "unsettled",
    };
    let states = report.differences.iter().map(|d| (support::verify::line(d), state(&d.state)));
    (report.verdict, states.collect())
}

fn states<const N: usize>(of: [(&str, i64, &'static str); N]) -> BTreeMap<String, &'static str> {
    of.map(|(table, key, state)| (format!("{table} {key} missing_in_graph"), state)).into()
}

async fn repaired_to_the_end(source: &TestSource, graph: &TestGraph, config: &Config) {
    let mut report = verify_with(config, verify::Options::default()).await.unwrap();
    repaired(config, &mut report).await;
    assert_eq!(verdicts(config).await, (Verdict::Equal, BTreeMap::new()));
    assert_eq!(reasons(graph).await, Vec::<String>::new());
    assert_equal(source, graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_taken_no_more_explains_nothing() {
    let (graph, source, config) = two_of_one_identity().await;
    let both = states([(NODES, 2, "explained"), (EDGES, 7, "explained")]);
    assert_eq!(verdicts(&config).await, (Verdict::Explained, both));
    // The row that has it goes in both stores, and nobody tells the row that waits.
    owner_goes_at_the_source(&source, &graph).await;
    graph.run("MATCH (n:AtomGraphNode {nodeId: 1}) DETACH DELETE n").await;
    // What waits for the row that is missing is explained still.
    let found = states([(NODES, 2, "real"), (EDGES, 7, "explained")]);
    assert_eq!(verdicts(&config).await, (Verdict::Different, found));
    repaired_to_the_end(&source, &graph, &config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_a_wrong_node_has_is_taken_until_that_goes() {
    let (graph, source, config) = two_of_one_identity().await;
    // The row goes at the source alone: its node is too much, and has the identity.
    owner_goes_at_the_source(&source, &graph).await;
    let mut found = states([(NODES, 2, "explained"), (EDGES, 7, "explained")]);
    found.insert(format!("{NODES} 1 extra_in_graph"), "real");
    found.insert(format!("{EDGES} 8 extra_in_graph"), "real");
    assert_eq!(verdicts(&config).await, (Verdict::Different, found));
    repaired_to_the_end(&source, &graph, &config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_others_that_is_gone_explains_nothing() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    graph.run("CREATE (:Layer {atomId: 100, xNote: 'mine'})").await;
    source.execute(&nodes_sql(&[Node { key: 1, atom: 100, kind: "layer" }])).await;
    full(&source, &graph).await.unwrap();
    let config = verify_config(&source, &graph);
    let found = states([(NODES, 1, "explained")]);
    assert_eq!(verdicts(&config).await, (Verdict::Explained, found));
    graph.run("MATCH (n:Layer {atomId: 100}) DELETE n").await;
    let found = states([(NODES, 1, "real")]);
    assert_eq!(verdicts(&config).await, (Verdict::Different, found));
    repaired_to_the_end(&source, &graph, &config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_there_explains_no_missing_edge() {
    let (graph, source, config) = two_of_one_identity().await;
    graph.run("MATCH ()-[r {edgeId: 8}]->() DELETE r").await;
    let entry = "CREATE (:ProvsyncQuarantine {table: 'graph.AtomGraphEdges', key: 8, reason: 'edge-end-missing', detail: 'x', since: datetime(), attempts: 1, due: false, retryAt: datetime() + duration('PT1H')})";
    graph.run(entry).await;
    let of_one = [(NODES, 2, "explained"), (EDGES, 7, "explained"), (EDGES, 8, "real")];
    assert_eq!(verdicts(&config).await, (Verdict::Different, states(of_one)));
    let mut report = verify_with(&config, verify::Options::default()).await.unwrap();
    repaired(&config, &mut report).await;
    let both = states([(NODES, 2, "explained"), (EDGES, 7, "explained")]);
    assert_eq!(verdicts(&config).await, (Verdict::Explained, both));
    assert_equal(&source, &graph).await;
}

/// Whoever takes a reason away marks the entry due with it: the row is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_due_to_be_tried_again_is_on_its_way() {
    let (graph, source, config) = two_of_one_identity().await;
    owner_goes_at_the_source(&source, &graph).await;
    graph.run("MATCH (n:AtomGraphNode {nodeId: 1}) DETACH DELETE n").await;
    graph.run("MATCH (q:ProvsyncQuarantine {key: 2}) SET q.due = true").await;
    let found = states([(NODES, 2, "unsettled"), (EDGES, 7, "explained")]);
    assert_eq!(verdicts(&config).await, (Verdict::Unknown, found));
    full(&source, &graph).await.unwrap();
    assert_eq!(verdicts(&config).await, (Verdict::Equal, BTreeMap::new()));
}
