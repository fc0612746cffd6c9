//! The source as one side of a walk: what leaves or enters nodes, hop by hop, each answer from one
//! SNAPSHOT transaction.

mod identities;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::statements::{self, lineage};
use super::{Flow, Source, decode, pages};
use crate::compare::element::{self, Crossed, Identity, Node, NodeId, Way};
use crate::compare::side::{NODES_AT_A_TIME, Rows, Scope, Side, WithoutRow, too_many};
use crate::error::Result;
use crate::mapping::{Mapping, Registry, Slot};
use crate::model::value::IdentityValue;
use crate::model::{SourceRow, Value};
use crate::reconcile::desired::{Desired, Outcome, Place, Wanted};
use crate::sqlserver::pages::{Depth, Keys, Page, PageLimit};

/// Rows of a page of [`Side::rows_from`] and [`Side::without_row_from`], and its bytes.
const PAGE: PageLimit = PageLimit { rows: 20_000, bytes: 16 << 20 };

/// The source, asked about the relationships of a scope.
pub struct SourceSide {
    source: Source,
    mapping: Arc<Mapping>,
    registry: Registry,
    scope: Scope,
}

impl SourceSide {
    /// The registry says what the types are called in the graph.
    pub fn new(source: Source, mapping: Arc<Mapping>, registry: Registry, scope: Scope) -> Self {
        Self { source, mapping, registry, scope }
    }

    /// The connection, for what is no walk.
    pub fn source(&mut self) -> &mut Source {
        &mut self.source
    }

    fn wanted(&mut self, slot: Slot, rows: Vec<SourceRow>) -> Vec<(i64, Outcome)> {
        let mut wanted = Wanted::new(&self.mapping, &mut self.registry);
        rows.into_iter().map(|row| (row.key, wanted.of(slot, row))).collect()
    }

    async fn row_nodes(&mut self, table: usize, keys: &[i64], out: &mut Vec<Node>) -> Result<()> {
        let slot = Slot::Node(table);
        let statements = statements::table(&self.mapping, slot);
        let (rows, _) =
            pages::rows_of_lists(&mut self.source, &statements, &keys.to_vec().into(), usize::MAX)
                .await?;
        let name = self.mapping.nodes[table].table.name.to_string();
        for (key, outcome) in self.wanted(slot, rows) {
            out.push(match outcome {
                Ok(desired) => row_node(table, &name, &desired),
                Err(reason) => Node {
                    id: NodeId::Row(table, key),
                    label: "".into(),
                    identity: None,
                    digest: element::digest_of_unrepresentable(&name, key, &reason),
                },
            });
        }
        Ok(())
    }

    /// Nodes without a row: a link names them, and no row has their identity.
    async fn bare_nodes(&mut self, ids: &[&Identity], out: &mut Vec<Node>) -> Result<()> {
        for table in ids.iter().map(|id| id.table).collect::<BTreeSet<_>>() {
            let of_table = ids.iter().filter(|id| id.table == table);
            let values: Vec<&IdentityValue> = of_table.clone().map(|id| &id.value).collect();
            let rows = self.rows_with(table, &values).await?;
            let named = self.named(table, &values).await?;
            let is_bare = |id: &&&Identity| {
                !rows.contains_key(**id) && named.contains(&(id.label.clone(), id.value.clone()))
            };
            out.extend(of_table.filter(is_bare).map(|id| Node {
                id: NodeId::Bare(Box::new((*id).clone())),
                label: id.label.clone(),
                identity: Some(id.value.clone()),
                digest: element::digest_of_bare(id),
            }));
        }
        Ok(())
    }

    async fn cross_edges(
        &mut self,
        edge: usize,
        from: &[NodeId],
        way: Way,
        edges_max: usize,
        out: &mut Vec<Crossed>,
    ) -> Result<()> {
        let tables = (self.mapping.edges[edge].from, self.mapping.edges[edge].to);
        let (near, far) = if way == Way::Along { tables } else { (tables.1, tables.0) };
        let keys = keys_of(from, near);
        let slot = Slot::Edge(edge);
        let name = self.mapping.table(slot).name.to_string();
        for list in keys.chunks(NODES_AT_A_TIME) {
            let list = serde_json::to_string(list).unwrap_or_default();
            for row in self.crossing(slot, way, &list, edges_max).await? {
                let ends = [&row.cells[1], &row.cells[2]]
                    .map(|cell| cell.value().and_then(integer).unwrap_or_default());
                let [near_key, far_key] = if way == Way::Along { ends } else { [ends[1], ends[0]] };
                let (key, outcome) = self.wanted(slot, vec![row]).remove(0);
                let id = NodeId::Row(near, near_key);
                let far = Some(NodeId::Row(far, far_key));
                self.push(out, (slot, &name, key), &outcome, (id, far), way, edges_max)?;
            }
        }
        Ok(())
    }

    async fn cross_links(
        &mut self,
        link: usize,
        from: &[NodeId],
        way: Way,
        edges_max: usize,
        out: &mut Vec<Crossed>,
    ) -> Result<()> {
        let table = self.mapping.links[link].nodes;
        let label: Arc<str> = self.mapping.links[link].label.as_str().into();
        let near = self.standing(table, &label, from).await?;
        let slot = Slot::Link(link);
        let name = self.mapping.table(slot).name.to_string();
        let values: Vec<&IdentityValue> = near.keys().collect();
        let mut rows = Vec::new();
        for list in values.chunks(NODES_AT_A_TIME) {
            rows.extend(self.crossing(slot, way, &identities::json(list), edges_max).await?);
        }
        let ends = |row: &SourceRow| {
            let [from, to] = identities::of_link(row);
            if way == Way::Along { [from, to] } else { [to, from] }
        };
        let far: BTreeSet<IdentityValue> =
            rows.iter().filter_map(|row| ends(row)[1].clone()).collect();
        let far_rows = self.rows_with(table, &far.iter().collect::<Vec<_>>()).await?;
        for row in rows {
            let [near_value, far_value] = ends(&row);
            // What the collation found beside it.
            let Some(id) = near_value.and_then(|value| near.get(&value).cloned()) else { continue };
            let far = far_value.map(|value| {
                let identity = Identity { table, label: label.clone(), value };
                match far_rows.get(&identity) {
                    Some(key) => NodeId::Row(table, *key),
                    None => NodeId::Bare(Box::new(identity)),
                }
            });
            let (key, outcome) = self.wanted(slot, vec![row]).remove(0);
            self.push(out, (slot, &name, key), &outcome, (id, far), way, edges_max)?;
        }
        Ok(())
    }

    async fn crossing(
        &mut self,
        slot: Slot,
        way: Way,
        list: &str,
        edges_max: usize,
    ) -> Result<Vec<SourceRow>> {
        let Some(statements) = lineage::crossing(&self.mapping, slot) else {
            return Ok(Vec::new());
        };
        let sql = if way == Way::Along { &statements.along } else { &statements.against };
        let mut rows = Vec::new();
        let is_complete = self
            .source
            .stream(sql, &[&list], |row| {
                rows.push(decode::row(&row, &statements.kinds)?);
                Ok(if rows.len() > edges_max { Flow::Stop } else { Flow::Continue })
            })
            .await?;
        if is_complete { Ok(rows) } else { Err(too_many(edges_max)) }
    }

    /// Adds a relationship, if it is of the scope. One whose type has no name is of no named scope.
    fn push(
        &self,
        out: &mut Vec<Crossed>,
        (slot, table, key): (Slot, &str, i64),
        outcome: &Outcome,
        (near, far): (NodeId, Option<NodeId>),
        way: Way,
        edges_max: usize,
    ) -> Result<()> {
        let (name, digest) = match outcome {
            Ok(desired) => (desired.name.clone(), element::digest_of_row_edge(table, desired)),
            Err(reason) => ("".into(), element::digest_of_unrepresentable(table, key, reason)),
        };
        if self.scope.has(&name) {
            out.push(Crossed { near, slot, key, way, name, far, digest });
        }
        if out.len() > edges_max { Err(too_many(edges_max)) } else { Ok(()) }
    }

    async fn page(&mut self, slot: Slot, depth: Depth, first: i64) -> Result<Page> {
        let statements = statements::table(&self.mapping, slot);
        pages::read_page(&mut self.source, &statements, depth, first, PAGE).await
    }

    /// The rows that edges join, whether or not the graph can hold the edges.
    fn edge_ends(&self, edge: usize, rows: &[SourceRow]) -> Vec<NodeId> {
        let edge = &self.mapping.edges[edge];
        let of_row = |row: &SourceRow| {
            [(edge.from, &row.cells[1]), (edge.to, &row.cells[2])].map(|(table, cell)| {
                cell.value().and_then(integer).map(|key| NodeId::Row(table, key))
            })
        };
        let ends: BTreeSet<NodeId> = rows.iter().flat_map(of_row).flatten().collect();
        ends.into_iter().collect()
    }

    async fn read<T>(&mut self, read: impl AsyncFnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.source.begin_snapshot().await?;
        match read(self).await {
            Ok(value) => {
                self.source.end_snapshot().await?;
                Ok(value)
            }
            // What state its transaction is in is not worth finding out.
            Err(error) => {
                self.source.discard();
                Err(error)
            }
        }
    }
}

impl Side for SourceSide {
    async fn nodes(&mut self, ids: &[NodeId]) -> Result<Vec<Node>> {
        let bare: Vec<&Identity> = ids.iter().filter_map(bare).collect();
        self.read(async |side| {
            let mut out = Vec::new();
            for table in 0..side.mapping.nodes.len() {
                let keys = keys_of(ids, table);
                if !keys.is_empty() {
                    side.row_nodes(table, &keys, &mut out).await?;
                }
            }
            side.bare_nodes(&bare, &mut out).await?;
            Ok(out)
        })
        .await
    }

    async fn edges(&mut self, from: &[NodeId], way: Way, edges_max: usize) -> Result<Vec<Crossed>> {
        self.read(async |side| {
            let mut out = Vec::new();
            for slot in side.mapping.slots() {
                match slot {
                    _ if !side.scope.has_table(slot) => {}
                    Slot::Node(_) => {}
                    Slot::Edge(i) => side.cross_edges(i, from, way, edges_max, &mut out).await?,
                    Slot::Link(i) => side.cross_links(i, from, way, edges_max, &mut out).await?,
                }
            }
            Ok(out)
        })
        .await
    }

    async fn of_identity(&mut self, table: usize, value: &IdentityValue) -> Result<Vec<NodeId>> {
        self.read(async |side| {
            let rows = side.rows_with(table, &[value]).await?;
            let named = side.named(table, &[value]).await?;
            let bare = named
                .into_iter()
                .filter(|(_, found)| found == value)
                .map(|(label, value)| Identity { table, label, value })
                .filter(|identity| !rows.contains_key(identity))
                .map(|identity| NodeId::Bare(Box::new(identity)));
            Ok(rows.values().map(|key| NodeId::Row(table, *key)).chain(bare).collect())
        })
        .await
    }

    async fn rows_from(&mut self, table: usize, first: i64) -> Result<Rows> {
        let page = self.page(Slot::Node(table), Depth::Light, first).await?;
        let row = |row: SourceRow| match row.cells[0].value() {
            Some(Value::Text(text)) => (row.key, text.clone()),
            _ => (row.key, String::new()),
        };
        Ok(Rows { next: next_of(&page), rows: page.rows.into_iter().map(row).collect() })
    }

    /// Identities that links name and no row has. An edge joins rows and nothing else.
    async fn without_row_from(&mut self, slot: Slot, first: i64) -> Result<WithoutRow> {
        let Slot::Link(link) = slot else { return Ok(WithoutRow::default()) };
        if !self.scope.has_table(slot) || !self.scope.has(&self.mapping.links[link].relationship) {
            return Ok(WithoutRow::default());
        }
        let page = self.page(slot, Depth::Rows, first).await?;
        let next = next_of(&page);
        let ends = self.read(async |side| side.link_ends(link, &page.rows).await).await?;
        let nodes = ends.into_iter().filter(|id| bare(id).is_some()).collect();
        Ok(WithoutRow { nodes, next, ..WithoutRow::default() })
    }

    async fn ends_of(&mut self, slot: Slot, keys: &[i64]) -> Result<Vec<NodeId>> {
        let statements = statements::table(&self.mapping, slot);
        self.read(async |side| {
            let (rows, _) = pages::rows_of_lists(
                &mut side.source,
                &statements,
                &keys.to_vec().into(),
                usize::MAX,
            )
            .await?;
            Ok(match slot {
                Slot::Node(_) => Vec::new(),
                Slot::Edge(edge) => side.edge_ends(edge, &rows),
                Slot::Link(link) => side.link_ends(link, &rows).await?.into_iter().collect(),
            })
        })
        .await
    }
}

/// Where the next page begins.
fn next_of(page: &Page) -> Option<i64> {
    match page.keys {
        Keys::Range(range) => range.rest().map(|rest| rest.first),
        Keys::List(_) => None,
    }
}

fn row_node(table: usize, name: &str, desired: &Desired) -> Node {
    let identity = match &desired.place {
        Place::Node(identity) => Some(identity.clone()),
        Place::Between(..) => None,
    };
    Node {
        id: NodeId::Row(table, desired.key),
        label: desired.name.clone(),
        identity,
        digest: element::digest_of_row_node(name, desired),
    }
}

/// The row keys of those of some nodes that are rows of a table, in order.
fn keys_of(ids: &[NodeId], table: usize) -> Vec<i64> {
    let key = |id: &NodeId| match id {
        NodeId::Row(of, key) if *of == table => Some(*key),
        _ => None,
    };
    let mut keys: Vec<i64> = ids.iter().filter_map(key).collect();
    keys.sort_unstable();
    keys
}

fn bare(id: &NodeId) -> Option<&Identity> {
    match id {
        NodeId::Bare(identity) => Some(identity),
        NodeId::Row(..) => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}
