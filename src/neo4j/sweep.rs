//! Placeholders that no link needs any more.

use super::checkpoint::{self, Fence};
use super::{Counters, Graph, Statement, actual, cypher, list, run, values};
use crate::error::Result;
use crate::mapping::Shape;
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::reconcile::breaker::{Approved, AtMost, Deleting};

/// Identities that are asked about at a time.
const IDENTITIES_MAX: usize = 10_000;

/// Deletes some of them, guard last; returns how many.
pub async fn sweep(
    graph: &Graph,
    shape: &Shape,
    most: &Approved<AtMost>,
    fence: &Fence,
    read_at: i64,
) -> Result<(u64, Counters)> {
    let Some(node) = shape.node() else { return Ok((0, Counters::default())) };
    let limit = i64::try_from(most.deletes()).unwrap_or(i64::MAX);
    let statement = Statement::new(cypher::sweep(node, &shape.key)).with("limit", limit);
    let delete = async |txn: &mut neo4rs::Txn| {
        let (rows, counters) = run(txn, statement).await?;
        checkpoint::guard(txn, fence, read_at).await?;
        let removed = rows.first().and_then(|row| row.get::<i64>("written").ok());
        Ok((removed.and_then(|n| u64::try_from(n).ok()).unwrap_or(0), counters))
    };
    graph.write(delete).await
}

/// A placeholder that no link needs: its identity and its type labels.
pub type Orphan = (Option<Value>, Vec<String>);

/// Up to `limit` of them.
pub async fn orphans(graph: &Graph, shape: &Shape, limit: usize) -> Result<Vec<Orphan>> {
    let Some(node) = shape.node() else { return Ok(Vec::new()) };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = Statement::new(cypher::list_orphans(node, &shape.key)).with("limit", limit);
    read(graph, statement.with_names(shape)).await
}

/// Those of them that have one of some identities under a type label.
pub async fn orphans_among(
    graph: &Graph,
    shape: &Shape,
    name: &str,
    identities: &[IdentityValue],
) -> Result<Vec<Orphan>> {
    let Some(node) = shape.node() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for part in identities.chunks(IDENTITIES_MAX) {
        let part = part.iter().map(|identity| values::to_bolt(Some(&identity.value())));
        let statement = Statement::new(cypher::orphans_among(node, &shape.key, name))
            .with("identities", values::list(part));
        found.extend(read(graph, statement.with_names(shape)).await?);
    }
    Ok(found)
}

async fn read(graph: &Graph, statement: Statement) -> Result<Vec<Orphan>> {
    let mut found = Vec::new();
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

/// How many there are.
pub async fn count(graph: &Graph, shape: &Shape) -> Result<u64> {
    let Some(node) = shape.node() else { return Ok(0) };
    let statement = Statement::new(cypher::count_orphans(node, &shape.key));
    let count = graph.first(statement).await?;
    let count = count.and_then(|cells| cells.first().and_then(values::integer));
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}
