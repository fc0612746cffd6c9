//! Backups, and what becomes of one: the data anew, or those of a secondary.

use std::time::Duration;

use crate::support::{
    Connection, TestServer, connect, emulator, error, is_cut, number, options, run, start_with,
    text, try_run,
};
use sqlgraph_emulator::engine::backup::restore_as_another;
use sqlgraph_emulator::{Cleanup, Data, Options};

const FORK: &str =
    "SELECT CAST(recovery_fork_guid AS nvarchar(36)) FROM sys.database_recovery_status";
const FAMILY: &str = "SELECT CAST(family_guid AS nvarchar(36)) FROM sys.database_recovery_status";
const VERSION: &str = "CHANGE_TRACKING_CURRENT_VERSION()";
const UPDATEABILITY: &str =
    "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(30))";

#[tokio::test]
async fn a_restore_brings_back_rows_counters_and_version_on_another_fork() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.N (Id int IDENTITY PRIMARY KEY) AS NODE; ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON;
         ALTER TABLE N ENABLE CHANGE_TRACKING; INSERT INTO N DEFAULT VALUES",
    )
    .await;
    let (fork, family) = (text(&mut client, FORK).await, text(&mut client, FAMILY).await);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("older.bak");
    server.control().backup(&file).await.unwrap();
    run(&mut client, "INSERT INTO N DEFAULT VALUES; INSERT INTO N DEFAULT VALUES").await;
    assert_eq!(number(&mut client, VERSION).await, 3);
    server.control().restore(&file).await.unwrap();
    assert!(is_cut(&try_run(&mut client, "SELECT 1").await));
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM N").await, 1);
    assert_eq!(number(&mut client, VERSION).await, 1);
    run(&mut client, "INSERT INTO N DEFAULT VALUES").await;
    assert_eq!(number(&mut client, VERSION).await, 2, "numbers are used again");
    assert_eq!(number(&mut client, "SELECT MAX(Id) FROM N").await, 2);
    assert_ne!(text(&mut client, FORK).await, fork);
    assert_eq!(text(&mut client, FAMILY).await, family);
}

#[tokio::test]
async fn a_restore_of_what_is_no_backup_leaves_the_server_as_it_is() {
    let Some(server) = emulator("faults on demand").await else { return };
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.T (Id int PRIMARY KEY, A int); INSERT INTO T VALUES (1, 1)")
        .await;
    let directory = tempfile::tempdir().unwrap();
    let garbage = directory.path().join("garbage.bak");
    std::fs::write(&garbage, vec![7; 10_000]).unwrap();
    for file in [garbage, directory.path().join("none.bak")] {
        assert!(server.control().restore(&file).await.is_err());
    }
    let other = start_with(Options { database: "Other".to_owned(), ..options() });
    let foreign = directory.path().join("foreign.bak");
    other.await.control().backup(&foreign).await.unwrap();
    let refused = server.control().restore(&foreign).await.unwrap_err().to_string();
    assert!(refused.ends_with("this is a backup of 'Other'"), "{refused}");
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM dbo.T").await, 1);
}

#[tokio::test]
async fn a_secondary_has_an_earlier_moment_and_its_primary_goes_on_with_all_it_had() {
    let Some(server) = emulator("the role of the server").await else { return };
    let (mut client, backup) = tracked_with_backup(&server).await;
    let life = [text(&mut client, FORK).await, text(&mut client, FAMILY).await];
    run(&mut client, "INSERT INTO T VALUES (2), (3)").await;
    assert_eq!(text(&mut client, UPDATEABILITY).await.unwrap(), "READ_WRITE");
    server.control().secondary(&backup.path().join("a")).await.unwrap();
    assert!(is_cut(&try_run(&mut client, "SELECT 1").await));
    for _ in 0..2 {
        let mut client = connect(&server).await;
        assert_eq!(text(&mut client, UPDATEABILITY).await.unwrap(), "READ_ONLY");
        assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T").await, 1);
        let found = [text(&mut client, FORK).await, text(&mut client, FAMILY).await];
        assert_eq!(found, life);
        // A restart changes no role.
        server.control().restart(Duration::ZERO).await.unwrap();
    }
    server.control().primary().await.unwrap();
    let mut client = connect(&server).await;
    assert_eq!(text(&mut client, UPDATEABILITY).await.unwrap(), "READ_WRITE");
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T").await, 3);
    assert_eq!(number(&mut client, VERSION).await, 2);
    run(&mut client, "INSERT INTO T VALUES (4)").await;
    assert_eq!(number(&mut client, VERSION).await, 3);
    let found = [text(&mut client, FORK).await, text(&mut client, FAMILY).await];
    assert_eq!(found, life);
}

#[tokio::test]
async fn a_secondary_refuses_writes_and_reads_of_change_tracking() {
    let Some(server) = emulator("the role of the server").await else { return };
    let (_, backup) = tracked_with_backup(&server).await;
    server.control().secondary(&backup.path().join("a")).await.unwrap();
    let mut client = connect(&server).await;
    for write in [
        "INSERT INTO T VALUES (9)",
        "UPDATE T SET A = 9",
        "DELETE FROM T",
        "TRUNCATE TABLE T",
        "CREATE TABLE dbo.Other (A int)",
        "ALTER TABLE T DISABLE CHANGE_TRACKING",
    ] {
        assert_eq!(error(&mut client, write).await.0, 3906, "{write}");
    }
    for read in [
        "SELECT CHANGE_TRACKING_CURRENT_VERSION()",
        "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.T'))",
        "SELECT COUNT(*) FROM CHANGETABLE(CHANGES dbo.T, 0) AS c",
        "SELECT T.A FROM T CROSS APPLY CHANGETABLE(VERSION dbo.T, (A), (T.A)) AS c",
    ] {
        assert_eq!(error(&mut client, read).await.0, 22117, "{read}");
    }
    // Whoever reads goes on, also in transactions, with hints, in tables of its own.
    run(&mut client, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRANSACTION").await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T WITH (UPDLOCK)").await, 1);
    assert_eq!(error(&mut client, "CREATE TABLE #within (A int)").await.0, 3906);
    run(&mut client, "COMMIT; CREATE TABLE #own (A int); INSERT INTO #own SELECT A FROM T").await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM #own").await, 1);
    let lock =
        "EXEC sp_getapplock @Resource = N'own', @LockMode = N'Exclusive', @LockOwner = N'Session'";
    run(&mut client, lock).await;
    let mode = "SELECT APPLOCK_MODE(N'public', N'own', N'Session')";
    assert_eq!(text(&mut client, mode).await.unwrap(), "Exclusive");
    assert!(server.control().clean_up(Cleanup::Everything).await.is_err());
    assert!(server.control().restore(&backup.path().join("a")).await.is_err());
}

#[tokio::test]
async fn a_secondary_is_of_its_primarys_life() {
    let Some(server) = emulator("the role of the server").await else { return };
    let (_, backup) = tracked_with_backup(&server).await;
    let earlier = backup.path().join("a");
    server.control().restore(&earlier).await.unwrap();
    let other = start_with(options()).await;
    let foreign = backup.path().join("foreign");
    other.control().backup(&foreign).await.unwrap();
    for file in [earlier, foreign, backup.path().join("none")] {
        assert!(server.control().secondary(&file).await.is_err());
    }
    let mut client = connect(&server).await;
    assert_eq!(text(&mut client, UPDATEABILITY).await.unwrap(), "READ_WRITE");
}

/// A tracked table of one row, and a backup `a` of it.
async fn tracked_with_backup(server: &TestServer) -> (Connection, tempfile::TempDir) {
    let mut client = connect(server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.T (A int PRIMARY KEY); ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON;
         ALTER TABLE T ENABLE CHANGE_TRACKING; INSERT INTO T VALUES (1)",
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    server.control().backup(&directory.path().join("a")).await.unwrap();
    (client, directory)
}

/// `group_database_id`, `database_guid`, `recovery_fork_guid`, `family_guid`.
async fn guids(client: &mut Connection) -> [Option<String>; 4] {
    let of_databases = "SELECT CAST(group_database_id AS nvarchar(36)) FROM sys.databases WHERE database_id = DB_ID()";
    let own = "SELECT CAST(database_guid AS nvarchar(36)) FROM sys.database_recovery_status";
    [
        text(client, of_databases).await,
        text(client, own).await,
        text(client, FORK).await,
        text(client, FAMILY).await,
    ]
}

#[tokio::test]
async fn every_replica_has_the_groups_id_and_a_guid_of_its_own() {
    let Some(server) = emulator("the role of the server").await else { return };
    let (mut client, backup) = tracked_with_backup(&server).await;
    let [group, alone, ..] = guids(&mut client).await;
    assert_eq!(group, None);
    server.control().join_group().await.unwrap();
    let primary = guids(&mut client).await;
    assert!(primary[0].is_some());
    assert_eq!(primary[1], alone, "joining makes no other database of it");
    server.control().secondary(&backup.path().join("a")).await.unwrap();
    let secondary = guids(&mut connect(&server).await).await;
    assert_ne!(secondary[1], primary[1]);
    assert_eq!(
        [&secondary[0], &secondary[2], &secondary[3]],
        [&primary[0], &primary[2], &primary[3]]
    );
    server.control().primary().await.unwrap();
    assert_eq!(guids(&mut connect(&server).await).await, primary);
}

#[tokio::test]
async fn a_failover_keeps_the_history_and_a_forced_one_begins_another() {
    let Some(server) = emulator("the role of the server").await else { return };
    let (mut client, backup) = tracked_with_backup(&server).await;
    run(&mut client, "INSERT INTO T VALUES (2), (3)").await;
    server.control().join_group().await.unwrap();
    let first = guids(&mut client).await;
    server.control().failover(None).await.unwrap();
    assert!(is_cut(&try_run(&mut client, "SELECT 1").await));
    let mut client = connect(&server).await;
    let second = guids(&mut client).await;
    assert_ne!(second[1], first[1]);
    assert_eq!([&second[0], &second[2], &second[3]], [&first[0], &first[2], &first[3]]);
    assert_eq!(number(&mut client, VERSION).await, 2, "it has all data");
    let behind = backup.path().join("behind");
    server.control().backup(&behind).await.unwrap();
    run(&mut client, "INSERT INTO T VALUES (4)").await;
    server.control().failover(Some(&behind)).await.unwrap();
    let mut client = connect(&server).await;
    let third = guids(&mut client).await;
    assert_eq!([&third[0], &third[3]], [&second[0], &second[3]]);
    assert!(third[1] != second[1] && third[2] != second[2]);
    assert_eq!(number(&mut client, VERSION).await, 2);
    run(&mut client, "INSERT INTO T VALUES (5)").await;
    assert_eq!(number(&mut client, VERSION).await, 3, "numbers are used again");
}

#[tokio::test]
async fn a_backup_restored_elsewhere_is_another_database_of_the_same_family() {
    let Some(server) = emulator("backups").await else { return };
    let (mut client, backup) = tracked_with_backup(&server).await;
    server.control().join_group().await.unwrap();
    let original = guids(&mut client).await;
    let data = backup.path().join("copy");
    restore_as_another(&backup.path().join("a"), &data).unwrap();
    let copy = start_with(Options { data: Data::File(data.clone()), ..options() }).await;
    let mut client = connect(&copy).await;
    let found = guids(&mut client).await;
    assert_eq!((&found[0], &found[3]), (&None, &original[3]));
    assert!(found[1] != original[1] && found[2] != original[2]);
    assert_eq!(number(&mut client, VERSION).await, 1, "change tracking goes on from the backup's");
    assert!(restore_as_another(&backup.path().join("a"), &data).is_err(), "it is there already");
}
