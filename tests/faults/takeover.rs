//! One worker after another: it dies, it hangs, it leaves a transaction behind, it is asked to end.

use std::time::{Duration, Instant};

use super::effects::SLOW;
use super::stand::Stand;
use super::support::bolt_proxy::{Effect, Fault, On};
use super::support::worker::{Worker, caught_up, until};

const FENCE: &str = "MATCH (c:ProvsyncCheckpoint) RETURN c.fence AS row";

/// A worker through the proxy that gives signs of life.
async fn following() -> Stand {
    let mut stand = Stand::new().await;
    stand.config.sync.heartbeat = Duration::from_millis(300);
    stand.config.sync.takeover = Duration::from_secs(2);
    // Only its own end ends its patience.
    stand.config.graph.answer_timeout = Duration::from_secs(60);
    stand.start();
    stand.quiet().await;
    stand
}

impl Stand {
    /// Another worker, past the proxy.
    fn standby(&self) -> Worker {
        let mut config = self.config.clone();
        config.graph = self.graph.config.clone();
        Worker::start(&config)
    }

    async fn fence(&self) -> Vec<String> {
        self.graph.column(FENCE).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_from_a_worker_that_dies() {
    let mut stand = following().await;
    let first = stand.fence().await;
    let standby = stand.standby();
    stand.change_few().await;
    stand.assert_right(&[]).await;
    assert_eq!(stand.fence().await, first, "while it lives");
    stand.kill();
    stand.change_few().await;
    stand.assert_right(&[]).await;
    assert_ne!(stand.fence().await, first);
    standby.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hangs_with_an_open_transaction_writes_nothing_after_the_takeover() {
    let mut stand = following().await;
    let first = stand.fence().await;
    let strikes = stand.arm(super::stand::commit("SET c += $state"), Effect::Hold);
    stand.change_few().await;
    stand.proxy.until_struck(strikes).await;
    let standby = stand.standby();
    caught_up(&stand.source, &stand.graph).await;
    let second = stand.fence().await;
    assert_ne!(second, first);
    stand.proxy.release();
    stand.proxy.until_none_held().await;
    for _ in 0..3 {
        stand.change_few().await;
        stand.assert_right(&[]).await;
        assert_eq!(stand.fence().await, second, "the first one stands by");
    }
    standby.end().await.unwrap();
    // Which then is the right one again.
    stand.change_few().await;
    stand.assert_right(&[]).await;
    assert_ne!(stand.fence().await, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_a_dead_worker_left_open_does_not_keep_the_next_one() {
    let mut stand = following().await;
    let strikes = stand.arm(super::stand::commit("SET c += $state"), Effect::LateCommit);
    stand.change_few().await;
    stand.proxy.until_struck(strikes).await;
    stand.kill();
    let begun = Instant::now();
    stand.start();
    caught_up(&stand.source, &stand.graph).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    stand.proxy.release();
    stand.proxy.until_none_held().await;
    stand.change_few().await;
    stand.assert_right(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_end_within_a_window_ends_soon_and_the_next_goes_on() {
    let mut stand = following().await;
    stand.proxy.arm(Fault::next(On::RunContaining("SET n += row.p"), SLOW).times(100));
    stand.change_many().await;
    let within = "MATCH (c:ProvsyncCheckpoint {phase: 'window'}) RETURN count(c) AS row";
    until(&stand.graph, within, 1).await;
    let begun = Instant::now();
    stand.worker.take().unwrap().end().await.unwrap();
    assert!(begun.elapsed() < stand.config.sync.shutdown, "{:?}", begun.elapsed());
    assert_eq!(stand.graph.number(within).await, 1, "it ended on its way");
    stand.proxy.disarm();
    stand.start();
    stand.assert_right(&[]).await;
}
