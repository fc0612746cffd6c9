//! `provsync schema`: the constraints and indexes that every statement's seeks and the graph's uniqueness
//! stand on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::Subcommand;

use super::{Outcome, report};
use crate::config::{GraphConfig, Need, Parts, read_mapping};
use crate::error::{Error, Result};
use crate::mapping::{Mapping, Registry};
use crate::neo4j::schema::{self, Existing, SchemaItem, Standing};
use crate::neo4j::{Graph, checkpoint};

/// How long `schema apply` waits for indexes of a large graph.
const POPULATING_MAX: Duration = Duration::from_secs(3_600);

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
    /// Name the constraints and indexes that are missing; exit 1 if there are any
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
    let (graph, required) = connect(&config, &mapping).await?;
    match args.action {
        Action::Apply => apply(&graph, &required).await,
        _ => check(&graph, &required).await,
    }
}

/// What the mapping needs, and the types that were added by themselves before.
async fn connect(config: &GraphConfig, mapping: &Mapping) -> Result<(Graph, Vec<SchemaItem>)> {
    let graph = Graph::connect(config).await?;
    let found = checkpoint::read(&graph).await?;
    let owned = found.map(|found| found.state.owned).unwrap_or_default();
    let required = schema::required(mapping, &Registry::new(mapping, &owned));
    Ok((graph, required))
}

async fn apply(graph: &Graph, required: &[SchemaItem]) -> Result<Outcome> {
    let made = schema::ensure(graph, required, POPULATING_MAX).await?.made();
    let present = required.len() - made;
    report::print_text(&format!(
        "constraints and indexes: {made} created, {present} already present"
    ))?;
    Ok(Outcome::Done)
}

async fn check(graph: &Graph, required: &[SchemaItem]) -> Result<Outcome> {
    let existing = schema::read(graph).await?;
    let lines: Vec<String> = required.iter().filter_map(|item| line(item, &existing)).collect();
    if lines.is_empty() {
        report::print_text(&format!(
            "constraints and indexes: all {} are present",
            required.len()
        ))?;
        return Ok(Outcome::Done);
    }
    let (of, all) = (lines.len(), required.len());
    let head =
        format!("{of} of {all} constraints and indexes are missing or unusable; to run in Neo4j:");
    report::print_text(&format!("{head}\n{}", lines.join("\n")))?;
    Ok(Outcome::Findings)
}

/// What is wrong with an item, as a statement to run; what is no statement is a comment.
fn line(item: &SchemaItem, existing: &[Existing]) -> Option<String> {
    let create = format!("{};", item.create());
    match schema::standing(item, existing) {
        Standing::Online => None,
        Standing::Missing => Some(create),
        Standing::Populating(percent) => {
            Some(format!("// {}: its index is being filled ({percent:.0} %)", item.name))
        }
        Standing::Blocked { why, fix } => Some(format!("// {why}\n{fix};\n{create}")),
    }
}
