//! Nodes that leave their identity.

use neo4rs::Row;

use crate::error::Result;
use crate::mapping::Shape;
use crate::mapping::shape::NodeShape;
use crate::neo4j::actual::Which;
use crate::neo4j::{Statement, cypher, list, values};

/// The statement with which some leave.
pub fn leave(shape: &Shape, node: &NodeShape, which: Which<'_>) -> Statement {
    let none = shape.properties.iter().map(|p| (p.as_str(), None));
    let statement = Statement::new(cypher::leave(shape, node, which.by()))
        .with_names(shape)
        .with("none", values::properties(none));
    which.given_to(statement)
}

/// What it says.
#[derive(Debug, Default)]
pub struct Left {
    /// Nodes that left.
    pub nodes: u64,
    /// Relationships of edge tables that went with them.
    pub edges: u64,
    /// Relationships of others that did.
    pub others: u64,
    /// Identities that are free now, as [`crate::neo4j::quarantine::token`] spells them.
    pub freed: Vec<String>,
}

impl Left {
    /// `rows` are the statement's.
    pub fn of(rows: &[Row]) -> Result<Self> {
        let cells = rows.first().map(list).transpose()?.unwrap_or_default();
        let number = |i: usize| {
            let number = cells.get(i).and_then(values::integer);
            number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
        };
        let freed = cells.get(3).map(values::texts_of_lists).unwrap_or_default();
        Ok(Self { nodes: number(0), edges: number(1), others: number(2), freed })
    }
}
