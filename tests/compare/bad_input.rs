//! What can't be compared is never called equal.

use std::time::Duration;

use super::*;
use provsync::error::Kind;
use sqlgraph_emulator::faults::{Effect, Fault};
use support::bolt_proxy::{self, BoltProxy, On};
use support::program;

fn atoms(atoms: &[&str]) -> Options {
    let atoms = atoms.iter().map(|atom| (*atom).to_owned()).collect();
    Options { roots: Choice { atoms, ..Choice::default() }, ..options() }
}

#[tokio::test]
async fn roots_types_and_versions_that_are_not_there_are_errors() {
    let (graph, source) = sample().await;
    let types = Options { types: vec!["NoSuchType".into()], ..options() };
    let since = |version| Options {
        roots: Choice { changed_since: Some(version), ..Choice::default() },
        ..options()
    };
    for (options, what) in [
        (atoms(&["999999"]), "neither store has a node of the atom \"999999\""),
        (atoms(&["25", "x"]), "\"x\" is no identity"),
        (Options { roots: nodes(&[999_999]), ..super::options() }, "of the row key 999999"),
        (types, "\"NoSuchType\" is no type of the mapping"),
        (since(i64::MAX), "the source keeps changes since versions from"),
    ] {
        let error = compare(&source, &graph, &options).await.unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_graph_that_says_nothing_of_this_source_can_not_be_compared() {
    let (graph, source) = sample().await;
    let outcome = compare(&source, &graph, &options()).await;
    assert_eq!(outcome.unwrap().verdict, Verdict::Equal);
    graph.run("DROP CONSTRAINT provsync_relationship_DERIVED_FROM_edgeId").await;
    let error = compare(&source, &graph, &options()).await.unwrap_err();
    assert!(error.to_string().contains("DERIVED_FROM"), "{error}");
    assert!(error.to_string().contains("provsync schema apply"), "{error}");
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;

    let other = source::sample().await;
    let error = compare(&other, &graph, &options()).await.unwrap_err();
    assert!(error.to_string().contains("belongs to the source"), "{error}");
    graph.run("MATCH (c:ProvsyncCheckpoint) SET c.version = c.version + 1").await;
    let error = compare(&source, &graph, &options()).await.unwrap_err();
    assert!(error.to_string().contains("changed by hand"), "{error}");
    graph.run("MATCH (c:ProvsyncCheckpoint) DELETE c").await;
    let error = compare(&source, &graph, &options()).await.unwrap_err();
    assert!(error.to_string().contains("no checkpoint"), "{error}");
}

/// The binary: exit code and what it said.
fn provsync(arguments: &[&str], source: &TestSource) -> (Option<i32>, String) {
    let output = program::provsync(&["compare"], source).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_told_exits_with_2() {
    let (graph, source) = sample().await;
    assert_eq!(provsync(&["--all-roots"], &source).0, Some(0));
    let bad: [(&[&str], &str); 7] = [
        (&[], "where does it begin"),
        (&["--all-roots", "--hops", "0"], "--hops"),
        (&["--atom", "999999"], "neither store has a node"),
        (&["--all-roots", "--types", "Nonsense"], "is no type of the mapping"),
        (&["--all-roots", "--edges-max", "3"], "the walk ended"),
        (&["--check-evidence", "/nonexistent", "--side", "graph"], "can't be read"),
        (&["--all-roots", "--source-port", "1"], "can't be reached"),
    ];
    for (arguments, what) in bad {
        let (code, text) = provsync(arguments, &source);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(what), "{arguments:?}: {text}");
    }
    graph.run("MATCH (c:ProvsyncCheckpoint) SET c.epoch = 'x'").await;
    let (code, text) = provsync(&["--all-roots"], &source);
    assert_eq!(code, Some(2), "a rule that stops a writer keeps a reader from telling: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_goes_away_halfway_is_never_called_equal() {
    let (graph, source) = sample().await;
    if support::source::emulator_only("answers are cut on demand") {
        return;
    }
    for after in [3, 6, 9, 12, 15] {
        let faults = source.emulator().faults();
        faults.arm(Fault::new(Effect::Cut { after_bytes: 0 }).after(after).always()).unwrap();
        let outcome = compare(&source, &graph, &options()).await;
        faults.disarm();
        let error = outcome.unwrap_err();
        assert_ne!(error.kind, Kind::Stop, "{error}");
    }
    assert_eq!(compare(&source, &graph, &options()).await.unwrap().verdict, Verdict::Equal);
}

/// It goes at every fourth request, and does not come again.
#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_goes_away_halfway_is_never_called_equal() {
    let (graph, source) = sample().await;
    let proxy = BoltProxy::start(&graph.config.uri).await;
    let mut config = support::run::config(&source.config(), &graph);
    config.graph.uri = proxy.uri();
    config.full.retry_max = Duration::from_millis(200);
    for after in (0..).step_by(4) {
        let gone = bolt_proxy::Fault::next(On::Any, bolt_proxy::Effect::Cut);
        proxy.arm(gone.after(after).times(usize::MAX));
        let outcome = compare_with(&config, &options()).await;
        proxy.disarm();
        match outcome {
            Err(error) => assert_eq!(error.kind, Kind::Transient, "{after}: {error}"),
            Ok(report) => {
                assert_eq!(report.verdict, Verdict::Equal);
                assert!(after > 20, "a comparison of {after} requests");
                println!("a comparison has at most {after} requests");
                return;
            }
        }
    }
}

#[tokio::test]
async fn without_permission_nothing_is_told() {
    let (graph, source) = sample().await;
    let login = source.login("blind_login");
    source
        .execute(&format!(
            "CREATE LOGIN [{login}] WITH PASSWORD = N'P@ssw0rd-1'; CREATE USER blind FOR LOGIN [{login}]"
        ))
        .await;
    let mut config = support::run::config(&source.config(), &graph);
    config.source.user = login;
    config.source.password = provsync::config::Secret::new("P@ssw0rd-1");
    let error = compare_with(&config, &options()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    let text = error.to_string();
    for table in ["graph.AtomGraphNodes", "graph.AtomGraphEdges", "provenance.GenerationStreams"] {
        assert!(text.contains(table) && text.contains("no permission"), "{text}");
    }
}
