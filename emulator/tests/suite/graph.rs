//! SQL Graph: ids, MATCH, edge constraints, dangling edges.

use crate::support::{Connection, connect, error, number, rows, run, start, text};

/// Persons know persons and live in towns. `Loose` has no edge constraint.
async fn graph(client: &mut Connection) {
    for batch in [
        "CREATE TABLE dbo.Person (Id bigint PRIMARY KEY, Name nvarchar(20)) AS NODE;
         CREATE TABLE dbo.Town (Id bigint PRIMARY KEY) AS NODE;
         CREATE TABLE dbo.Knows (Id bigint PRIMARY KEY, CONSTRAINT EC_Knows CONNECTION (dbo.Person TO dbo.Person)) AS EDGE;
         CREATE TABLE dbo.LivesIn (CONSTRAINT EC_Lives CONNECTION (dbo.Person TO dbo.Town) ON DELETE CASCADE) AS EDGE;
         CREATE TABLE dbo.Loose AS EDGE;",
        "INSERT INTO Person VALUES (1, N'a'), (2, N'b'), (3, N'c'); INSERT INTO Town VALUES (10)",
        "INSERT INTO Knows ($from_id, $to_id, Id) SELECT f.$node_id, t.$node_id, v.i
         FROM (VALUES (1, 2, 100), (2, 3, 200)) AS v (f, t, i) JOIN Person AS f ON f.Id = v.f JOIN Person AS t ON t.Id = v.t",
        "INSERT INTO LivesIn VALUES ((SELECT $node_id FROM Person WHERE Id = 1), (SELECT $node_id FROM Town WHERE Id = 10))",
        "INSERT INTO Loose VALUES ((SELECT $node_id FROM Person WHERE Id = 1), (SELECT $node_id FROM Person WHERE Id = 3))",
    ] {
        run(client, batch).await;
    }
}

async fn ids(client: &mut Connection, sql: &str) -> Vec<i64> {
    rows(client, sql).await.iter().map(|row| row.try_get::<i64, _>(0).unwrap().unwrap()).collect()
}

#[tokio::test]
async fn match_follows_edges_in_both_directions_and_over_hops() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    for (sql, expected) in [
        (
            "SELECT b.Id FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->b) AND a.Id = 1",
            vec![2],
        ),
        (
            "SELECT a.Id FROM Person a, Knows k, Person b WHERE MATCH(b<-(k)-a) AND b.Id = 3",
            vec![2],
        ),
        (
            "SELECT c.Id FROM Person a, Knows k, Person b, Knows l, Person c WHERE MATCH(a-(k)->b-(l)->c)",
            vec![3],
        ),
        (
            "SELECT t.Id FROM Person a, Knows k, Person b, LivesIn v, Town t WHERE MATCH(a-(k)->b AND a-(v)->t) AND b.Name = N'B'",
            vec![10],
        ),
        (
            "SELECT Id FROM Person p WHERE EXISTS (SELECT 1 FROM Knows k, Person q WHERE MATCH(p-(k)->q)) ORDER BY Id",
            vec![1, 2],
        ),
        (
            "SELECT x.k FROM (SELECT k.Id AS k FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->b)) AS x ORDER BY x.k DESC",
            vec![200, 100],
        ),
        (
            "SELECT k.Id FROM Knows k JOIN Person p ON p.$node_id = k.$from_id WHERE p.Id = 2",
            vec![200],
        ),
        (
            "SELECT a.Id FROM Person a, Knows k, Person b WHERE CASE WHEN MATCH(a-(k)->b) THEN 1 ELSE 0 END = 1 ORDER BY 1",
            vec![1, 2],
        ),
    ] {
        assert_eq!(ids(&mut client, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn match_is_refused_where_sql_server_refuses_it() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    for (sql, number) in [
        ("SELECT 1 FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->z)", 13900),
        ("SELECT 1 FROM Person a, Knows k, Knows b WHERE MATCH(a-(k)->b)", 13901),
        ("SELECT 1 FROM Person a, Person k, Person b WHERE MATCH(a-(k)->b)", 13902),
        ("SELECT 1 FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->b-(k)->a)", 13903),
        ("SELECT 1 FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->b) OR a.Id = 1", 13905),
        ("SELECT 1 FROM Person a, Knows k, Person b WHERE NOT MATCH(a-(k)->b)", 13905),
        (
            "SELECT 1 FROM Person a, Knows k, Person b WHERE a.Id = 1 OR (a.Id = 2 AND MATCH(a-(k)->b))",
            13905,
        ),
        ("SELECT 1 FROM Person a JOIN Knows k ON 1 = 1, Person b WHERE MATCH(a-(k)->b)", 13920),
        ("SELECT 1 FROM Person a CROSS JOIN Person b, Knows k WHERE MATCH(a-(k)->b)", 13920),
        ("SELECT 1 FROM Person a, Knows k, Person b WHERE MATCH(a-(k)b)", 102),
        ("SELECT MATCH(a-(k)->b) FROM Person a, Knows k, Person b", 102),
        ("UPDATE Knows SET $from_id = $to_id", 271),
    ] {
        assert_eq!(error(&mut client, sql).await.0, number, "{sql}");
    }
}

#[tokio::test]
async fn ids_are_json_start_at_zero_and_are_never_used_again() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let id = text(&mut client, "SELECT $node_id FROM Person WHERE Id = 1").await;
    assert_eq!(id.as_deref(), Some(r#"{"type":"node","schema":"dbo","table":"Person","id":0}"#));
    let edge = text(&mut client, "SELECT $edge_id FROM Knows WHERE Id = 100").await;
    assert_eq!(edge.as_deref(), Some(r#"{"type":"edge","schema":"dbo","table":"Knows","id":0}"#));
    run(&mut client, "DELETE FROM Knows; DELETE FROM Person WHERE Id = 3").await;
    run(&mut client, "BEGIN TRAN; INSERT INTO Person VALUES (4, N'd'); ROLLBACK").await;
    run(&mut client, "INSERT INTO Person VALUES (5, N'e')").await;
    let id = text(&mut client, "SELECT $node_id FROM Person WHERE Id = 5").await;
    assert!(id.unwrap().ends_with("\"id\":4}"));
    let wanted = r#"{ "id": 0, "TABLE": "person", "schema": "DBO", "type": "node" }"#;
    run(
        &mut client,
        &format!(
            "INSERT INTO Loose VALUES (N'{wanted}', (SELECT $node_id FROM Person WHERE Id = 5))"
        ),
    )
    .await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM Loose l, Person p, Person q WHERE MATCH(p-(l)->q) AND q.Id = 5 AND p.Id = 1").await, 1);
}

#[tokio::test]
async fn an_edge_constraint_refuses_other_tables_and_missing_nodes() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let town = "(SELECT $node_id FROM Town WHERE Id = 10)";
    let person = "(SELECT $node_id FROM Person WHERE Id = 1)";
    let gone = r#"N'{"type":"node","schema":"dbo","table":"Person","id":99}'"#;
    for ends in [format!("{person}, {town}"), format!("{person}, {gone}")] {
        let (number, message) =
            error(&mut client, &format!("INSERT INTO Knows VALUES ({ends}, 5)")).await;
        assert_eq!(number, 547);
        assert_eq!(
            message,
            "The INSERT statement conflicted with the EDGE constraint \"EC_Knows\". The conflict occurred in database \
             \"Provenance\", table \"dbo.Knows\"."
        );
    }
    assert_eq!(
        error(&mut client, &format!("INSERT INTO Loose VALUES ({person}, N'nonsense')")).await.0,
        515
    );
    assert_eq!(error(&mut client, "INSERT INTO Knows (Id) VALUES (7)").await.0, 515);
}

#[tokio::test]
async fn a_node_with_edges_stays_or_takes_them_along() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let (number_found, message) = error(&mut client, "DELETE FROM Person WHERE Id = 2").await;
    assert_eq!(number_found, 547);
    assert!(message.contains("EDGE REFERENCE constraint \"EC_Knows\""), "{message}");
    run(&mut client, "DELETE FROM Town").await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM LivesIn").await, 0);
    assert_eq!(error(&mut client, "TRUNCATE TABLE Person").await.0, 13944);
    assert_eq!(error(&mut client, "DROP TABLE Person").await.0, 13934);
}

#[tokio::test]
async fn dangling_edges_stay_and_are_invisible_to_match() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let matched = "SELECT COUNT(*) FROM Person p, Loose l, Person q WHERE MATCH(p-(l)->q)";
    assert_eq!(number(&mut client, matched).await, 1);
    run(
        &mut client,
        "ALTER TABLE Knows NOCHECK CONSTRAINT EC_Knows; DELETE FROM Person WHERE Id = 3",
    )
    .await;
    assert_eq!(number(&mut client, matched).await, 0);
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM Loose").await, 1);
    assert_eq!(
        number(
            &mut client,
            "SELECT COUNT(*) FROM Person p, Knows k, Person q WHERE MATCH(p-(k)->q)"
        )
        .await,
        1
    );
    let states = rows(
        &mut client,
        "SELECT is_disabled, is_not_trusted FROM sys.edge_constraints WHERE name = 'EC_Knows'",
    )
    .await;
    assert_eq!(states[0].try_get::<bool, _>(0).unwrap(), Some(true));
    assert_eq!(states[0].try_get::<bool, _>(1).unwrap(), Some(true));
    assert_eq!(
        error(&mut client, "ALTER TABLE Knows WITH CHECK CHECK CONSTRAINT EC_Knows").await.0,
        547
    );
}

#[tokio::test]
async fn the_catalog_describes_graph_columns() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let sql = "SELECT CAST(graph_type AS bigint) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.Knows') AND graph_type IS NOT NULL ORDER BY column_id";
    assert_eq!(ids(&mut client, sql).await, [1, 2, 4, 3, 5, 7, 6, 8]);
    let found = rows(&mut client, "SELECT * FROM Knows").await;
    let names: Vec<&str> = found[0].columns().iter().map(tiberius::Column::name).collect();
    assert_eq!(names.len(), 4);
    assert!(
        names[0].starts_with("$edge_id_") && names[1].starts_with("$from_id_") && names[3] == "Id"
    );
    let hidden = text(
        &mut client,
        "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.Knows') AND graph_type = 3",
    )
    .await;
    assert_eq!(
        error(&mut client, &format!("SELECT [{}] FROM Knows", hidden.unwrap())).await.0,
        13908
    );
}

#[tokio::test]
async fn ids_are_made_of_parts_and_taken_apart() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let same = "SELECT COUNT(*) FROM Person WHERE $node_id = NODE_ID_FROM_PARTS(OBJECT_ID('dbo.Person'), GRAPH_ID_FROM_NODE_ID($node_id)) \
                AND OBJECT_ID_FROM_NODE_ID($node_id) = OBJECT_ID('dbo.Person')";
    assert_eq!(number(&mut client, same).await, 3);
    let edges = "SELECT COUNT(*) FROM Knows WHERE $edge_id = EDGE_ID_FROM_PARTS(OBJECT_ID('dbo.Knows'), GRAPH_ID_FROM_EDGE_ID($edge_id)) \
                 AND OBJECT_ID_FROM_EDGE_ID($edge_id) = OBJECT_ID('dbo.Knows')";
    assert_eq!(number(&mut client, edges).await, 2);
    for sql in [
        "NODE_ID_FROM_PARTS(OBJECT_ID('dbo.Knows'), 1)",
        r#"GRAPH_ID_FROM_NODE_ID(N'{"type":"node", "schema":"dbo","table":"Person","id":0}')"#,
        r#"GRAPH_ID_FROM_EDGE_ID(N'{"type":"node","schema":"dbo","table":"Person","id":0}')"#,
    ] {
        let sql = format!("CASE WHEN {sql} IS NULL THEN 1 ELSE 0 END");
        assert_eq!(number(&mut client, &sql).await, 1, "{sql}");
    }
    let bad = "SELECT NODE_ID_FROM_PARTS(OBJECT_ID('dbo.Person'), 1.5)";
    assert_eq!(error(&mut client, bad).await.0, 8116);
}

#[tokio::test]
async fn an_id_that_the_insert_gives_is_the_tables_own_and_raises_the_counter() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let id = |table: &str, id: i64| {
        format!(r#"N'{{"type":"node","schema":"dbo","table":"{table}","id":{id}}}'"#)
    };
    let insert = |own: &str, key: i64| {
        format!("INSERT INTO Person ($node_id, Id, Name) VALUES ({own}, {key}, N'x')")
    };
    for own in [id("Town", 0), "N'{}'".to_owned(), "NULL".to_owned()] {
        assert_eq!(error(&mut client, &insert(&own, 50)).await.0, 13921, "{own}");
    }
    run(&mut client, &insert(&id("Person", 40), 50)).await;
    run(&mut client, "INSERT INTO Person VALUES (51, N'y')").await;
    let next = "SELECT GRAPH_ID_FROM_NODE_ID($node_id) FROM Person WHERE Id = 51";
    assert_eq!(number(&mut client, next).await, 41);
    run(&mut client, "DELETE FROM Knows; TRUNCATE TABLE Knows").await;
    run(
        &mut client,
        "INSERT INTO Knows SELECT a.$node_id, b.$node_id, 9 FROM Person a, Person b WHERE a.Id = 1 AND b.Id = 2",
    )
    .await;
    let next = "SELECT GRAPH_ID_FROM_EDGE_ID($edge_id) FROM Knows";
    assert_eq!(number(&mut client, next).await, 2, "TRUNCATE does not start ids again");
}

#[tokio::test]
async fn match_reads_through_derived_tables_and_chooses_rows_to_change() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    for (sql, expected) in [
        (
            "SELECT b.Id FROM (SELECT $node_id AS n, Id FROM Person WHERE Id < 3) AS a, Knows k, Person b WHERE MATCH(a-(k)->b) ORDER BY b.Id",
            vec![2, 3],
        ),
        (
            "WITH e AS (SELECT $from_id AS f, $to_id AS t, Id FROM Knows WHERE Id = 200) SELECT b.Id FROM Person a, e, Person b WHERE MATCH(a-(e)->b)",
            vec![3],
        ),
    ] {
        assert_eq!(ids(&mut client, sql).await, expected, "{sql}");
    }
    run(
        &mut client,
        "UPDATE b SET Name = N'seen' FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->b) AND a.Id = 1",
    )
    .await;
    assert_eq!(number(&mut client, "SELECT MAX(Id) FROM Person WHERE Name = N'seen'").await, 2);
    run(
        &mut client,
        "DELETE k FROM Person a, Knows k, Person b WHERE MATCH(a-(k)->b) AND b.Id = 3",
    )
    .await;
    assert_eq!(number(&mut client, "SELECT MAX(Id) FROM Knows").await, 100);
}

#[tokio::test]
async fn definitions_of_the_graph_are_refused_with_their_numbers() {
    let server = start().await;
    let mut client = connect(&server).await;
    graph(&mut client).await;
    let column = text(
        &mut client,
        "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.Knows') AND graph_type = 1",
    )
    .await
    .unwrap();
    for (sql, number) in [
        (format!("ALTER TABLE Knows DROP COLUMN [{column}]"), 13913),
        ("CREATE TABLE #n (Id int) AS NODE".to_owned(), 13914),
        ("ALTER TABLE Person ADD CONSTRAINT X CONNECTION (Person TO Person)".to_owned(), 13930),
        ("ALTER TABLE Loose ADD CONSTRAINT X CONNECTION (Person TO Nope)".to_owned(), 13931),
        ("ALTER TABLE Loose ADD CONSTRAINT X CONNECTION (Person TO Knows)".to_owned(), 13933),
        (
            "SELECT 1 FROM Person a, Knows k, Person b WHERE MATCH(SHORTEST_PATH(a(-(k)->b)+))"
                .to_owned(),
            40517,
        ),
    ] {
        assert_eq!(error(&mut client, &sql).await.0, number, "{sql}");
    }
    let caught = "BEGIN TRY ALTER TABLE Person ADD CONSTRAINT X CONNECTION (Person TO Person); END TRY \
                  BEGIN CATCH SELECT CAST(ERROR_NUMBER() AS nvarchar(9)); END CATCH";
    assert_eq!(text(&mut client, caught).await.as_deref(), Some("1750"));
}

#[tokio::test]
async fn edges_that_a_node_takes_along_are_deletes_to_change_tracking() {
    let server = start().await;
    let mut client = connect(&server).await;
    for sql in [
        "CREATE TABLE dbo.N (Id int PRIMARY KEY) AS NODE; \
         CREATE TABLE dbo.E (Id int PRIMARY KEY, CONSTRAINT EC CONNECTION (N TO N) ON DELETE CASCADE) AS EDGE",
        "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON",
        "ALTER TABLE N ENABLE CHANGE_TRACKING; ALTER TABLE E ENABLE CHANGE_TRACKING",
        "INSERT INTO N VALUES (1), (2)",
        "INSERT INTO E SELECT a.$node_id, b.$node_id, 5 FROM N a, N b WHERE a.Id = 1 AND b.Id = 2",
        "DELETE FROM N WHERE Id = 2",
    ] {
        run(&mut client, sql).await;
    }
    let gone = "SELECT COUNT(*) FROM CHANGETABLE(CHANGES dbo.E, 2) AS c \
                WHERE SYS_CHANGE_OPERATION = N'D' AND SYS_CHANGE_VERSION = 3 AND Id = 5";
    assert_eq!(number(&mut client, gone).await, 1);
}
