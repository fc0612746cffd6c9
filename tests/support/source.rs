//! A SQL Server, emulated, with a schema of the repository or of a test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use provsync::config::{Secret, SourceConfig, TlsConfig, TlsMode};
use sqlgraph_emulator::{Data, Options, Server, Tls};
use tiberius::{AuthMethod, Client, EncryptionLevel, Row};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub const PASSWORD: &str = "p@ss 'w\"ord;/#^$1";

/// A running source.
pub struct TestSource {
    pub server: Server,
    pub address: SocketAddr,
}

pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The shipped schema, empty.
pub async fn shipped() -> TestSource {
    start(
        vec![
            file("sql/graph/010_schemas.sql"),
            file("sql/graph/020_tables.sql"),
            file("sql/graph/030_indexes.sql"),
            file("sql/graph/040_change_tracking.sql"),
            file("sql/graph/050_reader_role.sql"),
        ],
        Data::Memory,
    )
    .await
}

/// The shipped schema with the sample.
pub async fn sample() -> TestSource {
    start(vec![file("sql/graph")], Data::Memory).await
}

/// The same tables without any constraint.
pub async fn loose() -> TestSource {
    start(vec![file("tests/sql/loose.sql")], Data::Memory).await
}

/// A source of these scripts with TLS.
pub async fn start(init: Vec<PathBuf>, data: Data) -> TestSource {
    start_server(init, data, Tls::SelfSigned).await
}

/// A source of these scripts, its data in memory.
pub async fn start_with(init: Vec<PathBuf>, tls: Tls) -> TestSource {
    start_server(init, Data::Memory, tls).await
}

async fn start_server(init: Vec<PathBuf>, data: Data, tls: Tls) -> TestSource {
    super::init();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { data, init, sa_password: PASSWORD.into(), tls, ..Options::default() };
    let server = Server::start(listener, options).await.unwrap_or_else(|e| panic!("{e}"));
    TestSource { address: server.addr(), server }
}

impl TestSource {
    pub fn config(&self) -> SourceConfig {
        SourceConfig {
            host: "127.0.0.1".into(),
            port: self.address.port(),
            database: "Provenance".into(),
            user: "sa".into(),
            password: Secret::new(PASSWORD),
            tls: TlsConfig {
                mode: TlsMode::Required,
                trust_certificate: true,
                ca_file: None,
                host_name_in_certificate: None,
            },
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(60),
            packet_size: 32_767,
        }
    }

    /// Runs a batch as sa, in a connection of its own, not provsync's code.
    pub async fn execute(&self, sql: &str) {
        let mut client = self.client().await;
        let outcome = client.simple_query(sql).await.map_err(|e| e.to_string());
        match outcome {
            Ok(stream) => {
                drop(stream.into_results().await.unwrap_or_else(|e| panic!("{e}\n{sql}")));
            }
            Err(e) => panic!("{e}\n{sql}"),
        }
    }

    /// The rows of the first result.
    pub async fn query(&self, sql: &str) -> Vec<Row> {
        let mut client = self.client().await;
        let stream = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{e}\n{sql}"));
        stream.into_first_result().await.unwrap_or_else(|e| panic!("{e}\n{sql}"))
    }

    async fn client(&self) -> Client<Compat<TcpStream>> {
        let mut config = tiberius::Config::new();
        config.host("127.0.0.1");
        config.port(self.address.port());
        config.database("Provenance");
        config.authentication(AuthMethod::sql_server("sa", PASSWORD));
        config.encryption(EncryptionLevel::Required);
        config.trust_cert();
        // Tests read rows whose text is broken on purpose.
        config.lossy_utf16_decoding(true);
        let tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Box::pin(Client::connect(config, tcp.compat_write())).await.unwrap()
    }
}
