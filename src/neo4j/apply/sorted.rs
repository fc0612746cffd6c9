//! Items by what is done with them, so that each kind is one statement a label or type.

use std::collections::BTreeMap;

use crate::neo4j::quarantine::Reason;
use crate::reconcile::desired::Desired;
use crate::reconcile::diff::{Changes, Entry, Item};

/// Items by what is done with them.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    pub delete: BTreeMap<&'a str, Vec<i64>>,
    pub leave: Vec<i64>,
    pub unlabel: BTreeMap<&'a str, Vec<i64>>,
    pub enter: BTreeMap<&'a str, Vec<(&'a Desired, &'a Entry)>>,
    pub rekey_nodes: Vec<i64>,
    pub rekey_relationships: BTreeMap<&'a str, Vec<i64>>,
    pub update_nodes: Vec<(i64, &'a Changes)>,
    pub update_relationships: BTreeMap<&'a str, Vec<(i64, &'a Changes)>>,
    pub create: BTreeMap<&'a str, Vec<(&'a Desired, &'a Entry)>>,
    pub quarantine: Vec<(i64, Reason)>,
    pub release: Vec<i64>,
    pub wake: Vec<i64>,
}

impl<'a> Sorted<'a> {
    pub fn new(items: &'a [Item]) -> Self {
        let mut sorted = Self::default();
        for item in items {
            sorted.add(item);
        }
        sorted
    }

    fn add(&mut self, item: &'a Item) {
        match item {
            Item::Delete { key, name, .. } => self.delete.entry(name).or_default().push(*key),
            Item::Leave { key, .. } => self.leave.push(*key),
            Item::Unlabel { key, label } => self.unlabel.entry(label).or_default().push(*key),
            Item::Enter { node, entry } => {
                self.enter.entry(&node.name).or_default().push((node, entry));
            }
            Item::Rekey { key, name: None } => self.rekey_nodes.push(*key),
            Item::Rekey { key, name: Some(name) } => {
                self.rekey_relationships.entry(name).or_default().push(*key);
            }
            Item::UpdateNode { key, changes } => self.update_nodes.push((*key, changes)),
            Item::UpdateRelationship { relationship, changes } => {
                let of_name = self.update_relationships.entry(&relationship.name).or_default();
                of_name.push((relationship.key, changes));
            }
            Item::Create { relationship, entry } => {
                self.create.entry(&relationship.name).or_default().push((relationship, entry));
            }
            Item::Quarantine { key, reason, .. } => self.quarantine.push((*key, reason.clone())),
            Item::Release { key } => self.release.push(*key),
            Item::Wake { key } => self.wake.push(*key),
        }
    }
}
