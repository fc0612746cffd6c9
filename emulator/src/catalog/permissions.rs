//! Logins, users, roles, and who may do what.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Catalog, Table, same_name};
use crate::sql::error::SqlError;

/// A database principal's id.
pub type PrincipalId = i32;

/// `public`: everyone is in it.
pub const PUBLIC: PrincipalId = 0;
/// `dbo`: may do everything.
pub const DBO: PrincipalId = 1;
/// `db_owner`.
const DB_OWNER: PrincipalId = 16_384;
/// `db_datareader`.
const DB_DATAREADER: PrincipalId = 16_390;
/// `db_datawriter`.
const DB_DATAWRITER: PrincipalId = 16_391;
/// First id of a principal that a user creates.
const FIRST_OWN: PrincipalId = 5;

/// Logins, principals, memberships, permissions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Security {
    /// Logins made by CREATE LOGIN.
    pub logins: Vec<Login>,
    /// Users and roles.
    pub principals: Vec<Principal>,
    /// Role, member.
    pub members: Vec<(PrincipalId, PrincipalId)>,
    /// Grants and denials.
    pub permissions: Vec<Permission>,
}

/// A login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Name.
    pub name: String,
    /// SHA-256 of the name and the password.
    pub digest: Vec<u8>,
}

/// A user or role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Principal {
    /// Id.
    pub id: PrincipalId,
    /// Name.
    pub name: String,
    /// Whether it is a role.
    pub is_role: bool,
    /// Login of a user.
    pub login: Option<String>,
}

/// What a permission is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Scope {
    Server,
    Database,
    Schema(i32),
    Object(i32),
}

/// A grant or a denial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// To whom.
    pub grantee: PrincipalId,
    /// Upper case.
    pub name: String,
    /// On what.
    pub scope: Scope,
    /// A denial outweighs every grant.
    pub denied: bool,
}

impl Default for Security {
    fn default() -> Self {
        let principal = |id, name: &str, is_role, login: Option<&str>| Principal {
            id,
            name: name.to_owned(),
            is_role,
            login: login.map(str::to_owned),
        };
        let principals = vec![
            principal(PUBLIC, "public", true, None),
            principal(DBO, "dbo", false, Some("sa")),
            principal(2, "guest", false, None),
            principal(3, "INFORMATION_SCHEMA", false, None),
            principal(4, "sys", false, None),
            principal(DB_OWNER, "db_owner", true, None),
            principal(16_385, "db_accessadmin", true, None),
            principal(16_386, "db_securityadmin", true, None),
            principal(16_387, "db_ddladmin", true, None),
            principal(16_389, "db_backupoperator", true, None),
            principal(DB_DATAREADER, "db_datareader", true, None),
            principal(DB_DATAWRITER, "db_datawriter", true, None),
            principal(16_392, "db_denydatareader", true, None),
            principal(16_393, "db_denydatawriter", true, None),
        ];
        let members = vec![(DB_OWNER, DBO)];
        Self { logins: Vec::new(), principals, members, permissions: Vec::new() }
    }
}

impl Login {
    /// A login with its password.
    pub fn new(name: &str, password: &str) -> Self {
        Self { name: name.to_owned(), digest: digest(name, password) }
    }

    /// Whether the password is right.
    pub fn accepts(&self, password: &str) -> bool {
        self.digest == digest(&self.name, password)
    }
}

fn digest(name: &str, password: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(name.to_lowercase());
    hash.update([0]);
    hash.update(password);
    hash.finalize().to_vec()
}

impl Security {
    /// The principal of that name.
    pub fn principal(&self, name: &str) -> Option<&Principal> {
        self.principals.iter().find(|principal| same_name(&principal.name, name))
    }

    /// The user of a login.
    pub fn user_of_login(&self, login: &str) -> Option<&Principal> {
        self.principals
            .iter()
            .find(|principal| principal.login.as_deref().is_some_and(|own| same_name(own, login)))
    }

    /// An id that nobody has.
    pub fn new_principal_id(&self) -> PrincipalId {
        let used = self.principals.iter().map(|principal| principal.id).filter(|id| *id < DB_OWNER);
        used.max().map_or(FIRST_OWN, |last| last + 1).max(FIRST_OWN)
    }

    /// The principal itself, its roles, theirs, and public.
    fn identities(&self, user: PrincipalId) -> Vec<PrincipalId> {
        let mut found = vec![user, PUBLIC];
        let mut at = 0;
        while at < found.len() {
            let member = found[at];
            for (role, own) in &self.members {
                if *own == member && !found.contains(role) {
                    found.push(*role);
                }
            }
            at += 1;
        }
        found
    }

    /// Whether a principal is in a role.
    pub fn is_member(&self, user: PrincipalId, role: PrincipalId) -> bool {
        self.identities(user).contains(&role)
    }
}

/// Permissions that a stronger one on the same securable brings along (documented: CONTROL implies all, ALTER the view of the definition).
fn implies(granted: &str, wanted: &str) -> bool {
    granted == wanted
        || granted == "CONTROL"
        || (wanted == "VIEW DEFINITION" && granted == "ALTER")
        || (wanted == "REFERENCES" && granted == "ALTER")
}

impl Catalog {
    /// Whether a principal may do something on one of the scopes, narrowest first.
    pub fn permits(&self, user: PrincipalId, permission: &str, scopes: &[Scope]) -> bool {
        let identities = self.security.identities(user);
        if identities.contains(&DBO) || identities.contains(&DB_OWNER) {
            return true;
        }
        let relevant = |entry: &&Permission| {
            identities.contains(&entry.grantee)
                && scopes.contains(&entry.scope)
                && implies(&entry.name, permission)
        };
        let mut entries = self.security.permissions.iter().filter(relevant).peekable();
        if entries.peek().is_none() {
            return match permission {
                "SELECT" => identities.contains(&DB_DATAREADER),
                "INSERT" | "UPDATE" | "DELETE" => identities.contains(&DB_DATAWRITER),
                "CONNECT" => true,
                _ => false,
            };
        }
        entries.all(|entry| !entry.denied)
    }

    /// The scopes of a table, narrowest first.
    pub fn scopes(table: &Table) -> [Scope; 3] {
        [Scope::Object(table.id), Scope::Schema(table.schema_id), Scope::Database]
    }

    /// Whether a principal may do something on a table.
    pub fn permits_on(&self, user: PrincipalId, permission: &str, table: &Table) -> bool {
        // A session may do everything with what is its own.
        table.is_local() || self.permits(user, permission, &Self::scopes(table))
    }

    /// Metadata visibility: a table on which a principal has no permission at all does not show (documented).
    pub fn is_visible(&self, user: PrincipalId, table: &Table) -> bool {
        const ANY: [&str; 9] = [
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "REFERENCES",
            "ALTER",
            "VIEW DEFINITION",
            "VIEW CHANGE TRACKING",
            "CONTROL",
        ];
        ANY.iter().any(|permission| self.permits_on(user, permission, table))
    }

    /// 229 unless the principal may do something on a table.
    pub fn demand(
        &self,
        user: PrincipalId,
        permission: &str,
        table: &Table,
    ) -> Result<(), SqlError> {
        if self.permits_on(user, permission, table) {
            return Ok(());
        }
        let message = format!(
            "The {permission} permission was denied on the object '{}', database '{}', schema '{}'.",
            table.name,
            self.database.name,
            self.schema_name(table.schema_id)
        );
        Err(SqlError::new(229, message).class(14).state(5))
    }
}
