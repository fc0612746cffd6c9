//! Random transactions of several connections against the server and against a model in maps (`random_model/model.rs`): rows,
//! versions, CHANGETABLE from random baselines and MATCH have to agree at every moment, in snapshots too.
//!
//! `SQLGRAPH_EMULATOR_SEED` repeats a run, `SQLGRAPH_EMULATOR_STEPS` makes it shorter or longer.

mod model;

use std::time::{Duration, SystemTime};

use crate::support::random::Random;
use crate::support::{Connection, TestServer, connect, emulator, rows, run, try_run};
use model::{EDGES, Model, NAMES, NODES, PLAIN, Row, State, Work};
use sqlgraph_emulator::Cleanup;

const STEPS: usize = 10_000;
const WRITERS: usize = 3;
const READERS: usize = 2;
const KEYS: usize = 14;
const RETENTION: Duration = Duration::from_secs(7 * 60);

impl Random {
    fn key(&mut self) -> i32 {
        i32::try_from(self.below(KEYS)).unwrap()
    }
}

/// A connection that writes: its transaction, and whether that has the write lock with its own view.
struct Writer {
    client: Connection,
    open: bool,
    work: Option<Work>,
    /// Save points: the work at each, nothing before the first write.
    saved: Vec<Option<Work>>,
}

/// A connection that reads under SNAPSHOT.
struct Reader {
    client: Connection,
    open: bool,
    view: Option<State>,
}

struct Run {
    server: TestServer,
    random: Random,
    model: Model,
    writers: Vec<Writer>,
    readers: Vec<Reader>,
    /// Looks at what is committed.
    observer: Connection,
    /// When each version was there.
    committed: Vec<(i64, SystemTime)>,
    trace: Vec<String>,
}

async fn prepare(server: TestServer, seed: u64) -> Run {
    let mut observer = connect(&server).await;
    for sql in [
        "CREATE TABLE dbo.N (Id int PRIMARY KEY, A int) AS NODE",
        "CREATE TABLE dbo.E (Id int PRIMARY KEY, A int) AS EDGE",
        "CREATE TABLE dbo.S (Id int PRIMARY KEY, A int)",
        "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON",
        "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 MINUTES)",
        "ALTER TABLE N ENABLE CHANGE_TRACKING; ALTER TABLE E ENABLE CHANGE_TRACKING; ALTER TABLE S ENABLE CHANGE_TRACKING",
    ] {
        run(&mut observer, sql).await;
    }
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..WRITERS {
        let mut client = connect(&server).await;
        run(&mut client, "SET LOCK_TIMEOUT 0").await;
        writers.push(Writer { client, open: false, work: None, saved: Vec::new() });
    }
    for _ in 0..READERS {
        let mut client = connect(&server).await;
        run(&mut client, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT").await;
        readers.push(Reader { client, open: false, view: None });
    }
    let (random, model) = (Random(seed), Model::new());
    Run { server, random, model, writers, readers, observer, committed: vec![], trace: vec![] }
}

/// Runs a statement that may be refused; gives the number.
async fn outcome(client: &mut Connection, sql: &str) -> u32 {
    match try_run(client, sql).await {
        Ok(()) => 0,
        Err(tiberius::error::Error::Server(error)) => error.code(),
        Err(error) => panic!("{error}\n{sql}"),
    }
}

/// A change: its statement, what it does to the model, and the error that it ends in.
type Change = (String, u32, Box<dyn FnOnce(&mut Work) + Send>);

impl Run {
    fn lock_holder(&self) -> Option<usize> {
        self.writers.iter().position(|writer| writer.work.is_some())
    }

    async fn step(&mut self) {
        match self.random.below(20) {
            0..=9 => self.write().await,
            10 | 11 => self.begin_or_end().await,
            12 => self.save_point().await,
            13..=15 => self.look().await,
            16..=18 => self.read_snapshot().await,
            _ => self.maintain().await,
        }
    }

    async fn write(&mut self) {
        let who = self.random.below(WRITERS);
        let holder = self.lock_holder();
        let view = self.writers[who].work.clone().unwrap_or_else(|| self.model.work());
        let (sql, error, apply) = self.change(&view);
        self.trace.push(format!("{who}: {sql}"));
        let writer = &mut self.writers[who];
        let got = outcome(&mut writer.client, &sql).await;
        if holder.is_some_and(|holder| holder != who) {
            assert_eq!(got, 1222, "somebody else writes: {sql}");
            return;
        }
        assert_eq!(got, error, "{sql}");
        let mut work = view;
        if error == 0 {
            apply(&mut work);
        }
        if writer.open {
            writer.work = Some(work);
        } else if error == 0 {
            self.commit(work);
        }
    }

    fn commit(&mut self, work: Work) {
        self.model.commit(work);
        self.committed.push((self.model.now.version, SystemTime::now()));
    }

    fn change(&mut self, view: &Work) -> Change {
        let table = [NODES, PLAIN][self.random.below(2)];
        let name = NAMES[table];
        let (key, other) = (self.random.key(), self.random.key());
        let value = self.random.key();
        let rows = &view.state.rows[table];
        let there = rows.contains_key(&key);
        match self.random.below(13) {
            0..=2 => {
                let node = self.model.new_node();
                let row = Row { value, node, ends: (0, 0) };
                let error = if there { 2627 } else { 0 };
                let sql = format!("INSERT INTO {name} (Id, A) VALUES ({key}, {value})");
                (sql, error, Box::new(move |work| work.insert(table, key, row)))
            }
            3 | 4 => {
                let sql = format!("UPDATE {name} SET A = {value} WHERE Id = {key}");
                (sql, 0, Box::new(move |work| work.update(table, key, value)))
            }
            5 => {
                let sql = format!("DELETE FROM {name} WHERE Id = {key}");
                (sql, 0, Box::new(move |work| work.delete(table, key)))
            }
            6 => {
                let taken = there && key != other && rows.contains_key(&other);
                let sql = format!("UPDATE {name} SET Id = {other} WHERE Id = {key}");
                let moved = move |work: &mut Work| {
                    work.move_keys(table, |own| (own == key).then_some(other));
                };
                (sql, if taken { 2627 } else { 0 }, Box::new(moved))
            }
            7 => {
                let step = if other % 2 == 0 { 1 } else { -1 };
                let clash = step < 0 && there && rows.contains_key(&(key - 1));
                let sql = format!("UPDATE {name} SET Id = Id + {step} WHERE Id >= {key}");
                let error = if clash { 2627 } else { 0 };
                let to = move |own: i32| (own >= key).then_some(own + step);
                (sql, error, Box::new(move |work| work.move_keys(table, to)))
            }
            8 => {
                let sql = format!(
                    "UPDATE {name} SET Id = CASE WHEN Id = {key} THEN {other} ELSE {key} END WHERE Id IN ({key}, {other})"
                );
                let to = move |own: i32| match own {
                    own if own == key => Some(other),
                    own if own == other => Some(key),
                    _ => None,
                };
                (sql, 0, Box::new(move |work| work.move_keys(table, to)))
            }
            9 | 10 => self.edge_insert(view, key, other),
            11 => {
                let sql = format!("DELETE FROM E WHERE Id = {key}");
                (sql, 0, Box::new(move |work| work.delete(EDGES, key)))
            }
            _ => {
                let sql = format!("UPDATE E SET A = {value} WHERE Id >= {key}");
                let keys: Vec<i32> =
                    view.state.rows[EDGES].range(key..).map(|(key, _)| *key).collect();
                let all = move |work: &mut Work| {
                    for key in keys {
                        work.update(EDGES, key, value);
                    }
                };
                (sql, 0, Box::new(all))
            }
        }
    }

    fn edge_insert(&mut self, view: &Work, from: i32, to: i32) -> Change {
        let key = self.random.key();
        let ends = (view.state.rows[NODES].get(&from), view.state.rows[NODES].get(&to));
        let ends = match ends {
            (Some(from), Some(to)) => Some((from.node, to.node)),
            _ => None,
        };
        let taken = ends.is_some() && view.state.rows[EDGES].contains_key(&key);
        let sql = format!(
            "INSERT INTO E ($from_id, $to_id, Id, A) SELECT a.$node_id, b.$node_id, {key}, 0 FROM N AS a, N AS b \
             WHERE a.Id = {from} AND b.Id = {to}"
        );
        let insert = move |work: &mut Work| {
            if let Some(ends) = ends {
                work.insert(EDGES, key, Row { value: 0, node: 0, ends });
            }
        };
        (sql, if taken { 2627 } else { 0 }, Box::new(insert))
    }

    async fn begin_or_end(&mut self) {
        let who = self.random.below(WRITERS);
        let keep = self.random.below(4) > 0;
        let writer = &mut self.writers[who];
        if !writer.open {
            self.trace.push(format!("{who}: BEGIN"));
            run(&mut writer.client, "BEGIN TRAN").await;
            writer.open = true;
            return;
        }
        let sql = if keep { "COMMIT" } else { "ROLLBACK" };
        self.trace.push(format!("{who}: {sql}"));
        run(&mut writer.client, sql).await;
        writer.open = false;
        writer.saved.clear();
        if let Some(work) = writer.work.take()
            && keep
        {
            self.commit(work);
        }
    }

    async fn save_point(&mut self) {
        let who = self.random.below(WRITERS);
        let back = self.random.below(2) == 0;
        let writer = &mut self.writers[who];
        if !writer.open {
            return;
        }
        if back && !writer.saved.is_empty() {
            let at = self.random.below(writer.saved.len());
            self.trace.push(format!("{who}: ROLLBACK TRAN p{at}"));
            run(&mut writer.client, &format!("ROLLBACK TRAN p{at}")).await;
            writer.saved.truncate(at + 1);
            if writer.work.is_some() {
                // What was not written then is what is committed now: nobody else can have written since.
                let then = writer.saved[at].clone();
                writer.work = Some(then.unwrap_or_else(|| self.model.work()));
            }
        } else if writer.saved.len() < 5 {
            let at = writer.saved.len();
            self.trace.push(format!("{who}: SAVE TRAN p{at}"));
            run(&mut writer.client, &format!("SAVE TRAN p{at}")).await;
            writer.saved.push(writer.work.clone());
        }
    }

    /// What is committed, and what a writer sees of its own.
    async fn look(&mut self) {
        let table = self.random.below(3);
        let since = self.baseline(self.model.now.version);
        let now = self.model.now.clone();
        check_versions(&mut self.observer, &now).await;
        check_changes(&mut self.observer, &self.model, &now, table, since).await;
        check_rows(&mut self.observer, &now, table).await;
        check_match(&mut self.observer, &now).await;
        let who = self.random.below(WRITERS);
        let writer = &mut self.writers[who];
        let view = writer.work.as_ref().map_or(&now, |work| &work.state);
        check_rows(&mut writer.client, view, table).await;
        check_match(&mut writer.client, view).await;
    }

    fn baseline(&mut self, version: i64) -> i64 {
        let back = i64::try_from(self.random.below(12)).unwrap();
        (version + 1 - back).max(0)
    }

    async fn read_snapshot(&mut self) {
        let who = self.random.below(READERS);
        let (table, end) = (self.random.below(3), self.random.below(5) == 0);
        let version =
            self.readers[who].view.as_ref().map_or(self.model.now.version, |view| view.version);
        let since = self.baseline(version);
        let reader = &mut self.readers[who];
        if !reader.open {
            self.trace.push(format!("reader {who}: BEGIN"));
            run(&mut reader.client, "BEGIN TRAN").await;
            reader.open = true;
            return;
        }
        if end {
            self.trace.push(format!("reader {who}: COMMIT"));
            run(&mut reader.client, "COMMIT").await;
            (reader.open, reader.view) = (false, None);
            return;
        }
        self.trace.push(format!("reader {who}: reads {table} since {since}"));
        let view = reader.view.get_or_insert_with(|| self.model.now.clone()).clone();
        let changed = |table: usize| view.definition[table] != self.model.now.definition[table];
        check_versions(&mut reader.client, &view).await;
        if !changed(NODES) && !changed(EDGES) {
            check_match(&mut reader.client, &view).await;
        }
        if changed(table) {
            let sql = format!("SELECT COUNT(*) FROM {}", NAMES[table]);
            assert_eq!(outcome(&mut reader.client, &sql).await, 3961);
            (reader.open, reader.view) = (false, None);
            return;
        }
        check_rows(&mut reader.client, &view, table).await;
        check_changes(&mut reader.client, &self.model, &view, table, since).await;
    }

    /// TRUNCATE, cleanup by force and by age, tracking off and on.
    async fn maintain(&mut self) {
        let table = self.random.below(3);
        let kind = self.random.below(4);
        if kind == 0 {
            self.truncate(table).await;
            return;
        }
        if self.lock_holder().is_some() {
            return;
        }
        match kind {
            1 if self.random.below(3) == 0 => {
                self.trace.push("clean up everything".to_owned());
                self.server.control().clean_up(Cleanup::Everything).await.unwrap();
                self.model.clean_up(self.model.now.version);
            }
            2 if !self.committed.is_empty() => self.clean_up_by_age().await,
            _ => {
                let name = NAMES[table];
                self.trace.push(format!("{name}: off and on"));
                run(&mut self.observer, &format!("ALTER TABLE {name} DISABLE CHANGE_TRACKING"))
                    .await;
                run(&mut self.observer, &format!("ALTER TABLE {name} ENABLE CHANGE_TRACKING"))
                    .await;
                let mut work = self.model.work();
                self.model.forget(&mut work, table);
                self.model.commit(work);
            }
        }
    }

    async fn truncate(&mut self, table: usize) {
        let who = self.random.below(WRITERS);
        let holder = self.lock_holder();
        let sql = format!("TRUNCATE TABLE {}", NAMES[table]);
        self.trace.push(format!("{who}: {sql}"));
        let got = outcome(&mut self.writers[who].client, &sql).await;
        if holder.is_some_and(|holder| holder != who) {
            assert_eq!(got, 1222);
            return;
        }
        assert_eq!(got, 0);
        let mut work = self.writers[who].work.clone().unwrap_or_else(|| self.model.work());
        self.model.truncate(&mut work, table);
        if self.writers[who].open {
            self.writers[who].work = Some(work);
        } else {
            self.model.commit(work);
        }
    }

    /// Automatic cleanup at a time when one version has just become too old, the next not yet.
    async fn clean_up_by_age(&mut self) {
        let at = self.random.below(self.committed.len());
        let (version, then) = self.committed[at];
        self.trace.push(format!("clean up to {version} by age"));
        self.server.control().clean_up(Cleanup::Automatic { now: then + RETENTION }).await.unwrap();
        let held = self.readers.iter().filter_map(|reader| Some(reader.view.as_ref()?.version));
        let upto = held.min().map_or(version, |held| held.min(version));
        self.model.clean_up(upto);
    }
}

async fn check_versions(client: &mut Connection, view: &State) {
    let found = rows(
        client,
        "SELECT CHANGE_TRACKING_CURRENT_VERSION(), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.N')), \
         CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.E')), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.S'))",
    )
    .await;
    let read = |at: usize| found[0].try_get::<i64, _>(at).unwrap().unwrap();
    assert_eq!(read(0), view.version, "current version");
    assert_eq!([read(1), read(2), read(3)], view.min_valid, "minimum valid versions");
}

async fn check_changes(
    client: &mut Connection,
    model: &Model,
    view: &State,
    table: usize,
    since: i64,
) {
    let name = NAMES[table];
    let sql = format!(
        "SELECT Id, SYS_CHANGE_OPERATION, SYS_CHANGE_VERSION, SYS_CHANGE_CREATION_VERSION FROM CHANGETABLE(CHANGES dbo.{name}, {since}) AS c"
    );
    let found: model::Changes = rows(client, &sql)
        .await
        .iter()
        .map(|row| {
            let letter = row.try_get::<&str, _>(1).unwrap().unwrap().chars().next().unwrap();
            let key = row.try_get::<i32, _>(0).unwrap().unwrap();
            let version = row.try_get::<i64, _>(2).unwrap().unwrap();
            (key, (letter, version, row.try_get::<i64, _>(3).unwrap()))
        })
        .collect();
    assert_eq!(found, model.changes(view, table, since), "changes of {name} since {since}");
}

async fn check_rows(client: &mut Connection, view: &State, table: usize) {
    let found = rows(client, &format!("SELECT Id, A FROM {} ORDER BY Id", NAMES[table])).await;
    let found: Vec<(i32, i32)> = found
        .iter()
        .map(|row| (row.try_get(0).unwrap().unwrap(), row.try_get(1).unwrap().unwrap()))
        .collect();
    let own: Vec<(i32, i32)> =
        view.rows[table].iter().map(|(key, row)| (*key, row.value)).collect();
    assert_eq!(found, own, "rows of {}", NAMES[table]);
}

async fn check_match(client: &mut Connection, view: &State) {
    let hops = view.hops();
    let sql =
        "SELECT e.Id, a.Id, b.Id FROM N AS a, E AS e, N AS b WHERE MATCH(a-(e)->b) ORDER BY e.Id";
    let read = |row: &tiberius::Row, at| row.try_get::<i32, _>(at).unwrap().unwrap();
    let found: Vec<(i32, i32, i32)> = rows(client, sql)
        .await
        .iter()
        .map(|row| (read(row, 0), read(row, 1), read(row, 2)))
        .collect();
    assert_eq!(found, hops, "MATCH over one hop");
    let sql = "SELECT e.Id, f.Id FROM N AS a, E AS e, N AS b, E AS f, N AS c WHERE MATCH(a-(e)->b AND c<-(f)-b) ORDER BY e.Id, f.Id";
    let found: Vec<(i32, i32)> =
        rows(client, sql).await.iter().map(|row| (read(row, 0), read(row, 1))).collect();
    let mut pairs = Vec::new();
    for (first, _, middle) in &hops {
        pairs.extend(hops.iter().filter(|hop| hop.1 == *middle).map(|hop| (*first, hop.0)));
    }
    assert_eq!(found, pairs, "MATCH over two hops");
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test]
async fn random_transactions_agree_with_a_model_in_maps() {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = setting("SQLGRAPH_EMULATOR_SEED").unwrap_or(clock.as_secs());
    let steps =
        setting("SQLGRAPH_EMULATOR_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());
    println!("SQLGRAPH_EMULATOR_SEED={seed}");
    let Some(server) = emulator("one writer at a time, cleanup at given times").await else {
        return;
    };
    let mut run = prepare(server, seed).await;
    for step in 0..steps {
        run.trace.push(format!("-- step {step}"));
        run.step().await;
        let keep = run.trace.len().saturating_sub(60);
        run.trace.drain(..keep);
        if step % 1000 == 0 || step + 1 == steps {
            println!("step {step}, version {}", run.model.now.version);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.trace.join("\n"));
        }
    }
}
