//! What is looked at, each by itself: what fails is named by its test.

use super::events::Event::{self, *};
use super::hidden::hidden;
use super::slow::{slow, stuck};
use super::{Scenario, copy, cut_off, limited, run, stall};
use crate::graph::Weakness;
use crate::source::Flaw;
use crate::{assert_right, first_wrong};

/// Runs in which something broken on purpose has to be found.
const RUNS_MAX: u64 = 1_000;

/// Runs of a scenario; `PROVSYNC_TEST_RUNS=1000` for more.
fn runs() -> u64 {
    std::env::var("PROVSYNC_TEST_RUNS").map_or(60, |runs| runs.parse().unwrap())
}

/// Others write, in every size.
const WRITE: [(u64, Event); 3] = [(4, Small), (1, Many), (2, Big)];

fn with(events: &[(u64, Event)]) -> &'static [(u64, Event)] {
    [&WRITE, events].concat().leak()
}

fn scenario(events: &[(u64, Event)]) -> Scenario {
    Scenario {
        events: with(events),
        weakness: Weakness::None,
        flaw: Flaw::None,
        keys_change: false,
        read_only: 0,
    }
}

/// Writes are refused for a moment now and then, beside others whose answer is lost.
fn changing_leaders() -> Scenario {
    Scenario { read_only: 40, ..scenario(&[(1, KillLater), (2, Start)]) }
}

fn is_right(events: &[(u64, Event)]) {
    let scenario = scenario(events);
    assert_right(first_wrong(runs(), |seed| run(seed, scenario)));
}

#[test]
fn a_worker_that_is_killed_anywhere_and_started_again_makes_the_graph_right() {
    is_right(&[(3, KillLater), (2, Kill), (4, Start), (1, Stop)]);
}

#[test]
fn row_keys_that_are_updated_are_other_rows() {
    let scenario = Scenario { keys_change: true, ..scenario(&[(1, KillLater), (1, Start)]) };
    assert_right(first_wrong(runs(), |seed| run(seed, scenario)));
}

#[test]
fn outages_of_either_side_are_waited_for() {
    is_right(&[(2, SourceDown), (2, GraphDown), (4, Up), (1, KillLater), (1, Start)]);
}

#[test]
fn a_second_worker_takes_over_from_one_that_is_killed_or_hangs() {
    is_right(&[(3, Start), (3, Hang), (2, Wake), (1, KillLater), (1, Stop)]);
}

#[test]
fn a_worker_that_the_source_does_not_answer_goes_on_when_it_does() {
    is_right(&[(3, Start), (3, CutOff), (2, Wake), (1, KillLater), (1, Hang), (1, Stop)]);
}

#[test]
fn a_standby_takes_over_from_a_worker_that_the_source_does_not_answer() {
    assert_right(first_wrong(runs(), |seed| cut_off(seed, scenario(&[]))));
}

#[test]
fn a_source_that_was_restored_is_read_anew() {
    is_right(&[(2, Backup), (2, Restore), (1, KillLater), (1, Start)]);
}

#[test]
fn a_source_that_was_put_back_and_no_guid_shows_it_is_read_anew() {
    is_right(&[(2, Backup), (3, PutBack), (1, KillLater), (1, Start)]);
}

#[test]
fn changes_that_were_cleaned_up_are_made_good_by_a_full() {
    is_right(&[(2, CleanUp), (2, CleanUpWhileDown), (1, KillLater), (1, Start)]);
}

#[test]
fn a_table_that_was_truncated_recreated_or_not_tracked_for_a_while_is_read_anew() {
    is_right(&[(2, Truncate), (2, OffAndOn), (1, Recreate), (1, KillLater), (1, Start)]);
}

#[test]
fn a_checkpoint_that_was_edited_or_deleted_is_not_relied_on() {
    is_right(&[(2, EditCheckpoint), (1, DeleteCheckpoint), (2, KillLater), (2, Start)]);
}

#[test]
fn a_constraint_that_was_dropped_is_made_again_and_a_full_that_was_asked_for_is_done() {
    is_right(&[(1, DropConstraint), (2, Ask), (1, KillLater), (1, Start)]);
}

#[test]
fn rows_that_the_graph_refuses_are_absent_and_come_when_it_takes_them() {
    is_right(&[(3, Constrain), (1, KillLater), (1, Start)]);
}

#[test]
fn an_unknown_outcome_that_another_failure_hides_is_settled() {
    assert_right(first_wrong(runs(), |seed| run(seed, changing_leaders())));
}

#[test]
fn a_worker_that_waits_for_slow_stores_is_heard_of_all_the_while() {
    assert_right(first_wrong(runs(), |seed| slow(seed, scenario(&[]), false)));
}

#[test]
fn a_standby_takes_over_from_a_worker_whose_work_hangs() {
    assert_right(first_wrong(runs(), |seed| stuck(seed, scenario(&[]))));
}

#[test]
fn everything_at_once() {
    is_right(&[
        (1, KillLater),
        (3, Start),
        (1, Hang),
        (1, CutOff),
        (1, Wake),
        (1, Stop),
        (1, SourceDown),
        (1, GraphDown),
        (4, Up),
        (1, Backup),
        (1, Restore),
        (1, CleanUpWhileDown),
        (1, Truncate),
        (1, EditCheckpoint),
        (1, Constrain),
        (1, Ask),
    ]);
}

#[test]
fn a_worker_at_a_copy_of_the_source_never_writes() {
    assert_right(first_wrong(runs(), |seed| copy::run(seed, scenario(&[]))));
}

#[test]
fn a_copy_without_a_guid_of_its_own_is_found_out() {
    let scenario = Scenario { flaw: Flaw::NoGuidOfItsOwn, ..scenario(&[]) };
    assert!(first_wrong(RUNS_MAX, |seed| copy::run(seed, scenario)).is_some());
}

#[test]
fn a_worker_that_can_make_no_progress_does_not_ask_at_full_rate() {
    let scenario = Scenario { flaw: Flaw::NoWindows, ..scenario(&[]) };
    assert_right(first_wrong(runs(), |seed| stall::run(seed, scenario, false)));
}

#[test]
fn a_worker_that_asks_at_full_rate_without_progress_is_found_out() {
    let scenario = Scenario { flaw: Flaw::NoWindows, ..scenario(&[]) };
    assert!(first_wrong(RUNS_MAX, |seed| stall::run(seed, scenario, true)).is_some());
}

#[test]
fn rows_that_a_filter_hides_are_not_deleted_beyond_the_budget() {
    // Each run is many rounds of the background verify.
    let runs = runs().div_ceil(10);
    assert_right(first_wrong(runs, |seed| hidden(seed, scenario(&[]), None)));
}

#[test]
fn what_the_circuit_breaker_refuses_is_frozen_and_comes_when_it_is_allowed() {
    let events = [(2, Truncate), (1, Recreate), (2, Ask), (1, CleanUpWhileDown), (1, KillLater)];
    let scenario = scenario(&[&events[..], &[(1, GraphDown), (2, Up), (3, Start)]].concat());
    assert_right(first_wrong(runs(), |seed| limited(seed, scenario)));
}

#[test]
fn without_a_limit_rows_that_a_filter_hides_are_deleted_and_that_is_found_out() {
    let found = first_wrong(RUNS_MAX, |seed| hidden(seed, scenario(&[]), Some(1_000_000)));
    assert!(found.unwrap().1[0].contains("were deleted"));
}

#[test]
fn a_budget_that_is_new_after_each_start_is_found_out() {
    let scenario = Scenario { weakness: Weakness::ForgetsDeletes, ..scenario(&[]) };
    let found = first_wrong(RUNS_MAX, |seed| hidden(seed, scenario, None));
    assert!(found.unwrap().1[0].contains("were deleted"));
}

fn is_found(events: &[(u64, Event)], weakness: Weakness, flaw: Flaw) {
    let scenario = Scenario { weakness, flaw, ..scenario(events) };
    assert!(first_wrong(RUNS_MAX, |seed| run(seed, scenario)).is_some());
}

#[test]
fn without_the_fence_a_worker_that_hung_and_wakes_is_found_out() {
    is_found(&[(3, Start), (3, Hang), (3, Wake)], Weakness::NoFence, Flaw::None);
}

#[test]
fn a_fence_that_does_not_wait_for_an_open_commit_is_found_out() {
    let events = [(3, KillLater), (4, Start), (1, Hang), (1, Wake)];
    is_found(&events, Weakness::NoWaitForLocks, Flaw::None);
}

#[test]
fn a_checkpoint_that_moves_before_the_data_is_found_out() {
    is_found(&[(4, KillLater), (5, Start)], Weakness::CheckpointFirst, Flaw::None);
}

#[test]
fn a_graph_that_is_called_as_of_now_while_it_is_not_is_found_out() {
    is_found(&[(1, KillLater), (1, Start)], Weakness::AsOfNow, Flaw::None);
}

#[test]
fn a_graph_that_is_called_consistent_while_rows_are_due_is_found_out() {
    is_found(&[(1, KillLater), (1, Start)], Weakness::NothingDue, Flaw::None);
}

#[test]
fn a_graph_that_is_called_consistent_while_something_is_under_way_is_found_out() {
    is_found(&[(1, KillLater), (1, Start)], Weakness::AlwaysConsistent, Flaw::None);
}

#[test]
fn heartbeats_that_wait_as_long_as_the_work_are_found_out() {
    assert!(first_wrong(RUNS_MAX, |seed| slow(seed, scenario(&[]), true)).is_some());
}

#[test]
fn a_window_over_changes_that_were_cleaned_up_is_found_out() {
    is_found(&[(3, CleanUpWhileDown)], Weakness::None, Flaw::NoMinValid);
}

#[test]
fn rows_that_are_later_than_their_versions_are_found_out() {
    is_found(&[], Weakness::None, Flaw::RowsLater);
}

#[test]
fn versions_that_are_later_than_their_keys_are_found_out() {
    is_found(&[], Weakness::None, Flaw::VersionsLater);
}
