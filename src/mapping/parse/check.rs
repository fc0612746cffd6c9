//! What must hold across a mapping, beyond each value by itself.

use std::collections::HashMap;

use super::draft::{ColumnDraft, Draft, TableDraft, TypesDraft, table_name};
use super::walk::{Faults, Word};
use crate::mapping::names::{fold, is_own};
use crate::mapping::{ColumnKind, TableName};

/// SQL Server's `sysname`, in UTF-16 units.
const SQL_NAME_UNITS_MAX: usize = 128;
/// Neo4j would take some 16,000; a name of that length is a mistake.
const GRAPH_NAME_CHARS_MAX: usize = 255;

pub(super) fn check(draft: &Draft, faults: &Faults<'_>) {
    check_tables(draft, faults);
    check_labels(draft, faults);
    check_relationships(draft, faults);
    check_references(draft, faults);
    for node in &draft.nodes {
        let own = [(&node.identity.column, &node.identity.property), node.types.pair()];
        check_columns(&node.table, &own, faults);
        check_identity(&node.identity, faults);
        check_types(&node.types, faults);
    }
    for edge in &draft.edges {
        check_columns(&edge.table, &[edge.types.pair()], faults);
        check_types(&edge.types, faults);
    }
    for link in &draft.links {
        let none = Word::default();
        let own = [(&link.from_column, &none), (&link.to_column, &none)];
        check_columns(&link.table, &own, faults);
    }
    if draft.nodes.is_empty() {
        faults.add(1, "there is no [[nodes]]: without nodes there is no graph");
    }
}

impl TypesDraft {
    fn pair(&self) -> (&Word, &Word) {
        (&self.column, &self.property)
    }
}

impl Draft {
    fn tables(&self) -> impl Iterator<Item = &TableDraft> {
        let nodes = self.nodes.iter().map(|n| &n.table);
        let edges = self.edges.iter().map(|e| &e.table);
        nodes.chain(edges).chain(self.links.iter().map(|l| &l.table))
    }

    /// Where in `nodes` the table stands that a reference names.
    pub(super) fn node_index(&self, reference: &Word) -> Option<usize> {
        let same = |name: &Word| Some(identity(&table_name(&name.text)?));
        let wanted = same(reference)?;
        self.nodes.iter().position(|n| same(&n.table.name).as_ref() == Some(&wanted))
    }
}

/// Names of objects compare without case under most collations. The text with the dot is also
/// the key under which the graph keeps what a table owns, so it must be one table's alone.
fn identity(name: &TableName) -> String {
    fold(&name.to_string())
}

fn check_tables(draft: &Draft, faults: &Faults<'_>) {
    let mut seen = Unique::default();
    for table in draft.tables().filter(|t| !t.name.is_missing()) {
        let word = &table.name;
        let Some(name) = table_name(&word.text) else {
            let what = "`table` is `schema.table` (a part with a dot in it in [brackets])";
            faults.add(word.line, what);
            continue;
        };
        for part in [&name.schema, &name.table] {
            check_sql_name(&Word { text: part.clone(), line: word.line }, faults);
        }
        seen.claim(&identity(&name), word, "table", faults);
    }
}

fn check_columns(table: &TableDraft, own: &[(&Word, &Word)], faults: &Faults<'_>) {
    let key = (&table.key, &table.key_property);
    let columns = table.columns.iter().map(|c| (&c.column, &c.property));
    let (mut names, mut properties) = (Unique::default(), Unique::default());
    for (column, property) in std::iter::once(key).chain(own.iter().copied()).chain(columns) {
        check_sql_name(column, faults);
        check_graph_name(property, faults);
        names.claim(&fold(&column.text), column, "column of this table", faults);
        properties.claim(&property.text, property, "property of this table", faults);
    }
}

fn check_identity(identity: &ColumnDraft, faults: &Faults<'_>) {
    use ColumnKind::{Guid, Hex, Integer, Text};
    if identity.kind.is_some_and(|kind| !matches!(kind, Integer | Text | Guid | Hex)) {
        let what = "an identity is of type integer, text, guid or hex: others don't compare \
                    exactly in both stores";
        faults.add(identity.column.line, what);
    }
}

fn check_types(types: &TypesDraft, faults: &Faults<'_>) {
    let mut sources = Unique::default();
    for (source, _) in &types.listed {
        sources.claim(
            &fold(&source.text),
            source,
            "type (case and trailing blanks don't count)",
            faults,
        );
    }
}

/// Label and identity, type and key find one entity: a name of two tables would find either's.
fn check_labels(draft: &Draft, faults: &Faults<'_>) {
    let mut labels = Unique::default();
    for node in &draft.nodes {
        let listed = node.types.listed.iter().map(|(_, label)| label);
        for label in [&node.label, &node.placeholder].into_iter().chain(listed) {
            check_graph_name(label, faults);
            labels.claim(&label.text, label, "label", faults);
        }
    }
}

fn check_relationships(draft: &Draft, faults: &Faults<'_>) {
    let mut types = Unique::default();
    let edges = draft.edges.iter().flat_map(|e| e.types.listed.iter().map(|(_, name)| name));
    for relationship in edges.chain(draft.links.iter().map(|l| &l.relationship)) {
        check_graph_name(relationship, faults);
        types.claim(&relationship.text, relationship, "relationship type", faults);
    }
}

fn check_references(draft: &Draft, faults: &Faults<'_>) {
    let ends = draft.edges.iter().flat_map(|e| [("from", &e.from), ("to", &e.to)]);
    let all = ends.chain(draft.links.iter().map(|l| ("nodes", &l.nodes)));
    for (key, reference) in all.filter(|(_, reference)| !reference.is_missing()) {
        if draft.node_index(reference).is_none() {
            let text = reference.text.escape_debug();
            faults.add(reference.line, format!("`{key}` names `{text}`, which no [[nodes]] maps"));
        }
    }
    for link in draft.links.iter().filter(|l| !l.node_type.is_missing()) {
        let Some(node) = draft.node_index(&link.nodes).map(|i| &draft.nodes[i]) else { continue };
        if node.types.name_of(&link.node_type).is_none() {
            let (of, text) =
                (node.table.name.text.escape_debug(), link.node_type.text.escape_debug());
            faults
                .add(link.node_type.line, format!("`{of}` lists no type `{text}` in its `types`"));
        }
    }
}

impl TypesDraft {
    /// The label or relationship type that the listed type has.
    pub(super) fn name_of(&self, source: &Word) -> Option<&Word> {
        let wanted = fold(&source.text);
        self.listed.iter().find(|(listed, _)| fold(&listed.text) == wanted).map(|(_, name)| name)
    }
}

fn check_sql_name(name: &Word, faults: &Faults<'_>) {
    let shown = name.text.escape_debug();
    if name.text.encode_utf16().count() > SQL_NAME_UNITS_MAX {
        faults
            .add(name.line, format!("`{shown}` is longer than SQL Server's {SQL_NAME_UNITS_MAX}"));
    }
    if name.text.contains('\0') {
        faults.add(name.line, format!("`{shown}` holds a NUL"));
    }
    if name.text.starts_with('$') {
        let what = format!("`{shown}` is a generated graph column; ends are read through MATCH");
        faults.add(name.line, what);
    }
}

fn check_graph_name(name: &Word, faults: &Faults<'_>) {
    let shown = name.text.escape_debug();
    if name.text.chars().count() > GRAPH_NAME_CHARS_MAX {
        faults.add(name.line, format!("a name of more than {GRAPH_NAME_CHARS_MAX} characters"));
    }
    // Cypher 5 reads \uXXXX anywhere in a statement, also inside quotes; Cypher 25 doesn't.
    if name.text.contains(['\0', '\\']) {
        faults.add(name.line, format!("`{shown}` holds a NUL or a backslash"));
    }
    if is_own(&name.text) {
        let what = format!("`{shown}`: provsync keeps names that begin with Provsync for itself");
        faults.add(name.line, what);
    }
}

/// Things that may be there once; the line of the first is told to the second.
#[derive(Default)]
struct Unique(HashMap<String, usize>);

impl Unique {
    fn claim(&mut self, key: &str, word: &Word, what: &str, faults: &Faults<'_>) {
        if word.is_missing() {
            return;
        }
        if let Some(first) = self.0.insert(key.to_owned(), word.line) {
            let text = word.text.escape_debug();
            faults.add(word.line, format!("`{text}` is already a {what} (line {first})"));
        }
    }
}
