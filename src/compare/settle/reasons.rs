//! Whether what quarantine says of a row holds still. What a row alone decides is judged with it
//! ([`judge`](crate::compare::judge)); here is what depends on the graph: who has a row's identity, and
//! whether the rows that an edge joins are there.

use std::collections::{BTreeMap, BTreeSet};

use super::Settler;
use crate::compare::difference::{Difference, State};
use crate::error::Result;
use crate::mapping::{Registry, Shape, Slot};
use crate::model::value::IdentityValue;
use crate::neo4j::actual::{self, BytesMax};
use crate::neo4j::apply::{IDENTITY_FOREIGN, IDENTITY_TAKEN};
use crate::neo4j::quarantine::{self, END_MISSING, Entries};
use crate::reconcile::desired::{Desired, Outcome, Place};
use crate::reconcile::stores::GraphStore;
use crate::sqlserver::pages::Keys;

/// Rows whose reason is gone.
#[derive(Debug, Default)]
pub(super) struct Refuted {
    /// They are different for sure.
    pub real: BTreeSet<i64>,
    /// They are about to be tried again.
    pub due: BTreeSet<i64>,
}

impl Settler {
    /// Of rows that differ, and are explained, those whose reason holds no more.
    ///
    /// Whoever takes a reason away marks the entry due in the same transaction: that is why the entries
    /// are read after the reasons. An entry that is due, or another one by now, is about to be dealt with.
    pub(super) async fn refuted(
        &self,
        slot: Slot,
        registry: &Registry,
        (desired, entries): (&BTreeMap<i64, Outcome>, &Entries),
        differing: &BTreeMap<i64, Vec<Difference>>,
    ) -> Result<Refuted> {
        let is_explained = |d: &Difference| matches!(d.state, State::Explained { .. });
        let explained = differing.iter().filter(|(_, all)| all.iter().any(is_explained));
        let rows: Vec<(&Desired, &str)> = explained
            .filter_map(|(key, _)| {
                Some((desired.get(key)?.as_ref().ok()?.as_ref(), entries.get(key)?.0.as_str()))
            })
            .collect();
        let shape = Shape::new(&self.mapping, registry, slot);
        let gone: Vec<i64> = match slot {
            Slot::Node(_) => self.not_refused(&shape, &rows).await?,
            Slot::Edge(i) => {
                let edges = &self.mapping.edges[i];
                let ends = [Slot::Node(edges.from), Slot::Node(edges.to)];
                let ends = ends.map(|slot| Shape::new(&self.mapping, registry, slot));
                self.joined(&ends, &rows).await?
            }
            Slot::Link(_) => Vec::new(),
        };
        if gone.is_empty() {
            return Ok(Refuted::default());
        }
        let mut due = quarantine::due_of(&self.graph, &shape.table, &gone).await?;
        let now = self.graph.entries(&shape.table, &Keys::list(gone.clone())).await?;
        due.extend(gone.iter().filter(|key| now.get(key) != entries.get(key)));
        let real = gone.into_iter().filter(|key| !due.contains(key)).collect();
        Ok(Refuted { real, due })
    }

    /// Nodes of which quarantine says that somebody has their identity, and nobody has, or another kind
    /// of owner.
    async fn not_refused(&self, shape: &Shape, rows: &[(&Desired, &str)]) -> Result<Vec<i64>> {
        let mut by_name: BTreeMap<&str, Vec<(i64, &IdentityValue)>> = BTreeMap::new();
        let mut codes: BTreeMap<i64, &str> = BTreeMap::new();
        for (row, code) in
            rows.iter().filter(|(_, c)| [IDENTITY_TAKEN, IDENTITY_FOREIGN].contains(c))
        {
            if let Place::Node(identity) = &row.place {
                by_name.entry(&row.name).or_default().push((row.key, identity));
                codes.insert(row.key, code);
            }
        }
        for (name, rows) in by_name {
            for (key, reason) in actual::refusals(&self.graph, shape, name, &rows).await? {
                if codes.get(&key) == Some(&reason.code) {
                    codes.remove(&key);
                }
            }
        }
        Ok(codes.into_keys().collect())
    }

    /// Edges of which quarantine says that an end is missing, and both are there.
    async fn joined(&self, ends: &[Shape; 2], rows: &[(&Desired, &str)]) -> Result<Vec<i64>> {
        let waiting = rows.iter().filter(|(_, code)| *code == END_MISSING);
        let edges: BTreeMap<i64, [i64; 2]> = waiting
            .filter_map(|(row, _)| match &row.place {
                Place::Between(IdentityValue::Integer(from), IdentityValue::Integer(to)) => {
                    Some((row.key, [*from, *to]))
                }
                _ => None,
            })
            .collect();
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let mut there = Vec::new();
        for (i, shape) in ends.iter().enumerate() {
            let keys: BTreeSet<i64> = edges.values().map(|ends| ends[i]).collect();
            let keys = Keys::List(keys.into_iter().collect());
            there.push(self.graph.nodes(shape, &keys, BytesMax(usize::MAX)).await?);
        }
        let is_there = |ends: &[i64; 2]| (0..2).all(|i| there[i].contains_key(&ends[i]));
        Ok(edges.into_iter().filter(|(_, ends)| is_there(ends)).map(|(key, _)| key).collect())
    }
}
