//! UPDATE of unique keys as a set: what counts is that keys are unique when the last row has moved, not on the way.
//!
//! Unique indexes give way and come back. `SQLite`'s row id cannot: rows move there in an order in which each finds its place
//! free, and a ring of rows is opened by one that waits outside.

use std::collections::{HashMap, HashSet};

use super::session::Session;
use super::staged::duplicate_call;
use super::storage;
use crate::catalog::{Index, Table};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::errors::duplicate_key;
use crate::translate::{Staged, Step};

/// A row of the stage, where its row is and where it goes.
#[derive(Clone, Copy, Debug)]
struct Move {
    stage_row: i64,
    from: i64,
    to: i64,
}

/// A row id that no row has in its own right.
const OUTSIDE: i64 = i64::MIN;

impl Session {
    /// Applies an UPDATE of the stage whose rows may stand in each other's way.
    pub(super) fn update_as_a_set(&self, staged: &Staged, step: &Step) -> Result<()> {
        let table = &staged.table;
        let catalog = self.catalog();
        let row_id = table.row_id_column().map(|column| column.id);
        let moves_rows = row_id.is_some_and(|id| step.columns.contains(&id));
        let touched: Vec<&Index> = table
            .indexes
            .iter()
            .filter(|index| index.unique && !(index.primary && row_id.is_some()))
            .filter(|index| index.keys.iter().any(|(id, _)| step.columns.contains(id)))
            .collect();
        let tracked_from = storage::history_end(&self.connection, table)?;
        for index in &touched {
            let name = format!("i{}_{}", table.id, index.id);
            self.set_sql(&format!("DROP INDEX IF EXISTS {name}; DROP INDEX IF EXISTS {name}n"))?;
        }
        match row_id.filter(|_| moves_rows) {
            Some(id) => self.move_rows(staged, step, id)?,
            None => self.set_sql(&step.sql)?,
        }
        for index in &touched {
            self.refuse_duplicates(table, index)?;
            for sql in storage::create_index(&catalog, table, index)? {
                self.set_sql(&sql)?;
            }
        }
        storage::deletes_before_inserts(&self.connection, table, tracked_from, OUTSIDE)
    }

    fn set_sql(&self, sql: &str) -> Result<()> {
        tracing::trace!(%sql, "set update");
        self.connection.execute_batch(sql).map_err(|error| self.sqlite_error(&error, "UPDATE"))
    }

    fn refuse_duplicates(&self, table: &Table, index: &Index) -> Result<()> {
        let keys: Vec<String> = index.keys.iter().map(|(id, _)| format!("c{id}")).collect();
        let catalog = self.catalog();
        let filter = match &index.filter {
            Some(text) => format!(" WHERE {}", storage::row_predicate(&catalog, table, text)?),
            None => String::new(),
        };
        let error = duplicate_key(table, index, &catalog);
        let sql = format!(
            "SELECT {} FROM {}{filter} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
            duplicate_call(table, index, &error, ""),
            table.storage(),
            keys.join(", ")
        );
        self.staged_numbers(&sql).map(drop)
    }

    /// Moves rows to other row ids.
    fn move_rows(&self, staged: &Staged, step: &Step, key: i32) -> Result<()> {
        let sql = format!(
            "SELECT k, {}, {} FROM {} WHERE {} = {} ORDER BY k",
            staged.shape.column("row"),
            staged.shape.column(&format!("n_c{key}")),
            staged.shape.table(),
            staged.shape.column("clause"),
            step.clause
        );
        let moves: Vec<Move> = self
            .staged_numbers(&sql)?
            .iter()
            .filter_map(|row| match row[..] {
                [stage_row, from, to] => Some(Move { stage_row, from, to }),
                _ => None,
            })
            .collect();
        self.refuse_taken(&staged.table, &moves)?;
        let storage = staged.table.storage();
        let list: Vec<String> =
            step.columns.iter().map(|id| format!("c{id} = s.n_c{id}")).collect();
        let place = format!(
            "UPDATE {storage} SET {} FROM {} WHERE {storage}.rowid = ?1 AND s.k = ?2",
            list.join(", "),
            staged.shape.view()
        );
        let failed = |error: rusqlite::Error| self.sqlite_error(&error, "UPDATE");
        for (step, waits) in in_order(&moves) {
            if waits {
                let outside = format!("UPDATE {storage} SET c{key} = ?1 WHERE rowid = ?2");
                self.connection.execute(&outside, [OUTSIDE, step.from]).map_err(failed)?;
            } else {
                let mut statement = self.connection.prepare_cached(&place).map_err(failed)?;
                statement.execute([step.from, step.stage_row]).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// 2627 for a row id that two rows go to, or that a row keeps.
    fn refuse_taken(&self, table: &Table, moves: &[Move]) -> Result<()> {
        let leaving: HashSet<i64> = moves.iter().map(|step| step.from).collect();
        let mut taken = HashSet::new();
        for step in moves {
            let stays = || {
                let sql = format!("SELECT 1 FROM {} WHERE rowid = {}", table.storage(), step.to);
                self.staged_numbers(&sql).map(|rows| !rows.is_empty())
            };
            if !taken.insert(step.to) || (!leaving.contains(&step.to) && stays()?) {
                return Err(self.taken(table, step.to));
            }
        }
        Ok(())
    }

    fn taken(&self, table: &Table, value: i64) -> SqlError {
        match table.primary_key() {
            Some(index) => {
                let mut error = duplicate_key(table, index, &self.catalog());
                error.message = format!("{} The duplicate key value is ({value}).", error.message);
                error
            }
            None => SqlError::internal("row id"),
        }
    }
}

/// Moves so that each finds its place free; `true` marks one that first goes outside.
fn in_order(moves: &[Move]) -> Vec<(Move, bool)> {
    let at_place: HashMap<i64, usize> =
        moves.iter().enumerate().map(|(at, step)| (step.from, at)).collect();
    let mut done = vec![false; moves.len()];
    let mut order = Vec::with_capacity(moves.len());
    for start in 0..moves.len() {
        let mut path = Vec::new();
        let mut here = Some(start).filter(|at| !done[*at]);
        while let Some(at) = here {
            done[at] = true;
            path.push(at);
            here = at_place.get(&moves[at].to).copied().filter(|next| !done[*next]);
        }
        let Some(last) = path.last().copied() else {
            continue;
        };
        let ring = path.len() > 1 && moves[last].to == moves[start].from;
        if ring {
            order.push((moves[start], true));
        }
        for at in path.into_iter().rev() {
            let from = if ring && at == start { OUTSIDE } else { moves[at].from };
            order.push((Move { from, ..moves[at] }, false));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(moves: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let steps: Vec<Move> = moves
            .iter()
            .map(|(from, to)| Move { stage_row: *from, from: *from, to: *to })
            .collect();
        let mut rows: HashMap<i64, i64> = moves.iter().map(|(from, _)| (*from, *from)).collect();
        for (step, waits) in in_order(&steps) {
            let row = rows.remove(&step.from).unwrap_or_default();
            let to = if waits { OUTSIDE } else { step.to };
            assert!(rows.insert(to, row).is_none(), "{to} is taken");
        }
        let mut rows: Vec<(i64, i64)> = rows.into_iter().map(|(to, row)| (row, to)).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn rows_reach_their_places_in_chains_and_rings() {
        for moves in [
            vec![(1, 2), (2, 3), (3, 4)],
            vec![(3, 2), (2, 1)],
            vec![(1, 2), (2, 1)],
            vec![(1, 2), (2, 3), (3, 1), (4, 4), (5, 9)],
        ] {
            let mut expected = moves.clone();
            expected.sort_unstable();
            assert_eq!(apply(&moves), expected);
        }
    }
}
