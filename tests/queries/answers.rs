//! What each query has to answer, from the rows; and that it does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use neo4rs::{BoltType, Row, query};

use super::file::Query;
use super::rows::{Arrows, Rows, Stream, cycles as on_cycles, ends, reached, turned};
use super::support::graph::{TestGraph, text};
use super::support::source::TestSource;
use super::ways;

pub type Table = Vec<Vec<String>>;

/// Within which every query has to end, also on a machine that has much else to do.
pub const SECONDS_MAX: Duration = Duration::from_secs(30);

/// The rows of a query, which have these columns.
pub async fn rows_of(
    graph: &TestGraph,
    name: &str,
    parameters: &[(&str, BoltType)],
    columns: &[&str],
) -> Vec<Row> {
    let parameters = parameters.iter().map(|(name, value)| (*name, value.clone()));
    let statement = query(&Query::read(name).cypher).params(parameters);
    let read = async {
        let mut found = graph.driver.execute(statement).await?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().await? {
            let keys = row.keys();
            let keys: BTreeSet<&str> = keys.iter().map(|key| key.value.as_str()).collect();
            assert_eq!(keys, columns.iter().copied().collect(), "{name}: columns");
            rows.push(row);
        }
        Ok::<_, neo4rs::Error>(rows)
    };
    let ended = tokio::time::timeout(SECONDS_MAX, read).await;
    ended
        .unwrap_or_else(|_| panic!("{name} does not end"))
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub async fn ask(
    graph: &TestGraph,
    name: &str,
    parameters: &[(&str, BoltType)],
    columns: &[&str],
) -> Table {
    let rows = rows_of(graph, name, parameters, columns).await;
    let line = |row: Row| columns.iter().map(|c| text(&row.get::<BoltType>(c).unwrap())).collect();
    rows.into_iter().map(line).collect()
}

fn list(values: &[i64]) -> String {
    format!("{values:?}")
}

pub fn or_null(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "null".into())
}

/// All queries, on the sample.
pub async fn check(graph: &TestGraph, source: &TestSource) {
    let rows = Rows::read(source).await;
    let mut asked = walks(graph, &rows, &[1, 2, 9, 11, 23, 28, 30, 37, 61, 64]).await;
    asked.extend([cycles(graph, &rows, 1, 1_000).await, cycles(graph, &rows, 163, 1_000).await]);
    let pairs = [(28, 23), (28, 15), (28, 11), (28, 1), (1, 28), (28, 9), (61, 61), (28, 28)];
    asked.extend(ways::check(graph, &rows, &pairs).await);
    let atoms: [&[i64]; 5] = [&[28, 29], &[11, 12], &[28, 15, 12], &[1, 2], &[9]];
    asked.extend([shared(graph, &rows, &atoms).await, recipe(graph, &rows, &[28, 15, 1]).await]);
    asked.extend([ends_of_the_graph(graph, &rows).await, by_model(graph, &rows).await]);
    asked.extend([generated_from(graph, &rows, &[30, 11, 1, 9]).await]);
    let streams =
        [("softmean", Some("image")), ("align_warp", None), ("align_warp", Some("image"))];
    asked.extend([of_model(graph, &rows, &streams).await, quarantine(graph, &rows).await]);
    asked.insert(as_of(graph, source).await);
    let all: BTreeSet<String> = Query::all().into_iter().map(|query| query.name).collect();
    assert_eq!(asked.into_iter().map(String::from).collect::<BTreeSet<_>>(), all);
}

/// The queries that walk the lineage of one atom, from each of these; returns which those are.
pub async fn walks(graph: &TestGraph, rows: &Rows, atoms: &[i64]) -> BTreeSet<&'static str> {
    let products = turned(&rows.derived);
    // Atoms of other types have rows and no node that is an `:Atom`.
    let is_atom = |atom: &&i64| rows.nodes.values().any(|n| n.kind == "atom" && n.atom == **atom);
    for atom in atoms.iter().filter(is_atom) {
        let (up, down) =
            (reached(&rows.derived, rows.atom(*atom)), reached(&products, rows.atom(*atom)));
        let ending = |arrows: &Arrows, found: &BTreeMap<i64, usize>| {
            let mut found = found.clone();
            found.retain(|key, _| ends(arrows, *key).is_empty());
            found
        };
        for (name, expected) in [
            ("ancestors", &up),
            ("descendants", &down),
            ("roots", &ending(&rows.derived, &up)),
            ("leaves", &ending(&products, &down)),
        ] {
            let found = ask(
                graph,
                name,
                &[("atomId", (*atom).into())],
                &["hops", "type", "atomId", "metadata"],
            )
            .await;
            assert_eq!(found, things(rows, expected), "{name} of {atom}");
        }
        impact(graph, rows, *atom, &down).await;
    }
    ["ancestors", "descendants", "roots", "leaves", "impact"].into()
}

fn things(rows: &Rows, hops: &BTreeMap<i64, usize>) -> Table {
    let mut found: Vec<_> = hops
        .iter()
        .map(|(key, hops)| {
            let node = &rows.nodes[key];
            (*hops, &node.kind, node.atom, or_null(node.metadata.as_ref()))
        })
        .collect();
    found.sort();
    found
        .into_iter()
        .map(|(hops, kind, atom, metadata)| {
            vec![hops.to_string(), kind.clone(), atom.to_string(), metadata]
        })
        .collect()
}

async fn impact(graph: &TestGraph, rows: &Rows, atom: i64, down: &BTreeMap<i64, usize>) {
    let products = turned(&rows.derived);
    let mut kinds: BTreeMap<&str, Vec<(usize, bool)>> = BTreeMap::new();
    for (key, hops) in down {
        let is_end = ends(&products, *key).is_empty();
        kinds.entry(&rows.nodes[key].kind).or_default().push((*hops, is_end));
    }
    let expected: Table = kinds
        .into_iter()
        .map(|(kind, found)| {
            let hops = || found.iter().map(|(hops, _)| *hops);
            let numbers = [
                found.len(),
                found.iter().filter(|(_, is_end)| *is_end).count(),
                hops().min().unwrap(),
                hops().max().unwrap(),
            ];
            std::iter::once(kind.to_owned()).chain(numbers.map(|n| n.to_string())).collect()
        })
        .collect();
    let columns = ["type", "inDoubt", "endProducts", "nearest", "farthest"];
    let found = ask(graph, "impact", &[("atomId", atom.into())], &columns).await;
    assert_eq!(found, expected, "impact of {atom}");
}

/// Of a range of node keys.
pub async fn cycles(graph: &TestGraph, rows: &Rows, first: i64, last: i64) -> &'static str {
    let line = |(key, hops): (i64, usize)| {
        let node = &rows.nodes[&key];
        vec![hops.to_string(), node.kind.clone(), node.atom.to_string(), key.to_string()]
    };
    let all = on_cycles(&rows.derived).into_iter();
    let expected: Table = all.filter(|(key, _)| (first..=last).contains(key)).map(line).collect();
    let range = [("firstNodeId", first.into()), ("lastNodeId", last.into())];
    let columns = ["hops", "type", "atomId", "nodeId"];
    assert_eq!(ask(graph, "cycles", &range, &columns).await, expected, "{first} to {last}");
    "cycles"
}

pub async fn shared(graph: &TestGraph, rows: &Rows, of: &[&[i64]]) -> &'static str {
    for atoms in of {
        let each: Vec<_> =
            atoms.iter().map(|atom| reached(&rows.derived, rows.atom(*atom))).collect();
        let hops =
            |key| each.iter().map(|found| found.get(key).copied()).collect::<Option<Vec<_>>>();
        let mut expected: Vec<_> = rows
            .nodes
            .iter()
            .filter_map(|(key, node)| {
                let hops = hops(key)?;
                let metadata = or_null(node.metadata.as_ref());
                Some((
                    hops.iter().sum::<usize>(),
                    &node.kind,
                    node.atom,
                    format!("{hops:?}"),
                    metadata,
                ))
            })
            .collect();
        expected.sort();
        let expected: Table = expected
            .into_iter()
            .map(|(_, kind, atom, hops, metadata)| {
                vec![hops, kind.clone(), atom.to_string(), metadata]
            })
            .collect();
        let list: Vec<BoltType> = atoms.iter().map(|atom| (*atom).into()).collect();
        let columns = ["hops", "type", "atomId", "metadata"];
        let found = ask(graph, "shared-ancestry", &[("atomIds", list.into())], &columns).await;
        assert_eq!(found, expected, "{atoms:?}");
    }
    "shared-ancestry"
}

pub async fn recipe(graph: &TestGraph, rows: &Rows, atoms: &[i64]) -> &'static str {
    for atom in atoms.iter().copied() {
        let mut made = reached(&rows.derived, rows.atom(atom));
        made.insert(rows.atom(atom), 0);
        let mut runs: BTreeMap<i64, (usize, BTreeSet<i64>)> = BTreeMap::new();
        for (key, hops) in &made {
            for run in ends(&rows.generated_by, *key) {
                let entry = runs.entry(*run).or_insert((usize::MAX, BTreeSet::new()));
                entry.0 = entry.0.min(*hops);
                entry.1.insert(rows.nodes[key].atom);
            }
        }
        let mut expected = Vec::new();
        for (run, (hops, made)) in runs {
            let node = &rows.nodes[&run];
            for program in ends(&rows.component_of, run) {
                let made: Vec<i64> = made.iter().copied().collect();
                let metadata = or_null(node.metadata.as_ref());
                expected.push((hops, node.atom, rows.nodes[program].atom, metadata, list(&made)));
            }
        }
        expected.sort();
        let expected: Table = expected
            .into_iter()
            .map(|(hops, run, program, metadata, made)| {
                vec![hops.to_string(), run.to_string(), metadata, program.to_string(), made]
            })
            .collect();
        let columns = ["hops", "run", "metadata", "program", "made"];
        assert_eq!(ask(graph, "recipe", &[("atomId", atom.into())], &columns).await, expected);
    }
    "recipe"
}

pub async fn ends_of_the_graph(graph: &TestGraph, rows: &Rows) -> &'static str {
    let products = turned(&rows.derived);
    let mut kinds: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (key, node) in &rows.nodes {
        let (up, down) = (!ends(&rows.derived, *key).is_empty(), !ends(&products, *key).is_empty());
        let place = match (up, down) {
            (false, true) => 0,
            (true, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        };
        kinds.entry(&node.kind).or_default()[place] += 1;
    }
    let line = |(kind, counts): (&str, [usize; 4])| {
        std::iter::once(kind.to_owned()).chain(counts.map(|n| n.to_string())).collect()
    };
    let expected: Table = kinds.into_iter().map(line).collect();
    let columns = ["type", "roots", "between", "leaves", "unconnected"];
    assert_eq!(ask(graph, "ends-of-the-graph", &[], &columns).await, expected);
    "ends-of-the-graph"
}

pub async fn generated_from(graph: &TestGraph, rows: &Rows, atoms: &[i64]) -> &'static str {
    let back = rows.generated_from();
    let with_row: BTreeMap<i64, _> =
        rows.nodes.values().filter(|n| n.kind == "atom").map(|n| (n.atom, n)).collect();
    for atom in atoms.iter().copied() {
        let mut expected: Vec<_> =
            reached(&back, atom).into_iter().map(|(a, hops)| (hops, a)).collect();
        expected.sort_unstable();
        let line = |(hops, atom): (usize, i64)| {
            let row = with_row.get(&atom);
            let metadata = or_null(row.and_then(|node| node.metadata.as_ref()));
            vec![hops.to_string(), atom.to_string(), row.is_some().to_string(), metadata]
        };
        let expected: Table = expected.into_iter().map(line).collect();
        let columns = ["hops", "atomId", "hasRow", "metadata"];
        let found = ask(graph, "generated-from", &[("atomId", atom.into())], &columns).await;
        assert_eq!(found, expected, "{atom}");
    }
    "generated-from"
}

pub async fn by_model(graph: &TestGraph, rows: &Rows) -> &'static str {
    let mut groups: BTreeMap<(bool, String, String), Vec<&Stream>> = BTreeMap::new();
    for stream in &rows.streams {
        // Cypher sorts null last.
        let key = (stream.model.is_none(), or_null(stream.model.as_ref()), stream.kind.clone());
        groups.entry(key).or_default().push(stream);
    }
    let line = |((_, model, kind), streams): ((bool, String, String), Vec<&Stream>)| {
        let count =
            |end: fn(&&Stream) -> i64| streams.iter().map(end).collect::<BTreeSet<_>>().len();
        let times = || streams.iter().map(|stream| stream.created);
        vec![
            model,
            kind,
            streams.len().to_string(),
            count(|stream| stream.from).to_string(),
            count(|stream| stream.to).to_string(),
            times().min().unwrap().to_rfc3339(),
            times().max().unwrap().to_rfc3339(),
        ]
    };
    let expected: Table = groups.into_iter().map(line).collect();
    let columns = ["model", "type", "streams", "sources", "targets", "first", "last"];
    assert_eq!(ask(graph, "streams-by-model", &[], &columns).await, expected);
    "streams-by-model"
}

/// The last thousand, and whether they are all.
pub async fn of_model(
    graph: &TestGraph,
    rows: &Rows,
    cases: &[(&str, Option<&str>)],
) -> &'static str {
    for (model, kind) in cases.iter().copied() {
        let is_of = |stream: &&Stream| {
            stream.model.as_deref() == Some(model) && kind.is_none_or(|kind| stream.kind == kind)
        };
        let mut expected: Vec<&Stream> = rows.streams.iter().filter(is_of).collect();
        expected.sort_by_key(|stream| std::cmp::Reverse((stream.created, stream.key)));
        let complete = (expected.len() <= 1_000).to_string();
        let line = |stream: &Stream| {
            vec![
                stream.key.to_string(),
                stream.from.to_string(),
                stream.to.to_string(),
                stream.kind.clone(),
                or_null(stream.parameters.as_ref()),
                stream.created.to_rfc3339(),
                complete.clone(),
            ]
        };
        let expected: Table = expected.into_iter().take(1_000).map(line).collect();
        let kind = kind.map_or(BoltType::Null(neo4rs::BoltNull), BoltType::from);
        let columns = [
            "streamId",
            "sourceAtomId",
            "targetAtomId",
            "type",
            "parameters",
            "createdAt",
            "complete",
        ];
        let parameters = [("model", model.into()), ("type", kind)];
        assert_eq!(
            ask(graph, "streams-of-model", &parameters, &columns).await,
            expected,
            "{model}"
        );
    }
    "streams-of-model"
}

async fn quarantine(graph: &TestGraph, rows: &Rows) -> &'static str {
    assert!(rows.left_out.len() > 1, "the rows have something to leave out");
    for prefix in ["", "graph.AtomGraphNodes", "provenance."] {
        let columns = ["table", "key", "reason", "detail", "since"];
        let found = ask(graph, "quarantine", &[("table", prefix.into())], &columns).await;
        let keys: Vec<_> = found.iter().map(|row| (row[0].as_str(), row[1].clone())).collect();
        let of_it = rows.left_out.iter().filter(|(table, _)| table.starts_with(prefix));
        let expected: Vec<_> = of_it.map(|(table, key)| (*table, key.to_string())).collect();
        assert_eq!(keys, expected, "{prefix}");
        for row in &found {
            let is_node = row[0] == "graph.AtomGraphNodes";
            assert_eq!(row[2], if is_node { "identity-taken" } else { "edge-end-missing" });
            assert!(row[3] != "null" && row[4] != "null", "{row:?}");
        }
    }
    "quarantine"
}

async fn as_of(graph: &TestGraph, source: &TestSource) -> &'static str {
    let columns = ["source", "version", "exact", "asOf", "updatedAt", "phase"];
    let found = ask(graph, "as-of", &[], &columns).await;
    assert_eq!(found.len(), 1);
    let database = &source.config().database;
    assert!(found[0][0].contains(database.as_str()), "{database}: {found:?}");
    let version = source.version().await.to_string();
    assert_eq!(found[0][1..3], [version, "true".to_owned()]);
    assert_eq!(found[0][5], "idle");
    "as-of"
}
