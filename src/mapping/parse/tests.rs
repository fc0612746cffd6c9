#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::draft::table_name;
use super::parse;
use crate::mapping::names::sql_table;
use crate::mapping::{ColumnKind, DEFAULT, Mapping, Tracking};

/// The faults of a text as `line: what`, without the file.
fn faults(text: &str) -> Vec<String> {
    let error = parse(text, "m.toml").expect_err("faults");
    let lines = error.to_string();
    lines.lines().skip(1).map(|l| l.trim().trim_start_matches("m.toml:").to_owned()).collect()
}

/// Each expected pair is a line and a part of what is said; nothing more may be said.
fn assert_faults(text: &str, expected: &[(usize, &str)]) {
    let found = faults(text);
    for (line, part) in expected {
        let hit = |f: &&String| f.starts_with(&format!("{line}: ")) && f.contains(part);
        assert!(found.iter().any(|f| hit(&f)), "no {line}: …{part}… in\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
}

/// The default mapping with one text replaced; the text must be there.
fn with(from: &str, to: &str) -> String {
    assert!(DEFAULT.contains(from), "{from}");
    DEFAULT.replacen(from, to, 1)
}

fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|l| l.contains(part)).expect("the part")
}

#[test]
fn the_default_mapping_has_no_fault() {
    let mapping = Mapping::default_mapping().expect("the default mapping");
    assert_eq!(mapping.automatic_types_max, 64);
    assert_eq!(mapping.nodes[0].table.name.to_string(), "graph.AtomGraphNodes");
    assert_eq!(mapping.nodes[0].identity.kind, ColumnKind::Integer);
    assert_eq!(mapping.nodes[0].types.listed.len(), 4);
    assert_eq!((mapping.edges[0].from, mapping.edges[0].to), (0, 0));
    assert_eq!(mapping.links[0].label, "Atom");
    assert_eq!(mapping.links[0].table.tracking, Tracking::ChangeTracking);
    assert_eq!(mapping.digest.len(), 64);
}

#[test]
fn every_fault_is_reported_at_once_with_its_line() {
    let text = r#"automatic_types_max = -1
colour = "red"
[[nodes]]
table = "graph.Nodes.x"
label = "ProvsyncCheckpoint"
placeholder = "Ghost"
key = { column = ["A", "B"], property = "id" }
identity = { column = "AtomId", property = "atomId", type = "float" }
type = { column = "NodeType", property = "nodeType" }
columns = [
  { column = "M", property = "nodeType", type = "text" },
  { column = "m", property = "m", type = "json" },
  { column = "$node_id", property = "", type = "text" },
]
[nodes.types]
atom = "Atom"
"ATOM " = "Other"
layer = "Ghost"
[[edges]]
table = "graph.Edges"
from = "graph.Nope"
tracking = "cdc"
key = { column = "EdgeId", property = "edge\\u0060Id", type = "integer" }
type = "RelationshipType"
[[links]]
table = "graph.edges"
relationship = 7
nodes = "graph.Nope"
type = "atom"
from = "S"
to = "s"
key = { column = "StreamId", property = "streamId" }
"#;
    assert_faults(
        text,
        &[
            (1, "from 0 to 1000"),
            (2, "knows no key `colour`"),
            (4, "`table` is `schema.table`"),
            (5, "for itself"),
            (7, "several columns"),
            (8, "an identity is of type"),
            (11, "`nodeType` is already a property of this table (line 9)"),
            (12, "`m` is already a column of this table (line 11)"),
            (12, "no column type `json`"),
            (13, "generated graph column"),
            (13, "`property` is empty"),
            (17, "`ATOM ` is already a type"),
            (18, "`Ghost` is already a label (line 6)"),
            (19, "lacks the key `to`"),
            (21, "`from` names `graph.Nope`"),
            (22, "`tracking` is"),
            (23, "backslash"),
            (23, "`key` knows no key `type`"),
            (24, "`type` is a text, not a table"),
            (26, "`graph.edges` is already a table (line 20)"),
            (27, "`relationship` is an integer, not a text"),
            (28, "`nodes` names `graph.Nope`"),
            (31, "`s` is already a column of this table (line 30)"),
        ],
    );
}

#[test]
fn a_key_given_as_a_list_is_refused_as_composite() {
    let text = with(r#"key = { column = "NodeId", property = "nodeId" }"#, r#"key = ["A", "B"]"#);
    assert_faults(&text, &[(line_of(&text, "key = ["), "several columns")]);
}

#[test]
fn a_key_property_may_not_carry_another_column() {
    let text = with(r#"property = "metadata""#, r#"property = "nodeId""#);
    assert_faults(&text, &[(line_of(&text, "\"Metadata\""), "`nodeId` is already a property")]);
}

#[test]
fn a_relationship_type_belongs_to_one_table() {
    let text = with(r#"relationship = "GENERATED""#, r#"relationship = "DERIVED_FROM""#);
    let line = line_of(&text, "relationship = ");
    assert_faults(&text, &[(line, "`DERIVED_FROM` is already a relationship type")]);
}

#[test]
fn a_link_needs_a_listed_type() {
    let text = with("type = \"atom\" ", "type = \"ghost\" ");
    assert_faults(&text, &[(line_of(&text, "\"ghost\""), "lists no type `ghost`")]);
    let text = with("type = \"atom\" ", "type = \"ATOM\" ");
    assert_eq!(parse(&text, "m.toml").unwrap().links[0].label, "Atom");
}

#[test]
fn names_have_a_length() {
    let text = with("\"Metadata\"", &format!("\"{}\"", "x".repeat(129)));
    assert_faults(&text, &[(line_of(&text, "xxx"), "longer than SQL Server's 128")]);
    let text = with("\"Embedding\"", &format!("\"{}\"", "x".repeat(256)));
    assert_faults(&text, &[(line_of(&text, "xxx"), "more than 255")]);
}

#[test]
fn names_are_any_text_for_they_are_quoted() {
    let text = with("\"Embedding\"", "\"Émb `edd]ing\"");
    assert_eq!(parse(&text, "m.toml").unwrap().nodes[0].types.listed[1].1, "Émb `edd]ing");
}

#[test]
fn a_text_that_is_not_toml_names_each_broken_line() {
    let found = faults("a = \nb = 1\nc = {\n");
    assert!(found.len() >= 2, "{found:?}");
    assert!(found[0].starts_with("1: "), "{found:?}");
}

#[test]
fn an_empty_mapping_is_a_fault() {
    assert_faults("", &[(1, "no [[nodes]]")]);
}

#[test]
fn defaults_stand_in_for_what_may_be_left_out() {
    let text =
        with("automatic_types_max = 64\n", "").replace("tracking = \"change_tracking\"\n", "");
    assert_eq!(parse(&text, "m.toml").unwrap().digest, Mapping::default_mapping().unwrap().digest);
}

#[test]
fn the_digest_is_of_the_meaning_not_of_the_text() {
    let same = Mapping::default_mapping().unwrap().digest;
    let reordered = with(
        "atom = \"Atom\"\nembedding = \"Embedding\"",
        "# first\nEMBEDDING = \"Embedding\"\natom  =  \"Atom\"",
    );
    assert_eq!(parse(&reordered, "other.toml").unwrap().digest, same);
    for (from, to) in [
        ("\"metadata\"", "\"meta\""),
        ("type = \"utc\"", "type = \"local\""),
        ("\"change_tracking\"", "\"none\""),
        ("model = \"Model\"", "model = \"Mod\""),
        ("automatic_types_max = 64", "automatic_types_max = 65"),
    ] {
        assert_ne!(parse(&with(from, to), "m.toml").unwrap().digest, same, "{from}");
    }
}

#[test]
fn a_table_name_has_two_parts_with_brackets_where_needed() {
    let sql = |text| table_name(text).map(|name| sql_table(&name));
    assert_eq!(sql("graph.Nodes").as_deref(), Some("[graph].[Nodes]"));
    assert_eq!(sql("[a.b].[c]]d]").as_deref(), Some("[a.b].[c]]d]"));
    for bad in ["", "a", "a.", ".a", "a.b.c", "[a.b", "[a].", "[].b", "[a]b.c", "a]b.c"] {
        assert_eq!(sql(bad), None, "{bad}");
    }
}
