//! The checkpoint: which source the graph is of, up to which version it has its changes, who may
//! write, and how far a full has come.
//!
//! **The fence (R3).** Whoever takes over sets a new random fence. Every transaction that writes
//! ends with the guard, which first SETs a property of the checkpoint, and so waits for and takes
//! its lock, and only then reads the fence. Matching the fence before the lock does not fence: an
//! old writer then goes on with the fence that it read before it waited. Guard last also lets
//! writers commit one at a time, which ends the deadlocks of new relationships at COMMIT.

mod format_1;
mod properties;
mod state;

use neo4rs::Txn;

use super::{Counters, Graph, Statement, list, run, values};
use crate::error::{Error, Kind, Result};
use crate::model::{Database, Recognition};
use properties::Stored;
pub use state::{Cursor, DeletedOfLate, FORMAT, Frozen, Progress, State, Witness};

/// A checkpoint as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub state: State,
    /// Whether its seal fits.
    pub sealed: bool,
}

impl Found {
    /// That of a checkpoint on which nothing was said yet.
    fn nothing() -> Self {
        Self { state: State::default(), sealed: false }
    }
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

/// Reads the checkpoint, whoever's it is. A reader takes no lock and gets the properties one by one,
/// half of them old and half new where the checkpoint moves meanwhile: only a seal that fits, or the
/// same answer twice, is what stands there.
///
/// # Errors
/// [`Kind::Stop`] if a newer provsync wrote it.
pub async fn read(graph: &Graph) -> Result<Option<Found>> {
    let mut before = None;
    loop {
        let statement =
            Statement::new(format!("MATCH (c:ProvsyncCheckpoint) RETURN {}", properties::ALL));
        let Some(cells) = graph.first(statement).await? else { return Ok(None) };
        let found = properties::parse(&cells)?.map_or_else(Found::nothing, |stored| stored.found);
        if found.sealed || before.as_ref() == Some(&found) {
            return Ok(Some(found));
        }
        before = Some(found);
    }
}

/// Takes the right to write for a source and reads the state behind the lock. An older writer's next guard
/// fails. A checkpoint of an older format is rewritten in the same transaction. `adopt` allows the
/// checkpoint of another source, which then replaces it when it begins to write.
///
/// # Errors
/// [`Kind::Stop`] if the graph is another source's, or a newer provsync wrote its checkpoint.
pub async fn raise(graph: &Graph, database: &Database, adopt: bool) -> Result<(Fence, Found)> {
    raise_for(graph, Claimant::Source { database, adopt }).await
}

/// Takes the right to write whoever's the graph is, for what does not ask for a source.
///
/// # Errors
/// [`Kind::Stop`] if a newer provsync wrote its checkpoint.
pub async fn raise_for_any(graph: &Graph) -> Result<(Fence, Found)> {
    raise_for(graph, Claimant::Any).await
}

/// Who takes the right to write.
#[derive(Clone, Copy, Debug)]
enum Claimant<'a> {
    Source { database: &'a Database, adopt: bool },
    Any,
}

async fn raise_for(graph: &Graph, claimant: Claimant<'_>) -> Result<(Fence, Found)> {
    let token = uuid::Uuid::new_v4().to_string();
    graph
        .write(async |txn| {
            // `only` is the same on every checkpoint, and unique: there can be one in a graph.
            let merge = Statement::new(format!(
                "MERGE (c:ProvsyncCheckpoint {{only: true}}) SET c.guard = $fence RETURN {}",
                properties::ALL
            ));
            let (rows, _) = run(txn, merge.with("fence", token.as_str())).await?;
            let row =
                rows.first().ok_or_else(|| Error::new(Kind::Graph, "no checkpoint was made"))?;
            let stored = properties::parse(&list(row)?)?;
            let must_be_rewritten = stored.as_ref().is_none_or(|stored| stored.must_be_rewritten);
            let found = stored.map(|Stored { found, .. }| found);
            let (source, found) = match claimant {
                Claimant::Source { database, adopt } => claim(found, database, adopt)?,
                Claimant::Any => {
                    let found = found.unwrap_or_else(Found::nothing);
                    (found.state.source.clone(), found)
                }
            };
            let mut set =
                vec![("source", source.as_str().into()), ("fence", token.as_str().into())];
            if must_be_rewritten {
                set.extend(properties::of(&found.state));
                // A seal that did not fit does not fit what was made of it.
                set.extend(found.sealed.then(|| ("seal", found.state.seal().into())));
            }
            let statement =
                Statement::new("MATCH (c:ProvsyncCheckpoint {only: true}) SET c += $set");
            run(txn, statement.with("set", values::map(set))).await?;
            Ok((Fence { source, token }, found))
        })
        .await
}

/// Whose a graph with this checkpoint is from now on, and what was found. Pure.
///
/// # Errors
/// As [`raise`].
pub fn claim(found: Option<Found>, database: &Database, adopt: bool) -> Result<(String, Found)> {
    let found = found.unwrap_or_else(|| Found { state: State::of(database), sealed: false });
    check_source(&found.state, database, adopt)?;
    Ok((found.state.source_with(database), found))
}

/// Whether a database may write to the graph of a checkpoint, `adopt` or not.
///
/// # Errors
/// [`Kind::Stop`] if the graph is another source's.
pub fn check_source(state: &State, database: &Database, adopt: bool) -> Result<()> {
    let what = match state.identity.recognise(database) {
        Recognition::Same | Recognition::Adopted => return Ok(()),
        _ if adopt || state.source.is_empty() => return Ok(()),
        Recognition::Other => return Err(other_source(&state.source, &database.id())),
        Recognition::Unknown => return Err(unknown_source(&state.source, database)),
        Recognition::Copy => format!(
            "this graph belongs to the source {}; {} is a copy of that database, or a replica that has left its availability group; nothing was written",
            state.identity.id,
            database.id()
        ),
    };
    Err(Error::stop(what).hint(
        "correct source.host if this is a copy for another purpose; if it is to replace the graph's source, start once with `--adopt`: all rows are compared, and the graph may follow either from then on",
    ))
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

fn unknown_source(found: &str, database: &Database) -> Error {
    let what = format!(
        "this graph belongs to the source {found}, and whether the database {} at {} is that one can't be told: the login does not see its database_guid; nothing was written",
        database.name,
        database.server.as_deref().unwrap_or("a server without a name"),
    );
    Error::stop(what).hint("in master: GRANT VIEW ANY DATABASE TO the login of source.user; or start once with `--adopt` to make the graph equal to this database")
}

/// The graph is of another source.
fn other_source(found: &str, asked: &str) -> Error {
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
RETURN coalesce(c.followed, c.version, -1) <= $readAt AS passed",
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
/// try was lost, it stays. A graph that can't be trusted, that another mapping made,
/// or some tables of which are read again is as of no moment: with a node that is removed meanwhile, edges
/// go that have not changed.
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
SET c.asOf = CASE WHEN $state.version IS NULL OR $state.progress IS NOT NULL OR c.mapping <> $state.mapping THEN null ELSE c.asOf END
SET c += $state, c.consistent = coalesce($consistent, c.consistent, false), c.updatedAt = datetime()
SET c.note = 'graph as of version ' + coalesce(toString(c.version), 'none yet') + ', written at ' + toString(c.updatedAt)
RETURN 1 AS passed",
    );
    let seal = [("seal", to.seal().into())];
    let state = values::map(properties::of(to).into_iter().chain(seal));
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

pub(super) fn fenced_off() -> Error {
    let what = "another provsync has taken over this graph, or its checkpoint was changed or deleted; nothing of this transaction was written";
    Error::new(Kind::FencedOff, what).hint(
        "only one may write at a time: find the other one, or start again to take over from it",
    )
}
