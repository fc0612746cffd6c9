//! Who writes: signs of life on the checkpoint, requests that others leave there, and a way past a
//! transaction that hangs.
//!
//! None of this decides who may write; the fence does ([`super::checkpoint`]). It tells people and a
//! standby how the writer is doing. None of it is under the seal.

use std::collections::BTreeMap;
use std::time::Duration;

use neo4rs::BoltType;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::checkpoint::{Fence, fenced_off};
use super::{Graph, Statement, list, run, values};
use crate::error::{Error, Kind, Result};

/// What the writer says of itself, now and then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beat {
    /// Who it is: host, process, and since when.
    pub holder: String,
    /// The source's version when it was last asked.
    pub source_version: Option<i64>,
    /// When the graph had all that the source had; `None` leaves what was said before.
    pub caught_up_at: Option<Instant>,
    /// Rows a second, over the last minute.
    pub rows_per_second: f64,
    /// What it can't do at the moment, and tries again.
    pub trouble: Option<String>,
    /// Whether the heartbeat counts: the source answers, and the work makes progress. Otherwise people see
    /// it, but to a standby it is silence: another may do better.
    pub counts: bool,
    /// The table that the background verify reads, the next key, and whether it has just come to an
    /// end of all tables.
    pub verify: Option<Verify>,
}

/// How far the background verify has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verify {
    /// `schema.table`.
    pub table: String,
    /// First key that it has not compared yet.
    pub next: i64,
    /// It has compared all rows of all tables, at this moment.
    pub is_complete: bool,
    /// Differences that it found and mended in this round.
    pub mended: u64,
}

/// What the writer learns by its heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What others ask of it.
    pub request: Option<Request>,
    /// How long ago the graph had all that the source had, whoever wrote it then; `None` if it never had.
    pub caught_up_ago: Option<Duration>,
}

/// What others ask the writer to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Random, so that who asked knows when it was done.
    pub id: String,
    /// What.
    pub kind: RequestKind,
    /// Deletes of a table that may pass the circuit breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletes: Option<u64>,
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A full of all tables.
    Full,
    /// Some rows once more; they are few, since they stand on the checkpoint ([`KEYS_ASKED_MAX`]).
    Keys {
        /// Row keys by `schema.table`.
        tables: BTreeMap<String, Vec<i64>>,
        /// What no row and no link needs as well: placeholders, and things with a wrong key.
        placeholders: bool,
    },
}

/// Row keys of one request at most.
pub const KEYS_ASKED_MAX: usize = 5_000;

impl Request {
    /// A request of its own.
    pub fn new(kind: RequestKind, allow_deletes: Option<u64>) -> Self {
        Self { id: uuid::Uuid::new_v4().to_string(), kind, allow_deletes }
    }
}

/// How a request for rows ended; [`answer`]'s text in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mended {
    /// They were carried.
    Done,
    /// A rule forbids it.
    Refused(String),
}

/// A sign of the writer as somebody else sees it; while it lives and its source answers, the sign
/// changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// Who writes; `None` after it has ended in good order.
    pub holder: Option<String>,
    /// The fence in force.
    pub fence: String,
    /// Grows.
    pub beat: i64,
}

/// Says that the writer lives; returns what others ask of it. `caughtUpAt` is when the graph had all that the
/// source had, `asOf` is the same while it still has that: it had not before it was loaded, and has not while
/// tables are read again ([`super::checkpoint::advance`]).
///
/// # Errors
/// [`Kind::FencedOff`] if somebody else may write now.
pub async fn beat(graph: &Graph, fence: &Fence, beat: &Beat) -> Result<Heard> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence
WITH c WHERE c.fence = $fence
SET c += $says, c.beat = coalesce(c.beat, 0) + CASE WHEN $counts THEN 1 ELSE 0 END, c.heartbeatAt = datetime()
FOREACH (ms IN CASE WHEN $ago IS NULL THEN [] ELSE [$ago] END | SET c.caughtUpAt = datetime() - duration({milliseconds: ms}))
FOREACH (_ IN CASE WHEN $ago IS NULL OR c.version IS NULL OR c.progress IS NOT NULL THEN [] ELSE [1] END | SET c.asOf = c.caughtUpAt)
FOREACH (_ IN CASE WHEN $verified THEN [1] ELSE [] END | SET c.verifiedAt = datetime())
RETURN [c.request, datetime().epochMillis - c.caughtUpAt.epochMillis] AS row",
    );
    let statement = statement
        .with("source", fence.source())
        .with("fence", fence.token())
        .with("counts", beat.counts)
        .with("verified", beat.verify.as_ref().is_some_and(|v| v.is_complete))
        .with("says", says(beat));
    let rows = graph.write(async |txn| {
        // Only here: the wait for a connection would make the moment look later.
        let ago = beat.caught_up_at.map(|at| milliseconds(at.elapsed()));
        Ok(run(txn, statement.with("ago", ago)).await?.0)
    });
    let rows = rows.await?;
    let cells = list(rows.first().ok_or_else(fenced_off)?)?;
    let request = cells.first().and_then(values::text);
    let age = cells.get(1).and_then(values::integer);
    Ok(Heard {
        request: request.and_then(|text| serde_json::from_str(text).ok()),
        caught_up_ago: age.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
    })
}

fn says(beat: &Beat) -> BoltType {
    let mut says = vec![
        ("holder", beat.holder.as_str().into()),
        ("sourceVersion", beat.source_version.into()),
        ("rowsPerSecond", beat.rows_per_second.into()),
        ("trouble", beat.trouble.clone().into()),
    ];
    if let Some(verify) = &beat.verify {
        says.push(("verifyTable", verify.table.as_str().into()));
        says.push(("verifyNext", verify.next.into()));
        says.push(("verifyMended", i64::try_from(verify.mended).unwrap_or(i64::MAX).into()));
    }
    values::map(says)
}

/// Rounded up: the graph is as of that moment at least.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis() + 1).unwrap_or(i64::MAX)
}

/// The writer ends in good order: a standby need not wait for it.
pub async fn leave(graph: &Graph, fence: &Fence) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence
WITH c WHERE c.fence = $fence
REMOVE c.holder, c.trouble",
    );
    let statement = statement.with("source", fence.source()).with("fence", fence.token());
    graph.write(async |txn| run(txn, statement).await.map(|_| ())).await
}

/// Who writes, where somebody has the lease.
///
/// # Errors
/// Whoever has it is no worker, and answers no requests.
pub async fn holder(graph: &Graph) -> Result<String> {
    sign(graph).await?.and_then(|sign| sign.holder).ok_or_else(|| {
        Error::stop("another provsync is writing to this graph")
            .hint("wait for it to end, or look who has the application lock at the source")
    })
}

/// The writer's last sign, if there ever was one.
pub async fn sign(graph: &Graph) -> Result<Option<Sign>> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint) RETURN [c.holder, coalesce(c.fence, ''), coalesce(c.beat, 0)] AS row",
    );
    let row = graph.first(statement).await?;
    Ok(row.map(|cells| Sign {
        holder: cells.first().and_then(values::text).map(String::from),
        fence: cells.get(1).and_then(values::text).unwrap_or_default().to_owned(),
        beat: cells.get(2).and_then(values::integer).unwrap_or_default(),
    }))
}

/// Leaves a request for the writer; one that nobody has taken is replaced.
///
/// # Errors
/// [`Kind::Stop`] if the graph has no checkpoint to leave it on.
pub async fn ask(graph: &Graph, request: &Request) -> Result<()> {
    let text = serde_json::to_string(request).unwrap_or_default();
    let statement =
        Statement::new("MATCH (c:ProvsyncCheckpoint) SET c.request = $request RETURN [1] AS row");
    let statement = statement.with("request", text);
    let rows = graph.write(async |txn| Ok(run(txn, statement).await?.0)).await?;
    if rows.is_empty() {
        return Err(Error::stop("the graph has no checkpoint, and so no writer to ask")
            .hint("start `provsync sync`: it does a full by itself"));
    }
    Ok(())
}

/// Says how a request ended, in one property: who reads two may get one of them from before.
pub async fn answer(graph: &Graph, fence: &Fence, id: &str, outcome: &str) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence
WITH c WHERE c.fence = $fence
SET c.answer = $id + ' ' + $outcome
FOREACH (_ IN CASE WHEN c.request CONTAINS $id THEN [1] ELSE [] END | REMOVE c.request)
RETURN [1] AS row",
    );
    let statement = statement
        .with("source", fence.source())
        .with("fence", fence.token())
        .with("id", id)
        .with("outcome", outcome);
    let rows = graph.write(async |txn| Ok(run(txn, statement).await?.0)).await?;
    if rows.is_empty() { Err(fenced_off()) } else { Ok(()) }
}

/// Where a request stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// It waits on the checkpoint, or the writer is about it.
    pub is_asked: bool,
    /// The id of the request that was answered last, whoever's it is.
    pub answered: Option<String>,
}

/// Where a request stands.
pub async fn standing(graph: &Graph, id: &str) -> Result<Asked> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint) RETURN [coalesce(c.request CONTAINS $id, false), split(c.answer, ' ')[0]] AS row",
    );
    let row = graph.first(statement.with("id", id)).await?;
    Ok(row.map_or_else(Asked::default, |cells| Asked {
        is_asked: cells.first().is_some_and(values::boolean),
        answered: cells.get(1).and_then(values::text).map(String::from),
    }))
}

/// How a request ended, if it has.
pub async fn answered(graph: &Graph, id: &str) -> Result<Option<String>> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint) WITH c.answer AS answer WHERE answer STARTS WITH $id + ' '
RETURN [substring(answer, size($id) + 1)] AS row",
    );
    let row = graph.first(statement.with("id", id)).await?;
    Ok(row.map(|cells| cells.first().and_then(values::text).unwrap_or_default().to_owned()))
}

/// Which database this is, whatever address it is reached by.
pub async fn database_id(graph: &Graph) -> Result<String> {
    info(graph, "id").await
}

/// A column of `db.info`: the database's `id`, or its `name`, which an alias does not change.
async fn info(graph: &Graph, column: &'static str) -> Result<String> {
    let statement = format!("CALL db.info() YIELD {column} RETURN [{column}] AS row");
    let row = graph.first(Statement::new(statement)).await?;
    row.and_then(|cells| cells.first().and_then(values::text).map(String::from))
        .ok_or_else(|| Error::new(Kind::Graph, "Neo4j does not say which database this is"))
}

/// Lists whom a writer of `$database` waits for. SHOW TRANSACTIONS lists the transactions of all
/// databases of the server, and other graphs have writers too.
pub const BLOCKED: &str = "SHOW TRANSACTIONS YIELD database, currentQuery, status
WHERE database = $database AND currentQuery STARTS WITH 'MERGE (c:ProvsyncCheckpoint' AND status STARTS WITH 'Blocked by'
RETURN [status] AS row";

/// Terminates what keeps somebody from taking the fence: a transaction of a writer that hangs holds
/// the checkpoint's lock. Returns the ids of what was terminated.
pub async fn terminate_blockers(graph: &Graph) -> Result<Vec<String>> {
    let blocked = Statement::new(BLOCKED).with("database", info(graph, "name").await?);
    let mut ids = Vec::new();
    graph
        .read(blocked, |row| {
            let cells = list(&row)?;
            ids.extend(cells.first().and_then(values::text).map(blockers).unwrap_or_default());
            Ok(())
        })
        .await?;
    for id in &ids {
        let terminate = Statement::new(
            "TERMINATE TRANSACTIONS $id YIELD transactionId RETURN [transactionId] AS row",
        );
        graph.read(terminate.with("id", id.as_str()), |_| Ok(())).await?;
    }
    Ok(ids)
}

/// `Blocked by: [neo4j-transaction-12, neo4j-transaction-7]`.
fn blockers(status: &str) -> Vec<String> {
    let inside = status.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let ids = inside.map(|(ids, _)| ids).unwrap_or_default();
    ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blockers_are_read_from_a_transactions_status() {
        assert_eq!(blockers("Blocked by: [neo4j-transaction-12]"), ["neo4j-transaction-12"]);
        assert_eq!(blockers("Blocked by: [a-1, b-2]"), ["a-1", "b-2"]);
        assert!(blockers("Running").is_empty() && blockers("Blocked by: []").is_empty());
    }
}
