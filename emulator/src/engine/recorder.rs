//! Every text that was accepted, kept once in a directory: what is accepted here, Microsoft's parser has to accept too.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Keeps texts, or nothing.
#[derive(Debug)]
pub struct Recorder {
    directory: Option<PathBuf>,
    kept: Mutex<HashSet<String>>,
}

impl Recorder {
    /// Keeps in that directory, which it makes; without one nothing is kept.
    pub fn new(directory: Option<&Path>) -> io::Result<Self> {
        if let Some(directory) = directory {
            std::fs::create_dir_all(directory)?;
        }
        Ok(Self { directory: directory.map(Path::to_owned), kept: Mutex::default() })
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.directory.is_some()
    }

    /// Keeps a text under its digest, after a batch with the declarations of its parameters: in one batch with them a procedure
    /// could not be called without EXEC.
    pub fn keep(&self, parameters: &str, text: &[u8]) {
        let Some(directory) = &self.directory else { return };
        let text = format!("{parameters}{}\n", String::from_utf8_lossy(text));
        let digest: String =
            Sha256::digest(&text)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.insert(digest.clone())
            && let Err(error) = write_new(&directory.join(format!("{digest}.sql")), &text)
        {
            tracing::warn!(%error, "cannot keep a statement in {}", directory.display());
        }
    }
}

/// Servers of several processes keep in one directory: who comes first writes.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
