//! Checkpoints of format 1, which carried no number. They are read and verified by their own seal; the first
//! writer that holds the fence rewrites them ([`super::raise`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::properties::Properties;
use super::state::{self, sha256};
use super::{Found, State};
use crate::mapping::registry::Owned;
use crate::model::{Identity, KnownEpoch, TrackedObject};

/// The canonical form of values that its graphs hold.
const VALUES: i64 = 1;

/// What it said. Its seal is taken over this very form: neither a field nor their order may change.
#[derive(Serialize)]
struct Sealed {
    source: String,
    version: Option<i64>,
    epoch: String,
    mapping: String,
    owned: BTreeMap<String, Owned>,
    progress: Option<Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    to: i64,
    part: usize,
    next: i64,
}

#[derive(Serialize, Deserialize)]
struct Witness {
    table: String,
    keys: Vec<i64>,
    version: i64,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    v0: i64,
    tables: Vec<String>,
    since: i64,
    phase: String,
    table: String,
    next: i64,
}

/// The text in its `epoch`. Tables are named as the catalogue spells them.
#[derive(Deserialize)]
struct Epoch {
    database_guid: Option<String>,
    recovery_fork_guid: Option<String>,
    family_guid: Option<String>,
    tables: Vec<(String, i64, i64)>,
}

/// Whether a checkpoint's `source` is of format 1: `name@guid`, or `name@` and when the database was created.
/// Later formats say after the `@` of which kind the id is.
pub(super) fn is_source(source: &str) -> bool {
    let life = source.rsplit_once('@').map_or("", |(_, life)| life);
    let kinds = ["group:", "database:", "server:", "created:"];
    !life.is_empty() && !kinds.iter().any(|kind| life.starts_with(kind))
}

/// Reads it.
pub(super) fn parse(properties: &Properties) -> Found {
    let sealed = Sealed {
        source: properties.text("source").to_owned(),
        version: properties.integer("version"),
        epoch: properties.text("epoch").to_owned(),
        mapping: properties.text("mapping").to_owned(),
        owned: properties.json("owned").unwrap_or_default(),
        progress: properties.json("progress"),
        cursor: properties.json("cursor"),
        witness: properties.json("witness"),
    };
    let text = serde_json::to_vec(&sealed).unwrap_or_default();
    let fits = sha256(&text) == properties.text("seal");
    Found { state: sealed.into_state(), sealed: fits }
}

impl Sealed {
    fn into_state(self) -> State {
        let epoch = serde_json::from_str::<Epoch>(&self.epoch).ok();
        let id = id(&self.source, epoch.as_ref());
        State {
            source: id.clone(),
            identity: Identity {
                id,
                family: epoch.as_ref().and_then(|epoch| epoch.family_guid.clone()),
                ..Identity::default()
            },
            version: self.version,
            epoch: epoch.map(Epoch::into_known),
            mapping: self.mapping,
            values: VALUES,
            owned: self.owned,
            progress: self.progress.map(Progress::into_progress),
            cursor: self.cursor.map(|Cursor { to, part, next }| state::Cursor { to, part, next }),
            witness: self.witness.map(|Witness { table, keys, version }| state::Witness {
                table,
                keys,
                version,
            }),
            ..State::default()
        }
    }
}

/// The id that its source has from now on. It was made from the guid where the login could see that, else
/// from the date on which the database was created.
fn id(source: &str, epoch: Option<&Epoch>) -> String {
    let Some((name, life)) = source.rsplit_once('@') else { return source.to_owned() };
    let is_guid = match epoch {
        Some(epoch) => epoch.database_guid.is_some(),
        None => uuid::Uuid::parse_str(life).is_ok(),
    };
    format!("{name}@{}:{life}", if is_guid { "database" } else { "created" })
}

impl Epoch {
    fn into_known(self) -> KnownEpoch {
        let object =
            |(name, object_id, begin_version)| (name, TrackedObject { object_id, begin_version });
        KnownEpoch {
            recovery_fork_guid: self.recovery_fork_guid,
            tables: self.tables.into_iter().map(object).collect(),
        }
    }
}

impl Progress {
    fn into_progress(self) -> state::Progress {
        let Self { v0, tables, since, phase, table, next } = self;
        state::Progress { v0, tables, since, phase, table, next, request: None }
    }
}
