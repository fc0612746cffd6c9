//! A worker's life: it stands by until it may write, writes until it may no longer, stands by again.

use tokio::sync::watch;

use super::failures::{ended, is_passing, pause_unless};
use super::lease::Lease;
use super::metrics;
use super::right::{self, Patience, Watch};
use super::worker::{Following, Settings, write};
use crate::error::{Kind, Result};
use crate::mapping::Registry;
use crate::neo4j::checkpoint::{Fence, Found};
use crate::reconcile::carrier::Carrier;
use crate::reconcile::engine::Engine;
use crate::reconcile::retry;
use crate::reconcile::stores::{GraphStore, SourceStore};

/// Follows the source until it is asked to end (`Ok`), or until a rule stops it.
///
/// # Errors
/// Never a failure that may pass: those are waited for.
pub async fn follow<S: SourceStore, G: GraphStore>(
    source: S,
    graph: G,
    settings: Settings,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let mut was_fenced_off = false;
    loop {
        let standby = Standby {
            source: source.another(),
            lease: Lease::new(source.another(), patience(&settings).answer_max()),
            watch: Watch::default(),
            was_fenced_off,
        };
        let outcome = match standby.wait(&graph, &settings, &stop).await {
            Ok(Writer { carrier, following, lease }) => {
                Box::pin(write(carrier, following, lease)).await
            }
            Err(error) => Err(error),
        };
        metrics::health(false, true);
        metrics::no_lag();
        match outcome {
            Err(error) if error.kind == Kind::Ended => return Ok(()),
            Err(error) if error.kind == Kind::FencedOff => {
                tracing::warn!(%error, "standing by");
                metrics::retry(&error);
                was_fenced_off = true;
                // Whoever did it has not given a sign yet.
                pause_unless(&stop, settings.sync.heartbeat).await.ok();
            }
            other => return other,
        }
    }
}

/// A worker that may not write.
struct Standby<S> {
    source: S,
    lease: Lease<S>,
    watch: Watch,
    was_fenced_off: bool,
}

impl<S: SourceStore> Standby<S> {
    /// Waits for the right to write.
    async fn wait<G: GraphStore>(
        mut self,
        graph: &G,
        settings: &Settings,
        stop: &watch::Receiver<bool>,
    ) -> Result<Writer<S, G>> {
        let mut pauses = retry::schedule();
        let mut has_said = false;
        loop {
            ended(stop)?;
            let pause = match self.look(graph, settings).await {
                Ok(Some(right)) => return Ok(self.write_with(graph, settings, right, stop)),
                Ok(None) => {
                    pauses = retry::schedule();
                    if !std::mem::replace(&mut has_said, true) {
                        tracing::info!("another worker writes; standing by");
                    }
                    right::interval(patience(settings))
                }
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "can't take the right to write now");
                    metrics::retry(&error);
                    pauses.next().unwrap_or(settings.sync.heartbeat)
                }
                Err(error) => return Err(error),
            };
            pause_unless(stop, pause).await?;
        }
    }

    async fn look<G: GraphStore>(
        &mut self,
        graph: &G,
        settings: &Settings,
    ) -> Result<Option<Right>> {
        self.lease.name = right::lease_name(graph).await?;
        let patience = patience(settings);
        let (lease, watch) = (&mut self.lease, &mut self.watch);
        if !right::look(lease, graph, watch, self.was_fenced_off, patience).await? {
            return Ok(None);
        }
        let database = self.source.epoch(&settings.mapping).await?.database;
        let (fence, found) = right::raise(graph, &database, settings.adopt, patience).await?;
        Ok(Some(Right { fence, found }))
    }

    fn write_with<G: GraphStore>(
        self,
        graph: &G,
        settings: &Settings,
        right: Right,
        stop: &watch::Receiver<bool>,
    ) -> Writer<S, G> {
        tracing::info!(version = right.found.state.version, "writing");
        let state = right.found.state;
        let registry = Registry::new(&settings.mapping, &state.owned);
        let (mapping, limits) = (settings.mapping.clone(), settings.limits.clone());
        let engine =
            Engine::new(graph.clone(), mapping, registry, Some(right.fence), state, limits);
        let following = Following::new(settings, right.found.sealed, stop.clone());
        let carrier = Carrier { source: self.source, engine };
        Writer { carrier, following, lease: self.lease }
    }
}

/// A worker that may write.
struct Writer<S, G> {
    carrier: Carrier<S, G>,
    following: Following,
    lease: Lease<S>,
}

/// The right to write, and what stood on the checkpoint when it was taken.
struct Right {
    fence: Fence,
    found: Found,
}

fn patience(settings: &Settings) -> Patience {
    Patience { heartbeat: settings.sync.heartbeat, takeover: settings.sync.takeover }
}
