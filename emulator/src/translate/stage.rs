//! Statements whose rows are all known before the first of them changes: MERGE, and whatever has more to tell than RETURNING
//! can. The rows go into a table of the session; from there they are applied, and OUTPUT reads them.

use super::scope::{Source, SourceColumn, table_columns};
use super::{Plan, Scope, Typed};
use crate::catalog::Table;
use crate::values::{Length, SqlType};
use std::sync::Arc;

/// A statement in steps.
#[derive(Debug)]
pub struct Staged {
    /// The table that changes.
    pub table: Arc<Table>,
    /// What the stage holds.
    pub shape: Shape,
    /// Puts rows on the stage.
    pub fill: Vec<Plan>,
    /// How often a row of the table may stand there.
    pub once: Once,
    /// Changes the table, in this order.
    pub steps: Vec<Step>,
    /// OUTPUT … INTO.
    pub into: Option<Plan>,
    /// OUTPUT.
    pub output: Option<Plan>,
    /// Values for variables.
    pub assigned: Option<Plan>,
}

/// What happens to a row that several others bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// It cannot happen.
    Surely,
    /// The first counts (documented for UPDATE and DELETE with FROM).
    First,
    /// 8672 (documented for MERGE).
    Refused,
}

/// One change of the table.
#[derive(Debug)]
pub struct Step {
    /// INSERT, UPDATE, DELETE.
    pub verb: &'static str,
    /// SQL.
    pub sql: String,
    /// Which rows of the stage it takes.
    pub clause: usize,
    /// Ids of the columns that an UPDATE sets.
    pub columns: Vec<i32>,
}

/// Names of what a row of the stage holds, in order.
#[derive(Clone, Debug)]
pub struct Shape(Vec<String>);

/// Rows come in stages of these widths, so that statements share them.
const WIDTH_MIN: usize = 16;

impl Shape {
    /// Clause and row id, old and new values of a table's columns.
    pub(super) fn of(table: &Table) -> Self {
        let mut names = vec!["clause".to_owned(), "row".to_owned()];
        for prefix in ["o_", "n_"] {
            names.extend(stored(table).map(|column| format!("{prefix}{column}")));
        }
        Self(names)
    }

    pub(super) fn add(&mut self, name: String) {
        self.0.push(name);
    }

    fn width(&self) -> usize {
        self.0.len().next_power_of_two().max(WIDTH_MIN)
    }

    /// The stage's name.
    pub fn table(&self) -> String {
        format!("temp.stage{}", self.width())
    }

    /// Makes the stage, if it is not there.
    pub fn definition(&self) -> String {
        let columns: Vec<String> = (0..self.width()).map(|at| format!("v{at}")).collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {} (k INTEGER PRIMARY KEY, {})",
            self.table(),
            columns.join(", ")
        )
    }

    /// Where a value stands.
    pub fn column(&self, name: &str) -> String {
        let at = self.0.iter().position(|own| own == name);
        at.map_or_else(|| "NULL".to_owned(), |at| format!("v{at}"))
    }

    /// `stage (columns) `, and the values in their order.
    pub(super) fn filled(&self, values: Vec<(String, String)>) -> (String, String) {
        let (names, sql): (Vec<String>, Vec<String>) =
            values.into_iter().map(|(name, sql)| (self.column(&name), sql)).unzip();
        (format!("{} ({})", self.table(), names.join(", ")), sql.join(", "))
    }

    /// The stage with its columns by name, as `s`.
    pub fn view(&self) -> String {
        let columns: Vec<String> =
            self.0.iter().enumerate().map(|(at, name)| format!("v{at} AS {name}")).collect();
        format!("(SELECT k, {} FROM {}) AS s", columns.join(", "), self.table())
    }
}

/// Columns that hold something of their own.
pub(super) fn stored(table: &Table) -> impl Iterator<Item = String> + '_ {
    table
        .columns
        .iter()
        .filter(|column| !column.role.is_computed())
        .map(crate::catalog::Column::storage)
}

/// The old row of an alias, and the new one where nothing is set.
pub(super) fn kept_values(table: &Table, alias: &str, prefix: &str) -> Vec<(String, String)> {
    stored(table).map(|column| (format!("{prefix}{column}"), format!("{alias}.{column}"))).collect()
}

/// Values of the statement's other sources, so that OUTPUT can name them.
pub(super) fn source_values(sources: &[Source]) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        for (place, column) in source.columns.iter().enumerate() {
            values.push((format!("x{at}_{place}"), column.value.sql.clone()));
        }
    }
    values
}

/// What OUTPUT may name: `inserted`, `deleted`, the other sources, `$action`.
pub(super) fn output_scope(
    table: &Table,
    rows: &[&str],
    sources: &[Source],
    actions: &[&str],
) -> Scope<'static> {
    let named = |name: &str, columns: Vec<SourceColumn>| Source {
        name: name.to_owned(),
        alias: "s".to_owned(),
        columns,
        ..Source::default()
    };
    let mut scope = Scope::empty();
    for row in rows {
        let prefix = if *row == "inserted" { "s.n_" } else { "s.o_" };
        scope.sources.push(named(row, table_columns(table, prefix)));
    }
    for (at, source) in sources.iter().enumerate() {
        let columns = source.columns.iter().enumerate().map(|(place, column)| SourceColumn {
            value: Typed {
                sql: format!("s.x{at}_{place}"),
                graph: None,
                literal: None,
                ..column.value.clone()
            },
            ..column.clone()
        });
        let schema = source.schema.clone();
        scope.sources.push(Source { schema, ..named(&source.name, columns.collect()) });
    }
    if !actions.is_empty() {
        // A row that is not there has NULLs.
        scope.make_nullable();
        let words: Vec<String> = actions
            .iter()
            .enumerate()
            .map(|(clause, action)| format!("WHEN {clause} THEN '{action}'"))
            .collect();
        let sql = format!("CASE s.clause {} END", words.join(" "));
        let value = Typed::expression(sql, SqlType::NVarChar(Length::Limited(10))).not_null();
        let column = SourceColumn { name: "$action".to_owned(), value, hidden: false };
        scope.sources.push(named("", vec![column]));
    }
    scope
}

/// Deletes rows of the stage.
pub(super) fn delete_step(table: &Table, shape: &Shape, clause: usize) -> Step {
    let sql = format!(
        "DELETE FROM {} WHERE rowid IN (SELECT s.row FROM {} WHERE s.clause = {clause})",
        table.storage(),
        shape.view()
    );
    Step { verb: "DELETE", sql, clause, columns: Vec::new() }
}

/// Sets columns of rows of the stage.
pub(super) fn update_step(table: &Table, shape: &Shape, clause: usize, columns: Vec<i32>) -> Step {
    let list: Vec<String> = columns.iter().map(|id| format!("c{id} = s.n_c{id}")).collect();
    let storage = table.storage();
    let sql = format!(
        "UPDATE {storage} SET {} FROM {} WHERE {storage}.rowid = s.row AND s.clause = {clause}",
        list.join(", "),
        shape.view()
    );
    Step { verb: "UPDATE", sql, clause, columns }
}

/// Inserts rows of the stage, in their order.
pub(super) fn insert_step(table: &Table, shape: &Shape, clause: usize) -> Step {
    let names: Vec<String> = stored(table).collect();
    let values: Vec<String> = names.iter().map(|name| format!("s.n_{name}")).collect();
    let sql = format!(
        "INSERT INTO {} ({}) SELECT {} FROM {} WHERE s.clause = {clause} ORDER BY s.k",
        table.storage(),
        names.join(", "),
        values.join(", "),
        shape.view()
    );
    Step { verb: "INSERT", sql, clause, columns: Vec::new() }
}
