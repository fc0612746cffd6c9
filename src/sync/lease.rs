//! The lease on a connection of its own, with a time limit of its own: whoever waits for an answer about
//! the lease is blind meanwhile, so it waits far shorter than for a statement that reads rows.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Kind, Result};
use crate::reconcile::stores::SourceStore;

/// The connection that has the lease, or asks for it.
pub(super) struct Lease<S> {
    connection: S,
    /// Which lease: [`super::right::lease_name`].
    pub name: String,
    answer_max: Duration,
}

impl<S: SourceStore> Lease<S> {
    /// A lease that is not held yet. The source has `answer_max` to answer each call.
    pub fn new(connection: S, answer_max: Duration) -> Self {
        Self { connection, name: String::new(), answer_max }
    }

    /// Takes the lease, if nobody has it. Does not wait for whoever has it.
    ///
    /// # Errors
    /// The source does not answer in time, among others; the connection is discarded then.
    pub async fn take(&mut self) -> Result<bool> {
        let taken = timeout(self.answer_max, self.connection.take_lease(&self.name)).await;
        self.answered(taken)
    }

    /// Keeps the lease, or takes it again where the connection broke; returns whether this connection
    /// has it.
    ///
    /// # Errors
    /// As [`Lease::take`].
    pub async fn hold(&mut self) -> Result<bool> {
        let held = timeout(self.answer_max, self.connection.holds_lease(&self.name)).await;
        if matches!(self.answered(held), Ok(true)) {
            return Ok(true);
        }
        let is_taken = self.take().await?;
        if is_taken {
            tracing::info!("the lease was lost and is taken again");
        }
        Ok(is_taken)
    }

    /// Gives the lease up, with the connection.
    pub fn release(&mut self) {
        self.connection.release_lease();
    }

    fn answered(
        &mut self,
        call: Result<Result<bool>, tokio::time::error::Elapsed>,
    ) -> Result<bool> {
        call.unwrap_or_else(|_| {
            // The answer may still come, and would be taken for that of the next call.
            self.connection.release_lease();
            let seconds = self.answer_max.as_secs_f64();
            let what = format!("the source did not answer within {seconds} s about the lease");
            Err(Error::new(Kind::Transient, what))
        })
    }
}
