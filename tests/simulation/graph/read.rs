//! What the reading statements return.

use provsync::mapping::Shape;
use provsync::mapping::shape::NodeShape;
use provsync::model::Value;
use provsync::model::value::IdentityValue;
use provsync::reconcile::breaker::Target;
use provsync::reconcile::diff::{ActualNode, ActualNodes, ActualRelationship, ActualRelationships};
use provsync::sqlserver::pages::Keys;

use super::{Data, Node, Properties, integer};

fn properties(shape: &Shape, of: &Properties) -> Vec<Option<Value>> {
    shape.properties.iter().map(|name| of.get(name).cloned()).collect()
}

impl Data {
    pub fn count(&self, shape: &Shape, target: Target) -> usize {
        let has_key = |properties: &Properties| integer(properties, &shape.key).is_some();
        let (label, keyed) = match (shape.node(), target) {
            (Some(node), Target::Rows(_)) => (&node.label, true),
            (Some(node), Target::Placeholders(_)) => (&node.placeholder, false),
            (None, _) => {
                let of_type = |name| self.of_type(name).filter(|(_, r)| has_key(&r.properties));
                return shape.names.iter().map(|name| of_type(name).count()).sum();
            }
        };
        self.with_label(label).filter(|(_, n)| has_key(&n.properties) == keyed).count()
    }

    pub fn actual_nodes(&self, shape: &Shape, keys: &Keys) -> ActualNodes {
        let Some(node) = shape.node() else { return ActualNodes::new() };
        let actual = |n: &Node| ActualNode {
            names: shape.names.iter().filter(|l| n.labels.contains(*l)).cloned().collect(),
            identity: n.properties.get(&node.identity).and_then(IdentityValue::of),
            is_placeholder: n.labels.contains(&node.placeholder),
            has_float_key: false,
            properties: properties(shape, &n.properties),
        };
        let keyed = |n: &Node| integer(&n.properties, &shape.key).filter(|k| keys.contains(*k));
        self.with_label(&node.label).filter_map(|(_, n)| Some((keyed(n)?, actual(n)))).collect()
    }

    pub fn actual_relationships(&self, shape: &Shape, keys: &Keys) -> ActualRelationships {
        let mut found = ActualRelationships::new();
        let Some(ends) = shape.relationship() else { return found };
        let end = |id: u64, label: &str, property: &str| {
            let node = &self.nodes[&id];
            let value = node.properties.get(property).and_then(IdentityValue::of);
            value.filter(|_| node.labels.contains(label))
        };
        for name in &shape.names {
            for (_, r) in self.of_type(name) {
                let key = integer(&r.properties, &shape.key).filter(|key| keys.contains(*key));
                let Some(key) = key else { continue };
                found.entry(key).or_default().push(ActualRelationship {
                    name: name.clone(),
                    from: end(r.from, &ends.from.label, &ends.from.property),
                    to: end(r.to, &ends.to.label, &ends.to.property),
                    has_float_key: false,
                    properties: properties(shape, &r.properties),
                });
            }
        }
        found
    }

    pub fn edges_on(&self, nodes: &Shape, edges: &Shape, keys: &[i64]) -> Vec<(i64, String)> {
        let label = &nodes.node().unwrap().label;
        let is_one = |id: u64| {
            let node = &self.nodes[&id];
            let key = integer(&node.properties, &nodes.key);
            node.labels.contains(label) && key.is_some_and(|key| keys.contains(&key))
        };
        let on = self.relationships.values().filter(|r| is_one(r.from) || is_one(r.to));
        let ours = on.filter(|r| edges.names.contains(&r.name));
        ours.filter_map(|r| Some((integer(&r.properties, &edges.key)?, r.name.clone()))).collect()
    }

    /// Whether a link stands on the node that needs its identity.
    pub fn is_needed(&self, node: &NodeShape, id: u64) -> bool {
        node.links.iter().any(|links| {
            self.nodes[&id].labels.contains(&links.label)
                && self.of_type(&links.relationship).any(|(_, r)| {
                    (r.from == id || r.to == id) && r.properties.contains_key(&links.key)
                })
        })
    }

    /// Placeholders that no link needs.
    pub fn orphans(&self, shape: &Shape, node: &NodeShape) -> Vec<u64> {
        let placeholders = self.with_label(&node.placeholder);
        let without_row = placeholders.filter(|(_, n)| !n.properties.contains_key(&shape.key));
        without_row.map(|(id, _)| id).filter(|id| !self.is_needed(node, *id)).collect()
    }
}
