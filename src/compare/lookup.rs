//! How a person looks at what a report names: statements to paste, and what keys are keys of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mapping::shape::End;
use crate::mapping::{Mapping, Registry, Shape};
use crate::neo4j::cypher;
use crate::sqlserver::statements;

/// One table's. Statements take keys as parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// T-SQL; `@P1` is a JSON array of row keys.
    pub sql: String,
    /// Cypher; `$keys` is a list of row keys.
    pub cypher: String,
    /// Cypher for placeholders that nothing needs, which have no key; of node tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholders: Option<String>,
    /// Cypher for things whose key is no row's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_keys: Option<String>,
    /// What the table's things stand for.
    #[serde(flatten)]
    pub place: Place,
}

/// Where a table's things stand in the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// Nodes.
    Node {
        /// Label of all of them, and property of the row key.
        key: Reference,
        /// Property of the identity, under the type's label.
        identity: String,
    },
    /// Relationships.
    Between {
        /// What [`super::difference::Thing::from`] is a value of.
        from: Reference,
        /// What [`super::difference::Thing::to`] is a value of.
        to: Reference,
    },
}

/// What a node is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Label.
    pub label: String,
    /// Property.
    pub property: String,
}

impl From<&End> for Reference {
    fn from(end: &End) -> Self {
        Self { label: end.label.clone(), property: end.property.clone() }
    }
}

/// Of every table, by name.
pub fn all(mapping: &Mapping, registry: &Registry) -> BTreeMap<String, Lookup> {
    let of = |slot| {
        let shape = Shape::new(mapping, registry, slot);
        let lookup = Lookup {
            sql: statements::look(mapping, slot),
            cypher: cypher::look(&shape),
            placeholders: shape.node().map(|node| cypher::look_orphans(node, &shape.key)),
            wrong_keys: Some(cypher::strays::look(&shape)).filter(|text| !text.is_empty()),
            place: place(&shape),
        };
        (shape.table, lookup)
    };
    mapping.slots().into_iter().map(of).collect()
}

fn place(shape: &Shape) -> Place {
    use crate::mapping::shape::Kind;
    match &shape.kind {
        Kind::Node(node) => Place::Node {
            key: Reference { label: node.label.clone(), property: shape.key.clone() },
            identity: node.identity.clone(),
        },
        Kind::Relationship(ends) => {
            Place::Between { from: (&ends.from).into(), to: (&ends.to).into() }
        }
    }
}

impl Lookup {
    /// The T-SQL for some rows, to paste. Keys are integers: nothing of a row's text is in it.
    pub fn sql_of(&self, keys: &[i64]) -> String {
        format!("DECLARE @P1 nvarchar(max) = N'{keys:?}';\n{}", self.sql)
    }

    /// The Cypher for some keys, to paste into the Browser.
    pub fn cypher_of(&self, keys: &[i64]) -> String {
        format!(":param {{keys: {keys:?}}};\n{};", self.cypher)
    }
}
