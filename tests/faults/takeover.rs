//! One worker after another: it dies, it hangs, it leaves a transaction behind, it is asked to end, its
//! source does not answer it.

use std::time::{Duration, Instant};

use sqlgraph_emulator::faults::{Effect as AtSource, Fault as SourceFault, Kind};

use super::effects::SLOW;
use super::stand::Stand;
use super::support::bolt_proxy::{Effect, Fault, On};
use super::support::source::emulator_only;
use super::support::tcp_proxy::TcpProxy;
use super::support::worker::{Worker, caught_up, until};

const FENCE: &str = "MATCH (c:ProvsyncCheckpoint) RETURN c.fence AS row";
const WITHIN_WINDOW: &str = "MATCH (c:ProvsyncCheckpoint {phase: 'window'}) RETURN count(c) AS row";
/// Far more than a worker that is well needs between two signs of life.
const TAKEOVER: Duration = Duration::from_secs(4);

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

    /// The worker starts anew, its source behind a proxy of its own, and finds out soon that it is not
    /// answered; a takeover in silence takes `takeover`.
    async fn start_cut_off(takeover: Duration) -> (Self, TcpProxy) {
        let mut stand = following().await;
        stand.worker.take().unwrap().end().await.unwrap();
        let between = TcpProxy::start(&stand.config.source.host, stand.config.source.port).await;
        stand.config.sync.takeover = takeover;
        stand.config.source.statement_timeout = Duration::from_millis(400);
        stand.config.source.connect_timeout = Duration::from_millis(400);
        stand.worker = Some(stand.worker_behind(&between));
        stand.change_few().await;
        stand.assert_right(&[]).await;
        (stand, between)
    }

    /// Another worker, whose source is behind a proxy.
    fn worker_behind(&self, between: &TcpProxy) -> Worker {
        let mut config = self.config.clone();
        config.source.port = between.port();
        Worker::start(&config)
    }

    async fn fence(&self) -> Vec<String> {
        self.graph.column(FENCE).await
    }

    /// A window by pages begins, and takes long.
    async fn begin_long_window(&mut self) {
        self.proxy.arm(Fault::next(On::RunContaining("SET n += row.p"), SLOW).times(100));
        self.change_many().await;
        until(&self.graph, WITHIN_WINDOW, 1).await;
    }

    /// What a writer that was replaced does once it is let go: it stands by, and is the right one when
    /// the other has ended.
    async fn goes_on_as_standby(&mut self, standby: Worker) {
        let second = self.fence().await;
        for _ in 0..3 {
            self.change_few().await;
            self.assert_right(&[]).await;
            assert_eq!(self.fence().await, second, "the first one stands by");
        }
        standby.end().await.unwrap();
        self.change_few().await;
        self.assert_right(&[]).await;
        assert_ne!(self.fence().await, second);
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
    assert_ne!(stand.fence().await, first);
    stand.proxy.release();
    stand.proxy.until_none_held().await;
    stand.goes_on_as_standby(standby).await;
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
    stand.begin_long_window().await;
    let begun = Instant::now();
    stand.worker.take().unwrap().end().await.unwrap();
    assert!(begun.elapsed() < stand.config.sync.shutdown, "{:?}", begun.elapsed());
    assert_eq!(stand.graph.number(WITHIN_WINDOW).await, 1, "it ended on its way");
    stand.proxy.disarm();
    stand.start();
    stand.assert_right(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_from_a_worker_that_the_source_does_not_answer() {
    let (mut stand, between) = Stand::start_cut_off(TAKEOVER).await;
    let first = stand.fence().await;
    let standby = stand.standby();
    between.hold();
    let held = Instant::now();
    // The server does not know: the lease is not free.
    stand.change_few().await;
    caught_up(&stand.source, &stand.graph).await;
    println!("taken over after {:?}", held.elapsed());
    assert!(held.elapsed() < 2 * TAKEOVER, "{:?}", held.elapsed());
    assert_ne!(stand.fence().await, first);
    stand.change_few().await;
    stand.assert_right(&[]).await;
    between.release();
    stand.goes_on_as_standby(standby).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_at_once_when_the_server_ends_a_lease_that_nobody_answers_for() {
    let (mut stand, between) = Stand::start_cut_off(Duration::from_secs(600)).await;
    let first = stand.fence().await;
    let standby = stand.standby();
    between.hold();
    between.close_upstream();
    stand.change_few().await;
    caught_up(&stand.source, &stand.graph).await;
    assert_ne!(stand.fence().await, first);
    between.release();
    stand.goes_on_as_standby(standby).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_cut_off_from_the_source_within_a_window_writes_no_further_page() {
    let (mut stand, between) = Stand::start_cut_off(TAKEOVER).await;
    let first = stand.fence().await;
    let standby = stand.standby();
    stand.begin_long_window().await;
    between.hold();
    stand.proxy.disarm();
    caught_up(&stand.source, &stand.graph).await;
    assert_ne!(stand.fence().await, first);
    between.release();
    stand.goes_on_as_standby(standby).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_the_source_does_not_answer_harms_nobody_and_takes_over_later() {
    let mut stand = following().await;
    let first = stand.fence().await;
    let between = TcpProxy::start(&stand.config.source.host, stand.config.source.port).await;
    let standby = stand.worker_behind(&between);
    // Once it stands by, once it has not even begun.
    let beside = TcpProxy::start(&stand.config.source.host, stand.config.source.port).await;
    beside.hold();
    let never_begun = stand.worker_behind(&beside);
    for _ in 0..3 {
        stand.change_few().await;
        stand.assert_right(&[]).await;
        between.hold();
    }
    assert_eq!(stand.fence().await, first);
    stand.kill();
    stand.change_few().await;
    let before = stand.graph.dump().await;
    tokio::time::sleep(stand.config.sync.takeover + Duration::from_secs(1)).await;
    assert_eq!(stand.graph.dump().await, before, "nobody is there who could write");
    assert!(standby.is_running() && never_begun.is_running());
    between.release();
    stand.assert_right(&[]).await;
    let second = stand.fence().await;
    assert_ne!(second, first);
    beside.release();
    stand.change_few().await;
    stand.assert_right(&[]).await;
    standby.end().await.unwrap();
    stand.change_few().await;
    stand.assert_right(&[]).await;
    assert_ne!(stand.fence().await, second);
    never_begun.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_granted_to_a_standby_that_does_not_hear_of_it_keeps_nobody() {
    if emulator_only("the answer of a lease is held at the emulator") {
        return;
    }
    let mut stand = following().await;
    let first = stand.fence().await;
    stand.kill();
    let between = TcpProxy::start(&stand.config.source.host, stand.config.source.port).await;
    // EXEC is the lease's alone.
    let faults = stand.source.emulator().faults();
    faults.arm(SourceFault::new(AtSource::Hold).on(Kind::Other)).unwrap();
    let standby = stand.worker_behind(&between);
    stand.source.happened().await;
    between.hold();
    let third = stand.standby();
    stand.change_few().await;
    caught_up(&stand.source, &stand.graph).await;
    assert_ne!(stand.fence().await, first);
    stand.source.emulator().faults().release();
    between.release();
    // Either may get the lease now, and then is the one that writes.
    for _ in 0..3 {
        stand.change_few().await;
        stand.assert_right(&[]).await;
    }
    assert!(standby.is_running() && third.is_running());
    third.end().await.unwrap();
    stand.change_few().await;
    stand.assert_right(&[]).await;
    standby.end().await.unwrap();
}
