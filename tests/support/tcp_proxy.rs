//! A proxy that passes bytes on. While it is held it passes nothing, not even that a side has closed:
//! as a network does that loses every packet, and tells neither side.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub struct TcpProxy {
    port: u16,
    gate: watch::Sender<Gate>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    is_held: bool,
    /// How often the server's sides of all connections were closed.
    closed: usize,
}

impl TcpProxy {
    /// Listens on a free port of the loopback address, and ends with its value.
    pub async fn start(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let gate = watch::Sender::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, format!("{host}:{port}"), gate.subscribe()));
        Self { port: own, gate, _tasks: tasks }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Nothing passes any more; a new connection is accepted and not answered.
    pub fn hold(&self) {
        self.gate.send_modify(|gate| gate.is_held = true);
    }

    /// What was held passes, and the end of a side that has closed meanwhile.
    pub fn release(&self) {
        self.gate.send_modify(|gate| gate.is_held = false);
    }

    /// Closes the server's side of every connection, as the server does by itself when keep-alive
    /// finds nobody; a client that is held does not hear of it.
    pub fn close_upstream(&self) {
        self.gate.send_modify(|gate| gate.closed += 1);
    }
}

async fn accept(listener: TcpListener, upstream: String, gate: watch::Receiver<Gate>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        // A side that closes is a connection's usual end.
        connections.spawn(serve(client, upstream.clone(), gate.clone()));
    }
}

/// Until a side closes.
async fn serve(
    mut client: TcpStream,
    upstream: String,
    mut gate: watch::Receiver<Gate>,
) -> io::Result<()> {
    passes(&mut gate).await;
    let closed_before = gate.borrow().closed;
    let mut server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    {
        let (mut client_reads, mut client_writes) = client.split();
        let (mut server_reads, mut server_writes) = server.split();
        let (mut asks, mut answers) = (gate.clone(), gate.clone());
        tokio::select! {
            _ = pass(&mut client_reads, &mut server_writes, &mut asks) => {}
            _ = pass(&mut server_reads, &mut client_writes, &mut answers) => {}
            _ = gate.wait_for(|gate| gate.closed > closed_before) => {}
        }
    }
    drop(server);
    passes(&mut gate).await;
    Ok(())
}

/// Until the reader's end has passed too.
async fn pass(
    reads: &mut (impl AsyncRead + Unpin),
    writes: &mut (impl AsyncWrite + Unpin),
    gate: &mut watch::Receiver<Gate>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let count = reads.read(&mut bytes).await;
        passes(gate).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        writes.write_all(&bytes[..count]).await?;
    }
}

/// Waits while it is held.
async fn passes(gate: &mut watch::Receiver<Gate>) {
    if gate.wait_for(|gate| !gate.is_held).await.is_err() {
        // The proxy ends, and this task with it.
        std::future::pending::<()>().await;
    }
}
