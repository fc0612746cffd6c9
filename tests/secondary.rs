//! A source that serves as a readable secondary, behind its primary: nobody writes to the graph, nobody
//! calls it different, and all say what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::path::PathBuf;

use sqlgraph_emulator::faults::{Effect, Fault, Kind};
use support::program;
use support::source::emulator_only;
use support::stand::{EDITED_NODES, Stand, following};
use support::truth::assert_equal;
use support::worker::{Worker, until};

const WHY: &str = "the role of the server is the emulator's";
/// What a write moves: not the signs of life.
const CHECKPOINT: &str =
    "MATCH (c:ProvsyncCheckpoint) RETURN [c.version, c.epoch, c.seal, c.progress, c.cursor] AS row";
const TROUBLED: &str =
    "MATCH (c:ProvsyncCheckpoint) WHERE c.trouble CONTAINS 'Msg 22117' RETURN count(c) AS row";
/// Rows of all tables come, change and go.
const LATER: &str = "BEGIN TRANSACTION;
    INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (9001, N'atom'), (9002, N'atom');
    INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType, Weight)
    SELECT a.$node_id, b.$node_id, N'DerivedFrom', 0.7 FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.AtomId = 9001 AND b.AtomId = 9002;
    UPDATE graph.AtomGraphNodes SET Metadata = N'later' WHERE NodeId = 3;
    DELETE FROM graph.AtomGraphEdges WHERE EdgeId = 5;
    DELETE FROM provenance.GenerationStreams WHERE StreamId = 2;
    COMMIT";

/// A worker that has followed past a backup, by which a secondary stays behind.
struct Behind {
    stand: Stand,
    worker: Option<Worker>,
    backup: PathBuf,
    _folder: tempfile::TempDir,
}

async fn behind() -> Behind {
    let (stand, worker) = following().await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("behind");
    stand.source.emulator().control().backup(&backup).await.unwrap();
    stand.source.execute(LATER).await;
    stand.assert_right().await;
    Behind { stand, worker: Some(worker), backup, _folder: folder }
}

impl Behind {
    async fn becomes_secondary(&self) {
        self.stand.source.emulator().control().secondary(&self.backup).await.unwrap();
    }

    async fn becomes_primary(&self) {
        self.stand.source.emulator().control().primary().await.unwrap();
    }

    /// Everything that a write would have moved.
    async fn everything(&self) -> Vec<String> {
        let mut lines = self.stand.graph.dump().await;
        lines.extend(self.stand.graph.column(CHECKPOINT).await);
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_while_its_source_is_a_secondary_and_goes_on_by_windows() {
    if emulator_only(WHY) {
        return;
    }
    let mut behind = behind().await;
    let worker = behind.worker.take().unwrap();
    let (stand, control) = (&behind.stand, behind.stand.source.emulator().control());
    // A full would put it right.
    stand.graph.run("MATCH (n:AtomGraphNode {nodeId: 1}) SET n.metadata = 'edited'").await;
    for round in 1..=2 {
        // The poll does not see the last change before the failover.
        control.faults().arm(Fault::new(Effect::Hold).on(Kind::Select)).unwrap();
        stand.source.happened().await;
        stand.change(&format!("before the failover {round}")).await;
        let before = behind.everything().await;
        behind.becomes_secondary().await;
        until(&stand.graph, TROUBLED, 1).await;
        tokio::time::sleep(4 * stand.config.sync.heartbeat).await;
        assert_eq!(behind.everything().await, before);
        assert!(worker.is_running());
        let status = provsync(stand, &["status"]);
        assert_eq!(status.code, Some(1), "{}", status.said);
        assert!(status.said.contains("the primary only"), "{}", status.said);

        behind.becomes_primary().await;
        stand.change(&format!("after the failover {round}")).await;
        support::worker::caught_up(&stand.source, &stand.graph).await;
        assert_eq!(stand.graph.number(EDITED_NODES).await, 1, "it was no full");
        until(&stand.graph, TROUBLED, 0).await;
    }
    stand.source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'x' WHERE NodeId = 1").await;
    stand.assert_right().await;
    worker.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_writes_or_calls_the_graph_different_while_the_source_is_a_secondary() {
    if emulator_only(WHY) {
        return;
    }
    let mut behind = behind().await;
    behind.worker.take().unwrap().end().await.unwrap();
    let stand = &behind.stand;
    let before = behind.everything().await;
    behind.becomes_secondary().await;
    for arguments in [
        &["full"][..],
        &["full", "--restart"],
        &["full", "--dry-run"],
        &["full", "--adopt"],
        &["sync"],
        &["compare", "--all-roots"],
        &["compare", "--atom", "9001"],
        &["verify"],
        &["verify", "--repair"],
        &["doctor"],
    ] {
        println!("{arguments:?}");
        let ran = provsync(stand, arguments);
        assert!(!matches!(ran.code, Some(0)), "{arguments:?}: {}", ran.said);
        if matches!(arguments[0], "compare" | "verify") {
            assert_eq!(ran.code, Some(2), "{arguments:?} could not tell: {}", ran.said);
        }
        for part in ["primary", "without read intent"] {
            assert!(ran.said.contains(part), "{arguments:?}: {}", ran.said);
        }
        assert_eq!(behind.everything().await, before, "{arguments:?}");
    }
    behind.becomes_primary().await;
    assert_equal(&stand.source, &stand.graph).await;
    let verified = provsync(stand, &["verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.said);
}

struct Ran {
    code: Option<i32>,
    said: String,
}

fn provsync(stand: &Stand, arguments: &[&str]) -> Ran {
    let mut command = program::provsync(arguments, &stand.source);
    let output = command.env("PROVSYNC_FULL__RETRY_SECONDS_MAX", "1").output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    Ran { code: output.status.code(), said }
}
