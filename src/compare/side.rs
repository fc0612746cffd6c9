//! What a walk needs of a store. The real ones are [`crate::sqlserver::lineage::SourceSide`] and
//! [`crate::neo4j::lineage::GraphSide`]; tests walk over plain lists.

use std::collections::BTreeSet;

use super::element::{Crossed, Node, NodeId, Way};
use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Registry, Slot};
use crate::model::value::IdentityValue;

/// Nodes that a store is asked about at a time.
pub const NODES_AT_A_TIME: usize = 2_000;

/// One of the two stores, by itself.
pub trait Side {
    /// Those of some nodes that it has, in any order.
    fn nodes(&mut self, ids: &[NodeId]) -> impl Future<Output = Result<Vec<Node>>>;

    /// The relationships that leave nodes (along), or that enter them (against), in any order.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] if there are more than `edges_max`.
    fn edges(
        &mut self,
        from: &[NodeId],
        way: Way,
        edges_max: usize,
    ) -> impl Future<Output = Result<Vec<Crossed>>>;

    /// The nodes of a node table that have an identity, whatever their type, without a row too.
    fn of_identity(
        &mut self,
        table: usize,
        value: &IdentityValue,
    ) -> impl Future<Output = Result<Vec<NodeId>>>;

    /// Rows of a node table, a page of row keys from `first` on.
    fn rows_from(&mut self, table: usize, first: i64) -> impl Future<Output = Result<Rows>>;

    /// What the relationships of an edge or link table stand on without a row, and of a node table the
    /// placeholders that nothing stands on: a page of row keys from `first` on.
    fn without_row_from(
        &mut self,
        slot: Slot,
        first: i64,
    ) -> impl Future<Output = Result<WithoutRow>>;

    /// The nodes at the ends of some relationships, as far as the side has them.
    fn ends_of(&mut self, slot: Slot, keys: &[i64]) -> impl Future<Output = Result<Vec<NodeId>>>;
}

/// A page of the rows of a node table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Row key and type.
    pub rows: Vec<(i64, String)>,
    /// The first row key of the next page; `None` after the last one.
    pub next: Option<i64>,
}

/// What one store has beside the rows of node tables, from one page of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WithoutRow {
    /// Identities without a row.
    pub nodes: Vec<NodeId>,
    /// Row keys of relationships with an end that is neither a row nor an identity of the mapping: no
    /// walk reaches them from that end.
    pub detached: Vec<i64>,
    /// The first row key of the next page; `None` after the last one.
    pub next: Option<i64>,
}

/// Which relationships are crossed.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Types as the graph names them; all, if none is named.
    types: Option<BTreeSet<String>>,
    /// Whether links (generation streams) are crossed.
    links: bool,
}

impl Scope {
    /// All types, links included.
    pub const ALL: Self = Self { types: None, links: true };

    /// The types that these names stand for: each a type of the source or its name in the graph.
    ///
    /// # Errors
    /// A name that is neither, or nothing left to cross.
    pub fn new(
        mapping: &Mapping,
        registry: &Registry,
        names: &[String],
        links: bool,
    ) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self { types: None, links });
        }
        let tables: Vec<(Slot, String)> = mapping
            .tables()
            .filter(|(slot, _)| !matches!(slot, Slot::Node(_)))
            .map(|(slot, table)| (slot, table.name.to_string()))
            .collect();
        let known: BTreeSet<&str> =
            tables.iter().flat_map(|(_, table)| registry.owned_names(table)).collect();
        let mut types = BTreeSet::new();
        for name in names {
            let of_source = tables.iter().find_map(|(_, table)| registry.name(table, name));
            let found = known.get(name.as_str()).copied().or(of_source);
            let Some(found) = found else {
                let known: Vec<&str> = known.into_iter().collect();
                return Err(Error::usage(format!("--types: {name:?} is no type of the mapping"))
                    .hint(format!("the types are {}", known.join(", "))));
            };
            types.insert(found.to_owned());
        }
        Ok(Self { types: Some(types), links })
    }

    /// Whether a type's relationships are crossed.
    pub fn has(&self, name: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(name))
    }

    /// Whether any of a table's may be.
    pub fn has_table(&self, slot: Slot) -> bool {
        match slot {
            Slot::Node(_) => false,
            Slot::Edge(_) => true,
            Slot::Link(_) => self.links,
        }
    }

    /// The names of the types, if not all are crossed.
    pub fn types(&self) -> Option<Vec<String>> {
        self.types.as_ref().map(|types| types.iter().cloned().collect())
    }

    /// Whether links are crossed.
    pub fn has_links(&self) -> bool {
        self.links
    }
}

/// More relationships than may be read.
pub fn too_many(edges_max: usize) -> Error {
    Error::new(Kind::TooLarge, format!("there are more than {edges_max} relationships to cross"))
}
