//! CHANGETABLE: the net change of every key since a version, and the version of one row.

use std::sync::Arc;

use super::cte::named;
use super::projection::Projected;
use super::source::push;
use super::{Scope, Translator, Typed};
use crate::catalog::{Column, Table, rows, same_name};
use crate::sql::ast::{Comparison, Expr, ObjectName};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::collation::{self, CASE_SENSITIVE};
use crate::values::{Length, SqlType};

/// Operations as the history keeps them.
pub const INSERTED: i32 = 1;
/// An update that leaves the key alone.
pub const UPDATED: i32 = 2;
/// A delete.
pub const DELETED: i32 = 3;

const VERSION: SqlType = SqlType::BigInt;
const CONTEXT: SqlType = SqlType::VarBinary(Length::Limited(128));

/// Where a source of rows stands in its query.
pub(super) struct Place<'n> {
    pub alias: &'n str,
    /// Names for its columns.
    pub columns: &'n [String],
    /// Behind JOIN or APPLY.
    pub joined: bool,
    /// Behind APPLY: sees the sources on its left.
    pub applied: bool,
}

impl Translator<'_> {
    /// CHANGETABLE(CHANGES …).
    pub(super) fn changes(
        &mut self,
        name: &ObjectName,
        since: &Expr,
        place: &Place<'_>,
        scope: &mut Scope<'_>,
    ) -> Result<String> {
        let table = self.tracked_table(name)?;
        let since = self.expression(since, scope)?;
        let since = if since.is_null { "NULL".to_owned() } else { self.as_bigint(since)?.sql };
        let sql = net_changes(&table, &since);
        let mut columns = vec![
            column("SYS_CHANGE_VERSION", VERSION),
            column("SYS_CHANGE_CREATION_VERSION", VERSION),
            Projected {
                collation: CASE_SENSITIVE,
                ..column("SYS_CHANGE_OPERATION", SqlType::NChar(1))
            },
            column("SYS_CHANGE_COLUMNS", SqlType::VarBinary(Length::Limited(4100))),
            column("SYS_CHANGE_CONTEXT", CONTEXT),
        ];
        columns.extend(table.key_columns().into_iter().map(key_column));
        let columns = named(columns, place.columns, place.alias)?;
        let sql_alias = self.alias();
        push(scope, place.alias, &sql_alias, "c", &columns, place.joined)?;
        Ok(format!("({sql}) AS {sql_alias}"))
    }

    /// CHANGETABLE(VERSION …): the table's row with that key, and its latest change. Gives the condition that finds the row
    /// by itself when the values may come from the left side of an APPLY.
    pub(super) fn change_version(
        &mut self,
        name: &ObjectName,
        keys: &[String],
        values: &[Expr],
        place: &Place<'_>,
        scope: &mut Scope<'_>,
    ) -> Result<(String, String)> {
        let table = self.tracked_table(name)?;
        check_version_lists(&table, keys, values.len())?;
        let sql_alias = self.alias();
        let mut conditions = Vec::with_capacity(keys.len());
        for (key, value) in keys.iter().zip(values) {
            let keys = table.key_columns();
            let Some(at) = keys.iter().position(|own| same_name(&own.name, key)) else {
                return Err(SqlError::internal("key"));
            };
            let own = keys[at];
            let stored = Typed {
                collation: collation_of(own),
                ..Typed::expression(format!("{sql_alias}.c{}", at + 3), own.sql_type)
            };
            let value = if place.applied {
                self.expression(value, scope)?
            } else {
                let around = Scope { sources: Vec::new(), parent: scope.parent };
                self.expression(value, &around)?
            };
            conditions.push(self.compare_typed(Comparison::Equal, stored, value)?);
        }
        let mut columns =
            vec![column("SYS_CHANGE_VERSION", VERSION), column("SYS_CHANGE_CONTEXT", CONTEXT)];
        columns.extend(table.key_columns().into_iter().map(key_column));
        let columns = named(columns, place.columns, place.alias)?;
        push(scope, place.alias, &sql_alias, "c", &columns, place.joined)?;
        let sql = format!("({}) AS {sql_alias}", row_versions(&table));
        Ok((sql, conditions.join(" AND ")))
    }

    /// A tracked table whose changes the user may see.
    /// 22117: change tracking is read at the primary (documented of CHANGETABLE; assumption of the two functions).
    pub(super) fn refuse_on_secondary(&self) -> Result<()> {
        if !self.environment.secondary {
            return Ok(());
        }
        let message = "For databases that are members of a secondary availability replica (that is, for secondary databases), \
                       change tracking is not supported. Run change tracking queries on the databases in the primary \
                       availability replica.";
        Err(SqlError::new(22117, message))
    }

    fn tracked_table(&self, name: &ObjectName) -> Result<Arc<Table>> {
        self.refuse_on_secondary()?;
        let is_view = name.schema().is_some_and(|schema| {
            same_name(schema, "INFORMATION_SCHEMA")
                || (same_name(schema, "sys") && rows::view(name.object()).is_some())
        });
        if is_view || name.object().starts_with('#') {
            // Observed: 22107 (probed.md 3).
            let message = format!(
                "Object '{name}' is of a data type that is not supported by the CHANGETABLE function. The object must be a \
                 user-defined table."
            );
            return Err(SqlError::new(22107, message));
        }
        let table = Arc::clone(self.catalog().table(name)?);
        if table.tracking.is_none() || self.catalog().database.tracking.is_none() {
            // Observed: name as written (probed.md 3).
            let message = format!("Change tracking is not enabled on table '{name}'.");
            return Err(SqlError::new(22105, message));
        }
        self.demand("SELECT", &table)?;
        self.demand("VIEW CHANGE TRACKING", &table)?;
        Ok(table)
    }
}

fn column(name: &str, sql_type: SqlType) -> Projected {
    Projected::of(&Typed::expression("", sql_type), name.to_owned())
}

fn key_column(key: &Column) -> Projected {
    Projected { nullable: false, collation: collation_of(key), ..column(&key.name, key.sql_type) }
}

fn collation_of(column: &Column) -> &'static str {
    let named = column.collation.as_deref().and_then(collation::by_name);
    named.unwrap_or(collation::CASE_INSENSITIVE)
}

/// Observed: the last change decides D; else the first decides I; else U. The creation version is that of the last insert in
/// range, the context that of the last change. A negative version gives no rows (probed.md 3).
fn net_changes(table: &Table, since: &str) -> String {
    let (mut keys, mut grouped, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (at, key) in table.key_columns().iter().enumerate() {
        let storage = key.storage();
        grouped.push(format!("{storage}{}", collated(key)));
        // Observed: of spellings that are equal the first is kept.
        given.push(if key.sql_type.is_text() {
            format!("(SELECT {storage} FROM h{} WHERE seq = first / 4) AS c{}", table.id, at + 6)
        } else {
            format!("k{at} AS c{}", at + 6)
        });
        keys.push(format!("{storage} AS k{at}"));
    }
    let updates = table.tracking.as_ref().is_some_and(|tracking| tracking.columns_updated);
    let mask = if updates { "ct_mask(seq, operation, columns)" } else { "NULL" };
    format!(
        "SELECT version AS c1, created AS c2, \
         CASE WHEN last % 4 = {DELETED} THEN 'D' WHEN first % 4 = {INSERTED} THEN 'I' ELSE 'U' END AS c3, \
         mask AS c4, CASE WHEN tagged THEN (SELECT context FROM h{0} WHERE seq = last / 4) END AS c5, {1} \
         FROM (SELECT max(version) AS version, max(CASE WHEN operation = {INSERTED} THEN version END) AS created, \
         max(seq * 4 + operation) AS last, min(seq * 4 + operation) AS first, max(context IS NOT NULL) AS tagged, \
         {mask} AS mask, {2} FROM h{0} WHERE version > coalesce({since}, 0) AND coalesce({since}, 0) >= 0 \
         AND version <= (SELECT version FROM __sys_tracking) GROUP BY {3})",
        table.id,
        given.join(", "),
        keys.join(", "),
        grouped.join(", ")
    )
}

fn collated(key: &Column) -> String {
    if key.sql_type.is_text() { format!(" COLLATE {}", collation_of(key)) } else { String::new() }
}

/// Rows of the table with the version and context of their latest change: NULL for one that has not changed since tracking
/// began, and for one whose latest change is not committed (observed, probed.md 3).
fn row_versions(table: &Table) -> String {
    let keys = table.key_columns();
    let storage: Vec<String> = keys.iter().map(|key| key.storage()).collect();
    let grouped: Vec<String> =
        keys.iter().map(|key| format!("{}{}", key.storage(), collated(key))).collect();
    let joined: Vec<String> = storage.iter().map(|key| format!("g.{key} = t.{key}")).collect();
    let given: Vec<String> =
        storage.iter().enumerate().map(|(at, key)| format!("t.{key} AS c{}", at + 3)).collect();
    let committed = "g.version <= (SELECT version FROM __sys_tracking)";
    format!(
        "SELECT CASE WHEN {committed} THEN g.version END AS c1, \
         CASE WHEN {committed} THEN (SELECT context FROM h{0} WHERE seq = g.last) END AS c2, {1} \
         FROM t{0} AS t LEFT JOIN (SELECT max(version) AS version, max(seq) AS last, {2} FROM h{0} GROUP BY {3}) AS g ON {4}",
        table.id,
        given.join(", "),
        storage.join(", "),
        grouped.join(", "),
        joined.join(" AND ")
    )
}

/// Observed order: columns that are no key, then their number, then that of the values (probed.md 3); twice the same is
/// documented (22112).
fn check_version_lists(table: &Table, keys: &[String], values: usize) -> Result<()> {
    let own = table.key_columns();
    for key in keys {
        if !own.iter().any(|column| same_name(&column.name, key)) {
            let message = format!(
                "The column '{key}' specified in the CHANGETABLE(VERSION ...) function is not part of the primary key for \
                 table '{}'.",
                table.name
            );
            return Err(SqlError::new(22111, message));
        }
    }
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|earlier| same_name(earlier, key)) {
            let message = format!(
                "Each primary key column must be specified once in the CHANGETABLE(VERSION ...) function. The column '{key}' \
                 is specified more than once."
            );
            return Err(SqlError::new(22112, message));
        }
    }
    if keys.len() != own.len() {
        let message = format!(
            "The number of columns specified in the CHANGETABLE(VERSION ...) function does not match the number of primary key \
             columns for table '{}'.",
            table.name
        );
        return Err(SqlError::new(22110, message));
    }
    if values != keys.len() {
        let message = "The arguments supplied are not valid for the VERSION option of the CHANGETABLE function.";
        return Err(SqlError::new(22103, message));
    }
    Ok(())
}
