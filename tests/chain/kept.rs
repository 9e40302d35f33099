//! A store with segments, fences and snapshots, for the tests of what is kept.

use std::io::Cursor;
use std::sync::Arc;

use creel::NoProgress;
use creel::chain::name::Name;
use creel::chain::object::{Creel, RetentionRow, SnapshotDoc};
use creel::chain::store::{MemoryStore, Store};
use creel::chain::{
    Chain, GcReport, GcWish, Opened, Promotion, PublishRun, SnapshotWish, StoreReport,
    StoreVerifyOptions, Tries, promote, verify_store,
};
use creel::format::entry::Point;

use crate::log::{LINEAGE, fence, notes, start, writer};

pub const NOW_US: u64 = 1_700_000_100_000_000;
pub const DAY_US: u64 = 24 * 3_600_000_000;
pub const PART: u64 = 1000;

/// A store with what was put into it.
pub struct World {
    pub store: MemoryStore,
    pub chain: Chain,
    /// The log after each segment, from number 0.
    pub points: Vec<Point>,
}

impl World {
    /// A chain of segments with three entries each.
    pub fn new(segments: usize) -> World {
        let store = MemoryStore::new();
        let creel = Creel::new(LINEAGE, start().into(), 5);
        let chain = Chain::create(Arc::new(store.clone()), &creel, &mut Tries(0)).unwrap();
        let mut world = World {
            store,
            chain,
            points: vec![start()],
        };
        world.publish(segments);
        world
    }

    pub fn end(&self) -> Point {
        *self.points.last().unwrap()
    }

    pub fn publish(&mut self, segments: usize) {
        let mut own = self.end();
        own.index += 1000;
        let opened = PublishRun::open(&self.chain, writer(1, 1), own, 0, &mut Tries(0));
        let Opened::Ready(mut run) = opened.unwrap() else {
            panic!("the chain is ahead")
        };
        for _ in 0..segments {
            let (body, after) = notes(&self.end(), 3, "entry");
            let done = run
                .publish(&body, &mut |_| Ok(false), &mut Tries(0))
                .unwrap();
            assert_eq!(done, after);
            self.points.push(after);
        }
    }

    pub fn promote(&mut self) {
        let mut body = Vec::new();
        let after = fence(&mut body, &self.end(), b"fence");
        let tail = self.points.len() as u64 - 1;
        let before = self.end();
        let done = promote(
            &self.chain,
            &writer(1, 1),
            tail,
            before,
            &body,
            &mut Tries(0),
        );
        assert!(matches!(done, Ok(Promotion::Won(_))), "{done:?}");
        self.points.push(after);
    }

    pub fn snapshot_of(&self, at: Point, time_us: u64, image: &[u8], delta: bool) -> SnapshotDoc {
        let wish = SnapshotWish {
            at,
            entry_time_us: 1_700_000_000_000_000 + at.index - 1,
            node: [1; 16],
            time_us,
            image_bytes: image.len() as u64,
            part_bytes: PART,
            delta,
        };
        let mut image = Cursor::new(image);
        let chain = &self.chain;
        chain
            .write_snapshot(&wish, &mut image, &mut Tries(0), &NoProgress)
            .unwrap()
    }

    pub fn gc(&self, retention: RetentionRow) -> GcReport {
        let wish = GcWish {
            node: [1; 16],
            time_us: NOW_US,
            retention: Some(retention),
            dry_run: false,
        };
        self.chain.gc(&wish, &mut Tries(0), &NoProgress).unwrap()
    }

    pub fn verify(&self) -> StoreReport {
        let options = StoreVerifyOptions { read_parts: true };
        verify_store(&self.chain, &options, &mut Tries(0), &NoProgress).unwrap()
    }

    pub fn numbers(&self) -> Vec<u64> {
        self.chain.numbers_after(0, &mut Tries(0)).unwrap()
    }

    /// Puts other bytes in the place of an object.
    pub fn replace(&self, name: &Name, change: impl FnOnce(&mut Vec<u8>)) {
        let name = name.to_string();
        let mut bytes = self.store.get(&name, 1 << 20).unwrap().unwrap();
        change(&mut bytes);
        self.store.put(&name, &bytes).unwrap();
    }

    /// What `verify` says is wrong, as one text.
    pub fn faults(&self) -> String {
        let wrong = self.verify().findings.into_iter().filter(|f| !f.harmless);
        wrong
            .map(|f| format!("{}: {}\n", f.object, f.detail))
            .collect()
    }
}

pub fn keep_nothing() -> RetentionRow {
    RetentionRow {
        time_us: 0,
        min_entries: 0,
        ..RetentionRow::default()
    }
}

pub fn image(seed: u8, len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| (i / 64) as u8 ^ seed.wrapping_mul(i as u8))
        .collect()
}
