//! A model of the relational side: rows in maps, change tracking, snapshots, application locks.

mod database;
mod rows;
mod tracking;
mod window;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use provsync::error::{Error, Kind, Result};
use provsync::mapping::{Mapping, Slot};
use provsync::model::TrackedObject;
use provsync::reconcile::stores::SourceStore;
use provsync::sqlserver::epoch::{Epoch, TableVersions, Versions};
use provsync::sqlserver::pages::{Depth, KeyList, KeyRange, Keys, Page, PageLimit};
use provsync::sqlserver::window::{WindowRead, WindowRequest};

pub use database::{Backup, Database, Lease};
pub use rows::{Rows, Table};

use crate::chaos::Chaos;
use crate::random::Random;

/// After which a call that nothing answers is given up.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// How long the server keeps a session whose client it does not reach.
const CUT_OFF_SECONDS: u64 = 600;

/// What the source guarantees and a test may take away, to show that its absence would be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    #[default]
    None,
    /// It claims that all changes are there although some were cleaned up.
    NoMinValid,
    /// Rows of a window are those of a later moment than its versions and keys.
    RowsLater,
    /// Versions of a window are those of a later moment than its keys.
    VersionsLater,
    /// A window is refused that the versions allow.
    NoWindows,
    /// A restored copy has the guids of its original.
    NoGuidOfItsOwn,
}

/// A connection to the model.
pub struct ModelSource {
    database: Arc<Mutex<Database>>,
    chaos: Chaos,
    flaw: Flaw,
    connection: u64,
    /// In which life of the server it was opened; `None` before the first call.
    life: Option<u64>,
}

fn next_connection() -> u64 {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    CONNECTIONS.fetch_add(1, Ordering::Relaxed)
}

impl ModelSource {
    pub fn new(rows: Rows, chaos: Chaos) -> Self {
        let database = Arc::new(Mutex::new(Database::new(rows)));
        let connection = next_connection();
        Self { database, chaos, flaw: Flaw::None, connection, life: None }
    }

    /// The same database for another process.
    pub fn for_process(&self, chaos: Chaos) -> Self {
        let database = Arc::clone(&self.database);
        let (flaw, connection) = (self.flaw, next_connection());
        Self { database, chaos, flaw, connection, life: None }
    }

    /// A backup of it, restored on another server, where others have changed it since.
    pub fn restored_elsewhere(&self, chaos: Chaos, random: &mut Random) -> Self {
        let mut copy = self.database().restored_elsewhere();
        if self.flaw == Flaw::NoGuidOfItsOwn {
            let original = self.database();
            (copy.guid, copy.fork) = (original.guid, original.fork);
        }
        for _ in 0..=random.below(5) {
            copy.transaction(random, 10);
        }
        let database = Arc::new(Mutex::new(copy));
        Self { database, chaos, flaw: self.flaw, connection: next_connection(), life: None }
    }

    #[must_use]
    pub fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.flaw = flaw;
        self
    }

    pub fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap()
    }

    /// The version and the epoch.
    pub fn position(&self) -> (i64, Epoch) {
        let database = self.database();
        (database.version, epoch(&database))
    }

    pub fn rows(&self) -> Rows {
        self.database().rows.clone()
    }

    /// After a failure the connection is discarded; its session may stay for a while.
    fn discard(&mut self) {
        let seconds = match self.chaos.below(4) {
            _ if self.chaos.is_cut_off() => CUT_OFF_SECONDS,
            0 => 40,
            _ => 0,
        };
        let unnoticed = Duration::from_secs(seconds);
        self.life = None;
        let connection = std::mem::replace(&mut self.connection, next_connection());
        self.database().end_connections(unnoticed, |lease| lease.connection == connection);
    }

    /// What a call does, in one snapshot.
    async fn call<T>(&mut self, what: &str, work: impl FnOnce(&mut Database) -> T) -> Result<T> {
        let mut outcome = self.chaos.before(what).await;
        if self.chaos.is_cut_off() {
            tokio::time::sleep(ANSWER_MAX).await;
            outcome = Err(Error::new(Kind::Transient, format!("{what}: no answer")));
        }
        let (is_down, life) = {
            let database = self.database();
            (database.is_down, database.life)
        };
        let is_open = !is_down && self.life.is_none_or(|opened| opened == life);
        if let Err(error) = outcome {
            self.discard();
            return Err(error);
        }
        if !is_open {
            self.discard();
            return Err(Error::new(Kind::Transient, format!("{what}: nobody answers")));
        }
        self.life = Some(life);
        let mut database = self.database();
        database.expire();
        if self.chaos.others_write() {
            database.transaction(&mut Random::new(self.chaos.below(u64::MAX)), 5);
        }
        Ok(work(&mut database))
    }

    /// The versions, and the page that `read` makes of the rows of a table.
    async fn page_of(
        &mut self,
        what: &str,
        slot: Slot,
        depth: Depth,
        read: impl FnOnce(Vec<provsync::model::SourceRow>, i64) -> Page,
    ) -> Result<Page> {
        let table = Table::of(slot);
        self.call(what, |database| read(database.rows.read(table, depth), database.version)).await
    }
}

impl Drop for ModelSource {
    fn drop(&mut self) {
        let connection = self.connection;
        if let Ok(mut database) = self.database.lock() {
            database.end_connections(Duration::ZERO, |lease| lease.connection == connection);
        }
    }
}

fn versions(database: &Database, flaw: Flaw) -> Versions {
    let of_table = |table: &Table| {
        let tracked = &database.tables[table];
        let min_valid = if flaw == Flaw::NoMinValid { 0 } else { tracked.min_valid };
        (table.slot(), TableVersions { object_id: tracked.object_id, min_valid })
    };
    Versions {
        current: Some(database.version),
        tables: Table::ALL.iter().map(of_table).collect::<BTreeMap<_, _>>(),
    }
}

fn epoch(database: &Database) -> Epoch {
    let life = |table: &Table| {
        let tracked = &database.tables[table];
        let (object_id, begin_version) = (tracked.object_id, tracked.begun);
        (table.slot(), TrackedObject { object_id, begin_version })
    };
    let identity = provsync::model::Database {
        name: "Model".into(),
        database_guid: Some(format!("guid {}", database.guid)),
        family_guid: Some("family".into()),
        recovery_fork_guid: Some(format!("fork {}", database.fork)),
        ..provsync::model::Database::default()
    };
    Epoch { database: identity, tables: Table::ALL.iter().map(life).collect(), ..Epoch::default() }
}

impl SourceStore for ModelSource {
    fn another(&self) -> Self {
        self.for_process(self.chaos.clone())
    }

    async fn epoch(&mut self, _: &Mapping) -> Result<Epoch> {
        self.call("epoch", |database| epoch(database)).await
    }

    async fn versions(&mut self, _: &Mapping) -> Result<Versions> {
        let flaw = self.flaw;
        self.call("versions", |database| {
            database.polls += 1;
            versions(database, flaw)
        })
        .await
    }

    async fn current(&mut self) -> Result<i64> {
        self.call("current version", |database| database.version).await
    }

    async fn page(
        &mut self,
        _: &Mapping,
        slot: Slot,
        depth: Depth,
        first: i64,
        limit: PageLimit,
    ) -> Result<Page> {
        let page = |mut rows: Vec<provsync::model::SourceRow>, read_at| {
            rows.retain(|row| row.key >= first);
            let is_last = rows.len() < limit.rows;
            rows.truncate(limit.rows);
            let last = rows.last().filter(|_| !is_last).map_or(i64::MAX, |row| row.key);
            let keys = Keys::Range(KeyRange { first, last });
            Page { keys, rows, read_at, is_cut: false }
        };
        self.page_of("page", slot, depth, page).await
    }

    async fn rows_of(&mut self, _: &Mapping, slot: Slot, keys: Vec<i64>, _: usize) -> Result<Page> {
        let keys = KeyList::from(keys);
        let page = |mut rows: Vec<provsync::model::SourceRow>, read_at| {
            rows.retain(|row| keys.contains(&row.key));
            Page { keys: Keys::List(keys), rows, read_at, is_cut: false }
        };
        self.page_of("rows", slot, Depth::Rows, page).await
    }

    async fn window(&mut self, mapping: &Mapping, request: &WindowRequest) -> Result<WindowRead> {
        let (flaw, seed) = (self.flaw, self.chaos.below(u64::MAX));
        self.call("window", |database| {
            window::read(database, mapping, request, flaw, &mut Random::new(seed))
        })
        .await
    }

    async fn take_lease(&mut self, name: &str) -> Result<bool> {
        let (connection, process) = (self.connection, self.chaos.process);
        self.call("take the lease", |database| {
            let lease = Lease { connection, process, until: None };
            let held = database.leases.entry(name.to_owned()).or_insert(lease);
            held.connection == connection
        })
        .await
    }

    async fn holds_lease(&mut self, name: &str) -> Result<bool> {
        let connection = self.connection;
        self.call("look at the lease", |database| {
            database.leases.get(name).is_some_and(|lease| lease.connection == connection)
        })
        .await
    }

    fn release_lease(&mut self) {
        self.life = None;
        let connection = std::mem::replace(&mut self.connection, next_connection());
        self.database().end_connections(Duration::ZERO, |lease| lease.connection == connection);
    }

    async fn count(&mut self, _: &Mapping, slot: Slot) -> Result<u64> {
        let rows = |database: &mut Database| database.rows.read(Table::of(slot), Depth::Light);
        let rows = self.call("count", rows).await?;
        Ok(u64::try_from(rows.len()).unwrap())
    }
}
