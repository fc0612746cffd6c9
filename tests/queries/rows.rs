//! The source's rows as a graph of lists, and lineage over it by plain breadth-first search: what the
//! queries have to answer, worked out without the graph and without provsync.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, NaiveDateTime, Utc};
use tiberius::Row;

use super::support::source::TestSource;

/// The queries' limit.
pub const HOPS_MAX: usize = 32;

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

pub struct Rows {
    pub nodes: BTreeMap<i64, Node>,
    /// From what was derived to what it was derived from.
    pub derived: Arrows,
    pub generated_by: Arrows,
    pub component_of: Arrows,
    pub streams: Vec<Stream>,
    /// Rows that repeat another's identity, and edges on them: the graph can't hold them.
    pub left_out: BTreeSet<(&'static str, i64)>,
}

impl Rows {
    pub async fn read(source: &TestSource) -> Self {
        let mut rows = Self {
            nodes: BTreeMap::new(),
            derived: Arrows::new(),
            generated_by: Arrows::new(),
            component_of: Arrows::new(),
            streams: Vec::new(),
            left_out: BTreeSet::new(),
        };
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
            let arrows = match text(&row, 3).unwrap().as_str() {
                "DerivedFrom" => &mut self.derived,
                "GeneratedBy" => &mut self.generated_by,
                "ComponentOf" => &mut self.component_of,
                _ => continue,
            };
            arrows.entry(from).or_default().push(to);
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

    /// The row key of the node of an atom.
    pub fn atom(&self, atom: i64) -> i64 {
        let is_it = |node: &Node| node.atom == atom && node.kind == "atom";
        *self.nodes.iter().find(|(_, node)| is_it(node)).unwrap().0
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

/// What is reached from `start` in 1 to [`HOPS_MAX`] steps, with the fewest; `start` itself only by
/// a cycle.
pub fn reached(arrows: &Arrows, start: i64) -> BTreeMap<i64, usize> {
    let mut hops = BTreeMap::new();
    let mut next = VecDeque::from([(start, 0)]);
    while let Some((at, steps)) = next.pop_front() {
        if steps == HOPS_MAX {
            continue;
        }
        for to in ends(arrows, at) {
            if !hops.contains_key(to) {
                hops.insert(*to, steps + 1);
                next.push_back((*to, steps + 1));
            }
        }
    }
    hops
}

/// All ways from one to another without a cycle; for small graphs.
pub fn ways(arrows: &Arrows, from: i64, to: i64) -> Vec<Vec<i64>> {
    if from == to {
        return vec![vec![to]];
    }
    let after = |next: &i64| ways(arrows, *next, to);
    let whole = |rest: Vec<i64>| [vec![from], rest].concat();
    ends(arrows, from).iter().flat_map(after).map(whole).collect()
}
