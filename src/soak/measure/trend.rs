//! Whether a quantity grows.
//!
//! The second half of a run is cut into ten blocks; a line is fitted through their means. Means of
//! blocks, because memory goes up and down with every checkpoint, and neighbouring samples say the
//! same. It grows where the slope is above the limit with 99 % confidence, and the last quarter of
//! the run is above the third as well.

use serde::Serialize;

/// Blocks that the second half is cut into.
const BLOCKS: usize = 10;
/// One-sided 99 % quantile of Student's t with `BLOCKS` - 2 degrees of freedom.
const T99: f64 = 2.896;

/// Growth of memory below this is no leak, whatever the slope says.
const LEAK_FLOOR: f64 = 1024.0 * 1024.0;
/// In a short run it is more: keys still become more, and the allocator takes steps for them. Up and down
/// by 6 MiB was seen in 45 seconds.
const SHORT_FLOOR: f64 = 8.0 * LEAK_FLOOR;
/// Shorter runs are short.
const SHORT_S: f64 = 120.0;

/// How a quantity develops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// Samples that it follows from, those after the warm-up.
    pub samples: u64,
    /// Units in a second.
    pub slope_per_s: f64,
    /// The slope is above this with 99 % confidence.
    pub low_per_s: f64,
    /// The slope is below this with 99 % confidence.
    pub high_per_s: f64,
    /// Mean of the third quarter of the run.
    pub third_quarter: f64,
    /// Mean of the last quarter.
    pub last_quarter: f64,
}

impl Trend {
    /// Grows by more than `limit_per_s`, and by at least `floor` between the last quarters.
    pub fn grows(&self, limit_per_s: f64, floor: f64) -> bool {
        self.low_per_s > limit_per_s && self.last_quarter - self.third_quarter >= floor
    }

    /// Of memory, in bytes, over a run of so many seconds.
    pub fn leaks(&self, limit_per_s: f64, run_s: f64) -> bool {
        let floor = if run_s < SHORT_S {
            SHORT_FLOOR
        } else {
            LEAK_FLOOR
        };
        self.grows(limit_per_s, floor)
    }
}

/// The trend of points (seconds, quantity); `None` where there are too few.
pub fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let half = first + (last - first) / 2.0;
    let three_quarters = first + (last - first) * 0.75;
    let late: Vec<(f64, f64)> = points.iter().copied().filter(|p| p.0 >= half).collect();
    if late.len() < BLOCKS {
        return None;
    }
    let mean = |points: &[(f64, f64)]| {
        let count = points.len() as f64;
        let sum = points
            .iter()
            .fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
        (sum.0 / count, sum.1 / count)
    };
    let mut blocks = Vec::with_capacity(BLOCKS);
    for at in 0..BLOCKS {
        let (from, to) = (late.len() * at / BLOCKS, late.len() * (at + 1) / BLOCKS);
        blocks.push(mean(late.get(from..to).filter(|b| !b.is_empty())?));
    }
    let (t_mean, v_mean) = mean(&blocks);
    let spread: f64 = blocks.iter().map(|b| (b.0 - t_mean).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let slope = blocks
        .iter()
        .map(|b| (b.0 - t_mean) * (b.1 - v_mean))
        .sum::<f64>()
        / spread;
    let rest = blocks
        .iter()
        .map(|b| (b.1 - v_mean - slope * (b.0 - t_mean)).powi(2));
    let error = (rest.sum::<f64>() / (BLOCKS as f64 - 2.0) / spread).sqrt();
    let quarter = |wanted: fn(f64, f64) -> bool| {
        let points: Vec<_> = late
            .iter()
            .copied()
            .filter(|p| wanted(p.0, three_quarters))
            .collect();
        mean(&points).1
    };
    Some(Trend {
        samples: late.len() as u64,
        slope_per_s: slope,
        low_per_s: slope - T99 * error,
        high_per_s: slope + T99 * error,
        third_quarter: quarter(|t, border| t < border),
        last_quarter: quarter(|t, border| t >= border),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::soak::random::{Draw, Purpose};

    /// A saw of `height` with noise, on a slope.
    fn saw(seed: u64, height: f64, slope: f64) -> Vec<(f64, f64)> {
        let mut draw = Draw::at(seed, Purpose::Value, 0);
        let point = |at: u64| {
            let t = at as f64;
            let noise = draw.below(1000) as f64 / 1000.0;
            (
                t,
                1e6 + height * ((at * 7 % 11) as f64 / 11.0 + noise) + slope * t,
            )
        };
        (0..120).map(point).collect()
    }

    #[test]
    fn a_leak_is_told_from_a_saw() {
        let (mut wrong, mut outside) = (0, 0);
        for seed in 0..200 {
            let still = trend(&saw(seed, 1000.0, 0.0)).unwrap();
            wrong += u32::from(still.grows(0.0, 0.0));
            let leak = trend(&saw(seed, 1000.0, 50.0)).unwrap();
            assert!(leak.grows(10.0, 100.0), "{leak:?}");
            outside += u32::from(!(leak.low_per_s..=leak.high_per_s).contains(&50.0));
        }
        assert!(
            outside <= 10,
            "{outside} of 200 outside of what 99 % should hold"
        );
        assert!(wrong <= 8, "{wrong} of 200 that do not grow");
    }

    #[test]
    fn what_grew_while_warming_up_is_no_leak() {
        let grew = |t: u64| (t as f64, (t.min(40) * 100) as f64);
        let trend = trend(&(0..120).map(grew).collect::<Vec<_>>()).unwrap();
        assert!(!trend.grows(0.0, 0.0), "{trend:?}");
    }

    /// A replication soak of seven seconds was called a leak: its allocator took steps of a mebibyte
    /// while keys became more.
    #[test]
    fn the_steps_of_a_short_run_are_no_leak() {
        let steps = |seconds: f64, step: f64| {
            let at = |i: u32| {
                let t = f64::from(i) / 60.0;
                (t * seconds, 8e6 + (t * 20.0).floor() * step)
            };
            trend(&(0..60).map(at).collect::<Vec<_>>()).unwrap()
        };
        let limit = LEAK_FLOOR / 600.0;
        assert!(!steps(7.0, 250e3).leaks(limit, 7.0));
        assert!(steps(600.0, 250e3).leaks(limit, 600.0));
        assert!(steps(7.0, 2e6).leaks(limit, 7.0), "a leak shows in any run");
    }

    #[test]
    fn too_few_points_have_no_trend() {
        assert_eq!(trend(&[]), None);
        assert_eq!(trend(&saw(1, 1.0, 0.0)[..18]), None);
        assert!(trend(&saw(1, 1.0, 0.0)[..21]).is_some());
        assert_eq!(trend(&[(1.0, 2.0); 50]), None);
    }
}
