//! Nodes with more relationships than a transaction of Neo4j can hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use neo4rs::query;
use provsync::config::Config;
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use support::graph::TestGraph;
use support::scenario::{Edge, Node, edges_sql, nodes_sql};
use support::server::Server;
use support::source::TestSource;
use support::truth::{assert_equal, reasons};
use support::worker::{Worker, caught_up_within, untroubled};

const MEMORY: &str = "db.memory.transaction.max=8m";
/// Relationships of each great node: more than fit [`MEMORY`], as [`assert_too_great`] sees.
const DEGREE: i64 = 6_000;
/// The great nodes are those of the first keys.
const GREAT: i64 = 4;
const NODES: i64 = 100;
/// How long a window of such a node may take.
const SECONDS: u64 = 120;

struct Setup {
    graph: TestGraph,
    source: TestSource,
    config: Config,
    _server: Server,
}

/// Both sides hold the great nodes.
async fn setup() -> (Setup, Worker) {
    support::init();
    let server = Server::named("degree");
    let graph = TestGraph::at(server.start(MEMORY));
    let source = support::source::loose().await;
    let nodes: Vec<Node> =
        (1..=NODES).map(|key| Node { key, atom: 100 + key, kind: "atom" }).collect();
    source.execute(&nodes_sql(&nodes)).await;
    let edge = |key: i64| {
        let (hub, other) = (1 + key % GREAT, 1 + GREAT + key % (NODES - GREAT));
        let (from, to) = if key % 3 == 0 { (other, hub) } else { (hub, other) };
        Edge { key, from, to, kind: "DerivedFrom" }
    };
    let edges: Vec<Edge> = (1..=GREAT * DEGREE).map(edge).collect();
    for some in edges.chunks(10_000) {
        source.execute(&edges_sql(some)).await;
    }
    let mapping = Mapping::default_mapping().unwrap();
    support::run::apply_schema(&graph, &mapping).await;
    let mut config = support::run::config(&source.config(), &graph);
    config.full.batch_rows = 2_000;
    config.full.page_rows = 10_000;
    // A great node is more than a tenth of the edges.
    config.full.allow_deletes = Some(1_000_000);
    let worker = Worker::start(&config);
    caught_up_within(&source, &graph, SECONDS).await;
    let setup = Setup { graph, source, config, _server: server };
    (setup, worker)
}

impl Setup {
    /// No transaction takes this node with all that is on it.
    async fn assert_too_great(&self, key: i64) {
        let delete = format!("MATCH (n:AtomGraphNode {{nodeId: {key}}}) DETACH DELETE n");
        // The driver would try again by itself.
        let mut txn = self.graph.driver.start_txn().await.unwrap();
        let outcome = match txn.run(query(&delete)).await {
            Ok(_) => txn.commit().await.map(drop),
            Err(error) => Err(error),
        };
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("MemoryPoolOutOfMemory"), "{error}");
    }

    async fn assert_right(&self) {
        let begun = std::time::Instant::now();
        caught_up_within(&self.source, &self.graph, SECONDS).await;
        println!("caught up after {:?}", begun.elapsed());
        assert_equal(&self.source, &self.graph).await;
        assert_eq!(reasons(&self.graph).await, Vec::<String>::new());
        untroubled(&self.graph).await;
    }

    /// As many relationships of others on a node.
    async fn strays(&self, key: i64) {
        self.graph.run("UNWIND range(1, 50) AS i MERGE (:XNote {i: i})").await;
        for part in 0..DEGREE / 1_000 {
            let about = format!(
                "MATCH (n:AtomGraphNode {{nodeId: {key}}}) UNWIND range(1, 1000) AS i
                 MATCH (x:XNote {{i: 1 + i % 50}}) CREATE (x)-[:XABOUT {{part: {part}}}]->(n)"
            );
            self.graph.run(&about).await;
        }
    }

    async fn number_of_strays(&self) -> i64 {
        self.graph.number("MATCH ()-[r:XABOUT]->() RETURN count(r) AS row").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fits_no_transaction_goes_with_its_edges() {
    let (setup, worker) = setup().await;
    setup.assert_right().await;
    let source = &setup.source;

    let begun = std::time::Instant::now();
    println!("node and edges go at the source");
    setup.assert_too_great(1).await;
    source
        .execute(
            "BEGIN TRANSACTION;
             DELETE e FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b) AND (a.NodeId = 1 OR b.NodeId = 1);
             DELETE FROM graph.AtomGraphNodes WHERE NodeId = 1; COMMIT",
        )
        .await;
    setup.assert_right().await;

    println!("{:?}: it is another identity", begun.elapsed());
    setup.assert_too_great(2).await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 90002 WHERE NodeId = 2").await;
    setup.assert_right().await;

    println!("{:?}: others have as many relationships on it", begun.elapsed());
    setup.strays(3).await;
    source
        .execute(
            "BEGIN TRANSACTION;
             DELETE e FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b) AND (a.NodeId = 3 OR b.NodeId = 3);
             COMMIT",
        )
        .await;
    setup.assert_right().await;
    setup.assert_too_great(3).await;
    assert_eq!(setup.number_of_strays().await, DEGREE);
    source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 3").await;
    setup.assert_right().await;
    assert_eq!(setup.number_of_strays().await, 0);

    println!("{:?}: a full finds that it is another identity", begun.elapsed());
    worker.end().await.unwrap();
    setup.strays(4).await;
    setup.assert_too_great(4).await;
    source.execute("UPDATE graph.AtomGraphNodes SET AtomId = 90004 WHERE NodeId = 4").await;
    let mapping = Mapping::default_mapping().unwrap();
    let summary = support::run::run_full(&setup.config, mapping, Options::default()).await.unwrap();
    let degree = u64::try_from(DEGREE).unwrap();
    assert_eq!((summary.detached, summary.foreign_deleted), (degree, degree), "each counted once");
    setup.assert_right().await;
    println!("{:?}", begun.elapsed());
}
