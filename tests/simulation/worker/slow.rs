//! Stores that answer, but slowly: whoever writes is heard of all the while, and nobody takes over from it.

use std::time::Duration;

use tokio::time::sleep;

use super::{Scenario, World};
use crate::CALM;
use crate::chaos::Odds;

/// How long a run lasts.
const LASTS: Duration = Duration::from_secs(1_200);
/// Of 1,000 calls.
const SLOW: u64 = 300;

/// One worker writes and another stands by, while others write at the source and many calls take longer
/// than a standby waits for a heartbeat.
pub async fn slow(seed: u64, scenario: Scenario, is_all_slow: bool) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.change(20, 5);
    let odds = Odds { slow: SLOW, is_all_slow, ..CALM };
    world.start_with(odds);
    // The first load is part of it.
    sleep(Duration::from_secs(30)).await;
    world.start_with(odds);
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < LASTS {
        let (most, pause) = (1 + world.random.below(60), world.random.below(120));
        world.change(1, most);
        if world.random.below(10) == 0 {
            world.something(&[(1, super::Event::Ask), (1, super::Event::Restore)]).await;
        }
        sleep(Duration::from_secs(pause)).await;
        world.look_at_processes().await;
    }
    let (longest, raises) = world.graph.silence();
    // A heartbeat is due, the source takes its time over the lease, and the lock is not free at once.
    let sync = &world.settings.sync;
    let longest_max = sync.heartbeat + sync.takeover / 3 + Duration::from_secs(1);
    if longest > longest_max {
        world
            .wrong
            .push(format!("no heartbeat for {longest:?}, and not for {longest_max:?} at most"));
    }
    if raises != 1 {
        world.wrong.push(format!("{raises} takeovers from a worker that is well"));
    }
    world.calm_down().await;
    world.wrong.extend(world.graph.wrong());
    world.wrong
}

/// Of two workers the one that writes hangs in its work, while its heartbeats go on: they count no longer,
/// and the other takes over.
pub async fn stuck(seed: u64, scenario: Scenario) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.change(5, 5);
    world.start_with(CALM);
    if !world.catch_up().await {
        return world.wrong;
    }
    world.start_with(CALM);
    world.processes[0].chaos.get_stuck();
    let most = 1 + world.random.below(60);
    world.change(1, most);
    let stall_max = world.settings.stall_max;
    sleep(stall_max + 3 * world.settings.sync.takeover).await;
    if !world.has_caught_up() {
        world.wrong.push("nobody took over".to_owned());
    }
    world.processes.swap_remove(0).chaos.kill();
    world.calm_down().await;
    world.wrong.extend(world.graph.wrong());
    world.wrong
}
