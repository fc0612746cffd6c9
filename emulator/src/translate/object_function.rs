//! Functions over ids of nodes and edges, over columns, and over application locks.

use super::aggregate::exactly;
use super::{Scope, Translator, Typed};
use crate::sql::ast::Expr;
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType};

impl Translator<'_> {
    /// Ids of nodes and edges, from and to their parts.
    pub(super) fn graph_function(
        &mut self,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>> {
        const TEXT: SqlType = SqlType::NVarChar(Length::Limited(1000));
        let (function, sql_type) = match name {
            "NODE_ID_FROM_PARTS" => ("g_node_parts", TEXT),
            "EDGE_ID_FROM_PARTS" => ("g_edge_parts", TEXT),
            "OBJECT_ID_FROM_NODE_ID" => ("g_node_object", SqlType::Int),
            "GRAPH_ID_FROM_NODE_ID" => ("g_node_graph", SqlType::BigInt),
            "OBJECT_ID_FROM_EDGE_ID" => ("g_edge_object", SqlType::Int),
            "GRAPH_ID_FROM_EDGE_ID" => ("g_edge_graph", SqlType::BigInt),
            _ => return Ok(None),
        };
        if sql_type != TEXT {
            let [id] = exactly::<1>(name, arguments)?;
            let id = self.expression(id, scope)?;
            let id = self.as_text(id)?;
            return Ok(Some(Typed::expression(format!("{function}({})", id.sql), sql_type)));
        }
        let [object, id] = exactly::<2>(name, arguments)?;
        let (object, id) = (self.expression(object, scope)?, self.expression(id, scope)?);
        for (at, part) in [(1, &object), (2, &id)] {
            // Observed for the id (probed.md 4).
            if !part.is_null && part.sql_type.family() != Family::Integer {
                let message = format!(
                    "Argument data type {} is invalid for argument {at} of {} function.",
                    part.sql_type.name(),
                    name.to_ascii_lowercase()
                );
                return Err(SqlError::new(8116, message));
            }
        }
        Ok(Some(Typed::expression(format!("{function}({}, {})", object.sql, id.sql), sql_type)))
    }

    /// COLUMNPROPERTY(id, column, property).
    pub(super) fn column_property(
        &mut self,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let [table, column, property] = exactly::<3>("COLUMNPROPERTY", arguments)?;
        let table = self.expression(table, scope)?;
        let table = self.as_bigint(table)?.sql;
        let mut texts = Vec::with_capacity(2);
        for text in [column, property] {
            let typed = self.expression(text, scope)?;
            texts.push(self.as_text(typed)?.sql);
        }
        let sql = format!("m_column({table}, {})", texts.join(", "));
        Ok(Typed::expression(sql, SqlType::Int))
    }

    /// Texts, of which only the last, the owner, may be NULL (observed, probed.md 7).
    pub(super) fn lock_function(
        &mut self,
        function: &str,
        name: &str,
        arguments: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<String> {
        let mut sql = Vec::with_capacity(arguments.len());
        for (at, argument) in arguments.iter().enumerate() {
            let typed = self.expression(argument, scope)?;
            if typed.is_null && at + 1 < arguments.len() {
                let message = format!(
                    "Argument data type NULL is invalid for argument {} of {} function.",
                    at + 1,
                    name.to_ascii_lowercase()
                );
                return Err(SqlError::new(8116, message));
            }
            sql.push(self.as_text(typed)?.sql);
        }
        Ok(format!("{function}({})", sql.join(", ")))
    }
}
