//! Heartbeats of whoever writes: a task beside the work, on connections of its own. No phase of the work,
//! however long one call of it takes, makes a healthy writer look dead to a standby.
//!
//! A heartbeat counts only if the source has answered a moment ago, when it was asked for the lease, and
//! if the work makes progress: a worker that hangs looks dead all the same ([`Life::advanced`]). Heartbeats
//! protect no write; the fence does.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::lease::Lease;
use super::life::Life;
use crate::error::Kind;
use crate::neo4j::checkpoint::Fence;
use crate::reconcile::stores::{GraphStore, SourceStore};

/// How often the lag is measured at least.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

/// The running task; it ends when this is dropped, and in good order by [`Heartbeat::stop`].
pub struct Heartbeat {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Without a lease to hold: whoever starts it holds it by other means.
    pub fn start<G: GraphStore>(
        graph: &G,
        life: Life,
        fence: watch::Receiver<Option<Fence>>,
    ) -> Self {
        Self::spawn(Beating { graph: graph.apart(), life, fence }, Unleased)
    }

    /// Holds the lease as well.
    pub(super) fn start_with<S: SourceStore, G: GraphStore>(
        graph: &G,
        lease: Lease<S>,
        life: Life,
        fence: watch::Receiver<Option<Fence>>,
    ) -> Self {
        Self::spawn(Beating { graph: graph.apart(), life, fence }, lease)
    }

    fn spawn<G: GraphStore>(beating: Beating<G>, lease: impl Held) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(beating.run(lease, stopped)) }
    }

    /// Ends the heartbeats; none comes after this has returned.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the heartbeats ended early");
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What has to be asked of the source before a heartbeat counts.
trait Held: Send + 'static {
    /// Returns whether the source has answered.
    fn hold(&mut self) -> impl Future<Output = bool> + Send;
}

struct Unleased;

impl Held for Unleased {
    async fn hold(&mut self) -> bool {
        true
    }
}

impl<S: SourceStore> Held for Lease<S> {
    /// The lease is a courtesy to a standby, which waits for it; the fence alone decides who writes.
    async fn hold(&mut self) -> bool {
        match Lease::hold(self).await {
            Ok(true) => true,
            Ok(false) => {
                tracing::warn!("another has the lease");
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the lease can't be held now");
                false
            }
        }
    }
}

struct Beating<G> {
    graph: G,
    life: Life,
    fence: watch::Receiver<Option<Fence>>,
}

impl<G: GraphStore> Beating<G> {
    async fn run(self, mut lease: impl Held, mut stopped: watch::Receiver<bool>) {
        loop {
            let begun = Instant::now();
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return,
                is_answered = lease.hold() => self.life.answered(is_answered),
            }
            // Not dropped halfway: an open transaction would keep the checkpoint's lock.
            self.beat().await;
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return,
                () = self.pause(begun) => {}
            }
        }
    }

    async fn beat(&self) {
        let Some(fence) = self.fence.borrow().clone() else { return };
        match self.life.beat(&self.graph, &fence).await {
            Ok(()) => {}
            // The work finds out by itself whether somebody has taken over, or has a newer fence by now.
            Err(error) if error.kind == Kind::FencedOff => self.life.doubt(&fence),
            Err(error) => tracing::warn!(%error, "a heartbeat failed"),
        }
    }

    /// Until the next heartbeat is due, or there is something to say at once.
    async fn pause(&self, begun: Instant) {
        let next = begun + self.life.interval();
        while Instant::now() < next {
            self.life.measure_lag();
            let most = next.saturating_duration_since(Instant::now()).min(MEASURE_INTERVAL);
            tokio::select! {
                () = sleep(most) => {}
                () = self.life.has_news() => return,
            }
        }
        // Whatever the interval, others get their turn.
        tokio::task::yield_now().await;
    }
}
