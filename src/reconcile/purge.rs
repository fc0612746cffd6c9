//! `provsync purge`: removes all that provsync made, and nothing else.

use std::collections::BTreeMap;

use super::summary::Written;
use crate::config::GraphConfig;
use crate::error::{Error, Result};
use crate::mapping::names::quote_cypher as q;
use crate::mapping::registry::Owned;
use crate::mapping::{Mapping, Registry};
use crate::neo4j::checkpoint::{self, Fence};
use crate::neo4j::{Graph, Statement, run, schema, status};

/// How long ago a worker's last sign may be for it to count as alive.
const SILENT_SECONDS: i64 = 30;
/// Things deleted in one transaction.
const BATCH_ROWS: i64 = 5_000;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Purged {
    /// Neo4j's own counters.
    pub written: Written,
    /// Constraints and indexes.
    pub constraints: usize,
}

/// Deletes relationships and nodes that carry provsync's keys, placeholders, quarantine, the
/// checkpoint and the constraints. Relationships of others on those nodes go with them. A purge
/// that was broken off goes on when it is called again, since the checkpoint goes last.
pub async fn run_purge(config: &GraphConfig, mapping: &Mapping) -> Result<Purged> {
    let graph = Graph::connect(config).await?;
    let mut purged = Purged::default();
    refuse_beside_a_worker(&graph).await?;
    // Without a checkpoint the mapping says what may be ours; the guard needs one all the same.
    let found = checkpoint::read(&graph).await?.map(|found| found.state).unwrap_or_default();
    let registry = Registry::new(mapping, &found.owned);
    let (fence, _) = checkpoint::raise_for_any(&graph).await?;
    for text in deletes(registry.owned()) {
        delete_all(&graph, &fence, &text, &mut purged.written).await?;
    }
    graph.write(async |txn| checkpoint::delete(txn, &fence).await).await?;
    purged.constraints = schema::drop_all(&graph).await?;
    Ok(purged)
}

/// A worker would load everything again at once.
async fn refuse_beside_a_worker(graph: &Graph) -> Result<()> {
    let Some(status) = status::read(graph).await? else { return Ok(()) };
    let speaks = status.worker.silent_seconds.is_some_and(|seconds| seconds < SILENT_SECONDS);
    match status.worker.holder.filter(|_| speaks) {
        None => Ok(()),
        Some(holder) => Err(Error::stop(format!("a worker writes to this graph: {holder}")).hint(
            format!("stop it first; one that was killed is forgotten after {SILENT_SECONDS} s"),
        )),
    }
}

/// Statements that each delete up to `$limit` things of any table that is or was mapped;
/// relationships before nodes.
fn deletes(owned: &BTreeMap<String, Owned>) -> Vec<String> {
    let mut relationships = Vec::new();
    let mut nodes = Vec::new();
    for table in owned.values() {
        if table.label.is_empty() {
            let of_name = |name: &String| keyed_relationship(name, &table.key_property);
            relationships.extend(table.names.iter().map(of_name));
        } else {
            nodes.push(keyed_node(&table.label, &table.key_property));
            nodes.push(format!(
                "MATCH (n:{}) WHERE n.{} IS NULL WITH n LIMIT $limit DETACH DELETE n",
                q(&table.placeholder),
                q(&table.key_property)
            ));
        }
    }
    nodes.push("MATCH (n:ProvsyncQuarantine) WITH n LIMIT $limit DETACH DELETE n".to_owned());
    relationships.into_iter().chain(nodes).collect()
}

fn keyed_node(label: &str, key: &str) -> String {
    format!(
        "MATCH (n:{}) WHERE n.{} IS NOT NULL WITH n LIMIT $limit DETACH DELETE n",
        q(label),
        q(key)
    )
}

fn keyed_relationship(name: &str, key: &str) -> String {
    format!(
        "MATCH ()-[r:{}]->() WHERE r.{} IS NOT NULL WITH r LIMIT $limit DELETE r",
        q(name),
        q(key)
    )
}

async fn delete_all(graph: &Graph, fence: &Fence, text: &str, written: &mut Written) -> Result<()> {
    loop {
        let counters = graph
            .write(async |txn| {
                let (_, counters) =
                    run(txn, Statement::new(text).with("limit", BATCH_ROWS)).await?;
                if counters.nodes_deleted + counters.relationships_deleted > 0 {
                    checkpoint::guard(txn, fence, i64::MAX).await?;
                }
                Ok(counters)
            })
            .await?;
        if counters.nodes_deleted + counters.relationships_deleted == 0 {
            return Ok(());
        }
        written.add(&counters);
    }
}
