//! Principals and permissions.

use serde_json::{Value as Json, json};

use super::Scope;
use super::tables::bit;
use crate::catalog::permissions::{Permission, Scope as On};

impl Scope<'_> {
    pub(super) fn database_principals(&self) -> Vec<Json> {
        let security = &self.catalog.security;
        let rows = security.principals.iter().filter(|principal| {
            // Documented: a user sees itself, the roles and the system users, unless it may view definitions.
            principal.is_role
                || principal.id < 5
                || principal.id == self.user
                || self.catalog.permits(self.user, "VIEW DEFINITION", &[On::Database])
        });
        rows.map(|principal| {
            let (kind, name) =
                if principal.is_role { ("R", "DATABASE_ROLE") } else { ("S", "SQL_USER") };
            let schema = (!principal.is_role).then_some("dbo");
            json!([
                principal.name,
                principal.id,
                kind,
                name,
                schema,
                null,
                bit(principal.id >= 16_384)
            ])
        })
        .collect()
    }

    pub(super) fn database_role_members(&self) -> Vec<Json> {
        self.catalog.security.members.iter().map(|(role, member)| json!([role, member])).collect()
    }

    pub(super) fn database_permissions(&self) -> Vec<Json> {
        self.catalog.security.permissions.iter().filter_map(permission_row).collect()
    }
}

fn permission_row(permission: &Permission) -> Option<Json> {
    let (class, name, id) = match permission.scope {
        On::Server => return None,
        On::Database => (0, "DATABASE", 0),
        On::Object(id) => (1, "OBJECT_OR_COLUMN", id),
        On::Schema(id) => (3, "SCHEMA", id),
    };
    let (state, state_name) = if permission.denied { ("D", "DENY") } else { ("G", "GRANT") };
    let short: String =
        permission.name.split(' ').filter_map(|word| word.chars().next()).take(4).collect();
    let short = format!("{short:<4}");
    Some(json!([class, name, id, 0, permission.grantee, short, permission.name, state, state_name]))
}
