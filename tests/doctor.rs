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

/// Text identities under the database's collation, which takes `ABC` and `abc` for equal.
const TEXT_IDENTITIES: &str = "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;
ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON);
GO
CREATE TABLE dbo.Things (Id bigint NOT NULL PRIMARY KEY, Code varchar(30) NOT NULL, Kind nvarchar(20) NOT NULL) AS NODE;
CREATE TABLE dbo.Uses (Id bigint NOT NULL PRIMARY KEY, User_ nvarchar(30) NULL, Used nvarchar(30) COLLATE Latin1_General_100_BIN2 NULL);
GO
ALTER TABLE dbo.Things ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);
ALTER TABLE dbo.Uses ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);
INSERT INTO dbo.Things (Id, Code, Kind) VALUES (1, 'ABC', N'thing'), (2, 'é', N'thing');
GO
";

const TEXT_MAPPING: &str = r#"[[nodes]]
table = "dbo.Things"
label = "ThingRow"
placeholder = "ThingPlaceholder"
tracking = "change_tracking"
key = { column = "Id", property = "thingKey" }
identity = { column = "Code", property = "code", type = "text" }
type = { column = "Kind", property = "kind" }
columns = []
[nodes.types]
thing = "Thing"

[[links]]
table = "dbo.Uses"
relationship = "USES"
tracking = "change_tracking"
key = { column = "Id", property = "useKey" }
nodes = "dbo.Things"
type = "thing"
from = "User_"
to = "Used"
columns = []
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_text_identity_is_given_a_binary_collation_by_the_statement_that_is_printed() {
    let graph = support::graph::bare().await;
    let dir = tempfile::tempdir().unwrap();
    let (script, mapping) = (dir.path().join("texts.sql"), dir.path().join("mapping.toml"));
    std::fs::write(&script, TEXT_IDENTITIES).unwrap();
    std::fs::write(&mapping, TEXT_MAPPING).unwrap();
    let source = source::start(vec![script], sqlgraph_emulator::Data::Memory).await;
    support::run::apply_schema(&graph, &support::run::mapping(TEXT_MAPPING)).await;
    let variables = [("PROVSYNC_MAPPING", mapping.to_str().unwrap())];

    let said = doctor(&source, &variables).await;
    assert_eq!(said.code, 0, "a warning is no reason to fail: {:#}", said.report);
    let findings = said.report["source"]["findings"].as_array().unwrap();
    let objects: Vec<&str> = findings.iter().map(|f| f["object"].as_str().unwrap()).collect();
    assert_eq!(objects, ["dbo.Things.Code", "dbo.Uses.User_"], "{:#}", said.report);
    assert!(findings.iter().all(|f| f["check"] == "identity-collation" && f["level"] == "warning"));
    assert_eq!(
        said.fixes("source"),
        "ALTER TABLE [dbo].[Things] ALTER COLUMN [Code] varchar(30) COLLATE Latin1_General_100_BIN2 NOT NULL;
ALTER TABLE [dbo].[Uses] ALTER COLUMN [User_] nvarchar(30) COLLATE Latin1_General_100_BIN2 NULL;
"
    );

    for fix in said.fixes("source").lines() {
        source.execute(fix).await;
    }
    assert_eq!(
        doctor(&source, &variables).await.report["source"]["findings"],
        serde_json::json!([])
    );
    let equal = "SELECT Id FROM dbo.Things WHERE Code = 'abc' OR Code = 'é'";
    assert_eq!(source.query(equal).await.len(), 1, "no letter was lost, and 'abc' is another text");
}
