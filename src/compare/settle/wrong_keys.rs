//! Things of provsync's with a key that is no row's.

use super::Settler;
use crate::compare::difference::{Difference, Kind, State, Thing};
use crate::compare::shown::Shown;
use crate::error::Result;
use crate::mapping::{Registry, Shape, Slot};
use crate::neo4j::strays::{self, Stray};
use crate::reconcile::retry::Patience;

/// Things that are named at most.
const NAMED_MAX: usize = 10_000;

impl Settler {
    /// A table's. provsync writes no such key, so that one look tells.
    ///
    /// # Errors
    /// As [`Settler::settle`]'s.
    pub async fn wrong_keys(&mut self, slot: Slot) -> Result<Vec<Difference>> {
        let mut patience = Patience::new(self.limits.retry_max);
        loop {
            match self.strays(slot).await {
                Ok(found) => return Ok(found),
                Err(error) => patience.wait(error).await?,
            }
        }
    }

    async fn strays(&self, slot: Slot) -> Result<Vec<Difference>> {
        let registry = Registry::new(&self.mapping, &self.checkpoint().await?.owned);
        let shape = Shape::new(&self.mapping, &registry, slot);
        let mut found = strays::all(&self.graph, &shape, NAMED_MAX).await?;
        found.sort_by(|a, b| Shown::of(&a.key).cmp(&Shown::of(&b.key)));
        Ok(found.into_iter().map(|stray| difference(&shape, stray)).collect())
    }
}

fn difference(shape: &Shape, stray: Stray) -> Difference {
    let [from, to] = stray.ends.map(|end| end.as_ref().map(Shown::identity));
    let identity = stray.identity.as_ref().map(Shown::identity);
    Difference {
        table: shape.table.clone(),
        key: None,
        kind: Kind::WrongKey { property: shape.key.clone(), graph_value: Shown::of(&stray.key) },
        source: None,
        graph: vec![Thing { names: stray.names, identity, from, to }],
        state: State::Real,
        hop: None,
    }
}
