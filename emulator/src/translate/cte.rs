//! Common table expressions and the names of derived columns.

use super::projection::Projected;

use super::{CteSource, Scope, Translator};
use crate::catalog::same_name;
use crate::sql::ast::{Cte, QueryBody, SetOperator};
use crate::sql::error::{Result, SqlError};

impl Translator<'_> {
    /// A CTE; one that names itself after UNION ALL is recursive.
    pub(super) fn define_cte(&mut self, cte: &Cte) -> Result<()> {
        let sql_name = format!("w{}", self.ctes.len() + 1);
        if let QueryBody::Set { operator: SetOperator::UnionAll, left, right } = &cte.query.body
            && body_names(right, &cte.name)
        {
            let aliases = self.aliases;
            let anchor = self.body(left, &Scope::empty())?;
            self.aliases = aliases;
            let columns = named(anchor.columns, &cte.columns, &cte.name)?;
            let columns =
                columns.into_iter().map(|column| Projected { nullable: true, ..column }).collect();
            self.ctes.push(CteSource {
                name: cte.name.clone(),
                sql_name: sql_name.clone(),
                columns,
            });
            let whole = self.subquery(&cte.query, &Scope::empty())?;
            self.cte_sql.push(cte_sql(&sql_name, whole.columns.len(), &whole.sql));
            return Ok(());
        }
        let translated = self.subquery(&cte.query, &Scope::empty())?;
        self.cte_sql.push(cte_sql(&sql_name, translated.columns.len(), &translated.sql));
        let columns = named(translated.columns, &cte.columns, &cte.name)?;
        self.ctes.push(CteSource { name: cte.name.clone(), sql_name, columns });
        Ok(())
    }
}

fn cte_sql(name: &str, width: usize, sql: &str) -> String {
    let columns: Vec<String> = (1..=width).map(|at| format!("c{at}")).collect();
    format!("{name}({}) AS ({sql})", columns.join(", "))
}

/// Columns of a derived table or CTE under the names that it gives them; each needs one, all different.
pub(super) fn named(
    mut columns: Vec<Projected>,
    names: &[String],
    table: &str,
) -> Result<Vec<Projected>> {
    if !names.is_empty() && names.len() != columns.len() {
        let (number, what) =
            if names.len() > columns.len() { (8158, "more") } else { (8159, "fewer") };
        let other = if what == "more" {
            "were specified in the column list"
        } else {
            "than were specified in the column list"
        };
        let message = format!("'{table}' has {what} columns {other}.");
        return Err(SqlError::new(number, message));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
    }
    for (at, column) in columns.iter().enumerate() {
        if column.name.is_empty() {
            let message =
                format!("No column name was specified for column {} of '{table}'.", at + 1);
            return Err(SqlError::new(8155, message).state(2));
        }
        if columns[..at].iter().any(|earlier| same_name(&earlier.name, &column.name)) {
            let message =
                format!("The column '{}' was specified multiple times for '{table}'.", column.name);
            return Err(SqlError::new(8156, message));
        }
    }
    Ok(columns)
}

/// Whether a query reads from a name: a recursive CTE does so from its own.
fn body_names(body: &QueryBody, name: &str) -> bool {
    use crate::sql::ast::TableSource;
    fn source_names(source: &TableSource, name: &str) -> bool {
        match source {
            TableSource::Table { name: own, .. } => {
                own.schema().is_none() && same_name(own.object(), name)
            }
            TableSource::Join { left, right, .. } => {
                source_names(left, name) || source_names(right, name)
            }
            TableSource::Derived { query, .. } => body_names(&query.body, name),
            TableSource::OpenJson { .. } | TableSource::Changes { .. } => false,
        }
    }
    match body {
        QueryBody::Select(select) => select.from.iter().any(|source| source_names(source, name)),
        QueryBody::Set { left, right, .. } => body_names(left, name) || body_names(right, name),
        QueryBody::Nested(query) => body_names(&query.body, name),
        QueryBody::Values(_) => false,
    }
}
