//! Which database a graph follows: the same one on whatever replica, never a copy of it, and its tables however
//! the mapping spells them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::mapping::Mapping;
use provsync::sync::start::Options;
use sqlgraph_emulator::Data;
use sqlgraph_emulator::engine::backup::restore_as_another;
use support::program::provsync;
use support::run::{apply_schema, config, mapping};
use support::source::{self, TestSource, emulator_only, start};
use support::stand::{EDITED_NODES, Stand, default_text, following};
use support::truth::assert_equal;
use support::worker::{Worker, caught_up};

const WHY: &str = "backups and roles of the server are the emulator's";
const STREAMS: &str = "MATCH ()-[r:GENERATED]->() RETURN count(r) AS row";
/// Only a full resync would repair it: nothing changes at the source.
const EDIT: &str = "MATCH (n:AtomGraphNode {nodeId: 1}) SET n.metadata = 'edited'";
const ROWS: &str = "INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (1, N'atom'), (2, N'atom'), (3, N'model');
    INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType)
    SELECT a.$node_id, b.$node_id, N'DerivedFrom' FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.AtomId = 1 AND b.AtomId = 2;
    INSERT INTO provenance.GenerationStreams (SourceAtomId, TargetAtomId) VALUES (1, 2), (2, 1)";

/// The default mapping with a table in another case than the catalogue has it.
fn other_case() -> String {
    let text = default_text();
    assert!(text.contains("provenance.GenerationStreams"));
    text.replace("provenance.GenerationStreams", "provenance.generationstreams")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncate_is_seen_whatever_the_case_of_the_tables_name_in_the_mapping() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(ROWS).await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let config = config(&source.config(), &graph);
    let worker = Worker::start_with(&config, mapping(&other_case()), Options::default());
    caught_up(&source, &graph).await;
    assert_eq!(graph.number(STREAMS).await, 2);
    // No version is drawn, and the worker is caught up.
    source.execute("TRUNCATE TABLE provenance.GenerationStreams").await;
    support::worker::until(&graph, STREAMS, 0).await;
    caught_up(&source, &graph).await;
    worker.end().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mapping.toml");
    std::fs::write(&file, other_case()).unwrap();
    let mut doctor = provsync(&["doctor", "--mapping", file.to_str().unwrap()], &source);
    let output = doctor.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_to_another_replica_is_followed_without_a_full_resync() {
    if emulator_only(WHY) {
        return;
    }
    let (stand, worker) = following().await;
    let control = stand.source.emulator().control();
    control.join_group().await.unwrap();
    stand.change("in the group").await;
    // The worker must have seen the group before its primary is another one.
    let group =
        "MATCH (c:ProvsyncCheckpoint) WHERE c.identity CONTAINS '@group:' RETURN count(c) AS row";
    support::worker::until(&stand.graph, group, 1).await;
    stand.graph.run(EDIT).await;
    for round in 1..=2 {
        control.failover(None).await.unwrap();
        stand.change(&format!("after failover {round}")).await;
        caught_up(&stand.source, &stand.graph).await;
        assert_eq!(stand.graph.number(EDITED_NODES).await, 1, "it was no full resync");
    }
    worker.end().await.unwrap();
    // Who starts at the new primary, too.
    control.failover(None).await.unwrap();
    let worker = stand.start();
    stand.change("after a start").await;
    caught_up(&stand.source, &stand.graph).await;
    assert_eq!(stand.graph.number(EDITED_NODES).await, 1, "it was no full resync");

    // A failover that loses data is another history: its versions say something else.
    let folder = tempfile::tempdir().unwrap();
    let behind = folder.path().join("behind");
    control.backup(&behind).await.unwrap();
    stand.change("lost").await;
    caught_up(&stand.source, &stand.graph).await;
    control.failover(Some(&behind)).await.unwrap();
    stand.change("instead of what was lost").await;
    stand.assert_full().await;
    worker.end().await.unwrap();
}

struct Ran {
    code: Option<i32>,
    said: String,
}

fn run(source: &TestSource, arguments: &[&str]) -> Ran {
    let mut command = provsync(arguments, source);
    let output = command.env("PROVSYNC_FULL__RETRY_SECONDS_MAX", "1").output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    Ran { code: output.status.code(), said }
}

/// A backup of the source, restored elsewhere under the same name, with rows that others changed there.
async fn restored_copy(stand: &Stand, folder: &std::path::Path) -> TestSource {
    let backup = folder.join("backup");
    stand.source.emulator().control().backup(&backup).await.unwrap();
    let data = folder.join("copy.sqlite");
    restore_as_another(&backup, &data).unwrap();
    let copy = start(vec![], Data::File(data)).await;
    copy.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'anonymised'").await;
    copy.execute("DELETE FROM provenance.GenerationStreams WHERE StreamId = 1").await;
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_of_the_source_writes_nothing_until_it_is_adopted() {
    if emulator_only(WHY) {
        return;
    }
    let (stand, worker) = following().await;
    worker.end().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = restored_copy(&stand, folder.path()).await;
    let checkpoint = "MATCH (c:ProvsyncCheckpoint) RETURN properties(c) AS row";
    let (data, before) = (stand.graph.dump().await, stand.graph.column(checkpoint).await);
    for arguments in [
        &["sync"][..],
        &["full"],
        &["full", "--restart"],
        &["full", "--dry-run"],
        &["verify"],
        &["verify", "--repair"],
        &["compare", "--all-roots"],
        &["doctor"],
    ] {
        let ran = run(&copy, arguments);
        assert!(!matches!(ran.code, Some(0)), "{arguments:?}: {}", ran.said);
        assert!(ran.said.contains("copy"), "{arguments:?}: {}", ran.said);
        assert_eq!(stand.graph.dump().await, data, "{arguments:?}");
        assert_eq!(stand.graph.column(checkpoint).await, before, "{arguments:?}");
    }
    // The original is followed as before.
    assert_eq!(run(&stand.source, &["verify"]).code, Some(0));

    let adopted = run(&copy, &["full", "--adopt"]);
    assert_eq!(adopted.code, Some(0), "{}", adopted.said);
    assert_equal(&copy, &stand.graph).await;
    // Both are allowed now, and a change between them compares all rows.
    for source in [&stand.source, &copy] {
        let ran = run(source, &["full"]);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        assert_equal(source, &stand.graph).await;
    }
    let another = tempfile::tempdir().unwrap();
    let another = restored_copy(&stand, another.path()).await;
    assert!(run(&another, &["full"]).said.contains("copy"));
}

/// `database_guid`, `family_guid` and `recovery_fork_guid` of a database of a real server.
async fn guids(source: &TestSource, database: &str) -> [String; 3] {
    let sql = format!(
        "SELECT CAST(database_guid AS nvarchar(36)), CAST(family_guid AS nvarchar(36)), CAST(recovery_fork_guid AS nvarchar(36))
         FROM sys.database_recovery_status WHERE database_id = DB_ID(N'{database}')"
    );
    let row = source.query(&sql).await.remove(0);
    [0, 1, 2].map(|column| row.get::<&str, _>(column).unwrap().to_owned())
}

/// The first of docs/unproven.md: what a restore does to the guids.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "only a real server restores: PROVSYNC_TEST_MSSQL"]
async fn a_real_server_gives_a_restored_copy_a_guid_of_its_own_and_the_family_of_its_original() {
    let source = source::loose().await;
    source.execute(ROWS).await;
    let name = source.config().database;
    let copy = format!("{name}_copy");
    let files = source.query("SELECT name, physical_name FROM sys.database_files").await;
    let moved = files.iter().map(|row| {
        let (logical, path) = (row.get::<&str, _>(0).unwrap(), row.get::<&str, _>(1).unwrap());
        format!("MOVE N'{logical}' TO N'{path}.copy'")
    });
    let moved = moved.collect::<Vec<_>>().join(", ");
    let backup = format!("BACKUP DATABASE [{name}] TO DISK = N'{name}.bak' WITH INIT, COPY_ONLY;");
    source.execute(&backup).await;
    let original = guids(&source, &name).await;
    let restore = format!("RESTORE DATABASE [{copy}] FROM DISK = N'{name}.bak' WITH {moved};");
    source.execute(&restore).await;
    let restored = guids(&source, &copy).await;
    // Over the copy again, after it has gone on: a restore that loses data.
    source.execute(&format!("CREATE TABLE [{copy}].dbo.Later (Id int PRIMARY KEY);")).await;
    source.execute(&restore.replace(" WITH ", " WITH REPLACE, ")).await;
    let again = guids(&source, &copy).await;
    source.execute(&format!("DROP DATABASE [{copy}];")).await;
    assert_ne!(restored[0], original[0], "database_guid");
    assert_eq!(restored[1], original[1], "family_guid");
    assert_ne!(again[2], restored[2], "recovery_fork_guid after a restore that loses data");
}
