//! Reports of the commands themselves, on a sample that somebody has tampered with.

use std::path::Path;

use provsync::compare::difference::{Kind, Report};
use provsync::compare::report::{Format, write};

use super::support::program::{bare, provsync};
use super::support::run::full;
use super::support::{self, graph::TestGraph, source};
use super::{assert_follows_schema, junit};

/// Runs provsync with a report in every form; its exit code, and what the files hold.
fn run(source: &source::TestSource, folder: &Path, arguments: &[&str]) -> (i32, Report) {
    let file = |ending: &str| folder.join(format!("report.{ending}"));
    let mut command = provsync(arguments, source);
    for ending in ["txt", "json", "xml", "sarif", "html"] {
        command.arg("--report").arg(file(ending));
    }
    let done = command.output().unwrap();
    println!("{}", String::from_utf8_lossy(&done.stderr));
    let read = |ending: &str| std::fs::read_to_string(file(ending)).unwrap();
    assert_eq!(
        String::from_utf8(done.stdout).unwrap(),
        read("txt"),
        "the terminal's form is the same"
    );
    assert_follows_schema("report", &[("report", read("json"))]);
    assert_follows_schema("sarif", &[("report", read("sarif"))]);
    assert!(!junit(&read("xml")).is_empty());
    let report: Report = serde_json::from_str(&read("json")).unwrap();
    let mut page = Vec::new();
    write(&report, Format::Html, &mut page).unwrap();
    assert_eq!(String::from_utf8(page).unwrap(), read("html"), "the page is of the same report");
    (done.status.code().unwrap(), report)
}

async fn tampered() -> (TestGraph, source::TestSource) {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    for damage in [
        "MATCH ()-[r:DERIVED_FROM {edgeId: 1041}]->() DELETE r",
        "MATCH (a:AtomGraphNode {nodeId: 128}), (b:AtomGraphNode {nodeId: 130}) CREATE (a)-[:DERIVED_FROM {edgeId: 9001}]->(b)",
        "MATCH ()-[r:DERIVED_FROM {edgeId: 1042}]->() SET r.metadata = '<b>]]>'",
        "CREATE (:Atom:AtomPlaceholder {atomId: 4711})",
    ] {
        graph.run(damage).await;
    }
    (graph, source)
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_reports_in_every_form() {
    let (_graph, source) = tampered().await;
    let folder = tempfile::tempdir().unwrap();
    let (code, report) = run(&source, folder.path(), &["verify"]);
    assert_eq!(code, 1);
    let found: Vec<_> = report.differences.iter().map(|d| (d.key, d.kind.code())).collect();
    let expected = [
        (Some(1041), "missing_in_graph"),
        (Some(1042), "property"),
        (Some(9001), "extra_in_graph"),
        (None, "leftover_placeholder"),
    ];
    for difference in expected {
        assert!(found.contains(&difference), "{difference:?}: {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(report.lookups.len(), 3);
    let text = std::fs::read_to_string(folder.path().join("report.txt")).unwrap();
    assert!(text.contains("N'[1041, 1042, 9001]'"), "{text}");
    assert!(text.contains("MATCH (p:`AtomPlaceholder`)"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_shows_what_both_stores_have_next_to_the_differences() {
    let (_graph, source) = tampered().await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["compare", "--atom", "28", "--direction", "down", "--hops", "3"];
    let (code, report) = run(&source, folder.path(), &arguments);
    assert_eq!(code, 1);
    let first = report.differences.iter().filter_map(|d| d.hop).min();
    assert_eq!(first, Some(1), "the edge that is too much begins at the root");
    assert!(report.differences.iter().all(|d| d.kind != Kind::LeftoverPlaceholder));
    // 125 is what 1041 and 1042 begin at: 128 derives from it, a run generated it.
    let near =
        |table: &str, key: i64| report.around.iter().any(|n| n.table == table && n.key == key);
    for (table, key) in [
        (super::NODES, 125),
        (super::NODES, 128),
        (super::NODES, 146),
        (super::EDGES, 1047),
        (super::EDGES, 1068),
        (super::STREAMS, 2017),
    ] {
        assert!(near(table, key), "{table} {key} is next to it: {:?}", report.around);
    }
    for key in [1041, 1042, 9001] {
        assert!(!near(super::EDGES, key), "{key} differs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_stores_are_reported_without_anything_to_look_at() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    for arguments in [&["verify"][..], &["compare", "--all-roots"]] {
        let folder = tempfile::tempdir().unwrap();
        let (code, report) = run(&source, folder.path(), arguments);
        assert_eq!((code, report.differences.len()), (0, 0), "{arguments:?}");
        assert!(report.lookups.is_empty() && report.around.is_empty());
    }
}

#[test]
fn a_file_whose_name_asks_for_no_form_is_refused_before_anything_is_read() {
    for name in ["report", "report.pdf", "report.HTML"] {
        let done = bare(&["verify", "--report", name]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains("ends in .txt, .json, .xml, .sarif or .html"), "{said}");
    }
}
