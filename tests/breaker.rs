//! The circuit breaker beside a worker: what it refuses is frozen and the rest is followed.
//!
//! One kind of source hides rows from the login, as a security policy with a filter predicate does: change
//! tracking says nothing of it, and the background verify finds the rows gone. The emulator has no security
//! policies: rows are put aside in its SQLite file, which no version and no epoch shows either.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use provsync::mapping::Mapping;
use provsync::reconcile::full;
use provsync::sync::start::Options;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use sqlgraph_emulator::Data;
use support::graph::TestGraph;
use support::program::provsync;
use support::run::{apply_schema, config, run_full};
use support::scenario::{Edge, Node, Scenario, edges_sql, nodes_sql};
use support::source::{self, TestSource, file};
use support::truth::assert_equal;
use support::worker::{Worker, caught_up, until};
use support::{Random, seed};

/// Rows of the three tables; each table has another number, by which it is found in the file.
const ROWS: [i64; 3] = [40, 120, 30];

/// The emulator's file, beside the emulator.
struct Rows {
    connection: Connection,
    tables: Vec<String>,
}

impl Rows {
    fn open(path: PathBuf) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        // Nothing that change tracking would notice, and indexes over text in the emulator's order.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
        sqlgraph_emulator::sqlite::collation::register(&connection).unwrap();
        let found = {
            let mut names = connection
                .prepare(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 't[0-9]*'",
                )
                .unwrap();
            let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
            names.map(Result::unwrap).collect::<Vec<_>>()
        };
        let count = |table: &String| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let of = |rows: &i64| found.iter().find(|table| count(table) == *rows).unwrap().clone();
        let tables = ROWS.iter().map(of).collect();
        Self { connection, tables }
    }

    /// Puts the rows aside of which SQLite's number divided by ten leaves less than `of_ten`.
    fn hide(&self, of_ten: i64) {
        for table in &self.tables {
            self.run(&format!(
                "CREATE TABLE hidden_{table} AS SELECT rowid AS hidden_row, * FROM {table} WHERE rowid % 10 < {of_ten};
                 DELETE FROM {table} WHERE rowid % 10 < {of_ten}"
            ));
        }
    }

    fn show(&self) {
        for table in &self.tables {
            let columns: Vec<String> = {
                let sql = format!("SELECT name FROM pragma_table_info('{table}')");
                let mut names = self.connection.prepare(&sql).unwrap();
                let names = names.query_map([], |row| row.get(0)).unwrap();
                names.map(Result::unwrap).collect()
            };
            let columns = columns.join(", ");
            self.run(&format!(
                "INSERT OR IGNORE INTO {table} (rowid, {columns}) SELECT hidden_row, {columns} FROM hidden_{table};
                 DROP TABLE hidden_{table}"
            ));
        }
    }

    fn run(&self, sql: &str) {
        self.connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql}; COMMIT")).unwrap();
    }
}

async fn loaded(folder: &tempfile::TempDir) -> (TestGraph, TestSource, Rows) {
    let graph = support::graph::empty().await;
    let path = folder.path().join("source.db");
    let source = source::start(vec![file("tests/sql/loose.sql")], Data::File(path.clone())).await;
    let mut rows = Scenario::random(&mut Random::new(seed()), 40);
    rows.streams.truncate(30);
    source.execute(&rows.sql()).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    (graph, source, Rows::open(path))
}

const THINGS: &str = "MATCH (n) WHERE n.nodeId IS NOT NULL RETURN count(n) AS row UNION ALL MATCH ()-[r]->() WHERE r.edgeId IS NOT NULL OR r.streamId IS NOT NULL RETURN count(r) AS row";

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_source_hides_stay_in_the_graph_and_the_worker_goes_on() {
    if source::emulator_only("rows are put aside in the emulator's file") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (graph, source, rows) = loaded(&folder).await;
    let mut config = config(&source.config(), &graph);
    config.full.allow_deletes = None;
    // All rows several times a second.
    config.sync.verify_interval = Some(Duration::from_millis(50));
    let worker = Worker::start(&config);
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    let before = graph.column(THINGS).await;
    rows.hide(10);
    let refused = "MATCH (c:ProvsyncCheckpoint) WHERE c.trouble CONTAINS 'would delete' RETURN count(c) AS row";
    until(&graph, refused, 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(graph.column(THINGS).await, before, "all rows are hidden, and none is deleted");
    assert!(worker.is_running());
    let consistent = "MATCH (c:ProvsyncCheckpoint) WHERE c.consistent RETURN count(c) AS row";
    assert_eq!(graph.number(consistent).await, 0);
    rows.show();
    worker.end().await.unwrap();
    // A start tries at once what was refused.
    let worker = Worker::start(&config);
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    until(&graph, refused, 0).await;
    worker.end().await.unwrap();
}

/// Five nodes, and edges of which each is on one of them.
#[tokio::test(flavor = "multi_thread")]
async fn edges_that_would_go_with_a_few_nodes_are_counted_by_a_full_resync() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let nodes: Vec<Node> = (1..=40).map(|key| Node { key, atom: key, kind: "atom" }).collect();
    let edge = |key| Edge { key, from: 1 + key % 5, to: 6 + key % 35, kind: "DerivedFrom" };
    source.execute(&nodes_sql(&nodes)).await;
    source.execute(&edges_sql(&(1..=120).map(edge).collect::<Vec<_>>())).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let mut config = config(&source.config(), &graph);
    config.full.allow_deletes = None;
    let full = || run_full(&config, Mapping::default_mapping().unwrap(), full::Options::default());
    full().await.unwrap();
    // The source still has the rows of the edges.
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId <= 5").await;
    let refused = full().await.unwrap_err().to_string();
    assert!(refused.contains("of 120 of graph.AtomGraphEdges"), "{refused}");
    assert!(graph.number(EDGES).await > 0, "some edges stay");
}

const STREAMS: &str = "MATCH ()-[r:GENERATED]->() RETURN count(r) AS row";
const EDGES: &str = "MATCH ()-[r]->() WHERE r.edgeId IS NOT NULL RETURN count(r) AS row";
const CONSISTENT: &str = "MATCH (c:ProvsyncCheckpoint) WHERE c.consistent RETURN count(c) AS row";

async fn is_troubled(graph: &TestGraph, by: &str) {
    let troubled = format!(
        "MATCH (c:ProvsyncCheckpoint) WHERE c.trouble CONTAINS '{by}' RETURN count(c) AS row"
    );
    until(graph, &troubled, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_would_lose_too_much_are_frozen_and_the_others_are_followed() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), 600).sql()).await;
    let mapping = || Mapping::default_mapping().unwrap();
    apply_schema(&graph, &mapping()).await;
    let mut config = config(&source.config(), &graph);
    (config.full.batch_rows, config.full.page_rows) = (1_000, 1_000);
    config.full.allow_deletes = None;
    let worker = Worker::start(&config);
    caught_up(&source, &graph).await;
    let (edges, streams) = (graph.number(EDGES).await, graph.number(STREAMS).await);
    // A window, and a resync that the worker has to do by itself.
    source.execute("DELETE FROM graph.AtomGraphEdges").await;
    is_troubled(&graph, "would delete 1800 of 1800 of graph.AtomGraphEdges; nothing was written")
        .await;
    source.execute("TRUNCATE TABLE provenance.GenerationStreams").await;
    is_troubled(&graph, "600 of 600 of provenance.GenerationStreams").await;
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'later' WHERE NodeId <= 9").await;
    let followed = "MATCH (n:AtomGraphNode {metadata: 'later'}) RETURN count(n) AS row";
    until(&graph, followed, 9).await;
    assert_eq!((graph.number(EDGES).await, graph.number(STREAMS).await), (edges, streams));
    assert_eq!(graph.number(CONSISTENT).await, 0);
    assert!(worker.is_running());
    worker.end().await.unwrap();
    let options = Options { allow_deletes: Some(1_800), ..Options::default() };
    let worker = Worker::start_with(&config, mapping(), options);
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    assert_eq!((graph.number(EDGES).await, graph.number(STREAMS).await), (0, 0));
    worker.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_resync_that_was_asked_for_and_is_refused_is_answered_and_leaves_nothing_behind() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), 40).sql()).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let worker = Worker::start(&config(&source.config(), &graph));
    caught_up(&source, &graph).await;
    let strangers = "MATCH (n:AtomGraphNode) WHERE n.nodeId > 5000000 RETURN count(n) AS row";
    graph.run("UNWIND range(1, 1100) AS i CREATE (:Layer:AtomGraphNode {atomId: 5000000 + i, nodeId: 5000000 + i})").await;
    let asked = |arguments: &'static [&'static str]| {
        let mut command = provsync(arguments, &source);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let refused = asked(&["full", "--wait"]).await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("would delete 1100 of 1140"), "{said}");
    assert!(
        said.contains("nothing was written") && said.contains("--allow-deletes 1100"),
        "{said}"
    );
    assert_eq!(graph.number(strangers).await, 1_100);
    let begun = "MATCH (c:ProvsyncCheckpoint) WHERE c.phase <> 'idle' OR c.request IS NOT NULL OR c.trouble IS NOT NULL RETURN count(c) AS row";
    until(&graph, begun, 0).await;
    // It goes on following, and says that it has caught up.
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'later' WHERE NodeId <= 9").await;
    caught_up(&source, &graph).await;
    assert!(worker.is_running());
    let allowed = asked(&["full", "--wait", "--allow-deletes", "1100"]).await.unwrap();
    assert!(allowed.status.success(), "{}", String::from_utf8_lossy(&allowed.stderr));
    assert_eq!(graph.number(strangers).await, 0);
    caught_up(&source, &graph).await;
    assert_equal(&source, &graph).await;
    worker.end().await.unwrap();
}
