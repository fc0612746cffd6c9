//! `provsync purge`: removes all that provsync made in the graph.

use super::{Outcome, Output, report};
use crate::config::{Parts, read_mapping};
use crate::error::{Error, Result};
use crate::reconcile::purge::{Purged, run_purge};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Yes, delete it; what is in the source stays
    #[arg(long)]
    yes: bool,
    /// How the counts are printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let graph = parts.graph.ok_or_else(|| Error::usage("the graph is not configured"))?;
    if !args.yes {
        let what = format!(
            "purge deletes all that provsync made in the database {} at {}",
            graph.database, graph.uri
        );
        return Err(Error::usage(what).hint("add --yes if that is what you want"));
    }
    let mapping = read_mapping(parts.mapping.as_deref())?;
    let purged = run_purge(&graph, &mapping).await?;
    report::print(args.output, &purged, text)?;
    Ok(Outcome::Done)
}

fn text(purged: &Purged) -> String {
    format!(
        "removed: {} nodes, {} relationships, {} constraints and indexes",
        purged.written.nodes_deleted, purged.written.relationships_deleted, purged.constraints
    )
}
