//! What is to be done, by the checkpoint, the source and the mapping. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::mapping::registry::Owned;
use crate::mapping::{Mapping, Slot};
use crate::model::Recognition;
use crate::model::value::{VALUES, corrected_after};
use crate::neo4j::checkpoint::{Found, Progress, State, check_source};
use crate::sqlserver::epoch::{Epoch, Versions};
use crate::sqlserver::statements::tracked;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
// One at a time, and never in a list.
#[allow(clippy::large_enum_variant)]
pub enum Plan {
    /// The graph has all that the source has.
    Idle,
    /// Changes are there to be carried.
    Window,
    /// Tables are to be read anew, or a full is to be gone on with.
    Full(Start),
}

/// What a full begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Where an earlier one stopped, if it can be gone on with.
    pub progress: Option<Progress>,
    /// Tables that are read anew, `schema.table`.
    pub tables: BTreeSet<String>,
    /// The version that the checkpoint keeps meanwhile; `None` where the graph can't be trusted.
    pub version: Option<i64>,
    /// Why an earlier state is set aside; empty where there was nothing to say.
    pub reason: String,
    /// What provsync ever owned.
    pub owned: BTreeMap<String, Owned>,
}

/// What somebody asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// A full of all tables, whatever the checkpoint says; one that has begun is gone on with.
    pub full: bool,
    /// Not gone on with, but begun anew.
    pub restart: bool,
    /// Make a graph of another source equal to this one.
    pub adopt: bool,
    /// These tables, which no change tracking follows.
    pub tables: BTreeSet<String>,
    /// What the checkpoint says is not true any more, for this reason.
    pub distrust: Option<String>,
    /// All rows are looked at, for this reason.
    pub anew: Option<String>,
    /// These tables, which are frozen.
    pub thaw: BTreeSet<String>,
}

/// How far the checkpoint can be relied on.
enum Trust {
    /// Not at all.
    Nothing(String),
    /// What it says is true, but all rows must be looked at.
    Rows(String),
    /// All but these tables.
    AllBut(BTreeSet<String>, String),
    /// As it stands.
    All,
}

/// Decides.
///
/// # Errors
/// [`crate::error::Kind::Stop`] if the graph is another source's and it is not to be adopted, or if
/// it holds things of tables that this mapping no longer describes.
pub fn plan(
    found: Option<&Found>,
    epoch: &Epoch,
    versions: &Versions,
    mapping: &Mapping,
    asked: &Asked,
) -> Result<Plan> {
    let owned = found.map(|f| f.state.owned.clone()).unwrap_or_default();
    check_tables(mapping, &owned)?;
    let is_frozen = |name: &String| found.is_some_and(|f| f.state.frozen.contains_key(name));
    let takes_part = |name: &String| asked.full || asked.thaw.contains(name) || !is_frozen(name);
    let all = mapping.slots().into_iter().map(|s| mapping.entry(s));
    let all: BTreeSet<String> = all.filter(takes_part).collect();
    let kept = found.and_then(|f| f.state.version);
    let fresh = |tables, reason: &str, version| {
        Plan::Full(Start {
            progress: None,
            tables,
            version,
            reason: reason.to_owned(),
            owned: owned.clone(),
        })
    };
    let Some(found) = found else { return Ok(fresh(all, "", None)) };
    let state = &found.state;
    Ok(match trust(found, epoch, versions, mapping, asked)? {
        Trust::Nothing(reason) => fresh(all, &reason, None),
        Trust::Rows(reason) => fresh(all, &reason, kept),
        Trust::AllBut(_, reason) if asked.full => fresh(all, &reason, kept),
        Trust::AllBut(lost, reason) => {
            let begun = state.progress.iter().flat_map(|p| p.tables.clone());
            fresh(with_edges(mapping, lost.into_iter().chain(begun)), &reason, kept)
        }
        Trust::All if asked.restart => fresh(all, "asked to begin anew", kept),
        Trust::All => match &state.progress {
            Some(progress) if !asked.full || progress.tables.len() == all.len() => {
                Plan::Full(Start {
                    progress: Some(progress.clone()),
                    tables: progress.tables.iter().cloned().collect(),
                    version: kept,
                    reason: String::new(),
                    owned: owned.clone(),
                })
            }
            _ if asked.full => fresh(all, "", kept),
            _ if !asked.thaw.is_empty() => {
                let frozen = with_edges(mapping, asked.thaw.iter().cloned());
                fresh(frozen, "tables that were frozen are tried again", kept)
            }
            _ if asked.tables.iter().any(takes_part) => {
                let tables = asked.tables.iter().filter(|name| takes_part(name));
                fresh(with_edges(mapping, tables.cloned()), "", kept)
            }
            _ if state.cursor.is_none() && state.version == Some(current(versions)) => Plan::Idle,
            _ => Plan::Window,
        },
    })
}

/// The version after which a table's changes are wanted; `None` before its first full, and while it is
/// frozen.
pub fn from(state: &State, table: &str) -> Option<i64> {
    let followed = state.followed().filter(|_| !state.frozen.contains_key(table))?;
    let anew = state.progress.as_ref().filter(|p| p.tables.iter().any(|t| t == table));
    Some(anew.map_or(followed, |progress| progress.since.max(followed)))
}

fn current(versions: &Versions) -> i64 {
    versions.current.unwrap_or(0)
}

fn trust(
    found: &Found,
    epoch: &Epoch,
    versions: &Versions,
    mapping: &Mapping,
    asked: &Asked,
) -> Result<Trust> {
    let nothing = |reason: &str| Ok(Trust::Nothing(reason.to_owned()));
    let state = &found.state;
    check_source(state, &epoch.database, asked.adopt)?;
    if state.is_new() {
        // Made a moment ago by whoever raised its fence first: there is no earlier state.
        return nothing("");
    }
    match state.identity.recognise(&epoch.database) {
        Recognition::Same => {}
        Recognition::Adopted | Recognition::Copy => {
            return nothing("the graph followed another copy of the source");
        }
        Recognition::Other | Recognition::Unknown => {
            return nothing("the graph was another source's");
        }
    }
    if !found.sealed {
        return nothing("the checkpoint was changed by hand");
    }
    let Some(known) = &state.epoch else { return nothing("the checkpoint knows no epoch") };
    if known.is_restored(&epoch.database) || !state.identity.may_share_family(&epoch.database) {
        return nothing("the source was restored or has lost changes in a failover");
    }
    let positions = [state.version, state.followed(), state.progress.as_ref().map(|p| p.since)];
    if positions.into_iter().flatten().any(|version| version > current(versions)) {
        return nothing("the checkpoint is ahead of the source: it was restored");
    }
    if state.mapping != mapping.digest {
        return Ok(Trust::Rows("the mapping has changed".to_owned()));
    }
    if let Some(reason) = &asked.distrust {
        return Ok(Trust::Nothing(reason.clone()));
    }
    if let Some(reason) = &asked.anew {
        return Ok(Trust::Rows(reason.clone()));
    }
    let (mut lost, mut reasons) = lost_tables(state, epoch, versions, mapping)?;
    let corrected = corrected_entries(state, epoch, mapping);
    if !corrected.is_empty() {
        let entries: Vec<&str> = corrected.iter().map(String::as_str).collect();
        let types: Vec<&str> = corrected_after(state.values).collect();
        reasons.push(format!(
            "values of {} were read wrongly before, so those of {} are compared again (values form {VALUES} instead of {})",
            types.join(" and "),
            entries.join(", "),
            state.values
        ));
        lost.extend(corrected);
    }
    Ok(if lost.is_empty() { Trust::All } else { Trust::AllBut(lost, reasons.join("; ")) })
}

/// Entries with a column of a type that was read wrongly when the graph was written.
fn corrected_entries(state: &State, epoch: &Epoch, mapping: &Mapping) -> BTreeSet<String> {
    let types: BTreeSet<&str> = corrected_after(state.values).collect();
    let holds_one = |slot: &Slot| {
        let own = epoch.types.get(slot);
        own.is_some_and(|own| own.iter().any(|name| types.contains(name.as_str())))
    };
    mapping.slots().into_iter().filter(holds_one).map(|slot| mapping.entry(slot)).collect()
}

/// Entries whose changes since the checkpoint are not all there, and why.
///
/// # Errors
/// The source did not say where a tracked table stands.
fn lost_tables(
    state: &State,
    epoch: &Epoch,
    versions: &Versions,
    mapping: &Mapping,
) -> Result<(BTreeSet<String>, Vec<String>)> {
    let (mut lost, mut reasons) = (BTreeSet::new(), Vec::new());
    for (slot, _) in tracked(mapping) {
        let entry = mapping.entry(slot);
        if state.frozen.contains_key(&entry) {
            continue;
        }
        let from = from(state, &entry).unwrap_or(-1);
        let (object, min_valid) = (epoch.table(slot)?, versions.table(slot)?.min_valid);
        let known = state.epoch.as_ref().and_then(|known| known.table(&entry, &object));
        if known != Some(&object) {
            reasons.push(format!(
                "{entry} was truncated or recreated, or its tracking was switched off and on"
            ));
        } else if from < min_valid {
            reasons.push(format!(
                "changes of {entry} since version {from} are no longer there (from {min_valid} on): retention is over"
            ));
        } else {
            continue;
        }
        lost.insert(entry);
    }
    Ok((lost, reasons))
}

/// Tables, and the edge tables that stand on them: edges go with a node that leaves (R1).
fn with_edges(mapping: &Mapping, tables: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut tables: BTreeSet<String> = tables.collect();
    for edges in &mapping.edges {
        let stands_on = |i: usize| tables.contains(&mapping.nodes[i].table.name.to_string());
        if stands_on(edges.from) || stands_on(edges.to) {
            tables.insert(edges.table.name.to_string());
        }
    }
    tables
}

/// A table that was mapped once and is no longer mapped, or under another label or key, leaves
/// things in the graph that no statement of this mapping would find again.
///
/// # Errors
/// Names every such table.
fn check_tables(mapping: &Mapping, owned: &BTreeMap<String, Owned>) -> Result<()> {
    let mut left = Vec::new();
    for (name, before) in owned {
        let slot = mapping.tables().find(|(_, t)| t.name.to_string() == *name);
        let same = slot.is_some_and(|(slot, table)| {
            let (label, placeholder) = match slot {
                Slot::Node(i) => {
                    (mapping.nodes[i].label.as_str(), mapping.nodes[i].placeholder.as_str())
                }
                _ => ("", ""),
            };
            table.key_property == before.key_property
                && label == before.label
                && placeholder == before.placeholder
        });
        if !same {
            left.push(name.as_str());
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Error::stop(format!(
        "the graph holds things of {} that this mapping no longer describes (table, label, placeholder or key property changed)",
        left.join(", ")
    ))
    .hint("`provsync purge --yes` with the mapping that made them, then `provsync full` with this one"))
}

#[cfg(test)]
mod tests;
