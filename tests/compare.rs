//! `provsync compare` over a real graph: what differs within some hops of a root is found at its first
//! hop, and nothing else; what is expected is worked out by a plain search over the raw rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "compare/bad_input.rs"]
mod bad_input;
#[path = "compare/evidence.rs"]
mod evidence;
#[path = "compare/live.rs"]
mod live;
#[path = "compare/mutations.rs"]
mod mutations;
#[path = "compare/placeholders.rs"]
mod placeholders;
mod support;

use std::collections::BTreeMap;

use provsync::compare::comparison::{self, Options};
use provsync::compare::difference::{Report, State, Verdict};
use provsync::compare::roots::{Choice, Sample};
use provsync::compare::walk::{Direction, Limits};
use provsync::config::Config;
use provsync::error::Result;
use provsync::mapping::Mapping;
use support::graph::TestGraph;
use support::raw::{self, Element, Way};
use support::run::full;
use support::scenario::Scenario;
use support::source::{self, TestSource};
use support::{Random, seed};

/// All roots, both ways, to the end.
fn options() -> Options {
    Options {
        roots: Choice { all: true, ..Choice::default() },
        direction: Direction::Both,
        limits: Limits { hops: None, nodes_max: 100_000, edges_max: 1_000_000 },
        types: Vec::new(),
        streams: true,
        looks_max: 2,
        evidence: None,
    }
}

fn nodes(keys: &[i64]) -> Choice {
    Choice { nodes: keys.to_vec(), ..Choice::default() }
}

fn hops(hops: u32) -> Limits {
    Limits { hops: Some(hops), ..options().limits }
}

fn direction(way: Way) -> Direction {
    match way {
        Way::Down => Direction::Down,
        Way::Up => Direction::Up,
        Way::Both => Direction::Both,
    }
}

async fn compare(source: &TestSource, graph: &TestGraph, options: &Options) -> Result<Report> {
    compare_with(&support::run::config(&source.config(), graph), options).await
}

async fn compare_with(config: &Config, options: &Options) -> Result<Report> {
    Box::pin(comparison::run(config, Mapping::default_mapping().unwrap(), options)).await
}

/// What a report names: table and key (of a placeholder its atom), and the first hop.
fn named(report: &Report) -> BTreeMap<Element, u32> {
    let named = report.differences.iter().map(|difference| {
        assert_eq!(difference.state, State::Real, "{difference:?}");
        let table = match difference.table.as_str() {
            "graph.AtomGraphNodes" => 'n',
            "graph.AtomGraphEdges" => 'e',
            _ => 's',
        };
        let thing = || difference.graph.first().or(difference.source.as_ref()).unwrap();
        let atom = || thing().identity.as_ref().unwrap().text.parse().unwrap();
        let element = difference.key.map_or_else(|| ('p', atom()), |key| (table, key));
        (element, difference.hop.unwrap())
    });
    named.collect()
}

async fn sample() -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

/// A random graph with cycles, self loops, parallel edges and placeholders, in both stores.
async fn carried(random: &mut Random, n: u64) -> (TestGraph, TestSource, Scenario) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let scenario = Scenario::random(random, n);
    source.execute(&scenario.sql()).await;
    full(&source, &graph).await.unwrap();
    (graph, source, scenario)
}

#[tokio::test]
async fn equal_stores_are_equal_from_all_roots_and_every_way() {
    let (graph, source) = sample().await;
    for direction in [Direction::Both, Direction::Down, Direction::Up] {
        let report = compare(&source, &graph, &Options { direction, ..options() }).await.unwrap();
        assert_eq!(report.verdict, Verdict::Equal, "{report:?}");
        let walk = report.walk.unwrap();
        assert!(walk.hops.iter().all(|hop| hop.source == hop.graph), "{walk:?}");
        let edges: u64 = walk.hops.iter().map(|hop| hop.source.edges).sum();
        let rows = "SELECT (SELECT COUNT_BIG(*) FROM graph.AtomGraphEdges) + (SELECT COUNT_BIG(*) FROM provenance.GenerationStreams)";
        let rows: i64 = source.query(rows).await[0].get(0).unwrap();
        assert_eq!(edges, u64::try_from(rows).unwrap(), "each relationship is crossed once");
    }
}

#[tokio::test]
async fn equal_random_stores_are_equal_from_some_roots_and_each_hop_is_what_a_search_reaches() {
    let mut random = Random::new(seed());
    let (graph, source, _) = carried(&mut random, 60).await;
    let raw = raw::of_source(&source).await;
    assert!(raw::differing(&raw, &raw::of_graph(&graph).await, &[], Way::Both, 0).is_empty());
    for way in [Way::Both, Way::Down, Way::Up] {
        let key = i64::try_from(random.below(60)).unwrap() + 1;
        let limits = hops(3);
        let options =
            Options { roots: nodes(&[key]), direction: direction(way), limits, ..options() };
        let report = compare(&source, &graph, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Equal, "{report:?}");
        let distances = raw.distances(&[format!("r{key}")], way);
        let crossings = raw.crossings(&distances, way);
        for (hop, met) in report.walk.unwrap().hops.iter().enumerate() {
            let of =
                |hops: Vec<&u32>| hops.into_iter().filter(|h| **h as usize == hop).count() as u64;
            let expected = (of(crossings.values().collect()), of(distances.values().collect()));
            assert_eq!(
                (met.source.edges, met.source.nodes),
                expected,
                "{way:?} hop {hop} of {key}"
            );
        }
    }
}

#[tokio::test]
async fn a_sample_is_the_same_for_a_seed_and_has_every_type_and_the_greatest_degree() {
    let mut random = Random::new(seed());
    let (graph, source, scenario) = carried(&mut random, 80).await;
    let sampled = |seed| {
        let sample = Some(Sample { size: 15, seed });
        Options { roots: Choice { sample, ..Choice::default() }, limits: hops(1), ..options() }
    };
    let folder = tempfile::tempdir().unwrap();
    let mut roots = Vec::new();
    for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        let path = folder.path().join(name);
        let options = Options { evidence: Some(path.clone()), ..sampled(seed) };
        let report = compare(&source, &graph, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Equal);
        roots.push(provsync::compare::evidence::read(&path).unwrap().0.roots);
    }
    assert_eq!(roots[0], roots[1]);
    assert_ne!(roots[0], roots[2]);
    assert_eq!(roots[0].len(), 15);
    let key = |root: &provsync::compare::evidence::Root| match root {
        provsync::compare::evidence::Root::Row { row, .. } => Some(row.parse().unwrap()),
        _ => None,
    };
    let keys: Vec<i64> = roots[0].iter().filter_map(key).collect();
    assert_eq!(keys.len(), 12, "atoms without a row are a type of their own");
    for kind in support::scenario::TYPES {
        let of_kind: Vec<i64> =
            scenario.nodes.iter().filter(|n| n.kind == kind).map(|n| n.key).collect();
        let chosen = keys.iter().filter(|key| of_kind.contains(key)).count();
        assert_eq!(chosen, of_kind.len().min(3), "{kind}");
        let degree = |key: &i64| {
            let edges = scenario.edges.iter().map(|e| [e.from, e.to]);
            let ends = edges.map(|ends| ends.iter().filter(|end| **end == *key).count());
            let node = scenario.nodes.iter().find(|n| n.key == *key).unwrap();
            let atoms = scenario.streams.iter().map(|s| [s.from, s.to]);
            let links = atoms.map(|ends| ends.iter().filter(|end| **end == node.atom).count());
            let of_links: usize = if kind == "atom" { links.sum() } else { 0 };
            ends.sum::<usize>() + of_links
        };
        let greatest = of_kind.iter().map(degree).max();
        assert_eq!(keys.iter().filter(|k| of_kind.contains(k)).map(degree).max(), greatest);
    }
}

#[tokio::test]
async fn what_changed_since_a_version_is_where_a_walk_begins() {
    let mut random = Random::new(seed());
    let (graph, source, _) = carried(&mut random, 40).await;
    let version = source.version().await;
    let since = |version| Options {
        roots: Choice { changed_since: Some(version), ..Choice::default() },
        limits: hops(1),
        ..options()
    };
    let report = compare(&source, &graph, &since(version)).await.unwrap();
    assert_eq!((report.verdict, report.walk.unwrap().roots), (Verdict::Equal, 0));
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'new' WHERE NodeId = 3").await;
    source.execute("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = 7").await;
    let before = raw::of_graph(&graph).await;
    let edge = before.joined[&('e', 7)].first().unwrap().clone();
    let ends: std::collections::BTreeSet<_> =
        [Some("r3".to_owned()), edge.from, edge.to].into_iter().flatten().collect();
    full(&source, &graph).await.unwrap();
    // The graph no longer has the edge: only what the stores have is a root.
    let report = compare(&source, &graph, &since(version)).await.unwrap();
    assert_eq!((report.verdict, report.walk.unwrap().roots), (Verdict::Equal, 1));
    graph
        .run("MATCH (a:AtomGraphNode {nodeId: 1}), (b:AtomGraphNode {nodeId: 2}) CREATE (a)-[:SIMILAR_TO {edgeId: 7}]->(b)")
        .await;
    let report = compare(&source, &graph, &since(version)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Different);
    assert_eq!(named(&report), BTreeMap::from([(('e', 7), 1)]));
    assert!(!ends.is_empty());
}

#[tokio::test]
async fn types_and_streams_that_are_left_out_are_not_compared() {
    let (graph, source) = sample().await;
    graph.run("MATCH ()-[r:GENERATED {streamId: 2001}]->() SET r.modelUsed = 'x'").await;
    graph
        .run("MATCH ()-[r:DERIVED_FROM]->() WITH r ORDER BY r.edgeId LIMIT 1 SET r.weight = 9.5")
        .await;
    let edge =
        graph.number("MATCH ()-[r:DERIVED_FROM {weight: 9.5}]->() RETURN r.edgeId AS row").await;
    let with = |types: &[&str], streams| Options {
        types: types.iter().map(|t| (*t).to_owned()).collect(),
        streams,
        ..options()
    };
    let both = BTreeMap::from([(('e', edge), 1), (('s', 2001), 1)]);
    let only = |element| BTreeMap::from([(element, 1)]);
    for (options, expected) in [
        (with(&[], true), both),
        (with(&[], false), only(('e', edge))),
        (with(&["GENERATED"], true), only(('s', 2001))),
        (with(&["derivedfrom"], true), only(('e', edge))),
        (with(&["ComponentOf", "SIMILAR_TO"], true), BTreeMap::new()),
    ] {
        let report = compare(&source, &graph, &options).await.unwrap();
        assert_eq!(named(&report), expected, "{options:?}");
    }
}

#[tokio::test]
async fn a_limit_is_said_and_what_lies_behind_it_is_not_called_equal() {
    let (graph, source) = sample().await;
    for limits in [
        Limits { hops: None, nodes_max: 10, edges_max: 1_000 },
        Limits { hops: None, nodes_max: 1_000, edges_max: 10 },
    ] {
        let options = Options { limits, ..options() };
        let report = compare(&source, &graph, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Unknown);
        assert!(report.notes.iter().any(|note| note.contains("the walk ended")), "{report:?}");
        assert!(report.walk.unwrap().is_cut);
    }
}

#[tokio::test]
async fn a_placeholder_that_nothing_needs_is_found_where_it_is_a_root() {
    let (graph, source) = sample().await;
    graph.run("CREATE (:Atom:AtomPlaceholder {atomId: 4711})").await;
    let roots = Choice { atoms: vec!["4711".into()], ..Choice::default() };
    let report = compare(&source, &graph, &Options { roots, ..options() }).await.unwrap();
    assert_eq!(report.verdict, Verdict::Different);
    let found = &report.differences[0];
    assert_eq!((found.kind.code(), found.hop), ("leftover_placeholder", Some(0)));
}

#[tokio::test]
async fn rows_in_quarantine_differ_and_are_explained() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    let scenario = Scenario::random(&mut random, 20);
    source.execute(&scenario.sql()).await;
    let twin = &scenario.nodes[0];
    let twin = support::scenario::Node { key: 900, ..twin.clone() };
    source.execute(&support::scenario::nodes_sql(&[twin])).await;
    full(&source, &graph).await.unwrap();
    let report = compare(&source, &graph, &options()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Explained, "{report:?}");
    assert_eq!((report.counts.explained, report.counts.real), (1, 0));
    assert_eq!(report.differences[0].key, Some(900));
}

#[tokio::test]
async fn a_change_on_its_way_is_no_difference_and_is_not_called_equal_either() {
    let mut random = Random::new(seed());
    let (graph, source, _) = carried(&mut random, 30).await;
    source.execute("UPDATE graph.AtomGraphEdges SET Weight = 77 WHERE EdgeId = 5").await;
    let report = compare(&source, &graph, &options()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unknown, "nobody carries it");
    assert_eq!(report.counts.unsettled, 1);
    full(&source, &graph).await.unwrap();
    let report = compare(&source, &graph, &options()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Equal);
}

#[tokio::test]
async fn things_of_others_are_not_compared() {
    let (graph, source) = sample().await;
    graph
        .run(
            "MATCH (a:AtomGraphNode) WITH a LIMIT 5 SET a:XReviewed, a.xNote = 'x'
             CREATE (:XPerson)-[:X_OWNS]->(a)
             CREATE (a)-[:DERIVED_FROM {name: 'analyst'}]->(a)",
        )
        .await;
    let report = compare(&source, &graph, &options()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Equal, "{report:?}");
}

#[tokio::test]
async fn one_of_twenty_thousand_edges_of_a_node_is_found_from_the_far_side_of_it() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let node = |key| support::scenario::Node { key, atom: key, kind: "atom" };
    let edge = |key| support::scenario::Edge { key, from: key, to: 1, kind: "DerivedFrom" };
    let nodes_of_it: Vec<_> = (1..=20_001).map(node).collect();
    let edges: Vec<_> = (2..=20_001).map(edge).collect();
    source.execute(&support::scenario::nodes_sql(&nodes_of_it)).await;
    source.execute(&support::scenario::edges_sql(&edges)).await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = support::run::config(&source.config(), &graph);
    (config.full.page_rows, config.full.batch_rows) = (10_000, 5_000);
    let mapping = || Mapping::default_mapping().unwrap();
    support::run::run_full(&config, mapping(), provsync::reconcile::full::Options::default())
        .await
        .unwrap();
    let far = Options { roots: nodes(&[2]), limits: hops(3), ..options() };
    let report = compare(&source, &graph, &far).await.unwrap();
    assert_eq!(report.verdict, Verdict::Equal);
    assert_eq!(report.walk.unwrap().hops[2].graph.edges, 19_999);
    graph.run("MATCH ()-[r:DERIVED_FROM {edgeId: 12345}]->() SET r.weight = 0.5").await;
    let report = compare(&source, &graph, &far).await.unwrap();
    assert_eq!(named(&report), BTreeMap::from([(('e', 12_345), 2)]));
}

/// To the server 125.0 is 125, and a seek of 125 shows it as 125.
#[tokio::test]
async fn a_key_that_is_a_float_of_the_rows_number_is_found_at_its_hop() {
    let (graph, source) = sample().await;
    let edge = "MATCH (:AtomGraphNode {nodeId: 128})-[r]->(:AtomGraphNode {nodeId: 125}) WHERE r.edgeId IS NOT NULL RETURN r.edgeId AS row";
    let edge = graph.number(edge).await;
    graph.run("MATCH (n:AtomGraphNode {nodeId: 125}) SET n.nodeId = 125.0").await;
    let from = |hops| Options { roots: nodes(&[128]), limits: self::hops(hops), ..options() };
    let report = compare(&source, &graph, &from(2)).await.unwrap();
    assert_eq!(named(&report), BTreeMap::from([(('n', 125), 1)]));
    graph.run(&format!("MATCH ()-[r {{edgeId: {edge}}}]->() SET r.edgeId = {edge}.0")).await;
    let report = compare(&source, &graph, &from(2)).await.unwrap();
    assert_eq!(named(&report), BTreeMap::from([(('n', 125), 1), (('e', edge), 1)]));
    let report = compare(&source, &graph, &from(0)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Equal, "{report:#?}");
}

/// What is wrong is a stream that the walk does not cross: the atom that it begins at is not there in one
/// store all the same.
#[tokio::test]
async fn a_root_that_one_store_has_alone_is_found_whatever_way_the_walk_goes() {
    let (graph, source) = sample().await;
    graph
        .run("MATCH (a:Atom {atomId: 25}) CREATE (a)-[:GENERATED {streamId: 990001}]->(:Atom:AtomPlaceholder {atomId: 990001})")
        .await;
    let stream = "INSERT INTO provenance.GenerationStreams (SourceAtomId, TargetAtomId, GenerationType, ModelUsed) VALUES (25, 990002, N't', N'm')";
    source.execute("ALTER TABLE provenance.GenerationStreams DROP CONSTRAINT FK_GenerationStreams_Source; ALTER TABLE provenance.GenerationStreams DROP CONSTRAINT FK_GenerationStreams_Target").await;
    source.execute(stream).await;
    support::verify::say_all_is_carried(&source, &graph).await;
    let key = source
        .query("SELECT StreamId FROM provenance.GenerationStreams WHERE TargetAtomId = 990002")
        .await[0]
        .get(0)
        .unwrap();
    for (atom, kind, stream) in
        [("990001", "leftover_placeholder", 990_001), ("990002", "missing_in_graph", key)]
    {
        let from = |direction| Options {
            roots: Choice { atoms: vec![atom.into()], ..Choice::default() },
            direction,
            limits: hops(1),
            ..options()
        };
        let report = compare(&source, &graph, &from(Direction::Down)).await.unwrap();
        let found: Vec<_> =
            report.differences.iter().map(|d| (d.kind.code(), d.key, d.hop)).collect();
        assert_eq!(found, [(kind, None, Some(0))], "{report:#?}");
        assert_eq!(report.verdict, Verdict::Different);
        // Where the stream is crossed it says why, and is all that is said.
        let report = compare(&source, &graph, &from(Direction::Up)).await.unwrap();
        assert_eq!(named(&report), BTreeMap::from([(('s', stream), 1)]));
    }
}
