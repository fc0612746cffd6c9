//! Texts that the source takes for equal and the graph does not.
//!
//! Neo4j compares text exactly. Under a collation that ignores case, accents or width, SQL Server takes two
//! spellings of an identity for one, which then are two nodes; a link that spells it another way leads to a
//! placeholder. Only a binary collation makes the two agree.

use super::{Column, Table};
use crate::finding::Finding;
use crate::mapping::names::{quote_sql, sql_table};
use crate::mapping::{ColumnKind, Mapping, Slot, TableName};

/// Text identities, and the columns of links that name them, whose collation is not binary.
pub(super) fn check_collations(mapping: &Mapping, slot: Slot, table: &Table) -> Vec<Finding> {
    let (names, nodes, consequence) = match slot {
        Slot::Node(i) => {
            (vec![&mapping.nodes[i].identity.column], i, "become two nodes in the graph")
        }
        Slot::Link(i) => {
            let link = &mapping.links[i];
            let ends = vec![&link.from_column, &link.to_column];
            (ends, link.nodes, "lead to two nodes in the graph, or to a placeholder")
        }
        Slot::Edge(_) => return Vec::new(),
    };
    if mapping.nodes[nodes].identity.kind != ColumnKind::Text {
        return Vec::new();
    }
    let own = &mapping.table(slot).name;
    let columns = names.into_iter().filter_map(|name| table.column(name));
    columns.filter_map(|column| check_collation(own, column, consequence)).collect()
}

fn check_collation(table: &TableName, column: &Column, consequence: &str) -> Option<Finding> {
    let collation = column.collation.as_deref().filter(|name| !is_binary(name))?;
    let found = format!("{collation}: two spellings that it takes for equal {consequence}");
    let finding = Finding::new("identity-collation", format!("{table}.{}", column.name))
        .expected("a binary collation, since Neo4j compares text exactly")
        .found(found)
        .warning();
    Some(finding.fix(fix(table, column, collation)))
}

fn is_binary(collation: &str) -> bool {
    collation.split('_').any(|part| matches!(part, "BIN" | "BIN2"))
}

fn fix(table: &TableName, column: &Column, collation: &str) -> String {
    let nullability = if column.is_nullable { "NULL" } else { "NOT NULL" };
    let alter = format!(
        "ALTER TABLE {} ALTER COLUMN {} {} COLLATE {} {nullability};",
        sql_table(table),
        quote_sql(&column.name),
        declared(column),
        binary_of(collation, is_unicode(&column.sql_type)),
    );
    match column.index_count {
        0 => alter,
        n => format!("drop the {n} index(es) or key(s) that contain the column, then {alter}"),
    }
}

fn is_unicode(sql_type: &str) -> bool {
    matches!(sql_type, "nvarchar" | "nchar" | "ntext" | "sysname")
}

/// The type as `ALTER COLUMN` takes it: not `text` or `ntext`, and no alias.
fn declared(column: &Column) -> String {
    let bytes_each = if is_unicode(&column.sql_type) { 2 } else { 1 };
    let length = match column.max_length {
        -1 => "max".to_owned(),
        bytes => (bytes / bytes_each).to_string(),
    };
    match column.sql_type.as_str() {
        "text" => "varchar(max)".to_owned(),
        "ntext" => "nvarchar(max)".to_owned(),
        "sysname" => "nvarchar(128)".to_owned(),
        other => format!("{other}({length})"),
    }
}

/// A binary collation that holds the same characters: what is not Unicode keeps its code page.
fn binary_of(collation: &str, is_unicode: bool) -> String {
    /// Code pages of SQL Server's own collations, and a binary collation of each.
    const BY_CODE_PAGE: [(&str, &str); 10] = [
        ("CP437", "SQL_Latin1_General_CP437_BIN2"),
        ("CP850", "SQL_Latin1_General_CP850_BIN2"),
        ("CP1250", "Polish_100_BIN2"),
        ("CP1251", "Cyrillic_General_100_BIN2"),
        ("CP1253", "Greek_100_BIN2"),
        ("CP1254", "Turkish_100_BIN2"),
        ("CP1255", "Hebrew_100_BIN2"),
        ("CP1256", "Arabic_100_BIN2"),
        ("CP1257", "Baltic_100_BIN2"),
        ("CP1", "Latin1_General_100_BIN2"),
    ];
    let parts: Vec<&str> = collation.split('_').collect();
    if is_unicode {
        return "Latin1_General_100_BIN2".to_owned();
    }
    if parts.contains(&"UTF8") {
        return "Latin1_General_100_BIN2_UTF8".to_owned();
    }
    if parts.first() == Some(&"SQL") {
        let known = BY_CODE_PAGE.iter().find(|(page, _)| parts.contains(page));
        return known.map_or("Latin1_General_100_BIN2", |(_, binary)| binary).to_owned();
    }
    let language = parts.iter().take_while(|part| !matches!(**part, "CI" | "CS"));
    language.copied().chain(["BIN2"]).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that `sys.fn_helpcollations()` lists.
    #[test]
    fn a_binary_collation_keeps_the_code_page() {
        for (collation, is_unicode, expected) in [
            ("SQL_Latin1_General_CP1_CI_AS", false, "Latin1_General_100_BIN2"),
            ("SQL_Latin1_General_CP1251_CS_AS", false, "Cyrillic_General_100_BIN2"),
            ("SQL_AltDiction_CP850_CI_AI", false, "SQL_Latin1_General_CP850_BIN2"),
            ("Japanese_CI_AS", false, "Japanese_BIN2"),
            ("Japanese_CI_AS", true, "Latin1_General_100_BIN2"),
            ("Chinese_PRC_90_CI_AS_KS_WS", false, "Chinese_PRC_90_BIN2"),
            ("Latin1_General_100_CI_AS_SC_UTF8", false, "Latin1_General_100_BIN2_UTF8"),
        ] {
            assert_eq!(binary_of(collation, is_unicode), expected, "{collation}");
        }
        assert!(is_binary("Latin1_General_100_BIN2_UTF8") && is_binary("Japanese_BIN"));
        assert!(!is_binary("Latin1_General_100_CS_AS"));
    }
}
