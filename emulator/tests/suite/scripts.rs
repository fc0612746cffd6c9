//! Scripts that run before the server listens, and data that outlive it.

use crate::support;
use crate::support::{connect, number, options, run, schema_directory, start_with};
use sqlgraph_emulator::{Data, Options, Server};
use tokio::net::TcpListener;

#[tokio::test]
async fn the_schema_and_its_sample_load_and_the_schema_loads_again() {
    let graph = schema_directory();
    let again = [
        "010_schemas.sql",
        "020_tables.sql",
        "030_indexes.sql",
        "040_change_tracking.sql",
        "050_reader_role.sql",
    ];
    let mut init = vec![graph.clone()];
    init.extend(again.iter().map(|file| graph.join(file)));
    let server = start_with(Options { init, ..options() }).await;
    let mut client = connect(&server).await;
    assert!(number(&mut client, "SELECT COUNT(*) FROM graph.AtomGraphEdges").await > 50);
    assert_eq!(
        number(&mut client, "SELECT COUNT(*) FROM graph.AtomGraphEdges").await,
        number(&mut client, "SELECT COUNT(*) FROM graph.AtomGraphNodes s, graph.AtomGraphEdges e, graph.AtomGraphNodes t WHERE MATCH(s-(e)->t)").await
    );
}

#[tokio::test]
async fn a_file_keeps_its_rows_counters_and_versions() {
    let directory = tempfile::tempdir().unwrap();
    let data = Data::File(directory.path().join("data"));
    let server = start_with(Options { data: data.clone(), ..options() }).await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.N (Id int IDENTITY PRIMARY KEY) AS NODE; ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON;
         ALTER TABLE N ENABLE CHANGE_TRACKING; INSERT INTO N DEFAULT VALUES; INSERT INTO N DEFAULT VALUES; DELETE FROM N WHERE Id = 2",
    )
    .await;
    drop(client);
    server.shutdown().await;
    let server = start_with(Options { data, ..options() }).await;
    let mut client = connect(&server).await;
    run(&mut client, "INSERT INTO N DEFAULT VALUES").await;
    assert_eq!(number(&mut client, "SELECT MAX(Id) FROM N").await, 3);
    assert_eq!(number(&mut client, "CHANGE_TRACKING_CURRENT_VERSION()").await, 4);
    let id = support::text(&mut client, "SELECT $node_id FROM N WHERE Id = 3").await.unwrap();
    assert!(id.ends_with("\"id\":2}"), "{id}");
}

#[tokio::test]
async fn a_failing_script_names_file_line_and_message() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.sql");
    std::fs::write(&file, "SELECT 1;\nGO\nSELECT 2;\nSELECT * FROM dbo.Nope;\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = Server::start(listener, Options { init: vec![file], ..options() }).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.ends_with("bad.sql:4: Msg 208: Invalid object name 'dbo.Nope'."), "{message}");
}
