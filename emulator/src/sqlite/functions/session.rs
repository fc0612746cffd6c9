//! What a session knows of itself.

use rusqlite::Connection;

use super::{impure, text_value};
use crate::sql::error::SqlError;
use crate::sqlite::context::ContextHandle;
use crate::values::Value;

/// `@@VERSION`.
const VERSION: &str = "Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (X64) \n\tsqlgraph-emulator: a test server on SQLite, not SQL Server";

pub(super) fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    let own = context.clone();
    impure(connection, "s_get", 1, move |call| {
        let context = own.lock();
        let caught = context.caught.as_ref();
        let number = |value: Option<i64>| value.map_or(Value::Null, Value::Int);
        let error = |read: fn(&SqlError) -> i64| number(caught.map(read));
        Ok(match call.string(0).unwrap_or_default().as_str() {
            "trancount" => Value::Int(context.transactions),
            "lock_timeout" => Value::Int(context.lock_timeout_ms),
            "rowcount" => Value::Int(context.rows),
            "identity" => number(context.identity),
            "error" => Value::Int(i64::from(context.last_error)),
            "spid" => Value::Int(context.spid),
            "version" => text_value(VERSION),
            "servername" => text_value(crate::engine::SERVER_NAME),
            "login" => text_value(context.login.as_str()),
            "user" => text_value(context.user_name.as_str()),
            "database" => text_value(context.database.as_str()),
            "host" => text_value(context.host.as_str()),
            "application" => text_value(context.application.as_str()),
            "xact_state" => {
                Value::Int(if context.doomed { -1 } else { i64::from(context.transactions > 0) })
            }
            "error_number" => error(|error| i64::from(error.number)),
            "error_severity" => error(|error| i64::from(error.class)),
            "error_state" => error(|error| i64::from(error.state)),
            "error_line" => error(|error| i64::from(error.line)),
            "error_message" => {
                caught.map_or(Value::Null, |error| text_value(error.message.as_str()))
            }
            other => return Err(SqlError::internal(other)),
        })
    })
}
