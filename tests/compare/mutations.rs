//! One change at a time to either store, each found at its hop, or not reported when it lies beyond.

use std::collections::BTreeSet;

use super::*;
use provsync::neo4j::{Graph, checkpoint};
use provsync::reconcile::full;
use support::scenario::{Node, Stream, nodes_sql, streams_sql};

/// What is done to the graph; `{e}`, `{d}`, `{n}`, `{m}`, `{s}` are keys of edges, nodes and a stream, `{p}` the
/// key of a stream between two atoms without a row and `{a}` such an atom, `{x}` a new key and atom, `{w}` a
/// node's key and `{l}` a type's label that it can have.
const IN_GRAPH: [&str; 33] = [
    "MATCH ()-[r {edgeId: {e}}]->() DELETE r",
    "MATCH (a:AtomGraphNode {nodeId: {n}}), (b:AtomGraphNode {nodeId: {m}}) CREATE (a)-[:SIMILAR_TO {edgeId: {x}}]->(b)",
    "MATCH (a)-[r {edgeId: {e}}]->(), (b:AtomGraphNode {nodeId: {m}}) WITH a, r, b, properties(r) AS p DELETE r CREATE (a)-[q:COMPONENT_OF]->(b) SET q = p",
    "MATCH (a)-[r {edgeId: {e}}]->(b) WITH a, r, b, properties(r) AS p, CASE type(r) WHEN 'SIMILAR_TO' THEN 0 ELSE 1 END AS k DELETE r
     FOREACH (_ IN CASE k WHEN 0 THEN [1] ELSE [] END | CREATE (a)-[q:GENERATED_BY]->(b) SET q = p)
     FOREACH (_ IN CASE k WHEN 1 THEN [1] ELSE [] END | CREATE (a)-[q:SIMILAR_TO]->(b) SET q = p)",
    "MATCH (a)-[r:DERIVED_FROM {edgeId: {d}}]->(b) WITH a, r, b, properties(r) AS p DELETE r CREATE (b)-[q:DERIVED_FROM]->(a) SET q = p",
    "MATCH (a)-[r:DERIVED_FROM {edgeId: {d}}]->(b) CREATE (a)-[q:COMPONENT_OF]->(b) SET q = properties(r)",
    "MATCH ()-[r {edgeId: {e}}]->() SET r.weight = r.weight + 0.0000001",
    "MATCH ()-[r {edgeId: {e}}]->() REMOVE r.weight",
    "MATCH ()-[r {edgeId: {e}}]->() SET r.edgeId = {x}",
    "MATCH ()-[r {edgeId: {e}}]->() SET r.createdAt = r.createdAt + duration({nanoseconds: 100})",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) DETACH DELETE n",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) SET n.metadata = n.metadata + ' '",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) SET n.nodeId = {x}",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) SET n.atomId = {x}",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) SET n:AtomPlaceholder",
    "MATCH (n:AtomGraphNode {nodeId: {n}}), (m:AtomGraphNode {nodeId: {m}}) SET n.nodeId = -1 SET m.nodeId = {n} SET n.nodeId = {m}",
    "MATCH ()-[r:GENERATED {streamId: {s}}]->() DELETE r",
    "MATCH ()-[r:GENERATED {streamId: {s}}]->() SET r.modelUsed = 'another'",
    "MATCH (a:Atom)-[r:GENERATED {streamId: {s}}]->(), (b:Atom) WITH a, r, b ORDER BY b.atomId LIMIT 1 WITH a, r, b, properties(r) AS p DELETE r CREATE (a)-[q:GENERATED]->(b) SET q = p",
    "MATCH (n:AtomGraphNode {nodeId: {w}}) REMOVE n:Atom:Embedding:Model:Layer SET n:{l}",
    "MATCH (n:AtomGraphNode {nodeId: {w}}) SET n:{l}",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) REMOVE n:Atom:Embedding:Model:Layer",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) REMOVE n:AtomGraphNode, n.nodeId SET n:AtomPlaceholder",
    "CREATE (:Atom:AtomPlaceholder {atomId: {x}})",
    "MATCH (n:AtomGraphNode {nodeId: {n}}) CREATE (n)-[:SIMILAR_TO {edgeId: {x}}]->(:Atom:AtomPlaceholder {atomId: {x}})",
    "MATCH (a:Atom)-[:GENERATED {streamId: {s}}]->() CREATE (a)-[:GENERATED {streamId: {x}}]->(:Atom:AtomPlaceholder {atomId: {x}})",
    "MATCH ()-[r:GENERATED {streamId: {p}}]->() SET r.modelUsed = 'another'",
    "MATCH ()-[r:GENERATED {streamId: {p}}]->() DELETE r",
    "MATCH (a)-[r:GENERATED {streamId: {p}}]->(b) WHERE a <> b WITH a, r, b, properties(r) AS p DELETE r CREATE (b)-[q:GENERATED]->(a) SET q = p",
    "MATCH (a)-[:GENERATED {streamId: {p}}]->(b) CREATE (a)-[:GENERATED {streamId: {x}}]->(b)",
    "MATCH (a)-[r:GENERATED {streamId: {p}}]->(), (b:Atom {atomId: {a}}) WITH a, r, b, properties(r) AS p DELETE r CREATE (a)-[q:GENERATED]->(b) SET q = p",
    "MATCH (a)-[:GENERATED {streamId: {p}}]->(b) CREATE (a)-[:DERIVED_FROM {edgeId: {x}}]->(b)",
    "CREATE (:Atom:AtomPlaceholder {atomId: {x}})-[:GENERATED {streamId: {x}}]->(:Atom:AtomPlaceholder {atomId: {x}0})",
];

/// What is done to the source behind the worker's back.
const IN_SOURCE: [&str; 10] = [
    "DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {e}",
    "UPDATE graph.AtomGraphEdges SET Weight = Weight + 1 WHERE EdgeId = {e}",
    "UPDATE graph.AtomGraphNodes SET Metadata = N'other' WHERE NodeId = {n}",
    "UPDATE graph.AtomGraphNodes SET AtomId = {x} WHERE NodeId = {n}",
    "UPDATE graph.AtomGraphNodes SET NodeType = N'{l}' WHERE NodeId = {w}",
    "DELETE FROM provenance.GenerationStreams WHERE StreamId = {s}",
    "UPDATE provenance.GenerationStreams SET TargetAtomId = {x} WHERE StreamId = {s}",
    "UPDATE provenance.GenerationStreams SET ModelUsed = N'other' WHERE StreamId = {p}",
    "INSERT INTO provenance.GenerationStreams (SourceAtomId, TargetAtomId, GenerationType) VALUES ({x}, {a}, N't')",
    "INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType) SELECT f.$node_id, t.$node_id, N'SimilarTo' FROM graph.AtomGraphNodes AS f, graph.AtomGraphNodes AS t WHERE f.NodeId = {n} AND t.NodeId = {m}",
];

/// Says that the graph has all changes, as a worker that lost one would.
async fn mark_carried(source: &TestSource, graph: &TestGraph) {
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let found = checkpoint::read(&neo4j).await.unwrap().unwrap().state;
    let (fence, _) = checkpoint::raise_for_any(&neo4j).await.unwrap();
    let state = checkpoint::State { version: Some(source.version().await), ..found };
    let advance =
        async |txn: &mut _| checkpoint::advance(txn, &fence, None, &state, Some(true)).await;
    neo4j.write(advance).await.unwrap();
}

struct Keys {
    values: Vec<(&'static str, i64)>,
    label: &'static str,
}

impl Keys {
    fn random(random: &mut Random, raw: &support::raw::Raw, fresh: usize) -> Self {
        let keys = |kind: char, name: Option<&str>| -> Vec<i64> {
            let is_of = |joined: &std::collections::BTreeSet<raw::Joined>| {
                name.is_none_or(|name| joined.iter().any(|j| j.name == name))
            };
            let of_kind = raw.joined.iter().filter(|((k, _), joined)| *k == kind && is_of(joined));
            of_kind.map(|((_, key), _)| *key).collect()
        };
        let nodes: Vec<i64> =
            raw.nodes.keys().filter_map(|h| h.strip_prefix('r')?.parse().ok()).collect();
        let mut pick =
            |from: &[i64]| from[usize::try_from(random.below(from.len() as u64)).unwrap()];
        let n = pick(&nodes);
        let is_bare = |end: &Option<String>| end.as_ref().is_some_and(|end| end.starts_with('a'));
        let between = |joined: &&raw::Joined| is_bare(&joined.from) && is_bare(&joined.to);
        let bare: Vec<(i64, i64)> = raw
            .joined
            .iter()
            .filter(|((kind, _), _)| *kind == 's')
            .filter_map(|((_, key), joined)| {
                let joined = joined.iter().find(between)?;
                Some((*key, joined.to.as_ref()?[1..].parse().ok()?))
            })
            .collect();
        let streams: Vec<i64> = bare.iter().map(|(key, _)| *key).collect();
        let atoms: Vec<i64> = bare.iter().map(|(_, atom)| *atom).collect();
        let free = Self::free_labels(raw);
        let indices: Vec<i64> = (0..i64::try_from(free.len()).unwrap()).collect();
        let others: Vec<i64> = nodes.iter().copied().filter(|m| *m != n).collect();
        let (w, label) = free[usize::try_from(pick(&indices)).unwrap()];
        Self {
            values: vec![
                ("{e}", pick(&keys('e', None))),
                ("{d}", pick(&keys('e', Some("DERIVED_FROM")))),
                ("{s}", pick(&keys('s', None))),
                ("{n}", n),
                ("{m}", pick(&others)),
                ("{x}", 900_000_000 + i64::try_from(fresh).unwrap()),
                ("{w}", w),
                ("{p}", pick(&streams)),
                ("{a}", pick(&atoms)),
            ],
            label,
        }
    }

    /// Nodes, each with the types' labels that it can have without being in another's way.
    fn free_labels(raw: &support::raw::Raw) -> Vec<(i64, &'static str)> {
        let rows = raw.nodes.iter().filter_map(|(handle, lines)| {
            let mut words = lines.first()?.split(' ');
            let (label, atom) = (words.next()?, words.next()?.parse().ok()?);
            Some((handle.strip_prefix('r')?.parse().ok()?, label, atom))
        });
        let rows: Vec<(i64, &str, i64)> = rows.collect();
        let mut taken: BTreeSet<(i64, &str)> =
            rows.iter().map(|(_, label, atom)| (*atom, *label)).collect();
        let ends = raw.joined.values().flatten().flat_map(|j| [&j.from, &j.to]).flatten();
        let bare = ends.filter_map(|end| end.strip_prefix('a')?.parse().ok());
        taken.extend(bare.map(|atom| (atom, "Atom")));
        let labels = ["Atom", "Embedding", "Model", "Layer"];
        let all = rows.iter().flat_map(|(key, _, atom)| labels.map(|label| (*key, *atom, label)));
        let free = all.filter(|(_, atom, label)| !taken.contains(&(*atom, *label)));
        free.map(|(key, _, label)| (key, label)).collect()
    }

    /// The new atom, if the change made one.
    fn fresh(&self) -> i64 {
        self.values[5].1
    }

    /// Where an edge begins that may have changed: one in a few walks begins near what it has to find.
    fn near(&self, raw: &support::raw::Raw) -> i64 {
        let joined = raw.joined.get(&('e', self.values[0].1)).into_iter().flatten();
        let begins = joined.filter_map(|j| j.from.as_ref()?.strip_prefix('r')?.parse().ok());
        begins.min().unwrap_or(self.values[3].1)
    }

    fn put_into(&self, text: &str) -> String {
        let text = text.replace("{l}", self.label);
        self.values.iter().fold(text, |t, (name, key)| t.replace(name, &key.to_string()))
    }
}

/// Both stores, and how they are run over.
struct Stand {
    graph: TestGraph,
    source: TestSource,
    config: Config,
}

impl Stand {
    async fn full(&self) {
        let mapping = Mapping::default_mapping().unwrap();
        support::run::run_full(&self.config, mapping, full::Options::default()).await.unwrap();
    }

    async fn compare(&self, options: &Options) -> Report {
        compare_with(&self.config, options).await.unwrap()
    }

    /// Nothing is reported on equal stores: the whole, from every root.
    async fn assert_equal(&self, after: &str) {
        let report = self.compare(&super::options()).await;
        assert_eq!(report.verdict, Verdict::Equal, "after {after}: {report:#?}");
    }

    /// Changes one store at random, and says what was done.
    async fn change(&self, random: &mut Random, i: usize, keys: &Keys) -> String {
        if random.below(3) > 0 {
            let text = keys.put_into(IN_GRAPH[i % IN_GRAPH.len()]);
            self.graph.run(&text).await;
            text
        } else {
            let text = keys.put_into(IN_SOURCE[i % IN_SOURCE.len()]);
            self.source.execute(&text).await;
            mark_carried(&self.source, &self.graph).await;
            text
        }
    }
}

/// One change after the other, each brought back by a full; `is_small`, and all is compared after each.
async fn mutate(stand: &Stand, random: &mut Random, count: usize, is_small: bool) {
    let (mut found, mut beyond, mut by_hop) = (0, 0, BTreeMap::<u32, usize>::new());
    let mut raw = raw::of_source(&stand.source).await;
    for i in 0..count {
        let keys = Keys::random(random, &raw, i);
        let done = stand.change(random, i, &keys).await;
        let anywhere = Keys::random(random, &raw, i).values[3].1;
        let root = if is_small || i % 3 > 0 { anywhere } else { keys.near(&raw) };
        let way = [Way::Both, Way::Both, Way::Down, Way::Up][i % 4];
        let hops = u32::try_from(random.below(6)).unwrap() + 1;
        raw = raw::of_source(&stand.source).await;
        let of_graph = raw::of_graph(&stand.graph).await;
        let (roots, choice) = begin(random, &raw.union(&of_graph), root, keys.fresh());
        let mut expected = raw::differing(&raw, &of_graph, &roots, way, hops);
        if choice.all {
            expected.extend(detached(&raw, &of_graph));
            expected.extend(mistyped_placeholders(&stand.graph).await);
        }
        let options = Options {
            roots: choice,
            direction: direction(way),
            limits: super::hops(hops),
            ..options()
        };
        let report = stand.compare(&options).await;
        assert_eq!(named(&report), expected, "{done}\nfrom {roots:?} {way:?} {hops}: {report:#?}");
        let is_different = report.verdict == Verdict::Different;
        assert_eq!(is_different, !expected.is_empty());
        let first = expected.values().min().copied();
        assert_eq!(report.walk.unwrap().first_divergent_hop, first, "{done}");
        match first {
            Some(hop) => {
                found += 1;
                *by_hop.entry(hop).or_default() += 1;
            }
            None => beyond += 1,
        }
        stand.full().await;
        if is_small || i + 1 == count {
            stand.assert_equal(&done).await;
        }
    }
    println!("{count} changes: {found} found, {beyond} beyond the last hop; first hops {by_hop:?}");
    assert!(found >= count / 5 && beyond > 0);
}

/// Where a walk begins: a node and, of a walk in two, the new atom if either store has it, or that alone;
/// of a walk in four, everywhere.
fn begin(random: &mut Random, all: &raw::Raw, root: i64, atom: i64) -> (Vec<String>, Choice) {
    if random.below(4) == 0 {
        return (all.handles(), Choice { all: true, ..Choice::default() });
    }
    let of_atom = all.of_atom(atom);
    let (from_node, from_atom) = match random.below(4) {
        0 if !of_atom.is_empty() => (false, true),
        1 if !of_atom.is_empty() => (true, true),
        _ => (true, false),
    };
    let mut choice = Choice::default();
    let mut roots = Vec::new();
    if from_node {
        choice.nodes.push(root);
        roots.push(format!("r{root}"));
    }
    if from_atom {
        choice.atoms.push(atom.to_string());
        roots.extend(of_atom);
    }
    (roots, choice)
}

/// What hangs on nothing that a walk can come from, and differs: from everywhere, the first hop tells it.
fn detached(source: &raw::Raw, graph: &raw::Raw) -> BTreeMap<Element, u32> {
    let hangs = |joined: &raw::Joined| joined.from.is_none() || joined.to.is_none();
    let of_graph = graph.joined.iter().filter(|(_, joined)| joined.iter().any(hangs));
    let wrong = of_graph.filter(|(element, joined)| source.joined.get(element) != Some(joined));
    wrong.map(|(element, _)| (*element, 1)).collect()
}

/// No stream leads to an atom of another type, so none needs a placeholder of one.
async fn mistyped_placeholders(graph: &TestGraph) -> BTreeMap<Element, u32> {
    let atoms =
        "MATCH (n:AtomPlaceholder) WHERE NOT n:Atom AND NOT n:AtomGraphNode RETURN n.atomId AS row";
    graph.column(atoms).await.iter().map(|atom| (('p', atom.parse().unwrap()), 0)).collect()
}

fn given() -> Option<usize> {
    std::env::var("PROVSYNC_TEST_MUTATIONS").ok().and_then(|n| n.parse().ok())
}

#[tokio::test]
async fn one_change_to_either_store_is_found_at_its_hop_and_not_beyond_the_last() {
    let mut random = Random::new(seed());
    let (graph, source, _) = carried(&mut random, 40).await;
    let config = support::run::config(&source.config(), &graph);
    let stand = Stand { graph, source, config };
    mutate(&stand, &mut random, given().unwrap_or(80), true).await;
}

/// Nodes of high degree, and placeholders. `PROVSYNC_TEST_DEBIAN=6000` cuts the data.
#[tokio::test]
async fn one_change_to_the_debian_data_is_found_at_its_hop_and_not_beyond_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let rows = given()
        .is_some()
        .then(|| support::debian::sql(folder.path(), support::debian::ALL))
        .flatten();
    let (Some(sql), Some(count)) = (rows, given()) else {
        println!("SKIPPED: only with PROVSYNC_TEST_MUTATIONS, and where package lists are");
        return;
    };
    let graph = support::graph::empty().await;
    let source = support::debian::source(sql).await;
    // Changes give nodes and streams atoms of their own.
    source
        .execute(
            "ALTER TABLE graph.AtomGraphNodes DROP CONSTRAINT FK_AtomGraphNodes_Atoms;
             ALTER TABLE provenance.GenerationStreams DROP CONSTRAINT FK_GenerationStreams_Source;
             ALTER TABLE provenance.GenerationStreams DROP CONSTRAINT FK_GenerationStreams_Target",
        )
        .await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let config = support::debian::config(&source, &graph);
    let stand = Stand { graph, source, config };
    stand.full().await;
    mutate(&stand, &mut Random::new(seed()), count, false).await;
}

/// A look by the identity finds it too, and says what was looked for.
#[tokio::test]
async fn an_identity_that_is_the_same_number_as_a_float_is_different() {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    source.execute(&nodes_sql(&[Node { key: 1, atom: 101, kind: "atom" }])).await;
    source.execute(&streams_sql(&[Stream { key: 1, from: 101, to: 888 }])).await;
    full(&source, &graph).await.unwrap();
    let expected: [(i64, &[(Element, u32)]); 2] =
        [(101, &[(('n', 1), 0), (('s', 1), 1)]), (888, &[(('s', 1), 1)])];
    for (atom, expected) in expected {
        graph
            .run(&format!("MATCH (n:Atom {{atomId: {atom}}}) SET n.atomId = toFloat({atom})"))
            .await;
        let of_atom = Choice { atoms: vec![atom.to_string()], ..Choice::default() };
        for roots in [options().roots, of_atom] {
            let report = compare(&source, &graph, &Options { roots, ..options() }).await.unwrap();
            assert_eq!(report.verdict, Verdict::Different, "{atom}: {report:#?}");
            assert_eq!(named(&report), expected.iter().copied().collect(), "{atom}");
        }
        graph.run(&format!("MATCH (n:Atom {{atomId: {atom}}}) SET n.atomId = {atom}")).await;
    }
}
