//! How far a run has come: bars with rate and time left on a terminal, plain lines in a log.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a log gets a line.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// One phase of a run.
pub struct Phase {
    name: String,
    total: u64,
    done: u64,
    begun: Instant,
    logged: Instant,
    bar: Option<ProgressBar>,
}

impl Phase {
    /// Begins a phase over `total` rows, as far as that is known. `on_terminal` draws a bar.
    pub fn begin(name: String, total: u64, on_terminal: bool) -> Self {
        let now = Instant::now();
        let bar = on_terminal.then(|| bar(&name, total));
        Self { name, total, done: 0, begun: now, logged: now, bar }
    }

    /// Adds rows that are done.
    pub fn add(&mut self, rows: u64) {
        self.done += rows;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        } else if self.logged.elapsed() >= LOG_INTERVAL {
            self.logged = Instant::now();
            tracing::info!(
                phase = self.name,
                done = self.done,
                total = self.total,
                rows_per_second = self.rate(),
                "going on"
            );
        }
    }

    /// Ends the phase.
    pub fn end(self) {
        match &self.bar {
            Some(bar) => bar.finish(),
            None => {
                tracing::info!(
                    phase = self.name,
                    rows = self.done,
                    rows_per_second = self.rate(),
                    "done"
                );
            }
        }
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn rate(&self) -> u64 {
        (self.done as f64 / self.begun.elapsed().as_secs_f64().max(0.001)) as u64
    }
}

fn bar(name: &str, total: u64) -> ProgressBar {
    let template = "{prefix:36} {bar:30} {human_pos}/{human_len} {per_sec} {eta} left";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total).with_style(style);
    bar.set_prefix(name.to_owned());
    bar
}
