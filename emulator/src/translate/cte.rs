//! Common table expressions and the names of derived columns.

use super::projection::Projected;
use super::{CteSource, Scope, Translator};
use crate::catalog::same_name;
use crate::sql::ast::{Cte, QueryBody, SetOperator};
use crate::sql::error::{Result, SqlError};

impl Translator<'_> {
    /// A CTE; one of which a member names the CTE itself is recursive.
    pub(super) fn define_cte(&mut self, cte: &Cte) -> Result<()> {
        let sql_name = format!("w{}", self.ctes.len() + 1);
        let members = members(&cte.query.body);
        if members.iter().any(|member| body_names(member, &cte.name)) {
            return self.define_recursive(cte, &sql_name, &members);
        }
        let translated = self.subquery(&cte.query, &Scope::empty())?;
        let names = column_names(translated.columns.len());
        // Rows of one table carry its row id, so that they can be changed by this name.
        let (names, sql) = match &translated.base {
            Some(base) => (
                format!("r, {names}"),
                translated.sql.replacen("SELECT ", &format!("SELECT {}, ", base.row), 1),
            ),
            None => (names, translated.sql),
        };
        self.cte_sql.push(format!("{sql_name}({names}) AS ({sql})"));
        let columns = named(translated.columns, &cte.columns, &cte.name)?;
        let base = translated.base;
        self.ctes.push(CteSource { name: cte.name.clone(), sql_name, columns, base });
        Ok(())
    }

    /// Each row carries how deep it lies, so that the recursion ends where SQL Server ends it (documented, 530).
    fn define_recursive(
        &mut self,
        cte: &Cte,
        sql_name: &str,
        members: &[&QueryBody],
    ) -> Result<()> {
        let is_recursive = |member: &&QueryBody| body_names(member, &cte.name);
        let (mut sql, mut columns): (Vec<String>, Option<Vec<Projected>>) = (Vec::new(), None);
        for member in members.iter().filter(|member| !is_recursive(member)) {
            let anchor = self.body(member, &Scope::empty())?;
            let alias = self.alias();
            let names =
                (1..=anchor.columns.len()).map(|at| format!("{alias}.{}{at}", anchor.prefix));
            let list = names.collect::<Vec<_>>().join(", ");
            sql.push(format!("SELECT {list}, 0 FROM ({}) AS {alias}", anchor.sql));
            columns.get_or_insert(anchor.columns);
        }
        let Some(columns) = columns else {
            let message =
                format!("No anchor member was specified for recursive query \"{}\".", cte.name);
            return Err(SqlError::new(246, message));
        };
        let columns: Vec<Projected> = named(columns, &cte.columns, &cte.name)?
            .into_iter()
            .map(|column| Projected { nullable: true, ..column })
            .collect();
        let width = columns.len();
        self.ctes.push(CteSource {
            name: cte.name.clone(),
            sql_name: sql_name.to_owned(),
            columns: columns.clone(),
            base: None,
        });
        for member in members.iter().filter(|member| is_recursive(member)) {
            sql.push(self.recursive_member(member, cte, &columns)?);
        }
        let names = column_names(width);
        self.cte_sql.push(format!("{sql_name}({names}, depth) AS ({})", sql.join(" UNION ALL ")));
        Ok(())
    }

    fn recursive_member(
        &mut self,
        member: &QueryBody,
        cte: &Cte,
        columns: &[Projected],
    ) -> Result<String> {
        self.recursion_alias = None;
        let translated = self.body(member, &Scope::empty())?;
        let (Some(parts), Some(alias)) = (translated.parts, self.recursion_alias.take()) else {
            // Documented: DISTINCT, GROUP BY, TOP and aggregates are not allowed there.
            let message = format!(
                "GROUP BY, HAVING, DISTINCT, TOP, OFFSET or aggregate functions are not allowed in the recursive part of a \
                 recursive common table expression '{}'.",
                cte.name
            );
            return Err(SqlError::new(467, message));
        };
        if parts.items.len() != columns.len() {
            let message = "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of \
                           expressions in their target lists.";
            return Err(SqlError::new(205, message));
        }
        for (item, column) in parts.items.iter().zip(columns) {
            if item.sql_type != column.sql_type && !item.is_null {
                let message = format!(
                    "Types don't match between the anchor and the recursive part in column \"{}\" of recursive query \"{}\".",
                    column.name, cte.name
                );
                return Err(SqlError::new(240, message));
            }
        }
        let list: Vec<&str> = parts.items.iter().map(|item| item.sql.as_str()).collect();
        let deeper = format!("deeper({alias}.depth, {})", cte.recursion_max);
        Ok(format!("SELECT {}, {deeper}{}", list.join(", "), parts.tail))
    }
}

fn column_names(width: usize) -> String {
    (1..=width).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", ")
}

/// Members of a chain of UNION ALL.
fn members(body: &QueryBody) -> Vec<&QueryBody> {
    match body {
        QueryBody::Set { operator: SetOperator::UnionAll, left, right } => {
            let mut all = members(left);
            all.push(right);
            all
        }
        body => vec![body],
    }
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
            _ => false,
        }
    }
    match body {
        QueryBody::Select(select) => select.from.iter().any(|source| source_names(source, name)),
        QueryBody::Set { left, right, .. } => body_names(left, name) || body_names(right, name),
        QueryBody::Nested(query) => body_names(&query.body, name),
        QueryBody::Values(_) => false,
    }
}
