//! The worker when its surroundings change in ways that change tracking does not report: checkpoint,
//! schema, mapping, retention, restores.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use provsync::error::Kind;
use provsync::mapping::Mapping;
use provsync::neo4j::{Graph, leader};
use provsync::reconcile::full::{self, Ran};
use sqlgraph_emulator::engine::Cleanup;
use support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use support::run::config;
use support::scenario::{Node, nodes_sql};
use support::source::{self, emulator_only, file};
use support::stand::{EDIT_NODES, EDITED_NODES, default_text, following};
use support::truth::{assert_equal, reasons};
use support::worker::{Worker, caught_up, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_was_edited_while_the_worker_was_down_means_a_full() {
    let (stand, mut worker) = following().await;
    for edit in [
        "SET c.version = c.version - 1",
        "SET c.version = c.version + 1000",
        "SET c.seal = 'edited'",
        "REMOVE c.epoch",
        "DETACH DELETE c",
    ] {
        println!("{edit}");
        worker.end().await.unwrap();
        stand.graph.run(EDIT_NODES).await;
        stand.graph.run(&format!("MATCH (c:ProvsyncCheckpoint) {edit}")).await;
        worker = stand.start();
        stand.assert_full().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_was_edited_under_the_worker_is_noticed_at_its_next_write() {
    let (stand, worker) = following().await;
    for edit in ["SET c.seal = 'edited'", "SET c.version = 0, c.seal = 'edited'", "DETACH DELETE c"]
    {
        println!("{edit}");
        stand.graph.run(EDIT_NODES).await;
        stand.graph.run(&format!("MATCH (c:ProvsyncCheckpoint) {edit}")).await;
        stand
            .source
            .execute("UPDATE graph.AtomGraphEdges SET Weight = Weight + 1 WHERE EdgeId = 1")
            .await;
        stand.assert_full().await;
        assert!(worker.is_running());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_that_was_dropped_is_made_again_after_a_failure() {
    let (mut stand, worker) = following().await;
    worker.end().await.unwrap();
    let proxy = BoltProxy::start(&stand.graph.config.uri).await;
    stand.config.graph.uri = proxy.uri();
    let _worker = stand.start();
    stand.assert_right().await;
    let count =
        "SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH 'provsync_' RETURN count(*) AS row";
    let before = stand.graph.number(count).await;
    for name in stand.graph.column("SHOW CONSTRAINTS YIELD name RETURN name AS row").await {
        stand.graph.run(&format!("DROP CONSTRAINT `{name}`")).await;
    }
    proxy.arm(Fault::next(On::RunContaining("SET c += $state"), Effect::Cut));
    stand.change("without constraints").await;
    proxy.until_struck(1).await;
    stand.assert_right().await;
    until(&stand.graph, count, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_was_dropped_stops_the_worker_and_nothing_is_lost() {
    let (stand, worker) = following().await;
    stand.source.execute("ALTER TABLE graph.AtomGraphEdges DROP COLUMN Weight").await;
    stand.source.execute("UPDATE graph.AtomGraphEdges SET Metadata = N'x' WHERE EdgeId <= 3").await;
    let stopped = worker.outcome().await.unwrap_err().to_string();
    assert!(stopped.contains("Weight") && stopped.contains("hint"), "{stopped}");
    let again = stand.start().outcome().await.unwrap_err().to_string();
    assert!(again.contains("Weight"), "{again}");
    stand.source.execute("ALTER TABLE graph.AtomGraphEdges ADD Weight REAL NULL").await;
    stand.source.execute("UPDATE graph.AtomGraphEdges SET Weight = 0.25").await;
    let _worker = stand.start();
    stand.assert_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_changed_is_a_full_that_clears_what_is_no_longer_mapped() {
    let (stand, worker) = following().await;
    worker.end().await.unwrap();
    let renamed = default_text().replacen("property = \"metadata\"", "property = \"notes\"", 1);
    let worker = stand.start_with(&renamed);
    until(
        &stand.graph,
        "MATCH (n:AtomGraphNode) WHERE n.metadata IS NOT NULL RETURN count(n) AS row",
        0,
    )
    .await;
    let notes = "MATCH (n:AtomGraphNode) WHERE n.notes IS NOT NULL RETURN count(n) AS row";
    until(&stand.graph, notes, 20).await;
    worker.end().await.unwrap();
    stand
        .source
        .execute("INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (9001, N'tensor')")
        .await;
    let listed =
        default_text().replacen("layer = \"Layer\"", "layer = \"Layer\"\ntensor = \"Tensor\"", 1);
    let _worker = stand.start_with(&listed);
    until(&stand.graph, notes, 0).await;
    stand.assert_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_table_that_are_gone_are_a_full_of_that_table_alone() {
    if emulator_only("the cleanup is the emulator's") {
        return;
    }
    let (stand, worker) = following().await;
    worker.end().await.unwrap();
    stand.change("lost").await;
    // Off and on again: its changes are gone, those of the others are not.
    stand
        .source
        .execute(
            "ALTER TABLE graph.AtomGraphEdges DISABLE CHANGE_TRACKING;
             ALTER TABLE graph.AtomGraphEdges ENABLE CHANGE_TRACKING",
        )
        .await;
    stand.graph.run("MATCH (n:AtomGraphNode {nodeId: 1}) SET n.metadata = 'edited'").await;
    stand.graph.run("MATCH ()-[r {edgeId: 9}]->() SET r.metadata = 'edited'").await;
    let _worker = stand.start();
    until(&stand.graph, "MATCH ()-[r {metadata: 'edited'}]->() RETURN count(r) AS row", 0).await;
    caught_up(&stand.source, &stand.graph).await;
    assert_eq!(stand.graph.number(EDITED_NODES).await, 1, "nodes were not read anew");
    stand.source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'y' WHERE NodeId = 1").await;
    stand.assert_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_is_over_is_a_full() {
    if emulator_only("the cleanup is the emulator's") {
        return;
    }
    let (stand, worker) = following().await;
    worker.end().await.unwrap();
    stand.change("forgotten").await;
    stand.source.emulator().control().clean_up(Cleanup::Everything).await.unwrap();
    stand.graph.run(EDIT_NODES).await;
    let _worker = stand.start();
    stand.assert_full().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_a_full_whether_the_worker_runs_or_not() {
    if emulator_only("the restore is the emulator's") {
        return;
    }
    let (stand, worker) = following().await;
    let mut worker = Some(worker);
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    stand.source.emulator().control().backup(&backup).await.unwrap();
    for is_running in [true, false] {
        stand.change("not in the backup").await;
        stand.assert_right().await;
        let stopped = if is_running { None } else { worker.take() };
        if let Some(stopped) = stopped {
            stopped.end().await.unwrap();
        }
        stand.graph.run(EDIT_NODES).await;
        stand.source.emulator().control().restore(&backup).await.unwrap();
        let running = worker.get_or_insert_with(|| stand.start());
        stand.assert_full().await;
        assert!(running.is_running());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_off_and_on_and_a_table_made_anew_are_noticed_while_caught_up() {
    let (stand, worker) = following().await;
    stand.graph.run("MATCH ()-[r:GENERATED]->() SET r.modelUsed = 'edited'").await;
    stand
        .source
        .execute(
            // At once: a worker that finds it off stops.
            "BEGIN TRANSACTION;
             ALTER TABLE provenance.GenerationStreams DISABLE CHANGE_TRACKING;
             ALTER TABLE provenance.GenerationStreams ENABLE CHANGE_TRACKING;
             COMMIT",
        )
        .await;
    until(
        &stand.graph,
        "MATCH ()-[r:GENERATED {modelUsed: 'edited'}]->() RETURN count(r) AS row",
        0,
    )
    .await;
    stand.assert_right().await;
    stand
        .source
        .execute(
            "BEGIN TRANSACTION;
             DROP TABLE provenance.GenerationStreams;
             CREATE TABLE provenance.GenerationStreams (
               StreamId BIGINT IDENTITY(1,1) NOT NULL CONSTRAINT PK_Again PRIMARY KEY,
               SourceAtomId BIGINT NULL, TargetAtomId BIGINT NULL, GenerationType NVARCHAR(64) NULL, ModelUsed NVARCHAR(256) NULL,
               Parameters NVARCHAR(MAX) NULL, Metadata NVARCHAR(MAX) NULL, CreatedAt DATETIME2 NULL);
             ALTER TABLE provenance.GenerationStreams ENABLE CHANGE_TRACKING;
             INSERT INTO provenance.GenerationStreams (SourceAtomId, TargetAtomId) VALUES (1, 2);
             COMMIT",
        )
        .await;
    until(&stand.graph, "MATCH ()-[r:GENERATED]->() RETURN count(r) AS row", 1).await;
    stand.assert_right().await;
    assert!(worker.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_that_is_off_stops_the_worker_with_the_hints() {
    let (stand, worker) = following().await;
    stand.source.execute("ALTER TABLE graph.AtomGraphEdges DISABLE CHANGE_TRACKING").await;
    let stopped = worker.outcome().await.unwrap_err().to_string();
    for part in
        ["graph.AtomGraphEdges", "tracking is off", "dropped or renamed", "VIEW CHANGE TRACKING"]
    {
        assert!(stopped.contains(part), "{part}: {stopped}");
    }
    assert_equal(&stand.source, &stand.graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_source_for_a_graph_stops() {
    let (stand, worker) = following().await;
    worker.end().await.unwrap();
    let other = source::loose().await;
    let config = config(&other.config(), &stand.graph);
    let stopped = Worker::start(&config).outcome().await.unwrap_err();
    assert_eq!(stopped.kind, Kind::Stop);
    assert!(stopped.to_string().contains("--adopt"), "{stopped}");
    let _worker = stand.start();
    stand.assert_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_nothing_tracks_is_carried_on_the_interval() {
    let (mut stand, worker) = following().await;
    worker.end().await.unwrap();
    stand.config.sync.untracked_interval = Duration::from_millis(300);
    let (nodes, links) = {
        let text = default_text();
        let at = text.find("[[links]]").unwrap();
        (text[..at].to_owned(), text[at..].to_owned())
    };
    let untracked = nodes + &links.replacen("\"change_tracking\"", "\"none\"", 1);
    let _worker = stand.start_with(&untracked);
    stand.assert_right().await;
    stand.source.execute("ALTER TABLE provenance.GenerationStreams DISABLE CHANGE_TRACKING").await;
    stand.source.execute("UPDATE provenance.GenerationStreams SET ModelUsed = N'untracked'").await;
    until(
        &stand.graph,
        "MATCH ()-[r:GENERATED]->() WHERE r.modelUsed <> 'untracked' RETURN count(r) AS row",
        0,
    )
    .await;
    assert_equal(&stand.source, &stand.graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_that_is_asked_for_is_done_by_the_worker() {
    let (stand, worker) = following().await;
    stand.graph.run(EDIT_NODES).await;
    let ran =
        full::run(&stand.config, Mapping::default_mapping().unwrap(), full::Options::default());
    let Ran::Asked(_, request) = Box::pin(ran).await.unwrap() else { panic!("a worker runs") };
    stand.assert_full().await;
    let graph = Graph::connect(&stand.config.graph).await.unwrap();
    let begun = std::time::Instant::now();
    while leader::answered(&graph, &request.id).await.unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    worker.end().await.unwrap();
}

#[test]
fn the_worker_decides_by_no_wall_clock() {
    for entry in std::fs::read_dir(file("src/sync")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("SystemTime"), "{}", path.display());
        // To people alone: since when a process runs.
        let is_life = path.ends_with("life.rs");
        assert!(is_life || !text.contains("Utc::now"), "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_waits_for_an_identity_enters_although_somebody_made_it_a_float() {
    let (stand, _worker) = following().await;
    let rows = [901, 902].map(|key| Node { key, atom: 9_901, kind: "atom" });
    stand.source.execute(&nodes_sql(&rows)).await;
    caught_up(&stand.source, &stand.graph).await;
    assert_eq!(reasons(&stand.graph).await, ["graph.AtomGraphNodes 902 identity-taken"]);
    stand.graph.run("MATCH (n:Atom {atomId: 9901}) SET n.atomId = 9901.0").await;
    stand.source.execute("DELETE FROM graph.AtomGraphNodes WHERE NodeId = 901").await;
    stand.assert_right().await;
}
