//! One call of the work takes long: the writer is heard of all the while, and goes on.

use std::time::{Duration, Instant};

use sqlgraph_emulator::faults::{Effect as AtSource, Fault as SourceFault, Kind};

use super::stand::{Stand, statement};
use super::support::bolt_proxy::Effect;
use super::support::source::emulator_only;
use super::support::worker::{Worker, caught_up};

const FENCE: &str = "MATCH (c:ProvsyncCheckpoint) RETURN c.fence AS row";
const TAKEOVER: Duration = Duration::from_secs(2);
/// Longer than a standby waits for a heartbeat.
const LONG: Duration = Duration::from_secs(5);

async fn patient() -> Stand {
    let mut stand = Stand::new().await;
    stand.config.sync.heartbeat = Duration::from_millis(300);
    stand.config.sync.takeover = TAKEOVER;
    stand.config.graph.answer_timeout = Duration::from_secs(60);
    stand.config.source.statement_timeout = Duration::from_secs(60);
    stand
}

/// One after the other, a call of each phase that has no end in sight: counting and comparing keys, looking
/// for things without a row, removing placeholders.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_over_from_a_worker_whose_calls_take_long() {
    let mut stand = patient().await;
    stand.start();
    stand.quiet().await;
    stand.kill();
    // All rows are read again, as after an edit of the checkpoint.
    stand.graph.run("MATCH (c:ProvsyncCheckpoint) SET c.seal = 'edited'").await;
    let phases =
        ["labels(n) WHERE l IN $names], n.`atomId`] AS row", "MATCH (p:`AtomPlaceholder`)"];
    let strikes: Vec<usize> =
        phases.iter().map(|text| stand.arm(statement(text), Effect::Slow(LONG))).collect();
    stand.start();
    stand.proxy.until_struck(strikes[0]).await;
    let first = stand.graph.column(FENCE).await;
    let mut config = stand.config.clone();
    config.graph = stand.graph.config.clone();
    let standby = Worker::start(&config);
    stand.proxy.until_struck(strikes[0] + 1).await;
    caught_up(&stand.source, &stand.graph).await;
    assert_eq!(stand.graph.column(FENCE).await, first, "it was well all the while");
    standby.end().await.unwrap();
    stand.assert_right(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_followed_while_the_source_does_not_answer_about_the_lease() {
    if emulator_only("the answer about a lease is held at the emulator") {
        return;
    }
    let mut stand = patient().await;
    stand.config.sync.takeover = Duration::from_secs(600);
    stand.start();
    stand.quiet().await;
    // The lease ends with its connection, and nothing but the EXEC that takes it again is of this kind.
    let faults = stand.source.emulator().faults();
    faults.arm(SourceFault::new(AtSource::Hold).on(Kind::Other)).unwrap();
    stand.source.emulator().control().restart(Duration::ZERO).await.unwrap();
    stand.source.happened().await;
    let begun = Instant::now();
    stand.change_few().await;
    caught_up(&stand.source, &stand.graph).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    stand.source.emulator().faults().release();
    stand.assert_right(&[]).await;
}
