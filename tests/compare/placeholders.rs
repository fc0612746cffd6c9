//! Relationships between atoms without a row: no walk from rows reaches them.

use super::*;
use support::program::{bare, of_graph, provsync};
use support::scenario::{Node, Stream, nodes_sql, streams_sql};

/// An atom with a row, and streams between atoms without one; only the last stands on the row.
async fn placeholders() -> (TestGraph, TestSource) {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    source.execute(&nodes_sql(&[Node { key: 1, atom: 101, kind: "atom" }])).await;
    let streams = [(1, 888, 889), (2, 889, 890), (3, 101, 700)];
    source.execute(&streams_sql(&streams.map(|(key, from, to)| Stream { key, from, to }))).await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

async fn found(source: &TestSource, graph: &TestGraph, way: Way) -> BTreeMap<Element, u32> {
    let options = Options { direction: direction(way), ..options() };
    let report = compare(source, graph, &options).await.unwrap();
    let named = named(&report);
    assert_eq!(report.verdict == Verdict::Different, !named.is_empty(), "{report:#?}");
    named
}

#[tokio::test]
async fn what_is_wrong_between_two_atoms_without_rows_is_found_from_all_roots_whatever_the_way() {
    let (graph, source) = placeholders().await;
    let stream = "MATCH (a)-[r:GENERATED {streamId: 2}]->(b) ";
    let turned =
        "WITH a, r, b, properties(r) AS p DELETE r CREATE (b)-[q:GENERATED]->(a) SET q = p";
    let of_stream = BTreeMap::from([(('s', 2), 1)]);
    let both = "MATCH (a:Atom {atomId: 888}), (b:Atom {atomId: 890}) ";
    for (change, expected) in [
        (format!("{stream} SET r.modelUsed = 'another'"), of_stream.clone()),
        (format!("{stream} {turned}"), of_stream.clone()),
        (format!("{stream} DELETE r"), of_stream.clone()),
        (format!("{stream} DETACH DELETE b"), of_stream.clone()),
        (format!("{stream} REMOVE a:AtomPlaceholder, b:AtomPlaceholder SET r.modelUsed = 'x'"), of_stream),
        (format!("{both} CREATE (a)-[:GENERATED {{streamId: 900}}]->(b)"), BTreeMap::from([(('s', 900), 1)])),
        (format!("{both} CREATE (a)-[:SIMILAR_TO {{edgeId: 900}}]->(b)"), BTreeMap::from([(('e', 900), 1)])),
        (
            "CREATE (:Atom:AtomPlaceholder {atomId: 901})-[:GENERATED {streamId: 901}]->(:Atom:AtomPlaceholder {atomId: 902})".into(),
            BTreeMap::from([(('s', 901), 1)]),
        ),
        (
            "CREATE (:Person)-[:GENERATED {streamId: 903}]->(:Person), (:Person)-[:SIMILAR_TO {edgeId: 903}]->(:Person)".into(),
            BTreeMap::from([(('s', 903), 1), (('e', 903), 1)]),
        ),
        ("CREATE (:Atom:AtomPlaceholder {atomId: 904})".into(), BTreeMap::from([(('p', 904), 0)])),
        ("CREATE (:Atom {atomId: 905, name: 'an analyst made it'})".into(), BTreeMap::new()),
    ] {
        graph.run(&change).await;
        for way in [Way::Both, Way::Down, Way::Up] {
            assert_eq!(found(&source, &graph, way).await, expected, "{way:?} after {change}");
        }
        full(&source, &graph).await.unwrap();
        graph.run("MATCH (n) WHERE n:Person OR n.name IS NOT NULL DETACH DELETE n").await;
        graph.run("MATCH (a:Atom) WHERE NOT a:AtomGraphNode SET a:AtomPlaceholder").await;
    }
}

#[tokio::test]
async fn a_stream_between_atoms_without_rows_that_the_source_has_alone_is_found() {
    let (graph, source) = placeholders().await;
    source.execute(&streams_sql(&[Stream { key: 4, from: 991, to: 992 }])).await;
    support::verify::say_all_is_carried(&source, &graph).await;
    assert_eq!(found(&source, &graph, Way::Both).await, BTreeMap::from([(('s', 4), 1)]));
}

/// The program says so, and its exit code; so does evidence that was taken before.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_and_older_evidence_tell_a_wrong_stream_between_placeholders() {
    let (graph, source) = placeholders().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.json");
    let file = path.to_str().unwrap();
    let taken =
        provsync(&["compare", "--all-roots", "--evidence", file], &source).output().unwrap();
    assert_eq!(taken.status.code(), Some(0), "{}", String::from_utf8_lossy(&taken.stderr));
    let held = || {
        let check = ["compare", "--check-evidence", file, "--side", "graph"];
        let output = bare(&check).envs(of_graph()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(held().0, Some(0));

    graph.run("MATCH ()-[r:GENERATED {streamId: 1}]->() SET r.modelUsed = 'another'").await;
    let arguments = ["compare", "--all-roots", "--output", "json"];
    let output = provsync(&arguments, &source).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(named(&report), BTreeMap::from([(('s', 1), 1)]));
    assert_eq!(report.walk.unwrap().first_divergent_hop, Some(1));
    let (code, text) = held();
    assert_eq!((code, text.contains("at hop 1")), (Some(1), true), "{text}");
}

/// Each store is asked by pages of 20,000 keys. To a range of keys, 5.5 and 30,000.0 are keys too.
#[tokio::test]
async fn no_page_of_keys_is_the_last_one_before_its_time() {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    source.execute(&nodes_sql(&[Node { key: 1, atom: 101, kind: "atom" }])).await;
    let mut streams: Vec<Stream> =
        (1..=20_000).map(|key| Stream { key, from: 101, to: 101 }).collect();
    streams.push(Stream { key: 20_001, from: 888, to: 889 });
    source.execute(&streams_sql(&streams)).await;
    full(&source, &graph).await.unwrap();
    let named_of = async || {
        let report = compare(&source, &graph, &options()).await.unwrap();
        assert_eq!(report.walk.as_ref().unwrap().roots, 3 + report.counts.real - 1);
        named(&report)
    };
    graph.run("MATCH ()-[r:GENERATED {streamId: 20001}]->() SET r.modelUsed = 'x'").await;
    assert_eq!(named_of().await, BTreeMap::from([(('s', 20_001), 1)]));
    graph
        .run("UNWIND range(1, 20000) AS i CREATE (:AtomGraphNode {nodeId: 5.0 + i / 100000.0}) WITH count(*) AS n CREATE (:Atom:AtomGraphNode {nodeId: 30000.0, atomId: 30000})")
        .await;
    assert_eq!(named_of().await, BTreeMap::from([(('n', 30_000), 0), (('s', 20_001), 1)]));
}

/// However many placeholders are left over, the one that is asked about is found.
#[tokio::test]
async fn a_leftover_placeholder_is_found_among_ten_thousand_others() {
    let (graph, source) = placeholders().await;
    graph.run("UNWIND range(10000, 30000) AS i CREATE (:Atom:AtomPlaceholder {atomId: i})").await;
    for atom in ["10000", "20000", "30000"] {
        let roots = Choice { atoms: vec![atom.into()], ..Choice::default() };
        let report = compare(&source, &graph, &Options { roots, ..options() }).await.unwrap();
        assert_eq!(named(&report), BTreeMap::from([(('p', atom.parse().unwrap()), 0)]));
    }
}
