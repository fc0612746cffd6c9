//! `APPLOCK_MODE`, `APPLOCK_TEST`.

use rusqlite::Connection;

use super::{Arguments, impure, text_value};
use crate::engine::application_lock::{Mode, Owner, Request, Resource};
use crate::engine::{cut, lock_principal};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::context::{Context, ContextHandle};
use crate::values::Value;

pub(super) fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    let own = context.clone();
    // l_mode(principal, resource, owner)
    impure(connection, "l_mode", 3, move |call| {
        let context = own.lock();
        let resource = resource(&context, call, "applock_mode")?;
        let owner = owner(&context, call, 2, "applock_mode")?;
        let mode = context.application_locks.mode(context.spid, owner, &resource);
        Ok(text_value(mode.map_or("NoLock", Mode::name)))
    })?;
    let own = context.clone();
    // l_test(principal, resource, mode, owner)
    impure(connection, "l_test", 4, move |call| {
        let context = own.lock();
        let resource = resource(&context, call, "applock_test")?;
        let mode = Mode::parse(&argument(call, 2, "applock_test")?).ok_or_else(|| {
            let message = "An invalid application lock mode was passed to applock_test.";
            SqlError::new(1225, message).state(3)
        })?;
        let owner = owner(&context, call, 3, "applock_test")?;
        let request = Request { session: context.spid, owner, resource, mode };
        Ok(Value::Int(i64::from(context.application_locks.is_free(&request))))
    })
}

/// Observed: NULL is 8116 (probed.md 7).
fn argument(call: &Arguments<'_>, at: usize, function: &str) -> Result<String> {
    call.string(at).ok_or_else(|| {
        let message = format!(
            "Argument data type NULL is invalid for argument {} of {function} function.",
            at + 1
        );
        SqlError::new(8116, message)
    })
}

fn resource(context: &Context, call: &Arguments<'_>, function: &str) -> Result<Resource> {
    let principal = argument(call, 0, function)?;
    let principal = lock_principal(&context.catalog, context.user, &principal)?;
    Ok(Resource { principal, name: cut(&argument(call, 1, function)?) })
}

/// NULL stands for the transaction, which has to be there: 3918 (observed).
fn owner(context: &Context, call: &Arguments<'_>, at: usize, function: &str) -> Result<Owner> {
    let owner = match call.string(at) {
        None => Owner::Transaction,
        Some(text) => Owner::parse(&text).ok_or_else(|| {
            let message = format!("An invalid application lock owner was passed to {function}.");
            SqlError::new(1226, message)
        })?,
    };
    if owner == Owner::Transaction && context.transactions == 0 {
        let message =
            "The statement or function must be executed in the context of a user transaction.";
        return Err(SqlError::new(3918, message).state(2));
    }
    Ok(owner)
}
