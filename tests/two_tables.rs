//! A mapping with two node tables whose rows have the same keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use provsync::reconcile::full::Options;
use provsync::sync::start;
use support::run::{config, full_with, mapping};
use support::source;
use support::worker::{Worker, caught_up};

const MAPPING: &str = r#"
[[nodes]]
table = "dbo.People"
label = "PeopleRow"
placeholder = "PersonPlaceholder"
tracking = "change_tracking"
key = { column = "Id", property = "personId" }
identity = { column = "Name", property = "name", type = "text" }
type = { column = "Kind", property = "kind" }
columns = []
[nodes.types]
person = "Person"

[[nodes]]
table = "dbo.Places"
label = "PlacesRow"
placeholder = "PlacePlaceholder"
tracking = "change_tracking"
key = { column = "Id", property = "placeId" }
identity = { column = "Name", property = "name", type = "text" }
type = { column = "Kind", property = "kind" }
columns = []
[nodes.types]
place = "Place"

[[edges]]
table = "dbo.Lives"
from = "dbo.People"
to = "dbo.Places"
tracking = "change_tracking"
key = { column = "Id", property = "livesId" }
type = { column = "Kind", property = "kind" }
columns = [{ column = "Since", property = "since", type = "integer" }]
[edges.types]
lives = "LIVES_IN"
"#;

const SCHEMA: [&str; 8] = [
    "CREATE TABLE dbo.People (Id BIGINT NOT NULL CONSTRAINT PK_People PRIMARY KEY, Name NVARCHAR(20) NULL, Kind NVARCHAR(20) NULL) AS NODE",
    "CREATE TABLE dbo.Places (Id BIGINT NOT NULL CONSTRAINT PK_Places PRIMARY KEY, Name NVARCHAR(20) NULL, Kind NVARCHAR(20) NULL) AS NODE",
    "CREATE TABLE dbo.Lives (Id BIGINT NOT NULL CONSTRAINT PK_Lives PRIMARY KEY, Kind NVARCHAR(20) NULL, Since INT NULL) AS EDGE",
    "ALTER TABLE dbo.People ENABLE CHANGE_TRACKING; ALTER TABLE dbo.Places ENABLE CHANGE_TRACKING; ALTER TABLE dbo.Lives ENABLE CHANGE_TRACKING",
    "INSERT INTO dbo.People (Id, Name, Kind) VALUES (1, N'Ann', N'person'), (5, N'Eve', N'person')",
    "INSERT INTO dbo.Places (Id, Name, Kind) VALUES (1, N'Rome', N'place'), (5, N'Oslo', N'place')",
    "INSERT INTO dbo.Lives ($from_id, $to_id, Id, Kind, Since) SELECT p.$node_id, q.$node_id, 15, N'lives', 1999 FROM dbo.People AS p, dbo.Places AS q WHERE p.Id = 1 AND q.Id = 5",
    "INSERT INTO dbo.Lives ($from_id, $to_id, Id, Kind, Since) SELECT p.$node_id, q.$node_id, 51, N'lives', 2001 FROM dbo.People AS p, dbo.Places AS q WHERE p.Id = 5 AND q.Id = 1",
];

/// Every relationship with its ends, and what an analyst has put on it.
const LIVES: &str = "MATCH (p)-[r:LIVES_IN]->(q) RETURN p.name + ' ' + q.name + ' ' + r.since + ' ' + coalesce(r.note, '-') AS row ORDER BY r.livesId";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_goes_takes_nothing_from_the_row_of_another_table_with_its_key() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    for sql in SCHEMA {
        source.execute(sql).await;
    }
    full_with(&source, &graph, mapping(MAPPING), Options::default()).await.unwrap();
    let config = config(&source.config(), &graph);
    let _worker = Worker::start_with(&config, mapping(MAPPING), start::Options::default());
    caught_up(&source, &graph).await;
    assert_eq!(graph.column(LIVES).await, ["Ann Oslo 1999 -", "Eve Rome 2001 -"]);

    graph.run("MATCH ()-[r:LIVES_IN]->() SET r.note = 'by an analyst'").await;
    // In one window a person goes, and the edge changes that ends on the place with the person's key.
    source.execute("BEGIN TRAN; DELETE FROM dbo.Lives WHERE Id = 51; DELETE FROM dbo.People WHERE Id = 5; UPDATE dbo.Lives SET Since = 2020 WHERE Id = 15; COMMIT").await;
    caught_up(&source, &graph).await;
    assert_eq!(graph.column(LIVES).await, ["Ann Oslo 2020 by an analyst"]);

    // The other way round: the place goes, and the edge that begins on the person with its key changes.
    source.execute(SCHEMA[4].replace("(1, N'Ann', N'person'), ", "").as_str()).await;
    source.execute(SCHEMA[7]).await;
    caught_up(&source, &graph).await;
    graph.run("MATCH ()-[r:LIVES_IN]->() SET r.note = 'by an analyst'").await;
    source.execute("BEGIN TRAN; DELETE FROM dbo.Lives WHERE Id = 15; DELETE FROM dbo.Places WHERE Id = 5; UPDATE dbo.Lives SET Since = 2021 WHERE Id = 51; COMMIT").await;
    caught_up(&source, &graph).await;
    assert_eq!(graph.column(LIVES).await, ["Eve Rome 2021 by an analyst"]);
    assert_eq!(graph.number("MATCH (n) WHERE n:Person OR n:Place RETURN count(n) AS row").await, 3);
}
