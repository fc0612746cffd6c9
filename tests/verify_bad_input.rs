//! `provsync verify` as its users run it where something is wrong: never "equal", and the reason is
//! told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::process::Output;
use std::time::Duration;

use provsync::compare::difference::{Report, Verdict};
use provsync::compare::verify;
use sqlgraph_emulator::faults;
use support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use support::graph::TestGraph;
use support::program::provsync;
use support::run::full;
use support::scenario::Scenario;
use support::source::{self, TestSource, emulator_only};
use support::verify::{lines, verified, verify_config, verify_with};
use support::{Random, seed};

async fn loaded(n: u64) -> (TestGraph, TestSource) {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source.execute(&Scenario::random(&mut Random::new(seed()), n).sql()).await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

fn run(source: &TestSource, arguments: &[&str]) -> Output {
    let mut command = provsync(&["verify"], source);
    command.args(arguments).env("PROVSYNC_FULL__RETRY_SECONDS_MAX", "1").output().unwrap()
}

fn exit(output: &Output) -> Option<i32> {
    output.status.code()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_equal_different_repaired_and_could_not_tell() {
    let (graph, source) = loaded(20).await;
    let equal = run(&source, &["--output", "json"]);
    assert_eq!(exit(&equal), Some(0), "{}", said(&equal));
    let report: Report = serde_json::from_slice(&equal.stdout).unwrap();
    assert_eq!(report.verdict, Verdict::Equal);
    assert_eq!(report.tables.iter().map(|t| t.source_rows).collect::<Vec<_>>(), [20, 60, 20]);

    graph.run("MATCH ()-[r {edgeId: 5}]->() DELETE r").await;
    let different = run(&source, &[]);
    assert_eq!(exit(&different), Some(1), "{}", said(&different));
    let text = String::from_utf8(different.stdout).unwrap();
    assert!(text.contains("graph.AtomGraphEdges 5"), "{text}");
    let dry = run(&source, &["--repair", "--dry-run"]);
    assert_eq!(exit(&dry), Some(1), "{}", said(&dry));
    let refused = run(&source, &["--repair", "--max-changes", "0"]);
    assert_eq!(exit(&refused), Some(1), "{}", said(&refused));
    let repaired = run(&source, &["--repair"]);
    assert_eq!(exit(&repaired), Some(0), "{}", said(&repaired));
    assert_eq!(exit(&run(&source, &[])), Some(0));

    source.execute("UPDATE graph.AtomGraphEdges SET Weight = 9 WHERE EdgeId = 1").await;
    let behind = run(&source, &["--looks", "2"]);
    assert_eq!(exit(&behind), Some(2), "{}", said(&behind));
    source.execute("UPDATE graph.AtomGraphNodes SET NodeType = NULL WHERE NodeId = 2; DELETE FROM graph.AtomGraphEdges").await;
    full(&source, &graph).await.unwrap();
    assert_eq!(exit(&run(&source, &[])), Some(1), "explained");
    assert_eq!(exit(&run(&source, &["--allow-quarantined"])), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_verified_ends_with_two_and_the_reason() {
    let graph = support::graph::bare().await;
    let source = source::loose().await;
    let expect = |arguments: &[&str], part: &str| {
        let output = run(&source, arguments);
        assert_eq!(exit(&output), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    };
    expect(&[], "constraint");
    support::run::apply_schema(&graph, &support::verify::mapping()).await;
    expect(&[], "the graph has no checkpoint");
    full(&source, &graph).await.unwrap();
    expect(&["--tables", "graph.Nothing"], "the mapping has no table graph.Nothing");
    expect(&["--from", "10", "--to", "9"], "has no keys");
    expect(&["--from", "ten"], "invalid value");
    expect(&["--rate-limit", "0"], "0");
    expect(&["--dry-run"], "--repair");
    graph.run("MATCH (c:ProvsyncCheckpoint) SET c.version = 7").await;
    expect(&[], "changed by hand");
    full(&source, &graph).await.unwrap();
    graph.run("DROP CONSTRAINT provsync_relationship_DERIVED_FROM_edgeId").await;
    expect(&[], "provsync_relationship_DERIVED_FROM_edgeId");
    full(&source, &graph).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("mapping.toml");
    let text = provsync::mapping::DEFAULT.replace("types_max = 64", "types_max = 63");
    std::fs::write(&mapping, text).unwrap();
    expect(&["--mapping", mapping.to_str().unwrap()], "made with another mapping");
    let other = source::loose().await;
    let output = run(&other, &[]);
    assert_eq!(exit(&output), Some(2), "{}", said(&output));
    assert!(said(&output).contains("belongs to the source"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_goes_away_halfway_is_no_answer_and_the_run_goes_on_from_its_file() {
    let (graph, source) = loaded(60).await;
    graph.run("MATCH (n:AtomGraphNode {nodeId: 4}) SET n.metadata = 'x'").await;
    graph.run("MATCH ()-[r:GENERATED {streamId: 60}]->() DELETE r").await;
    let proxy = BoltProxy::start(&graph.config.uri).await;
    let mut config = verify_config(&source, &graph);
    config.graph.uri = proxy.uri();
    (config.full.page_rows, config.full.retry_max) = (10, Duration::from_millis(300));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("verify.json");
    let options = verify::Options { resume: Some(file.clone()), ..verify::Options::default() };
    // Streams are the last table.
    let fault = Fault::next(On::RunContaining("r.`streamId` >= $first"), Effect::Cut);
    proxy.arm(fault.times(usize::MAX));
    let error = verify_with(&config, options.clone()).await.unwrap_err();
    assert!(error.to_string().contains("Neo4j"), "{error}");
    proxy.disarm();
    assert!(file.exists());
    let reads = proxy.struck();
    assert!(reads > 0);
    let report = verify_with(&config, options).await.unwrap();
    let expected = [
        "graph.AtomGraphNodes 4 property metadata",
        "provenance.GenerationStreams 60 missing_in_graph",
    ];
    let found: Vec<String> =
        lines(&report).into_iter().filter(|l| !l.contains("leftover")).collect();
    assert_eq!(found, expected);
    assert_eq!(report.tables.iter().map(|t| t.source_rows).collect::<Vec<_>>(), [60, 180, 60]);
    assert!(!file.exists(), "it is done");
    assert_eq!(lines(&report), lines(&verified(&source, &graph).await), "as in one go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_goes_away_halfway_is_no_answer() {
    if emulator_only("it is told to refuse") {
        return;
    }
    let (graph, source) = loaded(60).await;
    let mut config = verify_config(&source, &graph);
    (config.full.page_rows, config.full.retry_max) = (10, Duration::from_millis(300));
    let fault = faults::Fault::new(faults::Effect::Cut { after_bytes: 0 }).after(60).always();
    source.emulator().faults().arm(fault).unwrap();
    let error = verify_with(&config, verify::Options::default()).await.unwrap_err();
    source.emulator().faults().disarm();
    println!("{error}");
    assert_eq!(verified(&source, &graph).await.verdict, Verdict::Equal);
}
