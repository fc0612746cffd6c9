//! The checkpoint: which source the graph is of, up to which version it has its changes, who may
//! write, and how far a full has come.
//!
//! **The fence (R3).** Whoever takes over sets a new random fence. Every transaction that writes
//! ends with the guard, which first SETs a property of the checkpoint, and so waits for and takes
//! its lock, and only then reads the fence. Matching the fence before the lock does not fence: an
//! old writer then goes on with the fence that it read before it waited. Guard last also lets
//! writers commit one at a time, which ends the deadlocks of new relationships at COMMIT.

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
    /// A window that has begun and not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Changes that the source must still know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// How far a window has come that does not fit one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Keys that changed later are carried again.
    pub to: i64,
    /// Part of the window that runs: [`crate::sync::window::parts`].
    pub part: usize,
    /// First key of the part that is not carried yet.
    pub next: i64,
}

/// Some rows that changed at a version which the graph has. The source must still report them with
/// at least that version; else it was put back to an earlier state that no guid shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// `schema.table`.
    pub table: String,
    /// Row keys.
    pub keys: Vec<i64>,
    /// The version.
    pub version: i64,
}

/// How far a full has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The graph has the changes of every table that this full does not read anew up to this
    /// version, and of what it has read already; the checkpoint's version when the full is done.
    pub v0: i64,
    /// Tables that are read anew, `schema.table`.
    pub tables: Vec<String>,
    /// The version at which the full began: their changes are followed from here.
    pub since: i64,
    /// Phase that runs.
    pub phase: String,
    /// Table of the phase, where it has one.
    pub table: String,
    /// First key that the phase has not carried yet.
    pub next: i64,
}

impl State {
    /// The version up to which changes are carried: rows that were read before it are too old to be
    /// written (R4).
    pub fn followed(&self) -> Option<i64> {
        self.progress.as_ref().map(|p| p.v0).or(self.version)
    }

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

const FIELDS: &str = "[c.source, c.version, c.epoch, c.mapping, c.owned, c.progress, c.seal, c.cursor, c.witness] AS row";

/// Reads the checkpoint, whoever's it is. A reader takes no lock and gets the properties one by one,
/// half of them old and half new where the checkpoint moves meanwhile: only a seal that fits, or the
/// same answer twice, is what stands there.
pub async fn read(graph: &Graph) -> Result<Option<Found>> {
    let mut before = None;
    loop {
        let statement = Statement::new(format!("MATCH (c:ProvsyncCheckpoint) RETURN {FIELDS}"));
        let found = graph.first(statement).await?.map(|cells| parse(&cells));
        if found.as_ref().is_none_or(|found| found.sealed) || found == before {
            return Ok(found);
        }
        before = found;
    }
}

fn parse(cells: &[BoltType]) -> Found {
    let text = |i: usize| cells.get(i).and_then(values::text).unwrap_or_default();
    let owned = serde_json::from_str(text(4));
    let state = State {
        source: text(0).to_owned(),
        version: cells.get(1).and_then(values::integer),
        epoch: text(2).to_owned(),
        mapping: text(3).to_owned(),
        owned: owned.unwrap_or_default(),
        // What can't be read any more does not fit the seal.
        progress: serde_json::from_str(text(5)).ok(),
        cursor: serde_json::from_str(text(7)).ok(),
        witness: serde_json::from_str(text(8)).ok(),
    };
    Found { sealed: state.seal() == text(6), state }
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
/// [`Kind::FencedOff`] if somebody else has taken over.
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
/// [`Kind::FencedOff`] if somebody else may write now, [`Kind::Overtaken`] if the checkpoint has passed
/// the version that the rows were read at (R4). The transaction must then be rolled back.
pub async fn guard(txn: &mut Txn, fence: &Fence, read_at: i64) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence, c.consistent = false
WITH c WHERE c.fence = $fence
RETURN coalesce(c.floor, c.version, -1) <= $readAt AS passed",
    );
    let statement = statement
        .with("source", fence.source.as_str())
        .with("fence", fence.token.as_str())
        .with("readAt", read_at);
    let (rows, _) = run(txn, statement).await?;
    match rows.first().map(|row| row.get::<bool>("passed")) {
        Some(Ok(true)) => Ok(()),
        Some(_) => Err(Error::new(
            Kind::Overtaken,
            "rows were read before a version that the graph has passed; nothing of them was written",
        )),
        None => Err(fenced_off()),
    }
}

/// The last statement of a transaction that writes, but not what rows become: the graph stands where
/// it stood.
///
/// # Errors
/// [`Kind::FencedOff`] if somebody else may write now.
pub async fn guard_notes(txn: &mut Txn, fence: &Fence) -> Result<()> {
    let statement = Statement::new(
        "MATCH (c:ProvsyncCheckpoint {source: $source}) SET c.guard = $fence
WITH c WHERE c.fence = $fence
RETURN 1 AS passed",
    );
    let statement =
        statement.with("source", fence.source.as_str()).with("fence", fence.token.as_str());
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
SET c.note = 'graph as of version ' + coalesce(toString(c.version), 'none yet') + ', written at ' + toString(c.updatedAt)
RETURN 1 AS passed",
    );
    let owned = serde_json::to_string(&to.owned).unwrap_or_default();
    let phase = match (&to.progress, &to.cursor) {
        (Some(progress), _) => progress.phase.as_str(),
        (None, Some(_)) => "window",
        (None, None) => "idle",
    };
    let state = values::map([
        ("version", to.version.into()),
        ("epoch", to.epoch.as_str().into()),
        ("mapping", to.mapping.as_str().into()),
        ("owned", owned.into()),
        ("progress", json(to.progress.as_ref())),
        ("cursor", json(to.cursor.as_ref())),
        ("witness", json(to.witness.as_ref())),
        ("floor", to.followed().into()),
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

fn json<T: Serialize>(value: Option<&T>) -> BoltType {
    value.map(|value| serde_json::to_string(value).unwrap_or_default()).into()
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

pub(super) fn fenced_off() -> Error {
    let what = "another provsync has taken over this graph, or its checkpoint was changed or deleted; nothing of this transaction was written";
    Error::new(Kind::FencedOff, what).hint(
        "only one may write at a time: find the other one, or start again to take over from it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seal_covers_every_field() {
        let base = State { source: "s".into(), ..State::default() };
        let progress = Progress {
            v0: 1,
            tables: vec!["t".into()],
            since: 1,
            phase: "nodes".into(),
            table: "t".into(),
            next: 5,
        };
        let witness = Witness { table: "t".into(), keys: vec![1], version: 1 };
        let changed = [
            State { source: "t".into(), ..base.clone() },
            State { version: Some(0), ..base.clone() },
            State { epoch: "e".into(), ..base.clone() },
            State { mapping: "m".into(), ..base.clone() },
            State { owned: BTreeMap::from([("t".into(), Owned::default())]), ..base.clone() },
            State { progress: Some(progress), ..base.clone() },
            State { cursor: Some(Cursor { to: 1, part: 0, next: 0 }), ..base.clone() },
            State { witness: Some(witness), ..base.clone() },
        ];
        for state in changed {
            assert_ne!(state.seal(), base.seal(), "{state:?}");
        }
    }
}
