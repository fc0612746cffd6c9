//! The worker: processes of it that are started, killed, hung and stopped while others write at the
//! source and operators do what they do.

mod calm;
mod copy;
mod events;
mod hidden;
mod process;
mod scenarios;
mod slow;
mod stall;

use std::time::Duration;

use provsync::config::SyncConfig;
use provsync::sync::worker::Settings;
use tokio::time::Instant;

use crate::chaos::Chaos;
use crate::graph::{ModelGraph, Weakness};
use crate::random::Random;
use crate::source::{Backup, Flaw, ModelSource, Rows};
use crate::{CALM, limits, mapping, truth};

use events::Event;
use process::Process;

/// What happens in a run.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Events with their weights.
    pub events: &'static [(u64, Event)],
    pub weakness: Weakness,
    pub flaw: Flaw,
    pub keys_change: bool,
    /// Of 1,000 writes, how many find that the graph takes none for a moment.
    pub read_only: u64,
}

/// Both stores, the processes, and what was found wrong.
pub struct World {
    random: Random,
    source: ModelSource,
    graph: ModelGraph,
    settings: Settings,
    processes: Vec<Process>,
    backup: Option<Backup>,
    wrong: Vec<String>,
    read_only: u64,
    begun: Instant,
}

fn settings(random: &mut Random) -> Settings {
    let mut limits = limits(random);
    limits.retry_max = Duration::from_secs(5);
    // Small ones, so that windows go by pages; and such that a window goes at once.
    if random.below(2) == 0 {
        limits.batch_rows += 20;
    }
    let keys = [3, 1_000][usize::try_from(random.below(2)).unwrap()];
    let sync = SyncConfig {
        poll_min: Duration::from_millis(100),
        poll_max: Duration::from_secs(1),
        heartbeat: Duration::from_secs(2),
        takeover: Duration::from_secs(20),
        shutdown: Duration::from_secs(20),
        verify_interval: None,
        untracked_interval: Duration::from_secs(3600),
        window_keys_max: keys,
        metrics: None,
    };
    let holder = "a worker".to_owned();
    let stall_max = Duration::from_secs(300);
    let (mapping, retention) = (mapping(), None);
    Settings { limits, sync, mapping, holder, adopt: false, retention, stall_max }
}

impl World {
    fn new(seed: u64, scenario: &Scenario) -> Self {
        let mut random = Random::new(seed);
        let calm = Chaos::new(random.next(), CALM);
        let rows = Rows::new(scenario.keys_change);
        let source = ModelSource::new(rows, calm.clone()).with_flaw(scenario.flaw);
        let graph = ModelGraph::new(calm, scenario.weakness);
        let witness = source.for_process(Chaos::new(0, CALM));
        graph.judged_by(Box::new(move |data| truth::contradictions(&witness.database(), data)));
        let settings = settings(&mut random);
        let begun = Instant::now();
        let (processes, backup, wrong) = (Vec::new(), None, Vec::new());
        let read_only = scenario.read_only;
        Self { random, source, graph, settings, processes, backup, wrong, read_only, begun }
    }

    fn change(&mut self, transactions: u64, statements_max: u64) {
        for _ in 0..transactions {
            self.source.database().transaction(&mut self.random, statements_max);
        }
    }

    /// A note for whoever replays a run.
    fn say(&self, what: &str) {
        tracing::info!(at = ?self.begun.elapsed(), "{what}");
    }
}

/// Random events, then calm: the graph gets right in the end, and says nothing wrong meanwhile.
pub async fn run(seed: u64, scenario: Scenario) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    let earlier = world.random.below(20);
    world.change(earlier, 5);
    let events = 5 + world.random.below(20);
    world.start();
    for _ in 0..events {
        world.pause().await;
        world.something(scenario.events).await;
        world.look_at_processes().await;
        if !world.wrong.is_empty() {
            return world.wrong;
        }
    }
    world.calm_down().await;
    world.wrong.extend(world.graph.wrong());
    world.wrong
}

/// Random events under a budget of deletes that some of them exceed: no worker ends by itself, and when
/// the deletes are allowed, the graph gets right.
pub async fn limited(seed: u64, scenario: Scenario) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.settings.limits.allow_deletes = None;
    world.source.database().fill(20..50);
    world.start();
    for _ in 0..5 + world.random.below(15) {
        world.pause().await;
        world.something(scenario.events).await;
        world.look_at_processes().await;
        if !world.wrong.is_empty() {
            return world.wrong;
        }
    }
    world.wake();
    while let Some(index) = world.one_that_runs() {
        world.kill(index).await;
    }
    world.settings.limits.allow_deletes = Some(1_000_000);
    world.calm_down().await;
    world.wrong.extend(world.graph.wrong());
    world.wrong
}

/// Of two workers the one that writes is cut off from the source, which keeps its lease: the other
/// takes over, while it is cut off.
pub async fn cut_off(seed: u64, scenario: Scenario) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.change(5, 5);
    world.start_with(CALM);
    if !world.catch_up().await {
        return world.wrong;
    }
    world.start_with(CALM);
    let settles = Duration::from_millis(world.random.below(5_000));
    tokio::time::sleep(settles).await;
    world.processes[0].chaos.cut_off(true);
    let most = 1 + world.random.below(60);
    world.change(1, most);
    // It may have begun something; the fence waits for that.
    tokio::time::sleep(2 * world.settings.sync.takeover).await;
    if !world.has_caught_up() {
        world.wrong.push("nobody took over".to_owned());
    }
    world.calm_down().await;
    world.wrong.extend(world.graph.wrong());
    world.wrong
}

impl World {
    /// Often too short for anything to come to its end.
    async fn pause(&mut self) {
        let most = [1, 50, 1_000, 10_000, 40_000][usize::try_from(self.random.below(5)).unwrap()];
        tokio::time::sleep(Duration::from_millis(self.random.below(most))).await;
    }
}
