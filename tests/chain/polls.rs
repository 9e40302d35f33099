//! What it costs to follow a chain: the requests of each poll are counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel::chain::object::{Creel, RetentionRow};
use creel::chain::store::{Created, MemoryStore, Store, StoreError};
use creel::chain::{Chain, GcWish, Pace, RestoreTo, Tries};
use creel::replica::store::{
    Publishing, Replace, SnapshotOptions, Trail, fetch_copy, upload_snapshot,
};
use creel::{Db, IdentityChange, NoProgress, OpenOptions, Role};
use tempfile::TempDir;

/// Counts requests, by what they ask.
#[derive(Debug)]
struct Counting {
    inner: MemoryStore,
    asked: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counting {
    fn count(&self, what: &'static str) {
        *self.asked.lock().unwrap().entry(what).or_default() += 1;
    }

    /// Since this was asked last.
    fn take(&self) -> String {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let words: Vec<String> = asked
            .iter()
            .map(|(what, times)| format!("{times} {what}"))
            .collect();
        words.join(", ")
    }
}

impl Store for Counting {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        self.inner.create(name, bytes)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.count("GET");
        self.inner.get(name, limit)
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.count("GET");
        self.inner.get_range(name, offset, len)
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.count("HEAD");
        self.inner.head(name)
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.count("LIST");
        self.inner.list_after(prefix, after, limit)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.count("PUT");
        self.inner.put(name, bytes)
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.inner.delete(name)
    }

    fn address(&self) -> String {
        "counting".to_owned()
    }
}

/// A clock of its own.
#[derive(Debug, Default, Clone, Copy)]
struct Clock(Duration);

impl Clock {
    fn pass(&mut self, seconds: u64) {
        self.0 += Duration::from_secs(seconds);
    }
}

impl Pace for Clock {
    fn wait(&mut self, _attempt: u32) -> bool {
        false
    }

    fn elapsed(&self) -> Duration {
        self.0
    }
}

/// A primary that publishes, and a copy.
struct World {
    _dir: TempDir,
    store: Arc<Counting>,
    primary: Db,
    publishing: Publishing,
    copy: Db,
    trail: Trail,
    clock: Clock,
}

impl World {
    fn new() -> World {
        let dir = TempDir::new().unwrap();
        let primary = Db::create(dir.path().join("a.db")).unwrap();
        let role = IdentityChange {
            role: Some(Role::Primary),
            ..IdentityChange::default()
        };
        primary.set_identity(&role).unwrap();
        let store = Arc::new(Counting {
            inner: MemoryStore::default(),
            asked: Mutex::default(),
        });
        let info = primary.info().unwrap();
        let start = creel::replica::slot::durable_point(&primary).unwrap();
        let creel = Creel::new(info.lineage_id, start.into(), 1);
        let tries = &mut Tries(0);
        let held: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let chain = Chain::create(held, &creel, tries).unwrap();
        let mut publishing = Publishing::open(&primary, chain.clone(), tries).unwrap();
        primary.put(b"key", b"value").unwrap();
        let options = SnapshotOptions::default();
        upload_snapshot(&primary, &mut publishing, &options, tries, &NoProgress).unwrap();
        let plan = chain.plan_restore(RestoreTo::Newest, tries).unwrap();
        let path = dir.path().join("b.db");
        let nothing = Replace::Nothing;
        fetch_copy(&chain, &plan.snapshot, &path, nothing, tries, &NoProgress).unwrap();
        let copy = OpenOptions::new().open(&path).unwrap();
        let mut world = World {
            _dir: dir,
            store,
            primary,
            publishing,
            copy,
            trail: Trail::of(chain),
            clock: Clock::default(),
        };
        world.poll();
        world
    }

    /// Another segment.
    fn write(&mut self) {
        self.primary.put(b"key", b"other").unwrap();
        let at = self.primary.durable_position().unwrap();
        self.publishing.upto(at.index, &mut Tries(0)).unwrap();
        self.store.take();
    }

    /// Entries that came, and what was asked for them.
    fn poll(&mut self) -> (u64, String) {
        self.store.take();
        let trail = &mut self.trail;
        let report = trail.pull(&self.copy, &mut self.clock, &NoProgress);
        let report = report.unwrap();
        assert!(report.at_end);
        (report.entries, self.store.take())
    }
}

fn asked(entries: u64, requests: &str) -> (u64, String) {
    (entries, requests.to_owned())
}

/// Three reads and a listing at each poll, and the newest segment came whole once more.
#[test]
fn an_idle_poll_asked_for_what_was_known() {
    let mut world = World::new();
    for _ in 0..10 {
        world.clock.pass(5);
        assert_eq!(world.poll(), asked(0, "1 GET"));
    }
    // A number that is not there may have been and gone.
    world.clock.pass(10);
    assert_eq!(world.poll(), asked(0, "1 LIST"));
    world.clock.pass(5);
    assert_eq!(world.poll(), asked(0, "1 GET"));
    world.clock.pass(31);
    assert_eq!(world.poll(), asked(0, "1 LIST"), "it slept");
}

#[test]
fn a_poll_that_finds_one_segment_reads_it_looks_behind_and_asks_for_a_floor() {
    let mut world = World::new();
    for _ in 0..5 {
        world.write();
        world.clock.pass(1);
        assert_eq!(world.poll(), asked(1, "3 GET"));
    }
    world.write();
    world.write();
    assert_eq!(
        world.poll(),
        asked(2, "4 GET"),
        "the first is proven by the second"
    );
    assert_eq!(
        world.primary.position().unwrap(),
        world.copy.position().unwrap()
    );
}

/// What is known of the chain is of use only to who is where the last poll has left it.
#[test]
fn a_copy_that_another_process_brought_on_is_looked_for_again() {
    let mut world = World::new();
    world.write();
    let other = world.trail.chain().clone();
    let wish = creel::replica::store::PullWish::default();
    let tries = &mut Tries(0);
    creel::replica::store::pull(&world.copy, &other, &wish, tries, &NoProgress).unwrap();
    world.write();
    let (entries, _) = world.poll();
    assert_eq!(entries, 1);
    assert_eq!(world.poll(), asked(0, "1 GET"));
}

/// Below the floor nothing is at the number, as at the end of the chain.
#[test]
fn a_follower_behind_the_floor_finds_out_within_a_minute() {
    let mut world = World::new();
    for _ in 0..4 {
        world.write();
    }
    let chain = world.trail.chain().clone();
    let (options, tries) = (SnapshotOptions::default(), &mut Tries(0));
    upload_snapshot(
        &world.primary,
        &mut world.publishing,
        &options,
        tries,
        &NoProgress,
    )
    .unwrap();
    let wish = GcWish {
        node: [1; 16],
        time_us: u64::MAX / 2,
        retention: Some(RetentionRow {
            time_us: 0,
            min_entries: 0,
            ..RetentionRow::default()
        }),
        dry_run: false,
    };
    chain.gc(&wish, tries, &NoProgress).unwrap();
    world.store.take();
    world.clock.pass(5);
    assert_eq!(world.poll(), asked(0, "1 GET"), "too early to tell");
    world.clock.pass(56);
    let polled = world.trail.pull(&world.copy, &mut world.clock, &NoProgress);
    let reason = creel::replica::store::reseed_reason(&polled.unwrap_err());
    assert!(reason.is_some());
}
