//! Damage, not a crash: flipped bytes and lost sectors in a log that was durable. Opening refuses
//! or has everything; only the last group, which no later entry vouches for, may be dropped.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use creel::store::slots;
use creel::sys::{Access, Vfs};
use creel::wal::scan::Placed;
use creel::wal::{Extent, extents, tail};
use creel::{Error, Invariant, SyncMode};

use super::model::Change;
use super::model::History;
use super::rng::{Rng, mix};
use super::support::sim::{CrashChoice, IoKind, SECTOR, SimDisk};
use super::world::{Outcome, PATH, World};

const FLOOR: usize = 20_000;

/// A database whose log is about to be damaged.
struct Subject {
    disk: Arc<SimDisk>,
    history: History,
    /// Parts of the file with frames, region headers included.
    parts: Vec<(u64, u64)>,
    /// Entries after the checkpoint.
    frames: Vec<Frame>,
    checkpoint_index: u64,
    last_index: u64,
}

/// An entry, and how far it vouches for those before it; all offsets in the file.
struct Frame {
    index: u64,
    start: u64,
    end: u64,
    vouches: std::ops::Range<u64>,
}

fn one_region(world: &World) -> Outcome {
    let handle = world.create(&super::workloads::small())?;
    let mut rng = Rng::new(world.seed);
    for i in 0..14 {
        world.put(
            &handle,
            &format!("k{i}"),
            rng.bytes([10, 90, 400, 700][i % 4]),
        )?;
    }
    Ok(())
}

/// The checkpoint lies in the middle of the region: it could not switch.
fn after_a_checkpoint(world: &World) -> Outcome {
    one_region(world)?;
    let handle = world.open(SyncMode::Full)?;
    world.checkpoint(&handle)?;
    for i in 0..8 {
        world.put(&handle, &format!("c{i}"), vec![i; 130])?;
    }
    Ok(())
}

/// Commits since the checkpoint fill one region and go on in the other.
fn two_regions(world: &World) -> Outcome {
    let handle = world.create(&super::workloads::small())?;
    let mut rng = Rng::new(world.seed);
    for i in 0..5 {
        world.put(&handle, &format!("large {i}"), rng.bytes(14_500))?;
    }
    for i in 0..6 {
        world.put(&handle, &format!("small {i}"), rng.bytes(100))?;
    }
    Ok(())
}

/// Old frames of the same incarnation lie behind the tail.
fn after_a_torn_tail(world: &World) -> Outcome {
    one_region(world)?;
    let handle = world.open(SyncMode::Normal)?;
    for i in 0..8 {
        world.put(&handle, &format!("lost {i}"), vec![i; 200])?;
    }
    drop(handle);
    world.crash(&CrashChoice::Random(12))?;
    let handle = world.open(SyncMode::Full)?;
    for i in 0..3 {
        world.put(&handle, &format!("new {i}"), vec![i; 200])?;
    }
    Ok(())
}

/// The last write brought several commits.
fn groups(world: &World) -> Outcome {
    let handle = world.create(&super::workloads::small())?;
    for round in 0..4 {
        let changes: Vec<Change> = (0..4)
            .map(|i| Change::put(&format!("{round} {i}"), vec![i; 250]))
            .collect();
        world.commit_together(&handle, &changes)?;
    }
    Ok(())
}

impl Subject {
    fn make(seed: u64, build: fn(&World) -> Outcome) -> Subject {
        let world = World::observed(seed);
        build(&world).unwrap();
        world.finish();
        let disk = world.disk().fork_at_crash(&CrashChoice::All);
        let file = disk.open(Path::new(PATH), Access::Read).unwrap();
        let current = slots::read(file.as_ref())
            .unwrap()
            .current(Path::new(PATH))
            .unwrap();
        let mut placed = Vec::new();
        let (tail, _) = tail::load(file.as_ref(), &current.header, &mut |frame, _| {
            placed.push(*frame);
            Ok(())
        })
        .unwrap();
        let places = extents(&current.header);
        let other: Extent = places[(tail.active ^ 1) & 1];
        let mut parts = vec![(tail.extent.start, tail.end)];
        let frame = |frame: &Placed| {
            let newer = frame.header.entry.index >= tail.region.first_index;
            let extent = if newer { tail.extent } else { other };
            let start = extent.start + frame.offset;
            let promise = u64::from(frame.header.envelope.synced_units) * 8;
            Frame {
                index: frame.header.entry.index,
                start,
                end: start + frame.header.frame_len(),
                vouches: extent.start..extent.start + promise,
            }
        };
        let frames: Vec<Frame> = placed.iter().map(frame).collect();
        if tail.region.first_index > current.header.checkpoint_index + 1 {
            parts.push((other.start, u64::from(tail.region.prev_end_units) * 8));
        }
        let (checkpoint_index, last_index) = (current.header.checkpoint_index, tail.last_index());
        let history = world.books().history().clone();
        Subject {
            disk,
            history,
            parts,
            frames,
            checkpoint_index,
            last_index,
        }
    }

    /// Commits that cannot be dropped: an entry outside the damage vouches for them, or the newer
    /// region does.
    fn proven(&self, damage: &std::ops::Range<u64>) -> Vec<&Frame> {
        let newest = self.parts[0].0;
        let switched = self.parts.len() == 2;
        let apart = |f: &&Frame| f.end <= damage.start || damage.end <= f.start;
        let newer_stands = damage.start >= newest + self.parts[0].1
            || damage.end <= newest
            || self
                .frames
                .iter()
                .filter(apart)
                .any(|f| f.vouches.start == newest && !f.vouches.is_empty());
        let vouched = |f: &&Frame| {
            let older = switched && (f.start < newest || f.start >= newest + self.parts[0].1);
            let by_a_frame =
                self.frames.iter().filter(apart).any(|witness| {
                    witness.vouches.start <= f.start && f.end <= witness.vouches.end
                });
            by_a_frame || older && newer_stands
        };
        self.frames.iter().filter(vouched).collect()
    }

    /// Opens a copy with `bytes` at `offset`.
    fn judge(&self, offset: u64, bytes: &[u8], tally: &mut Tally) {
        let image = self.disk.snapshot().fork_at_kill();
        let file = image.open(Path::new(PATH), Access::Write).unwrap();
        file.write_at(bytes, offset).unwrap();
        drop(file);
        let calls = image.ops();
        let what = || format!("{} bytes at {offset}", bytes.len());
        tally.images += 1;
        let world = World::after_crash(Arc::clone(&image), Vec::new(), Default::default(), false);
        let damaged = offset..offset + bytes.len() as u64;
        let proven = self.proven(&damaged);
        let least = proven.last().map_or(self.checkpoint_index, |f| f.index);
        let hits_proven = proven
            .iter()
            .any(|f| damaged.start < f.end && f.start < damaged.end);
        // With the lock, so that damage is not taken for somebody's unfinished write.
        match world.options(SyncMode::Full).hold_lock(true).open(PATH) {
            Ok(db) => {
                let n = db.snapshot().unwrap().token().index;
                let content = self.history.get(n as usize);
                let same = content
                    .ok_or("no such commit".to_owned())
                    .and_then(|c| c.compare(&db));
                if let Err(text) = same {
                    tally.fail(format!("{}: opens with wrong content: {text}", what()));
                } else if n < least {
                    let text = format!("{n} of {least} proven commits");
                    tally.fail(format!("{}: opens with {text}", what()));
                } else if hits_proven {
                    tally.fail(format!("{}: is not noticed in a proven entry", what()));
                }
                tally.dropped += usize::from(n < self.last_index);
            }
            Err(Error::Corrupt(c)) => {
                use Invariant::{W2, W3, W4, W5, W6, W7, W8};
                if ![W2, W3, W4, W5, W6, W7, W8].contains(&c.id) {
                    tally.fail(format!("{}: refused with {c}", what()));
                }
                tally.refused += 1;
            }
            Err(e) => tally.fail(format!("{}: refused with {e:?}", what())),
        }
        if image
            .trace()
            .iter()
            .skip(calls)
            .any(|call| call.kind != IoKind::Read)
        {
            tally.fail(format!("{}: opening changed the file", what()));
        }
    }
}

struct Tally {
    /// So many failures, and nothing more is looked at.
    enough: usize,
    images: usize,
    refused: usize,
    dropped: usize,
    failures: Vec<String>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            enough: 100,
            images: 0,
            refused: 0,
            dropped: 0,
            failures: Vec::new(),
        }
    }
}

impl Tally {
    fn fail(&mut self, text: String) {
        self.failures.push(text);
    }
}

fn damage(name: &str, build: fn(&World) -> Outcome, tally: &mut Tally) {
    let seed = name
        .bytes()
        .fold(0xdada, |seed, byte| mix(seed ^ u64::from(byte)));
    let subject = Subject::make(seed, build);
    let read = |offset: u64, len: usize| {
        let file = subject.disk.open(Path::new(PATH), Access::Read).unwrap();
        let mut bytes = vec![0; len];
        file.read_at(&mut bytes, offset).unwrap();
        bytes
    };
    let before = tally.failures.len();
    for &(start, len) in &subject.parts {
        // Every byte of a small log, an even sample of a large one.
        let step = len.div_ceil(6_000) as usize;
        for at in (start..start + len).step_by(step) {
            if tally.failures.len() >= tally.enough {
                break;
            }
            let byte = read(at, 1)[0];
            for mask in [0x01, 0x80, 0xff] {
                if step == 1 || mask == 0x01 {
                    subject.judge(at, &[byte ^ mask], tally);
                }
            }
        }
        let mut rng = Rng::new(seed);
        for at in (start..start + len).step_by(SECTOR as usize) {
            for garbage in [vec![0; SECTOR as usize], rng.bytes(SECTOR as usize)] {
                subject.judge(at, &garbage, tally);
            }
        }
    }
    for text in &mut tally.failures[before..] {
        *text = format!("{name} seed {seed:#x}: {text}");
    }
}

/// Damage of one log: what goes wrong, if anything does.
#[cfg(feature = "planted-defects")]
pub fn first_wrong(two: bool) -> Option<String> {
    let mut tally = Tally {
        enough: 1,
        ..Tally::default()
    };
    match two {
        true => damage("two regions", two_regions, &mut tally),
        false => damage("after a checkpoint", after_a_checkpoint, &mut tally),
    }
    tally.failures.into_iter().next()
}

#[test]
fn damage_in_a_proven_log_is_refused() {
    let started = Instant::now();
    let mut tally = Tally::default();
    damage("one region", one_region, &mut tally);
    damage("after a checkpoint", after_a_checkpoint, &mut tally);
    damage("two regions", two_regions, &mut tally);
    damage("after a torn tail", after_a_torn_tail, &mut tally);
    damage("groups", groups, &mut tally);
    for text in tally.failures.iter().take(20) {
        println!("{text}");
    }
    println!(
        "damage           {:>7} images {} refused {} without the last group {:>3} violations \
         {:>6.2} s",
        tally.images,
        tally.refused,
        tally.dropped,
        tally.failures.len(),
        started.elapsed().as_secs_f64()
    );
    assert!(
        tally.failures.is_empty(),
        "{} violations",
        tally.failures.len()
    );
    assert!(tally.images >= FLOOR, "{} images are too few", tally.images);
}
