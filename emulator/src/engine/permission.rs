//! CREATE LOGIN, USER and ROLE, membership, GRANT, DENY, REVOKE.

use crate::catalog::permissions::{Login, Permission, Principal, PrincipalId, Scope};
use crate::catalog::{Catalog, same_name};
use crate::sql::ast::{PermissionChange, PermissionChangeKind, Securable};
use crate::sql::error::{Result, SqlError};

/// CREATE LOGIN.
pub fn create_login(catalog: &mut Catalog, name: &str, password: &str) -> Result<()> {
    let exists = same_name(name, "sa")
        || catalog.security.logins.iter().any(|login| same_name(&login.name, name));
    if exists {
        return Err(SqlError::new(15025, format!("The server principal '{name}' already exists.")));
    }
    catalog.security.logins.push(Login::new(name, password));
    Ok(())
}

/// CREATE USER and CREATE ROLE.
pub fn create_principal(
    catalog: &mut Catalog,
    name: &str,
    is_role: bool,
    login: Option<&str>,
) -> Result<()> {
    if catalog.security.principal(name).is_some() {
        let message =
            format!("User, group, or role '{name}' already exists in the current database.");
        return Err(SqlError::new(15023, message));
    }
    if let Some(login) = login {
        let known = catalog.security.logins.iter().any(|own| same_name(&own.name, login));
        if !known {
            let message = format!("'{login}' is not a valid login or you do not have permission.");
            return Err(SqlError::new(15007, message));
        }
        if catalog.security.user_of_login(login).is_some() {
            let message = "The login already has an account under a different user name.";
            return Err(SqlError::new(15063, message));
        }
    }
    let id = catalog.security.new_principal_id();
    let login = login.map(str::to_owned);
    catalog.security.principals.push(Principal { id, name: name.to_owned(), is_role, login });
    Ok(())
}

/// DROP LOGIN.
pub fn drop_login(catalog: &mut Catalog, name: &str, if_exists: bool) -> Result<()> {
    let before = catalog.security.logins.len();
    catalog.security.logins.retain(|login| !same_name(&login.name, name));
    if catalog.security.logins.len() == before && !if_exists {
        return Err(cannot_drop("login", name));
    }
    Ok(())
}

/// DROP USER and DROP ROLE.
pub fn drop_principal(
    catalog: &mut Catalog,
    name: &str,
    is_role: bool,
    if_exists: bool,
) -> Result<()> {
    let kind = if is_role { "role" } else { "user" };
    let found =
        catalog.security.principal(name).filter(|own| own.is_role == is_role).map(|own| own.id);
    let Some(id) = found.filter(|id| (5..16_384).contains(id)) else {
        return if if_exists { Ok(()) } else { Err(cannot_drop(kind, name)) };
    };
    if catalog.security.members.iter().any(|(role, _)| *role == id) {
        return Err(SqlError::new(
            15144,
            "The role has members. It must be empty before it can be dropped.",
        ));
    }
    catalog.security.principals.retain(|principal| principal.id != id);
    catalog.security.members.retain(|(_, member)| *member != id);
    catalog.security.permissions.retain(|permission| permission.grantee != id);
    Ok(())
}

fn cannot_drop(kind: &str, name: &str) -> SqlError {
    let message = format!(
        "Cannot drop the {kind} '{name}', because it does not exist or you do not have permission."
    );
    SqlError::new(15151, message)
}

fn principal_id(catalog: &Catalog, name: &str) -> Result<PrincipalId> {
    catalog.security.principal(name).map(|principal| principal.id).ok_or_else(|| {
        let message =
            format!("Cannot find the user '{name}', because it does not exist or you do not have permission.");
        SqlError::new(15151, message)
    })
}

/// ALTER ROLE … ADD MEMBER, DROP MEMBER.
pub fn alter_role(catalog: &mut Catalog, role: &str, member: &str, add: bool) -> Result<()> {
    let role_id = catalog.security.principal(role).filter(|own| own.is_role).map(|own| own.id);
    let Some(role_id) = role_id else {
        let message = format!(
            "Cannot alter the role '{role}', because it does not exist or you do not have permission."
        );
        return Err(SqlError::new(15151, message));
    };
    let entry = (role_id, principal_id(catalog, member)?);
    catalog.security.members.retain(|own| *own != entry);
    if add {
        catalog.security.members.push(entry);
    }
    Ok(())
}

/// GRANT, DENY, REVOKE.
pub fn change(catalog: &mut Catalog, change: &PermissionChange) -> Result<()> {
    let scope = match &change.securable {
        Securable::Server => Scope::Server,
        Securable::Database => Scope::Database,
        Securable::Schema(name) => Scope::Schema(catalog.schema_id(name).ok_or_else(|| {
            let message =
                format!("Cannot find the schema '{name}', because it does not exist or you do not have permission.");
            SqlError::new(15151, message)
        })?),
        Securable::Object(name) => {
            let table = catalog.find_table(name).ok_or_else(|| {
                let object = name.object();
                let message =
                    format!("Cannot find the object '{object}', because it does not exist or you do not have permission.");
                SqlError::new(15151, message)
            })?;
            Scope::Object(table.id)
        }
    };
    for name in &change.principals {
        // A permission on the server goes to a login; here to the user of that login.
        let of_login =
            (scope == Scope::Server).then(|| catalog.security.user_of_login(name)).flatten();
        let grantee = match of_login {
            Some(user) => user.id,
            None => principal_id(catalog, name)?,
        };
        for permission in &change.permissions {
            let entry = |denied| Permission { grantee, name: permission.clone(), scope, denied };
            catalog.security.permissions.retain(|own| *own != entry(false) && *own != entry(true));
            match change.kind {
                PermissionChangeKind::Grant => catalog.security.permissions.push(entry(false)),
                PermissionChangeKind::Deny => catalog.security.permissions.push(entry(true)),
                PermissionChangeKind::Revoke => {}
            }
        }
    }
    Ok(())
}
