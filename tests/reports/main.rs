//! Reports in each of their forms: read back by that form's own parser, held against its schema, and
//! the page looked at in a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod browser;
mod example;
mod real;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Process;

use example::{EDGES, NASTY, NODES, STREAMS};
use provsync::compare::difference::{Command, Counts, Kind, Report, State, Verdict};
use provsync::compare::report::{Format, write};
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use serde_json::Value as Json;
use support::run::full;
use support::source;

fn written(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    write(report, format, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.ends_with('\n') && !text.ends_with("\n\n"),
        "{format:?}: one line's end at the end"
    );
    text
}

/// Every report that the tests make.
fn all() -> Vec<(&'static str, Report)> {
    let mut equal = example::empty(Command::Verify);
    equal.close();
    vec![
        ("equal", equal),
        ("drawn", example::drawn()),
        ("nasty", example::nasty()),
        ("unknown", example::unknown()),
        ("repaired", example::repaired()),
    ]
}

/// How many differences a report has that are wrong, in doubt, and no longer or not to be mended.
fn expected(report: &Report) -> [u64; 3] {
    let Counts { real, unsettled, explained } = report.counts;
    match report.verdict {
        Verdict::Repaired => [0, unsettled, real + explained],
        _ => [real, unsettled, explained],
    }
}

/// Holds texts against a schema, as `scripts/check-schemas` names it.
fn assert_follows_schema(kind: &str, texts: &[(&str, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut check = Process::new(source::file("scripts/check-schemas"));
    check.arg(kind);
    for (name, text) in texts {
        let file = folder.path().join(format!("{name}.json"));
        std::fs::write(&file, text).unwrap();
        check.arg(file);
    }
    let done = check.output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{kind}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn json_follows_its_schema_and_reads_back() {
    let texts: Vec<_> =
        all().iter().map(|(name, report)| (*name, written(report, Format::Json))).collect();
    for ((_, report), (_, text)) in all().iter_mut().zip(&texts) {
        let read: Report = serde_json::from_str(text).unwrap();
        // Each call makes them anew, at another moment.
        report.started_at.clone_from(&read.started_at);
        report.ended_at.clone_from(&read.ended_at);
        assert_eq!(read, *report);
    }
    assert_follows_schema("report", &texts);
}

#[test]
#[should_panic(expected = "report: ")]
fn the_schema_refuses_a_field_that_it_does_not_name() {
    let mut json: Json = serde_json::from_str(&written(&all()[1].1, Format::Json)).unwrap();
    json["differences"][0]["whatever"] = 1.into();
    assert_follows_schema("report", &[("changed", json.to_string())]);
}

#[test]
fn sarif_follows_its_schema_and_tells_the_states_apart() {
    let texts: Vec<_> =
        all().iter().map(|(name, report)| (*name, written(report, Format::Sarif))).collect();
    assert_follows_schema("sarif", &texts);
    for ((name, report), (_, text)) in all().iter().zip(&texts) {
        let log: Json = serde_json::from_str(text).unwrap();
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        let level = |level: &str| results.iter().filter(|r| r["level"] == level).count() as u64;
        let found = [level("error"), level("warning"), level("note")];
        assert_eq!(found, expected(report), "{name}");
        assert_eq!(run["invocations"][0]["executionSuccessful"], *name != "unknown", "{name}");
        let rules: Vec<_> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().collect();
        for result in results {
            assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{name}: {result}");
        }
    }
}

#[test]
fn an_alert_stays_the_same_while_its_value_changes_and_no_two_are_the_same() {
    let prints = |report: &Report| {
        let log: Json = serde_json::from_str(&written(report, Format::Sarif)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        let print = |r: &Json| r["partialFingerprints"]["provsync/v1"].as_str().unwrap().to_owned();
        results.iter().map(print).collect::<Vec<_>>()
    };
    let (before, mut report) = (prints(&example::drawn()), example::drawn());
    for difference in &mut report.differences {
        if let Kind::Property { graph_value, .. } = &mut difference.kind {
            *graph_value = Some(example::shown(7));
        }
    }
    assert_eq!(prints(&report), before);
    let mut distinct = before.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), before.len());
}

/// What stands in a JUnit file: its suites with their tests, each with its outcome.
fn junit(text: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut suites: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut suite = String::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|e| panic!("{e}\n{text}"));
        let (Event::Start(element) | Event::Empty(element)) = &event else {
            if let Event::Eof = event {
                return suites;
            }
            continue;
        };
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).unwrap();
            found
                .map(|value| value.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned())
                .unwrap_or_default()
        };
        match element.name().as_ref() {
            b"testsuite" => suite = attribute("name"),
            b"testcase" => {
                suites.entry(suite.clone()).or_default().push((attribute("name"), "passed".into()));
            }
            b"failure" | b"error" | b"skipped" => {
                let outcome = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                let tests = suites.get_mut(&suite).unwrap();
                tests.last_mut().unwrap().1 = format!("{outcome} {}", attribute("message"));
            }
            _ => {}
        }
    }
}

#[test]
fn junit_fails_for_what_is_wrong_and_for_nothing_else() {
    for (name, report) in all() {
        let suites = junit(&written(&report, Format::Junit));
        let of_tables = suites.iter().filter(|(suite, _)| *suite != "all");
        let tests: Vec<_> = of_tables.flat_map(|(_, tests)| tests).collect();
        let count =
            |outcome: &str| tests.iter().filter(|t| t.1.starts_with(outcome)).count() as u64;
        let found = [count("failure"), count("error"), count("skipped")];
        let [failures, errors, skipped] = expected(&report);
        let skipped = if name == "repaired" { 0 } else { skipped };
        assert_eq!(found, [failures, errors, skipped], "{name}");
        let whole = &suites["all"][0].1;
        let expected = match name {
            "equal" | "repaired" => "passed",
            "unknown" => "error",
            _ => "failure",
        };
        assert!(whole.starts_with(expected), "{name}: {whole}");
    }
}

#[test]
fn junit_holds_nasty_texts_as_xml_can() {
    let text = written(&example::nasty(), Format::Junit);
    let is_xml = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_xml));
    let suites = junit(&text);
    for nasty in ["s.]]>true", "s.<script>alert(1)</script>true", "s.\"'&amp;&true"] {
        assert!(suites.contains_key(nasty), "{nasty}: {:?}", suites.keys());
    }
}

#[test]
fn text_can_not_act_on_a_terminal() {
    let text = written(&example::nasty(), Format::Text);
    let is_bidirectional = |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let acts = |c: &char| (c.is_control() && *c != '\n') || is_bidirectional(c);
    assert_eq!(text.chars().find(acts), None);
    assert!(text.contains("\\u{1b}[2J"), "it says what was there: {text}");
}

#[test]
fn text_is_read_from_the_top_down() {
    let text = written(&example::drawn(), Format::Text);
    let parts = [
        "Different: 6 differences.",
        "The stores part at hop 1: 4 differences there.",
        "In the source only (2)",
        "hop 1: graph.AtomGraphNodes 125: the graph lacks it",
        "source (:Atom 25)",
        "hop 1: graph.AtomGraphEdges 1047: the graph lacks it",
        "source (128)-[:DERIVED_FROM]->(125)",
        "In the graph only (2)",
        "hop 1: graph.AtomGraphEdges 5000: no row stands for it",
        "In both, and different (2)",
        "hop 2: graph.AtomGraphEdges 1043: its weight is 0.5 in the source and 0.25 in the graph",
        "hop 2: graph.AtomGraphNodes 123: its metadata is nothing in the source and \"{}\" in the graph",
        "To look at them",
        "DECLARE @P1 nvarchar(max) = N'[1047, 5000, 1043]';",
        ":param {keys: [1047, 5000, 1043]};",
        "Compared",
        "graph.AtomGraphNodes: 55 rows, 55 in the graph, 0 in quarantine",
        "from 1 root, down, 2 hops, DERIVED_FROM, without streams",
        "hop 1: source 3 relationships, 3 nodes; graph 2 relationships, 2 nodes",
        "hop 2: 1 relationship, 1 node",
        "graph's version 41",
    ];
    let mut rest = text.as_str();
    for part in parts {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part} is not where it should be:\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn what_is_not_shown_is_said() {
    let mut report = example::empty(Command::Verify);
    for key in 0..1_060 {
        let found = example::difference(NODES, key, Kind::MissingInGraph, State::Real);
        report.add(found, 1_050);
    }
    report.close();
    let text = written(&report, Format::Text);
    assert!(text.contains("In the source only (1050)") && text.contains("and 1000 more"), "{text}");
    assert!(text.contains("10 more differences are counted and not kept"), "{text}");
    let page = written(&report, Format::Html);
    assert_eq!(page.matches("<tr id=\"d").count(), 1_000);
    assert!(page.contains("And 50 more;") && page.contains("10 more differences"), "{page}");
    assert!(written(&report, Format::Sarif).contains("10 more differences"));
}

#[test]
fn a_page_holds_nasty_texts_as_text() {
    let page = written(&example::nasty(), Format::Html);
    assert!(!page.contains("<script") && !page.contains("</td></svg>"), "{page}");
    assert!(page.contains("{{ 7 * 7 }}"), "a text is not a template");
    assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "{page}");
}

#[test]
fn equal_stores_are_said_to_be_equal_in_every_form() {
    let mut report = example::empty(Command::Compare);
    report.close();
    let text = written(&report, Format::Text);
    assert!(text.starts_with("Equal: ") && !text.contains("To look at them"), "{text}");
    let page = written(&report, Format::Html);
    assert!(page.contains("class=\"answer equal\"") && !page.contains("<svg"), "{page}");
}

/// The statements that a report gives to paste, run on both stores.
#[tokio::test]
async fn statements_to_paste_show_the_rows_that_they_name() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    graph.run("CREATE (:Atom:AtomPlaceholder {atomId: 4711})").await;
    let lookups = example::empty(Command::Verify).lookups;
    for (table, keys) in [(NODES, [101, 128]), (EDGES, [1001, 1104]), (STREAMS, [2001, 2022])] {
        let lookup = &lookups[table];
        let rows = source.query(&lookup.sql_of(&keys)).await;
        let found: Vec<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        assert_eq!(found, keys, "{table}");
        // The Browser takes the first line as a command of its own.
        let pasted = lookup.cypher_of(&keys);
        let (parameters, cypher) = pasted.split_once(";\n").unwrap();
        assert_eq!(parameters, format!(":param {{keys: [{}, {}]}}", keys[0], keys[1]));
        let list: Vec<neo4rs::BoltType> = keys.iter().map(|key| (*key).into()).collect();
        let cypher = cypher.strip_suffix(';').unwrap();
        let statement = neo4rs::query(cypher).param("keys", list);
        let mut rows = graph.driver.execute(statement).await.unwrap();
        let mut count = 0;
        while rows.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, keys.len(), "{cypher}");
    }
    let orphans = lookups[NODES].placeholders.as_deref().unwrap();
    let count = orphans.replace("RETURN p", "RETURN p.atomId AS row");
    assert_eq!(graph.column(&count).await, ["4711"]);
}

#[test]
fn every_nasty_text_is_in_the_example() {
    let report = example::nasty();
    assert_eq!(report.notes, NASTY);
    assert!(report.counts.real > 0 && report.counts.unsettled > 0 && report.counts.explained > 0);
    assert!(Path::new(&source::file("docs/schema/report.schema.json")).exists());
}

/// Keeps the pages and what they look like where a person can see them.
#[test]
#[ignore = "for people: writes target/reports"]
fn pages_to_look_at() {
    let folder = source::file("target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, report) in all() {
        let formats = [(Format::Html, "html"), (Format::Text, "txt"), (Format::Junit, "xml")];
        for (format, ending) in formats {
            std::fs::write(folder.join(format!("{name}.{ending}")), written(&report, format))
                .unwrap();
        }
    }
}
