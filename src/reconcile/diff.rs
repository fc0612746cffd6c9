//! `diff(desired, actual)`: what has to be written, and nothing else. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::desired::{Desired, Outcome, Place};
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::neo4j::quarantine::{Causes, Entries, Reason, is_root_cause};

/// A node as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ActualNode {
    /// Its labels among those that are provsync's.
    pub names: Vec<String>,
    /// Its identity property.
    pub identity: Option<IdentityValue>,
    /// Whether the placeholder's label is on it.
    pub is_placeholder: bool,
    /// Whether its row key is a float of the same number.
    pub has_float_key: bool,
    /// Properties of the shape, in its order.
    pub properties: Vec<Option<Value>>,
}

/// A relationship as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ActualRelationship {
    /// Its type.
    pub name: String,
    /// Where it begins, if that is something provsync's relationships stand on.
    pub from: Option<IdentityValue>,
    /// Where it ends.
    pub to: Option<IdentityValue>,
    /// Whether its row key is a float of the same number.
    pub has_float_key: bool,
    /// Properties of the shape, in its order.
    pub properties: Vec<Option<Value>>,
}

/// Nodes by row key.
pub type ActualNodes = HashMap<i64, ActualNode>;
/// Relationships by row key; a key may have several, since the constraint is per type.
pub type ActualRelationships = HashMap<i64, Vec<ActualRelationship>>;

/// Properties that change: index in the shape and the new value, `None` to remove it.
pub type Changes = Vec<(usize, Option<Value>)>;

/// What quarantine says of a key already: reason code and fingerprint.
pub type Entry = Option<(String, String)>;

/// One thing to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A relationship of this type and key goes.
    Delete {
        /// Row key.
        key: i64,
        /// Type that actual reports.
        name: String,
        /// Whether the row is gone, and not only moved or retyped.
        gone: bool,
    },
    /// A node leaves its identity.
    Leave {
        /// Row key.
        key: i64,
        /// Whether the row is gone or unrepresentable, and not only another identity.
        gone: bool,
    },
    /// A label of provsync's comes off a node.
    Unlabel {
        /// Row key.
        key: i64,
        /// The label.
        label: String,
    },
    /// A node comes.
    Enter {
        /// The node.
        node: Arc<Desired>,
        /// What quarantine says of the row.
        entry: Entry,
    },
    /// A row key that is a float becomes the integer that it stands for.
    Rekey {
        /// Row key.
        key: i64,
        /// Type of a relationship; `None` of a node.
        name: Option<Arc<str>>,
    },
    /// Properties of a node change.
    UpdateNode {
        /// Row key.
        key: i64,
        /// What changes.
        changes: Changes,
    },
    /// Properties of a relationship change.
    UpdateRelationship {
        /// The relationship as it will be.
        relationship: Arc<Desired>,
        /// What changes.
        changes: Changes,
    },
    /// A relationship comes.
    Create {
        /// The relationship.
        relationship: Arc<Desired>,
        /// What quarantine says of the row.
        entry: Entry,
    },
    /// A row goes into quarantine, or its reason changes.
    Quarantine {
        /// Row key.
        key: i64,
        /// Why.
        reason: Reason,
        /// Whether the row was at no fault of its own before.
        is_new: bool,
    },
    /// A row leaves quarantine.
    Release {
        /// Row key.
        key: i64,
    },
    /// A node's key is no row's any more, or another row's: what waits for it is looked at again.
    Wake {
        /// Row key.
        key: i64,
    },
}

impl Item {
    /// The row key that it is about.
    pub fn key(&self) -> i64 {
        match self {
            Self::Delete { key, .. }
            | Self::Leave { key, .. }
            | Self::Unlabel { key, .. }
            | Self::Rekey { key, .. }
            | Self::UpdateNode { key, .. }
            | Self::Quarantine { key, .. }
            | Self::Release { key }
            | Self::Wake { key } => *key,
            Self::Enter { node: desired, .. }
            | Self::UpdateRelationship { relationship: desired, .. }
            | Self::Create { relationship: desired, .. } => desired.key,
        }
    }

    /// The root cause that it puts into quarantine, if it does.
    pub fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Quarantine { reason, is_new: true, .. } if reason.is_root_cause() => {
                Some(reason.code)
            }
            _ => None,
        }
    }

    /// Whether it takes something away that others may wait for (R8: before all that comes).
    pub fn clears(&self) -> bool {
        matches!(self, Self::Delete { .. } | Self::Leave { .. } | Self::Unlabel { .. })
    }
}

/// The root causes that items put into quarantine.
pub fn causes(items: &[Item]) -> Causes {
    let mut causes = Causes::new();
    items.iter().filter_map(Item::cause).for_each(|code| *causes.entry(code).or_default() += 1);
    causes
}

/// Nodes: what has to be written so that the graph holds `desired` for these keys.
///
/// `actual` and `entries` hold every key in question that the graph or quarantine has.
pub fn nodes(
    desired: &BTreeMap<i64, Outcome>,
    actual: &ActualNodes,
    entries: &Entries,
    placeholder: &str,
) -> Vec<Item> {
    let mut items = Vec::new();
    let gone = |key: &&i64| !desired.contains_key(key);
    let mut gone: Vec<i64> = actual.keys().filter(gone).copied().collect();
    gone.sort_unstable();
    items.extend(gone.into_iter().map(|key| Item::Leave { key, gone: true }));
    for (key, outcome) in desired {
        let (actual, entry) = (actual.get(key), entries.get(key));
        match outcome {
            Ok(node) => match actual {
                Some(actual) if same_identity(node, actual) => {
                    items.extend(update_node(node, actual, placeholder));
                    items.extend(entry.map(|_| Item::Release { key: *key }));
                }
                _ => {
                    items.extend(actual.map(|_| Item::Leave { key: *key, gone: false }));
                    items.push(Item::Enter { node: Arc::clone(node), entry: entry.cloned() });
                }
            },
            Err(reason) => {
                items.extend(actual.map(|_| Item::Leave { key: *key, gone: true }));
                items.extend(quarantine(*key, reason, entry));
            }
        }
    }
    items.extend(stale_entries(desired, entries));
    items
}

/// Whether the node stands for the identity that the row has now.
pub fn same_identity(node: &Desired, actual: &ActualNode) -> bool {
    let Place::Node(identity) = &node.place else { return false };
    actual.identity.as_ref() == Some(identity) && actual.names.iter().any(|n| **n == *node.name)
}

fn update_node(node: &Desired, actual: &ActualNode, placeholder: &str) -> Vec<Item> {
    let key = node.key;
    let others = actual.names.iter().filter(|n| ***n != *node.name).cloned();
    let placeholder = actual.is_placeholder.then(|| placeholder.to_owned());
    let mut items: Vec<Item> =
        others.chain(placeholder).map(|label| Item::Unlabel { key, label }).collect();
    items.extend(actual.has_float_key.then_some(Item::Rekey { key, name: None }));
    let changes = changes(&node.properties, &actual.properties);
    if !changes.is_empty() {
        items.push(Item::UpdateNode { key, changes });
    }
    items
}

/// Relationships: what has to be written so that the graph holds `desired` for these keys.
pub fn relationships(
    desired: &BTreeMap<i64, Outcome>,
    actual: &ActualRelationships,
    entries: &Entries,
) -> Vec<Item> {
    let mut items = Vec::new();
    let mut gone: Vec<i64> =
        actual.keys().filter(|key| !desired.contains_key(key)).copied().collect();
    gone.sort_unstable();
    for key in gone {
        items.extend(actual[&key].iter().map(|a| delete(key, a, true)));
    }
    for (key, outcome) in desired {
        let (actual, entry) = (actual.get(key).map_or(&[][..], Vec::as_slice), entries.get(key));
        match outcome {
            Ok(wanted) => items.extend(relationship(wanted, actual, entry)),
            Err(reason) => {
                items.extend(actual.iter().map(|a| delete(*key, a, true)));
                items.extend(quarantine(*key, reason, entry));
            }
        }
    }
    items.extend(stale_entries(desired, entries));
    items
}

/// Relationships that begin or end on nodes that leave count as standing nowhere. Each end has a node
/// table of its own: the same key may leave one and stay in the other.
pub fn detach(actual: &mut ActualRelationships, [from, to]: [Option<&BTreeSet<i64>>; 2]) {
    let leaves = |end: &Option<IdentityValue>, keys: Option<&BTreeSet<i64>>| {
        let key = end.as_ref().and_then(|end| match end {
            IdentityValue::Integer(key) => Some(key),
            IdentityValue::Text(_) => None,
        });
        key.zip(keys).is_some_and(|(key, keys)| keys.contains(key))
    };
    for relationship in actual.values_mut().flatten() {
        if leaves(&relationship.from, from) || leaves(&relationship.to, to) {
            (relationship.from, relationship.to) = (None, None);
        }
    }
}

fn relationship(
    wanted: &Arc<Desired>,
    actual: &[ActualRelationship],
    entry: Option<&(String, String)>,
) -> Vec<Item> {
    let key = wanted.key;
    let fits = |a: &&ActualRelationship| same_place(wanted, a);
    let kept = actual.iter().find(fits);
    let wrong = actual.iter().filter(|a| !fits(a));
    let mut items: Vec<Item> = wrong.map(|a| delete(key, a, false)).collect();
    match kept {
        Some(actual) => {
            let name = Some(Arc::clone(&wanted.name));
            items.extend(actual.has_float_key.then_some(Item::Rekey { key, name }));
            let changes = changes(&wanted.properties, &actual.properties);
            if !changes.is_empty() {
                items.push(Item::UpdateRelationship { relationship: Arc::clone(wanted), changes });
            }
            items.extend(entry.map(|_| Item::Release { key }));
        }
        None => {
            items.push(Item::Create { relationship: Arc::clone(wanted), entry: entry.cloned() });
        }
    }
    items
}

fn same_place(wanted: &Desired, actual: &ActualRelationship) -> bool {
    let Place::Between(from, to) = &wanted.place else { return false };
    *actual.name == *wanted.name
        && actual.from.as_ref() == Some(from)
        && actual.to.as_ref() == Some(to)
}

fn delete(key: i64, actual: &ActualRelationship, gone: bool) -> Item {
    Item::Delete { key, name: actual.name.clone(), gone }
}

/// Former properties, which the desired list does not reach, go.
fn changes(desired: &[Option<Value>], actual: &[Option<Value>]) -> Changes {
    let wanted = desired.iter().chain(std::iter::repeat(&None));
    let differs =
        |(_, (wanted, actual)): &(usize, (&Option<Value>, &Option<Value>))| wanted != actual;
    let change = |(i, (wanted, _)): (usize, (&Option<Value>, &Option<Value>))| (i, wanted.clone());
    wanted.zip(actual).enumerate().filter(differs).map(change).collect()
}

fn quarantine(key: i64, reason: &Reason, entry: Option<&(String, String)>) -> Option<Item> {
    let is_new = is_new_cause(entry);
    (!reason.is_said_by(entry)).then(|| Item::Quarantine { key, reason: reason.clone(), is_new })
}

/// Whether a row that goes into quarantine was at no fault of its own before; `entry` is what quarantine
/// says of it already.
pub fn is_new_cause(entry: Option<&(String, String)>) -> bool {
    entry.is_none_or(|(code, _)| !is_root_cause(code))
}

fn stale_entries<'a>(
    desired: &'a BTreeMap<i64, Outcome>,
    entries: &'a Entries,
) -> impl Iterator<Item = Item> + 'a {
    entries.keys().filter(|key| !desired.contains_key(key)).map(|key| Item::Release { key: *key })
}

#[cfg(test)]
mod tests;
