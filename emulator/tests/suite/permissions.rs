//! Roles and grants are enforced, and what nobody may touch does not show.

use crate::support::{
    Connection, TestServer, config, connect, connect_with, error, number, rows, run,
    start_with_schema, text,
};

async fn reader(server: &TestServer) -> Connection {
    let mut admin = connect(server).await;
    run(
        &mut admin,
        "CREATE LOGIN provsync WITH PASSWORD = N'p'; CREATE USER provsync FOR LOGIN provsync;
         ALTER ROLE provsync_reader ADD MEMBER provsync",
    )
    .await;
    connect_with(server, config(server, "provsync", "p")).await.unwrap()
}

#[tokio::test]
async fn the_reader_role_reads_three_tables_and_nothing_else() {
    let server = start_with_schema().await;
    let mut client = reader(&server).await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM graph.AtomGraphNodes").await, 0);
    let (code, message) = error(&mut client, "SELECT * FROM dbo.Atoms").await;
    assert_eq!(code, 229);
    assert_eq!(
        message,
        "The SELECT permission was denied on the object 'Atoms', database 'Provenance', schema 'dbo'."
    );
    for sql in [
        "INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (1, N'x')",
        "UPDATE graph.AtomGraphNodes SET AtomId = 1",
        "DELETE FROM graph.AtomGraphNodes",
    ] {
        assert_eq!(error(&mut client, sql).await.0, 229, "{sql}");
    }
    assert_eq!(error(&mut client, "TRUNCATE TABLE graph.AtomGraphEdges").await.0, 1088);
    assert_eq!(error(&mut client, "CREATE TABLE dbo.X (a int)").await.0, 262);
}

#[tokio::test]
async fn tables_without_any_permission_do_not_show() {
    let server = start_with_schema().await;
    let mut client = reader(&server).await;
    let names = rows(&mut client, "SELECT name FROM sys.tables ORDER BY name").await;
    let names: Vec<_> =
        names.iter().map(|row| row.try_get::<&str, _>(0).unwrap().unwrap()).collect();
    assert_eq!(names, ["AtomGraphEdges", "AtomGraphNodes", "GenerationStreams"]);
    assert_eq!(number(&mut client, "SELECT ISNULL(OBJECT_ID(N'dbo.Atoms'), 0)").await, 0);
    assert_eq!(
        number(&mut client, "HAS_PERMS_BY_NAME(N'graph.AtomGraphNodes', N'OBJECT', N'SELECT')")
            .await,
        1
    );
    assert_eq!(
        number(&mut client, "HAS_PERMS_BY_NAME(N'[graph].[AtomGraphNodes]', N'OBJECT', N'INSERT')")
            .await,
        0
    );
    assert_eq!(
        number(&mut client, "ISNULL(HAS_PERMS_BY_NAME(N'dbo.Atoms', N'OBJECT', N'SELECT'), -1)")
            .await,
        -1
    );
    assert_eq!(text(&mut client, "SELECT SUSER_SNAME()").await.as_deref(), Some("provsync"));
}

#[tokio::test]
async fn change_tracking_needs_its_own_permission() {
    let server = start_with_schema().await;
    let mut client = reader(&server).await;
    let mut admin = connect(&server).await;
    let min = "ISNULL(CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'graph.AtomGraphNodes')), -1)";
    assert_eq!(number(&mut client, min).await, 0);
    run(&mut admin, "REVOKE VIEW CHANGE TRACKING ON graph.AtomGraphNodes FROM provsync_reader")
        .await;
    assert_eq!(number(&mut client, min).await, -1);
    let (code, message) =
        error(&mut client, "SELECT * FROM CHANGETABLE(CHANGES graph.AtomGraphNodes, 0) AS c").await;
    assert_eq!(code, 229);
    assert!(message.starts_with(
        "The VIEW CHANGE TRACKING permission was denied on the object 'AtomGraphNodes'"
    ));
}

#[tokio::test]
async fn a_denial_outweighs_grants_and_schema_grants_reach_tables() {
    let server = start_with_schema().await;
    let mut client = reader(&server).await;
    let mut admin = connect(&server).await;
    run(&mut admin, "GRANT SELECT ON SCHEMA::dbo TO provsync").await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM dbo.Atoms").await, 0);
    run(&mut admin, "DENY SELECT ON dbo.Atoms TO provsync_reader").await;
    assert_eq!(error(&mut client, "SELECT COUNT(*) FROM dbo.Atoms").await.0, 229);
    run(
        &mut admin,
        "REVOKE SELECT ON dbo.Atoms FROM provsync_reader; ALTER ROLE db_owner ADD MEMBER provsync",
    )
    .await;
    run(&mut client, "CREATE TABLE dbo.Own (a int)").await;
}
