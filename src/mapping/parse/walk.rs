//! Walking over TOML with the line of every value at hand: each access that finds a fault notes
//! it and goes on with an empty value, so that one reading finds all faults.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::error::Fault;

/// The faults found so far in one text.
pub(super) struct Faults<'t> {
    file: &'t str,
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, found: RefCell::new(Vec::new()) }
    }

    /// The line, counted from 1, on which something begins.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).unwrap_or_default().split('\n').count()
    }

    pub(super) fn add(&self, line: usize, what: impl Into<String>) {
        self.found.borrow_mut().push((line, what.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// All faults in the order of their lines.
    pub(super) fn into_sorted(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(line, _)| *line);
        let place = |line| format!("{}:{line}", self.file);
        found.into_iter().map(|(line, what)| Fault { place: place(line), what }).collect()
    }
}

/// A text and its line. Empty when it was missing or wrong, which is a fault already noted.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Word {
    pub(super) fn is_missing(&self) -> bool {
        self.text.is_empty()
    }
}

/// A table whose keys are asked for by name; [`Keys::finish`] reports those nobody asked for.
pub(super) struct Keys<'t> {
    table: Option<&'t DeTable<'t>>,
    faults: &'t Faults<'t>,
    what: String,
    known: RefCell<Vec<&'static str>>,
    pub(super) line: usize,
}

impl<'t> Keys<'t> {
    /// `what` names the table in faults: ``in `key` ``.
    pub(super) fn new(value: &'t Spanned<DeValue<'t>>, what: &str, faults: &'t Faults<'t>) -> Self {
        let line = faults.line(&value.span());
        let table = value.get_ref().as_table();
        if table.is_none() {
            faults.add(line, format!("`{what}` is {}, not a table", type_of(value.get_ref())));
        }
        Self { table, faults, what: what.to_owned(), known: RefCell::default(), line }
    }

    pub(super) fn root(table: &'t DeTable<'t>, faults: &'t Faults<'t>) -> Self {
        let what = "the mapping".to_owned();
        Self { table: Some(table), faults, what, known: RefCell::default(), line: 1 }
    }

    pub(super) fn optional(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table?.get(key)
    }

    pub(super) fn required(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.optional(key);
        if value.is_none() && self.table.is_some() {
            self.faults.add(self.line, format!("`{}` lacks the key `{key}`", self.what));
        }
        value
    }

    /// A required text that isn't empty.
    pub(super) fn word(&self, key: &'static str) -> Word {
        self.required(key).map(|value| word(value, key, self.faults)).unwrap_or_default()
    }

    pub(super) fn optional_word(&self, key: &'static str) -> Option<Word> {
        self.optional(key).map(|value| word(value, key, self.faults))
    }

    /// A required table under `key`; a missing or wrong one has no keys.
    pub(super) fn table(&self, key: &'static str) -> Keys<'t> {
        match self.required(key) {
            Some(value) => Keys::new(value, key, self.faults),
            None => Keys {
                table: None,
                faults: self.faults,
                what: key.to_owned(),
                known: RefCell::default(),
                line: self.line,
            },
        }
    }

    /// The entries of a list under `key`; none where it is missing.
    pub(super) fn list(&self, key: &'static str) -> Vec<&'t Spanned<DeValue<'t>>> {
        let Some(value) = self.optional(key) else { return Vec::new() };
        if let Some(list) = value.get_ref().as_array() {
            return list.iter().collect();
        }
        let line = self.faults.line(&value.span());
        self.faults.add(line, format!("`{key}` is {}, not a list", type_of(value.get_ref())));
        Vec::new()
    }

    /// The pairs of a table of texts under `key`, as they are written; none where it is missing.
    pub(super) fn pairs(&self, key: &'static str) -> Vec<(Word, Word)> {
        let Some(value) = self.optional(key) else { return Vec::new() };
        let Some(table) = Keys::new(value, key, self.faults).table else { return Vec::new() };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let pair = |(name, value): (&Spanned<DeString<'_>>, &'t Spanned<DeValue<'t>>)| {
            let line = self.faults.line(&name.span());
            let source = Word { text: name.get_ref().to_string(), line };
            (source, word(value, name.get_ref(), self.faults))
        };
        entries.into_iter().map(pair).collect()
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        let known = self.known.borrow();
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let what = format!(
                "`{}` knows no key `{}`; it takes {}",
                self.what,
                key.get_ref().escape_debug(),
                known.join(", ")
            );
            self.faults.add(self.faults.line(&key.span()), what);
        }
    }
}

fn word<'t>(value: &'t Spanned<DeValue<'t>>, key: &str, faults: &Faults<'_>) -> Word {
    let line = faults.line(&value.span());
    let Some(text) = value.get_ref().as_str() else {
        let what = format!("`{key}` is {}, not a text", type_of(value.get_ref()));
        faults.add(line, what);
        return Word { text: String::new(), line };
    };
    if text.is_empty() {
        faults.add(line, format!("`{key}` is empty"));
    }
    Word { text: text.to_owned(), line }
}

/// The type of a value as a person says it.
fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
