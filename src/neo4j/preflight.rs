//! Preflight of the graph: one description is read, then every check is pure.

mod check;

use neo4rs::BoltType;

pub use check::check;

use super::checkpoint::{self, Found};
use super::schema::{self, SchemaItem, Standing};
use super::{Graph, Statement, values};
use crate::error::Result;
use crate::mapping::{Mapping, Registry};

/// The graph as the user sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphDescription {
    /// Name of the database.
    pub database: String,
    /// `5.26.25`, `2026.05.0`.
    pub version: String,
    /// What SHOW DATABASES says; `None` if it doesn't list the database.
    pub state: Option<DatabaseState>,
    /// `db.transaction.timeout`, e.g. `0s`; `None` if the user may not see settings.
    pub transaction_timeout: Option<String>,
    /// Constraints and indexes that provsync needs and can't use: not there, not online, or blocked.
    pub schema: Vec<(SchemaItem, Standing)>,
    /// The checkpoint, whoever's it is.
    pub checkpoint: Option<Found>,
}

/// A line of SHOW DATABASES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseState {
    /// `read-write` or `read-only`.
    pub access: String,
    /// `online`, or why not.
    pub status: String,
}

const VERSION: &str = "CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN [versions[0]] AS row";
const STATE: &str = "SHOW DATABASES YIELD name, access, currentStatus WHERE name = $database RETURN [access, currentStatus] AS row";
const TIMEOUT: &str =
    "SHOW SETTINGS YIELD name, value WHERE name = 'db.transaction.timeout' RETURN [value] AS row";

/// Reads the description of the database `database`.
///
/// # Errors
/// The graph can't be reached, or refuses a read that every user may make.
pub async fn describe(
    graph: &Graph,
    database: &str,
    mapping: &Mapping,
) -> Result<GraphDescription> {
    let version = graph.first(Statement::new(VERSION)).await?;
    // Names of databases are lower case, however they are asked for.
    let state = Statement::new(STATE).with("database", database.to_lowercase());
    let state = graph.first(state).await?;
    let checkpoint = checkpoint::read(graph).await?;
    let owned = checkpoint.as_ref().map(|found| found.state.owned.clone()).unwrap_or_default();
    let required = schema::required(mapping, &Registry::new(mapping, &owned));
    let existing = schema::read(graph).await?;
    let standings = required.into_iter().map(|item| {
        let standing = schema::standing(&item, &existing);
        (item, standing)
    });
    Ok(GraphDescription {
        database: database.to_owned(),
        version: version.as_deref().map(|cells| text(cells, 0)).unwrap_or_default(),
        state: state.map(|s| DatabaseState { access: text(&s, 0), status: text(&s, 1) }),
        // Needs a privilege that provsync's user does without.
        transaction_timeout: match graph.first(Statement::new(TIMEOUT)).await {
            Ok(cells) => cells.map(|cells| text(&cells, 0)),
            Err(_) => None,
        },
        schema: standings.filter(|(_, standing)| *standing != Standing::Online).collect(),
        checkpoint,
    })
}

fn text(cells: &[BoltType], index: usize) -> String {
    cells.get(index).and_then(values::text).unwrap_or_default().to_owned()
}
