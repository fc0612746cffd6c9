//! A Debian package index as provenance: 100,000s of rows, cycles, nodes of very high degree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::process::Command;
use std::time::Instant;

use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use sqlgraph_emulator::Data;
use support::source::{self, file};
use support::truth::{assert_equal, reasons};

/// The rows as T-SQL, or `None` on a machine without package lists.
fn debian_sql(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    let sql = folder.join("debian.sql");
    let mut command = Command::new("python3");
    command.arg(file("bench/debian.py")).arg("--sql").arg(&sql);
    if let Ok(limit) = std::env::var("PROVSYNC_TEST_PACKAGES") {
        command.args(["--limit", &limit]);
    }
    let lists = std::fs::read_dir("/var/lib/apt/lists").into_iter().flatten().flatten();
    let has_lists = lists.map(|l| l.file_name()).any(|n| n.to_string_lossy().contains("_Packages"));
    if !has_lists {
        return None;
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Some(sql)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_debian_data_is_in_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    let Some(sql) = debian_sql(folder.path()) else {
        println!("SKIPPED: no package lists here; `apt-get update` fetches them");
        return;
    };
    let graph = support::graph::empty().await;
    let began = Instant::now();
    let source = source::start(
        vec![
            file("sql/graph/010_schemas.sql"),
            file("sql/graph/020_tables.sql"),
            file("sql/graph/030_indexes.sql"),
            file("sql/graph/040_change_tracking.sql"),
            sql,
        ],
        Data::Memory,
    )
    .await;
    println!("source ready after {:?}", began.elapsed());
    let mapping = || Mapping::default_mapping().unwrap();
    support::run::apply_schema(&graph, &mapping()).await;
    // The shipped limits, not those of the small tests.
    let mut config = support::run::config(&source.config(), &graph);
    config.full.page_rows = 30_000;
    config.full.batch_rows = 10_000;
    config.full.batch_bytes_max = 16 << 20;
    config.full.lanes = 4;
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
