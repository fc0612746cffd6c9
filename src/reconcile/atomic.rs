//! Some keys of all tables in one transaction, with the move of the checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::breaker::{Approved, Deleting, Target};
use super::carrier::{Ends, missing_ends};
use super::claim;
use super::diff::Item;
use super::engine::{self, Engine, Wish};
use super::page::Leaving;
use super::stores::GraphStore;
use crate::error::{Kind, Result};
use crate::mapping::{Shape, Slot};
use crate::neo4j::actual::Which;
use crate::neo4j::apply::{Applied, Committed, Move, Part};
use crate::neo4j::checkpoint::State;

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All is written and the checkpoint stands at the new state.
    Done,
    /// All is written, but entries of quarantine became due by it; the checkpoint has not moved.
    Due,
    /// Nothing is written: these keys are needed as well (R1, R2).
    Lacks(BTreeMap<Slot, BTreeSet<i64>>),
}

/// What is written of one table.
struct TablePlan {
    slot: Slot,
    shape: Arc<Shape>,
    items: Approved<Vec<Item>>,
}

impl<G: GraphStore> Engine<G> {
    /// Makes the graph hold what is wished for and moves the checkpoint, in one transaction.
    ///
    /// `ends` says which rows each edge joins. On the last look, edges whose ends are missing go
    /// into quarantine, and keys that are lacking by R1 are an error no more: they were read.
    pub async fn carry_at_once(
        &mut self,
        wishes: &BTreeMap<Slot, Wish>,
        ends: &BTreeMap<Slot, Ends>,
        to: State,
        consistent: bool,
        last_look: bool,
    ) -> Result<Outcome> {
        self.settle().await?;
        let (plans, lacks) = self.plan_all(wishes).await?;
        if !lacks.is_empty() {
            return Ok(Outcome::Lacks(lacks));
        }
        let read_at = wishes.values().map(|wish| wish.read_at).min().unwrap_or(i64::MAX);
        if plans.iter().all(|plan| plan.items.is_empty()) {
            self.advance(to, Some(consistent)).await?;
            return Ok(Outcome::Done);
        }
        let mut parts = Vec::new();
        for plan in &plans {
            let mut context = self.context(plan.slot, read_at, last_look).await?;
            context.shape = Arc::clone(&plan.shape);
            parts.push(Part { context, items: &plan.items });
        }
        let Some(fence) = self.fence.clone() else { return Ok(Outcome::Done) };
        let from_seal = self.state.seal();
        let consistent = claim::consistent(&to, Some(consistent)).unwrap_or(false);
        let step = Move { fence, read_at, from_seal, to: to.clone(), consistent };
        let graph = self.graph.clone();
        let outcome = self.send(graph.commit(&parts, &step)).await;
        let is_unknown = outcome.as_ref().is_err_and(|error| error.kind == Kind::UnknownOutcome);
        if is_unknown || matches!(outcome, Ok(Committed::Moved(_) | Committed::Due(_))) {
            for plan in &plans {
                self.run.budget.spend(Target::Rows(plan.slot), plan.items.deletes());
            }
        }
        match outcome? {
            Committed::Moved(applied) => {
                self.note_all(&plans, applied);
                self.state = to;
                Ok(Outcome::Done)
            }
            Committed::Due(applied) => {
                self.note_all(&plans, applied);
                Ok(Outcome::Due)
            }
            Committed::Waiting(waiting) => Ok(Outcome::Lacks(lacking(&plans, ends, &waiting))),
        }
    }

    /// Nodes first: what leaves decides which edges are looked at, and how.
    async fn plan_all(
        &mut self,
        wishes: &BTreeMap<Slot, Wish>,
    ) -> Result<(Vec<TablePlan>, BTreeMap<Slot, BTreeSet<i64>>)> {
        let mut plans = Vec::new();
        let mut lacks: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
        let mut leaving = Leaving::new();
        for (slot, wish) in wishes {
            let shape = self.shape(*slot);
            let planned = self.plan(*slot, &shape, wish, &leaving).await?;
            self.check_quarantine(&planned.items)?;
            for edges in self.edges_of(*slot).into_iter().filter(|_| !planned.uprooted.is_empty()) {
                let keys: Vec<i64> = planned.uprooted.iter().copied().collect();
                let found =
                    self.graph.edges_on(&shape, &self.shape(edges), Which::Keys(&keys)).await?;
                let is_here = |key: &i64| wishes.get(&edges).is_some_and(|w| w.keys.contains(*key));
                let lacking = found.into_iter().map(|(key, _)| key).filter(|key| !is_here(key));
                lacks.entry(edges).or_default().extend(lacking);
            }
            leaving.insert(*slot, engine::leaving(&planned.items).collect());
            let items = self.approve(Target::Rows(*slot), planned.items).await?;
            plans.push(TablePlan { slot: *slot, shape, items });
        }
        lacks.retain(|_, keys| !keys.is_empty());
        Ok((plans, lacks))
    }

    fn note_all(&mut self, plans: &[TablePlan], applied: Vec<Applied>) {
        for (plan, applied) in plans.iter().zip(applied) {
            self.note(plan.slot, &applied);
        }
    }
}

/// The rows that the relationships of the parts wait for.
fn lacking(
    plans: &[TablePlan],
    ends: &BTreeMap<Slot, Ends>,
    waiting: &[(usize, crate::neo4j::apply::Waiting)],
) -> BTreeMap<Slot, BTreeSet<i64>> {
    let mut lacks: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
    for (i, plan) in plans.iter().enumerate() {
        let of_plan: Vec<_> = waiting.iter().filter(|(part, _)| *part == i).map(|w| w.1).collect();
        let Some(ends) = ends.get(&plan.slot) else { continue };
        for (slot, keys) in missing_ends(ends, &of_plan) {
            lacks.entry(slot).or_default().extend(keys);
        }
    }
    lacks
}
