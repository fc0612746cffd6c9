//! `provsync explain`: every statement that follows from the mapping, as SQL and Cypher to read
//! and to paste. Needs no connection.

use std::collections::BTreeMap;

use super::{Outcome, report};
use crate::config::{Parts, read_mapping};
use crate::error::Result;
use crate::mapping::{Mapping, Registry, Shape};
use crate::neo4j::{cypher, schema};
use crate::sqlserver::{preflight, statements};

pub(super) fn run(parts: &Parts) -> Result<Outcome> {
    let mapping = read_mapping(parts.mapping.as_deref())?;
    report::print_text(&text(&mapping))?;
    Ok(Outcome::Done)
}

fn text(mapping: &Mapping) -> String {
    let sql = preflight::all_statements(mapping).into_iter().chain(statements::all(mapping));
    let sql = sql.map(|s| format!("-- {}\n{}\n\n", s.name, s.sql));
    let registry = Registry::new(mapping, &BTreeMap::new());
    let shapes: Vec<Shape> =
        mapping.slots().into_iter().map(|slot| Shape::new(mapping, &registry, slot)).collect();
    let cypher = shapes
        .iter()
        .flat_map(cypher::all)
        .chain(cypher::all_edges_on(&shapes))
        .chain(cypher::lineage::all(&shapes));
    let cypher = cypher.map(|(name, text)| format!("// {name}\n{text};\n\n"));
    let schema = schema::script(mapping, &registry);
    sql.chain(cypher).chain([format!("// schema\n{schema}")]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn both_languages_and_the_schema_are_explained() {
        let text = text(&Mapping::default_mapping().unwrap());
        for part in ["-- preflight-tables", "MATCH(a-(e)->b)", "MERGE (", "CREATE CONSTRAINT"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
