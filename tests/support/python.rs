//! Python programs of the tests.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::source::file;

/// Python with the packages of `tests/requirements.txt`; `scripts/test` installs them.
pub fn python() -> String {
    let python = std::env::var("PROVSYNC_TEST_PYTHON")
        .unwrap_or_else(|_| file(".provsync/test/venv/bin/python").display().to_string());
    assert!(
        std::path::Path::new(&python).exists(),
        "no Python with the tests' packages at {python}: scripts/test installs it, or `python3 -m venv .provsync/test/venv && .provsync/test/venv/bin/pip install -r tests/requirements.txt`"
    );
    python
}

/// What a program of this repository answers to JSON on its standard input.
pub fn answer(program: &str, question: &Value) -> Value {
    let mut child = Command::new(python())
        .arg(file(program))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
