//! A Debian package index as provenance: 100,000s of rows, cycles, nodes of very high degree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Instant;

use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::truth::{assert_equal, reasons};

/// Of some 60,000; `PROVSYNC_TEST_DEBIAN=all` for the whole.
const PACKAGES: &str = "20000";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_debian_data_is_in_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    let Some(sql) = support::debian::sql(folder.path(), PACKAGES) else {
        println!("SKIPPED: no package lists here; `apt-get update` fetches them");
        return;
    };
    let graph = support::graph::empty().await;
    let began = Instant::now();
    let source = support::debian::source(sql).await;
    println!("source ready after {:?}", began.elapsed());
    let mapping = || Mapping::default_mapping().unwrap();
    support::run::apply_schema(&graph, &mapping()).await;
    let config = support::debian::config(&source, &graph);
    let first = support::run::run_full(&config, mapping(), Options::default()).await.unwrap();
    println!("first: {first:?}");
    assert_equal(&source, &graph).await;
    assert_eq!(reasons(&graph).await, Vec::<String>::new());
    counts_agree(&source, &graph).await;

    let second = support::run::run_full(&config, mapping(), Options::default()).await.unwrap();
    println!("second: {:.1} s of {:.1} s", second.seconds, first.seconds);
    assert!(second.written.is_empty(), "{second:?}");
    for tally in second.kinds.values() {
        assert_eq!(
            (tally.created, tally.updated, tally.deleted, tally.unchanged),
            (0, 0, 0, tally.read)
        );
    }
}

/// Equal counts by type, each counted by its own store.
async fn counts_agree(source: &support::source::TestSource, graph: &support::graph::TestGraph) {
    let types =
        [("atom", "Atom"), ("embedding", "Embedding"), ("model", "Model"), ("layer", "Layer")];
    for (kind, label) in types {
        let rows = source
            .query(&format!(
                "SELECT COUNT_BIG(*) FROM graph.AtomGraphNodes WHERE NodeType = N'{kind}'"
            ))
            .await;
        let nodes =
            graph.number(&format!("MATCH (n:{label}:AtomGraphNode) RETURN count(n) AS row")).await;
        assert_eq!(rows[0].get::<i64, _>(0).unwrap(), nodes, "{kind}");
    }
    let types = [
        ("DerivedFrom", "DERIVED_FROM"),
        ("ComponentOf", "COMPONENT_OF"),
        ("SimilarTo", "SIMILAR_TO"),
        ("GeneratedBy", "GENERATED_BY"),
    ];
    for (kind, name) in types {
        let rows = source
            .query(&format!(
                "SELECT COUNT_BIG(*) FROM graph.AtomGraphEdges WHERE RelationshipType = N'{kind}'"
            ))
            .await;
        let edges = graph.number(&format!("MATCH ()-[r:{name}]->() RETURN count(r) AS row")).await;
        assert_eq!(rows[0].get::<i64, _>(0).unwrap(), edges, "{kind}");
    }
    let rows = source.query("SELECT COUNT_BIG(*) FROM provenance.GenerationStreams").await;
    let streams = graph.number("MATCH ()-[r:GENERATED]->() RETURN count(r) AS row").await;
    assert_eq!(rows[0].get::<i64, _>(0).unwrap(), streams);
}
