//! Which items are written together, and which side by side. Pure.
//!
//! What clears comes first and alone (R8). What comes is split over lanes so that no two lanes of a
//! round touch the same node: nodes by the hash of their identity, relationships by a round-robin
//! tournament over the hash groups of their two ends.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::desired::Place;
use super::diff::Item;
use crate::model::value::IdentityValue;

/// Items of one transaction.
pub type Batch = Vec<Item>;

/// How large a batch may get, and how many run side by side.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Transactions side by side.
    pub lanes: usize,
    /// Items a transaction.
    pub batch_rows: usize,
    /// Items below which a batch is not worth a lane of its own.
    pub lane_rows_min: usize,
}

/// Rounds of batches: rounds one after another, the batches of a round side by side.
pub fn rounds(items: Vec<Item>, limits: Limits) -> Vec<Vec<Batch>> {
    // A key that is cleared and comes again does so in one transaction: an edge that is retyped or
    // re-pointed is never absent for a reader.
    let cleared: HashSet<i64> = items.iter().filter(|i| i.clears()).map(Item::key).collect();
    let (mut serial, free): (Vec<Item>, Vec<Item>) = items
        .into_iter()
        .partition(|item| cleared.contains(&item.key()) || !(is_new(item) || is_change(item)));
    let (changes, free): (Vec<Item>, Vec<Item>) = free.into_iter().partition(is_change);
    // R6: all leaves before all enters, whatever the size.
    serial.sort_by_key(|item| !matches!(item, Item::Leave { .. } | Item::Unlabel { .. }));
    let mut rounds: Vec<Vec<Batch>> = chunks(serial, limits.batch_rows).map(|b| vec![b]).collect();
    rounds.extend(side_by_side(changes, limits));
    rounds.extend(parallel(free, limits));
    rounds
}

/// A change in place locks its own node or relationship and no other's.
fn is_change(item: &Item) -> bool {
    matches!(item, Item::Rekey { .. } | Item::UpdateNode { .. } | Item::UpdateRelationship { .. })
}

/// Changes need no tournament: any split will do, as long as a key stays in one lane.
fn side_by_side(items: Vec<Item>, limits: Limits) -> Vec<Vec<Batch>> {
    let worth = |lanes: &usize| items.len() >= lanes * limits.lane_rows_min;
    let lanes = (2..=limits.lanes).rev().find(worth).unwrap_or(1);
    let mut split_over: Vec<Batch> = vec![Vec::new(); lanes];
    for item in items {
        let lane = usize::try_from(item.key().rem_euclid(i64::try_from(lanes).unwrap_or(1)));
        split_over[lane.unwrap_or(0)].push(item);
    }
    split(split_over, limits.batch_rows)
}

fn is_new(item: &Item) -> bool {
    matches!(item, Item::Enter { .. } | Item::Create { .. })
}

fn parallel(items: Vec<Item>, limits: Limits) -> Vec<Vec<Batch>> {
    let lanes = lanes_worth_having(&items, limits);
    if lanes == 1 {
        return chunks(items, limits.batch_rows).map(|batch| vec![batch]).collect();
    }
    let groups = 2 * lanes;
    let mut buckets: Vec<Vec<Batch>> = (0..groups - 1).map(|_| vec![Vec::new(); lanes]).collect();
    for item in items {
        let (round, lane) = place(&item, groups);
        buckets[round][lane].push(item);
    }
    buckets.into_iter().flat_map(|lanes| split(lanes, limits.batch_rows)).collect()
}

/// Small batches cost more than lanes bring: a round for each pair of groups cuts relationships into
/// `lanes * (2 * lanes - 1)` batches, nodes into one a lane.
fn lanes_worth_having(items: &[Item], limits: Limits) -> usize {
    let rounds = |lanes: usize| match items.first() {
        Some(Item::Create { .. }) => 2 * lanes - 1,
        _ => 1,
    };
    let worth = |lanes: &usize| items.len() >= lanes * rounds(*lanes) * limits.lane_rows_min;
    (2..=limits.lanes).rev().find(worth).unwrap_or(1)
}

/// Cuts the lanes of a round into batches; the n-th batches of all lanes run side by side.
fn split(lanes: Vec<Batch>, batch_rows: usize) -> Vec<Vec<Batch>> {
    let mut cut: Vec<_> = lanes.into_iter().map(|lane| chunks(lane, batch_rows)).collect();
    let mut rounds = Vec::new();
    loop {
        let round: Vec<Batch> = cut.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            return rounds;
        }
        rounds.push(round);
    }
}

fn chunks(items: Vec<Item>, size: usize) -> impl Iterator<Item = Batch> {
    let mut items = items.into_iter().peekable();
    std::iter::from_fn(move || {
        items.peek()?;
        Some(items.by_ref().take(size.max(1)).collect())
    })
}

/// Round and lane of an item, for an even number of groups.
fn place(item: &Item, groups: usize) -> (usize, usize) {
    match item {
        Item::Create { relationship, .. } => match &relationship.place {
            Place::Between(a, b) => meeting(group(a, groups), group(b, groups), groups),
            Place::Node(identity) => meeting_of_one(group(identity, groups), groups),
        },
        Item::Enter { node, .. } => match &node.place {
            Place::Node(identity) => meeting_of_one(group(identity, groups), groups),
            Place::Between(a, _) => meeting_of_one(group(a, groups), groups),
        },
        _ => (0, 0),
    }
}

fn group(identity: &IdentityValue, groups: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    identity.hash(&mut hasher);
    usize::try_from(hasher.finish() % groups as u64).unwrap_or(0)
}

/// The round and lane in which two groups meet, by the circle method: the last group stands still,
/// the others turn. In each round every group has exactly one lane.
fn meeting(a: usize, b: usize, groups: usize) -> (usize, usize) {
    if a == b {
        return meeting_of_one(a, groups);
    }
    let turning = groups - 1;
    let round = if a == turning {
        2 * b % turning
    } else if b == turning {
        2 * a % turning
    } else {
        (a + b) % turning
    };
    (round, lane(a, round, groups))
}

/// A group alone goes where it stands in round 0.
fn meeting_of_one(a: usize, groups: usize) -> (usize, usize) {
    (0, lane(a, 0, groups))
}

/// The lane of a group in a round: both groups of a pair get the same one.
fn lane(a: usize, round: usize, groups: usize) -> usize {
    let turning = groups - 1;
    // In round r, i meets j with i + j = r (mod turning); the one with 2i = r meets the still one.
    let partner = (round + turning - a % turning) % turning;
    let still = a == turning || partner == a;
    if still {
        return 0;
    }
    // Distance from the group that meets the still one: the pair stands at ±d around it.
    let centre = (round * turning.div_ceil(2)) % turning;
    let distance = (a + turning - centre) % turning;
    distance.min(turning - distance)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::reconcile::desired::Desired;

    fn create(key: i64, from: i64, to: i64) -> Item {
        let place = Place::Between(IdentityValue::Integer(from), IdentityValue::Integer(to));
        let relationship = Desired { key, name: "T".into(), place, properties: vec![] };
        Item::Create { relationship: Arc::new(relationship), entry: None }
    }

    fn ends(item: &Item) -> Vec<IdentityValue> {
        let Item::Create { relationship, .. } = item else { return vec![] };
        let Place::Between(a, b) = &relationship.place else { return vec![] };
        vec![a.clone(), b.clone()]
    }

    proptest! {
        #[test]
        fn no_two_lanes_of_a_round_share_a_node_and_nothing_is_lost(
            edges in proptest::collection::vec((0..200_i64, 0..200_i64), 0..4000),
            lanes in 1..9_usize,
            batch_rows in 1..700_usize,
        ) {
            let items: Vec<Item> = (0..).zip(&edges).map(|(k, (a, b))| create(k, *a, *b)).collect();
            let rounds = rounds(items, Limits { lanes, batch_rows, lane_rows_min: 1 });
            let mut keys = BTreeSet::new();
            for round in &rounds {
                prop_assert!(round.len() <= lanes);
                let mut owner = BTreeMap::new();
                for (lane, batch) in round.iter().enumerate() {
                    prop_assert!(!batch.is_empty() && batch.len() <= batch_rows);
                    for item in batch {
                        prop_assert!(keys.insert(item.key()), "a row is written twice");
                        for end in ends(item) {
                            prop_assert_eq!(*owner.entry(end).or_insert(lane), lane);
                        }
                    }
                }
            }
            prop_assert_eq!(keys.len(), edges.len());
        }

        #[test]
        fn every_pair_of_groups_meets_in_a_lane_of_its_own(lanes in 1..17_usize) {
            let groups = 2 * lanes;
            let mut seen: BTreeMap<(usize, usize), BTreeSet<usize>> = BTreeMap::new();
            for a in 0..groups {
                for b in a + 1..groups {
                    let (round, lane) = meeting(a, b, groups);
                    prop_assert_eq!((round, lane), meeting(b, a, groups));
                    prop_assert!(round < groups - 1 && lane < lanes);
                    seen.entry((round, lane)).or_default().extend([a, b]);
                }
                prop_assert_eq!(meeting_of_one(a, groups).0, 0);
            }
            for groups_of_lane in seen.values() {
                prop_assert_eq!(groups_of_lane.len(), 2);
            }
        }
    }

    #[test]
    fn changes_in_place_go_side_by_side_and_before_what_comes() {
        let changes = (0..4_000).map(|key| Item::UpdateNode { key, changes: vec![] });
        let items = changes.chain([create(7_000, 1, 2)]).collect();
        let rounds = rounds(items, Limits { lanes: 3, batch_rows: 1_000, lane_rows_min: 500 });
        assert_eq!(rounds[0].len(), 3);
        let mut keys: Vec<i64> = rounds.iter().flatten().flatten().map(Item::key).collect();
        assert_eq!(keys.last(), Some(&7_000));
        keys.sort_unstable();
        assert_eq!(keys.len(), 4_001);
        keys.dedup();
        assert_eq!(keys.len(), 4_001, "a row is written once");
    }

    #[test]
    fn a_key_that_is_cleared_and_comes_again_does_so_in_one_batch() {
        let delete = Item::Delete { key: 7, name: "OLD".into(), gone: false };
        let mut items: Vec<Item> = (100..3000).map(|k| create(k, k, k + 1)).collect();
        items.insert(0, delete);
        items.push(create(7, 1, 2));
        let rounds = rounds(items, Limits { lanes: 4, batch_rows: 1000, lane_rows_min: 1 });
        let first = &rounds[0][0];
        assert_eq!(first.iter().map(Item::key).collect::<Vec<_>>(), [7, 7]);
    }
}
