//! Change tracking of one table: what CHANGETABLE says, and all that empties it.

use std::collections::BTreeMap;

use super::rows::Op;

/// Where a tracked table stands, and its changes.
#[derive(Clone, Debug)]
pub struct Tracked {
    pub object_id: i64,
    /// `begin_version`.
    pub begun: i64,
    /// `CHANGE_TRACKING_MIN_VALID_VERSION`.
    pub min_valid: i64,
    log: Vec<(i64, i64, Op)>,
}

/// A key's row of CHANGETABLE.
#[derive(Clone, Copy, Debug)]
pub struct NetChange {
    /// `SYS_CHANGE_VERSION`.
    pub version: i64,
    /// Whether `SYS_CHANGE_CREATION_VERSION` is set: an update or a delete of an older row has none.
    pub is_inserted: bool,
}

impl Tracked {
    pub fn new(object_id: i64, current: i64) -> Self {
        Self { object_id, begun: current, min_valid: current, log: Vec::new() }
    }

    /// A change of a committed transaction.
    pub fn record(&mut self, version: i64, key: i64, op: Op) {
        self.log.push((version, key, op));
    }

    /// `CHANGETABLE(CHANGES …, from)`. A `from` below the minimum is not refused: what is still there
    /// is returned.
    pub fn changes(&self, from: i64) -> BTreeMap<i64, NetChange> {
        let mut net: BTreeMap<i64, NetChange> = BTreeMap::new();
        for (version, key, op) in self.log.iter().filter(|(version, ..)| *version > from) {
            let is_inserted = *op == Op::Insert;
            let change = net.entry(*key).or_insert(NetChange { version: *version, is_inserted });
            change.version = *version;
            change.is_inserted |= is_inserted;
        }
        net
    }

    /// TRUNCATE, or tracking off and on: the history is empty and begins at the current version,
    /// which does not advance.
    pub fn begin_anew(&mut self, current: i64) {
        *self = Self::new(self.object_id, current);
    }

    /// Retention is over for changes up to a version.
    pub fn clean_up(&mut self, upto: i64) {
        self.min_valid = self.min_valid.max(upto);
        self.log.retain(|(version, ..)| *version > upto);
    }
}
