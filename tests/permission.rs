//! The tests delete everything in their graph. They must never do that to a graph that is an operator's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::process::Command;

use support::graph::TestGraph;
use support::permission::{ALLOW_WIPE, Contents, PASSWORD_FILE, Record, URI, USER, check_host};

/// What each test of the suite does first; only the tests below start it, as a process of its own.
#[tokio::test]
#[ignore = "only as a child process of the tests below"]
async fn child_empties_its_graph() {
    drop(support::graph::empty().await);
}

/// Starts the child with some variables more; without the tests' variables unless these name them.
/// Returns what it printed if it failed.
fn child(variables: &[(&str, &str)]) -> Result<(), String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_empties_its_graph", "--ignored"])
        .env_remove(URI)
        .env_remove(ALLOW_WIPE)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("running 1 test"), "{printed}");
    if output.status.success() { Ok(()) } else { Err(printed) }
}

async fn something_in(graph: &TestGraph) {
    graph
        .run("CREATE (:ProvsyncCheckpoint {source: 'Orders@of-an-operator', only: true}), (:Order)")
        .await;
}

async fn nodes(graph: &TestGraph) -> i64 {
    graph.number("MATCH (n) RETURN count(n) AS row").await
}

#[tokio::test]
async fn the_graph_that_provsync_is_configured_for_is_never_emptied() {
    let graph = support::graph::empty().await;
    something_in(&graph).await;
    let (uri, file) = (graph.config.uri.as_str(), std::env::var(PASSWORD_FILE).unwrap());
    let refusal = child(&[
        ("PROVSYNC_GRAPH__URI", uri),
        ("PROVSYNC_GRAPH__USER", &graph.config.user),
        ("PROVSYNC_GRAPH__PASSWORD_FILE", &file),
    ]);
    assert_eq!(nodes(&graph).await, 2);
    assert!(refusal.is_err_and(|text| text.contains("PROVSYNC_TEST_GRAPH_URI is not set")));
}

#[tokio::test]
async fn a_graph_on_another_machine_is_refused_before_anything_is_sent() {
    let refusal = child(&[(URI, "bolt://graph.example:7687")]).unwrap_err();
    assert!(refusal.contains("graph.example, which is another machine"), "{refusal}");
    assert!(refusal.contains("set PROVSYNC_TEST_ALLOW_WIPE=graph.example"), "{refusal}");
    // Whoever allows it is connected, here to a name that does not exist.
    let allowed = child(&[(URI, "bolt://graph.example:7687"), (ALLOW_WIPE, "graph.example")]);
    assert!(allowed.is_err_and(|text| !text.contains("another machine")));
}

#[tokio::test]
async fn data_that_no_test_left_are_refused_unless_their_host_is_allowed() {
    let graph = support::graph::empty().await;
    let own = [(URI, graph.config.uri.as_str()), (USER, graph.config.user.as_str())];
    let contents = Contents::read(&graph.driver).await.unwrap();
    let left = |source: Option<&str>| contents.note(&Record::Left(source.map(String::from)));

    // Tests left the graph without a checkpoint, and then somebody loaded another source.
    left(None);
    something_in(&graph).await;
    let refusal = child(&own).unwrap_err();
    assert_eq!(nodes(&graph).await, 2);
    assert!(
        refusal.contains("holds 2 node(s) and the checkpoint of Orders@of-an-operator"),
        "{refusal}"
    );
    assert!(refusal.contains("set PROVSYNC_TEST_ALLOW_WIPE=127.0.0.1"), "{refusal}");

    // Another host's permission is none.
    let elsewhere = child(&[own[0], own[1], (ALLOW_WIPE, "graph.example")]);
    assert!(elsewhere.is_err() && nodes(&graph).await == 2);
    let allowed = child(&[own[0], own[1], (ALLOW_WIPE, "127.0.0.1")]);
    assert!(allowed.is_ok() && nodes(&graph).await == 0, "{allowed:?}");

    // What a test left may go, also where it was killed.
    for record in [Record::Left(Some("Orders@of-an-operator".into())), Record::InUse] {
        something_in(&graph).await;
        contents.note(&record);
        let emptied = child(&own);
        assert!(emptied.is_ok() && nodes(&graph).await == 0, "{record:?}: {emptied:?}");
    }
}

#[test]
fn a_host_is_this_machine_by_its_address() {
    for uri in
        ["bolt://127.0.0.1:7687", "neo4j://localhost", "bolt://[::1]:7687", "bolt://127.9.9.9"]
    {
        assert_eq!(check_host(uri), Ok(()), "{uri}");
    }
    for uri in [
        "bolt+s://graph.example:7687",
        "bolt://10.0.0.7",
        "bolt://localhost.example",
        "bolt://[::2]:7687",
        "",
    ] {
        assert!(check_host(uri).is_err_and(|refusal| refusal.contains(ALLOW_WIPE)), "{uri}");
    }
}
