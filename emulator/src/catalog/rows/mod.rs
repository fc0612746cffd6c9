//! The catalog views (`sys.*`): their columns, and their rows as JSON arrays, which `SQLite` reads back.
//!
//! Rows are made from the catalog for one principal: what it may not see is not there (documented metadata visibility).

mod databases;
mod information_schema;
mod objects;
mod principals;
mod tables;
mod type_rows;
mod views;

use serde_json::Value as Json;

use super::permissions::PrincipalId;
use super::{Catalog, Table};
pub use objects::constraints;
pub use views::{View, any, information_schema, view};

/// Rows of a view as a JSON array of arrays.
pub fn json(catalog: &Catalog, user: PrincipalId, view: &str) -> String {
    let scope = Scope { catalog, user };
    let rows = match view {
        "schemas" => scope.schemas(),
        "tables" => scope.tables(),
        "objects" => scope.objects(),
        "columns" => scope.columns(),
        "types" => type_rows::types(),
        "indexes" => scope.indexes(),
        "index_columns" => scope.index_columns(),
        "key_constraints" => scope.key_constraints(),
        "check_constraints" => scope.check_constraints(),
        "default_constraints" => scope.default_constraints(),
        "foreign_keys" => scope.foreign_keys(),
        "foreign_key_columns" => scope.foreign_key_columns(),
        "identity_columns" => scope.identity_columns(),
        "edge_constraints" => scope.edge_constraints(),
        "edge_constraint_clauses" => scope.edge_constraint_clauses(),
        "change_tracking_tables" => scope.change_tracking_tables(),
        "change_tracking_databases" => scope.change_tracking_databases(),
        "databases" => scope.databases(),
        "database_recovery_status" => scope.database_recovery_status(),
        "database_principals" => scope.database_principals(),
        "database_role_members" => scope.database_role_members(),
        "database_permissions" => scope.database_permissions(),
        "information_schema_tables" => scope.information_tables(),
        "information_schema_columns" => scope.information_columns(),
        _ => Vec::new(),
    };
    Json::Array(rows).to_string()
}

/// A catalog seen by a principal.
struct Scope<'a> {
    catalog: &'a Catalog,
    user: PrincipalId,
}

impl<'a> Scope<'a> {
    fn visible_tables(&self) -> impl Iterator<Item = &'a Table> + '_ {
        self.catalog
            .tables
            .values()
            .map(|table| &**table)
            .filter(|table| self.catalog.is_visible(self.user, table))
    }

    /// One row per thing of every visible table.
    fn of_tables<T>(
        &self,
        things: fn(&'a Table) -> Vec<T>,
        row: impl Fn(&'a Table, T) -> Json,
    ) -> Vec<Json> {
        let mut rows = Vec::new();
        for table in self.visible_tables() {
            rows.extend(things(table).into_iter().map(|thing| row(table, thing)));
        }
        rows
    }
}
