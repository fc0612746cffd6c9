//! Which rows have which identities, and which identities links name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tiberius::ToSql;

use super::{SourceSide, keys_of};
use crate::compare::element::{Identity, NodeId};
use crate::compare::side::NODES_AT_A_TIME;
use crate::error::Result;
use crate::mapping::{ColumnKind, Slot};
use crate::model::SourceRow;
use crate::model::value::IdentityValue;
use crate::reconcile::desired::Wanted;
use crate::sqlserver::statements::lineage;
use crate::sqlserver::{Flow, decode};

/// Rows of a node table by identity: the lowest key where several rows have one, of which the graph
/// can hold one.
pub(super) type Rows = HashMap<Identity, i64>;

impl SourceSide {
    /// Label and identity of those that links name.
    pub(super) async fn named(
        &mut self,
        table: usize,
        values: &[&IdentityValue],
    ) -> Result<HashSet<(Arc<str>, IdentityValue)>> {
        let mapping = self.mapping.clone();
        let mut named = HashSet::new();
        for (i, link) in mapping.links.iter().enumerate().filter(|(_, l)| l.nodes == table) {
            let label: Arc<str> = link.label.as_str().into();
            let kind = mapping.nodes[table].identity.kind;
            for sql in lineage::named(&mapping, i) {
                for list in values.chunks(NODES_AT_A_TIME) {
                    let list = json(list);
                    let rows = self.source.rows(&sql, &[&list.as_str()]).await?;
                    for row in &rows {
                        let Ok(data) = row.get_column_data(0) else { continue };
                        let cell = decode::cell(data, kind)?;
                        let value = cell.value().and_then(IdentityValue::of);
                        named.extend(value.map(|value| (label.clone(), value)));
                    }
                }
            }
        }
        Ok(named)
    }

    /// The rows, or else the identities, that links name, whether or not the graph can hold the links.
    pub(super) async fn link_ends(
        &mut self,
        link: usize,
        rows: &[SourceRow],
    ) -> Result<BTreeSet<NodeId>> {
        let mapping = self.mapping.clone();
        let link = &mapping.links[link];
        let (table, label) = (link.nodes, Arc::<str>::from(link.label.as_str()));
        let named = rows.iter().flat_map(of_link).flatten();
        let named: BTreeSet<IdentityValue> = named.collect();
        let found = self.rows_with(table, &named.iter().collect::<Vec<_>>()).await?;
        let end = |value| {
            let identity = Identity { table, label: label.clone(), value };
            match found.get(&identity) {
                Some(key) => NodeId::Row(table, *key),
                None => NodeId::Bare(Box::new(identity)),
            }
        };
        Ok(named.into_iter().map(end).collect())
    }

    /// The rows that have some identities, of any type.
    pub(super) async fn rows_with(
        &mut self,
        table: usize,
        values: &[&IdentityValue],
    ) -> Result<Rows> {
        let found = lineage::finding(&self.mapping, table);
        let wanted: HashSet<&IdentityValue> = values.iter().copied().collect();
        let mut rows = Rows::new();
        for list in values.chunks(NODES_AT_A_TIME) {
            for (key, identity) in
                self.found(table, &found.by_identity, &found.kinds, &json(list)).await?
            {
                if wanted.contains(&identity.value) {
                    let lowest = rows.entry(identity).or_insert(key);
                    *lowest = key.min(*lowest);
                }
            }
        }
        Ok(rows)
    }

    /// Keys and identities that a finding statement brings; rows without either are left out.
    pub(super) async fn found(
        &mut self,
        table: usize,
        sql: &str,
        kinds: &[ColumnKind],
        list: &str,
    ) -> Result<Vec<(i64, Identity)>> {
        let mut rows = Vec::new();
        let parameters: [&dyn ToSql; 1] = [&list];
        self.source
            .stream(sql, &parameters, |row| {
                rows.push(decode::row(&row, kinds)?);
                Ok(Flow::Continue)
            })
            .await?;
        let mut wanted = Wanted::new(&self.mapping, &mut self.registry);
        let identity = |row: SourceRow| {
            let (label, value) = wanted.identity_of(Slot::Node(table), &row).ok()?;
            Some((row.key, Identity { table, label, value }))
        };
        Ok(rows.into_iter().filter_map(identity).collect())
    }

    /// The identities under a label that some nodes have, and whose they are.
    pub(super) async fn standing(
        &mut self,
        table: usize,
        label: &Arc<str>,
        from: &[NodeId],
    ) -> Result<HashMap<IdentityValue, NodeId>> {
        let mut standing = HashMap::new();
        for id in from {
            if let NodeId::Bare(identity) = id
                && identity.table == table
                && identity.label == *label
            {
                standing.insert(identity.value.clone(), id.clone());
            }
        }
        let found = lineage::finding(&self.mapping, table);
        for list in keys_of(from, table).chunks(NODES_AT_A_TIME) {
            let list = serde_json::to_string(list).unwrap_or_default();
            for (key, identity) in self.found(table, &found.by_key, &found.kinds, &list).await? {
                if identity.label == *label {
                    standing.entry(identity.value).or_insert(NodeId::Row(table, key));
                }
            }
        }
        Ok(standing)
    }
}

/// Where a link begins and ends.
pub(super) fn of_link(row: &SourceRow) -> [Option<IdentityValue>; 2] {
    [&row.cells[0], &row.cells[1]].map(|cell| cell.value().and_then(IdentityValue::of))
}

/// A list of identities as a parameter.
pub(super) fn json(values: &[&IdentityValue]) -> String {
    let values = values.iter().map(|value| match value {
        IdentityValue::Integer(number) => serde_json::Value::from(*number),
        IdentityValue::Text(text) => serde_json::Value::from(text.as_str()),
    });
    serde_json::Value::Array(values.collect()).to_string()
}
