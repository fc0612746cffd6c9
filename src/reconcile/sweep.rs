//! Placeholders that no link needs any more.

use super::engine::Engine;
use super::stores::GraphStore;
use crate::error::Result;
use crate::mapping::{Shape, Slot};

impl<G: GraphStore> Engine<G> {
    /// Deletes what no link needs, batch by batch; a dry run leaves it.
    pub async fn sweep(&mut self) -> Result<()> {
        for i in 0..self.mapping.nodes.len() {
            let shape = Shape::new(&self.mapping, &self.registry, Slot::Node(i));
            let mut patience = self.patience();
            loop {
                match self.sweep_some(&shape).await {
                    Ok(true) => patience.reset(),
                    Ok(false) => break,
                    Err(error) => self.wait(&mut patience, error).await?,
                }
            }
        }
        Ok(())
    }

    /// Returns whether there may be more.
    async fn sweep_some(&mut self, shape: &Shape) -> Result<bool> {
        self.settle().await?;
        let Some(fence) = self.fence.clone() else { return Ok(false) };
        let limit = self.limits.batch_rows;
        // It looks at the graph alone, whatever the source's version.
        let read_at = i64::MAX;
        let swept = self.graph.sweep(shape, limit, &fence, read_at).await?;
        let Some((removed, counters)) = swept else { return Ok(false) };
        self.run.has_written = true;
        self.run.summary.placeholders_removed += removed;
        self.run.summary.written.add(&counters);
        Ok(true)
    }
}
