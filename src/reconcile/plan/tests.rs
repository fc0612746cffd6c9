//! Every state in which a worker may find a checkpoint, and what it makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::error::Kind;
use crate::model::{Database, TrackedObject};
use crate::neo4j::checkpoint::Cursor;
use crate::sqlserver::epoch::TableVersions;

const NODES: &str = "graph.AtomGraphNodes";
const EDGES: &str = "graph.AtomGraphEdges";
const STREAMS: &str = "provenance.GenerationStreams";
const SLOTS: [Slot; 3] = [Slot::Node(0), Slot::Edge(0), Slot::Link(0)];

fn mapping() -> Mapping {
    Mapping::default_mapping().unwrap()
}

fn epoch() -> Epoch {
    let database = Database {
        name: "P".into(),
        database_guid: Some("G".into()),
        recovery_fork_guid: Some("F".into()),
        family_guid: Some("family".into()),
        create_date: "2026-01-01".into(),
        ..Database::default()
    };
    let object = |object_id| TrackedObject { object_id, begin_version: 0 };
    let types =
        SLOTS.map(|slot| (slot, BTreeSet::from(["bigint".to_owned(), "datetime2".to_owned()])));
    Epoch {
        database,
        tables: SLOTS.into_iter().zip((1..).map(object)).collect(),
        types: BTreeMap::from(types),
    }
}

fn versions(current: i64, min_valid: i64) -> Versions {
    let table = |object_id| TableVersions { object_id, min_valid };
    let tables = SLOTS.into_iter().zip((1..).map(table)).collect();
    Versions { current: Some(current), tables }
}

/// A checkpoint at version 10 in good order.
fn found() -> Found {
    let state = State {
        version: Some(10),
        epoch: Some(epoch().known(&mapping())),
        mapping: mapping().digest,
        ..State::of(&epoch().database)
    };
    Found { state, sealed: true }
}

fn progress(tables: &[&str]) -> Progress {
    Progress {
        v0: 8,
        tables: tables.iter().map(|t| (*t).to_owned()).collect(),
        since: 9,
        phase: "carry".into(),
        table: tables[0].into(),
        next: 5,
        request: None,
    }
}

fn decide(found: &Found, epoch: &Epoch, versions: &Versions) -> Plan {
    plan(Some(found), epoch, versions, &mapping(), &Asked::default()).unwrap()
}

/// Tables, kept version and reason of a full.
fn full(plan: Plan) -> (Vec<String>, Option<i64>, String) {
    let Plan::Full(start) = plan else { panic!("{plan:?} is no full") };
    assert_eq!(start.progress, None);
    (start.tables.into_iter().collect(), start.version, start.reason)
}

#[test]
fn nothing_to_do_at_the_sources_version_and_a_window_below_it() {
    assert_eq!(decide(&found(), &epoch(), &versions(10, 0)), Plan::Idle);
    assert_eq!(decide(&found(), &epoch(), &versions(11, 0)), Plan::Window);
    let zero = Found { state: State { version: Some(0), ..found().state }, sealed: true };
    assert_eq!(decide(&zero, &epoch(), &versions(0, 0)), Plan::Idle, "0 is a version");
    let cursor = Cursor { to: 10, part: 1, next: 7 };
    let broken_off = Found { state: State { cursor: Some(cursor), ..found().state }, sealed: true };
    assert_eq!(decide(&broken_off, &epoch(), &versions(10, 0)), Plan::Window);
}

#[test]
fn the_boundary_of_retention_is_the_version_itself() {
    for (min_valid, is_valid) in [(9, true), (10, true), (11, false)] {
        let plan = decide(&found(), &epoch(), &versions(12, min_valid));
        assert_eq!(plan == Plan::Window, is_valid, "from {min_valid} on");
    }
}

#[test]
fn a_table_whose_changes_are_gone_is_read_anew_with_the_edges_on_it() {
    let lost = |name: &str| {
        let mut versions = versions(12, 0);
        versions.tables.get_mut(&mapping().slot(name).unwrap()).unwrap().min_valid = 11;
        full(decide(&found(), &epoch(), &versions))
    };
    assert_eq!(lost(STREAMS).0, [STREAMS]);
    assert_eq!(lost(EDGES).0, [EDGES]);
    let (tables, version, reason) = lost(NODES);
    assert_eq!(tables, [EDGES, NODES], "edges go with nodes that leave");
    assert_eq!(version, Some(10), "what the graph has stays true");
    assert!(reason.contains("retention is over") && reason.contains(NODES), "{reason}");
}

#[test]
fn a_truncate_or_a_new_table_while_caught_up_shows_in_the_tables_epoch() {
    for (object_id, begin_version) in [(3, 10), (9, 0)] {
        let mut now = epoch();
        now.tables.insert(Slot::Link(0), TrackedObject { object_id, begin_version });
        let (tables, _, reason) = full(decide(&found(), &now, &versions(10, 0)));
        assert_eq!(tables, [STREAMS]);
        assert!(reason.contains("truncated or recreated"), "{reason}");
    }
}

#[test]
fn another_life_of_the_database_is_a_full_of_everything_from_nothing() {
    let mut restored = epoch();
    restored.database.recovery_fork_guid = Some("other".into());
    let mut of_another_backup = epoch();
    of_another_backup.database.family_guid = Some("other".into());
    let ahead = decide(&found(), &epoch(), &versions(9, 0));
    let edited = Found { sealed: false, ..found() };
    for plan in [
        decide(&found(), &restored, &versions(12, 0)),
        decide(&found(), &of_another_backup, &versions(12, 0)),
        ahead,
        decide(&edited, &epoch(), &versions(10, 0)),
    ] {
        let (tables, version, reason) = full(plan);
        assert_eq!((tables.len(), version), (3, None));
        assert!(!reason.is_empty());
    }
}

#[test]
fn another_source_and_a_copy_stop_until_they_are_adopted() {
    for family in ["family", "other"] {
        let mut other = epoch();
        other.database.database_guid = Some("other".into());
        other.database.family_guid = Some(family.into());
        stops_until_it_is_adopted(&other, if family == "family" { "is a copy" } else { "not to" });
    }
}

fn stops_until_it_is_adopted(other: &Epoch, why: &str) {
    let ask = |adopt| {
        let asked = Asked { adopt, ..Asked::default() };
        plan(Some(&found()), other, &versions(10, 0), &mapping(), &asked)
    };
    let error = ask(false).unwrap_err();
    assert_eq!(error.kind, Kind::Stop);
    assert!(error.to_string().contains(why), "{error}");
    assert_eq!(full(ask(true).unwrap()).1, None);
}

#[test]
fn a_changed_mapping_and_a_doubt_of_the_worker_look_at_all_rows() {
    let old = Found { state: State { mapping: "old".into(), ..found().state }, sealed: true };
    let (tables, version, reason) = full(decide(&old, &epoch(), &versions(10, 0)));
    assert_eq!((tables.len(), version, reason.as_str()), (3, Some(10), "the mapping has changed"));
    let ask =
        |asked| full(plan(Some(&found()), &epoch(), &versions(10, 0), &mapping(), &asked).unwrap());
    let distrust = ask(Asked { distrust: Some("witness".into()), ..Asked::default() });
    assert_eq!((distrust.1, distrust.2.as_str()), (None, "witness"));
    let anew = ask(Asked { anew: Some("too many".into()), ..Asked::default() });
    assert_eq!((anew.1, anew.2.as_str()), (Some(10), "too many"));
}

#[test]
fn a_full_that_has_begun_is_gone_on_with_unless_one_of_everything_is_asked_for() {
    let of = |tables: &[&str]| Found {
        state: State { progress: Some(progress(tables)), ..found().state },
        sealed: true,
    };
    let all = [NODES, EDGES, STREAMS];
    let go_on = |found: &Found, asked: &Asked| {
        let plan = plan(Some(found), &epoch(), &versions(12, 0), &mapping(), asked).unwrap();
        let Plan::Full(start) = plan else { panic!("{plan:?}") };
        (start.progress.is_some(), start.tables.len())
    };
    assert_eq!(go_on(&of(&[STREAMS]), &Asked::default()), (true, 1));
    let asked = Asked { full: true, ..Asked::default() };
    assert_eq!(go_on(&of(&[STREAMS]), &asked), (false, 3));
    assert_eq!(go_on(&of(&all), &asked), (true, 3));
    let restart = Asked { restart: true, ..asked };
    assert_eq!(go_on(&of(&all), &restart), (false, 3));
    // What it reads anew is followed from where it began, everything else from before.
    assert_eq!(from(&of(&[STREAMS]).state, STREAMS), Some(9));
    assert_eq!(from(&of(&[STREAMS]).state, NODES), Some(8));
    // Its own changes are gone as well now: it begins anew, with the tables that it had.
    let mut late = versions(12, 0);
    late.tables.get_mut(&Slot::Edge(0)).unwrap().min_valid = 11;
    assert_eq!(full(decide(&of(&[STREAMS]), &epoch(), &late)).0, [EDGES, STREAMS]);
}

#[test]
fn tables_without_tracking_are_read_anew_when_it_is_time() {
    let asked = Asked { tables: [STREAMS.to_owned()].into(), ..Asked::default() };
    let plan = plan(Some(&found()), &epoch(), &versions(10, 0), &mapping(), &asked).unwrap();
    assert_eq!(full(plan).0, [STREAMS]);
}

#[test]
fn a_graph_without_a_checkpoint_or_with_a_bare_one_is_loaded() {
    let none = plan(None, &epoch(), &versions(10, 0), &mapping(), &Asked::default()).unwrap();
    assert_eq!(
        full(none),
        ([EDGES, NODES, STREAMS].map(String::from).to_vec(), None, String::new())
    );
    let bare = Found { state: State::of(&epoch().database), sealed: false };
    assert_eq!(full(decide(&bare, &epoch(), &versions(10, 0))).2, "");
}

#[test]
fn a_failover_to_another_replica_of_the_group_changes_nothing() {
    let replica = |guid: &str| {
        let mut epoch = epoch();
        epoch.database.group_database_id = Some("X".into());
        epoch.database.database_guid = Some(guid.into());
        epoch.database.create_date = format!("when {guid} was made");
        epoch
    };
    let identity = State::of(&replica("G").database).identity;
    let found = Found { state: State { identity, ..found().state }, sealed: true };
    assert_eq!(decide(&found, &replica("other"), &versions(11, 0)), Plan::Window);
    assert_eq!(decide(&found, &replica("other"), &versions(10, 0)), Plan::Idle);
}

#[test]
fn a_table_is_found_by_its_object_where_the_checkpoint_spells_it_otherwise() {
    let mut state = found().state;
    let known = &mut state.epoch.as_mut().unwrap().tables;
    let streams = known.remove(STREAMS).unwrap();
    known.insert("provenance.generationstreams".into(), streams);
    let found = Found { state, sealed: true };
    assert_eq!(decide(&found, &epoch(), &versions(10, 0)), Plan::Idle);
    let mut truncated = epoch();
    truncated.tables.get_mut(&Slot::Link(0)).unwrap().begin_version = 10;
    assert_eq!(full(decide(&found, &truncated, &versions(10, 0))).0, [STREAMS]);
}

#[test]
fn a_table_that_the_source_does_not_answer_for_is_an_error_and_never_equal() {
    let (mut epoch_without, mut versions_without) = (epoch(), versions(10, 0));
    epoch_without.tables.remove(&Slot::Link(0));
    versions_without.tables.remove(&Slot::Link(0));
    let ask = |epoch: &Epoch, versions: &Versions| {
        plan(Some(&found()), epoch, versions, &mapping(), &Asked::default())
    };
    assert!(ask(&epoch_without, &versions(10, 0)).is_err());
    assert!(ask(&epoch(), &versions_without).is_err());
    let mut state = found().state;
    state.epoch.as_mut().unwrap().tables.remove(STREAMS);
    let found = Found { state, sealed: true };
    assert_eq!(full(decide(&found, &epoch(), &versions(10, 0))).0, [STREAMS]);
}

#[test]
fn a_graph_of_an_earlier_form_of_values_is_compared_again_where_a_type_was_read_wrongly() {
    let with = |slot: Slot, name: &str| {
        let mut epoch = epoch();
        epoch.types.get_mut(&slot).unwrap().insert(name.to_owned());
        epoch
    };
    let of_form = |values| Found { state: State { values, ..found().state }, sealed: true };
    let now = versions(10, 0);
    for name in ["datetimeoffset", "datetime"] {
        let plan = decide(&of_form(1), &with(Slot::Link(0), name), &now);
        let (tables, version, reason) = full(plan);
        assert_eq!((tables, version), (vec![STREAMS.to_owned()], Some(10)));
        assert!(reason.contains(name) && reason.contains(STREAMS), "{reason}");
        assert_eq!(decide(&of_form(VALUES), &with(Slot::Link(0), name), &now), Plan::Idle);
    }
    for name in ["datetime2", "smalldatetime", "date"] {
        assert_eq!(decide(&of_form(1), &with(Slot::Link(0), name), &now), Plan::Idle, "{name}");
    }
    let nodes = full(decide(&of_form(1), &with(Slot::Node(0), "datetime"), &now)).0;
    assert_eq!(nodes, [EDGES, NODES], "edges go with nodes that leave");
    // A full resync that an earlier binary began wrote such values too: what it carried is carried again.
    let begun = State { progress: Some(progress(&[STREAMS])), ..of_form(1).state };
    let begun = Found { state: begun, sealed: true };
    assert_eq!(full(decide(&begun, &with(Slot::Link(0), "datetime"), &now)).0, [STREAMS]);
}
