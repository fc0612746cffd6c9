//! Who has the identity that a row wants, and whether the row can have the node.

use neo4rs::BoltType;

use super::{IDENTITY_FOREIGN, IDENTITY_TAKEN};
use crate::neo4j::quarantine::Reason;
use crate::neo4j::{actual, values};

/// Who has the identity that a row wants.
pub struct Owner {
    key: Option<i64>,
    is_placeholder: bool,
    has_label: bool,
    /// Its key is no row's: it is provsync's, and nobody's.
    is_stray: bool,
}

impl Owner {
    /// `cells` are a row of [`crate::neo4j::cypher::owners`]: the row key that asks, and what is said of the node.
    pub fn of(cells: &[BoltType]) -> Self {
        let flag = |i: usize| cells.get(i).is_some_and(values::boolean);
        let key = actual::row_key(cells.get(1)).map(|(key, _)| key);
        let has_key = !matches!(cells.get(1), None | Some(BoltType::Null(_)));
        let has_label = flag(3);
        let is_stray = has_label && has_key && key.is_none();
        Self { key, is_placeholder: flag(2), has_label, is_stray }
    }

    /// Why a row can't have the node; `None` if it can.
    pub fn refuses(&self, key: i64) -> Option<Reason> {
        match self.key {
            None if self.is_placeholder || self.is_stray => None,
            None => Some(Reason::new(
                IDENTITY_FOREIGN,
                "a node that provsync did not make has its identity; rename or remove that node",
            )),
            Some(owner) if owner == key && !self.has_label => None,
            Some(owner) => Some(taken_by(owner)),
        }
    }
}

/// Why a row is not in the graph whose identity another has.
pub fn taken_by(owner: i64) -> Reason {
    Reason::new(
        IDENTITY_TAKEN,
        format!("the row with key {owner} has the same identity and came first"),
    )
}
