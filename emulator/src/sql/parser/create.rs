//! CREATE: schemas, logins, users, roles.

use super::Parser;
use crate::sql::ast::{Create, StatementKind};
use crate::sql::error::Result;

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let create = if self.accept_word("TABLE")? {
            Create::Table(self.create_table()?)
        } else if self.accept_word("SCHEMA")? {
            Create::Schema { name: self.create_schema()? }
        } else if self.accept_word("LOGIN")? {
            self.create_login()?
        } else if self.accept_word("USER")? {
            self.create_user()?
        } else if self.accept_word("ROLE")? {
            let name = self.name()?;
            if self.accept_word("AUTHORIZATION")? && !self.accept_word("dbo")? {
                return Err(self.unsupported());
            }
            Create::Role { name }
        } else {
            Create::Index(self.create_index()?)
        };
        Ok(StatementKind::Create(Box::new(create)))
    }

    fn create_schema(&mut self) -> Result<String> {
        let name = self.name()?;
        if self.accept_word("AUTHORIZATION")? && !self.accept_word("dbo")? {
            return Err(self.unsupported());
        }
        Ok(name)
    }

    fn create_login(&mut self) -> Result<Create> {
        let name = self.name()?;
        self.expect_word("WITH")?;
        self.expect_word("PASSWORD")?;
        self.expect("=")?;
        let password = self.text_literal()?;
        while self.accept(",")? {
            // There is no policy to enforce: it can only be said to be off.
            self.one_of(&["CHECK_POLICY", "CHECK_EXPIRATION"])?;
            self.expect("=")?;
            if !self.accept_word("OFF")? {
                return Err(self.unsupported());
            }
        }
        Ok(Create::Login { name, password })
    }

    fn create_user(&mut self) -> Result<Create> {
        let name = self.name()?;
        let login = if self.accept_words(&["WITHOUT", "LOGIN"])? {
            None
        } else if self.accept_word("FOR")? || self.accept_word("FROM")? {
            self.expect_word("LOGIN")?;
            Some(self.name()?)
        } else {
            Some(name.clone())
        };
        if self.accept_word("WITH")? {
            self.expect_word("DEFAULT_SCHEMA")?;
            self.expect("=")?;
            if !self.at_word("dbo") {
                return Err(self.unsupported());
            }
            self.advance()?;
        }
        Ok(Create::User { name, login })
    }
}
