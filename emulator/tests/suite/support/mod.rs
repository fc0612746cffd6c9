//! A server of one's own for each test, and clients that talk to it through tiberius. With `PROVSYNC_TEST_MSSQL` it is a
//! database of its own on a real server.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, missing_docs)]

pub mod random;
pub mod raw;
pub mod real;
pub mod tokens;

use std::ops::Deref;
use std::path::PathBuf;

use sqlgraph_emulator::{Options, Server};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub type Connection = Client<Compat<TcpStream>>;

/// The emulator, or a database of a real server.
pub enum TestServer {
    Emulator(Server),
    Real(real::RealDatabase),
}

impl TestServer {
    /// Name of the database.
    pub fn database(&self) -> &str {
        match self {
            Self::Emulator(_) => "Provenance",
            Self::Real(database) => &database.name,
        }
    }

    /// The name of a login that this test makes.
    pub fn login(&self, name: &str) -> String {
        match self {
            Self::Emulator(_) => name.to_owned(),
            Self::Real(database) => database.login(name),
        }
    }

    pub async fn shutdown(self) {
        if let Self::Emulator(server) = self {
            server.shutdown().await;
        }
    }

    async fn socket(&self) -> TcpStream {
        let socket = match self {
            Self::Emulator(server) => TcpStream::connect(server.addr()).await,
            Self::Real(database) => {
                TcpStream::connect((database.server.host.as_str(), database.server.port)).await
            }
        };
        socket.unwrap()
    }
}

/// What only the emulator has: its address, certificate, faults, control.
impl Deref for TestServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        match self {
            Self::Emulator(server) => server,
            Self::Real(_) => panic!("a test that needs the emulator begins with emulator_only"),
        }
    }
}

/// Whether a test ends here: it needs the emulator, and the tests run against a real server.
pub fn emulator_only(why: &str) -> bool {
    real::left_out(why)
}

pub const PASSWORD: &str = "Pässword{}';1";

pub fn options() -> Options {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Options { sa_password: PASSWORD.to_owned(), record: recording(), ..Options::default() }
}

/// Where accepted texts are kept for another parser, as `scripts/test` asks.
pub fn recording() -> Option<PathBuf> {
    std::env::var_os("SQLGRAPH_EMULATOR_RECORD").map(PathBuf::from)
}

/// The emulator, whatever else is there: for tests that begin with [`emulator_only`].
pub async fn start_with(options: Options) -> TestServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    TestServer::Emulator(Server::start(listener, options).await.unwrap())
}

/// The emulator, for a test of what only it can do; none while the tests run against a real server, which is then said.
pub async fn emulator(why: &str) -> Option<TestServer> {
    if emulator_only(why) { None } else { Some(start_with(options()).await) }
}

/// A server with these scripts run.
pub async fn start_with_scripts(init: Vec<PathBuf>) -> TestServer {
    let Some(server) = real::RealServer::given() else {
        return start_with(Options { init, ..options() }).await;
    };
    let _ = options();
    let database = real::RealDatabase::create(server).await;
    database.run_scripts(&init).await;
    TestServer::Real(database)
}

pub async fn start() -> TestServer {
    start_with_scripts(Vec::new()).await
}

/// With the tables, tracking and roles of `sql/graph`, without the sample.
pub async fn start_with_schema() -> TestServer {
    let graph = schema_directory();
    let files = [
        "010_schemas.sql",
        "020_tables.sql",
        "030_indexes.sql",
        "040_change_tracking.sql",
        "050_reader_role.sql",
    ];
    start_with_scripts(files.iter().map(|file| graph.join(file)).collect()).await
}

pub fn schema_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sql/graph")
}

pub fn config(server: &TestServer, user: &str, password: &str) -> Config {
    let mut config = Config::new();
    config.database(server.database());
    config.authentication(AuthMethod::sql_server(user, password));
    match server {
        TestServer::Emulator(server) => {
            config.host("localhost");
            config.port(server.addr().port());
        }
        TestServer::Real(database) => {
            let real = &database.server;
            config.host(&real.host);
            config.port(real.port);
            if (user, password) == ("sa", PASSWORD) {
                config.authentication(AuthMethod::sql_server(&real.user, &real.password));
            }
        }
    }
    config.encryption(EncryptionLevel::Required);
    config.trust_cert();
    config
}

pub async fn connect_with(server: &TestServer, config: Config) -> tiberius::Result<Connection> {
    let socket = server.socket().await;
    socket.set_nodelay(true).unwrap();
    Box::pin(Client::connect(config, socket.compat_write())).await
}

pub async fn connect(server: &TestServer) -> Connection {
    connect_with(server, config(server, "sa", PASSWORD)).await.unwrap()
}

pub async fn run(client: &mut Connection, sql: &str) {
    try_run(client, sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

/// Neither rows nor an error of the server: the connection is gone.
pub fn is_cut<T: std::fmt::Debug>(outcome: &tiberius::Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.code().is_none())
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
