//! What the checkpoint says of the graph while work on it is under way.

use std::time::{Duration, Instant};

use super::stand::Stand;
use super::support::bolt_proxy::{Effect, Fault, On};
use super::support::source::emulator_only;
use super::support::worker::{caught_up, until};

/// Far longer than anything takes that is waited for.
const LATE: Duration = Duration::from_secs(60);
/// Makes a load last for many heartbeats.
const SLOW: Effect = Effect::Slow(Duration::from_millis(60));
const WRITES: On = On::RunContaining("MERGE ");

const UNDER_WAY: &str = "MATCH (c:ProvsyncCheckpoint)
RETURN toString(c.progress IS NOT NULL) + ' ' + toString(c.asOf IS NOT NULL OR c.consistent) AS row";

async fn beating() -> Stand {
    let mut stand = Stand::new().await;
    stand.config.sync.heartbeat = Duration::from_millis(50);
    stand.config.sync.poll_max = Duration::from_millis(50);
    stand
}

impl Stand {
    fn slow_down(&self) {
        self.proxy.arm(Fault::next(WRITES, SLOW).times(10_000));
    }

    /// Looks at the checkpoint while all rows are read, until they are.
    async fn claims_nothing_while_rows_are_read(&self) {
        let (begun, mut seen) = (Instant::now(), 0);
        loop {
            let says = self.graph.column_between_commits(UNDER_WAY).await;
            match says.first().map(String::as_str) {
                Some("true true") => panic!("it is called right while it is loaded"),
                Some("true false") => seen += 1,
                _ if seen > 0 => break,
                _ => {}
            }
            assert!(begun.elapsed() < LATE, "{says:?} after {seen} looks");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(seen > 10, "seen {seen} times only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_is_as_of_nothing_until_its_first_load_is_done() {
    let mut stand = beating().await;
    stand.slow_down();
    stand.start();
    stand.claims_nothing_while_rows_are_read().await;
    stand.proxy.disarm();
    stand.assert_right(&[]).await;
    let as_of = "MATCH (c:ProvsyncCheckpoint) WHERE c.asOf IS NOT NULL RETURN count(c) AS row";
    until(&stand.graph, as_of, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_is_as_of_nothing_while_it_is_read_again_after_a_restore() {
    if emulator_only("the restore is the emulator's") {
        return;
    }
    let mut stand = beating().await;
    stand.start();
    stand.quiet().await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    stand.source.emulator().control().backup(&backup).await.unwrap();
    stand
        .source
        .execute("UPDATE graph.AtomGraphNodes SET AtomId = AtomId + 50000 WHERE NodeId <= 20")
        .await;
    caught_up(&stand.source, &stand.graph).await;
    stand.slow_down();
    stand.source.emulator().control().restore(&backup).await.unwrap();
    stand.claims_nothing_while_rows_are_read().await;
    stand.proxy.disarm();
    stand.assert_right(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_is_not_as_of_a_moment_after_which_edges_wait_for_their_nodes() {
    let mut stand = beating().await;
    stand.start();
    stand.quiet().await;
    stand.slow_down();
    // Each of them leaves its identity, and its edges wait until they are read again.
    stand
        .source
        .execute("UPDATE graph.AtomGraphNodes SET AtomId = AtomId + 50000 WHERE NodeId <= 20")
        .await;
    // A heartbeat just before the update may still say that the graph has all.
    let updated_at = stand.graph.column("RETURN toString(datetime()) AS row").await;
    let says = format!(
        "MATCH (c:ProvsyncCheckpoint) WITH c, EXISTS {{ MATCH (:ProvsyncQuarantine {{reason: 'node-left'}}) }} AS pending
RETURN CASE WHEN NOT pending THEN 'none' WHEN c.consistent OR c.asOf > datetime('{}') THEN 'wrong' ELSE 'right' END AS row",
        updated_at[0]
    );
    let (begun, mut seen) = (Instant::now(), 0);
    loop {
        let found = stand.graph.column_between_commits(&says).await;
        match found.first().map(String::as_str) {
            Some("right") => seen += 1,
            Some("wrong") => panic!("it is called right while edges wait"),
            _ if seen > 0 => break,
            _ => {}
        }
        assert!(begun.elapsed() < LATE, "{found:?} after {seen} looks");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stand.proxy.disarm();
    stand.assert_right(&[]).await;
    println!("seen {seen} times");
}
