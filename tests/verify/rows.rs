//! The rows of a source, read by plain SQL, and what follows from them.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use crate::support::source::TestSource;

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub atom: i64,
    pub kind: String,
    pub metadata: Option<String>,
    pub created: Option<NaiveDateTime>,
}

#[derive(Clone, Debug)]
pub struct Edge {
    pub from: i64,
    pub to: i64,
    pub kind: String,
}

#[derive(Clone, Debug)]
pub struct Stream {
    pub from: i64,
    pub to: i64,
}

/// All rows by key.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub nodes: BTreeMap<i64, Node>,
    pub edges: BTreeMap<i64, Edge>,
    pub streams: BTreeMap<i64, Stream>,
}

impl Rows {
    pub async fn read(source: &TestSource) -> Self {
        let mut rows = Self::default();
        let nodes =
            "SELECT NodeId, AtomId, NodeType, Metadata, CreatedAt FROM graph.AtomGraphNodes";
        for row in source.query(nodes).await {
            let node = Node {
                atom: row.get(1).unwrap(),
                kind: row.get::<&str, _>(2).unwrap().to_owned(),
                metadata: row.get::<&str, _>(3).map(String::from),
                created: row.get(4),
            };
            rows.nodes.insert(row.get(0).unwrap(), node);
        }
        let edges = "SELECT e.EdgeId, a.NodeId, b.NodeId, e.RelationshipType
             FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b)";
        for row in source.query(edges).await {
            let kind = row.get::<&str, _>(3).unwrap().to_owned();
            let edge = Edge { from: row.get(1).unwrap(), to: row.get(2).unwrap(), kind };
            rows.edges.insert(row.get(0).unwrap(), edge);
        }
        let streams =
            "SELECT StreamId, SourceAtomId, TargetAtomId FROM provenance.GenerationStreams";
        for row in source.query(streams).await {
            let stream = Stream { from: row.get(1).unwrap(), to: row.get(2).unwrap() };
            rows.streams.insert(row.get(0).unwrap(), stream);
        }
        rows
    }

    /// Keys of the edges on a node.
    pub fn edges_on(&self, node: i64) -> Vec<i64> {
        let on = |(_, e): &(&i64, &Edge)| e.from == node || e.to == node;
        self.edges.iter().filter(on).map(|(key, _)| *key).collect()
    }

    /// Keys of the streams on an atom.
    pub fn streams_on(&self, atom: i64) -> Vec<i64> {
        let on = |(_, s): &(&i64, &Stream)| s.from == atom || s.to == atom;
        self.streams.iter().filter(on).map(|(key, _)| *key).collect()
    }

    /// Keys of the streams that stand on a node.
    pub fn streams_on_node(&self, node: i64) -> Vec<i64> {
        let node = &self.nodes[&node];
        if node.kind == "atom" { self.streams_on(node.atom) } else { Vec::new() }
    }

    /// Whether an identity has a row.
    pub fn has(&self, atom: i64, kind: &str) -> bool {
        self.nodes.values().any(|node| node.atom == atom && node.kind == kind)
    }

    /// Atoms without a row that no stream needs once these streams are gone.
    pub fn orphans_without(&self, gone: &[i64]) -> Vec<i64> {
        let ends = gone.iter().flat_map(|key| [self.streams[key].from, self.streams[key].to]);
        let is_needed = |atom: i64| self.streams_on(atom).iter().any(|key| !gone.contains(key));
        ends.filter(|atom| !self.has(*atom, "atom") && !is_needed(*atom)).collect()
    }
}

/// The label or relationship type of a type.
pub fn name(kind: &str) -> &'static str {
    match kind {
        "atom" => "Atom",
        "embedding" => "Embedding",
        "model" => "Model",
        "layer" => "Layer",
        "DerivedFrom" => "DERIVED_FROM",
        "ComponentOf" => "COMPONENT_OF",
        "SimilarTo" => "SIMILAR_TO",
        "GeneratedBy" => "GENERATED_BY",
        other => panic!("{other}"),
    }
}
