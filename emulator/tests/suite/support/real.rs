//! A real SQL Server in the emulator's place, where `PROVSYNC_TEST_MSSQL` names one: a database of its own for each test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlgraph_emulator::sql::split_batches;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// `HOST,PORT,USER`; the user may make databases and logins.
const SERVER: &str = "PROVSYNC_TEST_MSSQL";
/// File with its password.
const PASSWORD_FILE: &str = "PROVSYNC_TEST_MSSQL_PASSWORD_FILE";

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServer {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
}

impl RealServer {
    /// The one that the environment names.
    pub fn given() -> Option<Self> {
        let address = std::env::var(SERVER).ok()?;
        let file = std::env::var_os(PASSWORD_FILE)
            .unwrap_or_else(|| panic!("{SERVER} is set, {PASSWORD_FILE} is not"));
        let password = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", PathBuf::from(&file).display()));
        let password = password.trim_end_matches(['\r', '\n']);
        let server = Self::read(&address, password);
        Some(server.unwrap_or_else(|| panic!("{SERVER} is not HOST,PORT,USER: {address}")))
    }

    pub fn read(address: &str, password: &str) -> Option<Self> {
        let parts: Vec<&str> = address.split(',').map(str::trim).collect();
        let [host, port, user] = parts[..] else { return None };
        if host.is_empty() || user.is_empty() {
            return None;
        }
        let port = port.parse().ok()?;
        let owned = str::to_owned;
        Some(Self { host: owned(host), port, user: owned(user), password: owned(password) })
    }

    fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host(&self.host);
        config.port(self.port);
        config.database(database);
        config.authentication(AuthMethod::sql_server(&self.user, &self.password));
        config.encryption(EncryptionLevel::Required);
        config.trust_cert();
        config
    }

    async fn client(&self, database: &str) -> Client<Compat<TcpStream>> {
        let address = (self.host.as_str(), self.port);
        let socket =
            TcpStream::connect(address).await.unwrap_or_else(|e| panic!("{address:?}: {e}"));
        socket.set_nodelay(true).unwrap();
        let client = Client::connect(self.config(database), socket.compat_write());
        Box::pin(client).await.unwrap_or_else(|e| panic!("{address:?}: {e}"))
    }

    async fn run(&self, database: &str, batches: &[String]) {
        let mut client = self.client(database).await;
        for batch in batches {
            let stream = client.simple_query(batch.as_str()).await;
            let stream = stream.unwrap_or_else(|e| panic!("{e}\n{batch}"));
            drop(stream.into_results().await.unwrap_or_else(|e| panic!("{e}\n{batch}")));
        }
    }
}

/// A database on a real server; it goes with this, and so do the logins that were named after it.
#[derive(Debug)]
pub struct RealDatabase {
    pub server: RealServer,
    pub name: String,
}

static MADE: AtomicU32 = AtomicU32::new(0);

impl RealDatabase {
    /// An empty one, of the collation that the emulator has.
    pub async fn create(server: RealServer) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("provsync_test_{}_{number}", std::process::id());
        let create = format!("CREATE DATABASE [{name}] COLLATE SQL_Latin1_General_CP1_CI_AS");
        server.run("master", &[create]).await;
        Self { server, name }
    }

    /// Runs scripts; a directory stands for all below it, in the order of their paths.
    pub async fn run_scripts(&self, paths: &[PathBuf]) {
        for path in paths.iter().flat_map(|path| scripts(path)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let batches: Vec<String> =
                split_batches(&text).into_iter().map(|batch| batch.text.to_string()).collect();
            self.server.run(&self.name, &batches).await;
        }
    }

    /// A name for a login that no other test has: logins are the server's.
    pub fn login(&self, name: &str) -> String {
        format!("{name}_{}", self.name)
    }

    /// What removes it and its logins.
    pub fn removal(&self) -> Vec<String> {
        let name = &self.name;
        let logins = format!(
            "DECLARE @drop nvarchar(max) = N'';
SELECT @drop += N'DROP LOGIN ' + QUOTENAME(name) + N';' FROM sys.sql_logins WHERE name LIKE N'%[_]{name}';
EXEC (@drop);"
        );
        vec![
            format!("ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE"),
            format!("DROP DATABASE [{name}]"),
            logins,
        ]
    }
}

fn scripts(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let scripts = entries.into_iter().flat_map(|entry| scripts(&entry));
    scripts.filter(|file| file.extension().is_some_and(|extension| extension == "sql")).collect()
}

impl Drop for RealDatabase {
    /// A test may end inside of its runtime, so this takes a thread and a runtime of its own.
    fn drop(&mut self) {
        let (server, removal) = (self.server.clone(), self.removal());
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(server.run("master", &removal));
        });
        if removed.join().is_err() {
            eprintln!("{} is still on the real server", self.name);
        }
    }
}

/// Whether a test that needs the emulator has to be left out, because a real server takes its place; says so past the
/// test harness, which shows nothing of a test that passes.
pub fn left_out(why: &str) -> bool {
    use std::io::Write;
    let left_out = std::env::var_os(SERVER).is_some();
    if left_out {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        let _ = writeln!(std::io::stderr(), "not run on a real server: {test} ({why})");
    }
    left_out
}
