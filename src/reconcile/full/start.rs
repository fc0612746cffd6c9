//! How a full begins: anew, where an earlier one stopped, or not at all. Pure.

use std::collections::BTreeMap;

use super::Options;
use crate::error::{Error, Result};
use crate::mapping::registry::Owned;
use crate::mapping::{Mapping, Slot};
use crate::neo4j::checkpoint::{Found, Progress};
use crate::sqlserver::epoch::{Epoch, Versions};

/// What a full begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Where an earlier one stopped, if it can be gone on with.
    pub progress: Option<Progress>,
    /// The version that the checkpoint keeps meanwhile; `None` where the graph can't be trusted.
    pub version: Option<i64>,
    /// Why an earlier state is set aside; empty where there was nothing to say.
    pub reason: String,
    /// What provsync ever owned.
    pub owned: BTreeMap<String, Owned>,
}

/// Decides by the checkpoint and the source.
///
/// # Errors
/// [`crate::error::Kind::Stop`] if the graph is another source's and `--adopt` was not given.
pub fn decide(
    found: Option<&Found>,
    epoch: &Epoch,
    versions: Versions,
    mapping: &Mapping,
    options: Options,
) -> Result<Start> {
    let fresh = |reason: &str, version, owned| Start {
        progress: None,
        version,
        reason: reason.to_owned(),
        owned,
    };
    let Some(found) = found else {
        return Ok(fresh("", None, BTreeMap::new()));
    };
    let state = &found.state;
    let owned = state.owned.clone();
    let current = versions.current.unwrap_or(0);
    if state.source != epoch.source_id() {
        return if options.adopt {
            Ok(fresh("the graph was another source's", None, owned))
        } else {
            Err(crate::neo4j::checkpoint::other_source(&state.source, &epoch.source_id()))
        };
    }
    if state.epoch.is_empty() {
        // Made a moment ago by whoever raised its fence first: there is no earlier state.
        return Ok(fresh("", None, owned));
    }
    if !found.sealed {
        return Ok(fresh("the checkpoint was changed by hand", None, owned));
    }
    if state.epoch != epoch.text() {
        return Ok(fresh(
            "the source was restored, recreated, truncated, or its tracking was switched",
            None,
            owned,
        ));
    }
    if state.version.is_some_and(|version| version > current) {
        return Ok(fresh("the checkpoint is ahead of the source", None, owned));
    }
    if state.mapping != mapping.digest {
        return Ok(fresh("the mapping has changed", state.version, owned));
    }
    if options.restart {
        return Ok(fresh("asked to begin anew", state.version, owned));
    }
    match &state.progress {
        Some(p) if p.v0 > current => {
            Ok(fresh("the earlier run is ahead of the source", None, owned))
        }
        Some(p) if p.v0 < versions.min_valid => Ok(fresh(
            "the earlier run is older than the source's change tracking reaches",
            state.version,
            owned,
        )),
        progress => Ok(Start {
            progress: progress.clone(),
            version: state.version,
            reason: String::new(),
            owned,
        }),
    }
}

/// A table that was mapped once and is no longer mapped, or under another label or key, leaves
/// things in the graph that no statement of this mapping would find again.
///
/// # Errors
/// Names every such table.
pub fn check_tables(mapping: &Mapping, owned: &BTreeMap<String, Owned>) -> Result<()> {
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
