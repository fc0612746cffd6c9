//! Names that a terminal or a picture's language would act on.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::mapping::Slot;
use crate::model::value::IdentityValue;

const NASTY: &str = "a\"]\\n]; x -> y <script>&quot;#`|\u{1b}[2J\n\u{202e}";

fn nasty() -> Lineage {
    let id = |key| NodeId::Row(0, key);
    let node = |key| {
        let identity = Some(IdentityValue::Text(NASTY.into()));
        let node = Node { id: id(key), label: NASTY.into(), identity, digest: [0; 32] };
        (id(key), (u32::try_from(key).unwrap(), node))
    };
    let crossed = Crossed {
        near: id(0),
        slot: Slot::Edge(0),
        key: 1,
        way: Way::Against,
        name: NASTY.into(),
        far: Some(id(1)),
        digest: [0; 32],
    };
    Lineage {
        roots: vec![id(0)],
        nodes: [node(0), node(1)].into_iter().collect(),
        edges: vec![(1, crossed)],
        cut: None,
    }
}

/// What stands between double quotes, `\` before a character as it says.
fn quoted(line: &str) -> Vec<String> {
    let (mut parts, mut open, mut escaped) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match (&mut open, c) {
            (Some(text), _) if escaped => {
                text.push(c);
                escaped = false;
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => parts.extend(open.take()),
            (Some(text), _) => text.push(c),
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a quote is left open: {line}");
    parts
}

#[test]
fn dot_reads_each_name_as_one_string() {
    let mapping = Mapping::default_mapping().unwrap();
    let text = nasty().shown(&mapping, Format::Dot);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2 + 2 + 1 + 1, "{text}");
    for line in &lines[2..5] {
        assert_eq!(quoted(line).len(), 1, "{line}");
        let outside = line.replace(&line[line.find('"').unwrap()..=line.rfind('"').unwrap()], "");
        assert!(!outside.contains(NASTY) && !outside.contains("x -> y"), "{outside}");
    }
    assert!(lines[4].starts_with("  n1 -> n0 [label="), "as stored, not as crossed: {text}");
}

#[test]
fn mermaid_has_no_character_of_its_own_in_a_name() {
    let mapping = Mapping::default_mapping().unwrap();
    let text = nasty().shown(&mapping, Format::Mermaid);
    assert_eq!(text.lines().count(), 1 + 2 + 1, "{text}");
    for line in text.lines().skip(1) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
        assert!(!line.contains("<script>") && !line.contains('`'), "{line}");
    }
}

#[test]
fn no_form_has_a_control_character_of_a_name() {
    let mapping = Mapping::default_mapping().unwrap();
    for format in [Format::Text, Format::Dot, Format::Mermaid, Format::Json] {
        let text = nasty().shown(&mapping, format);
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let text = nasty().shown(&mapping, Format::Text);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains('\u{202e}'));
}
