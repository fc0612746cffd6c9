//! Evidence, held against either store alone.

use std::path::Path;

use super::*;
use support::program::{bare, of_graph, provsync};

fn check(path: &Path, side: &str, variables: &[(&'static str, String)]) -> (Option<i32>, String) {
    let file = path.to_str().unwrap();
    let arguments = ["compare", "--check-evidence", file, "--side", side];
    let output = bare(&arguments).envs(variables.iter().cloned()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_held_against_each_store_alone_and_a_change_or_an_edit_is_noticed() {
    let (graph, source) = sample().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.json");
    let of_source = source.environment().to_vec();
    let of_graph = of_graph().to_vec();
    let file = path.to_str().unwrap();
    let arguments =
        ["compare", "--atom", "25", "--hops", "3", "--direction", "up", "--evidence", file];
    let taken = provsync(&arguments, &source).output().unwrap();
    assert_eq!(taken.status.code(), Some(0), "{}", String::from_utf8_lossy(&taken.stderr));
    let (body, _) = provsync::compare::evidence::read(&path).unwrap();
    assert_eq!(body.source_hops, body.graph_hops);
    assert!(body.source_hops.len() > 1 && body.source_hops[1].edges > 0, "{body:?}");

    // Each store alone: the other is not configured.
    assert_eq!(check(&path, "source", &of_source).0, Some(0));
    assert_eq!(check(&path, "graph", &of_graph).0, Some(0));

    let near = "MATCH (:Atom {atomId: 25})<-[r]-() WITH r LIMIT 1 SET r.createdAt = datetime()";
    graph.run(near).await;
    let (code, text) = check(&path, "graph", &of_graph);
    assert_eq!((code, text.contains("at hop 1")), (Some(1), true), "{text}");
    assert_eq!(check(&path, "source", &of_source).0, Some(0), "the source is as it was");

    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"edges\":", "\"edges\":1", 1)).unwrap();
    for (side, variables) in [("source", of_source), ("graph", of_graph)] {
        let (code, text) = check(&path, side, &variables);
        assert_eq!((code, text.contains("was edited")), (Some(2), true), "{text}");
    }
}
