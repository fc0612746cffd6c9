//! Set-up that is wrong: a clear error that names the object and the remedy, before anything is
//! written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use provsync::config::{Config, Secret, SourceConfig};
use provsync::error::{Error, Kind};
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use sqlgraph_emulator::Tls;
use support::graph::TestGraph;
use support::run::apply_schema;
use support::scenario::{Node, nodes_sql};
use support::source::{self, TestSource};

/// Runs a full that must fail, over this source, and shows that the graph is untouched.
async fn refused(source: &SourceConfig, graph: &TestGraph) -> Error {
    refused_with(support::run::config(source, graph), graph).await
}

async fn refused_with(mut config: Config, graph: &TestGraph) -> Error {
    config.full.retry_max = Duration::from_millis(200);
    let error =
        support::run::run_full(&config, Mapping::default_mapping().unwrap(), Options::default())
            .await
            .unwrap_err();
    assert_eq!(graph.number("MATCH (n:AtomGraphNode) RETURN count(n) AS row").await, 0);
    let text = error.to_string();
    assert!(text.contains("hint:"), "no remedy: {text}");
    assert!(
        !text.contains(config.source.password.expose())
            && !text.contains(config.graph.password.expose()),
        "{text}"
    );
    error
}

fn assert_says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

async fn ready() -> (TestGraph, TestSource) {
    let (graph, source) = (support::graph::empty().await, source::loose().await);
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    source.execute(&nodes_sql(&[Node { key: 1, atom: 1, kind: "atom" }])).await;
    (graph, source)
}

#[tokio::test]
async fn wrong_passwords() {
    let (graph, source) = ready().await;
    let wrong = SourceConfig { password: Secret::new("guess"), ..source.config() };
    assert_says(&refused(&wrong, &graph).await, &["18456", "source.password"]);
    let mut config = support::run::config(&source.config(), &graph);
    config.graph.password = Secret::new("guess");
    assert_says(&refused_with(config, &graph).await, &["graph.password"]);
}

#[tokio::test]
async fn unreachable_hosts_and_an_unknown_database() {
    let (graph, source) = ready().await;
    let free =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nowhere = SourceConfig { port: free, ..source.config() };
    let error = refused(&nowhere, &graph).await;
    assert_says(&error, &[&format!("127.0.0.1:{free}"), "source.port"]);
    let mut config = support::run::config(&source.config(), &graph);
    config.graph.uri = format!("bolt://127.0.0.1:{free}");
    assert_says(
        &refused_with(config, &graph).await,
        &[&format!("bolt://127.0.0.1:{free}"), "graph.uri"],
    );
    let unknown = SourceConfig { database: "Nothing".into(), ..source.config() };
    assert_says(&refused(&unknown, &graph).await, &["source.database"]);
}

#[tokio::test]
async fn tls_that_is_refused_or_not_trusted() {
    let (graph, source) = ready().await;
    let mut untrusted = source.config();
    untrusted.tls.trust_certificate = false;
    assert_says(&refused(&untrusted, &graph).await, &["TLS", "source.tls.ca_file"]);

    if source::emulator_only("a server without TLS") {
        return;
    }
    let plain = source::start_with(vec![source::file("tests/sql/loose.sql")], Tls::Off).await;
    let mut required = plain.config();
    required.connect_timeout = Duration::from_secs(2);
    assert_says(&refused(&required, &graph).await, &["source.tls"]);
}

/// The driver's TLS set-up for `bolt+s` panics when two providers are linked and none was chosen.
#[tokio::test]
async fn a_bolt_uri_with_tls_gives_an_error_and_no_panic() {
    let (graph, source) = ready().await;
    let mut config = support::run::config(&source.config(), &graph);
    config.graph.uri = config.graph.uri.replace("bolt://", "bolt+s://");
    config.graph.connect_timeout = Duration::from_secs(3);
    assert_says(&refused_with(config, &graph).await, &["bolt+s://", "graph.uri"]);
}

#[tokio::test]
async fn a_missing_table_column_or_key() {
    let (graph, source) = ready().await;
    source.execute("ALTER TABLE graph.AtomGraphEdges DROP COLUMN Weight").await;
    assert_says(&refused(&source.config(), &graph).await, &["Weight", "doctor"]);
    let without =
        source::start(vec![source::file("tests/sql/loose.sql")], sqlgraph_emulator::Data::Memory)
            .await;
    without.execute("ALTER TABLE provenance.GenerationStreams DISABLE CHANGE_TRACKING; DROP TABLE provenance.GenerationStreams").await;
    assert_says(
        &refused(&without.config(), &graph).await,
        &["provenance.GenerationStreams", "doctor"],
    );
    let keyless =
        source::start(vec![source::file("tests/sql/loose.sql")], sqlgraph_emulator::Data::Memory)
            .await;
    keyless
        .execute("ALTER TABLE graph.AtomGraphNodes DISABLE CHANGE_TRACKING; ALTER TABLE graph.AtomGraphNodes DROP CONSTRAINT PK_AtomGraphNodes")
        .await;
    assert_says(&refused(&keyless.config(), &graph).await, &["graph.AtomGraphNodes", "doctor"]);
}

#[tokio::test]
async fn no_permission() {
    let (graph, source) = ready().await;
    let login = source.login("reader");
    source.execute(&format!("CREATE LOGIN [{login}] WITH PASSWORD = N'Reader-1234'; CREATE USER reader FOR LOGIN [{login}]")).await;
    let reader =
        SourceConfig { user: login, password: Secret::new("Reader-1234"), ..source.config() };
    let error = refused(&reader, &graph).await;
    assert_says(&error, &["graph.AtomGraphNodes"]);
    source.execute("GRANT SELECT ON graph.AtomGraphNodes TO reader; GRANT SELECT ON graph.AtomGraphEdges TO reader; GRANT SELECT ON provenance.GenerationStreams TO reader").await;
    assert_says(&refused(&reader, &graph).await, &["VIEW CHANGE TRACKING"]);
    for table in ["graph.AtomGraphNodes", "graph.AtomGraphEdges", "provenance.GenerationStreams"] {
        source.execute(&format!("GRANT VIEW CHANGE TRACKING ON {table} TO reader")).await;
    }
    let config = support::run::config(&reader, &graph);
    support::run::run_full(&config, Mapping::default_mapping().unwrap(), Options::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn change_tracking_or_snapshot_isolation_off() {
    let (graph, source) = ready().await;
    source.execute("ALTER TABLE graph.AtomGraphEdges DISABLE CHANGE_TRACKING").await;
    assert_says(&refused(&source.config(), &graph).await, &["graph.AtomGraphEdges", "tracking"]);
    let off = source::loose().await;
    off.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF").await;
    assert_says(&refused(&off.config(), &graph).await, &["ALLOW_SNAPSHOT_ISOLATION ON"]);
    let untracked = source::loose().await;
    for table in ["graph.AtomGraphNodes", "graph.AtomGraphEdges", "provenance.GenerationStreams"] {
        untracked.execute(&format!("ALTER TABLE {table} DISABLE CHANGE_TRACKING")).await;
    }
    untracked.execute("ALTER DATABASE CURRENT SET CHANGE_TRACKING = OFF").await;
    assert_says(&refused(&untracked.config(), &graph).await, &["CHANGE_TRACKING = ON"]);
}

#[tokio::test]
async fn a_relationship_constraint_is_missing_in_neo4j() {
    let (graph, source) = ready().await;
    graph.run("DROP CONSTRAINT provsync_relationship_SIMILAR_TO_edgeId").await;
    let error = refused(&source.config(), &graph).await;
    assert_eq!(error.kind, Kind::Usage);
    assert_says(&error, &["provsync schema apply", "SIMILAR_TO", "CREATE CONSTRAINT"]);
}
