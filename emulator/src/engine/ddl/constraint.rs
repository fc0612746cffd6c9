//! Constraints of a table.

use super::Change;
use super::create_index::keys;
use crate::catalog::table::{Check, Default};
use crate::catalog::{EdgeConstraint, ForeignKey, Index, Table, rows, same_name};
use crate::sql::ast::{ConstraintDefinition, ConstraintKind, Expr, IndexColumn, ObjectName};
use crate::sql::error::{Result, SqlError};

impl Change {
    pub(super) fn has_object(&self, schema: i32, name: &str) -> bool {
        self.catalog
            .tables
            .values()
            .filter(|table| table.schema_id == schema)
            .any(|table| rows::constraints(table).iter().any(|(_, own, _)| same_name(own, name)))
    }

    /// A constraint's name: the written one, if it is free, or one that SQL Server would make.
    fn constraint_name(
        &mut self,
        table: &Table,
        written: Option<&str>,
        prefix: &str,
    ) -> Result<(i32, String)> {
        let id = self.catalog.new_object_id();
        let Some(name) = written else {
            let short: String = table.name.chars().take(9).collect();
            return Ok((id, format!("{prefix}__{short}__{id:08X}")));
        };
        let own = rows::constraints(table).iter().any(|(_, own, _)| same_name(own, name));
        if own || self.has_object(table.schema_id, name) {
            let message = format!("There is already an object named '{name}' in the database.");
            return Err(SqlError::new(2714, message).state(5));
        }
        Ok((id, name.to_owned()))
    }

    /// Adds a constraint to the definition of a table.
    pub(super) fn add_constraint(
        &mut self,
        table: &mut Table,
        definition: &ConstraintDefinition,
    ) -> Result<()> {
        let written = definition.name.as_deref();
        match &definition.kind {
            ConstraintKind::Key { primary, clustered, columns } => {
                let (id, name) =
                    self.constraint_name(table, written, if *primary { "PK" } else { "UQ" })?;
                add_key(table, id, name, *primary, *clustered, columns)
            }
            ConstraintKind::Check { text, predicate } => {
                let (id, name) = self.constraint_name(table, written, "CK")?;
                check_is_predicate(predicate)?;
                let (text, untrusted) = (text.clone(), definition.unchecked);
                table.checks.push(Check { id, name, text, disabled: false, untrusted });
                Ok(())
            }
            ConstraintKind::Default { text, column, .. } => {
                let (id, name) = self.constraint_name(table, written, "DF")?;
                let column = column.as_deref().unwrap_or_default();
                set_default(table, column, &Default { id, name, text: text.clone() })
            }
            ConstraintKind::Foreign { columns, table: other, references, on_delete_cascade } => {
                let (id, name) = self.constraint_name(table, written, "FK")?;
                let mut key = self.foreign_key(table, columns, other, references)?;
                key.id = id;
                key.name = name;
                key.cascade = *on_delete_cascade;
                key.untrusted = definition.unchecked;
                table.foreign_keys.push(key);
                Ok(())
            }
            ConstraintKind::Connection { clauses, on_delete_cascade } => {
                let (id, name) = self.constraint_name(table, written, "EC")?;
                let clauses = self.connection_clauses(table, &name, clauses)?;
                let (cascade, untrusted) = (*on_delete_cascade, definition.unchecked);
                table.edge_constraints.push(EdgeConstraint {
                    id,
                    name,
                    clauses,
                    cascade,
                    disabled: false,
                    untrusted,
                });
                Ok(())
            }
        }
    }

    /// Observed: 13930 not an edge table, 13931 not found, 13933 not a node table, each followed by 1750 (probed.md 4).
    fn connection_clauses(
        &self,
        table: &Table,
        constraint: &str,
        clauses: &[(ObjectName, ObjectName)],
    ) -> Result<Vec<(i32, i32)>> {
        let refused = |number, message: String| {
            let next = "Could not create constraint or index. See previous errors.";
            SqlError::new(number, message).followed_by(1750, next, 1)
        };
        if !table.is_edge() {
            let message = format!(
                "Edge constraint cannot be created on table '{}'.  The table is not an edge table.",
                table.name
            );
            return Err(refused(13930, message));
        }
        let node = |name: &ObjectName| -> Result<i32> {
            let found = self.catalog.find_table(name).ok_or_else(|| {
                let message = format!(
                    "Edge constraint '{constraint}' references invalid table '{name}'.  Table could not be found."
                );
                refused(13931, message)
            })?;
            if !found.is_node() {
                let message = "Edge constraint must reference node tables.".to_owned();
                return Err(refused(13933, message));
            }
            Ok(found.id)
        };
        clauses.iter().map(|(from, to)| Ok((node(from)?, node(to)?))).collect()
    }

    fn foreign_key(
        &self,
        table: &Table,
        columns: &[String],
        other: &ObjectName,
        references: &[String],
    ) -> Result<ForeignKey> {
        let own_name = ObjectName(vec![
            self.catalog.schema_name(table.schema_id).to_owned(),
            table.name.clone(),
        ]);
        let itself = same_name(other.object(), own_name.object())
            && same_name(other.schema().unwrap_or("dbo"), own_name.schema().unwrap_or("dbo"));
        let parent = if itself {
            table
        } else {
            self.catalog.find_table(other).ok_or_else(|| {
                SqlError::new(1767, format!("Foreign key references invalid table '{other}'."))
                    .state(0)
            })?
        };
        let own = columns
            .iter()
            .map(|name| table.key_column(name).map(|column| column.id))
            .collect::<Result<Vec<_>>>()?;
        let referenced_columns: Vec<i32> = if references.is_empty() {
            parent.key_columns().iter().map(|column| column.id).collect()
        } else {
            references
                .iter()
                .map(|name| parent.key_column(name).map(|column| column.id))
                .collect::<Result<_>>()?
        };
        let unique = parent.indexes.iter().any(|index| {
            let mut keys: Vec<i32> = index.keys.iter().map(|(id, _)| *id).collect();
            let mut wanted = referenced_columns.clone();
            keys.sort_unstable();
            wanted.sort_unstable();
            index.unique && index.filter.is_none() && keys == wanted
        });
        if !unique || own.len() != referenced_columns.len() {
            let message = format!(
                "There are no primary or candidate keys in the referenced table '{other}' that match the referencing column list \
                 in the foreign key."
            );
            return Err(SqlError::new(1776, message).state(0));
        }
        Ok(ForeignKey {
            id: 0,
            name: String::new(),
            columns: own,
            references: parent.id,
            referenced_columns,
            cascade: false,
            disabled: false,
            untrusted: false,
        })
    }
}

fn add_key(
    table: &mut Table,
    constraint: i32,
    name: String,
    primary: bool,
    clustered: Option<bool>,
    columns: &[IndexColumn],
) -> Result<()> {
    if primary && table.primary_key().is_some() {
        let message = format!("Table '{}' already has a primary key defined on it.", table.name);
        return Err(SqlError::new(1779, message).state(0));
    }
    let keys = keys(table, columns)?;
    if primary {
        for column in &mut table.columns {
            if keys.iter().any(|(id, _)| *id == column.id) {
                column.nullable = false;
            }
        }
    }
    let has_clustered = table.indexes.iter().any(|index| index.clustered);
    let clustered = clustered.unwrap_or(primary && !has_clustered);
    let id = table.next_index_id(clustered);
    table.indexes.push(Index {
        id,
        name,
        constraint_id: Some(constraint),
        primary,
        unique: true,
        clustered,
        keys,
        include: Vec::new(),
        filter: None,
    });
    Ok(())
}

fn set_default(table: &mut Table, name: &str, default: &Default) -> Result<()> {
    let wanted = table.key_column(name)?.id;
    for column in table.columns.iter_mut().filter(|column| column.id == wanted) {
        if column.default.is_some() {
            return Err(SqlError::new(1781, "Column already has a DEFAULT bound to it.").state(1));
        }
        column.default = Some(default.clone());
    }
    Ok(())
}

/// A check has to be a condition.
fn check_is_predicate(predicate: &Expr) -> Result<()> {
    if predicate.is_predicate() {
        return Ok(());
    }
    let message =
        "An expression of non-boolean type specified in a context where a condition is expected.";
    Err(SqlError::new(4145, message).class(15))
}
