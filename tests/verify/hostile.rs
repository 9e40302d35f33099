//! Garbage, mutations and truncations: no panic, no hang, no wild allocation, no write.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use creel::{Depth, Error, NoProgress, Progress, Verdict, VerifyOptions};

use crate::breaker::Breaker;
use crate::check;
use crate::files::{place, rich, tiny};

fn mix(word: u64) -> u64 {
    creel::format::checksum::mix(word.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

fn verify(path: &std::path::Path, level: Depth) -> Result<Verdict, Error> {
    let options = VerifyOptions {
        level,
        ..VerifyOptions::default()
    };
    creel::verify(path, &options, &NoProgress).map(|r| r.verdict)
}

#[test]
fn random_bytes_are_refused() {
    let file = place();
    for seed in 0..100u64 {
        let len = mix(seed) % 100_000;
        let mut bytes: Vec<u8> = (0..len).map(|i| mix(seed << 32 | i) as u8).collect();
        if seed % 2 == 0 && bytes.len() > 8 {
            bytes[..8].copy_from_slice(&creel::format::header::MAGIC);
        }
        std::fs::write(&file.path, &bytes).unwrap();
        match verify(&file.path, Depth::Deep) {
            Ok(verdict) => assert_eq!(verdict, Verdict::Unreadable),
            Err(e) => assert!(matches!(e, Error::NotADatabase { .. }), "{e}"),
        }
    }
}

#[test]
fn mutations_behind_good_checksums_never_panic() {
    let file = tiny();
    let whole = Breaker::new(&file);
    let pages: Vec<u32> = whole.tree_pages().into_iter().map(|p| p.0).collect();
    let started = Instant::now();
    for seed in 0..600u64 {
        let mut b = Breaker::new(&file);
        b.bytes.copy_from_slice(&whole.bytes);
        let r = |n: u64| mix(seed * 1000 + n);
        match seed % 4 {
            0 => {
                let page = pages[r(1) as usize % pages.len()];
                b.edit_page(page, |p| {
                    for n in 0..r(2) % 8 + 1 {
                        let at = 4 + r(10 + n) as usize % (p.len() - 4);
                        p[at] = r(50 + n) as u8;
                    }
                });
            }
            1 => {
                let slot = b.header().slot();
                b.edit_slot(slot, |p| {
                    let at = 64 + r(1) as usize % 240;
                    p[at] = r(2) as u8;
                });
            }
            2 if b.header().free_head != 0 => b.edit_free_page(|p| {
                let at = 16 + r(1) as usize % 100;
                p[at] = r(2) as u8;
            }),
            _ => b.edit_log(|frames| {
                let at = r(1) as usize % frames.len();
                let frame = &mut frames[at];
                let byte = r(2) as usize % frame.payload.len();
                frame.payload[byte] = r(3) as u8;
                frame.entry.op_count ^= (r(4) % 3) as u32;
            }),
        }
        let out = place();
        std::fs::write(&out.path, &b.bytes).unwrap();
        let _ = verify(&out.path, Depth::Deep);
    }
    assert!(started.elapsed() < Duration::from_secs(120));
}

#[test]
fn a_cycle_of_older_pages_ends() {
    // The older root names itself, with a right checksum nowhere: it must only end.
    let file = rich();
    let mut b = Breaker::new(&file);
    let root = b.older().root_page;
    let count = u16::from_le_bytes([b.page(root)[18], b.page(root)[19]]) as usize;
    for i in 0..count {
        let at = 4096 - 2 * (i + 1);
        let cell = u16::from_le_bytes([b.page(root)[at], b.page(root)[at + 1]]) as usize;
        b.page_mut(root)[cell..cell + 4].copy_from_slice(&root.to_le_bytes());
    }
    b.save();
    check(&file.path, Depth::Full);
}

#[test]
fn counts_that_would_need_much_memory_are_bounded_by_the_file() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.page_count = u32::MAX);
    b.save();
    let started = Instant::now();
    assert_eq!(check(&file.path, Depth::Deep).verdict, Verdict::Damaged);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn truncation_at_any_length_is_told() {
    let file = tiny();
    let b = Breaker::new(&file);
    let need = b.header().page_count as usize * b.page_size();
    for len in (0..need)
        .step_by(1777)
        .chain([512, 8192, 8704, 16384, need - 1])
    {
        std::fs::write(&file.path, &b.bytes[..len]).unwrap();
        match verify(&file.path, Depth::Full) {
            Ok(verdict) => assert!(verdict >= Verdict::Damaged, "{len}: {verdict:?}"),
            Err(e) => assert!(
                matches!(e, Error::NotADatabase { .. }) && len < 8704,
                "{len}: {e}"
            ),
        }
    }
}

#[test]
fn nothing_is_written_and_no_permission_is_needed() {
    let file = rich();
    let dir = file.path.parent().unwrap().to_owned();
    let before = (
        std::fs::read(&file.path).unwrap(),
        std::fs::metadata(&file.path).unwrap(),
    );
    std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(0o400)).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o500)).unwrap();
    for level in [Depth::Quick, Depth::Full, Depth::Deep] {
        assert_eq!(verify(&file.path, level).unwrap(), Verdict::Clean);
    }
    let after = std::fs::metadata(&file.path).unwrap();
    let names = std::fs::read_dir(&dir).unwrap().count();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(before.0 == std::fs::read(&file.path).unwrap());
    assert_eq!(
        (before.1.mtime_nsec(), before.1.len()),
        (after.mtime_nsec(), after.len())
    );
    assert_eq!(names, 1, "no other file was made");
}

#[test]
fn it_stops_when_asked_and_tells_how_far_it_is() {
    struct Stop(std::sync::atomic::AtomicU64);
    impl Progress for Stop {
        fn report(&self, done: u64, total: Option<u64>) {
            assert!(done <= total.unwrap());
            self.0.store(done, std::sync::atomic::Ordering::Relaxed);
        }
        fn stopped(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::Relaxed) > 100_000
        }
    }
    let file = rich();
    let stop = Stop(std::sync::atomic::AtomicU64::new(0));
    let result = creel::verify(&file.path, &VerifyOptions::default(), &stop);
    assert!(matches!(result, Err(Error::Interrupted)));
}

/// Every field of every structure at its largest and smallest value, behind a good checksum.
#[test]
fn extreme_fields_behind_good_checksums_never_panic() {
    let file = tiny();
    let whole = Breaker::new(&file);
    let out = place();
    let look = |b: &Breaker| {
        std::fs::write(&out.path, &b.bytes).unwrap();
        let _ = verify(&out.path, Depth::Deep);
        let _ = creel::OpenOptions::new().read_only(true).open(&out.path);
    };
    let again = || {
        let mut b = Breaker::new(&file);
        b.bytes.copy_from_slice(&whole.bytes);
        b
    };
    for fill in [0xffu8, 0] {
        for (at, width) in (12..292).step_by(4).flat_map(|at| [(at, 4), (at, 8)]) {
            let mut b = again();
            let slot = b.header().slot();
            b.edit_slot(slot, |bytes| bytes[at..at + width].fill(fill));
            look(&b);
        }
        for (at, width) in (8..72).step_by(4).flat_map(|at| [(at, 4), (at, 8)]) {
            let mut b = again();
            let start = b.active().1;
            let region = &mut b.bytes[start..start + 128];
            region[at..at + width].fill(fill);
            let sum = creel::format::checksum::crc(&region[..124]);
            region[124..].copy_from_slice(&sum.to_le_bytes());
            look(&b);
        }
        for page in whole.tree_pages().into_iter().take(3).map(|p| p.0) {
            for (at, width) in (8..80).flat_map(|at| [(at, 1), (at, 4), (at, 8)]) {
                let mut b = again();
                b.edit_page(page, |p| p[at..at + width].fill(fill));
                look(&b);
            }
        }
        for (at, width) in (8..72).flat_map(|at| [(at, 4), (at, 8)]) {
            let mut b = again();
            b.edit_free_page(|p| p[at..at + width].fill(fill));
            look(&b);
        }
    }
    for (index, epoch, synced, gen_) in [
        (u64::MAX, 0, 0, 0),
        (0, u32::MAX, 0, 0),
        (0, 0, u32::MAX, 0),
        (0, 0, 0, u32::MAX),
    ] {
        let mut b = again();
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            if index != 0 {
                last.entry.index = index;
            }
            last.entry.epoch = epoch;
            last.envelope.synced_units = synced;
            last.envelope.durable_gen = gen_;
        });
        look(&b);
    }
}
