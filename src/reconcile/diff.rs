//! `diff(desired, actual)`: what has to be written, and nothing else. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::desired::{Desired, Outcome, Place};
use crate::model::Value;
use crate::model::value::IdentityValue;
use crate::neo4j::quarantine::{Entries, Reason};

/// A node as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ActualNode {
    /// Its labels among those that are provsync's.
    pub names: Vec<String>,
    /// Its identity property.
    pub identity: Option<IdentityValue>,
    /// Whether the placeholder's label is on it.
    pub is_placeholder: bool,
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
    /// Properties of the shape, in its order.
    pub properties: Vec<Option<Value>>,
}

/// Nodes by row key.
pub type ActualNodes = HashMap<i64, ActualNode>;
/// Relationships by row key; a key may have several, since the constraint is per type.
pub type ActualRelationships = HashMap<i64, Vec<ActualRelationship>>;

/// Properties that change: index in the shape and the new value, `None` to remove it.
pub type Changes = Vec<(usize, Option<Value>)>;

/// What quarantine says of a key already.
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
    /// Properties of a node change.
    UpdateNode {
        /// Row key.
        key: i64,
        /// What changes.
        changes: Changes,
    },
    /// Properties of a relationship change.
    UpdateRelationship {
        /// Row key.
        key: i64,
        /// Its type.
        name: Arc<str>,
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
    },
    /// A row leaves quarantine.
    Release {
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
            | Self::UpdateNode { key, .. }
            | Self::UpdateRelationship { key, .. }
            | Self::Quarantine { key, .. }
            | Self::Release { key } => *key,
            Self::Enter { node: desired, .. } | Self::Create { relationship: desired, .. } => {
                desired.key
            }
        }
    }

    /// Whether it takes something away that others may wait for (R8: before all that comes).
    pub fn clears(&self) -> bool {
        matches!(self, Self::Delete { .. } | Self::Leave { .. } | Self::Unlabel { .. })
    }
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
            let changes = changes(&wanted.properties, &actual.properties);
            if !changes.is_empty() {
                items.push(Item::UpdateRelationship {
                    key,
                    name: Arc::clone(&wanted.name),
                    changes,
                });
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
    let same = entry.is_some_and(|(code, detail)| *code == reason.code && *detail == reason.detail);
    (!same).then(|| Item::Quarantine { key, reason: reason.clone() })
}

fn stale_entries<'a>(
    desired: &'a BTreeMap<i64, Outcome>,
    entries: &'a Entries,
) -> impl Iterator<Item = Item> + 'a {
    entries.keys().filter(|key| !desired.contains_key(key)).map(|key| Item::Release { key: *key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 3] = ["A", "B", "C"];

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            (0..3_i64).prop_map(|v| Some(Value::Integer(v))),
            (0..3_i32).prop_map(|v| Some(Value::float(f64::from(v)))),
            "[ab]?".prop_map(|v| Some(Value::Text(v))),
        ]
    }

    fn name() -> impl Strategy<Value = &'static str> {
        (0..NAMES.len()).prop_map(|i| NAMES[i])
    }

    fn identity() -> impl Strategy<Value = IdentityValue> {
        (0..4_i64).prop_map(IdentityValue::Integer)
    }

    fn outcome(place: impl Strategy<Value = Place>) -> impl Strategy<Value = (i64, Outcome)> {
        let good = (0..12_i64, name(), place, proptest::collection::vec(value(), 2));
        let good = good.prop_map(|(key, name, place, properties)| {
            (key, Ok(Arc::new(Desired { key, name: name.into(), place, properties })))
        });
        let bad = (0..12_i64, 0..2_u8)
            .prop_map(|(key, why)| (key, Err(Reason::new("bad", why.to_string()))));
        prop_oneof![4 => good, 1 => bad]
    }

    fn node_place() -> impl Strategy<Value = Place> {
        identity().prop_map(Place::Node)
    }

    fn between() -> impl Strategy<Value = Place> {
        (identity(), identity()).prop_map(|(a, b)| Place::Between(a, b))
    }

    fn actual_node() -> impl Strategy<Value = ActualNode> {
        let names = proptest::sample::subsequence(NAMES.to_vec(), 0..=3);
        // The third property is a former one, which the mapping no longer gives.
        let properties = proptest::collection::vec(value(), 3);
        (names, proptest::option::of(identity()), any::<bool>(), properties).prop_map(
            |(names, identity, is_placeholder, properties)| ActualNode {
                names: names.into_iter().map(String::from).collect(),
                identity,
                is_placeholder,
                properties,
            },
        )
    }

    fn actual_relationship() -> impl Strategy<Value = ActualRelationship> {
        let end = || proptest::option::of(identity());
        (name(), end(), end(), proptest::collection::vec(value(), 3)).prop_map(
            |(name, from, to, properties)| ActualRelationship {
                name: name.into(),
                from,
                to,
                properties,
            },
        )
    }

    fn entries() -> impl Strategy<Value = Entries> {
        let entry =
            (0..12_i64, 0..3_u8).prop_map(|(key, why)| (key, ("bad".to_owned(), why.to_string())));
        proptest::collection::vec(entry, 0..6).prop_map(|entries| entries.into_iter().collect())
    }

    /// What Neo4j does with the items, as far as one key goes; the order is R8's.
    fn apply_nodes(items: &[Item], actual: &mut ActualNodes, entries: &mut Entries) {
        for item in items.iter().filter(|i| matches!(i, Item::Leave { .. })) {
            assert!(actual.remove(&item.key()).is_some(), "only what is there leaves");
        }
        for item in items {
            match item {
                Item::Unlabel { key, label } => {
                    let node = actual.get_mut(key).expect("is there");
                    node.is_placeholder &= label != "Placeholder";
                    node.names.retain(|n| n != label);
                }
                Item::UpdateNode { key, changes } => {
                    let node = actual.get_mut(key).expect("is there");
                    changes.iter().for_each(|(i, v)| node.properties[*i].clone_from(v));
                }
                Item::Enter { node, .. } => {
                    let Place::Node(identity) = &node.place else { panic!("a node") };
                    let mut properties = node.properties.clone();
                    properties.push(None);
                    let entered = ActualNode {
                        names: vec![node.name.to_string()],
                        identity: Some(identity.clone()),
                        is_placeholder: false,
                        properties,
                    };
                    assert!(
                        actual.insert(node.key, entered).is_none(),
                        "what enters was not there"
                    );
                    entries.remove(&node.key);
                }
                other => apply_entry(other, entries),
            }
        }
    }

    fn apply_entry(item: &Item, entries: &mut Entries) {
        match item {
            Item::Quarantine { key, reason } => {
                entries.insert(*key, (reason.code.to_owned(), reason.detail.clone()));
            }
            Item::Release { key } => {
                assert!(entries.remove(key).is_some(), "only what is there is released")
            }
            Item::Leave { .. } | Item::Delete { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }

    fn apply_relationships(
        items: &[Item],
        actual: &mut ActualRelationships,
        entries: &mut Entries,
    ) {
        for item in items {
            match item {
                Item::Delete { key, name, .. } => {
                    let of_key = actual.get_mut(key).expect("is there");
                    let at = of_key.iter().position(|r| r.name == *name).expect("is there");
                    of_key.remove(at);
                }
                Item::UpdateRelationship { key, name, changes } => {
                    let of_key = actual.get_mut(key).expect("is there");
                    let one = of_key.iter_mut().find(|r| *r.name == **name).expect("is there");
                    changes.iter().for_each(|(i, v)| one.properties[*i].clone_from(v));
                }
                Item::Create { relationship, .. } => {
                    let Place::Between(from, to) = &relationship.place else {
                        panic!("a relationship")
                    };
                    let mut properties = relationship.properties.clone();
                    properties.push(None);
                    let name = relationship.name.to_string();
                    let of_key = actual.entry(relationship.key).or_default();
                    assert!(of_key.iter().all(|r| r.name != name), "unique per type");
                    of_key.push(ActualRelationship {
                        name,
                        from: Some(from.clone()),
                        to: Some(to.clone()),
                        properties,
                    });
                    entries.remove(&relationship.key);
                }
                other => apply_entry(other, entries),
            }
        }
        actual.retain(|_, of_key| !of_key.is_empty());
    }

    fn reasons(desired: &BTreeMap<i64, Outcome>) -> Entries {
        let reason = |(key, outcome): (&i64, &Outcome)| {
            outcome.as_ref().err().map(|r| (*key, (r.code.to_owned(), r.detail.clone())))
        };
        desired.iter().filter_map(reason).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_makes_nodes_right_and_the_second_diff_is_empty(
            desired in proptest::collection::vec(outcome(node_place()), 0..12),
            actual in proptest::collection::hash_map(0..12_i64, actual_node(), 0..12),
            entries in entries(),
        ) {
            let desired: BTreeMap<i64, Outcome> = desired.into_iter().collect();
            let (mut actual, mut entries) = (actual, entries);
            let items = nodes(&desired, &actual, &entries, "Placeholder");
            apply_nodes(&items, &mut actual, &mut entries);
            prop_assert_eq!(entries.clone(), reasons(&desired));
            let good = desired.values().filter(|d| d.is_ok()).count();
            prop_assert_eq!(actual.len(), good);
            for node in desired.values().flatten() {
                let found = &actual[&node.key];
                prop_assert_eq!(&found.names, &[node.name.to_string()]);
                prop_assert!(same_identity(node, found) && !found.is_placeholder);
                prop_assert_eq!(&found.properties[..2], &node.properties[..]);
                prop_assert_eq!(&found.properties[2], &None);
            }
            prop_assert_eq!(nodes(&desired, &actual, &entries, "Placeholder"), vec![]);
        }

        #[test]
        fn what_is_written_makes_relationships_right_and_the_second_diff_is_empty(
            desired in proptest::collection::vec(outcome(between()), 0..12),
            actual in proptest::collection::hash_map(0..12_i64, proptest::collection::vec(actual_relationship(), 1..3), 0..12),
            entries in entries(),
        ) {
            let desired: BTreeMap<i64, Outcome> = desired.into_iter().collect();
            let (mut actual, mut entries) = (actual, entries);
            for of_key in actual.values_mut() {
                of_key.sort_by(|a, b| a.name.cmp(&b.name));
                of_key.dedup_by(|a, b| a.name == b.name);
            }
            let items = relationships(&desired, &actual, &entries);
            apply_relationships(&items, &mut actual, &mut entries);
            prop_assert_eq!(entries.clone(), reasons(&desired));
            prop_assert_eq!(actual.len(), desired.values().filter(|d| d.is_ok()).count());
            for wanted in desired.values().flatten() {
                let found = &actual[&wanted.key];
                prop_assert!(found.len() == 1 && same_place(wanted, &found[0]));
                prop_assert_eq!(&found[0].properties[..2], &wanted.properties[..]);
            }
            prop_assert_eq!(relationships(&desired, &actual, &entries), vec![]);
        }
    }
}
