//! Placeholders that no link needs.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::sleep;

use super::{LOOKS_ALONE, PAUSE_MIN, Settler};
use crate::compare::difference::{Difference, Kind, State, Thing};
use crate::compare::element::Identity;
use crate::compare::shown::Shown;
use crate::error::Result;
use crate::mapping::{Registry, Shape, Slot};
use crate::model::value::IdentityValue;
use crate::neo4j::checkpoint::State as Checkpoint;
use crate::neo4j::sweep;
use crate::reconcile::retry::Patience;

/// Placeholders that are named at most.
const PLACEHOLDERS_MAX: usize = 10_000;

impl Settler {
    /// Placeholders of a node table that no link needs. While a window goes by pages, or a full, one
    /// may be on its way; what stands there in two quiet looks is left over.
    ///
    /// # Errors
    /// As [`Settler::settle`]'s.
    pub async fn leftover_placeholders(&mut self, slot: Slot) -> Result<Vec<Difference>> {
        self.leftover(slot, None).await
    }

    /// The same, of these identities alone: however many others are left over, none of these is missed.
    ///
    /// # Errors
    /// As [`Settler::settle`]'s.
    pub async fn leftovers_among(
        &mut self,
        slot: Slot,
        identities: &[Identity],
    ) -> Result<Vec<Difference>> {
        self.leftover(slot, Some(identities)).await
    }

    async fn leftover(
        &mut self,
        slot: Slot,
        among: Option<&[Identity]>,
    ) -> Result<Vec<Difference>> {
        let mut patience = Patience::new(self.limits.retry_max);
        let (mut seen, mut looks) = (None::<BTreeSet<Thing>>, 0);
        loop {
            let (is_quiet, found) = match self.placeholders(slot, among).await {
                Ok(look) => look,
                Err(error) => {
                    patience.wait(error).await?;
                    continue;
                }
            };
            let both = match &seen {
                Some(seen) => seen.intersection(&found).cloned().collect(),
                None => found,
            };
            looks += 1;
            let is_settled = both.is_empty() || (is_quiet && seen.is_some());
            if is_settled || looks >= self.looks_max.max(LOOKS_ALONE) {
                let state = if is_settled {
                    State::Real
                } else {
                    let why = "a window or a full has begun and not ended".to_owned();
                    State::Unsettled { looks, why }
                };
                let table = self.mapping.table(slot).name.to_string();
                return Ok(both
                    .into_iter()
                    .map(|p| difference(&table, p, state.clone()))
                    .collect());
            }
            // Only what is seen while nothing is on its way counts as seen.
            seen = is_quiet.then_some(both).or(seen);
            sleep(PAUSE_MIN).await;
        }
    }

    async fn placeholders(
        &mut self,
        slot: Slot,
        among: Option<&[Identity]>,
    ) -> Result<(bool, BTreeSet<Thing>)> {
        let is_quiet = |state: &Checkpoint| state.cursor.is_none() && state.progress.is_none();
        let before = self.checkpoint().await?;
        let registry = Registry::new(&self.mapping, &before.owned);
        let shape = Shape::new(&self.mapping, &registry, slot);
        let found = match among {
            None => sweep::orphans(&self.graph, &shape, PLACEHOLDERS_MAX).await?,
            Some(identities) => self.orphans_among(&shape, identities).await?,
        };
        let after = self.checkpoint().await?;
        let thing = |(identity, names): sweep::Orphan| {
            let identity = identity.as_ref().map(Shown::of);
            Thing { names, identity, ..Thing::default() }
        };
        Ok((is_quiet(&before) && is_quiet(&after), found.into_iter().map(thing).collect()))
    }

    async fn orphans_among(
        &self,
        shape: &Shape,
        identities: &[Identity],
    ) -> Result<Vec<sweep::Orphan>> {
        let mut by_label: BTreeMap<&str, Vec<IdentityValue>> = BTreeMap::new();
        for identity in identities {
            by_label.entry(&identity.label).or_default().push(identity.value.clone());
        }
        let mut found = Vec::new();
        for (label, values) in by_label {
            found.extend(sweep::orphans_among(&self.graph, shape, label, &values).await?);
        }
        Ok(found)
    }
}

fn difference(table: &str, placeholder: Thing, state: State) -> Difference {
    Difference {
        table: table.to_owned(),
        key: None,
        kind: Kind::LeftoverPlaceholder,
        source: None,
        graph: vec![placeholder],
        state,
        hop: None,
    }
}
