//! Rows by pages: each page is one short SNAPSHOT transaction and says at which version it was read.

use tiberius::ToSql;

use super::statements::TableStatements;
use super::{Flow, Source, decode, epoch};
use crate::error::Result;
use crate::mapping::ColumnKind;
use crate::model::SourceRow;
pub use crate::model::keys::{KeyList, KeyRange, Keys};

/// Keys that one statement takes: it can't tell how long its list is, and plans for a short one.
pub(super) const LIST_MAX: usize = 2_000;

/// Rows of some keys as they were at one version.
#[derive(Clone, Debug)]
pub struct Page {
    /// The keys that this page speaks of: a key in it without a row has no row.
    pub keys: Keys,
    /// The rows, in key order.
    pub rows: Vec<SourceRow>,
    /// Change tracking version that the rows were read at or before (R4).
    pub read_at: i64,
    /// Whether the page ended early because of its bytes; that cost the connection.
    pub is_cut: bool,
}

/// How large a page may get.
#[derive(Clone, Copy, Debug)]
pub struct PageLimit {
    /// Rows.
    pub rows: usize,
    /// Bytes of decoded rows; a page always holds at least one row.
    pub bytes: usize,
}

impl PageLimit {
    /// The limit of the next page: fewer rows after one that was cut by its bytes, since to be cut
    /// costs a connection; slowly more again, up to `most`.
    #[must_use]
    pub fn after(self, page: &Page, most: usize) -> Self {
        let rows =
            if page.is_cut { page.rows.len() * 4 / 5 } else { self.rows + self.rows / 4 + 1 };
        Self { rows: rows.clamp(1, most), ..self }
    }
}

/// What a page of a range brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whole rows.
    Rows,
    /// Key, type and identity of nodes; keys of relationships.
    Light,
}

/// Reads the page that begins at `first`, ends at its limit, and covers all keys up to its end; the
/// last page covers all keys up to `i64::MAX`.
pub async fn read_page(
    source: &mut Source,
    statements: &TableStatements,
    depth: Depth,
    first: i64,
    limit: PageLimit,
) -> Result<Page> {
    let (sql, kinds) = match depth {
        Depth::Rows => (&statements.range, &statements.kinds),
        Depth::Light => (&statements.light, &statements.light_kinds),
    };
    in_snapshot(source, async |source| {
        let read_at = epoch::read_current(source).await?;
        let last = boundary(source, statements, first, limit.rows).await?;
        let parameters: [&dyn ToSql; 2] = [&first, &last];
        let (rows, complete) = collect(source, sql, kinds, &parameters, limit.bytes).await?;
        let last = if complete { last } else { rows.last().map_or(last, |row| row.key) };
        let keys = Keys::Range(KeyRange { first, last });
        Ok(Page { keys, rows, read_at, is_cut: !complete })
    })
    .await
}

/// Reads the rows of some keys, in order, up to `bytes_max`: the page's keys say how far it came.
pub async fn read_keys(
    source: &mut Source,
    statements: &TableStatements,
    keys: impl Into<KeyList>,
    bytes_max: usize,
) -> Result<Page> {
    let keys = keys.into();
    in_snapshot(source, async |source| {
        let read_at = epoch::read_current(source).await?;
        let (rows, complete) = rows_of_lists(source, statements, &keys, bytes_max).await?;
        let last = if complete { None } else { rows.last().map(|row| row.key) };
        let keys = Keys::List(keys.up_to(last.unwrap_or(i64::MAX)));
        Ok(Page { keys, rows, read_at, is_cut: !complete })
    })
    .await
}

/// The rows of some keys within a snapshot, in the order of the keys, and whether they are all: they
/// end at `bytes_max`, which costs the connection.
pub(super) async fn rows_of_lists(
    source: &mut Source,
    statements: &TableStatements,
    keys: &KeyList,
    bytes_max: usize,
) -> Result<(Vec<SourceRow>, bool)> {
    let (mut rows, mut bytes_left) = (Vec::new(), bytes_max);
    for list in keys.chunks(LIST_MAX) {
        let list = serde_json::to_string(list).unwrap_or_default();
        let parameters: [&dyn ToSql; 1] = [&list.as_str()];
        let (some, complete) =
            collect(source, &statements.keys, &statements.kinds, &parameters, bytes_left).await?;
        bytes_left = bytes_left.saturating_sub(some.iter().map(SourceRow::size).sum());
        rows.extend(some);
        if !complete {
            return Ok((rows, false));
        }
    }
    Ok((rows, true))
}

/// Number of rows of a table, for progress; in a snapshot, so that no writer blocks it.
pub async fn count(source: &mut Source, statements: &TableStatements) -> Result<u64> {
    in_snapshot(source, async |source| {
        let rows = source.rows(&statements.count, &[]).await?;
        let cell = rows.first().and_then(|row| row.get_column_data(0).ok());
        Ok(cell.and_then(decode::integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    })
    .await
}

/// Runs reads in one SNAPSHOT transaction. After an error the connection is discarded: what state
/// its transaction is in is not worth finding out.
pub(super) async fn in_snapshot<T>(
    source: &mut Source,
    read: impl AsyncFnOnce(&mut Source) -> Result<T>,
) -> Result<T> {
    source.begin_snapshot().await?;
    let outcome = read(source).await;
    match outcome {
        Ok(value) => {
            source.end_snapshot().await?;
            Ok(value)
        }
        Err(error) => {
            source.discard();
            Err(error)
        }
    }
}

async fn boundary(
    source: &mut Source,
    statements: &TableStatements,
    first: i64,
    rows_max: usize,
) -> Result<i64> {
    let size = i64::try_from(rows_max).unwrap_or(i64::MAX);
    let rows = source.rows(&statements.boundary, &[&first, &size]).await?;
    let cell =
        |i| rows.first().and_then(|row| row.get_column_data(i).ok().and_then(decode::integer));
    Ok(match (cell(0), cell(1)) {
        (Some(last), Some(count)) if count >= size => last,
        _ => i64::MAX,
    })
}

/// Returns the rows, and whether they are all that there are.
async fn collect(
    source: &mut Source,
    sql: &str,
    kinds: &[ColumnKind],
    parameters: &[&dyn ToSql],
    bytes_max: usize,
) -> Result<(Vec<SourceRow>, bool)> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    let complete = source
        .stream(sql, parameters, |row| {
            let row = decode::row(&row, kinds)?;
            bytes += row.size();
            rows.push(row);
            Ok(if bytes >= bytes_max { Flow::Stop } else { Flow::Continue })
        })
        .await?;
    Ok((rows, complete))
}
