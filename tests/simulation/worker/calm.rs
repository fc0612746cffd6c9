//! Calm weather: whatever happened, the graph gets right, and says so.

use std::time::Duration;

use provsync::neo4j::checkpoint::State;
use provsync::sqlserver::epoch::Epoch;
use tokio::time::{Instant, sleep};

use super::World;
use super::events::Event;
use crate::graph::Data;
use crate::{CALM, mapping, truth};

/// Within which the graph gets right: longer than an entry of quarantine waits for its turn.
const CATCH_UP_MAX: Duration = Duration::from_secs(3 * 3600);
/// How long it is looked whether it stays right.
const STAYS: Duration = Duration::from_secs(30);

impl World {
    /// The end of a run.
    pub async fn calm_down(&mut self) {
        self.say("calm");
        self.graph.by_hand(|data| data.is_constrained = false);
        // A checkpoint that was edited beside a worker that has nothing to do stays as it is until
        // there is something.
        let before = self.source.database().version;
        while self.source.database().version == before {
            self.change(1, 5);
        }
        if !self.catch_up().await {
            return;
        }
        for process in &self.processes {
            process.chaos.spare();
        }
        if !self.refuses_nothing().await {
            return;
        }
        let before = self.graph.settled();
        self.wrong.extend(truth::differences(&self.source.rows(), &before));
        sleep(STAYS).await;
        let after = self.graph.settled();
        if ids(&before) != ids(&after) {
            self.wrong.push("a graph that is right was written".to_owned());
        }
        while let Some(index) = self.one_that_runs() {
            self.stop(index).await;
        }
        self.look_at_processes().await;
        let last = self.graph.settled();
        if let Some(holder) = last.checkpoint.and_then(|c| c.holder) {
            self.wrong.push(format!("nobody runs, and the checkpoint names {holder}"));
        }
        if self.source.database().leases.values().any(|lease| lease.until.is_none()) {
            self.wrong.push("nobody runs, and somebody has the lease".to_owned());
        }
    }

    /// Both sides are there and nothing goes wrong, until the graph says that it has caught up.
    pub async fn catch_up(&mut self) -> bool {
        self.set_down(Event::Up);
        self.wake();
        for process in &self.processes {
            process.chaos.set_odds(CALM);
        }
        self.look_at_processes().await;
        if self.one_that_runs().is_none() {
            self.start_with(CALM);
        }
        let begun = Instant::now();
        while !self.has_caught_up() {
            if begun.elapsed() > CATCH_UP_MAX {
                let checkpoint = self.graph.data().checkpoint;
                let version = self.source.database().version;
                let what = format!("it never caught up with {version}: {checkpoint:?}");
                self.wrong.push(what);
                return false;
            }
            sleep(Duration::from_millis(500)).await;
            self.look_at_processes().await;
            // One that was to be killed later.
            if self.one_that_runs().is_none() {
                self.start_with(CALM);
            }
        }
        self.wrong.is_empty()
    }

    /// Rows that were refused come by themselves, or as soon as somebody asks for them.
    async fn refuses_nothing(&mut self) -> bool {
        const REFUSED: &str = "row-refused";
        let begun = Instant::now();
        if self.random.below(8) > 0 {
            self.graph.by_hand(|data| {
                data.entries.values_mut().for_each(|entry| entry.due |= entry.reason == REFUSED);
            });
        }
        let is_refused = |data: &Data| data.entries.values().any(|e| e.reason == REFUSED);
        while is_refused(&self.graph.data()) {
            if begun.elapsed() > CATCH_UP_MAX {
                self.wrong.push("rows are refused that nothing forbids".to_owned());
                return false;
            }
            sleep(Duration::from_secs(10)).await;
        }
        self.catch_up().await
    }

    pub fn has_caught_up(&self) -> bool {
        let (version, epoch) = self.source.position();
        let checkpoint = self.graph.data().checkpoint;
        checkpoint.is_some_and(|c| {
            let is_done = c.state.progress.is_none() && c.state.cursor.is_none();
            let is_there = c.state.version == Some(version) && knows(&c.state, &epoch);
            let is_there = is_there && c.consistent;
            is_done && is_there && c.found().sealed && c.request.is_none()
        })
    }
}

/// Whether a checkpoint is of this epoch of the source.
fn knows(state: &State, epoch: &Epoch) -> bool {
    let known = state.epoch.as_ref();
    known.is_some_and(|known| epoch.is_that_of(&state.identity, known, &mapping()))
}

fn ids(data: &Data) -> (Vec<u64>, Vec<u64>) {
    (data.nodes.keys().copied().collect(), data.relationships.keys().copied().collect())
}
