//! All rows of one table, page by page.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Full;
use crate::error::Result;
use crate::mapping::Slot;
use crate::model::value::IdentityValue;
use crate::neo4j::apply::{IDENTITY_TAKEN, Waiting};
use crate::neo4j::checkpoint::{Progress, State};
use crate::reconcile::desired::{Desired, Place};
use crate::reconcile::engine::Wish;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::pages::{Depth, Keys};

/// Keys that are looked at again at a time.
const AGAIN_ROWS: usize = 1_000;
/// How often the cursor is saved while nothing needs writing.
const CURSOR_INTERVAL: Duration = Duration::from_secs(5);
/// Name of the phase on the checkpoint.
const CARRY: &str = "carry";

impl<S: SourceStore, G: GraphStore> Full<S, G> {
    /// Carries one table, from where an earlier run stopped.
    pub(super) async fn carry_table(&mut self, slot: Slot) -> Result<()> {
        let Some(first) = self.first_key(slot) else { return Ok(()) };
        // For the bar alone: a source that can't count now may still be read.
        let total = self.source.count(&self.engine.mapping, slot).await.unwrap_or(0);
        let mut phase = self.phase("carrying", slot, total);
        let mut reader = self.reader(slot, Depth::Rows).start(first);
        let mut saved = Instant::now();
        while let Some(page) = reader.recv().await {
            let page = page?;
            let (read, last) = (page.rows.len() as u64, last_key(&page.keys));
            self.engine.summary.tally(slot).read += read;
            let before = self.engine.summary.written;
            let wish = self.engine.wish(slot, page).await?;
            let ends = self.ends_by_key(slot, &wish);
            let waiting = self.engine.carry(slot, wish, false).await?;
            self.look_again(slot, &ends, &waiting).await?;
            phase.add(read);
            if self.engine.summary.written != before || saved.elapsed() >= CURSOR_INTERVAL {
                self.save_cursor(slot, last).await?;
                saved = Instant::now();
            }
        }
        phase.end();
        self.retry_taken(slot).await
    }

    /// Rows whose identity was taken when they came: the owner may have left on a later page.
    async fn retry_taken(&mut self, slot: Slot) -> Result<()> {
        let table = self.engine.mapping.table(slot).name.to_string();
        let mut after = None;
        loop {
            let graph = self.engine.graph.clone();
            let keys = graph.entry_keys(&table, IDENTITY_TAKEN, after, AGAIN_ROWS).await?;
            let Some(last) = keys.last().copied() else { return Ok(()) };
            self.carry_keys(slot, keys).await?;
            after = Some(last);
        }
    }

    /// Where to begin a table; `None` if an earlier run has done it.
    fn first_key(&self, slot: Slot) -> Option<i64> {
        let Some(progress) = self.start.progress.as_ref().filter(|p| p.phase == CARRY) else {
            return Some(i64::MIN);
        };
        let slots = self.engine.mapping.slots();
        let position = |name: &str| {
            slots.iter().position(|s| self.engine.mapping.table(*s).name.to_string() == name)
        };
        let here = position(&self.engine.mapping.table(slot).name.to_string());
        match here.cmp(&position(&progress.table)) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(progress.next),
            std::cmp::Ordering::Greater => Some(i64::MIN),
        }
    }

    async fn save_cursor(&mut self, slot: Slot, last: i64) -> Result<()> {
        let table = self.engine.mapping.table(slot).name.to_string();
        let next = last.saturating_add(1);
        let progress = Progress { v0: self.v0(), phase: CARRY.to_owned(), table, next };
        let state = State { progress: Some(progress), ..self.engine.state.clone() };
        self.engine.advance(state, None).await
    }

    /// R2: an edge brings its ends. What the graph lacks of them is read now and enters, then the
    /// edges that wait are read again; one that still lacks an end goes into quarantine.
    ///
    /// Only ends that the graph lacks are read: no node of theirs is there that could leave and
    /// take relationships with it that were carried before (R1).
    async fn look_again(&mut self, slot: Slot, ends: &Ends, waiting: &[Waiting]) -> Result<()> {
        let mut missing: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
        for edge in waiting {
            let Some((from, to)) = ends.get(&edge.key) else { continue };
            for (end, _) in [(from, edge.lacks_from), (to, edge.lacks_to)].iter().filter(|e| e.1) {
                missing.entry(end.0).or_default().insert(end.1);
            }
        }
        for (slot, keys) in missing {
            self.carry_keys(slot, keys.into_iter().collect()).await?;
        }
        self.carry_keys(slot, waiting.iter().map(|w| w.key).collect()).await
    }

    /// The rows that each edge of a page joins, for edges that turn out to wait for one.
    fn ends_by_key(&self, slot: Slot, wish: &Wish) -> Ends {
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
    async fn carry_keys(&mut self, slot: Slot, keys: Vec<i64>) -> Result<()> {
        let bytes_max = self.engine.limits.batch_bytes_max;
        let mut patience = self.engine.patience();
        let mut left: VecDeque<i64> = keys.into();
        while !left.is_empty() {
            let some = left.iter().copied().take(AGAIN_ROWS).collect();
            let rows = self.source.rows_of(&self.engine.mapping, slot, some, bytes_max);
            let page = match rows.await {
                Ok(page) => page,
                Err(error) => {
                    self.engine.wait(&mut patience, error).await?;
                    continue;
                }
            };
            patience.reset();
            if let Keys::List(done) = &page.keys {
                let done: HashSet<i64> = done.iter().copied().collect();
                left.retain(|key| !done.contains(key));
            }
            let wish = self.engine.wish(slot, page).await?;
            self.engine.carry(slot, wish, true).await?;
        }
        Ok(())
    }
}

/// By row key of an edge: the node table and row key of both of its ends.
type Ends = HashMap<i64, ((Slot, i64), (Slot, i64))>;

fn last_key(keys: &Keys) -> i64 {
    match keys {
        Keys::Range(range) => range.last,
        Keys::List(keys) => keys.iter().copied().max().unwrap_or(i64::MIN),
    }
}
