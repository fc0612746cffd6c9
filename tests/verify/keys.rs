//! Row keys in the graph that are of another type than provsync writes.

use super::*;
use provsync::compare::difference::{Difference, Kind};
use provsync::compare::shown::Type;
use provsync::reconcile::full::Options as FullOptions;
use support::scenario::{Edge, Node, Stream, edges_sql, nodes_sql, streams_sql};

const NODES: &str = "graph.AtomGraphNodes";
const EDGES: &str = "graph.AtomGraphEdges";
const STREAMS: &str = "provenance.GenerationStreams";

/// Values that are no row's key: what Cypher makes one, and the type and text that a report shows.
const NO_KEYS: [(&str, Type, &str); 8] = [
    ("5.5", Type::Float, "5.5"),
    ("0.0 / 0.0", Type::Float, "NaN"),
    ("1.0 / 0.0", Type::Float, "inf"),
    ("-0.0", Type::Float, "-0.0"),
    ("1e19", Type::Float, "1e19"),
    ("'x'", Type::Text, "x"),
    ("true", Type::Boolean, "true"),
    ("[1, 2]", Type::Foreign, ""),
];

async fn sample() -> (TestGraph, TestSource, Config) {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    let config = verify_config(&source, &graph);
    (graph, source, config)
}

/// Finds what is expected, repairs it, and finds nothing then.
async fn found_and_repaired(
    config: &Config,
    expected: &BTreeSet<String>,
    why: &str,
) -> Vec<Difference> {
    let verified = async || verify_with(config, verify::Options::default()).await.unwrap();
    let mut report = verified().await;
    assert_eq!(&lines(&report), expected, "{why}");
    assert!(report.differences.iter().all(|d| d.state == State::Real), "{why}: {report:#?}");
    repaired(config, &mut report).await;
    let left = &report.repair.as_ref().unwrap().left;
    assert_eq!(report.verdict, Verdict::Repaired, "{why}: {left:#?}");
    assert_eq!(verified().await.verdict, Verdict::Equal, "{why}");
    report.differences
}

fn the_wrong_key(found: &[Difference]) -> &Difference {
    found.iter().find(|d| matches!(d.kind, Kind::WrongKey { .. })).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_the_same_number_as_a_float_is_a_changed_property() {
    let (graph, source, config) = sample().await;
    for (table, property, key, change) in [
        (NODES, "nodeId", 125, "MATCH (n:AtomGraphNode {nodeId: 125}) SET n.nodeId = 125.0"),
        (EDGES, "edgeId", 1041, "MATCH ()-[r {edgeId: 1041}]->() SET r.edgeId = 1041.0"),
        (STREAMS, "streamId", 2001, "MATCH ()-[r {streamId: 2001}]->() SET r.streamId = 2001.0"),
    ] {
        graph.run(change).await;
        let expected = BTreeSet::from([format!("{table} {key} property {property}")]);
        let found = found_and_repaired(&config, &expected, change).await;
        let Kind::Property { source_value, graph_value, .. } = &found[0].kind else { panic!() };
        let shown = [source_value, graph_value].map(|v| v.clone().map(|v| (v.r#type, v.text)));
        let number = (Type::Integer, key.to_string());
        assert_eq!(shown, [Some(number), Some((Type::Float, format!("{key}.0")))]);
        assert_equal(&source, &graph).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_key_that_is_no_number_of_a_row_is_named_and_the_node_gets_its_key_again() {
    let (graph, source, config) = sample().await;
    let rows = Rows::read(&source).await;
    graph.run("MATCH (n:AtomGraphNode {nodeId: 125}) CREATE (n)<-[:X_READ]-(:XPerson)").await;
    for (value, r#type, text) in NO_KEYS {
        graph.run(&format!("MATCH (n:AtomGraphNode {{nodeId: 125}}) SET n.nodeId = {value}")).await;
        let mut expected = BTreeSet::from([
            format!("{NODES} 125 missing_in_graph"),
            format!("{NODES} wrong_key nodeId {text}"),
        ]);
        let edges = rows.edges_on(125).into_iter();
        expected.extend(edges.map(|key| format!("{EDGES} {key} wrong_ends")));
        let found = found_and_repaired(&config, &expected, value).await;
        let found = the_wrong_key(&found);
        let Kind::WrongKey { graph_value, .. } = &found.kind else { panic!() };
        assert_eq!((graph_value.r#type, graph_value.text.as_str()), (r#type, text));
        assert_eq!(found.key, None);
        // What stands there: the node of this atom.
        let atom = rows.nodes[&125].atom.to_string();
        assert_eq!(found.graph[0].identity.as_ref().unwrap().text, atom);
        assert_equal(&source, &graph).await;
        let kept = "MATCH (n:AtomGraphNode {nodeId: 125})<-[:X_READ]-() RETURN count(*) AS row";
        assert_eq!(graph.number(kept).await, 1, "{value}: what others put on it stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relationships_key_that_is_no_number_of_a_row_is_named_and_it_comes_again() {
    let (graph, source, config) = sample().await;
    for (table, property, key) in [(EDGES, "edgeId", 1041), (STREAMS, "streamId", 2001)] {
        for (value, r#type, text) in NO_KEYS {
            let change =
                format!("MATCH ()-[r {{{property}: {key}}}]->() SET r.{property} = {value}");
            graph.run(&change).await;
            let expected = BTreeSet::from([
                format!("{table} {key} missing_in_graph"),
                format!("{table} wrong_key {property} {text}"),
            ]);
            let found = found_and_repaired(&config, &expected, &change).await;
            let found = the_wrong_key(&found);
            let Kind::WrongKey { graph_value, .. } = &found.kind else { panic!() };
            assert_eq!((graph_value.r#type, graph_value.text.as_str()), (r#type, text));
            assert!(found.graph[0].from.is_some() && found.graph[0].to.is_some(), "{found:?}");
            assert_equal(&source, &graph).await;
        }
    }
}

/// As with keys, a seek finds it; of nodes with streams and without, and of placeholders.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_the_same_number_as_a_float_is_found_and_becomes_an_integer() {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    source
        .execute(&nodes_sql(&[1, 2].map(|key| Node { key, atom: 100 + key, kind: "atom" })))
        .await;
    source.execute(&edges_sql(&[Edge { key: 1, from: 1, to: 2, kind: "SimilarTo" }])).await;
    // What stands for the atom of a stream may be somebody's own node.
    let streams = [(1, 101, 888), (2, 101, 777)].map(|(key, from, to)| Stream { key, from, to });
    source.execute(&streams_sql(&streams)).await;
    graph.run("CREATE (:Atom {atomId: 777, xNote: 'mine'})").await;
    full(&source, &graph).await.unwrap();
    let config = verify_config(&source, &graph);
    let rows = Rows::read(&source).await;
    let before = graph.dump().await;
    for atom in [101, 102, 777, 888] {
        let change = format!("MATCH (n:Atom {{atomId: {atom}}}) SET n.atomId = toFloat({atom})");
        graph.run(&change).await;
        let nodes = rows.nodes.iter().filter(|(_, n)| n.atom == atom && n.kind == "atom");
        let mut expected: BTreeSet<String> =
            nodes.map(|(key, _)| format!("{NODES} {key} wrong_identity")).collect();
        let streams = rows.streams_on(atom);
        expected.extend(streams.iter().map(|key| format!("{STREAMS} {key} wrong_ends")));
        found_and_repaired(&config, &expected, &change).await;
        assert_eq!(graph.dump().await, before, "{change}");
    }
}

/// Of no row's identity: it goes, and what stood on it stands where its row says.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_no_row_with_a_key_of_no_row_goes_and_edges_of_rows_stay() {
    let (graph, source, config) = sample().await;
    graph.run("CREATE (:Layer:AtomGraphNode {atomId: -7, nodeId: 'seven'})").await;
    let moved = "MATCH (a)-[r {edgeId: 1041}]->(), (s:AtomGraphNode {nodeId: 'seven'}) WITH a, r, s, type(r) AS t, properties(r) AS p DELETE r WITH a, s, p CREATE (a)-[q:DERIVED_FROM]->(s) SET q = p";
    let kind = graph.column("MATCH ()-[r {edgeId: 1041}]->() RETURN type(r) AS row").await;
    graph.run(&moved.replace("DERIVED_FROM", &kind[0])).await;
    // The nodes alone: that the edge must come again does not follow from its own difference.
    let options = || verify::Options { tables: vec![NODES.to_owned()], ..Default::default() };
    let mut report = verify_with(&config, options()).await.unwrap();
    assert_eq!(lines(&report), BTreeSet::from([format!("{NODES} wrong_key nodeId seven")]));
    repaired(&config, &mut report).await;
    assert_eq!(report.verdict, Verdict::Repaired, "{report:#?}");
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_makes_a_graph_right_whose_keys_are_of_other_types() {
    let (graph, source, config) = sample().await;
    support::verify::give_keys_other_types(&graph).await;
    graph.run("CREATE (:Layer:AtomGraphNode {atomId: -7, nodeId: 0.0 / 0.0})").await;
    support::run::run_full(&config, support::verify::mapping(), FullOptions::default())
        .await
        .unwrap();
    let report = verify_with(&config, verify::Options::default()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Equal, "{:#?}", lines(&report));
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

/// A node without provsync's label is somebody else's, whatever its properties are called.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_others_that_has_a_rows_identity_and_a_text_as_key_is_left_and_explained() {
    let (graph, _source, config) = sample().await;
    graph
        .run("MATCH (n:AtomGraphNode {nodeId: 125}) SET n.nodeId = 'mine' REMOVE n:AtomGraphNode")
        .await;
    let mut report = verify_with(&config, verify::Options::default()).await.unwrap();
    assert!(lines(&report).contains(&format!("{NODES} 125 missing_in_graph")));
    repaired(&config, &mut report).await;
    let report = verify_with(&config, verify::Options::default()).await.unwrap();
    let of_row: Vec<_> = report.differences.iter().filter(|d| d.key == Some(125)).collect();
    let reason = "identity-foreign".to_owned();
    assert_eq!(of_row[0].state, State::Explained { reason });
    let kept = "MATCH (n:Atom {nodeId: 'mine'}) RETURN count(n) AS row";
    assert_eq!(graph.number(kept).await, 1);
}
