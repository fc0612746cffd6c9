//! `full` and the worker over models of both stores, with everything going wrong that may: no
//! database, thousands of runs. Each run ends in a graph that is right for the rows, or the seed that
//! it printed replays it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chaos;
mod full;
mod graph;
#[path = "../support/random.rs"]
mod random;
mod source;
mod truth;
mod worker;

use std::time::Duration;

use provsync::config::FullConfig;
use provsync::mapping::Mapping;

use chaos::Odds;
use random::{Random, seed};

const CALM: Odds =
    Odds { outage: 0, lost_answer: 0, others: 0, read_only: 0, slow: 0, is_all_slow: false };
const STORMY: Odds = Odds { outage: 20, lost_answer: 60, ..CALM };

fn mapping() -> Mapping {
    Mapping::default_mapping().unwrap()
}

fn limits(random: &mut Random) -> FullConfig {
    let mut upto = |most: u64| usize::try_from(1 + random.below(most)).unwrap();
    FullConfig {
        batch_rows: upto(6),
        batch_bytes_max: 1 << 20,
        lanes: upto(3),
        page_rows: upto(8),
        quarantine_max: 1_000_000,
        retry_max: Duration::from_secs(3600),
        // Tables are small, and lose most of their rows now and then.
        allow_deletes: Some(1_000_000),
    }
}

/// Runs from a seed on, each on a clock of its own; returns the first that goes wrong, with what was
/// wrong.
fn first_wrong<F: Future<Output = Vec<String>>>(
    runs: u64,
    run: impl Fn(u64) -> F,
) -> Option<(u64, Vec<String>)> {
    let first = seed();
    if std::env::var_os("PROVSYNC_TEST_TRACE").is_some() {
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
        let _ = lines.without_time().with_test_writer().try_init();
    }
    (first..first + runs).find_map(|seed| {
        // Pauses between two tries are random too.
        fastrand::seed(seed);
        let mut clock = tokio::runtime::Builder::new_current_thread();
        let clock = clock.enable_time().start_paused(true).build().unwrap();
        let wrong = clock.block_on(run(seed));
        (!wrong.is_empty()).then_some((seed, wrong))
    })
}

fn assert_right(wrong: Option<(u64, Vec<String>)>) {
    if let Some((seed, wrong)) = wrong {
        panic!("PROVSYNC_TEST_SEED={seed} replays it:\n{}", wrong.join("\n"));
    }
}
