//! The model as the store that reconciling writes to.

use std::collections::BTreeMap;

use provsync::error::{Error, Kind, Result};
use provsync::mapping::Shape;
use provsync::model::Database;
use provsync::neo4j::Counters;
use provsync::neo4j::actual::BytesMax;
use provsync::neo4j::actual::Which;
use provsync::neo4j::apply::{Applied, Committed, Context, Move, Part};
use provsync::neo4j::checkpoint::{Fence, Found, State};
use provsync::neo4j::leader::{Beat, Heard, Sign};
use provsync::neo4j::quarantine::{Entries, fingerprint};
use provsync::neo4j::schema::{Existing, SchemaItem, SchemaStore};
use provsync::neo4j::strays::Stray;
use provsync::reconcile::breaker::{Approved, AtMost, Deleting, Target};
use provsync::reconcile::diff::{ActualNodes, ActualRelationship, ActualRelationships, Item};
use provsync::reconcile::stores::{GraphStore, NodeIdentity, Stretch};
use provsync::sqlserver::pages::{KeyRange, Keys};

use super::{Checkpoint, ModelGraph, Weakness, transaction};

impl ModelGraph {
    /// The first `most` of what a range holds, and the keys after them.
    fn stretch<T>(
        &self,
        mut all: Vec<T>,
        key: impl Fn(&T) -> i64,
        range: KeyRange,
        most: usize,
    ) -> Stretch<T> {
        all.sort_by_key(&key);
        let last = all.get(most.wrapping_sub(1)).map(&key).filter(|last| *last < range.last);
        if let Some(last) = last {
            all.retain(|one| key(one) <= last);
        }
        self.answered(all.len());
        Stretch { found: all, rest: last.map(|k| KeyRange { first: k + 1, last: range.last }) }
    }

    /// The weak form of a commit: a crash between its two steps loses the data.
    async fn move_first(&self, to: &Move) -> Result<()> {
        self.write("move", Some(&to.fence), |data, weakness| {
            data.advance(&to.fence, Some(&to.from_seal), &to.to, None, weakness)
        })
        .await
    }
}

impl GraphStore for ModelGraph {
    async fn checkpoint(&self) -> Result<Option<Found>> {
        self.read("checkpoint", |data| data.checkpoint.as_ref().map(Checkpoint::found)).await
    }

    async fn raise(&self, database: &Database, adopt: bool) -> Result<(Fence, Found)> {
        let raise = |data: &mut super::Data, weakness| data.raise(database, adopt, weakness);
        let raised = self.write_first("raise", raise).await?;
        self.lock().silence.raised(self.chaos.process);
        Ok(raised)
    }

    async fn renew(&self, old: &Fence, new: &Fence) -> Result<()> {
        self.write("renew", None, |data, weakness| data.renew(old, new, weakness)).await
    }

    async fn advance(
        &self,
        fence: &Fence,
        from_seal: Option<&str>,
        to: &State,
        consistent: Option<bool>,
    ) -> Result<()> {
        self.write("advance", Some(fence), |data, weakness| {
            data.advance(fence, from_seal, to, consistent, weakness)
        })
        .await
    }

    async fn count(&self, shape: &Shape, target: Target, most: u64) -> Result<u64> {
        let count = self.read("count", |data| data.count(shape, target)).await?;
        Ok(u64::try_from(count).unwrap().min(most))
    }

    async fn nodes(&self, shape: &Shape, keys: &Keys, _: BytesMax) -> Result<ActualNodes> {
        self.read("nodes", |data| data.actual_nodes(shape, keys)).await
    }

    async fn relationships(
        &self,
        shape: &Shape,
        keys: &Keys,
        _: BytesMax,
    ) -> Result<ActualRelationships> {
        self.read("relationships", |data| data.actual_relationships(shape, keys)).await
    }

    async fn identities(
        &self,
        shape: &Shape,
        range: KeyRange,
        most: usize,
    ) -> Result<Stretch<NodeIdentity>> {
        let nodes = self.nodes(shape, &Keys::Range(range), BytesMax(usize::MAX)).await?;
        let all = nodes.into_iter().map(|(key, node)| (key, node.names, node.identity));
        Ok(self.stretch(all.collect(), |(key, ..)| *key, range, most))
    }

    async fn relationship_keys(
        &self,
        shape: &Shape,
        range: KeyRange,
        most: usize,
    ) -> Result<Stretch<(i64, String)>> {
        let all = self.relationships(shape, &Keys::Range(range), BytesMax(usize::MAX)).await?;
        let named = |(key, list): (i64, Vec<ActualRelationship>)| {
            list.into_iter().map(move |r| (key, r.name))
        };
        Ok(self.stretch(all.into_iter().flat_map(named).collect(), |(key, _)| *key, range, most))
    }

    async fn entries(&self, table: &str, keys: &Keys) -> Result<Entries> {
        self.read("entries", |data| {
            let of = data.entries.iter().filter(|((t, key), _)| t == table && keys.contains(*key));
            let print =
                |e: &crate::graph::Entry| (e.reason.clone(), fingerprint(&e.detail, &e.waits_for));
            of.map(|((_, key), e)| (*key, print(e))).collect()
        })
        .await
    }

    async fn has_entries(&self) -> Result<bool> {
        self.read("entries", |data| !data.entries.is_empty()).await
    }

    async fn entry_count(&self, table: &str) -> Result<u64> {
        Ok(u64::try_from(self.entries(table, &Keys::Range(KeyRange::ALL)).await?.len()).unwrap())
    }

    async fn edges_on(
        &self,
        nodes: &Shape,
        edges: &Shape,
        which: Which<'_>,
    ) -> Result<Vec<(i64, String)>> {
        // There are no things without a row's key.
        let Which::Keys(keys) = which else { return Ok(Vec::new()) };
        self.read("edges on nodes", |data| data.edges_on(nodes, edges, keys)).await
    }

    async fn due(&self, rows_max: usize) -> Result<Vec<(String, i64)>> {
        let due = self.read("due", |data| data.due(rows_max)).await?;
        let is_weak = self.lock().weakness == Weakness::NothingDue;
        Ok(if is_weak { Vec::new() } else { due })
    }

    async fn tried(&self, fence: &Fence, entries: &BTreeMap<String, Vec<i64>>) -> Result<()> {
        self.write("tried", Some(fence), |data, weakness| {
            data.tried(entries);
            data.guard_notes(fence, weakness)
        })
        .await
    }

    async fn commit(&self, parts: &[Part<'_>], to: &Move) -> Result<Committed> {
        let is_weak = self.lock().weakness == Weakness::CheckpointFirst;
        if is_weak {
            self.move_first(to).await?;
        }
        let mut waiting = Vec::new();
        let written = self.write("commit", Some(&to.fence), |data, weakness| {
            let applied = transaction::write(data, parts)?;
            for (i, part) in applied.iter().enumerate() {
                waiting.extend(part.waiting.iter().map(|w| (i, *w)));
            }
            if !waiting.is_empty() {
                return Err(Error::new(Kind::Transient, "rolled back"));
            }
            for (part, applied) in parts.iter().zip(&applied) {
                part.context.room.take(&applied.causes)?.keep();
            }
            if applied.iter().any(|part| part.due > 0) {
                data.guard(&to.fence, to.read_at, weakness)?;
                return Ok(Committed::Due(applied));
            }
            let from = Some(to.from_seal.as_str());
            data.advance(&to.fence, from, &to.to, Some(to.consistent), weakness)?;
            Ok(Committed::Moved(applied))
        });
        let written = written.await;
        if waiting.is_empty() { written } else { Ok(Committed::Waiting(waiting)) }
    }

    async fn database_id(&self) -> Result<String> {
        self.read("database id", |_| "model".to_owned()).await
    }

    fn apart(&self) -> Self {
        self.clone()
    }

    async fn beat(&self, fence: &Fence, beat: &Beat) -> Result<Heard> {
        let beaten =
            self.write("beat", Some(fence), |data, weakness| data.beat(fence, beat, weakness));
        let heard = beaten.await?;
        if beat.counts {
            self.lock().silence.heard(self.chaos.process);
        }
        Ok(heard)
    }

    async fn sign(&self) -> Result<Option<Sign>> {
        self.read("sign", super::Data::sign).await
    }

    async fn leave(&self, fence: &Fence) -> Result<()> {
        self.write("leave", None, |data, _| {
            data.leave(fence);
            Ok(())
        })
        .await
    }

    async fn answer(&self, fence: &Fence, id: &str, outcome: &str) -> Result<()> {
        let answer = |data: &mut super::Data, weakness| data.answer(fence, id, outcome, weakness);
        self.write("answer", Some(fence), answer).await
    }

    async fn terminate_blockers(&self) -> Result<Vec<String>> {
        self.before("terminate").await?;
        Ok(self.terminate())
    }

    async fn apply(&self, context: &Context, items: &Approved<Vec<Item>>) -> Result<Applied> {
        let part = Part { context: context.clone(), items };
        self.write("apply", Some(&context.fence), |data, weakness| {
            let applied = transaction::write(data, std::slice::from_ref(&part))?;
            context.room.take(&applied[0].causes)?.keep();
            data.guard(&context.fence, context.read_at, weakness)?;
            Ok(applied.into_iter().next().unwrap())
        })
        .await
    }

    async fn strip(&self, _: &Context, _: &Approved<Vec<Item>>, _: usize) -> Result<Applied> {
        // No transaction of the model is too large.
        Ok(Applied::default())
    }

    async fn orphan_count(&self, shape: &Shape) -> Result<u64> {
        let Some(node) = shape.node() else { return Ok(0) };
        let orphans = self.read("orphans", |data| data.orphans(shape, node)).await?;
        Ok(orphans.len() as u64)
    }

    async fn sweep(
        &self,
        shape: &Shape,
        most: &Approved<AtMost>,
        fence: &Fence,
        read_at: i64,
    ) -> Result<(u64, Counters)> {
        let Some(node) = shape.node() else { return Ok((0, Counters::default())) };
        self.write("sweep", Some(fence), |data, weakness| {
            let orphans = data.orphans(shape, node);
            let some = orphans.into_iter().take(usize::try_from(most.deletes()).unwrap());
            let removed = some.map(|id| data.detach_delete(id)).count() as u64;
            data.guard(fence, read_at, weakness)?;
            Ok((removed, Counters { nodes_deleted: removed, ..Counters::default() }))
        })
        .await
    }

    /// Nobody changes keys by hand there.
    async fn strays(&self, _: &Shape, _: usize) -> Result<Vec<Stray>> {
        self.before("strays").await?;
        Ok(Vec::new())
    }

    async fn remove_strays(&self, _: &Context, _: &Approved<Vec<String>>) -> Result<u64> {
        Ok(0)
    }
}

impl SchemaStore for ModelGraph {
    async fn schema(&self) -> Result<Vec<Existing>> {
        self.before("schema").await?;
        Ok(self.lock().schema.clone())
    }

    /// Like the server, it says nothing where another has the name.
    async fn create(&self, item: &SchemaItem) -> Result<bool> {
        self.before("create").await?;
        let mut inner = self.lock();
        let new = Existing::made_from(item);
        let place = |e: &Existing| (e.on_relationships, e.of.clone(), e.properties.clone());
        let is_there = |e: &Existing| e.name == new.name || place(e) == place(&new);
        let makes = !inner.schema.iter().any(is_there);
        if makes {
            inner.schema.push(new);
        }
        Ok(makes)
    }
}
