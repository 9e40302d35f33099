//! Random files, random damage. A failure prints the line that runs it again.

use creel::Error;
use creel::salvage::SalvageOptions;

use crate::breaker::Breaker;
use crate::oracle::try_save;
use crate::rng::Rng;
use crate::world::{Image, random};

const FILES: u64 = 12;
const DAMAGES: u64 = 30;

/// Does one bad thing.
fn damage(image: &Image, bytes: &mut Vec<u8>, rng: &mut Rng) {
    let size = Breaker::new(&image.bytes).page_size();
    let pages = bytes.len() / size;
    let at = rng.below(pages) * size;
    match rng.below(12) {
        0 => bytes[at..at + size].fill(0),
        1 => {
            let len = 512.min(size);
            let from = at + rng.below(size / len) * len;
            bytes[from..from + len]
                .iter_mut()
                .for_each(|b| *b = rng.next() as u8);
        }
        2 => {
            let bit = rng.below(bytes.len());
            bytes[bit] ^= 1 << rng.below(8);
        }
        3 => {
            let len = (size * (1 + rng.below(20))).min(bytes.len() - at);
            bytes[at..at + len].fill(0xa5);
        }
        4 => {
            let other = rng.below(pages) * size;
            let (a, b) = (
                bytes[at..at + size].to_vec(),
                bytes[other..other + size].to_vec(),
            );
            bytes[at..at + size].copy_from_slice(&b);
            bytes[other..other + size].copy_from_slice(&a);
        }
        5 => {
            let keep = bytes.len() / 4 + rng.below(bytes.len() * 3 / 4);
            bytes.truncate(keep);
        }
        6 | 7 => {
            let slot = [0, 8192][rng.below(2)];
            bytes[slot + rng.below(300)] ^= 0x21;
        }
        8 if !image.older.is_empty() => {
            // A write that was lost: the page as it was before.
            let older = &image.older[rng.below(image.older.len())];
            let end = (at + size).min(older.len()).min(bytes.len());
            if at < end {
                bytes[at..end].copy_from_slice(&older[at..end]);
            }
        }
        _ => {
            // A page of the tree, where the others mostly hit free ones.
            let b = Breaker::new(&image.bytes);
            let header = b.header();
            if header.root_page != 0 {
                let all = b.tree_pages(&header);
                let page = all[rng.below(all.len())].0 as usize * size;
                let end = (page + size).min(bytes.len());
                bytes.get_mut(page..end).unwrap_or_default().fill(0x5b);
            }
        }
    }
}

fn one(seed: u64, choice: u64) -> &'static str {
    println!("CREEL_SALVAGE='seed={seed},choice={choice}'");
    let image = random(seed);
    one_of(&image, seed, choice)
}

fn one_of(image: &Image, seed: u64, choice: u64) -> &'static str {
    let mut rng = Rng::new(seed << 32 | choice);
    let mut bytes = image.bytes.clone();
    for _ in 0..1 + rng.below(3) {
        damage(image, &mut bytes, &mut rng);
    }
    let options = SalvageOptions {
        scrape: !rng.chance(20),
        prefer_newest: rng.chance(20),
        sort_memory: if rng.chance(30) { 5_000 } else { 1 << 20 },
        ..SalvageOptions::default()
    };
    match try_save(image, &bytes, &options) {
        Ok(Some(saved)) if saved.report.complete => saved.step(),
        Ok(Some(saved)) => match saved.step() {
            "scrape" => "scrape, lossy",
            "root" => "root, lossy",
            "log" => "log, lossy",
            "reachable" => "reachable, lossy",
            _ => "lossy",
        },
        Ok(None) | Err(Error::NotADatabase { .. }) => "hopeless",
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn random_damage_keeps_the_promises() {
    if let Ok(line) = std::env::var("CREEL_SALVAGE") {
        let number = |name: &str| -> u64 {
            let part = line.split(',').find_map(|p| p.strip_prefix(name)).unwrap();
            part.parse().unwrap()
        };
        one(number("seed="), number("choice="));
        return;
    }
    let more: u64 = std::env::var("CREEL_SALVAGE_STATES").map_or(1, |n| n.parse().unwrap());
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..FILES * more {
        let image = random(seed);
        for choice in 0..DAMAGES {
            println!("CREEL_SALVAGE='seed={seed},choice={choice}'");
            *counts.entry(one_of(&image, seed, choice)).or_insert(0u32) += 1;
        }
    }
    println!("{counts:?}");
    // Every step of the ladder was taken.
    for step in [
        "copy",
        "previous",
        "scrape, lossy",
        "log, lossy",
        "reachable, lossy",
    ] {
        assert!(counts.contains_key(step), "no {step} in {counts:?}");
    }
}
