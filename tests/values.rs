//! Values of every type that a mapping can carry, from the source to the graph and back, read on both sides by
//! code that shares nothing with provsync: python-tds, and Neo4j's HTTP API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "values/kinds.rs"]
mod kinds;
mod support;

use kinds::{KINDS, Kind, rows};
use provsync::compare::verify;
use provsync::mapping::Mapping;
use provsync::reconcile::full::Options;
use serde_json::{Value, json};
use sqlgraph_emulator::Data;
use support::graph::TestGraph;
use support::python;
use support::run::{full, full_with, mapping};
use support::scenario::{Edge, Node, Stream, edges_sql, nodes_sql, streams_sql};
use support::source::{self, TestSource};
use support::verify::{line, verified, verify_config};

const HEAD: &str = "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;
ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON);
";

/// A node table with a column for each type and a row for each case.
async fn source_of_every_kind() -> TestSource {
    let column = |kind: &Kind| format!("{} {} NULL", kind.name, kind.declared);
    let columns: Vec<String> = KINDS.iter().map(column).collect();
    let table = format!(
        "CREATE TABLE dbo.Kinds (NodeId bigint NOT NULL PRIMARY KEY, AtomId bigint NOT NULL, NodeType nvarchar(20) NOT NULL, {}) AS NODE;
ALTER TABLE dbo.Kinds ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);",
        columns.join(", ")
    );
    let row = |row: usize| {
        let literals: Vec<&str> = KINDS.iter().map(|kind| kind.literal(row)).collect();
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        format!(
            "INSERT INTO dbo.Kinds (NodeId, AtomId, NodeType, {}) VALUES ({row}, {row}, N'kind', {});",
            names.join(", "),
            literals.join(", ")
        )
    };
    let source = source::start(Vec::new(), Data::Memory).await;
    for statement in HEAD.lines().map(String::from).chain([table]).chain((0..rows()).map(row)) {
        source.execute(&statement).await;
    }
    source
}

fn mapping_of_every_kind() -> Mapping {
    let column = |kind: &Kind| {
        let (name, property) = (kind.name, kind.property);
        format!("{{ column = \"{name}\", property = \"{name}\", type = \"{property}\" }}")
    };
    let columns: Vec<String> = KINDS.iter().map(column).collect();
    mapping(&format!(
        "[[nodes]]
table = \"dbo.Kinds\"
label = \"KindNode\"
placeholder = \"KindPlaceholder\"
tracking = \"change_tracking\"
key = {{ column = \"NodeId\", property = \"nodeId\" }}
identity = {{ column = \"AtomId\", property = \"atomId\", type = \"integer\" }}
type = {{ column = \"NodeType\", property = \"nodeType\" }}
columns = [{}]
[nodes.types]
kind = \"Kind\"
",
        columns.join(", ")
    ))
}

/// A property as the HTTP API gives it without loss: a float that a REAL could be too has eight digits there.
fn stored(name: &str) -> String {
    format!(
        "CASE WHEN n.{name} IS :: FLOAT NOT NULL THEN 'FLOAT ' + toString(n.{name}) ELSE n.{name} END"
    )
}

/// What both stores hold, as others read them: by side, row after row.
async fn read_by_others(source: &TestSource, graph: &TestGraph) -> Value {
    let config = source.config();
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let properties: Vec<String> = names.iter().map(|name| stored(name)).collect();
    let types: Vec<Value> = KINDS.iter().map(Kind::description).collect();
    let question = json!({
        "source": {
            "host": config.host, "port": config.port, "user": config.user,
            "password": config.password.expose(), "database": config.database,
            "query": format!("SELECT {} FROM dbo.Kinds ORDER BY NodeId", names.join(", ")), "types": types,
        },
        "graph": graph.question(&format!(
            "MATCH (n:KindNode) RETURN {} ORDER BY n.nodeId", properties.join(", ")
        )),
    });
    // The source lives in this process.
    tokio::task::spawn_blocking(move || python::answer("tests/values/readers.py", &question))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_value_arrives_as_others_read_it_and_compares_equal() {
    let graph = support::graph::bare().await;
    let source = source_of_every_kind().await;
    let mapping = mapping_of_every_kind();
    let loaded = full_with(&source, &graph, mapping.clone(), Options::default()).await.unwrap();
    assert_eq!(loaded.kinds.values().map(|tally| tally.quarantined).sum::<u64>(), 0);

    let read = read_by_others(&source, &graph).await;
    let mut wrong = Vec::new();
    for side in ["source", "graph"] {
        let found = read[side].as_array().unwrap();
        assert_eq!(found.len(), rows(), "{side}");
        for (row, cells) in found.iter().enumerate() {
            for (kind, cell) in KINDS.iter().zip(cells.as_array().unwrap()) {
                let expected = kind.expected(row);
                if *cell != expected {
                    let (declared, literal) = (kind.declared, kind.literal(row));
                    wrong.push(format!("{side}: {declared} {literal} is {cell}, not {expected}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());

    // And back: what is in the graph is what is at the source, to both who compare.
    let again = full_with(&source, &graph, mapping.clone(), Options::default()).await.unwrap();
    assert!(again.written.is_empty(), "{again:?}");
    let config = verify_config(&source, &graph);
    let report = Box::pin(verify::run(&config, mapping, verify::Options::default())).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}

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
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let keys = 1..=i64::try_from(ZONED.len()).unwrap();
    let nodes: Vec<Node> = keys.clone().map(|key| Node { key, atom: key, kind: "atom" }).collect();
    let edges: Vec<Edge> =
        keys.clone().map(|key| Edge { key, from: key, to: 1, kind: "SimilarTo" }).collect();
    let streams: Vec<Stream> = keys.map(|key| Stream { key, from: key, to: 1 }).collect();
    source.execute(&[nodes_sql(&nodes), edges_sql(&edges), streams_sql(&streams)].join("\n")).await;
    for (key, (instant, ..)) in (1..).zip(ZONED) {
        for (table, column) in [
            ("graph.AtomGraphNodes", "NodeId"),
            ("graph.AtomGraphEdges", "EdgeId"),
            ("provenance.GenerationStreams", "StreamId"),
        ] {
            let sql = format!("UPDATE {table} SET CreatedAt = '{instant}' WHERE {column} = {key}");
            source.execute(&sql).await;
        }
    }
    full(&source, &graph).await.unwrap();
    (graph, source)
}

/// Stores an instant in another zone everywhere that a row's instant stands; returns its seconds by Neo4j.
async fn store(graph: &TestGraph, key: i64, instant: &str) -> i64 {
    graph
        .run(&format!("MATCH (n:AtomGraphNode {{nodeId: {key}}}) SET n.createdAt = {instant}"))
        .await;
    graph
        .run(&format!("MATCH ()-[r:SIMILAR_TO {{edgeId: {key}}}]->() SET r.createdAt = {instant}"))
        .await;
    graph
        .run(&format!("MATCH ()-[r:GENERATED {{streamId: {key}}}]->() SET r.createdAt = {instant}"))
        .await;
    graph
        .number(&format!(
            "MATCH (n:AtomGraphNode {{nodeId: {key}}}) RETURN n.createdAt.epochSeconds AS row"
        ))
        .await
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
