//! One batch, written for sure: halved when it is too large for the server, bisected to the row that
//! the server refuses. A node with more relationships than fit the transaction in which it leaves
//! loses them before, part by part.

use super::diff::{Entry, Item};
use super::lanes::Batch;
use super::stores::GraphStore;
use crate::error::{Error, Kind};
use crate::neo4j::apply::{Applied, Context};
use crate::neo4j::errors::is_of_one_transaction;
use crate::neo4j::quarantine::Reason;

/// How often a batch that the server refuses is sent whole before it is bisected.
const REFUSED_TRIES: usize = 2;

/// Relationships that are taken off a node at a time, at first.
const STRIPPED_MAX: usize = 8_000;

/// Of several failures the one that no retry cures; else the one that needs a new fence.
pub(super) fn worse(a: Option<Error>, b: Option<Error>) -> Option<Error> {
    let rank = |e: &Error| match e.kind {
        Kind::Transient => 0,
        Kind::UnknownOutcome => 1,
        _ => 2,
    };
    match (a, b) {
        (Some(a), Some(b)) => Some(if rank(&b) > rank(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Writes a batch; halves it when it is too large, bisects it to the row that the server refuses.
///
/// Returns what was committed even when it fails.
pub(super) async fn write<G: GraphStore>(
    graph: G,
    context: Context,
    batch: Batch,
) -> (Applied, Option<Error>) {
    let mut total = Applied::default();
    let mut stack = vec![batch];
    let mut tries = 0;
    while let Some(batch) = stack.pop() {
        match graph.apply(&context, &batch).await {
            Ok(applied) => {
                total.add(applied);
                tries = 0;
            }
            Err(error) if error.kind == Kind::Refused && tries + 1 < REFUSED_TRIES => {
                tries += 1;
                stack.push(batch);
            }
            // Others use the memory: that a row alone finds none left is not its fault.
            Err(error)
                if error.kind == Kind::TooLarge
                    && batch.len() < 2
                    && !is_of_one_transaction(&error) =>
            {
                return (total, Some(error.with_kind(Kind::Transient)));
            }
            Err(error) if error.kind == Kind::TooLarge && leaves_alone(&batch) => {
                let (stripped, failure) = strip(&graph, &context, batch[0].key(), error).await;
                total.add(stripped);
                if failure.is_some() {
                    return (total, failure);
                }
                stack.push(batch);
            }
            Err(error) if matches!(error.kind, Kind::Refused | Kind::TooLarge) => {
                tracing::info!(rows = batch.len(), %error, "splitting a batch");
                tries = 0;
                match split(batch, &error) {
                    Some(parts) => stack.extend(parts),
                    None => return (total, Some(error.with_kind(Kind::Graph))),
                }
            }
            Err(error) => return (total, Some(error)),
        }
    }
    (total, None)
}

/// Whether all that a batch does is that one node leaves.
fn leaves_alone(batch: &[Item]) -> bool {
    matches!(batch, [Item::Leave { .. }])
}

/// Takes all relationships off a node that leaves, as many at a time as the server takes; `error` is why
/// it does not leave with them.
///
/// Returns what was committed even when it fails.
async fn strip<G: GraphStore>(
    graph: &G,
    context: &Context,
    key: i64,
    error: Error,
) -> (Applied, Option<Error>) {
    let (mut total, mut most) = (Applied::default(), STRIPPED_MAX);
    loop {
        match graph.strip(context, key, most).await {
            Ok(stripped) if stripped.detached + stripped.foreign_deleted == 0 => {
                // Nothing was on it: alone it is no more than any other.
                let failure = (total == Applied::default()).then(|| error.with_kind(Kind::Graph));
                return (total, failure);
            }
            Ok(stripped) => total.add(stripped),
            Err(error) if error.kind == Kind::TooLarge && most > 1 => most /= 2,
            Err(error) if error.kind == Kind::TooLarge => {
                return (total, Some(error.with_kind(Kind::Graph)));
            }
            Err(error) => return (total, Some(error)),
        }
    }
}

/// Two halves, the first on top; a single row that can't be written goes into quarantine instead.
fn split(mut batch: Batch, error: &Error) -> Option<Vec<Batch>> {
    if batch.len() > 1 {
        let second = batch.split_off(batch.len() / 2);
        return Some(vec![second, batch]);
    }
    let instead = give_up(batch.pop()?, error)?;
    Some(if instead.is_empty() { Vec::new() } else { vec![instead] })
}

/// What is done with a row that the server does not take: it is absent, with the server's code.
fn give_up(item: Item, error: &Error) -> Option<Batch> {
    let code = error.server_code().unwrap_or("no code");
    let reason = match error.kind {
        Kind::TooLarge => Reason::new(
            "row-too-large",
            format!(
                "Neo4j's memory limit of a transaction is too small for this row alone ({code})"
            ),
        ),
        _ => Reason::new("row-refused", format!("Neo4j refused this row alone ({code})")),
    };
    let key = item.key();
    let same = |entry: &Entry| {
        entry.as_ref().is_some_and(|(c, print)| *c == reason.code && *print == reason.fingerprint())
    };
    Some(match item {
        Item::Enter { entry, .. } | Item::Create { entry, .. } if same(&entry) => Vec::new(),
        Item::Enter { .. } | Item::Create { .. } => vec![Item::Quarantine { key, reason }],
        Item::UpdateNode { .. } => {
            vec![Item::Leave { key, gone: true }, Item::Quarantine { key, reason }]
        }
        Item::UpdateRelationship { name, .. } => {
            let name = name.to_string();
            vec![Item::Delete { key, name, gone: true }, Item::Quarantine { key, reason }]
        }
        _ => return None,
    })
}
