//! Small random graphs at the source, as T-SQL.

use std::collections::BTreeSet;

use super::Random;

pub const TYPES: [&str; 4] = ["atom", "embedding", "model", "layer"];
pub const RELATIONS: [&str; 4] = ["DerivedFrom", "ComponentOf", "SimilarTo", "GeneratedBy"];

#[derive(Clone, Debug)]
pub struct Node {
    pub key: i64,
    pub atom: i64,
    pub kind: &'static str,
}

#[derive(Clone, Debug)]
pub struct Edge {
    pub key: i64,
    pub from: i64,
    pub to: i64,
    pub kind: &'static str,
}

#[derive(Clone, Debug)]
pub struct Stream {
    pub key: i64,
    pub from: i64,
    pub to: i64,
}

/// A graph of rows.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    pub streams: Vec<Stream>,
}

impl Scenario {
    /// `n` nodes of different identities, three edges and a stream for each; self loops, parallel
    /// edges, and streams between atoms that have no row among them.
    pub fn random(random: &mut Random, n: u64) -> Self {
        let mut scenario = Self::default();
        let mut identities = BTreeSet::new();
        while scenario.nodes.len() < usize::try_from(n).unwrap() {
            let atom = i64::try_from(random.below(n)).unwrap() + 100;
            let kind = TYPES[usize::try_from(random.below(4)).unwrap()];
            if identities.insert((atom, kind)) {
                let key = i64::try_from(scenario.nodes.len()).unwrap() + 1;
                scenario.nodes.push(Node { key, atom, kind });
            }
        }
        let any = |random: &mut Random| i64::try_from(random.below(n)).unwrap() + 1;
        for key in 1..=i64::try_from(3 * n).unwrap() {
            let kind = RELATIONS[usize::try_from(random.below(4)).unwrap()];
            scenario.edges.push(Edge { key, from: any(random), to: any(random), kind });
        }
        for key in 1..=i64::try_from(n).unwrap() {
            scenario.streams.push(Stream { key, from: any(random) + 99, to: any(random) + 99 });
        }
        scenario
    }

    /// The statements that insert it.
    pub fn sql(&self) -> String {
        [nodes_sql(&self.nodes), edges_sql(&self.edges), streams_sql(&self.streams)].join("\n")
    }

    /// The keys of all edges on a node.
    pub fn edges_on(&self, node: i64) -> Vec<i64> {
        self.edges.iter().filter(|e| e.from == node || e.to == node).map(|e| e.key).collect()
    }
}

fn chunked<T>(rows: &[T], head: &str, row: impl Fn(&T) -> String, tail: &str) -> String {
    let statement = |rows: &[T]| {
        format!("{head}{}{tail};\n", rows.iter().map(&row).collect::<Vec<_>>().join(",\n"))
    };
    rows.chunks(500).map(statement).collect()
}

pub fn nodes_sql(nodes: &[Node]) -> String {
    let row = |n: &Node| {
        format!(
            "({}, {}, N'{}', N'{{\"n\":{}}}', '2024-03-01T12:00:00.{:07}')",
            n.key, n.atom, n.kind, n.key, n.key
        )
    };
    let head =
        "INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType, Metadata, CreatedAt) VALUES ";
    format!(
        "SET IDENTITY_INSERT graph.AtomGraphNodes ON;\n{}SET IDENTITY_INSERT graph.AtomGraphNodes OFF;",
        chunked(nodes, head, row, "")
    )
}

pub fn edges_sql(edges: &[Edge]) -> String {
    let row = |e: &Edge| format!("({}, {}, {}, N'{}', {}.5)", e.key, e.from, e.to, e.kind, e.key);
    let head = "INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType, Weight, CreatedAt)\nSELECT f.$node_id, t.$node_id, v.EdgeId, v.Kind, v.Weight, '2024-03-02T00:00:00'\nFROM (VALUES ";
    let tail = ") AS v (EdgeId, FromKey, ToKey, Kind, Weight)\nJOIN graph.AtomGraphNodes AS f ON f.NodeId = v.FromKey JOIN graph.AtomGraphNodes AS t ON t.NodeId = v.ToKey";
    format!(
        "SET IDENTITY_INSERT graph.AtomGraphEdges ON;\n{}SET IDENTITY_INSERT graph.AtomGraphEdges OFF;",
        chunked(edges, head, row, tail)
    )
}

pub fn streams_sql(streams: &[Stream]) -> String {
    let row = |s: &Stream| {
        format!("({}, {}, {}, N'text', N'm', '2024-03-03T00:00:00')", s.key, s.from, s.to)
    };
    let head = "INSERT INTO provenance.GenerationStreams (StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed, CreatedAt) VALUES ";
    format!(
        "SET IDENTITY_INSERT provenance.GenerationStreams ON;\n{}SET IDENTITY_INSERT provenance.GenerationStreams OFF;",
        chunked(streams, head, row, "")
    )
}
