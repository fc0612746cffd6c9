//! What is done to a running server from outside of the wire: faults, restarts, backups, restores.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::Error;
use crate::engine::{Cleaned, Cleanup};
use crate::faults::Faults;

/// A handle on a running server; it may outlive the server, whose end every order then reports.
#[derive(Clone, Debug)]
pub struct Control {
    faults: Arc<Faults>,
    orders: mpsc::Sender<Order>,
}

/// What the server's own task does between connections.
#[derive(Debug)]
pub(crate) enum Task {
    Restart { down: Duration },
    Backup(PathBuf),
    Restore(PathBuf),
    JoinGroup,
    Secondary(PathBuf),
    Primary,
    Failover { behind: Option<PathBuf> },
    CleanUp { what: Cleanup, cleaned: oneshot::Sender<Result<Cleaned, Error>> },
}

#[derive(Debug)]
pub(crate) struct Order {
    pub task: Task,
    pub done: oneshot::Sender<Result<(), Error>>,
}

/// Orders that may wait.
const ORDERS_WAITING: usize = 4;

impl Control {
    pub(crate) fn new(faults: Arc<Faults>) -> (Self, mpsc::Receiver<Order>) {
        let (orders, received) = mpsc::channel(ORDERS_WAITING);
        (Self { faults, orders }, received)
    }

    /// Faults on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends all connections, which rolls back what they have open, and comes back on the same port with the data that were
    /// committed. For the time of `down`, connections are accepted and ended at once.
    pub async fn restart(&self, down: Duration) -> Result<(), Error> {
        self.order(Task::Restart { down }).await
    }

    /// Copies what is committed to a file that must not be there yet. Connections go on.
    pub async fn backup(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.order(Task::Backup(file.as_ref().to_owned())).await
    }

    /// Ends all connections and puts a backup of this database in the place of its data: rows, counters and the version of
    /// change tracking are as they were, and the recovery fork is a new one.
    pub async fn restore(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.order(Task::Restore(file.as_ref().to_owned())).await
    }

    /// The database joins an availability group, whose id of it every replica has. Connections go on.
    pub async fn join_group(&self) -> Result<(), Error> {
        self.order(Task::JoinGroup).await
    }

    /// Ends all connections, as a failover does, and serves as a readable secondary that has come as far as a backup of this
    /// database: its rows, and a `database_guid` and `create_date` of its own. The database joins a group if it is in none. The
    /// primary's data stay as they are until [`Control::primary`].
    pub async fn secondary(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.order(Task::Secondary(file.as_ref().to_owned())).await
    }

    /// Ends all connections and serves as the primary again, with all that it had.
    pub async fn primary(&self) -> Result<(), Error> {
        self.order(Task::Primary).await
    }

    /// Ends all connections and serves as the replica that was a secondary and is the primary now, with its own `database_guid`
    /// and `create_date`: with all that the former primary had, or, where the failover is forced and loses data, with no more
    /// than a backup of this database, and on another recovery fork.
    pub async fn failover(&self, behind: Option<&Path>) -> Result<(), Error> {
        self.order(Task::Failover { behind: behind.map(Path::to_owned) }).await
    }

    /// Removes changes of change tracking, as automatic cleanup does at a given time, or all of them, and moves the minimum
    /// valid version. It waits for whoever writes.
    pub async fn clean_up(&self, what: Cleanup) -> Result<Cleaned, Error> {
        let (cleaned, outcome) = oneshot::channel();
        self.order(Task::CleanUp { what, cleaned }).await?;
        outcome.await.map_err(|_| Error::Ended)?
    }

    async fn order(&self, task: Task) -> Result<(), Error> {
        let (done, outcome) = oneshot::channel();
        self.orders.send(Order { task, done }).await.map_err(|_| Error::Ended)?;
        outcome.await.map_err(|_| Error::Ended)?
    }
}
