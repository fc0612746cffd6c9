//! Values of every type that a mapping can carry, from the source to the graph and back, read on both sides by
//! code that shares nothing with provsync: python-tds, and Neo4j's HTTP API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "values/forms.rs"]
mod forms;
#[path = "values/instants.rs"]
mod instants;
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
use support::run::{full_with, mapping};
use support::source::{self, TestSource};
use support::verify::verify_config;

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
