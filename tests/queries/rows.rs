//! The source's rows as a graph of lists, and lineage over it as `NetworkX` has it: what the queries have
//! to answer, worked out without the graph and without provsync.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Value, json};
use tiberius::Row;

use super::support::networkx;
use super::support::scenario::{self, Scenario};
use super::support::source::TestSource;

pub struct Node {
    pub atom: i64,
    pub kind: String,
    pub metadata: Option<String>,
}

pub struct Stream {
    pub key: i64,
    pub from: i64,
    pub to: i64,
    pub kind: String,
    pub model: Option<String>,
    pub parameters: Option<String>,
    pub created: DateTime<Utc>,
}

/// Things by row key; arrows by the key that they start from.
pub type Arrows = BTreeMap<i64, Vec<i64>>;

#[derive(Default)]
pub struct Rows {
    pub nodes: BTreeMap<i64, Node>,
    /// Row keys of nodes that are atoms, by atom.
    atoms: BTreeMap<i64, i64>,
    /// From what was derived to what it was derived from.
    pub derived: Arrows,
    pub generated_by: Arrows,
    pub component_of: Arrows,
    pub streams: Vec<Stream>,
    /// Rows that repeat another's identity, and edges on them: the graph can't hold them.
    pub left_out: BTreeSet<(&'static str, i64)>,
}

impl Rows {
    /// Rows that are in no source: streams as `scenario::streams_sql` has them.
    pub fn of(scenario: &Scenario) -> Self {
        let mut rows = Self::default();
        for node in &scenario.nodes {
            let (atom, kind) = (node.atom, node.kind.to_owned());
            if kind == "atom" {
                rows.atoms.insert(atom, node.key);
            }
            rows.nodes.insert(node.key, Node { atom, kind, metadata: None });
        }
        for edge in &scenario.edges {
            rows.add_edge(edge.kind, edge.from, edge.to);
        }
        let created = "2024-03-03T00:00:00Z".parse().unwrap();
        let stream = |stream: &scenario::Stream| Stream {
            key: stream.key,
            from: stream.from,
            to: stream.to,
            kind: "text".into(),
            model: Some("m".into()),
            parameters: None,
            created,
        };
        rows.streams = scenario.streams.iter().map(stream).collect();
        rows
    }

    fn add_edge(&mut self, kind: &str, from: i64, to: i64) {
        let arrows = match kind {
            "DerivedFrom" => &mut self.derived,
            "GeneratedBy" => &mut self.generated_by,
            "ComponentOf" => &mut self.component_of,
            _ => return,
        };
        arrows.entry(from).or_default().push(to);
    }

    pub async fn read(source: &TestSource) -> Self {
        let mut rows = Self::default();
        rows.add_nodes(source).await;
        rows.add_edges(source).await;
        rows.add_streams(source).await;
        rows
    }

    async fn add_nodes(&mut self, source: &TestSource) {
        let mut identities = BTreeSet::new();
        let sql =
            "SELECT NodeId, AtomId, NodeType, Metadata FROM graph.AtomGraphNodes ORDER BY NodeId";
        for row in source.query(sql).await {
            let (key, atom) = (integer(&row, 0), integer(&row, 1));
            let kind = text(&row, 2).unwrap();
            if identities.insert((atom, kind.clone())) {
                if kind == "atom" {
                    self.atoms.insert(atom, key);
                }
                self.nodes.insert(key, Node { atom, kind, metadata: text(&row, 3) });
            } else {
                self.left_out.insert(("graph.AtomGraphNodes", key));
            }
        }
    }

    async fn add_edges(&mut self, source: &TestSource) {
        let sql = "SELECT e.EdgeId, a.NodeId, b.NodeId, e.RelationshipType
            FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b)";
        for row in source.query(sql).await {
            let (key, from, to) = (integer(&row, 0), integer(&row, 1), integer(&row, 2));
            if [from, to].iter().any(|end| !self.nodes.contains_key(end)) {
                self.left_out.insert(("graph.AtomGraphEdges", key));
                continue;
            }
            self.add_edge(&text(&row, 3).unwrap(), from, to);
        }
    }

    async fn add_streams(&mut self, source: &TestSource) {
        let sql = "SELECT StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed, Parameters, CreatedAt
            FROM provenance.GenerationStreams";
        for row in source.query(sql).await {
            self.streams.push(Stream {
                key: integer(&row, 0),
                from: integer(&row, 1),
                to: integer(&row, 2),
                kind: text(&row, 3).unwrap(),
                model: text(&row, 4),
                parameters: text(&row, 5),
                created: row.get::<NaiveDateTime, _>(6).unwrap().and_utc(),
            });
        }
    }

    /// From where a stream ends to where it begins.
    pub fn generated_from(&self) -> Arrows {
        let mut back = Arrows::new();
        for stream in &self.streams {
            back.entry(stream.to).or_default().push(stream.from);
        }
        back
    }

    /// The row key of the node of an atom.
    pub fn atom(&self, atom: i64) -> i64 {
        self.atoms[&atom]
    }
}

fn integer(row: &Row, i: usize) -> i64 {
    row.get(i).unwrap()
}

fn text(row: &Row, i: usize) -> Option<String> {
    row.get::<&str, _>(i).map(String::from)
}

/// The same arrows, turned round.
pub fn turned(arrows: &Arrows) -> Arrows {
    let mut turned = Arrows::new();
    for (from, ends) in arrows {
        for to in ends {
            turned.entry(*to).or_default().push(*from);
        }
    }
    turned
}

pub fn ends(arrows: &Arrows, from: i64) -> &[i64] {
    arrows.get(&from).map_or(&[], Vec::as_slice)
}

fn pairs(arrows: &Arrows) -> Vec<(i64, i64)> {
    arrows.iter().flat_map(|(from, ends)| ends.iter().map(|to| (*from, *to))).collect()
}

/// Hops by node.
fn hops(answer: &Value) -> BTreeMap<i64, usize> {
    serde_json::from_value::<Vec<(i64, usize)>>(answer.clone()).unwrap().into_iter().collect()
}

/// What is reached from `start`, with the fewest steps; `start` itself only by a cycle.
pub fn reached(arrows: &Arrows, start: i64) -> BTreeMap<i64, usize> {
    let question = json!({ "ask": "reached", "arrows": pairs(arrows), "start": start });
    hops(&networkx::ask(&question))
}

/// The shortest cycle of each node that is on one.
pub fn cycles(arrows: &Arrows) -> BTreeMap<i64, usize> {
    hops(&networkx::ask(&json!({ "ask": "cycles", "arrows": pairs(arrows) })))
}

/// Steps of the shortest ways from one to another, and how many there are: a million are any number.
pub fn ways(arrows: &Arrows, from: i64, to: i64) -> Option<(usize, usize)> {
    let question = json!({ "ask": "ways", "arrows": pairs(arrows), "from": from, "to": to });
    serde_json::from_value(networkx::ask(&question)).unwrap()
}
