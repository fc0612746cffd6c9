//! Rows of a few messages instead of one that is a bit too long. Pure.
//!
//! The driver writes a message of more than 8 KiB in several small segments and sets no
//! `TCP_NODELAY`, so that each such message waits some 40 ms for an acknowledgement. A window of a
//! hundred rows is faster in three messages; a batch of thousands is not.

use std::collections::BTreeMap;

use crate::model::Value;
use crate::reconcile::desired::Desired;
use crate::reconcile::diff::{Changes, Entry};

/// Bytes of rows in a message that goes out at once; the statement's text needs the rest.
const PIECE_BYTES: usize = 6 * 1024;
/// Bytes of rows beyond which they go in one message: so many would cost more than the wait.
const SMALL_BYTES: usize = 64 * 1024;

/// A thing that is created.
pub(super) type Row<'a> = (&'a Desired, &'a Entry);

/// Rows of one statement each.
pub(super) fn of<T>(rows: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let sizes: Vec<usize> = rows.iter().map(size).collect();
    let total: usize = sizes.iter().sum();
    if total <= PIECE_BYTES || total > SMALL_BYTES {
        return vec![rows];
    }
    let (mut pieces, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (i, size) in sizes.into_iter().enumerate() {
        if bytes + size > PIECE_BYTES && i > first {
            pieces.push(&rows[first..i]);
            (first, bytes) = (i, 0);
        }
        bytes += size;
    }
    pieces.push(&rows[first..]);
    pieces
}

/// Rows by name, of one statement each.
pub(super) fn by_name<'a>(
    all: &BTreeMap<&'a str, Vec<Row<'a>>>,
) -> Vec<BTreeMap<&'a str, Vec<Row<'a>>>> {
    let flat: Vec<(&str, Row<'_>)> =
        all.iter().flat_map(|(name, rows)| rows.iter().map(move |row| (*name, *row))).collect();
    let pieces = of(&flat, |(_, (desired, _))| of_desired(desired));
    let grouped = |piece: &[(&'a str, Row<'a>)]| {
        let mut group: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
        for (name, row) in piece {
            group.entry(name).or_default().push(*row);
        }
        group
    };
    pieces.into_iter().map(grouped).collect()
}

/// About how long a row to create is, with its keys and the names of its properties.
pub(super) fn of_desired(desired: &Desired) -> usize {
    40 + desired.properties.iter().flatten().map(of_value).sum::<usize>()
}

/// About how long a row to change is.
pub(super) fn of_changes((_, changes): &(i64, &Changes)) -> usize {
    16 + changes.iter().map(|(_, value)| value.as_ref().map_or(16, of_value)).sum::<usize>()
}

fn of_value(value: &Value) -> usize {
    // A name of some length, and the value.
    16 + match value {
        Value::Text(text) => text.len() + 5,
        Value::Instant(_) | Value::Local(_) => 24,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_are_all_rows_in_order_and_short(sizes in proptest::collection::vec(1..9_000_usize, 1..200)) {
            let pieces = of(&sizes, |size| *size);
            prop_assert_eq!(pieces.concat(), sizes.clone());
            let total: usize = sizes.iter().sum();
            for piece in &pieces {
                let bytes: usize = piece.iter().sum();
                prop_assert!(!piece.is_empty());
                prop_assert!(bytes <= PIECE_BYTES || piece.len() == 1 || total > SMALL_BYTES);
            }
            prop_assert!(total <= SMALL_BYTES || pieces.len() == 1);
        }
    }
}
