//! Statements with words taken out, doubled, exchanged: each is answered, none takes its session down.

use crate::support;
use crate::support::random::Random;
use crate::support::{connect, number, options, schema_directory, start_with};
use sqlgraph_emulator::Options;

const STATEMENTS: &[&str] = &[
    "SELECT e.EdgeId, CAST(e.Metadata AS varbinary(max)) AS m FROM graph.AtomGraphEdges AS e LEFT JOIN (SELECT i.EdgeId AS k, \
     s.NodeId AS f FROM graph.AtomGraphNodes AS s, graph.AtomGraphEdges AS i, graph.AtomGraphNodes AS t WHERE MATCH(s-(i)->t) \
     AND i.EdgeId > 1) AS x ON x.k = e.EdgeId WHERE e.EdgeId <= 9000 ORDER BY e.EdgeId",
    "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT TOP (3) SUM(i) AS s, COUNT(*) FROM n GROUP BY i % 2 \
     HAVING COUNT(*) > 1 ORDER BY s DESC",
    "INSERT INTO dbo.Atoms (Modality, ContentHash, CreatedAt) SELECT v.m, HASHBYTES('SHA2_256', v.m), '2024-01-01' FROM (VALUES \
     (N'a'), (N'b')) AS v (m) WHERE NOT EXISTS (SELECT 1 FROM dbo.Atoms AS a WHERE a.Modality = v.m)",
    "UPDATE n SET NodeType = UPPER(n.NodeType) + N'x' FROM graph.AtomGraphNodes AS n JOIN dbo.Atoms AS a ON a.AtomId = n.AtomId \
     WHERE a.IsDeleted = 0 AND n.NodeId BETWEEN 100 AND 110",
    "DECLARE @a int = 3, @b nvarchar(20) = N'[1,2]'; IF @a > 2 BEGIN SELECT k.id FROM OPENJSON(@b) WITH (id bigint '$') AS k END \
     ELSE PRINT 'no'",
    "SELECT CASE WHEN t.is_node = 1 THEN DATEADD(day, 1, t.create_date) ELSE NULL END, CONVERT(varchar(30), t.create_date, 126), \
     ISNULL(t.name, '-') + QUOTENAME(t.name) FROM sys.tables AS t WHERE t.name LIKE N'%Graph%' ESCAPE '!' ORDER BY 1",
    "SELECT ct.SYS_CHANGE_VERSION, ct.NodeId FROM CHANGETABLE(CHANGES graph.AtomGraphNodes, 0) AS ct WHERE ct.SYS_CHANGE_OPERATION \
     IN ('I', 'U') ORDER BY ct.NodeId OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
    "DECLARE @t TABLE (a nvarchar(9), b bigint PRIMARY KEY); MERGE INTO dbo.Atoms AS t USING (SELECT TOP (2) AtomId AS i, Modality AS m \
     FROM dbo.Atoms ORDER BY AtomId) AS s ON t.AtomId = s.i WHEN MATCHED AND s.m = N'x' THEN DELETE WHEN MATCHED THEN UPDATE SET \
     Modality = s.m WHEN NOT MATCHED THEN INSERT (Modality) VALUES (s.m) OUTPUT $action, deleted.AtomId INTO @t (a, b);",
    "WITH c AS (SELECT NodeType, ROW_NUMBER() OVER (PARTITION BY NodeType ORDER BY NodeId ROWS UNBOUNDED PRECEDING) AS r FROM \
     graph.AtomGraphNodes) UPDATE c SET NodeType += N'z' OUTPUT inserted.NodeId, deleted.NodeType WHERE r = 1 AND r <> ALL (SELECT 7)",
    "BEGIN TRY SELECT a.AtomId, x.value FROM dbo.Atoms AS a CROSS APPLY STRING_SPLIT(a.Modality, N'e') AS x OUTER APPLY (SELECT 1 AS n \
     WHERE a.AtomId > 2) AS y END TRY BEGIN CATCH IF XACT_STATE() = 1 ROLLBACK; THROW; END CATCH; CREATE TABLE #m (a int); DROP TABLE \
     #m",
    "SELECT CAST(1.5 AS decimal(10, 2)) * 3 / 7 - 2e0, 7 % 2, -5 & 3, SUBSTRING('abc', 2, 1), CAST('0x' AS varbinary(8)), NEWID()",
];

fn words(statement: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    for letter in statement.chars() {
        let joins = letter.is_alphanumeric() || matches!(letter, '_' | '@' | '\'');
        let last = words.last_mut().unwrap();
        if joins && last.chars().all(|own| own.is_alphanumeric() || matches!(own, '_' | '@' | '\''))
        {
            last.push(letter);
        } else {
            words.push(letter.to_string());
        }
    }
    words
}

fn mutated(random: &mut Random) -> String {
    let mut words = words(STATEMENTS[random.below(STATEMENTS.len())]);
    let other = self::words(STATEMENTS[random.below(STATEMENTS.len())]);
    for _ in 0..=random.below(3) {
        let at = random.below(words.len());
        match random.below(4) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 => words[at].clone_from(&other[random.below(other.len())]),
            _ => {
                let with = random.below(words.len());
                words.swap(at, with);
            }
        }
    }
    words.concat()
}

#[tokio::test]
async fn mutated_statements_are_answered_and_the_session_lives() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let count =
        std::env::var("MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(1500);
    let mut random = Random(seed);
    let server = start_with(Options { init: vec![schema_directory()], ..options() }).await;
    let mut client = connect(&server).await;
    for at in 0..count {
        let statement = mutated(&mut random);
        let answer = support::try_run(&mut client, &statement).await;
        if let Err(error) = answer {
            let code = error.code();
            assert!(code.is_some(), "seed {seed}, step {at}: {error}\n{statement}");
            assert_ne!(code, Some(50099), "seed {seed}, step {at}: {error}\n{statement}");
        }
    }
    assert_eq!(number(&mut client, "1").await, 1);
}
