//! `provsync sync` as an operator's machine runs it: processes, signals, exit codes, logs.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::support::program::bare;

/// Far more than an end in good order takes.
const END_MAX: Duration = Duration::from_secs(90);

/// One of the processes; what it logs over all its lives is in one file.
pub struct Worker {
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Worker {
    pub fn new(environment: &[(String, String)], log: PathBuf) -> Self {
        Self { environment: environment.to_vec(), log, child: None }
    }

    pub fn start(&mut self) {
        assert!(self.child.is_none());
        let log =
            || -> File { OpenOptions::new().append(true).create(true).open(&self.log).unwrap() };
        // Rows go by the thousand on purpose.
        let child = bare(&["sync", "--allow-deletes", "1000000"])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::from(log()))
            .stderr(Stdio::from(log()))
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Fails where it has ended by itself.
    pub fn assert_alive(&mut self) {
        let ended = self.child.as_mut().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "a worker ended by itself, {ended:?}:\n{}", self.tail());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and its exit code.
    pub fn end(&mut self) -> ExitStatus {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if begun.elapsed() > END_MAX {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("a worker did not end within {END_MAX:?}:\n{}", self.tail());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.unwrap().success(), "SIG{name}");
    }

    /// How many lines of the log so far hold a text.
    pub fn logged(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }

    pub fn lines(&self) -> Vec<String> {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().map(String::from).collect()
    }

    pub fn tail(&self) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
