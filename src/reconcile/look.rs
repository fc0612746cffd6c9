//! What the graph and its quarantine hold for some keys.

use std::collections::BTreeMap;

use super::diff::ActualRelationships;
use super::engine::{Engine, Wish};
use super::stores::GraphStore;
use crate::error::Result;
use crate::mapping::Shape;
use crate::neo4j::actual::BytesMax;
use crate::neo4j::quarantine::Entries;
use crate::sqlserver::pages::Keys;

/// Keys from which on they are asked for by type.
const LIST_ROWS_MIN: usize = 1_000;
/// How much more than a page of rows the graph may hold for its keys before the page is halved.
pub const ACTUAL_TO_PAGE_BYTES: usize = 4;

impl<G: GraphStore> Engine<G> {
    /// A page is cut by the bytes of its rows; what the graph holds for its keys may be larger.
    pub(super) fn actual_limit(&self, wish: &Wish) -> BytesMax {
        match &wish.keys {
            Keys::List(keys) if keys.len() < 2 => BytesMax(usize::MAX),
            Keys::Range(range) if range.first == range.last => BytesMax(usize::MAX),
            _ => BytesMax(self.limits.batch_bytes_max.saturating_mul(ACTUAL_TO_PAGE_BYTES)),
        }
    }

    /// What quarantine says of the keys; nothing where it is known to be empty.
    pub(super) async fn entries(&self, shape: &Shape, wish: &Wish) -> Result<Entries> {
        if !self.somebody_waits {
            return Ok(Entries::new());
        }
        self.graph.entries(&shape.table, &wish.keys).await
    }

    /// Relationships of the keys. Many keys of a list are asked for under the type that they should
    /// have, and those that are not found under all: a seek for every type that a key could have is
    /// most of the work otherwise.
    pub(super) async fn actual_relationships(
        &self,
        shape: &Shape,
        wish: &Wish,
        limit: BytesMax,
    ) -> Result<ActualRelationships> {
        let is_long = matches!(&wish.keys, Keys::List(keys) if keys.len() >= LIST_ROWS_MIN);
        if !is_long || !wish.is_tidy || shape.names.len() < 2 {
            return self.graph.relationships(shape, &wish.keys, limit).await;
        }
        let mut by_name: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (key, outcome) in &wish.desired {
            if let Ok(desired) = outcome {
                by_name.entry(&desired.name).or_default().push(*key);
            }
        }
        let mut found = ActualRelationships::new();
        for (name, keys) in by_name {
            let of_name = Shape { names: vec![name.to_owned()], ..shape.clone() };
            found.extend(self.graph.relationships(&of_name, &Keys::list(keys), limit).await?);
        }
        let rest = match &wish.keys {
            Keys::List(keys) => keys.iter().copied().filter(|k| !found.contains_key(k)).collect(),
            Keys::Range(_) => Vec::new(),
        };
        if !rest.is_empty() {
            found.extend(self.graph.relationships(shape, &Keys::list(rest), limit).await?);
        }
        Ok(found)
    }
}
