//! Both stores, opened to be compared.

use std::sync::Arc;

use super::settle::Settler;
use crate::config::Config;
use crate::error::Result;
use crate::mapping::{Mapping, Registry};
use crate::neo4j::Graph;
use crate::neo4j::checkpoint::{State, check_source};
use crate::reconcile::full::preflight_of_reader;
use crate::reconcile::stores::SourceStore;
use crate::sqlserver::Source;

/// Both stores, connected and checked.
pub struct Stores {
    /// Where rows are read.
    pub source: Source,
    /// Where things are read.
    pub graph: Graph,
    /// The mapping in force.
    pub mapping: Arc<Mapping>,
    /// What types are called.
    pub registry: Registry,
    /// Tells what differs from what is on its way.
    pub settler: Settler,
    /// The source: name and guid.
    pub id: String,
    /// What the checkpoint said.
    pub state: State,
}

impl Stores {
    /// Connects to both and checks what `doctor` checks: over a wrong set-up nothing could be told, or
    /// only by scans.
    ///
    /// # Errors
    /// A store can't be reached, something must be put right first, or the graph has no checkpoint that
    /// says anything about this source under this mapping.
    pub async fn open(config: &Config, mapping: Mapping, looks_max: u32) -> Result<Self> {
        let mut source = Source::new(config.source.clone());
        source.connect().await?;
        let graph = Graph::connect(&config.graph).await?;
        preflight_of_reader(config, &mut source, &graph, &mapping).await?;
        let mapping = Arc::new(mapping);
        let (apart, limits) = (source.another(), config.full.clone());
        let settler = Settler::new(apart, graph.clone(), Arc::clone(&mapping), limits, looks_max);
        let state = settler.checkpoint().await?;
        check_source(&state, &source.epoch(&mapping).await?.database, false)?;
        let id = state.source.clone();
        let registry = Registry::new(&mapping, &state.owned);
        Ok(Self { source, graph, mapping, registry, settler, id, state })
    }
}
