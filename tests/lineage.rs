//! `provsync lineage`, from either store, against `NetworkX` over the raw rows; and its forms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};
use support::program::provsync;
use support::python;
use support::raw::{self, Raw};
use support::run::full;
use support::scenario::Scenario;
use support::source::{self, TestSource};
use support::{Random, seed};

/// Hops of nodes and of relationships.
type Hops = (BTreeMap<String, u64>, BTreeMap<String, u64>);

fn networkx(raw: &Raw, questions: &[Value]) -> Vec<Hops> {
    let joined = raw.joined.iter().map(|((kind, key), joined)| {
        let joined = joined.first().unwrap();
        json!([format!("{kind}{key}"), joined.from, joined.to])
    });
    let nodes: Vec<&String> = raw.nodes.keys().collect();
    let joined: Vec<Value> = joined.collect();
    let rows = json!({ "nodes": nodes, "joined": joined, "questions": questions });
    let answers = python::answer("tests/lineage/truth.py", &rows);
    let hops = |answer: &Value, of: &str| {
        let map = answer[of].as_object().unwrap();
        map.iter().map(|(name, hop)| (name.clone(), hop.as_u64().unwrap())).collect()
    };
    let answers = answers.as_array().unwrap().iter();
    answers.map(|answer| (hops(answer, "nodes"), hops(answer, "joined"))).collect()
}

fn lineage(arguments: &[&str], source: &TestSource) -> Output {
    provsync(&["lineage"], source).args(arguments).output().unwrap()
}

fn text(arguments: &[&str], source: &TestSource) -> String {
    let output = lineage(arguments, source);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The same as `NetworkX`'s answer, from the JSON form.
fn hops_of(json: &Value) -> Hops {
    let nodes = json["nodes"].as_array().unwrap().iter().map(|node| {
        let handle = match node["key"].as_i64() {
            Some(key) => format!("r{key}"),
            None => format!("a{}", node["identity"]),
        };
        (handle, node["hop"].as_u64().unwrap())
    });
    let joined = json["relationships"].as_array().unwrap().iter().map(|r| {
        let kind = if r["table"] == "graph.AtomGraphEdges" { 'e' } else { 's' };
        (format!("{kind}{}", r["key"]), r["hop"].as_u64().unwrap())
    });
    (nodes.collect(), joined.collect())
}

/// An atom's handles: its rows of any type, and what streams know it as.
fn roots_of(raw: &Raw, atom: i64) -> Vec<String> {
    let of_row = |lines: &std::collections::BTreeSet<String>| {
        lines.iter().any(|line| line.split(' ').nth(1) == Some(&atom.to_string()))
    };
    let mut roots: Vec<String> =
        raw.nodes.iter().filter(|(_, lines)| of_row(lines)).map(|(h, _)| h.clone()).collect();
    let bare = format!("a{atom}");
    let ends = raw.joined.values().flatten().flat_map(|j| [&j.from, &j.to]);
    if ends.flatten().any(|end| *end == bare) {
        roots.push(bare);
    }
    roots
}

async fn agrees_with_networkx(source: &TestSource, atoms: &[i64]) {
    let raw = raw::of_source(source).await;
    let cases: Vec<(i64, &str)> =
        atoms.iter().flat_map(|atom| ["down", "up", "both"].map(|way| (*atom, way))).collect();
    let questions: Vec<Value> = cases
        .iter()
        .map(|(atom, way)| json!({ "roots": roots_of(&raw, *atom), "direction": way }))
        .collect();
    let mut reached = 0;
    for ((atom, way), expected) in cases.iter().zip(networkx(&raw, &questions)) {
        for from in ["source", "graph"] {
            let atom = atom.to_string();
            let arguments = [&atom, "--from", from, "--direction", way, "--output", "json"];
            let json = serde_json::from_str(&text(&arguments, source)).unwrap();
            assert_eq!(hops_of(&json), expected, "{arguments:?}");
        }
        reached += expected.0.len();
    }
    println!("{} lineages, {reached} nodes, as NetworkX has them", cases.len() * 2);
    assert!(reached > cases.len() * 2, "lineages of nothing show nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_lineage_is_what_networkx_says() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    agrees_with_networkx(&source, &[1, 11, 23, 25, 28]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_lineage_is_what_networkx_says() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    let mut random = Random::new(seed());
    let scenario = Scenario::random(&mut random, 60);
    source.execute(&scenario.sql()).await;
    full(&source, &graph).await.unwrap();
    let mut atoms: Vec<i64> = scenario.nodes.iter().step_by(12).map(|node| node.atom).collect();
    let rows: Vec<i64> =
        scenario.nodes.iter().filter(|n| n.kind == "atom").map(|n| n.atom).collect();
    let bare = scenario.streams.iter().map(|s| s.from).find(|atom| !rows.contains(atom));
    atoms.extend(bare);
    agrees_with_networkx(&source, &atoms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_shows_each_node_once_and_marks_cycles_and_what_stands_elsewhere() {
    let graph = support::graph::empty().await;
    let source = source::loose().await;
    source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (1, 11, N'atom'), (2, 12, N'atom'), (3, 13, N'model');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF",
        )
        .await;
    let edges = [(1, 1, 2), (2, 2, 1), (3, 1, 3), (4, 2, 3), (5, 3, 3)];
    let edges: Vec<support::scenario::Edge> = edges
        .map(|(key, from, to)| support::scenario::Edge { key, from, to, kind: "DerivedFrom" })
        .to_vec();
    source.execute(&support::scenario::edges_sql(&edges)).await;
    full(&source, &graph).await.unwrap();
    let expected = "\
:Atom 11 (graph.AtomGraphNodes 1)
├─DERIVED_FROM→ :Atom 12 (graph.AtomGraphNodes 2)
│  ├─DERIVED_FROM→ :Atom 11 (graph.AtomGraphNodes 1)  (cycle)
│  └─DERIVED_FROM→ :Model 13 (graph.AtomGraphNodes 3)  (shown elsewhere)
└─DERIVED_FROM→ :Model 13 (graph.AtomGraphNodes 3)
   └─DERIVED_FROM→ :Model 13 (graph.AtomGraphNodes 3)  (cycle)
";
    for from in ["source", "graph"] {
        let shown = text(&["11", "--from", from, "--direction", "down"], &source);
        assert_eq!(shown, expected, "{from}\n{shown}");
    }
    let dot = text(&["11", "--direction", "down", "--output", "dot"], &source);
    assert!(dot.starts_with("digraph lineage {") && dot.ends_with("}\n"), "{dot}");
    assert_eq!(dot.matches(" -> ").count(), 5, "{dot}");
    let mermaid = text(&["11", "--output", "mermaid"], &source);
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert_eq!(mermaid.matches(" -->").count(), 5, "{mermaid}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_too_much_is_said_and_exits_with_2() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    for (arguments, what) in [
        (vec!["999999"], "has no node of the atom"),
        (vec!["999999", "--from", "graph"], "has no node of the atom"),
        (vec!["x"], "is no identity"),
        (vec!["25", "--types", "Nonsense"], "is no type of the mapping"),
        (vec!["25", "--hops", "0"], "--hops"),
        (vec!["25", "--nodes-max", "3"], "the walk ended at hop"),
    ] {
        let output = lineage(&arguments, &source);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(what), "{arguments:?}: {said}");
    }
}

/// Who reads a file of it has not seen what was said beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lineage_that_a_limit_cut_says_so_in_every_form() {
    let graph = support::graph::empty().await;
    let source = source::sample().await;
    full(&source, &graph).await.unwrap();
    for form in ["text", "dot", "mermaid", "json"] {
        let output = lineage(&["25", "--nodes-max", "3", "--output", form], &source);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains("the walk ended at hop"), "{form}: {shown}");
    }
}
