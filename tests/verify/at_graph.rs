//! What is made wrong in the graph.

// All have one form.
#![allow(clippy::unnecessary_wraps)]

use std::collections::BTreeSet;

use super::{Made, Make, Mutator, edge, leftover, name, node, stream, wrong_key};
use crate::support::scenario::RELATIONS;

/// Every one.
pub const ALL: [Make; 30] = [
    an_edge_is_lost,
    an_edge_too_many,
    an_edge_ends_elsewhere,
    an_edge_of_another_type,
    an_edge_is_turned,
    a_key_under_a_second_type,
    a_weights_last_digit,
    a_moments_last_digit,
    a_texts_last_character,
    a_property_lost_and_one_too_many,
    a_node_is_lost,
    a_placeholder_is_left_over,
    a_rows_node_says_placeholder,
    a_label_too_many,
    a_node_of_another_type,
    a_node_of_another_identity,
    two_nodes_are_swapped,
    an_edges_key_is_another,
    a_nodes_key_is_another,
    a_stream_is_lost,
    a_stream_is_turned,
    an_edges_key_is_lost,
    a_node_lost_provsyncs_label,
    a_node_too_many,
    a_nodes_key_is_a_float,
    an_edges_key_is_a_float,
    a_streams_key_is_a_float,
    a_nodes_key_is_no_rows,
    an_edges_key_is_no_rows,
    a_streams_key_is_no_rows,
];

fn an_edge_is_lost(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    Some((
        "an edge is lost",
        vec![format!("{} DELETE r", m.match_edge(k))],
        vec![edge(k, "missing_in_graph")],
    ))
}

fn an_edge_too_many(m: &mut Mutator<'_>) -> Option<Made> {
    let (a, b, k) = (m.an_end()?, m.an_end()?, m.fresh());
    let text = format!(
        "MATCH (a:AtomGraphNode {{nodeId: {a}}}), (b:AtomGraphNode {{nodeId: {b}}}) CREATE (a)-[:SIMILAR_TO {{edgeId: {k}}}]->(b)"
    );
    Some(("an edge too many", vec![text], vec![edge(k, "extra_in_graph")]))
}

fn an_edge_ends_elsewhere(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, z) = (m.an_edge()?, m.an_end()?);
    let text = format!(
        "{} MATCH (z:AtomGraphNode {{nodeId: {z}}}) WITH a, z, r, properties(r) AS p DELETE r CREATE (a)-[n:{}]->(z) SET n = p",
        m.match_edge(k),
        m.edge_name(k)
    );
    Some(("an edge ends elsewhere", vec![text], vec![edge(k, "wrong_ends")]))
}

fn an_edge_of_another_type(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    let other = name(m.other_kind(RELATIONS, &m.rows.edges[&k].kind));
    let text =
        format!("{} CREATE (a)-[n:{other}]->(b) SET n = properties(r) DELETE r", m.match_edge(k));
    Some(("an edge of another type", vec![text], vec![edge(k, "wrong_name")]))
}

fn an_edge_is_turned(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    if m.rows.edges[&k].from == m.rows.edges[&k].to {
        return None;
    }
    let text = format!(
        "{} WITH a, b, r, properties(r) AS p DELETE r CREATE (b)-[n:{}]->(a) SET n = p",
        m.match_edge(k),
        m.edge_name(k)
    );
    Some(("an edge is turned", vec![text], vec![edge(k, "wrong_direction")]))
}

fn a_key_under_a_second_type(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    let other = name(m.other_kind(RELATIONS, &m.rows.edges[&k].kind));
    let text = format!("{} CREATE (a)-[n:{other}]->(b) SET n = properties(r)", m.match_edge(k));
    Some(("a key under a second type", vec![text], vec![edge(k, &format!("doubled {other}"))]))
}

fn a_weights_last_digit(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    // The next double, or the one after.
    let text = format!(
        "{} SET r.weight = coalesce(r.weight, 1.0) * (1.0 + 2.220446049250313e-16) + CASE r.weight WHEN 0.0 THEN 1.0 ELSE 0.0 END",
        m.match_edge(k)
    );
    Some(("a weight's last digit", vec![text], vec![edge(k, "property weight")]))
}

fn a_moments_last_digit(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let text =
        format!("{} SET n.createdAt = n.createdAt + duration({{nanoseconds: 1}})", match_node(k));
    Some(("a moment's last digit", vec![text], vec![node(k, "property createdAt")]))
}

fn a_texts_last_character(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let text = format!("{} SET n.metadata = coalesce(n.metadata, '') + ' '", match_node(k));
    Some(("a text's last character", vec![text], vec![node(k, "property metadata")]))
}

fn a_property_lost_and_one_too_many(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_stream()?;
    let text = format!("{} SET r.generationType = null, r.parameters = '1'", match_stream(k));
    Some((
        "a property lost and one too many",
        vec![text],
        vec![stream(k, "property generationType"), stream(k, "property parameters")],
    ))
}

fn a_node_is_lost(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let mut expected = vec![node(k, "missing_in_graph")];
    expected.extend(m.rows.edges_on(k).into_iter().map(|e| edge(e, "missing_in_graph")));
    let streams = m.rows.streams_on_node(k);
    expected.extend(streams.iter().map(|s| stream(*s, "missing_in_graph")));
    expected.extend(m.rows.orphans_without(&streams).into_iter().map(leftover));
    Some(("a node is lost", vec![format!("{} DETACH DELETE n", match_node(k))], expected))
}

fn a_placeholder_is_left_over(m: &mut Mutator<'_>) -> Option<Made> {
    let atom = m.fresh();
    Some((
        "a placeholder is left over",
        vec![format!("CREATE (:Atom:AtomPlaceholder {{atomId: {atom}}})")],
        vec![leftover(atom)],
    ))
}

fn a_rows_node_says_placeholder(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    Some((
        "a row's node says placeholder",
        vec![format!("{} SET n:AtomPlaceholder", match_node(k))],
        vec![node(k, "placeholder_label")],
    ))
}

fn a_label_too_many(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, other) = m.a_node_and_label()?;
    Some((
        "a label too many",
        vec![format!("{} SET n:{other}", match_node(k))],
        vec![node(k, &format!("extra_name {other}"))],
    ))
}

fn a_node_of_another_type(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, other) = m.a_node_and_label()?;
    let text = format!("{} REMOVE n:{} SET n:{other}", match_node(k), name(&m.rows.nodes[&k].kind));
    let mut expected = vec![node(k, "wrong_name")];
    expected.extend(m.rows.streams_on_node(k).into_iter().map(|s| stream(s, "wrong_ends")));
    Some(("a node of another type", vec![text], expected))
}

fn a_node_of_another_identity(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, atom) = (m.a_node()?, m.fresh());
    let mut expected = vec![node(k, "wrong_identity")];
    expected.extend(m.rows.streams_on_node(k).into_iter().map(|s| stream(s, "wrong_ends")));
    Some((
        "a node of another identity",
        vec![format!("{} SET n.atomId = {atom}", match_node(k))],
        expected,
    ))
}

fn an_edges_key_is_another(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, fresh) = (m.an_edge()?, m.fresh());
    Some((
        "an edge's key is another",
        vec![format!("{} SET r.edgeId = {fresh}", m.match_edge(k))],
        vec![edge(k, "missing_in_graph"), edge(fresh, "extra_in_graph")],
    ))
}

fn a_nodes_key_is_another(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, fresh) = (m.a_node()?, m.fresh());
    let mut expected = vec![node(k, "missing_in_graph"), node(fresh, "extra_in_graph")];
    expected.extend(m.rows.edges_on(k).into_iter().map(|e| edge(e, "wrong_ends")));
    Some((
        "a node's key is another",
        vec![format!("{} SET n.nodeId = {fresh}", match_node(k))],
        expected,
    ))
}

fn a_stream_is_lost(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_stream()?;
    let mut expected = vec![stream(k, "missing_in_graph")];
    expected.extend(m.rows.orphans_without(&[k]).into_iter().map(leftover));
    Some(("a stream is lost", vec![format!("{} DELETE r", match_stream(k))], expected))
}

fn a_stream_is_turned(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_stream()?;
    if m.rows.streams[&k].from == m.rows.streams[&k].to {
        return None;
    }
    let text = format!(
        "{} WITH a, b, r, properties(r) AS p DELETE r CREATE (b)-[n:GENERATED]->(a) SET n = p",
        match_stream(k)
    );
    Some(("a stream is turned", vec![text], vec![stream(k, "wrong_direction")]))
}

fn an_edges_key_is_lost(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    Some((
        "an edge's key is lost",
        vec![format!("{} REMOVE r.edgeId", m.match_edge(k))],
        vec![edge(k, "missing_in_graph")],
    ))
}

fn a_node_lost_provsyncs_label(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let mut expected = vec![node(k, "missing_in_graph")];
    expected.extend(m.rows.edges_on(k).into_iter().map(|e| edge(e, "wrong_ends")));
    Some((
        "a node lost provsync's label",
        vec![format!("{} REMOVE n:AtomGraphNode", match_node(k))],
        expected,
    ))
}

fn a_node_too_many(m: &mut Mutator<'_>) -> Option<Made> {
    let (atom, k) = (m.fresh(), m.fresh());
    let text = format!("CREATE (:Layer:AtomGraphNode {{atomId: {atom}, nodeId: {k}}})");
    Some(("a node too many", vec![text], vec![node(k, "extra_in_graph")]))
}

fn a_nodes_key_is_a_float(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_node()?;
    let text = format!("{} SET n.nodeId = toFloat(n.nodeId)", match_node(k));
    Some(("a node's key is a float", vec![text], vec![node(k, "property nodeId")]))
}

fn an_edges_key_is_a_float(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.an_edge()?;
    let text = format!("{} SET r.edgeId = toFloat(r.edgeId)", m.match_edge(k));
    Some(("an edge's key is a float", vec![text], vec![edge(k, "property edgeId")]))
}

fn a_streams_key_is_a_float(m: &mut Mutator<'_>) -> Option<Made> {
    let k = m.a_stream()?;
    let text = format!("{} SET r.streamId = toFloat(r.streamId)", match_stream(k));
    Some(("a stream's key is a float", vec![text], vec![stream(k, "property streamId")]))
}

/// A key that nothing has: in Cypher, and as a report shows it.
fn no_rows_key(m: &mut Mutator<'_>) -> (String, String) {
    let fresh = m.fresh();
    if fresh % 2 == 0 {
        (format!("{fresh}.5"), format!("{fresh}.5"))
    } else {
        (format!("'{fresh}'"), fresh.to_string())
    }
}

fn a_nodes_key_is_no_rows(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, (key, shown)) = (m.a_node()?, no_rows_key(m));
    let mut expected = vec![node(k, "missing_in_graph")];
    expected.push(wrong_key("graph.AtomGraphNodes", "nodeId", &shown));
    expected.extend(m.rows.edges_on(k).into_iter().map(|e| edge(e, "wrong_ends")));
    let text = format!("{} SET n.nodeId = {key}", match_node(k));
    Some(("a node's key is no row's", vec![text], expected))
}

fn an_edges_key_is_no_rows(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, (key, shown)) = (m.an_edge()?, no_rows_key(m));
    let text = format!("{} SET r.edgeId = {key}", m.match_edge(k));
    let wrong = wrong_key("graph.AtomGraphEdges", "edgeId", &shown);
    Some(("an edge's key is no row's", vec![text], vec![edge(k, "missing_in_graph"), wrong]))
}

fn a_streams_key_is_no_rows(m: &mut Mutator<'_>) -> Option<Made> {
    let (k, (key, shown)) = (m.a_stream()?, no_rows_key(m));
    let text = format!("{} SET r.streamId = {key}", match_stream(k));
    let wrong = wrong_key("provenance.GenerationStreams", "streamId", &shown);
    Some(("a stream's key is no row's", vec![text], vec![stream(k, "missing_in_graph"), wrong]))
}

fn two_nodes_are_swapped(m: &mut Mutator<'_>) -> Option<Made> {
    let (a, b) = (m.a_node()?, m.a_node()?);
    let set = |from: i64, to: i64| format!("{} SET n.nodeId = {to}", match_node(from));
    let statements = vec![set(a, -7), set(b, a), set(-7, b)];
    let (one, other) = (m.rows.nodes[&a].clone(), m.rows.nodes[&b].clone());
    let mut expected = BTreeSet::new();
    for key in [a, b] {
        let ways = [
            (one.atom != other.atom, "wrong_identity"),
            (one.kind != other.kind, "wrong_name"),
            (one.kind != other.kind, "property nodeType"),
            (one.metadata != other.metadata, "property metadata"),
            (one.created != other.created, "property createdAt"),
        ];
        expected.extend(ways.iter().filter(|(is, _)| *is).map(|(_, what)| node(key, what)));
    }
    let swap = |key: i64| {
        if key == a {
            b
        } else if key == b {
            a
        } else {
            key
        }
    };
    for k in m.rows.edges_on(a).into_iter().chain(m.rows.edges_on(b)) {
        let e = &m.rows.edges[&k];
        let found = (swap(e.from), swap(e.to));
        let what = if found == (e.to, e.from) { "wrong_direction" } else { "wrong_ends" };
        expected.insert(edge(k, what));
    }
    Some(("two nodes are swapped", statements, expected.into_iter().collect()))
}

fn match_node(key: i64) -> String {
    format!("MATCH (n:AtomGraphNode {{nodeId: {key}}})")
}

fn match_stream(key: i64) -> String {
    format!("MATCH (a)-[r:GENERATED {{streamId: {key}}}]->(b)")
}
