//! The admin port: orders to the server as lines of JSON, each answered by a line.
//!
//! ```text
//! {"arm": {"effect": "lose_answer", "on": "commit"}}     {"ok": null}
//! "armed"                                                {"ok": [{"effect": "lose_answer", …}]}
//! {"restart": {"down_ms": 500}}                          {"ok": null}
//! {"clean_up": {"later_s": 864000}}                      {"ok": {"version": 12, "rows": 40}}
//! ```

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::faults::Fault;
use crate::{Cleanup, Control};

/// A line longer than this ends the connection.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// What the port takes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    /// A fault is to happen.
    Arm(Fault),
    /// Which are.
    Armed,
    /// None is any more.
    Disarm,
    /// Held answers go out.
    Release,
    /// The server ends its connections and comes back.
    Restart {
        #[serde(default)]
        down_ms: u64,
    },
    /// A copy of the data is written to a file of the server's machine.
    Backup { file: PathBuf },
    /// Such a copy takes the place of the data.
    Restore { file: PathBuf },
    /// It serves as a readable secondary that has come as far as such a copy.
    Secondary { file: PathBuf },
    /// It serves as the primary again.
    Primary,
    /// The database joins an availability group.
    JoinGroup,
    /// Another replica is the primary now, with all data or with those of a backup.
    Failover {
        #[serde(default)]
        behind: Option<PathBuf>,
    },
    /// Changes of change tracking go: those that are too old after so many seconds more, or all.
    CleanUp {
        #[serde(default)]
        later_s: Option<u64>,
    },
}

/// Listens at a loopback address; any other is refused, since whoever reaches the port may do what it offers.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let message = "the admin port is for loopback addresses only";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    TcpListener::bind(address).await
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, control: Control) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                tokio::spawn(converse(socket, control.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(mut socket: TcpStream, control: Control) -> io::Result<()> {
    let (reader, mut writer) = socket.split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(());
        }
        let answer = match answer(&line, &control).await {
            Ok(value) => json!({ "ok": value }),
            Err(message) => json!({ "error": message }),
        };
        writer.write_all(format!("{answer}\n").as_bytes()).await?;
        if !line.ends_with(b"\n") {
            return Ok(());
        }
    }
}

async fn answer(line: &[u8], control: &Control) -> Result<Value, String> {
    let order: Order = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let outcome = match order {
        Order::Arm(fault) => return control.faults().arm(fault).map(|()| Value::Null),
        Order::Armed => return Ok(json!(control.faults().armed())),
        Order::Disarm => return Ok(json!(control.faults().disarm())),
        Order::Release => return Ok(json!(control.faults().release())),
        Order::Restart { down_ms } => control.restart(Duration::from_millis(down_ms)).await,
        Order::Backup { file } => control.backup(file).await,
        Order::Restore { file } => control.restore(file).await,
        Order::Secondary { file } => control.secondary(file).await,
        Order::Primary => control.primary().await,
        Order::JoinGroup => control.join_group().await,
        Order::Failover { behind } => control.failover(behind.as_deref()).await,
        Order::CleanUp { later_s } => return clean_up(control, later_s).await,
    };
    outcome.map(|()| Value::Null).map_err(|error| error.to_string())
}

async fn clean_up(control: &Control, later_s: Option<u64>) -> Result<Value, String> {
    let what = match later_s {
        None => Cleanup::Everything,
        Some(seconds) => {
            let now = SystemTime::now().checked_add(Duration::from_secs(seconds));
            Cleanup::Automatic { now: now.ok_or("no such time")? }
        }
    };
    let cleaned = control.clean_up(what).await.map_err(|error| error.to_string())?;
    Ok(json!({ "version": cleaned.version, "rows": cleaned.rows }))
}
