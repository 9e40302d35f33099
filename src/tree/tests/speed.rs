//! Times per entry, on request:
//! `cargo test --release --lib tree::tests::speed -- --ignored --nocapture`

use std::time::Instant;

use super::super::*;
use super::mem::Rng;
use crate::format::key::FullKey;
use crate::format::leaf::StoredValue;
use crate::format::overflow::OverflowRef;

const COUNT: u64 = 1_000_000;

/// Pages in one buffer, read without checks, as a map whose pages were all checked.
struct Flat {
    bytes: Vec<u8>,
    next: u32,
}

impl PageRead for Flat {
    fn page_size(&self) -> usize {
        4096
    }
    fn page(&self, child: PageRef) -> crate::error::Result<&[u8]> {
        let at = child.page as usize * 4096;
        match self.bytes.get(at..at + 4096) {
            Some(page) => Ok(page),
            None => NoPages(4096).page(child).map(|_| &[][..]),
        }
    }
    fn value(&self, _: &OverflowRef) -> crate::error::Result<&[u8]> {
        Ok(&[])
    }
}

impl PageWrite for Flat {
    fn generation(&self) -> u64 {
        1
    }
    fn allocate(&mut self, pages: u32) -> crate::error::Result<u32> {
        self.next += pages;
        Ok(self.next - pages)
    }
    fn write(&mut self, first: u32, parts: &[&[u8]]) -> crate::error::Result<()> {
        let at = first as usize * 4096;
        if self.bytes.len() < at + 4096 {
            self.bytes.resize(at + 4096, 0);
        }
        self.bytes[at..at + 4096].copy_from_slice(parts[0]);
        Ok(())
    }
    fn free(&mut self, _: u32, _: u32) {}
}

fn key(i: u64) -> FullKey {
    FullKey::new(1, format!("user:{:019}", i * 7919).as_bytes())
}

fn per_entry(what: &str, count: u64, start: Instant) {
    let nanos = start.elapsed().as_nanos() as f64 / count as f64;
    println!("{what:>24} {nanos:8.1} ns");
}

#[test]
#[ignore = "a measurement"]
fn per_entry_times() {
    let keys: Vec<FullKey> = (0..COUNT).map(key).collect();
    let value = [7u8; 150];
    for _ in 0..2 {
        let mut flat = Flat {
            bytes: vec![1; 240 << 20], /* not zero: no page faults later */
            next: 4,
        };
        let none = NoPages(4096);
        let start = Instant::now();
        let mut build = Assembler::new(&none, &mut flat, Fill::Dense);
        for key in &keys {
            build.push_entry(key, NewValue::Raw(&value)).unwrap();
        }
        let (root, stats) = build.finish().unwrap();
        per_entry("build", COUNT, start);
        println!("height {} pages {}", root.height, stats.pages_written);
        measure(&flat, root, &keys);
        measure_fold(&flat, root, &keys);
    }
}

fn measure(flat: &Flat, root: Root, keys: &[FullKey]) {
    let mut rng = Rng(1);
    let picks: Vec<&FullKey> = (0..COUNT)
        .map(|_| &keys[rng.below(COUNT) as usize])
        .collect();
    let picks: Vec<FullKey> = picks.into_iter().cloned().collect();
    let start = Instant::now();
    let mut sum = 0;
    for pick in &picks {
        if let Some(StoredValue::Inline(v)) = get(flat, root, pick).unwrap() {
            sum += v.len() as u64;
        }
    }
    per_entry("get, random", COUNT, start);
    assert_eq!(sum, COUNT * 150);
    let mut cursor = TreeCursor::new();
    let start = Instant::now();
    cursor.seek(flat, root, None, Seek::AtOrAfter).unwrap();
    let mut sum = 0;
    while let Some(entry) = cursor.next(flat).unwrap() {
        sum += entry.value.len() + entry.suffix.len() as u64;
    }
    per_entry("scan forward", COUNT, start);
    let start = Instant::now();
    while let Some(entry) = cursor.prev(flat).unwrap() {
        sum -= entry.value.len() + entry.suffix.len() as u64;
    }
    per_entry("scan backward", COUNT, start);
    assert_eq!(sum, 0);
}

fn measure_fold(flat: &Flat, root: Root, keys: &[FullKey]) {
    for (what, step) in [
        ("fold 1 in 1000", 1000),
        ("fold 1 in 10", 10),
        ("fold all", 1),
    ] {
        let mut out = Flat {
            bytes: vec![1; 240 << 20], /* not zero: no page faults later */
            next: 4,
        };
        let changes = keys
            .iter()
            .step_by(step)
            .map(|k| Ok((&k[..], Change::Put(&[9; 150]))));
        let start = Instant::now();
        let source = IterChanges::new(changes).unwrap();
        let mode = FoldMode::Incremental;
        let (_, delta) = fold(flat, root, source, &[], &mut out, mode).unwrap();
        per_entry(what, COUNT / step as u64, start);
        assert_eq!(delta.entries, 0);
    }
}
