//! What the graph holds of a table, by pages of row keys: where walks from everywhere begin.

use neo4rs::BoltType;

use super::{Reader, identity};
use crate::compare::both::SUSPECTS_MAX;
use crate::compare::element::{NodeId, Way};
use crate::compare::side::{Rows, WithoutRow};
use crate::error::Result;
use crate::mapping::Slot;
use crate::model::value::IdentityValue;
use crate::neo4j::cypher::lineage;
use crate::neo4j::{Statement, actual, list, sweep, values};

/// Rows of a page of a table.
const PAGE_ROWS: i64 = 20_000;

impl Reader {
    /// See [`crate::compare::side::Side::rows_from`].
    pub(super) async fn rows_from(&self, table: usize, first: i64) -> Result<Rows> {
        let Some((_, shape, node)) = self.node_shape(table) else { return Ok(Rows::default()) };
        let statement = Statement::new(lineage::rows_from(shape, node))
            .with("first", first)
            .with("limit", PAGE_ROWS)
            .with_names(shape);
        let (mut rows, mut page) = (Vec::new(), PageEnd::new(first));
        self.graph
            .read(statement, |row| {
                let cells = list(&row)?;
                page.has(cells.first());
                let key = actual::row_key(cells.first());
                let name = match cells.get(1) {
                    Some(BoltType::List(names)) => {
                        names.value.first().and_then(values::text).unwrap_or_default().to_owned()
                    }
                    _ => String::new(),
                };
                rows.extend(key.map(|(key, _)| (key, name)));
                Ok(())
            })
            .await?;
        Ok(Rows { rows, next: page.next() })
    }

    /// Whether links that stand on a node table's identities are crossed.
    fn crosses_links_of(&self, table: usize) -> bool {
        let mut links = self.mapping.links.iter().enumerate();
        links.any(|(i, link)| {
            let in_scope =
                self.scope.has_table(Slot::Link(i)) && self.scope.has(&link.relationship);
            link.nodes == table && in_scope
        })
    }

    /// Placeholders that no link needs.
    pub(super) async fn lone_placeholders(&self, table: usize) -> Result<WithoutRow> {
        let Some((_, shape, _)) = self.node_shape(table).filter(|_| self.crosses_links_of(table))
        else {
            return Ok(WithoutRow::default());
        };
        // Each of them is a difference: with more of them a walk ends at once.
        let found = sweep::orphans(&self.graph, shape, SUSPECTS_MAX + 1).await?;
        let id = |(value, labels): sweep::Orphan| {
            let value = value.as_ref().and_then(IdentityValue::of);
            let of_label = |label: String| Some(NodeId::bare(table, label.into(), value.clone()?));
            labels.into_iter().filter_map(of_label).collect::<Vec<_>>()
        };
        let nodes = found.into_iter().flat_map(id).collect();
        Ok(WithoutRow { nodes, ..WithoutRow::default() })
    }

    /// What the relationships of a table stand on, from a row key on.
    pub(super) async fn ends_from(&self, slot: Slot, first: i64) -> Result<WithoutRow> {
        let mut found = WithoutRow::default();
        let shape = self.shapes.iter().find(|shape| shape.slot == slot);
        let Some(shape) = shape.filter(|_| self.scope.has_table(slot)) else { return Ok(found) };
        let (Some(ends), Some([from, to])) = (shape.relationship(), self.between(slot, Way::Along))
        else {
            return Ok(found);
        };
        let names = self.names_of(shape);
        if names.is_empty() {
            return Ok(found);
        }
        let text = lineage::ends_from(shape, ends, &names, [(from.1, from.2), (to.1, to.2)]);
        let statement = Statement::new(text).with("first", first).with("limit", PAGE_ROWS);
        let mut page = PageEnd::new(first);
        self.graph
            .read(statement, |row| {
                let mut cells = list(&row)?.into_iter();
                let key = cells.next();
                page.has(key.as_ref());
                let Some((key, _)) = actual::row_key(key.as_ref()) else { return Ok(()) };
                for (table, end) in [(from.0, &ends.from), (to.0, &ends.to)] {
                    let (row, value) = (cells.next(), cells.next().and_then(identity));
                    let is_bare = matches!(row, Some(BoltType::Null(_)));
                    let value = value.filter(|_| is_bare && ends.placeholder.is_some());
                    if let Some(value) = value {
                        let label = end.label.as_str().into();
                        found.nodes.push(NodeId::bare(table, label, value));
                    } else if actual::row_key(row.as_ref()).is_none() {
                        found.detached.push(key);
                    }
                }
                Ok(())
            })
            .await?;
        found.next = page.next();
        Ok(found)
    }
}

/// Where a page of row keys ended. Keys that are no row's are counted too: a page full of them is not the
/// last one.
struct PageEnd {
    first: i64,
    rows: i64,
    last: Option<i64>,
}

impl PageEnd {
    fn new(first: i64) -> Self {
        Self { first, rows: 0, last: None }
    }

    fn has(&mut self, key: Option<&BoltType>) {
        self.rows += 1;
        self.last = match key {
            Some(BoltType::Integer(key)) => Some(key.value),
            // Saturates, which ends the pages where no row's key can follow.
            #[allow(clippy::cast_possible_truncation)]
            Some(BoltType::Float(key)) => Some(key.value.floor() as i64),
            _ => self.last,
        };
    }

    /// Where the next page begins: at the last key again, since it may come once for each type; beyond
    /// `first` in any case.
    fn next(&self) -> Option<i64> {
        let after = self.first.checked_add(1)?;
        let last = self.last.filter(|last| self.rows >= PAGE_ROWS && *last < i64::MAX)?;
        Some(last.max(after))
    }
}
