//! The database: rows, change tracking, locks of applications, and what operators do to it.

use std::collections::BTreeMap;
use std::time::Duration;

use provsync::neo4j::checkpoint::Witness;
use tokio::time::Instant;

use super::rows::{Rows, Statements, Table};
use super::tracking::Tracked;
use crate::random::Random;

/// What a backup holds.
#[derive(Clone, Debug)]
pub struct Backup {
    rows: Rows,
    version: i64,
    tables: BTreeMap<Table, Tracked>,
}

/// An application lock that a session owns.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub connection: u64,
    pub process: u64,
    /// When the server notices that its session is gone.
    pub until: Option<Instant>,
}

#[derive(Debug)]
pub struct Database {
    pub rows: Rows,
    /// The current version: of the last transaction that changed a tracked row.
    pub version: i64,
    pub tables: BTreeMap<Table, Tracked>,
    /// `recovery_fork_guid`.
    pub fork: u64,
    /// `database_guid`.
    pub guid: u64,
    /// How often a process asked for the versions.
    pub polls: u64,
    pub leases: BTreeMap<String, Lease>,
    /// It can't be reached.
    pub is_down: bool,
    /// Connections of an earlier life are broken.
    pub life: u64,
    /// Every state that there was at a version; of several lives, where it was restored.
    history: BTreeMap<i64, Vec<Rows>>,
    /// The same, by the moment at which each began.
    moments: Vec<(Instant, Rows)>,
    next_object_id: i64,
}

impl Database {
    pub fn new(rows: Rows) -> Self {
        let tables = Table::ALL.into_iter().zip(101..);
        let tables = tables.map(|(table, id)| (table, Tracked::new(id, 0))).collect();
        let history = BTreeMap::from([(0, vec![rows.clone()])]);
        let moments = vec![(Instant::now(), rows.clone())];
        Self {
            rows,
            version: 0,
            tables,
            fork: 1,
            guid: 1,
            polls: 0,
            leases: BTreeMap::new(),
            is_down: false,
            life: 0,
            history,
            moments,
            next_object_id: 201,
        }
    }

    /// A transaction of others, of up to so many statements.
    pub fn transaction(&mut self, random: &mut Random, statements_max: u64) {
        let statements = 1 + random.below(statements_max);
        let done = self.rows.change(random, statements);
        self.commit(&done);
    }

    /// One that changes no row draws no version.
    fn commit(&mut self, done: &Statements) {
        if done.is_empty() {
            return;
        }
        self.version += 1;
        for (table, key, op) in done {
            self.tables.get_mut(table).unwrap().record(self.version, *key, *op);
        }
        self.remember();
    }

    fn remember(&mut self) {
        if self.moments.last().is_none_or(|(_, rows)| *rows != self.rows) {
            self.moments.push((Instant::now(), self.rows.clone()));
        }
        let states = self.history.entry(self.version).or_default();
        if states.last() != Some(&self.rows) {
            states.push(self.rows.clone());
        }
    }

    /// Every state that there was at a version.
    pub fn at(&self, version: i64) -> &[Rows] {
        self.history.get(&version).map_or(&[], Vec::as_slice)
    }

    /// Every state that there was from a moment on: the one that what was committed before it had led to,
    /// and those after it.
    pub fn since(&self, at: Instant) -> &[(Instant, Rows)] {
        let before = self.moments.iter().rposition(|(begun, _)| *begun < at);
        &self.moments[before.unwrap_or(0)..]
    }

    /// Whether the keys of a witness are reported still. Where its changes may have been cleaned up it
    /// says nothing.
    pub fn has_witness(&self, witness: &Witness) -> bool {
        let before = witness.version - 1;
        let table = Table::ALL.into_iter().find(|table| table.name() == witness.table);
        let Some(tracked) = table.map(|table| &self.tables[&table]) else { return true };
        let changes = tracked.changes(before);
        let is_there = |key: &i64| changes.get(key).is_some_and(|c| c.version >= witness.version);
        tracked.min_valid > before || witness.keys.iter().all(is_there)
    }

    /// Rows of all three tables, in one transaction.
    pub fn fill(&mut self, keys: std::ops::Range<i64>) {
        let done = self.rows.fill(keys);
        self.commit(&done);
    }

    /// Somebody puts a filter on the tables, or takes it off; that draws no version.
    pub fn filter(&mut self, change: impl FnOnce(&mut Rows)) {
        change(&mut self.rows);
        self.remember();
    }

    pub fn truncate(&mut self, table: Table) {
        self.rows.clear(table);
        self.tables.get_mut(&table).unwrap().begin_anew(self.version);
        self.remember();
    }

    /// Tracking of a table off and on; while it is off, rows change unseen.
    pub fn off_and_on(&mut self, table: Table, random: &mut Random) {
        let mut changed = self.rows.clone();
        changed.change(random, 6);
        self.rows.take(table, &changed);
        self.tables.get_mut(&table).unwrap().begin_anew(self.version);
        self.remember();
    }

    /// Drops a table and makes another of its name.
    pub fn recreate(&mut self, table: Table) {
        self.rows.clear(table);
        self.next_object_id += 1;
        self.tables.insert(table, Tracked::new(self.next_object_id, self.version));
        self.remember();
    }

    pub fn backup(&self) -> Backup {
        let (rows, tables) = (self.rows.clone(), self.tables.clone());
        Backup { rows, version: self.version, tables }
    }

    /// All sessions end, and so do their locks.
    pub fn restore(&mut self, backup: Backup, shows: bool) {
        self.fork += u64::from(shows);
        (self.rows, self.version, self.tables) = (backup.rows, backup.version, backup.tables);
        self.end_life();
        self.remember();
    }

    /// A backup of it, restored as another database: nobody is connected.
    pub fn restored_elsewhere(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            version: self.version,
            tables: self.tables.clone(),
            fork: self.fork + 1_000,
            guid: self.guid + 1,
            polls: 0,
            leases: BTreeMap::new(),
            is_down: false,
            life: 0,
            history: self.history.clone(),
            moments: self.moments.clone(),
            next_object_id: self.next_object_id,
        }
    }

    /// All connections end: a restart, a restore.
    pub fn end_life(&mut self) {
        self.life += 1;
        self.leases.clear();
    }

    pub fn clean_up(&mut self, upto: i64) {
        self.tables.values_mut().for_each(|table| table.clean_up(upto));
    }

    /// A connection ends; the server may notice later.
    pub fn end_connections(&mut self, unnoticed: Duration, which: impl Fn(&Lease) -> bool) {
        let until = Instant::now() + unnoticed;
        for lease in self.leases.values_mut().filter(|lease| which(lease)) {
            let ends = lease.until.map_or(until, |earlier| earlier.min(until));
            *lease = Lease { connection: 0, process: 0, until: Some(ends) };
        }
        self.expire();
    }

    pub fn expire(&mut self) {
        let now = Instant::now();
        self.leases.retain(|_, lease| lease.until.is_none_or(|until| until > now));
    }
}
