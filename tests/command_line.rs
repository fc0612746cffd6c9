//! The binary from outside: what it prints where, and how it ends. No test here needs a database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::path::Path;
use std::process::Output;

use support::program::bare;

const MINIMAL: &str = "
[source]
host = '127.0.0.1'
port = 1
database = 'Provenance'
user = 'reader'
password = 'p'
[graph]
uri = 'bolt://127.0.0.1:1'
password = 'p'
";

/// Runs the binary in `dir` without any variable of ours.
fn provsync(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    bare(arguments).envs(variables.iter().copied()).current_dir(dir).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn configured() -> tempfile::TempDir {
    let dir = empty();
    std::fs::write(dir.path().join("provsync.toml"), MINIMAL).unwrap();
    dir
}

#[test]
fn help_tells_the_exit_codes() {
    let output = provsync(empty().path(), &["--help"], &[]);
    assert_eq!(output.status.code(), Some(0));
    for part in ["Exit codes:", "doctor", "full", "PROVSYNC_SOURCE__PASSWORD"] {
        assert!(stdout(&output).contains(part), "{part}");
    }
}

#[test]
fn wrong_usage_ends_with_two() {
    let dir = empty();
    for arguments in [&["frobnicate"][..], &["full", "--allow-deletes", "many"], &[]] {
        let output = provsync(dir.path(), arguments, &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn all_faults_of_the_configuration_are_told_at_once() {
    let dir = empty();
    std::fs::write(dir.path().join("provsync.toml"), "[full]\nlanes = 99\nlane = 1\n").unwrap();
    let variables = [("PROVSYNC_SOURCE__HSOT", "x"), ("PROVSYNC_GRAPH__URI", "bolt://u:hunter2@h")];
    let output = provsync(dir.path(), &["full", "--source-port", "0"], &variables);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    for part in [
        "provsync.toml:2: is an integer from 1 to 16",
        "provsync.toml:3: there is no setting `full.lane`",
        "PROVSYNC_SOURCE__HSOT: there is no setting",
        "PROVSYNC_GRAPH__URI: holds a user or password",
        "--source-port: is an integer from 1 to 65535",
        "source.password: is missing",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn all_faults_of_a_mapping_are_told_at_once() {
    let dir = empty();
    std::fs::write(dir.path().join("m.toml"), "colour = 1\n[[nodes]]\ntable = \"t\"\n").unwrap();
    let output = provsync(dir.path(), &["explain", "--mapping", "m.toml"], &[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    for part in ["m.toml:1: ", "m.toml:2: ", "m.toml:3: "] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn explain_and_schema_print_need_no_configuration() {
    let output = provsync(empty().path(), &["explain"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("MATCH(a-(e)->b)"));
    let output = provsync(empty().path(), &["schema", "print"], &[]);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("cypher/CoreSchema.cypher");
    assert_eq!(stdout(&output), std::fs::read_to_string(kept).unwrap());
}

#[test]
fn a_reader_that_stops_reading_is_no_fault() {
    let mut child = bare(&["explain"])
        .current_dir(empty().path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn purge_asks_for_a_yes() {
    let output = provsync(configured().path(), &["purge"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
}

#[test]
fn doctor_tells_of_both_sides_that_are_away() {
    let output = provsync(configured().path(), &["doctor", "--output", "json"], &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for side in ["source", "graph"] {
        let error = report[side]["error"].as_str().unwrap();
        assert!(error.contains("127.0.0.1:1") && error.contains("hint: "), "{error}");
    }
}

#[test]
fn a_log_is_on_stderr_and_results_on_stdout() {
    let variables = [("PROVSYNC_LOG__LEVEL", "trace"), ("PROVSYNC_LOG__FORMAT", "json")];
    let output = provsync(configured().path(), &["doctor", "--output", "json"], &variables);
    assert!(serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok());
}
