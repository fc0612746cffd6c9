//! When to ask again. Pure.

use std::time::Duration;

/// Pauses between polls: short after a change, then longer and longer.
#[derive(Clone, Debug)]
pub struct Pace {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Pace {
    /// Pauses between `min` and `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), next: min }
    }

    /// There was something to do.
    pub fn busy(&mut self) {
        self.next = self.min;
    }

    /// The pause after a poll that found nothing; the next one is longer.
    pub fn idle(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause + pause / 2).min(self.max);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_bound_and_begin_anew_after_a_change() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(20), ms(100));
        let pauses: Vec<Duration> = (0..6).map(|_| pace.idle()).collect();
        assert_eq!(pauses[0], ms(20));
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(pauses[5], ms(100));
        pace.busy();
        assert_eq!(pace.idle(), ms(20));
    }
}
