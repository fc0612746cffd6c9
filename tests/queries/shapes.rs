//! Graphs on which a query that counts paths, or stops early, shows: a chain of 5,000, a ladder of
//! diamonds with 2^40 paths, a cycle of 1,000, and forty atoms that each come from all others.

use neo4rs::query;
use provsync::mapping::Mapping;

use super::rows::Rows;
use super::support::graph::{TestGraph, empty};
use super::support::run::apply_schema;
use super::support::scenario::{Edge, Node, Scenario, Stream};

/// Steps of the chain.
pub const CHAIN: i64 = 5_000;
/// First atom and node key of the chain, of the diamonds, of the cycle, and of what is dense.
pub const CHAIN_AT: i64 = 1_001;
pub const DIAMONDS_AT: i64 = 10_000;
pub const CYCLE_AT: i64 = 20_000;
pub const DENSE_AT: i64 = 30_000;
/// Diamonds, one below the other.
pub const DIAMONDS: i64 = 40;
pub const CYCLE: i64 = 1_000;
pub const DENSE: i64 = 40;
/// Runs of one program, which every hundredth atom was made by.
const PROGRAM_AT: i64 = 40_000;

/// All of them in one graph, and streams between the same atoms. They are written as provsync would write
/// them, without a source: what is asked here is what queries answer.
pub async fn stand() -> (TestGraph, Rows) {
    let graph = empty().await;
    apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let scenario = scenario();
    let labels = [("atom", "Atom"), ("model", "Model"), ("layer", "Layer")];
    for (kind, label) in labels {
        let of_kind = scenario.nodes.iter().filter(|node| node.kind == kind);
        let rows = of_kind.map(|node| vec![node.key, node.atom]).collect();
        let create = format!(
            "CREATE (:{label}:AtomGraphNode {{nodeId: r[0], atomId: r[1], nodeType: '{kind}'}})"
        );
        write(&graph, &create, rows).await;
    }
    for (kind, name) in [
        ("DerivedFrom", "DERIVED_FROM"),
        ("GeneratedBy", "GENERATED_BY"),
        ("ComponentOf", "COMPONENT_OF"),
    ] {
        let of_kind = scenario.edges.iter().filter(|edge| edge.kind == kind);
        let rows = of_kind.map(|edge| vec![edge.key, edge.from, edge.to]).collect();
        let create = format!(
            "MATCH (a:AtomGraphNode {{nodeId: r[1]}}), (b:AtomGraphNode {{nodeId: r[2]}}) CREATE (a)-[:{name} {{edgeId: r[0]}}]->(b)"
        );
        write(&graph, &create, rows).await;
    }
    let rows = scenario.streams.iter().map(|s| vec![s.key, s.from, s.to]).collect();
    let create = "MATCH (a:Atom {atomId: r[1]}), (b:Atom {atomId: r[2]})
        CREATE (a)-[:GENERATED {streamId: r[0], generationType: 'text', modelUsed: 'm', createdAt: datetime('2024-03-03T00:00:00Z')}]->(b)";
    write(&graph, create, rows).await;
    (graph, Rows::of(&scenario))
}

async fn write(graph: &TestGraph, create: &str, rows: Vec<Vec<i64>>) {
    let statement = query(&format!("UNWIND $rows AS r {create}")).param("rows", rows);
    graph.driver.run(statement).await.unwrap();
}

fn scenario() -> Scenario {
    let mut all = Scenario::default();
    let chain: Vec<(i64, i64)> = (0..CHAIN).map(|i| (i, i + 1)).collect();
    add(&mut all, CHAIN_AT, &chain);
    let diamond = |i: i64| {
        [(3 * i, 3 * i + 1), (3 * i, 3 * i + 2), (3 * i + 1, 3 * i + 3), (3 * i + 2, 3 * i + 3)]
    };
    add(&mut all, DIAMONDS_AT, &(0..DIAMONDS).flat_map(diamond).collect::<Vec<_>>());
    let cycle: Vec<(i64, i64)> = (0..CYCLE).map(|i| (i, (i + 1) % CYCLE)).collect();
    add(&mut all, CYCLE_AT, &cycle);
    let from = |i: i64| (0..DENSE).filter(move |j| *j != i).map(move |j| (i, j));
    add(&mut all, DENSE_AT, &(0..DENSE).flat_map(from).collect::<Vec<_>>());
    runs(&mut all);
    all
}

/// Arrows between atoms that count from `first` on, as edges and as streams.
fn add(all: &mut Scenario, first: i64, arrows: &[(i64, i64)]) {
    let last = arrows.iter().map(|(from, to)| from.max(to)).max().unwrap();
    for key in first..=first + last {
        all.nodes.push(Node { key, atom: key, kind: "atom" });
    }
    for (from, to) in arrows {
        let (from, to) = (first + from, first + to);
        all.edges.push(Edge { key: next(all.edges.len()), from, to, kind: "DerivedFrom" });
        // A stream leads from what there was to what was made.
        all.streams.push(Stream { key: next(all.streams.len()), from: to, to: from });
    }
}

fn runs(all: &mut Scenario) {
    let made: Vec<i64> = all.nodes.iter().map(|node| node.key).step_by(100).collect();
    all.nodes.push(Node { key: PROGRAM_AT, atom: PROGRAM_AT, kind: "model" });
    for (run, made) in (PROGRAM_AT + 1..).zip(made) {
        all.nodes.push(Node { key: run, atom: run, kind: "layer" });
        for (from, to, kind) in [(made, run, "GeneratedBy"), (run, PROGRAM_AT, "ComponentOf")] {
            all.edges.push(Edge { key: next(all.edges.len()), from, to, kind });
        }
    }
}

fn next(len: usize) -> i64 {
    i64::try_from(len).unwrap() + 1
}
