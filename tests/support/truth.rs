//! The whole graph recomputed from the rows by another way than provsync's: plain SQL, plain Cypher,
//! lines of text, and sets of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use neo4rs::{BoltType, query};
use tiberius::Row;

use super::graph::TestGraph;
use super::source::TestSource;

const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.9f";

/// What stands in quarantine: table and key.
pub async fn quarantine(graph: &TestGraph) -> BTreeMap<(String, i64), String> {
    let lines = graph
        .column("MATCH (q:ProvsyncQuarantine) RETURN q.table + '|' + toString(q.key) + '|' + q.reason AS row")
        .await;
    let parse = |line: String| {
        let mut parts = line.split('|').map(String::from);
        let (table, key) = (parts.next().unwrap(), parts.next().unwrap().parse().unwrap());
        ((table, key), parts.next().unwrap())
    };
    lines.into_iter().map(parse).collect()
}

/// Quarantine entries as `reason key`, sorted.
pub async fn reasons(graph: &TestGraph) -> Vec<String> {
    let entries = quarantine(graph).await;
    entries.into_iter().map(|((table, key), reason)| format!("{table} {key} {reason}")).collect()
}

/// Fails unless the graph is what the rows say, but for those in quarantine.
pub async fn assert_equal(source: &TestSource, graph: &TestGraph) {
    let quarantined = quarantine(graph).await;
    let expected = expected(source, &quarantined).await;
    let found = found(graph).await;
    let missing: Vec<_> = expected.difference(&found).take(10).collect();
    let extra: Vec<_> = found.difference(&expected).take(10).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "graph lacks (first ten): {missing:#?}\ngraph has too much (first ten): {extra:#?}"
    );
    assert_eq!(expected.len(), found.len());
}

async fn expected(
    source: &TestSource,
    quarantined: &BTreeMap<(String, i64), String>,
) -> BTreeSet<String> {
    let kept = |table: &str, key: i64| !quarantined.contains_key(&(table.to_owned(), key));
    let mut lines = BTreeSet::new();
    let mut atoms = BTreeSet::new();
    for row in source
        .query("SELECT NodeId, AtomId, NodeType, Metadata, CreatedAt FROM graph.AtomGraphNodes")
        .await
    {
        let key: i64 = row.get(0).unwrap();
        if !kept("graph.AtomGraphNodes", key) {
            continue;
        }
        let (atom, kind): (i64, &str) = (row.get(1).unwrap(), row.get(2).unwrap());
        let label = label(kind);
        if label == "Atom" {
            atoms.insert(atom);
        }
        let line =
            format!("node {key} :{label} {atom} {kind} {} {}", text(&row, 3), instant(&row, 4));
        assert!(lines.insert(line));
    }
    let edges = source
        .query(
            "SELECT e.EdgeId, a.NodeId, b.NodeId, e.RelationshipType, e.Weight, e.Metadata, e.CreatedAt
             FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b)",
        )
        .await;
    for row in edges {
        let key: i64 = row.get(0).unwrap();
        if !kept("graph.AtomGraphEdges", key) {
            continue;
        }
        let (from, to, kind): (i64, i64, &str) =
            (row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap());
        let weight = row.get::<f32, _>(4).map_or("null".into(), |w| w.to_string());
        let line = format!(
            "edge {key} {from}-:{}->{to} {kind} {weight} {} {}",
            relationship(kind),
            text(&row, 5),
            instant(&row, 6)
        );
        assert!(lines.insert(line));
    }
    let streams = source
        .query("SELECT StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed, Parameters, Metadata, CreatedAt FROM provenance.GenerationStreams")
        .await;
    for row in streams {
        let key: i64 = row.get(0).unwrap();
        if !kept("provenance.GenerationStreams", key) {
            continue;
        }
        let (from, to): (i64, i64) = (row.get(1).unwrap(), row.get(2).unwrap());
        let texts: Vec<String> = (3..7).map(|i| text(&row, i)).collect();
        lines.insert(format!("stream {key} {from}->{to} {} {}", texts.join(" "), instant(&row, 7)));
        for atom in [from, to] {
            if !atoms.contains(&atom) {
                lines.insert(format!("placeholder {atom}"));
            }
        }
    }
    lines
}

fn text(row: &Row, i: usize) -> String {
    row.get::<&str, _>(i).unwrap_or("null").to_owned()
}

fn instant(row: &Row, i: usize) -> String {
    row.get::<NaiveDateTime, _>(i).map_or("null".into(), |t| t.format(INSTANT).to_string())
}

pub fn label(kind: &str) -> String {
    match kind.to_lowercase().as_str() {
        "atom" => "Atom".into(),
        "embedding" => "Embedding".into(),
        "model" => "Model".into(),
        "layer" => "Layer".into(),
        other => format!("{}{}", other[..1].to_uppercase(), &other[1..]),
    }
}

pub fn relationship(kind: &str) -> String {
    match kind.to_lowercase().as_str() {
        "derivedfrom" => "DERIVED_FROM".into(),
        "componentof" => "COMPONENT_OF".into(),
        "similarto" => "SIMILAR_TO".into(),
        "generatedby" => "GENERATED_BY".into(),
        other => other.to_uppercase(),
    }
}

/// Everything of provsync's in the graph. Labels that analysts use in the tests begin with `X`.
async fn found(graph: &TestGraph) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let nodes = "MATCH (n) WHERE n.nodeId IS NOT NULL OR n:AtomGraphNode
        RETURN ['node', n.nodeId, apart, n.atomId, n.nodeType, n.metadata, n.createdAt] AS row";
    let labels = "[l IN labels(n) WHERE l <> 'AtomGraphNode' AND NOT l STARTS WITH 'X']";
    collect(graph, &nodes.replace("apart", labels), &mut lines, |c| {
        format!(
            "node {} :{} {} {} {} {}",
            c[1],
            c[2].trim_matches(['[', ']']),
            c[3],
            c[4],
            c[5],
            c[6]
        )
    })
    .await;
    let edges = "MATCH (a)-[r]->(b) WHERE r.edgeId IS NOT NULL
        RETURN ['edge', r.edgeId, a.nodeId, type(r), b.nodeId, r.relationshipType, r.weight, r.metadata, r.createdAt] AS row";
    collect(graph, edges, &mut lines, |c| {
        format!("edge {} {}-:{}->{} {} {} {} {}", c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8])
    })
    .await;
    let streams = "MATCH (a:Atom)-[r:GENERATED]->(b:Atom) WHERE r.streamId IS NOT NULL
        RETURN ['stream', r.streamId, a.atomId, b.atomId, r.generationType, r.modelUsed, r.parameters, r.metadata, r.createdAt] AS row";
    collect(graph, streams, &mut lines, |c| {
        format!("stream {} {}->{} {} {} {} {} {}", c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8])
    })
    .await;
    let placeholders =
        "MATCH (n:AtomPlaceholder) RETURN ['placeholder', n.atomId, n.nodeId] AS row";
    collect(graph, placeholders, &mut lines, |c| {
        assert_eq!(c[2], "null", "a placeholder has no row");
        format!("placeholder {}", c[1])
    })
    .await;
    lines
}

async fn collect(
    graph: &TestGraph,
    cypher: &str,
    lines: &mut BTreeSet<String>,
    line: impl Fn(&[String]) -> String,
) {
    let mut rows = graph.driver.execute(query(cypher)).await.unwrap();
    while let Some(row) = rows.next().await.unwrap() {
        let BoltType::List(cells) = row.get::<BoltType>("row").unwrap() else { panic!("a list") };
        let cells: Vec<String> = cells.value.iter().map(cell).collect();
        assert!(lines.insert(line(&cells)), "twice in the graph: {cells:?}");
    }
}

fn cell(value: &BoltType) -> String {
    match value {
        BoltType::Null(_) => "null".into(),
        BoltType::Float(f) => f.value.to_string(),
        BoltType::DateTime(t) => {
            let instant = DateTime::<FixedOffset>::try_from(t).unwrap();
            instant.naive_utc().format(INSTANT).to_string()
        }
        other => super::graph::text(other),
    }
}
