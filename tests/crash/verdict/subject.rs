//! A small file with every kind of page and log entry, and everything that it ever was.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use creel::check::slack;
use creel::format::attest::Attest;
use creel::format::frame::EntryKind;
use creel::store::slots;
use creel::sys::{Access, Vfs};
use creel::wal::extents;
use creel::{SyncMode, VerifyOptions};

use super::log::Log;
use crate::group;
use crate::model::{Change, History};
use crate::rng::Rng;
use crate::support::sim::{SimDisk, SimDiskSnapshot};
use crate::workloads::{key, small, some_changes};
use crate::world::{Handle, Outcome, PATH, World};

pub const PAGE: u64 = 4096;

/// A file that is about to be damaged.
pub struct Subject {
    pub name: &'static str,
    disk: SimDiskSnapshot,
    pub bytes: Vec<u8>,
    /// Contents after each commit.
    pub history: History,
    pub last: u64,
    /// What no checksum covers, because nobody will ever read it.
    pub slack: Vec<Range<u64>>,
    pub log_pages: Vec<Range<u64>>,
    /// Who vouches for which entries of the log.
    pub log: Log,
    /// The file at the end of each step of its life.
    pub instants: Vec<Vec<u8>>,
    /// Commits that had been made by then.
    pub made: Vec<u64>,
    /// All that each page ever was, as each call left it, and is not now.
    pub was: Vec<Vec<Vec<u8>>>,
}

impl Subject {
    fn of(name: &'static str, live: impl FnOnce(&World, &mut Life) -> Outcome) -> Subject {
        let world = World::quiet(name.bytes().map(u64::from).sum());
        let mut life = Life::default();
        let pages = Arc::new(Mutex::new(Pages::default()));
        let seen = Arc::clone(&pages);
        let disk = world.disk();
        disk.set_observer(Box::new(move |moment| seen.lock().unwrap().note(moment)));
        live(&world, &mut life).unwrap();
        life.note(&world);
        disk.clear_observer();
        world.verify().unwrap();
        let options = VerifyOptions {
            vfs: Arc::clone(&disk) as _,
            ..VerifyOptions::default()
        };
        let slack = slack(Path::new(PATH), &options).unwrap();
        let history = world.books().history().clone();
        // Everything durable: what comes is no crash.
        let bytes = disk.contents(Path::new(PATH)).unwrap();
        disk.install(Path::new(PATH), &bytes);
        let file = disk.open(Path::new(PATH), Access::Read).unwrap();
        let current = slots::read(file.as_ref()).unwrap();
        let header = current.current(Path::new(PATH)).unwrap().header;
        let logs = extents(&header).into_iter();
        let log_pages = logs.map(|e| e.start / PAGE..(e.start + e.len) / PAGE);
        Subject {
            name,
            disk: disk.snapshot(),
            last: history.len() as u64 - 1,
            history,
            slack,
            log_pages: log_pages.collect(),
            log: Log::of(&bytes, file.as_ref(), &header),
            instants: life.instants,
            made: life.made,
            was: pages.lock().unwrap().without(&bytes),
            bytes,
        }
    }

    /// Pages of all four kinds and entries of all kinds, in less than a region of log.
    pub fn everything() -> Subject {
        Subject::of("everything", |world, life| {
            let mut handle = world.create(&small())?;
            let mut rng = Rng::new(world.seed);
            let mut change = Change::default();
            for i in 0..70 {
                change = change.and_put("main", &key(i * 7), rng.bytes(90));
            }
            change = change.and_put("other", "a", b"1".to_vec());
            change = change.and_put("main", "large", rng.bytes(5_000));
            world.commit(&handle, &change)?;
            life.note(world);
            for round in 0..5 {
                world.checkpoint(&handle)?;
                life.note(world);
                some_changes(world, &handle, &mut rng, 2, 500)?;
                life.note(world);
                if round == 2 {
                    world.put(&handle, "large", rng.bytes(6_000))?;
                }
            }
            let step = Change::default()
                .and_put("main", "bulk", b"loaded".to_vec())
                .and_position("in.jsonl", Some("line 1"));
            world.bulk_step(&handle, &step)?;
            life.note(world);
            // Says that the header is durable, which a group has to know.
            world.put(&handle, "loaded", rng.bytes(10))?;
            drop(handle);
            group::commit_entry(world, EntryKind::Note, b"a remark")?;
            let said = Attest {
                index: 1,
                content_sum: 7,
            };
            group::commit_entry(world, EntryKind::Attest, &Attest::encode(Some(&said)))?;
            handle = world.open(SyncMode::Full)?;
            world.promote(&handle)?;
            life.note(world);
            log_of_all_operations(world, &handle, &mut rng)?;
            life.note(world);
            world.check(&handle)
        })
    }

    /// The log goes on in the other region.
    pub fn both_regions() -> Subject {
        Subject::of("both regions", |world, life| {
            let handle = world.create(&small())?;
            let mut rng = Rng::new(world.seed);
            world.put(&handle, "first", rng.bytes(40))?;
            world.checkpoint(&handle)?;
            life.note(world);
            for i in 0..6 {
                world.put(&handle, &key(i), rng.bytes(12_500))?;
            }
            life.note(world);
            log_of_all_operations(world, &handle, &mut rng)?;
            world.check(&handle)
        })
    }

    /// A disk with this file, all of it durable.
    pub fn disk(&self) -> Arc<SimDisk> {
        self.disk.fork_at_kill()
    }

    pub fn is_slack(&self, at: u64) -> bool {
        self.slack.iter().any(|range| range.contains(&at))
    }
}

fn log_of_all_operations(world: &World, handle: &Handle, rng: &mut Rng) -> Outcome {
    world.put(handle, &key(3), rng.bytes(60))?;
    let change = Change::default()
        .and_delete("main", &key(7))
        .and_delete_range("main", &key(100), &key(130))
        .and_put("new", "b", b"2".to_vec())
        .and_position("other.jsonl", Some("line 9"));
    world.commit(handle, &change)?;
    world.commit(handle, &Change::default().and_drop("new"))?;
    let change =
        Change::default()
            .and_position("other.jsonl", None)
            .and_put("main", "last", rng.bytes(20));
    world.commit(handle, &change)
}

/// The file as it was.
#[derive(Default)]
struct Life {
    instants: Vec<Vec<u8>>,
    made: Vec<u64>,
}

impl Life {
    fn note(&mut self, world: &World) {
        let now = world.disk().contents(Path::new(PATH)).unwrap();
        if self.instants.last() != Some(&now) {
            self.instants.push(now);
            self.made.push(world.books().promise.done);
        }
    }
}

/// What each page was.
#[derive(Default)]
struct Pages(Vec<Vec<Vec<u8>>>);

impl Pages {
    fn note(&mut self, moment: &SimDiskSnapshot) {
        let Some(bytes) = moment.fork_at_kill().contents(Path::new(PATH)) else {
            return;
        };
        for (number, page) in bytes.chunks_exact(PAGE as usize).enumerate() {
            if self.0.len() == number {
                self.0.push(Vec::new());
            }
            if !self.0[number].iter().any(|before| before == page) {
                self.0[number].push(page.to_vec());
            }
        }
    }

    /// Where the file now has another page in its place.
    fn without(&self, bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let now = bytes.chunks_exact(PAGE as usize);
        let others = self.0.iter().zip(now).map(|(was, now)| {
            let others = was.iter().filter(|page| *page != now);
            others.cloned().collect()
        });
        others.collect()
    }
}
