//! CREATE TABLE and CREATE INDEX: from what is written to what the catalog keeps.

use std::sync::Arc;

use super::Change;
use crate::catalog::table::{Check, Default};
use crate::catalog::{
    Column, ColumnRole, EdgeConstraint, ForeignKey, Index, Table, rows, same_name,
};
use crate::engine::storage;
use crate::sql::ast::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateIndex, CreateTable, Expr,
    IndexColumn, ObjectName, TableKind,
};
use crate::sql::error::{Result, SqlError};
use crate::values::{Length, SqlType};

impl Change {
    /// CREATE TABLE.
    pub(super) fn create_table(&mut self, definition: &CreateTable) -> Result<()> {
        let name = &definition.name;
        let schema_id = self.catalog.schema_id(name.schema().unwrap_or("dbo")).ok_or_else(|| {
            let message = format!(
                "The specified schema name \"{}\" either does not exist or you do not have permission to use it.",
                name.schema().unwrap_or_default()
            );
            SqlError::new(2760, message)
        })?;
        if name.object().starts_with('#') {
            return Err(SqlError::unsupported("temporary table"));
        }
        if self.catalog.find_table(name).is_some() || self.has_object(schema_id, name.object()) {
            let message =
                format!("There is already an object named '{}' in the database.", name.object());
            return Err(SqlError::new(2714, message).state(6));
        }
        let mut table = Table {
            id: self.catalog.new_object_id(),
            schema_id,
            name: name.object().to_owned(),
            kind: definition.kind,
            columns: graph_columns(definition.kind),
            indexes: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            edge_constraints: Vec::new(),
            tracking: None,
            created: self.now,
            modified: self.now,
        };
        add_graph_index(&mut table);
        for column in &definition.columns {
            add_column(&mut table, column)?;
        }
        let at_columns = definition.columns.iter().flat_map(|column| &column.constraints);
        for constraint in at_columns.chain(&definition.constraints) {
            self.add_constraint(&mut table, constraint)?;
        }
        self.sql.push(storage::create_table(&self.catalog, &table, &table.storage())?);
        for index in &definition.indexes {
            add_index(&mut table, index)?;
        }
        self.index_sql(&table)?;
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }

    /// SQL for all indexes of a table that has none yet.
    pub(super) fn index_sql(&mut self, table: &Table) -> Result<()> {
        for index in &table.indexes {
            let sql = storage::create_index(&self.catalog, table, index)?;
            self.sql.extend(sql);
        }
        self.sql.extend(storage::edge_indexes(table));
        Ok(())
    }

    fn has_object(&self, schema: i32, name: &str) -> bool {
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
                let clauses = self.connection_clauses(table, clauses)?;
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

    fn connection_clauses(
        &self,
        table: &Table,
        clauses: &[(ObjectName, ObjectName)],
    ) -> Result<Vec<(i32, i32)>> {
        if !table.is_edge() {
            // Observed numbers: 13930 not an edge table, 13931 not found, 13933 not a node table (probed.md 4).
            let message = format!(
                "Edge constraint cannot be created on table '{}', because it is not an edge table.",
                table.name
            );
            return Err(SqlError::new(13930, message));
        }
        let node = |name: &ObjectName| -> Result<i32> {
            let found = self.catalog.find_table(name).ok_or_else(|| {
                SqlError::new(
                    13931,
                    format!("Edge constraint references table '{name}', which could not be found."),
                )
            })?;
            if !found.is_node() {
                let message = format!(
                    "Edge constraint references table '{name}', which is not a node table."
                );
                return Err(SqlError::new(13933, message));
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

    /// CREATE INDEX.
    pub(super) fn create_index(&mut self, definition: &CreateIndex) -> Result<()> {
        let found = self.catalog.find_table(&definition.table).ok_or_else(|| {
            let message = format!(
                "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
                definition.table
            );
            SqlError::new(1088, message).state(12)
        })?;
        let mut table = (**found).clone();
        add_index(&mut table, definition)?;
        if let Some(index) = table.indexes.last() {
            let sql = storage::create_index(&self.catalog, &table, index)?;
            self.sql.extend(sql);
        }
        self.sql.extend(storage::edge_indexes(&table));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }
}

/// Adds a column without its constraints.
pub(super) fn add_column(table: &mut Table, definition: &ColumnDefinition) -> Result<()> {
    if table.column(&definition.name).is_some() {
        let message = format!(
            "Column names in each table must be unique. Column name '{}' in table '{}' is specified more than once.",
            definition.name, table.name
        );
        return Err(SqlError::new(2705, message).state(3));
    }
    let collation = definition.collation.clone();
    if let Some(collation) = &collation
        && crate::sqlite::collation::by_name(collation).is_none()
    {
        return Err(SqlError::new(448, format!("Invalid collation '{collation}'.")));
    }
    if definition.identity.is_some() {
        check_identity(table, definition)?;
    }
    let id = table.columns.iter().map(|column| column.id).max().unwrap_or(0) + 1;
    table.columns.push(Column {
        id,
        name: definition.name.clone(),
        sql_type: definition.sql_type,
        nullable: definition.nullable.unwrap_or(definition.identity.is_none()),
        identity: definition.identity,
        default: None,
        collation,
        role: ColumnRole::User,
    });
    Ok(())
}

fn check_identity(table: &Table, definition: &ColumnDefinition) -> Result<()> {
    if table.identity().is_some() {
        let message = format!(
            "Multiple identity columns specified for table '{}'. Only one identity column per table is allowed.",
            table.name
        );
        return Err(SqlError::new(2744, message).state(2));
    }
    let whole = matches!(
        definition.sql_type,
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt
    );
    if whole {
        Ok(())
    } else {
        Err(SqlError::unsupported(format!("IDENTITY of {}", definition.sql_type.name())))
    }
}

/// Columns that SQL Server puts before the declared ones (observed order, probed.md 4).
fn graph_columns(kind: TableKind) -> Vec<Column> {
    use ColumnRole::{
        EdgeId, FromId, FromObject, FromText, GraphId, NodeId, ToId, ToObject, ToText,
    };
    let text = SqlType::NVarChar(Length::Limited(1000));
    let layout: &[(ColumnRole, &str, SqlType, bool)] = match kind {
        TableKind::Plain => &[],
        TableKind::Node => {
            &[(GraphId, "graph_id", SqlType::BigInt, false), (NodeId, "$node_id", text, false)]
        }
        TableKind::Edge => &[
            (GraphId, "graph_id", SqlType::BigInt, false),
            (EdgeId, "$edge_id", text, false),
            (FromObject, "from_obj_id", SqlType::Int, false),
            (FromId, "from_id", SqlType::BigInt, false),
            (FromText, "$from_id", text, true),
            (ToObject, "to_obj_id", SqlType::Int, false),
            (ToId, "to_id", SqlType::BigInt, false),
            (ToText, "$to_id", text, true),
        ],
    };
    (1..)
        .zip(layout)
        .map(|(id, (role, name, sql_type, nullable))| Column {
            id,
            name: format!("{name}_{}", uuid::Uuid::new_v4().simple().to_string().to_uppercase()),
            sql_type: *sql_type,
            nullable: *nullable,
            identity: None,
            default: None,
            collation: None,
            role: *role,
        })
        .collect()
}

/// Observed: a unique nonclustered index on `graph_id`, `index_id` 2 (probed.md 4).
fn add_graph_index(table: &mut Table) {
    let Some(column) = table.role(ColumnRole::GraphId) else {
        return;
    };
    let hex = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    let index = Index {
        id: 2,
        name: format!("GRAPH_UNIQUE_INDEX_{hex}"),
        constraint_id: None,
        primary: false,
        unique: true,
        clustered: false,
        keys: vec![(column.id, false)],
        include: Vec::new(),
        filter: None,
    };
    table.indexes.push(index);
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

/// Column ids of a key; a pseudo-column stands for the columns behind it (observed for $`node_id`, probed.md 4).
fn keys(table: &Table, columns: &[IndexColumn]) -> Result<Vec<(i32, bool)>> {
    let mut keys = Vec::with_capacity(columns.len());
    for key in columns {
        let column = table.key_column(&key.name)?;
        let behind: &[ColumnRole] = match column.role {
            ColumnRole::NodeId | ColumnRole::EdgeId => &[ColumnRole::GraphId],
            ColumnRole::FromText => &[ColumnRole::FromObject, ColumnRole::FromId],
            ColumnRole::ToText => &[ColumnRole::ToObject, ColumnRole::ToId],
            _ => &[],
        };
        if behind.is_empty() {
            keys.push((column.id, key.descending));
        }
        let columns = behind.iter().filter_map(|role| table.role(*role));
        keys.extend(columns.map(|column| (column.id, key.descending)));
    }
    Ok(keys)
}

fn add_index(table: &mut Table, definition: &CreateIndex) -> Result<()> {
    if table.indexes.iter().any(|index| same_name(&index.name, &definition.name)) {
        let message = format!(
            "The operation failed because an index or statistics with name '{}' already exists on table '{}'.",
            definition.name, table.name
        );
        return Err(SqlError::new(1913, message));
    }
    if definition.clustered && table.indexes.iter().any(|index| index.clustered) {
        let message =
            format!("Cannot create more than one clustered index on table '{}'.", table.name);
        return Err(SqlError::new(1902, message).state(3));
    }
    let keys = keys(table, &definition.columns)?;
    let include = definition
        .include
        .iter()
        .map(|name| table.key_column(name).map(|column| column.id))
        .collect::<Result<Vec<_>>>()?;
    let id = table.next_index_id(definition.clustered);
    table.indexes.push(Index {
        id,
        name: definition.name.clone(),
        constraint_id: None,
        primary: false,
        unique: definition.unique,
        clustered: definition.clustered,
        keys,
        include,
        filter: definition.filter.as_ref().map(|(text, _)| text.clone()),
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
