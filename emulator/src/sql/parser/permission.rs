//! GRANT, DENY, REVOKE.

use super::Parser;
use crate::sql::ast::{PermissionChange, PermissionChangeKind, Securable, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

/// Permissions of the subset, each with what it may be granted on.
const PERMISSIONS: [&str; 22] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "EXECUTE",
    "REFERENCES",
    "CONTROL",
    "ALTER",
    "CONNECT",
    "VIEW CHANGE TRACKING",
    "VIEW DEFINITION",
    "VIEW DATABASE STATE",
    "VIEW SERVER STATE",
    "VIEW ANY DATABASE",
    "VIEW DATABASE PERFORMANCE STATE",
    "VIEW SERVER PERFORMANCE STATE",
    "VIEW ANY DEFINITION",
    "CREATE TABLE",
    "CREATE SCHEMA",
    "TAKE OWNERSHIP",
    "ALTER ANY SCHEMA",
    "SHOWPLAN",
];

impl Parser<'_> {
    pub(super) fn permission_change(&mut self) -> Result<StatementKind> {
        let kind = match self.one_of(&["GRANT", "DENY", "REVOKE"])? {
            "GRANT" => PermissionChangeKind::Grant,
            "DENY" => PermissionChangeKind::Deny,
            _ => PermissionChangeKind::Revoke,
        };
        let permissions = self.list(Self::permission)?;
        let securable = if self.accept_word("ON")? {
            self.securable()?
        } else if permissions
            .iter()
            .any(|name| name.contains(" SERVER ") || name.starts_with("VIEW ANY"))
        {
            Securable::Server
        } else {
            Securable::Database
        };
        if kind == PermissionChangeKind::Revoke {
            self.one_of(&["FROM", "TO"])?;
        } else {
            self.expect_word("TO")?;
        }
        let principals = self.list(|parser| {
            if parser.accept_word("PUBLIC")? { Ok("public".to_owned()) } else { parser.name() }
        })?;
        if self.at_word("WITH") || self.at_word("AS") || self.at_word("CASCADE") {
            return Err(self.unsupported());
        }
        let change = PermissionChange { kind, permissions, securable, principals };
        Ok(StatementKind::Permission(Box::new(change)))
    }

    /// One or more words up to a comma, ON, TO or FROM.
    fn permission(&mut self) -> Result<String> {
        let mut name = String::new();
        while let Token::Word(word) = self.token {
            if self.at_word("ON") || self.at_word("TO") || self.at_word("FROM") {
                break;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&word.to_ascii_uppercase());
            self.advance()?;
        }
        if self.at("(") {
            return Err(SqlError::unsupported(format!("{name} (")).at_line(self.line));
        }
        if name == "EXEC" {
            "EXECUTE".clone_into(&mut name);
        }
        if PERMISSIONS.contains(&name.as_str()) {
            return Ok(name);
        }
        Err(if name.is_empty() {
            self.unexpected()
        } else {
            SqlError::unsupported(name).at_line(self.line)
        })
    }

    fn securable(&mut self) -> Result<Securable> {
        if self.peek() != Token::Symbol("::") {
            return self.object_name().map(Securable::Object);
        }
        let class = self.one_of(&["OBJECT", "SCHEMA", "DATABASE"])?;
        self.expect("::")?;
        match class {
            "OBJECT" => self.object_name().map(Securable::Object),
            "SCHEMA" => self.name().map(Securable::Schema),
            _ => {
                self.name()?;
                Ok(Securable::Database)
            }
        }
    }
}
