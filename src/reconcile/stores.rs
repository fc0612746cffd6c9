//! What reconciling needs of the two stores. The real ones are [`crate::sqlserver::Source`] and
//! [`crate::neo4j::Graph`]; the simulation has models of both.
//!
//! Every call stands for itself: a future that is dropped leaves a store as a lost connection does,
//! and any call may fail with [`crate::error::Kind::Transient`] and be made again.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::mapping::{Mapping, Shape, Slot};
use crate::model::Database;
use crate::model::value::IdentityValue;
use crate::neo4j::Counters;
use crate::neo4j::actual::BytesMax;
use crate::neo4j::actual::Which;
use crate::neo4j::apply::{Applied, Committed, Context, Move, Part};
use crate::neo4j::checkpoint::{Fence, Found, State};
use crate::neo4j::leader::{Beat, Heard, Sign};
use crate::neo4j::quarantine::Entries;
use crate::neo4j::schema::SchemaStore;
use crate::neo4j::strays::Stray;
use crate::reconcile::breaker::{Approved, AtMost, Target};
use crate::reconcile::diff::{ActualNodes, ActualRelationships, Item};
use crate::sqlserver::epoch::{Epoch, Versions};
use crate::sqlserver::pages::{Depth, KeyRange, Keys, Page, PageLimit};
use crate::sqlserver::window::{WindowRead, WindowRequest};

/// One connection to the relational side.
pub trait SourceStore: Send + 'static {
    /// Another connection to the same source.
    #[must_use]
    fn another(&self) -> Self;

    /// Which source it is, and which life of it.
    fn epoch(&mut self, mapping: &Mapping) -> impl Future<Output = Result<Epoch>> + Send;

    /// Current version, and where every tracked table stands. Cheap: it is what an idle poll asks.
    fn versions(&mut self, mapping: &Mapping) -> impl Future<Output = Result<Versions>> + Send;

    /// Current version; 0 where nothing is tracked.
    fn current(&mut self) -> impl Future<Output = Result<i64>> + Send;

    /// The page of a table that begins at `first`, of one snapshot.
    fn page(
        &mut self,
        mapping: &Mapping,
        slot: Slot,
        depth: Depth,
        first: i64,
        limit: PageLimit,
    ) -> impl Future<Output = Result<Page>> + Send;

    /// Rows of some keys, of one snapshot, in order, up to `bytes_max`: the page's keys say how far
    /// it came.
    fn rows_of(
        &mut self,
        mapping: &Mapping,
        slot: Slot,
        keys: Vec<i64>,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Page>> + Send;

    /// The keys that changed, and the rows of all keys where they are few, of one snapshot.
    fn window(
        &mut self,
        mapping: &Mapping,
        request: &WindowRequest,
    ) -> impl Future<Output = Result<WindowRead>> + Send;

    /// Takes the lease of this name for this connection, if nobody has it. Does not wait.
    fn take_lease(&mut self, name: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Whether this connection has the lease.
    fn holds_lease(&mut self, name: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Gives the lease up, with the connection.
    fn release_lease(&mut self);

    /// Number of rows of a table.
    fn count(&mut self, mapping: &Mapping, slot: Slot) -> impl Future<Output = Result<u64>> + Send;
}

/// What an answer of [`GraphStore::identities`] says of a node: row key, names, identity.
pub type NodeIdentity = (i64, Vec<String>, Option<IdentityValue>);

/// All that the graph holds of the first keys of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch<T> {
    /// What it holds.
    pub found: Vec<T>,
    /// The keys of the range that come after; `None` where the range is done.
    pub rest: Option<KeyRange>,
}

/// The graph side. Its calls may run side by side.
pub trait GraphStore: SchemaStore + Clone + Send + Sync + 'static {
    /// The checkpoint, whoever's it is.
    fn checkpoint(&self) -> impl Future<Output = Result<Option<Found>>> + Send;

    /// Takes the right to write for a source: [`crate::neo4j::checkpoint::raise`].
    fn raise(
        &self,
        database: &Database,
        adopt: bool,
    ) -> impl Future<Output = Result<(Fence, Found)>> + Send;

    /// Exchanges the fence for a new one, if it is still in force (R5).
    fn renew(&self, old: &Fence, new: &Fence) -> impl Future<Output = Result<()>> + Send;

    /// Moves the checkpoint from the state of one seal to another, if the fence is in force; where it
    /// has moved already, it stays.
    fn advance(
        &self,
        fence: &Fence,
        from_seal: Option<&str>,
        to: &State,
        consistent: Option<bool>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// How many things of a kind there are that provsync made; counts up to `most`.
    fn count(
        &self,
        shape: &Shape,
        target: Target,
        most: u64,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Nodes of some keys.
    fn nodes(
        &self,
        shape: &Shape,
        keys: &Keys,
        limit: BytesMax,
    ) -> impl Future<Output = Result<ActualNodes>> + Send;

    /// Relationships of some keys.
    fn relationships(
        &self,
        shape: &Shape,
        keys: &Keys,
        limit: BytesMax,
    ) -> impl Future<Output = Result<ActualRelationships>> + Send;

    /// The first nodes of a key range, without properties; some `most` of them.
    fn identities(
        &self,
        shape: &Shape,
        range: KeyRange,
        most: usize,
    ) -> impl Future<Output = Result<Stretch<NodeIdentity>>> + Send;

    /// The first relationships of a key range: row key and type; some `most` of them a type.
    fn relationship_keys(
        &self,
        shape: &Shape,
        range: KeyRange,
        most: usize,
    ) -> impl Future<Output = Result<Stretch<(i64, String)>>> + Send;

    /// Quarantine's entries of some keys of a table.
    fn entries(&self, table: &str, keys: &Keys) -> impl Future<Output = Result<Entries>> + Send;

    /// Whether anything is in quarantine.
    fn has_entries(&self) -> impl Future<Output = Result<bool>> + Send;

    /// Number of a table's entries in quarantine.
    fn entry_count(&self, table: &str) -> impl Future<Output = Result<u64>> + Send;

    /// Keys and types of an edge table's relationships on some nodes (R1).
    fn edges_on(
        &self,
        nodes: &Shape,
        edges: &Shape,
        which: Which<'_>,
    ) -> impl Future<Output = Result<Vec<(i64, String)>>> + Send;

    /// Quarantine's entries, of any table, that should be looked at again now: table and row key.
    fn due(&self, rows_max: usize) -> impl Future<Output = Result<Vec<(String, i64)>>> + Send;

    /// Says of entries that they were looked at again, guard last; those that are still there wait
    /// for their next turn.
    fn tried(
        &self,
        fence: &Fence,
        entries: &BTreeMap<String, Vec<i64>>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Writes parts of several tables and moves the checkpoint, in one transaction.
    fn commit(
        &self,
        parts: &[Part<'_>],
        to: &Move,
    ) -> impl Future<Output = Result<Committed>> + Send;

    /// Which database this is, whatever address it is reached by.
    fn database_id(&self) -> impl Future<Output = Result<String>> + Send;

    /// The same graph by connections of its own: its calls wait for none of the others.
    #[must_use]
    fn apart(&self) -> Self;

    /// Says that the writer lives; returns what others ask of it.
    fn beat(&self, fence: &Fence, beat: &Beat) -> impl Future<Output = Result<Heard>> + Send;

    /// The writer's last sign, if there ever was one.
    fn sign(&self) -> impl Future<Output = Result<Option<Sign>>> + Send;

    /// The writer ends in good order.
    fn leave(&self, fence: &Fence) -> impl Future<Output = Result<()>> + Send;

    /// Says how a request ended.
    fn answer(
        &self,
        fence: &Fence,
        id: &str,
        outcome: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Terminates transactions that keep somebody from taking the fence.
    fn terminate_blockers(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Writes items in one transaction, guard last.
    fn apply(
        &self,
        context: &Context,
        items: &Approved<Vec<Item>>,
    ) -> impl Future<Output = Result<Applied>> + Send;

    /// Takes relationships off the node that `leave` removes from its identity, `most` at most, in one transaction, guard last:
    /// [`crate::neo4j::apply::strip`].
    fn strip(
        &self,
        context: &Context,
        leave: &Approved<Vec<Item>>,
        most: usize,
    ) -> impl Future<Output = Result<Applied>> + Send;

    /// How many placeholders of a table no link needs.
    fn orphan_count(&self, shape: &Shape) -> impl Future<Output = Result<u64>> + Send;

    /// Deletes some of them, guard last; returns how many.
    fn sweep(
        &self,
        shape: &Shape,
        most: &Approved<AtMost>,
        fence: &Fence,
        read_at: i64,
    ) -> impl Future<Output = Result<(u64, Counters)>> + Send;

    /// Up to `most` things of a table whose key is no row's.
    fn strays(&self, shape: &Shape, most: usize)
    -> impl Future<Output = Result<Vec<Stray>>> + Send;

    /// Takes some of them away, guard last; returns how many.
    fn remove_strays(
        &self,
        context: &Context,
        ids: &Approved<Vec<String>>,
    ) -> impl Future<Output = Result<u64>> + Send;
}
