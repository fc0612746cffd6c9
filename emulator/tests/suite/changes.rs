//! MERGE, OUTPUT, changes of keys as a set, and the tables that a session has for itself.

use crate::support::{Connection, connect, error, lines, number, run, start, try_run};

async fn stock(client: &mut Connection) {
    run(
        client,
        "CREATE TABLE dbo.Stock (Id int NOT NULL CONSTRAINT PK_Stock PRIMARY KEY, Name nvarchar(20) NOT NULL CONSTRAINT UQ_Stock \
         UNIQUE, Amount int NULL);
         INSERT INTO Stock VALUES (1, N'bolt', 10), (2, N'nut', 20), (3, N'screw', 30);",
    )
    .await;
}

async fn tracked(client: &mut Connection) {
    stock(client).await;
    run(client, "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON").await;
    run(client, "ALTER TABLE dbo.Stock ENABLE CHANGE_TRACKING").await;
}

const CHANGES: &str = "SELECT ct.Id, ct.SYS_CHANGE_OPERATION, ct.SYS_CHANGE_VERSION FROM CHANGETABLE(CHANGES dbo.Stock, 0) AS ct \
                       ORDER BY ct.Id";

#[tokio::test]
async fn merge_updates_deletes_and_inserts_in_one_version() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    let told = lines(
        &mut client,
        "MERGE INTO dbo.Stock WITH (HOLDLOCK) AS t USING (VALUES (1, N'bolt', 11), (2, N'nut', 0), (4, N'nail', 40)) AS s (Id, Name, \
         Amount) ON t.Id = s.Id WHEN MATCHED AND s.Amount = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET t.Amount = s.Amount \
         WHEN NOT MATCHED THEN INSERT (Id, Name, Amount) VALUES (s.Id, s.Name, s.Amount) WHEN NOT MATCHED BY SOURCE THEN UPDATE \
         SET Amount = -1 OUTPUT $action, deleted.Amount, inserted.Amount, inserted.Id, deleted.Id, s.Amount;",
    )
    .await;
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "DELETE|20|NULL|NULL|2|0",
            "INSERT|NULL|40|4|NULL|40",
            "UPDATE|10|11|1|1|11",
            "UPDATE|30|-1|3|3|NULL"
        ]
    );
    assert_eq!(
        lines(&mut client, "SELECT Id, Amount FROM Stock ORDER BY Id").await,
        ["1|11", "3|-1", "4|40"]
    );
    assert_eq!(lines(&mut client, CHANGES).await, ["1|U|1", "2|D|1", "3|U|1", "4|I|1"]);
}

#[tokio::test]
async fn merge_counts_its_rows_and_says_what_it_is() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    let counted = lines(
        &mut client,
        "MERGE Stock AS t USING (SELECT 1 AS i UNION ALL SELECT 9) AS s ON t.Id = s.i WHEN MATCHED THEN UPDATE SET Amount += 1 WHEN \
         NOT MATCHED BY TARGET THEN INSERT VALUES (s.i, CONCAT(N'new', s.i), DEFAULT); SELECT @@ROWCOUNT",
    )
    .await;
    assert_eq!(counted, ["2"]);
    assert_eq!(
        lines(&mut client, "SELECT Id, Name, Amount FROM Stock WHERE Id IN (1, 9) ORDER BY Id")
            .await,
        ["1|bolt|11", "9|new9|NULL"]
    );
    run(
        &mut client,
        "MERGE Stock USING (SELECT 1 AS i) AS s ON Stock.Id = s.i WHEN NOT MATCHED BY SOURCE AND Stock.Id > 2 THEN DELETE;",
    )
    .await;
    assert_eq!(lines(&mut client, "SELECT Id FROM Stock ORDER BY Id").await, ["1", "2"]);
}

#[tokio::test]
async fn merge_refuses_what_sql_server_refuses() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    let using = "MERGE Stock AS t USING (VALUES (1, N'x'), (1, N'y')) AS s (i, n) ON t.Id = s.i ";
    for (clauses, expected) in [
        ("WHEN MATCHED THEN UPDATE SET Name = s.n;", 8672),
        ("WHEN MATCHED THEN UPDATE SET Name = s.n", 10713),
        ("WHEN MATCHED THEN INSERT VALUES (1, N'x', 1);", 10711),
        ("WHEN NOT MATCHED THEN DELETE;", 10710),
        ("WHEN MATCHED AND s.n = N'x' THEN DELETE WHEN MATCHED THEN DELETE;", 10714),
        ("WHEN MATCHED THEN DELETE WHEN MATCHED AND s.n = N'x' THEN UPDATE SET Name = s.n;", 5324),
        ("WHEN NOT MATCHED BY SOURCE THEN UPDATE SET Name = s.n;", 4104),
        ("WHEN NOT MATCHED THEN INSERT (Id) VALUES (s.i, 2);", 110),
        ("WHEN MATCHED THEN UPDATE SET Id = Id OUTPUT Name;", 207),
    ] {
        let sql = format!("{using}{clauses}");
        assert_eq!(error(&mut client, &sql).await.0, expected, "{sql}");
    }
    let (number, message) = error(
        &mut client,
        "MERGE Stock AS t USING (VALUES (7), (8)) AS s (i) ON t.Id = s.i WHEN NOT MATCHED THEN INSERT VALUES (s.i, N'NUT ', 1);",
    )
    .await;
    assert_eq!(number, 2627);
    assert!(message.ends_with("The duplicate key value is (NUT )."), "{message}");
    assert_eq!(lines(&mut client, "SELECT COUNT(*) FROM Stock").await, ["3"]);
}

#[tokio::test]
async fn merge_works_on_node_and_edge_tables() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.N (Id int IDENTITY PRIMARY KEY, Name nvarchar(9)) AS NODE;
         CREATE TABLE dbo.E (Id int IDENTITY PRIMARY KEY, W int) AS EDGE; INSERT INTO N (Name) VALUES (N'a');",
    )
    .await;
    run(
        &mut client,
        "MERGE N USING (VALUES (N'A'), (N'b')) AS s (n) ON N.Name = s.n WHEN NOT MATCHED THEN INSERT (Name) VALUES (s.n);
         MERGE E USING (SELECT f.$node_id AS f, t.$node_id AS t FROM N AS f JOIN N AS t ON f.Id < t.Id) AS s ON E.$from_id = s.f \
         AND E.$to_id = s.t WHEN MATCHED THEN UPDATE SET W = 2 WHEN NOT MATCHED THEN INSERT ($from_id, $to_id, W) VALUES (s.f, s.t, 1);
         MERGE E USING (SELECT f.$node_id AS f, t.$node_id AS t FROM N AS f JOIN N AS t ON f.Id < t.Id) AS s ON E.$from_id = s.f \
         AND E.$to_id = s.t WHEN MATCHED THEN UPDATE SET W = 2 WHEN NOT MATCHED THEN INSERT ($from_id, $to_id, W) VALUES (s.f, s.t, 1);",
    )
    .await;
    assert_eq!(
        lines(
            &mut client,
            "SELECT a.Name, E.W, b.Name FROM N AS a, E, N AS b WHERE MATCH(a-(E)->b)"
        )
        .await,
        ["a|2|b"]
    );
}

#[tokio::test]
async fn output_tells_old_and_new_values() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    assert_eq!(
        lines(
            &mut client,
            "UPDATE Stock SET Amount = Amount * 2 OUTPUT inserted.Id, deleted.Amount, inserted.Amount, inserted.Amount - \
             deleted.Amount AS d WHERE Id < 3"
        )
        .await,
        ["1|10|20|10", "2|20|40|20"]
    );
    assert_eq!(
        lines(
            &mut client,
            "UPDATE s SET Amount = v.n OUTPUT v.i, deleted.* FROM Stock AS s JOIN (VALUES (3, 7)) AS v (i, n) ON v.i = s.Id"
        )
        .await,
        ["3|3|screw|30"]
    );
    assert_eq!(
        lines(&mut client, "DELETE s OUTPUT deleted.Name, v.i FROM Stock AS s, (VALUES (3)) AS v (i) WHERE v.i = s.Id").await,
        ["screw|3"]
    );
    assert_eq!(error(&mut client, "DELETE FROM Stock OUTPUT inserted.Id").await.0, 4104);
    assert_eq!(
        error(&mut client, "INSERT INTO Stock OUTPUT deleted.Id VALUES (9, N'x', 1)").await.0,
        4104
    );
    assert_eq!(error(&mut client, "INSERT INTO Stock OUTPUT Id VALUES (9, N'x', 1)").await.0, 207);
    assert_eq!(error(&mut client, "DELETE FROM Stock OUTPUT (SELECT 1)").await.0, 10705);
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM Stock").await, 2);
}

#[tokio::test]
async fn output_goes_into_tables() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    run(
        &mut client,
        "CREATE TABLE dbo.Log (Id int IDENTITY PRIMARY KEY, Old int NULL, New int NULL, What varchar(10) NULL DEFAULT 'none');",
    )
    .await;
    let told = lines(
        &mut client,
        "DECLARE @t TABLE (Id int PRIMARY KEY, Amount int);
         INSERT INTO Stock OUTPUT inserted.Id, inserted.Amount INTO @t OUTPUT inserted.Name VALUES (7, N'a', 1), (8, N'b', 2);
         UPDATE Stock SET Amount = 5 OUTPUT deleted.Amount, inserted.Amount INTO dbo.Log (Old, New) WHERE Id IN (SELECT Id FROM @t);
         DELETE FROM Stock OUTPUT deleted.Amount, NULL, 'gone' INTO Log WHERE Id = 8;
         SELECT Id, Old, New, What FROM Log ORDER BY Id",
    )
    .await;
    assert_eq!(told, ["1|1|5|none", "2|2|5|none", "3|5|NULL|gone"]);
    let merged = lines(
        &mut client,
        "DECLARE @t TABLE (Act nvarchar(10), Id int); MERGE Stock AS t USING (VALUES (7)) AS s (i) ON t.Id = s.i WHEN MATCHED THEN \
         DELETE OUTPUT $action, deleted.Id INTO @t; SELECT * FROM @t",
    )
    .await;
    assert_eq!(merged, ["DELETE|7"]);
    for (sql, expected) in [
        ("DELETE FROM Stock OUTPUT deleted.Id INTO Log", 213),
        ("DELETE FROM Stock OUTPUT deleted.Id, 1, 'x', 4 INTO Log", 8101),
        ("DELETE FROM Stock OUTPUT deleted.Id INTO Log (Id)", 544),
        ("DELETE FROM Stock OUTPUT deleted.Id INTO @nope", 1087),
        ("DELETE FROM Stock OUTPUT deleted.Id INTO Nope", 208),
    ] {
        assert_eq!(error(&mut client, sql).await.0, expected, "{sql}");
    }
}

#[tokio::test]
async fn keys_change_as_a_set_and_are_tracked_so() {
    let server = start().await;
    let mut client = connect(&server).await;
    tracked(&mut client).await;
    run(&mut client, "UPDATE Stock SET Id = Id + 1").await;
    // Observed: D, U, U, I (probed.md 3).
    assert_eq!(lines(&mut client, CHANGES).await, ["1|D|1", "2|U|1", "3|U|1", "4|I|1"]);
    run(&mut client, "UPDATE Stock SET Id = CASE Id WHEN 2 THEN 3 WHEN 3 THEN 2 ELSE Id END").await;
    assert_eq!(
        lines(&mut client, "SELECT Id, Name FROM Stock ORDER BY Id").await,
        ["2|nut", "3|bolt", "4|screw"]
    );
    assert_eq!(lines(&mut client, CHANGES).await, ["1|D|1", "2|U|2", "3|U|2", "4|I|2"]);
    run(
        &mut client,
        "UPDATE Stock SET Name = CASE Name WHEN N'nut' THEN N'bolt' WHEN N'bolt' THEN N'nut' ELSE Name END",
    )
    .await;
    assert_eq!(
        lines(&mut client, "SELECT Id, Name FROM Stock ORDER BY Id").await,
        ["2|bolt", "3|nut", "4|screw"]
    );
    let (_, message) = error(&mut client, "UPDATE Stock SET Id = 4 WHERE Id = 2").await;
    assert!(message.ends_with("The duplicate key value is (4)."), "{message}");
    let (_, message) = error(&mut client, "UPDATE Stock SET Name = N'nut'").await;
    assert!(message.ends_with("The duplicate key value is (nut)."), "{message}");
}

#[tokio::test]
async fn composite_keys_change_as_a_set() {
    let server = start().await;
    let mut client = connect(&server).await;
    run(
        &mut client,
        "CREATE TABLE dbo.T (A nvarchar(5) NOT NULL, B int NOT NULL, CONSTRAINT PK_T PRIMARY KEY (A, B));
         INSERT INTO T VALUES (N'x', 1), (N'x', 2), (N'x', 3); ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON;",
    )
    .await;
    run(&mut client, "ALTER TABLE T ENABLE CHANGE_TRACKING").await;
    run(&mut client, "UPDATE T SET B = B + 1").await;
    assert_eq!(
        lines(
            &mut client,
            "SELECT ct.B, ct.SYS_CHANGE_OPERATION FROM CHANGETABLE(CHANGES dbo.T, 0) AS ct ORDER BY ct.B"
        )
        .await,
        ["1|D", "2|U", "3|U", "4|I"]
    );
}

#[tokio::test]
async fn a_duplicate_names_its_key() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    run(
        &mut client,
        "CREATE TABLE dbo.D (Id int IDENTITY PRIMARY KEY, A nvarchar(9) NULL, B int NULL, CONSTRAINT UQ_D UNIQUE (A, B));
         CREATE UNIQUE INDEX UX_D ON dbo.D (B) WHERE B > 5; INSERT INTO D (A, B) VALUES (N'x', NULL), (N'y', 9);",
    )
    .await;
    for (sql, expected) in [
        (
            "INSERT INTO Stock VALUES (5, N'e', 1), (2, N'z', 1)",
            "Violation of PRIMARY KEY constraint 'PK_Stock'. Cannot insert duplicate key in object 'dbo.Stock'. The duplicate key \
             value is (2).",
        ),
        (
            "INSERT INTO Stock SELECT Id + 10, Name, 1 FROM Stock WHERE Id = 3",
            "Violation of UNIQUE KEY constraint 'UQ_Stock'. Cannot insert duplicate key in object 'dbo.Stock'. The duplicate key \
             value is (screw).",
        ),
        (
            "INSERT INTO D (A) VALUES (N'X')",
            "Violation of UNIQUE KEY constraint 'UQ_D'. Cannot insert duplicate key in object 'dbo.D'. The duplicate key value is \
             (X, <NULL>).",
        ),
        (
            "INSERT INTO D (A, B) VALUES (N'q', 9)",
            "Cannot insert duplicate key row in object 'dbo.D' with unique index 'UX_D'. The duplicate key value is (9).",
        ),
    ] {
        assert_eq!(error(&mut client, sql).await.1, expected, "{sql}");
    }
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM Stock").await, 3);
    // One identity value each for the two rows that failed.
    run(&mut client, "INSERT INTO D (A) VALUES (N'w')").await;
    assert_eq!(number(&mut client, "SELECT MAX(Id) FROM D").await, 5);
}

#[tokio::test]
async fn table_variables_live_for_their_batch_and_outlive_a_rollback() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    let kept = lines(
        &mut client,
        "DECLARE @log TABLE (Id int IDENTITY(1,1), Msg nvarchar(50) NOT NULL DEFAULT N'-');
         BEGIN TRANSACTION; INSERT INTO Stock VALUES (9, N'x', 1); INSERT INTO @log (Msg) VALUES (N'one'), (N'two');
         ROLLBACK; INSERT INTO @log DEFAULT VALUES;
         SELECT l.Id, l.Msg, (SELECT COUNT(*) FROM Stock) FROM @log AS l ORDER BY l.Id",
    )
    .await;
    assert_eq!(kept, ["1|one|3", "2|two|3", "3|-|3"]);
    assert_eq!(error(&mut client, "SELECT * FROM @log").await.0, 1087);
    for (sql, expected) in [
        ("DECLARE @t TABLE (a int); EXEC (N'SELECT * FROM @t')", 1087),
        ("DECLARE @t TABLE (a int, CONSTRAINT c CHECK (a > 0))", 102),
        ("DECLARE @t TABLE (a int) AS NODE", 156),
        ("DECLARE @t TABLE (a int); DECLARE @t int", 134),
        ("DECLARE @t TABLE (a int); SELECT @t", 137),
        ("DECLARE @t TABLE (a int PRIMARY KEY); INSERT INTO @t VALUES (1), (1)", 2627),
        ("DECLARE @t TABLE (a int CHECK (a > 0)); INSERT INTO @t VALUES (0)", 547),
    ] {
        assert_eq!(error(&mut client, sql).await.0, expected, "{sql}");
    }
    let looped = lines(
        &mut client,
        "DECLARE @i int = 0; WHILE @i < 3 BEGIN DECLARE @t TABLE (a int); INSERT INTO @t VALUES (@i); SET @i += 1; END; SELECT \
         COUNT(*) FROM @t",
    )
    .await;
    assert_eq!(looped, ["3"]);
}

#[tokio::test]
async fn temporary_tables_live_for_their_session() {
    let server = start().await;
    let (mut client, mut other) = (connect(&server).await, connect(&server).await);
    run(&mut client, "CREATE TABLE #t (Id int IDENTITY PRIMARY KEY, A nvarchar(9)); INSERT INTO #t (A) VALUES (N'x')").await;
    assert_eq!(error(&mut other, "SELECT * FROM #t").await.0, 208);
    run(
        &mut client,
        "CREATE INDEX ix ON #t (A); BEGIN TRANSACTION; INSERT INTO #t (A) VALUES (N'y'); ROLLBACK",
    )
    .await;
    assert_eq!(lines(&mut client, "SELECT Id, A FROM #t").await, ["1|x"]);
    run(&mut client, "BEGIN TRANSACTION; DROP TABLE #t; CREATE TABLE #u (a int); ROLLBACK").await;
    assert_eq!(lines(&mut client, "SELECT A FROM #t").await, ["x"]);
    assert_eq!(error(&mut client, "SELECT * FROM #u").await.0, 208);
    run(&mut client, "EXEC (N'CREATE TABLE #v (a int)')").await;
    assert_eq!(error(&mut client, "SELECT * FROM #v").await.0, 208);
    run(&mut client, "EXEC (N'INSERT INTO #t (A) VALUES (N''z'')'); TRUNCATE TABLE #t; INSERT INTO #t (A) VALUES (N'w')").await;
    assert_eq!(lines(&mut client, "SELECT Id, A FROM #t").await, ["1|w"]);
    assert_eq!(error(&mut client, "CREATE TABLE #t (a int)").await.0, 2714);
    assert_eq!(error(&mut client, "CREATE TABLE #n (a int) AS NODE").await.0, 13914);
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM sys.tables").await, 0);
    run(&mut client, "DROP TABLE #t; DROP TABLE IF EXISTS #t").await;
    assert!(try_run(&mut client, "SELECT * FROM #t").await.is_err());
}

#[tokio::test]
async fn updates_assign_variables_and_join_targets_that_from_does_not_name() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    assert_eq!(
        lines(
            &mut client,
            "DECLARE @old int, @new int; UPDATE Stock SET @old = Amount, @new = Amount += 5 WHERE Id = 1; SELECT @old, @new"
        )
        .await,
        ["10|15"]
    );
    run(&mut client, "UPDATE Stock SET Amount = d.n FROM (SELECT 99 AS n) AS d").await;
    assert_eq!(number(&mut client, "SELECT SUM(Amount) FROM Stock").await, 297);
    assert_eq!(error(&mut client, "UPDATE Stock SET Amount = 1, Amount = 2").await.0, 264);
}

#[tokio::test]
async fn rows_of_one_values_meet_in_a_common_type() {
    let server = start().await;
    let mut client = connect(&server).await;
    stock(&mut client).await;
    assert_eq!(error(&mut client, "INSERT INTO Stock VALUES (5, N'x', 1), (6, 7, 1)").await.0, 245);
    assert_eq!(
        error(&mut client, "INSERT INTO Stock VALUES (5, N'x', 1), (6, N'y')").await.0,
        10709
    );
    run(&mut client, "INSERT INTO Stock VALUES (5, N'1', 1), (6, 7, NULL)").await;
    assert_eq!(
        lines(&mut client, "SELECT Name FROM Stock WHERE Id > 4 ORDER BY Id").await,
        ["1", "7"]
    );
    let many = |rows: usize| {
        let rows: Vec<String> =
            (0..rows).map(|at| format!("({}, N'n{at}', 0)", at + 100)).collect();
        format!("INSERT INTO Stock VALUES {}", rows.join(", "))
    };
    assert_eq!(error(&mut client, &many(1001)).await.0, 10738);
    run(&mut client, &many(1000)).await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM Stock").await, 1005);
}

#[tokio::test]
async fn hints_that_hold_locks_keep_other_writers_out_until_the_end() {
    let server = start().await;
    let (mut client, mut other) = (connect(&server).await, connect(&server).await);
    stock(&mut client).await;
    run(&mut other, "SET LOCK_TIMEOUT 0").await;
    for hints in ["UPDLOCK, HOLDLOCK", "XLOCK", "SERIALIZABLE", "TABLOCKX"] {
        let read = format!("BEGIN TRANSACTION; SELECT * FROM Stock WITH ({hints}) WHERE Id = 1");
        run(&mut client, &read).await;
        assert_eq!(error(&mut other, "UPDATE Stock SET Amount = 0").await.0, 1222, "{hints}");
        run(&mut client, "COMMIT").await;
        run(&mut other, "UPDATE Stock SET Amount = 1").await;
    }
    run(&mut client, "BEGIN TRANSACTION; SELECT * FROM Stock WITH (NOLOCK)").await;
    run(&mut other, "UPDATE Stock SET Amount = 2").await;
    run(&mut client, "COMMIT").await;
}
