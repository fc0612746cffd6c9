//! All rows of one table, page by page.

use std::time::{Duration, Instant};

use super::{Between, Full};
use crate::error::{Error, Kind, Result};
use crate::mapping::Slot;
use crate::neo4j::checkpoint::State;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::pages::{Depth, Keys};

/// How often the cursor is saved while nothing needs writing.
const CURSOR_INTERVAL: Duration = Duration::from_secs(5);
/// Name of the phase on the checkpoint.
const CARRY: &str = "carry";

impl<S: SourceStore, G: GraphStore, B: Between<S, G>> Full<'_, S, G, B> {
    /// Carries one table, from where an earlier run stopped.
    pub(super) async fn carry_table(&mut self, slot: Slot) -> Result<()> {
        let Some(first) = self.first_key(slot) else { return Ok(()) };
        let total = self.rows_at_the_source(slot).await;
        let mut phase = self.phase("carrying", slot, total);
        let mut reader = self.reader(slot, Depth::Rows).start(first);
        let mut saved = Instant::now();
        let mut is_read_again = false;
        while let Some(page) = reader.recv().await {
            let page = page?;
            let Keys::Range(range) = page.keys else { break };
            if self.carrier.engine.state.followed().is_some_and(|version| page.read_at < version) {
                // R4: changes that came later were carried since it was read.
                if std::mem::replace(&mut is_read_again, true) {
                    return Err(overtaken());
                }
                reader = self.reader(slot, Depth::Rows).start(range.first);
                continue;
            }
            is_read_again = false;
            let before = self.carrier.engine.run.summary.written;
            let read = self.carrier.carry_page(slot, page).await?;
            self.carrier.engine.run.summary.tally(slot).read += read;
            phase.add(read);
            if self.carrier.engine.run.summary.written != before
                || saved.elapsed() >= CURSOR_INTERVAL
            {
                self.save_cursor(slot, range.last).await?;
                saved = Instant::now();
            }
            self.between.turn(self.carrier).await?;
        }
        phase.end();
        self.carrier.carry_due().await.map(|_| ())
    }

    /// Where to begin a table; `None` if an earlier run has done it.
    fn first_key(&self, slot: Slot) -> Option<i64> {
        let Some(progress) = self.start.progress.as_ref().filter(|p| p.phase == CARRY) else {
            return Some(i64::MIN);
        };
        let mapping = &self.carrier.engine.mapping;
        let slots = self.slots();
        let position =
            |name: &str| slots.iter().position(|s| mapping.table(*s).name.to_string() == name);
        let here = position(&mapping.table(slot).name.to_string());
        match here.cmp(&position(&progress.table)) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(progress.next),
            std::cmp::Ordering::Greater => Some(i64::MIN),
        }
    }

    async fn save_cursor(&mut self, slot: Slot, last: i64) -> Result<()> {
        let engine = &mut self.carrier.engine;
        let mut state: State = engine.state.clone();
        if let Some(progress) = &mut state.progress {
            CARRY.clone_into(&mut progress.phase);
            progress.table = engine.mapping.table(slot).name.to_string();
            progress.next = last.saturating_add(1);
        }
        engine.advance(state, None).await
    }
}

/// A page that was read after the last window is older than it.
fn overtaken() -> Error {
    let what =
        "the source stands before a version that the graph has: it was put back while it was read";
    Error::new(Kind::Overtaken, what)
}
