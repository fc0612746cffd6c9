//! What both stores have next to the differences, and how a person looks at them: what a report needs
//! to be read, and the comparison does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::difference::{Difference, Near, Report, Thing};
use super::element::{Crossed, Node, NodeId, Way};
use super::lookup;
use super::shown::Shown;
use super::side::{Scope, Side};
use crate::config::Config;
use crate::error::{Kind, Result};
use crate::mapping::{Mapping, Registry, Slot};
use crate::neo4j::lineage::GraphSide;
use crate::neo4j::{Graph, checkpoint};
use crate::sqlserver::Source;
use crate::sqlserver::lineage::SourceSide;

/// Differences whose neighbours are read; those nearest to the roots.
const DIFFERENCES_MAX: usize = 20;
/// Relationships of all their nodes beyond which none are read: a picture can't hold them.
const EDGES_MAX: usize = 500;
/// Relationships that are kept.
const KEPT_MAX: usize = 40;

/// Adds to a report with differences the statements to look at them, and what is next to them; a note
/// where that can't be read, since what was found stays found.
pub async fn complete(config: &Config, mapping: &Mapping, report: &mut Report) {
    if report.differences.is_empty() {
        return;
    }
    if let Err(error) = read(config, mapping, report).await {
        report.notes.push(format!("what is next to the differences can't be read: {error}"));
    }
}

async fn read(config: &Config, mapping: &Mapping, report: &mut Report) -> Result<()> {
    let mapping = Arc::new(mapping.clone());
    let graph = Graph::connect(&config.graph).await?;
    let owned = checkpoint::read(&graph).await?.map(|found| found.state.owned);
    let registry = Registry::new(&mapping, &owned.unwrap_or_default());
    report.lookups = lookup::all(&mapping, &registry);
    let mut graph = GraphSide::new(graph, mapping.clone(), &registry, Scope::ALL);
    let source = Source::new(config.source.clone());
    let mut source = SourceSide::new(source, mapping.clone(), registry, Scope::ALL);
    report.around = near(&mut source, &mut graph, &mapping, &report.differences).await?;
    Ok(())
}

/// Nodes first, then relationships, all of which both sides have and agree on.
async fn near<A: Side, B: Side>(
    source: &mut A,
    graph: &mut B,
    mapping: &Mapping,
    differences: &[Difference],
) -> Result<Vec<Near>> {
    let mut of_both = BTreeSet::new();
    for (slot, keys) in keys(mapping, differences) {
        if let Slot::Node(table) = slot {
            of_both.extend(keys.into_iter().map(|key| NodeId::Row(table, key)));
        } else {
            of_both.extend(source.ends_of(slot, &keys).await?);
            of_both.extend(graph.ends_of(slot, &keys).await?);
        }
    }
    let ids: Vec<NodeId> = of_both.iter().cloned().collect();
    let mut crossed = BTreeMap::new();
    for way in [Way::Along, Way::Against] {
        let (Some(source), Some(graph)) =
            (edges(source, &ids, way).await?, edges(graph, &ids, way).await?)
        else {
            continue;
        };
        let agreed = source.into_iter().filter(|edge| graph.contains(edge));
        crossed.extend(agreed.map(|edge| ((edge.slot, edge.key), edge)));
    }
    let crossed: Vec<Crossed> = crossed.into_values().take(KEPT_MAX).collect();
    of_both.extend(crossed.iter().filter_map(|edge| edge.far.clone()));
    let ids: Vec<NodeId> = of_both.into_iter().collect();
    let (source, graph) = (source.nodes(&ids).await?, graph.nodes(&ids).await?);
    let identities = source.iter().map(|node| (&node.id, node)).collect();
    let relationships = crossed.iter().filter_map(|edge| relationship(mapping, edge, &identities));
    let nodes = source.iter().filter(|node| graph.contains(node));
    Ok(nodes.filter_map(|found| node(mapping, found)).chain(relationships).collect())
}

/// Row keys of the first differences, by table.
fn keys(mapping: &Mapping, differences: &[Difference]) -> BTreeMap<Slot, Vec<i64>> {
    let slots: BTreeMap<String, Slot> =
        mapping.tables().map(|(slot, table)| (table.name.to_string(), slot)).collect();
    let mut nearest: Vec<&Difference> = differences.iter().collect();
    nearest.sort_by_key(|difference| difference.hop);
    let mut keys: BTreeMap<Slot, Vec<i64>> = BTreeMap::new();
    for difference in nearest.into_iter().take(DIFFERENCES_MAX) {
        if let (Some(slot), Some(key)) = (slots.get(&difference.table), difference.key) {
            keys.entry(*slot).or_default().push(key);
        }
    }
    keys
}

/// `None` if there are more than a picture can hold.
async fn edges<S: Side>(side: &mut S, ids: &[NodeId], way: Way) -> Result<Option<Vec<Crossed>>> {
    match side.edges(ids, way, EDGES_MAX).await {
        Ok(edges) => Ok(Some(edges)),
        Err(error) if error.kind == Kind::TooLarge => Ok(None),
        Err(error) => Err(error),
    }
}

fn node(mapping: &Mapping, node: &Node) -> Option<Near> {
    let NodeId::Row(table, key) = node.id else { return None };
    let thing = Thing {
        names: vec![node.label.to_string()],
        identity: node.identity.as_ref().map(Shown::identity),
        ..Thing::default()
    };
    let table = mapping.nodes[table].table.name.to_string();
    Some(Near { table, key, thing, hop: None })
}

/// Its ends by what the table's relationships stand on: row keys of an edge table, identities of a
/// link table.
fn relationship(
    mapping: &Mapping,
    edge: &Crossed,
    nodes: &BTreeMap<&NodeId, &Node>,
) -> Option<Near> {
    let end = |id: &NodeId| match (edge.slot, id) {
        (Slot::Edge(_), NodeId::Row(_, key)) => {
            Some(Shown::of(&crate::model::Value::Integer(*key)))
        }
        (_, NodeId::Bare(identity)) => Some(Shown::identity(&identity.value)),
        _ => nodes.get(id).and_then(|node| node.identity.as_ref()).map(Shown::identity),
    };
    let (near, far) = (end(&edge.near)?, end(edge.far.as_ref()?)?);
    let (from, to) = match edge.way {
        Way::Along => (near, far),
        Way::Against => (far, near),
    };
    let names = vec![edge.name.to_string()];
    let thing = Thing { names, identity: None, from: Some(from), to: Some(to) };
    let table = mapping.table(edge.slot).name.to_string();
    Some(Near { table, key: edge.key, thing, hop: None })
}
