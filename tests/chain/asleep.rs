//! Uploads that sleep, at any request, while somebody else removes what is old: on a clock of the test's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel::chain::object::RetentionRow;
use creel::chain::store::{Created, MemoryStore, Store, StoreError};
use creel::chain::{Chain, ChainError, ChainResult, GcWish, Pace, SnapshotWish, Tries};
use creel::format::entry::Point;
use creel::{NoProgress, chain::object::SnapshotDoc};

use crate::kept::{NOW_US, PART, World, image};

const HOUR: Duration = Duration::from_secs(3600);
/// Parts of the image.
const PARTS: u64 = 4;

type Clock = Arc<Mutex<Duration>>;

/// Never waits, and has the clock of the test.
struct Slow(Clock);

impl Pace for Slow {
    fn wait(&mut self, _: u32) -> bool {
        false
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

/// Of whose requests one falls asleep: before the store gets it, or before the answer is read.
#[derive(Debug)]
struct Sleeper {
    inner: MemoryStore,
    /// Requests until then.
    left: Mutex<u32>,
    before: bool,
    sleep: Duration,
    clock: Clock,
    /// When somebody removes what is old, after the beginning.
    gc_at: Duration,
}

impl Sleeper {
    fn turn<T>(&self, request: impl FnOnce() -> T) -> T {
        let mut left = self.left.lock().unwrap();
        *left = left.wrapping_sub(1);
        let now = *left == 0;
        drop(left);
        if now && self.before {
            self.asleep();
        }
        let answer = request();
        if now && !self.before {
            self.asleep();
        }
        answer
    }

    fn asleep(&self) {
        *self.clock.lock().unwrap() += self.sleep;
        let chain = Chain::open(Arc::new(self.inner.clone()), &mut Tries(0)).unwrap();
        gc(&chain, self.gc_at);
    }
}

impl Store for Sleeper {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        self.turn(|| self.inner.create(name, bytes))
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.turn(|| self.inner.get(name, limit))
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.turn(|| self.inner.get_range(name, offset, len))
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.turn(|| self.inner.head(name))
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.turn(|| self.inner.list_after(prefix, after, limit))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.turn(|| self.inner.put(name, bytes))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.turn(|| self.inner.delete(name))
    }

    fn address(&self) -> String {
        "asleep".to_owned()
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

fn gc(chain: &Chain, after: Duration) {
    let wish = GcWish {
        node: [1; 16],
        time_us: NOW_US + micros(after),
        retention: Some(RetentionRow::default()),
        dry_run: false,
    };
    chain.gc(&wish, &mut Tries(0), &NoProgress).unwrap();
}

fn upload(chain: &Chain, at: Point, clock: &Clock) -> ChainResult<SnapshotDoc> {
    let bytes = image(1, (PARTS * PART) as usize);
    let wish = SnapshotWish {
        at,
        entry_time_us: NOW_US - 1,
        node: [1; 16],
        time_us: NOW_US + micros(*clock.lock().unwrap()),
        image_bytes: bytes.len() as u64,
        part_bytes: PART,
        delta: false,
    };
    let mut image = std::io::Cursor::new(bytes);
    let mut pace = Slow(Arc::clone(clock));
    chain.write_snapshot(&wish, &mut image, &mut pace, &NoProgress)
}

/// An upload whose request number `request` sleeps. Gives whether the request was reached, and what
/// became of the upload.
fn sleeping(
    request: u32,
    before: bool,
    sleep: Duration,
    gc_at: Duration,
) -> (World, Clock, bool, ChainResult<SnapshotDoc>) {
    let world = World::new(2);
    let clock = Clock::default();
    let store = Arc::new(Sleeper {
        inner: world.store.clone(),
        left: Mutex::new(0),
        before,
        sleep,
        clock: Arc::clone(&clock),
        gc_at,
    });
    let chain = Chain::open(Arc::clone(&store) as Arc<dyn Store>, &mut Tries(0)).unwrap();
    *store.left.lock().unwrap() = request;
    let done = upload(&chain, world.points[1], &clock);
    let reached = !clock.lock().unwrap().is_zero();
    (world, clock, reached, done)
}

/// Whoever takes a snapshot from the store finds all of it, or none.
fn assert_whole(world: &World, what: &str) {
    assert_eq!(world.faults(), "", "{what}");
    for row in world.chain.snapshots(&mut Tries(0)).unwrap() {
        let id = row.id().unwrap();
        let doc = world.chain.read_snapshot(&id, &mut Tries(0)).unwrap();
        let doc = doc.unwrap_or_else(|| panic!("{what}: {} is named and not there", row.folder));
        let mut file = std::io::Cursor::new(Vec::new());
        let fetched = world
            .chain
            .fetch(&doc, &mut file, &mut Tries(0), &NoProgress);
        fetched.unwrap_or_else(|e| panic!("{what}: {e}"));
    }
}

/// Thirteen hours of sleep: nobody removes it so early, but somebody may have looked when it wakes
/// up, so it ends. Twenty-six hours: it was removed in between. The next try is whole either way.
#[test]
fn an_upload_that_slept_for_twelve_hours_ends_and_leaves_nothing_in_part() {
    for (sleep, gc_at) in [(13, 13), (26, 25), (40, 26)] {
        let (mut refused, mut reached_all) = (0, 0);
        for before in [true, false] {
            for request in 1.. {
                let what = format!("{sleep} h, request {request}, before: {before}");
                let (world, clock, reached, done) =
                    sleeping(request, before, HOUR * sleep, HOUR * gc_at);
                if !reached {
                    done.unwrap();
                    break;
                }
                reached_all += 1;
                match done {
                    Ok(_) => assert_whole(&world, &what),
                    Err(ChainError::Refused(text)) => {
                        assert!(text.contains("slept"), "{what}: {text}");
                        refused += 1;
                    }
                    // It was finished when it was told that it is not.
                    Err(ChainError::Missing(_)) => assert!(gc_at > 24, "{what}"),
                    Err(other) => panic!("{what}: {other}"),
                }
                let again = upload(&world.chain, world.points[1], &clock);
                again.unwrap_or_else(|e| panic!("{what}, again: {e}"));
                assert_whole(&world, &what);
                assert_eq!(world.chain.snapshots(&mut Tries(0)).unwrap().len(), 1);
            }
        }
        // Each part, and what comes before the word that it is done.
        assert!(refused >= 2 * PARTS, "{refused} of {reached_all}");
    }
}

/// Eleven hours are no reason to give up: it says that it goes on, and is not removed a day after it began.
#[test]
fn an_upload_that_slept_for_less_goes_on_and_says_so() {
    let mut slept = 0;
    for before in [true, false] {
        for request in 1.. {
            let what = format!("request {request}, before: {before}");
            let (world, _, reached, done) = sleeping(request, before, HOUR * 11, HOUR * 11);
            done.unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_whole(&world, &what);
            gc(&world.chain, HOUR * 30);
            assert_whole(&world, &what);
            if !reached {
                break;
            }
            slept += 1;
        }
    }
    assert!(slept > 2 * PARTS, "{slept}");
}
