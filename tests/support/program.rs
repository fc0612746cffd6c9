//! provsync's program, as somebody starts it: no variable that the tests are configured by reaches it.

use std::process::Command;

use super::permission;
use super::source::TestSource;

/// Without configuration.
pub fn bare(arguments: &[&str]) -> Command {
    let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_provsync")));
    command.args(arguments);
    command
}

/// A program that inherits none of provsync's settings.
pub fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PROVSYNC_") {
            command.env_remove(name);
        }
    }
    command
}

/// It finds the source, and the tests' graph.
pub fn provsync(arguments: &[&str], source: &TestSource) -> Command {
    let mut command = bare(arguments);
    command.envs(source.environment()).envs(of_graph());
    command
}

/// Where the graph is.
pub fn of_graph() -> [(&'static str, String); 3] {
    let graph = permission::config();
    [
        ("PROVSYNC_GRAPH__URI", graph.uri),
        ("PROVSYNC_GRAPH__USER", graph.user),
        ("PROVSYNC_GRAPH__PASSWORD", graph.password.expose().to_owned()),
    ]
}
