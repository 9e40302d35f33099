//! Bytes that mean harm: no panic, no hang, no wild allocation.

use std::time::{Duration, Instant};

use creel::format::checksum::{crc, mix};
use creel::format::page::{PageKind, seal};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};
use creel::salvage::{Salvage, SalvageOptions};
use creel::{Error, NoProgress};

use crate::breaker::Breaker;
use crate::rng::Rng;
use crate::world::{World, puts, rich};

/// Goes through everything; only what must never happen is looked at.
fn run(bytes: &[u8]) -> Result<u64, Error> {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("d.db"), dir.path().join("n.db"));
    std::fs::write(&path, bytes).unwrap();
    let salvage = Salvage::survey(&path, &new, &SalvageOptions::default(), &NoProgress)?;
    if salvage.report().is_hopeless() {
        return Ok(0);
    }
    Ok(salvage.write(&new, false, &NoProgress)?.entries)
}

#[test]
fn random_bytes_end_quickly() {
    let started = Instant::now();
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let len = rng.below(300_000);
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
        if seed % 2 == 0 && len > 8 {
            bytes[..8].copy_from_slice(&creel::format::header::MAGIC);
        }
        assert!(matches!(
            run(&bytes),
            Ok(0) | Err(Error::NotADatabase { .. } | Error::Corrupt(_))
        ));
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

fn seal_slot(b: &mut Breaker, slot: usize) {
    let at = SLOT_OFFSETS[slot] as usize;
    let sum = crc(&b.bytes[at..at + SLOT_SIZE - 4]);
    b.bytes[at + SLOT_SIZE - 4..at + SLOT_SIZE].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn headers_that_lie_with_right_checksums() {
    let image = rich(4096);
    for seed in 0..150u64 {
        let mut b = Breaker::new(&image.bytes);
        let slot = (seed % 2) as usize;
        for n in 0..1 + seed % 3 {
            let at = SLOT_OFFSETS[slot] as usize + 12 + (mix(seed * 7 + n) % 280) as usize;
            b.bytes[at] = mix(seed * 31 + n) as u8;
        }
        seal_slot(&mut b, slot);
        let _ = run(&b.bytes);
    }
}

#[test]
fn pages_that_lie_with_right_checksums() {
    let image = rich(4096);
    let pages = Breaker::new(&image.bytes).tree_pages(&Breaker::new(&image.bytes).header());
    for seed in 0..150u64 {
        let mut b = Breaker::new(&image.bytes);
        let root = b.header().root_page;
        let (page, _) = pages[mix(seed) as usize % pages.len()];
        let page = if seed % 3 == 0 { root } else { page };
        let bytes = &mut b.bytes[page as usize * 4096..][..4096];
        for n in 0..1 + seed % 6 {
            let at = 16 + (mix(seed * 13 + n) % 4080) as usize;
            bytes[at] = mix(seed * 17 + n) as u8;
        }
        let sum = seal(bytes, PageKind::Leaf);
        if page == root {
            let mut header = b.header();
            header.root_crc = sum;
            let at = header.slot_offset() as usize;
            b.bytes[at..at + SLOT_SIZE].copy_from_slice(&header.encode());
        }
        let _ = run(&b.bytes);
    }
}

/// Every child of every branch is the same page: a walk that trusts this never ends.
#[test]
fn branches_that_lead_in_circles() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    for header in [b.header(), b.older()] {
        let (root, first) = (header.root_page, b.leaves(&header)[0]);
        let target = if header.generation % 2 == 0 {
            root
        } else {
            first
        };
        let page = root as usize * 4096;
        let count = u16::from_le_bytes([b.bytes[page + 18], b.bytes[page + 19]]) as usize;
        for i in 0..count {
            let at = page + 4096 - 2 * (i + 1);
            let cell = page + u16::from_le_bytes([b.bytes[at], b.bytes[at + 1]]) as usize;
            b.bytes[cell..cell + 4].copy_from_slice(&target.to_le_bytes());
        }
        let sum = seal(&mut b.bytes[page..page + 4096], PageKind::Branch);
        let mut header = header;
        header.root_crc = sum;
        let at = header.slot_offset() as usize;
        b.bytes[at..at + SLOT_SIZE].copy_from_slice(&header.encode());
    }
    let started = Instant::now();
    let _ = run(&b.bytes);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn counts_beyond_the_file_take_no_memory() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    let mut header = b.header();
    header.page_count = u32::MAX;
    header.regions[1].pages = u32::MAX - header.regions[1].start_page;
    header.regions[0].base_pages = u32::MAX;
    let at = header.slot_offset() as usize;
    b.bytes[at..at + SLOT_SIZE].copy_from_slice(&header.encode());
    let started = Instant::now();
    let _ = run(&b.bytes);
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A log full of headers that each claim the rest of the region as their payload.
#[test]
fn a_log_that_is_slow_to_read() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 50, 0));
    let image = world.close();
    let mut b = Breaker::new(&image.bytes);
    let (at, _, _) = b.frames()[0];
    let frame: Vec<u8> = b.bytes[at..at + 80].to_vec();
    let (_, start, _) = b.active();
    let end = start + (64 << 10);
    b.bytes[at + 100] ^= 1;
    for place in (at + 88..end - 200).step_by(88) {
        b.bytes[place..place + 80].copy_from_slice(&frame);
        let units = ((place - start) / 8) as u32;
        b.bytes[place + 4..place + 8].copy_from_slice(&units.to_le_bytes());
        let len = (end - place - 96) as u32;
        b.bytes[place + 32..place + 36].copy_from_slice(&len.to_le_bytes());
    }
    let started = Instant::now();
    let _ = run(&b.bytes);
    assert!(started.elapsed() < Duration::from_secs(20));
}
