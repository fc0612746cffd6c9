//! What the graph must be like, against what it is like.

use super::GraphDescription;
use crate::finding::Finding;
use crate::model::Database;
use crate::neo4j::checkpoint::check_source;
use crate::neo4j::schema::{ItemKind, SchemaItem, Standing};

/// `CALL (n) { … }` with its variables in scope.
const VERSION_MIN: (u64, u64) = (5, 23);

/// Everything that is not as it should be. `source` is the database that the graph should be of, if it could
/// be asked.
pub fn check(graph: &GraphDescription, source: Option<&Database>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_version(&graph.version));
    findings.extend(check_state(graph));
    findings.extend(check_timeout(graph));
    findings.extend(check_checkpoint(graph, source));
    findings
        .extend(graph.schema.iter().filter_map(|(item, standing)| check_schema(item, standing)));
    findings
}

fn check_version(version: &str) -> Option<Finding> {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u64>().unwrap_or_default());
    let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let finding = Finding::new("server-version", "server").expected("Neo4j 5.23 or later");
    (found < VERSION_MIN).then(|| finding.found(version).fix("upgrade the server"))
}

fn check_state(graph: &GraphDescription) -> Option<Finding> {
    let finding = Finding::new("database-state", &graph.database).expected("online, read-write");
    let Some(state) = &graph.state else {
        let fix = "set graph.database to a database that the user may see";
        return Some(finding.found("SHOW DATABASES does not list it").fix(fix));
    };
    let found = format!("{}, {}", state.status, state.access);
    let name = crate::mapping::names::quote_cypher(&graph.database);
    if state.status != "online" {
        return Some(finding.found(found).fix(format!("START DATABASE {name}")));
    }
    let fix = format!(
        "ALTER DATABASE {name} SET ACCESS READ WRITE, or in neo4j.conf: remove it from server.databases.read_only \
         and server.databases.default_to_read_only"
    );
    (state.access != "read-write").then(|| finding.found(found).fix(fix))
}

/// An endless transaction keeps its locks: the checkpoint's, for which every other writer waits.
fn check_timeout(graph: &GraphDescription) -> Option<Finding> {
    let timeout = graph.transaction_timeout.as_deref()?;
    let number = timeout.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let finding = Finding::new("transaction-timeout", "db.transaction.timeout")
        .expected("a limit: a hung transaction keeps its locks for ever")
        .found(timeout)
        .fix("in neo4j.conf: db.transaction.timeout=10m (above graph.answer_timeout_seconds)")
        .warning();
    (number.parse::<f64>().is_ok_and(|n| n == 0.0)).then_some(finding)
}

fn check_checkpoint(graph: &GraphDescription, source: Option<&Database>) -> Option<Finding> {
    let found = graph.checkpoint.as_ref()?;
    let finding = Finding::new("checkpoint", &graph.database);
    if let Some(source) = source
        && let Err(error) = check_source(&found.state, source, false)
    {
        let finding = finding.expected(format!("the checkpoint of {}, or none", source.id()));
        return Some(finding.found(error.what()).fix(error.remedy().unwrap_or_default()));
    }
    let finding = finding.expected("as provsync wrote it").found("changed by somebody else");
    let fix = "`provsync full` compares everything and seals it again";
    (!found.sealed).then(|| finding.fix(fix).warning())
}

fn check_schema(item: &SchemaItem, standing: &Standing) -> Option<Finding> {
    let entity = if item.on_relationships { "relationship" } else { "node" };
    let (check, expected) = match item.kind {
        ItemKind::Unique => ("constraint", "unique"),
        ItemKind::Index => ("index", "a range index on"),
    };
    let finding = Finding::new(check, format!("{entity} {}", item.of))
        .expected(format!("{expected} {}", item.properties.join(", ")));
    // Without an index of its own quarantine is slow, and right.
    let finding = if item.kind == ItemKind::Index { finding.warning() } else { finding };
    Some(match standing {
        Standing::Online => return None,
        Standing::Missing => finding
            .found(format!("no {check}"))
            .fix(format!("provsync schema apply, or {};", item.create())),
        Standing::Populating(percent) => finding
            .found(format!("an index that is being filled ({percent:.0} %)"))
            .fix("wait until SHOW INDEXES lists it as ONLINE"),
        Standing::Blocked { why, fix } => {
            finding.found(why).fix(format!("in Neo4j run {fix}; and then provsync schema apply"))
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::collections::BTreeMap;

    use super::*;
    use crate::finding::Level;
    use crate::mapping::{Mapping, Registry};
    use crate::neo4j::checkpoint::{Found, State};
    use crate::neo4j::preflight::DatabaseState;
    use crate::neo4j::schema::required;

    fn sound() -> GraphDescription {
        GraphDescription {
            database: "neo4j".into(),
            version: "5.26.25".into(),
            state: Some(DatabaseState { access: "read-write".into(), status: "online".into() }),
            transaction_timeout: Some("10m".into()),
            schema: Vec::new(),
            checkpoint: Some(Found { state: State::of(&database("prov")), sealed: true }),
        }
    }

    fn database(name: &str) -> Database {
        let database_guid = Some(format!("guid of {name}"));
        Database { name: name.into(), database_guid, ..Database::default() }
    }

    /// What is found when one thing is not as in [`sound`].
    fn found(spoil: impl FnOnce(&mut GraphDescription)) -> Vec<(Level, &'static str)> {
        let mut graph = sound();
        spoil(&mut graph);
        check(&graph, Some(&database("prov"))).iter().map(|f| (f.level, f.check)).collect()
    }

    #[test]
    fn a_sound_graph_has_no_finding() {
        assert_eq!(found(|_| ()), []);
        assert_eq!(found(|g| g.checkpoint = None), []);
        assert_eq!(found(|g| g.version = "2026.05.0".into()), []);
        assert_eq!(found(|g| g.transaction_timeout = None), []);
    }

    #[test]
    fn each_thing_that_is_wrong_is_found() {
        use Level::{Error, Warning};
        assert_eq!(found(|g| g.version = "5.22.0".into()), [(Error, "server-version")]);
        assert_eq!(found(|g| g.version = "4.4.40-aura".into()), [(Error, "server-version")]);
        assert_eq!(found(|g| g.state = None), [(Error, "database-state")]);
        let state = |access: &str, status: &str| {
            Some(DatabaseState { access: access.into(), status: status.into() })
        };
        assert_eq!(found(|g| g.state = state("read-only", "online")), [(Error, "database-state")]);
        assert_eq!(
            found(|g| g.state = state("read-write", "offline")),
            [(Error, "database-state")]
        );
        assert_eq!(
            found(|g| g.transaction_timeout = Some("0s".into())),
            [(Warning, "transaction-timeout")]
        );
        let edited = |g: &mut GraphDescription| {
            g.checkpoint.as_mut().unwrap().sealed = false;
        };
        assert_eq!(found(edited), [(Warning, "checkpoint")]);
        let other = |g: &mut GraphDescription| {
            g.checkpoint.as_mut().unwrap().state = State::of(&database("other"));
        };
        assert_eq!(found(other), [(Error, "checkpoint")]);
    }

    #[test]
    fn missing_constraints_are_errors_with_their_statements() {
        let mapping = Mapping::default_mapping().unwrap();
        let mut graph = sound();
        let required = required(&mapping, &Registry::new(&mapping, &BTreeMap::new()));
        graph.schema = required.into_iter().map(|item| (item, Standing::Missing)).collect();
        let findings = check(&graph, None);
        assert_eq!(findings.len(), graph.schema.len());
        let of = |level| findings.iter().filter(|f| f.level == level).count();
        let indexes = graph.schema.iter().filter(|(item, _)| item.kind == ItemKind::Index).count();
        assert_eq!(of(Level::Warning), indexes, "{findings:?}");
        assert_eq!(of(Level::Error), graph.schema.len() - indexes, "{findings:?}");
        assert!(findings.iter().any(|f| f.fix.contains("CREATE CONSTRAINT")), "{findings:?}");
    }
}
