//! The statements that provsync sends, as its golden files hold them, run on the sample.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use sqlgraph_emulator::Options;
use support::{connect, options, rows, schema_directory, start_with};

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
        let (first, second) = if statement.contains("OPENJSON(@P1)") {
            ("nvarchar(max) = N'[101, 1001, 2001]'", "nvarchar(max) = NULL")
        } else {
            ("bigint = 1", "bigint = 5000")
        };
        let found =
            rows(&mut client, &format!("DECLARE @P1 {first}, @P2 {second};\n{statement}")).await;
        let counts_nothing = file.to_string_lossy().contains("duplicates");
        assert!(!found.is_empty() || counts_nothing, "{} gives no rows", file.display());
    }
}
