//! Who may come in.

use std::sync::Arc;

use super::control::Control;
use super::session::Session;
use super::shared::Shared;
use crate::catalog::permissions::{DBO, Principal};
use crate::catalog::{Catalog, same_name};
use crate::faults::Kind;
use crate::sql::error::SqlError;
use crate::tds::login::Login;
use crate::tds::packet::PACKET_BYTES_DEFAULT;
use crate::tds::response::{Done, EnvChange, Response};

/// Answers a login; `None` when it failed and the connection ends.
pub fn log_in(
    shared: &Arc<Shared>,
    login: &Login,
    response: &mut Response,
    control: &Arc<Control>,
) -> Option<Session> {
    let session = Session::open(shared, control)
        .map_err(Refusal::from)
        .and_then(|session| admit(session, login))
        .and_then(|session| {
            session.meet_fault(Kind::Login).map(|_| session).map_err(Refusal::from)
        });
    match session {
        Ok(session) => {
            welcome(&session, login, response);
            Some(session)
        }
        Err(errors) => {
            for error in errors.0 {
                response.error(&error, super::SERVER_NAME);
            }
            response.done(Done { failed: true, ..Done::default() });
            response.finish(false);
            None
        }
    }
}

struct Refusal(Vec<SqlError>);

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self(vec![error])
    }
}

/// 18456, the same whatever the cause (observed, probed.md 8).
fn login_failed(user: &str) -> SqlError {
    SqlError::new(18456, format!("Login failed for user '{user}'.")).class(14)
}

fn admit(mut session: Session, login: &Login) -> Result<Session, Refusal> {
    session.open_for(super::transaction::Access::Read)?;
    let catalog = session.refresh_catalog();
    session.close_after(true)?;
    let catalog = catalog?;
    if login.integrated || !password_is_right(&session, &catalog, login) {
        return Err(login_failed(&login.user).into());
    }
    let known = login.database.is_empty() || same_name(&login.database, &catalog.database.name);
    let user = user_of(&catalog, &login.user).filter(|_| known);
    let Some(user) = user else {
        // Observed: 4060, then 18456 (probed.md 8).
        let database =
            if login.database.is_empty() { &catalog.database.name } else { &login.database };
        let message = format!(
            "Cannot open database \"{database}\" requested by the login. The login failed."
        );
        let refused = SqlError::new(4060, message).class(11);
        return Err(Refusal(vec![refused, login_failed(&login.user)]));
    };
    session.become_user(user, login);
    Ok(session)
}

fn password_is_right(session: &Session, catalog: &Catalog, login: &Login) -> bool {
    if same_name(&login.user, "sa") {
        return login.password == session.shared.sa_password;
    }
    let known = catalog.security.logins.iter().find(|own| same_name(&own.name, &login.user));
    known.is_some_and(|own| own.accepts(&login.password))
}

fn user_of(catalog: &Catalog, login: &str) -> Option<Principal> {
    if same_name(login, "sa") {
        return catalog.security.principals.iter().find(|principal| principal.id == DBO).cloned();
    }
    catalog.security.user_of_login(login).cloned()
}

fn welcome(session: &Session, login: &Login, response: &mut Response) {
    let database = session.shared.database.clone();
    response.environment(&EnvChange::Database(database.clone(), "master".to_owned()));
    let changed = |number, message: String| SqlError::new(number, message).class(0).state(2);
    let context = changed(5701, format!("Changed database context to '{database}'."));
    response.info(&context, super::SERVER_NAME);
    response.environment(&EnvChange::Collation);
    response.environment(&EnvChange::Language("us_english".to_owned()));
    let language = changed(5703, "Changed language setting to us_english.".to_owned()).state(1);
    response.info(&language, super::SERVER_NAME);
    response.login_ack(login.version);
    response.environment(&EnvChange::PacketBytes(login.packet_bytes, PACKET_BYTES_DEFAULT));
    response.done(Done::default());
    response.finish(false);
    response.set_packet_bytes(login.packet_bytes);
}
