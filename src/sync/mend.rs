//! Rows that somebody found different and asked to be carried once more.

use super::worker::Following;
use crate::error::{Kind, Result};
use crate::mapping::{Mapping, Slot};
use crate::neo4j::leader::{Mended, RequestKind};
use crate::reconcile::carrier::Carrier;
use crate::reconcile::mend::Named;
use crate::reconcile::stores::{GraphStore, SourceStore};

impl Following {
    /// What was asked for, if it is rows.
    pub(super) fn asked_for_rows(&self) -> Option<Named> {
        let request = self.life.request()?;
        let RequestKind::Keys { tables, placeholders } = &request.kind else { return None };
        let slot = |name: &String| slot(&self.settings.mapping, name);
        let keys = tables.iter().filter_map(|(name, keys)| Some((slot(name)?, sorted(keys))));
        Some(Named { keys: keys.collect(), leftovers: *placeholders })
    }

    /// Carries them. What a rule forbids is refused, and the worker goes on.
    pub(super) async fn mend<S: SourceStore, G: GraphStore>(
        &mut self,
        carrier: &mut Carrier<S, G>,
    ) -> Result<()> {
        let (Some(named), Some(request)) = (self.asked_for_rows(), self.life.request()) else {
            return Ok(());
        };
        let previous = carrier.engine.begin();
        let outcome = carrier.mend(&named, self).await;
        let run = carrier.engine.end(previous, outcome.is_ok());
        self.note(&run.summary);
        self.is_consistent &= !run.has_written;
        self.doubt_epoch();
        let answer = match outcome {
            Ok(()) => Mended::Done,
            Err(error) if error.kind == Kind::Stop => {
                carrier.engine.refused.clear();
                Mended::Refused(error.to_string())
            }
            Err(error) => return Err(error),
        };
        tracing::info!(request = request.id, ?answer, "rows that somebody asked for were carried");
        let answer = serde_json::to_string(&answer).unwrap_or_default();
        self.answer(&mut carrier.engine, &request.id, &answer).await
    }
}

fn slot(mapping: &Mapping, name: &str) -> Option<Slot> {
    mapping.tables().find(|(_, table)| table.name.to_string() == name).map(|(slot, _)| slot)
}

fn sorted(keys: &[i64]) -> Vec<i64> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}
