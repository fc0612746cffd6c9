//! The graph: connection, schema, statements, actual state, writes, the guard.
//!
//! Every statement runs in a transaction of ours, so that our retry is the only one; every
//! transaction is committed or rolled back, since a dropped one would keep its locks.

pub mod actual;
pub mod apply;
pub mod checkpoint;
pub mod cypher;
pub mod errors;
pub mod foreign;
pub mod leader;
pub mod lineage;
pub mod preflight;
pub mod quarantine;
pub mod schema;
pub mod status;
mod store;
pub mod strays;
pub mod sweep;
pub mod values;

use neo4rs::{BoltType, ConfigBuilder, Query, Row, Txn};
use tokio::time::timeout;

use crate::config::GraphConfig;
use crate::error::{Error, Kind, Result};
use crate::mapping::Shape;

pub use neo4rs::summary::Counters;

/// Rows that the driver asks for at a time; its default of 200 is slow for scans.
const FETCH_SIZE: usize = 5_000;
/// How long to wait for a free connection of the pool.
const POOL_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Connections for heartbeats: one that broke may still be on its way back to the pool.
const APART_CONNECTIONS: usize = 2;
/// Limit of an answer to a heartbeat: on a connection that nobody answers it is soon given up.
const APART_ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// A statement with its parameters.
pub struct Statement {
    text: String,
    parameters: Vec<(&'static str, BoltType)>,
}

impl Statement {
    /// A statement without parameters yet.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<BoltType>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// Adds the names that a table's things have or had, as `$names`.
    #[must_use]
    fn with_names(self, shape: &Shape) -> Self {
        self.with("names", values::list(shape.names.iter().map(|name| name.as_str().into())))
    }

    fn query(self) -> Query {
        Query::new(self.text).params(self.parameters)
    }
}

/// A pool of connections to one database.
#[derive(Clone)]
pub struct Graph {
    driver: neo4rs::Graph,
    /// Of heartbeats alone, which must wait for no other call.
    apart: neo4rs::Graph,
}

impl Graph {
    /// Connects and asks one question, so that a wrong address or password shows here.
    pub async fn connect(config: &GraphConfig) -> Result<Self> {
        let open = |config: &GraphConfig| {
            neo4rs::Graph::connect(driver_config(config)?)
                .map_err(|e| errors::connecting(config, e))
        };
        let apart = GraphConfig {
            connections: APART_CONNECTIONS,
            answer_timeout: config.answer_timeout.min(APART_ANSWER_MAX),
            ..config.clone()
        };
        let graph = Self { driver: open(config)?, apart: open(&apart)? };
        let probe = graph.driver.execute("RETURN 1 AS one");
        match timeout(config.connect_timeout, probe).await {
            Ok(Ok(mut rows)) => {
                rows.next().await.map_err(|e| errors::connecting(config, e))?;
                Ok(graph)
            }
            Ok(Err(error)) => Err(errors::connecting(config, error)),
            Err(_) => Err(Error::new(
                Kind::Transient,
                format!(
                    "Neo4j at {} did not answer within {:?}",
                    config.uri, config.connect_timeout
                ),
            )
            .hint("check graph.uri (bolt+s:// for a server with TLS) and the firewall")),
        }
    }

    /// The same graph by few connections of its own, with a shorter limit of an answer.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { driver: self.apart.clone(), apart: self.apart.clone() }
    }

    /// Reads in a transaction of its own and hands every row to `each` as it arrives.
    pub async fn read(
        &self,
        statement: Statement,
        mut each: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        self.transaction(false, async |txn| {
            let mut rows = txn.execute(statement.query()).await.map_err(errors::statement)?;
            while let Some(row) = rows.next(txn.handle()).await.map_err(errors::statement)? {
                each(row)?;
            }
            Ok(())
        })
        .await
    }

    /// The last row of a read that gives one at most.
    pub async fn first(&self, statement: Statement) -> Result<Option<Vec<BoltType>>> {
        let mut first = None;
        self.read(statement, |row| {
            first = Some(list(&row)?);
            Ok(())
        })
        .await?;
        Ok(first)
    }

    /// Writes in a transaction: commits if `work` returns `Ok`, rolls back otherwise.
    ///
    /// # Errors
    /// [`Kind::UnknownOutcome`] if the answer to the commit was lost.
    pub async fn write<T>(&self, work: impl AsyncFnOnce(&mut Txn) -> Result<T>) -> Result<T> {
        self.transaction(true, work).await
    }

    async fn transaction<T>(
        &self,
        commit: bool,
        work: impl AsyncFnOnce(&mut Txn) -> Result<T>,
    ) -> Result<T> {
        let mut txn = self.driver.start_txn().await.map_err(errors::statement)?;
        match work(&mut txn).await {
            Ok(value) if commit => {
                txn.commit().await.map_err(errors::commit)?;
                Ok(value)
            }
            outcome => {
                // Best effort. Where it fails the connection is gone and the server rolls back, or the
                // transaction failed before and its locks are free.
                if let Err(error) = txn.rollback().await {
                    tracing::debug!(%error, "rollback failed");
                }
                outcome
            }
        }
    }

    /// Runs a schema statement or another that may not share a transaction with data.
    pub async fn run_alone(&self, statement: Statement) -> Result<Counters> {
        let summary = self.driver.run(statement.query()).await.map_err(errors::statement)?;
        Ok(*summary.stats())
    }
}

/// Runs a statement in a transaction and returns its rows and its counters.
pub async fn run(txn: &mut Txn, statement: Statement) -> Result<(Vec<Row>, Counters)> {
    let mut stream = txn.execute(statement.query()).await.map_err(errors::statement)?;
    let mut rows = Vec::new();
    while let Some(row) = stream.next(txn.handle()).await.map_err(errors::statement)? {
        rows.push(row);
    }
    let summary = stream.finish(txn.handle()).await.map_err(errors::statement)?;
    Ok((rows, *summary.stats()))
}

/// The one list that every reading statement of ours returns a row as.
pub fn list(row: &Row) -> Result<Vec<BoltType>> {
    match row.get::<BoltType>("row") {
        Ok(BoltType::List(list)) => Ok(list.value),
        _ => Err(Error::new(Kind::Graph, "Neo4j's answer is not of the expected form")),
    }
}

fn driver_config(config: &GraphConfig) -> Result<neo4rs::Config> {
    let mut builder = ConfigBuilder::default()
        .uri(&config.uri)
        .user(&config.user)
        .password(config.password.expose())
        .db(config.database.as_str())
        .fetch_size(FETCH_SIZE)
        .max_connections(config.connections)
        // The driver's "lifetime" is its wait for a free connection, and its "connection timeout"
        // is also the limit of every answer.
        .max_lifetime(POOL_WAIT)
        .connection_timeout(config.answer_timeout);
    if let Some(ca) = &config.ca_file {
        builder = builder.with_client_certificate(ca);
    }
    builder.build().map_err(|e| errors::connecting(config, e))
}
