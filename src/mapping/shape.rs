//! How the rows of one table look in the graph: the mapping and the registry joined.

use std::collections::BTreeSet;

use super::{ColumnKind, Mapping, Registry, Slot};

/// One table's things in the graph. Names are as they are, not quoted.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Which table.
    pub slot: Slot,
    /// `schema.table`, as it stands in quarantine and in reports.
    pub table: String,
    /// Property of the row key.
    pub key: String,
    /// Every label or relationship type that the table's rows have or had.
    pub names: Vec<String>,
    /// Every property that the table's rows have or had, beside key and identity: first those of
    /// [`Mapping::properties`], in that order, then former ones.
    pub properties: Vec<String>,
    /// Those of them that are instants.
    pub instants: BTreeSet<String>,
    /// What only nodes or only relationships have.
    pub kind: Kind,
}

/// What only nodes or only relationships have.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Rows are nodes.
    Node(NodeShape),
    /// Rows are relationships.
    Relationship(RelationshipShape),
}

/// What only relationships have.
#[derive(Clone, Debug)]
pub struct RelationshipShape {
    /// Where it begins.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// Of a link table: the label of an identity without a row, which is made when it is missing.
    /// An edge table has none: its ends are rows.
    pub placeholder: Option<String>,
    /// Of a link table: the relationships of all link tables that may need an identity.
    pub links: Vec<LinksOn>,
}

/// What an end of a relationship is found by.
#[derive(Clone, Debug)]
pub struct End {
    /// Label.
    pub label: String,
    /// Property.
    pub property: String,
}

/// What only nodes have.
#[derive(Clone, Debug)]
pub struct NodeShape {
    /// Label of all nodes of the table.
    pub label: String,
    /// Label of an identity without a row.
    pub placeholder: String,
    /// Property of the identity.
    pub identity: String,
    /// Relationships of edge tables that may stand on these nodes.
    pub edges: Vec<EdgesOn>,
    /// Relationships of link tables that may need these identities.
    pub links: Vec<LinksOn>,
}

/// Relationships of an edge table that may stand on a node table's nodes.
#[derive(Clone, Debug)]
pub struct EdgesOn {
    /// Every type that its rows have or had.
    pub types: Vec<String>,
    /// Property of their row key.
    pub key: String,
}

/// Relationships of a link table that may need a node table's identities.
#[derive(Clone, Debug)]
pub struct LinksOn {
    /// Their type.
    pub relationship: String,
    /// Property of their row key.
    pub key: String,
    /// Label of the identities that they need.
    pub label: String,
}

impl Shape {
    /// The shape of a slot's table.
    pub fn new(mapping: &Mapping, registry: &Registry, slot: Slot) -> Self {
        let t = mapping.table(slot);
        let table = t.name.to_string();
        let mapped = mapping.properties(slot);
        // What was a plain property once may be the key or the identity now.
        let mut in_use = mapped.clone();
        in_use.push(&t.key_property);
        if let Slot::Node(i) = slot {
            in_use.push(&mapping.nodes[i].identity.property);
        }
        let former = registry.former_properties(&table, &in_use);
        let instants = t.columns.iter().filter(|column| column.kind == ColumnKind::Utc);
        Self {
            slot,
            key: t.key_property.clone(),
            names: owned(registry, &table),
            properties: mapped.into_iter().map(String::from).chain(former).collect(),
            instants: instants.map(|column| column.property.clone()).collect(),
            kind: kind(mapping, registry, slot),
            table,
        }
    }

    /// What only nodes have, if rows are nodes.
    pub fn node(&self) -> Option<&NodeShape> {
        match &self.kind {
            Kind::Node(node) => Some(node),
            Kind::Relationship(_) => None,
        }
    }

    /// What only relationships have, if rows are relationships.
    pub fn relationship(&self) -> Option<&RelationshipShape> {
        match &self.kind {
            Kind::Node(_) => None,
            Kind::Relationship(relationship) => Some(relationship),
        }
    }
}

fn kind(mapping: &Mapping, registry: &Registry, slot: Slot) -> Kind {
    match slot {
        Slot::Node(i) => Kind::Node(node(mapping, registry, i)),
        Slot::Edge(i) => {
            let edge = &mapping.edges[i];
            let (from, to) = (row_end(mapping, edge.from), row_end(mapping, edge.to));
            Kind::Relationship(RelationshipShape { from, to, placeholder: None, links: Vec::new() })
        }
        Slot::Link(i) => {
            let link = &mapping.links[i];
            let nodes = &mapping.nodes[link.nodes];
            let end = End { label: link.label.clone(), property: nodes.identity.property.clone() };
            let placeholder = Some(nodes.placeholder.clone());
            let links = links_on(mapping, link.nodes);
            Kind::Relationship(RelationshipShape { from: end.clone(), to: end, placeholder, links })
        }
    }
}

fn row_end(mapping: &Mapping, nodes: usize) -> End {
    let nodes = &mapping.nodes[nodes];
    End { label: nodes.label.clone(), property: nodes.table.key_property.clone() }
}

fn node(mapping: &Mapping, registry: &Registry, index: usize) -> NodeShape {
    let nodes = &mapping.nodes[index];
    let edges = mapping.edges.iter().filter(|e| e.from == index || e.to == index);
    let edges_on = |edges: &super::EdgeTable| EdgesOn {
        types: owned(registry, &edges.table.name.to_string()),
        key: edges.table.key_property.clone(),
    };
    NodeShape {
        label: nodes.label.clone(),
        placeholder: nodes.placeholder.clone(),
        identity: nodes.identity.property.clone(),
        edges: edges.map(edges_on).collect(),
        links: links_on(mapping, index),
    }
}

fn links_on(mapping: &Mapping, nodes: usize) -> Vec<LinksOn> {
    let on = |links: &super::LinkTable| LinksOn {
        relationship: links.relationship.clone(),
        key: links.table.key_property.clone(),
        label: links.label.clone(),
    };
    mapping.links.iter().filter(|links| links.nodes == nodes).map(on).collect()
}

fn owned(registry: &Registry, table: &str) -> Vec<String> {
    registry.owned_names(table).into_iter().map(String::from).collect()
}
