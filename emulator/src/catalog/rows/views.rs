//! Columns of the catalog views, with the types of SQL Server's documentation.

use crate::values::{Length, SqlType};

/// A view.
#[derive(Debug)]
pub struct View {
    /// Name without its schema.
    pub name: &'static str,
    /// Columns in order.
    pub columns: &'static [(&'static str, SqlType, bool)],
}

const NAME: SqlType = SqlType::SYSNAME;
const DESC: SqlType = SqlType::NVarChar(Length::Limited(60));
const CHAR2: SqlType = SqlType::Char(2);
const TEXT: SqlType = SqlType::NTEXT_MAX;
const INT: SqlType = SqlType::Int;
const BIGINT: SqlType = SqlType::BigInt;
const SMALL: SqlType = SqlType::SmallInt;
const TINY: SqlType = SqlType::TinyInt;
const BIT: SqlType = SqlType::Bit;
const WHEN: SqlType = SqlType::DateTime;
const GUID: SqlType = SqlType::UniqueIdentifier;
const SID: SqlType = SqlType::VarBinary(Length::Limited(85));
const PERMISSION: SqlType = SqlType::Char(4);
/// Identity values are `sql_variant` in SQL Server; here bigint.
const VARIANT: SqlType = SqlType::BigInt;

/// The view of that name in the schema `sys`.
pub fn view(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name.eq_ignore_ascii_case(name))
}

/// The view of that name in the schema `INFORMATION_SCHEMA`.
pub fn information_schema(name: &str) -> Option<&'static View> {
    let name = format!("information_schema_{}", name.to_ascii_lowercase());
    INFORMATION_SCHEMA.iter().find(|view| view.name == name)
}

/// A view by the name under which its rows are made.
pub fn any(name: &str) -> Option<&'static View> {
    VIEWS.iter().chain(INFORMATION_SCHEMA).find(|view| view.name == name)
}

const NAME128: SqlType = SqlType::NVarChar(Length::Limited(128));

const INFORMATION_SCHEMA: &[View] = &[
    View {
        name: "information_schema_tables",
        columns: &[
            ("TABLE_CATALOG", NAME128, true),
            ("TABLE_SCHEMA", NAME128, true),
            ("TABLE_NAME", NAME, false),
            ("TABLE_TYPE", SqlType::VarChar(Length::Limited(10)), true),
        ],
    },
    View {
        name: "information_schema_columns",
        columns: &[
            ("TABLE_CATALOG", NAME128, true),
            ("TABLE_SCHEMA", NAME128, true),
            ("TABLE_NAME", NAME, false),
            ("COLUMN_NAME", NAME, true),
            ("ORDINAL_POSITION", INT, true),
            ("COLUMN_DEFAULT", SqlType::NVarChar(Length::Limited(4000)), true),
            ("IS_NULLABLE", SqlType::VarChar(Length::Limited(3)), true),
            ("DATA_TYPE", NAME128, true),
            ("CHARACTER_MAXIMUM_LENGTH", INT, true),
            ("CHARACTER_OCTET_LENGTH", INT, true),
            ("NUMERIC_PRECISION", TINY, true),
            ("NUMERIC_PRECISION_RADIX", SMALL, true),
            ("NUMERIC_SCALE", INT, true),
            ("DATETIME_PRECISION", SMALL, true),
            ("CHARACTER_SET_NAME", NAME, true),
            ("COLLATION_NAME", NAME, true),
        ],
    },
];

const VIEWS: &[View] = &[
    View {
        name: "schemas",
        columns: &[("name", NAME, false), ("schema_id", INT, false), ("principal_id", INT, true)],
    },
    View {
        name: "tables",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("principal_id", INT, true),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("type", CHAR2, true),
            ("type_desc", DESC, true),
            ("create_date", WHEN, false),
            ("modify_date", WHEN, false),
            ("is_ms_shipped", BIT, false),
            ("is_memory_optimized", BIT, true),
            ("temporal_type", TINY, true),
            ("temporal_type_desc", DESC, true),
            ("is_node", BIT, true),
            ("is_edge", BIT, true),
        ],
    },
    View {
        name: "objects",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("principal_id", INT, true),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("type", CHAR2, true),
            ("type_desc", DESC, true),
            ("create_date", WHEN, false),
            ("modify_date", WHEN, false),
            ("is_ms_shipped", BIT, false),
        ],
    },
    View {
        name: "columns",
        columns: &[
            ("object_id", INT, false),
            ("name", NAME, true),
            ("column_id", INT, false),
            ("system_type_id", TINY, false),
            ("user_type_id", INT, false),
            ("max_length", SMALL, false),
            ("precision", TINY, false),
            ("scale", TINY, false),
            ("collation_name", NAME, true),
            ("is_nullable", BIT, true),
            ("is_identity", BIT, false),
            ("is_computed", BIT, false),
            ("default_object_id", INT, false),
            ("is_hidden", BIT, false),
            ("graph_type", INT, true),
            ("graph_type_desc", DESC, true),
        ],
    },
    View {
        name: "types",
        columns: &[
            ("name", NAME, false),
            ("system_type_id", TINY, false),
            ("user_type_id", INT, false),
            ("schema_id", INT, false),
            ("max_length", SMALL, false),
            ("precision", TINY, false),
            ("scale", TINY, false),
            ("collation_name", NAME, true),
            ("is_nullable", BIT, true),
            ("is_user_defined", BIT, false),
            ("is_assembly_type", BIT, false),
            ("is_table_type", BIT, false),
        ],
    },
    View {
        name: "indexes",
        columns: &[
            ("object_id", INT, false),
            ("name", NAME, true),
            ("index_id", INT, false),
            ("type", TINY, false),
            ("type_desc", DESC, true),
            ("is_unique", BIT, true),
            ("is_primary_key", BIT, true),
            ("is_unique_constraint", BIT, true),
            ("is_disabled", BIT, true),
            ("has_filter", BIT, true),
            ("filter_definition", TEXT, true),
        ],
    },
    View {
        name: "index_columns",
        columns: &[
            ("object_id", INT, false),
            ("index_id", INT, false),
            ("index_column_id", INT, false),
            ("column_id", INT, false),
            ("key_ordinal", TINY, false),
            ("is_descending_key", BIT, true),
            ("is_included_column", BIT, true),
        ],
    },
    View {
        name: "key_constraints",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("type", CHAR2, true),
            ("type_desc", DESC, true),
            ("unique_index_id", INT, true),
            ("is_system_named", BIT, false),
        ],
    },
    View {
        name: "check_constraints",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("type", CHAR2, true),
            ("definition", TEXT, true),
            ("is_disabled", BIT, false),
            ("is_not_trusted", BIT, false),
        ],
    },
    View {
        name: "default_constraints",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("parent_column_id", INT, false),
            ("type", CHAR2, true),
            ("definition", TEXT, true),
        ],
    },
    View {
        name: "foreign_keys",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("referenced_object_id", INT, true),
            ("is_disabled", BIT, false),
            ("is_not_trusted", BIT, false),
            ("delete_referential_action", TINY, true),
            ("delete_referential_action_desc", DESC, true),
        ],
    },
    View {
        name: "foreign_key_columns",
        columns: &[
            ("constraint_object_id", INT, false),
            ("constraint_column_id", INT, false),
            ("parent_object_id", INT, false),
            ("parent_column_id", INT, false),
            ("referenced_object_id", INT, false),
            ("referenced_column_id", INT, false),
        ],
    },
    View {
        name: "identity_columns",
        columns: &[
            ("object_id", INT, false),
            ("name", NAME, true),
            ("column_id", INT, false),
            ("seed_value", VARIANT, true),
            ("increment_value", VARIANT, true),
        ],
    },
    View {
        name: "edge_constraints",
        columns: &[
            ("name", NAME, false),
            ("object_id", INT, false),
            ("schema_id", INT, false),
            ("parent_object_id", INT, false),
            ("type", CHAR2, true),
            ("type_desc", DESC, true),
            ("create_date", WHEN, false),
            ("is_disabled", BIT, false),
            ("is_not_trusted", BIT, false),
            ("is_system_named", BIT, false),
            ("delete_referential_action", TINY, true),
            ("delete_referential_action_desc", DESC, true),
        ],
    },
    View {
        name: "edge_constraint_clauses",
        columns: &[
            ("object_id", INT, false),
            ("clause_number", INT, false),
            ("from_object_id", INT, false),
            ("to_object_id", INT, false),
        ],
    },
    View {
        name: "change_tracking_tables",
        columns: &[
            ("object_id", INT, false),
            ("is_track_columns_updated_on", BIT, false),
            ("min_valid_version", BIGINT, true),
            ("begin_version", BIGINT, true),
            ("cleanup_version", BIGINT, true),
        ],
    },
    View {
        name: "change_tracking_databases",
        columns: &[
            ("database_id", INT, false),
            ("is_auto_cleanup_on", BIT, true),
            ("retention_period", INT, true),
            ("retention_period_units", TINY, true),
            ("retention_period_units_desc", DESC, true),
            ("max_cleanup_version", BIGINT, true),
        ],
    },
    View {
        name: "databases",
        columns: &[
            ("name", NAME, false),
            ("database_id", INT, false),
            ("create_date", WHEN, false),
            ("compatibility_level", TINY, false),
            ("collation_name", NAME, true),
            ("state", TINY, true),
            ("state_desc", DESC, true),
            ("is_read_only", BIT, true),
            ("snapshot_isolation_state", TINY, true),
            ("snapshot_isolation_state_desc", DESC, true),
            ("is_read_committed_snapshot_on", BIT, true),
            ("recovery_model", TINY, true),
            ("recovery_model_desc", DESC, true),
            ("group_database_id", GUID, true),
        ],
    },
    View {
        name: "database_recovery_status",
        columns: &[
            ("database_id", INT, false),
            ("database_guid", GUID, true),
            ("family_guid", GUID, true),
            ("recovery_fork_guid", GUID, true),
        ],
    },
    View {
        name: "database_principals",
        columns: &[
            ("name", NAME, false),
            ("principal_id", INT, false),
            ("type", SqlType::Char(1), false),
            ("type_desc", DESC, true),
            ("default_schema_name", NAME, true),
            ("sid", SID, true),
            ("is_fixed_role", BIT, false),
        ],
    },
    View {
        name: "database_role_members",
        columns: &[("role_principal_id", INT, false), ("member_principal_id", INT, false)],
    },
    View {
        name: "database_permissions",
        columns: &[
            ("class", TINY, false),
            ("class_desc", DESC, true),
            ("major_id", INT, false),
            ("minor_id", INT, false),
            ("grantee_principal_id", INT, false),
            ("type", PERMISSION, false),
            ("permission_name", NAME, true),
            ("state", SqlType::Char(1), false),
            ("state_desc", DESC, true),
        ],
    },
];
