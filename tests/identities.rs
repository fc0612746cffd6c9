//! Identities: rows come and go, nodes are identities. Each test runs on random rows with its seed
//! printed, and ends with the graph compared with the rows and a run that writes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::error::Kind;
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::graph::TestGraph;
use support::run::{full, full_with};
use support::scenario::{Edge, Node, Scenario, Stream, edges_sql, nodes_sql, streams_sql};
use support::source::{self, TestSource};
use support::truth::{assert_equal, reasons};
use support::{Random, seed};

/// A random graph that has been carried once.
async fn carried() -> (TestGraph, TestSource, Scenario, Random) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    let scenario = Scenario::random(&mut random, 40);
    source.execute(&scenario.sql()).await;
    full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    (graph, source, scenario, random)
}

/// Runs again: the graph is right, and a further run writes nothing.
async fn settles(source: &TestSource, graph: &TestGraph) {
    let summary = full(source, graph).await.unwrap();
    assert_equal(source, graph).await;
    let again = full(source, graph).await.unwrap();
    assert!(again.written.is_empty(), "after {summary:?} there was more to write: {again:?}");
}

fn pick<'a>(random: &mut Random, nodes: &'a [Node], n: usize) -> Vec<&'a Node> {
    let mut left: Vec<&Node> = nodes.iter().collect();
    (0..n)
        .map(|_| left.swap_remove(usize::try_from(random.below(left.len() as u64)).unwrap()))
        .collect()
}

/// Gives each node the identity of the next, the last that of the first.
fn rotate(nodes: &[&Node]) -> String {
    let next = nodes.iter().cycle().skip(1);
    let case = |column: &str, value: &dyn Fn(&Node) -> String| {
        let whens: String = nodes
            .iter()
            .zip(next.clone())
            .map(|(n, to)| format!(" WHEN {} THEN {}", n.key, value(to)))
            .collect();
        format!("{column} = CASE NodeId{whens} END")
    };
    let keys: Vec<String> = nodes.iter().map(|n| n.key.to_string()).collect();
    format!(
        "UPDATE graph.AtomGraphNodes SET {}, {} WHERE NodeId IN ({})",
        case("AtomId", &|n| n.atom.to_string()),
        case("NodeType", &|n| format!("N'{}'", n.kind)),
        keys.join(", ")
    )
}

#[tokio::test]
async fn two_rows_swap_their_identities() {
    let (graph, source, scenario, mut random) = carried().await;
    source.execute(&rotate(&pick(&mut random, &scenario.nodes, 2))).await;
    settles(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn three_rows_pass_their_identities_on_in_a_cycle() {
    let (graph, source, scenario, mut random) = carried().await;
    source.execute(&rotate(&pick(&mut random, &scenario.nodes, 3))).await;
    settles(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_retype_and_a_change_of_atom_leave_the_streams_with_the_atoms() {
    let (graph, source, _, _) = carried().await;
    // Identities of their own, with edges among them and streams on the old and the new atom.
    let nodes = [(901, 901, "atom"), (902, 902, "atom"), (903, 903, "model")];
    let nodes = nodes.map(|(key, atom, kind)| Node { key, atom, kind });
    let edges = [(901, 902), (902, 903), (903, 901), (901, 901)];
    let edges: Vec<Edge> = (901..)
        .zip(edges)
        .map(|(key, (from, to))| Edge { key, from, to, kind: "SimilarTo" })
        .collect();
    let streams = [(901, 902), (902, 901), (901, 950), (950, 901), (960, 902)];
    let streams: Vec<Stream> =
        (901..).zip(streams).map(|(key, (from, to))| Stream { key, from, to }).collect();
    source.execute(&[nodes_sql(&nodes), edges_sql(&edges), streams_sql(&streams)].join("\n")).await;
    full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    // 901 is no atom any more: a placeholder keeps its streams. 902 becomes the atom 950.
    source
        .execute("UPDATE graph.AtomGraphNodes SET NodeType = N'embedding' WHERE NodeId = 901")
        .await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 950 WHERE NodeId = 902").await;
    settles(&source, &graph).await;
    let left = graph
        .column(
            "MATCH (p:AtomPlaceholder) WHERE p.atomId > 900 RETURN p.atomId AS row ORDER BY row",
        )
        .await;
    assert_eq!(left, ["901", "902", "960"]);
}

#[tokio::test]
async fn a_row_is_deleted_and_inserted_again_with_the_same_key() {
    let (graph, source, scenario, mut random) = carried().await;
    let node = pick(&mut random, &scenario.nodes, 1)[0].clone();
    let edges = scenario.edges_on(node.key);
    let list = edges.iter().map(i64::to_string).chain(["0".into()]).collect::<Vec<_>>().join(", ");
    source
        .execute(&format!(
            "DELETE FROM graph.AtomGraphEdges WHERE EdgeId IN ({list}); DELETE FROM graph.AtomGraphNodes WHERE NodeId = {};",
            node.key
        ))
        .await;
    // The same node key for another atom; the same edge keys between other nodes.
    source.execute(&nodes_sql(&[Node { atom: 777, ..node.clone() }])).await;
    let moved: Vec<Edge> = edges
        .iter()
        .map(|key| Edge { key: *key, from: 1 + key % 40, to: node.key, kind: "ComponentOf" })
        .collect();
    source.execute(&edges_sql(&moved)).await;
    settles(&source, &graph).await;
}

#[tokio::test]
async fn of_two_rows_with_one_identity_the_first_owns_it_until_it_goes() {
    let (graph, source, scenario, mut random) = carried().await;
    // None of the nodes that the edges below join to the twin: those edges stay when the owner goes.
    let candidates: Vec<Node> = scenario.nodes.iter().filter(|n| n.key > 3).cloned().collect();
    let owner = pick(&mut random, &candidates, 1)[0].clone();
    let twin = Node { key: 500, ..owner.clone() };
    source.execute(&nodes_sql(std::slice::from_ref(&twin))).await;
    let edges = [(601, 500, 1), (602, 2, 500), (603, 500, owner.key), (604, owner.key, 3)];
    let edges = edges.map(|(key, from, to)| Edge { key, from, to, kind: "DerivedFrom" });
    source.execute(&edges_sql(&edges)).await;
    settles(&source, &graph).await;
    let waiting = [
        "graph.AtomGraphEdges 601 edge-end-missing",
        "graph.AtomGraphEdges 602 edge-end-missing",
        "graph.AtomGraphEdges 603 edge-end-missing",
        "graph.AtomGraphNodes 500 identity-taken",
    ];
    assert_eq!(reasons(&graph).await, waiting);

    let owned = scenario.edges_on(owner.key).into_iter().chain([603, 604]);
    let list = owned.map(|k| k.to_string()).collect::<Vec<_>>().join(", ");
    source
        .execute(&format!(
            "DELETE FROM graph.AtomGraphEdges WHERE EdgeId IN ({list}); DELETE FROM graph.AtomGraphNodes WHERE NodeId = {};",
            owner.key
        ))
        .await;
    settles(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
    let heir = graph.number("MATCH (n:AtomGraphNode {nodeId: 500}) RETURN count(n) AS row").await;
    assert_eq!(heir, 1);
}

#[tokio::test]
async fn a_node_and_its_last_stream_go_together() {
    let (graph, source, _, _) = carried().await;
    source.execute(&nodes_sql(&[Node { key: 900, atom: 900, kind: "atom" }])).await;
    source.execute(&streams_sql(&[Stream { key: 900, from: 900, to: 900 }])).await;
    full(&source, &graph).await.unwrap();
    assert_equal(&source, &graph).await;
    source.execute("DELETE FROM provenance.GenerationStreams WHERE StreamId = 900; DELETE FROM graph.AtomGraphNodes WHERE NodeId = 900;").await;
    settles(&source, &graph).await;
    assert_eq!(graph.number("MATCH (n {atomId: 900}) RETURN count(n) AS row").await, 0);
}

#[tokio::test]
async fn a_deleted_node_keeps_its_placeholder_while_a_stream_needs_it() {
    let (graph, source, _, _) = carried().await;
    source.execute(&nodes_sql(&[Node { key: 900, atom: 900, kind: "atom" }])).await;
    source.execute(&streams_sql(&[Stream { key: 900, from: 900, to: 900 }])).await;
    full(&source, &graph).await.unwrap();
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 900;").await;
    settles(&source, &graph).await;
    assert_eq!(
        graph
            .number("MATCH (n:Atom:AtomPlaceholder {atomId: 900}) RETURN size(keys(n)) AS row")
            .await,
        1
    );
    // And a row that comes again adopts it.
    source.execute(&nodes_sql(&[Node { key: 901, atom: 900, kind: "atom" }])).await;
    settles(&source, &graph).await;
    assert_eq!(graph.number("MATCH (n:AtomGraphNode {atomId: 900}) WHERE NOT n:AtomPlaceholder RETURN n.nodeId AS row").await, 901);
}

#[tokio::test]
async fn an_analysts_own_atom_is_left_alone_and_the_row_waits() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source
        .execute(&nodes_sql(&[
            Node { key: 1, atom: 100, kind: "atom" },
            Node { key: 2, atom: 200, kind: "atom" },
        ]))
        .await;
    source.execute(&edges_sql(&[Edge { key: 1, from: 1, to: 2, kind: "DerivedFrom" }])).await;
    graph.run("CREATE (:Atom {atomId: 100, mine: 'yes'})").await;
    settles(&source, &graph).await;
    assert_eq!(
        reasons(&graph).await,
        ["graph.AtomGraphEdges 1 edge-end-missing", "graph.AtomGraphNodes 1 identity-foreign"]
    );
    let mine = graph
        .column("MATCH (n:Atom {atomId: 100}) RETURN [labels(n), n.mine, n.nodeId] AS row")
        .await;
    assert_eq!(mine, ["[[Atom], yes, null]"]);
    graph.run("MATCH (n:Atom {atomId: 100}) DELETE n").await;
    settles(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_second_source_is_refused_and_can_be_adopted() {
    let (graph, source, _, mut random) = carried().await;
    let before = graph.dump().await;
    let second = source::loose().await;
    second.execute(&Scenario::random(&mut random, 30).sql()).await;
    let refused = full(&second, &graph).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Stop);
    assert!(refused.to_string().contains("--adopt"), "{refused}");
    assert_eq!(graph.dump().await, before, "nothing was written");
    assert!(full(&source, &graph).await.unwrap().written.is_empty(), "the first source still may");

    let options = Options { adopt: true, ..Options::default() };
    full_with(&second, &graph, Mapping::default_mapping().unwrap(), options).await.unwrap();
    assert_equal(&second, &graph).await;
    assert_eq!(full(&source, &graph).await.unwrap_err().kind, Kind::Stop);
}

#[tokio::test]
async fn an_empty_source_does_not_empty_the_graph() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    let scenario = Scenario::random(&mut random, 1_200);
    source.execute(&scenario.sql()).await;
    full(&source, &graph).await.unwrap();
    let before = graph.dump().await;
    source
        .execute("DELETE FROM graph.AtomGraphEdges; DELETE FROM graph.AtomGraphNodes; DELETE FROM provenance.GenerationStreams;")
        .await;
    let stopped = full(&source, &graph).await.unwrap_err();
    assert_eq!(stopped.kind, Kind::Stop);
    assert!(stopped.to_string().contains("--allow-deletes 3600"), "{stopped}");
    assert_eq!(graph.dump().await, before, "nothing was written");

    let options = Options { allow_deletes: Some(3_600), ..Options::default() };
    full_with(&source, &graph, Mapping::default_mapping().unwrap(), options).await.unwrap();
    assert_equal(&source, &graph).await;
    assert_eq!(graph.dump().await, Vec::<String>::new());
}
