//! Every row of every table: pages of both stores by key range, in key order, side by side. A range
//! holds the keys without a row as well, so that what the graph has too much is found on the way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::difference::{Difference, KEPT_MAX, Report, State};
use super::judge;
use super::resume::{Position, Resume};
use super::settle::{LOOKS_MAX, Settler, read};
use super::stores::Stores;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Registry, Shape, Slot};
use crate::neo4j::actual::BytesMax;
use crate::neo4j::quarantine::Entries;
use crate::neo4j::{Graph, foreign};
use crate::reconcile::ahead::Reader;
use crate::reconcile::desired::{Outcome, Wanted};
use crate::reconcile::look::ACTUAL_TO_PAGE_BYTES;
use crate::reconcile::progress::Phase;
use crate::reconcile::retry::Patience;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::Source;
use crate::sqlserver::pages::{Depth, KeyRange, Keys, Page, PageLimit};

/// Keys that may be on their way and wait for their next look, before they are looked at in between.
const WAITING_MAX: usize = 10_000;

/// What is verified, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// These tables, `schema.table`; all, if there are none.
    pub tables: Vec<String>,
    /// These row keys of every table.
    pub range: KeyRange,
    /// Where a run that was stopped goes on from.
    pub resume: Option<PathBuf>,
    /// Rows a second that are read of either store at most.
    pub rows_per_second_max: Option<u32>,
    /// How often a difference is looked at before it is called unsettled.
    pub looks_max: u32,
    /// Differences that are kept; others are counted.
    pub kept_max: usize,
    /// Count what is not provsync's as well.
    pub foreign: bool,
    /// Draw bars on the terminal.
    pub on_terminal: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            range: KeyRange::ALL,
            resume: None,
            rows_per_second_max: None,
            looks_max: LOOKS_MAX,
            kept_max: KEPT_MAX,
            foreign: false,
            on_terminal: false,
        }
    }
}

/// Compares every row.
///
/// # Errors
/// Anything that keeps it from being told whether the stores are equal: a store that is away for longer
/// than `full.retry_seconds_max`, a schema that is not there, a checkpoint that says nothing about this
/// source, a table that is not mapped. What was found up to then is in the file of
/// [`Options::resume`].
pub async fn run(config: &Config, mapping: Mapping, options: Options) -> Result<Report> {
    let slots = slots(&mapping, &options.tables)?;
    if options.range.first > options.range.last {
        let (first, last) = (options.range.first, options.range.last);
        return Err(Error::usage(format!("the key range {first} to {last} has no keys"))
            .hint("--from is the lower end"));
    }
    let stores = Stores::open(config, mapping, options.looks_max).await?;
    let Stores { source, graph, mapping, registry, settler, id, .. } = stores;
    let resume = Resume::open(&options, &mapping.digest, &id)?;
    let (begun, seconds_before) = (Instant::now(), resume.saved.report.seconds);
    let mut verify = Verify {
        config,
        source,
        graph,
        mapping,
        registry,
        settler,
        options,
        resume,
        begun,
        seconds_before,
    };
    verify.all(&slots).await
}

struct Verify<'a> {
    config: &'a Config,
    source: Source,
    graph: Graph,
    mapping: Arc<Mapping>,
    registry: Registry,
    settler: Settler,
    options: Options,
    resume: Resume,
    begun: Instant,
    seconds_before: f64,
}

/// A table that is read.
struct Table {
    slot: Slot,
    at: Position,
    /// Whether quarantine may hold rows of it.
    somebody_waits: bool,
}

impl Verify<'_> {
    async fn all(&mut self, slots: &[Slot]) -> Result<Report> {
        for slot in slots {
            let name = self.mapping.table(*slot).name.to_string();
            if let Some(at) = self.resume.begin(&name, self.options.range.first) {
                let at = self.table(*slot, at).await?;
                self.resume.table_is_done(at, self.seconds())?;
            }
        }
        self.close().await
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }

    async fn close(&mut self) -> Result<Report> {
        let mut report = self.resume.saved.report.clone();
        if self.options.foreign {
            let shape = |slot| Shape::new(&self.mapping, &self.registry, slot);
            let shapes: Vec<Shape> = self.mapping.slots().into_iter().map(shape).collect();
            report.foreign = Some(foreign::count(&self.graph, &shapes).await?);
        }
        report.source_version = Some(self.source.current().await?);
        report.checkpoint_version = self.settler.checkpoint().await?.followed();
        report.notes.extend(notes(&report));
        report.seconds = self.seconds();
        report.close();
        self.resume.is_done()?;
        Ok(report)
    }

    /// One table, from where an earlier run stopped.
    async fn table(&mut self, slot: Slot, at: Position) -> Result<Position> {
        let name = at.counts.table.clone();
        // For the bar alone: a source that can't count now may still be read.
        let total = self.source.count(&self.mapping, slot).await.unwrap_or(0);
        let mut phase = Phase::begin(format!("verifying {name}"), total, self.options.on_terminal);
        let mut pace = Pace::new(self.options.rows_per_second_max);
        let somebody_waits = self.graph.entry_count(&name).await? > 0;
        let mut pages = self.pages(slot, at.next);
        let mut table = Table { slot, at, somebody_waits };
        while let Some(page) = pages.recv().await {
            let (page, is_last) = within(page?, self.options.range.last);
            let Keys::Range(range) = page.keys else { break };
            let (read, held) = self.page(&mut table, range, page).await?;
            phase.add(read);
            table.at.next = range.last.saturating_add(1);
            self.resume.is_at(&table.at, self.seconds())?;
            if is_last {
                break;
            }
            pace.wait(read.max(held)).await;
        }
        let waiting = std::mem::take(&mut table.at.waiting);
        let mut left = self.settler.settle(slot, waiting.into_iter().collect()).await?;
        if self.options.range == KeyRange::ALL {
            left.extend(self.settler.leftovers(slot).await?);
        }
        self.add(&mut table, left);
        phase.end();
        Ok(table.at)
    }

    fn pages(&self, slot: Slot, first: i64) -> mpsc::Receiver<Result<Page>> {
        let limits = &self.config.full;
        // At a slow pace a page is not more than a second's worth.
        let a_second = self.options.rows_per_second_max.and_then(|rows| usize::try_from(rows).ok());
        let rows = limits.page_rows.min(a_second.unwrap_or(usize::MAX)).max(1);
        let reader = Reader {
            source: self.source.another(),
            mapping: Arc::clone(&self.mapping),
            slot,
            depth: Depth::Rows,
            limit: PageLimit { rows, bytes: limits.batch_bytes_max },
            retry_max: limits.retry_max,
        };
        reader.start(first)
    }

    /// Compares one page; returns the number of its rows and of what the graph holds for its keys.
    async fn page(&mut self, table: &mut Table, range: KeyRange, page: Page) -> Result<(u64, u64)> {
        let read = page.rows.len() as u64;
        let (held, candidates) = self.candidates(table, range, page).await?;
        table.at.counts.source_rows += read;
        table.at.counts.graph_things += held;
        if !candidates.is_empty() {
            let look = self.settler.look(table.slot, &candidates).await?;
            table.at.waiting.extend(look.in_flight.keys());
            self.add(table, look.settled);
        }
        if table.at.waiting.len() > WAITING_MAX {
            let keys = std::mem::take(&mut table.at.waiting).into_iter().collect();
            let settled = self.settler.settle(table.slot, keys).await?;
            self.add(table, settled);
        }
        Ok((read, held))
    }

    /// Keys of a page on which the stores seem to differ. The page is older than what is read of the
    /// graph, so this says nothing yet. Returns also how much the graph holds for its keys.
    async fn candidates(
        &mut self,
        table: &Table,
        range: KeyRange,
        page: Page,
    ) -> Result<(u64, Vec<i64>)> {
        let mut wanted = Wanted::new(&self.mapping, &mut self.registry);
        let rows = page.rows.into_iter();
        let mut desired: BTreeMap<i64, Outcome> =
            rows.map(|row| (row.key, wanted.of(table.slot, row))).collect();
        let shape = Shape::new(&self.mapping, &self.registry, table.slot);
        let mut patience = Patience::new(self.config.full.retry_max);
        let (mut held, mut found) = (0, Vec::new());
        let mut stack = vec![range];
        while let Some(range) = stack.pop() {
            let is_single = range.first == range.last;
            match self.held(table, &shape, range, is_single).await {
                Ok((actual, entries)) => {
                    let rest = range.last.checked_add(1).map(|next| desired.split_off(&next));
                    held += actual.len() as u64;
                    found.extend(judge::rows(&shape, &desired, &actual, &entries).into_keys());
                    desired = rest.unwrap_or_default();
                    patience.reset();
                }
                Err(error) if error.kind == Kind::TooLarge && !is_single => {
                    let middle = range.first.midpoint(range.last);
                    stack.push(KeyRange { first: middle + 1, last: range.last });
                    stack.push(KeyRange { first: range.first, last: middle });
                }
                Err(error) => {
                    patience.wait(error).await?;
                    stack.push(range);
                }
            }
        }
        Ok((held, found))
    }

    async fn held(
        &self,
        table: &Table,
        shape: &Shape,
        range: KeyRange,
        is_single: bool,
    ) -> Result<(judge::Actual, Entries)> {
        let most = self.config.full.batch_bytes_max.saturating_mul(ACTUAL_TO_PAGE_BYTES);
        let limit = BytesMax(if is_single { usize::MAX } else { most });
        let keys = Keys::Range(range);
        let actual = read(&self.graph, shape, &keys, limit).await?;
        let entries = if table.somebody_waits {
            self.graph.entries(&shape.table, &keys).await?
        } else {
            Entries::new()
        };
        Ok((actual, entries))
    }

    fn add(&mut self, table: &mut Table, differences: Vec<Difference>) {
        for difference in differences {
            let is_explained = matches!(difference.state, State::Explained { .. });
            table.at.counts.quarantined += u64::from(is_explained);
            self.resume.saved.report.add(difference, self.options.kept_max);
        }
    }
}

/// The tables that were asked for, in the mapping's order.
///
/// # Errors
/// One of them is not mapped.
fn slots(mapping: &Mapping, tables: &[String]) -> Result<Vec<Slot>> {
    let known: Vec<String> = mapping.tables().map(|(_, t)| t.name.to_string()).collect();
    if let Some(unknown) = tables.iter().find(|name| !known.contains(name)) {
        return Err(Error::usage(format!("the mapping has no table {unknown}"))
            .hint(format!("it has {}", known.join(", "))));
    }
    let is_asked = |name: &String| tables.is_empty() || tables.contains(name);
    let slots = mapping.slots().into_iter().zip(&known);
    Ok(slots.filter(|(_, name)| is_asked(name)).map(|(slot, _)| slot).collect())
}

/// A page without what lies beyond `last`, and whether it is the last one.
fn within(mut page: Page, last: i64) -> (Page, bool) {
    let Keys::Range(range) = &mut page.keys else { return (page, true) };
    let is_last = range.last >= last;
    range.last = range.last.min(last);
    page.rows.retain(|row| row.key <= last);
    (page, is_last)
}

/// What people should know beside the differences.
fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(source), Some(graph)) = (report.source_version, report.checkpoint_version)
        && report.counts.unsettled > 0
    {
        notes.push(format!(
            "the source was at version {source} and the graph at {graph} in the end; what could not be told apart from changes on their way is unsettled"
        ));
    }
    if report.left_out > 0 {
        notes.push(format!("{} difference(s) are counted and not listed", report.left_out));
    }
    notes
}

/// Keeps to a number of rows a second.
struct Pace {
    rows_per_second_max: Option<u32>,
    due: Instant,
}

impl Pace {
    fn new(rows_per_second_max: Option<u32>) -> Self {
        Self { rows_per_second_max, due: Instant::now() }
    }

    /// Waits as long as so many rows are to take. Time that was lost is not made up for.
    async fn wait(&mut self, rows: u64) {
        let Some(per_second) = self.rows_per_second_max else { return };
        #[allow(clippy::cast_precision_loss)]
        let seconds = rows as f64 / f64::from(per_second.max(1));
        self.due = (self.due + Duration::from_secs_f64(seconds)).max(Instant::now());
        sleep_until(self.due).await;
    }
}
