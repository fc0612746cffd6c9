//! The real thing for a while: applications write, `provsync sync` follows as processes, and whatever
//! can go wrong between them does. At the end the graph is exactly what the rows say.
//!
//! 60 seconds; `PROVSYNC_TEST_LONG_SECONDS=600` for more. The transactions and the order of the mishaps
//! follow from the seed, their moments do not. `PROVSYNC_TEST_OLD` names the program of an earlier version:
//! then that one loads the graph, and the workers take it over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "live/changes.rs"]
mod changes;
#[path = "live/rows.rs"]
mod rows;
#[path = "live/stage.rs"]
mod stage;
mod support;
#[path = "live/workers.rs"]
mod workers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use changes::{Done, Keys, Writer};
use provsync::mapping::Mapping;
use stage::{Mishap, Stage, pause};
use support::graph::TestGraph;
use support::server::Server;
use support::truth::assert_equal;
use support::{Random, seed};

const WRITERS: i64 = 2;
/// Once more than this is on the other side of a mishap, the next may come.
const PAUSE_MS: u64 = 3_000;

fn duration() -> Duration {
    let given = std::env::var("PROVSYNC_TEST_LONG_SECONDS").ok();
    Duration::from_secs(given.map_or(60, |seconds| seconds.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_while_everything_is_killed_cut_and_restarted() {
    if support::source::emulator_only("cuts its connections and restarts it") {
        return;
    }
    support::init();
    let mut random = Random::new(seed());
    // Kept after a failure, with the workers' logs.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let source = rows::source(&folder, &mut random).await;
    let keys = Keys::of(&source).await;
    let server = Server::named("live");
    let graph = TestGraph::at(server.start(""));
    graph.clear().await;
    support::run::apply_schema(&graph, &Mapping::default_mapping().unwrap()).await;
    let earlier = std::env::var_os("PROVSYNC_TEST_OLD");
    if let Some(program) = &earlier {
        stage::load_with(program, &source, &graph);
    }
    let mut stage = Stage::open(server, graph, source, &folder).await;
    println!("first load after {:?}", stage.caught_up().await);
    let loads = stage.workers.iter().map(|w| w.logged("reading all rows")).sum::<usize>();
    if earlier.is_some() {
        assert_eq!(
            loads,
            0,
            "the earlier version's graph is taken over as it is\n{}",
            stage.logs()
        );
    }

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let writer = Writer::new(random.next(), number, keys);
            tokio::spawn(changes::write(Arc::clone(&stage.source), writer, Arc::clone(&stop)))
        })
        .collect();
    let suffered = suffer(&mut stage, &mut random).await;
    stop.store(true, Ordering::Relaxed);
    let mut done = Done::default();
    for writer in writers {
        done += writer.await.unwrap();
    }
    println!("caught up {:?} after the last change", stage.caught_up().await);
    println!("{done:?}\n{suffered:?}, {} take-overs", stage.takeovers);
    for worker in &stage.workers {
        println!("{}: {}", worker.log().display(), events(&worker.lines()));
    }

    rows::assert_quarantine_is_what_the_rows_demand(&stage.source, &stage.graph).await;
    rows::assert_nothing_is_lost_or_doubled(&stage.source, &stage.graph).await;
    assert_equal(&stage.source, &stage.graph).await;
    let loads_now = stage.workers.iter().map(|w| w.logged("reading all rows")).sum::<usize>();
    assert_eq!(loads_now, loads, "what was missed was followed, not loaded anew\n{}", stage.logs());
    for worker in &mut stage.workers {
        assert_eq!(worker.end().code(), Some(0), "{}", worker.tail());
        assert_eq!(worker.logged("panicked"), 0, "{}", worker.tail());
    }
}

/// Every mishap once, in a random order after the first of each lap, until the time is over.
async fn suffer(stage: &mut Stage, random: &mut Random) -> BTreeMap<Mishap, u64> {
    let begun = Instant::now();
    let mut suffered = BTreeMap::new();
    let mut lap = Vec::new();
    while begun.elapsed() < duration() || suffered.len() < Mishap::ALL.len() {
        if lap.is_empty() {
            lap = Mishap::ALL.to_vec();
        }
        let mishap = lap.swap_remove(usize::try_from(random.below(lap.len() as u64)).unwrap());
        pause(random, PAUSE_MS).await;
        let since = Instant::now();
        stage.suffer(mishap, random).await;
        println!("{:5.1} s: {mishap:?} took {:?}", begun.elapsed().as_secs_f64(), since.elapsed());
        *suffered.entry(mishap).or_default() += 1;
    }
    suffered
}

/// How often the log says what.
fn events(lines: &[String]) -> String {
    let texts = [
        "window carried",
        "by-pages",
        "can't go on now",
        "can't take the right to write now",
        "taking over from it",
        "terminated what kept the fence",
        "standing by",
    ];
    let count = |text: &&str| lines.iter().filter(|line| line.contains(*text)).count();
    texts.iter().map(|text| format!("{} {text}", count(text))).collect::<Vec<_>>().join(", ")
}
