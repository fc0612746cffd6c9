//! A SQL Server with a schema of the repository or of a test: emulated, or with `PROVSYNC_TEST_MSSQL` a database of its own
//! on a real one.

#[path = "../../emulator/tests/suite/support/real.rs"]
mod real;

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
    server: TestServer,
    config: SourceConfig,
}

/// It ends with the test.
enum TestServer {
    Emulator(Server),
    Real(real::RealDatabase),
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
    if let Some(server) = real::RealServer::given() {
        assert_eq!(
            tls,
            Tls::SelfSigned,
            "a test that needs the emulator begins with emulator_only"
        );
        return start_real(server, init).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let record = std::env::var_os("SQLGRAPH_EMULATOR_RECORD").map(PathBuf::from);
    let options =
        Options { data, init, sa_password: PASSWORD.into(), tls, record, ..Options::default() };
    let server = Server::start(listener, options).await.unwrap_or_else(|e| panic!("{e}"));
    let config = config("127.0.0.1", server.addr().port(), "Provenance", "sa", PASSWORD);
    TestSource { server: TestServer::Emulator(server), config }
}

async fn start_real(server: real::RealServer, init: Vec<PathBuf>) -> TestSource {
    let database = real::RealDatabase::create(server).await;
    database.run_scripts(&init).await;
    let own = &database.server;
    let config = config(&own.host, own.port, &database.name, &own.user, &own.password);
    TestSource { server: TestServer::Real(database), config }
}

/// Whether a test ends here: it needs the emulator, and the tests run against a real server.
pub fn emulator_only(why: &str) -> bool {
    real::left_out(why)
}

fn config(host: &str, port: u16, database: &str, user: &str, password: &str) -> SourceConfig {
    SourceConfig {
        host: host.into(),
        port,
        database: database.into(),
        user: user.into(),
        password: Secret::new(password),
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

impl TestSource {
    pub fn config(&self) -> SourceConfig {
        self.config.clone()
    }

    /// The same for the binary, as environment variables.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        let config = &self.config;
        [
            ("PROVSYNC_SOURCE__HOST", config.host.clone()),
            ("PROVSYNC_SOURCE__PORT", config.port.to_string()),
            ("PROVSYNC_SOURCE__DATABASE", config.database.clone()),
            ("PROVSYNC_SOURCE__USER", config.user.clone()),
            ("PROVSYNC_SOURCE__PASSWORD", config.password.expose().to_owned()),
            ("PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE", "true".to_owned()),
        ]
    }

    /// The name of a login that this test makes.
    pub fn login(&self, name: &str) -> String {
        match &self.server {
            TestServer::Emulator(_) => name.to_owned(),
            TestServer::Real(database) => database.login(name),
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

    /// The version of change tracking now.
    pub async fn version(&self) -> i64 {
        let rows = self.query("SELECT CHANGE_TRACKING_CURRENT_VERSION()").await;
        rows[0].get::<i64, _>(0).unwrap()
    }

    /// The emulator, for what only it can do.
    pub fn emulator(&self) -> &Server {
        match &self.server {
            TestServer::Emulator(server) => server,
            TestServer::Real(_) => {
                panic!("a test that needs the emulator begins with emulator_only")
            }
        }
    }

    /// Waits until no fault is left that is still to happen.
    pub async fn happened(&self) {
        let begun = std::time::Instant::now();
        while !self.emulator().faults().armed().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "a fault met nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn client(&self) -> Client<Compat<TcpStream>> {
        self.connect().await.unwrap()
    }

    /// A connection of a test's own, as sa.
    pub async fn connect(&self) -> Result<Client<Compat<TcpStream>>, String> {
        let mut config = tiberius::Config::new();
        config.host(&self.config.host);
        config.port(self.config.port);
        config.database(&self.config.database);
        let (user, password) = (&self.config.user, self.config.password.expose());
        config.authentication(AuthMethod::sql_server(user, password));
        config.encryption(EncryptionLevel::Required);
        config.trust_cert();
        // Tests read rows whose text is broken on purpose.
        config.lossy_utf16_decoding(true);
        let address = (self.config.host.as_str(), self.config.port);
        let tcp = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
        tcp.set_nodelay(true).map_err(|e| e.to_string())?;
        Box::pin(Client::connect(config, tcp.compat_write())).await.map_err(|e| e.to_string())
    }
}
