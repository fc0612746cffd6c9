//! Walks over plain lists: what they meet is what a search over the lists meets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::compare::element::Way;
use crate::compare::side::{Rows, WithoutRow};
use crate::model::value::IdentityValue;

/// A store that is a list: nodes by key with what they say, relationships by key.
#[derive(Clone, Debug, Default, PartialEq)]
struct Listed {
    nodes: BTreeMap<i64, u8>,
    edges: BTreeMap<i64, (i64, i64, u8)>,
}

fn id(key: i64) -> NodeId {
    NodeId::Row(0, key)
}

fn key(id: &NodeId) -> i64 {
    match id {
        NodeId::Row(_, key) => *key,
        NodeId::Bare(_) => panic!("no such node here"),
    }
}

impl Side for Listed {
    async fn nodes(&mut self, ids: &[NodeId]) -> Result<Vec<Node>> {
        let node = |id: &NodeId| {
            let says = self.nodes.get(&key(id))?;
            Some(Node { id: id.clone(), label: "".into(), identity: None, digest: [*says; 32] })
        };
        Ok(ids.iter().filter_map(node).collect())
    }

    async fn edges(&mut self, from: &[NodeId], way: Way, edges_max: usize) -> Result<Vec<Crossed>> {
        let mut out = Vec::new();
        for (edge, (a, b, says)) in &self.edges {
            let (near, far) = if way == Way::Along { (*a, *b) } else { (*b, *a) };
            if from.contains(&id(near)) {
                let mut digest = [*says; 32];
                digest[..16].copy_from_slice(&[a.to_le_bytes(), b.to_le_bytes()].concat());
                let (near, far, name) = (id(near), Some(id(far)), "".into());
                out.push(Crossed { near, slot: Slot::Edge(0), key: *edge, way, name, far, digest });
            }
        }
        if out.len() > edges_max { Err(crate::compare::side::too_many(edges_max)) } else { Ok(out) }
    }

    async fn of_identity(&mut self, _: usize, _: &IdentityValue) -> Result<Vec<NodeId>> {
        Ok(Vec::new())
    }

    async fn rows_from(&mut self, _: usize, _: i64) -> Result<Rows> {
        Ok(Rows::default())
    }

    async fn without_row_from(&mut self, _: Slot, _: i64) -> Result<WithoutRow> {
        Ok(WithoutRow::default())
    }

    async fn ends_of(&mut self, _: Slot, _: &[i64]) -> Result<Vec<NodeId>> {
        Ok(Vec::new())
    }
}

impl Listed {
    /// Hops to every node and of every relationship, by going over the whole list again and again.
    fn hops(
        &self,
        roots: &[i64],
        direction: Direction,
    ) -> (BTreeMap<i64, u32>, BTreeMap<i64, u32>) {
        let mut nodes: BTreeMap<i64, u32> =
            roots.iter().filter(|r| self.nodes.contains_key(r)).map(|r| (*r, 0)).collect();
        let mut edges = BTreeMap::new();
        for hop in 1.. {
            let before = (nodes.len(), edges.len());
            let frontier: BTreeSet<i64> =
                nodes.iter().filter(|(_, h)| **h == hop - 1).map(|(n, _)| *n).collect();
            for (edge, (a, b, _)) in &self.edges {
                for (near, far, way) in [(a, b, Way::Along), (b, a, Way::Against)] {
                    if direction.ways().contains(&way) && frontier.contains(near) {
                        edges.entry(*edge).or_insert(hop);
                        if self.nodes.contains_key(far) {
                            nodes.entry(*far).or_insert(hop);
                        }
                    }
                }
            }
            if (nodes.len(), edges.len()) == before {
                break;
            }
        }
        (nodes, edges)
    }

    fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.nodes.extend(other.nodes.clone());
        // An edge that the two have elsewhere is two edges for who goes along it.
        for (edge, value) in &other.edges {
            let key =
                if all.edges.get(edge).is_some_and(|e| e != value) { edge + 1_000 } else { *edge };
            all.edges.insert(key, *value);
        }
        all
    }
}

fn listed() -> impl Strategy<Value = Listed> {
    let nodes = prop::collection::btree_map(0..12_i64, 0..2_u8, 6..12);
    let edges = prop::collection::btree_map(0..30_i64, (0..12_i64, 0..12_i64, 0..2_u8), 0..30);
    (nodes, edges).prop_map(|(nodes, mut edges)| {
        // As in the stores, what is joined is there.
        edges.retain(|_, (a, b, _)| nodes.contains_key(a) && nodes.contains_key(b));
        Listed { nodes, edges }
    })
}

/// A few changes to a store.
fn changed(store: &Listed, changes: &[(u8, i64, i64)]) -> Listed {
    let mut store = store.clone();
    for (what, a, b) in changes {
        match what {
            0 => drop(store.edges.remove(a)),
            1 => drop(store.edges.insert(*a + 40, (*b % 12, (*a + 1) % 12, 0))),
            2 => drop(store.nodes.entry(*b).and_modify(|says| *says += 2)),
            3 => drop(store.edges.entry(*a).and_modify(|e| e.2 += 2)),
            4 => drop(store.edges.entry(*a).and_modify(|e| *e = (e.1, e.0, e.2))),
            5 => drop(store.edges.entry(*a).and_modify(|e| e.1 = *b)),
            _ => drop(store.nodes.remove(b)),
        }
    }
    let nodes = store.nodes.clone();
    store.edges.retain(|_, (a, b, _)| nodes.contains_key(a) && nodes.contains_key(b));
    store
}

fn at(nodes: impl Iterator<Item = NodeId>) -> Roots {
    Roots { nodes: nodes.collect(), ..Roots::default() }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Down), Just(Direction::Up), Just(Direction::Both)]
}

const LIMITS: Limits = Limits { hops: None, nodes_max: 1_000, edges_max: 1_000 };

proptest! {
    #[test]
    fn each_side_meets_at_each_hop_what_a_search_meets(
        store in listed(),
        changes in prop::collection::vec((0..7_u8, 0..30_i64, 0..12_i64), 0..4),
        roots in prop::collection::btree_set(0..12_i64, 1..3),
        direction in direction(),
    ) {
        let other = changed(&store, &changes);
        let roots: Vec<i64> = roots.into_iter().collect();
        let ids = at(roots.iter().map(|r| id(*r)));
        let (mut a, mut b) = (store.clone(), other.clone());
        let walked = run(walk(&mut a, &mut b, &ids, direction, LIMITS)).unwrap();
        for (i, side) in [&store, &other].into_iter().enumerate() {
            let (nodes, edges) = side.hops(&roots, direction);
            for (hop, sums) in walked.hops.iter().enumerate() {
                let of = |hops: &BTreeMap<i64, u32>| hops.values().filter(|h| **h as usize == hop).count() as u64;
                prop_assert_eq!((sums[i].edges, sums[i].nodes), (of(&edges), of(&nodes)), "side {} hop {}", i, hop);
            }
        }
    }

    #[test]
    fn the_suspects_are_what_differs_each_at_the_first_hop_of_either(
        store in listed(),
        changes in prop::collection::vec((0..7_u8, 0..30_i64, 0..12_i64), 0..4),
        roots in prop::collection::btree_set(0..12_i64, 1..3),
        direction in direction(),
    ) {
        let other = changed(&store, &changes);
        let roots: Vec<i64> = roots.into_iter().collect();
        let ids = at(roots.iter().map(|r| id(*r)));
        let (mut a, mut b) = (store.clone(), other.clone());
        let walked = run(walk(&mut a, &mut b, &ids, direction, LIMITS)).unwrap();
        let (nodes, edges) = store.union(&other).hops(&roots, direction);
        let mut expected = Suspects::default();
        for (node, hop) in nodes {
            if store.nodes.get(&node) != other.nodes.get(&node) {
                expected.node(&id(node), hop);
            }
        }
        let mut first: BTreeMap<i64, u32> = BTreeMap::new();
        for (edge, hop) in edges {
            let least = first.entry(edge % 1_000).or_insert(hop);
            *least = hop.min(*least);
        }
        for (edge, hop) in first {
            if store.edges.get(&edge) != other.edges.get(&edge) {
                expected.relationship((Slot::Edge(0), edge), hop);
            }
        }
        prop_assert_eq!(&walked.suspects, &expected);
        prop_assert!(store != other || walked.is_same());
    }

    #[test]
    fn a_limit_is_never_passed_in_silence(
        store in listed(),
        nodes_max in 1..12_usize,
        edges_max in 1..20_usize,
    ) {
        let ids = at(store.nodes.keys().take(1).map(|key| id(*key)));
        let limits = Limits { hops: None, nodes_max, edges_max };
        let (mut a, mut b) = (store.clone(), store.clone());
        let walked = run(walk(&mut a, &mut b, &ids, Direction::Both, limits)).unwrap();
        let roots: Vec<i64> = ids.nodes.iter().map(key).collect();
        let (nodes, edges) = store.hops(&roots, Direction::Both);
        let is_within = nodes.len() <= nodes_max && edges.len() <= edges_max;
        prop_assert_eq!(matches!(walked.ended.0, Ended::Limit(_)), !is_within);
    }
}
