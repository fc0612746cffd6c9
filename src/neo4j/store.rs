//! [`Graph`] as the store that reconciling writes to.

use std::collections::BTreeMap;

use super::actual::Which;
use super::apply::{self, Applied, Committed, Context, Move, Part};
use super::checkpoint::{self, Fence, Found, State};
use super::leader::{self, Beat, Heard, Sign};
use super::quarantine::{self, Entries};
use super::strays::{self, Stray};
use super::{Counters, Graph, actual, sweep};
use crate::error::Result;
use crate::mapping::Shape;
use crate::model::Database;
use crate::reconcile::breaker::{Approved, AtMost, Target};
use crate::reconcile::diff::{ActualNodes, ActualRelationships, Item};
use crate::reconcile::stores::{GraphStore, NodeIdentity, Stretch};
use crate::sqlserver::pages::{KeyRange, Keys};
use actual::BytesMax;

/// Every call is boxed: what a driver does in one would otherwise be part of the caller's future, of its
/// caller's and so on, which does not fit a thread's stack in a debug build.
impl GraphStore for Graph {
    async fn checkpoint(&self) -> Result<Option<Found>> {
        Box::pin(checkpoint::read(self)).await
    }

    async fn raise(&self, database: &Database, adopt: bool) -> Result<(Fence, Found)> {
        Box::pin(checkpoint::raise(self, database, adopt)).await
    }

    async fn renew(&self, old: &Fence, new: &Fence) -> Result<()> {
        Box::pin(checkpoint::renew(self, old, new)).await
    }

    async fn advance(
        &self,
        fence: &Fence,
        from_seal: Option<&str>,
        to: &State,
        consistent: Option<bool>,
    ) -> Result<()> {
        let advance = async |txn: &mut neo4rs::Txn| {
            checkpoint::advance(txn, fence, from_seal, to, consistent).await
        };
        Box::pin(self.write(advance)).await
    }

    async fn count(&self, shape: &Shape, target: Target, most: u64) -> Result<u64> {
        Box::pin(actual::count(self, shape, target, most)).await
    }

    async fn nodes(&self, shape: &Shape, keys: &Keys, limit: BytesMax) -> Result<ActualNodes> {
        Box::pin(actual::nodes(self, shape, keys, limit)).await
    }

    async fn relationships(
        &self,
        shape: &Shape,
        keys: &Keys,
        limit: BytesMax,
    ) -> Result<ActualRelationships> {
        Box::pin(actual::relationships(self, shape, keys, limit)).await
    }

    async fn identities(
        &self,
        shape: &Shape,
        range: KeyRange,
        most: usize,
    ) -> Result<Stretch<NodeIdentity>> {
        Box::pin(actual::identities(self, shape, range, most)).await
    }

    async fn relationship_keys(
        &self,
        shape: &Shape,
        range: KeyRange,
        most: usize,
    ) -> Result<Stretch<(i64, String)>> {
        Box::pin(actual::relationship_keys(self, shape, range, most)).await
    }

    async fn entries(&self, table: &str, keys: &Keys) -> Result<Entries> {
        Box::pin(quarantine::read(self, table, keys)).await
    }

    async fn has_entries(&self) -> Result<bool> {
        Ok(Box::pin(quarantine::count_all(self)).await? > 0)
    }

    async fn entry_count(&self, table: &str) -> Result<u64> {
        Box::pin(quarantine::count(self, table)).await
    }

    async fn edges_on(
        &self,
        nodes: &Shape,
        edges: &Shape,
        which: Which<'_>,
    ) -> Result<Vec<(i64, String)>> {
        Box::pin(actual::edges_on(self, nodes, edges, which)).await
    }

    async fn due(&self, rows_max: usize) -> Result<Vec<(String, i64)>> {
        Box::pin(quarantine::due(self, rows_max)).await
    }

    async fn tried(&self, fence: &Fence, entries: &BTreeMap<String, Vec<i64>>) -> Result<()> {
        Box::pin(self.write(async |txn| {
            for (table, keys) in entries {
                quarantine::tried(txn, table, keys).await?;
            }
            checkpoint::guard_notes(txn, fence).await
        }))
        .await
    }

    async fn commit(&self, parts: &[Part<'_>], to: &Move) -> Result<Committed> {
        Box::pin(apply::commit(self, parts, to)).await
    }

    async fn database_id(&self) -> Result<String> {
        Box::pin(leader::database_id(self)).await
    }

    fn apart(&self) -> Self {
        Self::apart(self)
    }

    async fn beat(&self, fence: &Fence, beat: &Beat) -> Result<Heard> {
        Box::pin(leader::beat(self, fence, beat)).await
    }

    async fn sign(&self) -> Result<Option<Sign>> {
        Box::pin(leader::sign(self)).await
    }

    async fn leave(&self, fence: &Fence) -> Result<()> {
        Box::pin(leader::leave(self, fence)).await
    }

    async fn answer(&self, fence: &Fence, id: &str, outcome: &str) -> Result<()> {
        Box::pin(leader::answer(self, fence, id, outcome)).await
    }

    async fn terminate_blockers(&self) -> Result<Vec<String>> {
        Box::pin(leader::terminate_blockers(self)).await
    }

    async fn apply(&self, context: &Context, items: &Approved<Vec<Item>>) -> Result<Applied> {
        Box::pin(apply::apply(self, context, items)).await
    }

    async fn strip(
        &self,
        context: &Context,
        leave: &Approved<Vec<Item>>,
        most: usize,
    ) -> Result<Applied> {
        Box::pin(apply::strip(self, context, leave, most)).await
    }

    async fn orphan_count(&self, shape: &Shape) -> Result<u64> {
        Box::pin(sweep::count(self, shape)).await
    }

    async fn sweep(
        &self,
        shape: &Shape,
        most: &Approved<AtMost>,
        fence: &Fence,
        read_at: i64,
    ) -> Result<(u64, Counters)> {
        Box::pin(sweep::sweep(self, shape, most, fence, read_at)).await
    }

    async fn strays(&self, shape: &Shape, most: usize) -> Result<Vec<Stray>> {
        Box::pin(strays::all(self, shape, most)).await
    }

    async fn remove_strays(&self, context: &Context, ids: &Approved<Vec<String>>) -> Result<u64> {
        Box::pin(strays::remove(self, context, ids)).await
    }
}
