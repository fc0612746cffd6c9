//! DROP.

use std::sync::Arc;

use super::Change;
use crate::catalog::{Table, invalid_object, same_name};
use crate::engine::{permission, storage};
use crate::sql::ast::{DropKind, ObjectName};
use crate::sql::error::{Result, SqlError};

impl Change {
    /// DROP of one object.
    pub(super) fn drop_object(
        &mut self,
        kind: DropKind,
        if_exists: bool,
        name: &ObjectName,
        on: Option<&ObjectName>,
    ) -> Result<()> {
        match kind {
            DropKind::Table => self.drop_table(name, if_exists),
            DropKind::Index => self.drop_index(name, on.unwrap_or(name), if_exists),
            DropKind::Schema => self.drop_schema(name.object(), if_exists),
            DropKind::Login => permission::drop_login(&mut self.catalog, name.object(), if_exists),
            DropKind::User => {
                permission::drop_principal(&mut self.catalog, name.object(), false, if_exists)
            }
            DropKind::Role => {
                permission::drop_principal(&mut self.catalog, name.object(), true, if_exists)
            }
        }
    }

    fn drop_table(&mut self, name: &ObjectName, if_exists: bool) -> Result<()> {
        let Some(table) = self.catalog.find_table(name).cloned() else {
            if if_exists {
                return Ok(());
            }
            let message = format!(
                "Cannot drop the table '{name}', because it does not exist or you do not have permission."
            );
            return Err(SqlError::new(3701, message).class(11).state(5));
        };
        self.check_unreferenced(&table, name)?;
        self.sql.push(format!("DROP TABLE {}", table.storage()));
        if table.tracking.is_some() {
            self.sql.push(format!("DROP TABLE h{}", table.id));
        }
        self.sql.push(format!("DELETE FROM __sys_counters WHERE object_id = {}", table.id));
        let gone = crate::catalog::permissions::Scope::Object(table.id);
        self.catalog.security.permissions.retain(|permission| permission.scope != gone);
        self.catalog.tables.remove(&table.id);
        Ok(())
    }

    fn check_unreferenced(&self, table: &Table, name: &ObjectName) -> Result<()> {
        for other in self.catalog.tables.values().filter(|other| other.id != table.id) {
            if other.foreign_keys.iter().any(|key| key.references == table.id) {
                let message = format!(
                    "Could not drop object '{name}' because it is referenced by a FOREIGN KEY constraint."
                );
                return Err(SqlError::new(3726, message));
            }
            // Observed: a disabled edge constraint blocks as well (13934, probed.md 4).
            let edge = other.edge_constraints.iter().find(|edge| {
                edge.clauses.iter().any(|(from, to)| *from == table.id || *to == table.id)
            });
            if edge.is_some() {
                let message = format!(
                    "Could not drop node table '{name}' because it is referenced by an edge constraint."
                );
                return Err(SqlError::new(13934, message));
            }
        }
        Ok(())
    }

    fn drop_index(&mut self, name: &ObjectName, on: &ObjectName, if_exists: bool) -> Result<()> {
        let mut table = match self.catalog.find_table(on) {
            Some(table) => (**table).clone(),
            None if if_exists => return Ok(()),
            None => return Err(invalid_object(on)),
        };
        let found = table.indexes.iter().position(|index| same_name(&index.name, name.object()));
        let Some(at) = found else {
            if if_exists {
                return Ok(());
            }
            let message = format!(
                "Cannot drop the index '{on}.{name}', because it does not exist or you do not have permission."
            );
            return Err(SqlError::new(3701, message).class(11).state(7));
        };
        if table.indexes[at].constraint_id.is_some() {
            let message = format!(
                "An explicit DROP INDEX is not allowed on index '{on}.{name}'. It is being used for constraint enforcement."
            );
            return Err(SqlError::new(3723, message).state(4));
        }
        let index = table.indexes.remove(at);
        let storage_name = format!("i{}_{}", table.id, index.id);
        self.sql.push(format!("DROP INDEX IF EXISTS {storage_name}"));
        self.sql.push(format!("DROP INDEX IF EXISTS {storage_name}n"));
        self.sql.extend(storage::edge_indexes(&table));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }

    fn drop_schema(&mut self, name: &str, if_exists: bool) -> Result<()> {
        let Some(id) = self.catalog.schema_id(name).filter(|id| *id > 4) else {
            if if_exists {
                return Ok(());
            }
            let message = format!(
                "Cannot drop the schema '{name}', because it does not exist or you do not have permission."
            );
            return Err(SqlError::new(15151, message));
        };
        if let Some(table) = self.catalog.tables.values().find(|table| table.schema_id == id) {
            let message = format!(
                "Cannot drop schema '{name}' because it is being referenced by object '{}'.",
                table.name
            );
            return Err(SqlError::new(3729, message));
        }
        self.catalog.schemas.remove(&id);
        Ok(())
    }
}
