//! A proxy between the driver and a real Neo4j that lets go wrong what a test asks for, at the very
//! request that it names.
//!
//! It knows the boundaries of messages (Bolt 4.4 without TLS) and the request that each answer
//! belongs to. Without a fault it changes nothing. It runs on the runtime that started it, and ends
//! with its value.

mod connection;
mod fault;
mod message;
mod shared;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use fault::{Effect, Fault, On};
use shared::Shared;

/// Far more than anything takes that a test waits for.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub struct BoltProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl BoltProxy {
    /// Listens on a free port; `upstream` is `HOST:PORT` or a `bolt://` URI.
    pub async fn start(upstream: &str) -> Self {
        let upstream = upstream.strip_prefix("bolt://").unwrap_or(upstream);
        let shared = Arc::new(Shared::new(upstream.to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _tasks: tasks }
    }

    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address)
    }

    /// Puts a fault behind those that are to come: one strikes when those before it have.
    pub fn arm(&self, fault: Fault) {
        self.shared.arm(fault);
    }

    /// Nothing goes wrong any more, and what is held is let go.
    pub fn disarm(&self) {
        self.shared.disarm();
    }

    /// How many requests were struck: the connection is cut, the request or the answer is held, the
    /// failure is on its way.
    pub fn struck(&self) -> usize {
        *self.shared.struck.borrow()
    }

    /// Waits until `n` requests were struck.
    pub async fn until_struck(&self, n: usize) {
        wait(&self.shared.struck, &format!("{n} requests struck"), |struck| struck >= n).await;
    }

    /// Lets go what `Hold`, `HoldAnswer` and `LateCommit` hold now.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Waits until nothing is held: requests and answers are on their way, late commits done.
    pub async fn until_none_held(&self) {
        wait(&self.shared.held, "nothing held", |held| held == 0).await;
    }

    /// Cuts every connection of the driver; a late commit stays held.
    pub fn cut_all(&self) {
        self.shared.cut_all();
    }

    /// An outage for as long as it is true: every connection is cut, and each new one is closed at
    /// once.
    pub fn refuse(&self, yes: bool) {
        self.shared.refuse(yes);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        // A side that closes is a connection's usual end.
        connections.spawn(connection::serve(Arc::clone(&shared), client));
    }
}

async fn wait(number: &watch::Sender<usize>, what: &str, is: impl Fn(usize) -> bool) {
    let mut number = number.subscribe();
    let reached = tokio::time::timeout(WAIT_MAX, number.wait_for(|n| is(*n))).await;
    reached.unwrap_or_else(|_| panic!("not within {WAIT_MAX:?}: {what}")).unwrap();
}
