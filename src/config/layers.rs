//! The three layers joined: for every setting the value that counts, and where it was written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Overrides;
use crate::error::Fault;

const FILE: &str = "provsync.toml";
const PREFIX: &str = "PROVSYNC_";

/// A value as it was written. Variables and flags are always text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Integer(String),
    Boolean(bool),
    Other(&'static str),
}

/// Later layers stand above earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    File,
    Environment,
    Flag,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) value: Value,
    pub(super) layer: Layer,
    /// File and line, variable or flag.
    pub(super) place: String,
    /// What a relative path is relative to.
    pub(super) base: PathBuf,
}

/// All settings by path (`source.tls.mode`), until they are asked for, and the faults so far.
#[derive(Default)]
pub(super) struct Settings {
    written: BTreeMap<String, Written>,
    asked: Vec<&'static str>,
    places: BTreeMap<&'static str, String>,
    faults: Vec<Fault>,
}

impl Settings {
    /// Takes a setting out; what is left in the end is unknown.
    pub(super) fn take(&mut self, path: &'static str) -> Option<Written> {
        self.asked.push(path);
        let written = self.written.remove(path)?;
        self.places.insert(path, written.place.clone());
        Some(written)
    }

    /// Where a setting was written that has been asked for; its path if nowhere.
    pub(super) fn place(&self, path: &str) -> String {
        self.places.get(path).cloned().unwrap_or_else(|| path.to_owned())
    }

    pub(super) fn fault(&mut self, place: &str, what: impl Into<String>) {
        self.faults.push(Fault { place: place.to_owned(), what: what.into() });
    }

    /// All faults, with those of settings that nobody asked for.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        let known = |path: &str| self.asked.iter().any(|a| a.starts_with(&format!("{path}.")));
        for (path, written) in &self.written {
            // `[source]` with nothing below it says nothing.
            if written.value == Value::Other(EMPTY_TABLE) && known(path) {
                continue;
            }
            let (level, _) = path.rsplit_once('.').unwrap_or_default();
            let what =
                format!("there is no setting `{}`{}", path.escape_debug(), self.names(level));
            self.faults.push(Fault { place: written.place.clone(), what });
        }
        self.faults
    }

    fn names(&self, level: &str) -> String {
        let below = |path: &str| Some(path.strip_prefix(level)?.trim_start_matches('.').to_owned());
        let names: Vec<String> = self.asked.iter().filter_map(|path| below(path)).collect();
        if level.is_empty() || names.is_empty() {
            return String::new();
        }
        format!("; `{level}` has {}", names.join(", "))
    }

    /// Every setting that has been asked for.
    #[cfg(test)]
    pub(super) fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    fn set(&mut self, path: String, written: Written) {
        self.written.insert(path, written);
    }
}

const EMPTY_TABLE: &str = "an empty table";

pub(super) fn read(
    flags: &Overrides,
    environment: impl Iterator<Item = (OsString, OsString)>,
    dir: &Path,
) -> Settings {
    let mut settings = Settings::default();
    read_file(flags, dir, &mut settings);
    // Variables in one order, whatever order the system gives them in.
    let environment: BTreeMap<OsString, OsString> = environment.collect();
    for (name, value) in environment {
        read_variable(&name, value, dir, &mut settings);
    }
    for (path, flag, text) in flags.given() {
        settings.set(path.to_owned(), text_at(text, Layer::Flag, flag, dir));
    }
    settings
}

fn text_at(text: &str, layer: Layer, place: &str, base: &Path) -> Written {
    let value = Value::Text(text.to_owned());
    Written { value, layer, place: place.to_owned(), base: base.to_owned() }
}

/// The file named by the flag must be there; the default one may be missing.
fn read_file(flags: &Overrides, dir: &Path, settings: &mut Settings) {
    let path = dir.join(flags.config.as_deref().unwrap_or(Path::new(FILE)));
    let shown = flags.config.as_deref().unwrap_or(Path::new(FILE)).display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && flags.config.is_none() => return,
        Err(e) => return settings.fault(&shown, format!("can't be read: {e}")),
    };
    let line = |start: usize| text.get(..start).unwrap_or_default().split('\n').count();
    let (root, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let line = error.span().map_or(1, |span| line(span.start));
        settings.fault(&format!("{shown}:{line}"), error.message());
    }
    if errors.is_empty() {
        let base = path.parent().unwrap_or(dir).to_owned();
        let place = |start: usize| format!("{shown}:{}", line(start));
        flatten("", root.get_ref(), &place, &base, settings);
    }
}

fn flatten(
    prefix: &str,
    table: &DeTable<'_>,
    place: &impl Fn(usize) -> String,
    base: &Path,
    settings: &mut Settings,
) {
    for (key, spanned) in table {
        let path = format!("{prefix}{}", key.get_ref());
        let value = match spanned.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                flatten(&format!("{path}."), inner, place, base, settings);
                continue;
            }
            DeValue::Table(_) => Value::Other(EMPTY_TABLE),
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Value::Integer(number.to_string()),
            DeValue::Integer(_) => Value::Other("not a decimal integer"),
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Float(_) => Value::Other("a float"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Array(_) => Value::Other("a list"),
        };
        let (place, base) = (place(key.span().start), base.to_owned());
        settings.set(path, Written { value, layer: Layer::File, place, base });
    }
}

/// `PROVSYNC_SOURCE__TLS__MODE` is `source.tls.mode`. The value is taken verbatim.
fn read_variable(name: &OsString, value: OsString, dir: &Path, settings: &mut Settings) {
    let shown = name.to_string_lossy().into_owned();
    let Some(rest) = shown.strip_prefix(PREFIX) else { return };
    // The scripts' and the tests' own.
    if rest == "HOME" || rest.starts_with("TEST_") {
        return;
    }
    if rest != rest.to_ascii_uppercase() {
        return settings.fault(&shown, "variables are in upper case");
    }
    let path = rest.split("__").collect::<Vec<_>>().join(".").to_ascii_lowercase();
    match value.into_string() {
        Ok(text) => settings.set(path, text_at(&text, Layer::Environment, &shown, dir)),
        Err(_) => settings.fault(&shown, "is not UTF-8"),
    }
}
