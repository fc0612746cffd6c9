//! Flags of commands that walk over lineage.

use clap::ValueEnum;

use crate::compare::walk::{Direction, Limits};

#[derive(Debug, clap::Args)]
pub(super) struct Walk {
    /// Hops; without it until nothing new is reached
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    hops: Option<u32>,
    /// Which way relationships are crossed
    #[arg(long, value_enum, default_value_t)]
    direction: Way,
    /// Cross these types only, as the source or the graph names them
    #[arg(long, value_name = "TYPE", num_args = 1.., value_delimiter = ',')]
    pub(super) types: Vec<String>,
    /// Do not cross generation streams
    #[arg(long)]
    pub(super) no_streams: bool,
    /// End where more nodes are reached
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    nodes_max: usize,
    /// End where more relationships are crossed
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    edges_max: usize,
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Way {
    /// As they are stored: `DerivedFrom` from what was derived to what it was derived from
    Down,
    /// Against that
    Up,
    /// Both
    #[default]
    Both,
}

impl Walk {
    pub(super) fn direction(&self) -> Direction {
        match self.direction {
            Way::Down => Direction::Down,
            Way::Up => Direction::Up,
            Way::Both => Direction::Both,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { hops: self.hops, nodes_max: self.nodes_max, edges_max: self.edges_max }
    }
}
