//! Processes of the worker.

use std::time::Duration;

use provsync::error::Result;
use provsync::sync::worker::follow;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::World;
use crate::STORMY;
use crate::chaos::{Chaos, Odds};

/// A stop waits for the call that runs, and that for a lock.
const STOP_MAX: Duration = Duration::from_secs(180);

pub struct Process {
    pub chaos: Chaos,
    stop: watch::Sender<bool>,
    task: JoinHandle<Option<Result<()>>>,
    pub hangs: bool,
}

impl World {
    /// Starts a process.
    pub fn start(&mut self) {
        let stormy = [STORMY, STORMY, crate::CALM];
        let odds = stormy[usize::try_from(self.random.below(3)).unwrap()];
        let others = self.random.below(2) * 20;
        self.start_with(Odds { others, read_only: self.read_only, ..odds });
    }

    pub fn start_with(&mut self, odds: Odds) {
        let chaos = Chaos::new(self.random.next(), odds);
        self.say(&format!("process {} starts", chaos.process));
        let (stop, stopped) = watch::channel(false);
        let from = self.source.for_process(chaos.clone());
        let to = self.graph.for_process(chaos.clone());
        let settings = self.settings.clone();
        let fate = chaos.clone();
        let task = tokio::spawn(async move { fate.run(follow(from, to, settings, stopped)).await });
        self.processes.push(Process { chaos, stop, task, hangs: false });
    }

    /// A process that runs, if there is one.
    pub fn one_that_runs(&mut self) -> Option<usize> {
        let running: Vec<usize> = (0..self.processes.len())
            .filter(|i| !self.processes[*i].hangs && !self.processes[*i].task.is_finished())
            .collect();
        let count = u64::try_from(running.len()).ok().filter(|n| *n > 0)?;
        Some(running[usize::try_from(self.random.below(count)).unwrap()])
    }

    /// A process that ends by itself without being asked to is wrong.
    pub async fn look_at_processes(&mut self) {
        let mut left = Vec::new();
        for process in std::mem::take(&mut self.processes) {
            if process.task.is_finished() {
                self.take_leave(process).await;
            } else {
                left.push(process);
            }
        }
        self.processes = left;
    }

    async fn take_leave(&mut self, process: Process) {
        let id = process.chaos.process;
        self.say(&format!("process {id} is gone"));
        let of_process = |lease: &crate::source::Lease| lease.process == id;
        self.source.database().end_connections(Duration::ZERO, of_process);
        let was_asked = *process.stop.borrow();
        self.judge(process.task.await, was_asked);
    }

    fn judge(&mut self, outcome: Result<Option<Result<()>>, JoinError>, was_asked: bool) {
        match outcome {
            Ok(None) => {}
            Ok(Some(Ok(()))) if was_asked => {}
            Ok(Some(outcome)) => self.wrong.push(format!("a worker ended by itself: {outcome:?}")),
            Err(error) => self.wrong.push(format!("a worker panicked: {error}")),
        }
    }

    /// Its connections end at once, or the server notices later that its machine is gone.
    pub async fn kill(&mut self, index: usize) {
        let process = self.processes.swap_remove(index);
        let id = process.chaos.process;
        let seconds = if self.random.below(3) == 0 { self.random.below(60) } else { 0 };
        self.say(&format!("process {id} is killed, noticed after {seconds} s"));
        let of_process = |lease: &crate::source::Lease| lease.process == id;
        let unnoticed = Duration::from_secs(seconds);
        self.source.database().end_connections(unnoticed, of_process);
        process.chaos.kill();
        self.take_leave(process).await;
    }

    /// Asks it to end, and waits for that.
    pub async fn stop(&mut self, index: usize) {
        let mut process = self.processes.swap_remove(index);
        let id = process.chaos.process;
        self.say(&format!("process {id} is asked to end"));
        process.stop.send_replace(true);
        if let Ok(outcome) = timeout(STOP_MAX, &mut process.task).await {
            self.judge(outcome, true);
        } else {
            self.wrong.push(format!("a worker did not end in {STOP_MAX:?}"));
            process.chaos.kill();
        }
    }
}
