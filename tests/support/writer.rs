//! An application that writes all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Random;
use super::source::TestSource;

/// Rows change all the while, in transactions of several tables, until it is told to stop.
pub fn write_meanwhile(
    source: Arc<TestSource>,
    stop: Arc<AtomicBool>,
) -> tokio::task::JoinHandle<u64> {
    tokio::spawn(async move {
        let (mut random, mut transactions) = (Random::new(7), 0);
        while !stop.load(Ordering::Relaxed) {
            let (node, edge, stream) =
                (1 + random.below(80), 1 + random.below(240), 1 + random.below(80));
            let sql = match random.below(6) {
                0 => format!(
                    "UPDATE graph.AtomGraphNodes SET Metadata = N'{transactions}' WHERE NodeId = {node}"
                ),
                1 => format!(
                    "UPDATE graph.AtomGraphNodes SET AtomId = {} WHERE NodeId = {node}",
                    10_000 + transactions
                ),
                2 => format!(
                    "BEGIN TRANSACTION; UPDATE graph.AtomGraphEdges SET Weight = {transactions} WHERE EdgeId IN ({edge}, {}); DELETE FROM provenance.GenerationStreams WHERE StreamId = {stream}; COMMIT",
                    edge + 1
                ),
                3 => format!(
                    "UPDATE graph.AtomGraphEdges SET RelationshipType = N'SimilarTo' WHERE EdgeId = {edge}"
                ),
                4 => format!("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {edge}"),
                _ => format!(
                    "INSERT INTO provenance.GenerationStreams (SourceAtomId, TargetAtomId, GenerationType) VALUES ({node}, {}, N'text')",
                    20_000 + transactions
                ),
            };
            source.execute(&sql).await;
            transactions += 1;
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        transactions
    })
}
