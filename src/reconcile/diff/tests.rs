//! `diff` against a model: what is written makes it right, and then there is nothing to write.

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
    let bad =
        (0..12_i64, 0..2_u8).prop_map(|(key, why)| (key, Err(Reason::new("bad", why.to_string()))));
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
    let flags = (any::<bool>(), any::<bool>());
    (names, proptest::option::of(identity()), flags, properties).prop_map(
        |(names, identity, (is_placeholder, has_float_key), properties)| ActualNode {
            names: names.into_iter().map(String::from).collect(),
            identity,
            is_placeholder,
            has_float_key,
            properties,
        },
    )
}

fn actual_relationship() -> impl Strategy<Value = ActualRelationship> {
    let end = || proptest::option::of(identity());
    (name(), end(), end(), any::<bool>(), proptest::collection::vec(value(), 3)).prop_map(
        |(name, from, to, has_float_key, properties)| ActualRelationship {
            name: name.into(),
            from,
            to,
            has_float_key,
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
            Item::Rekey { key, name } => {
                assert_eq!(*name, None);
                actual.get_mut(key).expect("is there").has_float_key = false;
            }
            Item::UpdateNode { key, changes } => {
                let node = actual.get_mut(key).expect("is there");
                for (i, v) in changes {
                    node.properties[*i].clone_from(v);
                }
            }
            Item::Enter { node, .. } => {
                let Place::Node(identity) = &node.place else { panic!("a node") };
                let mut properties = node.properties.clone();
                properties.push(None);
                let entered = ActualNode {
                    names: vec![node.name.to_string()],
                    identity: Some(identity.clone()),
                    is_placeholder: false,
                    has_float_key: false,
                    properties,
                };
                assert!(actual.insert(node.key, entered).is_none(), "what enters was not there");
                entries.remove(&node.key);
            }
            other => apply_entry(other, entries),
        }
    }
}

fn apply_entry(item: &Item, entries: &mut Entries) {
    match item {
        Item::Quarantine { key, reason, .. } => {
            entries.insert(*key, (reason.code.to_owned(), reason.detail.clone()));
        }
        Item::Release { key } => {
            assert!(entries.remove(key).is_some(), "only what is there is released");
        }
        Item::Leave { .. } | Item::Delete { .. } => {}
        other => panic!("unexpected {other:?}"),
    }
}

fn apply_relationships(items: &[Item], actual: &mut ActualRelationships, entries: &mut Entries) {
    for item in items {
        match item {
            Item::Delete { key, name, .. } => {
                let of_key = actual.get_mut(key).expect("is there");
                let at = of_key.iter().position(|r| r.name == *name).expect("is there");
                of_key.remove(at);
            }
            Item::Rekey { key, name } => {
                let of_key = actual.get_mut(key).expect("is there");
                let name = name.as_deref().expect("a type");
                let one = of_key.iter_mut().find(|r| r.name == name).expect("is there");
                one.has_float_key = false;
            }
            Item::UpdateRelationship { relationship, changes } => {
                let of_key = actual.get_mut(&relationship.key).expect("is there");
                let one = of_key.iter_mut().find(|r| *r.name == *relationship.name);
                let one = one.expect("is there");
                for (i, v) in changes {
                    one.properties[*i].clone_from(v);
                }
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
                    has_float_key: false,
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

#[test]
fn a_node_that_leaves_one_table_detaches_no_edge_from_a_node_of_another_with_its_key() {
    let edge = |from, to| {
        vec![ActualRelationship {
            name: "A".into(),
            from: Some(IdentityValue::Integer(from)),
            to: Some(IdentityValue::Integer(to)),
            has_float_key: false,
            properties: Vec::new(),
        }]
    };
    let actual = || ActualRelationships::from([(1, edge(5, 6)), (2, edge(6, 5)), (3, edge(5, 5))]);
    let detached = |ends: [Option<&BTreeSet<i64>>; 2]| {
        let mut actual = actual();
        detach(&mut actual, ends);
        let gone =
            actual.into_iter().filter(|(_, all)| all[0].from.is_none() && all[0].to.is_none());
        gone.map(|(key, _)| key).collect::<BTreeSet<i64>>()
    };
    let five = BTreeSet::from([5]);
    assert_eq!(detached([Some(&five), None]), BTreeSet::from([1, 3]));
    assert_eq!(detached([None, Some(&five)]), BTreeSet::from([2, 3]));
    assert_eq!(detached([Some(&five), Some(&five)]), BTreeSet::from([1, 2, 3]));
    assert_eq!(detached([None, None]), BTreeSet::new());
}
