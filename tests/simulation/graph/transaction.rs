//! What the items of a transaction do to the model, one by one, in the order of R8; uniqueness is
//! checked at once.

use std::collections::BTreeMap;

use provsync::error::{Error, Kind, Result};
use provsync::mapping::Shape;
use provsync::mapping::shape::{End, NodeShape, RelationshipShape};
use provsync::model::Value;
use provsync::model::value::IdentityValue;
use provsync::neo4j::apply::{Applied, Context, IDENTITY_TAKEN, Part, Waiting, updated_keys};
use provsync::neo4j::quarantine::{DETACHED, Reason, token};
use provsync::reconcile::desired::{Desired, Place};
use provsync::reconcile::diff::{Changes, Entry, Item, causes, is_new_cause};

use super::{Data, Node, Properties, Relationship, integer, is_refused};

/// The items of all parts, phase by phase over all of them.
pub fn write(data: &mut Data, parts: &[Part<'_>]) -> Result<Vec<Applied>> {
    let mut all: Vec<Applied> = parts.iter().map(|_| Applied::default()).collect();
    let mut links_lost: Vec<Vec<IdentityValue>> = vec![Vec::new(); parts.len()];
    for phase in [Phase::Clear, Phase::Nodes, Phase::Relationships, Phase::Close] {
        for ((part, applied), lost) in parts.iter().zip(&mut all).zip(&mut links_lost) {
            let mut change = Change { data, context: &part.context, applied, links_lost: lost };
            for step in phase.steps() {
                for item in part.items.iter().filter(|item| step_of(item) == *step) {
                    change.item(item)?;
                }
            }
            if phase == Phase::Close {
                change.collect_placeholders();
            }
        }
    }
    for (part, applied) in parts.iter().zip(&mut all) {
        applied.updated = updated_keys(part.items);
        for (code, count) in causes(part.items) {
            *applied.causes.entry(code).or_default() += count;
        }
    }
    Ok(all)
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Clear,
    Nodes,
    Relationships,
    Close,
}

impl Phase {
    fn steps(self) -> &'static [u8] {
        match self {
            Self::Clear => &[0],
            Self::Nodes => &[1, 2, 3, 4],
            Self::Relationships => &[5, 6],
            Self::Close => &[7, 8],
        }
    }
}

fn step_of(item: &Item) -> u8 {
    match item {
        Item::Delete { .. } => 0,
        Item::Leave { .. } => 1,
        Item::Unlabel { .. } => 2,
        Item::Enter { .. } => 3,
        Item::Rekey { .. } | Item::UpdateNode { .. } => 4,
        Item::UpdateRelationship { .. } => 5,
        Item::Create { .. } => 6,
        Item::Quarantine { .. } => 7,
        Item::Release { .. } | Item::Wake { .. } => 8,
    }
}

struct Change<'a> {
    data: &'a mut Data,
    context: &'a Context,
    applied: &'a mut Applied,
    /// Identities of placeholders that lost a link.
    links_lost: &'a mut Vec<IdentityValue>,
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
            Item::Delete { key, name, .. } => self.delete(&shape, name, *key)?,
            Item::Leave { key, .. } => self.leave(&shape, *key)?,
            Item::Unlabel { key, label } => {
                self.node(&shape, *key)?.labels.remove(label);
            }
            Item::Enter { node, entry } => self.enter(&shape, node, entry)?,
            // Nobody changes keys by hand there.
            Item::Rekey { .. } => return Err(moved()),
            Item::UpdateNode { key, changes } => {
                self.may_be(changes.iter().filter_map(|(_, value)| value.as_ref()))?;
                set(&mut self.node(&shape, *key)?.properties, &shape, changes);
            }
            Item::UpdateRelationship { relationship, changes } => {
                let (name, key) = (&relationship.name, relationship.key);
                self.may_be(changes.iter().filter_map(|(_, value)| value.as_ref()))?;
                let id = self.relationship(&shape, name, key).ok_or_else(moved)?;
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
            Item::Quarantine { key, reason, .. } => self.quarantine(*key, reason),
            Item::Release { key } => {
                self.release(*key);
                self.wake_row(&shape, *key);
            }
            Item::Wake { key } => self.wake_row(&shape, *key),
        }
        Ok(())
    }

    fn may_be<'v>(&self, mut values: impl Iterator<Item = &'v Value>) -> Result<()> {
        let is_refused = |value: &Value| matches!(value, Value::Text(text) if is_refused(text));
        if self.data.is_constrained && values.any(is_refused) { Err(not_unique()) } else { Ok(()) }
    }

    fn wake_row(&mut self, shape: &Shape, key: i64) {
        if let Some(node) = shape.node() {
            self.wake(&[token(&node.label, &IdentityValue::Integer(key))]);
        }
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

    fn delete(&mut self, shape: &Shape, name: &str, key: i64) -> Result<()> {
        let id = self.relationship(shape, name, key).ok_or_else(moved)?;
        let gone = self.data.relationships.remove(&id).unwrap();
        self.applied.deleted += 1;
        let ends = shape.relationship().unwrap();
        let Some(placeholder) = &ends.placeholder else { return Ok(()) };
        for (id, end) in [(gone.from, &ends.from), (gone.to, &ends.to)] {
            let node = &self.data.nodes[&id];
            let identity = node.properties.get(&end.property).and_then(IdentityValue::of);
            self.links_lost.extend(identity.filter(|_| node.labels.contains(placeholder)));
        }
        Ok(())
    }

    /// Placeholders that lost their last link go.
    fn collect_placeholders(&mut self) {
        let shape = self.context.shape.clone();
        let Some(ends) = shape.relationship() else { return };
        let Some(placeholder) = &ends.placeholder else { return };
        for identity in std::mem::take(self.links_lost) {
            let found = self.by_value(&ends.from.label, &ends.from.property, &identity);
            let Some(id) = found.filter(|id| self.data.nodes[id].labels.contains(placeholder))
            else {
                continue;
            };
            let needs = |r: &Relationship| {
                ends.links
                    .iter()
                    .any(|l| r.name == l.relationship && r.properties.contains_key(&l.key))
            };
            let of_node = |r: &&Relationship| r.from == id || r.to == id;
            if !self.data.relationships.values().filter(of_node).any(needs) {
                self.data.detach_delete(id);
                self.applied.placeholders_removed += 1;
                self.applied.counters.nodes_deleted += 1;
            }
        }
    }

    /// Entries that waited for one of these are due now.
    fn wake(&mut self, tokens: &[String]) {
        if self.context.somebody_waits {
            self.applied.due += self.data.wake(tokens);
        }
    }

    fn leave(&mut self, shape: &Shape, key: i64) -> Result<()> {
        let node = shape.node().unwrap();
        let id = self.node_id(shape, &node.label, key).ok_or_else(moved)?;
        let left = &self.data.nodes[&id];
        let identity = left.properties.get(&node.identity).and_then(IdentityValue::of);
        let labels = shape.names.iter().filter(|name| left.labels.contains(*name));
        let mut freed: Vec<String> =
            identity.iter().flat_map(|i| labels.clone().map(|l| token(l, i))).collect();
        freed.push(token(&node.label, &IdentityValue::Integer(key)));
        self.wake(&freed);
        let before = self.data.relationships.len();
        for edges in &node.edges {
            self.data.relationships.retain(|_, r| {
                let ours = edges.types.contains(&r.name) && r.properties.contains_key(&edges.key);
                !(ours && (r.from == id || r.to == id))
            });
        }
        self.applied.detached += u64::try_from(before - self.data.relationships.len()).unwrap();
        if self.data.is_needed(node, id) {
            let left = self.data.nodes.get_mut(&id).unwrap();
            left.labels.insert(node.placeholder.clone());
            left.labels.remove(&node.label);
            left.properties.remove(&shape.key);
            shape.properties.iter().for_each(|name| drop(left.properties.remove(name)));
        } else {
            self.data.detach_delete(id);
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
            self.may_be(properties.values())?;
            properties.insert(node.identity.clone(), identity.value());
            properties.insert(shape.key.clone(), Value::Integer(row.key));
            let labels = [row.name.to_string(), node.label.clone()].into();
            let id = self.data.next_id();
            self.data.nodes.insert(id, Node { labels, properties });
            self.applied.counters.nodes_created += 1;
            self.node_entered(node, row.key, entry);
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
            let reason = match key {
                None => Reason::new("identity-foreign", "a node of others has its identity"),
                Some(key) => Reason::new(IDENTITY_TAKEN, format!("the row with key {key} has it")),
            };
            self.reject(row.key, entry, &reason.waiting_for([token(&row.name, identity)]));
            return Ok(());
        }
        self.may_be(all(shape, row).values())?;
        let adopted = self.data.nodes.get_mut(&id).unwrap();
        adopted.labels.insert(node.label.clone());
        adopted.labels.remove(&node.placeholder);
        shape.properties.iter().for_each(|name| drop(adopted.properties.remove(name)));
        adopted.properties.extend(all(shape, row));
        adopted.properties.insert(shape.key.clone(), Value::Integer(row.key));
        self.node_entered(node, row.key, entry);
        Ok(())
    }

    fn node_entered(&mut self, node: &NodeShape, key: i64, entry: &Entry) {
        self.wake(&[token(&node.label, &IdentityValue::Integer(key))]);
        self.entered(key, entry);
    }

    fn entered(&mut self, key: i64, entry: &Entry) {
        self.applied.created += 1;
        if entry.is_some() {
            self.release(key);
        }
    }

    fn reject(&mut self, key: i64, entry: &Entry, reason: &Reason) {
        let same = |(code, print): &(String, String)| {
            code == reason.code && *print == reason.fingerprint()
        };
        if !entry.as_ref().is_some_and(same) {
            if reason.is_root_cause() && is_new_cause(entry.as_ref()) {
                *self.applied.causes.entry(reason.code).or_default() += 1;
            }
            self.quarantine(key, reason);
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
            (a, b) if self.context.quarantine_missing_ends => {
                let tokens = [token(&ends.from.label, from), token(&ends.to.label, to)];
                let detail = format!("{} {} {tokens:?}", a.is_none(), b.is_none());
                let reason = Reason::new("edge-end-missing", detail).waiting_for(tokens);
                self.reject(row.key, entry, &reason);
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
                let id = self.data.next_id();
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
        self.may_be(properties.values())?;
        properties.insert(shape.key.clone(), Value::Integer(row.key));
        let id = self.data.next_id();
        let name = row.name.to_string();
        self.data.relationships.insert(id, Relationship { name, from, to, properties });
        self.applied.counters.relationships_created += 1;
        self.entered(row.key, entry);
        Ok(())
    }

    fn quarantine(&mut self, key: i64, reason: &Reason) {
        self.data.put_entry(&self.context.shape.table, key, reason);
        self.applied.quarantined += u64::from(reason.code != DETACHED);
        // Neo4j counts these too; a run that changes an entry has written.
        self.applied.counters.properties_set += 1;
    }

    fn release(&mut self, key: i64) {
        let was_there = self.data.remove_entry(&self.context.shape.table, key);
        self.applied.counters.nodes_deleted += u64::from(was_there);
    }
}
