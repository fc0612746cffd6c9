//! Tables whose deletes the circuit breaker refused: they are frozen where they are, and the others are
//! followed. They are tried again now and then, at each start, and with each full resync that somebody
//! asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::worker::Following;
use crate::error::{Error, Kind, Result};
use crate::mapping::Slot;
use crate::neo4j::checkpoint::{Frozen, State};
use crate::neo4j::leader::{Mended, Request};
use crate::reconcile::carrier::Carrier;
use crate::reconcile::engine::Engine;
use crate::reconcile::plan::{self, Asked, Plan};
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::epoch::Versions;

/// How often tables that are frozen are tried again.
const THAW_INTERVAL: Duration = Duration::from_secs(300);

/// What a full resync began with.
pub(super) struct Begun {
    /// The checkpoint before it.
    pub before: State,
    /// The version up to which the graph can be relied on.
    pub version: Option<i64>,
    /// Whether it was to be, whether somebody asked for it or not.
    pub is_required: bool,
}

impl Following {
    /// Frozen tables, where it is time to try them again.
    pub(super) fn thaw(&self, state: &State) -> BTreeSet<String> {
        let is_time = self.thawed_at.is_none_or(|at| at.elapsed() >= THAW_INTERVAL);
        state.frozen.keys().filter(|_| is_time).cloned().collect()
    }

    /// Whether a full resync would be begun, or resumed, if nobody had asked for one.
    pub(super) fn is_required<G: GraphStore>(
        &self,
        engine: &Engine<G>,
        versions: &Versions,
    ) -> Result<bool> {
        let asked = Asked { full: false, restart: false, ..self.asked(engine) };
        Ok(matches!(self.plan(engine, versions, &asked)?.0, Plan::Full(_)))
    }

    /// Freezes the tables of which the circuit breaker refused deletes.
    ///
    /// # Errors
    /// `error` itself, where it is not the circuit breaker's.
    pub(super) async fn freeze<G: GraphStore>(
        &mut self,
        engine: &mut Engine<G>,
        error: Error,
    ) -> Result<()> {
        if engine.refused.is_empty() {
            return Err(error);
        }
        engine.settle().await?;
        let state = frozen(engine, engine.state.clone(), &error)?;
        self.is_consistent = false;
        engine.advance(state, Some(false)).await
    }

    /// A full resync has failed. Where the circuit breaker refused it before anything was written,
    /// nothing that it began is left. What had to be resynchronised is frozen; what somebody asked for is
    /// answered with the refusal, and the worker goes on as before.
    ///
    /// # Errors
    /// `error` itself, where it is not the circuit breaker's, or where nothing was ever loaded.
    pub(super) async fn refused<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
        error: Error,
        begun: Begun,
        has_written: bool,
        asked: Option<Request>,
    ) -> Result<()> {
        let engine = &mut carrier.engine;
        let is_first_load = begun.before.is_new();
        if error.kind != Kind::Stop || engine.refused.is_empty() || is_first_load {
            // A first load ends with the error: there is nothing to follow yet.
            engine.refused.clear();
            return Err(error);
        }
        engine.settle().await?;
        let base = if has_written { engine.state.clone() } else { restored(engine, &begun) };
        let state = if begun.is_required || has_written {
            frozen(engine, base, &error)?
        } else {
            engine.refused.clear();
            base
        };
        engine.advance(state, Some(false)).await?;
        self.doubt_epoch();
        let Some(request) = asked else { return Ok(()) };
        tracing::warn!(request = request.id, %error, "the full resync that was asked for is refused");
        let answer = serde_json::to_string(&Mended::Refused(error.to_string()));
        self.answer(&mut carrier.engine, &request.id, &answer.unwrap_or_default()).await
    }
}

/// The checkpoint as it was before a full resync began, with what has to outlive it.
fn restored<G>(engine: &Engine<G>, begun: &Begun) -> State {
    let (before, now) = (begun.before.clone(), &engine.state);
    let is_trusted = begun.version == before.version;
    State {
        // Where the graph could not be relied on, that stays so.
        version: begun.version,
        cursor: before.cursor.filter(|_| is_trusted),
        witness: before.witness.filter(|_| is_trusted),
        owned: now.owned.clone(),
        deletes: now.deletes.clone(),
        ..before
    }
}

/// A state in which the tables are frozen that the circuit breaker refused.
///
/// # Errors
/// Nothing is left to freeze: the worker waits before it tries again.
fn frozen<G: GraphStore>(engine: &mut Engine<G>, mut state: State, error: &Error) -> Result<State> {
    let refused = std::mem::take(&mut engine.refused);
    let is_known = |slot: &Slot| state.frozen.contains_key(&name(engine, *slot));
    let mut slots: Vec<Slot> = refused.iter().copied().filter(|slot| !is_known(slot)).collect();
    if slots.is_empty() && engine.state.frozen == state.frozen {
        // Edges that are frozen are deleted with their nodes: those are the cause.
        let nodes = engine.mapping.slots().into_iter().filter(|slot| !is_known(slot));
        let have_refused = |slot: &Slot| engine.edges_of(*slot).iter().any(|e| refused.contains(e));
        slots = nodes.filter(have_refused).collect();
        if slots.is_empty() {
            return Err(error.clone().with_kind(Kind::Transient));
        }
    }
    for slot in slots {
        let (name, position) = (name(engine, slot), plan::from(&state, &name(engine, slot)));
        let reason = error.to_string();
        tracing::error!(
            table = name,
            position,
            reason,
            "frozen: its deletes were refused; the other tables are followed"
        );
        state.frozen.insert(name, Frozen { position, reason });
    }
    if let Some(progress) = &mut state.progress {
        progress.tables.retain(|name| !state.frozen.contains_key(name));
        if progress.tables.is_empty() {
            state.version = state.version.or(Some(progress.v0));
            state.progress = None;
        }
    }
    Ok(state)
}

fn name<G>(engine: &Engine<G>, slot: Slot) -> String {
    engine.mapping.entry(slot)
}
