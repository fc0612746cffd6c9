//! A row as it was read in a snapshot, before the mapping says what it becomes.

use super::Value;

/// One column of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL, which is an absent property.
    Null,
    /// A value in its canonical form.
    Value(Value),
    /// A value that no canonical form holds, with the reason (lone surrogate, …).
    Unreadable(&'static str),
}

impl Cell {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// About how much memory the cell takes, in bytes.
    pub fn size(&self) -> usize {
        16 + self.value().map_or(0, Value::size)
    }
}

/// A row: its key and its cells in the order of the statement that read it
/// ([`crate::sqlserver::statements`]): lead cells, then the mapped columns.
///
/// Lead cells are type and identity of a node; type, key of the begin row and key of the end row of
/// an edge; the two identities of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceRow {
    /// Row key.
    pub key: i64,
    /// Lead cells, then columns.
    pub cells: Vec<Cell>,
}

impl SourceRow {
    /// About how much memory the row takes, in bytes.
    pub fn size(&self) -> usize {
        32 + self.cells.iter().map(Cell::size).sum::<usize>()
    }
}
