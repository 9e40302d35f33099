//! The chain raced: a primary, three replicas that want to be primary, a collector right behind and
//! a reader of everything, each in a thread, on stores with and without faults.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use creel::chain::object::{Creel, Facts};
use creel::chain::store::{DirStore, MemoryStore, Store};
use creel::chain::{
    Chain, ChainError, Opened, Promotion, PublishRun, ReadRun, Start, Tries, collect, promote,
};
use creel::format::entry::Point;

use crate::faulty::{Faulty, Injected};
use crate::flawed::{Flaw, Flawed};
use crate::log::{LINEAGE, fence, note, start, writer};
use crate::rng::{self, Rng};
use crate::stub::{HttpStore, Stub};

/// What all threads of a round share.
struct Round {
    chain: Chain,
    /// Confirmed segments by number.
    confirmed: Mutex<BTreeMap<u64, Facts>>,
    /// How far the reader of everything has come.
    read: AtomicU64,
    stop: AtomicBool,
    /// Threads that may still write.
    writers: AtomicU64,
    segments: u64,
    promotions: AtomicU64,
    in_vain: AtomicU64,
    fenced: AtomicU64,
}

/// What a round came to.
#[derive(Debug, Default)]
pub struct Sums {
    pub confirmed: u64,
    pub promotions: u64,
    in_vain: u64,
    fenced: u64,
}

/// A thread that fails ends the round for all.
struct Guard<'a>(&'a Round);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop.store(true, Ordering::Relaxed);
        }
        self.0.writers.fetch_sub(1, Ordering::Relaxed);
    }
}

const TRIES: Tries = Tries(10_000);

impl Round {
    fn new(store: Arc<dyn Store>, segments: u64) -> Round {
        let creel = Creel::new(LINEAGE, start().into(), 5);
        let chain = Chain::create(store, &creel, &mut TRIES.clone()).unwrap();
        Round {
            chain,
            confirmed: Mutex::default(),
            read: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            writers: AtomicU64::new(5),
            segments,
            promotions: AtomicU64::new(0),
            in_vain: AtomicU64::new(0),
            fenced: AtomicU64::new(0),
        }
    }

    fn confirm(&self, facts: Facts) {
        let mut confirmed = self.confirmed.lock().unwrap();
        let other = confirmed.insert(facts.number, facts);
        assert!(
            other.is_none_or(|other| other == facts),
            "number {} was confirmed twice: {other:?} and {facts:?}",
            facts.number
        );
        if facts.number >= self.segments {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Lets the others get ahead, sometimes far.
    fn stall(rng: &mut Rng) {
        let most = if rng.chance(10) { 2000 } else { 20 };
        for _ in 0..rng.below_u64(most) {
            std::thread::yield_now();
        }
    }

    /// Publishes until fenced or stopped.
    fn publish(&self, node: u8, incarnation: u8, own: Point, rng: &mut Rng) {
        let writer = writer(node, incarnation);
        let opened = PublishRun::open(&self.chain, writer, own, 0, &mut TRIES.clone());
        let mut run = match opened {
            Ok(Opened::Ready(run)) => run,
            Ok(Opened::Ahead(facts)) => panic!("ahead of {own:?}: {facts:?}"),
            Err(ChainError::Fenced(_)) => return,
            Err(error) => panic!("{error}"),
        };
        while !self.stopped() {
            Self::stall(rng);
            let before = run.point();
            let mut body = Vec::new();
            let mut point = before;
            for _ in 0..=rng.below_u64(3) {
                point = note(&mut body, &point, &rng.next().to_le_bytes());
            }
            // Now and then a look first, as a write that waits for the chain does.
            if rng.chance(20)
                && let Err(error) = run.look(&mut TRIES.clone())
            {
                assert!(matches!(error, ChainError::Fenced(_)), "{error}");
                self.fenced.fetch_add(1, Ordering::Relaxed);
                return;
            }
            match run.publish(&body, &mut |_| Ok(false), &mut TRIES.clone()) {
                Ok(after) => {
                    assert_eq!(after, point);
                    let number = run.number();
                    let read = self.chain.segment(number, &mut TRIES.clone()).unwrap();
                    // It may have been removed already, but nothing else may stand there.
                    let facts = read.map_or_else(
                        || facts_of(&writer, number, before, point),
                        |segment| segment.facts,
                    );
                    assert_eq!((facts.before, facts.after), (before, point));
                    self.confirm(facts);
                }
                Err(ChainError::Fenced(_)) => {
                    self.fenced.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Follows the chain, becomes primary now and then, publishes until fenced, follows again.
    fn replica(&self, node: u8, rng: &mut Rng) {
        let mut incarnation = 0;
        // A replica that fell behind the floor starts again from a snapshot: here, from what is
        // known to be true, the confirmed history.
        let (mut own, mut number) = (start(), 0);
        while !self.stopped() {
            incarnation += 1;
            match self.follow(own, number, rng) {
                Some((point, tail)) => (own, number) = (point, tail),
                None => {
                    let confirmed = self.confirmed.lock().unwrap();
                    if let Some((_, facts)) = confirmed.last_key_value() {
                        (own, number) = (facts.after, facts.number);
                    }
                    continue;
                }
            }
            let mut body = Vec::new();
            let mut point = own;
            if rng.chance(30) {
                point = note(&mut body, &point, b"received over a wire");
            }
            point = fence(&mut body, &point, &[node, incarnation]);
            Self::stall(rng);
            let writer = writer(node, incarnation);
            let done = promote(&self.chain, &writer, number, own, &body, &mut TRIES.clone());
            match done.unwrap() {
                Promotion::Won(facts) => {
                    assert_eq!(facts.after, point);
                    self.promotions.fetch_add(1, Ordering::Relaxed);
                    self.confirm(facts);
                    self.publish(node, incarnation, point, rng);
                }
                Promotion::Overtaken { .. } => {
                    self.in_vain.fetch_add(1, Ordering::Relaxed);
                }
                Promotion::Behind(_) | Promotion::Taken(_) => {}
            }
        }
    }

    /// Reads to the end, and on for a while. [`None`] where that is not possible from here.
    fn follow(&self, own: Point, hint: u64, rng: &mut Rng) -> Option<(Point, u64)> {
        let opened = ReadRun::start(&self.chain, own, hint.max(1), &mut TRIES.clone());
        let mut run = match opened {
            Ok(Start::Reading(run)) => run,
            Ok(Start::Ahead(..)) | Err(ChainError::Gap { .. } | ChainError::OffChain { .. }) => {
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        // As whoever follows does: a listing for each segment would leave it behind a primary that writes.
        run.learn_floors(&mut TRIES.clone()).unwrap();
        // Some lose patience soon: they fence a primary that writes.
        let most = if rng.chance(75) { 2 } else { 30 };
        let mut polls = rng.below_u64(most);
        loop {
            match run.next(&mut TRIES.clone()) {
                Ok(Some(_)) => {}
                Ok(None) if polls == 0 || self.stopped() => {
                    return Some((run.point(), run.number() - 1));
                }
                Ok(None) => {
                    polls -= 1;
                    run.slept();
                    std::thread::yield_now();
                }
                Err(ChainError::Gap { .. } | ChainError::OffChain { .. }) => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads the whole history, which the collector leaves to it, and checks it.
    fn read_all(&self) -> Vec<Facts> {
        let opened = ReadRun::start(&self.chain, start(), 1, &mut TRIES.clone());
        let Ok(Start::Reading(mut run)) = opened else {
            panic!("the chain begins at its start");
        };
        let mut history: Vec<Facts> = Vec::new();
        loop {
            // Looked at before the read, so that nothing confirmed can be missed.
            let stopped = self.writers.load(Ordering::Relaxed) == 0;
            run.slept();
            match run.next(&mut TRIES.clone()).unwrap() {
                Some(delivered) => {
                    let facts = delivered.facts;
                    let before = history.last().map_or(start(), |last| last.after);
                    assert_eq!(facts.before, before, "links");
                    assert!(facts.epoch >= before.epoch, "epochs rise");
                    assert_eq!(
                        facts.fence,
                        facts.epoch > before.epoch,
                        "one writer an epoch"
                    );
                    history.push(facts);
                    self.read.store(facts.number, Ordering::Relaxed);
                }
                None if stopped => return history,
                None => std::thread::yield_now(),
            }
        }
    }

    fn collect(&self) {
        while !self.stopped() {
            let floor = self.read.load(Ordering::Relaxed);
            collect(
                &self.chain,
                floor.max(1),
                &mut TRIES.clone(),
                &creel::NoProgress,
            )
            .unwrap();
            std::thread::yield_now();
        }
    }

    fn run(&self, seed: u64) -> Sums {
        let history = std::thread::scope(|scope| {
            let all = scope.spawn(|| self.read_all());
            scope.spawn(|| {
                let _guard = Guard(self);
                self.collect();
            });
            for node in 0..=3u8 {
                scope.spawn(move || {
                    let _guard = Guard(self);
                    let mut rng = Rng::new(seed ^ u64::from(node) << 32);
                    match node {
                        0 => self.publish(0, 1, start(), &mut rng),
                        node => self.replica(node, &mut rng),
                    }
                });
            }
            all.join().unwrap()
        });
        let confirmed = self.confirmed.lock().unwrap();
        for (number, facts) in confirmed.iter() {
            let found = history.get(*number as usize - 1);
            assert_eq!(
                found.map(|f| (f.before, f.after)),
                Some((facts.before, facts.after))
            );
        }
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Sums {
            confirmed: confirmed.len() as u64,
            promotions: load(&self.promotions),
            in_vain: load(&self.in_vain),
            fenced: load(&self.fenced),
        }
    }
}

/// What a segment that is gone must have said, as far as it matters.
fn facts_of(
    writer: &creel::chain::object::Writer,
    number: u64,
    before: Point,
    after: Point,
) -> Facts {
    Facts {
        number,
        epoch: after.epoch,
        before,
        after,
        node: writer.node,
        incarnation: writer.incarnation,
        nonce: [0; 16],
        fence: false,
    }
}

/// Rounds, and what they came to together.
#[cfg(feature = "cloud")]
pub fn run(test: &str, count: u64, segments: u64, store: &dyn Fn(u64) -> Arc<dyn Store>) -> Sums {
    until(test, count, &|_| true, segments, store)
}

/// So many rounds, and more where something has not come about yet: who meets whom is chance.
fn until(
    test: &str,
    count: u64,
    enough: &dyn Fn(&Sums) -> bool,
    segments: u64,
    store: &dyn Fn(u64) -> Arc<dyn Store>,
) -> Sums {
    let seed = rng::seed(test);
    let mut sums = Sums::default();
    let mut round = 0;
    while round < count || (round < 20 * count && !enough(&sums)) {
        let seed = seed.wrapping_add(round);
        println!("{test}: round {round}, seed {seed}");
        let done = Round::new(store(seed), segments).run(seed);
        sums.confirmed += done.confirmed;
        sums.promotions += done.promotions;
        sums.in_vain += done.in_vain;
        sums.fenced += done.fenced;
        round += 1;
    }
    println!("{test}: {round} rounds, {sums:?}");
    sums
}

/// The same, where somebody has to be promoted and somebody fenced.
pub fn rounds(
    test: &str,
    count: u64,
    segments: u64,
    store: &dyn Fn(u64) -> Arc<dyn Store>,
) -> Sums {
    let both = |sums: &Sums| sums.promotions > 0 && sums.fenced > 0;
    let sums = until(test, count, &both, segments, store);
    assert!(sums.confirmed >= count, "nothing was done");
    assert!(sums.promotions > 0, "nobody was promoted");
    assert!(sums.fenced > 0, "nobody was fenced");
    sums
}

#[test]
fn on_memory() {
    rounds("on_memory", 20, 40, &|_| Arc::new(MemoryStore::new()));
}

#[test]
fn on_memory_with_faults() {
    let stores = Mutex::new(Vec::new());
    rounds("on_memory_with_faults", 20, 40, &|seed| {
        let store = Arc::new(Faulty::new(Arc::new(MemoryStore::new()), 15, seed));
        stores.lock().unwrap().push(Arc::clone(&store));
        store
    });
    let injected: Vec<_> = stores
        .lock()
        .unwrap()
        .iter()
        .map(|s| s.injected())
        .collect();
    let all = |count: fn(&Injected) -> u64| injected.iter().map(count).sum::<u64>();
    let counts = [
        all(|i| i.refused),
        all(|i| i.lost),
        all(|i| i.late),
        all(|i| i.doubled),
    ];
    println!("refused, lost, late, doubled: {counts:?}");
    assert!(
        counts.iter().all(|count| *count > 20),
        "too few faults: {counts:?}"
    );
}

#[test]
fn on_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    rounds("on_a_directory", 3, 30, &|seed| {
        let root = dir.path().join(seed.to_string());
        Arc::new(DirStore::open(&root, true).unwrap())
    });
}

#[test]
fn on_a_directory_with_faults() {
    let dir = tempfile::tempdir().unwrap();
    rounds("on_a_directory_with_faults", 3, 30, &|seed| {
        let root = dir.path().join(seed.to_string());
        let store = DirStore::open(&root, true).unwrap();
        Arc::new(Faulty::new(Arc::new(store), 15, seed))
    });
}

#[test]
fn on_an_s3_server_with_faults() {
    let stubs = Mutex::new(Vec::new());
    rounds("on_an_s3_server_with_faults", 5, 30, &|seed| {
        let faulty = Arc::new(Faulty::new(Arc::new(MemoryStore::new()), 15, seed));
        let stub = Stub::start(faulty);
        let store = HttpStore(stub.address());
        stubs.lock().unwrap().push(stub);
        Arc::new(store)
    });
}

/// The harness notices what it is there for.
#[test]
fn a_store_that_ignores_the_condition_is_noticed() {
    let run = || {
        rounds("ignored", 50, 40, &|_| {
            Arc::new(Flawed {
                inner: Arc::new(MemoryStore::new()),
                flaw: Flaw::Ignored,
            })
        })
    };
    assert!(
        std::panic::catch_unwind(run).is_err(),
        "50 rounds and no violation seen"
    );
}
