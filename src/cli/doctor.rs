//! `provsync doctor`: preflight of both sides, all findings at once. A side that can't be reached
//! does not keep the other from being looked at.

use serde::Serialize;

use super::{Outcome, Output, report};
use crate::config::{Config, GraphConfig, Parts, SourceConfig, read_mapping};
use crate::error::{Error, Result};
use crate::finding::{Finding, Level};
use crate::mapping::Mapping;
use crate::model::Database;
use crate::neo4j::preflight::GraphDescription;
use crate::neo4j::{self, Graph};
use crate::sqlserver::{self, Source, epoch};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the findings are printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// All that was found; its JSON form is a contract.
#[derive(Debug, Serialize)]
struct Report {
    /// Both sides were looked at and neither has an error.
    ok: bool,
    source: Side,
    graph: Side,
}

#[derive(Debug, Serialize)]
struct Side {
    /// What was looked at, or where it should be.
    name: String,
    /// Why it could not be looked at.
    error: Option<String>,
    findings: Vec<Finding>,
}

pub(super) async fn run(args: &Args, parts: Parts) -> Result<Outcome> {
    let config = parts.into_config()?;
    let mapping = read_mapping(config.mapping.as_deref())?;
    let report = examine(&config, &mapping).await;
    report::print(args.output, &report, text)?;
    Ok(report.outcome())
}

async fn examine(config: &Config, mapping: &Mapping) -> Report {
    let source = Box::pin(examine_source(&config.source, mapping));
    let graph = Box::pin(describe_graph(&config.graph, mapping));
    let (source, graph) = tokio::join!(source, graph);
    let database = source.as_ref().ok().and_then(|(_, database)| database.clone());
    let s = &config.source;
    let source_name = format!("SQL Server {}:{}, database {}", s.host, s.port, s.database);
    let graph_name = format!("Neo4j {}, database {}", config.graph.uri, config.graph.database);
    let check_graph = |g: GraphDescription| neo4j::preflight::check(&g, database.as_ref());
    let source = Side::new(source_name, source.map(|(findings, _)| findings));
    let graph = Side::new(graph_name, graph.map(check_graph));
    Report { ok: source.is_ok() && graph.is_ok(), source, graph }
}

/// The findings, and which source it is, where that can be told.
async fn examine_source(
    config: &SourceConfig,
    mapping: &Mapping,
) -> Result<(Vec<Finding>, Option<Database>)> {
    let mut source = Source::new(config.clone());
    let mut described = sqlserver::preflight::describe(&mut source, &config.user, mapping).await?;
    sqlserver::preflight::read_duplicates(&mut source, mapping, &mut described).await?;
    let findings = sqlserver::preflight::check(mapping, &described);
    let epoch = epoch::read_epoch(&mut source, mapping).await.ok();
    Ok((findings, epoch.map(|epoch| epoch.database)))
}

async fn describe_graph(config: &GraphConfig, mapping: &Mapping) -> Result<GraphDescription> {
    let graph = Graph::connect(config).await?;
    neo4j::preflight::describe(&graph, &config.database, mapping).await
}

impl Side {
    fn new(name: String, findings: Result<Vec<Finding>, Error>) -> Self {
        match findings {
            Ok(findings) => Self { name, error: None, findings },
            Err(error) => Self { name, error: Some(error.to_string()), findings: Vec::new() },
        }
    }

    fn is_ok(&self) -> bool {
        self.error.is_none() && self.count(Level::Error) == 0
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }
}

impl Report {
    fn sides(&self) -> [&Side; 2] {
        [&self.source, &self.graph]
    }

    fn outcome(&self) -> Outcome {
        if self.sides().iter().any(|side| side.error.is_some()) {
            Outcome::Failed
        } else if self.ok {
            Outcome::Done
        } else {
            Outcome::Findings
        }
    }
}

/// The findings as a table; the fixes below it, whole, so that they can be copied.
fn text(report: &Report) -> String {
    let heads: String = report.sides().map(head).concat();
    let findings: Vec<&Finding> = report.sides().iter().flat_map(|s| &s.findings).collect();
    if findings.is_empty() {
        return heads;
    }
    let mut table = report::table(["", "level", "check", "object", "expected", "found"]);
    for (i, f) in findings.iter().enumerate() {
        let level = if f.level == Level::Error { "error" } else { "warning" };
        let number = (i + 1).to_string();
        table.add_row([&number, level, f.check, &f.object, &f.expected, &f.found]);
    }
    let fixes = findings.iter().enumerate().map(|(i, f)| format!("{:>3}  {}\n", i + 1, f.fix));
    format!("{heads}\n{table}\n\nTo put it right:\n{}", fixes.collect::<String>())
}

fn head(side: &Side) -> String {
    let (errors, warnings) = (side.count(Level::Error), side.count(Level::Warning));
    match &side.error {
        Some(error) => format!("{}\n  could not be checked: {error}\n", side.name),
        None => format!("{}\n  {errors} error(s), {warnings} warning(s)\n", side.name),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn side(error: Option<&str>, findings: Vec<Finding>) -> Side {
        Side { name: "side".into(), error: error.map(String::from), findings }
    }

    fn report(source: Side, graph: Side) -> Report {
        Report { ok: source.is_ok() && graph.is_ok(), source, graph }
    }

    fn finding() -> Finding {
        Finding::new("snapshot-isolation", "prov")
            .expected("on")
            .found("off")
            .fix("ALTER DATABASE …")
    }

    #[test]
    fn warnings_alone_are_no_reason_to_fail() {
        let clean = || side(None, vec![]);
        assert_eq!(report(clean(), clean()).outcome(), Outcome::Done);
        let warned = side(None, vec![finding().warning()]);
        assert_eq!(report(warned, clean()).outcome(), Outcome::Done);
        assert_eq!(report(side(None, vec![finding()]), clean()).outcome(), Outcome::Findings);
    }

    #[test]
    fn a_side_that_is_away_is_told_beside_the_others_findings() {
        let report = report(side(None, vec![finding()]), side(Some("away"), vec![]));
        assert_eq!(report.outcome(), Outcome::Failed);
        let text = text(&report);
        assert!(text.contains("away") && text.contains("snapshot-isolation"), "{text}");
        assert!(text.contains("  1  ALTER DATABASE …"), "{text}");
    }

    #[test]
    fn the_json_form_is_a_contract() {
        let json =
            serde_json::to_value(report(side(None, vec![finding()]), side(Some("away"), vec![])));
        let expected = serde_json::json!({
            "ok": false,
            "source": {"name": "side", "error": null, "findings": [{
                "level": "error", "check": "snapshot-isolation", "object": "prov",
                "expected": "on", "found": "off", "fix": "ALTER DATABASE …"
            }]},
            "graph": {"name": "side", "error": "away", "findings": []},
        });
        assert_eq!(json.unwrap(), expected);
    }
}
