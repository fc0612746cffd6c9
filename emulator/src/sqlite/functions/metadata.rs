//! Metadata functions: `OBJECT_ID` and its like. What a principal may not see gives NULL (documented).

#![expect(clippy::unnecessary_wraps, reason = "all are registered as functions that may fail")]

use std::sync::Arc;

use rusqlite::Connection;

use super::{Arguments, impure, text_value};
use crate::catalog::permissions::Scope;
use crate::catalog::{Catalog, DATABASE_ID, Table, rows, same_name};
use crate::sql::ast::ObjectName;
use crate::sql::error::Result;
use crate::sqlite::context::{Context, ContextHandle};
use crate::values::Value;

type Function = fn(&Context, &Arguments<'_>) -> Result<Value>;

pub(super) fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    let functions: [(&str, i32, Function); 18] = [
        ("m_object_id", 2, object_id),
        ("m_object_name", 1, |context, call| {
            Ok(visible(context, call).map_or(Value::Null, |table| text_value(table.name.as_str())))
        }),
        ("m_object_schema", 1, |context, call| {
            Ok(visible(context, call).map_or(Value::Null, |table| {
                text_value(context.catalog.schema_name(table.schema_id))
            }))
        }),
        ("m_schema_name", 1, |context, call| {
            let id = call.int(0).and_then(|id| i32::try_from(id).ok());
            Ok(id
                .and_then(|id| context.catalog.schemas.get(&id))
                .map_or(Value::Null, |name| text_value(name.as_str())))
        }),
        ("m_schema_id", 1, |context, call| {
            Ok(number(call.string(0).and_then(|name| context.catalog.schema_id(&name))))
        }),
        ("m_db_id", 1, |context, call| {
            let own =
                call.string(0).is_some_and(|name| same_name(&name, &context.catalog.database.name));
            Ok(if own {
                Value::Int(i64::from(DATABASE_ID))
            } else {
                system_database(call.string(0).as_deref())
            })
        }),
        ("m_db_name", 1, |context, call| {
            let own = call.int(0) == Some(i64::from(DATABASE_ID));
            Ok(if own { text_value(context.catalog.database.name.as_str()) } else { Value::Null })
        }),
        ("m_principal_id", 1, |context, call| {
            Ok(number(
                call.string(0).and_then(|name| {
                    context.catalog.security.principal(&name).map(|found| found.id)
                }),
            ))
        }),
        ("m_user_name", 1, |context, call| {
            let principal = context
                .catalog
                .security
                .principals
                .iter()
                .find(|found| Some(i64::from(found.id)) == call.int(0));
            Ok(principal.map_or(Value::Null, |found| text_value(found.name.as_str())))
        }),
        ("m_is_member", 1, is_member),
        ("m_has_perms", 3, has_permission),
        ("m_server", 1, server_property),
        ("m_database", 2, database_property),
        ("m_object", 2, object_property),
        ("m_col_name", 2, |context, call| {
            let id = call.int(1).and_then(|id| i32::try_from(id).ok());
            let table = visible(context, call);
            let column = table.as_ref().and_then(|table| table.column_by_id(id?));
            Ok(column.map_or(Value::Null, |column| text_value(column.name.as_str())))
        }),
        ("m_min_valid", 1, min_valid_version),
        ("m_column", 3, column_property),
        ("m_rows", 1, |context, call| {
            let view = call.string(0).unwrap_or_default();
            Ok(text_value(rows::json(&context.catalog, context.user, &view)))
        }),
    ];
    for (name, arity, function) in functions {
        let own = context.clone();
        impure(connection, name, arity, move |call| function(&own.lock(), call))?;
    }
    Ok(())
}

fn number(value: Option<i32>) -> Value {
    value.map_or(Value::Null, |value| Value::Int(i64::from(value)))
}

fn system_database(name: Option<&str>) -> Value {
    let at = ["master", "tempdb", "model", "msdb"]
        .iter()
        .position(|own| name.is_some_and(|name| same_name(own, name)));
    at.and_then(|at| i64::try_from(at + 1).ok()).map_or(Value::Null, Value::Int)
}

/// The table behind an object id, if the user may see it.
fn visible(context: &Context, call: &Arguments<'_>) -> Option<Arc<Table>> {
    let id = call.int(0).and_then(|id| i32::try_from(id).ok())?;
    let table = context.catalog.tables.get(&id)?;
    context.catalog.is_visible(context.user, table).then(|| Arc::clone(table))
}

/// Splits `[a].[b]` at its points; brackets may hold points, doubled brackets stand for one.
pub(crate) fn split_name(text: &str) -> Option<ObjectName> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, tail) = if let Some(inner) = rest.strip_prefix('[') {
            bracketed(inner)?
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            (rest[..end].trim().to_owned(), &rest[end..])
        };
        parts.push(part);
        match tail.trim_start().strip_prefix('.') {
            Some(next) => rest = next.trim_start(),
            None if tail.trim().is_empty() => break,
            None => return None,
        }
    }
    (parts.len() <= 4 && parts.last().is_some_and(|last| !last.is_empty()))
        .then_some(ObjectName(parts))
}

fn bracketed(inner: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut letters = inner.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != ']' {
            name.push(letter);
        } else if letters.next_if(|(_, next)| *next == ']').is_some() {
            name.push(']');
        } else {
            return Some((name, &inner[at + 1..]));
        }
    }
    None
}

fn object_id(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let Some(name) = call.string(0).and_then(|text| split_name(&text)) else {
        return Ok(Value::Null);
    };
    let kind = call.string(1).map(|kind| kind.trim().to_ascii_uppercase());
    let catalog = &context.catalog;
    if kind.as_deref().is_none_or(|kind| kind == "U")
        && let Some(table) = catalog.find_table(&name)
    {
        return Ok(if catalog.is_visible(context.user, table) {
            Value::Int(i64::from(table.id))
        } else {
            Value::Null
        });
    }
    let schema = catalog.schema_id(name.schema().unwrap_or("dbo"));
    Ok(number(constraint_id(catalog, schema, name.object(), kind.as_deref())))
}

/// Constraints are objects too: PK, UQ, F, C, D, EC.
fn constraint_id(
    catalog: &Catalog,
    schema: Option<i32>,
    name: &str,
    kind: Option<&str>,
) -> Option<i32> {
    let tables = catalog.tables.values().filter(|table| Some(table.schema_id) == schema);
    tables.flat_map(|table| rows::constraints(table)).find_map(|(id, own, own_kind)| {
        (same_name(own, name) && kind.is_none_or(|kind| kind == own_kind)).then_some(id)
    })
}

fn is_member(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let security = &context.catalog.security;
    let role = call
        .string(0)
        .and_then(|name| security.principal(&name).filter(|role| role.is_role).map(|role| role.id));
    Ok(role
        .map_or(Value::Null, |role| Value::Int(i64::from(security.is_member(context.user, role)))))
}

/// `m_has_perms(securable`, class, permission)
fn has_permission(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let Some(permission) = call.string(2).map(|text| text.trim().to_ascii_uppercase()) else {
        return Ok(Value::Null);
    };
    let catalog = &context.catalog;
    let class = call.string(1).map(|text| text.trim().to_ascii_uppercase());
    let name = call.string(0);
    let scopes = match (class.as_deref(), name) {
        (Some("OBJECT"), Some(name)) => {
            let table = split_name(&name).and_then(|name| catalog.find_table(&name).cloned());
            let Some(table) = table.filter(|table| catalog.is_visible(context.user, table)) else {
                return Ok(Value::Null);
            };
            Catalog::scopes(&table).to_vec()
        }
        (Some("SCHEMA"), Some(name)) => {
            match split_name(&name).and_then(|name| catalog.schema_id(name.object())) {
                Some(id) => vec![Scope::Schema(id), Scope::Database],
                None => return Ok(Value::Null),
            }
        }
        (Some("DATABASE"), _) => vec![Scope::Database],
        (None | Some("SERVER"), None) => vec![Scope::Server],
        _ => return Ok(Value::Null),
    };
    let permitted = if permission == "ANY" {
        [
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "EXECUTE",
            "VIEW DEFINITION",
            "VIEW CHANGE TRACKING",
        ]
        .iter()
        .any(|one| catalog.permits(context.user, one, &scopes))
    } else {
        catalog.permits(context.user, &permission, &scopes)
    };
    Ok(Value::Int(i64::from(permitted)))
}

fn server_property(_: &Context, call: &Arguments<'_>) -> Result<Value> {
    Ok(match call.string(0).unwrap_or_default().to_ascii_uppercase().as_str() {
        "PRODUCTMAJORVERSION" => text_value("16"),
        "PRODUCTMINORVERSION" => text_value("0"),
        "PRODUCTBUILD" => text_value("1000"),
        "PRODUCTVERSION" => text_value("16.0.1000.6"),
        "PRODUCTLEVEL" => text_value("RTM"),
        "EDITION" => text_value("Developer Edition (64-bit)"),
        "ENGINEEDITION" => text_value("3"),
        "SERVERNAME" | "MACHINENAME" => text_value(crate::engine::SERVER_NAME),
        "COLLATION" => text_value("SQL_Latin1_General_CP1_CI_AS"),
        "ISCLUSTERED" | "ISHADRENABLED" | "ISINTEGRATEDSECURITYONLY" | "ISSINGLEUSER" => {
            text_value("0")
        }
        _ => Value::Null,
    })
}

fn database_property(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let database = &context.catalog.database;
    if !call.string(0).is_some_and(|name| same_name(&name, &database.name)) {
        return Ok(Value::Null);
    }
    Ok(match call.string(1).unwrap_or_default().to_ascii_uppercase().as_str() {
        // Documented: so a client knows a readable secondary.
        "UPDATEABILITY" if context.is_secondary => text_value("READ_ONLY"),
        "UPDATEABILITY" => text_value("READ_WRITE"),
        "STATUS" => text_value("ONLINE"),
        "COLLATION" => text_value("SQL_Latin1_General_CP1_CI_AS"),
        "RECOVERY" => text_value("SIMPLE"),
        "USERACCESS" => text_value("MULTI_USER"),
        "ISCHANGETRACKINGENABLED" => {
            text_value(if database.tracking.is_some() { "1" } else { "0" })
        }
        _ => Value::Null,
    })
}

/// Observed: `TableHasChangeTracking` is NULL even for a tracked table (probed.md 1).
fn object_property(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let Some(table) = visible(context, call) else {
        return Ok(Value::Null);
    };
    Ok(match call.string(1).unwrap_or_default().to_ascii_uppercase().as_str() {
        "ISTABLE" | "ISUSERTABLE" => Value::Int(1),
        "ISVIEW" | "ISPROCEDURE" => Value::Int(0),
        "TABLEHASPRIMARYKEY" => Value::Int(i64::from(table.primary_key().is_some())),
        "TABLEHASIDENTITY" => Value::Int(i64::from(table.identity().is_some())),
        _ => Value::Null,
    })
}

/// NULL for anything but a tracked table of this database, and without the permission (observed and documented).
fn min_valid_version(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let Some(table) = visible(context, call) else {
        return Ok(Value::Null);
    };
    let permitted = context.catalog.permits_on(context.user, "VIEW CHANGE TRACKING", &table)
        && context.catalog.permits_on(context.user, "SELECT", &table);
    let version = table.tracking.as_ref().map(|tracking| tracking.min_valid_version);
    Ok(version
        .filter(|_| permitted && context.catalog.database.tracking.is_some())
        .map_or(Value::Null, Value::Int))
}

/// Properties that SQL Server has and this server knows; NULL for the others (documented for a property that is not valid).
fn column_property(context: &Context, call: &Arguments<'_>) -> Result<Value> {
    let table = visible(context, call);
    let name = call.string(1).unwrap_or_default();
    let Some(column) = table.as_ref().and_then(|table| table.column(&name)) else {
        return Ok(Value::Null);
    };
    let yes = |value: bool| Value::Int(i64::from(value));
    Ok(match call.string(2).unwrap_or_default().to_ascii_uppercase().as_str() {
        "COLUMNID" => Value::Int(i64::from(column.id)),
        "ALLOWSNULL" => yes(column.nullable),
        "ISIDENTITY" => yes(column.identity.is_some()),
        // Observed: 1 for pseudo-columns, whatever sys.columns says (probed.md 4).
        "ISCOMPUTED" => yes(column.role.is_computed()),
        "ISHIDDEN" => yes(column.role.is_hidden()),
        _ => Value::Null,
    })
}
