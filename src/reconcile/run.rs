//! Runs, and the circuit breaker's budget of each: what may still be deleted, and what goes into
//! quarantine.

use std::collections::BTreeMap;

use super::breaker::{self, Approved, Budget, Deleting, Refusal, Refused, Target};
use super::engine::Engine;
use super::stores::GraphStore;
use super::summary::Summary;
use crate::error::{Error, Result};
use crate::neo4j::checkpoint::DeletedOfLate;
use crate::neo4j::quarantine::Room;

/// How long a budget of background work lasts.
const BACKGROUND_SECONDS: i64 = 24 * 3600;

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// What belongs to one full resync or one window: what it did, and its limits' counts.
#[derive(Debug)]
pub struct Run {
    /// What was done so far.
    pub summary: Summary,
    /// How many root causes it may still put into quarantine.
    pub room: Room,
    /// What it may still delete.
    pub budget: Budget,
    /// Whether its budget lasts over runs and restarts, and so is kept on the checkpoint.
    pub is_background: bool,
    /// Whether anything was sent to be written, and so the graph may not stand where it stood.
    pub has_written: bool,
    /// The latest version that any of its rows were read at: the graph may stand beyond the version
    /// that its checkpoint will say.
    pub read_at_max: i64,
}

impl Run {
    /// A run that has done nothing yet.
    pub fn new(budget: Budget, quarantine_max: u64) -> Self {
        Self {
            summary: Summary::default(),
            room: Room::new(quarantine_max),
            budget,
            is_background: false,
            has_written: false,
            read_at_max: 0,
        }
    }
}

impl<G: GraphStore> Engine<G> {
    /// Begins a run; returns the one before, which [`Self::end`] takes up again.
    pub fn begin(&mut self) -> Run {
        let spent = self.unfinished.iter().map(|(target, spent)| (*target, *spent));
        let budget = Budget::after(self.limits.allow_deletes, spent);
        let run = Run::new(budget, self.limits.quarantine_max);
        std::mem::replace(&mut self.run, run)
    }

    /// Ends a run and takes up the one before; returns the one that ended. What a run deleted that
    /// failed is counted by the next.
    pub fn end(&mut self, previous: Run, has_succeeded: bool) -> Run {
        let run = std::mem::replace(&mut self.run, previous);
        self.unfinished =
            if has_succeeded { BTreeMap::new() } else { run.budget.spent().collect() };
        run
    }

    /// Begins background work, whose budget is that of a day; returns the run before, which [`Self::end`]
    /// takes up again.
    pub fn begin_background(&mut self) -> Run {
        let slots = self.mapping.slots().into_iter();
        let targets = slots.flat_map(|slot| [Target::Rows(slot), Target::Placeholders(slot)]);
        let spent = targets.filter_map(|target| Some((target, self.of_late(target)?.deletes)));
        let budget = Budget::after(self.limits.allow_deletes, spent);
        let run = Run::new(budget, self.limits.quarantine_max);
        std::mem::replace(&mut self.run, Run { is_background: true, ..run })
    }

    /// What background work deleted of a kind within the day.
    fn of_late(&self, target: Target) -> Option<&DeletedOfLate> {
        let is_recent = |of_late: &&DeletedOfLate| now() - of_late.since < BACKGROUND_SECONDS;
        self.state.deletes.get(&self.kind_name(target)).filter(is_recent)
    }

    /// Notes on the checkpoint what background work is about to delete: a worker that is killed or fails
    /// meanwhile has spent it.
    async fn note_on_checkpoint(&mut self, target: Target, deletes: u64) -> Result<()> {
        if !self.run.is_background || deletes == 0 || self.fence.is_none() {
            return Ok(());
        }
        let deletes = self.run.budget.spent_of(target) + deletes;
        let of_late = if let Some(of_late) = self.of_late(target) {
            DeletedOfLate { deletes, ..of_late.clone() }
        } else {
            let shape = self.shape(target.slot());
            let present = self.graph.count(&shape, target, u64::MAX).await?;
            DeletedOfLate { since: now(), present, deletes }
        };
        let mut state = self.state.clone();
        state.deletes.insert(self.kind_name(target), of_late);
        if state == self.state { Ok(()) } else { self.advance(state, None).await }
    }

    /// A kind as people and the checkpoint name it.
    fn kind_name(&self, target: Target) -> String {
        let table = &self.mapping.table(target.slot()).name;
        match target {
            Target::Rows(_) => table.to_string(),
            Target::Placeholders(_) => format!("placeholders of {table}"),
        }
    }

    /// Has the budget of the run approve what is to be written.
    ///
    /// # Errors
    /// [`Kind::Stop`] if it would delete too much.
    pub async fn approve<T: Deleting>(&mut self, target: Target, what: T) -> Result<Approved<T>> {
        self.check_deletes(&[(target, what.deletes())]).await?;
        self.note_on_checkpoint(target, what.deletes()).await?;
        match self.run.budget.approve(target, what) {
            Ok(approved) => Ok(approved),
            Err(refused) => Err(self.refuse(&[(target, refused)]).await?),
        }
    }

    /// Whether the budget of the run has room for all of these deletes.
    ///
    /// # Errors
    /// [`Kind::Stop`] that names every kind of which too much would be deleted.
    pub async fn check_deletes(&mut self, all: &[(Target, u64)]) -> Result<()> {
        let mut refused = Vec::new();
        for (target, more) in all {
            self.has_room(*target, *more).await?;
            if let Err(why) = self.run.budget.check(*target, *more) {
                refused.push((*target, why));
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(self.refuse(&refused).await?) }
    }

    /// Whether the budget of the run has room for so many deletes.
    pub async fn has_room(&mut self, target: Target, more: u64) -> Result<bool> {
        if let Some(most) = self.run.budget.to_count(target, more) {
            let shape = self.shape(target.slot());
            let present = self.graph.count(&shape, target, most).await?;
            self.run.budget.counted(target, present);
        }
        Ok(self.run.budget.check(target, more).is_ok())
    }

    async fn refuse(&mut self, all: &[(Target, Refused)]) -> Result<Error> {
        let mut refusals = Vec::new();
        for (target, refused) in all {
            self.refused.insert(target.slot());
            let shape = self.shape(target.slot());
            let what = self.kind_name(*target);
            let present = self.graph.count(&shape, *target, u64::MAX).await?;
            refusals.push(Refusal { what, present, refused: refused.clone() });
        }
        Ok(breaker::error(&refusals, self.run.has_written))
    }
}
