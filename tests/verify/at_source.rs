//! What changes at the source and does not arrive in the graph.

use super::{Made, Make, Mutator, edge, node, stream};
use crate::support::scenario::{RELATIONS, TYPES};

/// Every one.
pub const ALL: [Make; 11] = [
    an_edge_row_is_deleted,
    an_edge_row_is_inserted,
    a_weight_changes,
    an_edge_row_changes_its_type,
    a_node_rows_text_changes,
    a_node_row_changes_its_identity,
    a_node_row_changes_its_type,
    a_stream_row_is_deleted,
    a_stream_row_ends_elsewhere,
    a_node_row_is_deleted_with_its_edges,
    an_edge_row_is_made_anew_elsewhere,
];

fn an_edge_row_is_deleted(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    Some((
        "an edge row is deleted",
        vec![format!("DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {k}")],
        vec![edge(k, "extra_in_graph")],
    ))
}

fn an_edge_row_is_inserted(m: &mut Mutator<'_>) -> Option<Made> {
    let (a, b, k) = (m.an_end()?, m.an_end()?, m.fresh());
    Some((
        "an edge row is inserted",
        vec![insert_edge(k, a, b, "SimilarTo", k)],
        vec![edge(k, "missing_in_graph")],
    ))
}

fn a_weight_changes(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    // The REAL after the one of 1.5.
    let sql = format!(
        "UPDATE graph.AtomGraphEdges SET Weight = CASE WHEN Weight = CAST(1.5 AS real) THEN CAST(1.5000001 AS real) ELSE CAST(1.5 AS real) END WHERE EdgeId = {k}"
    );
    Some(("a weight changes", vec![sql], vec![edge(k, "property weight")]))
}

fn an_edge_row_changes_its_type(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    let other = m.other_kind(RELATIONS, &m.rows.edges[&k].kind);
    let sql =
        format!("UPDATE graph.AtomGraphEdges SET RelationshipType = N'{other}' WHERE EdgeId = {k}");
    Some((
        "an edge row changes its type",
        vec![sql],
        vec![edge(k, "wrong_name"), edge(k, "property relationshipType")],
    ))
}

fn a_node_rows_text_changes(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let sql = format!(
        "UPDATE graph.AtomGraphNodes SET Metadata = CONCAT(Metadata, N'.') WHERE NodeId = {k}"
    );
    Some(("a node row's text changes", vec![sql], vec![node(k, "property metadata")]))
}

fn a_node_row_changes_its_identity(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, atom) = (m.a_node()?, m.fresh());
    let sql = format!("UPDATE graph.AtomGraphNodes SET AtomId = {atom} WHERE NodeId = {k}");
    Some(("a node row changes its identity", vec![sql], vec![node(k, "wrong_identity")]))
}

fn a_node_row_changes_its_type(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let atom = m.rows.nodes[&k].atom;
    let other = m.other_kind(TYPES, &m.rows.nodes[&k].kind);
    if other == "atom" || m.rows.has(atom, other) {
        return None;
    }
    let sql = format!("UPDATE graph.AtomGraphNodes SET NodeType = N'{other}' WHERE NodeId = {k}");
    Some((
        "a node row changes its type",
        vec![sql],
        vec![node(k, "wrong_name"), node(k, "property nodeType")],
    ))
}

fn a_stream_row_is_deleted(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_stream()?;
    Some((
        "a stream row is deleted",
        vec![format!("DELETE FROM provenance.GenerationStreams WHERE StreamId = {k}")],
        vec![stream(k, "extra_in_graph")],
    ))
}

fn a_stream_row_ends_elsewhere(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, atom) = (m.a_stream()?, m.fresh());
    let sql = format!(
        "UPDATE provenance.GenerationStreams SET TargetAtomId = {atom} WHERE StreamId = {k}"
    );
    Some(("a stream row ends elsewhere", vec![sql], vec![stream(k, "wrong_ends")]))
}

fn a_node_row_is_deleted_with_its_edges(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let edges = m.rows.edges_on(k);
    let mut expected = vec![node(k, "extra_in_graph")];
    expected.extend(edges.iter().map(|e| edge(*e, "extra_in_graph")));
    let list = edges.iter().chain([&-1]).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "DELETE FROM graph.AtomGraphEdges WHERE EdgeId IN ({list}); DELETE FROM graph.AtomGraphNodes WHERE NodeId = {k}"
    );
    Some(("a node row is deleted with its edges", vec![sql], expected))
}

fn an_edge_row_is_made_anew_elsewhere(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, a) = (m.an_edge()?, m.an_end()?);
    let b = m.an_end()?;
    let kind = m.rows.edges[&k].kind.clone();
    let sql = format!(
        "DELETE FROM graph.AtomGraphEdges WHERE EdgeId = {k}; {}",
        insert_edge(k, a, b, &kind, m.fresh())
    );
    Some((
        "an edge row is made anew elsewhere",
        vec![sql],
        vec![edge(k, "wrong_ends"), edge(k, "property weight"), edge(k, "property createdAt")],
    ))
}

/// Its weight and its moment are told by `mark`, so that they differ from what the key had before.
fn insert_edge(key: i64, from: i64, to: i64, kind: &str, mark: i64) -> String {
    format!(
        "SET IDENTITY_INSERT graph.AtomGraphEdges ON;
         INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, EdgeId, RelationshipType, Weight, CreatedAt)
         SELECT a.$node_id, b.$node_id, {key}, N'{kind}', {mark}.25, '2031-01-01T00:00:00.{mark:07}'
         FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.NodeId = {from} AND b.NodeId = {to};
         SET IDENTITY_INSERT graph.AtomGraphEdges OFF"
    )
}
