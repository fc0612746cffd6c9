//! The last phase: placeholders that no link needs any more.

use super::{Between, Full};
use crate::error::Result;
use crate::mapping::{Shape, Slot};
use crate::reconcile::stores::{GraphStore, SourceStore};

impl<S: SourceStore, G: GraphStore, B: Between<S, G>> Full<'_, S, G, B> {
    /// Deletes what no link needs, batch by batch; a dry run leaves it.
    pub(super) async fn sweep(&mut self) -> Result<()> {
        for i in 0..self.carrier.engine.mapping.nodes.len() {
            let shape = Shape::new(
                &self.carrier.engine.mapping,
                &self.carrier.engine.registry,
                Slot::Node(i),
            );
            let mut patience = self.carrier.engine.patience();
            loop {
                match self.sweep_some(&shape).await {
                    Ok(true) => patience.reset(),
                    Ok(false) => break,
                    Err(error) => self.carrier.engine.wait(&mut patience, error).await?,
                }
            }
        }
        Ok(())
    }

    /// Returns whether there may be more.
    async fn sweep_some(&mut self, shape: &Shape) -> Result<bool> {
        self.carrier.engine.settle().await?;
        let Some(fence) = self.carrier.engine.fence.clone() else { return Ok(false) };
        let limit = self.carrier.engine.limits.batch_rows;
        // It looks at the graph alone, whatever the source's version.
        let read_at = i64::MAX;
        let swept = self.carrier.engine.graph.sweep(shape, limit, &fence, read_at).await?;
        let Some((removed, counters)) = swept else { return Ok(false) };
        self.carrier.engine.run.summary.placeholders_removed += removed;
        self.carrier.engine.run.summary.written.add(&counters);
        Ok(true)
    }
}
