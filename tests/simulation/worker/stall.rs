//! A worker that can make no progress although nothing fails: it must not ask at full rate.

use std::time::Duration;

use super::{Scenario, World};
use crate::CALM;

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(60);

/// The source refuses every window that its versions allow. The pauses between two polls grow as if there
/// were nothing to do; `without_pauses` takes that away.
pub async fn run(seed: u64, scenario: Scenario, without_pauses: bool) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.change(5, 5);
    world.start_with(CALM);
    if !world.catch_up().await {
        return world.wrong;
    }
    while let Some(index) = world.one_that_runs() {
        world.stop(index).await;
    }
    let seldom = world.settings.sync.poll_max;
    if without_pauses {
        world.settings.sync.poll_max = world.settings.sync.poll_min;
    }
    world.change(1, 5);
    world.start_with(CALM);
    let before = world.source.database().polls;
    tokio::time::sleep(WATCHED).await;
    let polls = world.source.database().polls - before;
    // Twice as often as an idle worker: a turn may ask more than once.
    let most = 2 * WATCHED.as_millis() / seldom.as_millis();
    if u128::from(polls) > most {
        world.wrong.push(format!("{polls} polls in {WATCHED:?} without progress"));
    }
    world.wrong
}
