//! Rows by key or page from the source into the graph, with what they need: an edge brings its ends
//! (R2), and what waits in quarantine comes when its reason is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::ahead::Reader;
use super::desired::{Desired, Place};
use super::engine::{Engine, Wish};
use super::stores::{GraphStore, SourceStore};
use crate::error::Result;
use crate::mapping::Slot;
use crate::model::value::IdentityValue;
use crate::neo4j::apply::Waiting;
use crate::sqlserver::pages::{Depth, Keys, Page, PageLimit};

/// Keys that are looked at again at a time.
const AGAIN_ROWS: usize = 1_000;
/// How often entries that become due by one another are looked at in a row.
const DUE_ROUNDS_MAX: usize = 8;

/// A source, and an engine that writes what is read from it.
pub struct Carrier<S, G> {
    /// Where rows are read.
    pub source: S,
    /// Where they are written.
    pub engine: Engine<G>,
}

impl<S: SourceStore, G: GraphStore> Carrier<S, G> {
    /// Reads a table on a connection of its own, in pages of `rows` at most.
    pub fn reader(&self, slot: Slot, depth: Depth, rows: usize) -> Reader<S> {
        let limits = &self.engine.limits;
        Reader {
            source: self.source.another(),
            mapping: Arc::clone(&self.engine.mapping),
            slot,
            depth,
            limit: PageLimit { rows, bytes: limits.batch_bytes_max },
            retry_max: limits.retry_max,
        }
    }

    /// Whether the source is the one that the checkpoint knows, in the same life: a TRUNCATE draws no
    /// version, and one that was put back may stand at the same.
    pub async fn is_same_life(&mut self) -> Result<bool> {
        let epoch = self.source.epoch(&self.engine.mapping).await?;
        let state = &self.engine.state;
        let known = state.epoch.as_ref();
        Ok(known
            .is_some_and(|known| epoch.is_that_of(&state.identity, known, &self.engine.mapping)))
    }

    /// Carries a page; returns the number of its rows.
    pub async fn carry_page(&mut self, slot: Slot, page: Page) -> Result<u64> {
        let read = page.rows.len() as u64;
        let wish = self.engine.wish(slot, page).await?;
        Box::pin(self.carry_wish(slot, wish)).await?;
        Ok(read)
    }

    /// Carries what is wished for, then what it turned out to need.
    pub async fn carry_wish(&mut self, slot: Slot, wish: Wish) -> Result<()> {
        let ends = self.ends_by_key(slot, &wish);
        let waiting = self.engine.carry(slot, wish, false).await?;
        self.look_again(slot, &ends, &waiting).await
    }

    /// Entries of quarantine that are due, as long as there are any; returns how many were looked at.
    pub async fn carry_due(&mut self) -> Result<usize> {
        let mut looked_at = 0;
        for _ in 0..DUE_ROUNDS_MAX {
            let due = self.due().await?.keys;
            if due.is_empty() {
                break;
            }
            looked_at += due.values().map(Vec::len).sum::<usize>();
            for slot in self.engine.mapping.slots() {
                if let Some(keys) = due.get(&slot) {
                    Box::pin(self.carry_keys(slot, keys.clone())).await?;
                }
            }
            self.tried(&due).await?;
        }
        Ok(looked_at)
    }

    /// Entries that are due.
    pub async fn due(&mut self) -> Result<Due> {
        if !self.engine.somebody_waits || self.engine.fence.is_none() {
            return Ok(Due { keys: BTreeMap::new(), is_all: true });
        }
        let graph = self.engine.graph.clone();
        let rows_max = self.engine.limits.batch_rows;
        let found = graph.due(rows_max).await?;
        let mut due = Due { keys: BTreeMap::new(), is_all: found.len() < rows_max };
        for (table, key) in found {
            let slot = self.engine.mapping.tables().find(|(_, t)| t.name.to_string() == table);
            if let Some((slot, _)) = slot {
                due.keys.entry(slot).or_default().push(key);
            }
        }
        Ok(due)
    }

    /// Says of entries that they were looked at.
    pub async fn tried(&mut self, due: &BTreeMap<Slot, Vec<i64>>) -> Result<()> {
        let name = |slot: &Slot| self.engine.mapping.table(*slot).name.to_string();
        let entries: BTreeMap<String, Vec<i64>> =
            due.iter().map(|(slot, keys)| (name(slot), keys.clone())).collect();
        let mut patience = self.engine.patience();
        loop {
            self.engine.settle().await?;
            let Some(fence) = self.engine.fence.clone() else { return Ok(()) };
            let graph = self.engine.graph.clone();
            match self.engine.send(graph.tried(&fence, &entries)).await {
                Ok(()) => return Ok(()),
                Err(error) => self.engine.wait(&mut patience, error).await?,
            }
        }
    }

    /// R2: an edge brings its ends. What the graph lacks of them is read now and enters, then the
    /// edges that wait are read again; one that still lacks an end goes into quarantine.
    ///
    /// Only ends that the graph lacks are read: no node of theirs is there that could leave and
    /// take relationships with it that were carried before (R1).
    async fn look_again(&mut self, slot: Slot, ends: &Ends, waiting: &[Waiting]) -> Result<()> {
        for (slot, keys) in missing_ends(ends, waiting) {
            self.carry_keys(slot, keys.into_iter().collect()).await?;
        }
        self.carry_keys(slot, waiting.iter().map(|w| w.key).collect()).await
    }

    /// The rows that each edge of a page joins, for edges that turn out to wait for one.
    pub fn ends_by_key(&self, slot: Slot, wish: &Wish) -> Ends {
        let Slot::Edge(i) = slot else { return Ends::new() };
        let edges = &self.engine.mapping.edges[i];
        let ends = |edge: &Arc<Desired>| match &edge.place {
            Place::Between(IdentityValue::Integer(from), IdentityValue::Integer(to)) => {
                Some((edge.key, ((Slot::Node(edges.from), *from), (Slot::Node(edges.to), *to))))
            }
            _ => None,
        };
        wish.desired.values().flatten().filter_map(ends).collect()
    }

    /// Carries some keys of a table as they are at the source now; what still waits goes into
    /// quarantine.
    pub async fn carry_keys(&mut self, slot: Slot, keys: Vec<i64>) -> Result<()> {
        let mut left: VecDeque<i64> = keys.into();
        while !left.is_empty() {
            let some: Vec<i64> = left.iter().copied().take(AGAIN_ROWS).collect();
            let page = self.read_keys(slot, some).await?;
            if let Keys::List(done) = &page.keys {
                let done: HashSet<i64> = done.iter().copied().collect();
                left.retain(|key| !done.contains(key));
            }
            let wish = self.engine.wish(slot, page).await?;
            self.engine.carry(slot, wish, true).await?;
        }
        Ok(())
    }

    /// Reads the rows of some keys; the page's keys say how far it came.
    pub async fn read_keys(&mut self, slot: Slot, keys: Vec<i64>) -> Result<Page> {
        let bytes_max = self.engine.limits.batch_bytes_max;
        let mut patience = self.engine.patience();
        loop {
            let rows = self.source.rows_of(&self.engine.mapping, slot, keys.clone(), bytes_max);
            match rows.await {
                Ok(page) => return Ok(page),
                Err(error) => self.engine.wait(&mut patience, error).await?,
            }
        }
    }
}

/// Entries of quarantine that are due: their reason may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Row keys by table, as many as are carried at a time.
    pub keys: BTreeMap<Slot, Vec<i64>>,
    /// Whether these are all.
    pub is_all: bool,
}

impl Due {
    /// Whether no row is due.
    pub fn is_nothing(&self) -> bool {
        self.keys.is_empty() && self.is_all
    }
}

/// By row key of an edge: the node table and row key of both of its ends.
pub type Ends = HashMap<i64, ((Slot, i64), (Slot, i64))>;

/// The rows that relationships wait for, by table.
pub fn missing_ends(ends: &Ends, waiting: &[Waiting]) -> BTreeMap<Slot, BTreeSet<i64>> {
    let mut missing: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
    for edge in waiting {
        let Some((from, to)) = ends.get(&edge.key) else { continue };
        for (end, _) in [(from, edge.lacks_from), (to, edge.lacks_to)].iter().filter(|e| e.1) {
            missing.entry(end.0).or_default().insert(end.1);
        }
    }
    missing
}
