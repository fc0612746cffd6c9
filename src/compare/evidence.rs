//! Evidence: what was compared, in a file that either store alone can be held against later.
//!
//! The file is `{"body": …, "sha256": …}`, in canonical JSON as RFC 8785 has it: sorted keys, no
//! blanks, whole numbers; keys and identities are texts, since they may be greater than 2^53. The
//! digest is over the body in that form. It shows an edit; who made the file only a signature
//! shows.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::element::{Crossed, Identity, Node, NodeId};
use super::side::{Scope, Side};
use super::walk::{self, Direction, Ended, HopDigest, HopSum, Limits, Visitor};
use crate::error::{Error, Result};
use crate::mapping::Mapping;
use crate::mapping::registry::Owned;
use crate::model::value::IdentityValue;

/// The form of the body; another one can't be held against a store.
const FORMAT: u32 = 1;

/// What was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// [`FORMAT`].
    pub format: u32,
    /// provsync's version.
    pub tool_version: String,
    /// [`Mapping::digest`].
    pub mapping: String,
    /// What types are called in the graph, as the checkpoint said.
    pub owned: BTreeMap<String, Owned>,
    /// The source: name and guid.
    pub source: String,
    /// Its version before the walk.
    pub source_version: i64,
    /// The version that the graph had then.
    pub checkpoint_version: Option<i64>,
    /// UTC, RFC 3339.
    pub taken_at: String,
    /// The answer: `equal`, `different` or `explained`.
    pub verdict: String,
    /// How was walked.
    pub walk: How,
    /// Where it began.
    pub roots: Vec<Root>,
    /// What the source met by itself, by hop from 0 on.
    pub source_hops: Vec<Hop>,
    /// What the graph met by itself.
    pub graph_hops: Vec<Hop>,
}

/// How was walked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct How {
    /// `down`, `up` or `both`.
    pub direction: Direction,
    /// Hops that were asked for; `null` for all.
    pub hops: Option<u32>,
    /// Types that were crossed; `null` for all.
    pub types: Option<Vec<String>>,
    /// Whether links were.
    pub streams: bool,
    /// Whether a limit ended it before its end.
    pub is_cut: bool,
}

/// A node where the walk began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Root {
    /// A row.
    Row {
        /// `schema.table`.
        table: String,
        /// Row key.
        row: String,
    },
    /// An identity without a row.
    Integer {
        /// `schema.table`.
        table: String,
        /// Type label.
        label: String,
        /// The identity.
        integer: String,
    },
    /// An identity without a row.
    Text {
        /// `schema.table`.
        table: String,
        /// Type label.
        label: String,
        /// The identity.
        text: String,
    },
}

/// What one side met at one hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Relationships that were crossed.
    pub edges: u64,
    /// Nodes that were reached.
    pub nodes: u64,
    /// SHA-256 over the relationships' digests, in hex.
    pub edges_sha256: String,
    /// SHA-256 over the nodes' digests, in hex.
    pub nodes_sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    body: Value,
    sha256: String,
}

impl Body {
    /// [`Body::format`] of this version.
    pub const FORMAT: u32 = FORMAT;

    /// The roots as nodes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if one is of no table of the mapping.
    pub fn root_ids(&self, mapping: &Mapping) -> Result<Vec<NodeId>> {
        self.roots.iter().map(|root| root.id(mapping).ok_or_else(unreadable)).collect()
    }

    /// The scope of the walk.
    pub fn scope(&self, mapping: &Mapping) -> Result<Scope> {
        let registry = crate::mapping::Registry::new(mapping, &self.owned);
        let types = self.walk.types.clone().unwrap_or_default();
        Scope::new(mapping, &registry, &types, self.walk.streams)
    }
}

impl Root {
    /// A node in the form of the file.
    pub fn of(mapping: &Mapping, id: &NodeId) -> Self {
        let table = mapping.nodes[id.table()].table.name.to_string();
        match id {
            NodeId::Row(_, key) => Self::Row { table, row: key.to_string() },
            NodeId::Bare(identity) => {
                let label = identity.label.to_string();
                match &identity.value {
                    IdentityValue::Integer(n) => {
                        Self::Integer { table, label, integer: n.to_string() }
                    }
                    IdentityValue::Text(text) => Self::Text { table, label, text: text.clone() },
                }
            }
        }
    }

    fn id(&self, mapping: &Mapping) -> Option<NodeId> {
        let index = |name: &str| {
            mapping.nodes.iter().position(|nodes| nodes.table.name.to_string() == name)
        };
        Some(match self {
            Self::Row { table, row } => NodeId::Row(index(table)?, row.parse().ok()?),
            Self::Integer { table, label, integer } => {
                bare(index(table)?, label, IdentityValue::Integer(integer.parse().ok()?))
            }
            Self::Text { table, label, text } => {
                bare(index(table)?, label, IdentityValue::Text(text.clone()))
            }
        })
    }
}

fn bare(table: usize, label: &str, value: IdentityValue) -> NodeId {
    NodeId::Bare(Box::new(Identity { table, label: label.into(), value }))
}

impl Hop {
    /// A sum in the form of the file.
    pub fn of(sum: &HopSum) -> Self {
        Self {
            edges: sum.edges,
            nodes: sum.nodes,
            edges_sha256: hex(&sum.edges_digest),
            nodes_sha256: hex(&sum.nodes_digest),
        }
    }

    fn is_empty(&self) -> bool {
        self.edges == 0 && self.nodes == 0
    }
}

/// One side's hops; those at the end where nothing was met say nothing.
pub fn hops<'a>(sums: impl Iterator<Item = &'a HopSum>) -> Vec<Hop> {
    let mut hops: Vec<Hop> = sums.map(Hop::of).collect();
    while hops.last().is_some_and(Hop::is_empty) {
        hops.pop();
    }
    hops
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the file as a whole or not at all; returns its digest.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if it can't be written.
pub fn write(path: &Path, body: &Body) -> Result<String> {
    let what = |e: &dyn std::fmt::Display| {
        Error::usage(format!("the evidence {} can't be written: {e}", path.display()))
    };
    let body = serde_json::to_value(body).map_err(|e| what(&e))?;
    let sha256 = digest(&body);
    let file = serde_json::json!({ "body": body, "sha256": sha256 });
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let name = path.file_name().ok_or_else(|| what(&"it is no name of a file"))?;
    let beside = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = std::fs::File::create(&beside)
        .and_then(|mut out| {
            out.write_all(canonical(&file).as_bytes())?;
            out.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|e| {
        // What is left beside it is of no use; that it can't be removed changes nothing.
        let _ = std::fs::remove_file(&beside);
        what(&e)
    })?;
    Ok(sha256)
}

/// Reads a file; returns its body and its digest.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if it was edited, or is of another form.
pub fn read(path: &Path) -> Result<(Body, String)> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::usage(format!("the evidence {} can't be read: {e}", path.display())))?;
    let file: File = serde_json::from_str(&text).map_err(|_| unreadable())?;
    let found = digest(&file.body);
    if found != file.sha256 {
        return Err(Error::usage(format!(
            "the evidence {} was edited: its body is not what its digest was taken of",
            path.display()
        ))
        .hint("it says nothing any more; take a new one with `provsync compare --evidence`"));
    }
    if file.body.get("format") != Some(&Value::from(FORMAT)) {
        return Err(Error::usage("the evidence is of another version of provsync's form"));
    }
    let body = serde_json::from_value(file.body).map_err(|_| unreadable())?;
    Ok((body, found))
}

fn unreadable() -> Error {
    Error::usage("the evidence can't be read: it is none of provsync's, or for another mapping")
}

fn digest(body: &Value) -> String {
    hex(&Sha256::digest(canonical(body)))
}

/// RFC 8785. Our texts that are keys are ASCII, and our numbers are whole and below 2^53.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let entry = |(key, value): (&String, &Value)| {
                format!("{}:{}", Value::from(key.as_str()), canonical(value))
            };
            format!("{{{}}}", sorted.into_iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// What one store alone says of an evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Whether it is what the evidence says of it.
    pub equal: bool,
    /// The first hop at which it is not.
    pub first_divergent_hop: Option<usize>,
    /// What it met now.
    pub hops: Vec<Hop>,
    /// What the evidence says.
    pub expected: Vec<Hop>,
}

/// Walks over one store as the evidence says and compares with what was met then.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if the mapping is another one.
pub async fn check<S: Side>(
    side: &mut S,
    mapping: &Mapping,
    body: &Body,
    expected: &[Hop],
) -> Result<Check> {
    let roots = body.root_ids(mapping)?;
    let last = body.source_hops.len().max(body.graph_hops.len()).saturating_sub(1);
    // A walk that went to its end may go further now.
    let is_open = body.walk.hops.is_none() && !body.walk.is_cut;
    let hops = (!is_open).then(|| u32::try_from(last).unwrap_or(u32::MAX));
    let hops = body.walk.hops.filter(|_| !body.walk.is_cut).or(hops);
    let limits = Limits { hops, nodes_max: usize::MAX, edges_max: usize::MAX };
    let mut sums = Sums::default();
    walk::walk(side, &roots, body.walk.direction, limits, &mut sums).await?;
    let found = self::hops(sums.hops.iter());
    let len = found.len().max(expected.len());
    let first_divergent_hop = (0..len).find(|hop| found.get(*hop) != expected.get(*hop));
    Ok(Check {
        equal: first_divergent_hop.is_none(),
        first_divergent_hop,
        hops: found,
        expected: expected.to_vec(),
    })
}

#[derive(Default)]
struct Sums {
    digest: HopDigest,
    hops: Vec<HopSum>,
}

impl Visitor for Sums {
    fn node(&mut self, _: u32, node: &Node) {
        self.digest.node(node);
    }

    fn edge(&mut self, _: u32, crossed: &Crossed) {
        self.digest.edge(crossed);
    }

    fn hop(&mut self, _: u32) {
        self.hops.push(std::mem::take(&mut self.digest).end());
    }
}

/// Whether a walk was cut.
pub fn is_cut(ended: Ended) -> bool {
    matches!(ended, Ended::Limit(_))
}

#[cfg(test)]
mod tests;
