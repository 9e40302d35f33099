//! Does a store do what fencing needs? Found out by races, not one request after the other: there
//! are servers that honour a condition alone and let several of eight at once pass.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::error::{ChainError, ChainResult};
use super::name::{Name, prefix};
use super::object::{ProbeResult, Verdict};
use super::pace::{Pace, repeat};
use super::store::{Created, Store, StoreError, StoreErrorKind};
use crate::format::bytes::u64_at;
use crate::progress::Progress;

/// How thoroughly to probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeOptions {
    /// Races.
    pub rounds: u32,
    /// Creates at once in each.
    pub racers: u32,
    /// The time now, microseconds since 1970, for the result.
    pub time_us: u64,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        ProbeOptions {
            rounds: 32,
            racers: 8,
            time_us: 0,
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// What goes into `creel.json`.
    pub result: ProbeResult,
    /// Slowest create.
    pub create_max: Duration,
    /// Typical read.
    pub get_p50: Duration,
    /// Typical listing.
    pub list_p50: Duration,
    /// Requests that failed and were repeated.
    pub repeated: u64,
}

struct Run<'a> {
    store: &'a dyn Store,
    run: u64,
    faults: Vec<String>,
    creates: Vec<Duration>,
    gets: Vec<Duration>,
    lists: Vec<Duration>,
    repeated: u64,
}

/// Probes a store. Its scratch objects are removed at the end.
pub fn probe(
    store: &dyn Store,
    options: &ProbeOptions,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> ChainResult<ProbeReport> {
    let mut run = Run {
        store,
        run: u64_at(&super::random_id()?, 0).unwrap_or_default(),
        faults: Vec::new(),
        creates: Vec::new(),
        gets: Vec::new(),
        lists: Vec::new(),
        repeated: 0,
    };
    let probed = run.rounds(options, pace, progress);
    let swept = run.sweep(pace);
    probed.and(swept)?;
    let verdict = match run.faults.is_empty() {
        true => Verdict::Fit,
        false => Verdict::Unfit,
    };
    Ok(ProbeReport {
        result: ProbeResult {
            verdict,
            time_us: options.time_us,
            rounds: options.rounds,
            racers: options.racers,
            create_p50_us: u64::try_from(median(&mut run.creates).as_micros()).unwrap_or(u64::MAX),
            faults: run.faults,
        },
        create_max: run.creates.last().copied().unwrap_or_default(),
        get_p50: median(&mut run.gets),
        list_p50: median(&mut run.lists),
        repeated: run.repeated,
    })
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Run<'_> {
    fn name(&self, number: u32) -> String {
        Name::Probe(self.run, number).to_string()
    }

    fn fault(&mut self, text: String) {
        const MOST: usize = 16;
        if self.faults.len() < MOST {
            self.faults.push(text);
        }
    }

    fn rounds(
        &mut self,
        options: &ProbeOptions,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> ChainResult<()> {
        for round in 0..options.rounds {
            progress.report(round.into(), Some(options.rounds.into()));
            if progress.stopped() || pace.stopped() {
                return Err(ChainError::Interrupted);
            }
            self.race(round, options.racers, pace)?;
            if !self.faults.is_empty() {
                return Ok(()); // one is enough
            }
        }
        self.late_duplicate(options.rounds, pace)?;
        self.listing(options.rounds, pace)
    }

    /// Eight create one name at once. One may succeed, its bytes must be there, and a listing must
    /// show it.
    fn race(&mut self, round: u32, racers: u32, pace: &mut dyn Pace) -> ChainResult<()> {
        let name = self.name(round);
        let barrier = Barrier::new(racers as usize);
        let answers: Vec<(Result<Created, StoreError>, Duration)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..racers)
                .map(|racer| {
                    let (name, barrier, store) = (&name, &barrier, self.store);
                    scope.spawn(move || {
                        let body = content(racer);
                        barrier.wait();
                        let start = Instant::now();
                        (store.create(name, &body), start.elapsed())
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .collect()
        });
        let mut winners = Vec::new();
        let mut unknown = false;
        for (racer, (answer, time)) in (0..).zip(answers) {
            self.creates.push(time);
            match answer {
                Ok(Created::Created) => winners.push(racer),
                Ok(Created::Exists) => {}
                Err(error) if error.kind == StoreErrorKind::Unreachable => {
                    unknown = true;
                    self.repeated += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if winners.len() > 1 {
            let text = format!("{} of {racers} creates at once succeeded", winners.len());
            self.fault(text);
            return Ok(());
        }
        let start = Instant::now();
        let found = repeat(pace, "reading", || self.store.get(&name, 1 << 20))?;
        self.gets.push(start.elapsed());
        match (found, winners.first()) {
            (Some(bytes), Some(winner)) if bytes != content(*winner) => {
                self.fault("a create that succeeded was overwritten".to_owned());
            }
            (None, Some(_)) => self.fault("a created object cannot be read".to_owned()),
            (None, None) if !unknown => {
                self.fault("of several creates at once none succeeded".to_owned());
            }
            (Some(_), None) if !unknown => {
                self.fault("a create that was refused has been carried out".to_owned());
            }
            (None, None) => return Ok(()), // all of them failed: nothing to see
            _ => {}
        }
        let before = match round.checked_sub(1) {
            Some(before) => self.name(before),
            None => prefix::PROBE.to_owned(),
        };
        let start = Instant::now();
        let listed = repeat(pace, "listing", || {
            self.store.list_after(prefix::PROBE, &before, 1)
        })?;
        self.lists.push(start.elapsed());
        let others = |found: &String| !found.starts_with(&self.run_prefix());
        if listed.first() != Some(&name) && !listed.first().is_some_and(others) {
            self.fault("a listing does not show what was created before it".to_owned());
        }
        Ok(())
    }

    fn run_prefix(&self) -> String {
        let name = self.name(0);
        name.split_once('-')
            .map_or(String::new(), |(run, _)| format!("{run}-"))
    }

    /// The same create once more, later, must be refused and change nothing.
    fn late_duplicate(&mut self, number: u32, pace: &mut dyn Pace) -> ChainResult<()> {
        let name = self.name(number);
        let body = content(0);
        // An answer that is lost makes the first one look like a second.
        repeat(pace, "creating", || self.store.create(&name, &body))?;
        for other in [content(0), content(1)] {
            let again = repeat(pace, "creating", || self.store.create(&name, &other))?;
            if again == Created::Created {
                self.fault(
                    "a second create of a name succeeded: the condition is ignored".to_owned(),
                );
            }
        }
        let found = repeat(pace, "reading", || self.store.get(&name, 1 << 20))?;
        if found.is_none_or(|bytes| bytes != body) {
            self.fault("a second create of a name changed the object".to_owned());
        }
        Ok(())
    }

    /// All of this run's objects, in order, in pages.
    fn listing(&mut self, last: u32, pace: &mut dyn Pace) -> ChainResult<()> {
        let prefix = self.run_prefix();
        let mut expected = Vec::new();
        for number in 0..=last {
            let name = self.name(number);
            if repeat(pace, "looking", || self.store.head(&name))?.is_some() {
                expected.push(name);
            }
        }
        let mut found: Vec<String> = Vec::new();
        while found.len() <= expected.len() {
            let after = found.last().cloned().unwrap_or_default();
            let page = repeat(pace, "listing", || {
                self.store.list_after(&prefix, &after, 7)
            })?;
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        if found != expected {
            self.fault("listings are not complete or not in order".to_owned());
        }
        Ok(())
    }

    fn sweep(&self, pace: &mut dyn Pace) -> ChainResult<()> {
        let prefix = self.run_prefix();
        // A flawed listing must not make this endless.
        for _ in 0..1000 {
            let names = repeat(pace, "listing", || self.store.list_after(&prefix, "", 1000))?;
            if names.is_empty() {
                break;
            }
            for name in names {
                repeat(pace, "removing", || self.store.delete(&name))?;
            }
        }
        Ok(())
    }
}

/// What a racer writes: a few kilobytes, different for each.
fn content(racer: u32) -> Vec<u8> {
    let word = blake3::hash(&racer.to_le_bytes());
    word.as_bytes().repeat(128)
}
