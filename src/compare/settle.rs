//! Whether a difference is real, without waiting for a quiet moment.
//!
//! One look reads the checkpoint, then the graph, then, in one snapshot of the source, the rows and
//! which of them changed since the checkpoint's version c. The graph had all changes up to c before it
//! was read. So a row that did not change after c must stand in the graph as the snapshot has it:
//! what differs is real. A row that did change may be on its way, and is looked at again.
//!
//! What else may be on its way: an edge, while a row that it joins changes (R1: it goes with its node
//! and comes again); all rows of a table that a full reads anew; everything, while the source is in
//! another life than the checkpoint knows (a TRUNCATE draws no version).

mod flight;
mod placeholders;
mod reasons;
mod wrong_keys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use flight::{actual_ends, changed, tables_of};

use super::difference::{Difference, State};
use super::judge::{self, Actual};
use crate::config::FullConfig;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::mapping::{Mapping, Registry, Shape, Slot, Tracking};
use crate::neo4j::actual::BytesMax;
use crate::neo4j::checkpoint::{self, Found, State as Checkpoint};
use crate::neo4j::quarantine::{DETACHED, Entries};
use crate::neo4j::{Graph, leader};
use crate::reconcile::desired::Wanted;
use crate::reconcile::plan;
use crate::reconcile::retry::Patience;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::Source;
use crate::sqlserver::pages::Keys;
use crate::sqlserver::standing::{self, Standing, StandingRequest};
use crate::sqlserver::statements::tracked;

/// Keys of one look.
const KEYS_MAX: usize = 1_000;
/// Looks after which it is over if nobody writes: nothing can move then.
const LOOKS_ALONE: u32 = 2;
/// How often it is looked whether the graph has caught up.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// How long that is waited for after the first look; it doubles.
const WAIT_MIN: Duration = Duration::from_millis(250);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// How often a difference is looked at, where nothing else is asked for: some fifteen seconds beside a
/// worker that does not move.
pub const LOOKS_MAX: u32 = 10;

/// Looks at differences until they are settled, on a connection of its own.
pub struct Settler {
    source: Source,
    graph: Graph,
    mapping: Arc<Mapping>,
    limits: FullConfig,
    looks_max: u32,
}

/// What one look shows.
#[derive(Debug, Default)]
pub struct Look {
    /// Differences that are real or explained.
    pub settled: Vec<Difference>,
    /// Keys that may be on their way, with what differs now.
    pub in_flight: BTreeMap<i64, Vec<Difference>>,
    /// Why the latter can't be told.
    pub why: String,
    /// The version that the graph had.
    pub version: Option<i64>,
    /// The version that the source had.
    pub source_version: Option<i64>,
}

impl Look {
    fn add(&mut self, other: Self) {
        self.settled.extend(other.settled);
        if !other.in_flight.is_empty() {
            self.why = other.why;
        }
        self.in_flight.extend(other.in_flight);
        (self.version, self.source_version) = (other.version, other.source_version);
    }

    /// The row keys that may be on their way.
    pub fn keys(&self) -> Vec<i64> {
        self.in_flight.keys().copied().collect()
    }
}

impl Settler {
    /// It has not looked at anything yet. `looks_max` is at least one.
    pub fn new(
        source: Source,
        graph: Graph,
        mapping: Arc<Mapping>,
        limits: FullConfig,
        looks_max: u32,
    ) -> Self {
        Self { source, graph, mapping, limits, looks_max: looks_max.max(1) }
    }

    /// The differences of some rows, each settled, by row key. What can't be told after the last look
    /// is [`State::Unsettled`].
    ///
    /// # Errors
    /// A store can't be read, or the checkpoint says nothing about this source ([`Settler::checkpoint`]).
    pub async fn settle(&mut self, slot: Slot, keys: Vec<i64>) -> Result<Vec<Difference>> {
        let mut found = Vec::new();
        let (mut left, mut first_version, mut looks) = (keys, None, 0);
        while !left.is_empty() {
            let look = self.look(slot, &left).await?;
            looks += 1;
            let began_at = *first_version.get_or_insert(look.version);
            left = look.keys();
            let is_over = looks >= self.looks_max
                || (looks >= LOOKS_ALONE && !self.is_somebody_writing().await?);
            if is_over {
                let stood = began_at == look.version;
                found.extend(unsettled(look.in_flight, looks, &look.why, stood));
                left.clear();
            } else if !left.is_empty() {
                self.wait_for(look.source_version, pause(looks)).await?;
            }
            found.extend(look.settled);
        }
        found.sort_by_key(|difference| difference.key);
        Ok(found)
    }

    /// Waits until the graph has what the source had at the last look, or for `most`: what has not
    /// changed since is told at the next look.
    async fn wait_for(&self, version: Option<i64>, most: Duration) -> Result<()> {
        let (until, mut patience) = (Instant::now() + most, Patience::new(self.limits.retry_max));
        loop {
            sleep(PAUSE_MIN).await;
            match self.checkpoint().await {
                Ok(state) if state.followed() >= version || Instant::now() >= until => {
                    return Ok(());
                }
                Ok(_) => patience.reset(),
                Err(error) => patience.wait(error).await?,
            }
        }
    }

    /// Looks at some rows once.
    ///
    /// # Errors
    /// As [`Settler::settle`]'s.
    pub async fn look(&mut self, slot: Slot, keys: &[i64]) -> Result<Look> {
        let mut patience = Patience::new(self.limits.retry_max);
        let mut all = Look::default();
        let mut stack: Vec<Vec<i64>> = keys.chunks(KEYS_MAX).rev().map(<[i64]>::to_vec).collect();
        while let Some(mut some) = stack.pop() {
            match self.look_at(slot, &some).await {
                Ok(look) => {
                    all.add(look);
                    patience.reset();
                }
                Err(error) if error.kind == ErrorKind::TooLarge && some.len() > 1 => {
                    let high = some.split_off(some.len() / 2);
                    stack.extend([high, some]);
                }
                Err(error) => {
                    patience.wait(error).await?;
                    stack.push(some);
                }
            }
        }
        Ok(all)
    }

    async fn look_at(&mut self, slot: Slot, keys: &[i64]) -> Result<Look> {
        let checkpoint = self.checkpoint().await?;
        let version = checkpoint.followed();
        let mut registry = Registry::new(&self.mapping, &checkpoint.owned);
        let shape = Shape::new(&self.mapping, &registry, slot);
        let listed = Keys::list(keys.to_vec());
        let entries = self.graph.entries(&shape.table, &listed).await?;
        let bytes_max = if keys.len() > 1 { self.limits.batch_bytes_max } else { usize::MAX };
        let actual = read(&self.graph, &shape, &listed, BytesMax(bytes_max)).await?;
        // A row may leave quarantine for the graph between the two reads.
        let entries_after = if entries.is_empty() {
            Entries::new()
        } else {
            self.graph.entries(&shape.table, &listed).await?
        };
        let request = StandingRequest {
            slot,
            keys: keys.to_vec().into(),
            since: self.since(&checkpoint),
            ends: actual_ends(&self.mapping, slot, &actual),
            bytes_max,
        };
        let mut standing = standing::read(&mut self.source, &self.mapping, &request).await?;
        let mut wanted = Wanted::new(&self.mapping, &mut registry);
        let rows = std::mem::take(&mut standing.page.rows).into_iter();
        let desired = rows.map(|row| (row.key, wanted.of(slot, row))).collect();
        let shape = Shape::new(&self.mapping, &registry, slot);
        let differing = judge::rows(&shape, &desired, &actual, &entries);
        let source_version = standing.versions.current;
        let mut look = Look { version, source_version, ..Look::default() };
        if differing.is_empty() {
            return Ok(look);
        }
        let doubt = self.doubt(&checkpoint, slot, &standing).await?;
        let refuted = self.refuted(slot, &registry, (&desired, &entries), &differing).await?;
        for (key, mut differences) in differing {
            if refuted.real.contains(&key) {
                for difference in &mut differences {
                    difference.state = State::Real;
                }
            }
            let entry = entries.get(&key);
            let is_moving = entry != entries_after.get(&key)
                || entry.is_some_and(|(code, _)| code == DETACHED)
                || refuted.due.contains(&key)
                || changed(&self.mapping, slot, key, desired.get(&key), &actual, &standing);
            if doubt.is_some() || is_moving {
                look.in_flight.insert(key, differences);
            } else {
                look.settled.extend(differences);
            }
        }
        look.why = doubt.unwrap_or_else(|| moving(version, standing.versions.current));
        Ok(look)
    }

    /// What the checkpoint says, if it says anything about this source under this mapping.
    ///
    /// # Errors
    /// [`ErrorKind::Stop`] if there is none, or it is another source's, another mapping's, or changed by
    /// hand: then nothing can be told.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        usable(checkpoint::read(&self.graph).await?, &self.mapping)
    }

    /// The version after which changes of each tracked table may be on their way.
    fn since(&self, state: &Checkpoint) -> BTreeMap<Slot, i64> {
        let from = |(slot, table): (Slot, &crate::mapping::Table)| {
            Some((slot, plan::from(state, &table.name.to_string())?))
        };
        tracked(&self.mapping).filter_map(from).collect()
    }

    /// Why nothing about a table can be told now, if that is so.
    async fn doubt(
        &mut self,
        state: &Checkpoint,
        slot: Slot,
        standing: &Standing,
    ) -> Result<Option<String>> {
        let tables = tables_of(&self.mapping, slot);
        let name = |slot: &Slot| self.mapping.table(*slot).name.to_string();
        let untracked =
            tables.iter().find(|slot| self.mapping.table(**slot).tracking == Tracking::None);
        if let Some(slot) = untracked {
            let table = name(slot);
            return Ok(Some(format!(
                "{table} has no change tracking: what changes there is not seen"
            )));
        }
        let begun = state.progress.iter().flat_map(|progress| &progress.tables);
        let begun: BTreeSet<&String> = begun.collect();
        if let Some(table) = tables.iter().map(name).find(|table| begun.contains(table)) {
            return Ok(Some(format!("a full has begun to read {table} anew and has not ended")));
        }
        if !standing.is_valid {
            let version = state.followed().unwrap_or(0);
            return Ok(Some(format!(
                "the source does not know all changes since version {version}, which the graph has: retention is over, or it was put back"
            )));
        }
        // After the snapshot: what it says now, it said then, since it never becomes what it was.
        let epoch = self.source.epoch(&self.mapping).await?;
        let known = state.epoch.as_ref();
        let is_same =
            known.is_some_and(|known| epoch.is_that_of(&state.identity, known, &self.mapping));
        Ok((!is_same).then(|| {
            "the source was restored, or a table was truncated or recreated, and the graph does not have that yet".to_owned()
        }))
    }

    /// What the graph holds of a table and no row and no link needs: placeholders, and things with a wrong
    /// key.
    ///
    /// # Errors
    /// As [`Settler::settle`]'s.
    pub async fn leftovers(&mut self, slot: Slot) -> Result<Vec<Difference>> {
        let mut found = match slot {
            Slot::Node(_) => self.leftover_placeholders(slot).await?,
            _ => Vec::new(),
        };
        found.extend(self.wrong_keys(slot).await?);
        Ok(found)
    }

    async fn is_somebody_writing(&self) -> Result<bool> {
        let mut patience = Patience::new(self.limits.retry_max);
        loop {
            match leader::sign(&self.graph).await {
                Ok(sign) => return Ok(sign.is_some_and(|sign| sign.holder.is_some())),
                Err(error) => patience.wait(error).await?,
            }
        }
    }
}

/// What the graph holds for some keys of a table.
pub async fn read(graph: &Graph, shape: &Shape, keys: &Keys, limit: BytesMax) -> Result<Actual> {
    Ok(match shape.node() {
        Some(_) => Actual::Nodes(graph.nodes(shape, keys, limit).await?),
        None => Actual::Relationships(graph.relationships(shape, keys, limit).await?),
    })
}

fn usable(found: Option<Found>, mapping: &Mapping) -> Result<Checkpoint> {
    let Some(Found { state, sealed }) = found else {
        return Err(Error::stop("the graph has no checkpoint: nothing says what it should hold")
            .hint("`provsync sync` or `provsync full` loads it"));
    };
    let what = if !sealed {
        "the graph's checkpoint was changed by hand"
    } else if state.mapping != mapping.digest {
        "the graph was made with another mapping"
    } else if state.followed().is_none() {
        "the graph was never loaded to its end"
    } else {
        return Ok(state);
    };
    Err(Error::stop(what).hint("`provsync sync` or `provsync full` makes it right"))
}

fn moving(version: Option<i64>, current: Option<i64>) -> String {
    let text = |version: Option<i64>| version.map_or("none".to_owned(), |v| v.to_string());
    format!(
        "the row, or one that it joins, changed after version {}, which the graph has; the source is at {}",
        text(version),
        text(current)
    )
}

fn unsettled(
    in_flight: BTreeMap<i64, Vec<Difference>>,
    looks: u32,
    why: &str,
    stood: bool,
) -> impl Iterator<Item = Difference> {
    let why = if stood {
        format!("{why}; the checkpoint did not move meanwhile: does `provsync sync` run?")
    } else {
        why.to_owned()
    };
    in_flight.into_values().flatten().map(move |difference| {
        let state = State::Unsettled { looks, why: why.clone() };
        Difference { state, ..difference }
    })
}

fn pause(looks: u32) -> Duration {
    WAIT_MIN.saturating_mul(1 << looks.saturating_sub(1).min(10)).min(WAIT_MAX)
}
