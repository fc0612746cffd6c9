//! Recursive descent: one method per rule of the grammar, one token of lookahead, more by a copy of the lexer.

mod change_table;
mod constant;
mod constraint;
mod control;
mod create;
mod create_table;
mod dml;
mod expression;
mod index;
mod merge;
mod permission;
mod predicate;
mod query;
mod schema_change;
mod settings;
mod source;
mod type_name;
mod variable;

use std::sync::LazyLock;

use super::ast::{Batch, ObjectName};
use super::error::{Result, SqlError};
use super::lexer::{Lexer, Token};

/// Parses a whole batch: a syntax error anywhere refuses all of it, as SQL Server does, and so does a variable that is
/// neither declared before nor `known` as a parameter.
pub fn parse_batch(text: &[u8], known: &dyn Fn(&str) -> bool) -> Result<Batch> {
    let mut parser = Parser::new(text)?;
    let mut statements = Vec::new();
    loop {
        while parser.accept(";")? {}
        if parser.token == Token::End {
            break;
        }
        statements.push(parser.statement().map_err(|error| error.at_line(parser.line))?);
    }
    parser.names.check(known)?;
    Ok(Batch { statements, variables: parser.names.variables })
}

/// Parses an expression that stands alone: a default, a check or a filter from the catalog.
pub fn parse_expression(text: &str) -> Result<super::ast::Expr> {
    let mut parser = Parser::new(text.as_bytes())?;
    let expression = parser.predicate_or_value()?;
    match parser.token {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected()),
    }
}

/// Parses what `sp_executesql` takes as its parameter definitions: `@a int, @b nvarchar(10) OUTPUT`.
pub fn parse_declarations(text: &str) -> Result<Vec<(String, crate::values::SqlType)>> {
    let mut parser = Parser::new(text.as_bytes())?;
    if parser.token == Token::End {
        return Ok(Vec::new());
    }
    let declarations = parser.list(|parser| {
        let name = parser.variable()?;
        parser.accept_word("AS")?;
        let sql_type = parser.data_type()?;
        if !parser.accept_word("OUTPUT")? {
            parser.accept_word("OUT")?;
        }
        Ok((name, sql_type))
    })?;
    match parser.token {
        Token::End => Ok(declarations),
        _ => Err(parser.unexpected()),
    }
}

/// A place in the text and the token there.
pub(super) struct Parser<'a> {
    text: &'a [u8],
    lexer: Lexer<'a>,
    token: Token<'a>,
    line: u32,
    start: usize,
    previous_end: usize,
    depth: u32,
    /// Loops around the present statement.
    loops: u32,
    names: variable::Names,
    tokens: u32,
}

/// Operators in a row beyond this are refused, since every one is a level of the tree (SQL Server: error 8631 and its like).
const CHAIN_MAX: u32 = 2000;

struct Saved<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    line: u32,
    start: usize,
    previous_end: usize,
    depth: u32,
}

/// Tokens of a text, counted again where the parser comes back to them: what a batch may take in time and memory. SQL Server has
/// no such number, but ends in 701 too.
const TOKENS_MAX: u32 = 2_000_000;
/// Nesting beyond this is refused (SQL Server: error 191).
const DEPTH_MAX: u32 = 200;

impl<'a> Parser<'a> {
    fn new(text: &'a [u8]) -> Result<Self> {
        let mut lexer = Lexer::new(text);
        let token = lexer.next()?;
        let line = lexer.line;
        Ok(Self {
            text,
            lexer,
            token,
            line,
            start: 0,
            previous_end: 0,
            depth: 0,
            loops: 0,
            tokens: 0,
            names: variable::Names::default(),
        })
    }

    fn advance(&mut self) -> Result<Token<'a>> {
        self.tokens += 1;
        if self.tokens > TOKENS_MAX {
            let message =
                "There is insufficient system memory in resource pool 'default' to run this query.";
            return Err(SqlError::new(701, message).class(17).at_line(self.line));
        }
        self.previous_end = self.lexer.position();
        let next = self.lexer.next().map_err(|error| error.at_line(self.lexer.line))?;
        self.start = self.lexer.token_start();
        self.line = self.lexer.line;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// A place to come back to.
    fn save(&self) -> Saved<'a> {
        Saved {
            lexer: self.lexer,
            token: self.token.clone(),
            line: self.line,
            start: self.start,
            previous_end: self.previous_end,
            depth: self.depth,
        }
    }

    fn restore(&mut self, saved: Saved<'a>) {
        self.lexer = saved.lexer;
        self.token = saved.token;
        self.line = saved.line;
        self.start = saved.start;
        self.previous_end = saved.previous_end;
        self.depth = saved.depth;
    }

    /// The token after the present one.
    fn peek(&self) -> Token<'a> {
        let mut ahead = self.lexer;
        ahead.next().unwrap_or(Token::End)
    }

    /// The text from `start` to the end of the token before the present one.
    fn text_since(&self, start: usize) -> String {
        String::from_utf8_lossy(&self.text[start..self.previous_end]).trim().to_owned()
    }

    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH_MAX {
            return Err(SqlError::new(
                191,
                "Some part of your SQL statement is nested too deeply.",
            )
            .class(15));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// One more operator in a row.
    fn link(&self, links: &mut u32) -> Result<()> {
        *links += 1;
        if *links > CHAIN_MAX {
            let message = "Internal error: Server stack limit has been reached. Please look for potentially deep nesting in your \
                           query, and try to simplify it.";
            return Err(SqlError::new(8631, message).class(17).at_line(self.line));
        }
        Ok(())
    }

    /// 102, or 156 where a reserved word stands in the way.
    fn unexpected(&self) -> SqlError {
        let error = match &self.token {
            Token::Word(word) if is_reserved(word) => {
                SqlError::new(156, format!("Incorrect syntax near the keyword '{word}'.")).class(15)
            }
            // Where the text ends too early, its last word is named.
            Token::End => SqlError::syntax(self.previous_word()),
            token => SqlError::syntax(token),
        };
        error.at_line(self.line)
    }

    fn previous_word(&self) -> String {
        let mut lexer = Lexer::new(self.text);
        let mut last = Token::Symbol("");
        while let Ok(token) = lexer.next() {
            if token == Token::End {
                break;
            }
            last = token;
        }
        last.to_string()
    }

    /// The present word is SQL Server's, but not in the subset.
    fn unsupported(&self) -> SqlError {
        SqlError::unsupported(&self.token).at_line(self.line)
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn at(&self, symbol: &str) -> bool {
        matches!(self.token, Token::Symbol(text) if text == symbol)
    }

    fn peek_is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn accept_word(&mut self, word: &str) -> Result<bool> {
        let found = self.at_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// All of the words, if they stand here one after the other.
    fn accept_words(&mut self, words: &[&str]) -> Result<bool> {
        let mut ahead = self.lexer;
        let Some((first, rest)) = words.split_first() else {
            return Ok(true);
        };
        if !self.at_word(first) {
            return Ok(false);
        }
        for word in rest {
            match ahead.next() {
                Ok(Token::Word(text)) if text.eq_ignore_ascii_case(word) => {}
                _ => return Ok(false),
            }
        }
        for _ in words {
            self.advance()?;
        }
        Ok(true)
    }

    fn accept(&mut self, symbol: &str) -> Result<bool> {
        let found = self.at(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.accept_word(word)? { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.accept(symbol)? { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The first of the words that stands here, upper case.
    fn one_of(&mut self, words: &[&'static str]) -> Result<&'static str> {
        for word in words {
            if self.accept_word(word)? {
                return Ok(word);
            }
        }
        Err(self.unexpected())
    }

    /// ON or OFF.
    fn on_or_off(&mut self) -> Result<bool> {
        Ok(self.one_of(&["ON", "OFF"])? == "ON")
    }

    /// An identifier; a reserved word only in quotes.
    fn name(&mut self) -> Result<String> {
        match &self.token {
            Token::Word(word) if !is_reserved(word) => {
                let name = (*word).to_owned();
                self.advance()?;
                Ok(name)
            }
            Token::Quoted(name) => {
                let name = name.clone().into_owned();
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn at_name(&self) -> bool {
        match &self.token {
            Token::Word(word) => !is_reserved(word),
            Token::Quoted(_) => true,
            _ => false,
        }
    }

    /// A name of up to four parts; `a..b` has an empty schema.
    fn object_name(&mut self) -> Result<ObjectName> {
        let mut parts = vec![self.name()?];
        while self.accept(".")? {
            if self.at(".") {
                parts.push(String::new());
                continue;
            }
            parts.push(self.name()?);
            if parts.len() > 4 {
                return Err(self.unexpected());
            }
        }
        Ok(ObjectName(parts))
    }

    /// A column's name; pseudo-columns keep their `$`.
    fn column_name(&mut self) -> Result<String> {
        if let Token::Pseudo(name) = self.token {
            self.advance()?;
            return Ok(name.to_ascii_lowercase());
        }
        self.name()
    }

    /// `item, item, …`
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.accept(",")? {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, …)`
    fn parenthesized<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect("(")?;
        let items = self.list(item)?;
        self.expect(")")?;
        Ok(items)
    }

    /// An integer literal with an optional minus.
    fn integer(&mut self) -> Result<i64> {
        let negative = self.accept("-")?;
        let Token::Integer(digits) = self.token else {
            return Err(self.unexpected());
        };
        let value: i64 = digits.parse().map_err(|_| self.unexpected())?;
        self.advance()?;
        Ok(if negative { -value } else { value })
    }

    /// A text literal.
    fn text_literal(&mut self) -> Result<String> {
        let Token::Text(text, _) = &self.token else {
            return Err(self.unexpected());
        };
        let text = String::from_utf8_lossy(text).into_owned();
        self.advance()?;
        Ok(text)
    }
}

/// Words that no identifier may be without quotes (documented list; those that this grammar meets).
const RESERVED: &str = "ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY CASCADE CASE CHECK \
    CHECKPOINT CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS CONTINUE CONVERT CREATE CROSS \
    CURRENT CURSOR DATABASE DBCC DEALLOCATE DECLARE DEFAULT DELETE DENY DESC DISTINCT DISTRIBUTED DOUBLE DROP \
    ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE EXISTS EXIT EXTERNAL FETCH FOR FOREIGN FREETEXT FROM FULL FUNCTION \
    GOTO GRANT GROUP HAVING HOLDLOCK IDENTITY IDENTITY_INSERT IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY KILL LEFT LIKE \
    MERGE NATIONAL NOCHECK NONCLUSTERED NOT NULL NULLIF OF OFF ON OPEN OPENQUERY OPENROWSET OPTION OR ORDER OUTER \
    OVER PERCENT PIVOT PRIMARY PRINT PROC PROCEDURE PUBLIC RAISERROR READ RECONFIGURE REFERENCES REPLICATION RESTORE \
    RETURN REVERT REVOKE RIGHT ROLLBACK RULE SAVE SCHEMA SELECT SESSION_USER SET SHUTDOWN SOME STATISTICS SYSTEM_USER TABLE \
    TABLESAMPLE THEN TO TOP TRAN TRANSACTION TRIGGER TRUNCATE TRY_CONVERT UNION UNIQUE UNPIVOT UPDATE USE USER VALUES \
    VARYING VIEW WAITFOR WHEN WHERE WHILE WITH WITHIN";

static RESERVED_SET: LazyLock<std::collections::HashSet<&'static str>> =
    LazyLock::new(|| RESERVED.split_ascii_whitespace().collect());

fn is_reserved(word: &str) -> bool {
    let mut upper = [0; 16];
    let Some(upper) = upper.get_mut(..word.len()) else {
        return false;
    };
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    std::str::from_utf8(upper).is_ok_and(|word| RESERVED_SET.contains(word))
}
