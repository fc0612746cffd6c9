//! One batch, written for sure: halved when it is too large for the server, bisected to the row that
//! the server refuses. A node with more relationships than fit the transaction in which it leaves
//! loses them before, part by part.

use backon::Retryable;

use super::breaker::{Approved, Deleting};
use super::diff::{Entry, Item, is_new_cause};
use super::retry;
use super::stores::GraphStore;
use crate::error::{Error, Kind, Result};
use crate::mapping::Shape;
use crate::neo4j::apply::ends::end_tokens;
use crate::neo4j::apply::{Applied, Context};
use crate::neo4j::errors::{is_deadlock, is_of_one_transaction};
use crate::neo4j::quarantine::Reason;

/// How often a batch that the server refuses is sent whole before it is bisected.
const REFUSED_TRIES: usize = 2;

/// Relationships that are taken off a node at a time, at first.
const STRIPPED_MAX: usize = 8_000;

/// What went wrong in lanes that ran side by side. One failure is reported for all; that the outcome of a
/// lane is unknown is kept apart, so that no other failure hides it (R5).
#[derive(Default)]
pub(super) struct Failures {
    worst: Option<Error>,
    is_unsettled: bool,
}

impl Failures {
    /// Adds the failure of a lane, if it failed.
    pub fn add(&mut self, failure: Option<Error>) {
        let Some(failure) = failure else { return };
        self.is_unsettled |= failure.kind == Kind::UnknownOutcome;
        // Reported is the one that no retry cures; else the one that needs a new fence.
        let rank = |e: &Error| match e.kind {
            Kind::Transient => 0,
            Kind::UnknownOutcome => 1,
            _ => 2,
        };
        if self.worst.as_ref().is_none_or(|worst| rank(&failure) > rank(worst)) {
            self.worst = Some(failure);
        }
    }

    /// Adds a lane that ended without a word: nobody knows what it has written.
    pub fn add_lost(&mut self, error: Error) {
        self.is_unsettled = true;
        self.add(Some(error));
    }

    /// Whether the outcome of a write is unknown, and the failure to report.
    pub fn into_parts(self) -> (bool, Option<Error>) {
        (self.is_unsettled, self.worst)
    }
}

/// How far a batch came.
#[derive(Default)]
pub(super) struct Ended {
    /// What was committed, also where it failed.
    pub applied: Applied,
    /// What is still to be written instead of rows that the server does not take. It is the caller's,
    /// since a node may leave by it (R1).
    pub instead: Vec<Item>,
    /// How many things were deleted, or may have been: [`Deleting::deletes`] of what was sent.
    pub deletes: u64,
    /// How often something of it was sent again after a deadlock.
    pub sent_again: u64,
    /// Why it came no further.
    pub failure: Option<Error>,
}

/// Items of one transaction.
pub(super) type Batch = Approved<Vec<Item>>;

/// Writes a batch; halves it when it is too large, bisects it to the row that the server refuses.
pub(super) async fn write<G: GraphStore>(graph: G, context: Context, batch: Batch) -> Ended {
    let mut ended = Ended::default();
    ended.failure = write_parts(&graph, &context, batch, &mut ended).await.err();
    ended
}

async fn write_parts<G: GraphStore>(
    graph: &G,
    context: &Context,
    batch: Batch,
    ended: &mut Ended,
) -> Result<()> {
    let mut stack = vec![batch];
    let mut tries = 0;
    while let Some(batch) = stack.pop() {
        match apply(graph, context, &batch, &mut ended.sent_again).await {
            Ok(applied) => {
                ended.deletes += batch.deletes();
                ended.applied.add(applied);
                tries = 0;
            }
            Err(error) if error.kind == Kind::UnknownOutcome => {
                ended.deletes += batch.deletes();
                return Err(error);
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
                return Err(error.with_kind(Kind::Transient));
            }
            Err(error) if error.kind == Kind::TooLarge && leaves_alone(&batch) => {
                strip(graph, context, &batch, error, &mut ended.applied).await?;
                stack.push(batch);
            }
            Err(error) if matches!(error.kind, Kind::Refused | Kind::TooLarge) => {
                tracing::info!(rows = batch.len(), %error, "splitting a batch");
                tries = 0;
                if batch.len() > 1 {
                    let [first, second] = batch.halves();
                    stack.extend([second, first]);
                    continue;
                }
                let instead =
                    batch.into_last().and_then(|item| give_up(item, &error, &context.shape));
                ended.instead.extend(instead.ok_or_else(|| error.with_kind(Kind::Graph))?);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One transaction; it is sent again where it was the victim of a deadlock. It was rolled back then, and
/// the graph is for its keys what it was: only this process may write, and its other lanes have other keys.
/// Lanes that lock nothing in common are victims too, where they wait for the checkpoint's lock.
async fn apply<G: GraphStore>(
    graph: &G,
    context: &Context,
    batch: &Batch,
    sent_again: &mut u64,
) -> Result<Applied> {
    let once = || graph.apply(context, batch);
    let note = |error: &Error, pause| {
        tracing::debug!(rows = batch.len(), %error, ?pause, "sending a batch again");
        *sent_again += 1;
    };
    once.retry(retry::between_lanes()).when(is_deadlock).notify(note).await
}

/// Whether all that a batch does is that one node leaves.
fn leaves_alone(batch: &[Item]) -> bool {
    matches!(batch, [Item::Leave { .. }])
}

/// Takes all relationships off a node that leaves, as many at a time as the server takes; `error` is why
/// it does not leave with them. Adds what was committed to `total`, also where it fails.
async fn strip<G: GraphStore>(
    graph: &G,
    context: &Context,
    leave: &Batch,
    error: Error,
    total: &mut Applied,
) -> Result<()> {
    let (mut is_less, mut most) = (false, STRIPPED_MAX);
    loop {
        match graph.strip(context, leave, most).await {
            Ok(stripped) if stripped.detached + stripped.foreign_deleted == 0 => {
                // Where nothing was on it, alone it is no more than any other.
                return if is_less { Ok(()) } else { Err(error.with_kind(Kind::Graph)) };
            }
            Ok(stripped) => {
                is_less = true;
                total.add(stripped);
            }
            Err(error) if error.kind == Kind::TooLarge && most > 1 => most /= 2,
            Err(error) if error.kind == Kind::TooLarge => {
                return Err(error.with_kind(Kind::Graph));
            }
            Err(error) => return Err(error),
        }
    }
}

/// What is done with a row that the server does not take: it is absent, with the server's code.
fn give_up(item: Item, error: &Error, shape: &Shape) -> Option<Vec<Item>> {
    let (key, reason) = (item.key(), refusal(&item, error, shape));
    let same = |entry: &Entry| reason.is_said_by(entry.as_ref());
    Some(match item {
        Item::Enter { entry, .. } | Item::Create { entry, .. } if same(&entry) => Vec::new(),
        Item::Enter { entry, .. } | Item::Create { entry, .. } => {
            vec![Item::Quarantine { key, reason, is_new: is_new_cause(entry.as_ref()) }]
        }
        Item::UpdateNode { .. } => {
            vec![Item::Leave { key, gone: true }, Item::Quarantine { key, reason, is_new: true }]
        }
        Item::UpdateRelationship { relationship, .. } => {
            let name = relationship.name.to_string();
            let entry = Item::Quarantine { key, reason, is_new: true };
            vec![Item::Delete { key, name, gone: true }, entry]
        }
        _ => return None,
    })
}

/// Why the row is absent. An edge waits for its rows too: without one of them the reason is another.
fn refusal(item: &Item, error: &Error, shape: &Shape) -> Reason {
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
    let rows = match item {
        Item::UpdateRelationship { relationship, .. } | Item::Create { relationship, .. } => {
            shape.relationship().and_then(|ends| end_tokens(ends, &relationship.place))
        }
        _ => None,
    };
    reason.waiting_for(rows.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn an_unknown_outcome_is_kept_whatever_else_failed_and_in_which_order() {
        use Kind::{
            FencedOff, Graph, Overtaken, Refused, Stop, TooLarge, Transient, UnknownOutcome,
        };
        for other in [Transient, Graph, Refused, Stop, TooLarge, Overtaken, FencedOff] {
            for kinds in [[UnknownOutcome, other], [other, UnknownOutcome]] {
                let mut failures = Failures::default();
                for kind in kinds {
                    failures.add(Some(Error::new(kind, "it")));
                }
                let (is_unsettled, worst) = failures.into_parts();
                assert!(is_unsettled, "{kinds:?}");
                let expected = if other == Transient { UnknownOutcome } else { other };
                assert_eq!(worst.unwrap().kind, expected, "{kinds:?}");
            }
        }
    }

    #[test]
    fn failures_whose_outcome_is_known_leave_nothing_open_and_a_lost_lane_does() {
        let mut failures = Failures::default();
        failures.add(None);
        failures.add(Some(Error::new(Kind::Refused, "it")));
        assert!(!failures.into_parts().0);
        let mut failures = Failures::default();
        failures.add_lost(Error::new(Kind::Graph, "a lane ended early"));
        assert!(failures.into_parts().0);
    }
}
