//! A workload on a logged device; the power fails after any entry of the log, with some of what
//! was not flushed.
//!
//! A flush makes durable what ended before it, and not the bytes that come with it; what has FUA is
//! durable by itself, and nothing else is by that.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use super::kept::{self, Case};
use super::log::{self, Entry, FLUSH, FUA};
use super::machine::{Device, Kind, Mounted, has_program, kinds, missing, run};
use super::skip::skipped;
use super::work::{Expected, Work, judge, works};

/// What ends before this is the file system's superblock.
const SUPERBLOCK: u64 = 4096;

/// splitmix64.
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
    work: &'a Work,
    expected: &'a Expected,
    path: &'a Path,
    log: File,
    entries: Vec<Entry>,
    /// The first entry that is the program's.
    begin: usize,
    /// Where images are made.
    room: &'a Path,
    /// Everything before this entry is in `base.img`.
    flushed: usize,
}

impl<'a> Logged<'a> {
    fn new(
        kind: &'a Kind,
        (work, expected): (&'a Work, &'a Expected),
        path: &'a Path,
        room: &'a Path,
    ) -> Self {
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
            work,
            expected,
            path,
            log,
            entries,
            begin,
            room,
            flushed: begin,
        }
    }

    /// Brings to the medium what was flushed by the entry right before this cut. Cuts come in order.
    fn reach(&mut self, cut: usize) {
        let Some(before) = cut.checked_sub(1).filter(|n| *n >= self.begin) else {
            return;
        };
        if self.entries[before].flags & FLUSH != 0 {
            let base = File::options().write(true).open(self.room.join("base.img"));
            let base = base.unwrap();
            self.entries[self.flushed..before]
                .iter()
                .for_each(|e| log::apply(e, &self.log, &base));
            self.flushed = before;
        }
    }

    /// What was not flushed: all of it (choice 0), nothing (1), single writes (2), single sectors (3).
    /// What has FUA is there in any case.
    fn judge(&self, cut: usize, choice: u64) -> Result<(), String> {
        let before = &self.entries[..cut];
        let (acked, begun) = (last(before, "ack"), last(before, "begin"));
        let tried = self.room.join("tried.img");
        kept::copy_sparse(&self.room.join("base.img"), &tried);
        let file = File::options().write(true).open(&tried).unwrap();
        for (i, entry) in self.entries[self.flushed..cut].iter().enumerate() {
            let seed = mix(cut as u64 ^ choice << 40 ^ mix(i as u64));
            let wanted = |sector: u64| match choice {
                _ if entry.flags & FUA != 0 => true,
                0 => true,
                1 => false,
                2 => seed & 1 == 1,
                // ext4 takes its superblock for one write, and does not mount one that is torn.
                _ if entry.at < SUPERBLOCK => seed & 1 == 1,
                _ => mix(seed ^ sector) & 1 == 1,
            };
            log::apply_sectors(entry, &self.log, &file, &wanted);
        }
        drop(file);
        let place = self.room.join("mnt");
        match Mounted::new(self.kind, &tried, &place) {
            None => Err("the file system does not mount".to_owned()),
            Some(_mounted) => judge(&place, self.work, self.expected, acked, begun),
        }
    }
}

/// How many images of the logs of one workload were looked at, and what was wrong.
fn cuts(kind: &Kind, work: &Work, wanted: usize) -> (usize, Vec<String>) {
    let expected = Expected::new(work);
    let done = run(kind, &work.steps, &Device::Logged);
    assert_eq!(done.done, work.steps.len(), "{}", done.said);
    let path = done.log();
    let mut logged = Logged::new(kind, (work, &expected), &path, done.dir.path());
    let (begin, end) = (logged.begin, logged.entries.len());
    let every = ((end - begin) / wanted.max(1)).max(1);
    let (mut images, mut wrong) = (0, Vec::new());
    for cut in begin..=end {
        logged.reach(cut);
        if !(cut - begin).is_multiple_of(every) && cut != end {
            continue;
        }
        for choice in 0..4u64 {
            images += 1;
            if let Err(text) = logged.judge(cut, choice) {
                wrong.push((cut, choice, text));
            }
        }
    }
    if wrong.is_empty() {
        return (images, Vec::new());
    }
    let log = kept::keep(kind, work.name, logged.path);
    let told = wrong.into_iter().map(|(cut, choice, text)| {
        let case = Case::Cut {
            work: work.name.to_owned(),
            log: log.clone(),
            cut,
            choice,
        };
        format!("{}\n    {}: {text}", case.line(kind), kind.name)
    });
    (images, told.collect())
}

/// One image of a log that was kept.
fn again(kind: &Kind, name: &str, log: &Path, cut: usize, choice: u64) {
    let room = tempfile::tempdir().unwrap();
    let works = works();
    let work = works.iter().find(|work| work.name == name).unwrap();
    let expected = Expected::new(work);
    let mut logged = Logged::new(kind, (work, &expected), log, room.path());
    (logged.begin..=cut).for_each(|cut| logged.reach(cut));
    logged.judge(cut, choice).unwrap();
    println!("nothing is wrong with this image");
}

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn power_cuts_at_every_write_of_a_real_file_system() {
    if let Some((kind, case)) = Case::from_environment() {
        if let Case::Cut {
            work,
            log,
            cut,
            choice,
        } = case
        {
            again(kind, &work, &log, cut, choice);
        }
        return;
    }
    if let Some(why) = missing() {
        skipped("uml", &why);
        return;
    }
    let (works, mut all) = (works(), Vec::new());
    for kind in kinds() {
        if !has_program(kind.program) {
            skipped("uml", &format!("{} needs {}", kind.name, kind.program));
            continue;
        }
        for work in &works {
            let started = Instant::now();
            let (images, wrong) = cuts(kind, work, images() / works.len());
            println!(
                "power {:<15} {:<8} {images:>6} images {:>3} violations {:>7.2} s",
                kind.name,
                work.name,
                wrong.len(),
                started.elapsed().as_secs_f64()
            );
            all.extend(wrong);
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
