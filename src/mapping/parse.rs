//! From TOML to a checked [`Mapping`], or to every fault of it at once, each with its line.
//!
//! Three steps: [`draft`] reads what is written, [`check`] sees whether it holds together, and
//! only a draft without a fault is built into the mapping that the rest of the crate relies on.

mod check;
mod digest;
mod draft;
mod walk;

use toml::de::DeTable;

use self::draft::{
    ColumnDraft, Draft, EdgeDraft, LinkDraft, NodeDraft, TableDraft, TypesDraft, table_name,
};
use self::walk::{Faults, Keys};
use super::{
    Column, ColumnKind, EdgeTable, LinkTable, Mapping, NodeTable, Table, TableName, TypeColumn,
};
use crate::error::{Error, Result};

/// Reads a mapping; `file` names it in faults.
///
/// # Errors
/// All faults at once, `file:line: what`, in the order of their lines.
pub fn parse(text: &str, file: &str) -> Result<Mapping> {
    let faults = Faults::new(file, text);
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        let line = error.span().map_or(1, |span| faults.line(&span));
        faults.add(line, error.message());
    }
    // A text that isn't TOML has no structure to find further faults in.
    if syntax.is_empty() {
        let draft = draft::read(Keys::root(root.get_ref(), &faults), &faults);
        check::check(&draft, &faults);
        if faults.is_empty() {
            return Ok(build(&draft));
        }
    }
    Err(Error::faults(&format!("mapping {file}"), &faults.into_sorted()))
}

impl Mapping {
    /// The mapping that is embedded in the binary.
    ///
    /// # Errors
    /// As [`parse`]; a test keeps it from having any.
    pub fn default_mapping() -> Result<Self> {
        parse(super::DEFAULT, "default.toml")
    }
}

/// Only for a draft without faults: every word is there and every reference resolves.
fn build(draft: &Draft) -> Mapping {
    let mut mapping = Mapping {
        nodes: draft.nodes.iter().map(node).collect(),
        edges: draft.edges.iter().map(|e| edge(e, draft)).collect(),
        links: draft.links.iter().map(|l| link(l, draft)).collect(),
        automatic_types_max: draft.automatic_types_max,
        digest: String::new(),
    };
    mapping.digest = digest::digest(&mapping);
    mapping
}

fn node(node: &NodeDraft) -> NodeTable {
    NodeTable {
        table: table(&node.table),
        label: node.label.text.clone(),
        placeholder: node.placeholder.text.clone(),
        identity: column(&node.identity),
        types: types(&node.types),
    }
}

fn edge(edge: &EdgeDraft, draft: &Draft) -> EdgeTable {
    EdgeTable {
        table: table(&edge.table),
        from: draft.node_index(&edge.from).unwrap_or_default(),
        to: draft.node_index(&edge.to).unwrap_or_default(),
        types: types(&edge.types),
    }
}

fn link(link: &LinkDraft, draft: &Draft) -> LinkTable {
    let nodes = draft.node_index(&link.nodes).unwrap_or_default();
    let label = draft.nodes[nodes].types.name_of(&link.node_type);
    LinkTable {
        table: table(&link.table),
        relationship: link.relationship.text.clone(),
        from_column: link.from_column.text.clone(),
        to_column: link.to_column.text.clone(),
        nodes,
        label: label.map(|label| label.text.clone()).unwrap_or_default(),
    }
}

fn table(table: &TableDraft) -> Table {
    let nameless = || TableName { schema: String::new(), table: String::new() };
    Table {
        name: table_name(&table.name.text).unwrap_or_else(nameless),
        key: table.key.text.clone(),
        key_property: table.key_property.text.clone(),
        columns: table.columns.iter().map(column).collect(),
        tracking: table.tracking,
    }
}

/// A column whose type is unknown is a fault, so that the stand-in is never used.
fn column(column: &ColumnDraft) -> Column {
    Column {
        column: column.column.text.clone(),
        property: column.property.text.clone(),
        kind: column.kind.unwrap_or(ColumnKind::Text),
    }
}

fn types(types: &TypesDraft) -> TypeColumn {
    let listed = types.listed.iter().map(|(source, name)| (source.text.clone(), name.text.clone()));
    TypeColumn {
        column: types.column.text.clone(),
        property: types.property.text.clone(),
        listed: listed.collect(),
    }
}

#[cfg(test)]
mod tests;
