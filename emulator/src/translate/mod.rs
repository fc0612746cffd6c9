//! From the tree of a statement to SQL that `SQLite` runs, with SQL Server's types on everything that comes out.

mod aggregate;
mod apply;
mod arithmetic;
mod change;
mod changes;
mod cte;
mod date_function;
mod expression;
mod function;
mod graph_match;
mod grouping;
mod insert;
mod json;
mod literal;
mod merge;
mod object_function;
mod output;
mod predicate;
mod projection;
mod query;
mod scope;
mod select;
mod session_function;
mod set_operation;
mod source;
mod stage;
mod stored_value;
mod text_function;
mod typed;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::catalog::permissions::PrincipalId;
use crate::catalog::rows::View;
use crate::catalog::{Catalog, Table};
use crate::sql::ast::{Cte, Expr, Query};
use crate::sql::error::{Result, SqlError};
use crate::tds::response::OutColumn;
use crate::values::{SqlType, Value};

pub use change::Changing;
pub use changes::{DELETED, INSERTED, UPDATED};
pub use insert::InsertTarget;
pub use scope::Scope;
pub use stage::{Once, Shape, Staged, Step};
pub use typed::Typed;

use projection::Projected;

/// What a statement sees around it.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// Catalog of the statement's transaction.
    pub catalog: &'a Catalog,
    /// Who runs it.
    pub user: PrincipalId,
    /// Types of variables and parameters, by lower-case name.
    pub variables: &'a HashMap<String, SqlType>,
    /// The transaction is under SNAPSHOT.
    pub snapshot: bool,
    /// The server serves as a readable secondary.
    pub secondary: bool,
    /// Table for which `IDENTITY_INSERT` is on.
    pub identity_insert: Option<i32>,
}

/// What a placeholder of the SQL stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Binding {
    /// A variable, by lower-case name.
    Variable(String),
    /// A value that stood in the text.
    Literal(Value),
}

/// A statement for `SQLite`.
#[derive(Clone, Debug)]
pub struct Plan {
    /// SQL.
    pub sql: String,
    /// Placeholders `?1`, `?2`, …
    pub bindings: Vec<Binding>,
    /// Columns of the result.
    pub columns: Vec<OutColumn>,
    /// Variables that the rows are assigned to, instead of a result.
    pub assigned: Vec<String>,
    /// Object ids of the user tables that it touches.
    pub tables: BTreeSet<i32>,
    /// It touches such tables, or asks for versions of change tracking.
    pub reads_data: bool,
    /// Column ids that an UPDATE sets, in the order of its SET.
    pub set_columns: Vec<i32>,
    /// Where RETURNING begins.
    pub returning: Option<usize>,
}

impl Plan {
    /// SQL that needs nothing else.
    pub fn plain(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            bindings: Vec::new(),
            columns: Vec::new(),
            assigned: Vec::new(),
            tables: BTreeSet::new(),
            reads_data: false,
            set_columns: Vec::new(),
            returning: None,
        }
    }
}

/// Translates one statement.
pub struct Translator<'a> {
    environment: Environment<'a>,
    bindings: Vec<Binding>,
    variable_places: HashMap<String, usize>,
    bind_literals: bool,
    aliases: u32,
    views: BTreeSet<&'static str>,
    ctes: Vec<CteSource>,
    cte_sql: Vec<String>,
    grouping: Vec<grouping::Grouping>,
    /// Under which name a recursive member reads its own CTE.
    recursion_alias: Option<String>,
    /// User tables touched so far.
    tables: RefCell<BTreeSet<i32>>,
    /// Whether versions of change tracking are asked for.
    reads_versions: bool,
    /// Columns that an UPDATE sets.
    set_columns: Vec<i32>,
}

/// A CTE that queries may name.
#[derive(Clone, Debug)]
struct CteSource {
    name: String,
    sql_name: String,
    columns: Vec<Projected>,
    base: Option<scope::Base>,
}

impl<'a> Translator<'a> {
    /// For one statement.
    pub fn new(environment: Environment<'a>) -> Self {
        Self {
            environment,
            bindings: Vec::new(),
            variable_places: HashMap::new(),
            bind_literals: false,
            aliases: 0,
            views: BTreeSet::new(),
            ctes: Vec::new(),
            cte_sql: Vec::new(),
            grouping: Vec::new(),
            recursion_alias: None,
            tables: RefCell::default(),
            reads_versions: false,
            set_columns: Vec::new(),
        }
    }

    /// Another for the same statement.
    fn fresh(&self) -> Translator<'a> {
        Translator::new(self.environment)
    }

    fn catalog(&self) -> &'a Catalog {
        self.environment.catalog
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("a{}", self.aliases)
    }

    /// A query as a statement.
    pub fn query(mut self, query: &Query) -> Result<Plan> {
        self.define_ctes(&query.ctes)?;
        let translated = self.top_query(query)?;
        let columns = translated.columns.iter().map(Projected::out_column).collect();
        Ok(self.plan(&translated.sql, columns, translated.assigned))
    }

    /// One value.
    pub fn value(mut self, expression: &Expr) -> Result<(Plan, SqlType)> {
        let typed = self.expression(expression, &Scope::empty())?;
        let sql_type = typed.sql_type;
        let column = Projected::of(&typed, String::new()).out_column();
        let sql = format!("SELECT {}", typed.sql);
        Ok((self.plan(&sql, vec![column], Vec::new()), sql_type))
    }

    /// One value, converted as an assignment does.
    pub fn converted(mut self, expression: &Expr, to: SqlType) -> Result<Plan> {
        let typed = self.expression(expression, &Scope::empty())?;
        let typed = self.implicit(typed, to)?;
        let column = Projected::of(&typed, String::new()).out_column();
        let sql = format!("SELECT {}", typed.sql);
        Ok(self.plan(&sql, vec![column], Vec::new()))
    }

    /// A predicate as 1 or 0.
    pub fn condition(mut self, predicate: &Expr) -> Result<Plan> {
        let sql = self.predicate(predicate, &Scope::empty())?;
        Ok(self.plan(&format!("SELECT CASE WHEN {sql} THEN 1 ELSE 0 END"), Vec::new(), Vec::new()))
    }

    /// A predicate over a table's own columns, for a CHECK or a filtered index: names are the `SQLite` columns.
    pub fn row_predicate(mut self, predicate: &Expr, table: &Table) -> Result<String> {
        let scope = Scope::of_row(table, "");
        self.predicate(predicate, &scope)
    }

    fn plan(self, sql: &str, columns: Vec<OutColumn>, assigned: Vec<String>) -> Plan {
        let sql = self.with_clause() + sql;
        let tables = self.tables.into_inner();
        let reads_data = self.reads_versions || !tables.is_empty();
        let (bindings, set_columns) = (self.bindings, self.set_columns);
        Plan { sql, bindings, columns, assigned, tables, reads_data, set_columns, returning: None }
    }

    fn define_ctes(&mut self, ctes: &[Cte]) -> Result<()> {
        for cte in ctes {
            self.define_cte(cte)?;
        }
        Ok(())
    }

    fn with_clause(&self) -> String {
        let mut entries: Vec<String> =
            self.views.iter().filter_map(|name| view_sql(name)).collect();
        entries.extend(self.cte_sql.iter().cloned());
        if entries.is_empty() {
            String::new()
        } else {
            format!("WITH RECURSIVE {} ", entries.join(", "))
        }
    }

    fn variable_type(&self, name: &str) -> Result<SqlType> {
        let declared = self.environment.variables.get(&name.to_lowercase()).copied();
        // Documented text of 137.
        declared.ok_or_else(|| {
            let message = format!("Must declare the scalar variable \"{name}\".");
            SqlError::new(137, message).class(15).state(2)
        })
    }

    /// The placeholder of a variable.
    fn variable(&mut self, name: &str) -> Result<Typed> {
        let sql_type = self.variable_type(name)?;
        let key = name.to_lowercase();
        let next = self.bindings.len() + 1;
        let place = *self.variable_places.entry(key.clone()).or_insert(next);
        if place == next {
            self.bindings.push(Binding::Variable(key));
        }
        Ok(Typed::expression(format!("?{place}"), sql_type))
    }

    /// The user may read the table, and SNAPSHOT is allowed if it is asked for.
    fn demand(&self, permission: &str, table: &Table) -> Result<()> {
        let catalog = self.catalog();
        if !table.is_local() {
            self.tables.borrow_mut().insert(table.id);
        }
        if self.environment.snapshot && !catalog.database.snapshot_allowed && !table.is_local() {
            // Observed: at the first access to a user table (probed.md 6).
            let message = format!(
                "Snapshot isolation transaction failed accessing database '{}' because snapshot isolation is not allowed in \
                 this database. Use ALTER DATABASE to allow snapshot isolation.",
                catalog.database.name
            );
            return Err(SqlError::new(3952, message));
        }
        catalog.demand(self.environment.user, permission, table)
    }
}

/// A catalog view as a common table expression: made once per statement.
fn view_sql(name: &str) -> Option<String> {
    let view: &View = crate::catalog::rows::any(name)?;
    let columns: Vec<String> = view
        .columns
        .iter()
        .enumerate()
        .map(|(at, (_, sql_type, _))| {
            let value = format!("value ->> {at}");
            let value = match sql_type {
                SqlType::UniqueIdentifier => {
                    let (from, to) = (SqlType::NTEXT_MAX.code(), sql_type.code());
                    format!("conv({value}, {from}, {to}, 0)")
                }
                _ => value,
            };
            format!("{value} AS c{}", at + 1)
        })
        .collect();
    Some(format!(
        "v_{name} AS MATERIALIZED (SELECT {} FROM json_each(m_rows('{name}')))",
        columns.join(", ")
    ))
}
