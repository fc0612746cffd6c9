//! One difference between the stores, and the report that holds them: what `verify` and `compare`
//! find and every form of output is made of. The JSON form is a contract: `docs/output.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lookup::Lookup;
use super::shown::Shown;

/// A row key, or a thing in the graph, on which the stores do not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `schema.table`.
    pub table: String,
    /// Row key; none where the graph holds what is of no row: a placeholder, which stands for an identity
    /// without one, and what has a wrong key.
    pub key: Option<i64>,
    /// What differs. A row that differs in several ways comes several times.
    #[serde(flatten)]
    pub kind: Kind,
    /// What the row says, if there is one that can be represented.
    pub source: Option<Thing>,
    /// What the graph holds for the key; several where a key stands under several types.
    pub graph: Vec<Thing>,
    /// How sure that is.
    #[serde(flatten)]
    pub state: State,
    /// Of `compare`: the first hop from a root at which it shows; the root's own is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop: Option<u32>,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The row has no node or relationship.
    MissingInGraph,
    /// A node or relationship of provsync's has no row, or one that can't be represented.
    ExtraInGraph,
    /// A node stands for another identity than its row.
    WrongIdentity,
    /// A node lacks its type's label, or a relationship has another type.
    WrongName,
    /// A node carries the label of another type as well.
    ExtraName {
        /// The label.
        name: String,
    },
    /// A relationship begins or ends elsewhere.
    WrongEnds,
    /// A relationship runs the other way.
    WrongDirection,
    /// The key stands under a second relationship type as well.
    Doubled {
        /// The second type.
        name: String,
    },
    /// A property has another value, or none, or one too many.
    Property {
        /// Its name in the graph.
        property: String,
        /// Its value as the row says; absent if NULL.
        source_value: Option<Shown>,
        /// Its value in the graph; absent if there is none.
        graph_value: Option<Shown>,
    },
    /// A node or relationship of provsync's whose key property is no key that a row can have: a text, half
    /// a number. Where it is the same number as a row's key, it is [`Kind::Property`] of that row.
    WrongKey {
        /// The key property's name.
        property: String,
        /// Its value in the graph.
        graph_value: Shown,
    },
    /// A node that has a row carries the placeholder's label.
    PlaceholderLabel,
    /// A placeholder that no link needs.
    LeftoverPlaceholder,
    /// The row can't be represented, and quarantine does not say so.
    NotInQuarantine {
        /// The reason that it should be there for.
        reason: String,
    },
    /// Quarantine names a row that is gone, or that the graph holds.
    StillInQuarantine {
        /// The reason that it is there for.
        reason: String,
    },
}

impl Kind {
    /// The fixed word of the JSON form, for rules and counts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingInGraph => "missing_in_graph",
            Self::ExtraInGraph => "extra_in_graph",
            Self::WrongIdentity => "wrong_identity",
            Self::WrongName => "wrong_name",
            Self::ExtraName { .. } => "extra_name",
            Self::WrongEnds => "wrong_ends",
            Self::WrongDirection => "wrong_direction",
            Self::Doubled { .. } => "doubled",
            Self::Property { .. } => "property",
            Self::WrongKey { .. } => "wrong_key",
            Self::PlaceholderLabel => "placeholder_label",
            Self::LeftoverPlaceholder => "leftover_placeholder",
            Self::NotInQuarantine { .. } => "not_in_quarantine",
            Self::StillInQuarantine { .. } => "still_in_quarantine",
        }
    }
}

/// One side of a difference, without properties; those that differ are in [`Kind::Property`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thing {
    /// Its type labels or its relationship type.
    pub names: Vec<String>,
    /// Identity of a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Shown>,
    /// Where a relationship begins: row key (edges) or identity (links) of the node; absent where
    /// the node is not one that the table's relationships stand on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Shown>,
    /// Where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Shown>,
}

/// How sure a difference is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing changed at the source since the version that the graph has: it is wrong.
    Real,
    /// The row is in quarantine.
    Explained {
        /// The fixed word of the entry.
        reason: String,
    },
    /// It could not be told from a change that is on its way.
    Unsettled {
        /// How often it was looked at.
        looks: u32,
        /// Why it could not be told.
        why: String,
    },
}

/// Which command made a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Every row.
    Verify,
    /// Lineage, hop by hop.
    Compare,
}

/// What was compared, when, and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Who found it.
    pub command: Command,
    /// provsync's version.
    pub tool_version: String,
    /// [`crate::mapping::Mapping::digest`].
    pub mapping: String,
    /// The source: name and guid.
    pub source: String,
    /// Its change-tracking version when the report was closed.
    pub source_version: Option<i64>,
    /// The version that the graph had then.
    pub checkpoint_version: Option<i64>,
    /// UTC, RFC 3339.
    pub started_at: String,
    /// UTC, RFC 3339.
    pub ended_at: String,
    /// Wall clock; of a run that was gone on with, of all its parts.
    pub seconds: f64,
    /// The answer.
    pub verdict: Verdict,
    /// How many differences of each state there are, those that are left out included.
    pub counts: Counts,
    /// How many of each kind, by [`Kind::code`].
    pub kinds: BTreeMap<String, u64>,
    /// What was compared of each table.
    pub tables: Vec<TableCounts>,
    /// The differences, in the order of tables and keys.
    pub differences: Vec<Difference>,
    /// Differences beyond those that are kept.
    pub left_out: u64,
    /// What people should know beside it: a checkpoint that does not move, a limit that was reached.
    pub notes: Vec<String>,
    /// Things of others in the graph, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Vec<Foreign>>,
    /// What was repaired, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// Of `compare`: how lineage was walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk: Option<super::comparison::Walk>,
    /// How a person looks at the rows and things of each table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookups: BTreeMap<String, Lookup>,
    /// What both stores have around the differences, for a picture of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<Near>,
}

/// A node or relationship on which the stores agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Near {
    /// `schema.table`.
    pub table: String,
    /// Row key.
    pub key: i64,
    /// What it is in both.
    pub thing: Thing,
    /// Of a node: its hop from a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop: Option<u32>,
}

/// The answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The stores say the same. Exit code 0.
    Equal,
    /// They do not. Exit code 1.
    Different,
    /// They did not, were made to, and do now. Exit code 0.
    Repaired,
    /// They do not where rows are in quarantine, and nowhere else. Exit code 1, or 0 where that is
    /// allowed.
    Explained,
    /// It can't be told. Exit code 2.
    #[default]
    Unknown,
}

/// How many differences there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// [`State::Real`].
    pub real: u64,
    /// [`State::Explained`].
    pub explained: u64,
    /// [`State::Unsettled`].
    pub unsettled: u64,
}

impl Counts {
    /// The answer that follows. What is wrong for sure is said, whatever else is unsettled.
    pub fn verdict(self) -> Verdict {
        match self {
            Self { real: 1.., .. } => Verdict::Different,
            Self { unsettled: 1.., .. } => Verdict::Unknown,
            Self { explained: 1.., .. } => Verdict::Explained,
            _ => Verdict::Equal,
        }
    }
}

/// What was compared of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCounts {
    /// `schema.table`.
    pub table: String,
    /// Rows read at the source.
    pub source_rows: u64,
    /// Nodes or relationships read in the graph.
    pub graph_things: u64,
    /// Rows in quarantine among them.
    pub quarantined: u64,
}

/// Things of one kind that others put into the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// What they are.
    pub what: ForeignKind,
    /// Labels, relationship type, or name of the label or property.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// What things of others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignKind {
    /// Nodes.
    Nodes,
    /// Relationships.
    Relationships,
    /// A label on provsync's nodes.
    Label,
    /// A property on provsync's nodes or relationships.
    Property,
}

/// What a repair did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Nothing was written, since that was not asked for.
    pub dry_run: bool,
    /// How many rows were carried again, by table.
    pub keys: BTreeMap<String, u64>,
    /// How many placeholders that no link needs were removed.
    pub placeholders: u64,
    /// How many nodes and relationships had a wrong key: those of a row's identity have the row's now, the
    /// others were removed.
    #[serde(default)]
    pub wrong_keys: u64,
    /// The worker that did it, if one writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What differs of these rows still, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Difference>,
}

/// How many differences a report keeps, where nothing else is asked for: some megabytes of text.
pub const KEPT_MAX: usize = 10_000;

impl Report {
    /// A report of nothing yet.
    pub fn new(command: Command, mapping_digest: &str, source: &str) -> Self {
        Self {
            command,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            mapping: mapping_digest.to_owned(),
            source: source.to_owned(),
            source_version: None,
            checkpoint_version: None,
            started_at: now(),
            ended_at: String::new(),
            seconds: 0.0,
            verdict: Verdict::default(),
            counts: Counts::default(),
            kinds: BTreeMap::new(),
            tables: Vec::new(),
            differences: Vec::new(),
            left_out: 0,
            notes: Vec::new(),
            foreign: None,
            repair: None,
            walk: None,
            lookups: BTreeMap::new(),
            around: Vec::new(),
        }
    }

    /// Adds a difference; beyond `kept_max` it is only counted.
    pub fn add(&mut self, difference: Difference, kept_max: usize) {
        match difference.state {
            State::Real => self.counts.real += 1,
            State::Explained { .. } => self.counts.explained += 1,
            State::Unsettled { .. } => self.counts.unsettled += 1,
        }
        *self.kinds.entry(difference.kind.code().to_owned()).or_default() += 1;
        if self.differences.len() < kept_max {
            self.differences.push(difference);
        } else {
            self.left_out += 1;
        }
    }

    /// Everything is compared: gives the answer.
    pub fn close(&mut self) {
        self.ended_at = now();
        self.verdict = self.counts.verdict();
    }
}

/// Now, in UTC, to the millisecond.
pub fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
