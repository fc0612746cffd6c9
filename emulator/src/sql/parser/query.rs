//! Queries.

use super::Parser;
use crate::sql::ast::{Cte, Expr, OrderItem, Query, QueryBody, Select, SelectItem, SetOperator};
use crate::sql::error::Result;
use crate::sql::lexer::Token;

/// How deep a CTE may recurse (documented).
const RECURSION_MAX_DEFAULT: i64 = 100;

/// Hints that change no result.
const HINTS: [&[&str]; 6] = [
    &["RECOMPILE"],
    &["FORCE", "ORDER"],
    &["OPTIMIZE", "FOR", "UNKNOWN"],
    &["LOOP", "JOIN"],
    &["HASH", "JOIN"],
    &["MERGE", "JOIN"],
];

impl Parser<'_> {
    /// A query without CTEs: inside of parentheses, or after `WITH …`.
    pub(super) fn query(&mut self) -> Result<Query> {
        self.nested(|parser| parser.query_with(Vec::new()))
    }

    /// A query after its CTEs.
    pub(super) fn query_with(&mut self, ctes: Vec<Cte>) -> Result<Query> {
        let body = self.query_body()?;
        let order_by = self.order_by()?;
        let (mut offset, mut fetch) = (None, None);
        if !order_by.is_empty() && self.accept_word("OFFSET")? {
            offset = Some(self.expression()?);
            self.one_of(&["ROWS", "ROW"])?;
            if self.accept_word("FETCH")? {
                self.one_of(&["NEXT", "FIRST"])?;
                fetch = Some(self.expression()?);
                self.one_of(&["ROWS", "ROW"])?;
                self.expect_word("ONLY")?;
            }
        }
        if self.at_word("FOR") {
            return Err(self.unsupported());
        }
        Ok(Query { ctes, body, order_by, offset, fetch })
    }

    fn order_by(&mut self) -> Result<Vec<OrderItem>> {
        if !self.accept_word("ORDER")? {
            return Ok(Vec::new());
        }
        self.expect_word("BY")?;
        self.list(|parser| {
            let value = parser.expression()?;
            let descending = parser.direction()?;
            Ok(OrderItem { value, descending })
        })
    }

    /// `WITH name (columns) AS (query), …`
    pub(super) fn ctes(&mut self) -> Result<Vec<Cte>> {
        self.expect_word("WITH")?;
        self.cte_list()
    }

    pub(super) fn cte_list(&mut self) -> Result<Vec<Cte>> {
        self.list(|parser| {
            let name = parser.name()?;
            let columns =
                if parser.at("(") { parser.parenthesized(Self::column_name)? } else { Vec::new() };
            parser.expect_word("AS")?;
            parser.expect("(")?;
            let query = parser.query()?;
            parser.expect(")")?;
            Ok(Cte { name, columns, query, recursion_max: RECURSION_MAX_DEFAULT })
        })
    }

    fn query_body(&mut self) -> Result<QueryBody> {
        let mut left = self.intersection()?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let operator = if self.accept_words(&["UNION", "ALL"])? {
                SetOperator::UnionAll
            } else if self.accept_word("UNION")? {
                SetOperator::Union
            } else if self.accept_word("EXCEPT")? {
                SetOperator::Except
            } else {
                return Ok(left);
            };
            let right = self.intersection()?;
            left = QueryBody::Set { operator, left: Box::new(left), right: Box::new(right) };
        }
    }

    fn intersection(&mut self) -> Result<QueryBody> {
        let mut left = self.query_term()?;
        while self.accept_word("INTERSECT")? {
            let right = self.query_term()?;
            let operator = SetOperator::Intersect;
            left = QueryBody::Set { operator, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn query_term(&mut self) -> Result<QueryBody> {
        if self.accept("(")? {
            let query = self.query()?;
            self.expect(")")?;
            return Ok(QueryBody::Nested(Box::new(query)));
        }
        if self.accept_word("VALUES")? {
            let row = |parser: &mut Self| parser.parenthesized(Self::expression);
            return Ok(QueryBody::Values(self.list(row)?));
        }
        self.select().map(|select| QueryBody::Select(Box::new(select)))
    }

    fn select(&mut self) -> Result<Select> {
        self.expect_word("SELECT")?;
        let mut select = Select { distinct: self.accept_word("DISTINCT")?, ..Select::default() };
        if !select.distinct {
            self.accept_word("ALL")?;
        }
        select.top = self.top()?;
        select.items = self.list(Self::select_item)?;
        if self.at_word("INTO") {
            return Err(self.unsupported());
        }
        if self.accept_word("FROM")? {
            select.from = self.list(Self::table_source)?;
        }
        if self.accept_word("WHERE")? {
            select.filter = Some(self.predicate()?);
        }
        if self.accept_word("GROUP")? {
            self.expect_word("BY")?;
            for word in ["ROLLUP", "CUBE", "GROUPING"] {
                if self.at_word(word) {
                    return Err(self.unsupported());
                }
            }
            select.group_by = self.list(Self::expression)?;
        }
        if self.accept_word("HAVING")? {
            select.having = Some(self.predicate()?);
        }
        Ok(select)
    }

    /// `TOP n` or `TOP (expression)`.
    pub(super) fn top(&mut self) -> Result<Option<Expr>> {
        if !self.accept_word("TOP")? {
            return Ok(None);
        }
        let count = if self.accept("(")? {
            let count = self.expression()?;
            self.expect(")")?;
            count
        } else {
            Expr::Integer(self.integer()?.to_string())
        };
        if self.at_word("PERCENT") || (self.at_word("WITH") && self.peek_is_word("TIES")) {
            return Err(self.unsupported());
        }
        Ok(Some(count))
    }

    /// An item of a select list or of OUTPUT.
    pub(super) fn select_item(&mut self) -> Result<SelectItem> {
        if self.accept("*")? {
            return Ok(SelectItem::Star(None));
        }
        if let Some(qualifier) = self.qualified_star()? {
            return Ok(SelectItem::Star(Some(qualifier)));
        }
        if let Token::Variable(name) = self.token
            && !name.starts_with("@@")
            && self.peek() == Token::Symbol("=")
        {
            let variable = self.declared_variable()?;
            self.advance()?;
            return Ok(SelectItem::Assign { variable, value: self.expression()? });
        }
        if self.at_name() && self.peek() == Token::Symbol("=") {
            let alias = Some(self.name()?);
            self.advance()?;
            return Ok(SelectItem::Expr { value: self.expression()?, alias });
        }
        let value = self.expression()?;
        let alias = self.select_alias()?;
        Ok(SelectItem::Expr { value, alias })
    }

    fn select_alias(&mut self) -> Result<Option<String>> {
        if self.accept_word("AS")? {
            if matches!(self.token, Token::Text(..)) {
                return self.text_literal().map(Some);
            }
            return self.name().map(Some);
        }
        if self.at_name() && !self.at_clause_word() {
            return self.name().map(Some);
        }
        Ok(None)
    }

    /// Words that end an item although they are not reserved.
    pub(super) fn at_clause_word(&self) -> bool {
        ["OUTPUT", "OFFSET", "THROW", "GO", "APPLY", "USING", "MATCHED"]
            .iter()
            .any(|word| self.at_word(word))
    }

    fn qualified_star(&mut self) -> Result<Option<crate::sql::ast::ObjectName>> {
        if !self.at_name() {
            return Ok(None);
        }
        let saved = self.save();
        let mut parts = Vec::new();
        while self.at_name() {
            parts.push(self.name()?);
            if !self.accept(".")? {
                break;
            }
            if self.accept("*")? {
                return Ok(Some(crate::sql::ast::ObjectName(parts)));
            }
        }
        self.restore(saved);
        Ok(None)
    }

    /// `OPTION (…)`: hints change no result; those known are read and left to the optimiser. MAXRECURSION goes to the CTEs.
    pub(super) fn query_options(&mut self, ctes: &mut [Cte]) -> Result<()> {
        if !self.accept_word("OPTION")? {
            return Ok(());
        }
        let options = self.parenthesized(Self::query_option)?;
        if let Some(limit) = options.into_iter().flatten().next_back() {
            for cte in ctes {
                cte.recursion_max = if limit == 0 { -1 } else { limit };
            }
        }
        Ok(())
    }

    fn query_option(&mut self) -> Result<Option<i64>> {
        if self.accept_word("MAXRECURSION")? {
            return self.integer().map(Some);
        }
        if self.accept_word("MAXDOP")? || self.accept_word("FAST")? {
            return self.integer().map(|_| None);
        }
        for hint in HINTS {
            if self.accept_words(hint)? {
                return Ok(None);
            }
        }
        Err(self.unsupported())
    }
}
