//! Which rows may be on their way. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::judge::Actual;
use crate::mapping::{Mapping, Slot};
use crate::model::value::IdentityValue;
use crate::reconcile::desired::{Outcome, Place};
use crate::sqlserver::standing::Standing;

/// A table and the node tables whose rows its own join.
pub(super) fn tables_of(mapping: &Mapping, slot: Slot) -> Vec<Slot> {
    match slot {
        Slot::Edge(i) => {
            let edges = &mapping.edges[i];
            vec![slot, Slot::Node(edges.from), Slot::Node(edges.to)]
        }
        _ => vec![slot],
    }
}

/// The row keys of the nodes that an edge table's relationships stand on in the graph.
pub(super) fn actual_ends(
    mapping: &Mapping,
    slot: Slot,
    actual: &Actual,
) -> BTreeMap<Slot, BTreeSet<i64>> {
    let mut ends: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
    let (Slot::Edge(i), Actual::Relationships(relationships)) = (slot, actual) else {
        return ends;
    };
    let (from, to) = (Slot::Node(mapping.edges[i].from), Slot::Node(mapping.edges[i].to));
    for relationship in relationships.values().flatten() {
        for (slot, end) in [(from, &relationship.from), (to, &relationship.to)] {
            if let Some(IdentityValue::Integer(key)) = end {
                ends.entry(slot).or_default().insert(*key);
            }
        }
    }
    ends
}

/// Whether a row, or one that it joins at the source or in the graph, changed.
pub(super) fn changed(
    mapping: &Mapping,
    slot: Slot,
    key: i64,
    outcome: Option<&Outcome>,
    actual: &Actual,
    standing: &Standing,
) -> bool {
    let is_changed = |slot: Slot, key: i64| {
        standing.changed.get(&slot).is_some_and(|changed| changed.contains(&key))
    };
    let Slot::Edge(i) = slot else { return is_changed(slot, key) };
    let (from, to) = (Slot::Node(mapping.edges[i].from), Slot::Node(mapping.edges[i].to));
    let end = |slot: Slot, end: Option<&IdentityValue>| matches!(end, Some(IdentityValue::Integer(key)) if is_changed(slot, *key));
    let place = outcome.and_then(|o| o.as_ref().ok()).map(|desired| &desired.place);
    let at_source =
        matches!(place, Some(Place::Between(a, b)) if end(from, Some(a)) || end(to, Some(b)));
    let mut held = match actual {
        Actual::Relationships(relationships) => relationships.get(&key).into_iter().flatten(),
        Actual::Nodes(_) => None.into_iter().flatten(),
    };
    is_changed(slot, key)
        || at_source
        || held.any(|r| end(from, r.from.as_ref()) || end(to, r.to.as_ref()))
}
