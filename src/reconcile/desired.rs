//! What the mapping says the graph should hold for a row; or why it can't hold it.

use std::sync::Arc;

use crate::mapping::names::NameKind;
use crate::mapping::registry::NoName;
use crate::mapping::{Mapping, Registry, Slot};
use crate::model::value::IdentityValue;
use crate::model::{Cell, SourceRow, Value};
use crate::neo4j::quarantine::{EDGE_DANGLING, Reason};

/// Longest text that Neo4j's range index takes, less what its own encoding adds: beyond about 8 kB
/// it fails with `Neo.DatabaseError.Statement.ExecutionFailed`.
const INDEXED_TEXT_BYTES_MAX: usize = 8_000;

/// A node or relationship as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Row key.
    pub key: i64,
    /// Type label or relationship type.
    pub name: Arc<str>,
    /// What it is, or where it stands.
    pub place: Place,
    /// Values of [`Mapping::properties`], in that order.
    pub properties: Vec<Option<Value>>,
}

/// What a row is, beside its name and properties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A node: its identity under its label.
    Node(IdentityValue),
    /// A relationship: row keys or identities of its ends.
    Between(IdentityValue, IdentityValue),
}

impl Desired {
    /// About how much memory it takes, in bytes.
    pub fn size(&self) -> usize {
        96 + self.properties.iter().flatten().map(Value::size).sum::<usize>()
    }
}

/// What a row key should be in the graph.
pub type Outcome = Result<Arc<Desired>, Reason>;

/// Makes desired things of rows; keeps the names that it has resolved.
pub struct Wanted<'a> {
    mapping: &'a Mapping,
    registry: &'a mut Registry,
    names: std::collections::HashMap<String, Result<Arc<str>, Reason>>,
}

impl<'a> Wanted<'a> {
    /// Types that have no name yet get one in `registry`.
    pub fn new(mapping: &'a Mapping, registry: &'a mut Registry) -> Self {
        Self { mapping, registry, names: std::collections::HashMap::new() }
    }

    /// What the row should be.
    pub fn of(&mut self, slot: Slot, row: SourceRow) -> Outcome {
        let key = row.key;
        let (name, place, lead) = match slot {
            Slot::Node(_) => (
                self.name(slot, &row.cells[0])?,
                Place::Node(identity("identity", &row.cells[1])?),
                2,
            ),
            Slot::Edge(_) => (
                self.name(slot, &row.cells[0])?,
                Place::Between(end(&row.cells[1])?, end(&row.cells[2])?),
                3,
            ),
            Slot::Link(i) => {
                let link = &self.mapping.links[i];
                let from = identity(&link.from_column, &row.cells[0])?;
                let to = identity(&link.to_column, &row.cells[1])?;
                (Arc::from(link.relationship.as_str()), Place::Between(from, to), 2)
            }
        };
        let properties = properties(self.mapping, slot, row, lead)?;
        Ok(Arc::new(Desired { key, name, place, properties }))
    }

    /// Name and identity alone, from a light row of a node table.
    pub fn identity_of(
        &mut self,
        slot: Slot,
        row: &SourceRow,
    ) -> Result<(Arc<str>, IdentityValue), Reason> {
        Ok((self.name(slot, &row.cells[0])?, identity("identity", &row.cells[1])?))
    }

    fn name(&mut self, slot: Slot, cell: &Cell) -> Result<Arc<str>, Reason> {
        let source_type = match cell {
            Cell::Value(Value::Text(text)) => text,
            Cell::Unreadable(why) => return Err(Reason::new("type-unreadable", *why)),
            _ => return Err(Reason::new("type-null", "its type is NULL")),
        };
        if let Some(known) = self.names.get(source_type) {
            return known.clone();
        }
        let kind = match slot {
            Slot::Node(_) => NameKind::Label,
            _ => NameKind::Relationship,
        };
        let table = self.mapping.table(slot).name.to_string();
        let name = self.registry.resolve(&table, kind, source_type).map(Arc::from).map_err(no_name);
        self.names.insert(source_type.clone(), name.clone());
        name
    }
}

fn no_name(why: NoName) -> Reason {
    match why {
        NoName::Refused(why) => Reason::new(
            "type-refused",
            format!("its type can't be a name in the graph: {why}; list it in the mapping"),
        ),
        NoName::TooMany => Reason::new(
            "type-limit",
            "its type is not listed and the mapping's automatic_types_max is reached; list it in the mapping",
        ),
    }
}

fn identity(what: &str, cell: &Cell) -> Result<IdentityValue, Reason> {
    match cell {
        Cell::Null => Err(Reason::new("identity-null", format!("{what} is NULL"))),
        Cell::Unreadable(why) => Err(Reason::new("identity-unreadable", format!("{what}: {why}"))),
        Cell::Value(Value::Text(text)) if text.len() > INDEXED_TEXT_BYTES_MAX => Err(Reason::new(
            "identity-too-long",
            format!(
                "{what} has {} bytes; Neo4j indexes up to {INDEXED_TEXT_BYTES_MAX}",
                text.len()
            ),
        )),
        Cell::Value(value) => IdentityValue::of(value).ok_or_else(|| {
            Reason::new("identity-type", format!("{what} is neither an integer nor text"))
        }),
    }
}

fn end(cell: &Cell) -> Result<IdentityValue, Reason> {
    cell.value().and_then(IdentityValue::of).ok_or_else(|| {
        Reason::new(EDGE_DANGLING, "a node row that it joins does not exist at the source")
    })
}

/// The type's text first (links have none), then the columns.
fn properties(
    mapping: &Mapping,
    slot: Slot,
    row: SourceRow,
    lead: usize,
) -> Result<Vec<Option<Value>>, Reason> {
    let has_type = !matches!(slot, Slot::Link(_));
    let columns = &mapping.table(slot).columns;
    let mut cells = row.cells.into_iter();
    let mut out = Vec::with_capacity(columns.len() + 1);
    if has_type {
        out.extend(cells.next().map(|cell| cell.value().cloned()));
        cells.nth(lead - 2);
    } else {
        cells.nth(lead - 1);
    }
    for (cell, column) in cells.zip(columns) {
        out.push(match cell {
            Cell::Null => None,
            Cell::Value(value) => Some(value),
            Cell::Unreadable(why) => {
                return Err(Reason::new(
                    "value-unreadable",
                    format!("column {}: {why}", column.column),
                ));
            }
        });
    }
    Ok(out)
}
