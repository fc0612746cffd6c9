//! Which graph the tests may empty: one that is named for the tests alone, on this machine, and that is empty or holds only
//! what earlier tests left.
//!
//! provsync's own variables (`PROVSYNC_GRAPH__…`) name an operator's graph, so the tests never read them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use neo4rs::{Graph, query};
use provsync::config::{GraphConfig, Secret};

pub const URI: &str = "PROVSYNC_TEST_GRAPH_URI";
pub const USER: &str = "PROVSYNC_TEST_GRAPH_USER";
pub const PASSWORD_FILE: &str = "PROVSYNC_TEST_GRAPH_PASSWORD_FILE";
/// A host whose graph the tests may empty, wherever it is and whatever it holds.
pub const ALLOW_WIPE: &str = "PROVSYNC_TEST_ALLOW_WIPE";

/// The tests' graph, as the environment names it.
pub fn config() -> GraphConfig {
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            panic!("{name} is not set: start Neo4j with `scripts/neo4j start` and `set -a; eval \"$(scripts/neo4j env)\"; set +a`")
        })
    };
    let (uri, file) = (variable(URI), variable(PASSWORD_FILE));
    let password = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"));
    GraphConfig {
        uri,
        user: std::env::var(USER).unwrap_or_else(|_| "neo4j".into()),
        password: Secret::new(password.trim_end()),
        database: "neo4j".into(),
        ca_file: None,
        connect_timeout: Duration::from_secs(15),
        answer_timeout: Duration::from_secs(120),
        connections: 8,
    }
}

/// Whether the graph's host is this machine, or one that [`ALLOW_WIPE`] names.
///
/// # Errors
/// It is neither. Nothing has been sent to it.
pub fn check_host(uri: &str) -> Result<(), String> {
    let host = host(uri);
    let is_this_machine =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_this_machine || is_allowed(host) {
        return Ok(());
    }
    Err(format!(
        "{URI} names {host}, which is another machine, and tests delete everything in their graph. If that is wanted, set \
         {ALLOW_WIPE}={host}"
    ))
}

fn is_allowed(host: &str) -> bool {
    std::env::var(ALLOW_WIPE).is_ok_and(|allowed| allowed == host)
}

/// The host of `scheme://host:port/…`, an IPv6 address without its brackets.
fn host(uri: &str) -> &str {
    let address = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let address = address.split(['/', '?']).next().unwrap_or_default();
    match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => address.split(':').next().unwrap_or_default(),
    }
}

/// What a graph holds, as far as it decides whether the tests may delete it.
#[derive(Debug)]
pub struct Contents {
    pub database_id: String,
    nodes: i64,
    /// The source of its checkpoint.
    source: Option<String>,
}

impl Contents {
    pub async fn read(driver: &Graph) -> Result<Self, neo4rs::Error> {
        let statement = "CALL db.info() YIELD id
RETURN id, COUNT { (n) } AS nodes, head(COLLECT { MATCH (c:ProvsyncCheckpoint) RETURN c.source }) AS source";
        let mut rows = driver.execute(query(statement)).await?;
        let row = rows.next().await?.expect("one row");
        Ok(Self {
            database_id: row.get("id").unwrap(),
            nodes: row.get("nodes").unwrap(),
            source: row.get::<Option<String>>("source").unwrap(),
        })
    }

    /// Whether the tests may delete what is there.
    ///
    /// # Errors
    /// Something other than the tests of this checkout may have put it there.
    pub fn check(&self, uri: &str) -> Result<(), String> {
        let left_by_tests = match self.record() {
            // A test that was killed did not note what it left.
            Some(Record::InUse) => true,
            Some(Record::Left(source)) => source == self.source,
            None => false,
        };
        let host = host(uri);
        if self.nodes == 0 || left_by_tests || is_allowed(host) {
            return Ok(());
        }
        let source = self.source.as_deref();
        let checkpoint = source.map(|s| format!(" and the checkpoint of {s}")).unwrap_or_default();
        Err(format!(
            "the graph at {uri} holds {} node(s){checkpoint} that no test of this checkout left, and tests would delete them. \
             Use a graph for tests alone (`NEO4J_INSTANCE=test scripts/neo4j start`), or, if nothing in it is needed, set \
             {ALLOW_WIPE}={host}",
            self.nodes
        ))
    }

    fn record(&self) -> Option<Record> {
        let text = std::fs::read_to_string(self.record_file()).ok()?;
        Some(match text.strip_prefix(LEFT) {
            Some("") => Record::Left(None),
            Some(source) => Record::Left(Some(source.to_owned())),
            None => Record::InUse,
        })
    }

    /// Notes how the tests use the database.
    pub fn note(&self, record: &Record) {
        let text = match record {
            Record::InUse => "in use".to_owned(),
            Record::Left(source) => format!("{LEFT}{}", source.as_deref().unwrap_or_default()),
        };
        let file = self.record_file();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Notes that the tests are done with it, and what checkpoint they left.
    pub fn note_left(&self) {
        self.note(&Record::Left(self.source.clone()));
    }

    fn record_file(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("graph-{}", self.database_id))
    }
}

const LEFT: &str = "left ";

/// What is known of a database from the tests that used it.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// A test uses it, or was killed while it did.
    InUse,
    /// The last test ended, and left a checkpoint of this source.
    Left(Option<String>),
}
