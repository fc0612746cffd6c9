//! Things in the graph that are not provsync's, counted by what they are.

use neo4rs::BoltType;

use super::cypher::foreign as cypher;
use super::{Graph, Statement, list, values};
use crate::compare::difference::{Foreign, ForeignKind};
use crate::error::Result;
use crate::mapping::Shape;

/// Counts them. It reads the whole graph.
pub async fn count(graph: &Graph, shapes: &[Shape]) -> Result<Vec<Foreign>> {
    let mut found = Vec::new();
    let nodes = Statement::new(cypher::nodes(shapes));
    add(graph, ForeignKind::Nodes, nodes, &mut found).await?;
    let relationships = Statement::new(cypher::relationships(shapes));
    add(graph, ForeignKind::Relationships, relationships, &mut found).await?;
    for shape in shapes {
        if let Some(text) = cypher::labels(shape) {
            let statement = Statement::new(text).with("own", own_labels(shape));
            add(graph, ForeignKind::Label, statement, &mut found).await?;
        }
        if let Some(text) = cypher::properties(shape) {
            let statement = Statement::new(text).with("own", own_properties(shape));
            add(graph, ForeignKind::Property, statement, &mut found).await?;
        }
    }
    found.sort_by(|a, b| (a.what, &a.name).cmp(&(b.what, &b.name)));
    found.dedup_by(|b, a| {
        let is_same = (a.what, &a.name) == (b.what, &b.name);
        a.count += if is_same { b.count } else { 0 };
        is_same
    });
    Ok(found)
}

fn own_labels(shape: &Shape) -> BoltType {
    let node = shape.node().map(|node| [node.label.as_str(), node.placeholder.as_str()]);
    let names = shape.names.iter().map(String::as_str);
    values::list(names.chain(node.into_iter().flatten()).map(BoltType::from))
}

fn own_properties(shape: &Shape) -> BoltType {
    let identity = shape.node().map(|node| node.identity.as_str());
    let properties = shape.properties.iter().map(String::as_str);
    let own = properties.chain([shape.key.as_str()]).chain(identity);
    values::list(own.map(BoltType::from))
}

async fn add(
    graph: &Graph,
    what: ForeignKind,
    statement: Statement,
    found: &mut Vec<Foreign>,
) -> Result<()> {
    graph
        .read(statement, |row| {
            let cells = list(&row)?;
            let name = match cells.first() {
                Some(BoltType::List(labels)) => {
                    let mut labels: Vec<&str> =
                        labels.value.iter().filter_map(values::text).collect();
                    labels.sort_unstable();
                    labels.join(":")
                }
                Some(name) => values::text(name).unwrap_or_default().to_owned(),
                None => String::new(),
            };
            let count = cells.get(1).and_then(values::integer);
            let count = count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            found.push(Foreign { what, name, count });
            Ok(())
        })
        .await
}
