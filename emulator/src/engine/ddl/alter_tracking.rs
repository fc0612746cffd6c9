//! ALTER TABLE: change tracking.

use super::Change;
use crate::catalog::Table;
use crate::catalog::table::Tracking;
use crate::engine::session::Session;
use crate::engine::{storage, tracking};
use crate::sql::error::{Result, SqlError};
use std::sync::Arc;

impl Change {
    pub(super) fn enable_tracking(
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

    pub(super) fn disable_tracking(&mut self, mut table: Table) -> Result<()> {
        if table.tracking.take().is_none() {
            let message = format!("Change tracking is not enabled on table '{}'.", table.name);
            return Err(SqlError::new(4998, message));
        }
        self.sql.push(format!("DROP TABLE h{}", table.id));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }
}
