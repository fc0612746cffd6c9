//! The checkpoint: which source the graph is of, up to which version it has its changes, who may
//! write, and how far a full has come.
//!
//! **The fence (R3).** Whoever takes over sets a new random fence. Every transaction that writes
//! ends with the guard, which first SETs a property of the checkpoint, and so waits for and takes
//! its lock, and only then reads the fence. Matching the fence before the lock does not fence: an
//! old writer then goes on with the fence that it read before it waited. Guard last also lets
//! writers commit one at a time, which ends the deadlocks at COMMIT.

use std::collections::BTreeMap;

use neo4rs::{BoltType, Txn};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Counters, Graph, Statement, list, run, values};
use crate::error::{Error, Kind, Result};
use crate::mapping::registry::Owned;

/// What the checkpoint says, without fence and guard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Which database: [`crate::sqlserver::epoch::Epoch::source_id`].
    pub source: String,
    /// The graph has the source's changes up to this version; `None` before the first full is done
    /// or while the graph can't be trusted.
    pub version: Option<i64>,
    /// [`crate::sqlserver::epoch::Epoch::text`].
    pub epoch: String,
    /// [`crate::mapping::Mapping::digest`].
    pub mapping: String,
    /// All names and properties that provsync ever owned, by table.
    pub owned: BTreeMap<String, Owned>,
    /// A full that has begun and not ended.
    pub progress: Option<Progress>,
}

/// How far a full has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The version that the checkpoint gets when the full is done.
    pub v0: i64,
    /// Phase that runs.
    pub phase: String,
    /// Table of the phase, where it has one.
    pub table: String,
    /// First key that the phase has not carried yet.
    pub next: i64,
}

impl State {
    /// SHA-256 over everything the state says: an edit by hand shows.
    pub fn seal(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// A checkpoint as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub state: State,
    /// Whether its seal fits.
    pub sealed: bool,
}

/// The right to write, taken by [`raise`]; every guard tests it.
#[derive(Clone, Debug)]
pub struct Fence {
    source: String,
    token: String,
}

impl Fence {
    /// A random fence that is not in force yet.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned(), token: uuid::Uuid::new_v4().to_string() }
    }

    /// Of which source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What stands on the checkpoint while it is in force.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A fence for the same source that is not in force yet.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self::new(&self.source)
    }
}

const FIELDS: &str =
    "[c.source, c.version, c.epoch, c.mapping, c.owned, c.progress, c.seal] AS row";

/// Reads the checkpoint, whoever's it is.
pub async fn read(graph: &Graph) -> Result<Option<Found>> {
    let mut found = None;
    let statement = Statement::new(format!("MATCH (c:ProvsyncCheckpoint) RETURN {FIELDS}"));
    graph
        .read(statement, |row| {
            found = Some(parse(&list(&row)?));
            Ok(())
        })
        .await?;
    Ok(found)
}

fn parse(cells: &[BoltType]) -> Found {
    let text = |i: usize| cells.get(i).and_then(values::text).unwrap_or_default();
    let owned = serde_json::from_str(text(4));
    let progress = serde_json::from_str(text(5));
    let readable = owned.is_ok() && (progress.is_ok() || text(5).is_empty());
    let state = State {
        source: text(0).to_owned(),
        version: cells.get(1).and_then(values::integer),
        epoch: text(2).to_owned(),
        mapping: text(3).to_owned(),
        owned: owned.unwrap_or_default(),
        progress: progress.ok(),
    };
    Found { sealed: readable && state.seal() == text(6), state }
}

/// Takes the right to write for `source` and reads the state behind the lock. An older writer's
/// next guard fails. `adopt` replaces the checkpoint of another source.
///
/// # Errors
/// [`Kind::Stop`] if the graph is another source's.
pub async fn raise(graph: &Graph, source: &str, adopt: bool) -> Result<(Fence, Found)> {
    let fence = Fence::new(source);
    let found = graph
        .write(async |txn| {
            // `only` is the same on every checkpoint, and unique: there can be one in a graph.
            let merge = Statement::new(format!(
                "MERGE (c:ProvsyncCheckpoint {{only: true}})
  ON CREATE SET c.source = $source
SET c.guard = $fence
RETURN {FIELDS}"
            ));
            let merge = merge.with("source", source).with("fence", fence.token.as_str());
            let (rows, _) = run(txn, merge).await?;
            let row = rows.first().ok_or_else(|| Error::new(Kind::Graph, "no checkpoint was made"))?;
            let found = parse(&list(row)?);
            if found.state.source != source && !adopt {
                return Err(other_source(&found.state.source, source));
            }
            let set = Statement::new(
                "MATCH (c:ProvsyncCheckpoint {only: true}) SET c.fence = $fence, c.source = $source",
            );
            run(txn, set.with("source", source).with("fence", fence.token.as_str())).await?;
            Ok(found)
        })
        .await?;
    Ok((fence, found))
}

/// R5: exchanges the fence for a new one, if it is still the one in force. It waits for the lock of
/// whatever transaction still runs under the old one, whose outcome is settled then.
///
/// # Errors
/// [`Kind::Stop`] if somebody else has taken over.
pub async fn renew(graph: &Graph, old: &Fence, new: &Fence) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $new
WITH c WHERE c.fence = $old OR c.fence = $new
SET c.fence = $new
RETURN 1 AS passed",
    );
    let statement = statement
        .with("source", old.source.as_str())
        .with("old", old.token.as_str())
        .with("new", new.token.as_str());
    graph.write(async |txn| passed(txn, statement).await).await
}

/// The graph is of another source.
pub fn other_source(found: &str, asked: &str) -> Error {
    Error::stop(format!("this graph belongs to the source {found}, not to {asked}"))
        .hint("one graph holds one source: use another Neo4j database, or `--adopt` to make the graph equal to this source instead")
}

/// The last statement of every transaction that writes data. The graph is no longer at exactly one
/// version from here until [`advance`].
///
/// # Errors
/// [`Kind::Stop`] if somebody else may write now, or if the checkpoint has passed the version that
/// the rows were read at (R4). The transaction must then be rolled back.
pub async fn guard(txn: &mut Txn, fence: &Fence, read_at: i64) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence, c.consistent = false
WITH c WHERE c.fence = $fence AND coalesce(c.version, -1) <= $readAt
RETURN 1 AS passed",
    );
    let statement = statement
        .with("source", fence.source.as_str())
        .with("fence", fence.token.as_str())
        .with("readAt", read_at);
    passed(txn, statement).await
}

/// Moves the checkpoint from one state to the next, in a transaction that may hold data as well.
/// Compare-and-set by the seal; where the state stands there already, since the answer to an earlier
/// try was lost, it stays.
pub async fn advance(
    txn: &mut Txn,
    fence: &Fence,
    from_seal: Option<&str>,
    to: &State,
    consistent: Option<bool>,
) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence
WITH c WHERE c.fence = $fence AND ($from IS NULL OR c.seal IN [$from, $state.seal])
SET c += $state, c.consistent = coalesce($consistent, c.consistent, false), c.updatedAt = datetime()
RETURN 1 AS passed",
    );
    let owned = serde_json::to_string(&to.owned).unwrap_or_default();
    let progress = to.progress.as_ref().map(|p| serde_json::to_string(p).unwrap_or_default());
    let phase = to.progress.as_ref().map_or("idle", |p| p.phase.as_str());
    let state = values::map([
        ("version", to.version.into()),
        ("epoch", to.epoch.as_str().into()),
        ("mapping", to.mapping.as_str().into()),
        ("owned", owned.into()),
        ("progress", progress.into()),
        ("phase", phase.into()),
        ("seal", to.seal().into()),
    ]);
    let statement = statement
        .with("source", fence.source.as_str())
        .with("fence", fence.token.as_str())
        .with("from", from_seal.map(String::from))
        .with("state", state)
        .with("consistent", consistent);
    passed(txn, statement).await
}

/// Deletes the checkpoint, if the fence is still ours.
pub async fn delete(txn: &mut Txn, fence: &Fence) -> Result<Counters> {
    guard(txn, fence, i64::MAX).await?;
    let statement =
        Statement::new("MATCH (c:ProvsyncCheckpoint {source: $source}) DETACH DELETE c");
    run(txn, statement.with("source", fence.source.as_str())).await.map(|(_, counters)| counters)
}

async fn passed(txn: &mut Txn, statement: Statement) -> Result<()> {
    let (rows, _) = run(txn, statement).await?;
    if rows.is_empty() { Err(fenced_off()) } else { Ok(()) }
}

fn fenced_off() -> Error {
    Error::stop("another provsync has taken over this graph, or its checkpoint was changed or deleted; nothing of this transaction was written")
        .hint("only one may write at a time: find the other one, or start again to take over from it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seal_covers_every_field() {
        let base = State { source: "s".into(), ..State::default() };
        let progress = Progress { v0: 1, phase: "nodes".into(), table: "t".into(), next: 5 };
        let changed = [
            State { source: "t".into(), ..base.clone() },
            State { version: Some(0), ..base.clone() },
            State { epoch: "e".into(), ..base.clone() },
            State { mapping: "m".into(), ..base.clone() },
            State { owned: BTreeMap::from([("t".into(), Owned::default())]), ..base.clone() },
            State { progress: Some(progress), ..base.clone() },
        ];
        for state in changed {
            assert_ne!(state.seal(), base.seal(), "{state:?}");
        }
    }
}
