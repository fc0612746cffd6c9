//! `provsync compare`: whether both stores tell the same lineage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::lineage::From;
use super::walk::Walk;
use super::written::Written;
use super::{Outcome, Output, report, verify};
use crate::compare::around;
use crate::compare::comparison::{self, Options};
use crate::compare::difference::Report;
use crate::compare::evidence::{self, Check};
use crate::compare::report::Format;
use crate::compare::roots::{Choice, Sample};
use crate::compare::settle::LOOKS_MAX;
use crate::config::{Need, Parts, read_mapping};
use crate::error::{Error, Result};
use crate::mapping::Registry;
use crate::neo4j::Graph;
use crate::neo4j::lineage::GraphSide;
use crate::sqlserver::Source;
use crate::sqlserver::lineage::SourceSide;

#[derive(Debug, clap::Args)]
// Each is a flag, and they are independent.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Args {
    /// Begin at the nodes of these atoms (identities)
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', allow_negative_numbers = true)]
    atom: Vec<String>,
    /// Begin at the nodes of these row keys
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ',', allow_negative_numbers = true)]
    node: Vec<i64>,
    /// Begin at N nodes of the source, spread over types and degrees
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Which sample: one seed gives the same one of the same rows
    #[arg(long, value_name = "S", default_value_t = 0, requires = "sample")]
    seed: u64,
    /// Begin at every node of either store, also at those that have no row because only streams name them
    #[arg(long)]
    all_roots: bool,
    /// Begin at what changed at the source after VERSION, and at the ends of what joins
    #[arg(long, value_name = "VERSION")]
    changed_since: Option<i64>,
    #[command(flatten)]
    walk: Walk,
    /// Exit with 0 where only rows in quarantine differ
    #[arg(long)]
    allow_quarantined: bool,
    /// How often a difference is looked at that may be on its way, and how often --evidence walks anew
    /// where changes came between
    #[arg(long, value_name = "N", default_value_t = LOOKS_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    looks: u32,
    /// Write what was compared to FILE, to be held against either store later
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Instead of comparing, hold one store against the evidence in FILE
    #[arg(long, value_name = "FILE", requires = "side", conflicts_with_all = ["atom", "node", "sample", "all_roots", "changed_since", "evidence"])]
    check_evidence: Option<PathBuf>,
    /// Which store is held against evidence
    #[arg(long, value_enum, requires = "check_evidence")]
    side: Option<From>,
    #[command(flatten)]
    written: Written,
}

impl Args {
    /// Evidence is held against one store, and the other need not be there.
    pub(super) fn need(&self) -> Need {
        self.side.map_or(Need::BOTH, From::need)
    }
}

/// Its JSON form is a contract: `docs/output.md`.
#[derive(Debug, Serialize)]
struct Checked {
    /// SHA-256 of the evidence.
    evidence: String,
    /// `source` or `graph`.
    side: &'static str,
    #[serde(flatten)]
    check: Check,
}

/// Whatever keeps it from an answer is "could not tell", a rule that stops other commands as well.
pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let outcome = match (&args.check_evidence, args.side) {
        (Some(path), Some(side)) => Box::pin(check(args, path, side, parts)).await,
        _ => match Box::pin(compare(args, parts)).await {
            Ok(found) => {
                args.written.write(&found)?;
                Ok(verify::outcome(&found, args.allow_quarantined))
            }
            Err(error) => Err(error),
        },
    };
    outcome.or_else(|error| {
        eprintln!("provsync: {error}");
        Ok(Outcome::Failed)
    })
}

async fn compare(args: &Args, parts: Parts) -> Result<Report> {
    let roots = args.roots();
    if roots == Choice::default() {
        return Err(Error::usage("where does it begin?")
            .hint("--atom, --node, --sample, --all-roots or --changed-since"));
    }
    let config = parts.into_config()?;
    let mapping = read_mapping(config.mapping.as_deref())?;
    let options = Options {
        roots,
        direction: args.walk.direction(),
        limits: args.walk.limits(),
        types: args.walk.types.clone(),
        streams: !args.walk.no_streams,
        looks_max: args.looks,
        evidence: args.evidence.clone(),
    };
    let run = comparison::run(&config, mapping.clone(), &options);
    let mut report = Box::pin(run).await?;
    around::complete(&config, &mapping, &mut report).await;
    Ok(report)
}

async fn check(args: &Args, path: &Path, side: From, parts: Parts) -> Result<Outcome> {
    let mapping = Arc::new(read_mapping(parts.mapping.as_deref())?);
    let (body, sha256) = evidence::read(path)?;
    if body.mapping != mapping.digest {
        return Err(Error::usage("the evidence was taken with another mapping"));
    }
    let (registry, scope) = (Registry::new(&mapping, &body.owned), body.scope(&mapping)?);
    let missing = || Error::usage("the store is not configured");
    let (name, check) = match side {
        From::Source => {
            let source = Source::new(parts.source.ok_or_else(missing)?);
            let mut side = SourceSide::new(source, mapping.clone(), registry, scope);
            let check = evidence::check(&mut side, &mapping, &body, &body.source_hops).await?;
            ("source", check)
        }
        From::Graph => {
            let graph = Graph::connect(&parts.graph.ok_or_else(missing)?).await?;
            let mut side = GraphSide::new(graph, mapping.clone(), &registry, scope);
            let check = evidence::check(&mut side, &mapping, &body, &body.graph_hops).await?;
            ("graph", check)
        }
    };
    let is_equal = check.equal;
    let output = if args.written.output == Format::Json { Output::Json } else { Output::Text };
    report::print(output, &Checked { evidence: sha256, side: name, check }, checked)?;
    Ok(if is_equal { Outcome::Done } else { Outcome::Findings })
}

fn checked(checked: &Checked) -> String {
    let (side, evidence) = (checked.side, &checked.evidence);
    match checked.check.first_divergent_hop {
        None => format!("Equal: the {side} is what the evidence {evidence} says of it."),
        Some(hop) => format!(
            "Different: at hop {hop} the {side} is not what the evidence {evidence} says of it."
        ),
    }
}

impl Args {
    fn roots(&self) -> Choice {
        let size = self.sample.and_then(|size| usize::try_from(size).ok());
        Choice {
            atoms: self.atom.clone(),
            nodes: self.node.clone(),
            sample: size.map(|size| Sample { size, seed: self.seed }),
            all: self.all_roots,
            changed_since: self.changed_since,
        }
    }
}
