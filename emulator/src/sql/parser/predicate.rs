//! Predicates: what is true, false or unknown.

use super::Parser;
use crate::sql::ast::{Comparison, Expr, MatchStep};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

impl Parser<'_> {
    /// OR over AND over NOT.
    pub(super) fn predicate(&mut self) -> Result<Expr> {
        let predicate = self.predicate_or_value()?;
        self.condition(predicate)
    }

    /// A predicate, or a value alone: what the catalog keeps may be either.
    pub(super) fn predicate_or_value(&mut self) -> Result<Expr> {
        self.nested(Self::disjunction)
    }

    /// 4145 for a value in the place of a condition.
    fn condition(&self, expression: Expr) -> Result<Expr> {
        if expression.is_predicate() {
            return Ok(expression);
        }
        let message = format!(
            "An expression of non-boolean type specified in a context where a condition is expected, near '{}'.",
            self.token
        );
        Err(SqlError::new(4145, message).class(15).at_line(self.line))
    }

    fn disjunction(&mut self) -> Result<Expr> {
        let mut left = self.conjunction()?;
        let mut links = 0;
        while self.accept_word("OR")? {
            self.link(&mut links)?;
            left = self.condition(left)?;
            let right = self.conjunction()?;
            left = Expr::Or(Box::new(left), Box::new(self.condition(right)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expr> {
        let mut left = self.negation()?;
        let mut links = 0;
        while self.accept_word("AND")? {
            self.link(&mut links)?;
            left = self.condition(left)?;
            let right = self.negation()?;
            left = Expr::And(Box::new(left), Box::new(self.condition(right)?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr> {
        if self.accept_word("NOT")? {
            let inner = self.nested(Self::negation)?;
            return Ok(Expr::Not(Box::new(self.condition(inner)?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr> {
        if self.accept_word("EXISTS")? {
            self.expect("(")?;
            let query = Box::new(self.query()?);
            self.expect(")")?;
            return Ok(Expr::Exists(query));
        }
        if self.at_word("MATCH") && self.peek() == Token::Symbol("(") {
            return self.graph_match();
        }
        let left = if self.at("(") && !self.at_query_in_parentheses() {
            match self.parenthesized_predicate()? {
                Some(predicate) => return Ok(predicate),
                None => self.expression()?,
            }
        } else {
            self.expression()?
        };
        self.comparison_after(left)
    }

    fn at_query_in_parentheses(&self) -> bool {
        self.at("(") && self.at_query()
    }

    /// `( predicate )`, unless what stands in the parentheses turns out to be the start of an expression.
    fn parenthesized_predicate(&mut self) -> Result<Option<Expr>> {
        let saved = self.save();
        self.expect("(")?;
        let inner = self.predicate_or_value();
        if let Ok(inner) = inner
            && self.at(")")
        {
            self.advance()?;
            let continues = matches!(
                self.token,
                Token::Symbol(
                    "+" | "-"
                        | "*"
                        | "/"
                        | "%"
                        | "&"
                        | "|"
                        | "^"
                        | "="
                        | "<"
                        | ">"
                        | "<="
                        | ">="
                        | "<>"
                        | "!="
                )
            ) || ["IS", "IN", "LIKE", "BETWEEN", "COLLATE"]
                .iter()
                .any(|word| self.at_word(word))
                || (self.at_word("NOT") && !inner.is_predicate());
            if !continues || inner.is_predicate() {
                return Ok(Some(inner));
            }
        }
        self.restore(saved);
        Ok(None)
    }

    fn comparison_after(&mut self, left: Expr) -> Result<Expr> {
        if let Token::Symbol(symbol) = self.token
            && let Some(operator) = comparison_operator(symbol)
        {
            self.advance()?;
            for (word, all) in [("ANY", false), ("SOME", false), ("ALL", true)] {
                if self.accept_word(word)? {
                    self.expect("(")?;
                    let query = Box::new(self.query()?);
                    self.expect(")")?;
                    let left = Box::new(left);
                    return Ok(Expr::Quantified { operator, all, left, query });
                }
            }
            let right = Box::new(self.expression()?);
            return Ok(Expr::Compare { operator, left: Box::new(left), right });
        }
        if self.accept_word("IS")? {
            let negated = self.accept_word("NOT")?;
            if self.at_word("DISTINCT") {
                return Err(self.unsupported());
            }
            self.expect_word("NULL")?;
            return Ok(Expr::IsNull { value: Box::new(left), negated });
        }
        let negated = self.at_word("NOT") && {
            self.advance()?;
            true
        };
        let value = Box::new(left);
        if self.accept_word("IN")? {
            return self.in_list(value, negated);
        }
        if self.accept_word("LIKE")? {
            let pattern = Box::new(self.expression()?);
            let escape =
                if self.accept_word("ESCAPE")? { Some(Box::new(self.expression()?)) } else { None };
            return Ok(Expr::Like { value, pattern, escape, negated });
        }
        if self.accept_word("BETWEEN")? {
            let low = Box::new(self.expression()?);
            self.expect_word("AND")?;
            let high = Box::new(self.expression()?);
            return Ok(Expr::Between { value, low, high, negated });
        }
        if negated {
            return Err(self.unexpected());
        }
        Ok(*value)
    }

    fn in_list(&mut self, value: Box<Expr>, negated: bool) -> Result<Expr> {
        self.expect("(")?;
        let result = if self.at_query() {
            Expr::InQuery { value, query: Box::new(self.query()?), negated }
        } else {
            Expr::InList { value, list: self.list(Self::expression)?, negated }
        };
        self.expect(")")?;
        Ok(result)
    }

    fn graph_match(&mut self) -> Result<Expr> {
        self.advance()?;
        self.expect("(")?;
        let mut steps = Vec::new();
        loop {
            self.match_path(&mut steps)?;
            if !self.accept_word("AND")? {
                break;
            }
        }
        self.expect(")")?;
        Ok(Expr::Match(steps))
    }

    /// `node-(edge)->node<-(edge)-node …`
    fn match_path(&mut self, steps: &mut Vec<MatchStep>) -> Result<()> {
        if self.at_word("SHORTEST_PATH") || self.at_word("LAST_NODE") {
            return Err(self.unsupported());
        }
        let mut node = self.name()?;
        let first = steps.len();
        loop {
            let backwards = self.at("<");
            if !backwards && !self.at("-") {
                return if steps.len() == first { Err(self.unexpected()) } else { Ok(()) };
            }
            if backwards {
                self.advance()?;
            }
            self.expect("-")?;
            self.expect("(")?;
            let edge = self.name()?;
            self.expect(")")?;
            self.expect("-")?;
            if !backwards {
                self.expect(">")?;
            }
            let next = self.name()?;
            let here = std::mem::replace(&mut node, next.clone());
            let (from, to) = if backwards { (next, here) } else { (here, next) };
            steps.push(MatchStep { from, edge, to });
        }
    }
}

fn comparison_operator(symbol: &str) -> Option<Comparison> {
    Some(match symbol {
        "=" => Comparison::Equal,
        "<>" | "!=" => Comparison::NotEqual,
        "<" | "!>=" => Comparison::Less,
        "<=" | "!>" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" | "!<" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}
