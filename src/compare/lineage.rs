//! One store's lineage of an atom, to be shown.

mod dot;
mod json;
mod mermaid;
mod tree;

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::element::{Crossed, Node, NodeId, Way};
use super::shown::Shown;
use super::side::Side;
use super::walk::{self, Direction, Ended, Limits, Visitor};
use crate::error::Result;
use crate::mapping::Mapping;
use crate::model::Value;

/// In which form lineage is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A tree for a terminal
    #[default]
    Text,
    /// A graph for Graphviz
    Dot,
    /// A flowchart for Mermaid
    Mermaid,
    /// One JSON document: docs/output.md
    Json,
}

/// What a walk met, each node and relationship once.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// Where it began.
    roots: Vec<NodeId>,
    /// Nodes, with the hop at which each was reached.
    nodes: BTreeMap<NodeId, (u32, Node)>,
    /// Relationships in the order in which they were crossed.
    edges: Vec<(u32, Crossed)>,
    /// What was not looked at, if a limit was reached.
    pub cut: Option<String>,
}

impl Visitor for Lineage {
    fn node(&mut self, hop: u32, node: &Node) {
        self.nodes.insert(node.id.clone(), (hop, node.clone()));
    }

    fn edge(&mut self, hop: u32, crossed: &Crossed) {
        self.edges.push((hop, crossed.clone()));
    }
}

impl Lineage {
    /// Walks over one store.
    pub async fn read<S: Side>(
        side: &mut S,
        roots: Vec<NodeId>,
        direction: Direction,
        limits: Limits,
    ) -> Result<Self> {
        let mut lineage = Self::default();
        let ended = walk::walk(side, &roots, direction, limits, &mut lineage).await?;
        if let (Ended::Limit(limit), hop) = ended {
            lineage.cut = Some(limits.said(limit, hop));
        }
        lineage.roots = roots;
        // Relationships that lead to what is not there, or was not read before a limit.
        let nodes = &lineage.nodes;
        lineage.edges.retain(|(_, c)| c.far.as_ref().is_none_or(|far| nodes.contains_key(far)));
        Ok(lineage)
    }

    /// Its text in a form, without a line's end after it.
    pub fn shown(&self, mapping: &Mapping, format: Format) -> String {
        match format {
            Format::Text => tree::text(self, mapping),
            Format::Dot => dot::text(self, mapping),
            Format::Mermaid => mermaid::text(self, mapping),
            Format::Json => json::text(self, mapping),
        }
    }

    /// The number of a node in forms that name nodes by numbers.
    fn numbers(&self) -> BTreeMap<&NodeId, usize> {
        self.nodes.keys().enumerate().map(|(number, id)| (id, number)).collect()
    }
}

/// `:Atom 25`, and nothing in it that a terminal would act on.
fn name(node: &Node) -> String {
    let label = plain(&node.label);
    match &node.identity {
        Some(identity) => format!(":{label} {}", Shown::identity(identity)),
        None => format!(":{label} (no identity)"),
    }
}

/// `graph.AtomGraphNodes 125`, or that there is no row.
fn row(node: &Node, mapping: &Mapping) -> String {
    match &node.id {
        NodeId::Row(table, key) => format!("{} {key}", plain_table(mapping, *table)),
        NodeId::Bare(_) => "no row".to_owned(),
    }
}

fn plain_table(mapping: &Mapping, table: usize) -> String {
    plain(&mapping.nodes[table].table.name.to_string())
}

fn plain(text: &str) -> String {
    Shown::of(&Value::Text(text.to_owned())).text
}

/// Where a relationship begins and ends as it is stored.
fn ends(crossed: &Crossed) -> (Option<&NodeId>, Option<&NodeId>) {
    match crossed.way {
        Way::Along => (Some(&crossed.near), crossed.far.as_ref()),
        Way::Against => (crossed.far.as_ref(), Some(&crossed.near)),
    }
}

#[cfg(test)]
mod tests;
