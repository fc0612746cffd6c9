//! Names: which columns a statement sees, and from where.

use std::sync::Arc;

use super::Typed;
use crate::catalog::{Column, ColumnRole, Table, same_name};
use crate::sql::ast::ObjectName;
use crate::sql::error::{Result, SqlError};
use crate::sqlite::collation::{self, CASE_INSENSITIVE};
use crate::tds::response::Origin;

/// Sources of one query, and the query around it.
#[derive(Clone, Debug)]
pub struct Scope<'p> {
    /// Sources in the order of FROM.
    pub sources: Vec<Source>,
    /// The query around it.
    pub parent: Option<&'p Scope<'p>>,
}

/// A source of rows under its name.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Alias, or the table's own name.
    pub name: String,
    /// Schema, when it goes by its own name.
    pub schema: Option<String>,
    /// Name in the SQL.
    pub alias: String,
    /// Columns in order.
    pub columns: Vec<SourceColumn>,
    /// The table, when it is one.
    pub table: Option<Arc<Table>>,
    /// Joined with JOIN or APPLY, which MATCH does not allow.
    pub joined: bool,
    /// The rows of a table behind a common table expression.
    pub base: Option<Base>,
}

/// A table whose rows a query gives one by one, so that they can be changed through it.
#[derive(Clone, Debug)]
pub struct Base {
    /// The table.
    pub table: Arc<Table>,
    /// SQL of the row id.
    pub row: String,
    /// Column id behind each of the query's columns, where it is a plain column.
    pub columns: Vec<Option<i32>>,
}

/// A column of a source.
#[derive(Clone, Debug)]
pub struct SourceColumn {
    /// Name.
    pub name: String,
    /// What stands for it.
    pub value: Typed,
    /// Not to be named, not in `*`.
    pub hidden: bool,
}

impl<'p> Scope<'p> {
    /// No sources at all.
    pub fn empty() -> Scope<'static> {
        Scope { sources: Vec::new(), parent: None }
    }

    /// Sources inside of another query.
    pub fn inside(parent: &'p Scope<'p>) -> Self {
        Self { sources: Vec::new(), parent: Some(parent) }
    }

    /// One row of a table, its columns named by themselves or behind a prefix.
    pub fn of_row(table: &Table, prefix: &str) -> Scope<'static> {
        let source = Source {
            name: table.name.clone(),
            schema: None,
            alias: String::new(),
            columns: table_columns(table, prefix),
            ..Source::default()
        };
        Scope { sources: vec![source], parent: None }
    }

    /// Whether there is anything that could be named, here or further out.
    pub fn has_sources(&self) -> bool {
        !self.sources.is_empty() || self.parent.is_some_and(Scope::has_sources)
    }

    /// Every outer join makes the other side's columns nullable; several sources do so too (probed.md 8).
    pub fn make_nullable(&mut self) {
        for column in self.sources.iter_mut().flat_map(|source| &mut source.columns) {
            column.value.nullable = true;
        }
    }

    /// The value behind a name of one or more parts, and how many queries further out it is.
    pub fn find(&self, parts: &[String]) -> Result<(Typed, u32)> {
        let Some((name, qualifier)) = parts.split_last() else {
            return Err(SqlError::internal("empty name"));
        };
        let mut scope = Some(self);
        let mut depth = 0;
        while let Some(here) = scope {
            if let Some(found) = here.find_here(name, qualifier)? {
                return Ok((found, depth));
            }
            scope = here.parent;
            depth += 1;
        }
        // A source that is there and lacks the column: the column is what is wrong.
        let is_there = std::iter::successors(Some(self), |scope| scope.parent)
            .any(|scope| scope.sources.iter().any(|source| source.answers_to(qualifier)));
        Err(not_found(name, if is_there { &[] } else { qualifier }))
    }

    fn find_here(&self, name: &str, qualifier: &[String]) -> Result<Option<Typed>> {
        let mut found: Option<&SourceColumn> = None;
        for source in self.sources.iter().filter(|source| source.answers_to(qualifier)) {
            if let Some(column) = source.column(name)? {
                if found.is_some() {
                    return Err(SqlError::new(209, format!("Ambiguous column name '{name}'.")));
                }
                found = Some(column);
            }
        }
        Ok(found.map(|column| column.value.clone()))
    }

    /// The source of that name, in this query only.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| same_name(&source.name, name))
    }

    /// The source that a table or an alias names: target of UPDATE and DELETE, `t.*`.
    pub fn source_by_name(&self, name: &ObjectName) -> Option<&Source> {
        self.sources.iter().find(|source| source.answers_to(&name.0))
    }
}

impl Source {
    fn answers_to(&self, qualifier: &[String]) -> bool {
        let Some((name, rest)) = qualifier.split_last() else {
            return true;
        };
        if !same_name(&self.name, name) {
            return false;
        }
        match rest.last() {
            None => true,
            Some(schema) => self.schema.as_deref().is_some_and(|own| same_name(own, schema)),
        }
    }

    fn column(&self, name: &str) -> Result<Option<&SourceColumn>> {
        if name.starts_with('$') {
            let pseudo = |column: &&SourceColumn| {
                column.value.role.pseudo().is_some_and(|own| own.eq_ignore_ascii_case(name))
            };
            if let Some(column) = self.columns.iter().find(pseudo) {
                return Ok(Some(column));
            }
        }
        let found = self.columns.iter().find(|column| same_name(&column.name, name));
        match found {
            // Observed: 13908 state 1 (probed.md 4).
            Some(column) if column.hidden => Err(SqlError::new(
                13908,
                format!("Cannot access internal graph column '{}'.", column.name),
            )),
            other => Ok(other),
        }
    }
}

fn not_found(name: &str, qualifier: &[String]) -> SqlError {
    if qualifier.is_empty() {
        return SqlError::new(207, format!("Invalid column name '{name}'."));
    }
    let whole = format!("{}.{name}", qualifier.join("."));
    SqlError::new(4104, format!("The multi-part identifier \"{whole}\" could not be bound."))
}

/// Columns of a table behind a prefix such as `a1.`.
pub fn table_columns(table: &Table, prefix: &str) -> Vec<SourceColumn> {
    table
        .columns
        .iter()
        .map(|column| SourceColumn {
            name: column.name.clone(),
            value: column_value(table, column, prefix),
            hidden: column.role.is_hidden(),
        })
        .collect()
}

fn column_value(table: &Table, column: &Column, prefix: &str) -> Typed {
    let stored = |role| format!("{prefix}{}", table.role_storage(role));
    let graph = match column.role {
        ColumnRole::NodeId | ColumnRole::EdgeId => {
            Some((table.id.to_string(), stored(ColumnRole::GraphId)))
        }
        ColumnRole::FromText => Some((stored(ColumnRole::FromObject), stored(ColumnRole::FromId))),
        ColumnRole::ToText => Some((stored(ColumnRole::ToObject), stored(ColumnRole::ToId))),
        _ => None,
    };
    let sql = match &graph {
        Some((object, id)) => format!("g_text({object}, {id})"),
        None => format!("{prefix}{}", column.storage()),
    };
    let named = column.collation.as_deref().and_then(collation::by_name);
    Typed {
        nullable: column.nullable,
        origin: if column.identity.is_some() { Origin::Identity } else { Origin::Column },
        collation: named.unwrap_or(CASE_INSENSITIVE),
        graph,
        role: column.role,
        ..Typed::expression(sql, column.sql_type)
    }
}
