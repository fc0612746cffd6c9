//! A server of one's own for each test, and clients that talk to it through tiberius.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, missing_docs)]

pub mod raw;
pub mod tokens;

use std::path::PathBuf;

use sqlgraph_emulator::{Options, Server};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub type Connection = Client<Compat<TcpStream>>;

pub const PASSWORD: &str = "Pässword{}';1";

pub fn options() -> Options {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Options { sa_password: PASSWORD.to_owned(), ..Options::default() }
}

pub async fn start_with(options: Options) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Server::start(listener, options).await.unwrap()
}

pub async fn start() -> Server {
    start_with(options()).await
}

/// With the tables, tracking and roles of `sql/graph`, without the sample.
pub async fn start_with_schema() -> Server {
    let graph = schema_directory();
    let files = [
        "010_schemas.sql",
        "020_tables.sql",
        "030_indexes.sql",
        "040_change_tracking.sql",
        "050_reader_role.sql",
    ];
    let init = files.iter().map(|file| graph.join(file)).collect();
    start_with(Options { init, ..options() }).await
}

pub fn schema_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sql/graph")
}

pub fn config(server: &Server, user: &str, password: &str) -> Config {
    let mut config = Config::new();
    config.host("localhost");
    config.port(server.addr().port());
    config.database("Provenance");
    config.authentication(AuthMethod::sql_server(user, password));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert();
    config
}

pub async fn connect_with(server: &Server, config: Config) -> tiberius::Result<Connection> {
    let socket = TcpStream::connect(server.addr()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    Box::pin(Client::connect(config, socket.compat_write())).await
}

pub async fn connect(server: &Server) -> Connection {
    connect_with(server, config(server, "sa", PASSWORD)).await.unwrap()
}

pub async fn run(client: &mut Connection, sql: &str) {
    try_run(client, sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

pub async fn try_run(client: &mut Connection, sql: &str) -> tiberius::Result<()> {
    client.simple_query(sql).await?.into_results().await.map(drop)
}

/// Rows of the last result of a batch.
pub async fn rows(client: &mut Connection, sql: &str) -> Vec<Row> {
    let stream = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let results = stream.into_results().await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    results.into_iter().next_back().unwrap_or_default()
}

/// The one value of a batch as a bigint.
pub async fn number(client: &mut Connection, sql: &str) -> i64 {
    let rows = rows(client, &format!("SELECT CAST(({sql}) AS bigint)")).await;
    rows[0].try_get::<i64, _>(0).unwrap().unwrap()
}

/// The one value of a batch as text.
pub async fn text(client: &mut Connection, sql: &str) -> Option<String> {
    let rows = rows(client, sql).await;
    rows[0].try_get::<&str, _>(0).unwrap().map(str::to_owned)
}

/// Number and text of the error that a batch ends in.
pub async fn error(client: &mut Connection, sql: &str) -> (u32, String) {
    match try_run(client, sql).await {
        Err(tiberius::error::Error::Server(error)) => (error.code(), error.message().to_owned()),
        other => panic!("no server error but {other:?}\n{sql}"),
    }
}

/// Rows of the last result as text: cells joined by a bar, NULL for NULL.
pub async fn lines(client: &mut Connection, sql: &str) -> Vec<String> {
    rows(client, sql).await.iter().map(line).collect()
}

fn line(row: &Row) -> String {
    let cells = row.cells().map(|(_, data)| {
        let shown = format!("{data:?}");
        let inner =
            shown.split_once("Some(").map_or("NULL", |(_, rest)| rest.trim_end_matches(')'));
        inner.trim_matches('"').to_owned()
    });
    cells.collect::<Vec<_>>().join("|")
}
