//! The loop.
use tokio::sync::watch;

use crate::config::{FullConfig, SyncConfig};
use crate::error::Result;
use crate::mapping::Mapping;
use crate::reconcile::stores::{GraphStore, SourceStore};

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Limits of pages and transactions; `retry_max` is how long one piece of work is tried again
    /// before the worker looks at the checkpoint anew.
    pub limits: FullConfig,
    /// The worker's own.
    pub sync: SyncConfig,
    /// What becomes what.
    pub mapping: Mapping,
    /// Who it is, to people: host and process.
    pub holder: String,
    /// Make a graph of another source equal to this one.
    pub adopt: bool,
}

/// Follows the source until it is asked to end (`Ok`), or until a rule stops it.
///
/// # Errors
/// Never a failure that may pass: those are waited for.
pub async fn follow<S: SourceStore, G: GraphStore>(
    _source: S,
    _graph: G,
    _settings: Settings,
    _stop: watch::Receiver<bool>,
) -> Result<()> {
    Ok(())
}
