//! VALUES and set operations: rows of several origins under common types.

use super::projection::Projected;
use super::query::Translated;

use super::typed::common_type;
use super::{Scope, Translator, Typed};
use crate::sql::ast::{Expr, QueryBody, SetOperator};
use crate::sql::error::{Result, SqlError};
use crate::tds::response::Origin;

/// `SQLite` joins no more SELECTs by UNION ALL.
const COMPOUND_MAX: usize = 500;

impl Translator<'_> {
    pub(super) fn values(&mut self, rows: &[Vec<Expr>], scope: &Scope<'_>) -> Result<Translated> {
        let width = rows.first().map_or(0, Vec::len);
        let mut cells: Vec<Vec<Typed>> = Vec::with_capacity(rows.len());
        let mut types: Vec<Typed> = Vec::new();
        for row in rows {
            if row.len() != width {
                let message = "All the rows in a table value constructor must have the same number of columns.";
                return Err(SqlError::new(10709, message).class(15));
            }
            let row =
                row.iter().map(|cell| self.expression(cell, scope)).collect::<Result<Vec<_>>>()?;
            if types.is_empty() {
                types.clone_from(&row);
            } else {
                for (own, cell) in types.iter_mut().zip(&row) {
                    merge(own, cell)?;
                }
            }
            cells.push(row);
        }
        // SQLite names the columns of VALUES only where nothing around is named in them.
        let correlated = scope.has_sources() && rows.len() <= COMPOUND_MAX;
        let mut lines = Vec::with_capacity(rows.len());
        for row in cells {
            let mut line = Vec::with_capacity(width);
            for (at, (cell, own)) in row.into_iter().zip(&types).enumerate() {
                let cell = self.implicit(cell, own.sql_type)?.sql;
                line.push(if correlated { format!("{cell} AS column{}", at + 1) } else { cell });
            }
            lines.push(line.join(", "));
        }
        let sql = if correlated {
            format!("SELECT {}", lines.join(" UNION ALL SELECT "))
        } else {
            format!("VALUES ({})", lines.join("), ("))
        };
        let columns =
            types.iter().map(|own| Projected::of(&own.clone().derived(), String::new())).collect();
        Ok(Translated {
            sql,
            columns,
            prefix: "column",
            assigned: Vec::new(),
            single_row: rows.len() == 1,
            limited: false,
            parts: None,
            base: None,
        })
    }

    pub(super) fn set_operation(
        &mut self,
        operator: SetOperator,
        left: &QueryBody,
        right: &QueryBody,
        parent: &Scope<'_>,
    ) -> Result<Translated> {
        let nested_right = matches!(right, QueryBody::Set { .. });
        let (left, right) = (self.body(left, parent)?, self.body(right, parent)?);
        if left.columns.len() != right.columns.len() {
            let message = "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of \
                           expressions in their target lists.";
            return Err(SqlError::new(205, message));
        }
        let mut columns = Vec::with_capacity(left.columns.len());
        for (own, other) in left.columns.iter().zip(&right.columns) {
            let (own_value, other_value) = (placeholder(own), placeholder(other));
            columns.push(Projected {
                sql_type: common_type(&own_value, &other_value)?,
                nullable: own.nullable || other.nullable,
                origin: Origin::Derived,
                is_null: own.is_null && other.is_null,
                role: crate::catalog::ColumnRole::User,
                ..own.clone()
            });
        }
        let word = match operator {
            SetOperator::UnionAll => "UNION ALL",
            SetOperator::Union => "UNION",
            SetOperator::Except => "EXCEPT",
            SetOperator::Intersect => "INTERSECT",
        };
        let collate = operator != SetOperator::UnionAll;
        let left = self.side(left, &columns, collate, false)?;
        let right = self.side(right, &columns, collate, nested_right)?;
        Ok(Translated {
            sql: format!("{left} {word} {right}"),
            columns,
            prefix: "c",
            assigned: Vec::new(),
            single_row: false,
            limited: false,
            parts: None,
            base: None,
        })
    }

    /// A side of a set operation, its columns converted to the common types.
    fn side(
        &mut self,
        side: Translated,
        columns: &[Projected],
        collate: bool,
        nested: bool,
    ) -> Result<String> {
        let same = side
            .columns
            .iter()
            .zip(columns)
            .all(|(own, common)| own.sql_type == common.sql_type || own.is_null);
        let texts = collate && columns.iter().any(|column| column.sql_type.is_text());
        if same && !texts && !side.limited && !nested && side.prefix == "c" {
            return Ok(side.sql);
        }
        let alias = self.alias();
        let mut list = Vec::with_capacity(columns.len());
        for (at, (own, common)) in side.columns.iter().zip(columns).enumerate() {
            let sql = format!("{alias}.{}{}", side.prefix, at + 1);
            let value = Typed { sql, ..placeholder(own) };
            let value = if own.is_null { value } else { self.implicit(value, common.sql_type)? };
            let sql = if collate { value.collated() } else { value.sql };
            list.push(format!("{sql} AS c{}", at + 1));
        }
        Ok(format!("SELECT {} FROM ({}) AS {alias}", list.join(", "), side.sql))
    }
}

pub(super) fn placeholder(column: &Projected) -> Typed {
    Typed {
        collation: column.collation,
        is_null: column.is_null,
        ..Typed::expression(String::new(), column.sql_type)
    }
}

fn merge(own: &mut Typed, cell: &Typed) -> Result<()> {
    let sql_type = common_type(own, cell)?;
    let is_null = own.is_null && cell.is_null;
    own.nullable |= cell.nullable;
    if own.is_null && !cell.is_null {
        own.collation = cell.collation;
    }
    own.sql_type = sql_type;
    own.is_null = is_null;
    Ok(())
}
