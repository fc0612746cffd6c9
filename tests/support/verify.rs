//! `provsync verify` as the command line runs it, and what it found as lines.

use std::collections::BTreeSet;

use provsync::compare::difference::{Difference, Kind, Report};
use provsync::compare::{repair, verify};
use provsync::config::Config;
use provsync::error;
use provsync::mapping::Mapping;
use provsync::neo4j::{Graph, checkpoint};

use super::graph::TestGraph;
use super::run::config;
use super::source::TestSource;

pub fn mapping() -> Mapping {
    Mapping::default_mapping().unwrap()
}

/// Pages that no table fits, and not so small that a round takes long.
pub fn verify_config(source: &TestSource, graph: &TestGraph) -> Config {
    let mut config = config(&source.config(), graph);
    config.full.page_rows = 64;
    config
}

pub async fn verify_with(config: &Config, options: verify::Options) -> error::Result<Report> {
    Box::pin(verify::run(config, mapping(), options)).await
}

pub async fn verified(source: &TestSource, graph: &TestGraph) -> Report {
    verify_with(&verify_config(source, graph), verify::Options::default()).await.unwrap()
}

pub fn repair_options() -> repair::Options {
    repair::Options {
        dry_run: false,
        changes_max: repair::CHANGES_MAX,
        wait_max: Some(std::time::Duration::from_secs(30)),
        looks_max: 5,
    }
}

pub async fn repaired(config: &Config, report: &mut Report) {
    Box::pin(repair::run(config, &mapping(), repair_options(), report)).await.unwrap();
}

/// A difference in one line: table, key, what.
pub fn line(difference: &Difference) -> String {
    let key = difference.key.map_or_else(String::new, |key| format!("{key} "));
    let more = match &difference.kind {
        Kind::Property { property, .. } => format!(" {property}"),
        Kind::ExtraName { name } | Kind::Doubled { name } => format!(" {name}"),
        Kind::LeftoverPlaceholder => {
            format!(" {}", difference.graph[0].identity.as_ref().unwrap().text)
        }
        Kind::WrongKey { property, graph_value } => format!(" {property} {}", graph_value.text),
        Kind::NotInQuarantine { reason } | Kind::StillInQuarantine { reason } => {
            format!(" {reason}")
        }
        _ => String::new(),
    };
    format!("{} {key}{}{more}", difference.table, difference.kind.code())
}

pub fn lines(report: &Report) -> BTreeSet<String> {
    report.differences.iter().map(line).collect()
}

/// The graph's checkpoint says that it has all changes: a worker that lost some.
pub async fn say_all_is_carried(source: &TestSource, graph: &TestGraph) {
    let neo4j = Graph::connect(&graph.config).await.unwrap();
    let found = checkpoint::read(&neo4j).await.unwrap().unwrap();
    let (fence, _) = checkpoint::raise_for_any(&neo4j).await.unwrap();
    let version = Some(source.version().await);
    let state = checkpoint::State { version, ..found.state };
    neo4j
        .write(async |txn| checkpoint::advance(txn, &fence, None, &state, Some(true)).await)
        .await
        .unwrap();
}

/// Some nodes and relationships of every table get keys that are floats of the same number, texts, halves.
pub async fn give_keys_other_types(graph: &TestGraph) {
    for change in [
        "MATCH (n:AtomGraphNode) WHERE n.nodeId % 3 = 0 SET n.nodeId = toFloat(n.nodeId)",
        "MATCH (n:AtomGraphNode) WHERE n.nodeId IS :: INTEGER AND n.nodeId % 3 = 1 SET n.nodeId = toString(n.nodeId)",
        "MATCH ()-[r]->() WHERE r.edgeId % 2 = 0 SET r.edgeId = toFloat(r.edgeId)",
        "MATCH ()-[r]->() WHERE r.edgeId IS :: INTEGER AND r.edgeId % 5 = 1 SET r.edgeId = r.edgeId + 0.5",
        "MATCH ()-[r]->() WHERE r.streamId % 2 = 1 SET r.streamId = toString(r.streamId)",
    ] {
        graph.run(change).await;
    }
}
