//! ALTER TABLE. A change of columns or checks rebuilds the `SQLite` table; the rest is a matter of catalog, indexes and triggers.

use std::sync::Arc;

use super::Change;
use crate::catalog::table::Tracking;
use crate::catalog::{ColumnRole, Table, rows, same_name};
use crate::engine::session::Session;
use crate::engine::{storage, tracking};
use crate::sql::ast::{
    AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintKind, ObjectName,
};
use crate::sql::error::{Result, SqlError};
use crate::values::SqlType;
use crate::values::convert;

impl Change {
    /// ALTER TABLE.
    pub(super) fn alter_table(
        &mut self,
        name: &ObjectName,
        action: &AlterTable,
        session: &Session,
    ) -> Result<()> {
        let mut table = (**self.catalog.table(name)?).clone();
        table.modified = self.now;
        match action {
            AlterTable::Add { columns, constraints } => {
                self.add(table, columns, constraints, session)
            }
            AlterTable::AlterColumn { name, sql_type, nullable } => {
                self.alter_column(table, name, *sql_type, *nullable)
            }
            AlterTable::DropColumns { if_exists, names } => {
                self.drop_columns(table, *if_exists, names)
            }
            AlterTable::DropConstraints { if_exists, names } => {
                self.drop_constraints(table, *if_exists, names)
            }
            AlterTable::SetConstraints { names, enabled, trust } => {
                self.set_constraints(table, names.as_deref(), *enabled, *trust, session)
            }
            AlterTable::Tracking { enabled: true, columns_updated } => {
                self.enable_tracking(table, *columns_updated, session)
            }
            AlterTable::Tracking { enabled: false, .. } => self.disable_tracking(table),
        }
    }

    fn add(
        &mut self,
        mut table: Table,
        columns: &[ColumnDefinition],
        constraints: &[ConstraintDefinition],
        session: &Session,
    ) -> Result<()> {
        let old = table.clone();
        let mut new_ids = Vec::new();
        for column in columns {
            super::build::add_column(&mut table, column)?;
            new_ids.extend(table.columns.last().map(|column| column.id));
        }
        for constraint in columns.iter().flat_map(|column| &column.constraints).chain(constraints) {
            self.add_constraint(&mut table, constraint)?;
            if !constraint.unchecked {
                check_rows(self, &table, &constraint.kind, session)?;
            }
        }
        let values = |column: &crate::catalog::Column| -> Option<String> {
            if !new_ids.contains(&column.id) {
                return None;
            }
            if let Some((seed, increment)) = column.identity {
                return Some(format!("g_identity({}, {seed}, {increment})", table.id));
            }
            // Documented: rows that are there get the default only in a NOT NULL column.
            let default = column.default.as_ref().filter(|_| !column.nullable);
            Some(match default {
                Some(default) => session
                    .default_sql(&self.catalog, &table, &default.text, column)
                    .unwrap_or("NULL".to_owned()),
                None => "NULL".to_owned(),
            })
        };
        let expressions: Vec<String> = table
            .columns
            .iter()
            .filter(|column| !column.role.is_computed())
            .map(|column| values(column).unwrap_or_else(|| column.storage()))
            .collect();
        self.rebuild(&old, table, &expressions)
    }

    /// Makes the `SQLite` table anew under a new definition.
    fn rebuild(&mut self, old: &Table, table: Table, expressions: &[String]) -> Result<()> {
        let (storage_name, new_name) = (old.storage(), format!("{}_new", old.storage()));
        self.sql.push(storage::create_table(&self.catalog, &table, &new_name)?);
        let columns = storage::stored_columns(&table).join(", ");
        self.sql.push(format!(
            "INSERT INTO {new_name} ({columns}) SELECT {} FROM {storage_name}",
            expressions.join(", ")
        ));
        self.sql.push(format!("DROP TABLE {storage_name}"));
        self.sql.push(format!("ALTER TABLE {new_name} RENAME TO {storage_name}"));
        self.index_sql(&table)?;
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }

    fn rebuild_as_is(&mut self, old: &Table, table: Table) -> Result<()> {
        let expressions = storage::stored_columns(&table);
        self.rebuild(old, table, &expressions)
    }

    fn alter_column(
        &mut self,
        mut table: Table,
        name: &str,
        sql_type: SqlType,
        nullable: Option<bool>,
    ) -> Result<()> {
        let old = table.clone();
        let found = table.columns.iter().position(|column| same_name(&column.name, name));
        let Some(at) = found else {
            let message = format!(
                "ALTER TABLE ALTER COLUMN failed because column '{name}' does not exist in table '{}'.",
                table.name
            );
            return Err(SqlError::new(4924, message));
        };
        if table.columns[at].role != ColumnRole::User {
            // Observed: 13913.
            return Err(SqlError::new(
                13913,
                format!("Cannot alter or drop internal graph column '{name}'."),
            ));
        }
        if table
            .indexes
            .iter()
            .any(|index| index.keys.iter().any(|(id, _)| *id == table.columns[at].id))
        {
            let message = format!(
                "ALTER TABLE ALTER COLUMN {name} failed because one or more objects access this column."
            );
            return Err(SqlError::new(4922, message).state(9));
        }
        let from = table.columns[at].sql_type;
        if !convert::is_implicit(from, sql_type) {
            return Err(SqlError::new(
                206,
                format!(
                    "Operand type clash: {} is incompatible with {}",
                    from.name(),
                    sql_type.name()
                ),
            ));
        }
        table.columns[at].sql_type = sql_type;
        // Documented: without NULL or NOT NULL the column becomes nullable.
        table.columns[at].nullable = nullable.unwrap_or(true);
        let (id, label) =
            (table.columns[at].id, self.catalog.full_name(&table).replace('\'', "''"));
        let expressions: Vec<String> = storage::stored_columns(&table)
            .into_iter()
            .map(|column| {
                if column == format!("c{id}") && !convert::is_free(from, sql_type) {
                    let name = name.replace('\'', "''");
                    return format!(
                        "store({column}, {}, {}, '{label}', '{name}')",
                        from.code(),
                        sql_type.code()
                    );
                }
                column
            })
            .collect();
        self.rebuild(&old, table, &expressions)
    }

    fn drop_columns(&mut self, mut table: Table, if_exists: bool, names: &[String]) -> Result<()> {
        let old = table.clone();
        for name in names {
            let Some(column) = table.column(name).cloned() else {
                if if_exists {
                    continue;
                }
                let message = format!(
                    "ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{}'.",
                    table.name
                );
                return Err(SqlError::new(4924, message));
            };
            if column.role != ColumnRole::User {
                return Err(SqlError::new(
                    13913,
                    format!("Cannot alter or drop internal graph column '{name}'."),
                ));
            }
            let used = column.default.is_some()
                || table.indexes.iter().any(|index| {
                    index.keys.iter().any(|(id, _)| *id == column.id)
                        || index.include.contains(&column.id)
                })
                || table.foreign_keys.iter().any(|key| key.columns.contains(&column.id))
                || table.checks.iter().any(|check| names_column(&check.text, &column.name));
            if used {
                let message = format!(
                    "ALTER TABLE DROP COLUMN {name} failed because one or more objects access this column."
                );
                return Err(SqlError::new(4922, message).state(9));
            }
            table.columns.retain(|own| own.id != column.id);
        }
        self.rebuild_as_is(&old, table)
    }

    fn drop_constraints(
        &mut self,
        mut table: Table,
        if_exists: bool,
        names: &[String],
    ) -> Result<()> {
        let old = table.clone();
        for name in names {
            let known = rows::constraints(&table).iter().any(|(_, own, _)| same_name(own, name));
            if !known && if_exists {
                continue;
            }
            if !known {
                return Err(SqlError::new(3728, format!("'{name}' is not a constraint.")));
            }
            self.check_key_is_free(&table, name)?;
            table
                .indexes
                .retain(|index| index.constraint_id.is_none() || !same_name(&index.name, name));
            table.checks.retain(|check| !same_name(&check.name, name));
            table.foreign_keys.retain(|key| !same_name(&key.name, name));
            table.edge_constraints.retain(|edge| !same_name(&edge.name, name));
            for column in &mut table.columns {
                column.default.take_if(|default| same_name(&default.name, name));
            }
        }
        self.rebuild_as_is(&old, table)
    }

    fn check_key_is_free(&self, table: &Table, name: &str) -> Result<()> {
        let Some(key) = table.indexes.iter().find(|index| same_name(&index.name, name)) else {
            return Ok(());
        };
        if key.primary && table.tracking.is_some() {
            // Observed: 3735, then 3727 (probed.md 1).
            let message = format!(
                "The primary key constraint '{name}' on table '{}' cannot be dropped because change tracking is enabled on the \
                 table. Change tracking requires a primary key constraint on the table. Disable change tracking before dropping \
                 the constraint.",
                table.name
            );
            return Err(SqlError::new(3735, message));
        }
        let mut keys: Vec<i32> = key.keys.iter().map(|(id, _)| *id).collect();
        keys.sort_unstable();
        let referenced =
            self.catalog.tables.values().flat_map(|other| &other.foreign_keys).find(|foreign| {
                let mut columns = foreign.referenced_columns.clone();
                columns.sort_unstable();
                foreign.references == table.id && columns == keys
            });
        match referenced {
            Some(foreign) => {
                let message = format!(
                    "The constraint '{name}' is being referenced by table, foreign key constraint '{}'.",
                    foreign.name
                );
                Err(SqlError::new(3725, message).state(0))
            }
            None => Ok(()),
        }
    }

    fn set_constraints(
        &mut self,
        mut table: Table,
        names: Option<&[String]>,
        enabled: bool,
        trust: bool,
        session: &Session,
    ) -> Result<()> {
        let old = table.clone();
        let named =
            |own: &str| names.is_none_or(|names| names.iter().any(|name| same_name(name, own)));
        let unknown = names.into_iter().flatten().find(|name| {
            !rows::constraints(&old)
                .iter()
                .any(|(_, own, kind)| matches!(*kind, "C" | "F" | "EC") && same_name(own, name))
        });
        if let Some(name) = unknown {
            let message = format!("Constraint '{name}' does not exist.");
            return Err(SqlError::new(4917, message).state(0));
        }
        // Observed: NOCHECK sets is_disabled and is_not_trusted, CHECK clears the first only (probed.md 4).
        let untrusted = |was: bool| if enabled { was && !trust } else { true };
        for check in table.checks.iter_mut().filter(|check| named(&check.name)) {
            (check.disabled, check.untrusted) = (!enabled, untrusted(check.untrusted));
        }
        for key in table.foreign_keys.iter_mut().filter(|key| named(&key.name)) {
            (key.disabled, key.untrusted) = (!enabled, untrusted(key.untrusted));
        }
        for edge in table.edge_constraints.iter_mut().filter(|edge| named(&edge.name)) {
            (edge.disabled, edge.untrusted) = (!enabled, untrusted(edge.untrusted));
        }
        if enabled && trust {
            self.check_all(&table, &named, session)?;
        }
        self.rebuild_as_is(&old, table)
    }

    fn check_all(
        &self,
        table: &Table,
        named: &dyn Fn(&str) -> bool,
        session: &Session,
    ) -> Result<()> {
        for key in table.foreign_keys.iter().filter(|key| named(&key.name)) {
            session.check_foreign_key(&self.catalog, table, key)?;
        }
        for edge in table.edge_constraints.iter().filter(|edge| named(&edge.name)) {
            session.check_edge_constraint(&self.catalog, table, edge)?;
        }
        Ok(())
    }

    fn enable_tracking(
        &mut self,
        mut table: Table,
        columns_updated: bool,
        session: &Session,
    ) -> Result<()> {
        let full = self.catalog.qualified(&table);
        let (database, name) = (self.catalog.database.name.clone(), table.name.clone());
        // Observed texts (probed.md 1).
        if self.catalog.database.tracking.is_none() {
            let message = format!(
                "Change tracking must be enabled on database '{database}' before it can be enabled on table '{name}'."
            );
            return Err(SqlError::new(1718, message));
        }
        if table.tracking.is_some() {
            return Err(SqlError::new(
                4996,
                format!("Change tracking is already enabled for table '{full}'."),
            ));
        }
        if table.primary_key().is_none() {
            let message = format!(
                "Cannot enable change tracking on table '{name}'. Change tracking requires a primary key on the table. Create a \
                 primary key on the table before enabling change tracking."
            );
            return Err(SqlError::new(4997, message));
        }
        if columns_updated {
            return Err(SqlError::unsupported("TRACK_COLUMNS_UPDATED = ON"));
        }
        let version = tracking::current_version(&session.connection)?;
        table.tracking = Some(Tracking {
            begin_version: version,
            min_valid_version: version,
            cleanup_version: None,
            columns_updated,
        });
        self.sql.extend(storage::create_history(&table));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }

    fn disable_tracking(&mut self, mut table: Table) -> Result<()> {
        if table.tracking.take().is_none() {
            let message = format!("Change tracking is not enabled on table '{}'.", table.name);
            return Err(SqlError::new(4998, message));
        }
        self.sql.push(format!("DROP TABLE h{}", table.id));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }
}

fn check_rows(
    change: &Change,
    table: &Table,
    kind: &ConstraintKind,
    session: &Session,
) -> Result<()> {
    match kind {
        ConstraintKind::Foreign { .. } => match table.foreign_keys.last() {
            Some(key) => session.check_foreign_key(&change.catalog, table, key),
            None => Ok(()),
        },
        ConstraintKind::Connection { .. } => match table.edge_constraints.last() {
            Some(edge) => session.check_edge_constraint(&change.catalog, table, edge),
            None => Ok(()),
        },
        // Keys and checks are verified by SQLite when the table is built anew.
        _ => Ok(()),
    }
}

/// Whether the text of a check has a column's name in it as a word.
fn names_column(text: &str, column: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .any(|word| same_name(word, column))
}
