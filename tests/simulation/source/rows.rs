//! The rows, and transactions of random statements over them.

use std::collections::{BTreeMap, BTreeSet};

use provsync::mapping::Slot;
use provsync::model::{Cell, SourceRow, Value};
use provsync::sqlserver::pages::Depth;

use crate::random::Random;

#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// `graph_id`: a row that is deleted and inserted again is another node to its edges.
    pub id: u64,
    pub atom: Option<i64>,
    pub kind: String,
    pub metadata: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EdgeRow {
    pub from: u64,
    pub to: u64,
    pub kind: String,
    pub metadata: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StreamRow {
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub metadata: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub nodes: BTreeMap<i64, NodeRow>,
    pub edges: BTreeMap<i64, EdgeRow>,
    pub streams: BTreeMap<i64, StreamRow>,
    /// Rows that a filter hides from whoever reads.
    hidden: BTreeSet<(Table, i64)>,
    /// Whether row keys are updated.
    keys_change: bool,
    next_id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Nodes,
    Edges,
    Streams,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Nodes, Self::Edges, Self::Streams];

    pub fn of(slot: Slot) -> Self {
        match slot {
            Slot::Node(_) => Self::Nodes,
            Slot::Edge(_) => Self::Edges,
            Slot::Link(_) => Self::Streams,
        }
    }

    pub fn slot(self) -> Slot {
        match self {
            Self::Nodes => Slot::Node(0),
            Self::Edges => Slot::Edge(0),
            Self::Streams => Slot::Link(0),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Nodes => "graph.AtomGraphNodes",
            Self::Edges => "graph.AtomGraphEdges",
            Self::Streams => "provenance.GenerationStreams",
        }
    }
}

/// What a statement did to one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Insert,
    Update,
    Delete,
}

/// What statements did, in their order.
pub type Statements = Vec<(Table, i64, Op)>;

const TYPES: [&str; 6] = ["atom", "Embedding", "model", "layer", "Data Set", "9 lives"];
const RELATIONS: [&str; 4] = ["DerivedFrom", "componentof", "SimilarTo", "MadeWith"];
/// Small ranges: keys come again, identities collide, ends are missing.
const KEYS: u64 = 12;
const ATOMS: u64 = 8;

impl Rows {
    pub fn new(keys_change: bool) -> Self {
        Self { keys_change, ..Self::default() }
    }

    /// Some random statements.
    pub fn change(&mut self, random: &mut Random, statements: u64) -> Statements {
        let mut done = Statements::new();
        for _ in 0..statements {
            let key = i64::try_from(random.below(KEYS)).unwrap() - 2;
            match random.below(if self.keys_change { 21 } else { 20 }) {
                0..6 => self.put_node(key, random, &mut done),
                6..8 => self.delete(Table::Nodes, key, &mut done),
                8..14 => self.put_edge(key, random, &mut done),
                14..16 => self.delete(Table::Edges, key, &mut done),
                16..18 => self.put_stream(key, random, &mut done),
                18..20 => self.delete(Table::Streams, key, &mut done),
                _ => self.swap_keys(key, random, &mut done),
            }
        }
        done
    }

    /// Inserts nodes of these keys, an edge on each and a stream between their atoms.
    pub fn fill(&mut self, keys: std::ops::Range<i64>) -> Statements {
        let mut done = Statements::new();
        for key in keys {
            self.next_id += 1;
            let id = self.next_id;
            let (kind, metadata) = ("atom".to_owned(), None);
            self.nodes.insert(key, NodeRow { id, atom: Some(key), kind, metadata: None });
            let kind = "SimilarTo".to_owned();
            self.edges.insert(key, EdgeRow { from: id, to: id, kind, metadata });
            let (from, to) = (Some(key), Some(key));
            self.streams.insert(key, StreamRow { from, to, metadata: None });
            done.extend(Table::ALL.map(|table| (table, key, Op::Insert)));
        }
        done
    }

    /// A filter hides rows of a table; no change says so.
    pub fn hide(&mut self, table: Table, is_hidden: impl FnMut(&i64) -> bool) {
        let keys: Vec<i64> = match table {
            Table::Nodes => self.nodes.keys().copied().collect(),
            Table::Edges => self.edges.keys().copied().collect(),
            Table::Streams => self.streams.keys().copied().collect(),
        };
        self.hidden.extend(keys.into_iter().filter(is_hidden).map(|key| (table, key)));
    }

    /// The filter is gone.
    pub fn show(&mut self) {
        self.hidden.clear();
    }

    /// All that whoever reads can see.
    #[must_use]
    pub fn visible(&self) -> Self {
        let mut rows = self.clone();
        for (table, key) in &self.hidden {
            match table {
                Table::Nodes => drop(rows.nodes.remove(key)),
                Table::Edges => drop(rows.edges.remove(key)),
                Table::Streams => drop(rows.streams.remove(key)),
            }
        }
        rows.hidden.clear();
        rows
    }

    pub fn clear(&mut self, table: Table) {
        match table {
            Table::Nodes => self.nodes.clear(),
            Table::Edges => self.edges.clear(),
            Table::Streams => self.streams.clear(),
        }
    }

    /// Takes one table over as it is in other rows.
    pub fn take(&mut self, table: Table, other: &Self) {
        match table {
            Table::Nodes => self.nodes.clone_from(&other.nodes),
            Table::Edges => self.edges.clone_from(&other.edges),
            Table::Streams => self.streams.clone_from(&other.streams),
        }
        self.next_id = other.next_id;
    }

    fn delete(&mut self, table: Table, key: i64, done: &mut Statements) {
        let was_there = match table {
            Table::Nodes => self.nodes.remove(&key).is_some(),
            Table::Edges => self.edges.remove(&key).is_some(),
            Table::Streams => self.streams.remove(&key).is_some(),
        };
        if was_there {
            done.push((table, key, Op::Delete));
        }
    }

    fn put_node(&mut self, key: i64, random: &mut Random, done: &mut Statements) {
        let kept = self.nodes.get(&key).map(|row| row.id).filter(|_| random.below(3) > 0);
        if kept.is_some() {
            done.push((Table::Nodes, key, Op::Update));
        } else {
            self.delete(Table::Nodes, key, done);
            done.push((Table::Nodes, key, Op::Insert));
        }
        self.next_id += 1;
        let id = kept.unwrap_or(self.next_id);
        if let Some(row) = self.nodes.get_mut(&key).filter(|_| random.below(2) == 0) {
            row.metadata = text(random);
            return;
        }
        let kind = TYPES[usize::try_from(random.below(6)).unwrap()].to_owned();
        self.nodes.insert(key, NodeRow { id, atom: atom(random), kind, metadata: text(random) });
    }

    /// The ends of an edge can't be updated: it is deleted and inserted again.
    fn put_edge(&mut self, key: i64, random: &mut Random, done: &mut Statements) {
        let ids: Vec<u64> = self.nodes.values().map(|row| row.id).collect();
        let Some(most) = u64::try_from(ids.len()).ok().filter(|n| *n > 0) else { return };
        let mut end = || ids[usize::try_from(random.below(most)).unwrap()];
        let (from, to) = (end(), end());
        let kind = RELATIONS[usize::try_from(random.below(4)).unwrap()].to_owned();
        let metadata = text(random);
        if let Some(row) = self.edges.get_mut(&key).filter(|_| random.below(2) == 0) {
            (row.kind, row.metadata) = (kind, metadata);
            done.push((Table::Edges, key, Op::Update));
            return;
        }
        self.delete(Table::Edges, key, done);
        self.edges.insert(key, EdgeRow { from, to, kind, metadata });
        done.push((Table::Edges, key, Op::Insert));
    }

    fn put_stream(&mut self, key: i64, random: &mut Random, done: &mut Statements) {
        let row = StreamRow { from: atom(random), to: atom(random), metadata: text(random) };
        let is_new = self.streams.insert(key, row).is_none();
        done.push((Table::Streams, key, if is_new { Op::Insert } else { Op::Update }));
    }

    /// An update of the row key: a statement deletes all that it moves, then inserts. A node that
    /// gets another key stays the same node to its edges, which no change speaks of.
    fn swap_keys(&mut self, key: i64, random: &mut Random, done: &mut Statements) {
        let other = i64::try_from(random.below(KEYS)).unwrap() - 2;
        if key == other {
            return;
        }
        let rows = (self.nodes.remove(&key), self.nodes.remove(&other));
        let moves = [(key, other, rows.0), (other, key, rows.1)];
        for (from, ..) in moves.iter().filter(|(.., row)| row.is_some()) {
            done.push((Table::Nodes, *from, Op::Delete));
        }
        for (_, to, row) in moves {
            if let Some(row) = row {
                self.nodes.insert(to, row);
                done.push((Table::Nodes, to, Op::Insert));
            }
        }
    }

    pub fn has(&self, table: Table, key: i64) -> bool {
        if self.hidden.contains(&(table, key)) {
            return false;
        }
        match table {
            Table::Nodes => self.nodes.contains_key(&key),
            Table::Edges => self.edges.contains_key(&key),
            Table::Streams => self.streams.contains_key(&key),
        }
    }

    /// Whether a row is what it is in other rows, or in neither; an edge together with the keys of its ends.
    pub fn is_same(&self, other: &Self, table: Table, key: i64) -> bool {
        let ends = |rows: &Self, edge: &EdgeRow| (rows.key_of(edge.from), rows.key_of(edge.to));
        match table {
            Table::Nodes => self.nodes.get(&key) == other.nodes.get(&key),
            Table::Streams => self.streams.get(&key) == other.streams.get(&key),
            Table::Edges => {
                let (here, there) = (self.edges.get(&key), other.edges.get(&key));
                here == there
                    && here.map(|edge| ends(self, edge)) == there.map(|edge| ends(other, edge))
            }
        }
    }

    pub fn key_of(&self, id: u64) -> Option<i64> {
        let key = self.nodes.iter().find(|(_, row)| row.id == id).map(|(key, _)| *key);
        key.filter(|key| !self.hidden.contains(&(Table::Nodes, *key)))
    }

    /// What a statement that reads all of a table returns.
    pub fn read(&self, table: Table, depth: Depth) -> Vec<SourceRow> {
        let mut rows: Vec<SourceRow> = match table {
            Table::Nodes => self.nodes.iter().map(|(key, row)| node_cells(*key, row)).collect(),
            Table::Edges => {
                self.edges.iter().map(|(key, row)| self.edge_cells(*key, row)).collect()
            }
            Table::Streams => {
                self.streams.iter().map(|(key, row)| stream_cells(*key, row)).collect()
            }
        };
        rows.retain(|row| !self.hidden.contains(&(table, row.key)));
        if depth == Depth::Light {
            let lead = if table == Table::Nodes { 2 } else { 0 };
            for row in &mut rows {
                row.cells.truncate(lead);
            }
        }
        rows
    }

    fn edge_cells(&self, key: i64, row: &EdgeRow) -> SourceRow {
        // As MATCH says: without both of its nodes there is no edge, and so neither end.
        let ends = self.key_of(row.from).zip(self.key_of(row.to));
        let (from, to) = ends.map_or((None, None), |(from, to)| (Some(from), Some(to)));
        let cells = vec![
            Cell::Value(Value::Text(row.kind.clone())),
            integer(from),
            integer(to),
            Cell::Null,
            text_cell(row.metadata.as_ref()),
            Cell::Null,
        ];
        SourceRow { key, cells }
    }
}

fn atom(random: &mut Random) -> Option<i64> {
    let atom = i64::try_from(random.below(ATOMS)).unwrap();
    (random.below(12) > 0).then_some(atom)
}

fn text(random: &mut Random) -> Option<String> {
    (random.below(3) > 0).then(|| format!("m{}", random.below(4)))
}

fn integer(value: Option<i64>) -> Cell {
    value.map_or(Cell::Null, |v| Cell::Value(Value::Integer(v)))
}

fn text_cell(value: Option<&String>) -> Cell {
    value.map_or(Cell::Null, |v| Cell::Value(Value::Text(v.clone())))
}

fn node_cells(key: i64, row: &NodeRow) -> SourceRow {
    let kind = Cell::Value(Value::Text(row.kind.clone()));
    let cells = vec![kind, integer(row.atom), text_cell(row.metadata.as_ref()), Cell::Null];
    SourceRow { key, cells }
}

fn stream_cells(key: i64, row: &StreamRow) -> SourceRow {
    let (from, to) = (integer(row.from), integer(row.to));
    let metadata = text_cell(row.metadata.as_ref());
    let cells = vec![from, to, Cell::Null, Cell::Null, Cell::Null, metadata, Cell::Null];
    SourceRow { key, cells }
}
