//! Rows as statements take them.

use neo4rs::BoltType;

use crate::mapping::Shape;
use crate::model::value::IdentityValue;
use crate::neo4j::values;
use crate::reconcile::desired::{Desired, Place};

/// A row for something new: properties that have a value.
pub(super) fn parameter(shape: &Shape, desired: &Desired) -> BoltType {
    let named = shape.properties.iter().zip(&desired.properties);
    let present = named.filter(|(_, v)| v.is_some()).map(|(n, v)| (n.as_str(), v.as_ref()));
    row(desired, values::properties(present))
}

/// A row for something that is there already: every property of the shape, NULL to remove it.
pub(super) fn whole(shape: &Shape, desired: &Desired) -> BoltType {
    let given = desired.properties.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    row(desired, values::properties(shape.properties.iter().map(String::as_str).zip(given)))
}

fn row(desired: &Desired, properties: BoltType) -> BoltType {
    let bolt = |v: &IdentityValue| values::to_bolt(Some(&v.value()));
    match &desired.place {
        Place::Node(identity) => {
            values::map([("k", desired.key.into()), ("i", bolt(identity)), ("p", properties)])
        }
        Place::Between(from, to) => values::map([
            ("k", desired.key.into()),
            ("a", bolt(from)),
            ("b", bolt(to)),
            ("p", properties),
        ]),
    }
}
