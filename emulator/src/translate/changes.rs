//! CHANGETABLE(CHANGES …): the net change of every key since a version.

use std::sync::Arc;

use super::projection::Projected;
use super::source::push;
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Expr, ObjectName};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::collation::CASE_SENSITIVE;
use crate::values::{Length, SqlType};

/// Operations as the history keeps them.
pub const INSERTED: i32 = 1;
/// An update that leaves the key alone.
pub const UPDATED: i32 = 2;
/// A delete.
pub const DELETED: i32 = 3;

impl Translator<'_> {
    pub(super) fn changes(
        &mut self,
        name: &ObjectName,
        since: &Expr,
        alias: &str,
        scope: &mut Scope<'_>,
        joined: bool,
    ) -> Result<String> {
        let table = Arc::clone(self.catalog().table(name)?);
        let tracked = table.tracking.is_some() && self.catalog().database.tracking.is_some();
        if !tracked {
            // Observed: name as written (probed.md 3).
            return Err(SqlError::new(
                22105,
                format!("Change tracking is not enabled on table '{name}'."),
            ));
        }
        self.demand("SELECT", &table)?;
        self.demand("VIEW CHANGE TRACKING", &table)?;
        let since = self.expression(since, scope)?;
        let since = if since.is_null { "NULL".to_owned() } else { self.as_bigint(since)?.sql };
        let keys = table.key_columns();
        let key_list: Vec<String> = keys.iter().map(|column| column.storage()).collect();
        let grouped: Vec<String> = keys
            .iter()
            .map(|column| {
                let text = if column.sql_type.is_text() { " COLLATE CI" } else { "" };
                format!("{}{text}", column.storage())
            })
            .collect();
        let named: Vec<String> =
            key_list.iter().enumerate().map(|(at, key)| format!("{key} AS c{}", at + 6)).collect();
        // Observed: the last change decides D; else the first decides I; else U. The creation version is that of the
        // last insert in range (probed.md 3). A negative version gives no rows there.
        let sql = format!(
            "(SELECT max(version) AS c1, max(CASE WHEN operation = {INSERTED} THEN version END) AS c2, \
             CASE WHEN max(seq * 4 + operation) % 4 = {DELETED} THEN 'D' \
             WHEN min(seq * 4 + operation) % 4 = {INSERTED} THEN 'I' ELSE 'U' END AS c3, \
             NULL AS c4, NULL AS c5, {} FROM h{} \
             WHERE version > coalesce({since}, 0) AND coalesce({since}, 0) >= 0 \
             AND version <= (SELECT version FROM __sys_tracking) GROUP BY {})",
            named.join(", "),
            table.id,
            grouped.join(", ")
        );
        let column =
            |name: &str, sql_type| Projected::of(&Typed::expression("", sql_type), name.to_owned());
        let mut columns = vec![
            column("SYS_CHANGE_VERSION", SqlType::BigInt),
            column("SYS_CHANGE_CREATION_VERSION", SqlType::BigInt),
            Projected {
                collation: CASE_SENSITIVE,
                ..column("SYS_CHANGE_OPERATION", SqlType::NChar(1))
            },
            column("SYS_CHANGE_COLUMNS", SqlType::VarBinary(Length::Limited(4100))),
            column("SYS_CHANGE_CONTEXT", SqlType::VarBinary(Length::Limited(128))),
        ];
        columns.extend(
            keys.iter().map(|key| Projected { nullable: false, ..column(&key.name, key.sql_type) }),
        );
        let sql_alias = self.alias();
        push(scope, alias, &sql_alias, "c", &columns, joined)?;
        Ok(format!("{sql} AS {sql_alias}"))
    }
}
