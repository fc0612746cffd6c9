//! Asking for one setting by its path and type. No fault repeats a value: a password may have
//! landed in the wrong variable.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::{Layer, Settings, Value, Written};
use super::{Secret, certificates};

/// A day, the most that any time limit may be.
const SECONDS_MAX: u64 = 86_400;

impl Settings {
    /// A text from any layer that isn't empty.
    fn text(&mut self, written: &Written) -> Option<String> {
        let fault = match &written.value {
            Value::Text(text) if text.is_empty() => "is empty".to_owned(),
            Value::Text(text) if text.contains('\0') => "holds a NUL".to_owned(),
            Value::Text(text) => return Some(text.clone()),
            Value::Integer(_) => "is an integer, not a text: put it in quotes".to_owned(),
            Value::Boolean(_) => "is a boolean, not a text: put it in quotes".to_owned(),
            Value::Other(what) => format!("is {what}, not a text"),
        };
        self.fault(&written.place, fault);
        None
    }

    pub(super) fn optional(&mut self, path: &'static str) -> Option<String> {
        let written = self.take(path)?;
        self.text(&written)
    }

    pub(super) fn required(&mut self, path: &'static str, needed: bool) -> Option<String> {
        match self.take(path) {
            Some(written) => self.text(&written),
            None => self.missing(path, needed),
        }
    }

    fn missing<T>(&mut self, path: &str, needed: bool) -> Option<T> {
        if needed {
            let variable = path.to_ascii_uppercase().replace('.', "__");
            self.fault(
                path,
                format!("is missing: set it in provsync.toml or as PROVSYNC_{variable}"),
            );
        }
        None
    }

    /// Exactly one of the two on the highest layer that has either.
    pub(super) fn password(
        &mut self,
        direct: &'static str,
        file: &'static str,
        needed: bool,
    ) -> Option<Secret> {
        match (self.take(direct), self.take(file)) {
            (None, None) => self.missing(direct, needed),
            (Some(a), Some(b)) if a.layer == b.layer => {
                self.fault(&a.place, format!("either this or {}, not both", b.place));
                None
            }
            (Some(written), None) => self.text(&written).map(Secret::new),
            (Some(a), Some(b)) if a.layer > b.layer => self.text(&a).map(Secret::new),
            (_, Some(written)) => self.password_file(&written),
        }
    }

    fn password_file(&mut self, written: &Written) -> Option<Secret> {
        let path = written.base.join(self.text(written)?);
        let fault = match std::fs::read_to_string(&path) {
            Ok(content) => {
                // Editors and `echo` end a file with a line's end, which is no part of the password.
                let line = content.strip_suffix('\n').unwrap_or(&content);
                let password = line.strip_suffix('\r').filter(|_| line != content).unwrap_or(line);
                if !password.is_empty() {
                    return Some(Secret::new(password));
                }
                "is empty".to_owned()
            }
            Err(e) => format!("can't be read: {e}"),
        };
        self.fault(&written.place, format!("{} {fault}", path.display()));
        None
    }

    pub(super) fn integer(
        &mut self,
        path: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let Some(written) = self.take(path) else { return default };
        let number = match &written.value {
            Value::Integer(digits) => digits.parse().ok(),
            Value::Text(digits) if written.layer != Layer::File => digits.parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return number;
        }
        self.fault(
            &written.place,
            format!("is an integer from {} to {}", range.start(), range.end()),
        );
        default
    }

    pub(super) fn count(
        &mut self,
        path: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> usize {
        usize::try_from(self.integer(path, default, range)).unwrap_or(usize::MAX)
    }

    pub(super) fn seconds(&mut self, path: &'static str, default: u64) -> Duration {
        self.seconds_of(path, default, 1..=SECONDS_MAX)
    }

    /// A number of seconds, or of a unit that the caller multiplies.
    pub(super) fn seconds_of(
        &mut self,
        path: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_secs(self.integer(path, default, range))
    }

    /// An address to listen at, `HOST:PORT` with the host as a number.
    pub(super) fn socket_address(&mut self, path: &'static str) -> Option<SocketAddr> {
        let written = self.take(path)?;
        let text = self.text(&written)?;
        let address = text.parse().ok();
        if address.is_none() {
            self.fault(
                &written.place,
                "is an address and a port, such as 127.0.0.1:9464 or [::1]:9464",
            );
        }
        address
    }

    pub(super) fn boolean(&mut self, path: &'static str) -> bool {
        let Some(written) = self.take(path) else { return false };
        match &written.value {
            Value::Boolean(flag) => *flag,
            Value::Text(text) if written.layer != Layer::File && text == "true" => true,
            Value::Text(text) if written.layer != Layer::File && text == "false" => false,
            _ => {
                self.fault(&written.place, "is true or false");
                false
            }
        }
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        path: &'static str,
        all: &[(&str, T)],
        default: T,
    ) -> T {
        let Some(written) = self.take(path) else { return default };
        let found = match &written.value {
            Value::Text(text) => all.iter().find(|(name, _)| name == text),
            _ => None,
        };
        if let Some((_, value)) = found {
            return *value;
        }
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        self.fault(&written.place, format!("is one of {}", names.join(", ")));
        default
    }

    pub(super) fn path(&mut self, path: &'static str) -> Option<PathBuf> {
        let written = self.take(path)?;
        let text = self.text(&written)?;
        Some(written.base.join(text))
    }

    pub(super) fn ca_file(&mut self, setting: &'static str) -> Option<PathBuf> {
        let written = self.take(setting)?;
        let path = written.base.join(self.text(&written)?);
        if let Err(fault) = certificates::check(&path) {
            self.fault(&written.place, fault);
        }
        Some(path)
    }
}
