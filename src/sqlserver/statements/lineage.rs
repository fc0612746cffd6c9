//! One hop of a walk. Nodes are given as a JSON array, `@P1`, of row keys or of identities.
//!
//! An edge table is crossed through `MATCH`: its ends have no other names that are ours to use. An
//! edge whose end rows are gone is not crossed, as it leads nowhere.

use super::{Statement, cell, in_list, lead_cells, text};
use crate::mapping::names::{quote_sql, sql_table};
use crate::mapping::{Column, ColumnKind, Mapping, Slot};

/// How the relationships of one table are crossed, in either direction.
#[derive(Clone, Debug)]
pub struct CrossingStatements {
    /// From where they begin: `@P1` row keys (edges) or identities (links) of beginnings.
    pub along: String,
    /// From where they end.
    pub against: String,
    /// How to decode the cells, as those of [`super::TableStatements::kinds`].
    pub kinds: Vec<ColumnKind>,
}

/// How nodes of one table are found.
#[derive(Clone, Debug)]
pub struct FindingStatements {
    /// Key, type and identity: `@P1` row keys.
    pub by_key: String,
    /// Key, type and identity: `@P1` identities.
    pub by_identity: String,
    /// How to decode the cells.
    pub kinds: Vec<ColumnKind>,
}

/// The statements of an edge or link table; `None` for a node table.
pub fn crossing(mapping: &Mapping, slot: Slot) -> Option<CrossingStatements> {
    let table = mapping.table(slot);
    let (mut lead, lead_kinds) = lead_cells(mapping, slot);
    let kinds = lead_kinds.into_iter().chain(table.columns.iter().map(|c| c.kind)).collect();
    let [along, against] = match slot {
        Slot::Node(_) => return None,
        Slot::Edge(i) => {
            let edge = &mapping.edges[i];
            let ends = [&mapping.nodes[edge.from].table, &mapping.nodes[edge.to].table];
            let keys = [("a", ends[0]), ("b", ends[1])]
                .map(|(alias, end)| format!("{alias}.{}", quote_sql(&end.key)));
            lead.truncate(1);
            lead.extend(keys.iter().cloned());
            let from = format!(
                "{} AS a, {} AS t, {} AS b\nWHERE MATCH(a-(t)->b) AND ",
                sql_table(&ends[0].name),
                sql_table(&table.name),
                sql_table(&ends[1].name)
            );
            keys.map(|key| format!("{from}{}", in_list(&key)))
        }
        Slot::Link(i) => {
            let link = &mapping.links[i];
            let kind = mapping.nodes[link.nodes].identity.kind;
            [&link.from_column, &link.to_column].map(|column| {
                let column = format!("t.{}", quote_sql(column));
                format!("{} AS t\nWHERE {}", sql_table(&table.name), in_identities(&column, kind))
            })
        }
    };
    let cells: String = lead
        .into_iter()
        .chain(table.columns.iter().map(cell))
        .map(|c| format!(",\n       {c}"))
        .collect();
    let select = |from: String| format!("SELECT t.{}{cells}\nFROM {from};", quote_sql(&table.key));
    Some(CrossingStatements { along: select(along), against: select(against), kinds })
}

/// The statements of a node table.
pub fn finding(mapping: &Mapping, nodes: usize) -> FindingStatements {
    let node = &mapping.nodes[nodes];
    let key = format!("t.{}", quote_sql(&node.table.key));
    let identity = format!("t.{}", quote_sql(&node.identity.column));
    let select = |condition: String| {
        format!(
            "SELECT {key}, {}, {}\nFROM {} AS t\nWHERE {condition}\nORDER BY {key};",
            text(&node.types.column),
            cell(&node.identity),
            sql_table(&node.table.name)
        )
    };
    FindingStatements {
        by_key: select(in_list(&key)),
        by_identity: select(in_identities(&identity, node.identity.kind)),
        kinds: vec![ColumnKind::Text, node.identity.kind],
    }
}

/// Which of some identities (`@P1`) a link table's rows name, as beginnings and as ends.
pub fn named(mapping: &Mapping, link: usize) -> [String; 2] {
    let link = &mapping.links[link];
    let kind = mapping.nodes[link.nodes].identity.kind;
    [&link.from_column, &link.to_column].map(|name| {
        let column = Column { column: name.clone(), property: String::new(), kind };
        format!(
            "SELECT DISTINCT {} AS named\nFROM {} AS t\nWHERE {};",
            cell(&column),
            sql_table(&link.table.name),
            in_identities(&format!("t.{}", quote_sql(name)), kind)
        )
    })
}

/// SQL Server compares texts by their collation: more may come than was asked for.
fn in_identities(column: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Integer => in_list(column),
        ColumnKind::Hex => format!(
            "{column} IN (SELECT CONVERT(varbinary(8000), k.id, 2) FROM OPENJSON(@P1) WITH (id nvarchar(4000) '$') AS k)"
        ),
        _ => format!(
            "{column} IN (SELECT k.id FROM OPENJSON(@P1) WITH (id nvarchar(4000) '$') AS k)"
        ),
    }
}

/// Every statement of walks, for `provsync explain`.
pub fn all(mapping: &Mapping) -> Vec<Statement> {
    let mut out = Vec::new();
    for (slot, table) in mapping.tables() {
        let mut add = |what: &str, sql: String| {
            out.push(Statement { name: format!("{}-{what}", table.name), sql });
        };
        if let Slot::Node(i) = slot {
            let finding = finding(mapping, i);
            add("find-by-key", finding.by_key);
            add("find-by-identity", finding.by_identity);
        }
        if let Some(crossing) = crossing(mapping, slot) {
            add("cross-along", crossing.along);
            add("cross-against", crossing.against);
        }
        if let Slot::Link(i) = slot {
            let [from, to] = named(mapping, i);
            add("named-from", from);
            add("named-to", to);
        }
    }
    out
}
