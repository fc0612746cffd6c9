//! Statements: which one begins here, and those that steer a batch.

use super::Parser;
use crate::sql::ast::{Argument, ProcedureCall, Statement, StatementKind};
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;

impl Parser<'_> {
    /// One statement with its semicolon.
    pub(super) fn statement(&mut self) -> Result<Statement> {
        let line = self.line;
        let kind = self.nested(Self::statement_kind).map_err(|error| error.at_line(line))?;
        while self.accept(";")? {}
        Ok(Statement { line, kind })
    }

    fn statement_kind(&mut self) -> Result<StatementKind> {
        if self.at("(") && self.at_query() {
            return self.select_statement(Vec::new());
        }
        let Token::Word(word) = self.token else {
            return Err(self.unexpected());
        };
        match word.to_ascii_uppercase().as_str() {
            "SELECT" => self.select_statement(Vec::new()),
            "WITH" => self.after_ctes(),
            "INSERT" => self.insert(Vec::new()),
            "UPDATE" => self.update(Vec::new()),
            "DELETE" => self.delete(Vec::new()),
            "MERGE" => self.merge(Vec::new()),
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_statement(),
            "TRUNCATE" => self.truncate(),
            "GRANT" | "DENY" | "REVOKE" => self.permission_change(),
            "DECLARE" => self.declare(),
            "SET" => self.set(),
            "IF" => self.if_statement(),
            "WHILE" => self.while_statement(),
            "BEGIN" => self.begin(),
            "COMMIT" => self.commit(),
            "ROLLBACK" => self.rollback(),
            "SAVE" => self.save_point(),
            "EXEC" | "EXECUTE" => self.execute(),
            "PRINT" => {
                self.advance()?;
                Ok(StatementKind::Print(self.expression()?))
            }
            "RAISERROR" => self.raiserror(),
            "THROW" => self.throw(),
            "RETURN" => self.return_statement(),
            "BREAK" => self.loop_word("BREAK", 135, StatementKind::Break),
            "CONTINUE" => self.loop_word("CONTINUE", 136, StatementKind::Continue),
            "USE" => {
                self.advance()?;
                Ok(StatementKind::Use(self.name()?))
            }
            "WAITFOR" => {
                self.advance()?;
                self.expect_word("DELAY")?;
                Ok(StatementKind::WaitFor(self.text_constant()?))
            }
            "BULK" | "BACKUP" | "RESTORE" | "DBCC" | "KILL" | "CHECKPOINT" | "OPEN" | "CLOSE"
            | "FETCH" | "DEALLOCATE" | "GOTO" | "REVERT" | "SHUTDOWN" | "RECONFIGURE"
            | "ENABLE" | "DISABLE" => Err(self.unsupported()),
            _ => self.leading_procedure(),
        }
    }

    /// BREAK and CONTINUE: outside of a loop they are refused before anything runs (observed).
    fn loop_word(&mut self, word: &str, number: i32, kind: StatementKind) -> Result<StatementKind> {
        if self.loops == 0 {
            let message =
                format!("Cannot use a {word} statement outside the scope of a WHILE statement.");
            return Err(SqlError::new(number, message).class(15).at_line(self.line));
        }
        self.advance()?;
        Ok(kind)
    }

    /// The first statement of a batch may be a procedure's name without EXEC.
    fn leading_procedure(&mut self) -> Result<StatementKind> {
        if self.previous_end != 0 || !self.at_name() {
            return Err(self.unexpected());
        }
        self.procedure_call(None)
    }

    fn select_statement(&mut self, ctes: Vec<crate::sql::ast::Cte>) -> Result<StatementKind> {
        let mut query = self.query_with(ctes)?;
        self.query_options(&mut query.ctes)?;
        Ok(StatementKind::Select(Box::new(query)))
    }

    fn after_ctes(&mut self) -> Result<StatementKind> {
        if self.at_tracking_context() {
            return self.tracking_context();
        }
        let ctes = self.ctes()?;
        self.statement_after_ctes(ctes)
    }

    pub(super) fn statement_after_ctes(
        &mut self,
        ctes: Vec<crate::sql::ast::Cte>,
    ) -> Result<StatementKind> {
        if self.at_word("INSERT") {
            self.insert(ctes)
        } else if self.at_word("UPDATE") {
            self.update(ctes)
        } else if self.at_word("DELETE") {
            self.delete(ctes)
        } else if self.at_word("SELECT") || self.at("(") {
            self.select_statement(ctes)
        } else if self.at_word("MERGE") {
            self.merge(ctes)
        } else {
            Err(self.unexpected())
        }
    }

    fn if_statement(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let condition = self.predicate()?;
        let then = Box::new(self.statement()?);
        let otherwise =
            if self.accept_word("ELSE")? { Some(Box::new(self.statement()?)) } else { None };
        Ok(StatementKind::If { condition, then, otherwise })
    }

    fn while_statement(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let condition = self.predicate()?;
        self.loops += 1;
        let body = self.statement();
        self.loops -= 1;
        Ok(StatementKind::While { condition, body: Box::new(body?) })
    }

    fn begin(&mut self) -> Result<StatementKind> {
        self.advance()?;
        if self.accept_word("TRAN")? || self.accept_word("TRANSACTION")? {
            let name = self.transaction_name()?;
            if self.at_word("WITH") && self.peek_is_word("MARK") {
                self.advance()?;
                return Err(self.unsupported());
            }
            return Ok(StatementKind::Begin(name));
        }
        if self.accept_word("TRY")? {
            let body = self.statements_until_end("TRY")?;
            self.accept(";")?;
            self.expect_word("BEGIN")?;
            self.expect_word("CATCH")?;
            let handler = self.statements_until_end("CATCH")?;
            return Ok(StatementKind::TryCatch { body, handler });
        }
        if self.at_word("DISTRIBUTED") || self.at_word("DIALOG") || self.at_word("CONVERSATION") {
            return Err(self.unsupported());
        }
        self.accept(";")?;
        let mut statements = Vec::new();
        while !self.at_word("END") {
            while self.accept(";")? {}
            statements.push(self.statement()?);
        }
        self.advance()?;
        if statements.is_empty() {
            return Err(crate::sql::error::SqlError::syntax("END").at_line(self.line));
        }
        Ok(StatementKind::Block(statements))
    }

    fn statements_until_end(&mut self, word: &str) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        while self.accept(";")? {}
        while !self.accept_words(&["END", word])? {
            statements.push(self.statement()?);
        }
        Ok(statements)
    }

    fn transaction_name(&mut self) -> Result<Option<String>> {
        if let Token::Variable(_) = self.token {
            return Err(self.unsupported());
        }
        let ends = ["THROW", "GO"].iter().any(|word| self.at_word(word));
        if self.at_name() && !ends { self.name().map(Some) } else { Ok(None) }
    }

    fn commit(&mut self) -> Result<StatementKind> {
        self.advance()?;
        if self.accept_word("TRAN")? || self.accept_word("TRANSACTION")? {
            self.transaction_name()?;
        } else {
            self.accept_word("WORK")?;
        }
        if self.at_word("WITH") && self.peek() == Token::Symbol("(") {
            return Err(self.unsupported());
        }
        Ok(StatementKind::Commit)
    }

    fn rollback(&mut self) -> Result<StatementKind> {
        self.advance()?;
        if self.accept_word("TRAN")? || self.accept_word("TRANSACTION")? {
            return Ok(StatementKind::Rollback(self.transaction_name()?));
        }
        self.accept_word("WORK")?;
        Ok(StatementKind::Rollback(None))
    }

    fn save_point(&mut self) -> Result<StatementKind> {
        self.advance()?;
        self.one_of(&["TRANSACTION", "TRAN"])?;
        Ok(StatementKind::Save(self.name()?))
    }

    fn execute(&mut self) -> Result<StatementKind> {
        self.advance()?;
        if self.accept("(")? {
            let text = self.joined_texts()?;
            self.expect(")")?;
            if self.at_word("AT") || self.at_word("AS") {
                return Err(self.unsupported());
            }
            return Ok(StatementKind::ExecuteText(text));
        }
        let status = match self.token {
            Token::Variable(_) if self.peek() == Token::Symbol("=") => {
                let name = self.declared_variable()?;
                self.advance()?;
                Some(name)
            }
            _ => None,
        };
        self.procedure_call(status)
    }

    fn procedure_call(&mut self, status: Option<String>) -> Result<StatementKind> {
        let name = self.object_name()?;
        let mut arguments = Vec::new();
        let ends = self.at(";") || self.token == Token::End || (self.at_name() && !self.at_value());
        if !ends && self.at_value() {
            arguments = self.list(Self::argument)?;
        }
        if self.at_word("WITH") && self.peek_is_word("RESULT") {
            return Err(self.unsupported());
        }
        Ok(StatementKind::ExecuteProcedure(Box::new(ProcedureCall { status, name, arguments })))
    }

    fn at_value(&self) -> bool {
        !matches!(self.token, Token::Word(_) | Token::Symbol(";" | ")") | Token::End)
            || self.at_word("NULL")
            || self.at_word("DEFAULT")
    }

    fn argument(&mut self) -> Result<Argument> {
        let name = match self.token {
            Token::Variable(name) if self.peek() == Token::Symbol("=") => {
                self.advance()?;
                self.advance()?;
                Some(name.to_owned())
            }
            _ => None,
        };
        let value = self.constant()?;
        let output = self.accept_word("OUTPUT")? || self.accept_word("OUT")?;
        Ok(Argument { name, value, output })
    }

    fn raiserror(&mut self) -> Result<StatementKind> {
        self.advance()?;
        self.expect("(")?;
        let message = self.constant()?;
        self.expect(",")?;
        let severity = self.constant()?;
        self.expect(",")?;
        let state = self.constant()?;
        let arguments = if self.accept(",")? { self.list(Self::constant)? } else { Vec::new() };
        self.expect(")")?;
        if self.accept_word("WITH")? {
            // Messages go out when they come anyway; a log and a number for what is no error are not there.
            if !self.accept_word("NOWAIT")? {
                return Err(self.unsupported());
            }
        }
        Ok(StatementKind::Raiserror { message, severity, state, arguments })
    }

    fn throw(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let bare = matches!(self.token, Token::End | Token::Symbol(";")) || self.at_word("END");
        if bare {
            return Ok(StatementKind::Throw(None));
        }
        let number = self.int_constant()?;
        self.expect(",")?;
        let message = self.text_constant()?;
        self.expect(",")?;
        Ok(StatementKind::Throw(Some((number, message, self.int_constant()?))))
    }

    /// Observed: a value is for procedures, and this server has none of the user's (178).
    fn return_statement(&mut self) -> Result<StatementKind> {
        self.advance()?;
        let bare = matches!(self.token, Token::End | Token::Symbol(";"))
            || matches!(self.token, Token::Word(_));
        if !bare {
            let message = "A RETURN statement with a return value cannot be used in this context.";
            return Err(SqlError::new(178, message).class(15).at_line(self.line));
        }
        Ok(StatementKind::Return)
    }
}
