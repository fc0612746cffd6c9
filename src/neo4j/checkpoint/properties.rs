//! The checkpoint's properties in the graph.
//!
//! A binary that knows format 1 only must refuse later formats and write nothing. It knows `source` as
//! `name@guid`, which no later format writes, and stops. `purge` does not ask whose a graph is; its guard
//! compares the number in `floor` with a version, and refuses where `floor` is text. Later formats keep that
//! number in `followed`.

use neo4rs::BoltType;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FORMAT, Found, State, format_1};
use crate::error::{Error, Result};
use crate::neo4j::values;

/// All that is read of a checkpoint, as a list of one map.
pub(super) const ALL: &str = "[c {.format, .source, .identity, .version, .epoch, .mapping, .values, .owned, .progress, .cursor, .witness, .frozen, .deletes, .seal}] AS row";

/// The properties as they were read.
pub(super) struct Properties<'a>(pub &'a BoltType);

impl Properties<'_> {
    fn get(&self, name: &str) -> Option<&BoltType> {
        match self.0 {
            BoltType::Map(map) => map.value.get(name),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(values::text).unwrap_or_default()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(values::integer)
    }

    /// What can't be read does not fit the seal.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.text(name)).ok()
    }
}

/// A checkpoint as it stands in the graph.
pub(super) struct Stored {
    pub found: Found,
    /// It is of an older format, or has no content yet.
    pub must_be_rewritten: bool,
}

/// Reads a checkpoint of any format that is known; `None` for one that was made a moment ago.
///
/// # Errors
/// It is of a later format.
pub(super) fn parse(cells: &[BoltType]) -> Result<Option<Stored>> {
    let properties = Properties(cells.first().unwrap_or(&BoltType::Null(neo4rs::BoltNull)));
    let source = properties.text("source");
    // Whatever wrote `source` last wrote the rest: format 1 left the number of a later one in place.
    if format_1::is_source(source) {
        let found = format_1::parse(&properties);
        return Ok(Some(Stored { found, must_be_rewritten: true }));
    }
    match properties.integer("format") {
        None if source.is_empty() => Ok(None),
        Some(format) if format > FORMAT => Err(too_new(format)),
        _ => Ok(Some(Stored { found: current(&properties), must_be_rewritten: false })),
    }
}

fn current(properties: &Properties) -> Found {
    let state = State {
        format: properties.integer("format").unwrap_or_default(),
        source: properties.text("source").to_owned(),
        identity: properties.json("identity").unwrap_or_default(),
        version: properties.integer("version"),
        epoch: properties.json("epoch"),
        mapping: properties.text("mapping").to_owned(),
        values: properties.integer("values").unwrap_or_default(),
        owned: properties.json("owned").unwrap_or_default(),
        progress: properties.json("progress"),
        cursor: properties.json("cursor"),
        witness: properties.json("witness"),
        frozen: properties.json("frozen").unwrap_or_default(),
        deletes: properties.json("deletes").unwrap_or_default(),
    };
    let sealed = state.seal() == properties.text("seal");
    Found { state: State { format: FORMAT, ..state }, sealed }
}

/// What a state sets, without `source` and `seal`.
pub(super) fn of(state: &State) -> Vec<(&'static str, BoltType)> {
    let phase = match (&state.progress, &state.cursor) {
        (Some(progress), _) => progress.phase.as_str(),
        (None, Some(_)) => "window",
        (None, None) => "idle",
    };
    vec![
        ("format", state.format.into()),
        ("identity", json(&state.identity)),
        ("version", state.version.into()),
        ("epoch", optional(state.epoch.as_ref())),
        ("mapping", state.mapping.as_str().into()),
        ("values", state.values.into()),
        ("owned", json(&state.owned)),
        ("progress", optional(state.progress.as_ref())),
        ("cursor", optional(state.cursor.as_ref())),
        ("witness", optional(state.witness.as_ref())),
        ("frozen", json(&state.frozen)),
        ("deletes", json(&state.deletes)),
        ("followed", state.followed().into()),
        ("floor", format!("format {}", state.format).into()),
        ("phase", phase.into()),
    ]
}

fn json<T: Serialize>(value: &T) -> BoltType {
    serde_json::to_string(value).unwrap_or_default().into()
}

fn optional<T: Serialize>(value: Option<&T>) -> BoltType {
    value.map(|value| serde_json::to_string(value).unwrap_or_default()).into()
}

fn too_new(format: i64) -> Error {
    let what = format!(
        "the graph's checkpoint has format {format}, written by a newer provsync; this one understands formats up to {FORMAT}"
    );
    Error::stop(what).hint("use the provsync that wrote it, or a newer one; to go back to this version, restore a backup of the graph from before the upgrade")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::model::Database;
    use crate::neo4j::values::map;

    fn stored(source: &str, more: Vec<(&'static str, BoltType)>) -> Vec<BoltType> {
        vec![map([("source", source.into())].into_iter().chain(more))]
    }

    /// What a state becomes, with its seal.
    fn written(state: &State) -> Vec<BoltType> {
        let seal = [("seal", state.seal().into())];
        stored(&state.source, of(state).into_iter().chain(seal).collect())
    }

    fn database() -> Database {
        let guid = Some("6F9619FF-8B86-D011-B42D-00C04FC964FF".to_owned());
        Database { name: "Prov".into(), database_guid: guid, ..Database::default() }
    }

    #[test]
    fn a_state_comes_back_as_it_was_written() {
        let state = State { version: Some(5), ..State::of(&database()) };
        let read = parse(&written(&state)).unwrap().unwrap();
        assert_eq!(read.found, Found { state, sealed: true });
        assert!(!read.must_be_rewritten);
        assert!(parse(&[map([("version", 5.into())])]).unwrap().is_none(), "made a moment ago");
    }

    #[test]
    fn a_later_format_is_refused_whatever_else_it_says() {
        let Err(error) = parse(&stored("Prov@database:1", vec![("format", 3.into())])) else {
            panic!("format 3 was read")
        };
        assert_eq!(error.kind, crate::error::Kind::Stop);
        assert!(error.to_string().contains("format 3"), "{error}");
    }

    /// The rule of format 1: `source` must be the name, `@`, and the guid in lower case, or the date on which
    /// the database was created; anything else is another source's.
    #[test]
    fn the_rule_of_format_1_finds_another_source_in_format_2() {
        let replica = Database { group_database_id: Some("X".into()), ..database() };
        let unseen = Database { database_guid: None, server: Some("s".into()), ..database() };
        for database in [database(), replica, unseen] {
            let life = database.database_guid.as_deref().unwrap_or("2026-11-30T12:00:00.000");
            let expected_by_format_1 = format!("{}@{}", database.name, life.to_lowercase());
            assert_ne!(State::of(&database).source, expected_by_format_1);
            assert!(!format_1::is_source(&State::of(&database).source));
            assert!(format_1::is_source(&expected_by_format_1));
        }
        let floor = of(&State::of(&database())).into_iter().find(|(name, _)| *name == "floor");
        assert!(matches!(floor, Some((_, BoltType::String(_)))), "its guard compares a number");
    }
}
