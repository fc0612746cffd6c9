//! Quarantine: rows that can't be represented, each with its reason, kept in the graph beside the
//! data so that both change in one transaction.

use std::collections::BTreeMap;

use neo4rs::Txn;

use super::{Graph, Statement, list, run, values};
use crate::error::Result;
use crate::sqlserver::pages::Keys;

/// Why a row is not in the graph. The texts are part of the contract with operators and of `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A fixed word to count and filter by.
    pub code: &'static str,
    /// What exactly, without the row's content.
    pub detail: String,
}

impl Reason {
    /// A reason.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// Entries of some keys of one table: reason code and detail by row key.
pub type Entries = BTreeMap<i64, (String, String)>;

const ROW: &str = "RETURN [q.key, q.reason, q.detail] AS row";

/// Reads the entries of some keys.
pub async fn read(graph: &Graph, table: &str, keys: &Keys) -> Result<Entries> {
    let statement = match keys {
        Keys::Range(range) => Statement::new(format!(
            "MATCH (q:ProvsyncQuarantine) WHERE q.table = $table AND q.key >= $first AND q.key <= $last {ROW}"
        ))
        .with("first", range.first)
        .with("last", range.last),
        Keys::List(keys) => Statement::new(format!(
            "UNWIND $keys AS k MATCH (q:ProvsyncQuarantine {{table: $table, key: k}}) {ROW}"
        ))
        .with("keys", values::keys(keys)),
    };
    let mut entries = Entries::new();
    graph
        .read(statement.with("table", table), |row| {
            let cells = list(&row)?;
            let text =
                |i: usize| cells.get(i).and_then(values::text).unwrap_or_default().to_owned();
            if let Some(key) = cells.first().and_then(values::integer) {
                entries.insert(key, (text(1), text(2)));
            }
            Ok(())
        })
        .await?;
    Ok(entries)
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
        ])
    });
    let statement = Statement::new(
        "UNWIND $rows AS row
MERGE (q:ProvsyncQuarantine {table: $table, key: row.k})
  ON CREATE SET q.since = datetime()
SET q.reason = row.reason, q.detail = row.detail, q.version = $version",
    );
    let statement =
        statement.with("rows", values::list(rows)).with("table", table).with("version", read_at);
    run(txn, statement).await.map(|_| ())
}

/// Removes the entries of rows whose reason is gone.
pub async fn remove(txn: &mut Txn, table: &str, keys: &[i64]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let statement = Statement::new(
        "UNWIND $keys AS k MATCH (q:ProvsyncQuarantine {table: $table, key: k}) DETACH DELETE q",
    );
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

/// Row keys of a table that are there for one reason, in order, after `after`; up to `rows_max`.
pub async fn keys(
    graph: &Graph,
    table: &str,
    reason: &str,
    after: Option<i64>,
    rows_max: usize,
) -> Result<Vec<i64>> {
    let statement = Statement::new(
        "MATCH (q:ProvsyncQuarantine) WHERE q.table = $table AND q.key >= $first AND q.reason = $reason
RETURN [q.key] AS row ORDER BY q.key LIMIT $limit",
    );
    let statement = statement
        .with("table", table)
        .with("reason", reason)
        .with("first", after.map_or(i64::MIN, |key| key.saturating_add(1)))
        .with("limit", i64::try_from(rows_max).unwrap_or(i64::MAX));
    let mut keys = Vec::new();
    graph
        .read(statement, |row| {
            keys.extend(list(&row)?.first().and_then(values::integer));
            Ok(())
        })
        .await?;
    Ok(keys)
}
