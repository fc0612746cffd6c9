//! A walk over both stores, hop by hop, and what they do not agree on.
//!
//! Each store is asked by itself. Both are asked about what either has reached, so that one lost
//! relationship is one suspect and not everything behind it as well; what each would have reached
//! alone is kept beside it, counted and digested. A suspect is no difference yet: one of two stores
//! is read later than the other ([`super::settle`]).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::element::{Crossed, Digest, Node, NodeId};
use super::roots::Roots;
use super::side::Side;
use super::walk::{self, Direction, Ended, Front, HopDigest, HopSum, Limit, Limits};
use crate::error::{Error, Kind, Result};
use crate::mapping::Slot;

/// Suspects beyond which a walk ends: the stores are not alike, and more of them say no more.
pub const SUSPECTS_MAX: usize = 100_000;

/// Row keys and identities on which the stores did not agree when they were read, each with the first
/// hop at which it showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Row keys by table.
    pub keys: BTreeMap<Slot, BTreeMap<i64, u32>>,
    /// Identities without a row on either side.
    pub bare: BTreeMap<NodeId, u32>,
}

impl Suspects {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.values().map(BTreeMap::len).sum::<usize>() + self.bare.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn relationship(&mut self, (slot, key): (Slot, i64), hop: u32) {
        self.keys.entry(slot).or_default().entry(key).or_insert(hop);
    }

    /// Relationships that hang on no node of the mapping would be crossed by the first hop, if they hung on
    /// one.
    fn detached(&mut self, roots: &Roots) {
        for (slot, keys) in &roots.detached {
            for key in keys {
                self.relationship((*slot, *key), 1);
            }
        }
    }

    fn node(&mut self, id: &NodeId, hop: u32) {
        match id {
            NodeId::Row(table, key) => self.relationship((Slot::Node(*table), *key), hop),
            NodeId::Bare(_) => {
                self.bare.entry(id.clone()).or_insert(hop);
            }
        }
    }
}

/// What a walk over both stores met.
#[derive(Clone, Debug)]
pub struct Walked {
    /// What each store met by itself, by hop from 0 on: source, graph.
    pub hops: Vec<[HopSum; 2]>,
    /// How it ended, and at which hop.
    pub ended: (Ended, u32),
    /// What each store met by itself of each table: source, graph.
    pub counts: BTreeMap<Slot, [u64; 2]>,
    /// What they do not agree on.
    pub suspects: Suspects,
    /// Nodes that either has reached.
    pub nodes: usize,
    /// Roots that neither store has.
    pub missing: Vec<NodeId>,
}

impl Walked {
    /// Whether each store by itself met the same at every hop.
    pub fn is_same(&self) -> bool {
        self.hops.iter().all(|[source, graph]| source == graph)
    }
}

/// The state of a walk.
struct Walk<'a, A, B> {
    source: &'a mut A,
    graph: &'a mut B,
    direction: Direction,
    either: Front,
    alone: [Front; 2],
    digests: [HopDigest; 2],
    counts: BTreeMap<Slot, [u64; 2]>,
    suspects: Suspects,
    edges_max: usize,
    edges_left: usize,
}

/// Walks over both stores from the same roots. Detached relationships count as met by the first hop.
///
/// # Errors
/// Of either store: then nothing can be said.
pub async fn walk<A: Side, B: Side>(
    source: &mut A,
    graph: &mut B,
    roots: &Roots,
    direction: Direction,
    limits: Limits,
) -> Result<Walked> {
    let front = || {
        let mut front = Front::default();
        for root in &roots.nodes {
            front.reach(root);
        }
        front
    };
    let mut walk = Walk {
        source,
        graph,
        direction,
        either: front(),
        alone: [front(), front()],
        digests: Default::default(),
        counts: BTreeMap::new(),
        suspects: Suspects::default(),
        edges_max: limits.edges_max,
        edges_left: limits.edges_max,
    };
    let (mut hops, mut missing) = (Vec::new(), Vec::new());
    let ended = loop {
        let hop = u32::try_from(hops.len()).unwrap_or(u32::MAX);
        if hop > 0 {
            match walk.cross(hop).await {
                Err(error) if error.kind == Kind::TooLarge => {
                    break (Ended::Limit(Limit::Edges), hop);
                }
                outcome => outcome?,
            }
        }
        if walk.either.len() > limits.nodes_max {
            break (Ended::Limit(Limit::Nodes), hop);
        }
        let absent = walk.reach(hop).await?;
        if hop == 0 {
            missing = absent;
            if limits.hops != Some(0) {
                walk.suspects.detached(roots);
            }
        }
        hops.push(walk.end_hop());
        if walk.suspects.len() > SUSPECTS_MAX {
            break (Ended::Limit(Limit::Suspects), hop);
        }
        if walk.all(Front::frontier).is_empty() {
            break (Ended::Exhausted, hop);
        }
        if limits.hops == Some(hop) {
            break (Ended::Hops, hop);
        }
    };
    let nodes = walk.either.len();
    let Walk { counts, suspects, .. } = walk;
    Ok(Walked { hops, ended, counts, suspects, nodes, missing })
}

impl<A: Side, B: Side> Walk<'_, A, B> {
    /// Compares the nodes that this hop has reached; returns those that neither store has.
    async fn reach(&mut self, hop: u32) -> Result<Vec<NodeId>> {
        let mut there = [HashSet::new(), HashSet::new()];
        let mut absent = Vec::new();
        for part in walk::parts(&self.all(Front::reached)) {
            let (source, graph) = tokio::join!(self.source.nodes(&part), self.graph.nodes(&part));
            let [source, graph] = [by_id(source?), by_id(graph?)];
            for id in &part {
                let digest = |of: &BTreeMap<NodeId, Node>| of.get(id).map(|node| node.digest);
                if !self.either.reached().contains(id) {
                    continue;
                }
                match (digest(&source), digest(&graph)) {
                    (None, None) => absent.push(id.clone()),
                    (a, b) if a == b => {}
                    _ => self.suspects.node(id, hop),
                }
            }
            for (i, nodes) in [source, graph].into_iter().enumerate() {
                let own = nodes.values().filter(|node| self.alone[i].reached().contains(&node.id));
                for node in own {
                    self.digests[i].node(node);
                    self.counts.entry(Slot::Node(node.id.table())).or_default()[i] += 1;
                }
                there[i].extend(nodes.into_keys());
            }
        }
        self.either.retain(|id| there.iter().any(|side| side.contains(id)));
        for (front, there) in self.alone.iter_mut().zip(&there) {
            front.retain(|id| there.contains(id));
        }
        Ok(absent)
    }

    /// What either has reached, and what each alone has: one that takes a longer way comes later.
    fn all(&self, of: fn(&Front) -> &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let alone = self.alone.iter().flat_map(of);
        of(&self.either).iter().chain(alone).cloned().collect()
    }

    fn end_hop(&mut self) -> [HopSum; 2] {
        self.either.advance();
        self.alone.iter_mut().for_each(Front::advance);
        std::mem::take(&mut self.digests).map(HopDigest::end)
    }

    /// Compares the relationships that leave the frontier.
    async fn cross(&mut self, hop: u32) -> Result<()> {
        let mut waiting = walk::parts(&self.all(Front::frontier));
        waiting.reverse();
        while let Some(part) = waiting.pop() {
            let edges_max = walk::allowance(&part, self.edges_max);
            let (source, graph) = tokio::join!(
                walk::edges_of(self.source, &part, self.direction, edges_max),
                walk::edges_of(self.graph, &part, self.direction, edges_max)
            );
            let is_too_much = |met: &Result<Vec<Crossed>>| {
                met.as_ref().is_err_and(|error| error.kind == Kind::TooLarge)
            };
            if (is_too_much(&source) || is_too_much(&graph))
                && let Some([low, high]) = walk::halves(&part)
            {
                waiting.extend([high, low]);
                continue;
            }
            self.take(hop, &[source?, graph?])?;
        }
        Ok(())
    }

    fn take(&mut self, hop: u32, met: &[Vec<Crossed>; 2]) -> Result<()> {
        let mut digests: [BTreeMap<(Slot, i64), Vec<Digest>>; 2] = Default::default();
        let mut far = BTreeSet::new();
        for (i, met) in met.iter().enumerate() {
            let mut alone = BTreeSet::new();
            for crossed in met {
                if self.either.crosses(self.direction, crossed) {
                    let id = (crossed.slot, crossed.key);
                    digests[i].entry(id).or_default().push(crossed.digest);
                    far.extend(crossed.far.as_ref());
                }
                if self.alone[i].crosses(self.direction, crossed) {
                    self.digests[i].edge(crossed);
                    self.counts.entry(crossed.slot).or_default()[i] += 1;
                    alone.extend(crossed.far.as_ref());
                }
            }
            for id in alone {
                self.alone[i].reach(id);
            }
        }
        for id in far {
            self.either.reach(id);
        }
        let [source, graph] = digests;
        let crossed: BTreeSet<(Slot, i64)> = source.keys().chain(graph.keys()).copied().collect();
        self.edges_left = self
            .edges_left
            .checked_sub(crossed.len())
            .ok_or_else(|| Error::new(Kind::TooLarge, "the limit of relationships is reached"))?;
        for id in crossed {
            let sorted = |of: &BTreeMap<(Slot, i64), Vec<Digest>>| {
                let mut digests = of.get(&id).cloned().unwrap_or_default();
                digests.sort_unstable();
                digests
            };
            if sorted(&source) != sorted(&graph) {
                self.suspects.relationship(id, hop);
            }
        }
        Ok(())
    }
}

fn by_id(nodes: Vec<Node>) -> BTreeMap<NodeId, Node> {
    nodes.into_iter().map(|node| (node.id.clone(), node)).collect()
}

#[cfg(test)]
mod tests;
