//! Which test to try next: what noticed mutants of the same function is likely to notice this one.

use std::collections::HashMap;

/// Of a process, however quick its tests are.
const START_S: f64 = 0.004;

/// So many trials are a wider group's share worth.
const WEIGHT: f64 = 2.0;

#[derive(Default, Clone, Copy)]
struct Count {
    tried: f64,
    noticed: f64,
}

impl Count {
    /// The share noticed, with that of a wider group for want of trials.
    fn share(self, wider: f64) -> f64 {
        (self.noticed + wider * WEIGHT) / (self.tried + WEIGHT)
    }
}

/// What was tried, by test: in all, in a file, in a function.
#[derive(Default)]
pub struct Learned {
    all: HashMap<usize, Count>,
    groups: HashMap<(usize, String), Count>,
}

impl Learned {
    pub fn add(&mut self, test: usize, file: &str, function: &str, noticed: bool) {
        let groups = [(test, file.to_owned()), (test, group(file, function))];
        let mut counts = vec![self.all.entry(test).or_default()];
        for count in &mut counts {
            count.tried += 1.0;
            count.noticed += f64::from(u8::from(noticed));
        }
        for key in groups {
            let count = self.groups.entry(key).or_default();
            count.tried += 1.0;
            count.noticed += f64::from(u8::from(noticed));
        }
    }

    /// The tests in the order that is the quickest to expect, by their seconds.
    pub fn order(&self, tests: &mut [(usize, f64)], file: &str, function: &str) {
        let function = group(file, function);
        let worth = |(test, seconds): &(usize, f64)| {
            let all = self.all.get(test).copied().unwrap_or_default();
            let of = |name: &str| {
                let count = self.groups.get(&(*test, name.to_owned()));
                count.copied().unwrap_or_default()
            };
            let share = of(&function).share(of(file).share(all.share(0.3)));
            share / (seconds + START_S)
        };
        tests.sort_by_cached_key(|test| std::cmp::Reverse((worth(test) * 1e9) as u64));
    }
}

fn group(file: &str, function: &str) -> String {
    format!("{file} {function}")
}
