//! A model of the graph side: what is in it, and transactions that take the checkpoint's lock last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use provsync::error::{Error, Result};
use provsync::mapping::Shape;
use provsync::model::Value;
use provsync::model::value::IdentityValue;
use provsync::neo4j::Counters;
use provsync::neo4j::actual::BytesMax;
use provsync::neo4j::apply::{Applied, Context};
use provsync::neo4j::checkpoint::{Fence, Found, State};
use provsync::neo4j::quarantine::Entries;
use provsync::neo4j::schema::Constraint;
use provsync::reconcile::diff::{
    ActualNode, ActualNodes, ActualRelationship, ActualRelationships, Item,
};
use provsync::reconcile::stores::{GraphStore, NodeIdentity};
use provsync::sqlserver::pages::{KeyRange, Keys};

use crate::chaos::{Chaos, Lost, unknown_outcome};
use crate::transaction;

pub type Properties = BTreeMap<String, Value>;

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub labels: BTreeSet<String>,
    pub properties: Properties,
}

#[derive(Clone, Debug)]
pub struct Relationship {
    pub name: String,
    pub from: u64,
    pub to: u64,
    pub properties: Properties,
}

#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    pub source: String,
    pub fence: String,
    pub state: State,
    pub consistent: bool,
}

/// All that is in the graph.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub nodes: BTreeMap<u64, Node>,
    pub relationships: BTreeMap<u64, Relationship>,
    pub entries: BTreeMap<(String, i64), (String, String)>,
    pub checkpoint: Option<Checkpoint>,
    pub next_id: u64,
}

impl Data {
    pub fn with_label<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (u64, &'a Node)> {
        let has = move |(_, node): &(&u64, &Node)| node.labels.contains(label);
        self.nodes.iter().filter(has).map(|(id, node)| (*id, node))
    }

    pub fn of_type<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (u64, &'a Relationship)> {
        self.relationships.iter().filter(move |(_, r)| r.name == name).map(|(id, r)| (*id, r))
    }
}

pub fn integer(properties: &Properties, name: &str) -> Option<i64> {
    match properties.get(name) {
        Some(Value::Integer(value)) => Some(*value),
        _ => None,
    }
}

/// Guards that a test may take out, to show that the simulation would find them missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weakness {
    #[default]
    None,
    /// Whoever writes, the fence passes.
    NoFence,
    /// A new fence does not wait for the transaction whose answer was lost.
    NoWaitForLocks,
}

#[derive(Default)]
struct Inner {
    data: Data,
    /// A commit that holds its locks and has not answered.
    late: Option<Data>,
    weakness: Weakness,
}

/// A connection to the model.
#[derive(Clone)]
pub struct ModelGraph {
    inner: Arc<Mutex<Inner>>,
    chaos: Chaos,
}

impl ModelGraph {
    pub fn new(chaos: Chaos, weakness: Weakness) -> Self {
        let inner = Inner { weakness, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), chaos }
    }

    /// The same graph for another process.
    pub fn for_process(&self, chaos: Chaos) -> Self {
        Self { inner: Arc::clone(&self.inner), chaos }
    }

    /// What is in it, once every commit is settled.
    pub fn data(&self) -> Data {
        let mut inner = self.inner.lock().unwrap();
        self.settle(&mut inner);
        inner.data.clone()
    }

    fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> T {
        let mut inner = self.inner.lock().unwrap();
        // Who only reads does not wait; the commit may land at any time.
        if self.chaos.below(4) == 0 {
            self.settle(&mut inner);
        }
        read(&inner.data)
    }

    fn settle(&self, inner: &mut MutexGuard<'_, Inner>) {
        if let Some(late) = inner.late.take()
            && self.chaos.below(2) == 0
        {
            inner.data = late;
        }
    }

    /// A transaction that ends with the checkpoint's lock.
    async fn write<T>(
        &self,
        what: &str,
        work: impl FnOnce(&mut Data, Weakness) -> Result<T>,
    ) -> Result<T> {
        self.chaos.before(what).await?;
        let outcome = self.commit(work);
        self.chaos.moment().await;
        outcome
    }

    fn commit<T>(&self, work: impl FnOnce(&mut Data, Weakness) -> Result<T>) -> Result<T> {
        let mut inner = self.inner.lock().unwrap();
        let late = inner.late.take().filter(|_| inner.weakness == Weakness::NoWaitForLocks);
        if late.is_some() {
            inner.late = late;
        } else {
            self.settle(&mut inner);
        }
        let mut data = inner.data.clone();
        let value = work(&mut data, inner.weakness)?;
        match self.chaos.loses_answer() {
            None => inner.data = data,
            Some(lost) => {
                match lost {
                    Lost::Done => inner.data = data,
                    Lost::Never => {}
                    Lost::Late => inner.late = Some(data),
                }
                return Err(unknown_outcome());
            }
        }
        Ok(value)
    }
}

fn fenced_off(why: impl std::fmt::Display) -> Error {
    Error::stop(format!("another has taken over: {why}"))
}

/// The guard: the fence, and how old the rows are.
fn guard(data: &mut Data, fence: &Fence, read_at: i64, weakness: Weakness) -> Result<()> {
    let checkpoint = data.checkpoint.as_mut().ok_or_else(|| fenced_off("no checkpoint"))?;
    let fence_holds = checkpoint.fence == fence.token() || weakness == Weakness::NoFence;
    let is_new = checkpoint.state.version.unwrap_or(-1) <= read_at;
    if checkpoint.source != fence.source() || !fence_holds || !is_new {
        let version = checkpoint.state.version;
        return Err(fenced_off(format!("fence {fence_holds}, {version:?}, read at {read_at}")));
    }
    checkpoint.consistent = false;
    Ok(())
}

fn within(keys: &Keys, key: i64) -> bool {
    match keys {
        Keys::Range(range) => (range.first..=range.last).contains(&key),
        Keys::List(keys) => keys.contains(&key),
    }
}

fn properties(shape: &Shape, of: &Properties) -> Vec<Option<Value>> {
    shape.properties.iter().map(|name| of.get(name).cloned()).collect()
}

impl GraphStore for ModelGraph {
    async fn checkpoint(&self) -> Result<Option<Found>> {
        self.chaos.before("checkpoint").await?;
        let found =
            |c: &Checkpoint| Found { state: c.state.clone(), sealed: !c.state.epoch.is_empty() };
        Ok(self.read(|data| data.checkpoint.as_ref().map(found)))
    }

    async fn raise(&self, source: &str, adopt: bool) -> Result<(Fence, Found)> {
        let fence = Fence::new(source);
        let token = fence.token().to_owned();
        let found = self.write("raise", |data, _| {
            let checkpoint = data.checkpoint.get_or_insert_with(|| Checkpoint {
                source: source.to_owned(),
                state: State { source: source.to_owned(), ..State::default() },
                ..Checkpoint::default()
            });
            if checkpoint.source != source && !adopt {
                return Err(Error::stop("another source's"));
            }
            checkpoint.fence = token;
            let sealed = !checkpoint.state.epoch.is_empty();
            Ok(Found { state: checkpoint.state.clone(), sealed })
        });
        Ok((fence, found.await?))
    }

    async fn renew(&self, old: &Fence, new: &Fence) -> Result<()> {
        let (old, new) = (old.token().to_owned(), new.token().to_owned());
        self.write("renew", |data, weakness| {
            let checkpoint = data.checkpoint.as_mut().ok_or_else(|| fenced_off("no checkpoint"))?;
            let ours = checkpoint.fence == old || checkpoint.fence == new;
            if !ours && weakness != Weakness::NoFence {
                return Err(fenced_off("the fence to renew"));
            }
            checkpoint.fence = new;
            Ok(())
        })
        .await
    }

    async fn advance(
        &self,
        fence: &Fence,
        from_seal: Option<&str>,
        to: &State,
        consistent: Option<bool>,
    ) -> Result<()> {
        self.write("advance", |data, weakness| {
            let checkpoint = data.checkpoint.as_mut().ok_or_else(|| fenced_off("no checkpoint"))?;
            let ours = checkpoint.fence == fence.token() || weakness == Weakness::NoFence;
            let stands = checkpoint.state.seal();
            let from = from_seal.is_none_or(|seal| stands == seal || stands == to.seal());
            if !ours || !from {
                return Err(fenced_off(format!("fence {ours}, state {from}")));
            }
            checkpoint.state = to.clone();
            checkpoint.consistent = consistent.unwrap_or(checkpoint.consistent);
            Ok(())
        })
        .await
    }

    async fn count(&self, shape: &Shape) -> Result<u64> {
        self.chaos.before("count").await?;
        let count = self.read(|data| match shape.node() {
            Some(node) => data.with_label(&node.label).count(),
            None => shape.names.iter().map(|name| data.of_type(name).count()).sum(),
        });
        Ok(u64::try_from(count).unwrap())
    }

    async fn nodes(&self, shape: &Shape, keys: &Keys, _: BytesMax) -> Result<ActualNodes> {
        self.chaos.before("nodes").await?;
        let Some(node) = shape.node() else { return Ok(ActualNodes::new()) };
        Ok(self.read(|data| {
            let actual = |n: &Node| ActualNode {
                names: shape.names.iter().filter(|l| n.labels.contains(*l)).cloned().collect(),
                identity: n.properties.get(&node.identity).and_then(IdentityValue::of),
                is_placeholder: n.labels.contains(&node.placeholder),
                properties: properties(shape, &n.properties),
            };
            let keyed = |n: &Node| integer(&n.properties, &shape.key).filter(|k| within(keys, *k));
            data.with_label(&node.label).filter_map(|(_, n)| Some((keyed(n)?, actual(n)))).collect()
        }))
    }

    async fn relationships(
        &self,
        shape: &Shape,
        keys: &Keys,
        _: BytesMax,
    ) -> Result<ActualRelationships> {
        self.chaos.before("relationships").await?;
        let Some(ends) = shape.relationship() else { return Ok(ActualRelationships::new()) };
        Ok(self.read(|data| {
            let end = |id: u64, label: &str, property: &str| {
                let node = &data.nodes[&id];
                let value = node.properties.get(property).and_then(IdentityValue::of);
                value.filter(|_| node.labels.contains(label))
            };
            let mut found = ActualRelationships::new();
            for name in &shape.names {
                for (_, r) in data.of_type(name) {
                    let Some(key) = integer(&r.properties, &shape.key) else { continue };
                    if within(keys, key) {
                        found.entry(key).or_default().push(ActualRelationship {
                            name: name.clone(),
                            from: end(r.from, &ends.from.label, &ends.from.property),
                            to: end(r.to, &ends.to.label, &ends.to.property),
                            properties: properties(shape, &r.properties),
                        });
                    }
                }
            }
            found
        }))
    }

    async fn identities(&self, shape: &Shape, range: KeyRange) -> Result<Vec<NodeIdentity>> {
        let nodes = self.nodes(shape, &Keys::Range(range), BytesMax(usize::MAX)).await?;
        Ok(nodes.into_iter().map(|(key, node)| (key, node.names, node.identity)).collect())
    }

    async fn relationship_keys(
        &self,
        shape: &Shape,
        range: KeyRange,
    ) -> Result<Vec<(i64, String)>> {
        let all = self.relationships(shape, &Keys::Range(range), BytesMax(usize::MAX)).await?;
        let named = |(key, list): (i64, Vec<ActualRelationship>)| {
            list.into_iter().map(move |r| (key, r.name))
        };
        Ok(all.into_iter().flat_map(named).collect())
    }

    async fn entries(&self, table: &str, keys: &Keys) -> Result<Entries> {
        self.chaos.before("entries").await?;
        Ok(self.read(|data| {
            let of = data.entries.iter().filter(|((t, key), _)| t == table && within(keys, *key));
            of.map(|((_, key), entry)| (*key, entry.clone())).collect()
        }))
    }

    async fn entry_keys(
        &self,
        table: &str,
        reason: &str,
        after: Option<i64>,
        rows_max: usize,
    ) -> Result<Vec<i64>> {
        self.chaos.before("entry keys").await?;
        Ok(self.read(|data| {
            let of = data.entries.iter().filter(|((t, key), (code, _))| {
                t == table && code == reason && after.is_none_or(|after| *key > after)
            });
            of.map(|((_, key), _)| *key).take(rows_max).collect()
        }))
    }

    async fn entry_count(&self, table: &str) -> Result<u64> {
        Ok(u64::try_from(self.entries(table, &Keys::Range(KeyRange::ALL)).await?.len()).unwrap())
    }

    async fn apply(&self, context: &Context, items: &[Item]) -> Result<Applied> {
        self.write("apply", |data, weakness| {
            let applied = transaction::apply(data, context, items)?;
            guard(data, &context.fence, context.read_at, weakness)?;
            Ok(applied)
        })
        .await
    }

    async fn sweep(
        &self,
        shape: &Shape,
        limit: usize,
        fence: &Fence,
        read_at: i64,
    ) -> Result<Option<(u64, Counters)>> {
        self.write("sweep", |data, weakness| {
            let Some(node) = shape.node() else { return Ok(None) };
            let orphans: Vec<u64> = data
                .with_label(&node.placeholder)
                .filter(|(id, n)| {
                    !n.properties.contains_key(&shape.key)
                        && !transaction::is_needed(data, node, *id)
                })
                .map(|(id, _)| id)
                .take(limit)
                .collect();
            if orphans.is_empty() {
                return Ok(None);
            }
            for id in &orphans {
                transaction::detach_delete(data, *id);
            }
            guard(data, fence, read_at, weakness)?;
            let removed = u64::try_from(orphans.len()).unwrap();
            Ok(Some((removed, Counters { nodes_deleted: removed, ..Counters::default() })))
        })
        .await
    }

    async fn constrain(&self, _: &[Constraint]) -> Result<()> {
        self.chaos.before("constrain").await
    }
}
