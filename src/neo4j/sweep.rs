//! Placeholders that no link needs any more.

use super::checkpoint::{self, Fence};
use super::{Counters, Graph, Statement, actual, cypher, list, run, values};
use crate::error::Result;
use crate::mapping::Shape;
use crate::model::Value;

/// Deletes up to `limit` of them, guard last; `None` if there are none. Looks first: a transaction
/// that writes nothing is none.
pub async fn sweep(
    graph: &Graph,
    shape: &Shape,
    limit: usize,
    fence: &Fence,
    read_at: i64,
) -> Result<Option<(u64, Counters)>> {
    let Some(node) = shape.node() else { return Ok(None) };
    if count(graph, cypher::count_orphans(node, &shape.key)).await? == 0 {
        return Ok(None);
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = Statement::new(cypher::sweep(node, &shape.key)).with("limit", limit);
    let delete = async |txn: &mut neo4rs::Txn| {
        let (rows, counters) = run(txn, statement).await?;
        checkpoint::guard(txn, fence, read_at).await?;
        let removed = rows.first().and_then(|row| row.get::<i64>("written").ok());
        Ok((removed.and_then(|n| u64::try_from(n).ok()).unwrap_or(0), counters))
    };
    graph.write(delete).await.map(Some)
}

/// A placeholder that no link needs: its identity and its type labels.
pub type Orphan = (Option<Value>, Vec<String>);

/// Up to `limit` of them.
pub async fn orphans(graph: &Graph, shape: &Shape, limit: usize) -> Result<Vec<Orphan>> {
    let mut found = Vec::new();
    let Some(node) = shape.node() else { return Ok(found) };
    let statement = Statement::new(cypher::list_orphans(node, &shape.key))
        .with_names(shape)
        .with("limit", i64::try_from(limit).unwrap_or(i64::MAX));
    graph
        .read(statement, |row| {
            let mut cells = list(&row)?.into_iter();
            let identity = cells.next().and_then(values::from_bolt);
            found.push((identity, actual::names(cells.next())));
            Ok(())
        })
        .await?;
    Ok(found)
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
