//! How fast an index has risen over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is looked back at.
pub const WINDOW: Duration = Duration::from_secs(10);

/// What comes within this counts as one step.
const STEP: Duration = Duration::from_secs(1);

/// The shortest time that says something.
const LEAST: Duration = Duration::from_secs(1);

/// When an index was where; from its first one on.
#[derive(Debug, Clone, Default)]
pub struct Speed {
    /// When it was known first.
    since: Option<Instant>,
    /// Steps, oldest first: the newest time of each, and the index then.
    steps: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// The index is here now. One that goes back begins anew.
    pub fn note(&mut self, now: Instant, index: u64) {
        match self.steps.back().copied() {
            Some((_, last)) if last == index => return,
            Some((_, last)) if last > index => *self = Speed::default(),
            _ => {}
        }
        self.since.get_or_insert(now);
        // The first one is where it began, and no step.
        let count = self.steps.len();
        let may_join = count > 1;
        let begun = count.checked_sub(2).and_then(|at| self.steps.get(at));
        let begun = begun.map(|(time, _)| *time);
        match self.steps.back_mut() {
            Some(last) if may_join && begun.is_some_and(|b| now.duration_since(b) < STEP) => {
                *last = (now, index);
            }
            _ => self.steps.push_back((now, index)),
        }
        while self.is_past(now) {
            self.steps.pop_front();
        }
    }

    /// The oldest step is not needed: the next one is from before the window, too.
    fn is_past(&self, now: Instant) -> bool {
        let second = self.steps.get(1);
        second.is_some_and(|(time, _)| now.duration_since(*time) >= WINDOW)
    }

    /// Entries a second; [`None`] where it was not looked at for a second yet.
    pub fn per_second(&self, now: Instant) -> Option<f64> {
        let (_, last) = self.steps.back()?;
        let known = now.saturating_duration_since(self.since?).min(WINDOW);
        if known < LEAST {
            return None;
        }
        let from = now.checked_sub(known)?;
        let entries = *last as f64 - self.index_at(from)?;
        Some(rounded(entries.max(0.0) / known.as_secs_f64()))
    }

    /// Where it was at a time: within a step as if that had gone evenly.
    fn index_at(&self, time: Instant) -> Option<f64> {
        let at = self.steps.partition_point(|(until, _)| *until <= time);
        let (after, index) = *self.steps.get(at.saturating_sub(1))?;
        let next = self.steps.get(at).filter(|_| at > 0);
        let Some((until, next)) = next.filter(|(until, _)| *until - after <= 2 * STEP) else {
            return Some(index as f64);
        };
        let part = (time - after).as_secs_f64() / (*until - after).as_secs_f64();
        Some(index as f64 + (*next as f64 - index as f64) * part)
    }
}

/// To a tenth: more would only look exact.
pub fn rounded(per_second: f64) -> f64 {
    (per_second * 10.0).round() / 10.0
}

/// Seconds until so many entries are there at such a rate; [`None`] where that is never, or not known.
pub fn seconds_left(entries: u64, per_second: Option<f64>) -> Option<u64> {
    match per_second {
        _ if entries == 0 => Some(0),
        Some(rate) if rate > 0.0 => Some((entries as f64 / rate).ceil() as u64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_came_in_the_last_seconds() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let mut speed = Speed::default();
        assert_eq!(speed.per_second(at(0)), None);
        // What was there when it was looked at first did not come just now.
        speed.note(at(0), 1_000_000);
        assert_eq!(speed.per_second(at(999)), None);
        assert_eq!(speed.per_second(at(1000)), Some(0.0));
        for tenth in 1..=50 {
            speed.note(at(tenth * 100), 1_000_000 + tenth * 10);
        }
        assert_eq!(speed.per_second(at(5000)), Some(100.0));
        // It stands still: the same entries in a longer time, then none.
        assert_eq!(speed.per_second(at(10_000)), Some(50.0));
        let half = speed.per_second(at(12_500)).unwrap();
        assert!((24.0..=26.0).contains(&half), "{half}");
        assert_eq!(speed.per_second(at(15_000)), Some(0.0));
        assert_eq!(speed.per_second(at(500_000)), Some(0.0));
        speed.note(at(500_000), 1_000_900);
        assert_eq!(speed.per_second(at(500_000)), Some(40.0));
        assert!(speed.steps.len() < 15);
        // Another copy.
        speed.note(at(501_000), 7);
        assert_eq!(speed.per_second(at(501_500)), None);
        assert_eq!(speed.per_second(at(503_000)), Some(0.0));
    }

    #[test]
    fn what_is_kept_is_bounded_however_often_it_moves() {
        let begun = Instant::now();
        let mut speed = Speed::default();
        for ms in 0..100_000u64 {
            speed.note(begun + Duration::from_millis(ms), ms);
            assert!(speed.steps.len() < 15, "{ms}");
        }
        let now = begun + Duration::from_millis(100_000);
        let rate = speed.per_second(now).unwrap();
        assert!((900.0..=1100.0).contains(&rate), "{rate}");
    }

    #[test]
    fn who_does_not_move_never_gets_there() {
        assert_eq!(seconds_left(5, None), None);
        assert_eq!(seconds_left(5, Some(0.0)), None);
        assert_eq!(seconds_left(5, Some(0.4)), Some(13));
        assert_eq!(seconds_left(0, None), Some(0));
    }
}
