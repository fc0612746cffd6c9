//! What differs between what the graph should hold for some rows and what it holds, in words. Pure.
//!
//! It finds what [`crate::reconcile::diff`] would write, and says what that is.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, Kind, State, Thing};
use super::shown::Shown;
use crate::mapping::Shape;
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::neo4j::quarantine::Entries;
use crate::reconcile::desired::{Desired, Outcome, Place};
use crate::reconcile::diff::{ActualNode, ActualNodes, ActualRelationship, ActualRelationships};

/// What the graph holds for some keys of a table.
#[derive(Clone, Debug)]
pub enum Actual {
    /// Of a node table.
    Nodes(ActualNodes),
    /// Of an edge or link table.
    Relationships(ActualRelationships),
}

impl Actual {
    /// How many nodes or relationships.
    pub fn len(&self) -> usize {
        match self {
            Self::Nodes(nodes) => nodes.len(),
            Self::Relationships(relationships) => relationships.values().map(Vec::len).sum(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keys(&self) -> impl Iterator<Item = i64> {
        let (nodes, relationships) = match self {
            Self::Nodes(nodes) => (Some(nodes.keys()), None),
            Self::Relationships(relationships) => (None, Some(relationships.keys())),
        };
        nodes.into_iter().flatten().chain(relationships.into_iter().flatten()).copied()
    }

    fn held(&self, key: i64) -> Held<'_> {
        match self {
            Self::Nodes(nodes) => Held::Node(nodes.get(&key)),
            Self::Relationships(relationships) => {
                Held::Relationships(relationships.get(&key).map_or(&[], Vec::as_slice))
            }
        }
    }
}

/// What the graph holds for one key.
#[derive(Clone, Copy)]
enum Held<'a> {
    Node(Option<&'a ActualNode>),
    Relationships(&'a [ActualRelationship]),
}

/// The differences of some rows of a table, by row key; keys without any are left out.
///
/// `actual` and `entries` hold every key in question that the graph or quarantine has. What differs
/// and stands in quarantine is [`State::Explained`], all else [`State::Real`]: whether a change is on
/// its way can't be seen from here.
pub fn rows(
    shape: &Shape,
    desired: &BTreeMap<i64, Outcome>,
    actual: &Actual,
    entries: &Entries,
) -> BTreeMap<i64, Vec<Difference>> {
    let alone = actual.keys().chain(entries.keys().copied());
    let without_row: BTreeSet<i64> = alone.filter(|key| !desired.contains_key(key)).collect();
    let gone = without_row.into_iter().map(|key| (key, None));
    let all = desired.iter().map(|(key, outcome)| (*key, Some(outcome))).chain(gone);
    let judge = |(key, outcome): (i64, Option<&Outcome>)| {
        let found = row(shape, key, outcome, actual.held(key), entries.get(&key));
        (!found.is_empty()).then_some((key, found))
    };
    all.filter_map(judge).collect()
}

fn row(
    shape: &Shape,
    key: i64,
    outcome: Option<&Outcome>,
    held: Held<'_>,
    entry: Option<&(String, String)>,
) -> Vec<Difference> {
    let reason = entry.map(|(code, _)| code.clone());
    let explained = |reason: String| (Kind::MissingInGraph, State::Explained { reason });
    let real = |kind: Kind| (kind, State::Real);
    let mut found = Vec::new();
    match outcome {
        None => {
            found.extend((!held.is_empty()).then_some(real(Kind::ExtraInGraph)));
            found.extend(reason.map(|reason| real(Kind::StillInQuarantine { reason })));
        }
        Some(Err(why)) => {
            let is_entered = reason.as_deref() == Some(why.code);
            let word = why.code.to_owned();
            found.extend((!held.is_empty()).then_some(real(Kind::ExtraInGraph)));
            if !is_entered {
                found.push(real(Kind::NotInQuarantine { reason: word }));
            } else if held.is_empty() {
                found.push(explained(word));
            }
        }
        Some(Ok(_)) if held.is_empty() => {
            found.push(reason.map_or(real(Kind::MissingInGraph), explained));
        }
        Some(Ok(wanted)) => {
            found.extend(held.differs_from(wanted, shape).into_iter().map(real));
            found.extend(reason.map(|reason| real(Kind::StillInQuarantine { reason })));
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let (source, graph) = (outcome.and_then(|o| o.as_ref().ok()).map(|d| wanted(d)), held.things());
    let difference = |(kind, state)| Difference {
        table: shape.table.clone(),
        key: Some(key),
        kind,
        source: source.clone(),
        graph: graph.clone(),
        state,
        hop: None,
    };
    found.into_iter().map(difference).collect()
}

impl Held<'_> {
    fn is_empty(self) -> bool {
        match self {
            Self::Node(node) => node.is_none(),
            Self::Relationships(relationships) => relationships.is_empty(),
        }
    }

    fn differs_from(self, wanted: &Desired, shape: &Shape) -> Vec<Kind> {
        match self {
            Self::Node(Some(actual)) => node(wanted, actual, shape),
            Self::Node(None) => Vec::new(),
            Self::Relationships(actual) => relationships(wanted, actual, shape),
        }
    }

    fn things(self) -> Vec<Thing> {
        match self {
            Self::Node(node) => node.into_iter().map(node_thing).collect(),
            Self::Relationships(relationships) => {
                relationships.iter().map(relationship_thing).collect()
            }
        }
    }
}

fn node(wanted: &Desired, actual: &ActualNode, shape: &Shape) -> Vec<Kind> {
    let Place::Node(identity) = &wanted.place else { return Vec::new() };
    let is_named = actual.names.iter().any(|name| **name == *wanted.name);
    let mut kinds = Vec::new();
    if actual.identity.as_ref() != Some(identity) {
        kinds.push(Kind::WrongIdentity);
    }
    if is_named {
        let others = actual.names.iter().filter(|name| ***name != *wanted.name);
        kinds.extend(others.map(|name| Kind::ExtraName { name: name.clone() }));
    } else {
        kinds.push(Kind::WrongName);
    }
    if actual.is_placeholder {
        kinds.push(Kind::PlaceholderLabel);
    }
    kinds.extend(actual.has_float_key.then(|| float_key(shape, wanted.key)));
    kinds.extend(properties(shape, &wanted.properties, &actual.properties));
    kinds
}

/// A key that is the row's number and a float.
fn float_key(shape: &Shape, key: i64) -> Kind {
    // The key was read from that float.
    #[allow(clippy::cast_precision_loss)]
    let float = Value::Float(key as f64);
    let (source_value, graph_value) = Shown::pair(Some(&Value::Integer(key)), Some(&float));
    Kind::Property { property: shape.key.clone(), source_value, graph_value }
}

/// Of several under one key the one that is most like the row is its own, the others are doubles.
fn relationships(wanted: &Desired, actual: &[ActualRelationship], shape: &Shape) -> Vec<Kind> {
    let Place::Between(from, to) = &wanted.place else { return Vec::new() };
    let stands =
        |a: &ActualRelationship| (a.from.as_ref(), a.to.as_ref()) == (Some(from), Some(to));
    let likeness = |a: &ActualRelationship| (*a.name == *wanted.name, stands(a));
    let own = (0..actual.len()).max_by_key(|i| (likeness(&actual[*i]), std::cmp::Reverse(*i)));
    let Some(own) = own else { return Vec::new() };
    let others = actual.iter().enumerate().filter(|(i, _)| *i != own);
    let mut kinds: Vec<Kind> =
        others.map(|(_, a)| Kind::Doubled { name: a.name.clone() }).collect();
    let actual = &actual[own];
    if *actual.name != *wanted.name {
        kinds.push(Kind::WrongName);
    }
    if !stands(actual) {
        let is_turned = (actual.from.as_ref(), actual.to.as_ref()) == (Some(to), Some(from));
        kinds.push(if is_turned { Kind::WrongDirection } else { Kind::WrongEnds });
    }
    kinds.extend(actual.has_float_key.then(|| float_key(shape, wanted.key)));
    kinds.extend(properties(shape, &wanted.properties, &actual.properties));
    kinds
}

/// Former properties, which the desired list does not reach, should not be there.
fn properties<'a>(
    shape: &'a Shape,
    wanted: &'a [Option<Value>],
    actual: &'a [Option<Value>],
) -> impl Iterator<Item = Kind> + 'a {
    let wanted = wanted.iter().chain(std::iter::repeat(&None));
    let both = shape.properties.iter().zip(wanted.zip(actual));
    both.filter(|(_, (wanted, actual))| wanted != actual).map(|(name, (wanted, actual))| {
        let (source_value, graph_value) = Shown::pair(wanted.as_ref(), actual.as_ref());
        Kind::Property { property: name.clone(), source_value, graph_value }
    })
}

fn wanted(desired: &Desired) -> Thing {
    let names = vec![desired.name.to_string()];
    match &desired.place {
        Place::Node(identity) => {
            Thing { names, identity: Some(Shown::identity(identity)), ..Thing::default() }
        }
        Place::Between(from, to) => Thing {
            names,
            from: Some(Shown::identity(from)),
            to: Some(Shown::identity(to)),
            ..Thing::default()
        },
    }
}

fn shown(identity: Option<&IdentityValue>) -> Option<Shown> {
    identity.map(Shown::identity)
}

fn node_thing(node: &ActualNode) -> Thing {
    let identity = shown(node.identity.as_ref());
    Thing { names: node.names.clone(), identity, ..Thing::default() }
}

fn relationship_thing(relationship: &ActualRelationship) -> Thing {
    Thing {
        names: vec![relationship.name.clone()],
        from: shown(relationship.from.as_ref()),
        to: shown(relationship.to.as_ref()),
        ..Thing::default()
    }
}

#[cfg(test)]
mod tests;
