//! `NetworkX`, asked about graphs: what lineage and the analysts' queries are held against.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

use super::python::python;
use super::source::file;

/// One process for all questions: to import `NetworkX` takes longer than to answer. It ends with the
/// test's process, which closes its input.
static PROCESS: LazyLock<Mutex<(Child, BufReader<ChildStdout>)>> = LazyLock::new(|| {
    let mut child = Command::new(python())
        .arg(file("tests/queries/truth.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap());
    Mutex::new((child, answers))
});

/// The answer to a question of `tests/queries/truth.py`.
pub fn ask(question: &Value) -> Value {
    let mut process = PROCESS.lock().unwrap();
    writeln!(process.0.stdin.as_mut().unwrap(), "{question}").unwrap();
    let mut answer = String::new();
    process.1.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}
