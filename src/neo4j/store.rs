//! [`Graph`] as the store that reconciling writes to.

use super::apply::{self, Applied, Context};
use super::checkpoint::{self, Fence, Found, State};
use super::quarantine::{self, Entries};
use super::schema::{self, Constraint};
use super::{Counters, Graph, actual, sweep};
use crate::error::Result;
use crate::mapping::Shape;
use crate::reconcile::diff::{ActualNodes, ActualRelationships, Item};
use crate::reconcile::stores::{GraphStore, NodeIdentity};
use crate::sqlserver::pages::{KeyRange, Keys};
use actual::BytesMax;

impl GraphStore for Graph {
    async fn checkpoint(&self) -> Result<Option<Found>> {
        checkpoint::read(self).await
    }

    async fn raise(&self, source: &str, adopt: bool) -> Result<(Fence, Found)> {
        checkpoint::raise(self, source, adopt).await
    }

    async fn renew(&self, old: &Fence, new: &Fence) -> Result<()> {
        checkpoint::renew(self, old, new).await
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
        self.write(advance).await
    }

    async fn count(&self, shape: &Shape) -> Result<u64> {
        actual::count(self, shape).await
    }

    async fn nodes(&self, shape: &Shape, keys: &Keys, limit: BytesMax) -> Result<ActualNodes> {
        actual::nodes(self, shape, keys, limit).await
    }

    async fn relationships(
        &self,
        shape: &Shape,
        keys: &Keys,
        limit: BytesMax,
    ) -> Result<ActualRelationships> {
        actual::relationships(self, shape, keys, limit).await
    }

    async fn identities(&self, shape: &Shape, range: KeyRange) -> Result<Vec<NodeIdentity>> {
        actual::identities(self, shape, range).await
    }

    async fn relationship_keys(
        &self,
        shape: &Shape,
        range: KeyRange,
    ) -> Result<Vec<(i64, String)>> {
        actual::relationship_keys(self, shape, range).await
    }

    async fn entries(&self, table: &str, keys: &Keys) -> Result<Entries> {
        quarantine::read(self, table, keys).await
    }

    async fn entry_keys(
        &self,
        table: &str,
        reason: &str,
        after: Option<i64>,
        rows_max: usize,
    ) -> Result<Vec<i64>> {
        quarantine::keys(self, table, reason, after, rows_max).await
    }

    async fn entry_count(&self, table: &str) -> Result<u64> {
        quarantine::count(self, table).await
    }

    async fn apply(&self, context: &Context, items: &[Item]) -> Result<Applied> {
        apply::apply(self, context, items).await
    }

    async fn sweep(
        &self,
        shape: &Shape,
        limit: usize,
        fence: &Fence,
        read_at: i64,
    ) -> Result<Option<(u64, Counters)>> {
        sweep::sweep(self, shape, limit, fence, read_at).await
    }

    async fn constrain(&self, wanted: &[Constraint]) -> Result<()> {
        schema::apply(self, wanted).await.map(|_| ())
    }
}
