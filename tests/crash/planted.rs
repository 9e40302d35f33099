//! Mistakes made on purpose, one after the other: each must be noticed by the test that is there
//! for it, with no more work than that test does in CI. Without a mistake nothing is noticed.
//!
//! `cargo test --features planted-defects --test crash -- --ignored planted --nocapture`

use std::process::Command;
use std::time::Instant;

use creel::defect::{Defect, plant};

use super::campaign::{Budget, guarded, spend};
use super::verdict::{self, Damage, Steps, Subject};
use super::workloads::named;
use super::{callers, damage, faults, refusals};

/// A test, made as small as it still has to find what it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harness {
    /// The campaign on one workload: states, and crashes of recoveries.
    Campaign(&'static str, usize, usize),
    /// Every call of a workload fails.
    Faults(&'static str),
    /// A look at the medium after a failed sync.
    Medium,
    /// Damaged log bytes, in one region or in two.
    LogDamage(bool),
    /// Every so many damaged bytes, and all that is done to pages.
    Verdict(u64),
    /// Threads that share a write.
    Callers,
    /// What a handle must refuse.
    Refusals,
    /// Pages and marks that are not what they should be, given to their decoders.
    Decoders,
    /// The program, with an export that is not whole.
    Import,
}

use Defect as D;
use Harness::{Callers, Campaign, Decoders, Faults, Import, LogDamage, Medium, Refusals, Verdict};

const PLANTED: &[(Defect, Harness)] = &[
    (D::NoSalt, Campaign("switch", 4000, 0)),
    (D::HeaderBeforeSync, Campaign("checkpoints", 4000, 0)),
    (D::OneHeaderSlot, Campaign("checkpoints", 4000, 0)),
    (D::SyncRetried, Faults("singles")),
    (D::RecoveryInPlace, Campaign("singles", 4000, 4000)),
    (D::PrefixTailRule, LogDamage(false)),
    (D::NoParentCrc, Verdict(997)),
    (D::PinIgnored, Campaign("held-snapshots", 2000, 0)),
    (D::ReuseTooEarly, Campaign("checkpoints", 20_000, 0)),
    (D::PositionOutside, Campaign("resumed-import", 4000, 0)),
    (D::TrailerUnchecked, Import),
    (D::DigestUnchecked, Import),
    (D::GrowthUnsynced, Campaign("growth", 6000, 0)),
    (D::PageIdUnchecked, Decoders),
    (D::PageCrcUnchecked, Verdict(97)),
    (D::ValueCrcUnchecked, Verdict(97)),
    (D::MarkBeforeSync, Campaign("singles", 6000, 0)),
    (D::TornMarkBelieved, Decoders),
    (D::SwitchUnproven, Campaign("normal", 6000, 0)),
    (D::DenseDropsTail, Campaign("dense", 2000, 0)),
    (D::CheckpointClearsActive, Campaign("own-commits", 2000, 0)),
    (D::StaleFrameAccepted, Campaign("stale-frames", 6000, 0)),
    (D::EpochUnchecked, Refusals),
    (D::ReplacedUnnoticed, Refusals),
    (D::WriterLockIgnored, Refusals),
    (D::DirectoryUnsynced, Campaign("create", 2000, 0)),
    (D::RenameBeforeSync, Campaign("create", 4000, 0)),
    (D::NamedUnsynced, Campaign("create", 4000, 0)),
    (D::FreeListLeak, Campaign("checkpoints", 2000, 0)),
    (D::ConditionsTooEarly, Campaign("conditions", 2000, 0)),
    (D::GroupResultsMixed, Callers),
    (D::BatchPartlyVisible, Campaign("pairs", 2000, 0)),
    (D::VerifySkipsValues, Verdict(97)),
    (D::BackupUnpinned, Campaign("backups", 2000, 0)),
    (D::RestsKept, Campaign("rests", 4000, 4000)),
    (D::SyncSkipped, Campaign("singles", 2000, 0)),
    (D::PoisonIgnored, Faults("singles")),
    (D::AbsenceAssumed, Faults("singles")),
    (D::DoubtKept, Medium),
    (D::HeaderUnproven, Faults("header-only")),
    (D::BulkWithoutHeader, Campaign("bulk", 4000, 0)),
    (D::LossUnnoticed, Faults("own-commits")),
    (D::OrphansIgnored, LogDamage(true)),
];

/// Mistakes between threads: `tests/threads/planted.rs` finds them.
const OF_THREADS: &[Defect] = &[D::HandOverForgotten, D::IndexBeforeTable, D::SnapshotApart];

impl Harness {
    /// What it finds wrong, if anything.
    fn run(self) -> Option<String> {
        match self {
            Campaign(workload, states, recoveries) => {
                let tally = spend(named(workload), Budget::new(states, recoveries));
                let found = tally.violations.into_inner().unwrap();
                let first = found.into_iter().next();
                first.map(|(place, text)| format!("{}: {text}", place.line()))
            }
            Faults(workload) => faults::first_wrong(named(workload)),
            Medium => guarded(faults::medium_is_read).err(),
            LogDamage(two) => damage::first_wrong(two),
            Verdict(step) => broken(step),
            Callers => guarded(callers::all).err(),
            Refusals => [
                refusals::older_epoch,
                refusals::replaced_file,
                refusals::second_writer,
            ]
            .into_iter()
            .find_map(|refusal| guarded(refusal).err()),
            Decoders => decoders(),
            Import => import(),
        }
    }
}

fn broken(step: u64) -> Option<String> {
    let subject = guarded(|| Ok(Subject::everything()));
    let subject = match subject {
        Ok(subject) => subject,
        Err(text) => return Some(text),
    };
    let steps = Steps {
        bytes: step,
        slack: 9973,
        lengths: 9973,
    };
    let mut damages = verdict::all(&subject, steps);
    damages.retain(|damage| !matches!(damage, Damage::Copied { .. }));
    let tally = verdict::Tally::default();
    verdict::run(&subject, &damages, &tally);
    tally.wrong.into_inner().unwrap().into_iter().next()
}

/// Every page of a file in the place of another, every byte of a mark changed.
fn decoders() -> Option<String> {
    use creel::format::mark::{MARK_SIZE, Mark};
    use creel::format::page::check_page;
    let subject = Subject::everything();
    for (id, page) in (0u32..).zip(subject.bytes.chunks(4096)) {
        if check_page(page, id).is_ok() && check_page(page, id + 1).is_ok() {
            return Some(format!("page {id} passes for page {}", id + 1));
        }
    }
    let mark = Mark {
        own_units: 900,
        prev_crc: 77,
    };
    let whole = mark.encode(5);
    (0..MARK_SIZE).find_map(|at| {
        let mut torn = whole;
        torn[at] ^= 1;
        let believed = Mark::decode(&torn, 5).is_some();
        believed.then(|| format!("a mark with another byte {at} is believed"))
    })
}

/// `creel import` of an export without its end, and of one whose records were changed.
fn import() -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let creel = |args: &[&str], defect: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
        command.args(args).current_dir(dir.path());
        command.env_remove("CREEL_DEFECT");
        if let Some(planted) = present().filter(|_| defect) {
            command.env("CREEL_DEFECT", planted.name());
        }
        command.output().unwrap().status.code()
    };
    assert_eq!(creel(&["open", "a.db", "--create"], false), Some(0));
    for key in ["a", "b", "c"] {
        assert_eq!(creel(&["put", "a.db", key, "value"], false), Some(0));
    }
    let export = ["export", "a.db", "--enc", "utf8", "-o", "a.jsonl"];
    assert_eq!(creel(&export, false), Some(0));
    let text = std::fs::read_to_string(dir.path().join("a.jsonl")).unwrap();
    let last = text.trim_end().rfind('\n').unwrap();
    let cut = &text[..last + 1];
    let changed = text.replacen("value", "eulav", 1);
    for (name, text) in [("cut", cut), ("changed", &changed)] {
        let file = format!("{name}.jsonl");
        std::fs::write(dir.path().join(&file), text).unwrap();
        let new = format!("{name}.db");
        let status = creel(&["import", &new, &file, "--create"], true);
        if status != Some(9) {
            return Some(format!("an export that was {name} is imported: {status:?}"));
        }
    }
    None
}

fn present() -> Option<Defect> {
    let planted = |d: &&Defect| creel::defect::planted(**d);
    Defect::ALL.iter().find(planted).copied()
}

/// Which is told to look only at some: `CREEL_PLANTED=name,name`.
fn wanted(defect: Defect) -> bool {
    match std::env::var("CREEL_PLANTED") {
        Ok(names) => names.split(',').any(|name| name == defect.name()),
        Err(_) => true,
    }
}

#[test]
#[ignore = "makes mistakes in everything else that runs in this process: run it alone"]
fn every_planted_defect_is_caught() {
    let all: Vec<Defect> = PLANTED.iter().map(|(defect, _)| *defect).collect();
    assert_eq!(all, in_order(&all), "each defect has a harness");
    // No mistake, nothing found.
    plant(None);
    let mut harnesses: Vec<Harness> = Vec::new();
    for (defect, harness) in PLANTED {
        if wanted(*defect) && !harnesses.contains(harness) {
            harnesses.push(*harness);
        }
    }
    for harness in &harnesses {
        assert_eq!(harness.run(), None, "{harness:?} without a defect");
    }
    let (mut planted, mut missed) = (0, Vec::new());
    // Mistakes end in panics as often as not; what they say is told below.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for (defect, harness) in PLANTED.iter().filter(|(defect, _)| wanted(*defect)) {
        let started = Instant::now();
        plant(Some(*defect));
        let found = guarded(|| Ok(harness.run())).unwrap_or_else(Some);
        plant(None);
        planted += 1;
        println!(
            "{:<26} {:<36} {:>6.2} s  {}",
            defect.name(),
            format!("{harness:?}"),
            started.elapsed().as_secs_f64(),
            found
                .as_deref()
                .unwrap_or("NOT CAUGHT")
                .lines()
                .next()
                .unwrap_or("")
        );
        if found.is_none() {
            missed.push(defect.name());
        }
    }
    std::panic::set_hook(hook);
    println!("planted {planted} caught {}", planted - missed.len());
    assert!(missed.is_empty(), "not caught: {}", missed.join(", "));
}

/// The defects in the order in which they are declared, as many as are given.
fn in_order(given: &[Defect]) -> Vec<Defect> {
    let mut all = Defect::ALL.to_vec();
    all.retain(|defect| !OF_THREADS.contains(defect));
    all.sort_by_key(|defect| given.iter().position(|d| d == defect));
    all
}
