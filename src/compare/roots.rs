//! Where walks begin.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::both::SUSPECTS_MAX;
use super::element::{NodeId, identity_text};
use super::side::{NODES_AT_A_TIME, Side};
use super::walk::{Direction, edges_of};
use crate::error::{Error, Kind, Result};
use crate::mapping::{ColumnKind, Mapping, Slot};
use crate::model::value::IdentityValue;
use crate::sqlserver::Source;
use crate::sqlserver::window::{self, WindowRequest};

/// Nodes of a type that a sample is chosen from, for each that is wanted: their degrees are counted.
const CANDIDATES_EACH: usize = 8;
/// Nodes whose relationships are counted at a time.
const COUNTED_AT_A_TIME: usize = 200;
/// Changed keys that roots are made of.
const CHANGED_MAX: usize = 1_000_000;

/// A node of a sample's candidates: its degree, and what chance says of it.
type Ranked = (usize, [u8; 32], NodeId);
/// Nodes of a type, those with the least hashes.
type Least = BTreeSet<([u8; 32], NodeId)>;

/// Where walks begin: what was found for a [`Choice`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// Nodes, in order, each once.
    pub nodes: Vec<NodeId>,
    /// Relationships to compare that no walk reaches from every end, by table and row key.
    pub detached: BTreeMap<Slot, BTreeSet<i64>>,
}

/// What was asked for: the roots of all parts together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Identities, as they were typed.
    pub atoms: Vec<String>,
    /// Row keys of node tables.
    pub nodes: Vec<i64>,
    /// So many nodes, spread over types and degrees.
    pub sample: Option<Sample>,
    /// Every node of either store, whether it has a row or only relationships name it.
    pub all: bool,
    /// The nodes that changed after this version, and the ends of relationships that did.
    pub changed_since: Option<i64>,
}

/// A sample: for one seed and one state of the source always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Nodes.
    pub size: usize,
    /// Which of all samples.
    pub seed: u64,
}

/// Finds the roots on both sides; in order, each once.
///
/// # Errors
/// [`Kind::Usage`] for an atom or a node that neither store has.
pub async fn find<A: Side, B: Side>(
    source: &mut A,
    graph: &mut B,
    mapping: &Mapping,
    choice: &Choice,
    changed: &BTreeMap<Slot, Vec<i64>>,
) -> Result<Roots> {
    let mut roots = BTreeSet::new();
    let mut detached = BTreeMap::new();
    for atom in &choice.atoms {
        roots.extend(of_atom(source, graph, mapping, atom).await?);
    }
    for keys in choice.nodes.chunks(NODES_AT_A_TIME) {
        roots.extend(of_keys(source, graph, mapping, keys).await?);
    }
    if let Some(sample) = choice.sample {
        roots.extend(choose(source, mapping, sample).await?);
    }
    if choice.all {
        all(source, mapping, &mut roots, &mut detached).await?;
        all(graph, mapping, &mut roots, &mut detached).await?;
    }
    for (slot, keys) in changed {
        if let Slot::Node(table) = slot {
            roots.extend(keys.iter().map(|key| NodeId::Row(*table, *key)));
        } else {
            roots.extend(source.ends_of(*slot, keys).await?);
            roots.extend(graph.ends_of(*slot, keys).await?);
        }
    }
    Ok(Roots { nodes: roots.into_iter().collect(), detached })
}

/// The nodes of one side that have an identity.
///
/// # Errors
/// [`Kind::Usage`] where no node table's identity can be written so.
pub async fn of_identity<S: Side>(
    side: &mut S,
    mapping: &Mapping,
    atom: &str,
) -> Result<Vec<NodeId>> {
    let mut found = Vec::new();
    let mut is_written_well = false;
    for (table, nodes) in mapping.nodes.iter().enumerate() {
        if let Some(value) = identity(nodes.identity.kind, atom) {
            is_written_well = true;
            found.extend(side.of_identity(table, &value).await?);
        }
    }
    if is_written_well {
        return Ok(found);
    }
    Err(Error::usage(format!("{atom:?} is no identity: the mapping's are integers")))
}

async fn of_atom<A: Side, B: Side>(
    source: &mut A,
    graph: &mut B,
    mapping: &Mapping,
    atom: &str,
) -> Result<Vec<NodeId>> {
    let mut found = of_identity(source, mapping, atom).await?;
    found.extend(of_identity(graph, mapping, atom).await?);
    if found.is_empty() {
        return Err(Error::usage(format!("neither store has a node of the atom {atom:?}")));
    }
    Ok(found)
}

async fn of_keys<A: Side, B: Side>(
    source: &mut A,
    graph: &mut B,
    mapping: &Mapping,
    keys: &[i64],
) -> Result<Vec<NodeId>> {
    let of_table = |table| keys.iter().map(move |key| NodeId::Row(table, *key));
    let ids: Vec<NodeId> = (0..mapping.nodes.len()).flat_map(of_table).collect();
    let mut found = source.nodes(&ids).await?;
    found.extend(graph.nodes(&ids).await?);
    let found: Vec<NodeId> = found.into_iter().map(|node| node.id).collect();
    let key_of = |id: &NodeId| match id {
        NodeId::Row(_, key) => Some(*key),
        NodeId::Bare(_) => None,
    };
    let there: BTreeSet<i64> = found.iter().filter_map(key_of).collect();
    match keys.iter().find(|key| !there.contains(key)) {
        Some(key) => Err(Error::usage(format!("neither store has a node of the row key {key}"))),
        None => Ok(found),
    }
}

fn identity(kind: ColumnKind, text: &str) -> Option<IdentityValue> {
    match kind {
        ColumnKind::Integer => text.parse().ok().map(IdentityValue::Integer),
        ColumnKind::Guid | ColumnKind::Hex => Some(IdentityValue::Text(text.to_ascii_lowercase())),
        _ => Some(IdentityValue::Text(text.to_owned())),
    }
}

/// Every node of one side, and the relationships that no walk between those nodes is sure to meet.
async fn all<S: Side>(
    side: &mut S,
    mapping: &Mapping,
    roots: &mut BTreeSet<NodeId>,
    detached: &mut BTreeMap<Slot, BTreeSet<i64>>,
) -> Result<()> {
    each_row(side, mapping, |id, _| {
        roots.insert(id);
    })
    .await?;
    for slot in mapping.slots() {
        let mut next = Some(i64::MIN);
        while let Some(first) = next {
            let page = side.without_row_from(slot, first).await?;
            roots.extend(page.nodes);
            // With more of them the walk ends at once: the rest would say no more.
            let count: usize = detached.values().map(BTreeSet::len).sum();
            let kept = page.detached.into_iter().take((SUSPECTS_MAX + 1).saturating_sub(count));
            detached.entry(slot).or_default().extend(kept);
            next = page.next;
        }
    }
    Ok(())
}

/// Every row of every node table of one side, with the type that it has there.
async fn each_row<S: Side>(
    side: &mut S,
    mapping: &Mapping,
    mut each: impl FnMut(NodeId, String),
) -> Result<()> {
    for table in 0..mapping.nodes.len() {
        let mut next = Some(i64::MIN);
        while let Some(first) = next {
            let page = side.rows_from(table, first).await?;
            for (key, kind) in page.rows {
                each(NodeId::Row(table, key), kind);
            }
            next = page.next;
        }
    }
    Ok(())
}

/// Of each type the nodes with the least hashes, some for each that is wanted of it, and of those some
/// of every degree, from the least to the greatest. Nodes without a row count as a type of their own.
async fn choose<S: Side>(side: &mut S, mapping: &Mapping, sample: Sample) -> Result<Vec<NodeId>> {
    let mut chosen = Vec::new();
    let candidates = candidates(side, mapping, sample).await?;
    let sizes: Vec<usize> = candidates.iter().map(Vec::len).collect();
    for (mut ids, quota) in candidates.into_iter().zip(quotas(&sizes, sample.size)) {
        ids.truncate(quota.saturating_mul(CANDIDATES_EACH));
        let degrees = degrees(side, &ids).await?;
        let mut ranked: Vec<Ranked> = ids
            .into_iter()
            .map(|id| (degrees.get(&id).copied().unwrap_or(0), hash(sample.seed, &id), id))
            .collect();
        ranked.sort();
        chosen.extend(spread(&ranked, quota));
    }
    Ok(chosen)
}

async fn candidates<S: Side>(
    side: &mut S,
    mapping: &Mapping,
    sample: Sample,
) -> Result<Vec<Vec<NodeId>>> {
    // No type can be asked for more.
    let candidates_max = sample.size.saturating_mul(CANDIDATES_EACH);
    let mut by_type: BTreeMap<(usize, Option<String>), Least> = BTreeMap::new();
    let mut add = |id: NodeId, kind: Option<String>| {
        let least = by_type.entry((id.table(), kind)).or_default();
        least.insert((hash(sample.seed, &id), id));
        if least.len() > candidates_max {
            least.pop_last();
        }
    };
    each_row(side, mapping, |id, kind| add(id, Some(kind))).await?;
    for slot in mapping.slots() {
        let mut next = Some(i64::MIN);
        while let Some(first) = next {
            let page = side.without_row_from(slot, first).await?;
            for id in page.nodes {
                add(id, None);
            }
            next = page.next;
        }
    }
    let ids = |least: Least| least.into_iter().map(|(_, id)| id).collect();
    Ok(by_type.into_values().map(ids).collect())
}

fn hash(seed: u64, id: &NodeId) -> [u8; 32] {
    let seed = seed.to_le_bytes();
    match id {
        NodeId::Row(_, key) => Sha256::digest([seed, key.to_le_bytes()].concat()).into(),
        NodeId::Bare(identity) => {
            let text = format!("{}\0{}", identity.label, identity_text(&identity.value));
            Sha256::digest([&seed, text.as_bytes()].concat()).into()
        }
    }
}

async fn degrees<S: Side>(side: &mut S, ids: &[NodeId]) -> Result<BTreeMap<NodeId, usize>> {
    let mut degrees = BTreeMap::new();
    for part in ids.chunks(COUNTED_AT_A_TIME) {
        for crossed in edges_of(side, part, Direction::Both, usize::MAX).await? {
            *degrees.entry(crossed.near).or_default() += 1;
        }
    }
    Ok(degrees)
}

/// How many of each type: as many of one as of another, as far as there are so many.
fn quotas(sizes: &[usize], total: usize) -> Vec<usize> {
    let mut quotas = vec![0; sizes.len()];
    let mut left = total.min(sizes.iter().sum());
    while left > 0 {
        for (quota, size) in quotas.iter_mut().zip(sizes) {
            if left > 0 && *quota < *size {
                *quota += 1;
                left -= 1;
            }
        }
    }
    quotas
}

/// `count` of some nodes in the order of their degrees: of each part of them, equal in size, the one
/// with the least hash; of the last part the one with the greatest degree.
fn spread(ranked: &[Ranked], count: usize) -> Vec<NodeId> {
    let len = ranked.len();
    let of_part = |i: usize| {
        let part = &ranked[i * len / count..(i + 1) * len / count];
        let least = part.iter().min_by_key(|(_, hash, _)| hash);
        let chosen = if i + 1 == count { part.last() } else { least };
        chosen.map(|(_, _, id)| id.clone())
    };
    (0..count).filter_map(of_part).collect()
}

/// The row keys that changed after a version, by table.
///
/// # Errors
/// [`Kind::Usage`] if the source no longer keeps the changes since then, or the version is to come.
pub async fn changed(
    source: &mut Source,
    mapping: &Mapping,
    since: i64,
) -> Result<BTreeMap<Slot, Vec<i64>>> {
    let tracked = crate::sqlserver::statements::tracked(mapping);
    let from: BTreeMap<Slot, i64> = tracked.map(|(slot, _)| (slot, since)).collect();
    if from.is_empty() {
        return Err(Error::usage("--changed-since: no table of the mapping is tracked"));
    }
    let request = WindowRequest { from, keys_max: CHANGED_MAX, ..WindowRequest::default() };
    let window = window::read(source, mapping, &request).await?;
    if !window.is_valid {
        let current = window.versions.current.unwrap_or(0);
        let (oldest, what) = (window.versions.min_valid(), "--changed-since");
        return Err(Error::usage(format!(
            "{what} {since}: the source keeps changes since versions from {oldest} to {current}"
        )));
    }
    if !window.is_complete {
        let what = format!("--changed-since {since}: more than {CHANGED_MAX} rows changed");
        return Err(Error::new(Kind::TooLarge, what).hint("`provsync verify` compares all rows"));
    }
    Ok(window.keys.into_iter().map(|(slot, keys)| (slot, keys.all().collect())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_even_and_a_small_type_gives_what_it_has() {
        assert_eq!(quotas(&[100, 2, 100], 10), [4, 2, 4]);
        assert_eq!(quotas(&[1, 1], 10), [1, 1]);
        assert_eq!(quotas(&[], 10), Vec::<usize>::new());
    }

    #[test]
    fn every_degree_is_chosen_from_and_the_greatest_is_always_there() {
        let node = |i: u8| (usize::from(i), [i.wrapping_mul(97); 32], NodeId::Row(0, i64::from(i)));
        let ranked: Vec<_> = (0..9).map(node).collect();
        let chosen = spread(&ranked, 3);
        let parts: Vec<i64> = chosen
            .iter()
            .map(|id| match id {
                NodeId::Row(_, key) => key / 3,
                NodeId::Bare(_) => -1,
            })
            .collect();
        assert_eq!(parts, [0, 1, 2]);
        assert_eq!(chosen[2], NodeId::Row(0, 8));
        assert_eq!(spread(&ranked, 9).len(), 9);
        assert_eq!(spread(&[], 0).len(), 0);
    }
}
