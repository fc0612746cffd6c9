//! The last phase: placeholders that no link needs any more.

use super::Full;
use crate::error::Result;
use crate::mapping::{Shape, Slot};
use crate::neo4j::{Counters, Graph, Statement, checkpoint, cypher, list, run, values};

impl Full {
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

    /// Returns whether there may be more. Looks first: a transaction that writes nothing is none.
    async fn sweep_some(&mut self, shape: &Shape) -> Result<bool> {
        self.engine.settle().await?;
        let Some(node) = shape.node() else { return Ok(false) };
        let orphans = count(&self.engine.graph, cypher::count_orphans(node, &shape.key)).await?;
        let Some(fence) = self.engine.fence.clone().filter(|_| orphans > 0) else {
            return Ok(false);
        };
        let limit = i64::try_from(self.config.full.batch_rows).unwrap_or(i64::MAX);
        let statement = Statement::new(cypher::sweep(node, &shape.key)).with("limit", limit);
        let read_at = self.v0();
        let delete = async |txn: &mut neo4rs::Txn| {
            let (rows, counters) = run(txn, statement).await?;
            checkpoint::guard(txn, &fence, read_at).await?;
            let removed = rows.first().and_then(|row| row.get::<i64>("written").ok());
            Ok((removed.and_then(|n| u64::try_from(n).ok()).unwrap_or(0), counters))
        };
        let (removed, counters): (u64, Counters) = self.engine.graph.write(delete).await?;
        self.engine.summary.placeholders_removed += removed;
        self.engine.summary.written.add(&counters);
        Ok(true)
    }
}

async fn count(graph: &Graph, text: String) -> Result<i64> {
    let mut count = 0;
    graph
        .read(Statement::new(text), |row| {
            count = list(&row)?.first().and_then(values::integer).unwrap_or(0);
            Ok(())
        })
        .await?;
    Ok(count)
}
