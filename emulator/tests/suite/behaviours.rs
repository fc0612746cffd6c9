//! `docs/emulator.md` against the sources: every rule names where it is from and a test that exists.

use std::path::{Path, PathBuf};

/// Where a rule can be from; what follows the word says where exactly.
const SOURCES: [&str; 3] = ["documented", "observed", "assumption"];

fn emulator() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of all tables of rules: number of the line, and its cells.
fn rules(document: &str) -> Vec<(usize, Vec<&str>)> {
    let mut rules = Vec::new();
    let mut inside = false;
    for (at, line) in document.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["", "rule", "source", "test", ""] => inside = true,
            ["", cells @ .., ""] if inside => {
                if !cells.iter().all(|cell| cell.trim_matches('-').is_empty()) {
                    rules.push((at + 1, cells.to_vec()));
                }
            }
            _ => inside = false,
        }
    }
    rules
}

/// What is wrong with a row, if anything.
fn fault(cells: &[&str]) -> Option<String> {
    let [rule, source, tests] = cells else {
        return Some(format!("{} cells instead of 3", cells.len()));
    };
    if rule.is_empty() {
        return Some("no rule".to_owned());
    }
    let word = source.split([',', ' ']).next().unwrap_or_default();
    if !SOURCES.contains(&word) {
        return Some(format!("source '{source}' begins with none of {SOURCES:?}"));
    }
    let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
    if tests.is_empty() {
        return Some("no test".to_owned());
    }
    tests.into_iter().find(|test| !exists(test)).map(|test| format!("no test {test}"))
}

/// Whether `file::name` is a test of `tests/suite/file.rs`, `tests/file.rs` or `src/file.rs` that is not left out.
fn exists(test: &str) -> bool {
    let Some((file, name)) = test.rsplit_once("::") else { return false };
    let sources = ["tests/suite", "tests", "src"]
        .map(|folder| emulator().join(folder).join(format!("{file}.rs")));
    sources.iter().any(|source| defines(source, name))
}

fn defines(source: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(source).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let opens = [format!("async fn {name}("), format!("fn {name}(")];
    lines.iter().enumerate().any(|(at, line)| {
        let attributes = || lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        opens.iter().any(|open| line.starts_with(open.as_str()))
            && attributes().any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
            && !attributes().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_rule_names_its_source_and_a_test_that_exists() {
    let document = std::fs::read_to_string(emulator().join("../docs/emulator.md")).unwrap();
    let rules = rules(&document);
    assert!(rules.len() > 60, "only {} rules found", rules.len());
    let wrong: Vec<String> = rules
        .iter()
        .filter_map(|(line, cells)| Some(format!("docs/emulator.md:{line}: {}", fault(cells)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_rule_without_source_or_test_is_found() {
    let table = "| rule | source | test |\n|---|---|---|\n";
    let own = "`behaviours::a_rule_without_source_or_test_is_found`";
    for (row, finding) in [
        (format!("| a | documented | {own} |"), None),
        (
            format!(
                "| a | observed, probed.md 3 | `values/wtf8::length_counts_utf16_units`, {own} |"
            ),
            None,
        ),
        (format!("| a | guessed | {own} |"), Some("source 'guessed' begins")),
        (format!("|  | documented | {own} |"), Some("no rule")),
        (format!("| a | {own} |"), Some("2 cells")),
        ("| a | documented |  |".to_owned(), Some("no test")),
        ("| a | documented | `behaviours::gone` |".to_owned(), Some("no test behaviours::gone")),
        (
            "| a | documented | `behaviours::exists` |".to_owned(),
            Some("no test behaviours::exists"),
        ),
    ] {
        let document = format!("{table}{row}\n\n| x | not a rule |");
        let rules = rules(&document);
        assert_eq!(rules.len(), 1, "{row}");
        let found = fault(&rules[0].1);
        assert_eq!(found.is_some(), finding.is_some(), "{row}: {found:?}");
        assert!(found.unwrap_or_default().contains(finding.unwrap_or_default()), "{row}");
    }
}
