//! What applications do to the rows: seeded transactions of every kind of change, through connections
//! of their own. Which statements come depends on the seed alone, never on what is in the tables: a
//! change of a row that is gone changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tiberius::Client;
use tokio::net::TcpStream;
use tokio_util::compat::Compat;

use crate::support::Random;
use crate::support::scenario::{RELATIONS, TYPES};
use crate::support::source::TestSource;

/// Every so many transactions one is large.
const LARGE_EVERY: u64 = 60;
/// Pauses between two transactions, at most.
const PAUSE_MS: u64 = 150;
/// Far above all keys of the data; each writer inserts in a range of its own.
const OWN_KEYS: i64 = 100_000_000;

/// The keys that are there at the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    pub nodes: (i64, i64),
    pub edges: (i64, i64),
    pub streams: (i64, i64),
    pub atoms: (i64, i64),
}

impl Keys {
    pub async fn of(source: &TestSource) -> Self {
        let range = async |column: &str, table: &str| {
            let sql = format!("SELECT MIN({column}), MAX({column}) FROM {table}");
            let rows = source.query(&sql).await;
            (rows[0].get(0).unwrap(), rows[0].get(1).unwrap())
        };
        Self {
            nodes: range("NodeId", "graph.AtomGraphNodes").await,
            edges: range("EdgeId", "graph.AtomGraphEdges").await,
            streams: range("StreamId", "provenance.GenerationStreams").await,
            atoms: range("AtomId", "graph.AtomGraphNodes").await,
        }
    }
}

/// What a writer has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub committed: u64,
    pub large: u64,
    pub rows: u64,
    /// The connection broke, or the server refused: what became of the transaction is not known.
    pub broken: u64,
}

impl std::ops::AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        self.committed += other.committed;
        self.large += other.large;
        self.rows += other.rows;
        self.broken += other.broken;
    }
}

/// Writes until it is told to stop.
pub async fn write(source: Arc<TestSource>, mut writer: Writer, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    let mut client: Option<Client<Compat<TcpStream>>> = None;
    for turn in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let is_large = turn % LARGE_EVERY == 0;
        let sql = if is_large { writer.large() } else { writer.small() };
        match run(&source, &mut client, &sql).await {
            Ok(rows) => {
                done.committed += 1;
                done.large += u64::from(is_large);
                done.rows += rows;
            }
            Err(error) => {
                assert!(!error.contains("syntax"), "{error}\n{sql}");
                println!("a writer's transaction broke: {error}");
                done.broken += 1;
                client = None;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(writer.random.below(PAUSE_MS))).await;
    }
    done
}

async fn run(
    source: &TestSource,
    client: &mut Option<Client<Compat<TcpStream>>>,
    sql: &str,
) -> Result<u64, String> {
    let open = match client.take() {
        Some(open) => open,
        None => source.connect().await?,
    };
    let open = client.insert(open);
    let done = open.execute(sql, &[]).await.map_err(|e| e.to_string())?;
    Ok(done.total())
}

/// Makes transactions.
pub struct Writer {
    random: Random,
    keys: Keys,
    /// First and next of its own keys, atoms among them.
    own: (i64, i64),
}

impl Writer {
    pub fn new(seed: u64, number: i64, keys: Keys) -> Self {
        let first = OWN_KEYS * (number + 1);
        Self { random: Random::new(seed), keys, own: (first, first + 1) }
    }

    /// Up to six changes.
    pub fn small(&mut self) -> String {
        let changes = 1 + self.random.below(6);
        let changes: Vec<String> = (0..changes).map(|_| self.change()).collect();
        transaction(&changes.join(";\n"))
    }

    /// More rows than a batch takes.
    pub fn large(&mut self) -> String {
        let node = self.among(self.keys.nodes);
        let edge = self.among(self.keys.edges);
        let text = self.text();
        transaction(&match self.random.below(3) {
            0 => format!(
                "UPDATE graph.AtomGraphNodes SET Metadata = {text} WHERE NodeId BETWEEN {node} AND {node} + 500;
                 UPDATE graph.AtomGraphEdges SET Weight = {}.75 WHERE EdgeId BETWEEN {edge} AND {edge} + 700",
                self.random.below(100)
            ),
            1 => {
                let atoms = self.fresh(1_000);
                format!("UPDATE graph.AtomGraphNodes SET AtomId = {atoms} + NodeId - {node} WHERE NodeId BETWEEN {node} AND {node} + 250")
            }
            _ => {
                let rows: Vec<String> = (0..600).map(|_| self.stream_row()).collect();
                insert_streams(&rows.join(", "))
            }
        })
    }

    fn change(&mut self) -> String {
        let (node, other) = (self.node(), self.node());
        let (edge, stream, text) = (self.edge(), self.stream(), self.text());
        match self.random.below(20) {
            0 | 1 => {
                format!("UPDATE graph.AtomGraphNodes SET Metadata = {text} WHERE NodeId = {node}")
            }
            2 => format!(
                "UPDATE graph.AtomGraphNodes SET Metadata = NULL, CreatedAt = '2025-01-01T00:00:00.{:07}' WHERE NodeId = {node}",
                self.random.below(10_000_000)
            ),
            3 => format!(
                "UPDATE graph.AtomGraphNodes SET NodeType = N'{}' WHERE NodeId = {node}",
                self.kind()
            ),
            4 => format!(
                "UPDATE graph.AtomGraphNodes SET AtomId = {} WHERE NodeId = {node}",
                self.fresh(1)
            ),
            5 | 6 => swap(node, other),
            7 | 8 => self.new_node(),
            9 => {
                let gone = self.own_key();
                format!(
                    "DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {gone}; DELETE FROM graph.AtomGraphNodes WHERE NodeId = {gone}"
                )
            }
            // What points to it stays, and is no edge any more.
            10 => format!("DELETE FROM graph.AtomGraphNodes WHERE NodeId = {}", self.own_key()),
            11 => self.node_again(),
            12 => format!(
                "UPDATE graph.AtomGraphEdges SET Weight = {}.25, Metadata = {text} WHERE EdgeId = {edge}",
                self.random.below(1000)
            ),
            13 => format!(
                "UPDATE graph.AtomGraphEdges SET RelationshipType = N'{}' WHERE EdgeId = {edge}",
                self.relation()
            ),
            14 => format!("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {edge}"),
            // An edge is pointed elsewhere: deleted and inserted again under its key.
            15 | 16 => format!(
                "DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {edge};\n{}",
                self.edge_between(edge, node, other)
            ),
            17 => {
                let row = self.stream_row();
                insert_streams(&row)
            }
            18 => format!(
                "UPDATE provenance.GenerationStreams SET SourceAtomId = {}, Parameters = {text} WHERE StreamId = {stream}",
                self.atom()
            ),
            _ => {
                let row = format!("({stream}, {}, {}, N'image', NULL)", self.atom(), self.atom());
                let again = insert_streams(&row);
                let gone =
                    format!("DELETE FROM provenance.GenerationStreams WHERE StreamId = {stream}");
                if self.random.below(2) == 0 { gone } else { format!("{gone};\n{again}") }
            }
        }
    }

    /// A node of its own, an edge from it, and a stream to it.
    fn new_node(&mut self) -> String {
        let (key, to) = (self.fresh(1), self.node());
        let (kind, text, from) = (self.kind(), self.text(), self.atom());
        let edge = self.edge_between(key, key, to);
        let stream = insert_streams(&format!("({key}, {from}, {key}, N'text', N'm')"));
        format!("{};\n{edge};\n{stream}", insert_node(key, key, kind, &text))
    }

    /// A row that goes and comes again in one transaction as another's node.
    fn node_again(&mut self) -> String {
        let (key, atom, kind, text) = (self.own_key(), self.fresh(1), self.kind(), self.text());
        let again = insert_node(key, atom, kind, &text);
        format!("DELETE FROM graph.AtomGraphNodes WHERE NodeId = {key};\n{again}")
    }

    fn edge_between(&mut self, key: i64, from: i64, to: i64) -> String {
        let (kind, weight) = (self.relation(), self.random.below(1000));
        format!(
            "SET IDENTITY_INSERT graph.AtomGraphEdges ON;
             INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType, Weight)
             SELECT f.$node_id, t.$node_id, {key}, N'{kind}', {weight}.5 FROM graph.AtomGraphNodes AS f, graph.AtomGraphNodes AS t
             WHERE f.NodeId = {from} AND t.NodeId = {to};
             SET IDENTITY_INSERT graph.AtomGraphEdges OFF"
        )
    }

    fn stream_row(&mut self) -> String {
        let (key, from, to) = (self.fresh(1), self.atom(), self.atom());
        format!("({key}, {from}, {to}, N'text', N'm')")
    }

    fn fresh(&mut self, n: i64) -> i64 {
        let first = self.own.1;
        self.own.1 += n;
        first
    }

    fn own_key(&mut self) -> i64 {
        self.among((self.own.0, self.own.1 - 1))
    }

    fn node(&mut self) -> i64 {
        if self.random.below(4) == 0 { self.own_key() } else { self.among(self.keys.nodes) }
    }

    fn edge(&mut self) -> i64 {
        if self.random.below(4) == 0 { self.own_key() } else { self.among(self.keys.edges) }
    }

    fn stream(&mut self) -> i64 {
        if self.random.below(4) == 0 { self.own_key() } else { self.among(self.keys.streams) }
    }

    /// An atom, with a row or without.
    fn atom(&mut self) -> i64 {
        if self.random.below(4) == 0 { self.own_key() } else { self.among(self.keys.atoms) }
    }

    fn among(&mut self, (first, last): (i64, i64)) -> i64 {
        let n = u64::try_from(last - first).unwrap() + 1;
        first + i64::try_from(self.random.below(n)).unwrap()
    }

    fn kind(&mut self) -> &'static str {
        TYPES[usize::try_from(self.random.below(4)).unwrap()]
    }

    fn relation(&mut self) -> &'static str {
        RELATIONS[usize::try_from(self.random.below(4)).unwrap()]
    }

    fn text(&mut self) -> String {
        let n = self.random.below(1_000_000);
        format!("N'{{\"n\":{n},\"name\":\"Zoë O''Brien {}\"}}'", "é".repeat((n % 40) as usize))
    }
}

fn transaction(changes: &str) -> String {
    format!("SET XACT_ABORT ON;\nBEGIN TRANSACTION;\n{changes};\nCOMMIT")
}

/// Two rows take each other's identity at once.
fn swap(one: i64, other: i64) -> String {
    format!(
        "UPDATE n SET AtomId = o.AtomId, NodeType = o.NodeType
         FROM graph.AtomGraphNodes AS n JOIN graph.AtomGraphNodes AS o ON o.NodeId = {one} + {other} - n.NodeId
         WHERE n.NodeId IN ({one}, {other})"
    )
}

fn insert_node(key: i64, atom: i64, kind: &str, text: &str) -> String {
    format!(
        "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
         INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType, Metadata, CreatedAt) VALUES ({key}, {atom}, N'{kind}', {text}, '2026-01-01T00:00:00.7654321');
         SET IDENTITY_INSERT graph.AtomGraphNodes OFF"
    )
}

fn insert_streams(rows: &str) -> String {
    format!(
        "SET IDENTITY_INSERT provenance.GenerationStreams ON;
         INSERT INTO provenance.GenerationStreams (StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed) VALUES {rows};
         SET IDENTITY_INSERT provenance.GenerationStreams OFF"
    )
}
