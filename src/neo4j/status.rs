//! What the graph says of itself: checkpoint, worker, quarantine. Read-only.

use std::collections::BTreeMap;

use neo4rs::BoltType;
use serde::Serialize;

use super::checkpoint::{self, Progress, State};
use super::{Graph, Statement, list, values};
use crate::error::Result;

/// The checkpoint and what the worker says on it; parts of `provsync status`, whose JSON form is a
/// contract (`docs/output.md`).
#[derive(Clone, Debug, Serialize)]
pub struct GraphStatus {
    /// Which database the graph is of.
    pub source: String,
    /// The graph has the source's changes up to this version.
    pub version: Option<i64>,
    /// It stands exactly there.
    pub consistent: bool,
    /// The checkpoint is as provsync left it.
    pub sealed: bool,
    /// `idle`, `window`, or the phase of a full.
    pub phase: String,
    /// When the checkpoint last moved.
    pub updated_at: Option<String>,
    /// Everything that was committed at the source before this moment is in the graph; absent before the
    /// first load is done, and while all rows of some tables are read again.
    pub as_of: Option<String>,
    /// How long ago that was.
    pub as_of_seconds: Option<i64>,
    /// How long ago the graph last had all that the source had, even if it is as of no moment now.
    pub caught_up_seconds: Option<i64>,
    /// A full that has begun and not ended.
    pub full: Option<FullStatus>,
    /// Who writes.
    pub worker: WorkerStatus,
    /// The background verify.
    pub verify: VerifyStatus,
    /// Rows in quarantine by table and reason.
    pub quarantine: BTreeMap<String, BTreeMap<String, i64>>,
}

/// A full that has begun and not ended.
#[derive(Clone, Debug, Serialize)]
pub struct FullStatus {
    /// Tables that are read anew.
    pub tables: Vec<String>,
    /// The table that it is at; absent in a phase that is not about one table.
    pub table: Option<String>,
    /// The next key of that table; absent at its beginning.
    pub next: Option<i64>,
    /// Changes are carried up to this version meanwhile.
    pub followed: i64,
}

/// Who writes.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerStatus {
    /// Host, process and since when; absent when nobody writes.
    pub holder: Option<String>,
    /// Seconds since its last sign.
    pub silent_seconds: Option<i64>,
    /// Rows a second over the last minute.
    pub rows_per_second: Option<f64>,
    /// What it can't do at the moment.
    pub trouble: Option<String>,
    /// The source's version when it last asked.
    pub source_version: Option<i64>,
}

/// The background verify.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyStatus {
    /// When it last had compared all rows.
    pub completed_at: Option<String>,
    /// How long ago that was.
    pub age_seconds: Option<i64>,
    /// The table that it is at.
    pub table: Option<String>,
    /// Differences that it mended in this round.
    pub mended: Option<i64>,
}

const SAYS: &str = "MATCH (c:ProvsyncCheckpoint)
RETURN [coalesce(c.consistent, false), coalesce(c.phase, 'idle'), toString(c.updatedAt), toString(c.asOf), c.holder,
  duration.inSeconds(c.heartbeatAt, datetime()).seconds, c.rowsPerSecond, c.trouble, c.sourceVersion,
  toString(c.verifiedAt), duration.inSeconds(c.verifiedAt, datetime()).seconds, c.verifyTable, c.verifyMended,
  duration.inSeconds(c.asOf, datetime()).seconds, duration.inSeconds(coalesce(c.caughtUpAt, c.asOf), datetime()).seconds] AS row";

/// Reads it; `None` if the graph has no checkpoint.
pub async fn read(graph: &Graph) -> Result<Option<GraphStatus>> {
    let Some(found) = checkpoint::read(graph).await? else { return Ok(None) };
    let Some(cells) = graph.first(Statement::new(SAYS)).await? else { return Ok(None) };
    let quarantine = counts(graph).await?;
    Ok(Some(status(found.state, found.sealed, &cells, quarantine)))
}

fn status(
    state: State,
    sealed: bool,
    cells: &[BoltType],
    quarantine: BTreeMap<String, BTreeMap<String, i64>>,
) -> GraphStatus {
    let text = |i: usize| cells.get(i).and_then(values::text).map(String::from);
    let integer = |i: usize| cells.get(i).and_then(values::integer);
    GraphStatus {
        source: state.source,
        version: state.version,
        consistent: cells.first().is_some_and(values::boolean),
        sealed,
        phase: text(1).unwrap_or_default(),
        updated_at: text(2),
        as_of: text(3),
        as_of_seconds: integer(13),
        caught_up_seconds: integer(14),
        full: state.progress.map(full),
        worker: WorkerStatus {
            holder: text(4),
            silent_seconds: integer(5),
            rows_per_second: cells.get(6).and_then(values::float),
            trouble: text(7),
            source_version: integer(8),
        },
        verify: VerifyStatus {
            completed_at: text(9),
            age_seconds: integer(10),
            table: text(11),
            mended: integer(12),
        },
        quarantine,
    }
}

/// How far a full resync has come, by what stands on the checkpoint.
pub fn full(progress: Progress) -> FullStatus {
    let table = Some(progress.table).filter(|table| !table.is_empty());
    // Every scan begins at the lowest key there can be, which says nothing about the rows.
    let has_come_to_a_row = table.is_some() && progress.next != i64::MIN;
    FullStatus {
        tables: progress.tables,
        table,
        next: has_come_to_a_row.then_some(progress.next),
        followed: progress.v0,
    }
}

async fn counts(graph: &Graph) -> Result<BTreeMap<String, BTreeMap<String, i64>>> {
    let statement = Statement::new(
        "MATCH (q:ProvsyncQuarantine)
WITH q.table AS table, q.reason AS reason, count(*) AS entries
RETURN [table, reason, entries] AS row",
    );
    let mut counts: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    graph
        .read(statement, |row| {
            let cells = list(&row)?;
            let text =
                |i: usize| cells.get(i).and_then(values::text).unwrap_or_default().to_owned();
            let count = cells.get(2).and_then(values::integer).unwrap_or(0);
            counts.entry(text(0)).or_default().insert(text(1), count);
            Ok(())
        })
        .await?;
    Ok(counts)
}
