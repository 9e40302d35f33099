//! Leaving out operations until only those are left without which the failure does not come.

use super::config::{Config, Limit};
use super::fleet::Fleet;

/// What is left.
#[derive(Debug, Clone)]
pub struct Minimized {
    /// The run with the operations left out.
    pub config: Config,
    /// Operations before.
    pub before: u64,
    /// Operations that are left.
    pub after: u64,
    /// Runs that it took.
    pub runs: u64,
}

/// Shrinks a run that fails before operation `failed_at`. `fails` runs it and tells whether it fails
/// as before; `more` whether there is time for another run.
pub fn minimize(
    config: &Config,
    failed_at: u64,
    mut fails: impl FnMut(&Config) -> bool,
    mut more: impl FnMut() -> bool,
) -> Minimized {
    let end = failed_at + 1;
    let mut best = Config {
        limit: Limit::Ops(end),
        ..config.clone()
    };
    let mut runs = 0;
    let mut chunk = end.div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut left_out = false;
        while at < end && more() {
            let to = (at + chunk).min(end);
            let is_left = (at..to).any(|op| !best.skips(op));
            if is_left {
                let mut candidate = best.clone();
                candidate.skip.push((at, to));
                runs += 1;
                if fails(&candidate) {
                    candidate.skip = merged(candidate.skip);
                    best = candidate;
                    left_out = true;
                }
            }
            at = to;
        }
        if !more() || (chunk == 1 && !left_out) {
            break;
        }
        if !left_out || chunk > 1 {
            chunk = chunk.div_ceil(2).max(1);
        }
        if chunk == 1 && left_out {
            // Once more: what was needed may not be any longer.
            continue;
        }
    }
    let after = (0..end).filter(|op| !best.skips(*op)).count() as u64;
    Minimized {
        config: best,
        before: end,
        after,
        runs,
    }
}

/// A size of a run with replicas.
struct Knob {
    get: fn(&Fleet) -> u64,
    set: fn(&mut Fleet, u64),
}

const KNOBS: [Knob; 4] = [
    Knob {
        get: |fleet| fleet.cycles,
        set: |fleet, cycles| fleet.cycles = cycles,
    },
    Knob {
        get: |fleet| u64::from(fleet.replicas),
        set: |fleet, replicas| {
            fleet.replicas = replicas as u32;
            fleet.active_replicas = fleet.active_replicas.min(fleet.replicas);
        },
    },
    Knob {
        get: |fleet| u64::from(fleet.active_replicas),
        set: |fleet, active| fleet.active_replicas = active as u32,
    },
    Knob {
        get: |fleet| fleet.commits_per_cycle,
        set: |fleet, commits| fleet.commits_per_cycle = commits,
    },
];

/// Shrinks a run with replicas: fewer cycles, copies and commits, as long as it `fails` as before
/// and there is time for `more`. Gives the number of runs that it took, too.
pub fn minimize_fleet(
    fleet: &Fleet,
    mut fails: impl FnMut(&Fleet) -> bool,
    mut more: impl FnMut() -> bool,
) -> (Fleet, u64) {
    let (mut best, mut runs) = (fleet.clone(), 0);
    loop {
        let mut smaller = false;
        for knob in &KNOBS {
            // By halves, then one by one.
            let mut halves = true;
            while (knob.get)(&best) > 1 && more() {
                let value = (knob.get)(&best);
                let mut candidate = best.clone();
                (knob.set)(&mut candidate, if halves { value / 2 } else { value - 1 });
                if candidate.check().is_ok() {
                    runs += 1;
                    if fails(&candidate) {
                        (best, smaller) = (candidate, true);
                        continue;
                    }
                }
                if !std::mem::take(&mut halves) {
                    break;
                }
            }
        }
        if !smaller || !more() {
            return (best, runs);
        }
    }
}

fn merged(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if last.1 >= from => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_no_larger_than_it_has_to_be() {
        let fails = |f: &Fleet| f.cycles >= 3 && f.replicas >= 2 && f.commits_per_cycle >= 7;
        let (small, runs) = minimize_fleet(&Fleet::default(), fails, || true);
        let sizes = (small.cycles, small.replicas, small.active_replicas);
        assert_eq!((sizes, small.commits_per_cycle), ((3, 2, 1), 7));
        assert!(runs < 60, "{runs}");
        let (same, none) = minimize_fleet(&Fleet::default(), fails, || false);
        assert_eq!((same, none), (Fleet::default(), 0));
    }

    #[test]
    fn only_what_matters_is_left() {
        let needed = [17, 300, 301];
        let fails = |config: &Config| needed.iter().all(|op| !config.skips(*op));
        let mut budget = 2000;
        let more = || {
            budget -= 1;
            budget > 0
        };
        let result = minimize(&Config::default(), 500, fails, more);
        assert_eq!(result.after, 3, "{result:?}");
        assert_eq!(result.before, 501);
        assert!(result.runs < 400, "{result:?}");
        let none = minimize(&Config::default(), 500, fails, || false);
        assert_eq!((none.after, none.runs), (501, 0));
    }
}
