//! A piece of SQL with its type, and how it becomes another type.

use super::Translator;
use super::literal::literal_sql;
use crate::catalog::ColumnRole;
use crate::sql::error::{Result, SqlError};
use crate::sqlite::collation::CASE_INSENSITIVE;
use crate::tds::response::Origin;
use crate::values::convert::{self, Purpose};
use crate::values::sql_type::Family;
use crate::values::{SqlType, Value};

/// SQL that gives one value in the storage form of its type.
#[derive(Clone, Debug)]
pub struct Typed {
    /// SQL.
    pub sql: String,
    /// Type.
    pub sql_type: SqlType,
    /// Whether NULL may come.
    pub nullable: bool,
    /// Where it comes from.
    pub origin: Origin,
    /// Collation of a text.
    pub collation: &'static str,
    /// COLLATE was written.
    pub explicit_collation: bool,
    /// The literal NULL, which is of no type.
    pub is_null: bool,
    /// Object id and graph id of a node or edge id.
    pub graph: Option<(String, String)>,
    /// The value, where it stood in the text.
    pub literal: Option<Value>,
    /// What the column is to the graph.
    pub role: ColumnRole,
}

impl Typed {
    /// An expression that may be NULL.
    pub fn expression(sql: impl Into<String>, sql_type: SqlType) -> Self {
        Self {
            sql: sql.into(),
            sql_type,
            nullable: true,
            origin: Origin::Expression,
            collation: CASE_INSENSITIVE,
            explicit_collation: false,
            is_null: false,
            graph: None,
            literal: None,
            role: ColumnRole::User,
        }
    }

    /// The same, never NULL.
    #[must_use]
    pub fn not_null(mut self) -> Self {
        self.nullable = false;
        self
    }

    /// The same without what ties it to a column.
    #[must_use]
    pub fn derived(mut self) -> Self {
        self.origin = Origin::Expression;
        self.graph = None;
        self.literal = None;
        self.role = ColumnRole::User;
        self
    }

    /// SQL with the collation by which a text is compared and sorted.
    pub fn collated(&self) -> String {
        if self.sql_type.is_text() {
            format!("{} COLLATE {}", self.sql, self.collation)
        } else {
            self.sql.clone()
        }
    }

    /// SQL by which values are compared: two datetimeoffsets are equal when their instants are.
    pub fn comparable(&self) -> String {
        if matches!(self.sql_type, SqlType::DateTimeOffset(_)) {
            format!("substr({}, 1, 8)", self.sql)
        } else {
            self.sql.clone()
        }
    }
}

/// The collation of two texts together: one that is written wins, then a case-sensitive one.
pub fn common_collation(left: &Typed, right: &Typed) -> &'static str {
    match (left.explicit_collation, right.explicit_collation) {
        (true, _) => left.collation,
        (_, true) => right.collation,
        _ if left.literal.is_some() => right.collation,
        _ => left.collation,
    }
}

/// 206.
pub fn clash(left: SqlType, right: SqlType) -> SqlError {
    let message =
        format!("Operand type clash: {} is incompatible with {}", left.name(), right.name());
    SqlError::new(206, message).state(2)
}

impl Translator<'_> {
    /// Converts without CAST; what needs one is refused.
    pub(super) fn implicit(&mut self, typed: Typed, to: SqlType) -> Result<Typed> {
        if !typed.is_null && !convert::is_implicit(typed.sql_type, to) {
            let (from, into) = (typed.sql_type, to);
            if convert::is_allowed(from, into) {
                // Documented: 257.
                let message = format!(
                    "Implicit conversion from data type {} to {} is not allowed. Use the CONVERT function to run this query.",
                    from.name(),
                    into.name()
                );
                return Err(SqlError::new(257, message).state(3));
            }
            return Err(clash(from, into));
        }
        self.explicit(typed, to, 0, false)
    }

    /// CAST, CONVERT and their TRY forms.
    pub(super) fn explicit(
        &mut self,
        typed: Typed,
        to: SqlType,
        style: i64,
        try_: bool,
    ) -> Result<Typed> {
        let from = typed.sql_type;
        if typed.is_null {
            return Ok(Typed { sql_type: to, ..typed });
        }
        if !convert::is_allowed(from, to) {
            let message = format!(
                "Explicit conversion from data type {} to {} is not allowed.",
                from.name(),
                to.name()
            );
            return Err(SqlError::new(529, message).state(2));
        }
        if from == to && style == 0 {
            return Ok(typed);
        }
        if let Some(literal) = typed.literal.clone() {
            return match convert::convert(literal, from, to, style, Purpose::Cast) {
                Ok(value) => Ok(self.literal(value, to)),
                Err(_) if try_ => Ok(Typed { sql_type: to, ..Typed::expression("NULL", to) }),
                Err(error) => Err(error),
            };
        }
        let keeps_storage = convert::is_free(from, to) && style == 0;
        let sql = if keeps_storage {
            typed.sql.clone()
        } else {
            let function = if try_ { "tryconv" } else { "conv" };
            format!("{function}({}, {}, {}, {style})", typed.sql, from.code(), to.code())
        };
        let graph = typed.graph.clone();
        Ok(Typed { sql, sql_type: to, graph, ..typed.derived() })
    }

    /// A value that stands in the SQL, or is bound where statements repeat.
    pub(super) fn literal(&mut self, value: Value, sql_type: SqlType) -> Typed {
        let sql = if self.bind_literals {
            self.bindings.push(super::Binding::Literal(value.clone()));
            format!("?{}", self.bindings.len())
        } else {
            literal_sql(&value)
        };
        let nullable = value.is_null();
        Typed { literal: Some(value), nullable, ..Typed::expression(sql, sql_type) }
    }

    /// Two values that are compared or chosen between: both in their common type.
    pub(super) fn unified(&mut self, left: Typed, right: Typed) -> Result<(Typed, Typed)> {
        let sql_type = common_type(&left, &right)?;
        Ok((self.implicit(left, sql_type)?, self.implicit(right, sql_type)?))
    }

    /// As text, for functions that take one.
    pub(super) fn as_text(&mut self, typed: Typed) -> Result<Typed> {
        match typed.sql_type.family() {
            Family::Text => Ok(typed),
            Family::Binary => self.explicit(
                typed,
                SqlType::VarChar(crate::values::Length::Limited(8000)),
                0,
                false,
            ),
            _ => self.implicit(typed, SqlType::NVarChar(crate::values::Length::Limited(4000))),
        }
    }

    /// As a whole number, for functions that take one.
    pub(super) fn as_bigint(&mut self, typed: Typed) -> Result<Typed> {
        self.implicit(typed, SqlType::BigInt)
    }
}

/// The type of which both become part.
pub fn common_type(left: &Typed, right: &Typed) -> Result<SqlType> {
    if left.is_null {
        return Ok(right.sql_type);
    }
    if right.is_null {
        return Ok(left.sql_type);
    }
    let sql_type = left.sql_type.unify(right.sql_type);
    for side in [left, right] {
        if !convert::is_implicit(side.sql_type, sql_type) {
            return Err(clash(left.sql_type, right.sql_type));
        }
    }
    Ok(sql_type)
}
