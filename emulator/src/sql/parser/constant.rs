//! Where T-SQL takes a literal or a variable and no expression: arguments of procedures, RAISERROR, THROW, EXEC (…), WAITFOR
//! (documented).

use super::Parser;
use crate::sql::ast::{BinaryOperator, Expr};
use crate::sql::error::Result;
use crate::sql::lexer::Token;

impl Parser<'_> {
    /// A literal, a number's with its sign, NULL, or a variable.
    pub(super) fn constant(&mut self) -> Result<Expr> {
        let number = |token: &Token<'_>| {
            matches!(token, Token::Integer(_) | Token::Decimal(_) | Token::Float(_))
        };
        match self.token {
            Token::Symbol("-" | "+") if number(&self.peek()) => {
                let negative = self.at("-");
                self.advance()?;
                let value = self.primary()?;
                Ok(if negative { Expr::Negate(Box::new(value)) } else { value })
            }
            Token::Text(..) | Token::Binary(_) | Token::Variable(_) => self.primary(),
            _ if number(&self.token) || self.at_word("NULL") => self.primary(),
            _ => Err(self.unexpected()),
        }
    }

    /// An int literal or a variable.
    pub(super) fn int_constant(&mut self) -> Result<Expr> {
        match self.token {
            Token::Integer(digits) if digits.parse::<i32>().is_ok() => self.primary(),
            Token::Variable(_) => self.primary(),
            _ => Err(self.unexpected()),
        }
    }

    /// A text literal or a variable.
    pub(super) fn text_constant(&mut self) -> Result<Expr> {
        match self.token {
            Token::Text(..) | Token::Variable(_) => self.primary(),
            _ => Err(self.unexpected()),
        }
    }

    /// Text literals and variables joined by `+`.
    pub(super) fn joined_texts(&mut self) -> Result<Expr> {
        let mut left = self.text_constant()?;
        let mut links = 0;
        while self.accept("+")? {
            self.link(&mut links)?;
            let right = Box::new(self.text_constant()?);
            left = Expr::Arithmetic { operator: BinaryOperator::Add, left: Box::new(left), right };
        }
        Ok(left)
    }
}
