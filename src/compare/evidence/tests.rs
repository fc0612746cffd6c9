//! The file: its form, and that an edit shows.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn body() -> Body {
    Body {
        format: FORMAT,
        tool_version: "1".into(),
        mapping: "m".into(),
        owned: BTreeMap::new(),
        source: "Π@1".into(),
        source_version: 3,
        checkpoint_version: Some(3),
        taken_at: "2026-01-01T00:00:00.000Z".into(),
        verdict: "equal".into(),
        walk: How {
            direction: Direction::Both,
            hops: Some(2),
            types: None,
            streams: true,
            is_cut: false,
        },
        roots: vec![Root::Row { table: "t".into(), row: i64::MAX.to_string() }],
        source_hops: vec![],
        graph_hops: vec![],
    }
}

#[test]
fn keys_are_sorted_at_every_depth_and_there_is_no_blank() {
    let value = serde_json::json!({"b": [1, {"z": null, "a": "x\n\u{1}é/"}], "a": true});
    assert_eq!(canonical(&value), r#"{"a":true,"b":[1,{"a":"x\n\u0001é/","z":null}]}"#);
}

#[test]
fn a_file_reads_back_and_an_edit_is_noticed_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.json");
    let sha256 = write(&path, &body()).unwrap();
    assert_eq!(read(&path).unwrap(), (body(), sha256));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside it");
    for (from, to) in [("\"equal\"", "\"different\""), (":3,", ":4,"), ("9223", "9222")] {
        assert!(text.contains(from));
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("was edited"), "{from}");
    }
    std::fs::write(&path, "{}").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("can't be read"));
}
