//! Corpus and changes of it, through every target.

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::Instant;

use super::allocator::bounded;
use super::entry::TARGETS;
use super::mutate::{Rng, mutated};
use super::watchdog::Watchdog;

fn runs() -> usize {
    let runs = std::env::var("CREEL_FUZZ_RUNS");
    runs.map_or(1500, |text| {
        text.parse().expect("CREEL_FUZZ_RUNS is a number")
    })
}

pub fn folder(target: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("fuzz/corpus").join(target)
}

/// The files of a target, in the order of their names.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = folder(target);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Input number `n` of a target: first those of the corpus, then changed ones.
fn input(corpus: &[Vec<u8>], target: &str, n: usize) -> Vec<u8> {
    match corpus.get(n) {
        Some(bytes) => bytes.clone(),
        None => {
            let seed = target
                .bytes()
                .fold(n as u64, |s, b| s.rotate_left(7) ^ u64::from(b));
            mutated(corpus, &mut Rng::new(seed))
        }
    }
}

#[test]
fn every_target_bears_its_corpus_and_changes_of_it() {
    let only = std::env::var("CREEL_FUZZ").ok();
    let only = only.as_deref().map(|text| {
        let (target, n) = text.split_once(':').expect("CREEL_FUZZ is target:number");
        (target.to_owned(), n.parse::<usize>().expect("a number"))
    });
    let dog = Watchdog::new();
    for (name, target) in TARGETS {
        if only.as_ref().is_some_and(|(wanted, _)| wanted != name) {
            continue;
        }
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name} has a corpus");
        let started = Instant::now();
        let (from, to) = match &only {
            Some((_, n)) => (*n, n + 1),
            None => (0, corpus.len() + runs()),
        };
        let mut most = 0;
        for n in from..to {
            let bytes = input(&corpus, name, n);
            dog.next(format!("{name}:{n}"));
            match catch_unwind(|| bounded(*target, &bytes)) {
                Err(_) => panic!("a panic: CREEL_FUZZ={name}:{n} ({} bytes)", bytes.len()),
                Ok(Err(peak)) => panic!("{peak} bytes of memory: CREEL_FUZZ={name}:{n}"),
                Ok(Ok(peak)) => most = most.max(peak),
            }
        }
        dog.next(String::new());
        println!(
            "fuzz {name:<8} {:>7} inputs {:>4} KiB at most {:>6.2} s",
            to - from,
            most >> 10,
            started.elapsed().as_secs_f64()
        );
    }
}
