//! The last phase: placeholders that no link needs any more.

use super::Full;
use crate::error::Result;
use crate::mapping::{Shape, Slot};
use crate::reconcile::stores::{GraphStore, SourceStore};

impl<S: SourceStore, G: GraphStore> Full<S, G> {
    /// Deletes what no link needs, batch by batch; a dry run leaves it.
    pub(super) async fn sweep(&mut self) -> Result<()> {
        for i in 0..self.engine.mapping.nodes.len() {
            let shape = Shape::new(&self.engine.mapping, &self.engine.registry, Slot::Node(i));
            let mut patience = self.engine.patience();
            loop {
                match self.sweep_some(&shape).await {
                    Ok(true) => patience.reset(),
                    Ok(false) => break,
                    Err(error) => self.engine.wait(&mut patience, error).await?,
                }
            }
        }
        Ok(())
    }

    /// Returns whether there may be more.
    async fn sweep_some(&mut self, shape: &Shape) -> Result<bool> {
        self.engine.settle().await?;
        let Some(fence) = self.engine.fence.clone() else { return Ok(false) };
        let (limit, read_at) = (self.engine.limits.batch_rows, self.v0());
        let swept = self.engine.graph.sweep(shape, limit, &fence, read_at).await?;
        let Some((removed, counters)) = swept else { return Ok(false) };
        self.engine.summary.placeholders_removed += removed;
        self.engine.summary.written.add(&counters);
        Ok(true)
    }
}
