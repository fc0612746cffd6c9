#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::compare::difference::{Command, State};
use crate::mapping::{Mapping, Registry};
use crate::model::Value;

fn report() -> Report {
    let mapping = Mapping::default_mapping().unwrap();
    let registry = Registry::new(&mapping, &BTreeMap::new());
    let mut report = Report::new(Command::Compare, "digest", "source");
    report.lookups = crate::compare::lookup::all(&mapping, &registry);
    report
}

fn shown(value: i64) -> Shown {
    Shown::of(&Value::Integer(value))
}

fn node(label: &str, identity: i64) -> Thing {
    Thing { names: vec![label.into()], identity: Some(shown(identity)), ..Thing::default() }
}

fn relationship(name: &str, from: i64, to: i64) -> Thing {
    Thing {
        names: vec![name.into()],
        from: Some(shown(from)),
        to: Some(shown(to)),
        ..Thing::default()
    }
}

fn add(
    report: &mut Report,
    table: &str,
    key: i64,
    kind: Kind,
    source: Option<Thing>,
    graph: Vec<Thing>,
) {
    let (table, state) = (table.to_owned(), State::Real);
    report.add(Difference { table, key: Some(key), kind, source, graph, state, hop: None }, 1_000);
}

const NODES: &str = "graph.AtomGraphNodes";
const EDGES: &str = "graph.AtomGraphEdges";
const STREAMS: &str = "provenance.GenerationStreams";

#[test]
fn an_edge_by_row_key_and_a_stream_by_identity_end_at_the_same_node() {
    let mut report = report();
    add(&mut report, NODES, 128, Kind::MissingInGraph, Some(node("Atom", 28)), vec![]);
    add(
        &mut report,
        EDGES,
        7,
        Kind::MissingInGraph,
        Some(relationship("DERIVED_FROM", 128, 125)),
        vec![],
    );
    add(&mut report, STREAMS, 9, Kind::ExtraInGraph, None, vec![relationship("GENERATED", 25, 28)]);
    let picture = picture(&report).unwrap();
    let labels: Vec<_> = picture.shapes.iter().map(|s| (s.label.as_str(), s.side)).collect();
    let expected = [
        ("Atom 28 · row 128", Side::Source),
        ("AtomGraphNode 125", Side::Both),
        ("Atom 25", Side::Both),
    ];
    assert_eq!(labels, expected);
    let sides: Vec<_> =
        picture.curves.iter().map(|c| (c.side, c.link.as_deref().unwrap())).collect();
    assert_eq!(sides, [(Side::Source, "d2"), (Side::Graph, "d3")]);
}

#[test]
fn an_end_that_is_elsewhere_is_drawn_on_both_sides_and_a_property_once() {
    let mut report = report();
    let (source, graph) = (relationship("SIMILAR_TO", 1, 2), relationship("SIMILAR_TO", 1, 3));
    add(&mut report, EDGES, 7, Kind::WrongEnds, Some(source.clone()), vec![graph]);
    let weight = Kind::Property {
        property: "weight".into(),
        source_value: Some(shown(1)),
        graph_value: None,
    };
    add(&mut report, EDGES, 8, weight, Some(source.clone()), vec![source]);
    let picture = picture(&report).unwrap();
    let sides: Vec<_> = picture.curves.iter().map(|curve| curve.side).collect();
    assert_eq!(sides, [Side::Source, Side::Graph, Side::Differs]);
    // Parallel ones do not lie on each other.
    assert_ne!(picture.curves[0].path, picture.curves[2].path);
}

#[test]
fn hops_are_columns_and_what_lies_beside_them_is_beside_them() {
    let mut report = report();
    for (key, hop) in [(1, 0), (2, 1), (3, 1), (4, 2)] {
        let thing = node("Atom", 100 + key);
        report.around.push(Near { table: NODES.into(), key, thing, hop: Some(hop) });
    }
    add(
        &mut report,
        EDGES,
        7,
        Kind::MissingInGraph,
        Some(relationship("DERIVED_FROM", 4, 5)),
        vec![],
    );
    let picture = picture(&report).unwrap();
    let x = |label: &str| {
        picture
            .shapes
            .iter()
            .find(|s| s.label.starts_with(label))
            .unwrap_or_else(|| panic!("{label}"))
            .x
    };
    assert!(x("Atom 101") < x("Atom 102") && x("Atom 104") < x("AtomGraphNode 5"), "{picture:?}");
    assert!((x("Atom 102") - x("Atom 103")).abs() < 0.5, "{picture:?}");
    let names: Vec<_> = picture.columns.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["hop 0", "hop 1", "hop 2", "hop 3"]);
}

#[test]
fn no_two_shapes_lie_on_each_other_and_all_lie_within_the_picture() {
    let mut report = report();
    for key in 0..200 {
        let ends = relationship("DERIVED_FROM", key % 17, key % 13);
        add(&mut report, EDGES, key, Kind::ExtraInGraph, None, vec![ends]);
    }
    let picture = picture(&report).unwrap();
    assert_eq!((picture.curves.len(), picture.left_out), (ARROWS_MAX, 80));
    let mut places = BTreeSet::new();
    for shape in &picture.shapes {
        assert!(places.insert(format!("{:.0} {:.0}", shape.x, shape.y)), "{shape:?}");
        assert!(shape.x > 0.0 && shape.x < picture.width, "{shape:?}");
        assert!(shape.y > 0.0 && shape.y < picture.height, "{shape:?}");
    }
}

#[test]
fn nothing_is_drawn_of_equal_stores() {
    assert!(picture(&report()).is_none());
}
