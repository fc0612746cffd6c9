//! `provsync schema`: the constraints that every statement's seeks and the graph's uniqueness
//! stand on.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Subcommand;

use super::{Outcome, report};
use crate::config::{GraphConfig, Need, Parts, read_mapping};
use crate::error::{Error, Result};
use crate::mapping::{Mapping, Registry};
use crate::neo4j::schema::{self, Constraint};
use crate::neo4j::{Graph, checkpoint};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Action {
    /// Make the constraints that are missing
    Apply,
    /// Print the statements, to run elsewhere
    Print,
    /// Say which constraints are missing; exit 1 if there are any
    Check,
}

impl Args {
    /// What is printed needs no connection.
    pub(super) fn need(&self) -> Need {
        match self.action {
            Action::Print => Need::NONE,
            Action::Apply | Action::Check => Need::GRAPH,
        }
    }
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let mapping = read_mapping(parts.mapping.as_deref().map(Path::new))?;
    if matches!(args.action, Action::Print) {
        let registry = Registry::new(&mapping, &BTreeMap::new());
        report::print_text(&schema::script(&mapping, &registry))?;
        return Ok(Outcome::Done);
    }
    let config = parts.graph.ok_or_else(|| Error::usage("the graph is not configured"))?;
    let (graph, wanted) = connect(&config, &mapping).await?;
    match args.action {
        Action::Apply => apply(&graph, &wanted).await,
        _ => check(&graph, &wanted).await,
    }
}

/// The constraints of the mapping and of the types that were added by themselves before.
async fn connect(config: &GraphConfig, mapping: &Mapping) -> Result<(Graph, Vec<Constraint>)> {
    let graph = Graph::connect(config).await?;
    let found = checkpoint::read(&graph).await?;
    let owned = found.map(|found| found.state.owned).unwrap_or_default();
    let wanted = schema::constraints(mapping, &Registry::new(mapping, &owned));
    Ok((graph, wanted))
}

async fn apply(graph: &Graph, wanted: &[Constraint]) -> Result<Outcome> {
    let made = schema::apply(graph, wanted).await?;
    let present = wanted.len() - made;
    report::print_text(&format!("{made} constraint(s) made, {present} were there"))?;
    Ok(Outcome::Done)
}

async fn check(graph: &Graph, wanted: &[Constraint]) -> Result<Outcome> {
    let missing = schema::missing(graph, wanted).await?;
    if missing.is_empty() {
        report::print_text(&format!("all {} constraints are there", wanted.len()))?;
        return Ok(Outcome::Done);
    }
    let statements: Vec<String> = missing.iter().map(|c| format!("{};", c.create())).collect();
    let (of, all) = (missing.len(), wanted.len());
    let head = format!("{of} of {all} constraints are missing; `provsync schema apply` runs:");
    report::print_text(&format!("{head}\n{}", statements.join("\n")))?;
    Ok(Outcome::Findings)
}
