//! The mapping as it is written: every value with its line, references still names.

use toml::Spanned;
use toml::de::DeValue;

use super::walk::{Faults, Keys, Word};
use crate::mapping::{ColumnKind, TableName, Tracking};

const KINDS: [(&str, ColumnKind); 10] = [
    ("integer", ColumnKind::Integer),
    ("boolean", ColumnKind::Boolean),
    ("float", ColumnKind::Float),
    ("decimal", ColumnKind::Decimal),
    ("text", ColumnKind::Text),
    ("utc", ColumnKind::Utc),
    ("local", ColumnKind::Local),
    ("date", ColumnKind::Date),
    ("hex", ColumnKind::Hex),
    ("guid", ColumnKind::Guid),
];

/// The default of `automatic_types_max`, and the most that can be asked for: each is a constraint.
const AUTOMATIC_TYPES: (usize, usize) = (64, 1000);

pub(super) struct Draft {
    pub(super) nodes: Vec<NodeDraft>,
    pub(super) edges: Vec<EdgeDraft>,
    pub(super) links: Vec<LinkDraft>,
    pub(super) automatic_types_max: usize,
}

pub(super) struct TableDraft {
    pub(super) name: Word,
    pub(super) key: Word,
    pub(super) key_property: Word,
    pub(super) columns: Vec<ColumnDraft>,
    pub(super) tracking: Tracking,
}

pub(super) struct ColumnDraft {
    pub(super) column: Word,
    pub(super) property: Word,
    pub(super) kind: Option<ColumnKind>,
}

pub(super) struct TypesDraft {
    pub(super) column: Word,
    pub(super) property: Word,
    pub(super) listed: Vec<(Word, Word)>,
}

pub(super) struct NodeDraft {
    pub(super) table: TableDraft,
    pub(super) label: Word,
    pub(super) placeholder: Word,
    pub(super) identity: ColumnDraft,
    pub(super) types: TypesDraft,
}

pub(super) struct EdgeDraft {
    pub(super) table: TableDraft,
    pub(super) from: Word,
    pub(super) to: Word,
    pub(super) types: TypesDraft,
}

pub(super) struct LinkDraft {
    pub(super) table: TableDraft,
    pub(super) relationship: Word,
    pub(super) from_column: Word,
    pub(super) to_column: Word,
    pub(super) nodes: Word,
    pub(super) node_type: Word,
}

/// Reads everything that is written; what is missing or of a wrong type is noted in `faults`.
pub(super) fn read<'t>(keys: Keys<'t>, faults: &'t Faults<'t>) -> Draft {
    let each =
        |list: &'static str| keys.list(list).into_iter().map(move |v| Keys::new(v, list, faults));
    let draft = Draft {
        nodes: each("nodes").map(|keys| node(keys, faults)).collect(),
        edges: each("edges").map(|keys| edge(keys, faults)).collect(),
        links: each("links").map(|keys| link(keys, faults)).collect(),
        automatic_types_max: automatic_types_max(&keys, faults),
    };
    keys.finish();
    draft
}

fn automatic_types_max<'t>(keys: &Keys<'t>, faults: &'t Faults<'t>) -> usize {
    let (default, most) = AUTOMATIC_TYPES;
    let Some(value) = keys.optional("automatic_types_max") else { return default };
    let integer = value.get_ref().as_integer();
    let number = integer.and_then(|n| usize::from_str_radix(n.as_str(), n.radix()).ok());
    let max = number.filter(|max| *max <= most);
    if max.is_none() {
        let what = format!("`automatic_types_max` is an integer from 0 to {most}");
        faults.add(faults.line(&value.span()), what);
    }
    max.unwrap_or_default()
}

fn node<'t>(keys: Keys<'t>, faults: &'t Faults<'t>) -> NodeDraft {
    let draft = NodeDraft {
        table: table(&keys, faults),
        label: keys.word("label"),
        placeholder: keys.word("placeholder"),
        identity: column(keys.table("identity"), faults),
        types: types(&keys),
    };
    keys.finish();
    draft
}

fn edge<'t>(keys: Keys<'t>, faults: &'t Faults<'t>) -> EdgeDraft {
    let draft = EdgeDraft {
        table: table(&keys, faults),
        from: keys.word("from"),
        to: keys.word("to"),
        types: types(&keys),
    };
    keys.finish();
    draft
}

fn link<'t>(keys: Keys<'t>, faults: &'t Faults<'t>) -> LinkDraft {
    let draft = LinkDraft {
        table: table(&keys, faults),
        relationship: keys.word("relationship"),
        from_column: keys.word("from"),
        to_column: keys.word("to"),
        nodes: keys.word("nodes"),
        node_type: keys.word("type"),
    };
    keys.finish();
    draft
}

fn table<'t>(keys: &Keys<'t>, faults: &'t Faults<'t>) -> TableDraft {
    let (key, key_property) = key(keys, faults);
    let columns = keys.list("columns").into_iter();
    TableDraft {
        name: keys.word("table"),
        key,
        key_property,
        columns: columns.map(|v| column(Keys::new(v, "columns", faults), faults)).collect(),
        tracking: tracking(keys, faults),
    }
}

/// A list of columns, under `key` or under its `column`, is a composite key.
fn key<'t>(keys: &Keys<'t>, faults: &'t Faults<'t>) -> (Word, Word) {
    let Some(value) = keys.required("key") else { return Default::default() };
    if is_composite(value, faults) {
        return Default::default();
    }
    let keys = Keys::new(value, "key", faults);
    let property = keys.word("property");
    let composite = keys.optional("column").is_some_and(|column| is_composite(column, faults));
    let column = if composite { Word::default() } else { keys.word("column") };
    keys.finish();
    (column, property)
}

fn is_composite<'t>(value: &'t Spanned<DeValue<'t>>, faults: &Faults<'t>) -> bool {
    let composite = value.get_ref().is_array();
    if composite {
        let what = "a key of several columns can't be carried: ranges, checkpoints and lookups \
                    go by one integer; give the table a single integer primary key";
        faults.add(faults.line(&value.span()), what);
    }
    composite
}

fn types(keys: &Keys<'_>) -> TypesDraft {
    let own = keys.table("type");
    let draft = TypesDraft {
        column: own.word("column"),
        property: own.word("property"),
        listed: keys.pairs("types"),
    };
    own.finish();
    draft
}

fn column<'t>(keys: Keys<'t>, faults: &'t Faults<'t>) -> ColumnDraft {
    let (column, property) = (keys.word("column"), keys.word("property"));
    let kind = keys.word("type");
    keys.finish();
    let known = KINDS.iter().find(|(name, _)| *name == kind.text).map(|(_, kind)| *kind);
    if known.is_none() && !kind.is_missing() {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let what = format!(
            "no column type `{}`; it is one of {}",
            kind.text.escape_debug(),
            names.join(", ")
        );
        faults.add(kind.line, what);
    }
    ColumnDraft { column, property, kind: known }
}

fn tracking<'t>(keys: &Keys<'t>, faults: &Faults<'t>) -> Tracking {
    let Some(word) = keys.optional_word("tracking") else { return Tracking::ChangeTracking };
    match word.text.as_str() {
        "change_tracking" | "" => Tracking::ChangeTracking,
        "none" => Tracking::None,
        other => {
            let what = format!("`tracking` is \"change_tracking\" or \"none\", not {other:?}");
            faults.add(word.line, what);
            Tracking::None
        }
    }
}

/// `schema.table`; a part with a dot in it goes in brackets, a closing bracket inside doubled.
pub(super) fn table_name(text: &str) -> Option<TableName> {
    let (schema, rest) = name_part(text)?;
    let (table, rest) = name_part(rest.strip_prefix('.')?)?;
    (rest.is_empty()).then_some(TableName { schema, table })
}

fn name_part(text: &str) -> Option<(String, &str)> {
    let Some(inner) = text.strip_prefix('[') else {
        let end = text.find('.').unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        return (!part.is_empty() && !part.contains(['[', ']'])).then(|| (part.to_owned(), rest));
    };
    let mut end = 0;
    loop {
        end += inner.get(end..)?.find(']')?;
        match inner.get(end + 1..) {
            Some(rest) if rest.starts_with(']') => end += 2,
            Some(rest) => return (end > 0).then(|| (inner[..end].replace("]]", "]"), rest)),
            None => return None,
        }
    }
}
