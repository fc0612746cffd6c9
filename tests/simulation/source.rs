//! A model of the relational side: rows in maps, a version at every transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use provsync::error::Result;
use provsync::mapping::{Mapping, Slot};
use provsync::model::{Cell, SourceRow, Value};
use provsync::reconcile::stores::SourceStore;
use provsync::sqlserver::epoch::{Epoch, Versions};
use provsync::sqlserver::pages::{Depth, KeyRange, Keys, Page, PageLimit};

use crate::chaos::Chaos;
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

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub version: i64,
    pub nodes: BTreeMap<i64, NodeRow>,
    pub edges: BTreeMap<i64, EdgeRow>,
    pub streams: BTreeMap<i64, StreamRow>,
    next_id: u64,
}

const TYPES: [&str; 6] = ["atom", "Embedding", "model", "layer", "Data Set", "9 lives"];
const RELATIONS: [&str; 4] = ["DerivedFrom", "componentof", "SimilarTo", "MadeWith"];
/// Small ranges: keys come again, identities collide, ends are missing.
const KEYS: u64 = 12;
const ATOMS: u64 = 8;

impl Rows {
    /// A transaction of a few random statements.
    pub fn transaction(&mut self, random: &mut Random) {
        for _ in 0..=random.below(4) {
            let key = i64::try_from(random.below(KEYS)).unwrap() - 2;
            match random.below(10) {
                0..3 => self.put_node(key, random),
                3 => drop(self.nodes.remove(&key)),
                4..7 => self.put_edge(key, random),
                7 => drop(self.edges.remove(&key)),
                8 => self.put_stream(key, random),
                _ => drop(self.streams.remove(&key)),
            }
        }
        self.version += 1;
    }

    fn put_node(&mut self, key: i64, random: &mut Random) {
        let kept = self.nodes.get(&key).map(|row| row.id).filter(|_| random.below(3) > 0);
        self.next_id += 1;
        let id = kept.unwrap_or(self.next_id);
        let kind = TYPES[usize::try_from(random.below(6)).unwrap()].to_owned();
        self.nodes.insert(key, NodeRow { id, atom: atom(random), kind, metadata: text(random) });
    }

    fn put_edge(&mut self, key: i64, random: &mut Random) {
        let ids: Vec<u64> = self.nodes.values().map(|row| row.id).collect();
        let Some(most) = u64::try_from(ids.len()).ok().filter(|n| *n > 0) else { return };
        let mut end = || ids[usize::try_from(random.below(most)).unwrap()];
        let (from, to) = (end(), end());
        let kind = RELATIONS[usize::try_from(random.below(4)).unwrap()].to_owned();
        self.edges.insert(key, EdgeRow { from, to, kind, metadata: text(random) });
    }

    fn put_stream(&mut self, key: i64, random: &mut Random) {
        let row = StreamRow { from: atom(random), to: atom(random), metadata: text(random) };
        self.streams.insert(key, row);
    }

    pub fn key_of(&self, id: u64) -> Option<i64> {
        self.nodes.iter().find(|(_, row)| row.id == id).map(|(key, _)| *key)
    }

    fn rows(&self, slot: Slot, depth: Depth) -> Vec<SourceRow> {
        let mut rows: Vec<SourceRow> = match slot {
            Slot::Node(_) => self.nodes.iter().map(|(key, row)| node_cells(*key, row)).collect(),
            Slot::Edge(_) => {
                self.edges.iter().map(|(key, row)| self.edge_cells(*key, row)).collect()
            }
            Slot::Link(_) => {
                self.streams.iter().map(|(key, row)| stream_cells(*key, row)).collect()
            }
        };
        if depth == Depth::Light {
            let lead = if matches!(slot, Slot::Node(_)) { 2 } else { 0 };
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

/// A connection to the model.
#[derive(Clone)]
pub struct ModelSource {
    rows: Arc<Mutex<Rows>>,
    chaos: Chaos,
    /// Of 1,000 calls: before how many a transaction of others commits.
    busy: u64,
}

impl ModelSource {
    pub fn new(rows: Rows, chaos: Chaos, busy: u64) -> Self {
        Self { rows: Arc::new(Mutex::new(rows)), chaos, busy }
    }

    /// The same rows for another process.
    pub fn for_process(&self, chaos: Chaos, busy: u64) -> Self {
        Self { rows: Arc::clone(&self.rows), chaos, busy }
    }

    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    async fn snapshot(&self, what: &str) -> Result<Rows> {
        self.chaos.before(what).await?;
        let mut rows = self.rows();
        if self.chaos.below(1000) < self.busy {
            rows.transaction(&mut Random::new(self.chaos.below(u64::MAX)));
        }
        Ok(rows.clone())
    }
}

impl SourceStore for ModelSource {
    fn another(&self) -> Self {
        self.clone()
    }

    async fn epoch(&mut self, _: &Mapping) -> Result<Epoch> {
        self.snapshot("epoch").await?;
        Ok(Epoch {
            database: "Model".into(),
            create_date: "2026-01-01".into(),
            database_guid: None,
            recovery_fork_guid: None,
            family_guid: None,
            tables: Vec::new(),
        })
    }

    async fn versions(&mut self, _: &Mapping) -> Result<Versions> {
        let rows = self.snapshot("versions").await?;
        Ok(Versions { current: Some(rows.version), min_valid: 0 })
    }

    async fn current(&mut self) -> Result<i64> {
        Ok(self.snapshot("current version").await?.version)
    }

    async fn page(
        &mut self,
        _: &Mapping,
        slot: Slot,
        depth: Depth,
        first: i64,
        limit: PageLimit,
    ) -> Result<Page> {
        let snapshot = self.snapshot("page").await?;
        let mut rows = snapshot.rows(slot, depth);
        rows.retain(|row| row.key >= first);
        let is_last = rows.len() < limit.rows;
        rows.truncate(limit.rows);
        let last = rows.last().filter(|_| !is_last).map_or(i64::MAX, |row| row.key);
        let keys = Keys::Range(KeyRange { first, last });
        Ok(Page { keys, rows, read_at: snapshot.version, is_cut: false })
    }

    async fn rows_of(&mut self, _: &Mapping, slot: Slot, keys: Vec<i64>, _: usize) -> Result<Page> {
        let snapshot = self.snapshot("rows").await?;
        let mut rows = snapshot.rows(slot, Depth::Rows);
        rows.retain(|row| keys.contains(&row.key));
        Ok(Page { keys: Keys::List(keys), rows, read_at: snapshot.version, is_cut: false })
    }

    async fn count(&mut self, _: &Mapping, slot: Slot) -> Result<u64> {
        let rows = self.snapshot("count").await?.rows(slot, Depth::Light);
        Ok(u64::try_from(rows.len()).unwrap())
    }
}
