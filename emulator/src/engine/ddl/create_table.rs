//! CREATE TABLE: from what is written to what the catalog keeps.

use super::Change;
use super::create_index::add_index;
use crate::catalog::{Column, ColumnRole, Index, Table};
use crate::engine::storage;
use crate::sql::ast::{ColumnDefinition, CreateTable, TableKind};
use crate::sql::error::{Result, SqlError};
use crate::values::{Length, SqlType};
use std::sync::Arc;

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
        if self.catalog.find_table(name).is_some() || self.has_object(schema_id, name.object()) {
            let message =
                format!("There is already an object named '{}' in the database.", name.object());
            return Err(SqlError::new(2714, message).state(6));
        }
        let id = self.catalog.new_object_id();
        let table = self.build_table(definition, id, schema_id, &format!("t{id}"))?;
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }

    /// A table from its definition, and the SQL that makes it under a name.
    pub(in crate::engine) fn build_table(
        &mut self,
        definition: &CreateTable,
        id: i32,
        schema_id: i32,
        storage_name: &str,
    ) -> Result<Table> {
        let mut table = Table {
            id,
            schema_id,
            name: definition.name.object().to_owned(),
            kind: definition.kind,
            columns: graph_columns(definition.kind),
            indexes: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            edge_constraints: Vec::new(),
            tracking: None,
            created: self.now,
            modified: self.now,
            altered: 0,
            last_column_id: 0,
        };
        add_graph_index(&mut table);
        for column in &definition.columns {
            add_column(&mut table, column)?;
        }
        let at_columns = definition.columns.iter().flat_map(|column| &column.constraints);
        for constraint in at_columns.chain(&definition.constraints) {
            self.add_constraint(&mut table, constraint)?;
        }
        self.sql.push(storage::create_table(&self.catalog, &table, storage_name)?);
        for index in &definition.indexes {
            add_index(&mut table, index)?;
        }
        self.index_sql(&table)?;
        Ok(table)
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
    let collation = known(definition.collation.as_ref())?;
    if definition.identity.is_some() {
        check_identity(table, definition)?;
    }
    let highest = table.columns.iter().map(|column| column.id).max().unwrap_or(0);
    let id = highest.max(table.last_column_id) + 1;
    table.last_column_id = id;
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

/// A collation that this server has, or 448.
pub(super) fn known(collation: Option<&String>) -> Result<Option<String>> {
    match collation.filter(|name| crate::sqlite::collation::by_name(name).is_none()) {
        Some(name) => Err(SqlError::new(448, format!("Invalid collation '{name}'."))),
        None => Ok(collation.cloned()),
    }
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
