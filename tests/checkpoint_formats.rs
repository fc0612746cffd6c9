//! Checkpoints of other formats than this version's: those that an older version left are continued, with
//! nothing reloaded; those of a later format, and those of this one under an older binary, are left alone.
//!
//! `tests/golden/checkpoints` holds what the last version of format 1 left in both stores.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use provsync::mapping::Mapping;
use provsync::neo4j::{Graph, checkpoint};
use sqlgraph_emulator::Data;
use support::graph::TestGraph;
use support::program::{of_graph, provsync};
use support::run::apply_schema;
use support::source::{TestSource, emulator_only, file, start};
use support::truth::{assert_equal, reasons};
use support::worker::caught_up;

const WHY: &str = "the golden sources are data of the emulator";
const FORMAT: &str = "MATCH (c:ProvsyncCheckpoint) RETURN coalesce(c.format, 1) AS row";
const FENCE: &str = "MATCH (c:ProvsyncCheckpoint) RETURN c.fence AS row";
/// All that stands on it but who holds the fence.
const CHECKPOINT: &str = "MATCH (c:ProvsyncCheckpoint) RETURN [k IN keys(c) WHERE NOT k IN ['fence', 'guard'] | [k, toString(c[k])]] AS row";
/// What the log says when rows are reloaded.
const RELOADS: &str = "reading all rows";

struct Stores {
    graph: TestGraph,
    source: TestSource,
    _folder: tempfile::TempDir,
}

struct Ran {
    code: Option<i32>,
    said: String,
}

/// Both stores as an older version left them.
async fn golden(state: &str) -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.sqlite");
    let packed = std::fs::File::open(file(&format!("tests/golden/checkpoints/{state}.sqlite.gz")));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.unwrap()).read_to_end(&mut bytes).unwrap();
    std::fs::write(&data, bytes).unwrap();
    let source = start(vec![], Data::File(data)).await;
    let graph = support::graph::empty().await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let lines = std::fs::read_to_string(file(&format!("tests/golden/checkpoints/{state}.cypher")));
    let mut load = graph.driver.start_txn().await.unwrap();
    for line in lines.unwrap().lines() {
        load.run(neo4rs::query(line)).await.unwrap();
    }
    load.commit().await.unwrap();
    assert_eq!(graph.number(FORMAT).await, 1);
    Stores { graph, source, _folder: folder }
}

/// A worker process, killed when the test ends.
struct Worker(Option<Child>);

impl Worker {
    /// Asks it to end; returns what it logged.
    fn end(mut self) -> String {
        let worker = self.0.take().unwrap();
        let id = worker.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let output = worker.wait_with_output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        said
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(worker) = &mut self.0 {
            let _ = worker.kill();
        }
    }
}

fn run(command: &mut Command) -> Ran {
    let output = command.env("PROVSYNC_FULL__RETRY_SECONDS_MAX", "1").output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    Ran { code: output.status.code(), said }
}

impl Stores {
    fn provsync(&self, arguments: &[&str]) -> Ran {
        run(&mut provsync(arguments, &self.source))
    }

    /// Follows until the graph has caught up; returns what was logged.
    async fn follow(&self) -> String {
        let mut command = provsync(&["sync"], &self.source);
        command.env("PROVSYNC_SYNC__VERIFY_INTERVAL_HOURS", "0");
        command.env("PROVSYNC_FULL__BATCH_ROWS", "50");
        let fence = self.graph.column(FENCE).await;
        let worker = Worker(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok());
        while self.graph.column(FENCE).await == fence {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        caught_up(&self.source, &self.graph).await;
        // Time for what an idle worker does.
        tokio::time::sleep(Duration::from_millis(300)).await;
        worker.end()
    }

    async fn assert_format_2(&self) {
        assert_eq!(self.graph.number(FORMAT).await, 2);
        let neo4j = Graph::connect(&self.graph.config).await.unwrap();
        let found = checkpoint::read(&neo4j).await.unwrap().unwrap();
        assert!(found.sealed, "{found:?}");
        assert!(found.state.source.starts_with("Provenance@database:"), "{found:?}");
        assert_eq!(found.state.identity.id, found.state.source);
    }

    /// All data: when an entry of quarantine is tried again is no part of them.
    async fn data(&self) -> Vec<String> {
        let mut lines = self.graph.dump().await;
        lines.retain(|line| !line.contains("ProvsyncQuarantine"));
        lines
    }

    /// Everything in the graph but who holds the fence.
    async fn everything(&self) -> Vec<String> {
        let mut lines = self.graph.dump().await;
        lines.extend(self.graph.column(CHECKPOINT).await);
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_continues_from_a_checkpoint_of_format_1_and_writes_no_data() {
    if emulator_only(WHY) {
        return;
    }
    for state in ["idle", "witness", "quarantine"] {
        println!("{state}");
        let stores = golden(state).await;
        let before = (stores.data().await, reasons(&stores.graph).await);
        let said = stores.follow().await;
        assert!(!said.contains(RELOADS), "{said}");
        assert_eq!((stores.data().await, reasons(&stores.graph).await), before);
        stores.assert_format_2().await;
        assert_equal(&stores.source, &stores.graph).await;
        // It goes on as any other.
        stores.source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'later'").await;
        let said = stores.follow().await;
        assert!(!said.contains(RELOADS), "{said}");
        assert_equal(&stores.source, &stores.graph).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_resync_and_a_window_that_format_1_began_are_resumed_where_they_were() {
    if emulator_only(WHY) {
        return;
    }
    let stores = golden("during-a-full").await;
    let said = stores.follow().await;
    assert!(said.contains(RELOADS) && said.contains("resumed=true"), "{said}");
    assert!(!said.contains("carrying graph.AtomGraphNodes"), "nodes were done: {said}");
    assert!(said.contains("carrying graph.AtomGraphEdges"), "{said}");
    stores.assert_format_2().await;
    assert_equal(&stores.source, &stores.graph).await;
    drop(stores);

    let stores = golden("during-a-window").await;
    let said = stores.follow().await;
    assert!(!said.contains(RELOADS), "{said}");
    stores.assert_format_2().await;
    assert_equal(&stores.source, &stores.graph).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shot_commands_understand_format_1_and_readers_leave_it_as_it_is() {
    if emulator_only(WHY) {
        return;
    }
    let stores = golden("witness").await;
    let before = stores.everything().await;
    for (arguments, code) in [
        (&["status", "--output", "json"][..], 1),
        (&["doctor"], 0),
        (&["verify"], 0),
        (&["compare", "--all-roots"], 0),
        (&["full", "--dry-run"], 0),
    ] {
        let ran = stores.provsync(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.said);
        if arguments[0] == "status" {
            assert!(ran.said.contains("\"sealed\": true"), "{}", ran.said);
        }
        assert_eq!(stores.everything().await, before, "{arguments:?}");
    }
    let data = stores.graph.dump().await;
    let ran = stores.provsync(&["full"]);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert_eq!(stores.graph.dump().await, data);
    stores.assert_format_2().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_a_later_format_stops_every_command() {
    if emulator_only(WHY) {
        return;
    }
    let stores = golden("idle").await;
    assert_eq!(stores.provsync(&["full"]).code, Some(0));
    stores.graph.run("MATCH (c:ProvsyncCheckpoint) SET c.format = 3").await;
    let before = stores.everything().await;
    for arguments in [
        &["full"][..],
        &["full", "--adopt"],
        &["full", "--restart"],
        &["sync"],
        &["verify", "--repair"],
        &["schema", "apply"],
        &["purge", "--yes"],
        &["status"],
        &["doctor"],
        &["compare", "--all-roots"],
    ] {
        let ran = stores.provsync(arguments);
        assert!(!matches!(ran.code, Some(0)), "{arguments:?}: {}", ran.said);
        assert!(ran.said.contains("format 3") && ran.said.contains("newer"), "{}", ran.said);
        assert_eq!(stores.everything().await, before, "{arguments:?}");
    }
}

/// `PROVSYNC_TEST_OLD` names a binary that knows format 1 only.
#[tokio::test(flavor = "multi_thread")]
async fn a_binary_that_knows_format_1_only_writes_nothing() {
    let Some(old) = std::env::var_os("PROVSYNC_TEST_OLD") else {
        println!("PROVSYNC_TEST_OLD names no older binary");
        return;
    };
    if emulator_only(WHY) {
        return;
    }
    for state in ["witness", "during-a-full", "during-a-window"] {
        let stores = golden(state).await;
        stores.follow().await;
        let before = stores.everything().await;
        for arguments in [
            &["full"][..],
            &["full", "--restart"],
            &["sync"],
            &["verify", "--repair"],
            &["purge", "--yes"],
        ] {
            let mut command = Command::new(&old);
            for (name, _) in std::env::vars_os() {
                if name.to_string_lossy().starts_with("PROVSYNC_") {
                    command.env_remove(name);
                }
            }
            command.envs(stores.source.environment()).envs(of_graph()).args(arguments);
            let ran = run(&mut command);
            assert!(!matches!(ran.code, Some(0)), "{arguments:?}: {}", ran.said);
            assert_eq!(stores.everything().await, before, "{arguments:?}: {}", ran.said);
        }
        // The new one goes on.
        stores.source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'later'").await;
        let said = stores.follow().await;
        assert!(!said.contains(RELOADS), "{said}");
    }
}
