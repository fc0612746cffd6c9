//! The statements of one transaction, in the order of R8, every count compared with what was sent.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use neo4rs::{BoltType, Txn};

use super::ends::{missing_ends, waiting_of};
use super::leave::{Left, leave};
use super::owner::{Owner, taken_by};
use super::parameters::{parameter, whole};
use super::pieces;
use super::sorted::Sorted;
use super::{Applied, Context, Waiting};
use crate::error::{Error, Kind, Result};
use crate::mapping::shape::{NodeShape, RelationshipShape};
use crate::model::value::IdentityValue;
use crate::neo4j::actual::Which;
use crate::neo4j::quarantine::{self, Reason};
use crate::neo4j::{Statement, cypher, list, run, values};
use crate::reconcile::desired::{Desired, Place};
use crate::reconcile::diff::{Changes, Entry, is_new_cause};

/// Writes the items of one table within a transaction, phase by phase (R8).
pub(super) struct Writer<'t, 'c> {
    pub txn: &'t mut Txn,
    pub context: &'c Context,
    pub applied: &'t mut Applied,
}

impl Writer<'_, '_> {
    /// Relationships that go.
    pub async fn clear(&mut self, sorted: &Sorted<'_>) -> Result<()> {
        for (name, keys) in &sorted.delete {
            self.delete(name, keys).await?;
        }
        Ok(())
    }

    /// Nodes: leave, then enter and change.
    pub async fn nodes(&mut self, sorted: &Sorted<'_>) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        match shape.node() {
            Some(node) => self.write_nodes(node, sorted).await,
            None => Ok(()),
        }
    }

    /// Relationships that change or come.
    pub async fn relationships(&mut self, sorted: &Sorted<'_>) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        for (name, keys) in &sorted.rekey_relationships {
            self.rekey(&cypher::rekey_relationships(&shape, name), keys).await?;
        }
        for (name, rows) in &sorted.update_relationships {
            self.update(&cypher::update_relationships(&shape, name), rows).await?;
        }
        if let Some(ends) = shape.relationship()
            && !sorted.create.is_empty()
        {
            for piece in pieces::by_name(&sorted.create) {
                self.create(ends, &piece).await?;
            }
        }
        Ok(())
    }

    /// Quarantine, and placeholders that lost their last link.
    pub async fn close(&mut self, sorted: &Sorted<'_>) -> Result<()> {
        self.quarantine(&sorted.quarantine).await?;
        self.release(&sorted.release).await?;
        let shape = Arc::clone(&self.context.shape);
        if let Some(node) = shape.node() {
            // A row that was in quarantine is gone: so are the edges that waited for it.
            let keys = sorted.release.iter().chain(&sorted.wake);
            self.wake(&row_tokens(node, keys.copied())).await?;
        }
        let identities = std::mem::take(&mut self.applied.ends);
        if let Some(ends) = shape.relationship().filter(|_| !identities.is_empty()) {
            let text = cypher::collect_placeholders(ends);
            let statement = Statement::new(text).with("identities", values::list(identities));
            self.applied.placeholders_removed += self.run_counted(statement).await?;
        }
        Ok(())
    }

    async fn write_nodes(&mut self, node: &NodeShape, sorted: &Sorted<'_>) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        if !sorted.leave.is_empty() {
            self.leave(node, &sorted.leave).await?;
        }
        for (label, keys) in &sorted.unlabel {
            let statement = Statement::new(cypher::unlabel(&shape, node, label));
            let written = self.run_counted(statement.with("keys", values::keys(keys))).await?;
            expect(written, keys.len(), "labels to take off")?;
        }
        if !sorted.rekey_nodes.is_empty() {
            self.rekey(&cypher::rekey_nodes(&shape, node), &sorted.rekey_nodes).await?;
        }
        for (name, rows) in &sorted.enter {
            for piece in pieces::of(rows, |(desired, _)| pieces::of_desired(desired)) {
                self.enter(node, name, piece).await?;
            }
        }
        if !sorted.update_nodes.is_empty() {
            self.update(&cypher::update_nodes(&shape, node), &sorted.update_nodes).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, name: &str, keys: &[i64]) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        let links = shape.relationship().filter(|ends| ends.placeholder.is_some());
        let text = match links {
            Some(ends) => cypher::delete_links(&shape, ends, name),
            None => cypher::delete_relationships(&shape, name),
        };
        let rows = self.run_rows(Statement::new(text).with("keys", values::keys(keys))).await?;
        if let Some(BoltType::List(ends)) = rows.first().and_then(|r| r.get("identities").ok()) {
            self.applied.ends.extend(ends.value);
        }
        let written = written(&rows);
        expect(written, keys.len(), "relationships to delete")?;
        self.applied.deleted += written;
        Ok(())
    }

    async fn leave(&mut self, node: &NodeShape, keys: &[i64]) -> Result<()> {
        let statement = leave(&self.context.shape, node, Which::Keys(keys));
        let left = Left::of(&self.run_rows(statement).await?)?;
        expect(left.nodes, keys.len(), "nodes to leave")?;
        self.applied.deleted += left.nodes;
        self.applied.detached += left.edges;
        self.applied.foreign_deleted += left.others;
        let mut tokens = left.freed;
        tokens.extend(row_tokens(node, keys.iter().copied()));
        self.wake(&tokens).await
    }

    /// Entries of quarantine that waited for one of these are due now.
    async fn wake(&mut self, tokens: &[String]) -> Result<()> {
        if self.context.somebody_waits {
            self.applied.due += quarantine::wake(self.txn, tokens).await?;
        }
        Ok(())
    }

    /// Creates; what is there already is adopted if it is a placeholder, else rejected.
    async fn enter(
        &mut self,
        node: &NodeShape,
        name: &str,
        rows: &[(&Desired, &Entry)],
    ) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        let statement = Statement::new(cypher::enter(&shape, node, name));
        let parameter = values::list(rows.iter().map(|(d, _)| parameter(&shape, d)));
        let before = self.applied.counters.nodes_created;
        let taken = self.run_rows(statement.with("rows", parameter)).await?;
        let mut owners = HashMap::new();
        for row in &taken {
            let cells = list(row)?;
            let key = cells.first().and_then(values::integer).unwrap_or_default();
            owners.insert(key, Owner::of(&cells));
        }
        let written = self.applied.counters.nodes_created - before;
        expect(written, rows.len() - owners.len(), "nodes to create")?;
        self.applied.created += written;
        let rejects = self.adopt(node, name, rows, &owners).await?;
        let entered = rows.iter().map(|(d, _)| d.key).filter(|key| !rejects.contains_key(key));
        self.wake(&row_tokens(node, entered)).await?;
        self.settle(rows, &rejects).await
    }

    /// Adopts what may be adopted; returns the rows that are rejected, with their reasons.
    async fn adopt(
        &mut self,
        node: &NodeShape,
        name: &str,
        rows: &[(&Desired, &Entry)],
        owners: &HashMap<i64, Owner>,
    ) -> Result<BTreeMap<i64, Reason>> {
        let mut rejects = BTreeMap::new();
        let mut adopted: BTreeMap<&Place, &Desired> = BTreeMap::new();
        for (desired, _) in rows {
            let Some(owner) = owners.get(&desired.key) else { continue };
            let identity = match &desired.place {
                Place::Node(identity) => Some(quarantine::token(name, identity)),
                Place::Between(..) => None,
            };
            if let Some(reason) = owner.refuses(desired.key) {
                rejects.insert(desired.key, reason.waiting_for(identity));
            } else if let Some(first) = adopted.get(&desired.place) {
                rejects.insert(desired.key, taken_by(first.key).waiting_for(identity));
            } else {
                adopted.insert(&desired.place, desired);
            }
        }
        if !adopted.is_empty() {
            let shape = Arc::clone(&self.context.shape);
            let text = cypher::adopt(&shape, node, name);
            let parameter = values::list(adopted.values().map(|d| whole(&shape, d)));
            let written = self.run_counted(Statement::new(text).with("rows", parameter)).await?;
            expect(written, adopted.len(), "placeholders to adopt")?;
            self.applied.created += written;
        }
        Ok(rejects)
    }

    async fn rekey(&mut self, text: &str, keys: &[i64]) -> Result<()> {
        let statement = Statement::new(text).with("keys", values::keys(keys));
        let written = self.run_counted(statement).await?;
        expect(written, keys.len(), "keys to make integers")
    }

    async fn update(&mut self, text: &str, rows: &[(i64, &Changes)]) -> Result<()> {
        let names = &self.context.shape.properties;
        for piece in pieces::of(rows, pieces::of_changes) {
            let parameter = values::list(piece.iter().map(|(key, changes)| {
                let properties = changes.iter().map(|(i, v)| (names[*i].as_str(), v.as_ref()));
                values::map([("k", (*key).into()), ("p", values::properties(properties))])
            }));
            let written = self.run_counted(Statement::new(text).with("rows", parameter)).await?;
            expect(written, piece.len(), "properties to change")?;
        }
        Ok(())
    }

    async fn create(
        &mut self,
        ends: &RelationshipShape,
        by_name: &BTreeMap<&str, Vec<(&Desired, &Entry)>>,
    ) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        for names in cypher::created_together(&shape) {
            let some = names.iter().filter_map(|name| by_name.get_key_value(name.as_str()));
            let some: Vec<_> = some.map(|(name, rows)| (*name, rows.as_slice())).collect();
            if !some.is_empty() {
                let text = cypher::create_relationships(&shape, ends, names);
                self.create_some(ends, text, &some).await?;
            }
        }
        Ok(())
    }

    async fn create_some(
        &mut self,
        ends: &RelationshipShape,
        text: String,
        by_name: &[(&str, &[(&Desired, &Entry)])],
    ) -> Result<()> {
        let shape = Arc::clone(&self.context.shape);
        let rows: Vec<(&Desired, &Entry)> = by_name.iter().flat_map(|(_, r)| *r).copied().collect();
        let lists = by_name.iter().map(|(name, rows)| {
            (*name, values::list(rows.iter().map(|(d, _)| parameter(&shape, d))))
        });
        let statement = Statement::new(text).with("rows", values::lists(lists));
        let before = self.applied.counters.relationships_created;
        let missing = self.run_rows(statement).await?;
        let mut waiting = Vec::new();
        for row in &missing {
            waiting.push(waiting_of(&list(row)?));
        }
        let places: HashMap<i64, &Place> = rows.iter().map(|(d, _)| (d.key, &d.place)).collect();
        let reason = |w: &Waiting| missing_ends(ends, w, places.get(&w.key).copied());
        let rejects: BTreeMap<i64, Reason> = waiting.iter().map(|w| (w.key, reason(w))).collect();
        let written = self.applied.counters.relationships_created - before;
        expect(written, rows.len() - rejects.len(), "relationships to create")?;
        self.applied.created += written;
        if !self.context.quarantine_missing_ends {
            self.applied.waiting.extend(waiting);
            let here: Vec<_> =
                rows.iter().filter(|(d, _)| !rejects.contains_key(&d.key)).copied().collect();
            return self.settle(&here, &BTreeMap::new()).await;
        }
        self.settle(&rows, &rejects).await
    }

    /// Quarantine after a write: rejected rows go in, the others come out.
    async fn settle(
        &mut self,
        rows: &[(&Desired, &Entry)],
        rejects: &BTreeMap<i64, Reason>,
    ) -> Result<()> {
        let mut put = Vec::new();
        let mut release = Vec::new();
        for (desired, entry) in rows {
            match (rejects.get(&desired.key), entry) {
                (Some(reason), entry) if reason.is_said_by(entry.as_ref()) => {}
                (Some(reason), entry) => {
                    if reason.is_root_cause() && is_new_cause(entry.as_ref()) {
                        *self.applied.causes.entry(reason.code).or_default() += 1;
                    }
                    put.push((desired.key, reason.clone()));
                }
                (None, Some(_)) => release.push(desired.key),
                (None, None) => {}
            }
        }
        self.quarantine(&put).await?;
        self.release(&release).await
    }

    async fn quarantine(&mut self, entries: &[(i64, Reason)]) -> Result<()> {
        let of_rows = entries.iter().filter(|(_, reason)| reason.code != quarantine::DETACHED);
        self.applied.quarantined += of_rows.count() as u64;
        quarantine::put(self.txn, &self.context.shape.table, self.context.read_at, entries).await
    }

    async fn release(&mut self, keys: &[i64]) -> Result<()> {
        quarantine::remove(self.txn, &self.context.shape.table, keys).await
    }

    async fn run_rows(&mut self, statement: Statement) -> Result<Vec<neo4rs::Row>> {
        let (rows, counters) = run(self.txn, statement).await?;
        self.applied.counters += &counters;
        Ok(rows)
    }

    async fn run_counted(&mut self, statement: Statement) -> Result<u64> {
        Ok(written(&self.run_rows(statement).await?))
    }
}

fn written(rows: &[neo4rs::Row]) -> u64 {
    let count = rows.first().and_then(|row| row.get::<i64>("written").ok());
    count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

/// What stands for rows of a node table.
fn row_tokens(node: &NodeShape, keys: impl Iterator<Item = i64>) -> Vec<String> {
    keys.map(|key| quarantine::token(&node.label, &IdentityValue::Integer(key))).collect()
}

/// A count that is not what was sent means that somebody changed the graph since it was read: the
/// transaction is rolled back and the page is read and compared anew.
fn expect(written: u64, sent: usize, what: &str) -> Result<()> {
    if written == sent as u64 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Transient,
        format!("the graph changed while it was written: {sent} {what}, {written} found"),
    ))
}
