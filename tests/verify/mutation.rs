//! One thing made wrong on one side, and the differences that follow, worked out from the rows.

use std::collections::BTreeSet;

use super::rows::{Rows, name};
use crate::support::Random;
use crate::support::scenario::{RELATIONS, TYPES};

/// What is done, and what must be found.
#[derive(Clone, Debug)]
pub struct Mutation {
    pub what: &'static str,
    pub at: At,
    pub statements: Vec<String>,
    pub expected: BTreeSet<String>,
}

/// On which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Source,
    Graph,
}

/// Keys that mutations of one round have touched: what follows from one must not hide another.
#[derive(Debug, Default)]
pub struct Touched(BTreeSet<(char, i64)>);

impl Touched {
    /// Touches them all, or none if one was touched before.
    fn touch(&mut self, all: impl IntoIterator<Item = (char, i64)>) -> Option<()> {
        let all: BTreeSet<(char, i64)> = all.into_iter().collect();
        if !self.0.is_disjoint(&all) {
            return None;
        }
        self.0.extend(all);
        Some(())
    }
}

pub fn node(key: i64, what: &str) -> String {
    format!("graph.AtomGraphNodes {key} {what}")
}

pub fn edge(key: i64, what: &str) -> String {
    format!("graph.AtomGraphEdges {key} {what}")
}

pub fn stream(key: i64, what: &str) -> String {
    format!("provenance.GenerationStreams {key} {what}")
}

pub fn leftover(atom: i64) -> String {
    format!("graph.AtomGraphNodes leftover_placeholder {atom}")
}

/// Makes mutations over some rows.
pub struct Mutator<'a> {
    pub random: &'a mut Random,
    pub rows: &'a Rows,
    pub touched: Touched,
    /// Keys and identities that nothing has.
    pub fresh: i64,
    /// Whether the source's constraints leave it free what is changed there.
    pub source_too: bool,
}

const AT_GRAPH: u64 = 24;
const AT_SOURCE: u64 = 11;

impl Mutator<'_> {
    /// A mutation that touches nothing that another one touched.
    pub fn next(&mut self) -> Mutation {
        loop {
            let kinds = if self.source_too { AT_GRAPH + AT_SOURCE } else { AT_GRAPH };
            let kind = self.random.below(kinds);
            let mutation =
                if kind < AT_GRAPH { self.at_graph(kind) } else { self.at_source(kind - AT_GRAPH) };
            if let Some(mutation) = mutation {
                return mutation;
            }
        }
    }

    fn pick(&mut self, keys: Vec<i64>) -> Option<i64> {
        let count = u64::try_from(keys.len()).unwrap();
        (count > 0).then(|| keys[usize::try_from(self.random.below(count)).unwrap()])
    }

    fn a_node(&mut self) -> Option<i64> {
        let key = self.pick(self.rows.nodes.keys().copied().collect())?;
        let streams = self.rows.streams_on_node(key);
        let atoms =
            streams.iter().flat_map(|s| [self.rows.streams[s].from, self.rows.streams[s].to]);
        let own = std::iter::once(('a', self.rows.nodes[&key].atom));
        let atoms = atoms.map(|a| ('a', a)).chain(own);
        let edges = self.rows.edges_on(key).into_iter().map(|e| ('e', e));
        let streams = streams.iter().map(|s| ('s', *s));
        self.touched.touch(edges.chain(streams).chain(atoms).chain([('n', key)]))?;
        Some(key)
    }

    fn an_edge(&mut self) -> Option<i64> {
        let key = self.pick(self.rows.edges.keys().copied().collect())?;
        let e = &self.rows.edges[&key];
        self.touched.touch([('e', key), ('n', e.from), ('n', e.to)])?;
        Some(key)
    }

    fn a_stream(&mut self) -> Option<i64> {
        let key = self.pick(self.rows.streams.keys().copied().collect())?;
        let s = &self.rows.streams[&key];
        self.touched.touch([('s', key), ('a', s.from), ('a', s.to)])?;
        Some(key)
    }

    /// A node that is nowhere touched, as an end.
    fn an_end(&mut self) -> Option<i64> {
        let key = self.pick(self.rows.nodes.keys().copied().collect())?;
        self.touched.touch([('n', key)])?;
        Some(key)
    }

    fn other_kind(&mut self, kinds: [&'static str; 4], than: &str) -> &'static str {
        let others: Vec<&str> = kinds.into_iter().filter(|kind| *kind != than).collect();
        others[usize::try_from(self.random.below(3)).unwrap()]
    }

    fn fresh(&mut self) -> i64 {
        self.fresh += 1;
        self.fresh
    }

    #[allow(clippy::too_many_lines)]
    fn at_graph(&mut self, kind: u64) -> Option<Mutation> {
        let (what, statements, expected): (&str, Vec<String>, Vec<String>) = match kind {
            0 => {
                let k = self.an_edge()?;
                (
                    "an edge is lost",
                    vec![format!("{} DELETE r", self.match_edge(k))],
                    vec![edge(k, "missing_in_graph")],
                )
            }
            1 => {
                let (a, b, k) = (self.an_end()?, self.an_end()?, self.fresh());
                let text = format!(
                    "MATCH (a:AtomGraphNode {{nodeId: {a}}}), (b:AtomGraphNode {{nodeId: {b}}}) CREATE (a)-[:SIMILAR_TO {{edgeId: {k}}}]->(b)"
                );
                ("an edge too many", vec![text], vec![edge(k, "extra_in_graph")])
            }
            2 => {
                let (k, z) = (self.an_edge()?, self.an_end()?);
                let text = format!(
                    "{} MATCH (z:AtomGraphNode {{nodeId: {z}}}) WITH a, z, r, properties(r) AS p DELETE r CREATE (a)-[n:{}]->(z) SET n = p",
                    self.match_edge(k),
                    self.edge_name(k)
                );
                ("an edge ends elsewhere", vec![text], vec![edge(k, "wrong_ends")])
            }
            3 => {
                let k = self.an_edge()?;
                let other = name(self.other_kind(RELATIONS, &self.rows.edges[&k].kind));
                let text = format!(
                    "{} CREATE (a)-[n:{other}]->(b) SET n = properties(r) DELETE r",
                    self.match_edge(k)
                );
                ("an edge of another type", vec![text], vec![edge(k, "wrong_name")])
            }
            4 => {
                let k = self.an_edge()?;
                if self.rows.edges[&k].from == self.rows.edges[&k].to {
                    return None;
                }
                let text = format!(
                    "{} WITH a, b, r, properties(r) AS p DELETE r CREATE (b)-[n:{}]->(a) SET n = p",
                    self.match_edge(k),
                    self.edge_name(k)
                );
                ("an edge is turned", vec![text], vec![edge(k, "wrong_direction")])
            }
            5 => {
                let k = self.an_edge()?;
                let other = name(self.other_kind(RELATIONS, &self.rows.edges[&k].kind));
                let text = format!(
                    "{} CREATE (a)-[n:{other}]->(b) SET n = properties(r)",
                    self.match_edge(k)
                );
                (
                    "a key under a second type",
                    vec![text],
                    vec![edge(k, &format!("doubled {other}"))],
                )
            }
            6 => {
                let k = self.an_edge()?;
                // The next double, or the one after.
                let text = format!(
                    "{} SET r.weight = coalesce(r.weight, 1.0) * (1.0 + 2.220446049250313e-16) + CASE r.weight WHEN 0.0 THEN 1.0 ELSE 0.0 END",
                    self.match_edge(k)
                );
                ("a weight's last digit", vec![text], vec![edge(k, "property weight")])
            }
            7 => {
                let k = self.a_node()?;
                let text = format!(
                    "{} SET n.createdAt = n.createdAt + duration({{nanoseconds: 1}})",
                    match_node(k)
                );
                ("a moment's last digit", vec![text], vec![node(k, "property createdAt")])
            }
            8 => {
                let k = self.a_node()?;
                let text =
                    format!("{} SET n.metadata = coalesce(n.metadata, '') + ' '", match_node(k));
                ("a text's last character", vec![text], vec![node(k, "property metadata")])
            }
            9 => {
                let k = self.a_stream()?;
                let text =
                    format!("{} SET r.generationType = null, r.parameters = '1'", match_stream(k));
                (
                    "a property lost and one too many",
                    vec![text],
                    vec![stream(k, "property generationType"), stream(k, "property parameters")],
                )
            }
            10 => {
                let k = self.a_node()?;
                let mut expected = vec![node(k, "missing_in_graph")];
                expected
                    .extend(self.rows.edges_on(k).into_iter().map(|e| edge(e, "missing_in_graph")));
                let streams = self.rows.streams_on_node(k);
                expected.extend(streams.iter().map(|s| stream(*s, "missing_in_graph")));
                expected.extend(self.rows.orphans_without(&streams).into_iter().map(leftover));
                ("a node is lost", vec![format!("{} DETACH DELETE n", match_node(k))], expected)
            }
            11 => {
                let atom = self.fresh();
                (
                    "a placeholder is left over",
                    vec![format!("CREATE (:Atom:AtomPlaceholder {{atomId: {atom}}})")],
                    vec![leftover(atom)],
                )
            }
            12 => {
                let k = self.a_node()?;
                (
                    "a row's node says placeholder",
                    vec![format!("{} SET n:AtomPlaceholder", match_node(k))],
                    vec![node(k, "placeholder_label")],
                )
            }
            13 => {
                let (k, other) = self.a_node_and_label()?;
                (
                    "a label too many",
                    vec![format!("{} SET n:{other}", match_node(k))],
                    vec![node(k, &format!("extra_name {other}"))],
                )
            }
            14 => {
                let (k, other) = self.a_node_and_label()?;
                let text = format!(
                    "{} REMOVE n:{} SET n:{other}",
                    match_node(k),
                    name(&self.rows.nodes[&k].kind)
                );
                let mut expected = vec![node(k, "wrong_name")];
                expected.extend(
                    self.rows.streams_on_node(k).into_iter().map(|s| stream(s, "wrong_ends")),
                );
                ("a node of another type", vec![text], expected)
            }
            15 => {
                let (k, atom) = (self.a_node()?, self.fresh());
                let mut expected = vec![node(k, "wrong_identity")];
                expected.extend(
                    self.rows.streams_on_node(k).into_iter().map(|s| stream(s, "wrong_ends")),
                );
                (
                    "a node of another identity",
                    vec![format!("{} SET n.atomId = {atom}", match_node(k))],
                    expected,
                )
            }
            16 => return self.swapped_nodes(),
            17 => {
                let (k, fresh) = (self.an_edge()?, self.fresh());
                (
                    "an edge's key is another",
                    vec![format!("{} SET r.edgeId = {fresh}", self.match_edge(k))],
                    vec![edge(k, "missing_in_graph"), edge(fresh, "extra_in_graph")],
                )
            }
            18 => {
                let (k, fresh) = (self.a_node()?, self.fresh());
                let mut expected = vec![node(k, "missing_in_graph"), node(fresh, "extra_in_graph")];
                expected.extend(self.rows.edges_on(k).into_iter().map(|e| edge(e, "wrong_ends")));
                (
                    "a node's key is another",
                    vec![format!("{} SET n.nodeId = {fresh}", match_node(k))],
                    expected,
                )
            }
            19 => {
                let k = self.a_stream()?;
                let mut expected = vec![stream(k, "missing_in_graph")];
                expected.extend(self.rows.orphans_without(&[k]).into_iter().map(leftover));
                ("a stream is lost", vec![format!("{} DELETE r", match_stream(k))], expected)
            }
            20 => {
                let k = self.a_stream()?;
                if self.rows.streams[&k].from == self.rows.streams[&k].to {
                    return None;
                }
                let text = format!(
                    "{} WITH a, b, r, properties(r) AS p DELETE r CREATE (b)-[n:GENERATED]->(a) SET n = p",
                    match_stream(k)
                );
                ("a stream is turned", vec![text], vec![stream(k, "wrong_direction")])
            }
            21 => {
                let k = self.an_edge()?;
                (
                    "an edge's key is lost",
                    vec![format!("{} REMOVE r.edgeId", self.match_edge(k))],
                    vec![edge(k, "missing_in_graph")],
                )
            }
            22 => {
                let k = self.a_node()?;
                let mut expected = vec![node(k, "missing_in_graph")];
                expected.extend(self.rows.edges_on(k).into_iter().map(|e| edge(e, "wrong_ends")));
                (
                    "a node lost provsync's label",
                    vec![format!("{} REMOVE n:AtomGraphNode", match_node(k))],
                    expected,
                )
            }
            _ => {
                let (atom, k) = (self.fresh(), self.fresh());
                let text = format!("CREATE (:Layer:AtomGraphNode {{atomId: {atom}, nodeId: {k}}})");
                ("a node too many", vec![text], vec![node(k, "extra_in_graph")])
            }
        };
        Some(Mutation { what, at: At::Graph, statements, expected: expected.into_iter().collect() })
    }

    fn at_source(&mut self, kind: u64) -> Option<Mutation> {
        let (what, sql, expected): (&str, String, Vec<String>) = match kind {
            0 => {
                let k = self.an_edge()?;
                (
                    "an edge row is deleted",
                    format!("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {k}"),
                    vec![edge(k, "extra_in_graph")],
                )
            }
            1 => {
                let (a, b, k) = (self.an_end()?, self.an_end()?, self.fresh());
                (
                    "an edge row is inserted",
                    insert_edge(k, a, b, "SimilarTo", k),
                    vec![edge(k, "missing_in_graph")],
                )
            }
            2 => {
                let k = self.an_edge()?;
                // The REAL after the one of 1.5.
                let sql = format!(
                    "UPDATE graph.AtomGraphEdges SET Weight = CASE WHEN Weight = CAST(1.5 AS real) THEN CAST(1.5000001 AS real) ELSE CAST(1.5 AS real) END WHERE EdgeId = {k}"
                );
                ("a weight changes", sql, vec![edge(k, "property weight")])
            }
            3 => {
                let k = self.an_edge()?;
                let other = self.other_kind(RELATIONS, &self.rows.edges[&k].kind);
                let sql = format!(
                    "UPDATE graph.AtomGraphEdges SET RelationshipType = N'{other}' WHERE EdgeId = {k}"
                );
                (
                    "an edge row changes its type",
                    sql,
                    vec![edge(k, "wrong_name"), edge(k, "property relationshipType")],
                )
            }
            4 => {
                let k = self.a_node()?;
                let sql = format!(
                    "UPDATE graph.AtomGraphNodes SET Metadata = CONCAT(Metadata, N'.') WHERE NodeId = {k}"
                );
                ("a node row's text changes", sql, vec![node(k, "property metadata")])
            }
            5 => {
                let (k, atom) = (self.a_node()?, self.fresh());
                let sql =
                    format!("UPDATE graph.AtomGraphNodes SET AtomId = {atom} WHERE NodeId = {k}");
                ("a node row changes its identity", sql, vec![node(k, "wrong_identity")])
            }
            6 => {
                let k = self.a_node()?;
                let atom = self.rows.nodes[&k].atom;
                let other = self.other_kind(TYPES, &self.rows.nodes[&k].kind);
                if other == "atom" || self.rows.has(atom, other) {
                    return None;
                }
                let sql = format!(
                    "UPDATE graph.AtomGraphNodes SET NodeType = N'{other}' WHERE NodeId = {k}"
                );
                (
                    "a node row changes its type",
                    sql,
                    vec![node(k, "wrong_name"), node(k, "property nodeType")],
                )
            }
            7 => {
                let k = self.a_stream()?;
                (
                    "a stream row is deleted",
                    format!("DELETE FROM provenance.GenerationStreams WHERE StreamId = {k}"),
                    vec![stream(k, "extra_in_graph")],
                )
            }
            8 => {
                let (k, atom) = (self.a_stream()?, self.fresh());
                let sql = format!(
                    "UPDATE provenance.GenerationStreams SET TargetAtomId = {atom} WHERE StreamId = {k}"
                );
                ("a stream row ends elsewhere", sql, vec![stream(k, "wrong_ends")])
            }
            9 => {
                let k = self.a_node()?;
                let edges = self.rows.edges_on(k);
                let mut expected = vec![node(k, "extra_in_graph")];
                expected.extend(edges.iter().map(|e| edge(*e, "extra_in_graph")));
                let list = edges
                    .iter()
                    .chain([&-1])
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ");
                let sql = format!(
                    "DELETE FROM graph.AtomGraphEdges WHERE EdgeId IN ({list}); DELETE FROM graph.AtomGraphNodes WHERE NodeId = {k}"
                );
                ("a node row is deleted with its edges", sql, expected)
            }
            _ => {
                let (k, a) = (self.an_edge()?, self.an_end()?);
                let Some(b) = self.an_end() else { return None };
                let kind = self.rows.edges[&k].kind.clone();
                let sql = format!(
                    "DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {k}; {}",
                    insert_edge(k, a, b, &kind, self.fresh())
                );
                (
                    "an edge row is made anew elsewhere",
                    sql,
                    vec![
                        edge(k, "wrong_ends"),
                        edge(k, "property weight"),
                        edge(k, "property createdAt"),
                    ],
                )
            }
        };
        Some(Mutation {
            what,
            at: At::Source,
            statements: vec![sql],
            expected: expected.into_iter().collect(),
        })
    }

    /// A node and a type's label that it can have without being in another's way.
    fn a_node_and_label(&mut self) -> Option<(i64, &'static str)> {
        let k = self.a_node()?;
        let other = self.other_kind(TYPES, &self.rows.nodes[&k].kind);
        let is_free = other != "atom" && !self.rows.has(self.rows.nodes[&k].atom, other);
        is_free.then(|| (k, name(other)))
    }

    fn swapped_nodes(&mut self) -> Option<Mutation> {
        let (a, b) = (self.a_node()?, self.a_node()?);
        let set = |from: i64, to: i64| format!("{} SET n.nodeId = {to}", match_node(from));
        let statements = vec![set(a, -7), set(b, a), set(-7, b)];
        let (x, y) = (self.rows.nodes[&a].clone(), self.rows.nodes[&b].clone());
        let mut expected = BTreeSet::new();
        for key in [a, b] {
            let ways = [
                (x.atom != y.atom, "wrong_identity"),
                (x.kind != y.kind, "wrong_name"),
                (x.kind != y.kind, "property nodeType"),
                (x.metadata != y.metadata, "property metadata"),
                (x.created != y.created, "property createdAt"),
            ];
            expected.extend(ways.iter().filter(|(is, _)| *is).map(|(_, what)| node(key, what)));
        }
        let swap = |key: i64| {
            if key == a {
                b
            } else if key == b {
                a
            } else {
                key
            }
        };
        for k in self.rows.edges_on(a).into_iter().chain(self.rows.edges_on(b)) {
            let e = &self.rows.edges[&k];
            let found = (swap(e.from), swap(e.to));
            let what = if found == (e.to, e.from) { "wrong_direction" } else { "wrong_ends" };
            expected.insert(edge(k, what));
        }
        Some(Mutation { what: "two nodes are swapped", at: At::Graph, statements, expected })
    }

    fn edge_name(&self, key: i64) -> &'static str {
        name(&self.rows.edges[&key].kind)
    }

    fn match_edge(&self, key: i64) -> String {
        format!("MATCH (a)-[r:{} {{edgeId: {key}}}]->(b)", self.edge_name(key))
    }
}

fn match_node(key: i64) -> String {
    format!("MATCH (n:AtomGraphNode {{nodeId: {key}}})")
}

fn match_stream(key: i64) -> String {
    format!("MATCH (a)-[r:GENERATED {{streamId: {key}}}]->(b)")
}

/// Its weight and its moment are told by `mark`, so that they differ from what the key had before.
fn insert_edge(key: i64, from: i64, to: i64, kind: &str, mark: i64) -> String {
    format!(
        "SET IDENTITY_INSERT graph.AtomGraphEdges ON;
         INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType, Weight, CreatedAt)
         SELECT a.$node_id, b.$node_id, {key}, N'{kind}', {mark}.25, '2031-01-01T00:00:00.{mark:07}'
         FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.NodeId = {from} AND b.NodeId = {to};
         SET IDENTITY_INSERT graph.AtomGraphEdges OFF"
    )
}
