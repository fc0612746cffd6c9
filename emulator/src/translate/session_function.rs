//! Functions of the session, of its clock and over the catalog.

use super::aggregate::{exactly, wrong_arguments};
use super::{Scope, Translator, Typed};
use crate::sql::ast::Expr;
use crate::sql::error::{Result, SqlError};
use crate::values::{Length, SqlType};

const NAME: SqlType = SqlType::SYSNAME;

impl Translator<'_> {
    /// Functions of the session and its clock.
    pub(super) fn session_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>> {
        let clock = |sql_type: SqlType| {
            Typed::expression(format!("d_now({})", sql_type.code()), sql_type).not_null()
        };
        let get =
            |key: &str, sql_type: SqlType| Typed::expression(format!("s_get('{key}')"), sql_type);
        let typed = match (name, arguments) {
            ("SYSUTCDATETIME" | "SYSDATETIME", []) => clock(SqlType::DateTime2(7)),
            ("SYSDATETIMEOFFSET", []) => clock(SqlType::DateTimeOffset(7)),
            ("GETDATE" | "GETUTCDATE", []) => clock(SqlType::DateTime),
            ("NEWID", []) => Typed::expression("h_newid()", SqlType::UniqueIdentifier).not_null(),
            ("SCOPE_IDENTITY", []) => {
                let sql_type = SqlType::Decimal { precision: 38, scale: 0 };
                let (from, to) = (SqlType::BigInt.code(), sql_type.code());
                Typed::expression(format!("conv(s_get('identity'), {from}, {to}, 0)"), sql_type)
            }
            ("XACT_STATE", []) => get("xact_state", SqlType::SmallInt),
            ("ERROR_NUMBER", []) => get("error_number", SqlType::Int),
            ("ERROR_SEVERITY", []) => get("error_severity", SqlType::Int),
            ("ERROR_STATE", []) => get("error_state", SqlType::Int),
            ("ERROR_LINE", []) => get("error_line", SqlType::Int),
            ("ERROR_MESSAGE", []) => get("error_message", SqlType::NVarChar(Length::Limited(4000))),
            ("ERROR_PROCEDURE", []) => Typed::expression("NULL", NAME),
            ("DB_NAME", []) => get("database", NAME),
            ("DB_ID", []) => {
                Typed::expression(crate::catalog::DATABASE_ID.to_string(), SqlType::SmallInt)
            }
            ("SUSER_SNAME" | "SUSER_NAME" | "ORIGINAL_LOGIN", []) => get("login", NAME),
            ("USER_NAME", []) => get("user", NAME),
            ("HOST_NAME", []) => get("host", NAME),
            ("APP_NAME", []) => get("application", NAME),
            ("CHANGE_TRACKING_CURRENT_VERSION", []) => {
                self.refuse_on_secondary()?;
                // Observed: NULL while the database does not track (probed.md 1).
                let tracked = self.catalog().database.tracking.is_some();
                // Assumption: asking for a version fixes a snapshot as a read of rows does.
                self.reads_versions = true;
                let sql = if tracked { "(SELECT version FROM __sys_tracking)" } else { "NULL" };
                Typed::expression(sql, SqlType::BigInt)
            }
            ("CHANGE_TRACKING_MIN_VALID_VERSION", [table]) => {
                self.refuse_on_secondary()?;
                let table = self.expression(table, scope)?;
                if table.is_null || table.sql_type != SqlType::Int {
                    let kind = if table.is_null { "NULL" } else { table.sql_type.name() };
                    let message = format!(
                        "Argument data type {kind} is invalid for argument 1 of CHANGE_TRACKING_MIN_VALID_VERSION function."
                    );
                    return Err(SqlError::new(8116, message));
                }
                Typed::expression(format!("m_min_valid({})", table.sql), SqlType::BigInt)
            }
            ("CHANGE_TRACKING_IS_COLUMN_IN_MASK", [column, mask]) => {
                let (column, mask) =
                    (self.expression(column, scope)?, self.expression(mask, scope)?);
                let column = self.as_bigint(column)?.sql;
                let mask = self.implicit(mask, SqlType::VarBinary(Length::Max))?.sql;
                Typed::expression(format!("ct_in_mask({column}, {mask})"), SqlType::Int)
            }
            ("APPLOCK_MODE", [_, _, _]) => {
                let sql = self.lock_function("l_mode", name, arguments, scope)?;
                Typed::expression(sql, SqlType::NVarChar(Length::Limited(32)))
            }
            ("APPLOCK_TEST", [_, _, _, _]) => {
                let sql = self.lock_function("l_test", name, arguments, scope)?;
                Typed::expression(sql, SqlType::SmallInt)
            }
            _ => return Ok(None),
        };
        Ok(Some(typed))
    }

    /// Functions over the catalog.
    pub(super) fn metadata_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>> {
        let (function, texts, numbers, optional, sql_type) = match name {
            "OBJECT_ID" => ("m_object_id", 2, 0, 1, SqlType::Int),
            "OBJECT_NAME" => ("m_object_name", 0, 1, 0, NAME),
            "OBJECT_SCHEMA_NAME" => ("m_object_schema", 0, 1, 0, NAME),
            "SCHEMA_NAME" => ("m_schema_name", 0, 1, 0, NAME),
            "SCHEMA_ID" => ("m_schema_id", 1, 0, 0, SqlType::Int),
            "DB_ID" => ("m_db_id", 1, 0, 0, SqlType::SmallInt),
            "DB_NAME" => ("m_db_name", 0, 1, 0, NAME),
            "DATABASE_PRINCIPAL_ID" => ("m_principal_id", 1, 0, 0, SqlType::Int),
            "USER_NAME" => ("m_user_name", 0, 1, 0, NAME),
            "IS_MEMBER" | "IS_ROLEMEMBER" => ("m_is_member", 1, 0, 0, SqlType::Int),
            "HAS_PERMS_BY_NAME" => ("m_has_perms", 3, 0, 0, SqlType::Int),
            "SERVERPROPERTY" => ("m_server", 1, 0, 0, SqlType::NVarChar(Length::Limited(128))),
            "DATABASEPROPERTYEX" => {
                ("m_database", 2, 0, 0, SqlType::NVarChar(Length::Limited(128)))
            }
            _ => return self.numbered_metadata(name, arguments, scope),
        };
        let (wanted, given) = (texts + numbers, arguments.len());
        if given > wanted || given + optional < wanted {
            return Err(wrong_arguments(name, wanted));
        }
        let mut sql = Vec::with_capacity(wanted);
        for argument in arguments {
            let typed = self.expression(argument, scope)?;
            let typed = if texts > 0 { self.as_text(typed)? } else { self.as_bigint(typed)? };
            sql.push(typed.sql);
        }
        sql.resize(wanted, "NULL".to_owned());
        Ok(Some(Typed::expression(format!("{function}({})", sql.join(", ")), sql_type)))
    }

    /// `COL_NAME(table`, column) and OBJECTPROPERTY(id, property).
    fn numbered_metadata(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>> {
        if let Some(typed) = self.graph_function(name, arguments, scope)? {
            return Ok(Some(typed));
        }
        if name == "COLUMNPROPERTY" {
            return self.column_property(arguments, scope).map(Some);
        }
        let (function, sql_type) = match name {
            "COL_NAME" => ("m_col_name", NAME),
            "OBJECTPROPERTY" => ("m_object", SqlType::Int),
            _ => return Ok(None),
        };
        let [first, second] = exactly::<2>(name, arguments)?;
        let first = self.expression(first, scope)?;
        let first = self.as_bigint(first)?;
        let second = self.expression(second, scope)?;
        let second =
            if name == "COL_NAME" { self.as_bigint(second)? } else { self.as_text(second)? };
        Ok(Some(Typed::expression(format!("{function}({}, {})", first.sql, second.sql), sql_type)))
    }
}
