//! A model of the graph side: what is in it, and transactions that take the checkpoint's lock last.

mod checkpoint;
mod locks;
mod quarantine;
mod read;
mod store;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};

use provsync::model::Value;

pub use checkpoint::Checkpoint;
pub use locks::{ModelGraph, Weakness};
pub use quarantine::Entry;

pub type Properties = BTreeMap<String, Value>;

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub labels: BTreeSet<String>,
    pub properties: Properties,
}

#[derive(Clone, Debug)]
pub struct Relationship {
    pub name: String,
    pub from: u64,
    pub to: u64,
    pub properties: Properties,
}

/// All that is in the graph.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub nodes: BTreeMap<u64, Node>,
    pub relationships: BTreeMap<u64, Relationship>,
    pub entries: BTreeMap<(String, i64), Entry>,
    pub checkpoint: Option<Checkpoint>,
    /// Whether there is a constraint of others, which rows break whose metadata [`is_refused`].
    pub is_constrained: bool,
    next_id: u64,
}

impl Data {
    pub fn with_label<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (u64, &'a Node)> {
        let has = move |(_, node): &(&u64, &Node)| node.labels.contains(label);
        self.nodes.iter().filter(has).map(|(id, node)| (*id, node))
    }

    pub fn of_type<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (u64, &'a Relationship)> {
        self.relationships.iter().filter(move |(_, r)| r.name == name).map(|(id, r)| (*id, r))
    }

    /// A node with a row key that somebody puts there.
    pub fn put_node(&mut self, key: i64) {
        let labels = ["Atom", "AtomGraphNode"].map(String::from).into();
        let integer = |name: &str, value| (name.to_owned(), Value::Integer(value));
        let properties = [integer("nodeId", key), integer("atomId", key)].into();
        let id = self.next_id();
        self.nodes.insert(id, Node { labels, properties });
    }

    fn detach_delete(&mut self, id: u64) {
        self.relationships.retain(|_, r| r.from != id && r.to != id);
        self.nodes.remove(&id);
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// Whether a constraint of others forbids this metadata, while there is one.
pub fn is_refused(metadata: &str) -> bool {
    metadata == "m3"
}

pub fn integer(properties: &Properties, name: &str) -> Option<i64> {
    match properties.get(name) {
        Some(Value::Integer(value)) => Some(*value),
        _ => None,
    }
}
