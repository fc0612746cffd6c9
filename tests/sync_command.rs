//! `provsync sync`, `status` and `quarantine` as their users run them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use provsync::mapping::Mapping;
use serde_json::Value;
use support::bolt_proxy::{BoltProxy, Effect, Fault, On};
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
        Self::start_with(source, metrics, &[])
    }

    fn start_with(source: &TestSource, metrics: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = command(source, &["sync"]);
        command.env("PROVSYNC_METRICS__LISTEN", metrics).stderr(Stdio::piped());
        command.envs(settings.iter().copied());
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

/// A gauge as `/metrics` has it.
fn gauge(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_is_being_loaded_is_behind_by_status_and_metrics() {
    let (graph, source) = ready().await;
    let proxy = BoltProxy::start(&graph.config.uri).await;
    let slow = Effect::Slow(Duration::from_millis(300));
    proxy.arm(Fault::next(On::RunContaining("MERGE "), slow).times(10_000));
    let (address, uri) = (free_address(), proxy.uri());
    let settings = [("PROVSYNC_GRAPH__URI", uri.as_str()), ("PROVSYNC_FULL__PAGE_ROWS", "100")];
    let worker = Process::start_with(&source, &address, &settings);
    let loading =
        "MATCH (c:ProvsyncCheckpoint) WHERE c.progress IS NOT NULL RETURN count(c) AS row";
    support::worker::until(&graph, loading, 1).await;
    let status = json(&run(&source, &["status", "--output", "json"]));
    let mut looks = 0;
    loop {
        let metrics = get(&address, "/metrics");
        if graph.number(loading).await == 0 {
            break;
        }
        if let Some(versions) = gauge(&metrics, "provsync_lag_versions") {
            assert!(versions >= 1.0, "{metrics}");
            assert!(gauge(&metrics, "provsync_lag_seconds").unwrap() > 0.0, "{metrics}");
            looks += 1;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(looks > 5, "seen {looks} times only");
    assert_eq!(status["graph"]["as_of"], Value::Null, "{status}");
    assert_eq!(status["lag"], Value::Null, "{status}");
    proxy.disarm();
    assert_eq!(run(&source, &["status", "--wait-for", "now"]).status.code(), Some(0));
    let begun = Instant::now();
    while gauge(&get(&address, "/metrics"), "provsync_lag_versions") != Some(0.0) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never caught up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(gauge(&get(&address, "/metrics"), "provsync_lag_seconds").unwrap() < 10.0);
    assert_eq!(worker.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_not_end_in_time_says_so_by_its_exit_code() {
    let (graph, source) = ready().await;
    let proxy = BoltProxy::start(&graph.config.uri).await;
    let uri = proxy.uri();
    let settings =
        [("PROVSYNC_GRAPH__URI", uri.as_str()), ("PROVSYNC_SYNC__SHUTDOWN_SECONDS", "1")];
    let worker = Process::start_with(&source, &free_address(), &settings);
    assert_eq!(run(&source, &["status", "--wait-for", "now"]).status.code(), Some(0));
    proxy.arm(Fault::next(On::RunContaining("SET c += $state"), Effect::Hold));
    source.execute("UPDATE graph.AtomGraphNodes SET Metadata = N'held'").await;
    proxy.until_struck(1).await;
    let (code, log) = worker.terminate();
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("did not within 1 s"), "{log}");
    // The next one goes on.
    proxy.disarm();
    let worker = Process::start_with(&source, &free_address(), &settings);
    assert_eq!(run(&source, &["status", "--wait-for", "now"]).status.code(), Some(0));
    assert_equal(&source, &graph).await;
    assert_eq!(worker.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_resync_that_was_asked_for_resumes_where_a_killed_worker_left_it() {
    let (graph, source) = ready().await;
    let proxy = BoltProxy::start(&graph.config.uri).await;
    let uri = proxy.uri();
    let settings = [
        ("PROVSYNC_GRAPH__URI", uri.as_str()),
        ("PROVSYNC_FULL__PAGE_ROWS", "100"),
        ("PROVSYNC_LOG__FORMAT", "json"),
        // What was edited by hand is left to the resync.
        ("PROVSYNC_SYNC__VERIFY_INTERVAL_HOURS", "0"),
    ];
    let worker = Process::start_with(&source, &free_address(), &settings);
    assert_eq!(run(&source, &["status", "--wait-for", "now"]).status.code(), Some(0));
    // All of them are written again: the checkpoint moves at the beginning, after the nodes, then after
    // the first page of edges, which it does not get to.
    graph.run("MATCH (n:AtomGraphNode) SET n.metadata = 'by hand'").await;
    graph.run("MATCH ()-[r]->() WHERE r.edgeId IS NOT NULL SET r.metadata = 'by hand'").await;
    proxy.arm(Fault::next(On::RunContaining("SET c += $state"), Effect::HoldAnswer).after(2));
    assert_eq!(run(&source, &["full"]).status.code(), Some(0), "it is left to the worker");
    proxy.until_struck(1).await;
    let progress = "MATCH (c:ProvsyncCheckpoint) RETURN c.progress AS row";
    let left = graph.column(progress).await;
    assert!(left[0].contains("carry"), "{left:?}");
    drop(worker);
    proxy.disarm();
    let worker = Process::start_with(&source, &free_address(), &settings);
    let is_answered = "MATCH (c:ProvsyncCheckpoint) WHERE c.answer IS NOT NULL AND c.request IS NULL RETURN count(c) AS row";
    support::worker::until(&graph, is_answered, 1).await;
    let (code, log) = worker.terminate();
    assert_eq!(code, Some(0), "{log}");
    let begun: Vec<&str> = log.lines().filter(|line| line.contains("reading all rows")).collect();
    assert_eq!(begun.len(), 1, "{log}");
    assert!(begun[0].contains("\"resumed\":true"), "{log}");
    assert_equal(&source, &graph).await;
}
