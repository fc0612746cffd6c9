//! Which name in the graph every type of the source has, and all that provsync ever owned there.
//!
//! Listed types come from the mapping. A type that is not listed gets a name of its own once,
//! which then stands on the checkpoint, so that a later run gives it the same one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::{self, NameKind};
use super::{Mapping, Slot, TypeColumn};

/// Why a type has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoName {
    /// The name that would follow is refused: not a plain word, reserved, another's.
    Refused(&'static str),
    /// There are as many automatic types as the mapping allows.
    TooMany,
}

/// What provsync owns in the graph for one table; part of the checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Label of the table's nodes; empty for relationships.
    pub label: String,
    /// Label of its identities without a row; empty for relationships.
    pub placeholder: String,
    /// Property that carries the row key.
    pub key_property: String,
    /// Labels or relationship types by type name at the source, folded; of automatic types.
    pub automatic: BTreeMap<String, String>,
    /// Every label or relationship type that rows of the table ever had.
    pub names: BTreeSet<String>,
    /// Every property that rows of the table ever had, beside key and identity.
    pub properties: BTreeSet<String>,
}

/// The names in force, per table.
#[derive(Clone, Debug)]
pub struct Registry {
    owned: BTreeMap<String, Owned>,
    listed: BTreeMap<String, BTreeMap<String, String>>,
    /// By table: whether its rows are relationships, and the property that is unique under each of
    /// its names.
    unique: BTreeMap<String, (bool, String)>,
    reserved: BTreeSet<String>,
    automatic_max: usize,
}

impl Registry {
    /// The mapping's names, joined with what the checkpoint says was owned before.
    pub fn new(mapping: &Mapping, before: &BTreeMap<String, Owned>) -> Self {
        let placeholders = mapping.nodes.iter().map(|n| n.placeholder.clone());
        let mut registry = Self {
            owned: before.clone(),
            listed: BTreeMap::new(),
            unique: BTreeMap::new(),
            reserved: super::RESERVED_NAMES
                .into_iter()
                .map(String::from)
                .chain(placeholders)
                .collect(),
            automatic_max: mapping.automatic_types_max,
        };
        for (slot, table) in mapping.tables() {
            let name = table.name.to_string();
            let listed = type_column(mapping, slot).map(listed_names).unwrap_or_default();
            let owned = registry.owned.entry(name.clone()).or_default();
            owned.key_property.clone_from(&table.key_property);
            owned.properties.extend(mapping.properties(slot).into_iter().map(String::from));
            owned.names.extend(listed.values().cloned());
            let mut unique = (true, table.key_property.clone());
            match slot {
                Slot::Node(i) => {
                    owned.label.clone_from(&mapping.nodes[i].label);
                    owned.placeholder.clone_from(&mapping.nodes[i].placeholder);
                    unique = (false, mapping.nodes[i].identity.property.clone());
                }
                Slot::Link(i) => {
                    owned.names.insert(mapping.links[i].relationship.clone());
                }
                Slot::Edge(_) => {}
            }
            // A name that the mapping lists today is no longer automatic.
            owned.automatic.retain(|source, _| !listed.contains_key(source));
            registry.unique.insert(name.clone(), unique);
            registry.listed.insert(name, listed);
        }
        registry
    }

    /// Names that a table had and that the checkpoint does not say, since somebody deleted it: each
    /// name had a constraint on the property that is the table's own.
    ///
    /// `made`: of relationships or of nodes, the type or label, the property.
    pub fn recall<'c>(&mut self, made: impl Iterator<Item = (bool, &'c str, &'c str)>) {
        for (on_relationships, name, property) in made {
            let owners =
                self.unique.iter().filter(|(_, u)| **u == (on_relationships, property.to_owned()));
            for (table, _) in owners {
                let owned = self.owned.entry(table.clone()).or_default();
                if owned.label != name {
                    owned.names.insert(name.to_owned());
                }
            }
        }
    }

    /// The label or relationship type of a source type, if it has one already.
    pub fn name(&self, table: &str, source_type: &str) -> Option<&str> {
        let folded = names::fold(source_type);
        let listed = self.listed.get(table).and_then(|listed| listed.get(&folded));
        listed.or_else(|| self.owned.get(table)?.automatic.get(&folded)).map(String::as_str)
    }

    /// The name of a source type; one that is not known yet gets one now, which needs its
    /// constraint before any row is written.
    pub fn resolve(
        &mut self,
        table: &str,
        kind: NameKind,
        source_type: &str,
    ) -> Result<String, NoName> {
        if let Some(name) = self.name(table, source_type) {
            return Ok(name.to_owned());
        }
        let name = names::automatic(kind, source_type).map_err(NoName::Refused)?;
        if self.is_taken(table, kind, &name) {
            return Err(NoName::Refused("its name in the graph is already another type's"));
        }
        if self.owned.values().map(|o| o.automatic.len()).sum::<usize>() >= self.automatic_max {
            return Err(NoName::TooMany);
        }
        let owned = self.owned.entry(table.to_owned()).or_default();
        owned.automatic.insert(names::fold(source_type), name.clone());
        owned.names.insert(name.clone());
        Ok(name)
    }

    /// Every label or relationship type that rows of the table have or had, in order.
    pub fn owned_names(&self, table: &str) -> Vec<&str> {
        self.owned
            .get(table)
            .map(|o| o.names.iter().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// Properties that rows of the table had once and the mapping no longer gives them.
    pub fn former_properties(&self, table: &str, in_use: &[&str]) -> Vec<String> {
        let Some(owned) = self.owned.get(table) else { return Vec::new() };
        owned.properties.iter().filter(|p| !in_use.contains(&p.as_str())).cloned().collect()
    }

    /// What stands on the checkpoint.
    pub fn owned(&self) -> &BTreeMap<String, Owned> {
        &self.owned
    }

    /// Taken is what any row has now under another type, and what another table ever had.
    fn is_taken(&self, table: &str, kind: NameKind, name: &str) -> bool {
        let of_kind = |owned: &Owned| owned.label.is_empty() == (kind == NameKind::Relationship);
        let by = |(other, owned): (&String, &Owned)| {
            let listed = self.listed.get(other).is_some_and(|l| l.values().any(|n| n == name));
            let in_use = listed || owned.automatic.values().any(|n| n == name);
            let before = other != table && owned.names.contains(name);
            of_kind(owned) && (owned.label == name || in_use || before)
        };
        self.reserved.contains(name) || self.owned.iter().any(by)
    }
}

fn type_column(mapping: &Mapping, slot: Slot) -> Option<&TypeColumn> {
    match slot {
        Slot::Node(i) => Some(&mapping.nodes[i].types),
        Slot::Edge(i) => Some(&mapping.edges[i].types),
        Slot::Link(_) => None,
    }
}

fn listed_names(types: &TypeColumn) -> BTreeMap<String, String> {
    types.listed.iter().map(|(source, name)| (names::fold(source), name.clone())).collect()
}
