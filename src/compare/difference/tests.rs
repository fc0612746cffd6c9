#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn difference(kind: Kind, state: State) -> Difference {
    let source = Some(Thing { names: vec!["DERIVED_FROM".into()], ..Thing::default() });
    let table = "graph.AtomGraphEdges".to_owned();
    Difference { table, key: Some(7), kind, source, graph: Vec::new(), state, hop: None }
}

#[test]
fn what_is_wrong_for_sure_is_said_and_nothing_else_is_called_equal() {
    let verdict = |real, unsettled, explained| Counts { real, explained, unsettled }.verdict();
    assert_eq!(verdict(0, 0, 0), Verdict::Equal);
    assert_eq!(verdict(1, 1, 1), Verdict::Different);
    assert_eq!(verdict(0, 1, 1), Verdict::Unknown);
    assert_eq!(verdict(0, 0, 1), Verdict::Explained);
}

#[test]
fn the_json_form_is_flat_and_reads_back() {
    let property = Kind::Property {
        property: "weight".into(),
        source_value: Some(Shown::of(&crate::model::Value::Float(0.7))),
        graph_value: None,
    };
    let unsettled = State::Unsettled { looks: 3, why: "on its way".into() };
    let found = difference(property, unsettled);
    let json = serde_json::to_value(&found).unwrap();
    let expected = serde_json::json!({
        "table": "graph.AtomGraphEdges", "key": 7, "kind": "property", "property": "weight",
        "source_value": {"type": "float", "text": "0.7"}, "graph_value": null,
        "source": {"names": ["DERIVED_FROM"]}, "graph": [],
        "state": "unsettled", "looks": 3, "why": "on its way",
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<Difference>(json).unwrap(), found);
}

#[test]
fn a_kinds_code_is_its_word_in_the_json_form() {
    let name = || "X".to_owned();
    for kind in [
        Kind::MissingInGraph,
        Kind::ExtraInGraph,
        Kind::WrongIdentity,
        Kind::WrongName,
        Kind::ExtraName { name: name() },
        Kind::WrongEnds,
        Kind::WrongDirection,
        Kind::Doubled { name: name() },
        Kind::Property { property: name(), source_value: None, graph_value: None },
        Kind::WrongKey {
            property: name(),
            graph_value: Shown::of(&crate::model::Value::Boolean(true)),
        },
        Kind::PlaceholderLabel,
        Kind::LeftoverPlaceholder,
        Kind::NotInQuarantine { reason: name() },
        Kind::StillInQuarantine { reason: name() },
    ] {
        assert_eq!(serde_json::to_value(&kind).unwrap()["kind"], kind.code());
    }
}

#[test]
fn beyond_the_limit_differences_are_counted_and_said_to_be_left_out() {
    let mut report = Report::new(Command::Verify, "digest", "source");
    for _ in 0..3 {
        report.add(difference(Kind::MissingInGraph, State::Real), 2);
    }
    report.close();
    assert_eq!((report.differences.len(), report.left_out, report.counts.real), (2, 1, 3));
    assert_eq!(report.verdict, Verdict::Different);
    assert_eq!(report.kinds["missing_in_graph"], 3);
}
