//! `provsync sync`, `status` and `quarantine` as their users run them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use provsync::mapping::Mapping;
use serde_json::Value;
use support::graph::TestGraph;
use support::program::provsync;
use support::run::apply_schema;
use support::source::{self, TestSource};
use support::truth::{assert_equal, reasons};

/// What a command needs to reach both sides.
fn command(source: &TestSource, arguments: &[&str]) -> Command {
    let mut command = provsync(arguments, source);
    command
        .env("PROVSYNC_LOG__LEVEL", "info")
        .env("PROVSYNC_SYNC__HEARTBEAT_SECONDS", "1")
        .env("PROVSYNC_SYNC__TAKEOVER_SECONDS", "5");
    command
}

fn run(source: &TestSource, arguments: &[&str]) -> Output {
    let output = command(source, arguments).output().unwrap();
    println!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!(
            "{e}: {} {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// A worker process, killed when the test ends.
struct Process(Child);

impl Process {
    fn start(source: &TestSource, metrics: &str) -> Self {
        let mut command = command(source, &["sync"]);
        command.env("PROVSYNC_METRICS__LISTEN", metrics).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// SIGTERM, then its exit code and its log.
    fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.0.wait().unwrap().code(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn ready() -> (TestGraph, TestSource) {
    ready_with(source::sample().await).await
}

async fn ready_with(source: TestSource) -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    (graph, source)
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_wait_for_the_graph_and_see_how_the_worker_is() {
    let (graph, source) = ready().await;
    let before = run(&source, &["status", "--output", "json"]);
    assert_eq!(before.status.code(), Some(1), "nobody writes");
    assert_eq!(json(&before)["graph"], Value::Null);

    let address = free_address();
    let worker = Process::start(&source, &address);
    let waited =
        run(&source, &["status", "--wait-for", "now", "--timeout", "60", "--output", "json"]);
    assert_eq!(waited.status.code(), Some(0));
    assert_equal(&source, &graph).await;
    source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = N'seen' WHERE NodeId = (SELECT MIN(NodeId) FROM graph.AtomGraphNodes)")
        .await;
    let waited =
        run(&source, &["status", "--wait-for", "now", "--timeout", "60", "--output", "json"]);
    assert_eq!(waited.status.code(), Some(0));
    let seen = "MATCH (n:AtomGraphNode {metadata: 'seen'}) RETURN count(n) AS row";
    assert_eq!(graph.number(seen).await, 1);
    assert_equal(&source, &graph).await;
    let status = json(&run(&source, &["status", "--output", "json"]));
    assert_eq!(status["healthy"], true, "{status}");
    assert_eq!(status["lag"]["versions"], 0);
    assert_eq!(status["source"]["leased"], true);
    assert!(status["graph"]["worker"]["holder"].as_str().unwrap().starts_with("sync on "));
    let text = String::from_utf8(run(&source, &["status"]).stdout).unwrap();
    assert!(text.contains("behind      0 version(s), 0 second(s)"), "{text}");

    let version = status["graph"]["version"].as_i64().unwrap();
    let ahead = (version + 1_000).to_string();
    let late = run(&source, &["status", "--wait-for", &ahead, "--timeout", "1"]);
    assert_eq!(late.status.code(), Some(1), "it never got there");

    let metrics = get(&address, "/metrics");
    for name in
        ["provsync_windows_total", "provsync_rows_total", "provsync_writer 1", "provsync_healthy 1"]
    {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }

    let (code, log) = worker.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("no transaction is open"), "{log}");
    assert!(!log.contains("seen"), "no row's content");
    let after = run(&source, &["status", "--output", "json"]);
    assert_eq!(after.status.code(), Some(1), "nobody writes any more");
    assert_eq!(json(&after)["source"]["leased"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_while_a_worker_runs_is_left_to_the_worker() {
    let (graph, source) = ready().await;
    let worker = Process::start(&source, &free_address());
    assert_eq!(run(&source, &["status", "--wait-for", "now"]).status.code(), Some(0));
    // What no change at the source would mend.
    graph.run("MATCH (n:AtomGraphNode) WITH n LIMIT 3 SET n.metadata = 'by hand'").await;
    let by_hand = "MATCH (n {metadata: 'by hand'}) RETURN count(n) AS row";
    assert_eq!(graph.number(by_hand).await, 3);
    let asked = run(&source, &["full", "--wait", "--output", "json"]);
    assert_eq!(asked.status.code(), Some(0), "{}", String::from_utf8_lossy(&asked.stderr));
    let asked = json(&asked);
    assert_eq!(asked["done"], true);
    assert_eq!(asked["counts"]["nodes"]["updated"], 3);
    assert!(asked["counts"]["nodes"]["read"].as_u64().unwrap() > 0, "{asked}");
    assert_equal(&source, &graph).await;
    let (code, _) = worker.terminate();
    assert_eq!(code, Some(0));
    // Nobody writes: it is done here.
    let done = run(&source, &["full", "--output", "json"]);
    assert_eq!(json(&done)["written"]["properties_set"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_quarantine_are_listed_shown_and_tried_again() {
    let (graph, source) = ready_with(source::loose().await).await;
    graph.run("CREATE (:Atom {atomId: 900001, mine: true})").await;
    source
        .execute("INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (900001, N'atom')")
        .await;
    let rows = source.query("SELECT NodeId FROM graph.AtomGraphNodes WHERE AtomId = 900001").await;
    let key = rows[0].get::<i64, _>(0).unwrap().to_string();
    let _worker = Process::start(&source, &free_address());
    assert_eq!(run(&source, &["status", "--wait-for", "now"]).status.code(), Some(0));

    let list = json(&run(&source, &["quarantine", "list", "--output", "json"]));
    assert_eq!(list["entries"][0]["reason"], "identity-foreign", "{list}");
    let table = "graph.AtomGraphNodes";
    let shown = json(&run(&source, &["quarantine", "show", table, &key, "--output", "json"]));
    assert_eq!(shown["waits_for"][0], "Atom=900001", "{shown}");
    assert_eq!(run(&source, &["quarantine", "show", table, "999"]).status.code(), Some(1));
    assert_eq!(run(&source, &["quarantine", "retry"]).status.code(), Some(2), "of which rows?");

    graph.run("MATCH (n:Atom {atomId: 900001, mine: true}) DELETE n").await;
    let retried = run(&source, &["quarantine", "retry", "--table", table, "--key", &key]);
    assert!(String::from_utf8_lossy(&retried.stdout).contains("1 row(s)"));
    let begun = Instant::now();
    while !reasons(&graph).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not tried again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_equal(&source, &graph).await;
}
