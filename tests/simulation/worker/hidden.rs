//! Rows that a filter hides and shows, as a security policy does, while the background verify runs.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::{Scenario, World};
use crate::graph::{Data, integer};
use crate::source::{Rows, Table};
use crate::{CALM, STORMY, truth};

/// How often more rows are hidden, and for how long each time.
const PHASES: u32 = 6;
const PHASE: Duration = Duration::from_secs(200);
/// A round of the background verify.
const ROUND: Duration = Duration::from_secs(20);

/// Rows of each table.
const ROWS: i64 = 60;

/// A filter hides some rows or all, more of them from time to time: what the background verify deletes stays within the budget of a
/// day, whatever happens to the processes; when the rows are shown, the graph gets right.
pub async fn hidden(seed: u64, scenario: Scenario, allow_deletes: Option<u64>) -> Vec<String> {
    let mut world = World::new(seed, &scenario);
    world.settings.limits.allow_deletes = allow_deletes;
    world.settings.sync.verify_interval = Some(ROUND);
    // Rows come and go without a version: that a graph stands at one says nothing of them.
    world.graph.judged_by(Box::new(|_| Vec::new()));
    world.source.database().fill(1..ROWS + 1);
    world.start_with(CALM);
    if !world.catch_up().await {
        return world.wrong;
    }
    let before = counts(&world.graph.settled());
    let table = Table::ALL[usize::try_from(world.random.below(3)).unwrap()];
    let of_ten = [10, 7, 2, 2][usize::try_from(world.random.below(4)).unwrap()];
    for _ in 0..PHASES {
        world.hide(table, of_ten);
        if let Some(index) = world.one_that_runs()
            && world.random.below(2) == 0
        {
            world.kill(index).await;
        }
        world.look_at_processes().await;
        if world.one_that_runs().is_none() {
            world.start_with(STORMY);
        }
        sleep(PHASE).await;
    }
    let after = counts(&world.graph.settled());
    for (kind, before) in &before {
        let lost = before - after.get(kind).copied().unwrap_or(0);
        // Half of a kind that is as small as these.
        if lost > before / 2 {
            world.wrong.push(format!("{lost} of {before} of {kind} were deleted"));
        }
    }
    world.source.database().filter(Rows::show);
    if world.wrong.is_empty() && world.catch_up().await {
        world.get_right().await;
    }
    world.wrong.extend(world.graph.wrong());
    world.wrong
}

impl World {
    fn hide(&mut self, table: Table, of_ten: u64) {
        let mut random = crate::random::Random::new(self.random.next());
        self.say(&format!("{of_ten} of 10 rows of {table:?} are hidden too"));
        self.source.database().filter(|rows| rows.hide(table, |_| random.below(10) < of_ten));
    }

    /// The background verify brings back what it took.
    async fn get_right(&mut self) {
        let rounds = 3 * 3600 / ROUND.as_secs();
        let mut left = Vec::new();
        for _ in 0..rounds {
            left = truth::differences(&self.source.rows(), &self.graph.settled());
            if left.is_empty() && self.has_caught_up() {
                return;
            }
            sleep(ROUND).await;
            self.look_at_processes().await;
        }
        self.wrong.extend(left);
        self.wrong.push("it did not get right when the rows were shown".to_owned());
    }
}

/// Things of the three tables.
fn counts(data: &Data) -> BTreeMap<&'static str, usize> {
    let keyed = |key: &str| {
        let has = |p: &crate::graph::Properties| integer(p, key).is_some();
        let nodes = data.nodes.values().filter(|n| has(&n.properties)).count();
        nodes + data.relationships.values().filter(|r| has(&r.properties)).count()
    };
    ["nodeId", "edgeId", "streamId"].map(|key| (key, keyed(key))).into()
}
