//! `sp_getapplock`, `sp_releaseapplock`: they answer with statuses, and with errors only what makes no sense (observed, probed.md 7).

use super::super::application_lock::{Granted, Mode, Owner, Request, Resource};
use super::super::batch::Flow;
use super::super::reply::Reply;
use super::super::session::Session;
use super::formal::{RELEASE_LOCK, TAKE_LOCK, bind};
use super::{Given, Outcome, SystemProcedure};
use crate::catalog::Catalog;
use crate::catalog::permissions::{DBO, PrincipalId};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::errors::cancelled;
use crate::values::Value;
use std::time::Duration;

/// Names of application locks are cut here (observed).
const RESOURCE_UNITS_MAX: usize = 255;
/// Status of a call with an argument that means nothing.
const INVALID: i32 = -999;

impl Session {
    pub(super) fn get_application_lock(
        &mut self,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        let bound = bind(SystemProcedure::GetApplicationLock, &TAKE_LOCK, given)?;
        let [resource, mode, owner, timeout, principal] = bound.map(|actual| actual.value);
        let Some(resource) = resource else {
            return Ok(answered(INVALID, reply));
        };
        let resource = self.lock_resource(&resource, principal.as_ref())?;
        let limit = self.lock_limit(timeout.as_ref())?;
        let mode = mode.as_ref().and_then(Value::to_text).and_then(|text| Mode::parse(&text));
        let owner = lock_owner(owner.as_ref())
            .filter(|owner| *owner == Owner::Session || self.transaction.count > 0);
        let (Some(mode), Some(owner)) = (mode, owner) else {
            return Ok(answered(INVALID, reply));
        };
        let request = Request { session: self.spid, owner, resource, mode };
        let shared = &self.shared;
        // Observed: a deadlock is a status here, without 1205, and other locks stay.
        let granted =
            shared.application_locks.take(&request, limit, &self.control, &shared.write_lock);
        let status = match granted {
            Granted::AtOnce => 0,
            Granted::AfterWait => 1,
            Granted::TimedOut => -1,
            Granted::Deadlocked => -3,
            Granted::Stopped => return Err(cancelled()),
        };
        Ok(answered(status, reply))
    }

    /// NULL, or nothing, stands for the session's `LOCK_TIMEOUT`.
    fn lock_limit(&self, timeout: Option<&Value>) -> Result<Option<Duration>> {
        match timeout.and_then(Value::as_int) {
            None => Ok(self.settings.lock_timeout),
            Some(-1) => Ok(None),
            Some(milliseconds) => {
                let milliseconds = u64::try_from(milliseconds).map_err(|_| {
                    let message = "An invalid application lock time-out was passed to xp_userlock.";
                    SqlError::new(1227, message).state(2)
                })?;
                Ok(Some(Duration::from_millis(milliseconds)))
            }
        }
    }

    pub(super) fn release_application_lock(
        &mut self,
        given: &[Given],
        reply: &mut dyn Reply,
    ) -> Result<Outcome> {
        let bound = bind(SystemProcedure::ReleaseApplicationLock, &RELEASE_LOCK, given)?;
        let [resource, owner, principal] = bound.map(|actual| actual.value);
        let (Some(resource), Some(owner)) = (resource, lock_owner(owner.as_ref())) else {
            return Ok(answered(INVALID, reply));
        };
        let resource = self.lock_resource(&resource, principal.as_ref())?;
        if self.shared.application_locks.release(self.spid, owner, &resource) {
            return Ok(answered(0, reply));
        }
        let shown = principal.as_ref().and_then(Value::to_text);
        let message = format!(
            "Cannot release the application lock (Database Principal: '{}', Resource: '{}') because it is not currently held.",
            shown.as_deref().unwrap_or("public"),
            resource.name
        );
        Err(SqlError::new(1223, message))
    }

    fn lock_resource(&mut self, name: &Value, principal: Option<&Value>) -> Result<Resource> {
        let principal = self.lock_principal(principal)?;
        let name = name.to_text().ok_or_else(|| {
            let message = "An invalid application lock resource was passed to xp_userlock.";
            SqlError::new(1224, message).state(5)
        })?;
        Ok(Resource { principal, name: cut(&name) })
    }

    fn lock_principal(&mut self, principal: Option<&Value>) -> Result<PrincipalId> {
        let name = principal.and_then(Value::to_text).unwrap_or_else(|| "public".to_owned());
        let catalog = self.peek_catalog()?;
        lock_principal(&catalog, self.user, &name)
    }
}

/// The principal of an application lock, of which the user has to be a member (documented); 1202.
pub(crate) fn lock_principal(
    catalog: &Catalog,
    user: PrincipalId,
    name: &str,
) -> Result<PrincipalId> {
    let found = catalog.security.principal(name).map(|own| own.id);
    found.filter(|id| user == DBO || catalog.security.is_member(user, *id)).ok_or_else(|| {
        let message =
            format!("The database-principal '{name}' does not exist or user is not a member.");
        SqlError::new(1202, message)
    })
}

/// NULL stands for the default.
fn lock_owner(owner: Option<&Value>) -> Option<Owner> {
    match owner {
        None | Some(Value::Null) => Some(Owner::Transaction),
        Some(owner) => Owner::parse(&owner.to_text()?),
    }
}

/// Observed: names are cut in silence (probed.md 7).
pub(crate) fn cut(name: &str) -> String {
    let mut units = 0;
    name.chars()
        .take_while(|letter| {
            units += letter.len_utf16();
            units <= RESOURCE_UNITS_MAX
        })
        .collect()
}

/// The procedure has begun and gives a status.
fn answered(status: i32, reply: &mut dyn Reply) -> Outcome {
    reply.begin_procedure();
    Outcome { step: Ok(Flow::Next), status, outputs: Vec::new() }
}
