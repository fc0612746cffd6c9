//! Expressions that give a value.

use super::Parser;
use crate::sql::ast::{BinaryOperator, Call, Expr, OrderTerm, Window};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

impl Parser<'_> {
    /// `+ - & | ^` over `* / %` over unary operators.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.nested(Self::sum)
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        let mut links = 0;
        loop {
            let operator = match self.token {
                Token::Symbol("+") => BinaryOperator::Add,
                Token::Symbol("-") => BinaryOperator::Subtract,
                Token::Symbol("&") => BinaryOperator::BitAnd,
                Token::Symbol("|") => BinaryOperator::BitOr,
                Token::Symbol("^") => BinaryOperator::BitXor,
                _ => return Ok(left),
            };
            self.advance()?;
            self.link(&mut links)?;
            let right = self.product()?;
            left = Expr::Arithmetic { operator, left: Box::new(left), right: Box::new(right) };
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        let mut links = 0;
        loop {
            let operator = match self.token {
                Token::Symbol("*") => BinaryOperator::Multiply,
                Token::Symbol("/") => BinaryOperator::Divide,
                Token::Symbol("%") => BinaryOperator::Modulo,
                _ => return Ok(left),
            };
            self.advance()?;
            self.link(&mut links)?;
            let right = self.unary()?;
            left = Expr::Arithmetic { operator, left: Box::new(left), right: Box::new(right) };
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        if self.accept("-")? {
            return Ok(Expr::Negate(Box::new(self.nested(Self::unary)?)));
        }
        if self.accept("~")? {
            return Ok(Expr::BitNot(Box::new(self.nested(Self::unary)?)));
        }
        if self.accept("+")? {
            return self.nested(Self::unary);
        }
        let mut value = self.primary()?;
        while self.accept_word("COLLATE")? {
            value = Expr::Collate { value: Box::new(value), collation: self.collation()? };
        }
        Ok(value)
    }

    pub(super) fn primary(&mut self) -> Result<Expr> {
        let expression = match &mut self.token {
            Token::Integer(digits) => Expr::Integer((*digits).to_owned()),
            Token::Decimal(digits) => Expr::Decimal((*digits).to_owned()),
            Token::Float(digits) => Expr::Float((*digits).to_owned()),
            Token::Text(text, national) => {
                Expr::Text { value: std::mem::take(text), national: *national }
            }
            Token::Binary(bytes) => Expr::Binary(std::mem::take(bytes)),
            Token::Variable(name) => {
                let name = (*name).to_owned();
                self.note_use(&name, self.line);
                Expr::Variable(name)
            }
            Token::Pseudo(name) => {
                Expr::Pseudo { qualifier: Vec::new(), name: name.to_ascii_lowercase() }
            }
            Token::Symbol("(") => return self.in_parentheses(),
            Token::Word(_) => return self.word_expression(),
            Token::Quoted(_) => return self.column(),
            _ => return Err(self.unexpected()),
        };
        self.advance()?;
        Ok(expression)
    }

    fn in_parentheses(&mut self) -> Result<Expr> {
        self.expect("(")?;
        let inner = if self.at_query() {
            Expr::Scalar(Box::new(self.query()?))
        } else {
            self.expression()?
        };
        self.expect(")")?;
        Ok(inner)
    }

    pub(super) fn at_query(&self) -> bool {
        self.at_word("SELECT") || (self.at("(") && self.parenthesized_query_ahead())
    }

    fn parenthesized_query_ahead(&self) -> bool {
        let mut ahead = self.lexer;
        loop {
            match ahead.next() {
                Ok(Token::Symbol("(")) => {}
                Ok(Token::Word(word)) => return word.eq_ignore_ascii_case("SELECT"),
                _ => return false,
            }
        }
    }

    fn word_expression(&mut self) -> Result<Expr> {
        if self.accept_word("NULL")? {
            return Ok(Expr::Null);
        }
        if self.accept_word("DEFAULT")? {
            return Ok(Expr::Default);
        }
        if self.accept_word("CASE")? {
            return self.case();
        }
        if self.at_word("CURRENT_TIMESTAMP") {
            self.advance()?;
            return Ok(Expr::Call(Box::new(plain_call("GETDATE", Vec::new()))));
        }
        for word in ["CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "USER"] {
            if self.accept_word(word)? {
                let name = if word == "SYSTEM_USER" { "SUSER_SNAME" } else { "USER_NAME" };
                return Ok(Expr::Call(Box::new(plain_call(name, Vec::new()))));
            }
        }
        if self.peek() == Token::Symbol("(") {
            return self.call();
        }
        self.column()
    }

    fn case(&mut self) -> Result<Expr> {
        let operand = if self.at_word("WHEN") { None } else { Some(Box::new(self.expression()?)) };
        let mut branches = Vec::new();
        while self.accept_word("WHEN")? {
            let when = if operand.is_some() { self.expression()? } else { self.predicate()? };
            self.expect_word("THEN")?;
            branches.push((when, self.expression()?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise =
            if self.accept_word("ELSE")? { Some(Box::new(self.expression()?)) } else { None };
        self.expect_word("END")?;
        Ok(Expr::Case { operand, branches, otherwise })
    }

    /// `a`, `a.b`, `a.b.c`, `a.$node_id`.
    fn column(&mut self) -> Result<Expr> {
        let mut parts = vec![self.name()?];
        while self.accept(".")? {
            if let Token::Pseudo(name) = self.token {
                self.advance()?;
                return Ok(Expr::Pseudo { qualifier: parts, name: name.to_ascii_lowercase() });
            }
            parts.push(self.name()?);
        }
        if self.at("(") || self.at("::") {
            // A method or function behind a qualified name.
            return Err(self.unsupported());
        }
        Ok(Expr::Column(parts))
    }

    fn call(&mut self) -> Result<Expr> {
        let Token::Word(word) = self.token else {
            return Err(self.unexpected());
        };
        let name = word.to_ascii_uppercase();
        match name.as_str() {
            "CAST" | "TRY_CAST" => return self.cast(name == "TRY_CAST"),
            "CONVERT" | "TRY_CONVERT" => return self.convert(name == "TRY_CONVERT"),
            "IIF" => return self.iif(),
            "LEFT" | "RIGHT" | "COALESCE" | "NULLIF" => {}
            _ if super::is_reserved(word) => return Err(self.unexpected()),
            _ => {}
        }
        self.advance()?;
        self.expect("(")?;
        let mut call = plain_call(&name, Vec::new());
        if self.accept("*")? {
            call.star = true;
        } else if !self.at(")") {
            call.distinct = self.accept_word("DISTINCT")?;
            call.arguments = self.call_arguments(&name)?;
        }
        self.expect(")")?;
        if self.accept_words(&["WITHIN", "GROUP"])? {
            self.expect("(")?;
            call.within_group = self.order_terms()?;
            self.expect(")")?;
        }
        if self.accept_word("OVER")? {
            call.over = Some(self.window()?);
        }
        Ok(Expr::Call(Box::new(call)))
    }

    /// The first argument of the date functions is a word, not a column.
    fn call_arguments(&mut self, function: &str) -> Result<Vec<Expr>> {
        let mut arguments = Vec::new();
        if matches!(
            function,
            "DATEADD" | "DATEDIFF" | "DATEDIFF_BIG" | "DATEPART" | "DATENAME" | "DATETRUNC"
        ) {
            let part = self.name()?.to_ascii_lowercase().into_bytes();
            arguments.push(Expr::Text { value: part, national: false });
            if !self.accept(",")? {
                return Err(self.unexpected());
            }
        }
        arguments.extend(self.list(Self::expression)?);
        Ok(arguments)
    }

    fn cast(&mut self, try_: bool) -> Result<Expr> {
        self.advance()?;
        self.expect("(")?;
        let value = Box::new(self.expression()?);
        self.expect_word("AS")?;
        let sql_type = self.cast_type()?;
        self.expect(")")?;
        Ok(Expr::Cast { value, sql_type, style: None, try_ })
    }

    fn convert(&mut self, try_: bool) -> Result<Expr> {
        self.advance()?;
        self.expect("(")?;
        let sql_type = self.cast_type()?;
        self.expect(",")?;
        let value = Box::new(self.expression()?);
        let style = if self.accept(",")? { Some(Box::new(self.expression()?)) } else { None };
        self.expect(")")?;
        Ok(Expr::Cast { value, sql_type, style, try_ })
    }

    /// In CAST and CONVERT a length left out is 30 (documented).
    fn cast_type(&mut self) -> Result<crate::values::SqlType> {
        use crate::values::{Length, SqlType};
        let sql_type = self.data_type()?;
        if self.previous_token_closes() {
            return Ok(sql_type);
        }
        Ok(match sql_type {
            SqlType::Char(_) => SqlType::Char(30),
            SqlType::NChar(_) => SqlType::NChar(30),
            SqlType::Binary(_) => SqlType::Binary(30),
            SqlType::VarChar(_) => SqlType::VarChar(Length::Limited(30)),
            SqlType::NVarChar(Length::Limited(1)) => SqlType::NVarChar(Length::Limited(30)),
            SqlType::VarBinary(_) => SqlType::VarBinary(Length::Limited(30)),
            other => other,
        })
    }

    fn previous_token_closes(&self) -> bool {
        self.previous_end > 0 && self.text[self.previous_end - 1] == b')'
    }

    fn iif(&mut self) -> Result<Expr> {
        self.advance()?;
        self.expect("(")?;
        let condition = self.predicate()?;
        self.expect(",")?;
        let then = self.expression()?;
        self.expect(",")?;
        let otherwise = Some(Box::new(self.expression()?));
        self.expect(")")?;
        Ok(Expr::Case { operand: None, branches: vec![(condition, then)], otherwise })
    }

    fn order_terms(&mut self) -> Result<Vec<OrderTerm>> {
        self.expect_word("ORDER")?;
        self.expect_word("BY")?;
        self.list(|parser| {
            let value = parser.expression()?;
            let descending = parser.direction()?;
            Ok(OrderTerm { value, descending })
        })
    }

    /// ASC or DESC, or neither.
    pub(super) fn direction(&mut self) -> Result<bool> {
        let descending = self.accept_word("DESC")?;
        if !descending {
            self.accept_word("ASC")?;
        }
        Ok(descending)
    }

    fn window(&mut self) -> Result<Window> {
        self.expect("(")?;
        let mut window = Window::default();
        if self.accept_words(&["PARTITION", "BY"])? {
            window.partition_by = self.list(Self::expression)?;
        }
        if self.at_word("ORDER") {
            window.order_by = self.order_terms()?;
        }
        for unit in ["ROWS", "RANGE"] {
            if self.accept_word(unit)? {
                if window.order_by.is_empty() {
                    return Err(self.unexpected());
                }
                window.frame = Some(self.frame(unit)?);
                break;
            }
        }
        self.expect(")")?;
        Ok(window)
    }

    /// `BETWEEN … AND …`, or where the frame begins.
    fn frame(&mut self, unit: &str) -> Result<String> {
        if self.accept_word("BETWEEN")? {
            let from = self.frame_bound(unit)?;
            self.expect_word("AND")?;
            return Ok(format!(" {unit} BETWEEN {from} AND {}", self.frame_bound(unit)?));
        }
        Ok(format!(" {unit} {}", self.frame_bound(unit)?))
    }

    fn frame_bound(&mut self, unit: &str) -> Result<String> {
        if self.accept_words(&["CURRENT", "ROW"])? {
            return Ok("CURRENT ROW".to_owned());
        }
        let distance = if self.accept_word("UNBOUNDED")? {
            "UNBOUNDED".to_owned()
        } else {
            let distance = self.integer()?;
            if unit == "RANGE" || distance < 0 {
                // Documented: 4194.
                let message = "RANGE is only supported with UNBOUNDED and CURRENT ROW window frame delimiters.";
                return Err(SqlError::new(4194, message).at_line(self.line));
            }
            distance.to_string()
        };
        Ok(format!("{distance} {}", self.one_of(&["PRECEDING", "FOLLOWING"])?))
    }

    /// A collation's name.
    pub(super) fn collation(&mut self) -> Result<String> {
        self.name()
    }
}

fn plain_call(name: &str, arguments: Vec<Expr>) -> Call {
    Call {
        name: name.to_owned(),
        arguments,
        star: false,
        distinct: false,
        within_group: Vec::new(),
        over: None,
    }
}
