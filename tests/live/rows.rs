//! The rows at the beginning, and what they demand at the end, asked of each store in its own words.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use sqlgraph_emulator::Data;

use crate::support::Random;
use crate::support::graph::TestGraph;
use crate::support::scenario::Scenario;
use crate::support::source::{self, TestSource, file};
use crate::support::truth::quarantine;

/// Packages of the Debian index in the short run.
const PACKAGES: &str = "400";
/// Nodes where there is no index.
const NODES: u64 = 2_000;
const NODE: &str = "graph.AtomGraphNodes";
const EDGE: &str = "graph.AtomGraphEdges";

/// A cut of the Debian graph, or a random one, in tables without constraints, so that nodes may go
/// before their edges.
pub async fn source(folder: &Path, random: &mut Random) -> TestSource {
    let debian = folder.join("debian.sql");
    let packages = std::env::var("PROVSYNC_TEST_PACKAGES").unwrap_or_else(|_| PACKAGES.into());
    let made = Command::new("python3")
        .arg(file("bench/debian.py"))
        .args(["--limit", &packages, "--sql"])
        .arg(&debian)
        .output();
    let is_made = made.is_ok_and(|output| output.status.success());
    let mut init = vec![
        file("tests/sql/loose.sql"),
        file("sql/graph/020_tables.sql"),
        file("sql/graph/030_indexes.sql"),
    ];
    if is_made {
        init.push(debian);
    }
    let source = source::start(init, Data::File(folder.join("source.db"))).await;
    if !is_made {
        println!("no package lists here: random rows in their place");
        source.execute(&Scenario::random(random, NODES).sql()).await;
    }
    source
}

/// Of rows with one identity all but one wait, and so do the edges on those that wait and edges to
/// rows that are gone; nothing else.
pub async fn assert_quarantine_is_what_the_rows_demand(source: &TestSource, graph: &TestGraph) {
    let entries = quarantine(graph).await;
    let waits = |table: &str, key: i64| entries.contains_key(&(table.to_owned(), key));
    let mut identities = BTreeMap::<(String, i64), Vec<i64>>::new();
    for row in source.query("SELECT NodeId, NodeType, AtomId FROM graph.AtomGraphNodes").await {
        let kind: &str = row.get(1).unwrap();
        identities.entry((kind.into(), row.get(2).unwrap())).or_default().push(row.get(0).unwrap());
    }
    let mut demanded = 0;
    let mut edges = BTreeSet::new();
    for row in source.query("SELECT EdgeId FROM graph.AtomGraphEdges").await {
        edges.insert(row.get::<i64, _>(0).unwrap());
    }
    for (identity, keys) in identities {
        let waiting = keys.iter().filter(|key| waits(NODE, **key)).count();
        assert_eq!(waiting, keys.len() - 1, "of {keys:?}, which are all {identity:?}");
        demanded += waiting;
    }
    let joined = "SELECT e.EdgeId, a.NodeId, b.NodeId FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b)";
    for row in source.query(joined).await {
        let (edge, from, to): (i64, i64, i64) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        let is_demanded = waits(NODE, from) || waits(NODE, to);
        assert_eq!(waits(EDGE, edge), is_demanded, "edge {edge} from {from} to {to}");
        demanded += usize::from(is_demanded);
        edges.remove(&edge);
    }
    for edge in edges {
        let entry = entries.get(&(EDGE.to_owned(), edge)).map(String::as_str);
        assert_eq!(entry, Some("edge-dangling"), "edge {edge}");
        demanded += 1;
    }
    assert_eq!(entries.len(), demanded, "nothing else waits");
    println!("in quarantine: {demanded} rows, as they demand");
}

/// By counts alone: as many of each kind as there are rows that don't wait, each key once.
pub async fn assert_nothing_is_lost_or_doubled(source: &TestSource, graph: &TestGraph) {
    let entries = quarantine(graph).await;
    let kinds = [
        (
            NODE,
            "SELECT COUNT_BIG(*) FROM graph.AtomGraphNodes",
            "MATCH (n) WHERE n.nodeId IS NOT NULL RETURN [count(n), count(DISTINCT n.nodeId)] AS row",
        ),
        (
            EDGE,
            "SELECT COUNT_BIG(*) FROM graph.AtomGraphEdges",
            "MATCH ()-[r]->() WHERE r.edgeId IS NOT NULL RETURN [count(r), count(DISTINCT r.edgeId)] AS row",
        ),
        (
            "provenance.GenerationStreams",
            "SELECT COUNT_BIG(*) FROM provenance.GenerationStreams",
            "MATCH ()-[r]->() WHERE r.streamId IS NOT NULL RETURN [count(r), count(DISTINCT r.streamId)] AS row",
        ),
    ];
    let tables: BTreeSet<&str> = kinds.iter().map(|(table, _, _)| *table).collect();
    assert!(entries.keys().all(|(table, _)| tables.contains(table.as_str())));
    for (table, sql, cypher) in kinds {
        let rows: i64 = source.query(sql).await[0].get(0).unwrap();
        let waiting = entries.keys().filter(|(name, _)| name == table).count();
        let shown = rows - i64::try_from(waiting).unwrap();
        let counted = graph.column(cypher).await;
        assert_eq!(counted, [format!("[{shown}, {shown}]")], "{table}");
        println!("{table}: {shown} shown, {waiting} waiting");
    }
}
