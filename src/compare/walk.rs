//! A walk from roots, hop by hop: which nodes stand at which hop, and which relationships a hop
//! crosses. Pure; a store is asked through [`Side`].
//!
//! It is no enumeration of paths: each node is reached once, at the least number of hops from any
//! root, and each relationship is crossed once, at the first hop at which it can be.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::element::{Crossed, Digest, Node, NodeId, Way};
use super::side::{NODES_AT_A_TIME, Side};
use crate::error::{Error, Kind, Result};

/// Relationships that are held at a time, where nodes can still be asked about one by one.
const EDGES_AT_A_TIME: usize = 200_000;

/// In which directions a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Along relationships as they are stored, from where they begin to where they end.
    Down,
    /// Against them.
    Up,
    /// Both.
    Both,
}

impl Direction {
    /// The ways of it.
    pub fn ways(self) -> &'static [Way] {
        match self {
            Self::Down => &[Way::Along],
            Self::Up => &[Way::Against],
            Self::Both => &[Way::Along, Way::Against],
        }
    }
}

/// How far a walk may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Hops; `None` until nothing new is reached.
    pub hops: Option<u32>,
    /// Nodes that may be reached in all.
    pub nodes_max: usize,
    /// Relationships that may be crossed in all.
    pub edges_max: usize,
}

/// The nodes that a walk has reached, and those of its last hop, which it goes on from.
#[derive(Clone, Debug, Default)]
pub struct Front {
    behind: HashSet<NodeId>,
    frontier: BTreeSet<NodeId>,
    next: BTreeSet<NodeId>,
}

impl Front {
    /// A walk that begins at these.
    pub fn new(roots: impl IntoIterator<Item = NodeId>) -> Self {
        Self { frontier: roots.into_iter().collect(), ..Self::default() }
    }

    /// The nodes that were reached last, in order.
    pub fn frontier(&self) -> &BTreeSet<NodeId> {
        &self.frontier
    }

    /// All nodes that were reached.
    pub fn len(&self) -> usize {
        self.behind.len() + self.frontier.len() + self.next.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a relationship that is met from the frontier is crossed now: it is met from both ends
    /// in both directions, and crossed from the one that was reached first; between two nodes of
    /// one hop, along.
    pub fn crosses(&self, direction: Direction, crossed: &Crossed) -> bool {
        if !self.frontier.contains(&crossed.near) {
            return false;
        }
        let Some(far) = crossed.far.as_ref().filter(|_| direction == Direction::Both) else {
            return true;
        };
        let is_along = crossed.way == Way::Along;
        !self.behind.contains(far) && (is_along || !self.frontier.contains(far))
    }

    /// A node is reached by this hop.
    pub fn reach(&mut self, id: &NodeId) {
        if !self.behind.contains(id) && !self.frontier.contains(id) {
            self.next.insert(id.clone());
        }
    }

    /// The nodes that this hop has reached and no other before it.
    pub fn reached(&self) -> &BTreeSet<NodeId> {
        &self.next
    }

    /// What was reached and is not there after all goes no further.
    pub fn retain(&mut self, keep: impl Fn(&NodeId) -> bool) {
        self.next.retain(keep);
    }

    /// The next hop begins.
    pub fn advance(&mut self) {
        let left = std::mem::replace(&mut self.frontier, std::mem::take(&mut self.next));
        self.behind.extend(left);
    }
}

/// Parts of a frontier that are asked about together: in order, so that what is found of one part
/// stands before what is found of the next.
pub fn parts(frontier: &BTreeSet<NodeId>) -> Vec<Vec<NodeId>> {
    let all: Vec<NodeId> = frontier.iter().cloned().collect();
    all.chunks(NODES_AT_A_TIME).map(<[NodeId]>::to_vec).collect()
}

/// How many relationships of a part of a frontier may be read at a time. One node can't be asked about
/// by halves: of it there are at most twice as many as may be crossed in all, since it is met from
/// both ends.
pub fn allowance(part: &[NodeId], edges_max: usize) -> usize {
    let most = edges_max.saturating_mul(2);
    if part.len() == 1 { most } else { most.min(EDGES_AT_A_TIME) }
}

/// Halves of a part of which there was more than its allowance; `None` for one node.
pub fn halves(part: &[NodeId]) -> Option<[Vec<NodeId>; 2]> {
    let (low, high) = part.split_at(part.len() / 2);
    (!low.is_empty()).then(|| [low.to_vec(), high.to_vec()])
}

/// All relationships of a part of a frontier in a direction, in the order of [`order`].
pub async fn edges_of<S: Side>(
    side: &mut S,
    part: &[NodeId],
    direction: Direction,
    edges_max: usize,
) -> Result<Vec<Crossed>> {
    let mut all = Vec::new();
    for way in direction.ways() {
        all.extend(side.edges(part, *way, edges_max - all.len().min(edges_max)).await?);
    }
    all.sort_by(order);
    Ok(all)
}

/// The order in which the relationships of a hop are compared and digested.
pub fn order(a: &Crossed, b: &Crossed) -> std::cmp::Ordering {
    let key = |c: &Crossed| (c.slot, c.key, c.way);
    a.near.cmp(&b.near).then_with(|| key(a).cmp(&key(b))).then_with(|| a.digest.cmp(&b.digest))
}

/// What one side met at one hop, in one number.
#[derive(Clone, Debug, Default)]
pub struct HopDigest {
    edges: sha2::Sha256,
    nodes: sha2::Sha256,
    edge_count: u64,
    node_count: u64,
}

/// Counts and digests of a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopSum {
    /// Relationships that were crossed.
    pub edges: u64,
    /// Nodes that were reached.
    pub nodes: u64,
    /// SHA-256 over the relationships' digests, in order.
    pub edges_digest: Digest,
    /// SHA-256 over the nodes' digests, in order.
    pub nodes_digest: Digest,
}

impl HopDigest {
    /// The next relationship of [`order`].
    pub fn edge(&mut self, crossed: &Crossed) {
        sha2::Digest::update(&mut self.edges, crossed.digest);
        self.edge_count += 1;
    }

    /// The next node, in the order of ids.
    pub fn node(&mut self, node: &Node) {
        sha2::Digest::update(&mut self.nodes, node.digest);
        self.node_count += 1;
    }

    /// The sum.
    pub fn end(self) -> HopSum {
        HopSum {
            edges: self.edge_count,
            nodes: self.node_count,
            edges_digest: sha2::Digest::finalize(self.edges).into(),
            nodes_digest: sha2::Digest::finalize(self.nodes).into(),
        }
    }
}

/// What a walk over one side meets, in order.
pub trait Visitor {
    /// A node was reached; roots come with hop 0.
    fn node(&mut self, hop: u32, node: &Node);
    /// A relationship was crossed.
    fn edge(&mut self, hop: u32, crossed: &Crossed);
    /// A hop is over.
    fn hop(&mut self, _hop: u32) {}
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing new was reached.
    Exhausted,
    /// As many hops as were asked for.
    Hops,
    /// A limit was reached: there is more that was not looked at.
    Limit(Limit),
}

/// Which limit a walk reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::nodes_max`].
    Nodes,
    /// [`Limits::edges_max`].
    Edges,
    /// [`super::both::SUSPECTS_MAX`].
    Suspects,
}

impl Limits {
    /// What is said when a limit ends a walk.
    pub fn said(self, limit: Limit, hop: u32) -> String {
        match limit {
            Limit::Nodes => format!(
                "the walk ended at hop {hop}: more than {} nodes (--nodes-max); what lies behind was not looked at",
                self.nodes_max
            ),
            Limit::Edges => format!(
                "the walk ended at hop {hop}: more than {} relationships (--edges-max); what lies behind was not looked at",
                self.edges_max
            ),
            Limit::Suspects => format!(
                "the walk ended at hop {hop}: the stores differ in more than {} places; what lies behind was not looked at",
                super::both::SUSPECTS_MAX
            ),
        }
    }
}

/// Walks over one side alone; returns how it ended and at which hop.
pub async fn walk<S: Side, V: Visitor>(
    side: &mut S,
    roots: &[NodeId],
    direction: Direction,
    limits: Limits,
    visitor: &mut V,
) -> Result<(Ended, u32)> {
    let mut front = Front::new([]);
    for root in roots {
        front.reach(root);
    }
    let mut edges_left = limits.edges_max;
    for hop in 0.. {
        if front.len() > limits.nodes_max {
            return Ok((Ended::Limit(Limit::Nodes), hop));
        }
        reach_all(side, &mut front, hop, visitor).await?;
        visitor.hop(hop);
        front.advance();
        if front.frontier().is_empty() {
            return Ok((Ended::Exhausted, hop));
        }
        if limits.hops == Some(hop) {
            return Ok((Ended::Hops, hop));
        }
        match cross_all(side, &mut front, (direction, limits), hop + 1, &mut edges_left, visitor)
            .await
        {
            Err(error) if error.kind == Kind::TooLarge => {
                return Ok((Ended::Limit(Limit::Edges), hop + 1));
            }
            outcome => outcome?,
        }
    }
    Ok((Ended::Hops, u32::MAX))
}

async fn reach_all<S: Side, V: Visitor>(
    side: &mut S,
    front: &mut Front,
    hop: u32,
    visitor: &mut V,
) -> Result<()> {
    let mut there = HashSet::new();
    for part in parts(front.reached()) {
        let mut nodes = side.nodes(&part).await?;
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        for node in &nodes {
            visitor.node(hop, node);
        }
        there.extend(nodes.into_iter().map(|node| node.id));
    }
    front.retain(|id| there.contains(id));
    Ok(())
}

async fn cross_all<S: Side, V: Visitor>(
    side: &mut S,
    front: &mut Front,
    (direction, limits): (Direction, Limits),
    hop: u32,
    edges_left: &mut usize,
    visitor: &mut V,
) -> Result<()> {
    let mut waiting: Vec<Vec<NodeId>> = parts(front.frontier()).into_iter().rev().collect();
    while let Some(part) = waiting.pop() {
        let edges_max = allowance(&part, limits.edges_max);
        let met = match edges_of(side, &part, direction, edges_max).await {
            Ok(met) => met,
            Err(error) if error.kind == Kind::TooLarge => {
                let [low, high] = halves(&part).ok_or(error)?;
                waiting.extend([high, low]);
                continue;
            }
            Err(error) => return Err(error),
        };
        for crossed in met.iter().filter(|crossed| front.crosses(direction, crossed)) {
            *edges_left = edges_left.checked_sub(1).ok_or_else(|| {
                Error::new(Kind::TooLarge, "the limit of relationships is reached")
            })?;
            visitor.edge(hop, crossed);
        }
        let crossed = met.into_iter().filter(|crossed| front.crosses(direction, crossed));
        let far: Vec<NodeId> = crossed.filter_map(|crossed| crossed.far).collect();
        for id in &far {
            front.reach(id);
        }
    }
    Ok(())
}
