//! The real Neo4j of `scripts/neo4j`, one test at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use neo4rs::{BoltType, Graph, query};
use provsync::config::GraphConfig;
use provsync::mapping::names::quote_cypher;
use provsync::mapping::{Mapping, Registry};
use provsync::neo4j::schema;
use tokio::sync::{Mutex, MutexGuard};

use super::permission::{self, Contents, Record};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
/// Whether this process has found that it may empty the graph.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// An empty graph, held until it is dropped.
pub struct TestGraph {
    pub driver: Graph,
    pub config: GraphConfig,
    _held: Option<Held>,
}

/// The graph that all tests share, while one of them has it.
struct Held {
    config: GraphConfig,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Held {
    /// Notes what the test left, so that the next process knows it for the tests' own. A test may end inside of its
    /// runtime, so this takes a thread and a runtime of its own.
    fn drop(&mut self) {
        let config = self.config.clone();
        let noted = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let note =
                    async { Contents::read(&driver(&config)).await.map(|found| found.note_left()) };
                tokio::time::timeout(std::time::Duration::from_secs(5), note).await
            })
        });
        if !matches!(noted.join(), Ok(Ok(Ok(())))) {
            eprintln!("what the test left in the graph could not be read");
        }
    }
}

pub fn driver(config: &GraphConfig) -> Graph {
    Graph::connect(builder(config).build().unwrap()).unwrap()
}

fn builder(config: &GraphConfig) -> neo4rs::ConfigBuilder {
    neo4rs::ConfigBuilder::default()
        .uri(&config.uri)
        .user(&config.user)
        .password(config.password.expose())
        .fetch_size(5_000)
}

/// An empty graph; of constraints it may have the default mapping's. Without them the server would
/// throw away all plans, and a test would wait for little else.
///
/// # Panics
/// The graph may hold something that is not the tests' ([`super::permission`]).
pub async fn empty() -> TestGraph {
    super::init();
    let turn = ONE_AT_A_TIME.lock().await;
    let config = permission::config();
    permission::check_host(&config.uri).unwrap_or_else(|refusal| panic!("{refusal}"));
    let driver = driver(&config);
    let contents = Contents::read(&driver).await.unwrap_or_else(|e| panic!("{}: {e}", config.uri));
    if !IS_OURS.load(Ordering::Relaxed) {
        contents.check(&config.uri).unwrap_or_else(|refusal| panic!("{refusal}"));
        IS_OURS.store(true, Ordering::Relaxed);
    }
    contents.note(&Record::InUse);
    let held = Some(Held { config: config.clone(), _turn: turn });
    let graph = TestGraph { driver, config, _held: held };
    graph.clear().await;
    graph
}

/// An empty graph without any schema.
pub async fn bare() -> TestGraph {
    let graph = empty().await;
    graph.drop_schema(&[]).await;
    graph
}

impl TestGraph {
    /// A server that no other test uses.
    pub fn at(config: GraphConfig) -> Self {
        Self { driver: driver(&config), config, _held: None }
    }

    pub async fn clear(&self) {
        // After a test with much data this takes about as long as the driver waits for an answer.
        let patient = builder(&self.config).connection_timeout(std::time::Duration::from_secs(300));
        let patient = Graph::connect(patient.build().unwrap()).unwrap();
        // Relationships first: a node takes all of its own along in one transaction.
        for all in [
            "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS",
            "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS",
        ] {
            patient.run(query(all)).await.unwrap_or_else(|e| panic!("{e}\n{all}"));
        }
        let mapping = Mapping::default_mapping().unwrap();
        let registry = Registry::new(&mapping, &BTreeMap::new());
        let of_item = |i: &schema::SchemaItem| format!("{} {} {:?}", i.name, i.of, i.properties);
        let kept: Vec<String> = schema::required(&mapping, &registry).iter().map(of_item).collect();
        self.drop_schema(&kept).await;
    }

    /// Drops all constraints and indexes but those that are kept, each as its name, label and properties.
    async fn drop_schema(&self, kept: &[String]) {
        for (what, list) in [
            ("CONSTRAINT", "SHOW CONSTRAINTS"),
            ("INDEX", "SHOW INDEXES YIELD * WHERE owningConstraint IS NULL AND type <> 'LOOKUP'"),
        ] {
            let mut rows = self.driver.execute(query(list)).await.unwrap();
            while let Some(row) = rows.next().await.unwrap() {
                let name: String = row.get("name").unwrap();
                let of: Vec<String> = row.get("labelsOrTypes").unwrap();
                let properties: Vec<String> = row.get("properties").unwrap();
                if !kept.contains(&format!("{name} {} {properties:?}", of[0])) {
                    self.run(&format!("DROP {what} {}", quote_cypher(&name))).await;
                }
            }
        }
    }

    /// What a program needs to ask this server over HTTP, which shares no code with the driver.
    pub fn question(&self, cypher: &str) -> serde_json::Value {
        let address = std::env::var("NEO4J_BROWSER").unwrap_or_else(|_| {
            let host = self.config.uri.rsplit("//").next().and_then(|rest| rest.split(':').next());
            format!("http://{}:7474/browser/", host.unwrap_or("localhost"))
        });
        serde_json::json!({
            "address": address.trim_end_matches("/browser/"), "database": self.config.database,
            "user": self.config.user, "password": self.config.password.expose(), "query": cypher,
        })
    }

    pub async fn run(&self, cypher: &str) {
        self.driver.run(query(cypher)).await.unwrap_or_else(|e| panic!("{e}\n{cypher}"));
    }

    /// The column `row` of a query, as text.
    pub async fn column(&self, cypher: &str) -> Vec<String> {
        let mut rows =
            self.driver.execute(query(cypher)).await.unwrap_or_else(|e| panic!("{e}\n{cypher}"));
        let mut out = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            out.push(text(&row.get::<BoltType>("row").unwrap()));
        }
        out
    }

    /// The same, of a graph as commits leave it. A reader of Neo4j may see one part of a commit and not yet
    /// another. Each commit of provsync locks the checkpoint until all of it is in the store, so who locks it
    /// reads between two of them.
    pub async fn column_between_commits(&self, cypher: &str) -> Vec<String> {
        let mut txn = self.driver.start_txn().await.unwrap();
        let lock = query("MATCH (c:ProvsyncCheckpoint) SET c.readByATest = true");
        txn.run(lock).await.unwrap_or_else(|e| panic!("{e}"));
        let mut rows = txn.execute(query(cypher)).await.unwrap_or_else(|e| panic!("{e}\n{cypher}"));
        let mut out = Vec::new();
        while let Some(row) = rows.next(&mut txn).await.unwrap() {
            out.push(text(&row.get::<BoltType>("row").unwrap()));
        }
        txn.rollback().await.unwrap();
        out
    }

    /// The only number of a query's column `row`.
    pub async fn number(&self, cypher: &str) -> i64 {
        let mut rows =
            self.driver.execute(query(cypher)).await.unwrap_or_else(|e| panic!("{e}\n{cypher}"));
        rows.next().await.unwrap().unwrap().get::<i64>("row").unwrap()
    }

    /// Everything in the graph but the checkpoint, as sorted lines.
    pub async fn dump(&self) -> Vec<String> {
        let mut lines = self
            .column(
                "MATCH (n) WHERE NOT n:ProvsyncCheckpoint
                 RETURN [labels(n), [k IN keys(n) WHERE NOT (n:ProvsyncQuarantine AND k IN ['since', 'version']) | [k, n[k]]]] AS row",
            )
            .await;
        lines.extend(
            self.column(
                "MATCH (a)-[r]->(b)
                 RETURN [coalesce(a.nodeId, a.atomId, a.name, 0), labels(a), type(r), coalesce(b.nodeId, b.atomId, b.name, 0), labels(b), [k IN keys(r) | [k, r[k]]]] AS row",
            )
            .await,
        );
        lines.sort();
        lines
    }
}

/// A value as text; maps and lists of pairs in sorted order, so that equal things print the same.
pub fn text(value: &BoltType) -> String {
    match value {
        BoltType::Null(_) => "null".into(),
        BoltType::Boolean(b) => b.value.to_string(),
        BoltType::Integer(i) => i.value.to_string(),
        BoltType::Float(f) => format!("{:?}", f.value),
        BoltType::String(s) => s.value.clone(),
        BoltType::DateTime(d) => {
            chrono::DateTime::<chrono::FixedOffset>::try_from(d).unwrap().to_rfc3339()
        }
        BoltType::List(list) => {
            let mut items: Vec<String> = list.value.iter().map(text).collect();
            if list.value.iter().all(|v| matches!(v, BoltType::List(_) | BoltType::String(_))) {
                items.sort();
            }
            format!("[{}]", items.join(", "))
        }
        BoltType::Map(map) => {
            let mut items: Vec<String> =
                map.value.iter().map(|(k, v)| format!("{k}: {}", text(v))).collect();
            items.sort();
            format!("{{{}}}", items.join(", "))
        }
        other => format!("{other:?}"),
    }
}

impl TestGraph {
    /// A statement's plan, as the server explains it; parameters are not needed for that. The
    /// driver has no accessor for plans, but prints them.
    pub async fn explain(&self, cypher: &str) -> String {
        let rows =
            self.driver.execute(query(&format!("CYPHER replan=force EXPLAIN {cypher}"))).await;
        let summary = rows.unwrap_or_else(|e| panic!("{e}\n{cypher}")).finish().await.unwrap();
        let plan = format!("{summary:?}");
        assert!(plan.contains("operatorType"), "no plan: {plan}");
        plan
    }
}

impl TestGraph {
    /// The number of the last transaction that wrote, from the bookmark of a read: `FB:` and, in
    /// base64, a list of the database's 16 bytes and that number (PackStream).
    pub async fn committed(&self) -> i64 {
        let summary = self.driver.run(query("RETURN 1")).await.unwrap();
        let bookmark = summary.bookmark.unwrap();
        let bytes = base64(bookmark.strip_prefix("FB:").unwrap());
        let number = &bytes[19..];
        match number[0] {
            tiny @ 0..=0x7F => i64::from(tiny),
            0xC8 => i64::from(i8::from_be_bytes([number[1]])),
            0xC9 => i64::from(i16::from_be_bytes([number[1], number[2]])),
            0xCA => i64::from(i32::from_be_bytes(number[1..5].try_into().unwrap())),
            other => panic!("no integer: {other:x} in {bookmark}"),
        }
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').chars().map(|c| DIGITS.find(c).unwrap());
    let bits: Vec<bool> = digits.flat_map(|d| (0..6).rev().map(move |i| d >> i & 1 == 1)).collect();
    bits.chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit)))
        .collect()
}
