//! The statements that provsync sends, as its golden files hold them, run on the sample.

use std::path::PathBuf;

use crate::support::{connect, options, rows, schema_directory, start_with};
use sqlgraph_emulator::Options;

#[tokio::test]
async fn every_golden_statement_runs_on_the_sample() {
    let server = start_with(Options { init: vec![schema_directory()], ..options() }).await;
    let mut client = connect(&server).await;
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/sql");
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let statement = std::fs::read_to_string(&file).unwrap();
        let found = rows(&mut client, &format!("{};\n{statement}", declare(&statement))).await;
        let counts_nothing = file.to_string_lossy().contains("duplicates");
        assert!(!found.is_empty() || counts_nothing, "{} gives no rows", file.display());
    }
}

/// Parameters as provsync binds them: a lease's name, lists of keys, and numbers.
fn declare(statement: &str) -> String {
    let list = "nvarchar(max) = N'[1, 5, 11, 15, 23, 25, 28, 101, 1001, 2001]'";
    let takes = |what: &str| statement.contains(what);
    let (first, second) = if takes("OPENJSON(@P1)") {
        (list, "bigint = 0")
    } else if takes("OPENJSON(@P2)") {
        ("bigint = 0", list)
    } else if takes("CHANGETABLE") {
        ("bigint = 0", "bigint = 0")
    } else if takes("applock") || takes("APPLOCK") {
        ("nvarchar(255) = N'provsync:test'", "bigint = 0")
    } else {
        ("bigint = 1", "bigint = 5000")
    };
    format!("DECLARE @P1 {first}, @P2 {second}, @P3 bigint = 0, @P4 bigint = 5000")
}
