//! A Neo4j of a test's own, with settings of its own, that the test may stop and start.

use std::process::Command;
use std::time::Duration;

use provsync::config::{GraphConfig, Secret};

/// `scripts/neo4j` for a named instance; stopped and removed at the end, also of a test that fails.
pub struct Server {
    instance: &'static str,
}

impl Server {
    /// Nothing runs yet.
    pub fn named(instance: &'static str) -> Self {
        Self { instance }
    }

    fn script(&self, arguments: &[&str], settings: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/neo4j");
        let output = Command::new(script)
            .args(arguments)
            .env("NEO4J_INSTANCE", self.instance)
            .env("NEO4J_HEAP", "512m")
            .env("NEO4J_PAGECACHE", "64m")
            .env("NEO4J_SETTINGS", settings)
            .env_remove("PROVSYNC_GRAPH__URI")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts it; it keeps its address and its data over a restart.
    pub fn start(&self, settings: &str) -> GraphConfig {
        let lines = self.script(&["start"], settings);
        let value = |name: &str| {
            let line =
                lines.lines().find_map(|l| l.strip_prefix(&format!("{name}=")).map(String::from));
            line.unwrap_or_else(|| panic!("{name} is not in {lines}"))
        };
        let password = std::fs::read_to_string(value("PROVSYNC_GRAPH__PASSWORD_FILE")).unwrap();
        GraphConfig {
            uri: value("PROVSYNC_GRAPH__URI"),
            user: value("PROVSYNC_GRAPH__USER"),
            password: Secret::new(password.trim_end()),
            database: "neo4j".into(),
            ca_file: None,
            connect_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(120),
            connections: 8,
        }
    }

    /// Stops it in good order.
    pub fn stop(&self) {
        self.script(&["stop"], "");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.script(&["stop"], "");
        self.script(&["remove"], "");
    }
}
