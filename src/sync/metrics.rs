//! Counters and histograms through the `metrics` facade; `docs/operations.md` lists them.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::error::{Error, Kind};
use crate::reconcile::summary::Summary;

/// Buckets of every histogram of seconds.
pub const SECONDS: [f64; 13] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// What a window or a full did.
#[allow(clippy::cast_precision_loss)]
pub fn rows(summary: &Summary) {
    for (kind, tally) in &summary.kinds {
        let outcomes = [
            ("created", tally.created),
            ("updated", tally.updated),
            ("deleted", tally.deleted),
            ("read", tally.read),
        ];
        for (outcome, rows) in outcomes.into_iter().filter(|(_, rows)| *rows > 0) {
            counter!("provsync_rows_total", "kind" => *kind, "outcome" => outcome).increment(rows);
        }
    }
    counter!("provsync_foreign_relationships_deleted_total").increment(summary.foreign_deleted);
    counter!("provsync_placeholders_removed_total").increment(summary.placeholders_removed);
    counter!("provsync_retries_total", "reason" => "in-place").increment(summary.retries);
}

/// A window was carried, in one transaction or by pages.
pub fn window(how: &'static str, took: Duration) {
    counter!("provsync_windows_total", "how" => how).increment(1);
    histogram!("provsync_window_seconds", "how" => how).record(took.as_secs_f64());
}

/// What a call of a store took.
pub fn latency(call: &'static str, took: Duration) {
    histogram!("provsync_call_seconds", "call" => call).record(took.as_secs_f64());
}

/// How far the graph is behind: versions, and the time since the moment that it is as of.
#[allow(clippy::cast_precision_loss)]
pub fn lag(versions: i64, time: Duration) {
    gauge!("provsync_lag_versions").set(versions as f64);
    gauge!("provsync_lag_seconds").set(time.as_secs_f64());
}

/// This process does not write, and so does not measure how far the graph is behind.
pub fn no_lag() {
    gauge!("provsync_lag_versions").set(f64::NAN);
    gauge!("provsync_lag_seconds").set(f64::NAN);
}

/// Something was tried again, or the worker changed what it is.
pub fn retry(error: &Error) {
    let reason = match error.kind {
        Kind::Transient => "outage",
        Kind::UnknownOutcome => "unknown-outcome",
        Kind::FencedOff => "fenced-off",
        Kind::TooLarge => "too-large",
        Kind::Refused => "refused",
        _ => "other",
    };
    counter!("provsync_retries_total", "reason" => reason).increment(1);
}

/// Whether this process writes, and whether all is well.
pub fn health(is_writer: bool, is_well: bool) {
    gauge!("provsync_writer").set(f64::from(u8::from(is_writer)));
    gauge!("provsync_healthy").set(f64::from(u8::from(is_well)));
}

/// A full has begun.
pub fn full() {
    counter!("provsync_fulls_total").increment(1);
}

/// Tables that are frozen.
#[allow(clippy::cast_precision_loss)]
pub fn frozen(tables: usize) {
    gauge!("provsync_frozen_tables").set(tables as f64);
}

/// Rows in quarantine.
#[allow(clippy::cast_precision_loss)]
pub fn quarantine(entries: u64) {
    gauge!("provsync_quarantine_rows").set(entries as f64);
}

/// The background verify mended differences.
pub fn mended(differences: u64) {
    counter!("provsync_verify_mended_total").increment(differences);
}
