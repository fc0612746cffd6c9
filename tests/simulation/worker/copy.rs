//! A copy of the source: a backup that was restored elsewhere under the same name, with a worker that is
//! started at it by mistake and finds the graph of the original.

use std::time::Duration;

use provsync::error::{Error, Kind};
use provsync::sync::worker::follow;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Scenario, World};
use crate::chaos::{Chaos, Odds};
use crate::{CALM, STORMY, truth};

/// Within which a worker must have seen that it is at a copy.
const REFUSES_WITHIN: Duration = Duration::from_secs(3600);

/// The worker at the copy ends and says why; the graph stays the original's, whether its worker runs or not.
pub async fn run(seed: u64, scenario: Scenario) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.change(5, 5);
    world.start_with(CALM);
    if !world.catch_up().await {
        return world.wrong;
    }
    if world.random.below(2) == 0
        && let Some(index) = world.one_that_runs()
    {
        world.stop(index).await;
    }
    let before = world.graph.settled();
    let error = world.works_at_a_copy().await;
    if !error.as_ref().is_some_and(|e| e.kind == Kind::Stop && e.to_string().contains("is a copy"))
    {
        world.wrong.push(format!("the worker at the copy said {error:?}"));
    }
    let after = world.graph.settled();
    world.wrong.extend(truth::differences(&world.source.rows(), &after));
    if after.checkpoint.map(|c| c.state) != before.checkpoint.map(|c| c.state) {
        world.wrong.push("the checkpoint is another".to_owned());
    }
    world.wrong.extend(world.graph.wrong());
    world.wrong
}

impl World {
    /// How a worker ends that is started at a copy.
    async fn works_at_a_copy(&mut self) -> Option<Error> {
        let odds = [CALM, Odds { lost_answer: 0, ..STORMY }][usize::from(self.random.below(2) > 0)];
        let chaos = Chaos::new(self.random.next(), odds);
        let copy = self.source.restored_elsewhere(chaos.clone(), &mut self.random);
        let graph = self.graph.for_process(chaos);
        let (_stop, stopped) = watch::channel(false);
        let worker = follow(copy, graph, self.settings.clone(), stopped);
        timeout(REFUSES_WITHIN, worker).await.ok()?.err()
    }
}
