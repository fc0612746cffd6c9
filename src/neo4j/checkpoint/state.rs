//! What the checkpoint says, in the format of this version.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::mapping::registry::Owned;
use crate::model::{Database, Identity, KnownEpoch, Recognition};

/// The format that this version writes, and the newest that it understands.
pub const FORMAT: i64 = 2;

/// What the checkpoint says, without fence and guard. Whatever belongs to a table is kept under the name of
/// the mapping's entry ([`crate::mapping::Mapping::entry`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`FORMAT`].
    pub format: i64,
    /// Whose graph this is, to people and to every guard: the id of the database that it was made from.
    pub source: String,
    /// Which database it follows, and may follow.
    pub identity: Identity,
    /// The graph has the source's changes up to this version; `None` before the first full is done
    /// or while the graph can't be trusted.
    pub version: Option<i64>,
    /// In which epoch of the source that version counts; `None` before the first full has begun.
    pub epoch: Option<KnownEpoch>,
    /// [`crate::mapping::Mapping::digest`].
    pub mapping: String,
    /// [`crate::model::value::VALUES`] when the values in the graph were written or last compared.
    pub values: i64,
    /// All names and properties that provsync ever owned, by entry.
    pub owned: BTreeMap<String, Owned>,
    /// A full that has begun and not ended.
    pub progress: Option<Progress>,
    /// A window that has begun and not ended.
    pub cursor: Option<Cursor>,
    /// Changes that the source must still know.
    pub witness: Option<Witness>,
    /// Entries that are not followed for now.
    pub frozen: BTreeMap<String, Frozen>,
    /// What background work has deleted of late, by entry.
    pub deletes: BTreeMap<String, DeletedOfLate>,
}

/// How far a window has come that does not fit one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Keys that changed later are carried again.
    pub to: i64,
    /// Part of the window that runs: [`crate::sync::window::parts`].
    pub part: usize,
    /// First key of the part that is not carried yet.
    #[serde(with = "key_text")]
    pub next: i64,
}

/// Some rows that changed at a version which the graph has. The source must still report them with
/// at least that version; else it was put back to an earlier state that no guid shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The entry.
    pub table: String,
    /// Row keys.
    #[serde(with = "keys_text")]
    pub keys: Vec<i64>,
    /// The version.
    pub version: i64,
}

/// How far a full has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The graph has the changes of every table that this full resync does not reload up to this
    /// version, and of what it has read already; the checkpoint's version when the full is done.
    pub v0: i64,
    /// Entries that are reloaded.
    pub tables: Vec<String>,
    /// The version at which the full began: their changes are followed from here.
    pub since: i64,
    /// Phase that runs.
    pub phase: String,
    /// Entry of the phase, where it has one.
    pub table: String,
    /// First key that the phase has not carried yet.
    #[serde(with = "key_text")]
    pub next: i64,
    /// The request that this full carries out, if somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// An entry whose changes are not followed for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The version up to which the graph has its changes; `None` where it can't be trusted.
    pub position: Option<i64>,
    /// Why, to people.
    pub reason: String,
}

/// Deletes of background work that count towards its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedOfLate {
    /// When counting began, in seconds since 1970, by the clock of the worker.
    pub since: i64,
    /// How many nodes or relationships there were then.
    pub present: u64,
    /// How many were deleted since.
    pub deletes: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            source: String::new(),
            identity: Identity::default(),
            version: None,
            epoch: None,
            mapping: String::new(),
            values: crate::model::value::VALUES,
            owned: BTreeMap::new(),
            progress: None,
            cursor: None,
            witness: None,
            frozen: BTreeMap::new(),
            deletes: BTreeMap::new(),
        }
    }
}

impl State {
    /// That of a graph which nothing was written to yet.
    pub fn of(database: &Database) -> Self {
        let (source, identity) = (database.id(), Identity::of(database));
        Self { source, identity, ..Self::default() }
    }

    /// Whether nothing was ever said on it but whose it is.
    pub fn is_new(&self) -> bool {
        self.epoch.is_none() && self.mapping.is_empty() && self.version.is_none()
    }

    /// Whose graph it is when it follows a database from now on: a copy of the source that was adopted
    /// leaves it the graph that it was.
    pub fn source_with(&self, database: &Database) -> String {
        match self.identity.recognise(database) {
            Recognition::Other | Recognition::Unknown => database.id(),
            _ => self.source.clone(),
        }
    }

    /// With what is known of the database that the graph follows, if this is it.
    #[must_use]
    pub fn with(&self, database: &Database) -> Self {
        let mut state = self.clone();
        if self.identity.recognise(database) == Recognition::Same {
            state.identity = self.identity.follow(database);
            if let Some(KnownEpoch { recovery_fork_guid: fork @ None, .. }) = &mut state.epoch {
                fork.clone_from(&database.recovery_fork_guid);
            }
        }
        state
    }

    /// The version up to which changes are carried: rows that were read before it are too old to be
    /// written (R4).
    pub fn followed(&self) -> Option<i64> {
        self.progress.as_ref().map(|p| p.v0).or(self.version)
    }

    /// The frozen entries, less some.
    pub fn without_frozen(&self, some: &BTreeSet<String>) -> BTreeMap<String, Frozen> {
        let mut frozen = self.frozen.clone();
        frozen.retain(|name, _| !some.contains(name));
        frozen
    }

    /// What people are told of frozen entries, if there are any.
    pub fn trouble(&self) -> Option<String> {
        let one = |(name, frozen): (&String, &Frozen)| {
            let at = frozen.position.map_or("unknown".to_owned(), |version| version.to_string());
            format!("{name} is frozen at version {at}: {}", frozen.reason)
        };
        let all: Vec<String> = self.frozen.iter().map(one).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// SHA-256 over everything the state says: an edit by hand shows.
    pub fn seal(&self) -> String {
        sha256(&serde_json::to_vec(self).unwrap_or_default())
    }
}

pub(super) fn sha256(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect()
}

/// Row keys are text on the checkpoint: not every kind of key is an integer.
mod key_text {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    pub fn serialize<S: Serializer>(key: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

mod keys_text {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(keys: &[i64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(keys.iter().map(ToString::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i64>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::model::TrackedObject;

    fn everything() -> State {
        let object = TrackedObject { object_id: 1, begin_version: 2 };
        State {
            version: Some(7),
            epoch: Some(KnownEpoch {
                recovery_fork_guid: Some("F".into()),
                tables: [("t".to_owned(), object)].into(),
            }),
            mapping: "m".into(),
            owned: [("t".to_owned(), Owned::default())].into(),
            progress: Some(Progress {
                tables: vec!["t".into()],
                next: i64::MIN,
                ..Default::default()
            }),
            cursor: Some(Cursor { to: 1, part: 0, next: 9_007_199_254_740_993 }),
            witness: Some(Witness { table: "t".into(), keys: vec![-1, 2], version: 1 }),
            frozen: [("t".to_owned(), Frozen { position: Some(3), reason: "r".into() })].into(),
            deletes: [("t".to_owned(), DeletedOfLate::default())].into(),
            ..State::of(&Database { name: "P".into(), ..Database::default() })
        }
    }

    #[test]
    fn the_seal_covers_every_field() {
        let base = serde_json::to_value(everything()).unwrap();
        let fields = base.as_object().unwrap();
        assert_eq!(fields.len(), 13);
        let empty = serde_json::to_value(State::default()).unwrap();
        for field in fields.keys().filter(|field| *field != "format" && *field != "values") {
            let mut changed = base.clone();
            changed[field] = empty[field].clone();
            let changed: State = serde_json::from_value(changed).unwrap();
            assert_ne!(changed.seal(), everything().seal(), "{field}");
        }
        for changed in [State { format: 3, ..everything() }, State { values: -1, ..everything() }] {
            assert_ne!(changed.seal(), everything().seal());
        }
    }

    #[test]
    fn keys_are_text_and_come_back_as_they_were() {
        let text = serde_json::to_string(&everything()).unwrap();
        assert!(text.contains(r#""next":"9007199254740993""#), "{text}");
        assert!(text.contains(r#""keys":["-1","2"]"#), "{text}");
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), everything());
    }
}
