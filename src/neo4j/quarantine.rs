//! Quarantine: rows that can't be represented, each with its reason, kept in the graph beside the
//! data so that both change in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use neo4rs::{BoltNull, BoltType, Txn};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Graph, Statement, list, run, values};
use crate::error::{Error, Result};
use crate::model::value::IdentityValue;
use crate::sqlserver::pages::Keys;

/// Why a row is not in the graph. The texts are part of the contract with operators and of `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A fixed word to count and filter by.
    pub code: &'static str,
    /// What exactly, without the row's content.
    pub detail: String,
    /// What may end it, as [`token`]s: an identity that is taken, a node row that is missing. At most two:
    /// the index that [`wake`] asks has room for the two ends of an edge.
    pub waits_for: Vec<String>,
}

/// A thing that a row may wait for: a type label with an identity, or the label of a node table with
/// a row key. `leave` in [`super::cypher`] spells identities that become free in the same way.
pub fn token(label: &str, value: &IdentityValue) -> String {
    match value {
        IdentityValue::Integer(number) => format!("{label}={number}"),
        IdentityValue::Text(text) => format!("{label}={text}"),
    }
}

impl Reason {
    /// A reason.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), waits_for: Vec::new() }
    }

    /// Whether quarantine says just that of a row: `entry` is the row's code and fingerprint there.
    pub fn is_said_by(&self, entry: Option<&(String, String)>) -> bool {
        entry.is_some_and(|(code, print)| *code == self.code && *print == self.fingerprint())
    }

    /// What an entry is told apart by: its code, and this. A row that comes to wait for something else
    /// has another reason, though it reads the same.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.detail, &self.waits_for)
    }

    /// It may end with one of these.
    #[must_use]
    pub fn waiting_for(mut self, tokens: impl IntoIterator<Item = String>) -> Self {
        self.waits_for.extend(tokens);
        self
    }
}

impl Reason {
    /// Whether the row itself is at fault. An edge whose node is not there only depends on it: however many
    /// edges wait for one node, they have one cause, which is counted where the node's own row is.
    pub fn is_root_cause(&self) -> bool {
        is_root_cause(self.code)
    }
}

/// Whether a reason's code says that the row itself is at fault.
pub fn is_root_cause(code: &str) -> bool {
    ![END_MISSING, EDGE_DANGLING, DETACHED].contains(&code)
}

/// [`Reason::fingerprint`] of an entry's detail and what it waits for.
pub fn fingerprint(detail: &str, waits_for: &[String]) -> String {
    [&[detail.to_owned()], waits_for].concat().join("\n")
}

/// Entries of some keys of one table: reason code and fingerprint by row key.
pub type Entries = BTreeMap<i64, (String, String)>;

/// The reason of an edge that joins a row which is not in the graph.
pub const END_MISSING: &str = "edge-end-missing";

/// The reason of an edge of which the source itself has a node no more.
pub const EDGE_DANGLING: &str = "edge-dangling";

/// The reason of an edge whose node left its identity in one transaction and which is looked at again in
/// a later one. It is due at once, and counts as no fault of the row.
pub const DETACHED: &str = "node-left";

/// Why such an edge is not there.
pub fn detached() -> Reason {
    Reason::new(DETACHED, "a node that it joins has left its identity; it is looked at at once")
}

/// Root causes by code.
pub type Causes = BTreeMap<&'static str, u64>;

/// How many root causes a run may put into quarantine: more point to a wrong mapping, not to bad rows.
/// Its transactions share it, and each takes what it needs before it commits.
#[derive(Clone, Debug)]
pub struct Room {
    most: u64,
    taken: Arc<AtomicU64>,
}

/// Room for some causes, which is given back where the transaction does not commit.
#[derive(Debug)]
pub struct Taken {
    causes: u64,
    taken: Arc<AtomicU64>,
}

impl Room {
    /// Room for so many.
    pub fn new(most: u64) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// Takes room.
    ///
    /// # Errors
    /// There is not enough.
    pub fn take(&self, causes: &Causes) -> Result<Taken> {
        let count = causes.values().sum();
        let before = self.taken.fetch_add(count, Ordering::Relaxed);
        // From here on it gives back what it does not keep.
        let taken = Taken { causes: count, taken: Arc::clone(&self.taken) };
        if count == 0 || before + count <= self.most {
            return Ok(taken);
        }
        let codes: Vec<&str> = causes.keys().copied().collect();
        let most = self.most;
        Err(Error::stop(format!("more than {most} rows would go into quarantine ({})", codes.join(", ")))
            .hint("this points to a wrong mapping, not to bad rows: correct the mapping, or raise full.quarantine_max"))
    }

    /// How many may be taken in all.
    pub fn most(&self) -> u64 {
        self.most
    }
}

impl Taken {
    /// The causes stand in quarantine.
    pub fn keep(mut self) {
        self.causes = 0;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.causes, Ordering::Relaxed);
    }
}

/// The first pause before an entry is tried again without anything that speaks for it; it doubles.
const RETRY_SECONDS: i64 = 60;
/// How often the pause doubles at most: a bit more than an hour.
const RETRY_DOUBLINGS: i64 = 6;

fn with_pauses(statement: Statement) -> Statement {
    statement.with("seconds", RETRY_SECONDS).with("doublings", RETRY_DOUBLINGS)
}

fn waits_for(reason: &Reason) -> BoltType {
    match reason.waits_for.as_slice() {
        [] => BoltType::Null(BoltNull),
        tokens => values::list(tokens.iter().map(|t| t.as_str().into())),
    }
}

/// Entries of some `$keys` of a `$table`.
pub const FIND: &str = "UNWIND $keys AS k MATCH (q:ProvsyncQuarantine {table: $table, key: k})";
/// Entries of the keys of a `$table` from `$first` to `$last`.
pub const FIND_RANGE: &str = "MATCH (q:ProvsyncQuarantine)
WHERE q.table = $table AND q.key >= $first AND q.key <= $last";
const ROW: &str = "RETURN [q.key, q.reason, q.detail, q.waitsFor, q.wait1] AS row";
/// Properties that are looked up, each by an index of its own.
pub const INDEXED: [&str; 4] = ["due", "retryAt", "wait1", "wait2"];

/// What [`wake`] finds a waiting entry by, in `wait1` or `wait2`. A token may be longer than an index
/// takes; two that share a number only wake an entry for nothing.
fn indexed(token: &str) -> i64 {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | i64::from(*byte))
}

/// Entries of an earlier release that no index finds: they are checked again and rewritten.
pub const WAKE_UNINDEXED: &str = "MATCH (q:ProvsyncQuarantine)
WHERE q.waitsFor IS NOT NULL AND q.wait1 IS NULL
CALL (q) { SET q.due = true } IN TRANSACTIONS OF 10000 ROWS";

/// Reads the entries of some keys.
pub async fn read(graph: &Graph, table: &str, keys: &Keys) -> Result<Entries> {
    let statement = match keys {
        Keys::Range(range) => Statement::new(format!("{FIND_RANGE} {ROW}"))
            .with("first", range.first)
            .with("last", range.last),
        Keys::List(keys) => {
            Statement::new(format!("{FIND} {ROW}")).with("keys", values::keys(keys))
        }
    };
    let mut entries = Entries::new();
    graph
        .read(statement.with("table", table), |row| {
            let cells = list(&row)?;
            let text =
                |i: usize| cells.get(i).and_then(values::text).unwrap_or_default().to_owned();
            if let Some(key) = cells.first().and_then(values::integer) {
                let tokens = tokens(cells.get(3));
                let is_indexed =
                    tokens.is_empty() || cells.get(4).and_then(values::integer).is_some();
                let print = fingerprint(&text(2), &tokens);
                // An entry that no index finds counts as no reason, and so is rewritten.
                let print = if is_indexed { print } else { format!("{print}\nnot indexed") };
                entries.insert(key, (text(1), print));
            }
            Ok(())
        })
        .await?;
    Ok(entries)
}

/// Those of some keys of a table whose entries are due: something that they waited for came.
pub async fn due_of(graph: &Graph, table: &str, keys: &[i64]) -> Result<BTreeSet<i64>> {
    let statement = Statement::new(format!("{FIND} WHERE q.due RETURN [q.key] AS row"));
    let mut due = BTreeSet::new();
    graph
        .read(statement.with("keys", values::keys(keys)).with("table", table), |row| {
            due.extend(list(&row)?.first().and_then(values::integer));
            Ok(())
        })
        .await?;
    Ok(due)
}

fn tokens(bolt: Option<&BoltType>) -> Vec<String> {
    match bolt {
        Some(BoltType::List(tokens)) => {
            tokens.value.iter().filter_map(values::text).map(String::from).collect()
        }
        _ => Vec::new(),
    }
}

/// Writes entries, new or with another reason than before.
pub async fn put(
    txn: &mut Txn,
    table: &str,
    read_at: i64,
    entries: &[(i64, Reason)],
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows = entries.iter().map(|(key, reason)| {
        values::map([
            ("k", (*key).into()),
            ("reason", reason.code.into()),
            ("detail", reason.detail.as_str().into()),
            ("waitsFor", waits_for(reason)),
            ("wait1", reason.waits_for.first().map(|token| indexed(token)).into()),
            ("wait2", reason.waits_for.get(1).map(|token| indexed(token)).into()),
            ("due", (reason.code == DETACHED).into()),
        ])
    });
    let statement = Statement::new(
        "UNWIND $rows AS row
MERGE (q:ProvsyncQuarantine {table: $table, key: row.k})
  ON CREATE SET q.since = datetime(), q.attempts = 0
SET q.reason = row.reason, q.detail = row.detail, q.version = $version, q.due = row.due,
  q.waitsFor = row.waitsFor, q.wait1 = row.wait1, q.wait2 = row.wait2
SET q.attempts = q.attempts + 1, q.retryAt = datetime() + duration({seconds: toInteger($seconds * 2 ^ CASE WHEN q.attempts > $doublings THEN $doublings ELSE q.attempts - 1 END)})",
    );
    let statement = with_pauses(statement);
    let statement =
        statement.with("rows", values::list(rows)).with("table", table).with("version", read_at);
    run(txn, statement).await.map(|_| ())
}

/// Removes the entries of rows whose reason is gone.
pub async fn remove(txn: &mut Txn, table: &str, keys: &[i64]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let statement = Statement::new(format!("{FIND} DETACH DELETE q"));
    run(txn, statement.with("keys", values::keys(keys)).with("table", table)).await.map(|_| ())
}

/// How many entries there are, of any table; the count store answers.
pub async fn count_all(graph: &Graph) -> Result<u64> {
    let statement = Statement::new("MATCH (q:ProvsyncQuarantine) RETURN [count(q)] AS row");
    let count = graph.first(statement).await?;
    let count = count.and_then(|cells| cells.first().and_then(values::integer));
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// How many entries a table has.
pub async fn count(graph: &Graph, table: &str) -> Result<u64> {
    let mut count = None;
    let statement =
        Statement::new("MATCH (q:ProvsyncQuarantine {table: $table}) RETURN [count(q)] AS row");
    graph
        .read(statement.with("table", table), |row| {
            count = list(&row)?.first().and_then(values::integer);
            Ok(())
        })
        .await?;
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Entries that wait for one of `$tokens` become due.
pub const WAKE: &str = "UNWIND $tokens AS token
CALL (token) {
  MATCH (q:ProvsyncQuarantine) USING INDEX SEEK q:ProvsyncQuarantine(wait1) WHERE q.wait1 = token RETURN q
  UNION
  MATCH (q:ProvsyncQuarantine) USING INDEX SEEK q:ProvsyncQuarantine(wait2) WHERE q.wait2 = token RETURN q
}
WITH DISTINCT q
SET q.due = true
RETURN count(q) AS written";
/// Entries that are due, then some whose pause is over.
pub const DUE: &str = "CALL () {
  MATCH (q:ProvsyncQuarantine) USING INDEX SEEK q:ProvsyncQuarantine(due) WHERE q.due = true RETURN q LIMIT $limit
  UNION
  MATCH (q:ProvsyncQuarantine) USING INDEX SEEK q:ProvsyncQuarantine(retryAt) WHERE q.retryAt <= datetime() RETURN q LIMIT $overdue
}
RETURN [q.table, q.key] AS row";
/// Entries whose pause is over that are looked at in one go. Very many may wait for one node: they are no
/// reason to make each window large, since what they wait for wakes them.
const OVERDUE_MAX: usize = 100;

/// Marks the entries due that wait for one of `tokens`; returns how many. In the transaction that
/// gives what they wait for, so that a crash forgets none.
pub async fn wake(txn: &mut Txn, tokens: &[String]) -> Result<u64> {
    if tokens.is_empty() {
        return Ok(0);
    }
    let tokens: BTreeSet<i64> = tokens.iter().map(|token| indexed(token)).collect();
    let tokens: Vec<i64> = tokens.into_iter().collect();
    let (rows, _) = run(txn, Statement::new(WAKE).with("tokens", values::keys(&tokens))).await?;
    let count = rows.first().and_then(|row| row.get::<i64>("written").ok());
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Entries that should be looked at again now: something that they waited for came, somebody asked
/// for it, or their pause is over. Table and row key, up to `rows_max` of those that are due, and a few
/// whose pause is over.
pub async fn due(graph: &Graph, rows_max: usize) -> Result<Vec<(String, i64)>> {
    let limit = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let statement = Statement::new(DUE)
        .with("limit", limit(rows_max))
        .with("overdue", limit(rows_max.min(OVERDUE_MAX)));
    let mut due = Vec::new();
    graph
        .read(statement, |row| {
            let cells = list(&row)?;
            let table = cells.first().and_then(values::text);
            if let (Some(table), Some(key)) = (table, cells.get(1).and_then(values::integer)) {
                due.push((table.to_owned(), key));
            }
            Ok(())
        })
        .await?;
    Ok(due)
}

/// Entries that were looked at again and whose reason holds still: they wait for their next turn.
pub async fn tried(txn: &mut Txn, table: &str, keys: &[i64]) -> Result<()> {
    let statement = Statement::new(format!(
        "{FIND}
WHERE q.due OR coalesce(q.retryAt <= datetime(), true)
SET q.due = false, q.attempts = coalesce(q.attempts, 0) + 1
SET q.retryAt = datetime() + duration({{seconds: toInteger($seconds * 2 ^ CASE WHEN q.attempts > $doublings THEN $doublings ELSE q.attempts - 1 END)}})",
    ));
    let statement = with_pauses(statement).with("keys", values::keys(keys)).with("table", table);
    run(txn, statement).await.map(|_| ())
}

/// An entry as people read it; its JSON form is a contract (`docs/output.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// `schema.table`.
    pub table: String,
    /// Row key.
    pub key: i64,
    /// The fixed word.
    pub reason: String,
    /// What exactly.
    pub detail: String,
    /// When it came.
    pub since: String,
    /// The source's version that the row was last read at.
    pub version: Option<i64>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried again, if nothing speaks for it before.
    pub retry_at: Option<String>,
    /// What would make it be tried at once.
    pub waits_for: Vec<String>,
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this table.
    pub table: Option<String>,
    /// Of these row keys; of any, if there are none.
    pub keys: Vec<i64>,
    /// For this reason.
    pub reason: Option<String>,
}

const FILTER: &str = "MATCH (q:ProvsyncQuarantine)
WHERE ($table IS NULL OR q.table = $table) AND (size($keys) = 0 OR q.key IN $keys) AND ($reason IS NULL OR q.reason = $reason)";

impl Filter {
    fn statement(&self, what: &str) -> Statement {
        Statement::new(format!("{FILTER}\n{what}"))
            .with("table", self.table.clone())
            .with("keys", values::keys(&self.keys))
            .with("reason", self.reason.clone())
    }
}

/// Lists entries by table and key, up to `rows_max`.
pub async fn list_entries(graph: &Graph, filter: &Filter, rows_max: u32) -> Result<Vec<Listed>> {
    let statement = filter.statement(
        "RETURN [q.table, q.key, q.reason, q.detail, toString(q.since), q.version, q.attempts, toString(q.retryAt), q.waitsFor] AS row
ORDER BY q.table, q.key LIMIT $limit",
    );
    let mut entries = Vec::new();
    graph
        .read(statement.with("limit", i64::from(rows_max)), |row| {
            let cells = list(&row)?;
            let text = |i: usize| cells.get(i).and_then(values::text).map(String::from);
            let integer = |i: usize| cells.get(i).and_then(values::integer);
            let waits_for = tokens(cells.get(8));
            entries.push(Listed {
                table: text(0).unwrap_or_default(),
                key: integer(1).unwrap_or_default(),
                reason: text(2).unwrap_or_default(),
                detail: text(3).unwrap_or_default(),
                since: text(4).unwrap_or_default(),
                version: integer(5),
                attempts: integer(6).unwrap_or(1),
                retry_at: text(7),
                waits_for,
            });
            Ok(())
        })
        .await?;
    Ok(entries)
}

/// Asks for entries to be tried again soon; returns how many.
pub async fn ask_for(graph: &Graph, filter: &Filter) -> Result<u64> {
    let statement = filter.statement("SET q.due = true RETURN count(q) AS written");
    let rows = graph.write(async |txn| Ok(run(txn, statement).await?.0)).await?;
    let count = rows.first().and_then(|row| row.get::<i64>("written").ok());
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}
