//! `provsync doctor` as an operator runs it, against both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::mapping::Mapping;
use serde_json::Value;
use support::graph::TestGraph;
use support::program::provsync;
use support::source::{self, TestSource};

/// What doctor said: exit code and report.
struct Said {
    code: i32,
    report: Value,
}

/// A graph with the schema, and the shipped source.
async fn sound() -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    (graph, source::shipped().await)
}

/// Runs doctor; `variables` stand above what fits the two sides.
async fn doctor(source: &TestSource, variables: &[(&str, &str)]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let mut command = provsync(&["doctor", "--output", "json"], source);
    command
        .current_dir(dir.path())
        .env("PROVSYNC_SOURCE__CONNECT_TIMEOUT_SECONDS", "5")
        .envs(variables.iter().copied());
    // The source lives in this process: it must go on while the binary runs.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    Said { code: output.status.code().unwrap(), report }
}

fn snapshot_isolation(source: &TestSource) -> String {
    format!("snapshot-isolation {}", source.config().database)
}

impl Said {
    /// Errors of a side, as `check object`.
    fn errors(&self, side: &str) -> Vec<String> {
        let findings = self.report[side]["findings"].as_array().unwrap().iter();
        let errors = findings.filter(|f| f["level"] == "error");
        errors
            .map(|f| format!("{} {}", f["check"].as_str().unwrap(), f["object"].as_str().unwrap()))
            .collect()
    }

    fn fixes(&self, side: &str) -> String {
        let findings = self.report[side]["findings"].as_array().unwrap().iter();
        findings.map(|f| f["fix"].as_str().unwrap().to_owned() + "\n").collect()
    }

    /// Why a side could not be looked at.
    fn error(&self, side: &str) -> &str {
        self.report[side]["error"].as_str().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_as_shipped_have_no_error() {
    let (_graph, source) = sound().await;
    let said = doctor(&source, &[]).await;
    assert_eq!(said.code, 0, "{:#}", said.report);
    assert_eq!(said.report["ok"], true);
    let said = doctor(&source::sample().await, &[]).await;
    assert_eq!(said.code, 0, "{:#}", said.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_at_once() {
    let (graph, source) = sound().await;
    source.execute("ALTER TABLE graph.AtomGraphNodes DISABLE CHANGE_TRACKING").await;
    source.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF").await;
    source.execute("ALTER TABLE provenance.GenerationStreams DROP COLUMN ModelUsed").await;
    graph.run("DROP CONSTRAINT provsync_relationship_DERIVED_FROM_edgeId").await;
    let said = doctor(&source, &[]).await;
    assert_eq!(said.code, 1, "{:#}", said.report);
    assert_eq!(
        said.errors("source"),
        [
            snapshot_isolation(&source).as_str(),
            "change-tracking-table graph.AtomGraphNodes",
            "column provenance.GenerationStreams.ModelUsed",
        ]
    );
    assert_eq!(said.errors("graph"), ["constraint relationship DERIVED_FROM"]);
    for part in ["ALLOW_SNAPSHOT_ISOLATION ON", "ENABLE CHANGE_TRACKING", "mapping"] {
        assert!(said.fixes("source").contains(part), "{part}");
    }
    assert!(said.fixes("graph").contains("provsync schema apply"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fixes_of_the_source_fix_it() {
    let (_graph, source) = sound().await;
    source.execute("ALTER TABLE graph.AtomGraphNodes DISABLE CHANGE_TRACKING").await;
    source.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF").await;
    let said = doctor(&source, &[]).await;
    assert_eq!(said.code, 1, "{:#}", said.report);
    for fix in said.fixes("source").lines() {
        source.execute(fix).await;
    }
    assert_eq!(doctor(&source, &[]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_and_a_missing_key_are_told() {
    let (_graph, _) = sound().await;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("bare.sql");
    std::fs::write(
        &script,
        "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;
ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 HOURS, AUTO_CLEANUP = ON);
GO
CREATE SCHEMA graph;
GO
CREATE TABLE graph.AtomGraphNodes (NodeId bigint NOT NULL, AtomId bigint, NodeType nvarchar(128),
    Metadata nvarchar(max), CreatedAt date) AS NODE;
GO
",
    )
    .unwrap();
    let source = source::start(vec![script], sqlgraph_emulator::Data::Memory).await;
    let said = doctor(&source, &[]).await;
    assert_eq!(said.code, 1, "{:#}", said.report);
    assert_eq!(
        said.errors("source"),
        [
            "primary-key graph.AtomGraphNodes",
            "column-type graph.AtomGraphNodes.CreatedAt",
            "change-tracking-table graph.AtomGraphNodes",
            "table graph.AtomGraphEdges",
            "table provenance.GenerationStreams",
        ]
    );
    assert!(said.report.to_string().contains("retention"), "{:#}", said.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_role_is_enough_and_less_is_told() {
    let (_graph, source) = sound().await;
    let login = source.login("reader");
    source.execute(&format!("CREATE LOGIN [{login}] WITH PASSWORD = 'R3ader!pass'; CREATE USER reader FOR LOGIN [{login}]; ALTER ROLE provsync_reader ADD MEMBER reader")).await;
    let reader =
        [("PROVSYNC_SOURCE__USER", login.as_str()), ("PROVSYNC_SOURCE__PASSWORD", "R3ader!pass")];
    let said = doctor(&source, &reader).await;
    assert_eq!(said.code, 0, "{:#}", said.report);
    source
        .execute("REVOKE VIEW CHANGE TRACKING ON graph.AtomGraphEdges FROM provsync_reader")
        .await;
    let said = doctor(&source, &reader).await;
    assert_eq!(said.errors("source"), ["permission-change-tracking graph.AtomGraphEdges"]);
    assert!(
        said.fixes("source").contains(
            "GRANT SELECT, VIEW CHANGE TRACKING ON [graph].[AtomGraphEdges] TO [reader];"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_refuses_does_not_hide_the_other() {
    let (graph, source) = sound().await;
    source.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF").await;
    let said = doctor(&source, &[("PROVSYNC_GRAPH__PASSWORD", "wrong")]).await;
    assert_eq!(said.code, 2, "{:#}", said.report);
    assert!(said.error("graph").contains("refused the login"), "{:#}", said.report);
    assert_eq!(said.errors("source"), [snapshot_isolation(&source)]);

    graph.run("DROP CONSTRAINT provsync_node_Atom_atomId").await;
    let said = doctor(&source, &[("PROVSYNC_SOURCE__PASSWORD", "wrong")]).await;
    assert_eq!(said.code, 2, "{:#}", said.report);
    assert!(said.error("source").contains("login"), "{:#}", said.report);
    assert_eq!(said.errors("graph"), ["constraint node Atom"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (_graph, source) = sound().await;
    let strict = [("PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE", "false")];
    let said = doctor(&source, &strict).await;
    assert_eq!(said.code, 2, "{:#}", said.report);
    assert!(said.error("source").contains("source.tls.ca_file"), "{:#}", said.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_of_another_source_is_told() {
    let (graph, source) = sound().await;
    graph.run("CREATE (:ProvsyncCheckpoint {only: true, source: 'Other@1'})").await;
    let said = doctor(&source, &[]).await;
    assert_eq!(said.code, 1, "{:#}", said.report);
    assert_eq!(said.errors("graph"), ["checkpoint neo4j"]);
    assert!(said.fixes("graph").contains("--adopt"));
}
