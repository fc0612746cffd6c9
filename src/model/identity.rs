//! Which database a source is, and whether it is the one that a graph was made from.
//!
//! `database_guid` and `create_date` belong to one replica: a failover changes both. What stays is the
//! database's id within its availability group, so that is the id where there is a group. A restored
//! copy shares the family of backups with its original and nothing else, so the family tells a copy
//! from an unrelated database and never makes two databases the same.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a database says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Name of the server (or instance) that answered.
    pub server: Option<String>,
    /// `sys.databases.group_database_id`: the same on every replica; `None` outside a group.
    pub group_database_id: Option<String>,
    /// `database_guid`: of this copy; `None` where the login may not see it.
    pub database_guid: Option<String>,
    /// `family_guid`: shared by all copies that were made from one another's backups.
    pub family_guid: Option<String>,
    /// `recovery_fork_guid`: changes when a restore or a forced failover loses data.
    pub recovery_fork_guid: Option<String>,
    /// `create_date`, of this copy. It decides nothing, except that checkpoints of format 1 may know
    /// nothing else.
    pub create_date: String,
}

impl Database {
    /// The id by which it is known, strongest first: that of its group, its own, or its server.
    pub fn id(&self) -> String {
        let strongest = self.group_id().or_else(|| self.own_id());
        strongest.unwrap_or_else(|| self.server_id())
    }

    fn group_id(&self) -> Option<String> {
        self.group_database_id.as_deref().map(|id| self.id_of("group", id))
    }

    fn own_id(&self) -> Option<String> {
        self.database_guid.as_deref().map(|guid| self.id_of("database", guid))
    }

    fn server_id(&self) -> String {
        self.id_of("server", self.server.as_deref().unwrap_or("unknown"))
    }

    fn created_id(&self) -> String {
        self.id_of("created", &self.create_date)
    }

    fn id_of(&self, kind: &str, value: &str) -> String {
        format!("{}@{kind}:{}", self.name, value.to_lowercase())
    }

    /// Whether the login sees an id that no other database can have.
    pub fn is_identifiable(&self) -> bool {
        self.group_database_id.is_some() || self.database_guid.is_some()
    }
}

/// Of which database a graph is, as its checkpoint says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// [`Database::id`] of the database that the graph follows.
    pub id: String,
    /// Its server, when it was last seen.
    pub server: Option<String>,
    /// Its family of backups.
    pub family: Option<String>,
    /// Ids of further databases that the graph may follow: each was allowed by `--adopt`.
    pub adopted: BTreeSet<String>,
}

/// What a database is to a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// The one that it follows.
    Same,
    /// Another one that it may follow.
    Adopted,
    /// A copy of the one that it follows, or a replica that has left its group.
    Copy,
    /// Another one.
    Other,
    /// Too little can be seen to tell.
    Unknown,
}

impl Identity {
    /// That of a database.
    pub fn of(database: &Database) -> Self {
        Self {
            id: database.id(),
            server: database.server.clone(),
            family: database.family_guid.clone(),
            adopted: BTreeSet::new(),
        }
    }

    /// What a database is to the graph. Pure.
    pub fn recognise(&self, database: &Database) -> Recognition {
        if self.is_same(database) {
            return Recognition::Same;
        }
        if self.adopted.contains(&database.id()) {
            return Recognition::Adopted;
        }
        if !self.is_comparable(database) {
            return Recognition::Unknown;
        }
        let has_left = self.kind() == "group" && database.group_database_id.is_none();
        match (&self.family, &database.family_guid) {
            (Some(own), Some(other)) if own.eq_ignore_ascii_case(other) => Recognition::Copy,
            (None, _) | (_, None) if has_left => Recognition::Copy,
            _ => Recognition::Other,
        }
    }

    fn is_same(&self, database: &Database) -> bool {
        // A database that was known by its own guid may have joined a group since.
        let ids = [Some(database.id()), database.own_id(), Some(database.created_id())];
        if ids.into_iter().flatten().any(|id| id == self.id) {
            return true;
        }
        let same_server = self.server.is_some() && self.server == database.server;
        !self.is_comparable(database) && same_server && self.name() == database.name
    }

    /// Whether the ids that can be seen decide. A guid that can't be seen is unknown, not another; a
    /// group's id is seen by every login in its own database, so that none means that there is no group.
    fn is_comparable(&self, database: &Database) -> bool {
        match self.kind() {
            "group" => true,
            "database" => database.database_guid.is_some(),
            _ => false,
        }
    }

    fn is_identifiable(&self) -> bool {
        matches!(self.kind(), "group" | "database")
    }

    fn name(&self) -> &str {
        self.id.rsplit_once('@').map_or("", |(name, _)| name)
    }

    fn kind(&self) -> &str {
        let life = self.id.rsplit_once('@').map_or("", |(_, life)| life);
        life.split_once(':').map_or("", |(kind, _)| kind)
    }

    /// What is to stand on the checkpoint of a graph that follows a database from now on: what it is
    /// known by now, and, where it is a copy, that the graph may follow either.
    #[must_use]
    pub fn follow(&self, database: &Database) -> Self {
        let adopted = match self.recognise(database) {
            Recognition::Same => self.adopted.clone(),
            Recognition::Adopted | Recognition::Copy => {
                let both = self.adopted.iter().chain([&self.id]).cloned();
                both.filter(|id| *id != database.id()).collect()
            }
            Recognition::Other | Recognition::Unknown => return Self::of(database),
        };
        let is_known_better = self.is_identifiable() && !database.is_identifiable();
        let is_same = self.recognise(database) == Recognition::Same;
        Self {
            id: if is_same && is_known_better { self.id.clone() } else { database.id() },
            server: database.server.clone().or_else(|| self.server.clone()),
            family: database.family_guid.clone().or_else(|| self.family.clone()),
            adopted,
        }
    }

    /// Whether both are known to be of one family of backups, or nothing is known.
    pub fn may_share_family(&self, database: &Database) -> bool {
        match (&self.family, &database.family_guid) {
            (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Recognition::{Adopted, Copy, Other, Same, Unknown};

    /// A database outside any group.
    fn alone(guid: &str, family: &str) -> Database {
        Database {
            name: "Prov".into(),
            server: Some("one".into()),
            database_guid: Some(guid.into()),
            family_guid: Some(family.into()),
            create_date: "2026-01-01T00:00:00".into(),
            ..Database::default()
        }
    }

    fn replica(group: &str, guid: &str) -> Database {
        Database { group_database_id: Some(group.into()), ..alone(guid, "F") }
    }

    fn unseen(server: &str) -> Database {
        let seen = alone("G1", "F");
        Database { server: Some(server.into()), database_guid: None, family_guid: None, ..seen }
    }

    #[test]
    fn every_replica_of_a_group_is_the_same_source() {
        let known = Identity::of(&replica("X", "G1"));
        let other = Database { server: Some("two".into()), ..replica("X", "G2") };
        assert_eq!(known.recognise(&other), Same);
        assert_eq!(known.follow(&other).id, known.id);
    }

    #[test]
    fn a_database_that_joins_a_group_is_known_by_the_group_from_then_on() {
        let known = Identity::of(&alone("G1", "F"));
        let joined = replica("X", "G1");
        assert_eq!(known.recognise(&joined), Same);
        let known = known.follow(&joined);
        assert_eq!(known.recognise(&replica("X", "G2")), Same);
        assert_eq!(known.recognise(&alone("G1", "F")), Copy, "it has left the group again");
    }

    #[test]
    fn a_copy_is_told_from_another_database_and_from_the_original() {
        let known = Identity::of(&alone("G1", "F"));
        assert_eq!(known.recognise(&alone("G2", "F")), Copy);
        assert_eq!(known.recognise(&alone("G2", "E")), Other);
        assert_eq!(known.recognise(&alone("G1", "E")), Same, "restored over: the epoch shows it");
        let renamed = Database { name: "Staging".into(), ..alone("G1", "F") };
        assert_eq!(known.recognise(&renamed), Copy, "an attached copy keeps its guid");
        assert_eq!(known.recognise(&replica("X", "G2")), Copy);
    }

    #[test]
    fn an_adopted_copy_and_its_original_may_both_be_followed() {
        let (first, second) = (alone("G1", "F"), alone("G2", "F"));
        let known = Identity::of(&first).follow(&second);
        assert_eq!((known.recognise(&second), known.recognise(&first)), (Same, Adopted));
        let back = known.follow(&first);
        assert_eq!((back.recognise(&first), back.recognise(&second)), (Same, Adopted));
        assert_eq!(back.recognise(&alone("G3", "F")), Copy);
        assert_eq!(back.follow(&alone("G9", "E")).adopted.len(), 0, "another family begins anew");
    }

    #[test]
    fn a_guid_that_can_not_be_seen_is_unknown_and_not_another() {
        let known = Identity::of(&alone("G1", "F"));
        assert_eq!(known.recognise(&unseen("one")), Same);
        assert_eq!(known.recognise(&unseen("two")), Unknown);
        assert_eq!(known.follow(&unseen("one")).id, known.id, "what was known stays known");
        let blind = Identity::of(&unseen("one"));
        assert_eq!(blind.recognise(&unseen("one")), Same);
        assert_eq!(blind.recognise(&unseen("two")), Unknown);
        assert_eq!(blind.recognise(&alone("G1", "F")), Same);
        assert_eq!(blind.follow(&alone("G1", "F")).id, "Prov@database:g1");
        let grouped = Identity::of(&replica("X", "G1"));
        assert_eq!(grouped.recognise(&unseen("one")), Copy, "the group would be seen");
        let elsewhere = Database { group_database_id: Some("Y".into()), ..unseen("one") };
        assert_eq!(grouped.recognise(&elsewhere), Other, "groups are seen by every login");
        assert_eq!(known.recognise(&Database { server: Some("two".into()), ..elsewhere }), Unknown);
        let blind_replica = Database { group_database_id: Some("X".into()), ..unseen("two") };
        assert_eq!(grouped.recognise(&blind_replica), Same);
    }

    #[test]
    fn the_creation_date_never_tells_two_databases_apart() {
        let known = Identity::of(&alone("G1", "F"));
        let later = Database { create_date: "2026-02-02T00:00:00".into(), ..alone("G1", "F") };
        assert_eq!(known.recognise(&later), Same);
        let dated = Identity { id: alone("G1", "F").created_id(), ..Identity::default() };
        assert_eq!(dated.recognise(&alone("G1", "F")), Same);
        assert_eq!(dated.recognise(&later), Unknown);
    }
}
