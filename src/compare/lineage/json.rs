//! One JSON document; a contract (`docs/output.md`).

use serde::Serialize;

use super::{Lineage, ends};
use crate::compare::element::NodeId;
use crate::mapping::Mapping;
use crate::model::value::IdentityValue;

#[derive(Serialize)]
struct Document {
    roots: Vec<usize>,
    nodes: Vec<Node>,
    relationships: Vec<Relationship>,
    cut: Option<String>,
}

#[derive(Serialize)]
struct Node {
    id: usize,
    table: String,
    key: Option<i64>,
    label: String,
    identity: Option<Identity>,
    hop: u32,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Identity {
    Integer(i64),
    Text(String),
}

#[derive(Serialize)]
struct Relationship {
    table: String,
    key: i64,
    r#type: String,
    from: Option<usize>,
    to: Option<usize>,
    hop: u32,
}

pub(super) fn text(lineage: &Lineage, mapping: &Mapping) -> String {
    let numbers = lineage.numbers();
    let number = |id: Option<&NodeId>| id.and_then(|id| numbers.get(id).copied());
    let nodes = lineage.nodes.iter().map(|(id, (hop, node))| Node {
        id: numbers[id],
        table: mapping.nodes[id.table()].table.name.to_string(),
        key: match id {
            NodeId::Row(_, key) => Some(*key),
            NodeId::Bare(_) => None,
        },
        label: node.label.to_string(),
        identity: node.identity.as_ref().map(|identity| match identity {
            IdentityValue::Integer(number) => Identity::Integer(*number),
            IdentityValue::Text(text) => Identity::Text(text.clone()),
        }),
        hop: *hop,
    });
    let relationships = lineage.edges.iter().map(|(hop, crossed)| {
        let (from, to) = ends(crossed);
        Relationship {
            table: mapping.table(crossed.slot).name.to_string(),
            key: crossed.key,
            r#type: crossed.name.to_string(),
            from: number(from),
            to: number(to),
            hop: *hop,
        }
    });
    let document = Document {
        roots: lineage.roots.iter().filter_map(|id| number(Some(id))).collect(),
        nodes: nodes.collect(),
        relationships: relationships.collect(),
        cut: lineage.cut.clone(),
    };
    serde_json::to_string_pretty(&document).unwrap_or_default()
}
