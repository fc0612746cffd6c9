//! What the graph must hold for the rows, worked out from both by plain loops.

use provsync::model::Value;
use tokio::time::Instant;

use crate::graph::{Data, Node, Relationship, integer, is_refused};
use crate::source::{Database, Rows, Table};

const NODES: &str = "graph.AtomGraphNodes";
const EDGES: &str = "graph.AtomGraphEdges";
const STREAMS: &str = "provenance.GenerationStreams";
const LABELS: [&str; 5] = ["Atom", "Embedding", "Model", "Layer", "DataSet"];

/// Every difference, as a line.
pub fn differences(rows: &Rows, data: &Data) -> Vec<String> {
    let (rows, mut out) = (&rows.visible(), Vec::new());
    nodes(rows, data, &mut out);
    edges(rows, data, &mut out);
    streams(rows, data, &mut out);
    placeholders(rows, data, &mut out);
    out.into_iter().map(|wrong| wrong.what).collect()
}

/// Something that differs, and of which row, where it is of one.
struct Wrong {
    row: Option<(Table, i64)>,
    what: String,
}

impl Wrong {
    fn of(table: Table, key: i64, what: String) -> Self {
        Self { row: Some((table, key)), what }
    }
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self { row: None, what }
    }
}

/// What is wrong with what the checkpoint says of the graph.
pub fn contradictions(database: &Database, data: &Data) -> Vec<String> {
    let Some(checkpoint) = &data.checkpoint else { return Vec::new() };
    let mut found = Vec::new();
    if checkpoint.consistent {
        found.extend(inexact(database, data, checkpoint.state.version));
    }
    if let Some(at) = checkpoint.as_of {
        found.extend(out_of_date(database, data, at));
    }
    found
}

/// What is wrong with a graph that says it stands exactly at a version.
fn inexact(database: &Database, data: &Data, version: Option<i64>) -> Vec<String> {
    let states = version.map(|version| database.at(version)).unwrap_or_default();
    let found = states.iter().map(|rows| differences(rows, data)).min_by_key(Vec::len);
    let mut found = found.unwrap_or_else(|| vec!["there was no such version".to_owned()]);
    if !found.is_empty() {
        found.insert(0, format!("it says that it stands at {version:?}:"));
    }
    found
}

/// Which rows a graph lacks, or shows otherwise, that says it has all that was committed before a moment.
/// Rows that have changed since may be on their way. Quarantine explains a row, unless it was to be carried
/// again at that moment already.
fn out_of_date(database: &Database, data: &Data, at: Instant) -> Vec<String> {
    let since = database.since(at);
    let (first, now) = (&since[0].1, &database.rows);
    let mut all = Vec::new();
    nodes(now, data, &mut all);
    edges(now, data, &mut all);
    streams(now, data, &mut all);
    let is_old = |wrong: &Wrong| {
        wrong.row.is_some_and(|(table, key)| {
            let entry = data.entries.get(&(table.name().to_owned(), key));
            let explains = entry.is_some_and(|e| e.due_since.is_none_or(|since| since >= at));
            !explains && since.iter().all(|(_, rows)| rows.is_same(first, table, key))
        })
    };
    let mut found: Vec<String> = all.into_iter().filter(is_old).map(|wrong| wrong.what).collect();
    if !found.is_empty() {
        let seconds = at.elapsed().as_secs_f64();
        found.insert(0, format!("it says that it has all of {seconds} s ago:"));
    }
    found
}

fn entry<'a>(data: &'a Data, table: &str, key: i64) -> Option<&'a str> {
    data.entries.get(&(table.to_owned(), key)).map(|entry| entry.reason.as_str())
}

/// A row that the graph refuses, or did when it was tried last.
fn was_refused(metadata: Option<&String>, reason: Option<&str>) -> bool {
    reason == Some("row-refused") && metadata.is_some_and(|text| is_refused(text))
}

fn label(kind: &str) -> Option<&'static str> {
    match kind.to_lowercase().as_str() {
        "atom" => Some("Atom"),
        "embedding" => Some("Embedding"),
        "model" => Some("Model"),
        "layer" => Some("Layer"),
        "data set" => Some("DataSet"),
        _ => None,
    }
}

fn relation(kind: &str) -> &'static str {
    match kind.to_lowercase().as_str() {
        "derivedfrom" => "DERIVED_FROM",
        "componentof" => "COMPONENT_OF",
        "similarto" => "SIMILAR_TO",
        _ => "MADE_WITH",
    }
}

fn by_key(data: &Data, key: i64) -> Vec<(u64, &Node)> {
    let has = |n: &Node| integer(&n.properties, "nodeId") == Some(key);
    data.with_label("AtomGraphNode").filter(|(_, n)| has(n)).collect()
}

fn metadata(wanted: Option<&String>, properties: &crate::graph::Properties) -> bool {
    properties.get("metadata") == wanted.map(|text| Value::Text(text.clone())).as_ref()
}

fn nodes(rows: &Rows, data: &Data, out: &mut Vec<Wrong>) {
    for (_, node) in data.with_label("AtomGraphNode") {
        let key = integer(&node.properties, "nodeId");
        if !key.is_some_and(|key| rows.nodes.contains_key(&key)) {
            let row = key.map(|key| (Table::Nodes, key));
            out.push(Wrong { row, what: format!("node {key:?} has no row") });
        }
    }
    for (table, key) in data.entries.keys().filter(|(table, _)| table == NODES) {
        if !rows.nodes.contains_key(key) {
            out.push(format!("entry {table} {key} has no row").into());
        }
    }
    for (key, row) in &rows.nodes {
        let found = by_key(data, *key);
        let reason = entry(data, NODES, *key);
        let fits = |node: &Node| {
            let name = label(&row.kind).unwrap_or("none");
            let named: Vec<_> = LABELS.iter().filter(|n| node.labels.contains(**n)).collect();
            named == [&name]
                && integer(&node.properties, "atomId") == row.atom
                && metadata(row.metadata.as_ref(), &node.properties)
                && node.properties.get("nodeType") == Some(&Value::Text(row.kind.clone()))
                && !node.labels.contains("AtomPlaceholder")
        };
        let right = match (row.atom, label(&row.kind), found.as_slice()) {
            (Some(_), Some(_), []) if was_refused(row.metadata.as_ref(), reason) => true,
            (None, Some(_), []) => reason == Some("identity-null"),
            (_, None, []) => reason == Some("type-refused"),
            (Some(atom), Some(name), []) => {
                // Only while another row has the identity.
                let owned = data.with_label(name).any(|(_, n)| {
                    integer(&n.properties, "atomId") == Some(atom)
                        && n.labels.contains("AtomGraphNode")
                });
                reason == Some("identity-taken") && owned
            }
            (_, _, [(_, node)]) => reason.is_none() && fits(node),
            _ => false,
        };
        if !right {
            let what = format!("row {NODES} {key} {row:?}: found {found:?}, entry {reason:?}");
            out.push(Wrong::of(Table::Nodes, *key, what));
        }
    }
}

fn keyed<'a>(data: &'a Data, names: &[&str], property: &str, key: i64) -> Vec<&'a Relationship> {
    let has = |r: &&Relationship| {
        names.contains(&r.name.as_str()) && integer(&r.properties, property) == Some(key)
    };
    data.relationships.values().filter(has).collect()
}

fn edges(rows: &Rows, data: &Data, out: &mut Vec<Wrong>) {
    let names = ["DERIVED_FROM", "COMPONENT_OF", "SIMILAR_TO", "MADE_WITH"];
    for r in data.relationships.values().filter(|r| names.contains(&r.name.as_str())) {
        let key = integer(&r.properties, "edgeId");
        if !key.is_some_and(|key| rows.edges.contains_key(&key)) {
            let row = key.map(|key| (Table::Edges, key));
            out.push(Wrong { row, what: format!("edge {key:?} has no row") });
        }
    }
    for (_, key) in data.entries.keys().filter(|(table, _)| table == EDGES) {
        if !rows.edges.contains_key(key) {
            out.push(format!("entry {EDGES} {key} has no row").into());
        }
    }
    for (key, row) in &rows.edges {
        let found = keyed(data, &names, "edgeId", *key);
        let reason = entry(data, EDGES, *key);
        let ends = rows.key_of(row.from).zip(rows.key_of(row.to));
        let node = |key: i64| by_key(data, key).first().map(|(id, _)| *id);
        let right = match (ends, found.as_slice()) {
            (Some((from, to)), []) if was_refused(row.metadata.as_ref(), reason) => {
                node(from).is_some() && node(to).is_some()
            }
            // It may still say what it waited for before its node's row, which was in quarantine,
            // was deleted and inserted again.
            (None, []) => matches!(reason, Some("edge-dangling" | "edge-end-missing")),
            (Some((from, to)), []) => {
                reason == Some("edge-end-missing") && (node(from).is_none() || node(to).is_none())
            }
            (Some((from, to)), [r]) => {
                r.name == relation(&row.kind)
                    && Some(r.from) == node(from)
                    && Some(r.to) == node(to)
                    && metadata(row.metadata.as_ref(), &r.properties)
                    && reason.is_none()
            }
            _ => false,
        };
        if !right {
            let entry = data.entries.get(&(EDGES.to_owned(), *key));
            let what = format!("row {EDGES} {key} {row:?} of {ends:?}: found {found:?}, {entry:?}");
            out.push(Wrong::of(Table::Edges, *key, what));
        }
    }
}

fn streams(rows: &Rows, data: &Data, out: &mut Vec<Wrong>) {
    for (_, r) in data.of_type("GENERATED") {
        let key = integer(&r.properties, "streamId");
        if !key.is_some_and(|key| rows.streams.contains_key(&key)) {
            let row = key.map(|key| (Table::Streams, key));
            out.push(Wrong { row, what: format!("stream {key:?} has no row") });
        }
    }
    for (key, row) in &rows.streams {
        let found = keyed(data, &["GENERATED"], "streamId", *key);
        let reason = entry(data, STREAMS, *key);
        let stands = |id: u64, atom: i64| {
            let node = &data.nodes[&id];
            node.labels.contains("Atom") && integer(&node.properties, "atomId") == Some(atom)
        };
        let right = match (row.from.zip(row.to), found.as_slice()) {
            (Some(_), []) if was_refused(row.metadata.as_ref(), reason) => true,
            (None, []) => reason == Some("identity-null"),
            (Some((from, to)), [r]) => {
                stands(r.from, from)
                    && stands(r.to, to)
                    && metadata(row.metadata.as_ref(), &r.properties)
                    && reason.is_none()
            }
            _ => false,
        };
        if !right {
            let what = format!("row {STREAMS} {key} {row:?}: found {found:?}, entry {reason:?}");
            out.push(Wrong::of(Table::Streams, *key, what));
        }
    }
}

/// A placeholder is an atom without a row that some stream names; every other node has a row.
fn placeholders(rows: &Rows, data: &Data, out: &mut Vec<Wrong>) {
    for (id, node) in &data.nodes {
        let is_row = node.labels.contains("AtomGraphNode");
        let is_placeholder = node.labels.contains("AtomPlaceholder");
        let atom = integer(&node.properties, "atomId");
        let named = rows.streams.values().any(|s| {
            s.from.zip(s.to).is_some_and(|(from, to)| Some(from) == atom || Some(to) == atom)
        });
        if is_row == is_placeholder || (is_placeholder && !named) {
            out.push(format!("node {id} {node:?} is neither a row's nor needed").into());
        }
    }
    for name in LABELS {
        let mut atoms: Vec<_> =
            data.with_label(name).map(|(_, n)| integer(&n.properties, "atomId")).collect();
        let all = atoms.len();
        atoms.sort_unstable();
        atoms.dedup();
        if atoms.len() != all {
            out.push(format!("two nodes :{name} have one identity").into());
        }
    }
}
