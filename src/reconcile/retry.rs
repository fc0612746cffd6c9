//! How long work is done again after faults that pass.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::error::{Error, Result};

/// Pauses that grow, with jitter, from the first failure on until the limit; the clock begins anew
/// when something has worked in between.
pub struct Patience {
    limit: Duration,
    running: Option<(Instant, ExponentialBackoff)>,
}

impl Patience {
    /// Patience for work that may fail for `limit` without a success.
    pub fn new(limit: Duration) -> Self {
        Self { limit, running: None }
    }

    /// Something worked.
    pub fn reset(&mut self) {
        self.running = None;
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The failure itself, when it does not pass by itself or has lasted too long.
    pub async fn wait(&mut self, error: Error) -> Result<()> {
        if !error.is_retryable() {
            return Err(error);
        }
        let (since, pauses) = self.running.get_or_insert_with(|| (Instant::now(), schedule()));
        let within_limit = since.elapsed() < self.limit;
        let Some(pause) = pauses.next().filter(|_| within_limit) else {
            return Err(error.during("gave up"));
        };
        tracing::warn!(%error, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Pauses that grow to ten seconds, with jitter, without an end.
pub fn schedule() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times()
        .build()
}

/// Three short pauses, with jitter, of a batch that other lanes were in the way of.
pub fn between_lanes() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(5))
        .with_max_times(3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn the_clock_begins_at_the_first_failure_and_anew_after_a_success() {
        let mut patience = Patience::new(Duration::from_millis(150));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let passing = || Error::new(Kind::Transient, "away");
        patience.wait(passing()).await.unwrap();
        while patience.wait(passing()).await.is_ok() {}
        patience.reset();
        patience.wait(passing()).await.unwrap();
        let refused = patience.wait(Error::new(Kind::Graph, "no")).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Graph);
    }
}
