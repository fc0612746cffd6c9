//! A window: the keys that changed, carried at once or by pages.
//!
//! Up to `batch_rows` keys go into one transaction, with the checkpoint. What turns out to be needed
//! (edges on a node that leaves, ends that the graph lacks, rows that waited for what comes) makes
//! the window be read again with those keys as well, so that no snapshot of the source stays open
//! while the graph is asked. A larger window goes page by page, each page its own snapshot, the
//! checkpoint last; a cursor on it says how far.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::metrics;
use super::worker::Following;
use crate::error::{Error, Kind, Result};
use crate::mapping::Slot;
use crate::model::value::VALUES;
use crate::neo4j::checkpoint::{Cursor, State, Witness};
use crate::reconcile::atomic::Outcome;
use crate::reconcile::breaker::Target;
use crate::reconcile::carrier::{Carrier, Ends};
use crate::reconcile::engine::{Engine, Wish};
use crate::reconcile::plan;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::pages::{Depth, Keys, Page};
use crate::sqlserver::statements::tracked;
use crate::sqlserver::window::{Changed, ChangedKeys, WindowRead, WindowRequest};

/// How often a window is read again with what it turned out to need, before it goes by pages.
const LOOKS_MAX: usize = 4;
/// Keys of a witness.
const WITNESS_KEYS: usize = 8;

/// What became of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The graph has the changes up to this version.
    UpTo {
        /// The version.
        version: i64,
        /// Whether quarantine holds no row that is to be carried again.
        is_nothing_due: bool,
    },
    /// Its changes are not all there, as the versions show: the plan must be made anew.
    Replan,
    /// The checkpoint is of another state of the source, as the versions do not show.
    Distrust(String),
    /// A full is cheaper.
    Anew(String),
}

impl Following {
    /// Carries one window.
    pub async fn window<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<Carried> {
        let begun = Instant::now();
        let previous = carrier.engine.begin();
        let outcome = Box::pin(self.look(carrier)).await;
        let run = carrier.engine.end(previous, outcome.is_ok());
        self.note(&run.summary);
        if let Ok((Carried::UpTo { version, .. }, how)) = &outcome {
            metrics::window(how, begun.elapsed());
            tracing::debug!(version, how, took = ?begun.elapsed(), "window carried");
        }
        outcome.map(|(carried, _)| carried)
    }

    async fn look<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<(Carried, &'static str)> {
        let mut due = carrier.due().await?;
        let mut extra = sets(&due.keys);
        for look in 1..=LOOKS_MAX {
            let is_last = look == LOOKS_MAX;
            let read = self.read(carrier, &extra, !is_last).await?;
            if let Some(instead) = unusable(&read, self.settings.sync.window_keys_max) {
                return Ok((instead, "none"));
            }
            let Some(pages) = &read.rows else { return self.by_pages(carrier, &read).await };
            let is_last_at_once = look + 1 == LOOKS_MAX;
            match self.at_once(carrier, &read, pages.clone(), due.is_all, is_last_at_once).await {
                Ok(Outcome::Done) => {
                    if !due.keys.is_empty() {
                        carrier.tried(&due.keys).await?;
                    }
                    let version = version(&read);
                    let is_nothing_due = due.is_all;
                    return Ok((Carried::UpTo { version, is_nothing_due }, "at-once"));
                }
                Ok(Outcome::Due) => {
                    if !due.keys.is_empty() {
                        carrier.tried(&due.keys).await?;
                    }
                    due = carrier.due().await?;
                    extend(&mut extra, sets(&due.keys));
                }
                Ok(Outcome::Lacks(keys)) => extend(&mut extra, keys),
                // A row that the graph refuses, or too much for it at once: by pages it is found, or
                // cut until it fits.
                Err(error) if matches!(error.kind, Kind::Refused | Kind::TooLarge) => {
                    tracing::info!(%error, "a window does not go at once: by pages");
                    metrics::retry(&error);
                    return self.by_pages(carrier, &read).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(Kind::Transient, "a window needed more and more"))
    }

    async fn read<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        extra: &BTreeMap<Slot, BTreeSet<i64>>,
        with_rows: bool,
    ) -> Result<WindowRead> {
        let engine = &carrier.engine;
        let mapping = engine.mapping.clone();
        let state = &engine.state;
        let from = tracked(&mapping)
            .filter_map(|(slot, _)| Some((slot, plan::from(state, &mapping.entry(slot))?)))
            .collect();
        let request = WindowRequest {
            from,
            witness: state.witness.clone(),
            extra: extra.clone(),
            // A window that was begun by pages goes on by pages.
            rows_max: if with_rows && state.cursor.is_none() {
                engine.limits.batch_rows
            } else {
                0
            },
            bytes_max: engine.limits.batch_bytes_max,
            keys_max: self.settings.sync.window_keys_max,
        };
        let begun = Instant::now();
        let read = carrier.source.window(&mapping, &request).await;
        metrics::latency("source-window", begun.elapsed());
        read
    }

    /// The circuit breaker over all rows that are gone, before the first page is written. A window that
    /// goes at once is judged as a whole in any case.
    async fn check_deletes<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        read: &WindowRead,
    ) -> Result<()> {
        let engine = &mut carrier.engine;
        let mut all = Vec::new();
        for (slot, keys) in &read.keys {
            let target = Target::Rows(*slot);
            let mut gone = keys.gone.len() as u64;
            if !engine.has_room(target, gone).await? {
                // Rows that came and went within the window are no loss.
                let shape = engine.shape(*slot);
                gone = engine.present(&shape, keys.gone.iter().map(|c| c.key)).await?;
            }
            all.push((target, gone));
        }
        engine.check_deletes(&all).await
    }

    /// All of it in one transaction, with the checkpoint.
    async fn at_once<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        read: &WindowRead,
        pages: BTreeMap<Slot, Page>,
        has_all_due: bool,
        last_look: bool,
    ) -> Result<Outcome> {
        let (mut wishes, mut ends) = (BTreeMap::new(), BTreeMap::<Slot, Ends>::new());
        for (slot, page) in pages {
            carrier.engine.run.summary.tally(slot).read += page.rows.len() as u64;
            let wish = inserted(carrier.engine.wish(slot, page).await?, slot, read);
            ends.insert(slot, carrier.ends_by_key(slot, &wish));
            wishes.insert(slot, wish);
        }
        let engine = &mut carrier.engine;
        let to = moved(&engine.state, read, engine);
        let is_exact = to.progress.is_none() && to.frozen.is_empty() && has_all_due;
        let begun = Instant::now();
        let outcome = engine.carry_at_once(&wishes, &ends, to, is_exact, last_look).await;
        metrics::latency("graph-window", begun.elapsed());
        self.is_consistent = matches!(outcome, Ok(Outcome::Done)) && is_exact;
        outcome
    }

    /// Whether the source still stands where it stood when a window was read.
    async fn is_as_it_was<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        read: &WindowRead,
    ) -> Result<bool> {
        let versions = carrier.source.versions(&carrier.engine.mapping).await?;
        Ok(versions == read.versions && carrier.is_same_life().await?)
    }

    /// Page by page, each its own snapshot; the checkpoint last.
    async fn by_pages<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        read: &WindowRead,
    ) -> Result<(Carried, &'static str)> {
        self.is_consistent = false;
        self.check_deletes(carrier, read).await?;
        let to = version(read);
        let mut saved = Instant::now();
        let slots = carrier.engine.mapping.slots();
        let rows = carrier.engine.limits.batch_rows;
        for (part, (slot, keys)) in parts(read, &slots).into_iter().enumerate() {
            let cursor = carrier.engine.state.cursor.clone();
            let keys = keys.into_iter().filter(|key| !is_done(cursor.as_ref(), part, *key));
            let keys = keys.map(|changed| changed.key).collect();
            let mut pages = carrier.reader(slot, Depth::Rows, rows).start_keys(keys);
            while let Some(page) = pages.recv().await {
                let page = page?;
                let Keys::List(done) = &page.keys else { continue };
                let last = done.last().copied().unwrap_or(i64::MAX);
                carrier.engine.run.summary.tally(slot).read += page.rows.len() as u64;
                let before = carrier.engine.run.summary.written;
                let wish = inserted(carrier.engine.wish(slot, page).await?, slot, read);
                carrier.carry_wish(slot, wish).await?;
                if carrier.engine.run.summary.written != before
                    || saved.elapsed() > self.settings.sync.heartbeat
                {
                    let cursor = Cursor { to, part, next: last.saturating_add(1) };
                    let state = State { cursor: Some(cursor), ..carrier.engine.state.clone() };
                    carrier.engine.advance(state, None).await?;
                    saved = Instant::now();
                }
                self.may_go_on(&mut carrier.engine).await?;
            }
        }
        carrier.carry_due().await?;
        let state = moved(&carrier.engine.state, read, &carrier.engine);
        let is_nothing_due = carrier.due().await?.is_nothing();
        let is_exact = state.progress.is_none()
            && state.frozen.is_empty()
            && carrier.engine.run.read_at_max <= to
            && is_nothing_due
            && self.is_as_it_was(carrier, read).await?;
        carrier.engine.advance(state, Some(is_exact)).await?;
        self.is_consistent = is_exact;
        self.doubt_epoch();
        Ok((Carried::UpTo { version: to, is_nothing_due }, "by-pages"))
    }
}

/// What is to be done instead of a window that can't be used.
fn unusable(read: &WindowRead, keys_max: usize) -> Option<Carried> {
    const PUT_BACK: &str = "rows that changed before are not among the source's changes any more: it was put back to an earlier state";
    if !read.is_valid {
        return Some(Carried::Replan);
    }
    if !read.witness_holds {
        return Some(Carried::Distrust(PUT_BACK.to_owned()));
    }
    let too_many = || format!("more than {keys_max} rows changed (sync.window_keys_max)");
    (!read.is_complete).then(|| Carried::Anew(too_many()))
}

fn version(read: &WindowRead) -> i64 {
    read.versions.current.unwrap_or(0)
}

fn sets(keys: &BTreeMap<Slot, Vec<i64>>) -> BTreeMap<Slot, BTreeSet<i64>> {
    keys.iter().map(|(slot, keys)| (*slot, keys.iter().copied().collect())).collect()
}

fn extend(all: &mut BTreeMap<Slot, BTreeSet<i64>>, more: BTreeMap<Slot, BTreeSet<i64>>) {
    for (slot, keys) in more {
        all.entry(slot).or_default().extend(keys);
    }
}

/// Says of a wish which of its rows were inserted in the window, and that it follows a checkpoint.
fn inserted(mut wish: Wish, slot: Slot, read: &WindowRead) -> Wish {
    wish.is_tidy = true;
    if let Some(keys) = read.keys.get(&slot) {
        wish.inserted =
            keys.inserted.iter().copied().filter(|key| wish.keys.contains(*key)).collect();
    }
    wish
}

/// The checkpoint's state after a window.
fn moved<G: GraphStore>(state: &State, read: &WindowRead, engine: &Engine<G>) -> State {
    let to = version(read);
    let mut state = State { cursor: None, ..state.clone() };
    // A plan that answers with a window finds no value in an earlier form.
    state.values = VALUES;
    match &mut state.progress {
        Some(progress) => progress.v0 = to,
        None => state.version = Some(to),
    }
    if let Some(witness) = witness(read, engine) {
        state.witness = Some(witness);
    }
    state
}

/// Some keys of the window's latest change.
fn witness<G: GraphStore>(read: &WindowRead, engine: &Engine<G>) -> Option<Witness> {
    let all =
        |keys: &'_ ChangedKeys| keys.present.iter().chain(&keys.gone).copied().collect::<Vec<_>>();
    let latest = |(slot, keys): (&Slot, &ChangedKeys)| {
        let changed = all(keys);
        let version = changed.iter().map(|c| c.version).max()?;
        let of_version = changed.into_iter().filter(|c| c.version == version).map(|c| c.key);
        let table = engine.mapping.entry(*slot);
        Some(Witness { table, keys: of_version.take(WITNESS_KEYS).collect(), version })
    };
    read.keys.iter().filter_map(latest).max_by_key(|witness| witness.version)
}

/// The parts of a window that goes by pages, in order (R8): relationships whose rows are gone,
/// nodes, edges, links; the keys of each in order. Every table has its parts, whether it changed or
/// not: a cursor counts them. Pure.
pub fn parts(read: &WindowRead, slots: &[Slot]) -> Vec<(Slot, Vec<Changed>)> {
    let is_node = |slot: &Slot| matches!(slot, Slot::Node(_));
    let keys = |slot: &Slot| read.keys.get(slot).cloned().unwrap_or_default();
    let gone = slots.iter().rev().filter(|slot| !is_node(slot));
    let gone = gone.map(|slot| (*slot, keys(slot).gone));
    let rest = slots.iter().map(|slot| {
        let ChangedKeys { mut present, gone, .. } = keys(slot);
        if is_node(slot) {
            present.extend(gone);
            present.sort_unstable();
        }
        (*slot, present)
    });
    gone.chain(rest).collect()
}

/// Whether an earlier run of this window carried a key, and it has not changed since. Pure.
fn is_done(cursor: Option<&Cursor>, part: usize, changed: Changed) -> bool {
    cursor.is_some_and(|cursor| {
        let is_before = part < cursor.part || (part == cursor.part && changed.key < cursor.next);
        is_before && changed.version <= cursor.to
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn changed(keys: &[i64], version: i64) -> Vec<Changed> {
        keys.iter().map(|key| Changed { key: *key, version }).collect()
    }

    fn read() -> WindowRead {
        let keys = |present: &[i64], gone: &[i64]| ChangedKeys {
            present: changed(present, 5),
            gone: changed(gone, 6),
            ..ChangedKeys::default()
        };
        let keys = [
            (Slot::Node(0), keys(&[3, 9], &[1, 5])),
            (Slot::Edge(0), keys(&[2], &[8])),
            (Slot::Link(0), keys(&[4], &[7])),
        ];
        WindowRead { keys: keys.into(), ..WindowRead::default() }
    }

    #[test]
    fn relationships_that_are_gone_come_first_then_nodes_edges_links() {
        let slots = [Slot::Node(0), Slot::Edge(0), Slot::Link(0)];
        let order: Vec<(Slot, Vec<i64>)> = parts(&read(), &slots)
            .into_iter()
            .map(|(slot, keys)| (slot, keys.into_iter().map(|c| c.key).collect()))
            .collect();
        assert_eq!(
            order,
            [
                (Slot::Link(0), vec![7]),
                (Slot::Edge(0), vec![8]),
                (Slot::Node(0), vec![1, 3, 5, 9]),
                (Slot::Edge(0), vec![2]),
                (Slot::Link(0), vec![4]),
            ]
        );
    }

    #[test]
    fn a_part_has_its_number_whatever_else_changed() {
        let slots = [Slot::Node(0), Slot::Edge(0), Slot::Link(0)];
        let mut other = read();
        other.keys.remove(&Slot::Link(0));
        assert_eq!(parts(&other, &slots)[2], parts(&read(), &slots)[2]);
        assert_eq!(parts(&other, &slots).len(), parts(&read(), &slots).len());
    }

    #[test]
    fn a_cursor_passes_over_what_is_done_and_has_not_changed_since() {
        let cursor = Cursor { to: 5, part: 2, next: 5 };
        let done = |part, key, version| is_done(Some(&cursor), part, Changed { key, version });
        assert!(done(1, 100, 5) && done(2, 4, 5));
        assert!(!done(2, 5, 5) && !done(3, 1, 5), "it did not get there");
        assert!(!done(1, 1, 6) && !done(2, 1, 6), "it changed later");
        assert!(!is_done(None, 0, Changed { key: 1, version: 1 }));
    }
}
