//! The digest of a mapping's meaning: equal for two texts that differ in comments, order or
//! layout only.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::mapping::names::fold;
use crate::mapping::{Column, Mapping, Table, Tracking, TypeColumn};

/// Changes whenever the rendering does: graphs made under the older one get a full.
const RENDERING: &str = "provsync-mapping-1";

pub(super) fn digest(mapping: &Mapping) -> String {
    let text = rendering(mapping).to_string();
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// Lists only: the order of an object's keys depends on how `serde_json` was built.
fn rendering(mapping: &Mapping) -> Value {
    let node_name = |i: usize| mapping.nodes[i].table.name.to_string();
    let nodes = mapping.nodes.iter().map(|n| {
        let identity = column(&n.identity);
        json!([table(&n.table), n.label, n.placeholder, identity, types(&n.types)])
    });
    let edges = mapping
        .edges
        .iter()
        .map(|e| json!([table(&e.table), node_name(e.from), node_name(e.to), types(&e.types)]));
    let links = mapping.links.iter().map(|l| {
        let ends = json!([l.from_column, l.to_column, node_name(l.nodes), l.label]);
        json!([table(&l.table), l.relationship, ends])
    });
    let lists = [sorted(nodes), sorted(edges), sorted(links)];
    json!([RENDERING, lists, mapping.automatic_types_max])
}

fn table(table: &Table) -> Value {
    let name = json!([table.name.schema, table.name.table]);
    let tracked = table.tracking == Tracking::ChangeTracking;
    let columns = sorted(table.columns.iter().map(column));
    json!([name, table.key, table.key_property, columns, tracked])
}

fn column(column: &Column) -> Value {
    json!([column.column, column.property, format!("{:?}", column.kind)])
}

fn types(types: &TypeColumn) -> Value {
    let listed = sorted(types.listed.iter().map(|(source, name)| json!([fold(source), name])));
    json!([types.column, types.property, listed])
}

fn sorted(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut values: Vec<Value> = values.collect();
    values.sort_by_cached_key(Value::to_string);
    values
}
