//! What a walk meets, named alike on both sides, and told apart by digests.

use std::sync::Arc;

use chrono::{Datelike, Timelike};
use sha2::{Digest as _, Sha256};

use crate::mapping::{Mapping, Slot};
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::neo4j::quarantine::Reason;
use crate::reconcile::desired::{Desired, Place};
use crate::reconcile::diff::{ActualNode, ActualRelationship};

/// SHA-256.
pub type Digest = [u8; 32];

/// A node as both sides name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeId {
    /// A row of a node table: index in [`Mapping::nodes`], and row key.
    Row(usize, i64),
    /// An identity without a row, which links stand on.
    Bare(Box<Identity>),
}

/// What makes a node that node: see [`crate::mapping::NodeTable::identity`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Index in [`Mapping::nodes`].
    pub table: usize,
    /// Type label.
    pub label: Arc<str>,
    /// Value of the identity's property.
    pub value: IdentityValue,
}

impl NodeId {
    /// A node without a row.
    pub fn bare(table: usize, label: Arc<str>, value: IdentityValue) -> Self {
        Self::Bare(Box::new(Identity { table, label, value }))
    }

    /// The node table that it belongs to.
    pub fn table(&self) -> usize {
        match self {
            Self::Row(table, _) => *table,
            Self::Bare(identity) => identity.table,
        }
    }

    /// How reports call it: `graph.AtomGraphNodes 101`, or `:Atom 99 (no row)`.
    pub fn title(&self, mapping: &Mapping) -> String {
        match self {
            Self::Row(table, key) => format!("{} {key}", mapping.nodes[*table].table.name),
            Self::Bare(identity) => {
                format!(":{} {} (no row)", identity.label, identity_text(&identity.value))
            }
        }
    }
}

/// An identity as text, without quotes.
pub fn identity_text(value: &IdentityValue) -> String {
    match value {
        IdentityValue::Integer(number) => number.to_string(),
        IdentityValue::Text(text) => text.clone(),
    }
}

/// A node that one side has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// Its type label; several joined by `:` where the graph has it so, empty where it has none.
    pub label: Arc<str>,
    /// Its identity, where it has one.
    pub identity: Option<IdentityValue>,
    /// Of everything that the mapping gives it.
    pub digest: Digest,
}

/// A relationship that one side has, as it was crossed from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossed {
    /// Where it was crossed from.
    pub near: NodeId,
    /// Its table.
    pub slot: Slot,
    /// Its row key.
    pub key: i64,
    /// Whether it was crossed in the direction in which it is stored.
    pub way: Way,
    /// Its type.
    pub name: Arc<str>,
    /// Where it leads; nowhere if the graph has it end on what is not provsync's.
    pub far: Option<NodeId>,
    /// Of everything that the mapping gives it, both ends included.
    pub digest: Digest,
}

/// In which direction relationships are crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// From where they begin to where they end, as stored.
    Along,
    /// From where they end to where they begin.
    Against,
}

/// Everything about a node, in one order; the two sides make the same bytes of the same node.
pub fn digest_of_row_node(table: &str, desired: &Desired) -> Digest {
    let Place::Node(identity) = &desired.place else { return digest_of_misfit(table, desired.key) };
    let names = [&*desired.name];
    node(table, desired.key, &names, Some(identity), [false; 2], &desired.properties)
}

/// See [`digest_of_row_node`].
pub fn digest_of_graph_node(table: &str, key: i64, actual: &ActualNode) -> Digest {
    let mut names: Vec<&str> = actual.names.iter().map(String::as_str).collect();
    names.sort_unstable();
    let identity = actual.identity.as_ref();
    let flags = [actual.is_placeholder, actual.has_float_key];
    node(table, key, &names, identity, flags, &actual.properties)
}

/// A node without a row has nothing but its identity.
pub fn digest_of_bare(identity: &Identity) -> Digest {
    Canon::new("bare").text(&identity.label).identity(Some(&identity.value)).end()
}

/// Everything about a relationship, in one order.
pub fn digest_of_row_edge(table: &str, desired: &Desired) -> Digest {
    let Place::Between(from, to) = &desired.place else {
        return digest_of_misfit(table, desired.key);
    };
    edge(table, desired.key, &desired.name, [Some(from), Some(to)], &desired.properties)
}

/// See [`digest_of_row_edge`].
pub fn digest_of_graph_edge(table: &str, key: i64, actual: &ActualRelationship) -> Digest {
    let ends = [actual.from.as_ref(), actual.to.as_ref()];
    edge(table, key, &actual.name, ends, &actual.properties)
}

/// A row that the graph can't hold: like nothing there.
pub fn digest_of_unrepresentable(table: &str, key: i64, reason: &Reason) -> Digest {
    Canon::new("unrepresentable").text(table).integer(key).text(reason.code).end()
}

fn digest_of_misfit(table: &str, key: i64) -> Digest {
    Canon::new("misfit").text(table).integer(key).end()
}

fn node(
    table: &str,
    key: i64,
    names: &[&str],
    identity: Option<&IdentityValue>,
    [is_placeholder, has_float_key]: [bool; 2],
    properties: &[Option<Value>],
) -> Digest {
    let names = names.iter().fold(Canon::new("node").text(table).integer(key), |c, n| c.text(n));
    let placeholder = if is_placeholder { "placeholder" } else { "" };
    let canon = names.text(placeholder).identity(identity);
    // Only where it is wrong: what is right has the digest that older evidence has.
    let canon = if has_float_key { canon.text("float key") } else { canon };
    canon.properties(properties).end()
}

fn edge(
    table: &str,
    key: i64,
    name: &str,
    ends: [Option<&IdentityValue>; 2],
    properties: &[Option<Value>],
) -> Digest {
    let canon = Canon::new("edge").text(table).integer(key).text(name);
    canon.identity(ends[0]).identity(ends[1]).properties(properties).end()
}

/// A canonical value as bytes: each part with its kind, texts with their length, so that no two
/// different things give the same bytes.
struct Canon(Sha256);

impl Canon {
    fn new(kind: &str) -> Self {
        Self(Sha256::new()).text(kind)
    }

    fn tagged(mut self, tag: u8, bytes: &[u8]) -> Self {
        self.0.update([tag]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.tagged(b't', text.as_bytes())
    }

    fn integer(self, number: i64) -> Self {
        self.tagged(b'i', &number.to_le_bytes())
    }

    fn identity(self, identity: Option<&IdentityValue>) -> Self {
        match identity {
            None => self.tagged(b'0', &[]),
            Some(IdentityValue::Integer(number)) => self.integer(*number),
            Some(IdentityValue::Text(text)) => self.text(text),
        }
    }

    /// Former properties, which stand last, count only where the graph still has one.
    fn properties(self, properties: &[Option<Value>]) -> Self {
        let len = properties.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        properties[..len].iter().fold(self, |canon, value| canon.value(value.as_ref()))
    }

    fn value(self, value: Option<&Value>) -> Self {
        match value {
            None => self.tagged(b'0', &[]),
            Some(Value::Integer(v)) => self.integer(*v),
            Some(Value::Float(v)) => self.tagged(b'f', &v.to_bits().to_le_bytes()),
            Some(Value::Boolean(v)) => self.tagged(b'b', &[u8::from(*v)]),
            Some(Value::Text(v)) => self.text(v),
            Some(Value::Instant(v)) => self.local(b'z', &v.naive_utc()),
            Some(Value::Local(v)) => self.local(b'l', v),
            Some(Value::Date(v)) => self.tagged(b'd', &v.num_days_from_ce().to_le_bytes()),
            Some(Value::Foreign) => self.tagged(b'x', &[]),
        }
    }

    fn local(self, tag: u8, at: &chrono::NaiveDateTime) -> Self {
        let day = at.date().num_days_from_ce().to_le_bytes();
        let second = at.time().num_seconds_from_midnight().to_le_bytes();
        self.tagged(tag, &[day, second, at.time().nanosecond().to_le_bytes()].concat())
    }

    fn end(self) -> Digest {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn desired(properties: Vec<Option<Value>>) -> Desired {
        let place = Place::Node(IdentityValue::Integer(7));
        Desired { key: 1, name: "Atom".into(), place, properties }
    }

    fn actual(properties: Vec<Option<Value>>) -> ActualNode {
        let identity = Some(IdentityValue::Integer(7));
        ActualNode {
            names: vec!["Atom".into()],
            identity,
            is_placeholder: false,
            has_float_key: false,
            properties,
        }
    }

    #[test]
    fn the_same_node_has_one_digest_on_both_sides() {
        let row = digest_of_row_node("t", &desired(vec![None, Some(Value::Float(0.5))]));
        let same = actual(vec![None, Some(Value::Float(0.5)), None]);
        assert_eq!(row, digest_of_graph_node("t", 1, &same));
    }

    #[test]
    fn whatever_differs_shows_in_the_digest() {
        let row = digest_of_row_node("t", &desired(vec![Some(Value::Text("a".into())), None]));
        let base = || actual(vec![Some(Value::Text("a".into())), None]);
        let others = [
            ActualNode { names: vec!["Atom".into(), "Layer".into()], ..base() },
            ActualNode { names: vec![], ..base() },
            ActualNode { identity: None, ..base() },
            ActualNode { identity: Some(IdentityValue::Text("7".into())), ..base() },
            ActualNode { is_placeholder: true, ..base() },
            ActualNode { has_float_key: true, ..base() },
            ActualNode { properties: vec![None, Some(Value::Text("a".into()))], ..base() },
            ActualNode { properties: vec![Some(Value::Foreign)], ..base() },
            ActualNode {
                properties: vec![Some(Value::Text("a".into())), None, Some(Value::Boolean(false))],
                ..base()
            },
        ];
        for other in others {
            assert_ne!(row, digest_of_graph_node("t", 1, &other), "{other:?}");
        }
        assert_ne!(row, digest_of_graph_node("t", 2, &base()));
        assert_ne!(row, digest_of_graph_node("u", 1, &base()));
    }
}
