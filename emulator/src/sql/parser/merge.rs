//! MERGE.

use super::Parser;
use crate::sql::ast::{Cte, Merge, MergeAction, MergeClause, MergeWhen, StatementKind};
use crate::sql::error::{Result, SqlError};

impl Parser<'_> {
    pub(super) fn merge(&mut self, mut ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance()?;
        if self.at_word("TOP") {
            return Err(self.unsupported());
        }
        self.accept_word("INTO")?;
        let target = self.target()?;
        self.table_hints()?;
        let alias = self.merge_alias()?;
        self.table_hints()?;
        self.expect_word("USING")?;
        let source = self.table_source()?;
        self.expect_word("ON")?;
        let on = self.predicate()?;
        let mut clauses = Vec::new();
        while self.accept_word("WHEN")? {
            let clause = self.merge_clause()?;
            self.check_order(&clauses, &clause)?;
            clauses.push(clause);
        }
        if clauses.is_empty() {
            return Err(self.unexpected());
        }
        let output = self.output()?;
        self.query_options(&mut ctes)?;
        if !self.at(";") {
            // Documented: 10713.
            let message = "A MERGE statement must be terminated by a semi-colon (;).";
            return Err(SqlError::new(10713, message).class(15).at_line(self.line));
        }
        let merge = Merge { ctes, target, alias, source, on, clauses, output };
        Ok(StatementKind::Merge(Box::new(merge)))
    }

    /// An alias, unless it is USING.
    fn merge_alias(&mut self) -> Result<Option<String>> {
        if self.at_word("USING") { Ok(None) } else { self.source_alias() }
    }

    fn merge_clause(&mut self) -> Result<MergeClause> {
        let when = if self.accept_word("MATCHED")? {
            MergeWhen::Matched
        } else {
            self.expect_word("NOT")?;
            self.expect_word("MATCHED")?;
            if self.accept_words(&["BY", "SOURCE"])? {
                MergeWhen::NotMatchedBySource
            } else {
                self.accept_words(&["BY", "TARGET"])?;
                MergeWhen::NotMatchedByTarget
            }
        };
        let condition = if self.accept_word("AND")? { Some(self.predicate()?) } else { None };
        self.expect_word("THEN")?;
        let action = self.merge_action(when)?;
        Ok(MergeClause { when, condition, action })
    }

    fn merge_action(&mut self, when: MergeWhen) -> Result<MergeAction> {
        let word = ["UPDATE", "DELETE", "INSERT"].into_iter().find(|word| self.at_word(word));
        let Some(word) = word else {
            return Err(self.unexpected());
        };
        if (word == "INSERT") != (when == MergeWhen::NotMatchedByTarget) {
            // Documented texts: 10711 for an INSERT, 10710 for the others.
            let number = if word == "INSERT" { 10711 } else { 10710 };
            let message = format!(
                "An action of type '{word}' is not allowed in the '{}' clause of a MERGE statement.",
                clause_name(when)
            );
            return Err(SqlError::new(number, message).class(15).at_line(self.line));
        }
        self.advance()?;
        match word {
            "UPDATE" => {
                self.expect_word("SET")?;
                Ok(MergeAction::Update(self.list(Self::assignment)?))
            }
            "DELETE" => Ok(MergeAction::Delete),
            _ => self.merge_insert(),
        }
    }

    fn merge_insert(&mut self) -> Result<MergeAction> {
        let columns =
            if self.at("(") { self.parenthesized(Self::column_name)? } else { Vec::new() };
        if self.accept_words(&["DEFAULT", "VALUES"])? {
            return Ok(MergeAction::Insert { columns, values: None });
        }
        self.expect_word("VALUES")?;
        let values = Some(self.parenthesized(Self::expression)?);
        Ok(MergeAction::Insert { columns, values })
    }

    /// At most one INSERT, and two clauses of each other kind, the first with a condition, one UPDATE and one DELETE (documented).
    fn check_order(&self, earlier: &[MergeClause], clause: &MergeClause) -> Result<()> {
        let same = || earlier.iter().filter(|own| own.when == clause.when);
        let name = clause_name(clause.when);
        let kind = std::mem::discriminant(&clause.action);
        if same().any(|own| std::mem::discriminant(&own.action) == kind) {
            let action = match clause.action {
                MergeAction::Update(_) => "UPDATE",
                MergeAction::Delete => "DELETE",
                MergeAction::Insert { .. } => "INSERT",
            };
            let message = format!(
                "An action of type '{name}' cannot appear more than once in a '{action}' clause of a MERGE statement."
            );
            return Err(SqlError::new(10714, message).class(15).at_line(self.line));
        }
        if same().any(|own| own.condition.is_none()) {
            let message = format!(
                "In a MERGE statement, a '{name}' clause with a search condition cannot appear after a '{name}' clause with \
                 no search condition."
            );
            return Err(SqlError::new(5324, message).class(15).at_line(self.line));
        }
        Ok(())
    }
}

fn clause_name(when: MergeWhen) -> &'static str {
    match when {
        MergeWhen::Matched => "WHEN MATCHED",
        MergeWhen::NotMatchedByTarget => "WHEN NOT MATCHED",
        MergeWhen::NotMatchedBySource => "WHEN NOT MATCHED BY SOURCE",
    }
}
