//! A database in maps: what is committed at each version, what each transaction adds, and what clients should be told.
//! Written apart from the server: letters follow from the states before and after, MATCH from nested loops.

use std::collections::BTreeMap;

/// Tables, by their places in what follows.
pub const NODES: usize = 0;
pub const EDGES: usize = 1;
pub const PLAIN: usize = 2;
pub const NAMES: [&str; 3] = ["N", "E", "S"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Insert,
    Update,
    Delete,
}

/// A change of a row, as change tracking counts it.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub table: usize,
    pub key: i32,
    pub kind: Kind,
}

/// A row: what it holds, and for nodes and edges which ones they are and lead to. Identities of nodes are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub value: i32,
    pub node: u64,
    pub ends: (u64, u64),
}

/// What one moment sees.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub rows: [BTreeMap<i32, Row>; 3],
    pub version: i64,
    /// Smallest baseline that is whole.
    pub min_valid: [i64; 3],
    /// Up to which version changes are gone.
    cleaned: [i64; 3],
    /// From which entry of the log on changes count: TRUNCATE and switching off forget those before.
    log_begin: [usize; 3],
    /// Counts definitions: a snapshot does not reach over a change.
    pub definition: [u32; 3],
}

/// Letter, version, creation version by key.
pub type Changes = BTreeMap<i32, (char, i64, Option<i64>)>;

/// All that was committed.
#[derive(Debug, Default)]
pub struct Model {
    pub now: State,
    log: Vec<(i64, Event)>,
    /// The last state of every version.
    states: BTreeMap<i64, [BTreeMap<i32, Row>; 3]>,
    nodes_made: u64,
}

/// An open transaction: its view once it has written.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub state: State,
    pub events: Vec<Event>,
    /// Rows of tables whose history begins anew, at that moment.
    begun: [Option<BTreeMap<i32, Row>>; 3],
}

impl Model {
    pub fn new() -> Self {
        let mut model = Self::default();
        model.states.insert(0, model.now.rows.clone());
        model
    }

    pub fn work(&self) -> Work {
        Work { state: self.now.clone(), ..Work::default() }
    }

    pub fn new_node(&mut self) -> u64 {
        self.nodes_made += 1;
        self.nodes_made
    }

    /// One version for a transaction with changes, none for another.
    pub fn commit(&mut self, work: Work) {
        // What a baseline at this version is compared with is what was there when the history began.
        if let Some(states) = self.states.get_mut(&self.now.version) {
            for (own, begun) in states.iter_mut().zip(work.begun) {
                *own = begun.unwrap_or_else(|| std::mem::take(own));
            }
        }
        let version = self.now.version + i64::from(!work.events.is_empty());
        self.log.extend(work.events.into_iter().map(|event| (version, event)));
        self.now = State { version, ..work.state };
        if version > *self.states.keys().next_back().unwrap_or(&-1) {
            self.states.insert(version, self.now.rows.clone());
        }
    }

    /// Rows gone without changes; the history and the valid baselines begin anew. Events of the same transaction go as well.
    pub fn truncate(&self, work: &mut Work, table: usize) {
        work.state.rows[table].clear();
        self.forget(work, table);
    }

    pub fn forget(&self, work: &mut Work, table: usize) {
        work.events.retain(|event| event.table != table);
        work.begun[table] = Some(work.state.rows[table].clone());
        work.state.min_valid[table] = self.now.version;
        work.state.log_begin[table] = self.log.len();
        work.state.definition[table] += 1;
    }

    /// Changes up to a version go, and no baseline before it is valid.
    pub fn clean_up(&mut self, version: i64) {
        for table in 0..3 {
            self.now.cleaned[table] = self.now.cleaned[table].max(version);
            self.now.min_valid[table] = self.now.min_valid[table].max(version);
        }
    }

    /// CHANGETABLE as a view sees it.
    pub fn changes(&self, view: &State, table: usize, since: i64) -> Changes {
        let mut found = Changes::new();
        let floor = since.max(view.cleaned[table]);
        let mut first = BTreeMap::new();
        for (version, event) in &self.log[view.log_begin[table].min(self.log.len())..] {
            if event.table != table || *version <= floor || *version > view.version {
                continue;
            }
            first.entry(event.key).or_insert(event.kind);
            let entry = found.entry(event.key).or_insert((' ', 0, None));
            entry.1 = *version;
            if event.kind == Kind::Insert {
                entry.2 = Some(*version);
            }
        }
        for (key, entry) in &mut found {
            // A valid baseline has a state to compare with; an older one is judged by what is left of the history.
            let was = match self.states.range(..=since).next_back() {
                Some((_, then)) if since >= view.min_valid[table] => then[table].contains_key(key),
                _ => first[key] != Kind::Insert,
            };
            entry.0 = match (was, view.rows[table].contains_key(key)) {
                (_, false) => 'D',
                (false, true) => 'I',
                (true, true) => 'U',
            };
        }
        found
    }
}

impl State {
    /// Edge, where it begins, where it ends, over one hop: nested loops over the rows.
    pub fn hops(&self) -> Vec<(i32, i32, i32)> {
        let mut found = Vec::new();
        for (edge, row) in &self.rows[EDGES] {
            for (from, a) in &self.rows[NODES] {
                for (to, b) in &self.rows[NODES] {
                    if row.ends == (a.node, b.node) {
                        found.push((*edge, *from, *to));
                    }
                }
            }
        }
        found
    }
}

impl Work {
    pub fn insert(&mut self, table: usize, key: i32, row: Row) {
        self.state.rows[table].insert(key, row);
        self.events.push(Event { table, key, kind: Kind::Insert });
    }

    pub fn update(&mut self, table: usize, key: i32, value: i32) {
        if let Some(row) = self.state.rows[table].get_mut(&key) {
            row.value = value;
            self.events.push(Event { table, key, kind: Kind::Update });
        }
    }

    pub fn delete(&mut self, table: usize, key: i32) {
        if self.state.rows[table].remove(&key).is_some() {
            self.events.push(Event { table, key, kind: Kind::Delete });
        }
    }

    /// Keys move all at once: every old key is left before a new one is entered.
    pub fn move_keys(&mut self, table: usize, to: impl Fn(i32) -> Option<i32>) {
        let rows = self.state.rows[table].iter();
        let moved: Vec<(i32, i32, Row)> =
            rows.filter_map(|(key, row)| Some((*key, to(*key)?, *row))).collect();
        for (key, _, _) in &moved {
            self.delete(table, *key);
        }
        for (_, key, row) in moved {
            self.insert(table, key, row);
        }
    }
}
