//! Instants that somebody else stored in the graph, with zones of their own.

use std::fmt::Write as _;

use crate::support::graph::{self, TestGraph};
use crate::support::run::full;
use crate::support::scenario::{Edge, Node, Stream, edges_sql, nodes_sql, streams_sql};
use crate::support::source::{self, TestSource};
use crate::support::verify::{line, verified};

/// An instant at the source, the same instant as a user stores it with a zone, and that instant's seconds since
/// 1970. Zones and the days of their changes are public; the seconds are checked against Neo4j's own.
const ZONED: [(&str, &str, i64); 9] = [
    // 02:30 comes twice in the night when clocks go back.
    (
        "2024-10-27T00:30:00",
        "datetime({epochSeconds: 1729989000, timezone: 'Europe/Berlin'})",
        1_729_989_000,
    ),
    (
        "2024-10-27T01:30:00",
        "datetime({epochSeconds: 1729992600, timezone: 'Europe/Berlin'})",
        1_729_992_600,
    ),
    (
        "2024-11-03T06:30:00",
        "datetime({epochSeconds: 1730615400, timezone: 'America/New_York'})",
        1_730_615_400,
    ),
    (
        "2024-04-06T15:15:00",
        "datetime({epochSeconds: 1712416500, timezone: 'Australia/Lord_Howe'})",
        1_712_416_500,
    ),
    // 02:30 does not exist in the night when clocks go forward; Neo4j makes it 03:30+02:00.
    ("2024-03-31T01:30:00", "datetime('2024-03-31T02:30:00[Europe/Berlin]')", 1_711_848_600),
    // Half an hour, an offset of seconds from before there were zones, offsets without a name.
    ("2024-06-01T06:30:00", "datetime('2024-06-01T12:00:00[Asia/Kolkata]')", 1_717_223_400),
    ("1850-01-01T00:00:00", "datetime('1850-01-01T00:53:28[Europe/Berlin]')", -3_786_825_600),
    ("2024-06-01T17:30:00", "datetime('2024-06-01T12:00:00-05:30')", 1_717_263_000),
    ("2024-06-01T12:00:00.1234567", "datetime('2024-06-02T06:00:00.1234567+18:00')", 1_717_243_200),
];

/// A node, an edge and a stream for each of [`ZONED`], loaded.
async fn loaded_instants() -> (TestGraph, TestSource) {
    let graph = graph::empty().await;
    let source = source::loose().await;
    let keys = 1..=i64::try_from(ZONED.len()).unwrap();
    let nodes: Vec<Node> = keys.clone().map(|key| Node { key, atom: key, kind: "atom" }).collect();
    let edges: Vec<Edge> =
        keys.clone().map(|key| Edge { key, from: key, to: 1, kind: "SimilarTo" }).collect();
    let streams: Vec<Stream> = keys.map(|key| Stream { key, from: key, to: 1 }).collect();
    source.execute(&[nodes_sql(&nodes), edges_sql(&edges), streams_sql(&streams)].join("\n")).await;
    let mut updates = String::new();
    for (key, (instant, ..)) in (1..).zip(ZONED) {
        for (table, column) in [
            ("graph.AtomGraphNodes", "NodeId"),
            ("graph.AtomGraphEdges", "EdgeId"),
            ("provenance.GenerationStreams", "StreamId"),
        ] {
            writeln!(updates, "UPDATE {table} SET CreatedAt = '{instant}' WHERE {column} = {key};")
                .unwrap();
        }
    }
    source.execute(&updates).await;
    full(&source, &graph).await.unwrap();
    (graph, source)
}

/// Stores an instant in another zone everywhere that a row's instant stands; returns its seconds by Neo4j.
async fn store(graph: &TestGraph, key: i64, instant: &str) -> i64 {
    let statement = format!(
        "WITH {instant} AS at
MATCH (n:AtomGraphNode {{nodeId: {key}}}), ()-[e:SIMILAR_TO {{edgeId: {key}}}]->(), ()-[s:GENERATED {{streamId: {key}}}]->()
SET n.createdAt = at, e.createdAt = at, s.createdAt = at
RETURN n.createdAt.epochSeconds AS row"
    );
    let seconds = graph.column(&statement).await;
    assert_eq!(seconds.len(), 1, "{statement}");
    seconds[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instant_is_the_same_in_whatever_zone_somebody_stores_it() {
    let (graph, source) = loaded_instants().await;
    for (key, (_, zoned, seconds)) in (1..).zip(ZONED) {
        assert_eq!(store(&graph, key, zoned).await, seconds, "{zoned}");
    }
    let report = verified(&source, &graph).await;
    assert_eq!(report.differences.iter().map(line).collect::<Vec<_>>(), Vec::<String>::new());
    let again = full(&source, &graph).await.unwrap();
    assert!(again.written.is_empty(), "{again:?}");

    // The same time on the clock, an hour apart.
    let other = "datetime({epochSeconds: 1729992600, timezone: 'Europe/Berlin'})";
    let clock = graph.column(&format!("RETURN toString(localdatetime({other})) AS row")).await;
    assert_eq!(clock, ["2024-10-27T02:30:00"]);
    // Neo4j takes the two for one value, and would leave the first in place.
    store(&graph, 1, "datetime('2000-01-01T00:00:00Z')").await;
    assert_eq!(store(&graph, 1, other).await, 1_729_992_600);
    let report = verified(&source, &graph).await;
    assert_eq!(report.differences.len(), 3, "{:?}", report.differences);
    full(&source, &graph).await.unwrap();
    let right = "MATCH (n:AtomGraphNode {nodeId: 1}) RETURN n.createdAt.epochSeconds AS row";
    assert_eq!(graph.number(right).await, 1_729_989_000);
}
