//! What the items of a transaction do to the model, one by one, in the order of R8; uniqueness is
//! checked at once.

use std::collections::BTreeMap;

use provsync::error::{Error, Kind, Result};
use provsync::mapping::Shape;
use provsync::mapping::shape::{End, NodeShape, RelationshipShape};
use provsync::model::Value;
use provsync::model::value::IdentityValue;
use provsync::neo4j::apply::{Applied, Context, IDENTITY_TAKEN, Waiting, updated_keys};
use provsync::reconcile::desired::{Desired, Place};
use provsync::reconcile::diff::{Changes, Entry, Item};

use crate::graph::{Data, Node, Properties, Relationship, integer};

pub fn apply(data: &mut Data, context: &Context, items: &[Item]) -> Result<Applied> {
    let mut change = Change { data, context, applied: Applied::default() };
    for phase in 0..=5 {
        for item in items.iter().filter(|item| phase_of(item) == phase) {
            change.item(item)?;
        }
    }
    let mut applied = change.applied;
    applied.updated = updated_keys(items);
    Ok(applied)
}

fn phase_of(item: &Item) -> u8 {
    match item {
        Item::Delete { .. } => 0,
        Item::Leave { .. } => 1,
        Item::Unlabel { .. } => 2,
        Item::Enter { .. } | Item::UpdateNode { .. } => 3,
        Item::UpdateRelationship { .. } | Item::Create { .. } => 4,
        Item::Quarantine { .. } | Item::Release { .. } => 5,
    }
}

/// Whether a link stands on the node that needs its identity.
pub fn is_needed(data: &Data, node: &NodeShape, id: u64) -> bool {
    node.links.iter().any(|links| {
        data.nodes[&id].labels.contains(&links.label)
            && data
                .of_type(&links.relationship)
                .any(|(_, r)| (r.from == id || r.to == id) && r.properties.contains_key(&links.key))
    })
}

pub fn detach_delete(data: &mut Data, id: u64) {
    data.relationships.retain(|_, r| r.from != id && r.to != id);
    data.nodes.remove(&id);
}

struct Change<'a> {
    data: &'a mut Data,
    context: &'a Context,
    applied: Applied,
}

fn moved() -> Error {
    Error::new(Kind::Transient, "the graph changed while it was written")
}

fn not_unique() -> Error {
    Error::new(Kind::Refused, "a constraint is broken")
}

fn set(properties: &mut Properties, shape: &Shape, changes: &Changes) {
    for (index, value) in changes {
        match value {
            Some(value) => properties.insert(shape.properties[*index].clone(), value.clone()),
            None => properties.remove(&shape.properties[*index]),
        };
    }
}

fn all(shape: &Shape, desired: &Desired) -> Properties {
    let named = shape.properties.iter().zip(&desired.properties);
    named.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}

impl Change<'_> {
    fn item(&mut self, item: &Item) -> Result<()> {
        let shape = self.context.shape.clone();
        match item {
            Item::Delete { key, name, .. } => {
                let id = self.relationship(&shape, name, *key).ok_or_else(moved)?;
                self.data.relationships.remove(&id);
                self.applied.deleted += 1;
            }
            Item::Leave { key, .. } => self.leave(&shape, *key)?,
            Item::Unlabel { key, label } => {
                self.node(&shape, *key)?.labels.remove(label);
            }
            Item::Enter { node, entry } => self.enter(&shape, node, entry)?,
            Item::UpdateNode { key, changes } => {
                set(&mut self.node(&shape, *key)?.properties, &shape, changes);
            }
            Item::UpdateRelationship { key, name, changes } => {
                let id = self.relationship(&shape, name, *key).ok_or_else(moved)?;
                let r = self.data.relationships.get_mut(&id).unwrap();
                set(&mut r.properties, &shape, changes);
            }
            Item::Create { relationship, entry } => {
                let ends = shape.relationship().unwrap();
                match &ends.placeholder {
                    Some(placeholder) => {
                        self.link(&shape, ends, placeholder, relationship, entry)?;
                    }
                    None => self.edge(&shape, ends, relationship, entry)?,
                }
            }
            Item::Quarantine { key, reason } => {
                self.quarantine(*key, reason.code, &reason.detail);
            }
            Item::Release { key } => self.release(*key),
        }
        Ok(())
    }

    fn node_id(&self, shape: &Shape, label: &str, key: i64) -> Option<u64> {
        let has = |n: &Node| integer(&n.properties, &shape.key) == Some(key);
        self.data.with_label(label).find(|(_, n)| has(n)).map(|(id, _)| id)
    }

    fn node(&mut self, shape: &Shape, key: i64) -> Result<&mut Node> {
        let id = self.node_id(shape, &shape.node().unwrap().label, key).ok_or_else(moved)?;
        Ok(self.data.nodes.get_mut(&id).unwrap())
    }

    fn relationship(&self, shape: &Shape, name: &str, key: i64) -> Option<u64> {
        let has = |p: &Properties| integer(p, &shape.key) == Some(key);
        self.data.of_type(name).find(|(_, r)| has(&r.properties)).map(|(id, _)| id)
    }

    fn by_value(&self, label: &str, property: &str, value: &IdentityValue) -> Option<u64> {
        let has = |n: &Node| {
            n.properties.get(property).and_then(IdentityValue::of).as_ref() == Some(value)
        };
        self.data.with_label(label).find(|(_, n)| has(n)).map(|(id, _)| id)
    }

    fn leave(&mut self, shape: &Shape, key: i64) -> Result<()> {
        let node = shape.node().unwrap();
        let id = self.node_id(shape, &node.label, key).ok_or_else(moved)?;
        let before = self.data.relationships.len();
        for edges in &node.edges {
            self.data.relationships.retain(|_, r| {
                let ours = edges.types.contains(&r.name) && r.properties.contains_key(&edges.key);
                !(ours && (r.from == id || r.to == id))
            });
        }
        self.applied.detached += u64::try_from(before - self.data.relationships.len()).unwrap();
        if is_needed(self.data, node, id) {
            let left = self.data.nodes.get_mut(&id).unwrap();
            left.labels.insert(node.placeholder.clone());
            left.labels.remove(&node.label);
            left.properties.remove(&shape.key);
            shape.properties.iter().for_each(|name| drop(left.properties.remove(name)));
        } else {
            detach_delete(self.data, id);
        }
        self.applied.deleted += 1;
        Ok(())
    }

    fn enter(&mut self, shape: &Shape, row: &Desired, entry: &Entry) -> Result<()> {
        let node = shape.node().unwrap();
        let Place::Node(identity) = &row.place else { panic!("a node has an identity") };
        let Some(id) = self.by_value(&row.name, &node.identity, identity) else {
            if self.node_id(shape, &node.label, row.key).is_some() {
                return Err(not_unique());
            }
            let mut properties = all(shape, row);
            properties.insert(node.identity.clone(), identity.value());
            properties.insert(shape.key.clone(), Value::Integer(row.key));
            let labels = [row.name.to_string(), node.label.clone()].into();
            let id = self.next_id();
            self.data.nodes.insert(id, Node { labels, properties });
            self.applied.counters.nodes_created += 1;
            self.entered(row.key, entry);
            return Ok(());
        };
        let owner = &self.data.nodes[&id];
        let key = integer(&owner.properties, &shape.key);
        let has_label = owner.labels.contains(&node.label);
        let may_adopt = match key {
            None => owner.labels.contains(&node.placeholder),
            Some(key) => key == row.key && !has_label,
        };
        if key == Some(row.key) && has_label {
            return Err(moved());
        }
        if !may_adopt {
            let (code, detail) = match key {
                None => ("identity-foreign", "a node of others has its identity".to_owned()),
                Some(key) => (IDENTITY_TAKEN, format!("the row with key {key} has it")),
            };
            self.reject(row.key, entry, code, &detail);
            return Ok(());
        }
        let adopted = self.data.nodes.get_mut(&id).unwrap();
        adopted.labels.insert(node.label.clone());
        adopted.labels.remove(&node.placeholder);
        shape.properties.iter().for_each(|name| drop(adopted.properties.remove(name)));
        adopted.properties.extend(all(shape, row));
        adopted.properties.insert(shape.key.clone(), Value::Integer(row.key));
        self.entered(row.key, entry);
        Ok(())
    }

    fn entered(&mut self, key: i64, entry: &Entry) {
        self.applied.created += 1;
        if entry.is_some() {
            self.release(key);
        }
    }

    fn reject(&mut self, key: i64, entry: &Entry, code: &'static str, detail: &str) {
        if !entry.as_ref().is_some_and(|(c, d)| c == code && d == detail) {
            self.quarantine(key, code, detail);
        }
    }

    fn edge(
        &mut self,
        shape: &Shape,
        ends: &RelationshipShape,
        row: &Desired,
        entry: &Entry,
    ) -> Result<()> {
        let Place::Between(from, to) = &row.place else { panic!("a relationship has ends") };
        let find = |end: &End, value| self.by_value(&end.label, &end.property, value);
        match (find(&ends.from, from), find(&ends.to, to)) {
            (Some(from), Some(to)) => self.relate(shape, row, from, to, entry),
            (from, to) if self.context.quarantine_missing_ends => {
                let detail = format!("{} {}", from.is_none(), to.is_none());
                self.reject(row.key, entry, "edge-end-missing", &detail);
                Ok(())
            }
            (from, to) => {
                let (lacks_from, lacks_to) = (from.is_none(), to.is_none());
                self.applied.waiting.push(Waiting { key: row.key, lacks_from, lacks_to });
                Ok(())
            }
        }
    }

    fn link(
        &mut self,
        shape: &Shape,
        ends: &RelationshipShape,
        placeholder: &str,
        row: &Desired,
        entry: &Entry,
    ) -> Result<()> {
        let Place::Between(from, to) = &row.place else { panic!("a relationship has ends") };
        let mut stand = |end: &End, value: &IdentityValue| {
            self.by_value(&end.label, &end.property, value).unwrap_or_else(|| {
                let id = self.next_id();
                let labels = [end.label.clone(), placeholder.to_owned()].into();
                let properties = BTreeMap::from([(end.property.clone(), value.value())]);
                self.data.nodes.insert(id, Node { labels, properties });
                self.applied.counters.nodes_created += 1;
                id
            })
        };
        let (from, to) = (stand(&ends.from, from), stand(&ends.to, to));
        self.relate(shape, row, from, to, entry)
    }

    fn relate(
        &mut self,
        shape: &Shape,
        row: &Desired,
        from: u64,
        to: u64,
        entry: &Entry,
    ) -> Result<()> {
        if let Some(id) = self.relationship(shape, &row.name, row.key) {
            let there = &self.data.relationships[&id];
            let same = there.from == from && there.to == to;
            return Err(if same { moved() } else { not_unique() });
        }
        let mut properties = all(shape, row);
        properties.insert(shape.key.clone(), Value::Integer(row.key));
        let id = self.next_id();
        let name = row.name.to_string();
        self.data.relationships.insert(id, Relationship { name, from, to, properties });
        self.applied.counters.relationships_created += 1;
        self.entered(row.key, entry);
        Ok(())
    }

    fn quarantine(&mut self, key: i64, code: &str, detail: &str) {
        let entry = (code.to_owned(), detail.to_owned());
        self.data.entries.insert((self.context.shape.table.clone(), key), entry);
        self.applied.quarantined += 1;
        // Neo4j counts these too; a run that changes an entry has written.
        self.applied.counters.properties_set += 1;
    }

    fn release(&mut self, key: i64) {
        let gone = self.data.entries.remove(&(self.context.shape.table.clone(), key));
        self.applied.counters.nodes_deleted += u64::from(gone.is_some());
    }

    fn next_id(&mut self) -> u64 {
        self.data.next_id += 1;
        self.data.next_id
    }
}
