//! Cleanup of change tracking: changes older than the retention go, and with them the versions from which a client could
//! have gone on.

use std::sync::Arc;
use std::time::SystemTime;

use rusqlite::OptionalExtension;

use super::control::Control;
use super::session::Session;
use super::shared::Shared;
use super::tracking;
use crate::catalog::{Catalog, Table, store};
use crate::sql::ast::{ObjectName, RetentionUnit};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::split_name;
use crate::values::{Value, calendar};

/// What goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// What automatic cleanup removes at that time; nothing while `AUTO_CLEANUP` is off.
    Automatic {
        /// The time.
        now: SystemTime,
    },
    /// Everything, as if the retention had passed for every change that is there.
    Everything,
}

/// What a cleanup has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The version up to which changes are gone, if that moved.
    pub version: Option<i64>,
    /// Changes removed.
    pub rows: u64,
}

const TICKS_PER_MINUTE: i64 = 60 * 10_000_000;

impl Shared {
    /// Runs a cleanup in a session of its own.
    pub fn clean_up(self: &Arc<Self>, what: Cleanup) -> Result<Cleaned> {
        let control = Arc::new(Control::default());
        let mut session = Session::open(self, &control)?;
        session.writing(|session| {
            let catalog = session.refresh_catalog()?;
            let upto = match what {
                Cleanup::Automatic { now } => {
                    let tracking = catalog.database.tracking.as_ref();
                    if !tracking.is_some_and(|tracking| tracking.auto_cleanup) {
                        return Ok(Cleaned::default());
                    }
                    session.expired_version(&catalog, calendar::ticks_of(now))?
                }
                Cleanup::Everything => Some(tracking::current_version(&session.connection)?),
            };
            match upto {
                Some(version) => session.remove_changes(&catalog, version, None),
                None => Ok(Cleaned::default()),
            }
        })
    }
}

impl Session {
    /// `sp_flush_CT_internal_table_on_demand`: what the retention lets go, also while `AUTO_CLEANUP` is off (assumption).
    /// Gives what it says of itself (documented), and the number of changes removed.
    pub(super) fn flush_change_tracking(
        &mut self,
        table: Option<&Value>,
    ) -> Result<(Vec<String>, i64)> {
        let wanted = table.and_then(Value::to_text);
        let (version, cleaned, tables) = self.writing(|session| {
            let catalog = session.refresh_catalog()?;
            session.demand_owner(&catalog)?;
            let only = wanted.map(|name| tracked(&catalog, &name)).transpose()?;
            let now = session.context.lock().now;
            let version = session.expired_version(&catalog, now)?.unwrap_or(0);
            let cleaned = session.remove_changes(&catalog, version, only)?;
            let tables = catalog.tables.values().filter(|table| {
                table.tracking.is_some() && only.is_none_or(|only| only == table.id)
            });
            Ok((version, cleaned, tables.map(|table| table.id).collect::<Vec<_>>()))
        })?;
        let mut said = vec![format!("Cleanup Watermark = {version}")];
        said.extend(
            tables.into_iter().map(|table| {
                format!("Internal Change Tracking table name : change_tracking_{table}")
            }),
        );
        said.push(format!("Total rows deleted: {}.", cleaned.rows));
        Ok((said, i64::try_from(cleaned.rows).unwrap_or(i64::MAX)))
    }

    fn demand_owner(&self, catalog: &Catalog) -> Result<()> {
        use crate::catalog::permissions::Scope;
        if catalog.permits(self.user, "CONTROL", &[Scope::Database]) {
            return Ok(());
        }
        // Documented: sysadmin or db_owner only.
        let message = "User does not have permission to perform this action.";
        Err(SqlError::new(15247, message))
    }

    /// The last version that was committed before the retention began. A SNAPSHOT transaction holds cleanup back (documented).
    fn expired_version(&self, catalog: &Catalog, now: i64) -> Result<Option<i64>> {
        let Some(tracking) = &catalog.database.tracking else {
            // Assumption: what ALTER DATABASE says.
            return Err(super::ddl::tracking_disabled(&catalog.database.name));
        };
        let minutes = match tracking.unit {
            RetentionUnit::Minutes => 1,
            RetentionUnit::Hours => 60,
            RetentionUnit::Days => 1440,
        };
        let kept = tracking.retention.saturating_mul(minutes).saturating_mul(TICKS_PER_MINUTE);
        let begin = now.saturating_sub(kept);
        let expired: Option<i64> = self
            .connection
            .query_row("SELECT max(version) FROM __sys_commits WHERE time < ?1", [begin], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|error| self.sqlite_error(&error, ""))?
            .flatten();
        let held = self.shared.oldest_snapshot();
        Ok(expired.map(|version| held.map_or(version, |held| version.min(held))))
    }

    /// Removes the changes up to a version, of one table or of all, and moves what is valid. It moves for tables without
    /// changes as well, so that a client that never looks falls out (read in an issue, sql-server.md 2).
    fn remove_changes(
        &mut self,
        catalog: &Catalog,
        version: i64,
        only: Option<i32>,
    ) -> Result<Cleaned> {
        let mut changed = catalog.clone();
        let mut cleaned = Cleaned::default();
        for table in changed.tables.values_mut() {
            if only.is_some_and(|only| only != table.id) {
                continue;
            }
            let Some(valid) = table.tracking.as_ref().map(|own| own.min_valid_version) else {
                continue;
            };
            let sql = format!("DELETE FROM h{} WHERE version <= ?1", table.id);
            let gone = self.connection.execute(&sql, [version]);
            let gone = gone.map_err(|error| self.sqlite_error(&error, ""))?;
            cleaned.rows += u64::try_from(gone).unwrap_or(0);
            if version > valid
                && let Some(own) = &mut Arc::<Table>::make_mut(table).tracking
            {
                // Assumption: the client that has seen this version is the last that may go on.
                own.min_valid_version = version;
                own.cleanup_version = Some(version);
                cleaned.version = Some(version);
            }
        }
        if only.is_none() {
            self.connection
                .execute("DELETE FROM __sys_commits WHERE version <= ?1", [version])
                .map_err(|error| self.sqlite_error(&error, ""))?;
        }
        if cleaned.version.is_some() {
            if let Some(own) = &mut changed.database.tracking {
                own.cleanup_version = own.cleanup_version.max(cleaned.version);
            }
            store::save(&self.connection, &mut changed)?;
            self.context.lock().catalog = Arc::new(changed);
        }
        Ok(cleaned)
    }
}

/// Assumption: the numbers of a table that is missing and of one that is not tracked are those of CHANGETABLE.
fn tracked(catalog: &Catalog, name: &str) -> Result<i32> {
    let name = split_name(name).unwrap_or_else(|| ObjectName(vec![name.to_owned()]));
    let table = catalog.table(&name)?;
    if table.tracking.is_none() {
        let message = format!("Change tracking is not enabled on table '{name}'.");
        return Err(SqlError::new(22105, message));
    }
    Ok(table.id)
}
