//! A Debian package index as provenance.

use std::path::{Path, PathBuf};
use std::process::Command;

use provsync::config::Config;
use sqlgraph_emulator::Data;

use super::graph::TestGraph;
use super::source::{self, TestSource, file};

/// Stands for all packages.
pub const ALL: &str = "all";

/// The rows of so many packages as T-SQL, or `None` on a machine without package lists.
/// `PROVSYNC_TEST_DEBIAN` overrides the number.
pub fn sql(folder: &Path, packages: &str) -> Option<PathBuf> {
    let packages = std::env::var("PROVSYNC_TEST_DEBIAN").unwrap_or_else(|_| packages.to_owned());
    let sql = folder.join("debian.sql");
    let mut command = Command::new("python3");
    command.arg(file("bench/debian.py")).arg("--sql").arg(&sql);
    if packages != ALL {
        command.args(["--limit", &packages]);
    }
    let lists = std::fs::read_dir("/var/lib/apt/lists").into_iter().flatten().flatten();
    let has_lists = lists.map(|l| l.file_name()).any(|n| n.to_string_lossy().contains("_Packages"));
    if !has_lists {
        return None;
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Some(sql)
}

/// The shipped schema with these rows.
pub async fn source(sql: PathBuf) -> TestSource {
    source::start(
        vec![
            file("sql/graph/010_schemas.sql"),
            file("sql/graph/020_tables.sql"),
            file("sql/graph/030_indexes.sql"),
            file("sql/graph/040_change_tracking.sql"),
            sql,
        ],
        Data::Memory,
    )
    .await
}

/// The shipped limits, not those of the small tests.
pub fn config(source: &TestSource, graph: &TestGraph) -> Config {
    let mut config = super::run::config(&source.config(), graph);
    config.full.page_rows = 30_000;
    config.full.batch_rows = 10_000;
    config.full.batch_bytes_max = 16 << 20;
    config.full.lanes = 4;
    config
}
