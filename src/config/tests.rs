#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;

use super::{Config, LogFormat, Need, Overrides, Parts, TlsMode};
use crate::error::Result;

const MINIMAL: &[(&str, &str)] = &[
    ("PROVSYNC_SOURCE__HOST", "db"),
    ("PROVSYNC_SOURCE__DATABASE", "prov"),
    ("PROVSYNC_SOURCE__USER", "reader"),
    ("PROVSYNC_SOURCE__PASSWORD", "123"),
    ("PROVSYNC_GRAPH__URI", "bolt://graph:7687"),
    ("PROVSYNC_GRAPH__PASSWORD", "456"),
];

fn environment(extra: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
    let pairs: Vec<_> = MINIMAL.iter().chain(extra).map(|(k, v)| (k.into(), v.into())).collect();
    pairs.into_iter()
}

fn load(file: &str, extra: &[(&str, &str)], flags: &Overrides) -> Result<Config> {
    let dir = dir_with(&[("provsync.toml", file)]);
    Config::load(flags, environment(extra), dir.path())
}

fn dir_with(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// The faults as lines without indentation.
fn faults(result: Result<impl std::fmt::Debug>) -> Vec<String> {
    let text = result.expect_err("faults").to_string();
    text.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn little_is_needed_and_tls_is_on() {
    let config = load("", &[], &Overrides::default()).unwrap();
    assert_eq!((config.source.port, config.source.tls.mode), (1433, TlsMode::Required));
    assert!(!config.source.tls.trust_certificate);
    assert_eq!((config.graph.user.as_str(), config.graph.database.as_str()), ("neo4j", "neo4j"));
    assert_eq!((config.full.batch_rows, config.full.lanes), (10_000, 4));
    assert_eq!(config.full.batch_bytes_max, 16 * 1024 * 1024);
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.mapping, None);
}

#[test]
fn flags_stand_above_variables_and_these_above_the_file() {
    let file =
        "[source]\nhost = \"file\"\nport = 1\n[source.tls]\nmode = \"strict\"\n[full]\nlanes = 2\n";
    let flags = Overrides { source_port: Some("3".into()), ..Overrides::default() };
    let variables = [("PROVSYNC_SOURCE__PORT", "2"), ("PROVSYNC_FULL__LANES", "5")];
    let config = load(file, &variables, &flags).unwrap();
    assert_eq!((config.source.host.as_str(), config.source.port), ("db", 3));
    assert_eq!((config.source.tls.mode, config.full.lanes), (TlsMode::Strict, 5));
}

#[test]
fn every_fault_is_reported_at_once_with_its_place() {
    let file = "colour = 1\n[source]\nport = \"1433\"\nhsot = \"x\"\n[source.tls]\nmode = \"on\"\n\
                [graph]\nuser = 7\n[bogus]\n";
    let variables = [
        ("PROVSYNC_FULL__LANES", "17"),
        ("PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE", "yes"),
        ("PROVSYNC_TYPO", "1"),
        ("PROVSYNC_HOME", "fine"),
        ("PROVSYNC_TEST_MSSQL", "fine"),
        ("PROVSYNC_GRAPH__PASSWORD_FILE", "both"),
        ("PROVSYNC_LOG__level", "info"),
    ];
    let flags = Overrides { graph_uri: Some("http://h".into()), ..Overrides::default() };
    let found = faults(load(file, &variables, &flags));
    let expected = [
        ("provsync.toml:1", "no setting `colour`"),
        ("provsync.toml:3", "an integer from 1 to 65535"),
        ("provsync.toml:4", "`source` has host"),
        ("provsync.toml:6", "one of required, login-only, off, strict"),
        ("provsync.toml:8", "in quotes"),
        ("provsync.toml:9", "no setting `bogus`"),
        ("PROVSYNC_FULL__LANES", "from 1 to 16"),
        ("PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE", "true or false"),
        ("PROVSYNC_TYPO", "no setting `typo`"),
        ("PROVSYNC_GRAPH__PASSWORD", "either this or PROVSYNC_GRAPH__PASSWORD_FILE"),
        ("PROVSYNC_LOG__level", "upper case"),
        ("--graph-uri", "begins with one of bolt"),
    ];
    for (place, part) in expected {
        let hit = |f: &&String| f.starts_with(&format!("{place}: ")) && f.contains(part);
        assert!(found.iter().any(|f| hit(&f)), "no {place}: …{part}… in\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
}

#[test]
fn what_is_missing_is_named_with_its_variable() {
    let dir = dir_with(&[]);
    let none = std::iter::empty;
    let found = faults(Config::load(&Overrides::default(), none(), dir.path()));
    assert_eq!(found.len(), 6, "{}", found.join("\n"));
    assert!(found.iter().any(|f| f.contains("PROVSYNC_SOURCE__HOST")), "{found:?}");
    let parts = Parts::load(Need::NONE, &Overrides::default(), none(), dir.path()).unwrap();
    assert!(parts.source.is_none() && parts.graph.is_none());
}

#[test]
fn a_password_is_taken_as_it_is() {
    for password in ["123", "\"a", "@#^/ $", " a ", "true", "[x]", "ä\u{1f600}", "a\n"] {
        let variables = [("PROVSYNC_SOURCE__PASSWORD", password)];
        let config = load("", &variables, &Overrides::default()).unwrap();
        assert_eq!(config.source.password.expose(), password);
        let dir = dir_with(&[("secret", &format!("{password}\n"))]);
        let file = dir.path().join("secret");
        let variable = ("PROVSYNC_GRAPH__PASSWORD_FILE".into(), file.into_os_string());
        let others = environment(&[]).filter(|(name, _)| name != "PROVSYNC_GRAPH__PASSWORD");
        let config = Config::load(&Overrides::default(), others.chain([variable]), dir.path());
        assert_eq!(config.unwrap().graph.password.expose(), password);
    }
}

#[test]
fn a_password_of_a_higher_layer_replaces_either_form() {
    let file = "[source]\npassword_file = \"nowhere\"\n[graph]\npassword = \"file\"\n";
    let config = load(file, &[], &Overrides::default()).unwrap();
    assert_eq!(config.source.password.expose(), "123");
    assert_eq!(config.graph.password.expose(), "456");
}

#[test]
fn no_form_of_a_password_is_printed() {
    let config = load("", &[("PROVSYNC_SOURCE__PASSWORD", "hunter2")], &Overrides::default());
    assert!(!format!("{:?}", config.unwrap()).contains("hunter2"));
    let misplaced = [("PROVSYNC_SOURCE__PORT", "hunter2"), ("PROVSYNC_LOG__LEVEL", "hunter2")];
    let found = faults(load("", &misplaced, &Overrides::default()));
    assert!(!found.join("\n").contains("hunter2"), "{found:?}");
}

#[test]
fn paths_in_the_file_are_relative_to_the_file() {
    let dir = dir_with(&[]);
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    std::fs::write(dir.path().join("etc/p.toml"), "mapping = \"m.toml\"\n").unwrap();
    let flags = Overrides { config: Some("etc/p.toml".into()), ..Overrides::default() };
    let config = Config::load(&flags, environment(&[]), dir.path()).unwrap();
    assert_eq!(config.mapping, Some(dir.path().join("etc/m.toml")));
    let flags = Overrides { mapping: Some("m.toml".into()), ..flags };
    let config = Config::load(&flags, environment(&[]), dir.path()).unwrap();
    assert_eq!(config.mapping, Some(dir.path().join("m.toml")));
}

#[test]
fn a_configuration_file_that_was_asked_for_must_be_there() {
    let flags = Overrides { config: Some("nowhere.toml".into()), ..Overrides::default() };
    let found = faults(Config::load(&flags, environment(&[]), Path::new(".")));
    assert!(found[0].starts_with("nowhere.toml: can't be read"), "{found:?}");
}

#[test]
fn a_broken_file_is_reported_beside_other_faults() {
    let found =
        faults(load("[source\nhost = 1\n", &[("PROVSYNC_TYPO", "1")], &Overrides::default()));
    assert!(found.iter().any(|f| f.starts_with("provsync.toml:1: ")), "{found:?}");
    assert!(found.iter().any(|f| f.starts_with("PROVSYNC_TYPO: ")), "{found:?}");
}

#[test]
fn trusting_any_certificate_and_an_authority_exclude_each_other() {
    let dir = dir_with(&[("ca.pem", CERTIFICATE), ("empty.pem", "# none\n")]);
    let ca = dir.path().join("ca.pem").display().to_string();
    let empty = dir.path().join("empty.pem").display().to_string();
    let trust = ("PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE", "true");
    let pinned = ("PROVSYNC_SOURCE__TLS__CA_FILE", ca.as_str());
    load("", &[pinned], &Overrides::default()).unwrap();
    let odd = dir.path().join("ca.txt").display().to_string();
    std::fs::write(&odd, CERTIFICATE).unwrap();
    let named = [("PROVSYNC_SOURCE__TLS__CA_FILE", odd.as_str())];
    assert!(faults(load("", &named, &Overrides::default()))[0].contains(".pem or .crt"));
    let found = faults(load("", &[trust, pinned], &Overrides::default()));
    assert!(found[0].contains("not together with"), "{found:?}");
    let graph =
        [("PROVSYNC_GRAPH__URI", "bolt+s://g"), ("PROVSYNC_GRAPH__CA_FILE", empty.as_str())];
    let found = faults(load("", &graph, &Overrides::default()));
    assert!(found[0].contains("no PEM certificate"), "{found:?}");
    let found =
        faults(load("", &[("PROVSYNC_GRAPH__CA_FILE", ca.as_str())], &Overrides::default()));
    assert!(found[0].contains("only bolt+s://"), "{found:?}");
}

#[test]
fn the_documentation_names_every_setting_and_no_other() {
    let mut settings = super::layers::Settings::default();
    super::check::parts(&mut settings, Need::NONE, None);
    let mut asked: Vec<&str> = settings.asked().to_vec();
    asked.sort_unstable();
    let page = include_str!("../../docs/configuration.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let mut documented: Vec<&str> = rows.flat_map(|(names, _)| names.split(", ")).collect();
    for name in &mut documented {
        *name = name.trim_matches('`');
    }
    documented.sort_unstable();
    assert_eq!(documented, asked);
}

#[test]
fn lanes_need_connections() {
    let variables = [("PROVSYNC_FULL__LANES", "8"), ("PROVSYNC_GRAPH__CONNECTIONS", "8")];
    let found = faults(load("", &variables, &Overrides::default()));
    assert_eq!(found, ["PROVSYNC_GRAPH__CONNECTIONS: must be at least full.lanes + 2"]);
}

/// Only its form is looked at.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
