//! All rows of one table, page by page: the next page is read while this one is compared and
//! written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Full;
use crate::error::Result;
use crate::mapping::Slot;
use crate::model::value::IdentityValue;
use crate::neo4j::checkpoint::{Progress, State};
use crate::reconcile::desired::Place;
use crate::reconcile::page::{Left, Wish, backoff};
use crate::sqlserver::Source;
use crate::sqlserver::pages::{self, Keys, Page, PageLimit};
use crate::sqlserver::statements::{self, TableStatements};

/// Pages that wait between reader and writer.
const PAGES_AHEAD: usize = 1;
/// Keys that are looked at again at a time.
const AGAIN_ROWS: usize = 1_000;
/// How often the cursor is saved while nothing needs writing.
const CURSOR_INTERVAL: Duration = Duration::from_secs(5);
/// Name of the phase on the checkpoint.
const CARRY: &str = "carry";

impl Full {
    /// Carries one table, from where an earlier run stopped.
    pub(super) async fn carry_table(&mut self, source: &mut Source, slot: Slot) -> Result<()> {
        let Some(first) = self.first_key(slot) else { return Ok(()) };
        let statements = statements::table(&self.engine.mapping, slot);
        let mut phase = self.phase("carrying", slot, pages::count(source, &statements).await?);
        let mut reader = self.read_ahead(statements, first);
        let mut rejected = BTreeSet::new();
        let mut saved = Instant::now();
        while let Some(page) = reader.recv().await {
            let page = page?;
            let (read, last) = (page.rows.len() as u64, last_key(&page.keys));
            self.engine.summary.tally(slot).read += read;
            let before = self.engine.summary.written;
            let wish = self.engine.wish(slot, page).await?;
            let left = self.engine.carry(slot, &wish, false).await?;
            rejected.extend(left.rejected.iter().copied().take(AGAIN_ROWS * 10));
            self.look_again(source, slot, &wish, left).await?;
            phase.add(read);
            if self.engine.summary.written != before || saved.elapsed() >= CURSOR_INTERVAL {
                self.save_cursor(slot, last).await?;
                saved = Instant::now();
            }
        }
        phase.end();
        self.carry_keys(source, slot, rejected.into_iter().collect()).await.map(|_| ())
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

    fn read_ahead(&self, statements: TableStatements, first: i64) -> mpsc::Receiver<Result<Page>> {
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        let source = Source::new(self.config.source.clone());
        let full = &self.config.full;
        let limit = PageLimit { rows: full.page_rows, bytes: full.batch_bytes_max };
        tokio::spawn(read_all(source, statements, first, limit, full.retry_max, sender));
        receiver
    }

    /// R2: an edge brings its ends. What the graph lacks of them is read now and carried, then the
    /// edges that wait are; one that still lacks an end goes into quarantine.
    async fn look_again(
        &mut self,
        source: &mut Source,
        slot: Slot,
        wish: &Wish,
        left: Left,
    ) -> Result<()> {
        let mut waiting: BTreeSet<i64> = left.waiting.into_iter().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let mut again: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
        for (end_slot, key) in waiting.iter().flat_map(|key| self.ends(slot, wish, *key)) {
            again.entry(end_slot).or_default().insert(key);
        }
        for (end_slot, keys) in again {
            let left = self.carry_keys(source, end_slot, keys.into_iter().collect()).await?;
            // R1: relationships of nodes that left on the way look different too.
            for (edge_slot, keys) in left.detached {
                if edge_slot == slot {
                    waiting.extend(keys);
                } else {
                    self.carry_keys(source, edge_slot, keys).await?;
                }
            }
        }
        self.carry_keys(source, slot, waiting.into_iter().collect()).await.map(|_| ())
    }

    fn ends(&self, slot: Slot, wish: &Wish, key: i64) -> Vec<(Slot, i64)> {
        let (Slot::Edge(i), Some(Ok(edge))) = (slot, wish.desired.get(&key)) else {
            return Vec::new();
        };
        let edges = &self.engine.mapping.edges[i];
        let Place::Between(from, to) = &edge.place else { return Vec::new() };
        let end = |nodes: usize, value: &IdentityValue| match value {
            IdentityValue::Integer(key) => Some((Slot::Node(nodes), *key)),
            IdentityValue::Text(_) => None,
        };
        [end(edges.from, from), end(edges.to, to)].into_iter().flatten().collect()
    }

    /// Carries some keys of a table as they are at the source now; what still waits goes into
    /// quarantine.
    async fn carry_keys(
        &mut self,
        source: &mut Source,
        slot: Slot,
        keys: Vec<i64>,
    ) -> Result<Left> {
        let statements = statements::table(&self.engine.mapping, slot);
        let mut all = Left::default();
        for keys in keys.chunks(AGAIN_ROWS) {
            let page = pages::read_keys(source, &statements, keys.to_vec()).await?;
            let wish = self.engine.wish(slot, page).await?;
            all.add(self.engine.carry(slot, &wish, true).await?);
        }
        Ok(all)
    }
}

fn last_key(keys: &Keys) -> i64 {
    match keys {
        Keys::Range(range) => range.last,
        Keys::List(keys) => keys.iter().copied().max().unwrap_or(i64::MIN),
    }
}

async fn read_all(
    mut source: Source,
    statements: TableStatements,
    first: i64,
    limit: PageLimit,
    retry_max: Duration,
    sender: mpsc::Sender<Result<Page>>,
) {
    let (mut next, mut limit, most) = (Some(first), limit, limit.rows);
    while let Some(first) = next {
        let page = read_patiently(&mut source, &statements, first, limit, retry_max).await;
        next = match &page {
            Ok(page @ Page { keys: Keys::Range(range), .. }) => {
                limit = limit.after(page, most);
                range.rest().map(|rest| rest.first)
            }
            _ => None,
        };
        if sender.send(page).await.is_err() {
            return;
        }
    }
}

async fn read_patiently(
    source: &mut Source,
    statements: &TableStatements,
    first: i64,
    limit: PageLimit,
    retry_max: Duration,
) -> Result<Page> {
    let mut pauses = backoff(retry_max);
    loop {
        match pages::read_page(source, statements, first, limit).await {
            Err(error) if error.is_retryable() => {
                let Some(pause) = pauses.next() else { return Err(error.during("gave up")) };
                tracing::warn!(%error, ?pause, "trying again");
                tokio::time::sleep(pause).await;
            }
            outcome => return outcome,
        }
    }
}
