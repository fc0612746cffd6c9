//! The source: connection, statements, rows.
//!
//! A connection has one owner and is discarded after any error but a plain server error, any
//! timeout and any dropped future: [`Source`] opens a new one at the next use.

pub mod decode;
pub mod epoch;
pub mod errors;
pub mod lease;
pub mod lineage;
pub mod pages;
pub mod preflight;
pub mod standing;
pub mod statements;
mod store;
pub mod window;

use std::time::Duration;

use tiberius::{AuthMethod, Client, EncryptionLevel, IsolationLevel, QueryItem, Row, ToSql};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::config::{SourceConfig, TlsMode};
use crate::error::{Error, Kind, Result};

type Connection = Client<Compat<TcpStream>>;

/// One connection to the source, opened when it is first needed and again after it was discarded.
pub struct Source {
    config: SourceConfig,
    connection: Option<Connection>,
    in_snapshot: bool,
}

impl Source {
    /// A source that is not connected yet.
    pub fn new(config: SourceConfig) -> Self {
        Self { config, connection: None, in_snapshot: false }
    }

    /// Opens the connection now, for an early and clear error.
    pub async fn connect(&mut self) -> Result<()> {
        self.take().await.map(|connection| self.connection = Some(connection))
    }

    /// Whether there is a connection; one that broke without a word is still counted.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Begins a SNAPSHOT transaction. It reads the state at its first read, not at this call.
    pub async fn begin_snapshot(&mut self) -> Result<()> {
        let mut connection = self.take().await?;
        let begin = connection.begin_transaction_with_isolation(IsolationLevel::Snapshot);
        within(self.config.statement_timeout, begin).await?;
        self.connection = Some(connection);
        self.in_snapshot = true;
        Ok(())
    }

    /// Ends the SNAPSHOT transaction; it has only read, so nothing is lost if this fails.
    pub async fn end_snapshot(&mut self) -> Result<()> {
        self.in_snapshot = false;
        let Some(mut connection) = self.connection.take() else { return Ok(()) };
        within(self.config.statement_timeout, connection.commit_transaction()).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Drops the connection; the server rolls back what was open. Nothing is sent on it again.
    pub fn discard(&mut self) {
        self.connection = None;
        self.in_snapshot = false;
    }

    /// Runs a statement and hands every row to `each` as it arrives, until `each` says stop.
    ///
    /// Returns whether the answer was read to its end. If not, the connection is gone, and with it
    /// the snapshot.
    pub async fn stream(
        &mut self,
        sql: &str,
        parameters: &[&dyn ToSql],
        mut each: impl FnMut(Row) -> Result<Flow>,
    ) -> Result<bool> {
        let was_in_snapshot = self.in_snapshot;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None if was_in_snapshot => return Err(errors::lost_snapshot()),
            None => self.take().await?,
        };
        // Until the end of the answer is read, every way out of here drops the connection.
        self.in_snapshot = false;
        let limit = self.config.statement_timeout;
        let mut answer = within(limit, connection.query(sql, parameters)).await?;
        while let Some(item) = next(limit, &mut answer).await? {
            if let QueryItem::Row(row) = item
                && each(row)? == Flow::Stop
            {
                return Ok(false);
            }
        }
        drop(answer);
        self.connection = Some(connection);
        self.in_snapshot = was_in_snapshot;
        Ok(true)
    }

    /// Runs a statement that answers with few rows and returns them all.
    pub async fn rows(&mut self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.stream(sql, parameters, |row| {
            rows.push(row);
            Ok(Flow::Continue)
        })
        .await?;
        Ok(rows)
    }

    async fn take(&mut self) -> Result<Connection> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => open(&self.config).await,
        }
    }
}

/// Whether a reader wants more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Enough; the connection is discarded.
    Stop,
}

async fn next(
    limit: Duration,
    answer: &mut tiberius::QueryStream<'_>,
) -> Result<Option<QueryItem>> {
    use futures_util::TryStreamExt;
    within(limit, answer.try_next()).await
}

/// The driver's own limit is per gap between tokens and does not bound the drain of an earlier
/// answer; this one bounds the whole call.
async fn within<T>(limit: Duration, call: impl Future<Output = tiberius::Result<T>>) -> Result<T> {
    match timeout(limit, call).await {
        Ok(outcome) => outcome.map_err(errors::classify),
        Err(_) => Err(errors::timed_out(limit)),
    }
}

async fn open(config: &SourceConfig) -> Result<Connection> {
    let address = format!("{}:{}", config.host, config.port);
    let connecting = async {
        let tcp =
            TcpStream::connect(&address).await.map_err(|e| errors::unreachable(&address, &e))?;
        tcp.set_nodelay(true).map_err(|e| errors::unreachable(&address, &e))?;
        // A large future; every caller would carry its size.
        Box::pin(Client::connect(driver_config(config), tcp.compat_write()))
            .await
            .map_err(|e| errors::login(&address, config, e))
    };
    match timeout(config.connect_timeout, connecting).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::new(
            Kind::Transient,
            format!("SQL Server at {address} did not answer within {:?}", config.connect_timeout),
        )
        .hint("check source.host and source.port, the firewall, and source.tls: a server without TLS does not answer a TLS handshake")),
    }
}

fn driver_config(config: &SourceConfig) -> tiberius::Config {
    let mut driver = tiberius::Config::new();
    driver.host(&config.host);
    driver.port(config.port);
    driver.database(&config.database);
    driver.authentication(AuthMethod::sql_server(&config.user, config.password.expose()));
    driver.application_name("provsync");
    driver.packet_size(config.packet_size);
    driver.handshake_timeout(Some(config.connect_timeout));
    driver.command_timeout(Some(config.statement_timeout));
    driver.encryption(match config.tls.mode {
        TlsMode::Required => EncryptionLevel::Required,
        TlsMode::LoginOnly => EncryptionLevel::Off,
        TlsMode::Off => EncryptionLevel::NotSupported,
        TlsMode::Strict => EncryptionLevel::Strict,
    });
    if config.tls.trust_certificate {
        driver.trust_cert();
    }
    if let Some(ca) = &config.tls.ca_file {
        driver.trust_cert_ca(ca.display());
    }
    if let Some(name) = &config.tls.host_name_in_certificate {
        driver.hostname_in_certificate(name);
    }
    driver
}
