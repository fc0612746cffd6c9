//! `provsync sync`: the continuous worker.

use super::Outcome;
use crate::config::{Parts, read_mapping};
use crate::error::{Error, Result};
use crate::sync::start::{self, Options};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Let up to N deletes of a table pass the circuit breaker, in each window and full
    #[arg(long, value_name = "N")]
    pub(super) allow_deletes: Option<u64>,
    /// Make a graph of another source equal to this one
    #[arg(long)]
    adopt: bool,
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let config = parts.into_config()?;
    let mapping = read_mapping(config.mapping.as_deref())?;
    let options = Options { adopt: args.adopt, allow_deletes: args.allow_deletes };
    let stop = signals()?;
    Box::pin(start::run(&config, mapping, options, stop)).await?;
    Ok(Outcome::Done)
}

/// Done when SIGTERM or Ctrl-C comes.
fn signals() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen =
        |kind| signal(kind).map_err(|e| Error::usage(format!("signals can't be heard: {e}")));
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
