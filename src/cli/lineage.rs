//! `provsync lineage`: one atom's lineage from either store.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ValueEnum;

use super::walk::Walk;
use super::{Outcome, report};
use crate::compare::lineage::{Format, Lineage};
use crate::compare::roots;
use crate::compare::side::{Scope, Side};
use crate::config::{Need, Parts, read_mapping};
use crate::error::{Error, Result};
use crate::mapping::{Mapping, Registry};
use crate::neo4j::lineage::GraphSide;
use crate::neo4j::{Graph, checkpoint};
use crate::sqlserver::Source;
use crate::sqlserver::lineage::SourceSide;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The atom: an identity
    #[arg(allow_negative_numbers = true)]
    atom: String,
    /// Which store tells it
    #[arg(long, value_enum, default_value_t)]
    from: From,
    #[command(flatten)]
    walk: Walk,
    /// How it is shown
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Which store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum From {
    /// SQL Server
    #[default]
    Source,
    /// Neo4j
    Graph,
}

impl From {
    /// What has to be configured.
    pub(super) fn need(self) -> Need {
        match self {
            Self::Source => Need::SOURCE,
            Self::Graph => Need::GRAPH,
        }
    }
}

impl Args {
    pub(super) fn need(&self) -> Need {
        self.from.need()
    }
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let mapping = Arc::new(read_mapping(parts.mapping.as_deref())?);
    let missing = || Error::usage("the store is not configured");
    let (types, streams) = (&args.walk.types, !args.walk.no_streams);
    match args.from {
        From::Source => {
            let source = Source::new(parts.source.ok_or_else(missing)?);
            let registry = Registry::new(&mapping, &BTreeMap::new());
            let scope = Scope::new(&mapping, &registry, types, streams)?;
            show(args, &mapping, SourceSide::new(source, mapping.clone(), registry, scope)).await
        }
        From::Graph => {
            let graph = Graph::connect(&parts.graph.ok_or_else(missing)?).await?;
            let owned = checkpoint::read(&graph).await?.map(|found| found.state.owned);
            let registry = Registry::new(&mapping, &owned.unwrap_or_default());
            let scope = Scope::new(&mapping, &registry, types, streams)?;
            show(args, &mapping, GraphSide::new(graph, mapping.clone(), &registry, scope)).await
        }
    }
}

async fn show<S: Side>(args: &Args, mapping: &Mapping, mut side: S) -> Result<Outcome> {
    let roots = roots::of_identity(&mut side, mapping, &args.atom).await?;
    if roots.is_empty() {
        return Err(Error::usage(format!("this store has no node of the atom {:?}", args.atom)));
    }
    let (direction, limits) = (args.walk.direction(), args.walk.limits());
    let lineage = Lineage::read(&mut side, roots, direction, limits).await?;
    report::print_text(&lineage.shown(mapping, args.output))?;
    match &lineage.cut {
        None => Ok(Outcome::Done),
        Some(said) => {
            eprintln!("provsync: {said}");
            Ok(Outcome::Failed)
        }
    }
}
