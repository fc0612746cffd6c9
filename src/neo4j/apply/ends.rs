//! Relationships that are not there, and the rows that they join.

use neo4rs::BoltType;

use super::Waiting;
use crate::mapping::shape::RelationshipShape;
use crate::neo4j::quarantine::{self, END_MISSING, Reason};
use crate::neo4j::values;
use crate::reconcile::desired::Place;

/// A relationship that a statement handed back.
pub(super) fn waiting_of(cells: &[BoltType]) -> Waiting {
    let flag = |i: usize| cells.get(i).is_some_and(values::boolean);
    let key = cells.first().and_then(values::integer).unwrap_or_default();
    Waiting { key, lacks_from: flag(1), lacks_to: flag(2) }
}

/// What stands for the rows that an edge joins; of links, which stand on identities, there are none. An
/// edge that is not there waits for both, whatever it lacks: what becomes of one of them may change the
/// reason.
pub fn end_tokens(ends: &RelationshipShape, place: &Place) -> Option<[String; 2]> {
    match place {
        Place::Between(from, to) if ends.placeholder.is_none() => {
            Some([quarantine::token(&ends.from.label, from), quarantine::token(&ends.to.label, to)])
        }
        _ => None,
    }
}

/// Why an edge is not there. The reason names its rows, so that an edge between others has another.
pub(super) fn missing_ends(
    ends: &RelationshipShape,
    waiting: &Waiting,
    place: Option<&Place>,
) -> Reason {
    let Some([from, to]) = place.and_then(|place| end_tokens(ends, place)) else {
        return Reason::new(END_MISSING, "the rows that it joins are not in the graph");
    };
    let which = match (waiting.lacks_from, waiting.lacks_to) {
        (true, true) => "both rows are",
        (true, false) => "the row where it begins is",
        _ => "the row where it ends is",
    };
    let detail =
        format!("it joins {from} to {to}; {which} not in the graph, most likely in quarantine");
    Reason::new(END_MISSING, detail).waiting_for([from, to])
}
