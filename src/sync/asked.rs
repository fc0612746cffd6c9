//! A worker was asked for something; somebody waits until it has done it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::right::Watch;
use crate::error::{Error, Kind, Result};
use crate::neo4j::Graph;
use crate::neo4j::leader;

/// How often it is looked whether it is done.
const INTERVAL: Duration = Duration::from_millis(250);

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without a sign of any worker.
    pub takeover: Duration,
    /// In all; as long as a worker gives signs, if `None`.
    pub wait_max: Option<Duration>,
}

/// Waits for the answer to a request, as long as a worker lives that may give it.
///
/// # Errors
/// [`Kind::Stop`] if no worker gives a sign, or another request took the place of this one;
/// [`Kind::Graph`] if it is not done in time. The request stands on the checkpoint until it is done or
/// another replaces it.
pub async fn answer(graph: &Graph, request: &str, limits: Limits) -> Result<String> {
    let (begun, mut watch) = (Instant::now(), Watch::default());
    let answered_before = leader::standing(graph, request).await?.answered;
    loop {
        // In this order: who answers takes the request off in the same transaction.
        let standing = leader::standing(graph, request).await?;
        if let Some(answer) = leader::answered(graph, request).await? {
            return Ok(answer);
        }
        if !standing.is_asked && standing.answered != answered_before {
            return Err(Error::stop(format!("another request took the place of {request}"))
                .hint("the worker does one at a time: ask again"));
        }
        if watch.see(leader::sign(graph).await?) >= limits.takeover {
            let seconds = limits.takeover.as_secs();
            return Err(Error::stop(format!(
                "no worker has given a sign for {seconds} s; request {request} stands"
            ))
            .hint("start `provsync sync`, which carries it out"));
        }
        if let Some(most) = limits.wait_max.filter(|most| begun.elapsed() > *most) {
            return Err(Error::new(
                Kind::Graph,
                format!("the worker has not done within {} s what it was asked", most.as_secs()),
            )
            .hint(format!("`provsync status` says how it is; request {request} stands")));
        }
        sleep(INTERVAL).await;
    }
}
