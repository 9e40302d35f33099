//! A workload on a logged device; the power fails after any entry of the log, with some of what
//! was not flushed.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::kept::{self, Case};
use super::log::{self, DISCARD, Entry, FLUSH, FUA};
use super::machine::{Device, KINDS, Kind, Mounted, has_program, missing, run};
use super::skip::skipped;

/// splitmix64.
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is done: the first step makes the file.
pub fn steps() -> Vec<String> {
    let mut steps = vec!["open {db} --create --wal-size 64KiB".to_owned()];
    for i in 0..10 {
        steps.push(format!(
            "put {{db}} key{i:03} 'value {i} {}'",
            "x".repeat(i * 60)
        ));
    }
    steps.push("checkpoint {db}".into());
    for i in 0..6 {
        steps.push(format!("put {{db}} more{i:03} '{}'", "y".repeat(900 * i)));
    }
    steps.push("delete {db} --prefix key00 --yes".into());
    steps.push("checkpoint {db}".into());
    for i in 0..4 {
        steps.push(format!("put {{db}} large{i} '{}'", "z".repeat(30_000)));
    }
    steps.push("delete {db} large1 large2".into());
    steps.push("compact {db}".into());
    steps.push("put {db} last 1".into());
    steps
}

/// The digest, or that there is no such file.
fn digest(db: &Path) -> Result<Option<String>, String> {
    if !db.exists() {
        return Ok(None);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("digest")
        .arg(db)
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    Ok(Some(text.split(' ').next().unwrap().to_owned()))
}

/// The digest after each step.
pub fn expected(steps: &[String]) -> Vec<Option<String>> {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("test.db");
    let run = |step: &String| {
        let line = step.replace("{db}", db.to_str().unwrap());
        let command = format!("{} {line}", env!("CARGO_BIN_EXE_creel"));
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{step}: {output:?}");
        digest(&db).unwrap()
    };
    steps.iter().map(run).collect()
}

/// The database on a mounted image is as after the step `acked`, or the one that had begun.
pub fn judge(
    db: &Path,
    expected: &[Option<String>],
    acked: Option<usize>,
    begun: Option<usize>,
) -> Result<(), String> {
    let found = digest(db)?;
    let before = acked.and_then(|n| expected[n].clone());
    let after = begun.and_then(|n| expected[n].clone());
    if found != before && found != after {
        return Err(format!("neither step {acked:?} nor step {begun:?}"));
    }
    if found.is_some() {
        let status = Command::new(env!("CARGO_BIN_EXE_creel"))
            .args(["verify", "-qq", "--level", "deep"])
            .arg(db)
            .status()
            .unwrap();
        if !status.success() {
            return Err(format!("verify: {status}"));
        }
        let status = Command::new(env!("CARGO_BIN_EXE_creel"))
            .args(["put", "-qq"])
            .arg(db)
            .args(["~after", "1"])
            .status()
            .unwrap();
        if !status.success() {
            return Err(format!("put: {status}"));
        }
    }
    Ok(())
}

/// The number in the last mark of this name before an entry.
fn last(entries: &[Entry], name: &str) -> Option<usize> {
    let marks = entries.iter().rev().filter_map(|e| e.mark.as_deref());
    marks
        .filter_map(|m| m.strip_prefix(name)?.strip_prefix(':'))
        .find_map(|n| n.parse().ok())
}

fn images() -> usize {
    let text = std::env::var("CREEL_POWER_IMAGES");
    text.map_or(120, |text| text.parse().expect("a number of images"))
}

/// The log of a run, and what the steps before a cut have left on the medium.
struct Logged<'a> {
    kind: &'a Kind,
    expected: &'a [Option<String>],
    path: &'a Path,
    log: File,
    entries: Vec<Entry>,
    /// The first entry that is the program's.
    begin: usize,
    /// Where images are made.
    room: &'a Path,
    /// Everything up to this entry is in `base.img`.
    flushed: usize,
}

impl<'a> Logged<'a> {
    fn new(kind: &'a Kind, expected: &'a [Option<String>], path: &'a Path, room: &'a Path) -> Self {
        let entries = log::read(path);
        let mounted = entries
            .iter()
            .position(|e| e.mark.as_deref() == Some("mounted"));
        let begin = mounted.expect("a mark") + 1;
        let log = File::open(path).unwrap();
        let base = File::create(room.join("base.img")).unwrap();
        base.set_len(kind.bytes()).unwrap();
        entries[..begin]
            .iter()
            .for_each(|e| log::apply(e, &log, &base));
        Logged {
            kind,
            expected,
            path,
            log,
            entries,
            begin,
            room,
            flushed: begin,
        }
    }

    /// Brings what was flushed right before this cut to the medium. Cuts come in order.
    fn reach(&mut self, cut: usize) {
        if cut > self.begin && self.entries[cut - 1].flags & (FLUSH | FUA) != 0 {
            let base = File::options().write(true).open(self.room.join("base.img"));
            let base = base.unwrap();
            self.entries[self.flushed..cut]
                .iter()
                .for_each(|e| log::apply(e, &self.log, &base));
            self.flushed = cut;
        }
    }

    /// All of what came since the last flush (0), or a subset of it.
    fn judge(&self, cut: usize, choice: u64) -> Result<(), String> {
        let before = &self.entries[..cut];
        let (acked, begun) = (last(before, "ack"), last(before, "begin"));
        let tried = self.room.join("tried.img");
        kept::copy_sparse(&self.room.join("base.img"), &tried);
        let file = File::options().write(true).open(&tried).unwrap();
        for (i, entry) in self.entries[self.flushed..cut].iter().enumerate() {
            let kept = choice == 0 || mix(cut as u64 ^ choice << 40 ^ mix(i as u64)) & 1 == 1;
            if kept && entry.flags & DISCARD == 0 {
                log::apply(entry, &self.log, &file);
            }
        }
        drop(file);
        let place = self.room.join("mnt");
        match Mounted::new(self.kind, &tried, &place) {
            None => Err("the file system does not mount".to_owned()),
            Some(_mounted) => judge(&place.join("test.db"), self.expected, acked, begun),
        }
    }
}

fn cuts(kind: &Kind) -> (usize, Vec<String>) {
    let steps = steps();
    let expected = expected(&steps);
    let done = run(kind, &steps, &Device::Logged);
    assert_eq!(done.done, steps.len(), "{}", done.said);
    let path = done.log();
    let mut logged = Logged::new(kind, &expected, &path, done.dir.path());
    let (begin, end) = (logged.begin, logged.entries.len());
    let every = ((end - begin) / images().max(1)).max(1);
    let (mut images, mut wrong) = (0, Vec::new());
    for cut in begin..=end {
        logged.reach(cut);
        if !(cut - begin).is_multiple_of(every) && cut != end {
            continue;
        }
        for choice in 0..3u64 {
            images += 1;
            if let Err(text) = logged.judge(cut, choice) {
                wrong.push((cut, choice, text));
            }
        }
    }
    if wrong.is_empty() {
        return (images, Vec::new());
    }
    let log = kept::keep(kind, logged.path);
    let told = wrong.into_iter().map(|(cut, choice, text)| {
        let log = log.clone();
        let line = Case::Cut { log, cut, choice }.line(kind);
        format!("{line}\n    {}: {text}", kind.name)
    });
    (images, told.collect())
}

/// One image of a log that was kept.
fn again(kind: &Kind, log: &Path, cut: usize, choice: u64) {
    let room = tempfile::tempdir().unwrap();
    let expected = expected(&steps());
    let mut logged = Logged::new(kind, &expected, log, room.path());
    (logged.begin..=cut).for_each(|cut| logged.reach(cut));
    logged.judge(cut, choice).unwrap();
    println!("nothing is wrong with this image");
}

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn power_cuts_at_every_write_of_a_real_file_system() {
    if let Some((kind, case)) = Case::from_environment() {
        if let Case::Cut { log, cut, choice } = case {
            again(kind, &log, cut, choice);
        }
        return;
    }
    if let Some(why) = missing() {
        skipped("uml", &why);
        return;
    }
    let mut all = Vec::new();
    for kind in KINDS {
        if !has_program(kind.program) {
            skipped("uml", &format!("{} needs {}", kind.name, kind.program));
            continue;
        }
        let started = Instant::now();
        let (images, wrong) = cuts(kind);
        println!(
            "power {:<15} {images:>6} images {:>3} violations {:>7.2} s",
            kind.name,
            wrong.len(),
            started.elapsed().as_secs_f64()
        );
        all.extend(wrong);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
