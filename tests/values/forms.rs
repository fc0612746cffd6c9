//! A graph that was written under an earlier form of values.

use provsync::compare::verify;
use provsync::mapping::Mapping;
use provsync::neo4j::{Graph, checkpoint};
use provsync::reconcile::full::Options;
use sqlgraph_emulator::Data;

use crate::HEAD;
use crate::support::graph::{self, TestGraph};
use crate::support::run::{config, full_with, mapping};
use crate::support::source::{self, TestSource};
use crate::support::verify::{line, verify_config};
use crate::support::worker::{Worker, until};

/// Two node tables: one has a type that form 1 read wrongly.
const TABLES: [(&str, &str); 2] = [("Zoned", "datetimeoffset(7)"), ("Plain", "datetime2(7)")];

async fn two_tables() -> TestSource {
    let source = source::start(Vec::new(), Data::Memory).await;
    for statement in HEAD.lines() {
        source.execute(statement).await;
    }
    for (name, declared) in TABLES {
        let instant =
            if name == "Zoned" { "2024-06-01T12:00:00+02:00" } else { "2024-06-01T10:00:00" };
        source
            .execute(&format!(
                "CREATE TABLE dbo.{name} (NodeId bigint NOT NULL PRIMARY KEY, AtomId bigint NOT NULL, NodeType nvarchar(20) NOT NULL, Moment {declared} NULL) AS NODE;
ALTER TABLE dbo.{name} ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);"
            ))
            .await;
        let row = format!(
            "INSERT INTO dbo.{name} (NodeId, AtomId, NodeType, Moment) VALUES (1, 1, N'thing', '{instant}')"
        );
        source.execute(&row).await;
    }
    source
}

fn mapping_of_two() -> Mapping {
    let entry = |(name, _): (&str, &str)| {
        format!(
            "[[nodes]]
table = \"dbo.{name}\"
label = \"{name}Row\"
placeholder = \"{name}Placeholder\"
tracking = \"change_tracking\"
key = {{ column = \"NodeId\", property = \"nodeId\" }}
identity = {{ column = \"AtomId\", property = \"atomId\", type = \"integer\" }}
type = {{ column = \"NodeType\", property = \"nodeType\" }}
columns = [{{ column = \"Moment\", property = \"moment\", type = \"utc\" }}]
[nodes.types]
thing = \"{name}\"
"
        )
    };
    mapping(&TABLES.map(entry).concat())
}

/// The checkpoint as an earlier provsync leaves it.
async fn say_form_1(graph: &TestGraph) {
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let found = checkpoint::read(&neo4j).await.unwrap().unwrap();
    let (fence, _) = checkpoint::raise_for_any(&neo4j).await.unwrap();
    let state = checkpoint::State { values: 1, ..found.state };
    neo4j
        .write(async |txn| checkpoint::advance(txn, &fence, None, &state, Some(true)).await)
        .await
        .unwrap();
}

async fn differences(source: &TestSource, graph: &TestGraph) -> Vec<String> {
    let config = verify_config(source, graph);
    let verify = verify::run(&config, mapping_of_two(), verify::Options::default());
    Box::pin(verify).await.unwrap().differences.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_of_an_earlier_form_is_corrected_in_the_tables_that_were_read_wrongly() {
    let (graph, source) = (graph::bare().await, two_tables().await);
    full_with(&source, &graph, mapping_of_two(), Options::default()).await.unwrap();
    let right = "MATCH (n:ZonedRow) WHERE n.moment = datetime('2024-06-01T10:00:00Z') RETURN count(n) AS row";
    assert_eq!(graph.number(right).await, 1);

    // What form 1 made of 12:00+02:00; and an edit in the other table, which shows whether its rows are read.
    graph.run("MATCH (n:ZonedRow) SET n.moment = datetime('2024-06-01T08:00:00Z')").await;
    graph.run("MATCH (n:PlainRow) SET n.moment = datetime('2000-01-01T00:00:00Z')").await;
    say_form_1(&graph).await;
    let both = ["dbo.Zoned 1 property moment", "dbo.Plain 1 property moment"];
    assert_eq!(differences(&source, &graph).await, both);

    let worker = Worker::start_with(
        &config(&source.config(), &graph),
        mapping_of_two(),
        provsync::sync::start::Options::default(),
    );
    until(&graph, right, 1).await;
    let done =
        "MATCH (c:ProvsyncCheckpoint) WHERE c.consistent AND c.values = 2 RETURN count(c) AS row";
    until(&graph, done, 1).await;
    worker.end().await.unwrap();
    assert_eq!(differences(&source, &graph).await, both[1..], "the other table was not read");
}
