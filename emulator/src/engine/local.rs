//! Temporary tables and table variables: tables of one session, in `SQLite`'s own temporary database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ddl::Change;
use super::session::Session;
use super::storage;
use super::transaction::Access;
use crate::catalog::{Catalog, Table};
use crate::sql::ast::{
    ConstraintKind, Create, CreateTable, DropKind, ObjectName, StatementKind, TableKind,
};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::context::Counter;
use crate::values::Value;

/// The tables of a session.
#[derive(Debug, Default)]
pub struct LocalTables {
    tables: BTreeMap<i32, Arc<Table>>,
    /// Table variables of the text around the present one.
    hidden: BTreeSet<i32>,
    /// Dropped in the present transaction: a rollback brings them back.
    dropped: BTreeMap<i32, Arc<Table>>,
}

/// What a text that begins finds.
pub(super) struct LocalScope {
    tables: BTreeSet<i32>,
    hidden: BTreeSet<i32>,
}

/// A table variable and its rows.
pub(super) type KeptRows = (Arc<Table>, Vec<Vec<Value>>);

impl LocalTables {
    /// What statements may name.
    pub fn visible(&self) -> BTreeMap<i32, Arc<Table>> {
        let mut visible = self.tables.clone();
        visible.retain(|id, _| !self.hidden.contains(id));
        visible
    }
}

impl Session {
    /// Whether a change of the table needs no lock: nobody else sees it, and no rollback has to undo it.
    pub(super) fn is_free_to_write(&self, name: &ObjectName) -> bool {
        self.catalog().find_table(name).is_some_and(|table| {
            table.is_variable() || (table.is_local() && self.transaction.count == 0)
        })
    }

    fn show_local(&self) {
        let mut context = self.context.lock();
        let mut catalog: Catalog = (*context.catalog).clone();
        catalog.local = self.local.visible();
        context.catalog = Arc::new(catalog);
    }

    /// DECLARE @name TABLE. The statement makes the table once, however often it is passed.
    pub(super) fn declare_table(&mut self, name: &str, definition: &CreateTable) -> Result<()> {
        let name = ObjectName(vec![name.to_owned()]);
        if self.catalog().find_table(&name).is_some() {
            return Ok(());
        }
        let definition = CreateTable { name, ..definition.clone() };
        self.make_local(&definition, Access::Read)
    }

    /// CREATE, DROP, TRUNCATE and their like of a temporary table; `false` for everything else.
    pub(super) fn define_local(&mut self, kind: &StatementKind) -> Result<bool> {
        let is_temporary = |name: &ObjectName| name.object().starts_with('#');
        match kind {
            StatementKind::Create(create) => match &**create {
                Create::Table(definition) if is_temporary(&definition.name) => {
                    self.create_temporary(definition)?;
                }
                Create::Index(index) if is_temporary(&index.table) => {
                    self.change_local(&index.table, |table, change| change.index_of(table, index))?;
                }
                _ => return Ok(false),
            },
            StatementKind::Drop { kind: DropKind::Table, if_exists, names, .. }
                if names.iter().any(is_temporary) =>
            {
                for name in names {
                    if !is_temporary(name) {
                        return Err(SqlError::unsupported(name));
                    }
                    self.drop_temporary(name, *if_exists)?;
                }
            }
            StatementKind::Truncate(name) if is_temporary(name) => {
                self.change_local(name, |table, _| {
                    Ok(vec![format!("DELETE FROM {}", table.storage())])
                })?;
                if let Some(table) = self.catalog().find_table(name) {
                    self.shared.counters.set(table.id, Counter::default());
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn local_access(&self) -> Access {
        if self.transaction.count == 0 { Access::Read } else { Access::Write }
    }

    fn create_temporary(&mut self, definition: &CreateTable) -> Result<()> {
        if definition.kind != TableKind::Plain {
            // Observed (probed.md 4).
            let message = "Cannot create a node or edge table as a temporary table.";
            return Err(SqlError::new(13914, message));
        }
        if definition.name.object().starts_with("##") {
            return Err(SqlError::unsupported(definition.name.object()));
        }
        if self.catalog().find_table(&definition.name).is_some() {
            let message = format!(
                "There is already an object named '{}' in the database.",
                definition.name.object()
            );
            return Err(SqlError::new(2714, message).state(6));
        }
        self.make_local(definition, self.local_access())
    }

    fn make_local(&mut self, definition: &CreateTable, access: Access) -> Result<()> {
        let at_columns = definition.columns.iter().flat_map(|column| &column.constraints);
        if at_columns
            .chain(&definition.constraints)
            .any(|constraint| matches!(constraint.kind, ConstraintKind::Foreign { .. }))
        {
            return Err(SqlError::unsupported("REFERENCES"));
        }
        let table = self.changing(access, |session| {
            let catalog = session.refresh_catalog()?;
            let id = session.shared.new_local_id();
            let now = session.context.lock().now;
            let mut change = Change::new((*catalog).clone(), now);
            let table = change.build_table(
                definition,
                id,
                crate::catalog::SCHEMA_DBO,
                &format!("temp.t{id}"),
            )?;
            session.run_local(&change.sql)?;
            session.shared.counters.set(id, Counter::default());
            Ok(table)
        })?;
        self.local.tables.insert(table.id, Arc::new(table));
        self.show_local();
        Ok(())
    }

    fn run_local(&self, sql: &[String]) -> Result<()> {
        sql.iter().try_for_each(|sql| {
            self.connection.execute_batch(sql).map_err(|error| self.sqlite_error(&error, ""))
        })
    }

    fn change_local(
        &mut self,
        name: &ObjectName,
        change: impl FnOnce(&mut Table, &Change) -> Result<Vec<String>>,
    ) -> Result<()> {
        let access = self.local_access();
        let table = self.changing(access, |session| {
            let catalog = session.refresh_catalog()?;
            let mut table = (**catalog.table(name)?).clone();
            let work = Change::new((*catalog).clone(), session.context.lock().now);
            session.run_local(&change(&mut table, &work)?)?;
            Ok(table)
        })?;
        self.local.tables.insert(table.id, Arc::new(table));
        self.show_local();
        Ok(())
    }

    fn drop_temporary(&mut self, name: &ObjectName, if_exists: bool) -> Result<()> {
        let Some(table) = self.catalog().find_table(name).cloned() else {
            if if_exists {
                return Ok(());
            }
            let message = format!(
                "Cannot drop the table '{name}', because it does not exist or you do not have permission."
            );
            return Err(SqlError::new(3701, message).class(11).state(5));
        };
        let access = self.local_access();
        self.changing(access, |session| {
            session.run_local(&[format!("DROP TABLE temp.{}", table.storage())])
        })?;
        self.local.tables.remove(&table.id);
        if self.transaction.count > 0 {
            self.local.dropped.insert(table.id, table);
        }
        self.show_local();
        Ok(())
    }

    /// A text begins: it does not see the table variables of the text around it.
    pub(super) fn begin_local_scope(&mut self) -> LocalScope {
        let tables: BTreeSet<i32> = self.local.tables.keys().copied().collect();
        let hidden = self.local.hidden.clone();
        let variables = self.local.tables.values().filter(|table| table.is_variable());
        let variables: Vec<i32> = variables.map(|table| table.id).collect();
        self.local.hidden.extend(variables);
        if !tables.is_empty() {
            self.show_local();
        }
        LocalScope { tables, hidden }
    }

    /// A text ends, and with it what it has made (documented for both kinds of tables).
    pub(super) fn end_local_scope(&mut self, scope: LocalScope) {
        self.drop_local_tables(|table| !scope.tables.contains(&table.id));
        self.local.hidden = scope.hidden;
        if !self.local.tables.is_empty() {
            self.show_local();
        }
    }

    /// A batch begins: the table variables of the one before are gone.
    pub(super) fn drop_variables(&mut self) {
        self.drop_local_tables(Table::is_variable);
    }

    /// The connection is reset.
    pub(super) fn drop_local(&mut self) {
        self.drop_local_tables(|_| true);
    }

    fn drop_local_tables(&mut self, ends: impl Fn(&Table) -> bool) {
        let ended: Vec<i32> =
            self.local.tables.values().filter(|table| ends(table)).map(|table| table.id).collect();
        if ended.is_empty() {
            return;
        }
        for id in ended {
            // What a rollback has taken away already is no loss.
            let _ = self.connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.t{id}"));
            self.local.tables.remove(&id);
        }
        self.show_local();
    }

    /// Rows of table variables before a rollback, which does not concern them (documented).
    pub(super) fn variable_rows(&self) -> Vec<KeptRows> {
        let variables = self.local.tables.values().filter(|table| table.is_variable());
        variables
            .map(|table| (Arc::clone(table), self.rows_of(table).unwrap_or_default()))
            .collect()
    }

    fn rows_of(&self, table: &Table) -> rusqlite::Result<Vec<Vec<Value>>> {
        let columns = storage::stored_columns(table).join(", ");
        let mut statement =
            self.connection.prepare(&format!("SELECT {columns} FROM temp.{}", table.storage()))?;
        let width = statement.column_count();
        let rows = statement
            .query_map([], |row| (0..width).map(|at| row.get_ref(at).map(Value::from)).collect())?;
        rows.collect()
    }

    /// After a rollback: tables are what `SQLite` still has, table variables as they were.
    pub(super) fn restore_local(&mut self, kept: Vec<KeptRows>) {
        if self.local.tables.is_empty() && self.local.dropped.is_empty() {
            return;
        }
        for (table, rows) in kept {
            // A table of SQLite's temporary database takes back what it has held.
            let _ = self.put_back(&table, &rows);
        }
        let exists = |table: &Table| {
            let sql = "SELECT count(*) FROM temp.sqlite_schema WHERE name = ?1";
            let found =
                self.connection.query_row(sql, [table.storage()], |row| row.get::<_, i64>(0));
            found.is_ok_and(|count| count > 0)
        };
        let mut tables = std::mem::take(&mut self.local.dropped);
        tables.extend(std::mem::take(&mut self.local.tables));
        tables.retain(|_, table| exists(table));
        self.local.tables = tables;
        self.show_local();
    }

    fn put_back(&self, table: &Table, rows: &[Vec<Value>]) -> Result<()> {
        let name = format!("temp.{}", table.storage());
        let catalog = self.catalog();
        let definition = storage::create_table(&catalog, table, &name)?;
        let definition = definition.replacen("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1);
        self.run_local(&[definition, format!("DELETE FROM {name}")])?;
        for index in &table.indexes {
            let sql = storage::create_index(&catalog, table, index)?;
            let again = |sql: &String| sql.replacen(" INDEX ", " INDEX IF NOT EXISTS ", 1);
            self.run_local(&sql.iter().map(again).collect::<Vec<_>>())?;
        }
        let columns = storage::stored_columns(table);
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let sql =
            format!("INSERT INTO {name} ({}) VALUES ({})", columns.join(", "), places.join(", "));
        let failed = |error: rusqlite::Error| self.sqlite_error(&error, "INSERT");
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        for row in rows {
            statement.execute(rusqlite::params_from_iter(row)).map_err(failed)?;
        }
        Ok(())
    }

    /// A transaction has been committed: what it dropped stays dropped.
    pub(super) fn forget_dropped(&mut self) {
        self.local.dropped.clear();
    }
}
