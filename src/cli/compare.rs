//! `provsync compare`: whether both stores tell the same lineage.

use std::path::PathBuf;

use super::lineage::From;
use super::walk;
use crate::compare::comparison::{self, Options};
use crate::compare::difference::Verdict;
use crate::compare::report::{self as format, Format};
use crate::compare::roots::{Choice, Sample};
use crate::compare::settle::LOOKS_MAX;
use crate::config::{Config, Need, Parts, read_mapping};
use crate::error::{Error, Result};

use super::Outcome;

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
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Which sample: one seed gives the same one of the same rows
    #[arg(long, value_name = "S", default_value_t = 0, requires = "sample")]
    seed: u64,
    /// Begin at every node of either store
    #[arg(long)]
    all_roots: bool,
    /// Begin at what changed at the source after VERSION, and at the ends of what joins
    #[arg(long, value_name = "VERSION")]
    changed_since: Option<i64>,
    #[command(flatten)]
    walk: walk::Args,
    /// Exit with 0 where only rows in quarantine differ
    #[arg(long)]
    allow_quarantined: bool,
    /// How often a difference is looked at that may be on its way
    #[arg(long, value_name = "N", default_value_t = LOOKS_MAX)]
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
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

impl Args {
    /// Evidence is held against one store, and the other need not be there.
    pub(super) fn need(&self) -> Need {
        self.side.map_or(Need::BOTH, From::need)
    }
}
