//! Between two atoms, and as a picture: what can't be listed whole says so.

use std::collections::{BTreeMap, BTreeSet};

use neo4rs::{BoltType, Path};

use super::answers::{Table, ask, or_null, rows_of};
use super::rows::{Rows, ends, reached, turned, ways};
use super::support::graph::TestGraph;

/// Ways that are listed.
const WAYS_MAX: usize = 10;
/// Relationships that are drawn.
const STEPS_MAX: usize = 1_000;

/// Of pairs of a later atom and an earlier one.
pub async fn check(graph: &TestGraph, rows: &Rows, pairs: &[(i64, i64)]) -> BTreeSet<&'static str> {
    for (atom, ancestor) in pairs.iter().copied() {
        paths(graph, rows, atom, ancestor).await;
        between(graph, rows, atom, ancestor).await;
        picture(graph, rows, atom).await;
    }
    ["paths", "between", "picture"].into()
}

/// Of equally short ways it is free which are listed.
async fn paths(graph: &TestGraph, rows: &Rows, atom: i64, ancestor: i64) {
    let parameters = [("atomId", atom.into()), ("ancestorAtomId", ancestor.into())];
    let columns = ["hops", "atomIds", "path", "complete"];
    let found = rows_of(graph, "paths", &parameters, &columns).await;
    let (hops, count) =
        ways(&rows.derived, rows.atom(atom), rows.atom(ancestor)).unwrap_or_default();
    assert_eq!(found.len(), WAYS_MAX.min(count), "{atom} from {ancestor}");
    let mut listed = BTreeSet::new();
    for row in found {
        let way: Vec<i64> = row.get("atomIds").unwrap();
        assert_eq!(row.get::<i64>("hops").unwrap(), i64::try_from(hops).unwrap());
        assert_eq!(way.len(), hops + 1);
        assert_eq!((way[0], way[hops]), (atom, ancestor));
        let is_step =
            |step: &[i64]| ends(&rows.derived, rows.atom(step[0])).contains(&rows.atom(step[1]));
        assert!(way.windows(2).all(is_step), "{way:?}");
        let complete: bool = row.get("complete").unwrap();
        assert_eq!(complete, count <= WAYS_MAX, "{count} ways from {atom} to {ancestor}");
        let path: Path = row.get("path").unwrap();
        let nodes = path.nodes();
        let of_path: Vec<i64> = nodes.iter().map(|node| node.get("atomId").unwrap()).collect();
        // A path has each node once, that of a cycle too.
        let last = if atom == ancestor { hops } else { hops + 1 };
        assert_eq!(of_path, way[..last]);
        assert!(
            listed
                .insert(path.rels().iter().map(neo4rs::UnboundedRelation::id).collect::<Vec<_>>())
        );
    }
}

/// Everything that is behind the one and before the other, each of them included.
async fn between(graph: &TestGraph, rows: &Rows, atom: i64, ancestor: i64) {
    let (begin, end) = (rows.atom(atom), rows.atom(ancestor));
    let mut before = reached(&rows.derived, begin);
    let mut after = reached(&turned(&rows.derived), end);
    before.insert(begin, 0);
    after.insert(end, 0);
    let mut expected: Vec<_> = before
        .iter()
        .filter_map(|(key, hops)| {
            let node = &rows.nodes[key];
            let metadata = or_null(node.metadata.as_ref());
            Some((*hops, *after.get(key)?, node.kind.clone(), node.atom, metadata))
        })
        .collect();
    expected.sort();
    let expected: Table = expected
        .into_iter()
        .map(|(hops, left, kind, atom, metadata)| {
            vec![hops.to_string(), left.to_string(), kind, atom.to_string(), metadata]
        })
        .collect();
    let columns = ["hops", "hopsLeft", "type", "atomId", "metadata"];
    let parameters: [(&str, BoltType); 2] =
        [("atomId", atom.into()), ("ancestorAtomId", ancestor.into())];
    let found = ask(graph, "between", &parameters, &columns).await;
    assert_eq!(found, expected, "between {atom} and {ancestor}");
}

/// Each relationship once; where there are too many, the nearest.
async fn picture(graph: &TestGraph, rows: &Rows, atom: i64) {
    let mut made = reached(&rows.derived, rows.atom(atom));
    made.insert(rows.atom(atom), 0);
    let step = |(key, hops): (&i64, &usize)| {
        let (from, hops) = (*key, *hops);
        ends(&rows.derived, from).iter().map(move |to| (hops, from, *to)).collect::<Vec<_>>()
    };
    let mut expected: Vec<(usize, i64, i64)> = made.iter().flat_map(step).collect();
    expected.sort_unstable();
    let found = rows_of(graph, "picture", &[("atomId", atom.into())], &["step", "complete"]).await;
    let is_complete = expected.len() <= STEPS_MAX;
    let mut drawn = Vec::new();
    for row in &found {
        assert_eq!(row.get::<bool>("complete").unwrap(), is_complete, "picture of {atom}");
        let nodes = row.get::<Path>("step").unwrap().nodes();
        let keys: Vec<i64> = nodes.iter().map(|node| node.get("nodeId").unwrap()).collect();
        // The path of a loop has its only node once.
        let (from, to) = (keys[0], *keys.last().unwrap());
        drawn.push((made[&from], from, to));
    }
    drawn.sort_unstable();
    if is_complete {
        assert_eq!(drawn, expected, "picture of {atom}");
        return;
    }
    assert_eq!(drawn.len(), STEPS_MAX);
    let farthest = drawn.last().unwrap().0;
    let nearer = expected.iter().filter(|(hops, ..)| *hops < farthest);
    assert!(drawn.starts_with(&nearer.copied().collect::<Vec<_>>()), "the nearest first");
    let there: BTreeMap<_, usize> = expected.iter().fold(BTreeMap::new(), |mut all, step| {
        *all.entry(step).or_default() += 1;
        all
    });
    assert!(drawn.iter().all(|step| there.contains_key(step)));
}
