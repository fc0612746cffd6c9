//! TRUNCATE TABLE, and checks of rows that are there already.

use std::sync::Arc;

use super::Change;
use crate::catalog::{Catalog, Column, ColumnRole, EdgeConstraint, ForeignKey, Table};
use crate::engine::session::Session;
use crate::engine::tracking;
use crate::sql::ast::ObjectName;
use crate::sql::error::{Result, SqlError};
use crate::sql::parse_expression;
use crate::sqlite::context::Counter;

impl Change {
    /// TRUNCATE TABLE: no rows left, no version drawn, identity at its seed, graph ids not (observed, probed.md 2 and 4).
    pub(super) fn truncate(&mut self, name: &ObjectName, session: &Session) -> Result<()> {
        let mut table = (**self.catalog.table(name)?).clone();
        for other in self.catalog.tables.values() {
            if other.id != table.id
                && other.foreign_keys.iter().any(|key| key.references == table.id)
            {
                let message = format!(
                    "Cannot truncate table '{name}' because it is being referenced by a FOREIGN KEY constraint."
                );
                return Err(SqlError::new(4712, message));
            }
            // Observed: a disabled edge constraint blocks as well (13944, probed.md 4).
            let edge = other.edge_constraints.iter().find(|edge| {
                edge.clauses.iter().any(|(from, to)| *from == table.id || *to == table.id)
            });
            if edge.is_some() {
                let message = format!(
                    "Cannot truncate table '{name}' because it is being referenced by an EDGE constraint."
                );
                return Err(SqlError::new(13944, message));
            }
        }
        self.sql.push(format!("DELETE FROM {}", table.storage()));
        if let Some(tracked) = &mut table.tracking {
            let version = tracking::current_version(&session.connection)?;
            tracked.begin_version = version;
            tracked.min_valid_version = version;
            self.sql.push(format!("DELETE FROM h{}", table.id));
        }
        let counter = session.shared.counters.get(table.id);
        self.counters.push((table.id, Counter { last_identity: None, ..counter }));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }
}

impl Session {
    fn any_row(&self, sql: &str) -> Result<bool> {
        let exists = format!("SELECT EXISTS ({sql})");
        self.connection
            .query_row(&exists, [], |row| row.get::<_, i64>(0))
            .map(|found| found != 0)
            .map_err(|error| self.sqlite_error(&error, "ALTER TABLE"))
    }

    /// 547 if a row that is there breaks a foreign key.
    pub(super) fn check_foreign_key(
        &self,
        catalog: &Catalog,
        table: &Table,
        key: &ForeignKey,
    ) -> Result<()> {
        let pairs = || key.columns.iter().zip(&key.referenced_columns);
        let present: Vec<String> =
            key.columns.iter().map(|id| format!("a.c{id} IS NOT NULL")).collect();
        let equal: Vec<String> =
            pairs().map(|(own, other)| format!("b.c{other} = a.c{own}")).collect();
        let sql = format!(
            "SELECT 1 FROM {} AS a WHERE {} AND NOT EXISTS (SELECT 1 FROM t{} AS b WHERE {})",
            table.storage(),
            present.join(" AND "),
            key.references,
            equal.join(" AND ")
        );
        if !self.any_row(&sql)? {
            return Ok(());
        }
        let parent = catalog
            .tables
            .get(&key.references)
            .map_or_else(String::new, |parent| catalog.qualified(parent));
        Err(conflict(catalog, "FOREIGN KEY", &key.name, &parent))
    }

    /// 547 if an edge that is there breaks an edge constraint.
    pub(super) fn check_edge_constraint(
        &self,
        catalog: &Catalog,
        table: &Table,
        edge: &EdgeConstraint,
    ) -> Result<()> {
        let column = |role| format!("a.{}", table.role_storage(role));
        let exists = |node: i32, id: String| {
            let graph_id = catalog
                .tables
                .get(&node)
                .map_or_else(String::new, |node| node.role_storage(ColumnRole::GraphId));
            format!("EXISTS (SELECT 1 FROM t{node} AS n WHERE n.{graph_id} = {id})")
        };
        let admitted: Vec<String> = edge
            .clauses
            .iter()
            .map(|(from, to)| {
                format!(
                    "({} = {from} AND {} = {to} AND {} AND {})",
                    column(ColumnRole::FromObject),
                    column(ColumnRole::ToObject),
                    exists(*from, column(ColumnRole::FromId)),
                    exists(*to, column(ColumnRole::ToId))
                )
            })
            .collect();
        let sql =
            format!("SELECT 1 FROM {} AS a WHERE NOT ({})", table.storage(), admitted.join(" OR "));
        if self.any_row(&sql)? {
            return Err(conflict(catalog, "EDGE", &edge.name, &catalog.qualified(table)));
        }
        Ok(())
    }

    /// A default as SQL, for rows that are there when its column comes.
    pub(super) fn default_sql(
        &self,
        catalog: &Catalog,
        table: &Table,
        text: &str,
        column: &Column,
    ) -> Result<String> {
        let expression = parse_expression(text)?;
        self.translator(catalog).default_for(&expression, table, column)
    }
}

fn conflict(catalog: &Catalog, kind: &str, name: &str, table: &str) -> SqlError {
    let message = format!(
        "The ALTER TABLE statement conflicted with the {kind} constraint \"{name}\". The conflict occurred in database \"{}\", \
         table \"{table}\".",
        catalog.database.name
    );
    SqlError::new(547, message).state(0)
}
