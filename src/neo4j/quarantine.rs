//! Quarantine: rows that can't be represented, each with its reason, kept in the graph beside the
//! data so that both change in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use neo4rs::{BoltNull, BoltType, Txn};
use serde::Serialize;

use super::{Graph, Statement, list, run, values};
use crate::error::Result;
use crate::model::value::IdentityValue;
use crate::sqlserver::pages::Keys;

/// Why a row is not in the graph. The texts are part of the contract with operators and of `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A fixed word to count and filter by.
    pub code: &'static str,
    /// What exactly, without the row's content.
    pub detail: String,
    /// What may end it, as [`token`]s: an identity that is taken, a node row that is missing.
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

/// [`Reason::fingerprint`] of an entry's detail and what it waits for.
pub fn fingerprint(detail: &str, waits_for: &[String]) -> String {
    [&[detail.to_owned()], waits_for].concat().join("\n")
}

/// Entries of some keys of one table: reason code and fingerprint by row key.
pub type Entries = BTreeMap<i64, (String, String)>;

/// The reason of an edge that joins a row which is not in the graph.
pub const END_MISSING: &str = "edge-end-missing";

/// The reason of an edge whose node left its identity in one transaction and which is looked at again in
/// a later one. It is due at once, and counts as no fault of the row.
pub const DETACHED: &str = "node-left";

/// Why such an edge is not there.
pub fn detached() -> Reason {
    Reason::new(DETACHED, "a node that it joins has left its identity; it is looked at at once")
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
const ROW: &str = "RETURN [q.key, q.reason, q.detail, q.waitsFor] AS row";

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
                entries.insert(key, (text(1), fingerprint(&text(2), &tokens(cells.get(3)))));
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
            ("due", (reason.code == DETACHED).into()),
        ])
    });
    let statement = Statement::new(
        "UNWIND $rows AS row
MERGE (q:ProvsyncQuarantine {table: $table, key: row.k})
  ON CREATE SET q.since = datetime(), q.attempts = 0
SET q.reason = row.reason, q.detail = row.detail, q.version = $version, q.waitsFor = row.waitsFor, q.due = row.due
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

/// Marks the entries due that wait for one of `tokens`; returns how many. In the transaction that
/// gives what they wait for, so that a crash forgets none.
pub async fn wake(txn: &mut Txn, tokens: &[String]) -> Result<u64> {
    if tokens.is_empty() {
        return Ok(0);
    }
    // A map is looked up by its hash; a list would be searched for every entry.
    let given = values::flags(tokens.iter().map(String::as_str));
    let statement = Statement::new(
        "MATCH (q:ProvsyncQuarantine) WHERE any(w IN q.waitsFor WHERE coalesce($tokens[w], false))
SET q.due = true
RETURN count(q) AS written",
    );
    let (rows, _) = run(txn, statement.with("tokens", given)).await?;
    let count = rows.first().and_then(|row| row.get::<i64>("written").ok());
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Entries that should be looked at again now: something that they waited for came, somebody asked
/// for it, or their pause is over. Table and row key, up to `rows_max`.
pub async fn due(graph: &Graph, rows_max: usize) -> Result<Vec<(String, i64)>> {
    let statement = Statement::new(
        "MATCH (q:ProvsyncQuarantine) WHERE q.due OR coalesce(q.retryAt <= datetime(), true)
RETURN [q.table, q.key] AS row LIMIT $limit",
    );
    let mut due = Vec::new();
    graph
        .read(statement.with("limit", i64::try_from(rows_max).unwrap_or(i64::MAX)), |row| {
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
