//! The server: starts, accepts, ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::certificate::Acceptors;
use crate::control::{Control, Order, Task};
use crate::engine::{Cleanup, Shared, backup, run_scripts};
use crate::faults::Faults;
use crate::tds::connection;
use crate::{Error, Options, certificate};

/// How often changes beyond their retention are looked for (documented: about every 30 minutes).
const CLEANUP_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// How long a shutdown or a restart waits for sessions.
const SESSIONS_END: Duration = Duration::from_secs(10);

/// A running server. It ends with [`shutdown`](Self::shutdown), or when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    certificate_pem: Option<String>,
    control: Control,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Opens the data, runs the scripts, then listens. The error of a script names its file and line and what the server said.
    pub async fn start(listener: TcpListener, options: Options) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(Error::Listen)?;
        let identity = certificate::identity(&options.tls)?;
        let shared = blocking(move || prepare(&options)).await?;
        let (control, orders) = Control::new(Arc::clone(&shared.faults));
        let (stop, stopped) = watch::channel(false);
        let accepting = Accepting {
            listener,
            tls: identity.acceptors,
            shared: Some(shared),
            connections: JoinSet::new(),
        };
        let accepting = tokio::spawn(accepting.run(orders, stopped));
        Ok(Self { address, certificate_pem: identity.certificate_pem, control, stop, accepting })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The self-signed certificate, so that a client can trust it.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// Faults on demand.
    pub fn faults(&self) -> &Faults {
        self.control.faults()
    }

    /// What else is done to it from outside of the wire.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops accepting, ends the connections, waits for both.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Database(error.to_string()))?
}

fn prepare(options: &Options) -> Result<Arc<Shared>, Error> {
    let shared = Shared::open(options).map_err(|error| Error::Database(error.message))?;
    let shared = Arc::new(shared);
    run_scripts(&shared, &options.init)?;
    Ok(shared)
}

/// The task that accepts connections and carries out orders.
struct Accepting {
    listener: TcpListener,
    tls: Option<Acceptors>,
    /// Absent when the database could not be opened again: then connections end at once.
    shared: Option<Arc<Shared>>,
    connections: JoinSet<()>,
}

impl Accepting {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut stopped: watch::Receiver<bool>) {
        let mut cleanup = tokio::time::interval(CLEANUP_INTERVAL);
        cleanup.tick().await;
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, peer)) => self.serve(socket, peer),
                    Err(error) => tracing::warn!(%error, "cannot accept"),
                },
                Some(_) = self.connections.join_next() => {}
                Some(order) = orders.recv() => {
                    let outcome = self.carry_out(order.task).await;
                    let _ = order.done.send(outcome);
                }
                _ = cleanup.tick() => self.clean_up_by_age(),
                // The sender is gone when the server was dropped.
                _ = stopped.changed() => break,
            }
        }
        self.connections.shutdown().await;
        if let Some(shared) = &self.shared {
            sessions_ended(shared).await;
        }
    }

    fn serve(&mut self, socket: tokio::net::TcpStream, peer: SocketAddr) {
        let Some(shared) = self.shared.clone() else { return };
        let tls = self.tls.clone();
        self.connections.spawn(async move {
            if let Err(error) = connection::serve(socket, tls, shared).await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
    }

    async fn carry_out(&mut self, task: Task) -> Result<(), Error> {
        let shared = self.shared.clone().ok_or(Error::Ended)?;
        match task {
            Task::Backup(file) => blocking(move || backup::write(&shared, &file)).await,
            Task::CleanUp { what, cleaned } => {
                // It may have to wait for a writer; connections are accepted meanwhile.
                tokio::task::spawn_blocking(move || {
                    let outcome = shared.clean_up(what);
                    drop(shared);
                    let _ = cleaned.send(outcome.map_err(|error| Error::Database(error.message)));
                });
                Ok(())
            }
            Task::Restart { down } => {
                drop(shared);
                self.reopen(down, |_| Ok(())).await
            }
            Task::Restore(file) => {
                let ready = blocking(move || backup::for_restore(&shared, &file)).await?;
                self.reopen(Duration::ZERO, move |shared| ready.take_place(shared)).await
            }
            Task::Secondary(file) => {
                let ready = blocking(move || backup::for_secondary(&shared, &file)).await?;
                let become_secondary = move |shared: &mut Shared| {
                    shared.serve_secondary(true);
                    ready.take_place(shared)
                };
                self.reopen(Duration::ZERO, become_secondary).await
            }
            Task::JoinGroup => blocking(move || backup::join_group(&shared)).await,
            Task::Failover { behind: None } => {
                drop(shared);
                let become_primary = |shared: &mut Shared| {
                    shared.serve_secondary(false);
                    backup::fail_over(shared)
                };
                self.reopen(Duration::ZERO, become_primary).await
            }
            Task::Failover { behind: Some(file) } => {
                let ready = blocking(move || backup::for_forced_failover(&shared, &file)).await?;
                let become_primary = move |shared: &mut Shared| {
                    shared.serve_secondary(false);
                    ready.take_place(shared)
                };
                self.reopen(Duration::ZERO, become_primary).await
            }
            Task::Primary => {
                drop(shared);
                let become_primary = |shared: &mut Shared| {
                    shared.serve_secondary(false);
                    Ok(())
                };
                self.reopen(Duration::ZERO, become_primary).await
            }
        }
    }

    fn clean_up_by_age(&self) {
        let Some(shared) = self.shared.clone() else { return };
        tokio::task::spawn_blocking(move || {
            if let Err(error) = shared.clean_up(Cleanup::Automatic { now: SystemTime::now() }) {
                tracing::warn!(%error, "cleanup of change tracking");
            }
        });
    }

    /// Ends all sessions, then opens the database again.
    async fn reopen(
        &mut self,
        down: Duration,
        change: impl FnOnce(&mut Shared) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        self.connections.shutdown().await;
        let shared = self.shared.take().ok_or(Error::Ended)?;
        sessions_ended(&shared).await;
        let mut shared = match Arc::try_unwrap(shared) {
            Ok(shared) => shared,
            Err(shared) => {
                self.shared = Some(shared);
                return Err(Error::Database("a session does not end".to_owned()));
            }
        };
        self.refuse_for(down).await;
        let reopened = blocking(move || {
            change(&mut shared)?;
            shared.reopen().map_err(|error| Error::Database(error.message))
        });
        self.shared = Some(Arc::new(reopened.await?));
        Ok(())
    }

    /// Accepts and ends. The port stays taken, so that nobody else gets it meanwhile.
    async fn refuse_for(&mut self, down: Duration) {
        let refusing = async {
            loop {
                drop(self.listener.accept().await);
            }
        };
        let _: Result<(), _> = tokio::time::timeout(down, refusing).await;
    }
}

/// Sessions run on threads of their own; each holds on to the database until it has rolled back.
async fn sessions_ended(shared: &Arc<Shared>) {
    let end = tokio::time::Instant::now() + SESSIONS_END;
    while Arc::strong_count(shared) > 1 && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
