//! The graph as one side of a walk: what leaves or enters nodes, hop by hop.

mod pages;

use std::collections::BTreeSet;
use std::sync::Arc;

use neo4rs::BoltType;

use super::actual::{self, BytesMax};
use super::cypher::lineage::{self, Crossing};
use super::{Graph, Statement, list, values};
use crate::compare::element::{self, Crossed, Identity, Node, NodeId, Way};
use crate::compare::side::{NODES_AT_A_TIME, Rows, Scope, Side, WithoutRow, too_many};
use crate::error::{Error, Kind, Result};
use crate::mapping::shape::{NodeShape, RelationshipShape};
use crate::mapping::{Mapping, Registry, Shape, Slot};
use crate::model::value::IdentityValue;
use crate::reconcile::diff::ActualRelationship;
use crate::sqlserver::pages::Keys;

/// Bytes of properties that one answer about nodes may bring.
const BYTES_MAX: usize = 256 << 20;

/// Reads of one answer that run side by side: the server works on each with a thread of its own, and
/// so do we.
const READS: usize = 4;
/// Nodes of a read that are worth one.
const NODES_OF_A_READ: usize = 100;

/// The graph, asked about the relationships of a scope.
pub struct GraphSide(Arc<Reader>);

struct Reader {
    graph: Graph,
    mapping: Arc<Mapping>,
    shapes: Vec<Shape>,
    scope: Scope,
}

/// Node tables that relationships of a table are crossed between, near and far.
type Between<'a> = [(usize, &'a Shape, &'a NodeShape); 2];

impl GraphSide {
    /// The registry says what types there are.
    pub fn new(graph: Graph, mapping: Arc<Mapping>, registry: &Registry, scope: Scope) -> Self {
        let shape = |slot| Shape::new(&mapping, registry, slot);
        let shapes = mapping.slots().into_iter().map(shape).collect();
        Self(Arc::new(Reader { graph, mapping, shapes, scope }))
    }

    /// Reads about parts of some nodes side by side; every read comes to its end, so that no
    /// transaction is left open.
    async fn side_by_side<T, F>(
        &self,
        ids: &[NodeId],
        read: impl Fn(Arc<Reader>, Vec<NodeId>) -> F,
    ) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<Vec<T>>> + Send + 'static,
    {
        let len = ids.len().div_ceil(READS).clamp(NODES_OF_A_READ, NODES_AT_A_TIME);
        let mut out = Vec::new();
        for parts in ids.chunks(len * READS) {
            let spawn = |part: &[NodeId]| tokio::spawn(read(self.0.clone(), part.to_vec()));
            let running: Vec<_> = parts.chunks(len).map(spawn).collect();
            for answer in futures_util::future::join_all(running).await {
                let ended = |e| Error::new(Kind::Graph, format!("a read ended early: {e}"));
                out.extend(answer.map_err(ended)??);
            }
        }
        Ok(out)
    }
}

impl Reader {
    fn node_shape(&self, table: usize) -> Option<(usize, &Shape, &NodeShape)> {
        let shape = self.shapes.iter().find(|shape| shape.slot == Slot::Node(table))?;
        Some((table, shape, shape.node()?))
    }

    /// Row keys and identities under one type label.
    async fn find(
        &self,
        table: usize,
        name: &str,
        identities: &[&IdentityValue],
    ) -> Result<Vec<(IdentityValue, Option<i64>)>> {
        let Some((_, shape, node)) = self.node_shape(table) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let statement = Statement::new(lineage::find(shape, node, name));
        self.graph
            .read(statement.with("identities", identity_list(identities)), |row| {
                let mut cells = list(&row)?.into_iter();
                let identity = cells.next().and_then(values::from_bolt);
                let key = cells.next().as_ref().and_then(values::integer);
                found.extend(identity.as_ref().and_then(IdentityValue::of).map(|i| (i, key)));
                Ok(())
            })
            .await?;
        Ok(found)
    }

    async fn nodes(&self, ids: &[NodeId]) -> Result<Vec<Node>> {
        let mut out = Vec::new();
        for table in 0..self.mapping.nodes.len() {
            let key = |id: &NodeId| match id {
                NodeId::Row(of, key) if *of == table => Some(*key),
                _ => None,
            };
            let keys: Vec<i64> = ids.iter().filter_map(key).collect();
            if !keys.is_empty() {
                self.row_nodes(table, keys, &mut out).await?;
            }
        }
        let bare: Vec<&Identity> = ids
            .iter()
            .filter_map(|id| match id {
                NodeId::Bare(identity) => Some(&**identity),
                NodeId::Row(..) => None,
            })
            .collect();
        self.bare_nodes(&bare, &mut out).await?;
        Ok(out)
    }

    async fn edges(&self, from: &[NodeId], way: Way, edges_max: usize) -> Result<Vec<Crossed>> {
        let mut out = Vec::new();
        for shape in self.shapes.iter().filter(|shape| self.scope.has_table(shape.slot)) {
            self.cross(shape, from, way, edges_max, &mut out).await?;
        }
        Ok(out)
    }

    async fn row_nodes(&self, table: usize, keys: Vec<i64>, out: &mut Vec<Node>) -> Result<()> {
        let Some((_, shape, _)) = self.node_shape(table) else { return Ok(()) };
        let keys = Keys::list(keys);
        for (key, node) in actual::nodes(&self.graph, shape, &keys, BytesMax(BYTES_MAX)).await? {
            out.push(Node {
                id: NodeId::Row(table, key),
                label: node.names.join(":").into(),
                digest: element::digest_of_graph_node(&shape.table, key, &node),
                identity: node.identity,
            });
        }
        Ok(())
    }

    async fn bare_nodes(&self, ids: &[&Identity], out: &mut Vec<Node>) -> Result<()> {
        let groups: BTreeSet<(usize, Arc<str>)> =
            ids.iter().map(|id| (id.table, id.label.clone())).collect();
        for (table, label) in groups {
            let of_group = ids.iter().filter(|id| id.table == table && id.label == label);
            let identities: Vec<&IdentityValue> = of_group.map(|id| &id.value).collect();
            for (value, key) in self.find(table, &label, &identities).await? {
                if key.is_none() {
                    let identity = Identity { table, label: label.clone(), value };
                    out.push(Node {
                        digest: element::digest_of_bare(&identity),
                        label: label.clone(),
                        identity: Some(identity.value.clone()),
                        id: NodeId::Bare(Box::new(identity)),
                    });
                }
            }
        }
        Ok(())
    }

    /// Where a table's relationships lead, seen in a direction.
    fn between(&self, slot: Slot, way: Way) -> Option<Between<'_>> {
        let (from, to) = match slot {
            Slot::Node(_) => return None,
            Slot::Edge(i) => (self.mapping.edges[i].from, self.mapping.edges[i].to),
            Slot::Link(i) => (self.mapping.links[i].nodes, self.mapping.links[i].nodes),
        };
        let (near, far) = if way == Way::Along { (from, to) } else { (to, from) };
        Some([self.node_shape(near)?, self.node_shape(far)?])
    }

    /// The types of a table that are crossed.
    fn names_of(&self, shape: &Shape) -> Vec<String> {
        shape.names.iter().filter(|name| self.scope.has(name)).cloned().collect()
    }

    async fn cross(
        &self,
        shape: &Shape,
        from: &[NodeId],
        way: Way,
        edges_max: usize,
        out: &mut Vec<Crossed>,
    ) -> Result<()> {
        let (Some(ends), Some(between)) = (shape.relationship(), self.between(shape.slot, way))
        else {
            return Ok(());
        };
        let names = self.names_of(shape);
        if names.is_empty() {
            return Ok(());
        }
        let table = between[0].0;
        let rows: Vec<IdentityValue> = from
            .iter()
            .filter_map(|id| match id {
                NodeId::Row(of, key) if *of == table => Some(IdentityValue::Integer(*key)),
                _ => None,
            })
            .collect();
        let label = if way == Way::Along { &ends.from.label } else { &ends.to.label };
        let bare: Vec<IdentityValue> = from
            .iter()
            .filter_map(|id| match id {
                NodeId::Bare(identity) if identity.table == table && *identity.label == **label => {
                    Some(identity.value.clone())
                }
                _ => None,
            })
            .collect();
        let is_along = way == Way::Along;
        for (keys, by_row) in [(rows, true), (bare, false)] {
            if keys.is_empty() || (!by_row && ends.placeholder.is_none()) {
                continue;
            }
            let tables = [(between[0].1, between[0].2), (between[1].1, between[1].2)];
            let text = lineage::cross(shape, ends, &names, tables, Crossing { is_along, by_row });
            let keys: Vec<&IdentityValue> = keys.iter().collect();
            let statement = Statement::new(text).with("keys", identity_list(&keys));
            let read = CrossedRows { shape, ends, between, way, by_row };
            self.graph
                .read(statement, |row| {
                    out.extend(read.one(list(&row)?));
                    if out.len() > edges_max { Err(too_many(edges_max)) } else { Ok(()) }
                })
                .await?;
        }
        Ok(())
    }
}

/// How the rows of [`lineage::cross`] are read.
struct CrossedRows<'a> {
    shape: &'a Shape,
    ends: &'a RelationshipShape,
    between: Between<'a>,
    way: Way,
    by_row: bool,
}

impl CrossedRows<'_> {
    /// `None` where the answer is not of the form that was asked for: a key that is no integer is
    /// nothing of ours.
    fn one(&self, cells: Vec<BoltType>) -> Option<Crossed> {
        let mut cells = cells.into_iter();
        let key = values::integer(&cells.next()?)?;
        let name: Arc<str> = values::text(&cells.next()?)?.into();
        let (from, to) = (identity(cells.next()?), identity(cells.next()?));
        let near = identity(cells.next()?)?;
        let far_key = values::integer(&cells.next()?);
        let [(near_table, _, _), (far_table, _, _)] = self.between;
        let near = match (self.by_row, near) {
            (true, IdentityValue::Integer(key)) => NodeId::Row(near_table, key),
            (true, IdentityValue::Text(_)) => return None,
            (false, value) => NodeId::bare(near_table, self.label().into(), value),
        };
        let (far_end, far_value) = match self.way {
            Way::Along => (&self.ends.to, &to),
            Way::Against => (&self.ends.from, &from),
        };
        let far = match (far_key, far_value) {
            (Some(key), _) => Some(NodeId::Row(far_table, key)),
            (None, Some(value)) if self.ends.placeholder.is_some() => {
                Some(NodeId::bare(far_table, far_end.label.as_str().into(), value.clone()))
            }
            (None, _) => None,
        };
        let properties: Vec<_> = cells.map(values::from_bolt).collect();
        let name_of_it = name.to_string();
        let actual =
            ActualRelationship { name: name_of_it, from, to, has_float_key: false, properties };
        let digest = element::digest_of_graph_edge(&self.shape.table, key, &actual);
        Some(Crossed { near, slot: self.shape.slot, key, way: self.way, name, far, digest })
    }

    fn label(&self) -> &str {
        match self.way {
            Way::Along => &self.ends.from.label,
            Way::Against => &self.ends.to.label,
        }
    }
}

impl Side for GraphSide {
    async fn nodes(&mut self, ids: &[NodeId]) -> Result<Vec<Node>> {
        self.side_by_side(ids, |reader: Arc<Reader>, part: Vec<NodeId>| async move {
            reader.nodes(&part).await
        })
        .await
    }

    async fn edges(&mut self, from: &[NodeId], way: Way, edges_max: usize) -> Result<Vec<Crossed>> {
        let read = move |reader: Arc<Reader>, part: Vec<NodeId>| async move {
            reader.edges(&part, way, edges_max).await
        };
        let met = self.side_by_side(from, read).await?;
        if met.len() > edges_max { Err(too_many(edges_max)) } else { Ok(met) }
    }

    async fn of_identity(&mut self, table: usize, value: &IdentityValue) -> Result<Vec<NodeId>> {
        let Some((_, shape, _)) = self.0.node_shape(table) else { return Ok(Vec::new()) };
        let mut out = BTreeSet::new();
        for name in &shape.names {
            for (value, key) in self.0.find(table, name, &[value]).await? {
                out.insert(match key {
                    Some(key) => NodeId::Row(table, key),
                    None => NodeId::bare(table, name.as_str().into(), value),
                });
            }
        }
        Ok(out.into_iter().collect())
    }

    async fn rows_from(&mut self, table: usize, first: i64) -> Result<Rows> {
        self.0.rows_from(table, first).await
    }

    async fn without_row_from(&mut self, slot: Slot, first: i64) -> Result<WithoutRow> {
        match slot {
            Slot::Node(table) => self.0.lone_placeholders(table).await,
            Slot::Edge(_) | Slot::Link(_) => self.0.ends_from(slot, first).await,
        }
    }

    async fn ends_of(&mut self, slot: Slot, keys: &[i64]) -> Result<Vec<NodeId>> {
        let Some([near, far]) = self.0.between(slot, Way::Along) else { return Ok(Vec::new()) };
        let Some(shape) = self.0.shapes.iter().find(|shape| shape.slot == slot) else {
            return Ok(Vec::new());
        };
        let Some(ends) = shape.relationship() else { return Ok(Vec::new()) };
        let mut out = BTreeSet::new();
        for part in keys.chunks(NODES_AT_A_TIME) {
            let keys = Keys::list(part.to_vec());
            let limit = BytesMax(BYTES_MAX);
            let found = actual::relationships(&self.0.graph, shape, &keys, limit).await?;
            for relationship in found.into_values().flatten() {
                let of_end =
                    [(near.0, &ends.from, relationship.from), (far.0, &ends.to, relationship.to)];
                for (table, end, value) in of_end {
                    match value {
                        Some(IdentityValue::Integer(key)) if ends.placeholder.is_none() => {
                            out.insert(NodeId::Row(table, key));
                        }
                        Some(value) if ends.placeholder.is_some() => {
                            for (value, key) in self.0.find(table, &end.label, &[&value]).await? {
                                out.insert(match key {
                                    Some(key) => NodeId::Row(table, key),
                                    None => NodeId::bare(table, end.label.as_str().into(), value),
                                });
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(out.into_iter().collect())
    }
}

fn identity(cell: BoltType) -> Option<IdentityValue> {
    values::from_bolt(cell).as_ref().and_then(IdentityValue::of)
}

fn identity_list(identities: &[&IdentityValue]) -> BoltType {
    values::list(identities.iter().map(|value| values::to_bolt(Some(&value.value()))))
}
