//! MERGE: every clause puts its rows on the stage; then deletes, updates and inserts take place, in this order.

use super::scope::{Source, table_columns};
use super::stage::{self, Once, Shape, Staged, Step};
use super::{Scope, Translator};
use crate::catalog::Table;
use crate::sql::ast::{Expr, Merge, MergeAction, MergeClause, MergeWhen};
use crate::sql::error::{Result, SqlError};
use std::collections::HashMap;
use std::sync::Arc;

/// What all clauses share.
struct Frame<'m> {
    merge: &'m Merge,
    table: Arc<Table>,
    shape: Shape,
    /// Sources of USING as the first clause saw them.
    sources: Vec<Source>,
}

impl Translator<'_> {
    /// MERGE.
    pub fn merge(self, merge: &Merge) -> Result<Staged> {
        let table = Arc::clone(self.catalog().table(&merge.target)?);
        self.demand("SELECT", &table)?;
        let mut probe = self.fresh();
        probe.define_ctes(&merge.ctes)?;
        let mut scope = Scope::empty();
        probe.from(std::slice::from_ref(&merge.source), &mut scope)?;
        let mut shape = Shape::of(&table);
        if !merge.output.is_empty() {
            for (name, _) in stage::source_values(&scope.sources) {
                shape.add(name);
            }
        }
        let frame = Frame { merge, table, shape, sources: scope.sources };
        let (mut fill, mut steps) = (Vec::new(), Vec::new());
        for (at, clause) in merge.clauses.iter().enumerate() {
            let (sql, step, translator) = self.fresh().merge_clause(&frame, at, clause)?;
            fill.push(translator.plan(&sql, Vec::new(), Vec::new()));
            steps.push(step);
        }
        self.merge_output(frame, fill, steps)
    }

    fn merge_output(
        self,
        frame: Frame<'_>,
        fill: Vec<super::Plan>,
        mut steps: Vec<Step>,
    ) -> Result<Staged> {
        let Frame { merge, table, shape, sources } = frame;
        let place =
            |step: &Step| ["DELETE", "UPDATE", "INSERT"].iter().position(|own| *own == step.verb);
        steps.sort_by_key(place);
        let actions: Vec<&str> = merge.clauses.iter().map(|clause| word(&clause.action)).collect();
        let scope = stage::output_scope(&table, &["inserted", "deleted"], &sources, &actions);
        Ok(Staged {
            into: self.fresh().staged_into(merge.output.into.as_ref(), &scope, &shape, &table)?,
            output: self.fresh().staged_output(&merge.output.rows, &scope, &shape)?,
            once: Once::Refused,
            assigned: None,
            fill,
            steps,
            shape,
            table,
        })
    }

    /// SQL that puts a clause's rows on the stage, and what is to be done with them.
    fn merge_clause(
        mut self,
        frame: &Frame<'_>,
        at: usize,
        clause: &MergeClause,
    ) -> Result<(String, Step, Self)> {
        let (merge, table) = (frame.merge, &frame.table);
        self.define_ctes(&merge.ctes)?;
        self.demand(word(&clause.action), table)?;
        let mut using = Scope::empty();
        let source = self.from(std::slice::from_ref(&merge.source), &mut using)?;
        let source = source.trim_start_matches(" FROM ").to_owned();
        let alias = self.alias();
        let own = self.merge_target(frame, &alias);
        let both = Scope {
            sources: using.sources.iter().cloned().chain([own.clone()]).collect(),
            parent: None,
        };
        if both.sources.iter().filter(|source| source.name == own.name).count() > 1 {
            return Err(super::source::same_names(&own.name));
        }
        let on = self.predicate(&merge.on, &both)?;
        let target = format!("{} AS {alias}", table.storage());
        let (from, scope) = match clause.when {
            MergeWhen::Matched => (format!("({source}) JOIN {target} ON {on} WHERE 1"), both),
            MergeWhen::NotMatchedByTarget => {
                (format!("{source} WHERE NOT EXISTS (SELECT 1 FROM {target} WHERE {on})"), using)
            }
            MergeWhen::NotMatchedBySource => (
                format!("{target} WHERE NOT EXISTS (SELECT 1 FROM {source} WHERE {on})"),
                Scope { sources: vec![own], parent: None },
            ),
        };
        let conditions = self.merge_conditions(&merge.clauses[..at], clause, &scope)?;
        let mut values = vec![("clause".to_owned(), at.to_string())];
        if clause.when != MergeWhen::NotMatchedByTarget {
            values.push(("row".to_owned(), format!("{alias}.rowid")));
            values.extend(stage::kept_values(table, &alias, "o_"));
        }
        if clause.when != MergeWhen::NotMatchedBySource && !merge.output.is_empty() {
            values.extend(stage::source_values(&scope.sources[..frame.sources.len()]));
        }
        let step = self.merge_action(frame, at, &clause.action, &scope, &alias, &mut values)?;
        let (into, list) = frame.shape.filled(values);
        Ok((format!("INSERT INTO {into} SELECT {list} FROM {from}{conditions}"), step, self))
    }

    fn merge_target(&self, frame: &Frame<'_>, alias: &str) -> Source {
        let table = &frame.table;
        let shown = frame.merge.alias.clone();
        Source {
            schema: shown.is_none().then(|| self.catalog().schema_name(table.schema_id).to_owned()),
            name: shown.unwrap_or_else(|| table.name.clone()),
            alias: alias.to_owned(),
            columns: table_columns(table, &format!("{alias}.")),
            table: Some(Arc::clone(table)),
            ..Source::default()
        }
    }

    /// The clause's own condition, and that no earlier clause has taken the row.
    fn merge_conditions(
        &mut self,
        earlier: &[MergeClause],
        clause: &MergeClause,
        scope: &Scope<'_>,
    ) -> Result<String> {
        let mut sql = String::new();
        if let Some(condition) = &clause.condition {
            sql = format!(" AND {}", self.predicate(condition, scope)?);
        }
        for condition in earlier
            .iter()
            .filter(|earlier| earlier.when == clause.when)
            .filter_map(|earlier| earlier.condition.as_ref())
        {
            sql = format!("{sql} AND {} IS NOT TRUE", self.predicate(condition, scope)?);
        }
        Ok(sql)
    }

    fn merge_action(
        &mut self,
        frame: &Frame<'_>,
        at: usize,
        action: &MergeAction,
        scope: &Scope<'_>,
        alias: &str,
        values: &mut Vec<(String, String)>,
    ) -> Result<Step> {
        let (table, shape) = (&frame.table, &frame.shape);
        match action {
            MergeAction::Delete => Ok(stage::delete_step(table, shape, at)),
            MergeAction::Update(assignments) => {
                let (settings, variables) = self.settings(assignments, table, scope)?;
                if let Some((name, _)) = variables.first() {
                    return Err(SqlError::unsupported(name));
                }
                let columns: Vec<i32> = settings.iter().map(|(id, _)| *id).collect();
                values.extend(
                    stage::kept_values(table, alias, "n_")
                        .into_iter()
                        .filter(|(name, _)| !columns.iter().any(|id| *name == format!("n_c{id}"))),
                );
                values.extend(settings.into_iter().map(|(id, sql)| (format!("n_c{id}"), sql)));
                Ok(stage::update_step(table, shape, at, columns))
            }
            MergeAction::Insert { columns, values: row } => {
                let (names, expressions) =
                    self.merge_insert(table, columns, row.as_deref(), scope)?;
                let named = names.into_iter().map(|name| format!("n_{name}"));
                values.extend(named.zip(expressions));
                Ok(stage::insert_step(table, shape, at))
            }
        }
    }

    fn merge_insert(
        &mut self,
        table: &Table,
        columns: &[String],
        row: Option<&[Expr]>,
        scope: &Scope<'_>,
    ) -> Result<(Vec<String>, Vec<String>)> {
        let listed = !columns.is_empty();
        let columns = match row {
            None => Vec::new(),
            Some(_) if listed => super::insert::listed_columns(table, columns)?,
            Some(_) => super::insert::implied_columns(table),
        };
        self.check_identity(table, &columns, listed)?;
        let row = row.unwrap_or_default();
        if row.len() != columns.len() {
            return Err(super::insert::wrong_values(listed, row.len(), columns.len()));
        }
        let mut values = HashMap::with_capacity(row.len());
        for (expression, column) in row.iter().zip(columns) {
            if *expression != Expr::Default {
                values.insert(column, self.expression(expression, scope)?);
            }
        }
        self.physical(table, values)
    }
}

fn word(action: &MergeAction) -> &'static str {
    match action {
        MergeAction::Update(_) => "UPDATE",
        MergeAction::Delete => "DELETE",
        MergeAction::Insert { .. } => "INSERT",
    }
}
