//! The server: starts, accepts, ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::engine::{Shared, run_scripts};
use crate::tds::connection;
use crate::{Data, Error, Options, certificate};

/// How long a shutdown waits for sessions.
const SESSIONS_END: Duration = Duration::from_secs(10);

/// A running server. It ends with [`shutdown`](Self::shutdown), or when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    certificate_pem: Option<String>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Opens the data, runs the scripts, then listens. The error of a script names its file and line and what the server said.
    pub async fn start(listener: TcpListener, options: Options) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(Error::Listen)?;
        let identity = certificate::identity(&options.tls)?;
        let shared = tokio::task::spawn_blocking(move || prepare(&options))
            .await
            .map_err(|error| Error::Database(error.to_string()))??;
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, identity.acceptor, shared, stopped));
        Ok(Self { address, certificate_pem: identity.certificate_pem, stop, accepting })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The self-signed certificate, so that a client can trust it.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// Stops accepting, ends the connections, waits for both.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
    }
}

fn prepare(options: &Options) -> Result<Arc<Shared>, Error> {
    let path: Option<&Path> = match &options.data {
        Data::Memory => None,
        Data::File(path) => Some(path),
    };
    let shared = Shared::open(path, &options.database, &options.sa_password)
        .map_err(|error| Error::Database(error.message))?;
    let shared = Arc::new(shared);
    run_scripts(&shared, &options.init)?;
    Ok(shared)
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                    connections.spawn(async move {
                        if let Err(error) = connection::serve(socket, tls, shared).await {
                            tracing::debug!(%peer, %error, "connection ended");
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "cannot accept"),
            },
            Some(_) = connections.join_next() => {}
            // The sender is gone when the server was dropped.
            _ = stopped.changed() => break,
        }
    }
    connections.shutdown().await;
    sessions_ended(&shared).await;
}

/// Sessions run on threads of their own; each holds on to the database until it has rolled back.
async fn sessions_ended(shared: &Arc<Shared>) {
    let end = tokio::time::Instant::now() + SESSIONS_END;
    while Arc::strong_count(shared) > 1 && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
